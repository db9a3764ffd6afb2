//! The transactional outbox: an event is recorded in the transaction that made
//! it true, so followers see it exactly when, and only if, that commits.
//!
//! Two ways to read it. A durable follower (`follow`) reacts once to every event
//! ever recorded, across restarts: what it writes and how far it has read are
//! committed together. `live` reads the tail by itself and forgets.
//!
//! A fact says what it is about (its subject), who did it, and what happened.
//!
//! An event that a follower cannot digest stops that follower, raises an alarm
//! that the settings page shows, and is tried again until it passes or somebody
//! skips it deliberately.

mod fact;
mod follow;
mod replay;
mod sql;

use std::time::Duration;

use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::kernel::{Actor, Seq, Subject, Timestamp};

use fact::Row;

pub use follow::{Follower, React, Start, follow};

/// Events read at once.
pub const BATCH: usize = 256;
/// How long the past stays replayable.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Events forgotten in one write.
pub const PRUNED: usize = 1000;
/// Bytes of an event, written down.
const LARGEST: usize = 4096;

/// The next events, as far as one reading goes.
pub struct Reading {
    pub facts: Vec<Fact>,
    /// The position this reading has reached; none where nothing is new. An event
    /// that this version does not know counts here too, and is passed over.
    pub last: Option<Seq>,
    /// There may be more.
    pub full: bool,
}

/// An event and where it stands, what it is about, and who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub seq: Seq,
    pub at: Timestamp,
    pub by: Actor,
    pub subject: Subject,
    pub event: Event,
}

/// One durable follower, as an operator sees it.
pub struct FollowerView {
    pub name: String,
    pub read_to: Seq,
    pub stuck_at: Option<Seq>,
    pub stuck_since: Option<Timestamp>,
    pub cause: Option<String>,
}

pub fn record(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    subject: impl Into<Subject>,
    event: &Event,
) -> Result<Seq> {
    let fact = serde_json::to_string(event).map_err(|e| Error::internal("writing an event", e))?;
    if LARGEST < fact.len() {
        return Err(Error::internal("recording an event", "it is too large"));
    }
    let seq = sql::insert_fact(w, now, by, subject.into(), &fact)?;
    w.announce(seq);
    Ok(seq)
}

/// The newest position.
pub fn position(r: &Reader) -> Result<Seq> {
    sql::find_last(r)
}

/// Changes when the database is made or restored: positions of another epoch
/// mean nothing here.
pub fn epoch(r: &Reader) -> Result<String> {
    sql::find_epoch(r)
}

/// The next events after a position, oldest first, a batch at most.
pub fn after(r: &Reader, seq: Seq) -> Result<Reading> {
    let rows = sql::list_after(r, seq, BATCH)?;
    Ok(Reading {
        last: rows.last().map(|it| it.seq),
        full: rows.len() == BATCH,
        facts: known(rows),
    })
}

/// Exactly what was missed: everything after `from` up to `to`, and of what moved on
/// only where it is now. `None` where it can no longer be told, or
/// would be too much to send.
pub fn missed(r: &Reader, from: Seq, to: Seq) -> Result<Option<Vec<Fact>>> {
    replay(r, from, to, |from| sql::list_between(r, from, to, BATCH))
}

/// The same of what is about some subjects only.
pub fn missed_about(
    r: &Reader,
    subjects: &[Subject],
    from: Seq,
    to: Seq,
) -> Result<Option<Vec<Fact>>> {
    let mut all = Vec::new();
    for subject in subjects {
        let reading = |from| sql::list_about_between(r, *subject, from, to, BATCH);
        match replay(r, from, to, reading)? {
            Some(facts) => all.extend(facts),
            None => return Ok(None),
        }
    }
    all.sort_by_key(|it| it.seq);
    Ok(Some(all))
}

fn replay(
    r: &Reader,
    from: Seq,
    to: Seq,
    reading: impl Fn(Seq) -> Result<Vec<Row>>,
) -> Result<Option<Vec<Fact>>> {
    if to < from {
        // A page drawn right after a commit stands ahead of the news that goes
        // out. It missed nothing, unless its position is from another database.
        return Ok((from <= position(r)?).then(Vec::new));
    }
    if from.0 + 1 < sql::find_first(r)?.0 {
        return Ok(None);
    }
    replay::gather(from, reading)
}

/// One by one: an event that a newer version left behind stops nobody. It stays
/// where it is, for a version that knows it.
fn known(rows: Vec<Row>) -> Vec<Fact> {
    rows.into_iter().filter_map(Row::read).collect()
}

/// Forgets the oldest of what is older than `KEPT` and read by every durable
/// follower: up to `PRUNED`, so that no other write waits long. How many.
pub fn prune(w: &Writer, now: Timestamp) -> Result<usize> {
    let kept = KEPT.as_millis() as i64;
    // From the oldest end, as far as that goes: a gap inside would be taken for
    // "nothing was missed". What lies far ahead was written by a wrong clock.
    let is_past = |at: Timestamp| at < now - kept || now + kept < at;
    let slowest = sql::find_slowest(w)?;
    let oldest = sql::list_oldest(w, PRUNED)?;
    let past = oldest
        .into_iter()
        .take_while(|(seq, at)| is_past(*at) && slowest.is_none_or(|it| *seq <= it));
    match past.last() {
        Some((last, _)) => sql::delete_up_to(w, last),
        None => Ok(0),
    }
}

/// Followers that the program does not know any more stop holding the journal.
/// Their place is kept, in case they come back.
pub fn retire_all_but(w: &Writer, now: Timestamp, known: &[&str]) -> Result<()> {
    for it in sql::list_followers(w)? {
        if !known.contains(&it.name.as_str()) {
            sql::retire(w, &it.name, now)?;
            tracing::info!("nobody follows the journal as `{}` any more", it.name);
        }
    }
    Ok(())
}

/// Those that the program knows.
pub fn list_followers(r: &Reader) -> Result<Vec<FollowerView>> {
    sql::list_followers(r)
}

/// Moves a stuck follower past the event it cannot digest.
pub fn skip(w: &Writer, name: &str) -> Result<Seq> {
    let stuck = list_followers(w)?.into_iter().find(|it| it.name == name);
    let at = stuck
        .and_then(|it| it.stuck_at)
        .ok_or(Error::NotFound("stuck follower"))?;
    sql::update_cursor(w, name, at)?;
    // Nothing new happened, but the runner has something to do.
    w.announce(position(w)?);
    tracing::warn!(name, seq = at.0, "skipped event {at} for `{name}` by hand");
    Ok(at)
}
