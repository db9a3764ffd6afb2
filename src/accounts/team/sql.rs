use rusqlite::{Row, params};

use super::Role;
use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::kernel::{AgentId, Permissions, Sight, SiteId, Timestamp};

/// The sites an agent does not see, as one text: those that others are named for
/// and he is not. A role this program does not know sees no more than an agent.
pub const HIDDEN: &str = "(select group_concat(distinct m.site) from site_members m
    where agents.role not in ('owner', 'admin') and not exists (
        select 1 from site_members o where o.site = m.site and o.agent = agents.id)) as hidden";

pub fn read_sight(row: &Row) -> rusqlite::Result<Sight> {
    let Some(hidden) = row.get::<_, Option<String>>("hidden")? else {
        return Ok(Sight::ALL);
    };
    let ids = hidden.split(',').filter_map(|it| it.parse().ok());
    Ok(Sight::without(ids.map(SiteId)))
}

pub fn list_sights(r: &Reader) -> Result<Vec<(AgentId, Sight)>> {
    let mut query = r.prepare_cached(&format!("select id, {HIDDEN} from agents"))?;
    let rows = query.query_map([], |row| Ok((AgentId(row.get("id")?), read_sight(row)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn sees(r: &Reader, agent: AgentId, site: SiteId) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from agents where id = ?1 and deactivated_at is null and (
             role in ('owner', 'admin')
             or not exists (select 1 from site_members where site = ?2)
             or exists (select 1 from site_members where site = ?2 and agent = ?1))",
    )?;
    Ok(query.exists(params![agent.0, site.0])?)
}

pub fn list_members(r: &Reader, site: SiteId) -> Result<Vec<AgentId>> {
    let mut query = r.prepare_cached("select agent from site_members where site = ?1")?;
    let rows = query.query_map(params![site.0], |row| row.get(0).map(AgentId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn insert_member(w: &Writer, site: SiteId, agent: AgentId) -> Result<()> {
    w.prepare_cached(
        "insert into site_members (site, agent) values (?1, ?2) on conflict do nothing",
    )?
    .execute(params![site.0, agent.0])?;
    Ok(())
}

pub fn delete_members(w: &Writer, site: SiteId) -> Result<()> {
    w.prepare_cached("delete from site_members where site = ?1")?
        .execute(params![site.0])?;
    Ok(())
}

pub fn update_member(
    w: &Writer,
    agent: AgentId,
    name: &str,
    role: Role,
    given: Permissions,
) -> Result<()> {
    w.prepare_cached("update agents set name = ?2, role = ?3, may = ?4 where id = ?1")?
        .execute(params![agent.0, name, role.as_str(), given.words()])?;
    Ok(())
}

pub fn update_deactivated(w: &Writer, agent: AgentId, at: Option<Timestamp>) -> Result<()> {
    w.prepare_cached("update agents set deactivated_at = ?2 where id = ?1")?
        .execute(params![agent.0, at])?;
    Ok(())
}

/// One who can sign in.
pub fn exists_other_owner(r: &Reader, but: AgentId) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from agents where role = 'owner' and id <> ?1
             and deactivated_at is null and password_hash is not null",
    )?;
    Ok(query.exists(params![but.0])?)
}
