//! Which of his conversations a visitor is in.
//!
//! Who writes to us is anonymous so far, and a dialogue with him ends when it is
//! resolved: what he writes afterwards begins a new one. A line that he wrote while
//! one was open still belongs to it, though an agent has resolved it at the same
//! moment: that opens it again. An agent may reopen an earlier one, too, so several
//! can be open. Then each line goes where it was written, and one that does not say
//! where goes to the newest of them.

mod sql;

use super::{Conversation, Message, PAGE, find_by_key};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::kernel::{Actor, ConversationKey, Seq, VisitorId};

/// Conversations on one page of history: each costs a question.
const TALKS: usize = 20;
/// Earlier conversations that are listed, and looked at for what was missed.
const EARLIER: usize = 10;

/// Where something belongs that says nothing of it: the newest that is open, or
/// else the newest.
pub fn current(r: &Reader, visitor: VisitorId) -> Result<Option<Conversation>> {
    match sql::find_open(r, visitor)? {
        Some(open) => Ok(Some(open)),
        None => sql::find_newest(r, visitor),
    }
}

/// The one that is named, or else the current one.
pub fn named(
    r: &Reader,
    visitor: VisitorId,
    key: Option<&ConversationKey>,
) -> Result<Option<Conversation>> {
    match key {
        Some(key) => find_by_key(r, Actor::Visitor(visitor), key).map(Some),
        None => current(r, visitor),
    }
}

/// Where a new line goes; none where it begins a conversation.
pub(super) fn choose(
    r: &Reader,
    visitor: VisitorId,
    named: Option<&ConversationKey>,
) -> Result<Option<Conversation>> {
    let Some(key) = named else {
        return sql::find_open(r, visitor);
    };
    match find_by_key(r, Actor::Visitor(visitor), key) {
        Ok(found) => Ok(Some(found)),
        // Of another visitor, or of a time before a copy was restored. What he wrote
        // is not lost for that.
        Err(Error::NotFound(_)) => sql::find_open(r, visitor),
        Err(error) => Err(error),
    }
}

/// Where a page of history begins: at the newest line, unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// From this conversation on, and then those before it.
    pub conversation: Option<ConversationKey>,
    /// In that one; where none is named, in all.
    pub before: Option<Seq>,
}

/// A page of what a visitor sees, across his conversations.
#[derive(Default)]
pub struct History {
    /// Oldest first within a conversation, and the newest conversation last.
    pub lines: Vec<Message>,
    /// Those they are of, the newest first.
    pub talks: Vec<Conversation>,
    /// Where it goes on.
    pub older: Option<Place>,
}

pub fn history(r: &Reader, visitor: VisitorId, place: Place) -> Result<History> {
    let mut history = History::default();
    let mut next = match &place.conversation {
        Some(key) => Some(find_by_key(r, Actor::Visitor(visitor), key)?),
        None => sql::find_newest(r, visitor)?,
    };
    let mut before = place.before;
    while let Some(talk) = next {
        let room = PAGE - history.lines.len();
        let mut lines = super::sql::list_messages(r, talk.id, before, room + 1, true)?;
        let is_cut = room < lines.len();
        lines.truncate(room);
        lines.reverse();
        if is_cut || history.talks.len() == TALKS {
            history.older = Some(Place {
                before: lines.first().map(|it| it.id),
                conversation: Some(talk.key.clone()),
            });
        }
        lines.append(&mut history.lines);
        history.lines = lines;
        next = match history.older {
            Some(_) => None,
            None => sql::list_before(r, visitor, talk.id, 1)?.pop(),
        };
        history.talks.push(talk);
        if place.conversation.is_some() {
            before = None;
        }
    }
    Ok(history)
}

/// Whether news of this conversation alone would not be all that happened since.
pub fn missed_elsewhere(r: &Reader, talk: &Conversation, after: Seq) -> Result<bool> {
    sql::exists_line_elsewhere(r, talk.visitor, talk.id, after, EARLIER)
}

/// Of the last few before it, those in which he has not seen everything up to a
/// line: most often none.
pub fn list_unseen_before(
    r: &Reader,
    talk: &Conversation,
    up_to: Seq,
) -> Result<Vec<Conversation>> {
    sql::list_unseen_before(r, talk.visitor, talk.id, up_to, EARLIER)
}
