use rusqlite::{OptionalExtension, Row, params};

use super::{FollowerView, Row as Raw};
use crate::db::{Columns, Reader, Writer};
use crate::error::Result;
use crate::kernel::{Actor, Seq, Subject, Timestamp};

pub fn insert_fact(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    subject: Subject,
    fact: &str,
) -> Result<Seq> {
    let ((actor_kind, actor), (subject_kind, subject)) = (by.code(), subject.code());
    let mut statement = w.prepare_cached(
        "insert into journal (subject_kind, subject, actor_kind, actor, at, fact)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    statement.execute(params![subject_kind, subject, actor_kind, actor, now, fact])?;
    Ok(Seq(w.last_insert_rowid()))
}

/// From the counter, not from the rows: those may all have been pruned.
pub fn find_last(r: &Reader) -> Result<Seq> {
    let mut query = r.prepare_cached("select seq from sqlite_sequence where name = 'journal'")?;
    let last = query.query_row([], |row| row.get(0)).optional()?;
    Ok(Seq(last.unwrap_or(0)))
}

/// The oldest position still here; one past the newest where nothing is.
pub fn find_first(r: &Reader) -> Result<Seq> {
    let mut query = r.prepare_cached("select min(seq) from journal")?;
    let first: Option<i64> = query.query_row([], |row| row.get(0))?;
    match first {
        Some(first) => Ok(Seq(first)),
        None => Ok(Seq(find_last(r)?.0 + 1)),
    }
}

pub fn find_epoch(r: &Reader) -> Result<String> {
    let mut query = r.prepare_cached("select value from meta where name = 'epoch'")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

pub fn list_after(r: &Reader, seq: Seq, limit: usize) -> Result<Vec<Raw>> {
    let mut query = r.prepare_cached(
        "select seq, at, actor_kind, actor, subject_kind, subject, fact
         from journal where seq > ?1 order by seq limit ?2",
    )?;
    let rows = query.query_map(params![seq.0, limit as i64], read_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_between(r: &Reader, from: Seq, to: Seq, limit: usize) -> Result<Vec<Raw>> {
    let mut query = r.prepare_cached(
        "select seq, at, actor_kind, actor, subject_kind, subject, fact
         from journal where seq > ?1 and seq <= ?2 order by seq limit ?3",
    )?;
    let rows = query.query_map(params![from.0, to.0, limit as i64], read_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_about_between(
    r: &Reader,
    subject: Subject,
    from: Seq,
    to: Seq,
    limit: usize,
) -> Result<Vec<Raw>> {
    let mut query = r.prepare_cached(
        "select seq, at, actor_kind, actor, subject_kind, subject, fact from journal
         where subject_kind = ?1 and subject = ?2 and seq > ?3 and seq <= ?4
         order by seq limit ?5",
    )?;
    let (kind, id) = subject.code();
    let span = params![kind, id, from.0, to.0, limit as i64];
    let rows = query.query_map(span, read_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The oldest positions and their times.
pub fn list_oldest(r: &Reader, limit: usize) -> Result<Vec<(Seq, Timestamp)>> {
    let mut query = r.prepare_cached("select seq, at from journal order by seq limit ?1")?;
    let rows = query.query_map(params![limit as i64], |row| {
        Ok((Seq(row.get("seq")?), row.get("at")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn delete_up_to(w: &Writer, seq: Seq) -> Result<usize> {
    let mut statement = w.prepare_cached("delete from journal where seq <= ?1")?;
    Ok(statement.execute(params![seq.0])?)
}

/// How far the slowest follower has read; none where nobody follows.
pub fn find_slowest(r: &Reader) -> Result<Option<Seq>> {
    let mut query = r.prepare_cached(
        "select min(read_to) as slowest from journal_followers where retired_at is null",
    )?;
    let slowest: Option<i64> = query.query_row([], |row| row.get("slowest"))?;
    Ok(slowest.map(Seq))
}

pub fn find_cursor(r: &Reader, follower: &str) -> Result<Seq> {
    let mut query = r.prepare_cached("select read_to from journal_followers where name = ?1")?;
    Ok(Seq(query.query_row(params![follower], |row| row.get(0))?))
}

/// A place for a new follower, or the old one's again; how far it has read.
pub fn upsert_follower(w: &Writer, follower: &str, start: Seq) -> Result<Seq> {
    let mut statement = w.prepare_cached(
        "insert into journal_followers (name, read_to) values (?1, ?2)
         on conflict do update set retired_at = null",
    )?;
    statement.execute(params![follower, start.0])?;
    find_cursor(w, follower)
}

pub fn retire(w: &Writer, follower: &str, now: Timestamp) -> Result<()> {
    let mut statement =
        w.prepare_cached("update journal_followers set retired_at = ?2 where name = ?1")?;
    statement.execute(params![follower, now])?;
    Ok(())
}

/// Also ends an alarm: whoever moves is not stuck.
pub fn update_cursor(w: &Writer, follower: &str, read_to: Seq) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update journal_followers
         set read_to = ?2, stuck_at = null, stuck_since = null, cause = null where name = ?1",
    )?;
    statement.execute(params![follower, read_to.0])?;
    Ok(())
}

pub fn update_stuck(
    w: &Writer,
    follower: &str,
    at: Seq,
    now: Timestamp,
    cause: &str,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update journal_followers
         set stuck_since = iif(stuck_at is ?2, stuck_since, ?3), stuck_at = ?2, cause = ?4
         where name = ?1",
    )?;
    statement.execute(params![follower, at.0, now, cause])?;
    Ok(())
}

pub fn list_followers(r: &Reader) -> Result<Vec<FollowerView>> {
    let mut query = r.prepare_cached(
        "select name, read_to, stuck_at, stuck_since, cause from journal_followers
         where retired_at is null order by name",
    )?;
    let rows = query.query_map([], |row| {
        Ok(FollowerView {
            name: row.get("name")?,
            read_to: Seq(row.get("read_to")?),
            stuck_at: row.get::<_, Option<i64>>("stuck_at")?.map(Seq),
            stuck_since: row.get("stuck_since")?,
            cause: row.get("cause")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_row(row: &Row) -> rusqlite::Result<Raw> {
    let mut columns = Columns::of(row);
    Ok(Raw {
        seq: Seq(columns.take("seq")?),
        at: columns.take("at")?,
        by: {
            let kind = columns.word("actor_kind")?.unwrap_or_default();
            Actor::from_code(kind, columns.take("actor")?)
        },
        subject: {
            let kind = columns.word("subject_kind")?.unwrap_or_default();
            Subject::from_code(kind, columns.take("subject")?)
        },
        fact: columns.take("fact")?,
    })
}
