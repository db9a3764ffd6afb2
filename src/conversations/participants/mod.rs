//! Who takes part in a conversation: the one who is responsible for it, whom its
//! row names (`assignee`), and whoever helps him.
//!
//! What always holds: one at most is responsible; he takes part; and where anybody
//! takes part, somebody is responsible. Who takes part answers there: the visitor
//! sees him typing, and what was on his screen counts as seen. Whoever left is not
//! kept here; the log says that he was there.

mod sql;
pub mod work;

use serde_json::Value;

use super::{Conversation, State, attention, change_state, find, lines, note};
use crate::accounts::team;
use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, AgentId, ConversationId, SiteId, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Responsible,
    Helper,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    pub agent: AgentId,
    pub name: String,
    pub role: Role,
    pub since: Timestamp,
}

/// Who is responsible first, then whoever has been there longest.
pub fn list(r: &Reader, conversation: ConversationId) -> Result<Vec<Participant>> {
    sql::list_participants(r, conversation)
}

/// Whether he answers there.
pub fn takes_part(r: &Reader, conversation: ConversationId, agent: AgentId) -> Result<bool> {
    sql::exists_participant(r, conversation, agent)
}

/// The agent answers here from now on. Where nobody is responsible, he is; where
/// somebody is, he stands by him. Opens again what was resolved; joining twice is
/// joining once.
pub fn join(w: &Writer, now: Timestamp, by: AgentId, conversation: ConversationId) -> Result<()> {
    let actor = Actor::Agent(by);
    if find(w, actor, conversation)?.state == State::Resolved {
        change_state(w, now, actor, conversation, State::Open, &lines::REOPENED)?;
    }
    if takes_part(w, conversation, by)? {
        return Ok(());
    }
    match find(w, actor, conversation)?.assignee {
        Some(_) => sql::insert_participant(w, now, conversation, by, Role::Helper)?,
        None => {
            sql::insert_participant(w, now, conversation, by, Role::Responsible)?;
            assign(w, now, actor, conversation, Some(by))?;
        }
    }
    move_along(w, conversation)?;
    let joined = lines::JOINED.deed(Value::Null);
    note(w, now, actor, conversation, &Event::AgentJoined, &joined)?;
    attention::joined(w, now, by, conversation)
}

/// The agent is responsible from now on; whoever was stays by him.
pub fn take_over(
    w: &Writer,
    now: Timestamp,
    by: AgentId,
    conversation: ConversationId,
) -> Result<()> {
    join(w, now, by, conversation)?;
    let actor = Actor::Agent(by);
    let Some(before) = find(w, actor, conversation)?.assignee else {
        return Ok(());
    };
    if before == by {
        return Ok(());
    }
    sql::update_role(w, conversation, before, Role::Helper)?;
    sql::update_role(w, conversation, by, Role::Responsible)?;
    sql::update_assignee(w, conversation, Some(by))?;
    move_along(w, conversation)?;
    let event = Event::Assigned { to: Some(by) };
    let deed = lines::TOOK_OVER.deed(Value::Null);
    note(w, now, actor, conversation, &event, &deed)
}

/// The agent no longer answers here. What he was responsible for goes to whoever
/// has helped longest, or else back to all. Leaving twice is leaving once.
pub fn leave(w: &Writer, now: Timestamp, by: AgentId, conversation: ConversationId) -> Result<()> {
    let actor = Actor::Agent(by);
    let found = find(w, actor, conversation)?;
    withdraw(w, now, actor, by, &found, None)
}

/// Takes back that he left: what went to a helper by that is his again, unless it
/// has gone on since. What was resolved meanwhile stays so.
pub fn come_back(
    w: &Writer,
    now: Timestamp,
    by: AgentId,
    conversation: ConversationId,
) -> Result<()> {
    let found = find(w, Actor::Agent(by), conversation)?;
    if found.state == State::Resolved || takes_part(w, conversation, by)? {
        return Ok(());
    }
    let went_to = sql::find_left_to(w, conversation, by)?;
    match found.assignee {
        Some(other) if went_to == Some(other) => take_over(w, now, by, conversation),
        _ => join(w, now, by, conversation),
    }
}

/// An opened one keeps nobody who may not come in any more.
pub(super) fn let_go_of_strangers(
    w: &Writer,
    now: Timestamp,
    conversation: ConversationId,
) -> Result<()> {
    for it in list(w, conversation)? {
        let found = find(w, Actor::House, conversation)?;
        if !team::sees(w, it.agent, found.site)? {
            withdraw(w, now, Actor::House, it.agent, &found, Some(&it.name))?;
        }
    }
    Ok(())
}

/// Its place in the lists of those who help follows it.
pub(super) fn move_along(w: &Writer, conversation: ConversationId) -> Result<()> {
    sql::update_places(w, conversation)
}

/// `name`: for the log, where he did not do it himself.
fn withdraw(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    agent: AgentId,
    found: &Conversation,
    name: Option<&str>,
) -> Result<()> {
    let conversation = found.id;
    if !sql::delete_participant(w, conversation, agent)? {
        return Ok(());
    }
    let rest = list(w, conversation)?;
    let was_his = found.assignee == Some(agent);
    let answers = match was_his {
        true => best_of(w, &rest, found.site)?,
        false => rest.first(),
    };
    if was_his {
        let next = answers.map(|it| it.agent);
        if let Some(next) = next {
            sql::update_role(w, conversation, next, Role::Responsible)?;
        }
        assign(w, now, by, conversation, next)?;
    }
    let went_to = answers.filter(|_| was_his).map(|it| it.agent);
    let deed = lines::left(name, answers.map(|it| it.name.as_str()), went_to);
    let deed = match found.state {
        State::Open => deed,
        // To the visitor it is over already.
        State::Resolved => deed.among_agents(),
    };
    note(w, now, by, conversation, &Event::Left { agent }, &deed)
}

/// Whoever has helped longest, among those who still may come in where there is
/// one: the others are on their way out.
fn best_of<'a>(
    r: &Reader,
    helpers: &'a [Participant],
    site: SiteId,
) -> Result<Option<&'a Participant>> {
    for it in helpers {
        if team::sees(r, it.agent, site)? {
            return Ok(Some(it));
        }
    }
    Ok(helpers.first())
}

fn assign(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    to: Option<AgentId>,
) -> Result<()> {
    sql::update_assignee(w, conversation, to)?;
    journal::record(w, now, by, conversation, &Event::Assigned { to }).map(|_| ())
}
