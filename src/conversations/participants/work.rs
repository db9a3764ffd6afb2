//! Whoever may no longer answer at a site hands back what he had there, a little at a
//! time: it may be much.

use std::sync::Arc;

use super::{list, may_answer, sql, withdraw};
use crate::conversations::find;
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal::{Fact, Follower, Start};
use crate::kernel::{Actor, AgentId, SiteId, Subject, Timestamp};
use crate::sites;
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
    match closed_to(w, agent)?.is_empty() {
        true => Ok(()),
        false => timers::set(w, HAND_BACK, &agent.to_string(), fact.at, &()),
    }
}

pub fn hand_back(w: &Writer, now: Timestamp, timer: &Timer) -> Result<()> {
    let agent = timer.key.parse().map(AgentId);
    let agent = agent.map_err(|e| Error::internal("handing back conversations", e))?;
    let mut room = AT_ONCE;
    // None, where he may again meanwhile.
    for site in closed_to(w, agent)? {
        let open = sql::list_open_of(w, agent, site, room)?;
        for conversation in &open {
            let found = find(w, Actor::House, *conversation)?;
            let people = list(w, *conversation)?;
            let name = people.iter().find(|it| it.agent == agent);
            let name = name.map(|it| it.name.as_str());
            withdraw(w, now, Actor::House, agent, &found, name)?;
        }
        room -= open.len();
        if room == 0 {
            return timers::set(w, HAND_BACK, &timer.key, now, &());
        }
    }
    Ok(())
}

/// The sites at which he may not answer.
fn closed_to(r: &Reader, agent: AgentId) -> Result<Vec<SiteId>> {
    let mut closed = Vec::new();
    for site in sites::ids(r)? {
        if !may_answer(r, agent, site)? {
            closed.push(site);
        }
    }
    Ok(closed)
}
