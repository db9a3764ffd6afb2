//! How a line comes into a conversation: looked for before it is written, so that
//! it is posted once however often it is sent; what it opens again; and whether
//! somebody waits for a reply after it.

use super::parts::{Content, NewPart};
use super::{
    Conversation, Kind, Message, State, attention, change_state, dialogues, find, find_message,
    lines, participants, rules, sql,
};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, ConversationId, ConversationKey, Seq, Timestamp};
use crate::visitors::Visitor;

#[derive(Debug, Clone, Default)]
pub struct NewMessage {
    /// May be empty where there are parts.
    pub body: String,
    pub parts: Vec<NewPart>,
    pub cid: String,
    pub note: bool,
    /// A row of `visitors`.
    pub device: Option<i64>,
    pub page: Option<String>,
    pub title: Option<String>,
    pub lang: Option<String>,
    /// The newest line the sender had on his screen.
    pub last_seen: Option<Seq>,
}

pub struct Posted {
    pub message: Message,
    pub key: ConversationKey,
    /// When that began.
    pub began: Timestamp,
    /// False where it had been posted before.
    pub fresh: bool,
    /// It is the first of its conversation.
    pub started: bool,
    pub reopened: bool,
}

/// What a visitor writes; `dialogues` says where to. `named`: the conversation
/// that was open on his screen when he wrote it.
pub fn write_in(
    w: &Writer,
    now: Timestamp,
    visitor: &Visitor,
    named: Option<&ConversationKey>,
    new: NewMessage,
) -> Result<Posted> {
    let by = Actor::Visitor(visitor.id);
    // Checked before anything exists, so that a refused line leaves none.
    let content = Content::new(&new.body, &new.parts)?;
    rules::clean_cid(&new.cid)?;
    // Before the dialogue is chosen: a line that is sent again belongs where it is.
    if let Some(earlier) = sent_before(w, visitor, &new.cid, &content)? {
        return repeated(w, by, Kind::Visitor, &content, earlier);
    }
    match dialogues::choose(w, visitor, named)? {
        Some(found) => add(w, now, by, found, Kind::Visitor, content, new),
        None => {
            let begun = start(w, now, visitor)?;
            let posted = add(w, now, by, begun, Kind::Visitor, content, new)?;
            Ok(Posted {
                started: true,
                ..posted
            })
        }
    }
}

/// A line of his that was sent under this id. Of whom was ever merged with somebody it
/// may stand under that one.
fn sent_before(
    r: &Reader,
    visitor: &Visitor,
    cid: &str,
    content: &Content,
) -> Result<Option<Message>> {
    let own = sql::find_message_of_visitor(r, visitor.id, cid)?;
    let by = Actor::Visitor(visitor.id);
    let same = |it: &Message| rules::is_repeated(by, Kind::Visitor, content, it);
    match visitor.kin {
        Some(kin) if !own.as_ref().is_some_and(same) => {
            let others = sql::list_messages_of_kin(r, kin, cid)?;
            Ok(others.into_iter().find(same).or(own))
        }
        _ => Ok(own),
    }
}

fn start(w: &Writer, now: Timestamp, visitor: &Visitor) -> Result<Conversation> {
    let key = ConversationKey::random();
    let id = sql::insert_conversation(w, now, &key, visitor.site, visitor.id)?;
    let by = Actor::Visitor(visitor.id);
    journal::record(w, now, by, id, &Event::ConversationStarted)?;
    find(w, Actor::House, id)
}

pub fn post_message(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    new: NewMessage,
) -> Result<Posted> {
    let found = find(w, by, conversation)?;
    let content = Content::new(&new.body, &new.parts)?;
    rules::clean_cid(&new.cid)?;
    let kind = rules::kind(by, new.note)?;
    let earlier = match by {
        Actor::Visitor(visitor) => sql::find_message_of_visitor(w, visitor, &new.cid)?,
        _ => sql::find_message_by_cid(w, conversation, &new.cid)?,
    };
    match earlier {
        Some(earlier) => repeated(w, by, kind, &content, earlier),
        None => add(w, now, by, found, kind, content, new),
    }
}

/// What has been posted already, in whichever conversation.
fn repeated(
    r: &Reader,
    by: Actor,
    kind: Kind,
    content: &Content,
    earlier: Message,
) -> Result<Posted> {
    if !rules::is_repeated(by, kind, content, &earlier) {
        return Err(Error::Conflict(|t| t.error_other_words().into()));
    }
    // The line is his, whoever its conversation has gone to since.
    let found = find(r, Actor::House, earlier.conversation)?;
    Ok(Posted {
        key: found.key,
        began: found.created_at,
        started: sql::find_oldest_id(r, earlier.conversation)? == earlier.id,
        message: earlier,
        fresh: false,
        reopened: false,
    })
}

fn add(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    mut found: Conversation,
    kind: Kind,
    content: Content,
    new: NewMessage,
) -> Result<Posted> {
    let conversation = found.id;
    let takes_part = match by {
        Actor::Agent(agent) => participants::takes_part(w, conversation, agent)?,
        _ => false,
    };
    if rules::must_join_first(kind, takes_part) {
        return Err(Error::Conflict(|t| t.error_join_first().into()));
    }
    if let Some(last_seen) = new.last_seen
        && answered_since(w, by, conversation, kind, last_seen)?
    {
        return Err(Error::Conflict(|t| t.error_answered_meanwhile().into()));
    }
    let reopened = rules::reopens(found.state, kind);
    if reopened {
        change_state(w, now, by, conversation, State::Open, &lines::REOPENED)?;
        found = find(w, by, conversation)?;
    }
    let id = journal::record(w, now, by, conversation, &Event::MessagePosted)?;
    let line = sql::NewLine {
        id,
        conversation,
        kind,
        by,
        content: &content,
        new: &new,
    };
    sql::insert_message(w, now, &line)?;
    match kind {
        Kind::Visitor | Kind::Agent => {
            let preview = rules::preview(&content.body);
            let waiting = attention::waiting_after(w, now, &found, kind, new.last_seen)?;
            // An answer also ends what was put aside.
            let stays = waiting == found.waiting_since && found.waiting_before.is_none();
            match stays {
                true => sql::update_newest(w, conversation, now, kind, &preview)?,
                false => sql::update_turn(w, conversation, now, kind, &preview, waiting)?,
            }
        }
        Kind::Note | Kind::System => sql::update_last_at(w, conversation, now)?,
    }
    // Where nobody is responsible, nobody helps.
    if found.assignee.is_some() {
        participants::move_along(w, conversation)?;
    }
    let message = match kind {
        Kind::Visitor => written(id, conversation, now, content, new),
        Kind::Agent | Kind::Note | Kind::System => find_message(w, id)?,
    };
    Ok(Posted {
        message,
        key: found.key,
        began: found.created_at,
        fresh: true,
        started: false,
        reopened,
    })
}

/// A visitor's line for himself. It has no names to look up, and what he wrote
/// it with he knows.
fn written(
    id: Seq,
    conversation: ConversationId,
    at: Timestamp,
    content: Content,
    new: NewMessage,
) -> Message {
    Message {
        id,
        conversation,
        kind: Kind::Visitor,
        agent: None,
        agent_name: None,
        deed: None,
        body: content.body,
        parts: content.parts,
        cid: new.cid,
        at,
        device: None,
        page: new.page,
        title: new.title,
    }
}

/// Whether a colleague has answered what the sender was still looking at.
fn answered_since(
    r: &Reader,
    by: Actor,
    conversation: ConversationId,
    kind: Kind,
    last_seen: Seq,
) -> Result<bool> {
    match (by, kind) {
        (Actor::Agent(agent), Kind::Agent) => {
            sql::exists_answer_of_others(r, conversation, agent, last_seen)
        }
        _ => Ok(false),
    }
}
