//! The runner: waits for the next time, and does what is due, each deed in a
//! transaction of its own.

use std::sync::Arc;
use std::time::Duration;

use super::{Deed, Kinds, Timer, again_at, sql};
use crate::db::{Db, Storage, Writer};
use crate::error::{Error, Result};
use crate::kernel::{Clock, Timestamp, clip};

/// Deeds of one kind in one round, so that a thousand at midnight let others in.
const AT_ONCE: usize = 64;
/// How long changes are gathered before they are looked at.
const GATHER: Duration = Duration::from_millis(50);
/// How long nothing is tried while the database cannot write.
const PAUSE: Duration = Duration::from_secs(1);
/// A look now and then, whatever was said: clocks are set, machines sleep.
const LONGEST: i64 = 60_000;
const SHORTEST: i64 = 10;
/// Characters of a cause that are kept.
const CAUSE: usize = 500;

/// Rings for ever. Comes back when the database closes.
pub async fn run(db: Db, clock: Clock, kinds: Arc<Kinds>) -> Result<()> {
    let mut changes = db.work();
    let bells = Bells { db, clock, kinds };
    loop {
        changes.mark_unchanged();
        let nap = match bells.round().await {
            Ok(nap) => nap,
            Err(error @ Error::Unavailable(_)) => {
                tracing::warn!(%error, "timers wait: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                tokio::time::sleep(GATHER).await;
            }
            () = tokio::time::sleep(nap) => (),
        }
    }
}

struct Bells {
    db: Db,
    clock: Clock,
    kinds: Arc<Kinds>,
}

impl Bells {
    /// Does what is due; how long until more is.
    async fn round(&self) -> Result<Duration> {
        if *self.db.storage().borrow() == Storage::Failing {
            return Ok(PAUSE);
        }
        let now = self.clock.now();
        let kinds = Arc::clone(&self.kinds);
        let due = self.db.read(move |r| {
            let mut due = Vec::new();
            for kind in kinds.keys() {
                due.extend(sql::list_due(r, kind, now, AT_ONCE)?);
            }
            Ok(due)
        });
        for timer in due.await? {
            if let Some(deed) = self.kinds.get(timer.kind.as_str()) {
                self.ring(timer, Arc::clone(deed), now).await?;
            }
        }
        let kinds = Arc::clone(&self.kinds);
        let next = self.db.read(move |r| {
            let mut next: Option<Timestamp> = None;
            for kind in kinds.keys() {
                next = [next, sql::find_next_due(r, kind)?]
                    .into_iter()
                    .flatten()
                    .min();
            }
            Ok(next)
        });
        let wait = next.await?.map_or(LONGEST, |at| at - self.clock.now());
        Ok(Duration::from_millis(
            wait.clamp(SHORTEST, LONGEST).unsigned_abs(),
        ))
    }

    async fn ring(&self, timer: Timer, deed: Deed, now: Timestamp) -> Result<()> {
        let (kind, key) = (timer.kind.clone(), timer.key.clone());
        let done = self.db.write("timers.ring", move |w| {
            match sql::take_due(w, &kind, &key, now)? {
                Some(timer) => deed(w, now, &timer),
                None => Ok(()),
            }
        });
        let cause = match done.await {
            Ok(()) => return Ok(()),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(cause) => cause,
        };
        let (kind, key, attempts) = (&timer.kind, &timer.key, timer.attempts);
        tracing::error!(kind, key, attempts, %cause, "the timer `{kind}` of {key} failed, and is tried again: {cause}");
        let cause = clip(&cause.to_string(), CAUSE);
        let fail =
            move |w: &Writer| sql::update_failed(w, &timer, again_at(now, timer.attempts), &cause);
        self.db.write("timers.fail", fail).await
    }
}
