//! The readers: threads that answer questions, in lanes, so that a slow question
//! is waited for only by its like.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use super::{BUSY, PATIENCE, QUEUE, Reader, keep_statements};
use crate::error::{Error, Result};
use crate::plant::{Plant, Post, caught};

type Question = Box<dyn FnOnce(&Reader, &Post) + Send>;

/// A few threads with a queue of their own.
#[derive(Clone)]
pub(super) struct Lane(mpsc::Sender<Question>);

impl Lane {
    /// The threads end with the last handle.
    pub fn start(plant: &Plant, name: &'static str, threads: usize, path: &Path) -> Result<Self> {
        let (lane, questions) = mpsc::channel(QUEUE);
        let questions = Arc::new(Mutex::new(questions));
        for _ in 0..threads {
            // The first connection is opened here, where a failure stops the start.
            let mut ready = Some(open(path)?);
            let (path, questions) = (path.to_owned(), Arc::clone(&questions));
            plant.keep_thread(name, move |post| {
                let connection = ready.take().map_or_else(|| open(&path), Ok)?;
                answer_all(&connection, &questions, post);
                Ok(())
            })?;
        }
        Ok(Self(lane))
    }

    pub async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |r, post| {
            // Whoever asked has gone: a page that was asked for ten times in a
            // row is drawn once.
            if reply.is_closed() {
                return;
            }
            let answer = caught(|| at_once(r, work)).unwrap_or_else(|said| {
                post.slipped(&said);
                Err(Error::internal("running a query", said))
            });
            let _ = reply.send(answer);
        });
        self.0
            .send_timeout(question, PATIENCE)
            .await
            .map_err(|_| Error::internal("queueing a query", "the readers are overwhelmed"))?;
        answer
            .await
            .map_err(|e| Error::internal("running a query", e))?
    }
}

fn answer_all(connection: &Connection, questions: &Mutex<mpsc::Receiver<Question>>, post: &Post) {
    loop {
        let question = questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        let Some(question) = question else { break };
        // An answer that nobody takes is dropped in here, and even that may panic.
        if let Err(said) = caught(|| question(connection, post)) {
            post.slipped(&said);
        }
    }
}

pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Reads that belong together see the house at one moment, and SQLite takes its
/// locks once instead of once for each.
pub fn at_once<T>(r: &Reader, work: impl FnOnce(&Reader) -> Result<T>) -> Result<T> {
    let snapshot = Snapshot::begin(r)?;
    let value = work(snapshot.0);
    drop(snapshot);
    value
}

/// Ends also when what was read in it panics.
struct Snapshot<'r>(&'r Reader);

impl<'r> Snapshot<'r> {
    fn begin(r: &'r Reader) -> Result<Self> {
        r.prepare_cached("begin")?.execute([])?;
        Ok(Self(r))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("commit");
        if let Err(error) = ended.and_then(|mut it| it.execute([])) {
            tracing::error!(%error, "could not end a read: {error}");
        }
    }
}
