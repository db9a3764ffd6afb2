//! The place of one task in the plant's list. Leaving it is dropping it, so a
//! task that vanishes in whatever way is known to have ended.

use std::time::Duration;

use tokio::time::Instant;

use super::{CAUSE, Plant, State, Stop, Task};
use crate::kernel::{Timestamp, clip};

/// One that is at work.
pub struct Post {
    plant: Plant,
    index: usize,
}

impl Post {
    pub(super) fn new(plant: Plant, index: usize) -> Self {
        Self { plant, index }
    }

    pub(super) fn stop(&self) -> Stop {
        self.plant.stop()
    }

    /// One thing that it was asked to do failed in a way nobody foresaw; it goes on
    /// with the next.
    pub fn slipped(&self, cause: &str) {
        let now = self.plant.0.clock.now();
        self.note(|task| task.count(now, cause));
    }

    pub(super) fn failed(&self, cause: &str, pause: Duration) {
        let now = self.plant.0.clock.now();
        let Some((name, failures)) = self.note(|task| {
            task.state = State::Down;
            task.missing += 1;
            task.count(now, cause);
            (task.name, task.failures)
        }) else {
            return;
        };
        let pause_ms = pause.as_millis();
        tracing::error!(
            name,
            failures,
            "`{name}` failed and starts again in {pause_ms} ms: {cause}"
        );
    }

    pub(super) fn trial(&self) -> Duration {
        self.plant.0.trial
    }

    /// It counts as at work once it has run for `trial` without a failure.
    pub(super) fn started_again(&self, trial: Duration) {
        let proven_at = Instant::now() + trial;
        self.note(|task| {
            task.proven_at = task.proven_at.max(Some(proven_at));
            task.missing -= 1;
            if task.missing == 0 {
                task.state = State::AtWork;
            }
        });
    }

    /// By itself, or because the program ends.
    pub(super) fn ended(self, expected: bool) {
        if let Some(name) = self.note(|task| task.name)
            && !expected
        {
            tracing::warn!(name, "`{name}` has come to its end");
        }
    }

    fn note<T>(&self, change: impl FnOnce(&mut Task) -> T) -> Option<T> {
        self.plant.lock().get_mut(self.index).map(change)
    }
}

impl Task {
    fn count(&mut self, now: Timestamp, cause: &str) {
        self.failures += 1;
        self.failed_at = Some(now);
        self.cause = Some(clip(cause, CAUSE));
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        let awaited = self.note(|task| {
            task.hands -= 1;
            if task.hands == 0 {
                task.state = State::Ended;
            }
            task.awaited
        });
        if awaited == Some(true) {
            self.plant.0.at_work.send_modify(|n| *n -= 1);
        }
    }
}
