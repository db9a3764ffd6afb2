//! Who takes part in a conversation: the one who is responsible for it, whom its
//! row names (`assignee`), and whoever helps him.
//!
//! What always holds: one at most is responsible; he takes part; and where anybody
//! takes part, somebody is responsible. Who may not answer there any more, because he
//! left the house, lost sight of the site or the permission, is taken out of what is
//! open (`work`), and nothing goes to him meanwhile. Who takes part answers there: the visitor
//! sees him typing, and what was on his screen counts as seen. Whoever left is not
//! kept here; the log says that he was there.

mod sql;
pub mod work;

use serde_json::Value;

use super::{Conversation, State, attention, change_state, find, lines, note};
use crate::accounts::team;
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal::{self, Fact};
use crate::kernel::{Actor, AgentId, ConversationId, May, Seq, SiteId, Timestamp};

/// How long somebody may take back that he left, in milliseconds: while it is fresh in
/// everybody's mind.
const TAKEN_BACK_WITHIN: i64 = 10 * 60_000;

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

/// That somebody left, as his line has it.
struct Leaving {
    line: Seq,
    at: Timestamp,
    /// Since when he had been there.
    since: Timestamp,
    /// He was responsible, and a helper became so.
    handed_on: bool,
}

/// Who is responsible first, then whoever has been there longest.
pub fn list(r: &Reader, conversation: ConversationId) -> Result<Vec<Participant>> {
    sql::list_participants(r, conversation)
}

/// Whether he answers there.
pub fn takes_part(r: &Reader, conversation: ConversationId, agent: AgentId) -> Result<bool> {
    sql::exists_participant(r, conversation, agent)
}

/// Whether he may answer here at this moment: he works here, sees the site, and is
/// allowed to talk to customers. Nobody else joins, inherits or stays.
fn may_answer(r: &Reader, agent: AgentId, site: SiteId) -> Result<bool> {
    team::may(r, agent, site, May::Customers)
}

/// The agent answers here from now on. Where nobody is responsible, he is; where
/// somebody is, he stands by him. Opens again what was resolved; joining twice is
/// joining once.
pub fn join(w: &Writer, now: Timestamp, by: AgentId, conversation: ConversationId) -> Result<()> {
    enter(w, now, by, conversation, now)
}

fn enter(
    w: &Writer,
    now: Timestamp,
    by: AgentId,
    conversation: ConversationId,
    since: Timestamp,
) -> Result<()> {
    let actor = Actor::Agent(by);
    let found = find(w, actor, conversation)?;
    if !may_answer(w, by, found.site)? {
        return Err(Error::Forbidden(|t| t.error_forbidden().into()));
    }
    if found.state == State::Resolved {
        change_state(w, now, actor, conversation, State::Open, &lines::REOPENED)?;
    }
    if takes_part(w, conversation, by)? {
        return Ok(());
    }
    match find(w, actor, conversation)?.assignee {
        Some(_) => sql::insert_participant(w, since, conversation, by, Role::Helper)?,
        None => {
            sql::insert_participant(w, since, conversation, by, Role::Responsible)?;
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

/// Takes back that he left, within ten minutes: he has been here since when he was,
/// and what went to a helper by that is his again, unless anybody was made
/// responsible since. Later it is joining. Who did not leave has nothing to take back,
/// and what was resolved meanwhile stays so.
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
    let Some(left) = sql::find_leaving(w, conversation, by)? else {
        return Ok(());
    };
    if TAKEN_BACK_WITHIN < now - left.at {
        return join(w, now, by, conversation);
    }
    let is_his = left.handed_on && !was_assigned_after(w, conversation, left.line)?;
    enter(w, now, by, conversation, left.since)?;
    match is_his {
        true => take_over(w, now, by, conversation),
        false => Ok(()),
    }
}

/// Also where it can no longer be told.
fn was_assigned_after(r: &Reader, conversation: ConversationId, line: Seq) -> Result<bool> {
    let now = journal::position(r)?;
    let told = journal::missed_about(r, &[conversation.into()], line, now)?;
    let is_assigned = |it: &Fact| matches!(it.event, Event::Assigned { .. });
    Ok(told.is_none_or(|it| it.iter().any(is_assigned)))
}

/// An opened one keeps nobody who may not come in any more.
pub(super) fn let_go_of_strangers(
    w: &Writer,
    now: Timestamp,
    conversation: ConversationId,
) -> Result<()> {
    for it in list(w, conversation)? {
        let found = find(w, Actor::House, conversation)?;
        if !may_answer(w, it.agent, found.site)? {
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
    let Some(since) = sql::delete_participant(w, conversation, agent)? else {
        return Ok(());
    };
    let rest = list(w, conversation)?;
    let answers = best_of(w, &rest, found.site)?;
    let was_his = found.assignee == Some(agent);
    let went_to = answers.filter(|_| was_his).map(|it| it.agent);
    if was_his {
        match went_to {
            Some(next) => sql::update_role(w, conversation, next, Role::Responsible)?,
            // None of them may come in: they are on their way out, and go first.
            None => {
                for it in &rest {
                    withdraw(w, now, Actor::House, it.agent, found, Some(&it.name))?;
                }
            }
        }
        assign(w, now, by, conversation, went_to)?;
    }
    let deed = lines::left(name, since, answers.map(|it| it.name.as_str()), went_to);
    let deed = match found.state {
        State::Open => deed,
        // To the visitor it is over already.
        State::Resolved => deed.among_agents(),
    };
    note(w, now, by, conversation, &Event::Left { agent }, &deed)
}

/// Of those who may answer here whoever is responsible, or else has helped longest.
fn best_of<'a>(
    r: &Reader,
    people: &'a [Participant],
    site: SiteId,
) -> Result<Option<&'a Participant>> {
    for it in people {
        if may_answer(r, it.agent, site)? {
            return Ok(Some(it));
        }
    }
    Ok(None)
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
