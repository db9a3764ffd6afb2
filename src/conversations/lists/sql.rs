use rusqlite::{OptionalExtension, Row, params};

use super::Entry;
use crate::conversations::sql::{read_last_kind, read_state};
use crate::db::{Columns, Reader};
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, ConversationKey, SiteId, Timestamp};

const COLUMNS: &str = "select c.id, c.key, c.site, t.name as site_name, v.number, c.state,
    c.assignee, a.name as assignee_name, c.last_at, c.last_kind, c.last_text, c.visitor_lines,
    c.waiting_since, c.waiting_before";

/// Who and where, by names that other rooms keep: read along, never written.
const PEOPLE: &str = "join visitors v on v.id = c.visitor
    join sites t on t.id = c.site
    left join agents a on a.id = c.assignee";

/// After this the conversations of one site come from one index, named because
/// each list has its own and the planner knows no numbers.
fn own(from: &str) -> String {
    format!(
        "{COLUMNS}, coalesce(s.agent || ':' || s.visitor_lines, '') as read
         from conversations c indexed by {from}
         {PEOPLE}
         left join conversation_seen s on s.conversation = c.id and s.agent = ?1
         where c.site = ?3"
    )
}

const NEXT_WAITING: &str = "and (c.waiting_since, c.id) > (?4, ?5)
    order by c.waiting_since, c.id limit ?6";

const NEXT_QUIET: &str = "and (c.last_at, c.id) < (?4, ?5)
    order by c.last_at desc, c.id desc limit ?6";

/// A time and an id.
pub type Place = (Timestamp, i64);

pub fn list_inbox_waiting(
    r: &Reader,
    viewer: AgentId,
    agent: AgentId,
    site: SiteId,
    after: Place,
    limit: usize,
) -> Result<Vec<Entry>> {
    let of = own("conversations_waiting");
    let sql =
        format!("{of} and c.waiting_since is not null and c.assignee is not ?2 {NEXT_WAITING}");
    list(r, &sql, viewer, Some(agent), site, after, limit)
}

pub fn list_mine_waiting(
    r: &Reader,
    viewer: AgentId,
    agent: AgentId,
    site: SiteId,
    after: Place,
    limit: usize,
) -> Result<Vec<Entry>> {
    let of = own("conversations_waiting_by_assignee");
    let sql = format!("{of} and c.waiting_since is not null and c.assignee = ?2 {NEXT_WAITING}");
    list(r, &sql, viewer, Some(agent), site, after, limit)
}

pub fn list_inbox_quiet(
    r: &Reader,
    viewer: AgentId,
    agent: AgentId,
    site: SiteId,
    before: Place,
    limit: usize,
) -> Result<Vec<Entry>> {
    let of = own("conversations_quiet");
    let sql = format!(
        "{of} and c.state = 'open' and c.waiting_since is null and c.assignee is not ?2
             {NEXT_QUIET}"
    );
    list(r, &sql, viewer, Some(agent), site, before, limit)
}

pub fn list_mine_quiet(
    r: &Reader,
    viewer: AgentId,
    agent: AgentId,
    site: SiteId,
    before: Place,
    limit: usize,
) -> Result<Vec<Entry>> {
    let of = own("conversations_quiet_by_assignee");
    let sql = format!(
        "{of} and c.state = 'open' and c.waiting_since is null and c.assignee = ?2 {NEXT_QUIET}"
    );
    list(r, &sql, viewer, Some(agent), site, before, limit)
}

pub fn list_resolved(
    r: &Reader,
    viewer: AgentId,
    site: SiteId,
    before: Place,
    limit: usize,
) -> Result<Vec<Entry>> {
    let of = own("conversations_resolved");
    let sql = format!("{of} and c.state = 'resolved' and ?2 is null {NEXT_QUIET}");
    list(r, &sql, viewer, None, site, before, limit)
}

fn list(
    r: &Reader,
    sql: &str,
    viewer: AgentId,
    agent: Option<AgentId>,
    site: SiteId,
    (at, id): Place,
    limit: usize,
) -> Result<Vec<Entry>> {
    let mut query = r.prepare_cached(sql)?;
    let agent = agent.map(|it| it.0);
    let values = params![viewer.0, agent, site.0, at, id, limit as i64];
    let rows = query.query_map(values, read_entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn find_entry(r: &Reader, id: ConversationId) -> Result<Option<Entry>> {
    let mut query = r.prepare_cached(&format!(
        "{COLUMNS}, coalesce((select group_concat(agent || ':' || visitor_lines, ' ')
             from conversation_seen where conversation = c.id), '') as read
         from conversations c {PEOPLE} where c.id = ?1"
    ))?;
    Ok(query.query_row(params![id.0], read_entry).optional()?)
}

/// Counts no further than `most`: every page asks.
pub fn count_waiting(r: &Reader, site: SiteId, most: usize) -> Result<i64> {
    let mut query = r.prepare_cached(
        "select count(*) from (
             select 1 from conversations indexed by conversations_waiting
             where site = ?1 and waiting_since is not null limit ?2)",
    )?;
    Ok(query.query_row(params![site.0, most as i64], |row| row.get(0))?)
}

fn read_entry(row: &Row) -> rusqlite::Result<Entry> {
    let mut columns = Columns::of(row);
    Ok(Entry {
        id: ConversationId(columns.take("id")?),
        key: ConversationKey(columns.take("key")?),
        site: SiteId(columns.take("site")?),
        site_name: columns.take("site_name")?,
        number: columns.take("number")?,
        state: read_state(&mut columns)?,
        assignee: columns.take::<Option<i64>>("assignee")?.map(AgentId),
        assignee_name: columns.take("assignee_name")?,
        last_at: columns.take("last_at")?,
        last_kind: read_last_kind(&mut columns)?,
        last_text: columns.take("last_text")?,
        visitor_lines: columns.take("visitor_lines")?,
        waiting_since: columns.take("waiting_since")?,
        waiting_before: columns.take("waiting_before")?,
        read: columns.take("read")?,
    })
}
