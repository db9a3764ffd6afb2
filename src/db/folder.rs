//! The data folder: who may use it, and whether what lies in it is sound.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::{Error, Result};

const DATABASE: &str = "shopbell.db";
/// Copies from before an upgrade.
pub(super) const ASIDE: &str = "before-upgrade";
const LOCK: &str = "lock";
/// Beside the database: which one it is (`mark`).
pub(super) const MARK: &str = "mark";
/// A restored database under this name is whole, and takes the place of the old
/// one before anybody opens it: this rename is the moment of a restore.
pub(super) const RESTORED: &str = "shopbell.db.restored";
/// One that may be half.
pub(super) const RESTORING: &str = "shopbell.db.restoring";
/// How long whoever wants the folder waits for an errand to end.
const ERRAND: Duration = Duration::from_millis(400);
/// How long the start may spend looking for damage. Small shops are checked
/// whole; a large file is checked as far as this goes.
pub(super) const CHECK: Duration = Duration::from_millis(4);
/// How often it looks at the clock. While a check runs SQLite counts pages, not
/// steps of its machine: with 10,000 it read 40 MB first.
const STEPS: i32 = 100;
/// Pages that are looked at however long it takes, so that a small file is checked
/// whole on a busy machine too.
const LEAST: i32 = 1_000;

/// A data folder this process holds the lock of, for as long as this lives.
/// The lock is the operating system's (flock), so it dies with the process.
pub struct DataFolder {
    path: PathBuf,
    /// None for a visitor, who may change rows but not the schema.
    lock: Option<File>,
    /// Whoever writes the mark: one at a time.
    pub(super) marking: Arc<Mutex<()>>,
}

impl DataFolder {
    /// Creates the folder where there is none. Errors are sentences for the
    /// operator: what is wrong, and what to do.
    pub fn claim(path: &Path) -> Result<Self, String> {
        Self::claim_within(path, ERRAND)
    }

    fn claim_within(path: &Path, patience: Duration) -> Result<Self, String> {
        let shown = path.display();
        create_private(path).map_err(|e| {
            format!("cannot use the data folder {shown}: {e}. Check that it can be written to, or name another with --data")
        })?;
        let lock = create_private_file(&path.join(LOCK))
            .map_err(|e| {
                format!("cannot write to the data folder {shown}: {e}. Check its permissions and that the disk is not mounted read-only")
            })?;
        match lock_within(&lock, patience) {
            Ok(()) => {
                let folder = Self {
                    path: path.to_owned(),
                    lock: Some(lock),
                    marking: Arc::default(),
                };
                folder.finish_restore().map_err(|e| {
                    format!("cannot finish restoring in {shown}: {e}. Check the folder's permissions and free space, then try again")
                })?;
                folder.tighten();
                Ok(folder)
            }
            Err(TryLockError::WouldBlock) => Err(format!(
                "the data folder {shown} is in use by another shopbell. Stop that one, or name another folder with --data"
            )),
            Err(TryLockError::Error(e)) => Err(format!("cannot lock the data folder {shown}: {e}")),
        }
    }

    /// For a short errand beside a server that may be running.
    pub fn visit(path: &Path) -> Result<Self, String> {
        if !path.join(DATABASE).is_file() && !path.join(RESTORED).is_file() {
            let shown = path.display();
            return Err(format!(
                "there is no shop in the folder {shown} yet. Start shopbell there first, or name another folder with --data"
            ));
        }
        match Self::claim_within(path, Duration::ZERO) {
            Ok(folder) => Ok(folder),
            Err(_) => Ok(Self {
                path: path.to_owned(),
                lock: None,
                marking: Arc::default(),
            }),
        }
    }

    /// Without the lock, for an errand that takes long and needs no quiet.
    pub(super) fn released(self) -> Self {
        Self { lock: None, ..self }
    }

    /// Whether somebody's shop lies there.
    pub(super) fn is_one(path: &Path) -> bool {
        path.join(DATABASE).is_file() && path.join(LOCK).is_file()
    }

    /// Without touching anything; whether a server runs in it. None where there is
    /// no shop. Keeps a server from starting for as long as it lives.
    pub(super) fn look(path: &Path) -> Option<(Self, bool)> {
        if !path.join(DATABASE).is_file() {
            return None;
        }
        let lock = File::open(path.join(LOCK)).ok();
        let running = lock
            .as_ref()
            .is_some_and(|it| matches!(it.try_lock(), Err(TryLockError::WouldBlock)));
        let folder = Self {
            path: path.to_owned(),
            lock: lock.filter(|_| !running),
            marking: Arc::default(),
        };
        Some((folder, running))
    }

    /// Whether the folder is there, holds no shop, and is not empty either.
    pub(super) fn is_of_others(path: &Path) -> bool {
        let ours = |name: &str| {
            [LOCK, ASIDE].contains(&name) || name.starts_with(DATABASE) || name.starts_with(MARK)
        };
        let mut entries = fs::read_dir(path).into_iter().flatten().flatten();
        !path.join(DATABASE).is_file()
            && entries.any(|it| !it.file_name().to_str().is_some_and(ours))
    }

    pub fn is_ours(&self) -> bool {
        self.lock.is_some()
    }

    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Plays the write-ahead log into the database, so that a stopped shop is one
    /// file that can be copied by hand. Best effort: the log is as safe.
    pub fn fold_log(&self) {
        let folded = Connection::open(self.database()).and_then(|it| {
            it.busy_timeout(ERRAND)?;
            it.query_row("pragma wal_checkpoint(truncate)", [], |row| {
                row.get::<_, i64>(0)
            })
        });
        match folded {
            Ok(0) => (),
            Ok(_) => tracing::info!("somebody reads the database: its log stays beside it"),
            Err(error) => tracing::warn!("the database's log stays beside it: {error}"),
        }
    }

    /// What a restore that was cut off has left: thrown away where it is half,
    /// finished where it is whole. May be cut off itself at any point.
    pub(super) fn finish_restore(&self) -> io::Result<()> {
        remove(&self.join(RESTORING))?;
        let restored = self.join(RESTORED);
        if !restored.is_file() {
            return Ok(());
        }
        // The old one's log would be played onto the new one.
        for beside in ["shopbell.db-wal", "shopbell.db-shm", MARK] {
            remove(&self.join(beside))?;
        }
        fs::rename(restored, self.database())?;
        File::open(&self.path)?.sync_all()
    }

    /// Files are for their owner only, also in a folder that was there before,
    /// which is not ours to change: of that one we warn.
    fn tighten(&self) {
        for (path, mode) in self.files() {
            if is_loose(&path)
                && let Err(error) = restrict(&path, mode)
            {
                tracing::warn!("others can read {}: {error}", path.display());
            }
        }
        if is_loose(&self.path) {
            let shown = self.path.display();
            tracing::warn!(
                "others on this machine can look into the data folder {shown}; close it with: chmod 700 {shown}"
            );
        }
    }

    /// Everything here that holds people's words, and the mode it should have.
    pub(super) fn files(&self) -> Vec<(PathBuf, u32)> {
        let list = |folder: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).into_iter().flatten();
            let paths = entries.filter_map(|it| Some(it.ok()?.path()));
            paths.filter(|it| it.is_file()).collect()
        };
        let aside = self.join(ASIDE);
        let ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|it| it.to_str());
            name.is_some_and(|it| it.starts_with(DATABASE))
        };
        let mut files = list(&self.path);
        files.retain(ours);
        files.extend(list(&aside));
        let mut files: Vec<_> = files.into_iter().map(|it| (it, 0o600)).collect();
        if aside.is_dir() {
            files.push((aside, 0o700));
        }
        files
    }
}

/// An errand beside a stopped server holds the lock for a moment.
fn lock_within(lock: &File, patience: Duration) -> Result<(), TryLockError> {
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Whether others on this machine may look into it.
#[cfg(unix)]
pub(super) fn is_loose(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
pub(super) fn is_loose(_: &Path) -> bool {
    false
}

/// Conversations are nobody else's business: the folder is for its owner only.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    restrict(path, 0o700)
}

/// Opens a file for writing that only its owner reads, also where it was there.
pub(super) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    restrict(path, 0o600)?;
    Ok(file)
}

/// Makes an empty file that only its owner reads, where there is none. One that is
/// there only gets that mode: whoever opens and closes a database beside SQLite
/// takes every lock from it that this process holds (fcntl(2)).
pub(super) fn reserve(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => restrict(path, 0o600),
        made => made.map(|_| ()),
    }
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Refuses a file whose pages contradict each other: writing to it would turn
/// one damaged table into many.
/// It looks for so long, and takes what it has not come to for sound.
pub(super) fn refuse_damage(connection: &mut Connection, within: Duration) -> Result<()> {
    let started = Instant::now();
    let mut seen = 0;
    let enough = move || {
        seen += STEPS;
        LEAST < seen && within < started.elapsed()
    };
    connection.progress_handler(STEPS, Some(enough))?;
    let report = connection.query_row("pragma quick_check(1)", [], |row| row.get::<_, String>(0));
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match report {
        Ok(report) if report == "ok" => Ok(()),
        Ok(report) => Err(damaged(report)),
        Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
            Ok(())
        }
        Err(e) => Err(damaged(e.to_string())),
    }
}

/// Why a file cannot be opened, for whoever can mend it.
pub(super) fn explain(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => damaged(error.to_string()),
        _ => error.into(),
    }
}

fn damaged(report: String) -> Error {
    Error::internal(
        "opening the database: the file is damaged. Bring your newest backup back with `shopbell restore FILE`, or in the same way a file from `before-upgrade` in the data folder, where an upgrade left one; `shopbell check` says what is wrong",
        report,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_looks_for_damage_no_longer_than_it_may() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("large.db");
        let connection = Connection::open(&path).unwrap();
        let fill = "pragma page_size = 512; create table t (x);
            with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
            insert into t select randomblob(400) from n";
        connection.execute_batch(fill).unwrap();
        drop(connection);
        let mut bytes = fs::read(&path).unwrap();
        // The look begins at the end of a table.
        let late = bytes.len() / 512 / 10 * 512;
        bytes[late..late + 512].fill(0xee);
        fs::write(&path, bytes).unwrap();

        let mut connection = Connection::open(&path).unwrap();
        let whole = refuse_damage(&mut connection, Duration::from_secs(60));
        assert!(whole.is_err(), "the damage is there");
        let mut connection = Connection::open(&path).unwrap();
        refuse_damage(&mut connection, Duration::ZERO).unwrap();
    }
}
