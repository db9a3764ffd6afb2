//! The data folder: who may use it, and whether what lies in it is sound.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::{Error, Result};

const DATABASE: &str = "shopbell.db";
/// How long the start may spend looking for damage. Small shops are checked
/// whole; a large file is checked as far as this goes.
const CHECK: Duration = Duration::from_millis(6);

/// A data folder this process holds the lock of, for as long as this lives.
/// The lock is the operating system's (flock), so it dies with the process.
pub struct DataFolder {
    path: PathBuf,
    /// None for a visitor, who may change rows but not the schema.
    lock: Option<File>,
}

impl DataFolder {
    /// Creates the folder where there is none. Errors are sentences for the
    /// operator: what is wrong, and what to do.
    pub fn claim(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        create_private(path).map_err(|e| {
            format!("cannot use the data folder {shown}: {e}. Check that it can be written to, or name another with --data")
        })?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(|e| {
                format!("cannot write to the data folder {shown}: {e}. Check its permissions and that the disk is not mounted read-only")
            })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                lock: Some(lock),
            }),
            Err(TryLockError::WouldBlock) => Err(format!(
                "the data folder {shown} is in use by another shopbell. Stop that one, or name another folder with --data"
            )),
            Err(TryLockError::Error(e)) => Err(format!("cannot lock the data folder {shown}: {e}")),
        }
    }

    /// For a short errand beside a server that may be running.
    pub fn visit(path: &Path) -> Result<Self, String> {
        if !path.join(DATABASE).is_file() {
            let shown = path.display();
            return Err(format!(
                "there is no shop in the folder {shown} yet. Start shopbell there first, or name another folder with --data"
            ));
        }
        match Self::claim(path) {
            Ok(folder) => Ok(folder),
            Err(_) => Ok(Self {
                path: path.to_owned(),
                lock: None,
            }),
        }
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
}

/// Conversations are nobody else's business: the folder is for its owner only.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    restrict(path, 0o700)
}

/// Opens a file for writing that only its owner reads, also where it was there.
pub(super) fn create_private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    restrict(path, 0o600)?;
    Ok(file)
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// Refuses a file whose pages contradict each other: writing to it would turn
/// one damaged table into many.
pub(super) fn refuse_damage(connection: &mut Connection) -> Result<()> {
    let started = Instant::now();
    connection.progress_handler(10_000, Some(move || CHECK < started.elapsed()))?;
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
        "opening the database: the file is damaged; restore a backup, or one of the copies in `before-upgrade`",
        report,
    )
}
