//! The place of one task in the plant's list. Leaving it is dropping it, so a
//! task that vanishes in whatever way is known to have ended.

use std::time::Duration;

use super::{CAUSE, Plant, State, Stop, Task};
use crate::kernel::clip;

pub(super) struct Post {
    plant: Plant,
    index: usize,
}

impl Post {
    pub fn new(plant: Plant, index: usize) -> Self {
        Self { plant, index }
    }

    pub fn stop(&self) -> Stop {
        self.plant.stop()
    }

    pub fn failed(&self, cause: &str, pause: Duration) {
        let now = self.plant.0.clock.now();
        let Some((name, failures)) = self.note(|task| {
            task.state = State::Down;
            task.failures += 1;
            task.failed_at = Some(now);
            task.cause = Some(clip(cause, CAUSE));
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

    pub fn at_work_again(&self) {
        self.note(|task| task.state = State::AtWork);
    }

    /// By itself, or because the program ends.
    pub fn ended(self, expected: bool) {
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

impl Drop for Post {
    fn drop(&mut self) {
        self.note(|task| task.state = State::Ended);
        self.plant.0.at_work.send_modify(|n| *n -= 1);
    }
}
