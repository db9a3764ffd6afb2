use rusqlite::{OptionalExtension, Row, params};

use super::Entry;
use crate::conversations::sql::{read_last_kind, read_state};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, ConversationKey, Timestamp};

const ENTRY: &str = "select c.id, c.key, v.number, c.state, c.assignee, a.name as assignee_name,
    c.last_at, c.last_kind, c.last_text, c.unread
    from conversations c
    join visitors v on v.id = c.visitor
    left join agents a on a.id = c.assignee";

const ORDER: &str = "and (c.last_at, c.id) < (?2, ?3) order by c.last_at desc, c.id desc limit ?4";

type Mark = Option<(Timestamp, i64)>;

pub fn list_inbox(r: &Reader, agent: AgentId, before: Mark, limit: usize) -> Result<Vec<Entry>> {
    let sql = format!("{ENTRY} where c.state = 'open' and c.assignee is not ?1 {ORDER}");
    list(r, &sql, Some(agent), before, limit)
}

pub fn list_mine(r: &Reader, agent: AgentId, before: Mark, limit: usize) -> Result<Vec<Entry>> {
    let sql = format!("{ENTRY} where c.state = 'open' and c.assignee = ?1 {ORDER}");
    list(r, &sql, Some(agent), before, limit)
}

pub fn list_resolved(r: &Reader, before: Mark, limit: usize) -> Result<Vec<Entry>> {
    let sql = format!("{ENTRY} where c.state = 'resolved' and ?1 is null {ORDER}");
    list(r, &sql, None, before, limit)
}

fn list(
    r: &Reader,
    sql: &str,
    agent: Option<AgentId>,
    before: Mark,
    limit: usize,
) -> Result<Vec<Entry>> {
    let (at, id) = before.unwrap_or((i64::MAX, i64::MAX));
    let mut query = r.prepare_cached(sql)?;
    let agent = agent.map(|it| it.0);
    let rows = query.query_map(params![agent, at, id, limit as i64], read_entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn find_entry(r: &Reader, id: ConversationId) -> Result<Option<Entry>> {
    let mut query = r.prepare_cached(&format!("{ENTRY} where c.id = ?1"))?;
    Ok(query.query_row(params![id.0], read_entry).optional()?)
}

/// Counts no further than `most`: every page asks.
pub fn count_waiting(r: &Reader, most: usize) -> Result<i64> {
    let mut query = r.prepare_cached(
        "select count(*) from (
             select 1 from conversations indexed by conversations_waiting
             where unread > 0 and state = 'open' limit ?1)",
    )?;
    Ok(query.query_row(params![most as i64], |row| row.get(0))?)
}

fn read_entry(row: &Row) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: ConversationId(row.get("id")?),
        key: ConversationKey(row.get("key")?),
        number: row.get("number")?,
        state: read_state(row)?,
        assignee: row.get::<_, Option<i64>>("assignee")?.map(AgentId),
        assignee_name: row.get("assignee_name")?,
        last_at: row.get("last_at")?,
        last_kind: read_last_kind(row)?,
        last_text: row.get("last_text")?,
        unread: row.get("unread")?,
    })
}
