//! Conversations and their lines: the hall every other room looks into.
//!
//! What always holds: a line's id is the journal position of its posting; a line
//! is posted once however often it is sent (`cid`), and by a visitor once in all
//! his conversations; every change of state leaves a line that says who did it;
//! the newest line that both sides see stands in the conversation's own row. What
//! an actor may not see is not found. The hall knows no wing: who wants to react
//! follows the journal.

pub mod attention;
pub mod deeds;
pub mod dialogues;
pub mod finds;
pub mod http;
pub mod keys;
pub mod lines;
pub mod lists;
pub mod news;
pub mod pages;
pub mod participants;
mod parts;
mod posting;
mod rules;
pub mod signals;
pub mod socket;
mod sql;
pub mod view;
mod windows;

use serde_json::Value;

use crate::accounts::team;
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{
    Actor, AgentId, ConversationId, ConversationKey, Origin, Seq, SiteId, Timestamp, VisitorId,
};
use crate::visitors::Device;

pub use attention::mark_seen;
pub use lines::{Deed, LineView, Said, Wording};
pub use lists::Narrowing;
pub use participants::{come_back, join, leave, take_over};
pub use parts::{NewPart, Part, PartKind, Piece, Plainly};
pub use posting::{NewMessage, Posted, post_message, write_in};
pub use rules::LONGEST;
pub use windows::Windows;

/// Lines on one screen of history.
pub const PAGE: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    Resolved,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Visitor,
    Agent,
    /// Among agents.
    Note,
    /// Somebody did something.
    System,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub id: ConversationId,
    pub key: ConversationKey,
    pub site: SiteId,
    pub visitor: VisitorId,
    pub state: State,
    /// Who is responsible for it; see `participants`.
    pub assignee: Option<AgentId>,
    pub created_at: Timestamp,
    /// How many lines the visitor has written.
    pub visitor_lines: i64,
    /// The visitor's first line that nobody has answered; see `attention`.
    pub waiting_since: Option<Timestamp>,
    /// The same, before an agent resolved, or said that it wants no reply; until
    /// the next line that both sides see.
    pub waiting_before: Option<Timestamp>,
    /// When an agent answered first.
    pub first_answer_at: Option<Timestamp>,
    /// What was on the screen of somebody who answers here.
    pub agents_seen: Seq,
    pub visitor_seen: Seq,
}

impl Conversation {
    /// How a visitor's page tells it from his others, and orders them.
    pub fn begun(&self) -> (&ConversationKey, Timestamp) {
        (&self.key, self.created_at)
    }
}

/// One line, with the names that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: Seq,
    pub conversation: ConversationId,
    pub kind: Kind,
    pub agent: Option<AgentId>,
    pub agent_name: Option<String>,
    /// For a system line.
    pub deed: Option<Deed>,
    /// Empty in a system line; the plain text where there are parts.
    pub body: String,
    pub parts: Vec<Part>,
    pub cid: String,
    pub at: Timestamp,
    pub device: Option<Device>,
    pub page: Option<String>,
    pub title: Option<String>,
}

impl Message {
    /// Notes, and some of what was done, stay among agents.
    pub fn is_shown_to_visitor(&self) -> bool {
        match self.kind {
            Kind::Visitor | Kind::Agent => true,
            Kind::Note => false,
            Kind::System => self.deed.as_ref().is_some_and(|it| it.for_visitor),
        }
    }
}

/// The conversation, if there is one and `by` may know of it: a visitor of his
/// own, an agent of those of the sites he sees at this very moment.
pub fn find(r: &Reader, by: Actor, id: ConversationId) -> Result<Conversation> {
    in_sight(r, by, sql::find_conversation(r, id)?)
}

pub fn find_by_key(r: &Reader, by: Actor, key: &ConversationKey) -> Result<Conversation> {
    in_sight(r, by, sql::find_conversation_by_key(r, key)?)
}

fn in_sight(r: &Reader, by: Actor, found: Option<Conversation>) -> Result<Conversation> {
    let nothing = Error::NotFound("conversation");
    let Some(found) = found else {
        return Err(nothing);
    };
    let seen = match by {
        Actor::Agent(agent) => team::sees(r, agent, found.site)?,
        Actor::Visitor(visitor) => visitor == found.visitor,
        Actor::Bot(_) | Actor::Key(_) | Actor::House => true,
    };
    seen.then_some(found).ok_or(nothing)
}

pub fn resolve(w: &Writer, now: Timestamp, by: Actor, conversation: ConversationId) -> Result<()> {
    let found = find(w, by, conversation)?;
    let wording = match by {
        Actor::Visitor(_) => &lines::ENDED,
        Actor::Agent(_) | Actor::Bot(_) | Actor::Key(_) | Actor::House => &lines::RESOLVED,
    };
    match found.state {
        State::Resolved => Ok(()),
        State::Open => change_state(w, now, by, conversation, State::Resolved, wording),
    }
}

pub fn reopen(w: &Writer, now: Timestamp, by: Actor, conversation: ConversationId) -> Result<()> {
    match find(w, by, conversation)?.state {
        State::Open => Ok(()),
        State::Resolved => change_state(w, now, by, conversation, State::Open, &lines::REOPENED),
    }
}

/// Leaves a line that says what was done, in the words of the room that did it,
/// and tells whoever listens under the same word. Open pages show it at once, and
/// the row, the header and the panel afresh: who leaves a line draws no news.
pub fn leave_line(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    wording: &'static Wording,
    data: Value,
) -> Result<()> {
    find(w, by, conversation)?;
    let event = Event::told(wording.word, data.clone());
    note(w, now, by, conversation, &event, &wording.deed(data))
}

pub fn find_message(r: &Reader, id: Seq) -> Result<Message> {
    sql::find_message(r, id)?.ok_or(Error::NotFound("message"))
}

/// The newest lines before a position, oldest first, and whether there are more.
pub fn list_messages(
    r: &Reader,
    by: Actor,
    conversation: ConversationId,
    before: Option<Seq>,
) -> Result<(Vec<Message>, bool)> {
    find(r, by, conversation)?;
    let visitor_only = matches!(by, Actor::Visitor(_));
    let mut found = sql::list_messages(r, conversation, before, PAGE + 1, visitor_only)?;
    let more = PAGE < found.len();
    found.truncate(PAGE);
    found.reverse();
    Ok((found, more))
}

/// Every line that both sides see, oldest first, a batch at a time.
pub fn list_shared(
    r: &Reader,
    conversation: ConversationId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Message>> {
    sql::list_shared_after(r, conversation, after, limit)
}

/// Whether a person wrote to the visitor after this line.
pub fn was_answered(r: &Reader, conversation: ConversationId, after: Seq) -> Result<bool> {
    sql::exists_answer_after(r, conversation, after)
}

/// Whether the visitor said anything after this line, or a person to him.
pub fn went_on(r: &Reader, conversation: ConversationId, after: Seq) -> Result<bool> {
    sql::exists_shared_after(r, conversation, after)
}

/// The newest line a visitor wrote: where he was, and what with.
pub fn last_of_visitor(r: &Reader, conversation: ConversationId) -> Result<Option<Message>> {
    sql::find_last_of_visitor(r, conversation)
}

/// Whether the visitor wrote this line from the page and the device of the one
/// before.
pub fn came_from_the_same_place(r: &Reader, message: &Message) -> Result<bool> {
    sql::exists_alike_before(r, message.conversation, message.id)
}

/// Whether anybody has ever written.
pub fn exist(r: &Reader) -> Result<bool> {
    sql::exists_message(r)
}

/// Whether anybody has ever written from a page of one of these.
pub fn exist_from(r: &Reader, origins: &[Origin]) -> Result<bool> {
    for origin in origins {
        if sql::exists_message_from(r, origin)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Who did what to it, oldest first: the newest hundred.
pub fn list_changes(r: &Reader, conversation: ConversationId) -> Result<Vec<Message>> {
    sql::list_changes(r, conversation, 100)
}

fn change_state(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    state: State,
    wording: &'static Wording,
) -> Result<()> {
    sql::update_state(w, conversation, state, now)?;
    attention::follow_state(w, by, conversation, state)?;
    participants::move_along(w, conversation)?;
    let event = match state {
        State::Open => Event::ConversationReopened,
        State::Resolved => Event::ConversationResolved,
    };
    note(w, now, by, conversation, &event, &wording.deed(Value::Null))?;
    match state {
        State::Open => participants::let_go_of_strangers(w, now, conversation),
        State::Resolved => Ok(()),
    }
}

/// The line has the position of its event.
fn note(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    event: &Event,
    deed: &Deed,
) -> Result<()> {
    let id = journal::record(w, now, by, conversation, event)?;
    sql::insert_deed(w, now, id, conversation, agent_of(by), deed, &[])
}

fn agent_of(by: Actor) -> Option<AgentId> {
    match by {
        Actor::Agent(agent) => Some(agent),
        Actor::Visitor(_) | Actor::Bot(_) | Actor::Key(_) | Actor::House => None,
    }
}
