//! The runner: serves all durable followers, with one read and one write a batch,
//! woken by the newest position.
//!
//! Whoever cannot digest an event is stuck there, by himself: the others go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::{Fact, Reading, after, list_followers, position, sql};
use crate::db::{Db, Writer};
use crate::error::{Error, Result};
use crate::kernel::{Clock, Seq};

/// Between two batches, so that a busy shop's events share them. Whatever comes
/// after a quiet moment is served at once.
const GATHER: Duration = Duration::from_millis(50);
/// How long a stuck follower waits before it tries the same event again.
const STUCK: Duration = Duration::from_secs(30);
/// How long nothing is tried while the database cannot write.
const PAUSE: Duration = Duration::from_secs(1);

pub type React = Arc<dyn Fn(&Writer, &Fact) -> Result<()> + Send + Sync>;

/// Where a follower begins that was never here before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what happens from now on: nobody wants last week's events to be
    /// answered, mailed or counted because a wing was added today.
    Present,
    /// With the oldest event that is kept.
    Past,
}

/// Reacts once to every event, across restarts: what it writes and how far it
/// has read are committed together.
#[derive(Clone)]
pub struct Follower {
    pub name: &'static str,
    pub start: Start,
    pub react: React,
}

/// Serves them for ever. Comes back when the database closes.
pub async fn follow(db: Db, clock: Clock, followers: Arc<[Follower]>) -> Result<()> {
    let mut news = db.positions();
    let known = Arc::clone(&followers);
    db.write("journal.enlist", move |w| enlist(w, &known))
        .await?;
    let runner = Runner {
        db,
        clock,
        followers,
    };
    let mut retry = Instant::now();
    loop {
        news.mark_unchanged();
        let again = retry <= Instant::now();
        if again {
            retry = Instant::now() + STUCK;
        }
        let waits = match runner.round(again).await {
            Ok(Round { more: true, .. }) => {
                sleep(Duration::ZERO).await;
                continue;
            }
            Ok(Round { stuck, .. }) => stuck,
            Err(error @ Error::Unavailable(_)) => {
                tracing::warn!(%error, "followers wait: {error}");
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        sleep(GATHER).await;
        tokio::select! {
            changed = news.changed() => if changed.is_err() {
                return Ok(());
            },
            () = sleep_until(retry), if waits => (),
        }
    }
}

fn enlist(w: &Writer, followers: &[Follower]) -> Result<()> {
    let present = position(w)?;
    let first = sql::find_first(w)?;
    for it in followers {
        let start = match it.start {
            Start::Present => present,
            Start::Past => Seq(first.0 - 1),
        };
        let read_to = sql::upsert_follower(w, it.name, start)?;
        if read_to.0 + 1 < first.0 {
            tracing::warn!(
                name = it.name,
                "`{}` was away so long that events after {read_to} are forgotten",
                it.name
            );
        }
    }
    Ok(())
}

struct Runner {
    db: Db,
    clock: Clock,
    followers: Arc<[Follower]>,
}

struct Round {
    more: bool,
    stuck: bool,
}

impl Runner {
    /// One batch for those in front and one for whoever is furthest behind, so
    /// that one who begins in the past does not hold up the others.
    async fn round(&self, again: bool) -> Result<Round> {
        let followers = Arc::clone(&self.followers);
        let read = self.db.read(move |r| {
            let rows = list_followers(r)?;
            let known = rows
                .iter()
                .filter(|it| followers.iter().any(|f| f.name == it.name));
            let stuck: Vec<(String, Seq)> = known
                .clone()
                .filter_map(|it| Some((it.name.clone(), it.stuck_at?)))
                .collect();
            let sound = known
                .filter(|it| it.stuck_at.is_none())
                .map(|it| it.read_to);
            let (front, rear) = (sound.clone().max(), sound.min());
            let mut batches = Vec::with_capacity(2);
            for from in [front, rear.filter(|it| Some(*it) != front)]
                .into_iter()
                .flatten()
            {
                batches.push((from, after(r, from)?));
            }
            Ok((stuck, batches))
        });
        let (stuck, batches) = read.await?;
        let mut more = false;
        for (from, batch) in batches {
            if batch.last.is_none() {
                continue;
            }
            more |= batch.full;
            let batch = Arc::new(batch);
            let names = self.followers.iter().map(|it| it.name);
            match self.serve(names.collect(), from, &batch).await {
                Ok(()) => (),
                Err(error @ Error::Unavailable(_)) => return Err(error),
                // Somebody cannot digest something: who, and what?
                Err(_) => {
                    for it in self.followers.iter() {
                        self.serve_alone(it, from, &batch).await?;
                    }
                    // Skipping over it is for a person.
                    more = true;
                }
            }
        }
        if again {
            for it in self.followers.iter() {
                if let Some((_, at)) = stuck.iter().find(|(name, _)| name == it.name) {
                    self.one_by_one(it, *at).await?;
                    // Where it passed, the rest comes in batches.
                    more = true;
                }
            }
        }
        Ok(Round {
            more,
            stuck: !stuck.is_empty(),
        })
    }

    /// All reactions and all cursors in one transaction.
    async fn serve(&self, names: Vec<&'static str>, from: Seq, batch: &Arc<Reading>) -> Result<()> {
        let (followers, batch) = (Arc::clone(&self.followers), Arc::clone(batch));
        let write = self.db.write("journal.follow", move |w| {
            let Some(last) = batch.last else {
                return Ok(());
            };
            // Read again inside: a skip may have moved a cursor meanwhile.
            for row in list_followers(w)? {
                let it = followers.iter().find(|it| it.name == row.name);
                let Some(it) = it.filter(|it| names.contains(&it.name)) else {
                    continue;
                };
                if row.stuck_at.is_some() || row.read_to < from || last <= row.read_to {
                    continue;
                }
                let mut new = batch.facts.iter().filter(|fact| row.read_to < fact.seq);
                new.try_for_each(|fact| (it.react)(w, fact))?;
                sql::update_cursor(w, it.name, last)?;
            }
            Ok(())
        });
        write.await
    }

    async fn serve_alone(&self, it: &Follower, from: Seq, batch: &Arc<Reading>) -> Result<()> {
        match self.serve(vec![it.name], from, batch).await {
            Ok(()) => Ok(()),
            Err(error @ Error::Unavailable(_)) => Err(error),
            Err(_) => match batch.last {
                Some(last) => self.one_by_one(it, last).await,
                None => Ok(()),
            },
        }
    }

    /// After a failed batch: digest what can be digested, and name the one event
    /// that cannot be. No further than where the failure is: a flush for each
    /// event would hold up everybody else for as long as this one is behind.
    async fn one_by_one(&self, it: &Follower, up_to: Seq) -> Result<()> {
        loop {
            let name = it.name;
            let next = self
                .db
                .read(move |r| sql::list_after(r, sql::find_cursor(r, name)?, 1));
            let next = next.await?.into_iter().next();
            let Some(row) = next.filter(|it| it.seq <= up_to) else {
                return Ok(());
            };
            let (seq, react) = (row.seq, Arc::clone(&it.react));
            let tried = self.db.write(name, move |w| {
                row.read().map_or(Ok(()), |fact| react(w, &fact))?;
                sql::update_cursor(w, name, seq)
            });
            match tried.await {
                Ok(()) => (),
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(cause) => {
                    tracing::error!(name, seq = seq.0, %cause, "`{name}` is stuck at event {seq}: {cause}");
                    let (cause, now) = (cause.to_string(), self.clock.now());
                    let alarm = move |w: &Writer| sql::update_stuck(w, name, seq, now, &cause);
                    return self.db.write("journal.alarm", alarm).await;
                }
            }
        }
    }
}
