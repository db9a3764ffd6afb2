//! Who keeps the plant running. Every task and thread that works all day is
//! supervised here: one that fails or panics is started again, later and later;
//! that is logged, counted and told to whoever asks (`/readyz`, the page of the
//! workings); and at the end of the program each is told, and waited for.
//!
//! It knows names, not business. What a task had begun it must find again by
//! itself: from the database, or from what its start function keeps.

mod post;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::error::{Error, Result};
use crate::kernel::{Clock, Timestamp, clip};

pub use post::Post;

/// The first restart comes after this, every further one after twice as long.
const SOON: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_secs(30);
/// Whoever worked this long without a failure begins again with `SOON`.
const SOUND: Duration = Duration::from_secs(60);
/// Whoever failed is not at work again before it has run this long, or twice as
/// long as it ran before it failed: what fails after five seconds, over and over,
/// has not recovered in between.
const TRIAL: Duration = Duration::from_secs(10);
/// How long the end waits for what is under way.
const FAREWELL: Duration = Duration::from_secs(5);
/// Characters of a cause that are kept.
const CAUSE: usize = 300;

/// A handle to all of it. Cheap to clone.
#[derive(Clone)]
pub struct Plant(Arc<Inner>);

struct Inner {
    clock: Clock,
    trial: Duration,
    tasks: Mutex<Vec<Task>>,
    stopping: watch::Sender<bool>,
    at_work: watch::Sender<usize>,
}

/// One supervised task, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub name: &'static str,
    pub state: State,
    /// Failures since the program started: of itself, each followed by a restart,
    /// and of single things that it was asked to do.
    pub failures: u64,
    pub failed_at: Option<Timestamp>,
    /// Of the last failure, for the operator.
    pub cause: Option<String>,
    /// How many do it side by side.
    hands: usize,
    /// How many of them failed and wait to be started again.
    missing: usize,
    /// One that was started again is not trusted before this.
    proven_at: Option<Instant>,
    /// Whether the end of the program waits for it.
    awaited: bool,
}

impl Task {
    fn new(name: &'static str, awaited: bool) -> Self {
        Self {
            name,
            state: State::AtWork,
            failures: 0,
            failed_at: None,
            cause: None,
            hands: 1,
            missing: 0,
            proven_at: None,
            awaited,
        }
    }

    fn state_at(&self, now: Instant) -> State {
        match self.state {
            State::AtWork if self.proven_at.is_some_and(|at| now < at) => State::Down,
            state => state,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    AtWork,
    /// It failed and waits to be started again, or was, and has not proven yet that
    /// it will not fail at once.
    Down,
    /// It has come to its end.
    Ended,
}

/// By which a task hears that the program ends.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// For work that runs without a plant.
    pub fn never() -> Self {
        Self(watch::channel(false).1)
    }

    pub fn is_heard(&self) -> bool {
        *self.0.borrow()
    }

    pub async fn heard(&self) {
        let mut stopping = self.0.clone();
        if stopping.wait_for(|it| *it).await.is_err() {
            // Nobody is left who could say it.
            std::future::pending::<()>().await;
        }
    }
}

impl Plant {
    pub fn new(clock: Clock) -> Self {
        Self::with_trial(clock, TRIAL)
    }

    /// With another time after which a task that failed is trusted again.
    pub fn with_trial(clock: Clock, trial: Duration) -> Self {
        Self(Arc::new(Inner {
            clock,
            trial,
            tasks: Mutex::default(),
            stopping: watch::Sender::new(false),
            at_work: watch::Sender::new(0),
        }))
    }

    /// Keeps a task at work on this thread. At the end of the program it is
    /// dropped where it waits.
    pub fn supervise<F>(&self, name: &'static str, start: impl FnMut() -> F + 'static)
    where
        F: Future<Output = Result<()>> + 'static,
    {
        let cut = cut_short(self.stop(), start);
        tokio::task::spawn_local(keep(self.enlist(name), cut));
    }

    /// The same for one that is told of the end and finishes what is under way.
    pub fn supervise_to_its_end<F>(
        &self,
        name: &'static str,
        mut start: impl FnMut(Stop) -> F + 'static,
    ) where
        F: Future<Output = Result<()>> + 'static,
    {
        let stop = self.stop();
        let start = move || start(stop.clone());
        tokio::task::spawn_local(keep(self.enlist(name), start));
    }

    /// The same on a thread of its own.
    pub fn supervise_thread<F>(
        &self,
        name: &'static str,
        start: impl FnMut() -> F + Send + 'static,
    ) -> Result<()>
    where
        F: Future<Output = Result<()>> + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|e| Error::internal("preparing a thread", e))?;
        let (post, stop) = (self.enlist(name), self.stop());
        let run = move || runtime.block_on(keep(post, cut_short(stop, start)));
        let started = std::thread::Builder::new().name(name.into()).spawn(run);
        started.map_err(|e| Error::internal("starting a thread", e))?;
        Ok(())
    }

    /// Keeps a thread at work that runs no tasks. It comes to its end by itself,
    /// and is not waited for: what others finish when the program ends needs it.
    /// Threads of one name are one in the list.
    pub fn keep_thread(
        &self,
        name: &'static str,
        run: impl FnMut(&Post) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let post = self.join(name);
        let started = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || keep_here(&post, run));
        started.map_err(|e| Error::internal("starting a thread", e))?;
        Ok(())
    }

    /// In the order in which they were started.
    pub fn tasks(&self) -> Vec<Task> {
        let now = Instant::now();
        let mut tasks = self.lock().clone();
        for task in &mut tasks {
            task.state = task.state_at(now);
        }
        tasks
    }

    /// Who should be at work and is not.
    pub fn down(&self) -> Vec<&'static str> {
        let (now, tasks) = (Instant::now(), self.lock());
        let down = tasks.iter().filter(|it| it.state_at(now) != State::AtWork);
        down.map(|it| it.name).collect()
    }

    /// Tells everybody that the program ends, and waits a little for them. May be
    /// called again.
    pub async fn end(&self) {
        self.0.stopping.send_replace(true);
        let mut at_work = self.0.at_work.subscribe();
        if timeout(FAREWELL, at_work.wait_for(|it| *it == 0))
            .await
            .is_err()
        {
            let tasks = self.lock();
            let late = tasks
                .iter()
                .filter(|it| it.awaited && it.state != State::Ended);
            let late: Vec<&str> = late.map(|it| it.name).collect();
            tracing::warn!("ending without waiting any longer for {}", late.join(", "));
        }
    }

    fn stop(&self) -> Stop {
        Stop(self.0.stopping.subscribe())
    }

    fn enlist(&self, name: &'static str) -> Post {
        let mut tasks = self.lock();
        tasks.push(Task::new(name, true));
        self.0.at_work.send_modify(|n| *n += 1);
        Post::new(self.clone(), tasks.len() - 1)
    }

    /// For one of several of that name, which nobody waits for.
    fn join(&self, name: &'static str) -> Post {
        let mut tasks = self.lock();
        let known = tasks.iter().position(|it| it.name == name);
        let index = known.unwrap_or(tasks.len());
        match tasks.get_mut(index) {
            Some(task) => task.hands += 1,
            None => tasks.push(Task::new(name, false)),
        }
        Post::new(self.clone(), index)
    }

    /// A panic while the lock was held leaves a list that is still a list.
    fn lock(&self) -> MutexGuard<'_, Vec<Task>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said.
pub fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    clip(said.unwrap_or("without a word"), CAUSE)
}

/// Does something in which a panic is that thing's own failure. The error is
/// what it said; what else a panic carries is left to itself, because dropping it
/// may panic once more.
pub fn caught<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(cause_of)
}

fn cause_of(panic: Box<dyn std::any::Any + Send>) -> String {
    let words = format!("panicked: {}", words_of(&*panic));
    if !panic.is::<&str>() && !panic.is::<String>() {
        std::mem::forget(panic);
    }
    words
}

fn cut_short<F>(
    stop: Stop,
    mut start: impl FnMut() -> F,
) -> impl FnMut() -> std::pin::Pin<Box<dyn Future<Output = Result<()>>>>
where
    F: Future<Output = Result<()>> + 'static,
{
    move || {
        let (run, stop) = (start(), stop.clone());
        Box::pin(async move {
            tokio::select! {
                outcome = run => outcome,
                () = stop.heard() => Ok(()),
            }
        })
    }
}

/// Starts it, and again after every failure, until it ends or the program does.
async fn keep<F>(post: Post, mut start: impl FnMut() -> F)
where
    F: Future<Output = Result<()>>,
{
    let stop = post.stop();
    let (mut pause, mut trial) = (SOON, post.trial());
    loop {
        let since = Instant::now();
        let run = AssertUnwindSafe(async { start().await }).catch_unwind();
        let cause = match run.await {
            Ok(Ok(())) => return post.ended(stop.is_heard()),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => cause_of(panic),
        };
        if stop.is_heard() {
            return post.ended(true);
        }
        let lasted = since.elapsed();
        if SOUND < lasted {
            (pause, trial) = (SOON, post.trial());
        } else {
            trial = trial.max(lasted * 2);
        }
        post.failed(&cause, pause);
        tokio::select! {
            () = sleep(pause) => (),
            () = stop.heard() => return post.ended(true),
        }
        pause = (pause * 2).min(LATEST);
        post.started_again(trial);
    }
}

/// The same for a thread without tasks.
fn keep_here(post: &Post, mut run: impl FnMut(&Post) -> Result<()>) {
    let (mut pause, mut trial) = (SOON, post.trial());
    loop {
        let since = Instant::now();
        let cause = match caught(|| run(post)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(said) => said,
        };
        let lasted = since.elapsed();
        if SOUND < lasted {
            (pause, trial) = (SOON, post.trial());
        } else {
            trial = trial.max(lasted * 2);
        }
        post.failed(&cause, pause);
        std::thread::sleep(pause);
        pause = (pause * 2).min(LATEST);
        post.started_again(trial);
    }
}
