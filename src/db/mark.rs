//! Notices a database that is not the one this folder had: a backup that was
//! restored, a standby's copy, a file copied by hand. The newest lines of the
//! old one may be missing there, and their positions would be given out again;
//! a page that saw the lost ones would take the new ones for doubles. A new
//! epoch makes every page reload.
//!
//! The mark is a small file beside the database, which no copy of the database
//! carries: which file it was (a copy is another one), its epoch, and how far it
//! had come about a second ago (a copy put into the same file is older).

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};

use super::folder::{self, DataFolder, MARK};
use crate::error::Result;

/// How stale the mark may be while people write.
const STEP: Duration = Duration::from_secs(1);

/// Keeps the mark of a database that we hold the folder of.
pub(super) struct Mark {
    path: PathBuf,
    database: PathBuf,
    written: Instant,
    /// The thread of a database that was let go may still be at its last mark while
    /// the next one in the same folder makes its first.
    turn: Arc<Mutex<()>>,
}

/// What the file says, and what it should say.
#[derive(Debug, PartialEq, Eq)]
struct Sign {
    file: String,
    epoch: String,
    position: i64,
}

impl Mark {
    /// Begins a new epoch where the database is not the one that was marked.
    pub fn settle(connection: &Connection, folder: &DataFolder) -> Result<Self> {
        let mut mark = Self {
            path: folder.join(MARK),
            database: folder.database(),
            written: Instant::now(),
            turn: folder.marking.clone(),
        };
        let now = read(connection, &mark.database)?;
        let known = fs::read_to_string(&mark.path)
            .ok()
            .and_then(|it| parse(&it));
        if !known.is_some_and(|it| it.belongs_to(&now)) {
            let begin = "update meta set value = lower(hex(randomblob(12))) where name = 'epoch'";
            connection.execute(begin, [])?;
            // A shop that has just been made has no pages open.
            if now.position != 0 {
                tracing::info!(
                    "this database is new to this folder: a new epoch begins, and open pages reload"
                );
            }
        }
        mark.write(connection);
        Ok(mark)
    }

    /// After a commit: so often that little is unmarked, so seldom that nobody pays.
    pub fn refresh(&mut self, connection: &Connection) {
        if STEP < self.written.elapsed() {
            self.write(connection);
        }
    }

    /// Best effort: without a mark the next start begins a new epoch, and no more
    /// than that is lost.
    pub fn write(&mut self, connection: &Connection) {
        self.written = Instant::now();
        if let Err(error) = self.try_write(connection) {
            tracing::warn!("cannot mark the database: {error}");
        }
    }

    fn try_write(&self, connection: &Connection) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.path.with_extension("next");
        let sign = read(connection, &self.database)?;
        folder::create_private_file(&next)
            .and_then(|_| fs::write(&next, sign.text()))
            .and_then(|()| fs::rename(&next, &self.path))
            .map_err(|e| crate::error::Error::internal("writing the mark", e))
    }
}

impl Sign {
    fn belongs_to(&self, now: &Self) -> bool {
        self.file == now.file && self.epoch == now.epoch && self.position <= now.position
    }

    fn text(&self) -> String {
        format!("{} {} {}\n", self.file, self.epoch, self.position)
    }
}

fn parse(text: &str) -> Option<Sign> {
    let mut words = text.split_whitespace();
    Some(Sign {
        file: words.next()?.to_owned(),
        epoch: words.next()?.to_owned(),
        position: words.next()?.parse().ok()?,
    })
}

fn read(connection: &Connection, database: &Path) -> Result<Sign> {
    let epoch = "select value from meta where name = 'epoch'";
    let position = "select seq from sqlite_sequence where name = 'journal'";
    let file = fs::metadata(database).map_or_else(|_| "-".to_owned(), |it| identity(&it));
    Ok(Sign {
        file,
        epoch: connection
            .prepare_cached(epoch)?
            .query_row(params![], |row| row.get(0))?,
        position: connection
            .prepare_cached(position)?
            .query_row(params![], |row| row.get(0))
            .optional()?
            .unwrap_or(0),
    })
}

/// Which file it is. The number alone is given to the next file when one is
/// deleted, so the time of birth stands beside it where the file system knows it.
fn identity(file: &Metadata) -> String {
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(file);
    #[cfg(not(unix))]
    let number = 0;
    let born = file.created().ok();
    let born = born.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    format!("{number}-{}", born.map_or(0, |it| it.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    #[test]
    fn two_that_mark_the_same_folder_do_not_take_each_others_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::claim(home.path()).unwrap();
        drop(Db::open(&folder).unwrap());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let connection = Connection::open(folder.database()).unwrap();
                    connection.busy_timeout(Duration::from_secs(5)).unwrap();
                    let mark = Mark::settle(&connection, &folder).unwrap();
                    for _ in 0..300 {
                        mark.try_write(&connection).unwrap();
                    }
                });
            }
        });
        assert!(!folder.join(MARK).with_extension("next").exists());
    }
}
