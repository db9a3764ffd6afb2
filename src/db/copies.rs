//! Whole copies of the database: what is put aside before an upgrade, what an
//! operator saves and brings back.
//!
//! Whatever is interrupted, and wherever: the old state stands, or the new one.
//! A copy is written beside its place, read back, flushed, and then renamed.

use std::fmt::Display;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use super::folder::{self, ASIDE, DataFolder, RESTORED, RESTORING};
use super::migrate;
use crate::error::{Error, Result};

/// Copies kept. They hold people's words, so they do not lie about for ever:
/// whoever asked to be forgotten is still in them.
const MOST: usize = 3;
const OLDEST: i64 = 14 * 24 * 3600;
/// What the names of those begin with that a restore replaced: whole ones, and
/// ones that could not be read any more.
const REPLACED: &str = "replaced-";
const DAMAGED: &str = "damaged-";

/// A copy in `before-upgrade`.
#[derive(Debug)]
pub(super) struct Copy {
    pub path: PathBuf,
    /// When it was made, in seconds since 1970; also its name.
    pub at: i64,
    /// By a restore, not by an upgrade.
    pub replaced: bool,
}

/// Puts a whole copy aside before an upgrade, and clears away those that are too
/// many or too old.
pub(super) fn put_aside(connection: &Connection, folder: &DataFolder) -> Result<()> {
    keep(connection, folder, "")
}

fn keep(connection: &Connection, folder: &DataFolder, kind: &str) -> Result<()> {
    let now = connection.query_row("select unixepoch()", [], |row| row.get(0))?;
    let copies = folder.join(ASIDE);
    folder::create_private(&copies).map_err(failed)?;
    let copy = free(&copies, kind, now);
    // One name for all that are half, so that whatever an interrupted one left is
    // taken over by the next and a start that fails again and again fills no disk.
    copy_to(connection, &copies.join("copying.part"), &copy)?;
    tracing::info!("put a copy of the database aside: {}", copy.display());
    tidy(&copies, now);
    Ok(())
}

/// A name that no copy has yet: two may be made in one second.
fn free(copies: &Path, kind: &str, now: i64) -> PathBuf {
    let names = (now..).map(|at| copies.join(format!("{kind}{at}.db")));
    let mut free = names.filter(|it| !it.exists());
    free.next().unwrap_or_else(|| copies.join("copy.db"))
}

/// `now` in seconds since 1970. What cannot be removed is said and left. Of what
/// restores replaced the oldest stays among the three: whoever tries one backup
/// after the other must not lose what he had at first.
pub(super) fn tidy(aside: &Path, now: i64) {
    let (replaced, upgrades): (Vec<Copy>, Vec<Copy>) =
        list(aside).into_iter().partition(|it| it.replaced);
    let last = replaced.len().saturating_sub(1);
    let upgrades = upgrades.into_iter().enumerate();
    let replaced = replaced.into_iter().enumerate();
    let surplus =
        upgrades
            .filter(|(newer, it)| MOST <= *newer || it.at <= now - OLDEST)
            .chain(replaced.filter(|(newer, it)| {
                (MOST - 1 <= *newer && *newer != last) || it.at <= now - OLDEST
            }));
    for (_, copy) in surplus {
        let shown = copy.path.display();
        let _ = fs::remove_file(beside(&copy.path, "-wal"));
        match fs::remove_file(&copy.path) {
            Ok(()) => tracing::info!("removed an old copy of the database: {shown}"),
            Err(error) => tracing::warn!("cannot remove the old copy {shown}: {error}"),
        }
    }
}

/// The copies, newest first. Other files in the folder are not ours.
pub(super) fn list(aside: &Path) -> Vec<Copy> {
    let entries = fs::read_dir(aside).into_iter().flatten();
    let mut found: Vec<Copy> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".db")?;
            let by_restore = name
                .strip_prefix(REPLACED)
                .or_else(|| name.strip_prefix(DAMAGED));
            let (at, replaced) = (by_restore.unwrap_or(name), by_restore.is_some());
            let at = at.parse().ok()?;
            Some(Copy { path, at, replaced })
        })
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.at));
    found
}

/// Saves everything in a data folder as one consistent file, whoever writes
/// there meanwhile; an older backup of that name is replaced. Errors are
/// sentences for the operator. Bytes written.
pub fn backup(data: &Path, target: &Path) -> Result<u64, String> {
    // SQLite keeps the two apart; nobody need wait with a start until it is saved.
    let folder = DataFolder::visit(data)?.released();
    let shown = target.display();
    if within(data, target) {
        return Err(format!(
            "{shown} lies in the data folder, and would be lost with it. Name a file elsewhere"
        ));
    }
    if DataFolder::is_one(folder_of(target)) {
        return Err(format!(
            "{shown} lies in the data folder of another shop. Name a file elsewhere"
        ));
    }
    for taken in [target, &beside(target, ".part")] {
        // A link would be followed, a pipe would wait for ever.
        let found = fs::symlink_metadata(taken);
        if found.is_ok_and(|it| !it.is_file() || (0 < it.len() && !is_database(taken))) {
            return Err(format!(
                "{} is there already and is no backup. Name another file",
                taken.display()
            ));
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.database(), flags)
        .and_then(|it| it.busy_timeout(super::BUSY).map(|()| it));
    let saved = connection
        .map_err(folder::explain)
        .and_then(|it| copy_to(&it, &beside(target, ".part"), target));
    saved.map_err(|e| {
        format!(
            "cannot save to {shown}: {e}. Nothing was changed; check the place and its free space"
        )
    })?;
    Ok(fs::metadata(target).map_or(0, |it| it.len()))
}

/// Puts a backup in the place of a data folder's database, or into a new folder.
/// What was there is kept in `before-upgrade`; whether there was anything. Errors
/// are sentences for the operator.
pub fn restore(data: &Path, source: &Path) -> Result<bool, String> {
    let shown = source.display();
    let refused =
        |e: &dyn Display| format!("cannot restore {shown}: {e}. The data folder is as it was");
    let log = PathBuf::from(format!("{shown}-wal"));
    if fs::metadata(log).is_ok_and(|it| 0 < it.len()) {
        return Err(refused(
            &"a write-ahead log lies beside it, so it is a database in use and not a backup; make one with `shopbell backup`",
        ));
    }
    if !source.is_file() || !is_database(source) {
        return Err(refused(&"it is not there, or is no backup of a shop"));
    }
    // Before anything is touched: a folder that is new is not even made.
    let read = inspect(source).map_err(|_| refused(&"it is damaged; try an older one"))?;
    migrate::pending(&read).map_err(|e| refused(&e))?;
    drop(read);
    if DataFolder::is_of_others(data) {
        return Err(refused(&format!(
            "the folder {} holds other things, and no shop. Name an empty one with --data",
            data.display()
        )));
    }
    let folder = DataFolder::claim(data)?;
    let (half, whole) = (folder.join(RESTORING), folder.join(RESTORED));
    let copy = || -> io::Result<()> {
        let mut file = folder::create_private_file(&half)?;
        io::copy(&mut File::open(source)?, &mut file)?;
        file.sync_all()
    };
    let prepared = copy()
        .map_err(failed)
        .and_then(|()| inspect(&half))
        .and_then(|read| migrate::pending(&read).map(|_| ()));
    if let Err(error) = prepared {
        let _ = fs::remove_file(&half);
        return Err(refused(&error));
    }
    let replaces = folder.database().is_file();
    if replaces {
        put_old_aside(&folder).map_err(|e| refused(&e))?;
    }
    settle(&half, &whole).map_err(|e| refused(&e))?;
    folder
        .finish_restore()
        .map_err(|e| format!("{shown} is restored, but {e}: start shopbell to finish it"))?;
    Ok(replaces)
}

/// A database that cannot be read any more is kept as it is, with its log.
fn put_old_aside(folder: &DataFolder) -> Result<()> {
    let old = folder.database();
    let whole = Connection::open(&old)
        .map_err(folder::explain)
        .and_then(|it| keep(&it, folder, REPLACED));
    if whole.is_ok() {
        return Ok(());
    }
    let copies = folder.join(ASIDE);
    folder::create_private(&copies).map_err(failed)?;
    let log = beside(&old, "-wal");
    let now = |it: Connection| it.query_row("select unixepoch()", [], |row| row.get(0));
    let at: i64 = Connection::open_in_memory().and_then(now)?;
    let copy = free(&copies, DAMAGED, at);
    let to = beside(&copy, "-wal");
    for (file, copy) in [(old, copy), (log, to)] {
        if file.is_file() {
            fs::copy(file, copy).map_err(failed)?;
        }
    }
    tidy(&copies, at);
    Ok(())
}

/// One whole, consistent file, whoever writes meanwhile; there under its name
/// only when all of it is on disk. A killed one leaves its `part`, which the next
/// one takes over.
fn copy_to(connection: &Connection, part: &Path, target: &Path) -> Result<()> {
    let file = folder::create_private_file(part).map_err(failed)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(Error::internal(
                "copying the database",
                "another backup to the same file is running",
            ));
        }
        // Not every file system has locks; then nobody is kept out.
        Ok(()) | Err(TryLockError::Error(_)) => file.set_len(0).map_err(failed)?,
    }
    let done = fill(connection, part).and_then(|()| settle(part, target).map_err(failed));
    if done.is_err() {
        let _ = fs::remove_file(beside(part, "-journal"));
        let _ = fs::remove_file(part);
    }
    done
}

fn fill(connection: &Connection, part: &Path) -> Result<()> {
    // A copy of the file alone would miss what still lies in the write-ahead log.
    connection.execute("vacuum into ?1", params![part.to_string_lossy()])?;
    inspect(part).map(|_| ())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Reads a copy back: it is whole.
fn inspect(copy: &Path) -> Result<Connection> {
    let connection = open_still(copy).map_err(folder::explain)?;
    let report = connection
        .query_row("pragma quick_check(1)", [], |row| row.get::<_, String>(0))
        .map_err(folder::explain)?;
    if report != "ok" {
        return Err(Error::internal("reading the copy: it is damaged", report));
    }
    Ok(connection)
}

/// A file that nobody writes to: SQLite makes nothing beside it and takes no lock.
pub(super) fn open_still(path: &Path) -> rusqlite::Result<Connection> {
    let path = path.to_string_lossy();
    let path = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let uri = format!("file:{path}?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

/// The first sixteen bytes of every SQLite file.
fn is_database(path: &Path) -> bool {
    let mut head = [0; 16];
    let read = File::open(path).and_then(|mut it| it.read_exact(&mut head));
    read.is_ok() && head == *b"SQLite format 3\0"
}

/// The folder a file lies in; a bare name lies in this one.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn within(folder: &Path, file: &Path) -> bool {
    let (folder, parent) = (fs::canonicalize(folder), fs::canonicalize(folder_of(file)));
    matches!((folder, parent), (Ok(folder), Ok(parent)) if parent.starts_with(&folder))
}

/// The rename is the moment at which the copy exists.
fn settle(part: &Path, target: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, target)?;
    File::open(folder_of(target))?.sync_all()
}

fn failed(error: io::Error) -> Error {
    Error::internal("copying the database", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const DAY: i64 = 24 * 3600;

    fn left(made: &[i64]) -> Vec<i64> {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::claim(home.path()).unwrap();
        fs::create_dir(folder.join(ASIDE)).unwrap();
        for at in made {
            fs::write(folder.join(ASIDE).join(format!("{at}.db")), "").unwrap();
        }
        fs::write(folder.join(ASIDE).join("mine.db"), "").unwrap();
        tidy(&folder.join(ASIDE), NOW);
        assert!(folder.join(ASIDE).join("mine.db").exists());
        list(&folder.join(ASIDE))
            .into_iter()
            .map(|it| it.at)
            .collect()
    }

    #[test]
    fn three_copies_are_kept_and_the_newest_of_them() {
        let made = [NOW - 4, NOW - 1, NOW - 3, NOW - 2, NOW];
        assert_eq!(left(&made), [NOW, NOW - 1, NOW - 2]);
    }

    #[test]
    fn what_was_there_before_the_first_of_many_restores_stays() {
        let home = tempfile::tempdir().unwrap();
        for at in [1, 2, 3, 4] {
            let name = free(home.path(), REPLACED, NOW);
            fs::write(name, at.to_string()).unwrap();
            tidy(home.path(), NOW + 9);
        }
        let kept = list(home.path()).into_iter();
        let kept: Vec<String> = kept
            .map(|it| fs::read_to_string(it.path).unwrap())
            .collect();
        assert_eq!(kept, ["4", "3", "1"]);
    }

    #[test]
    fn a_copy_is_gone_after_a_fortnight() {
        let made = [NOW - 15 * DAY, NOW - 13 * DAY];
        assert_eq!(left(&made), [NOW - 13 * DAY]);
    }
}
