//! Work for later, queued in the transaction that wants it done. Journal events
//! are facts in the past tense; jobs are orders, and may fail and be retried.
//!
//! A job is done at least once: a crash between the work and its row's removal
//! repeats it, so work carries an id by which the other side can tell.
//!
//! Each kind has a lane and a limit of time. What hangs or panics is that job's
//! failure, and holds up at most its own lane.

mod sql;
mod worker;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;

use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::kernel::{JobId, Timestamp};

pub use worker::work;

/// After the last of these a job is given up and shown to the operator.
const BACK_OFF_SECONDS: [i64; 10] = [5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800];

#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub payload: String,
    /// For the operator: to whom, about what. No message text.
    pub about: String,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub attempts: u32,
    pub last_error: Option<String>,
    pub failed_at: Option<Timestamp>,
}

impl Job {
    /// After this one it is given up, whatever the trouble.
    pub fn is_last_try(&self) -> bool {
        BACK_OFF_SECONDS.len() <= self.attempts as usize
    }
}

/// Why a try failed.
#[derive(Debug)]
pub enum Trouble {
    /// It may well work later.
    Later(String),
    /// It never will.
    Never(String),
}

pub type Work = Pin<Box<dyn Future<Output = Result<(), Trouble>>>>;

/// How one kind of job is done.
pub struct JobKind {
    /// Kinds that may wait for the same thing share a lane, and its places.
    pub lane: &'static str,
    /// A job starts only while fewer than this are under way in its lane. Of two
    /// kinds in one lane the one with the smaller number leaves the other room.
    pub at_once: usize,
    /// The longest that one try may take.
    pub limit: Duration,
    pub run: Box<dyn Fn(Job) -> Work>,
}

pub type Kinds = HashMap<&'static str, JobKind>;

/// To be done as soon as there is room.
pub fn enqueue(
    w: &Writer,
    now: Timestamp,
    kind: &str,
    about: &str,
    payload: &impl Serialize,
) -> Result<JobId> {
    let order = Order {
        kind,
        about,
        key: None,
        due_at: now,
    };
    enqueue_order(w, now, order, payload)
}

/// What is to be done, and when.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub kind: &'a str,
    /// As `Job::about`.
    pub about: &'a str,
    /// One job of this kind stands for this; an order under the same key takes
    /// the place of the one before, with all its tries.
    pub key: Option<&'a str>,
    /// Not before this; at once where it is past.
    pub due_at: Timestamp,
}

pub fn enqueue_order(
    w: &Writer,
    now: Timestamp,
    order: Order,
    payload: &impl Serialize,
) -> Result<JobId> {
    let payload =
        serde_json::to_string(payload).map_err(|e| Error::internal("writing a job", e))?;
    if let Some(key) = order.key {
        sql::delete_key(w, order.kind, key)?;
    }
    w.leave_work();
    sql::insert_job(w, now, order, &payload)
}

/// Takes back what was ordered under a key. False where nothing is left to take
/// back. What is under way at this moment is not stopped: work looks at the state
/// of the house when it begins, and does nothing that nobody wants any more.
pub fn cancel(w: &Writer, kind: &str, key: &str) -> Result<bool> {
    Ok(sql::delete_key(w, kind, key)? != 0)
}

/// Everything not yet done, given-up work first.
pub fn list_open(r: &Reader) -> Result<Vec<Job>> {
    sql::list_open(r)
}

pub fn count_failed(r: &Reader) -> Result<i64> {
    sql::count_failed(r)
}

/// Tries a job again now, with all its tries before it.
pub fn retry(w: &Writer, now: Timestamp, id: JobId) -> Result<()> {
    w.leave_work();
    match sql::update_due(w, id, now)? {
        true => Ok(()),
        false => Err(Error::NotFound("job")),
    }
}

pub fn drop_job(w: &Writer, id: JobId) -> Result<()> {
    match sql::delete_job(w, id)? {
        true => Ok(()),
        false => Err(Error::NotFound("job")),
    }
}

/// When to try again; never, where that is hopeless.
fn after_trouble(now: Timestamp, attempts: u32, trouble: &Trouble) -> (Option<Timestamp>, &str) {
    match trouble {
        Trouble::Never(cause) => (None, cause),
        Trouble::Later(cause) => {
            let pause = BACK_OFF_SECONDS.get(attempts as usize);
            (pause.map(|seconds| now + seconds * 1000), cause)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_means_later_and_later_until_it_is_given_up() {
        let later = Trouble::Later("450".into());
        let due = |attempts| after_trouble(0, attempts, &later).0;
        assert_eq!(due(0), Some(5_000));
        assert!(due(1) < due(2));
        assert_eq!(due(BACK_OFF_SECONDS.len() as u32), None);
    }

    #[test]
    fn never_means_never() {
        assert_eq!(after_trouble(0, 0, &Trouble::Never("550".into())).0, None);
    }
}
