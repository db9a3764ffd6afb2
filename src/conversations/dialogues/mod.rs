//! Which of his conversations a visitor is in.
//!
//! With somebody anonymous a dialogue ends when it is resolved: what he writes
//! afterwards begins a new one. A line that he wrote while one was open still belongs
//! to it, though an agent has resolved it at the same moment: that opens it again. An
//! agent may reopen an earlier one, too, so several can be open. Then each line goes
//! where it was written, and one that does not say where goes to the newest of them.
//!
//! With somebody the shop knows there is one dialogue, whatever he writes from, and
//! writing opens it again: the newest that is open, or else the newest. Where he has
//! several because he was anonymous before, the others go on only as long as they are
//! open, for what is written in them.
//!
//! What he has written before, agents see of whom the shop knows, and of everybody
//! where the site says so.

pub mod news;
mod pages;
mod sql;

use super::{Conversation, Kind, Message, PAGE, State, find_by_key};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::kernel::{Actor, ConversationId, ConversationKey, Seq, Timestamp, VisitorId};
use crate::visitors::Visitor;

pub use pages::card;

/// Conversations on one page of history: each costs a question.
const TALKS: usize = 20;
/// Earlier conversations that are listed, and looked at for what was missed.
const EARLIER: usize = 10;
/// Beyond this it is only “many”.
const MOST_EARLIER: usize = 1000;

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
    visitor: &Visitor,
    named: Option<&ConversationKey>,
) -> Result<Option<Conversation>> {
    let found = match named {
        Some(key) => known(find_by_key(r, Actor::Visitor(visitor.id), key))?,
        None => None,
    };
    match (found, visitor.contact) {
        (Some(found), None) => Ok(Some(found)),
        (Some(found), Some(_)) if found.state == State::Open => Ok(Some(found)),
        (None, None) => sql::find_open(r, visitor.id),
        (_, Some(_)) => current(r, visitor.id),
    }
}

/// One of another visitor, or of a time before a copy was restored, is none. What he
/// wrote is not lost for that.
fn known(found: Result<Conversation>) -> Result<Option<Conversation>> {
    match found {
        Err(Error::NotFound(_)) => Ok(None),
        found => found.map(Some),
    }
}

/// Where a page of history begins: at the newest line, unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bookmark {
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
    pub older: Option<Bookmark>,
}

pub fn history(r: &Reader, visitor: VisitorId, place: Bookmark) -> Result<History> {
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
            history.older = Some(Bookmark {
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

/// A conversation of the same visitor that began before, as it is listed beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub key: ConversationKey,
    pub state: State,
    pub began: Timestamp,
    pub last_kind: Kind,
    pub last_text: String,
}

/// What he wrote before this conversation, the newest first; nothing where agents
/// may not know. Whoever sees this one sees those: they are of the same site.
pub fn list_earlier(r: &Reader, conversation: ConversationId, most: usize) -> Result<Vec<Earlier>> {
    sql::list_earlier(r, conversation, most)
}

fn count_earlier(r: &Reader, conversation: ConversationId) -> Result<i64> {
    sql::count_earlier(r, conversation, MOST_EARLIER)
}
