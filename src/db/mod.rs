//! SQLite: one writer thread, a few reader threads, and nothing else touches
//! the file. A function that reads takes a `&Reader`, one that changes things a
//! `&Writer`; both are synchronous, so async ends where a door calls `Db`.
//!
//! What always holds: an answer to a write is given only after its transaction
//! was flushed to disk (`synchronous=FULL`); one failing write never takes its
//! neighbours in the same flush along; nothing is retried behind anybody's back.

mod check;
mod copies;
mod folder;
mod many;
mod mark;
mod migrate;
mod reader;
mod writer;

use std::cell::Cell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, Row};
use tokio::sync::{mpsc, watch};

use crate::error::{Error, Result};
use crate::kernel::{Clock, Seq, Timestamp};
use crate::plant::Plant;

pub use check::{Findings, check};
pub use copies::{backup, restore};
pub use folder::DataFolder;
pub use many::of_each;
pub use reader::at_once;

use reader::Lane;

/// Threads for what a person or a program waits for at this moment.
const READERS: usize = 4;
/// Threads for pages, searches and figures.
const BROWSERS: usize = 2;
/// Orders that may wait for a thread. A full queue makes callers wait, and after
/// `PATIENCE` turns them away.
const QUEUE: usize = 2048;
const STATEMENTS: usize = 256;
const PATIENCE: Duration = Duration::from_secs(10);
const BUSY: Duration = Duration::from_secs(5);

/// The name of the write that tells whether writing works.
const PROBE: &str = "db.probe";
/// Bytes that must be free before writing counts as working again.
const ROOM: i64 = 256 * 1024;

/// A handle to the database. Cheap to clone; the threads end with the last one.
#[derive(Clone)]
pub struct Db {
    writer: mpsc::Sender<Box<dyn writer::Order>>,
    readers: Lane,
    browsers: Lane,
    commits: watch::Sender<u64>,
    positions: watch::Sender<Seq>,
    work: watch::Sender<u64>,
    storage: watch::Sender<Storage>,
    path: Arc<PathBuf>,
}

/// Whether the last attempt to write reached the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    Writable,
    Failing,
}

pub type Reader = Connection;

/// An open write transaction. It can also read, and reads what it has written.
pub struct Writer<'c> {
    connection: &'c Connection,
    announced: Cell<Option<Seq>>,
    left_work: Cell<bool>,
}

impl<'c> Writer<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            announced: Cell::new(None),
            left_work: Cell::new(false),
        }
    }

    /// The journal has come to this position; told to those who wait for it once
    /// it is committed.
    pub fn announce(&self, position: Seq) {
        self.announced.set(Some(position));
    }

    fn announced(&self) -> Option<Seq> {
        self.announced.get()
    }

    /// Something was left for later, or its time has changed; told to those who
    /// look for work once it is committed. Most commits bring none, and looking
    /// after each of a thousand a second would cost more than the work.
    pub fn leave_work(&self) {
        self.left_work.set(true);
    }

    fn has_left_work(&self) -> bool {
        self.left_work.get()
    }
}

impl Deref for Writer<'_> {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        self.connection
    }
}

impl Db {
    /// For an errand: nobody watches the threads.
    pub fn open(folder: &DataFolder) -> Result<Self> {
        Self::open_under(&Plant::new(Clock::default()), folder)
    }

    /// Opens the file in a folder we hold the lock of, brings the schema up to
    /// date, and starts the threads, which the plant keeps at work. Refuses a
    /// damaged or a newer file.
    pub fn open_under(plant: &Plant, folder: &DataFolder) -> Result<Self> {
        let path = folder.database();
        if folder.is_ours() {
            // SQLite gives its log the modes of the database.
            folder::reserve(&path).map_err(|e| Error::internal("opening the database", e))?;
        }
        let mut connection = open_writer(&path).map_err(folder::explain)?;
        folder::refuse_damage(&mut connection, folder::CHECK)?;
        migrate::run(&mut connection, Some(folder))?;
        let mark = match folder.is_ours() {
            true => {
                let now = connection.query_row("select unixepoch()", [], |row| row.get(0))?;
                copies::tidy(&folder.join(folder::ASIDE), now);
                Some(mark::Mark::settle(&connection, folder)?)
            }
            false => None,
        };

        let commits = watch::Sender::new(0);
        let positions = watch::Sender::new(Seq(0));
        let work = watch::Sender::new(0);
        let storage = watch::Sender::new(Storage::Writable);
        let (writer, orders) = mpsc::channel(QUEUE);
        let mut desk = writer::Desk {
            path: path.clone(),
            connection: Some(connection),
            orders,
            bell: writer::Bell {
                commits: commits.clone(),
                positions: positions.clone(),
                work: work.clone(),
                storage: storage.clone(),
            },
            mark,
        };
        plant.keep_thread("writer", move |post| desk.work(post))?;

        Ok(Self {
            writer,
            readers: Lane::start(plant, "readers", READERS, &path)?,
            browsers: Lane::start(plant, "browsers", BROWSERS, &path)?,
            commits,
            positions,
            work,
            storage,
            path: Arc::new(path),
        })
    }

    /// For what somebody waits for at this moment: who it is, may he, what did he
    /// miss. It takes no time, so that the next one has its answer at once.
    /// Everything that `work` reads is of one moment.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.ask(work).await
    }

    /// The same for pages, lists, searches and figures, which may take their time:
    /// they wait for each other only.
    pub async fn browse<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.browsers.ask(work).await
    }

    /// Runs `work` in a savepoint of its own: all of it is kept, or none. Comes
    /// back when it is on disk. `work` may do nothing slow but SQL, because every
    /// other write waits for it. Once queued it runs, even if the caller goes away.
    pub async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Writer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (order, answer) = writer::order(name, work);
        self.writer
            .send_timeout(order, PATIENCE)
            .await
            .map_err(|_| Error::Unavailable("the writer is overwhelmed".into()))?;
        answer
            .await
            .map_err(|e| Error::internal("running a write", e))?
    }

    /// A read-only connection for a thread that reads all day (`live`).
    pub fn reader(&self) -> Result<Reader> {
        reader::open(&self.path)
    }

    /// The newest position of the journal, after every commit that moved it: what
    /// screens and followers wait for.
    pub fn positions(&self) -> watch::Receiver<Seq> {
        self.positions.subscribe()
    }

    /// Changes after every commit, whatever it was about.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Changes after every commit that left work for later (`Writer::leave_work`).
    pub fn work(&self) -> watch::Receiver<u64> {
        self.work.subscribe()
    }

    /// Whether writing works, as of the last try.
    pub fn storage(&self) -> watch::Receiver<Storage> {
        self.storage.subscribe()
    }

    /// Tries a write that changes nothing of value, so that `storage` tells the
    /// truth also when nobody happens to write. While saving fails it asks for
    /// more room than any order needs, and only this ends the failing: on a disk
    /// that is all but full small orders still pass and large ones do not, and a
    /// page that says one and the other in turn says nothing.
    pub async fn probe(&self) -> Result<()> {
        let failing = *self.storage.borrow() == Storage::Failing;
        self.write(PROBE, move |w| {
            if failing {
                w.execute(
                    "insert or replace into meta (name, value) values ('room', zeroblob(?1))",
                    [ROOM],
                )?;
                w.execute("delete from meta where name = 'room'", [])?;
            }
            let touch = "update meta set value = value + 1 where name = 'probe'";
            w.prepare_cached(touch)?.execute([])?;
            Ok(())
        })
        .await
    }

    /// Clears away the copies in `before-upgrade` that have become too old or too
    /// many: a program that runs for a year keeps nobody's words for a year.
    pub async fn tidy_copies(&self, now: Timestamp) -> Result<()> {
        let aside = self.path.with_file_name(folder::ASIDE);
        let tidy = move |_: &Reader| {
            copies::tidy(&aside, now / 1000);
            Ok(())
        };
        self.browse(tidy).await
    }

    /// The data folder, for files that belong to the shop.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Where the file is and how large it has grown, for the operator's page.
    pub fn size(&self) -> u64 {
        std::fs::metadata(&*self.path).map_or(0, |it| it.len())
    }
}

/// An empty house in memory, for tests that need rooms but no threads.
pub fn scratch<T>(work: impl FnOnce(&Writer) -> Result<T>) -> Result<T> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    migrate::run(&mut connection, None)?;
    connection.execute_batch("begin immediate")?;
    let value = work(&Writer::new(&connection))?;
    connection.execute_batch("commit")?;
    Ok(value)
}

/// The columns of one row, taken in the order in which the statement lists them.
/// Looking each up by its name took a fifth of what a message costs the thread
/// that draws it; here the name is only held against it where tests run.
pub struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    /// The next one, which is called `name`.
    pub fn take<T: FromSql>(&mut self, name: &str) -> rusqlite::Result<T> {
        let at = self.next;
        self.next += 1;
        debug_assert_eq!(self.row.as_ref().column_name(at), Ok(name));
        self.row.get(at)
    }

    /// The same where it is a word that is looked at and not kept.
    pub fn word(&mut self, name: &str) -> rusqlite::Result<Option<&'r str>> {
        let at = self.next;
        self.next += 1;
        debug_assert_eq!(self.row.as_ref().column_name(at), Ok(name));
        Ok(self.row.get_ref(at)?.as_str_or_null()?)
    }

    /// For whoever says what is wrong with it.
    pub fn row(&self) -> &'r Row<'s> {
        self.row
    }
}

/// Turns the violation of a unique constraint (`table.column`) into an answer
/// for the person; everything else stays what it was.
pub trait OnUnique<T> {
    fn on_unique(self, column: &str, taken: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> OnUnique<T> for rusqlite::Result<T> {
    fn on_unique(self, column: &str, taken: impl FnOnce() -> Error) -> Result<T> {
        match self {
            Err(rusqlite::Error::SqliteFailure(code, Some(ref text)))
                if code.code == ErrorCode::ConstraintViolation && text.ends_with(column) =>
            {
                Err(taken())
            }
            other => Ok(other?),
        }
    }
}

/// What a row's word means. A word that nobody here knows is an error that says
/// whose it is (“conversation 7: state `parked`”), never a default: with one the
/// row would be shown, and saved again, as something that it is not.
pub fn known<T>(meaning: Option<T>, whose: impl FnOnce() -> String) -> rusqlite::Result<T> {
    meaning.ok_or_else(|| {
        let unknown = format!("{} is not known to this program", whose());
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, unknown.into())
    })
}

fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // Waiting comes first: switching to WAL may itself meet a busy file.
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is erased is gone from the file too, not only from its index.
    connection.pragma_update(None, "secure_delete", true)?;
    // A savepoint keeps the old pages at hand; in a file, writing them there
    // doubled the system calls of every verb.
    connection.pragma_update(None, "temp_store", "memory")?;
    keep_statements(connection)
}

/// A statement is compiled once. Without its promise of stable plans SQLite
/// compiles many of them again whenever another value is bound, which took more
/// time than everything else it did.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(
                ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen,
            ) => Self::Unavailable(source.into()),
            _ => Self::internal("querying the database", source),
        }
    }
}
