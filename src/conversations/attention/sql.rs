use rusqlite::{OptionalExtension, params};

use super::Mark;
use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, Seq, Timestamp};

/// Resolved, or no reply needed: nobody waits, and since when he did is kept; also
/// that he did not, so that nothing older comes back.
pub fn update_put_aside(w: &Writer, id: ConversationId) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update conversations set waiting_before = waiting_since, waiting_since = null
         where id = ?1 and coalesce(waiting_since, waiting_before) is not null",
    )?;
    statement.execute(params![id.0])?;
    Ok(())
}

pub fn update_taken_up(w: &Writer, id: ConversationId) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update conversations set waiting_since = waiting_before, waiting_before = null
         where id = ?1 and waiting_before is not null",
    )?;
    statement.execute(params![id.0])?;
    Ok(())
}

/// When the visitor wrote first after a line.
pub fn find_first_asked_after(
    r: &Reader,
    conversation: ConversationId,
    after: Seq,
) -> Result<Option<Timestamp>> {
    let mut query = r.prepare_cached(
        "select at from messages where conversation = ?1 and id > ?2 and kind = 'visitor'
         order by id limit 1",
    )?;
    let found = query.query_row(params![conversation.0, after.0], |row| row.get(0));
    Ok(found.optional()?)
}

/// The visitor's lines after a line; counts no further than `most`, and walks no
/// further than `walk` lines of anybody.
pub fn count_asked_after(
    r: &Reader,
    conversation: ConversationId,
    after: Seq,
    most: usize,
    walk: usize,
) -> Result<i64> {
    let mut query = r.prepare_cached(
        "select count(*) from (
             select 1 from (
                 select kind from messages where conversation = ?1 and id > ?2
                 order by id limit ?4)
             where kind = 'visitor' limit ?3)",
    )?;
    let values = params![conversation.0, after.0, most as i64, walk as i64];
    Ok(query.query_row(values, |row| row.get(0))?)
}

pub fn find_mark(r: &Reader, conversation: ConversationId, agent: AgentId) -> Result<Option<Mark>> {
    let mut query = r.prepare_cached(
        "select up_to, visitor_lines from conversation_seen
         where conversation = ?1 and agent = ?2",
    )?;
    let found = query.query_row(params![conversation.0, agent.0], |row| {
        Ok(Mark {
            up_to: Seq(row.get("up_to")?),
            visitor_lines: row.get("visitor_lines")?,
        })
    });
    Ok(found.optional()?)
}

pub fn upsert_mark(
    w: &Writer,
    conversation: ConversationId,
    agent: AgentId,
    mark: Mark,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into conversation_seen (conversation, agent, up_to, visitor_lines)
         values (?1, ?2, ?3, ?4)
         on conflict (conversation, agent)
         do update set up_to = excluded.up_to, visitor_lines = excluded.visitor_lines",
    )?;
    let lines = mark.visitor_lines;
    statement.execute(params![conversation.0, agent.0, mark.up_to.0, lines])?;
    Ok(())
}

pub fn update_agents_seen(w: &Writer, id: ConversationId, up_to: Seq) -> Result<()> {
    w.prepare_cached("update conversations set agents_seen = ?2 where id = ?1")?
        .execute(params![id.0, up_to.0])?;
    Ok(())
}

pub fn update_visitor_seen(w: &Writer, id: ConversationId, up_to: Seq) -> Result<()> {
    w.prepare_cached("update conversations set visitor_seen = ?2 where id = ?1")?
        .execute(params![id.0, up_to.0])?;
    Ok(())
}
