//! What a conversation asks of the agents: whether its visitor waits for a reply,
//! and how far each agent has read.
//!
//! Waiting is a fact of the conversation: since the visitor's first unanswered
//! line, until an agent answers, resolves, or says that no reply is needed. To
//! look is not to answer. Reading is each agent's own, and only what was on his
//! screen; the visitor is told “seen” when it was the screen of who answers him.

mod sql;

use serde_json::Value;

use super::{Conversation, Kind, State, find, lines, note, participants};
use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::events::{Event, Side};
use crate::journal;
use crate::kernel::{Actor, AgentId, ConversationId, Seq, Timestamp};

/// How far one agent has read in one conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    pub up_to: Seq,
    /// How many of the visitor's lines that were.
    pub visitor_lines: i64,
}

/// Beyond this, lines that are still unread are not told apart: lists show “99+”.
const MOST_UNREAD: usize = 100;
/// Lines of anybody among which those are counted, so that the end of a long talk
/// costs who stands at its beginning no more.
const WALK: usize = 1000;

/// Since when the visitor waits, once a line of this kind has been added.
/// `last_seen`: the newest line its writer had on his screen, where he says so.
pub(super) fn waiting_after(
    r: &Reader,
    now: Timestamp,
    found: &Conversation,
    kind: Kind,
    last_seen: Option<Seq>,
) -> Result<Option<Timestamp>> {
    match (kind, found.waiting_since, last_seen) {
        (Kind::Visitor, since, _) => Ok(since.or(Some(now))),
        // A line that crossed with the answer is not answered by it.
        (Kind::Agent, Some(_), Some(seen)) => sql::find_first_asked_after(r, found.id, seen),
        (Kind::Agent, _, _) => Ok(None),
        (Kind::Note | Kind::System, since, _) => Ok(since),
    }
}

/// What the visitor wrote last wants no reply: “thanks, bye”.
pub fn no_reply_needed(
    w: &Writer,
    now: Timestamp,
    by: AgentId,
    conversation: ConversationId,
) -> Result<()> {
    let by = Actor::Agent(by);
    let found = find(w, by, conversation)?;
    if found.waiting_since.is_none() {
        return Ok(());
    }
    sql::update_put_aside(w, conversation)?;
    participants::move_along(w, conversation)?;
    let deed = lines::NO_REPLY.deed(Value::Null);
    note(w, now, by, conversation, &Event::NoReplyNeeded, &deed)
}

/// Takes that back: he waits again, and since when he did.
pub fn reply_needed(
    w: &Writer,
    now: Timestamp,
    by: AgentId,
    conversation: ConversationId,
) -> Result<()> {
    let by = Actor::Agent(by);
    let found = find(w, by, conversation)?;
    if found.waiting_before.is_none() || found.state == State::Resolved {
        return Ok(());
    }
    sql::update_taken_up(w, conversation)?;
    participants::move_along(w, conversation)?;
    let deed = lines::REPLY.deed(Value::Null);
    note(w, now, by, conversation, &Event::ReplyNeeded, &deed)
}

/// Who resolves says that nothing is left to answer; who reopens takes it back.
/// A visitor who reopens does it with a new line, and waits since that.
pub(super) fn follow_state(
    w: &Writer,
    by: Actor,
    conversation: ConversationId,
    state: State,
) -> Result<()> {
    match (state, by) {
        (State::Resolved, _) => sql::update_put_aside(w, conversation),
        (State::Open, Actor::Agent(_)) => sql::update_taken_up(w, conversation),
        (State::Open, _) => Ok(()),
    }
}

/// How far this agent has read.
pub fn mark(r: &Reader, conversation: ConversationId, agent: AgentId) -> Result<Mark> {
    Ok(sql::find_mark(r, conversation, agent)?.unwrap_or_default())
}

/// Somebody has had everything up to a line on his screen. Only ever moves
/// forward, and no further than what there is.
pub fn mark_seen(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    up_to: Seq,
) -> Result<()> {
    let found = find(w, by, conversation)?;
    let up_to = up_to.min(super::sql::find_newest_id(w, conversation)?);
    match by {
        Actor::Agent(agent) => mark_read(w, now, &found, agent, up_to),
        Actor::Visitor(_) if found.visitor_seen < up_to => {
            sql::update_visitor_seen(w, conversation, up_to)?;
            let event = Event::Seen {
                side: Side::Visitor,
                up_to,
            };
            journal::record(w, now, by, conversation, &event).map(|_| ())
        }
        Actor::Visitor(_) | Actor::Bot(_) | Actor::Key(_) | Actor::House => Ok(()),
    }
}

fn mark_read(
    w: &Writer,
    now: Timestamp,
    found: &Conversation,
    agent: AgentId,
    up_to: Seq,
) -> Result<()> {
    let conversation = found.id;
    let read = mark(w, conversation, agent)?;
    let answers = found.agents_seen < up_to && participants::takes_part(w, conversation, agent)?;
    if up_to <= read.up_to && !answers {
        return Ok(());
    }
    if read.up_to < up_to {
        let left = sql::count_asked_after(w, conversation, up_to, MOST_UNREAD, WALK)?;
        let mark = Mark {
            up_to,
            visitor_lines: (found.visitor_lines - left).max(read.visitor_lines),
        };
        sql::upsert_mark(w, conversation, agent, mark)?;
    }
    if answers {
        sql::update_agents_seen(w, conversation, up_to)?;
    }
    let event = Event::Read {
        agent,
        up_to,
        answers,
    };
    journal::record(w, now, Actor::Agent(agent), conversation, &event).map(|_| ())
}

/// What he had read before he joined has now been seen by who answers.
pub(super) fn joined(
    w: &Writer,
    now: Timestamp,
    agent: AgentId,
    conversation: ConversationId,
) -> Result<()> {
    let read = mark(w, conversation, agent)?;
    mark_seen(w, now, Actor::Agent(agent), conversation, read.up_to)
}
