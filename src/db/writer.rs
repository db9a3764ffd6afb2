//! The writer thread: group commit. Everything that queued up while one flush
//! ran goes into the next transaction, each order in its own savepoint, and is
//! answered when that transaction is on disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot, watch};

use super::PROBE;
use super::mark::Mark;
use super::{Storage, Writer, open_writer};
use crate::error::{Error, Result};
use crate::kernel::Seq;
use crate::plant::{Post, caught};

/// Orders in one transaction. More would not make a flush cheaper, only later.
const GROUP: usize = 256;
const SLOW: Duration = Duration::from_millis(50);

/// One write, waiting for its turn and then for the flush.
pub(super) trait Order: Send {
    fn name(&self) -> &'static str;
    /// Does the work. True if it is to be kept; an error is what a panic said.
    fn run(&mut self, w: &Writer) -> Result<bool, String>;
    /// Answers the caller. `flushed` is false when nothing of this group is on disk.
    fn settle(self: Box<Self>, flushed: Result<(), &str>);
}

pub(super) struct Bell {
    pub commits: watch::Sender<u64>,
    pub positions: watch::Sender<Seq>,
    pub work: watch::Sender<u64>,
    pub storage: watch::Sender<Storage>,
}

struct Pending<T, F> {
    name: &'static str,
    work: Option<F>,
    value: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

pub(super) fn order<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce(&Writer) -> Result<T> + Send + 'static,
) -> (Box<dyn Order>, oneshot::Receiver<Result<T>>) {
    let (reply, answer) = oneshot::channel();
    let pending = Pending {
        name,
        work: Some(work),
        value: None,
        reply,
    };
    (Box::new(pending), answer)
}

impl<T, F> Order for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Writer) -> Result<T> + Send,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, w: &Writer) -> Result<bool, String> {
        let Some(work) = self.work.take() else {
            return Ok(false);
        };
        // A panic in one order is that order's failure, not its neighbours'.
        let value = caught(|| work(w)).inspect_err(|said| {
            self.value = Some(Err(Error::internal(self.name, said.clone())));
        })?;
        let keep = value.is_ok();
        self.value = Some(value);
        Ok(keep)
    }

    fn settle(self: Box<Self>, flushed: Result<(), &str>) {
        let value = match (self.value, flushed) {
            (Some(Err(refused)), _) => Err(refused),
            (Some(value), Ok(())) => value,
            (_, Err(cause)) => Err(Error::Unavailable(cause.into())),
            (None, Ok(())) => Err(Error::internal(self.name, "the write never ran")),
        };
        // The caller may have gone away; its work still counts.
        let _ = self.reply.send(value);
    }
}

/// What the thread works with, and finds again when it had to be started again.
pub(super) struct Desk {
    pub path: PathBuf,
    /// None where the last one was lost.
    pub connection: Option<Connection>,
    pub orders: mpsc::Receiver<Box<dyn Order>>,
    pub bell: Bell,
    pub mark: Option<Mark>,
}

impl Desk {
    /// Runs until every `Db` is gone.
    pub fn work(&mut self, post: &Post) -> Result<()> {
        // Taken, so that one which met a panic is closed, and what it had begun is
        // undone.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => open_writer(&self.path)?,
        };
        while let Some(first) = self.orders.blocking_recv() {
            let group = Group::collect(first, &mut self.orders, &connection, post);
            let flushed = group.finish(&connection);
            self.bell.tell(&group, &flushed);
            let poisoned = flushed.is_err();
            group.settle(flushed.map(|_| ()), post);
            if let (false, Some(mark)) = (poisoned, &mut self.mark) {
                mark.refresh(&connection);
            }
            if poisoned {
                // After a failed flush nobody knows what the page cache holds, so
                // this connection is not asked again.
                if let Ok(fresh) = open_writer(&self.path) {
                    connection = fresh;
                }
            }
        }
        if let Some(mark) = &mut self.mark {
            mark.write(&connection);
        }
        Ok(())
    }
}

impl Bell {
    /// Told from the writer's thread, before any caller: a request that was
    /// dropped while it waited has still changed the house.
    fn tell(&self, group: &Group, flushed: &Result<bool, String>) {
        match flushed {
            Ok(changed) => {
                // A group in which all was refused, or small enough for the last
                // free bytes, proves nothing about the next one.
                if group.proven {
                    let over = self
                        .storage
                        .send_if_modified(|it| swap(it, Storage::Writable));
                    if over {
                        tracing::info!("saving works again");
                    }
                }
                if *changed {
                    self.commits.send_modify(|n| *n += 1);
                    if let Some(position) = group.position {
                        self.positions.send_replace(position);
                    }
                    if group.left_work {
                        self.work.send_modify(|n| *n += 1);
                    }
                }
            }
            Err(error) => {
                let begins = self
                    .storage
                    .send_if_modified(|it| swap(it, Storage::Failing));
                // Told when it begins and when it is over: a full disk must not be
                // filled with lines about itself.
                match begins {
                    true => tracing::error!(%error, "could not save: {error}"),
                    false => tracing::debug!(%error, "still cannot save: {error}"),
                }
            }
        }
    }
}

fn swap(now: &mut Storage, next: Storage) -> bool {
    let changed = *now != next;
    *now = next;
    changed
}

struct Group {
    orders: Vec<Box<dyn Order>>,
    began: rusqlite::Result<()>,
    kept: bool,
    /// The newest of the journal, where this group moved it.
    position: Option<Seq>,
    /// Something was left for later.
    left_work: bool,
    /// A probe is among what was kept.
    proven: bool,
}

impl Group {
    /// Runs the first order and whatever else is waiting by now.
    fn collect(
        first: Box<dyn Order>,
        queue: &mut mpsc::Receiver<Box<dyn Order>>,
        connection: &Connection,
        post: &Post,
    ) -> Self {
        let mut group = Self {
            orders: Vec::new(),
            began: statement(connection, "begin immediate"),
            kept: false,
            position: None,
            left_work: false,
            proven: false,
        };
        let mut next = Some(first);
        while let Some(mut order) = next {
            if group.began.is_ok() {
                group.began = group.take(&mut *order, connection, post);
            }
            group.orders.push(order);
            let room = group.orders.len() < GROUP && group.began.is_ok();
            next = if room { queue.try_recv().ok() } else { None };
        }
        group
    }

    fn take(
        &mut self,
        order: &mut dyn Order,
        connection: &Connection,
        post: &Post,
    ) -> rusqlite::Result<()> {
        let started = Instant::now();
        // Nothing was kept before it: if it fails, the whole transaction may go.
        // A savepoint keeps a copy of every page, a fifth of what a lone line costs.
        let alone = !self.kept;
        if !alone {
            statement(connection, "savepoint verb")?;
        }
        let w = Writer::new(connection);
        let keep = order.run(&w).unwrap_or_else(|said| {
            post.slipped(&said);
            false
        });
        // A full disk makes SQLite roll the whole transaction back by itself.
        if connection.is_autocommit() {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
                Some("the transaction was rolled back".into()),
            ));
        }
        match (keep, alone) {
            (true, true) => (),
            (false, true) => {
                statement(connection, "rollback")?;
                statement(connection, "begin immediate")?;
            }
            (true, false) => statement(connection, "release verb")?,
            (false, false) => {
                statement(connection, "rollback to verb")?;
                statement(connection, "release verb")?;
            }
        }
        self.kept |= keep;
        if keep {
            self.position = w.announced().or(self.position);
            self.left_work |= w.has_left_work();
        }
        self.proven |= keep && order.name() == PROBE;
        let elapsed = started.elapsed();
        if SLOW < elapsed {
            let (name, elapsed_ms) = (order.name(), elapsed.as_millis());
            tracing::warn!(name, elapsed_ms, "slow write `{name}` took {elapsed_ms} ms");
        }
        Ok(())
    }

    /// Flushes, or undoes everything. True if anything was there to flush.
    fn finish(&self, connection: &Connection) -> Result<bool, String> {
        let failed = match &self.began {
            Ok(()) => statement(connection, "commit").err().map(|e| e.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let Some(cause) = failed else {
            return Ok(self.kept);
        };
        if !connection.is_autocommit() {
            let _ = statement(connection, "rollback");
        }
        Err(cause)
    }

    fn settle(self, flushed: Result<(), String>, post: &Post) {
        for order in self.orders {
            let flushed = flushed.as_ref().copied().map_err(String::as_str);
            // An answer that nobody takes is dropped in here; should that panic,
            // the others still get theirs.
            if let Err(said) = caught(|| order.settle(flushed)) {
                post.slipped(&said);
            }
        }
    }
}

fn statement(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut prepared = connection.prepare_cached(sql)?;
    match prepared.execute([]) {
        // Another process (a backup, a curious operator) holds the file: worth
        // one more wait of `BUSY` before everybody in this group is refused.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            prepared.execute([])?;
            Ok(())
        }
        done => done.map(|_| ()),
    }
}
