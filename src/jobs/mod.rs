//! Work for later, queued in the transaction that wants it done. Journal events
//! are facts in the past tense; jobs are orders, and may fail and be retried.
//!
//! A job is done at least once: a crash between the work and its row's removal
//! repeats it, so work carries an id by which the other side can tell.

mod sql;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;

use crate::db::{Db, Reader, Writer};
use crate::error::{Error, Result};
use crate::kernel::{Clock, JobId, Timestamp};

/// Jobs under way at once: one slow mail server must not hold up the rest.
const AT_ONCE: usize = 4;
/// How long commits are gathered before their work is looked for.
const GATHER: Duration = Duration::from_millis(25);
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

/// Why a try failed.
#[derive(Debug)]
pub enum Trouble {
    /// It may well work later.
    Later(String),
    /// It never will.
    Never(String),
}

pub type Work = Pin<Box<dyn Future<Output = Result<(), Trouble>>>>;
/// What is done for one kind of job.
pub type Kinds = HashMap<&'static str, Box<dyn Fn(Job) -> Work>>;

pub fn enqueue(
    w: &Writer,
    now: Timestamp,
    kind: &str,
    about: &str,
    payload: &impl Serialize,
) -> Result<JobId> {
    let payload =
        serde_json::to_string(payload).map_err(|e| Error::internal("writing a job", e))?;
    sql::insert_job(w, now, kind, about, &payload)
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

/// Works off what is due, for ever. Returns only when the database closes.
pub async fn work(db: Db, clock: Clock, kinds: Kinds) -> Result<()> {
    let kinds = Rc::new(kinds);
    let mut commits = db.commits();
    let mut running = FuturesUnordered::new();
    let mut taken = HashSet::new();
    loop {
        commits.mark_unchanged();
        let now = clock.now();
        let due = db
            .read(move |r| sql::list_due(r, now, AT_ONCE as i64 * 2))
            .await?;
        for job in due {
            if running.len() < AT_ONCE && taken.insert(job.id) {
                running.push(attempt(db.clone(), clock.clone(), Rc::clone(&kinds), job));
            }
        }
        let next = db.read(move |r| sql::find_next_due(r, now)).await?;
        let nap = next.map_or(Duration::from_secs(3600), |at| {
            Duration::from_millis((at - now).max(10) as u64)
        });
        tokio::select! {
            Some(done) = running.next(), if !running.is_empty() => {
                taken.remove(&done);
            }
            changed = commits.changed() => {
                changed.map_err(|e| Error::internal("waiting for jobs", e))?;
                // Most commits bring no work, and a busy shop has a thousand a second.
                tokio::time::sleep(GATHER).await;
            }
            () = tokio::time::sleep(nap) => (),
        }
    }
}

async fn attempt(db: Db, clock: Clock, kinds: Rc<Kinds>, job: Job) -> JobId {
    let id = job.id;
    let attempts = job.attempts;
    let kind = job.kind.clone();
    let outcome = match kinds.get(job.kind.as_str()) {
        Some(work) => work(job).await,
        None => Err(Trouble::Never(format!("nobody knows how to do `{kind}`"))),
    };
    let now = clock.now();
    let settle = move |w: &Writer| match &outcome {
        Ok(()) => sql::delete_job(w, id).map(|_| ()),
        Err(trouble) => {
            let (due, cause) = after_trouble(now, attempts, trouble);
            tracing::warn!(
                job = id.0,
                kind,
                attempts,
                "job {id} ({kind}) failed: {cause}"
            );
            sql::update_failed(w, id, now, due, cause)
        }
    };
    if let Err(error) = db.write("jobs.settle", settle).await {
        tracing::error!(%error, job = id.0, "could not note how job {id} went: {error}");
        // Not at once again: the disk may be full, and the work was done.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    id
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
