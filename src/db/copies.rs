//! Whole copies of the database: what is put aside before an upgrade.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::folder::{self, DataFolder};
use crate::error::{Error, Result};

const ASIDE: &str = "before-upgrade";
/// Copies kept. They hold people's words, so they do not lie about for ever:
/// whoever asked to be forgotten is still in them.
const MOST: usize = 3;
const OLDEST: i64 = 14 * 24 * 3600;

/// A copy in `before-upgrade`.
#[derive(Debug)]
pub(super) struct Copy {
    pub path: PathBuf,
    /// When it was made, in seconds since 1970; also its name.
    pub at: i64,
}

/// Puts a whole copy aside, and clears away those that are too many or too old.
pub(super) fn put_aside(connection: &Connection, folder: &DataFolder) -> Result<()> {
    let now = connection.query_row("select unixepoch()", [], |row| row.get(0))?;
    let copies = folder.join(ASIDE);
    folder::create_private(&copies).map_err(failed)?;
    let copy = copies.join(format!("{now}.db"));
    copy_to(connection, &copy)?;
    tracing::info!("put a copy of the database aside: {}", copy.display());
    tidy(folder, now);
    Ok(())
}

/// `now` in seconds since 1970. What cannot be removed is said and left.
pub(super) fn tidy(folder: &DataFolder, now: i64) {
    for (newer, copy) in list(folder).into_iter().enumerate() {
        if newer < MOST && now - OLDEST < copy.at {
            continue;
        }
        let shown = copy.path.display();
        match fs::remove_file(&copy.path) {
            Ok(()) => tracing::info!("removed an old copy of the database: {shown}"),
            Err(error) => tracing::warn!("cannot remove the old copy {shown}: {error}"),
        }
    }
}

/// The copies, newest first. Other files in the folder are not ours.
pub(super) fn list(folder: &DataFolder) -> Vec<Copy> {
    let entries = fs::read_dir(folder.join(ASIDE)).into_iter().flatten();
    let mut found: Vec<Copy> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let at = path.file_name()?.to_str()?.strip_suffix(".db")?;
            let at = at.parse().ok()?;
            Some(Copy { path, at })
        })
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.at));
    found
}

/// One whole, consistent file, whoever writes meanwhile; there under its name
/// only when all of it is on disk. An interrupted one leaves a `.part`, which
/// the next one takes over.
fn copy_to(connection: &Connection, target: &Path) -> Result<()> {
    let part = target.with_extension("part");
    folder::create_private_file(&part)
        .and_then(|it| it.set_len(0))
        .map_err(failed)?;
    // A copy of the file alone would miss what still lies in the write-ahead log.
    connection.execute("vacuum into ?1", params![part.to_string_lossy()])?;
    settle(&part, target).map_err(failed)
}

/// The rename is the moment at which the copy exists.
fn settle(part: &Path, target: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, target)?;
    match target.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
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
        tidy(&folder, NOW);
        assert!(folder.join(ASIDE).join("mine.db").exists());
        list(&folder).into_iter().map(|it| it.at).collect()
    }

    #[test]
    fn three_copies_are_kept_and_the_newest_of_them() {
        let made = [NOW - 4, NOW - 1, NOW - 3, NOW - 2, NOW];
        assert_eq!(left(&made), [NOW, NOW - 1, NOW - 2]);
    }

    #[test]
    fn a_copy_is_gone_after_a_fortnight() {
        let made = [NOW - 15 * DAY, NOW - 13 * DAY];
        assert_eq!(left(&made), [NOW - 13 * DAY]);
    }
}
