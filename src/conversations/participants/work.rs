//! Whoever no longer works here hands back what he had, a little at a time: it may
//! be much.

use std::sync::Arc;

use super::{list, sql, withdraw};
use crate::accounts;
use crate::conversations::find;
use crate::db::Writer;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal::{Fact, Follower, Start};
use crate::kernel::{Actor, AgentId, Subject, Timestamp};
use crate::timers::{self, Timer};

/// The timer that does it, and the follower that sets it.
pub const HAND_BACK: &str = "conversations.hand_back";
/// Conversations in one write.
const AT_ONCE: usize = 100;

pub fn follower() -> Follower {
    Follower {
        name: HAND_BACK,
        start: Start::Present,
        react: Arc::new(react),
    }
}

pub fn react(w: &Writer, fact: &Fact) -> Result<()> {
    let (Event::AgentChanged, Subject::Agent(agent)) = (&fact.event, fact.subject) else {
        return Ok(());
    };
    match is_gone(w, agent)? {
        true => timers::set(w, HAND_BACK, &agent.to_string(), fact.at, &()),
        false => Ok(()),
    }
}

pub fn hand_back(w: &Writer, now: Timestamp, timer: &Timer) -> Result<()> {
    let agent = timer.key.parse().map(AgentId);
    let agent = agent.map_err(|e| Error::internal("handing back conversations", e))?;
    // Unless he came back meanwhile.
    if !is_gone(w, agent)? {
        return Ok(());
    }
    let open = sql::list_open_of(w, agent, AT_ONCE)?;
    for conversation in &open {
        let found = find(w, Actor::House, *conversation)?;
        let people = list(w, *conversation)?;
        let name = people.iter().find(|it| it.agent == agent);
        let name = name.map(|it| it.name.as_str());
        withdraw(w, now, Actor::House, agent, &found, name)?;
    }
    match open.len() < AT_ONCE {
        true => Ok(()),
        false => timers::set(w, HAND_BACK, &timer.key, now, &()),
    }
}

fn is_gone(w: &Writer, agent: AgentId) -> Result<bool> {
    Ok(accounts::find(w, agent)?.deactivated_at.is_some())
}
