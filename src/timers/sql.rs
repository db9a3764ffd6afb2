use rusqlite::{OptionalExtension, Row, params};

use super::Timer;
use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::kernel::Timestamp;

const COLUMNS: &str = "kind, key, due_at, data, attempts, last_error";
/// Rows on a page for the operator.
const SHOWN: usize = 50;

pub fn upsert_timer(
    w: &Writer,
    kind: &str,
    key: &str,
    due_at: Timestamp,
    data: &str,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into timers (kind, key, due_at, data) values (?1, ?2, ?3, ?4)
         on conflict (kind, key) do update
         set due_at = excluded.due_at, data = excluded.data, attempts = 0, last_error = null",
    )?;
    statement.execute(params![kind, key, due_at, data])?;
    Ok(())
}

pub fn delete_timer(w: &Writer, kind: &str, key: &str) -> Result<bool> {
    let mut statement = w.prepare_cached("delete from timers where kind = ?1 and key = ?2")?;
    Ok(statement.execute(params![kind, key])? == 1)
}

/// Takes it out, if it is still due: it may have been moved, or cleared, since it
/// was looked for.
pub fn take_due(w: &Writer, kind: &str, key: &str, now: Timestamp) -> Result<Option<Timer>> {
    let mut statement = w.prepare_cached(&format!(
        "delete from timers where kind = ?1 and key = ?2 and due_at <= ?3 returning {COLUMNS}"
    ))?;
    let taken = statement.query_row(params![kind, key, now], read_timer);
    Ok(taken.optional()?)
}

pub fn find_timer(r: &Reader, kind: &str, key: &str) -> Result<Option<Timer>> {
    let mut query = r.prepare_cached(&format!(
        "select {COLUMNS} from timers where kind = ?1 and key = ?2"
    ))?;
    Ok(query.query_row(params![kind, key], read_timer).optional()?)
}

pub fn list_due(r: &Reader, kind: &str, now: Timestamp, limit: usize) -> Result<Vec<Timer>> {
    let mut query = r.prepare_cached(&format!(
        "select {COLUMNS} from timers where kind = ?1 and due_at <= ?2 order by due_at limit ?3"
    ))?;
    let rows = query.query_map(params![kind, now, limit as i64], read_timer)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn find_next_due(r: &Reader, kind: &str) -> Result<Option<Timestamp>> {
    let mut query = r.prepare_cached("select min(due_at) from timers where kind = ?1")?;
    Ok(query.query_row(params![kind], |row| row.get(0))?)
}

pub fn list_troubled(r: &Reader) -> Result<Vec<Timer>> {
    let mut query = r.prepare_cached(&format!(
        "select {COLUMNS} from timers where attempts > 0 order by due_at limit ?1"
    ))?;
    let rows = query.query_map(params![SHOWN as i64], read_timer)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Unless it was set anew meanwhile.
pub fn update_failed(w: &Writer, timer: &Timer, again: Timestamp, cause: &str) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update timers set attempts = attempts + 1, due_at = ?4, last_error = ?5
         where kind = ?1 and key = ?2 and due_at = ?3",
    )?;
    statement.execute(params![timer.kind, timer.key, timer.due_at, again, cause])?;
    Ok(())
}

fn read_timer(row: &Row) -> rusqlite::Result<Timer> {
    Ok(Timer {
        kind: row.get("kind")?,
        key: row.get("key")?,
        due_at: row.get("due_at")?,
        data: row.get("data")?,
        attempts: row.get("attempts")?,
        last_error: row.get("last_error")?,
    })
}
