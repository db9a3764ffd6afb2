//! Colleagues: what each may do, which sites each sees, and who no longer works
//! here. Nobody changes who stands above him, nobody hands out more than he
//! holds, and there is always an owner who can sign in. Whoever leaves is
//! deactivated: he is out at once, and what he wrote stays his.

mod finds;
pub mod http;
mod sql;

pub use finds::found;
pub(super) use sql::{HIDDEN, read_sight};

use std::collections::HashMap;

use super::{AgentView, Role, Viewer, rules};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, AgentId, May, Permissions, Sight, SiteId, Timestamp};

/// What the page about a colleague sends.
pub struct NewMember {
    pub name: String,
    pub role: Role,
    /// Counts while he is a plain agent.
    pub given: Permissions,
}

/// True where his open pages show what he may no longer see or do, or too little.
pub fn change(
    w: &Writer,
    now: Timestamp,
    by: &Viewer,
    agent: AgentId,
    new: &NewMember,
) -> Result<bool> {
    let known = find_below(w, by, agent)?;
    if !rules::may_appoint(by.role, new.role) {
        return Err(forbidden());
    }
    if known.role == Role::Owner && new.role != Role::Owner {
        keep_an_owner(w, agent)?;
    }
    let name = super::clean_name(&new.name)?;
    sql::update_member(w, agent, &name, new.role, new.given)?;
    journal::record(w, now, by.actor(), agent, &Event::AgentChanged)?;
    let may = |role, given| Permissions::of(role, given);
    Ok(known.role != new.role || may(known.role, known.given) != may(new.role, new.given))
}

/// Ends his sessions and every link he might come back by. Doing it twice is
/// doing it once.
pub fn deactivate(w: &Writer, now: Timestamp, by: &Viewer, agent: AgentId) -> Result<()> {
    let known = find_below(w, by, agent)?;
    if agent == by.id {
        return Err(forbidden());
    }
    if known.role == Role::Owner {
        keep_an_owner(w, agent)?;
    }
    if known.deactivated_at.is_none() {
        sql::update_deactivated(w, agent, Some(now))?;
        journal::record(w, now, by.actor(), agent, &Event::AgentChanged)?;
    }
    super::sql::delete_links_of(w, agent)?;
    super::sql::delete_other_sessions(w, agent, None)
}

/// With the password, the role and the sites he had.
pub fn reactivate(w: &Writer, now: Timestamp, by: &Viewer, agent: AgentId) -> Result<()> {
    find_below(w, by, agent)?;
    sql::update_deactivated(w, agent, None)?;
    journal::record(w, now, by.actor(), agent, &Event::AgentChanged).map(|_| ())
}

/// Who is named for a site; nobody, where it is everybody's.
pub fn members(r: &Reader, site: SiteId) -> Result<Vec<AgentId>> {
    sql::list_members(r, site)
}

/// Names who sees a site; hands back those who see more or less than before.
pub fn set_members(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    site: SiteId,
    agents: &[AgentId],
) -> Result<Vec<AgentId>> {
    let before = sql::list_sights(w)?;
    sql::delete_members(w, site)?;
    for agent in agents {
        super::find(w, *agent)?;
        sql::insert_member(w, site, *agent)?;
    }
    let after = sql::list_sights(w)?;
    let changed = after.into_iter().filter(|it| !before.contains(it));
    let changed: Vec<AgentId> = changed.map(|(agent, _)| agent).collect();
    for agent in &changed {
        journal::record(w, now, by, *agent, &Event::AgentChanged)?;
    }
    Ok(changed)
}

/// Whether an agent sees a site, as it is at this moment.
pub fn sees(r: &Reader, agent: AgentId, site: SiteId) -> Result<bool> {
    sql::sees(r, agent, site)
}

/// Whether an agent sees a site and may do this there, as it is at this moment.
pub fn may(r: &Reader, agent: AgentId, site: SiteId, may: May) -> Result<bool> {
    let known = super::find(r, agent)?;
    let held = Permissions::of(known.role, known.given);
    Ok(held.allow(may) && sees(r, agent, site)?)
}

/// What somebody sees, as it is at this moment.
pub fn sight(r: &Reader, agent: AgentId) -> Result<Sight> {
    let sights = sql::list_sights(r)?;
    let own = sights.into_iter().find(|(it, _)| *it == agent);
    own.map(|(_, sight)| sight).ok_or(Error::NotFound("agent"))
}

/// Whoever sees one of the sites that this sight sees, too; also those who left.
pub fn colleagues(r: &Reader, sight: &Sight, sites: &[SiteId]) -> Result<Vec<AgentView>> {
    let sights: HashMap<AgentId, Sight> = sql::list_sights(r)?.into_iter().collect();
    let shared = |theirs: &Sight| sites.iter().any(|it| sight.sees(*it) && theirs.sees(*it));
    let mut all = super::list(r)?;
    all.retain(|it| sights.get(&it.id).is_some_and(shared));
    Ok(all)
}

/// A colleague whom this one may change.
fn find_below(r: &Reader, by: &Viewer, agent: AgentId) -> Result<AgentView> {
    let known = super::find(r, agent)?;
    match rules::may_appoint(by.role, known.role) {
        true => Ok(known),
        false => Err(forbidden()),
    }
}

fn keep_an_owner(r: &Reader, but: AgentId) -> Result<()> {
    match sql::exists_other_owner(r, but)? {
        true => Ok(()),
        false => Err(Error::invalid("role", |t| t.error_last_owner().into())),
    }
}

fn forbidden() -> Error {
    Error::Forbidden(|t| t.error_forbidden().into())
}
