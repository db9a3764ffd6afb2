use rusqlite::{OptionalExtension, Row, params};

use super::{Job, Order};
use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::kernel::{JobId, Timestamp};

const COLUMNS: &str =
    "id, kind, payload, about, created_at, due_at, attempts, last_error, failed_at";

pub fn insert_job(w: &Writer, now: Timestamp, order: Order, payload: &str) -> Result<JobId> {
    let mut statement = w.prepare_cached(
        "insert into jobs (kind, payload, about, key, created_at, due_at)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let Order {
        kind,
        about,
        key,
        due_at,
    } = order;
    statement.execute(params![kind, payload, about, key, now, due_at])?;
    Ok(JobId(w.last_insert_rowid()))
}

pub fn delete_key(w: &Writer, kind: &str, key: &str) -> Result<usize> {
    let mut statement = w.prepare_cached("delete from jobs where kind = ?1 and key = ?2")?;
    Ok(statement.execute(params![kind, key])?)
}

/// The kinds that wait, each found by one step in the index however long its
/// queue is.
pub fn list_kinds(r: &Reader) -> Result<Vec<String>> {
    let mut query = r.prepare_cached(
        "with recursive kinds (kind) as (
             select min(kind) from jobs where failed_at is null
             union all
             select (select min(kind) from jobs where failed_at is null and kind > kinds.kind)
             from kinds where kinds.kind is not null)
         select kind from kinds where kind is not null",
    )?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_due(r: &Reader, kind: &str, now: Timestamp, limit: i64) -> Result<Vec<Job>> {
    let mut query = r.prepare_cached(&format!(
        "select {COLUMNS} from jobs where failed_at is null and kind = ?1 and due_at <= ?2
         order by due_at, id limit ?3"
    ))?;
    let rows = query.query_map(params![kind, now, limit], read_job)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_open(r: &Reader) -> Result<Vec<Job>> {
    let mut query = r.prepare_cached(&format!(
        "select {COLUMNS} from jobs order by failed_at is null, due_at, id limit 200"
    ))?;
    let rows = query.query_map([], read_job)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn count_failed(r: &Reader) -> Result<i64> {
    let mut query = r.prepare_cached("select count(*) from jobs where failed_at is not null")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

pub fn find_next_due(r: &Reader, kind: &str, after: Timestamp) -> Result<Option<Timestamp>> {
    let mut query = r.prepare_cached(
        "select due_at from jobs where failed_at is null and kind = ?1 and due_at > ?2
         order by due_at limit 1",
    )?;
    Ok(query
        .query_row(params![kind, after], |row| row.get(0))
        .optional()?)
}

pub fn update_due(w: &Writer, id: JobId, due: Timestamp) -> Result<bool> {
    let mut statement = w.prepare_cached(
        "update jobs set due_at = ?2, attempts = 0, failed_at = null where id = ?1",
    )?;
    Ok(statement.execute(params![id.0, due])? == 1)
}

/// Without a new time the job is given up.
pub fn update_failed(
    w: &Writer,
    id: JobId,
    now: Timestamp,
    due: Option<Timestamp>,
    cause: &str,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update jobs set attempts = attempts + 1, last_error = ?4, due_at = coalesce(?3, due_at),
             failed_at = iif(?3 is null, ?2, null)
         where id = ?1",
    )?;
    statement.execute(params![id.0, now, due, cause])?;
    Ok(())
}

pub fn delete_job(w: &Writer, id: JobId) -> Result<bool> {
    let mut statement = w.prepare_cached("delete from jobs where id = ?1")?;
    Ok(statement.execute(params![id.0])? == 1)
}

fn read_job(row: &Row) -> rusqlite::Result<Job> {
    Ok(Job {
        id: JobId(row.get("id")?),
        kind: row.get("kind")?,
        payload: row.get("payload")?,
        about: row.get("about")?,
        created_at: row.get("created_at")?,
        due_at: row.get("due_at")?,
        attempts: row.get("attempts")?,
        last_error: row.get("last_error")?,
        failed_at: row.get("failed_at")?,
    })
}
