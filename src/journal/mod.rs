//! The transactional outbox: an event is recorded in the transaction that made
//! it true, so followers see it exactly when, and only if, that commits.
//!
//! Two ways to read it. A durable follower (`follow`) reacts once to every event
//! ever recorded, across restarts: what it writes and how far it has read are
//! committed together. `live` reads the tail by itself and forgets.
//!
//! An event that a follower cannot digest stops that follower, raises an alarm
//! that the settings page shows, and is tried again until it passes or somebody
//! skips it deliberately.

mod fact;
mod sql;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::db::{Db, Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::kernel::{Clock, ConversationId, Seq, Timestamp};

use fact::Row;

/// Events read at once.
pub const BATCH: usize = 256;
/// A reader that fell further behind reloads its page instead.
const REPLAY: usize = 500;
/// How long the past stays replayable.
pub const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a stuck follower waits before it tries the same event again.
const STUCK: Duration = Duration::from_secs(30);

/// The next events, as far as one reading goes.
pub struct Batch {
    pub facts: Vec<Fact>,
    /// The position this reading has reached; none where nothing is new. An event
    /// that this version does not know counts here too, and is passed over.
    pub last: Option<Seq>,
    /// There may be more.
    pub full: bool,
}

/// An event and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub seq: Seq,
    pub at: Timestamp,
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

pub type React = fn(&Writer, &Fact) -> Result<()>;

pub fn record(w: &Writer, now: Timestamp, event: &Event) -> Result<Seq> {
    let fact = serde_json::to_string(event).map_err(|e| Error::internal("writing an event", e))?;
    sql::insert_fact(w, event.conversation(), now, &fact)
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
pub fn after(r: &Reader, seq: Seq) -> Result<Batch> {
    let rows = sql::list_after(r, seq, BATCH)?;
    Ok(Batch {
        last: rows.last().map(|it| it.seq),
        full: rows.len() == BATCH,
        facts: known(rows),
    })
}

/// Exactly what was missed: everything after `from` up to `to`. `None` where it
/// can no longer be told, or would be too much to send.
pub fn missed(r: &Reader, from: Seq, to: Seq) -> Result<Option<Vec<Fact>>> {
    let reading = |r: &Reader| sql::list_between(r, from, to, REPLAY + 1);
    replay(r, from, to, reading)
}

/// The same for one conversation only.
pub fn missed_in(
    r: &Reader,
    conversation: ConversationId,
    from: Seq,
    to: Seq,
) -> Result<Option<Vec<Fact>>> {
    let reading = |r: &Reader| sql::list_in_between(r, conversation, from, to, REPLAY + 1);
    replay(r, from, to, reading)
}

fn replay(
    r: &Reader,
    from: Seq,
    to: Seq,
    reading: impl FnOnce(&Reader) -> Result<Vec<Row>>,
) -> Result<Option<Vec<Fact>>> {
    if to < from {
        // A page drawn right after a commit stands ahead of the news that goes
        // out. It missed nothing, unless its position is from another database.
        return Ok((from <= position(r)?).then(Vec::new));
    }
    if from.0 + 1 < sql::find_first(r)?.0 {
        return Ok(None);
    }
    let rows = reading(r)?;
    Ok((rows.len() <= REPLAY).then(|| known(rows)))
}

/// One by one: an event that a newer version left behind stops nobody. It stays
/// where it is, for a version that knows it.
fn known(rows: Vec<Row>) -> Vec<Fact> {
    rows.into_iter().filter_map(Row::read).collect()
}

/// Forgets what is older than `KEPT` and read by every durable follower.
pub fn prune(w: &Writer, now: Timestamp) -> Result<usize> {
    sql::delete_before(w, now - KEPT.as_millis() as i64)
}

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
    tracing::warn!(name, seq = at.0, "skipped event {at} for `{name}` by hand");
    Ok(at)
}

/// Reacts once to every event, for ever. Returns only when the database closes.
pub async fn follow(db: Db, clock: Clock, name: &'static str, react: React) -> Result<()> {
    let mut commits = db.commits();
    let start = move |w: &Writer| sql::find_or_insert_cursor(w, name);
    db.write("journal.start", start).await?;
    loop {
        commits.mark_unchanged();
        match advance(&db, name, react).await {
            Ok(true) => continue,
            Ok(false) => wait(&mut commits).await?,
            Err(Error::Unavailable(_)) => tokio::time::sleep(Duration::from_secs(1)).await,
            Err(_) => {
                one_by_one(&db, clock.now(), name, react).await?;
                // Woken early by a skip, which is a commit like any other.
                let _ = timeout(STUCK, commits.changed()).await;
            }
        }
    }
}

async fn wait(commits: &mut watch::Receiver<u64>) -> Result<()> {
    commits
        .changed()
        .await
        .map_err(|e| Error::internal("following the journal", e))
}

/// One batch: all of it, with the cursor, in one transaction. False if there
/// was nothing to do.
async fn advance(db: &Db, name: &'static str, react: React) -> Result<bool> {
    let pending = db.read(move |r| sql::list_after(r, sql::find_cursor(r, name)?, 1));
    if pending.await?.is_empty() {
        return Ok(false);
    }
    db.write(name, move |w| {
        // Read again inside: a skip may have moved the cursor meanwhile.
        let batch = after(w, sql::find_cursor(w, name)?)?;
        batch.facts.iter().try_for_each(|fact| react(w, fact))?;
        if let Some(last) = batch.last {
            sql::update_cursor(w, name, last)?;
        }
        Ok(batch.last.is_some())
    })
    .await
}

/// After a failed batch: digest what can be digested, and name the one that
/// cannot be.
async fn one_by_one(db: &Db, now: Timestamp, name: &'static str, react: React) -> Result<()> {
    loop {
        let next = db.read(move |r| sql::list_after(r, sql::find_cursor(r, name)?, 1));
        let Some(row) = next.await?.into_iter().next() else {
            return Ok(());
        };
        let seq = row.seq;
        let tried = db.write(name, move |w| {
            row.read().map_or(Ok(()), |fact| react(w, &fact))?;
            sql::update_cursor(w, name, seq)
        });
        match tried.await {
            Ok(()) => (),
            Err(Error::Unavailable(_)) => return Ok(()),
            Err(cause) => {
                tracing::error!(name, seq = seq.0, %cause, "`{name}` is stuck at event {seq}: {cause}");
                let cause = cause.to_string();
                let alarm = move |w: &Writer| sql::update_stuck(w, name, seq, now, &cause);
                return db.write("journal.alarm", alarm).await;
            }
        }
    }
}
