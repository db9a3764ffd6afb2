//! The worker: looks for what is due, kind by kind, and does it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{Id, JoinSet};

use super::{Job, JobKind, Kinds, Trouble, after_trouble, sql};
use crate::db::{Db, Reader, Storage, Writer};
use crate::error::Result;
use crate::kernel::{Clock, JobId, Timestamp};
use crate::plant::{Stop, words_of};

/// How long orders are gathered before they are looked for.
const GATHER: Duration = Duration::from_millis(25);
/// How long nothing is looked for after the database did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// How long until the outcome of a job that could not be noted is noted again.
const UNSETTLED: Duration = Duration::from_secs(5);
/// Looks that may fail in a row before the worker reports itself as failed.
const PATIENCE: u32 = 2;
/// Jobs of an unknown kind that are given up at once.
const UNKNOWN: i64 = 8;
/// A look now and then, whatever was said: clocks are set, machines sleep, and
/// another process of ours may have left something.
const LONGEST: Duration = Duration::from_secs(60);

/// Works off what is due. Comes back when the database closes, or at the end of
/// the program, and then finishes what is under way.
pub async fn work(db: Db, clock: Clock, kinds: Rc<Kinds>, stop: Stop) -> Result<()> {
    let mut ordered = db.work();
    let mut bench = Bench::new(db.clone(), clock.clone(), kinds, stop.clone());
    let mut misses = 0;
    loop {
        ordered.mark_unchanged();
        while let Some(done) = bench.running.try_join_next_with_id() {
            bench.clear(done);
        }
        let stopping = stop.is_heard();
        if stopping && bench.running.is_empty() {
            return Ok(());
        }
        let nap = match stopping {
            true => LONGEST,
            false => match bench.look().await {
                Ok(nap) => {
                    misses = 0;
                    nap
                }
                Err(error) => {
                    misses += 1;
                    // What is under way goes on: only an idle worker fails.
                    if PATIENCE < misses && bench.running.is_empty() {
                        return Err(error);
                    }
                    tracing::warn!(%error, "could not look for work, and tries again: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        tokio::select! {
            Some(done) = bench.running.join_next_with_id() => bench.clear(done),
            changed = ordered.changed(), if !stopping => {
                if changed.is_err() {
                    return Ok(());
                }
                tokio::time::sleep(GATHER).await;
            }
            () = tokio::time::sleep(nap) => (),
            () = stop.heard(), if !stopping => (),
        }
    }
}

/// What is under way. Each job is a task of its own, so that none waits until
/// another has had its turn.
struct Bench {
    db: Db,
    clock: Clock,
    kinds: Rc<Kinds>,
    stop: Stop,
    running: JoinSet<()>,
    taken: HashMap<Id, Taken>,
}

struct Taken {
    job: JobId,
    lane: &'static str,
}

impl Bench {
    fn new(db: Db, clock: Clock, kinds: Rc<Kinds>, stop: Stop) -> Self {
        Self {
            db,
            clock,
            kinds,
            stop,
            running: JoinSet::new(),
            taken: HashMap::new(),
        }
    }

    fn under_way(&self, lane: &str) -> usize {
        self.taken.values().filter(|it| it.lane == lane).count()
    }

    fn has_room(&self, kind: &JobKind) -> bool {
        self.under_way(kind.lane) < kind.at_once
    }

    /// Starts what is due and has room; how long until more falls due.
    async fn look(&mut self) -> Result<Duration> {
        // Whatever is done now could not be noted.
        if *self.db.storage().borrow() == Storage::Failing {
            return Ok(PAUSE);
        }
        let now = self.clock.now();
        let wanted = self.kinds.iter().map(|(name, kind)| {
            // Those under way are still in the queue.
            let most = match self.has_room(kind) {
                true => kind.at_once + self.taken.len(),
                false => 0,
            };
            (*name, most as i64)
        });
        let wanted = wanted.collect();
        let look = move |r: &Reader| list_due(r, now, &wanted);
        let (due, next) = self.db.read(look).await?;
        for job in due {
            self.start(job);
        }
        Ok(next.map_or(LONGEST, |at| {
            Duration::from_millis((at - now).max(10) as u64).min(LONGEST)
        }))
    }

    fn start(&mut self, job: Job) {
        let kind = self.kinds.get(job.kind.as_str());
        let known = self.taken.values().any(|it| it.job == job.id);
        if known || kind.is_some_and(|it| !self.has_room(it)) {
            return;
        }
        let lane = kind.map_or("unknown", |it| it.lane);
        let id = job.id;
        let (db, clock) = (self.db.clone(), self.clock.clone());
        let task = attempt(db, clock, Rc::clone(&self.kinds), self.stop.clone(), job);
        let task = self.running.spawn_local(task);
        self.taken.insert(task.id(), Taken { job: id, lane });
    }

    fn clear(&mut self, done: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match &done {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.taken.remove(&id);
    }
}

/// The next of every kind that has room, oldest first, and the moment at which
/// another falls due.
fn list_due(
    r: &Reader,
    now: Timestamp,
    wanted: &HashMap<&str, i64>,
) -> Result<(Vec<Job>, Option<Timestamp>)> {
    let (mut due, mut next) = (Vec::new(), None);
    for kind in sql::list_kinds(r)? {
        let most = wanted.get(kind.as_str()).copied().unwrap_or(UNKNOWN);
        if 0 < most {
            due.extend(sql::list_due(r, &kind, now, most)?);
        }
        let later = sql::find_next_due(r, &kind, now)?;
        next = [next, later].into_iter().flatten().min();
    }
    due.sort_by_key(|it| (it.due_at, it.id.0));
    Ok((due, next))
}

/// Does one job and notes how it went, however long the database cannot: until
/// then it is under way, and nobody begins it again.
async fn attempt(db: Db, clock: Clock, kinds: Rc<Kinds>, stop: Stop, job: Job) {
    let (id, attempts, kind) = (job.id, job.attempts, job.kind.clone());
    let outcome = match kinds.get(kind.as_str()) {
        Some(known) => run(known, job).await,
        None => Err(Trouble::Never(format!("nobody knows how to do `{kind}`"))),
    };
    let now = clock.now();
    if let Err(trouble) = &outcome {
        let (_, cause) = after_trouble(now, attempts, trouble);
        tracing::warn!(
            job = id.0,
            kind,
            attempts,
            "job {id} ({kind}) failed: {cause}"
        );
    }
    let (outcome, mut storage) = (Arc::new(outcome), db.storage());
    // The work was done: a disk that is full is no reason to do it once more.
    loop {
        let outcome = Arc::clone(&outcome);
        let settle = move |w: &Writer| match &*outcome {
            Ok(()) => sql::delete_job(w, id).map(|_| ()),
            Err(trouble) => {
                let (due, cause) = after_trouble(now, attempts, trouble);
                sql::update_failed(w, id, now, due, cause)
            }
        };
        storage.mark_unchanged();
        let Err(error) = db.write("jobs.settle", settle).await else {
            return;
        };
        tracing::error!(%error, job = id.0, "could not note how job {id} went, and tries again: {error}");
        if stop.is_heard() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(UNSETTLED) => (),
            _ = storage.changed() => (),
            () = stop.heard() => (),
        }
    }
}

/// A panic, or more time than this kind may take, is the failure of this job.
async fn run(kind: &JobKind, job: Job) -> Result<(), Trouble> {
    let work = AssertUnwindSafe(async { (kind.run)(job).await }).catch_unwind();
    match tokio::time::timeout(kind.limit, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => {
            let words = words_of(&*panic);
            Err(Trouble::Later(format!("the work panicked: {words}")))
        }
        Err(_) => {
            let seconds = kind.limit.as_secs_f32();
            Err(Trouble::Later(format!("not done after {seconds} s")))
        }
    }
}
