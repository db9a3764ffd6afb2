//! What is wrong with a data folder. Looks, also beside a running server, and
//! changes nothing, not even what SQLite would tidy up by itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::folder::{self, DataFolder, RESTORED};
use super::{copies, migrate};
use crate::error::Result;

/// Contradictions told at most: one is enough to act upon.
const MOST: usize = 10;

/// What a look at a data folder found. Sentences for the operator.
#[derive(Debug, Default)]
pub struct Findings {
    pub wrong: Vec<String>,
    /// Worth knowing, and no fault.
    pub notes: Vec<String>,
}

/// Reads all of the database, so a large one takes a while.
pub fn check(data: &Path) -> Findings {
    let mut found = Findings::default();
    let shown = data.display();
    let database = DataFolder::look(data);
    let Some((folder, running)) = database else {
        found.wrong.push(format!(
            "there is no shop in the folder {shown} yet. Start shopbell there first, or name another folder with --data"
        ));
        return found;
    };
    if folder::is_loose(data) {
        found.wrong.push(format!(
            "others on this machine can look into the data folder {shown}. Close it with: chmod 700 {shown}"
        ));
    }
    for (path, mode) in folder.files() {
        if folder::is_loose(&path) {
            let path = path.display();
            found.wrong.push(format!(
                "others on this machine can read {path}. Close it with: chmod {mode:o} {path}"
            ));
        }
    }
    if folder.join(RESTORED).is_file() {
        found
            .notes
            .push("a restore was cut off; the next start finishes it".to_owned());
    }
    if running {
        found
            .notes
            .push("a server is running in this folder".to_owned());
    }
    let file = folder.database();
    // Opens it as a writer would, and writes nothing.
    if let Err(error) = File::options().write(true).open(&file) {
        let file = file.display();
        found.wrong.push(format!(
            "cannot write to {file}: {error}. Check its permissions and that the disk is not mounted read-only"
        ));
    }
    if let Err(error) = read(&folder, running, &mut found) {
        found.wrong.push(error.to_string());
    }
    found
}

fn read(folder: &DataFolder, running: bool, found: &mut Findings) -> Result<()> {
    let log = folder.join("shopbell.db-wal");
    let connection = match (running, log.is_file()) {
        // The log and its index are there, and whoever runs looks after them.
        (true, _) => open_beside(&folder.database()),
        (false, true) => open_log(&folder.database()),
        (false, false) => copies::open_still(&folder.database()),
    };
    let connection = connection.map_err(folder::explain)?;
    let contradictions =
        texts(&connection, &format!("pragma integrity_check({MOST})")).map_err(folder::explain)?;
    for it in contradictions.into_iter().filter(|it| it != "ok") {
        found.wrong.push(format!(
            "the database is damaged: {it}. Bring your newest backup back with `shopbell restore FILE`, or in the same way a file from `before-upgrade`, where an upgrade left one"
        ));
    }
    let loose =
        "select distinct 'rows of `' || \"table\" || '` point at nothing in `' || parent || '`'
        from pragma_foreign_key_check";
    for it in texts(&connection, loose)? {
        found.wrong.push(format!("{it}. Please report this"));
    }
    if 0 < migrate::pending(&connection)? {
        let older = "the database is of an older version; the next start brings it up to date";
        found.notes.push(older.to_owned());
    } else {
        compare(&connection, found)?;
        look_for_stuck(&connection, found)?;
    }
    let size = "select page_count * page_size from pragma_page_count, pragma_page_size";
    let size: i64 = connection.query_row(size, [], |row| row.get(0))?;
    let lines: i64 = connection.query_row("select count(*) from messages", [], |row| row.get(0))?;
    found
        .notes
        .push(format!("{lines} lines in {} KiB", size / 1024));
    Ok(())
}

/// Whether it is built as this version builds one. A migration is known by its name
/// only: what a build from between two releases made may have had another one in it.
fn compare(connection: &Connection, found: &mut Findings) -> Result<()> {
    let (has, should) = (schema(connection)?, schema(&migrate::blank()?)?);
    let other = should.iter().filter_map(|(name, made)| {
        let flaw = match has.get(name) {
            Some(same) if same == made => return None,
            Some(_) => "is another",
            None => "is missing",
        };
        Some(format!(
            "the database is not built as this version builds it: {name} {flaw}. Bring a backup of a released version back with `shopbell restore FILE`, or report this"
        ))
    });
    found.wrong.extend(other.take(MOST));
    // Whoever replicates the file keeps his own tables in it.
    let more = has.keys().filter(|it| !should.contains_key(*it)).take(MOST);
    let more = more.map(|it| format!("the database also holds {it}, which is not of this version"));
    found.notes.extend(more);
    Ok(())
}

/// What each thing is called, and how it is made: without remarks, quotes and blanks,
/// which SQLite and its versions write as they like.
fn schema(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut query = connection.prepare(
        "select type, name, sql from sqlite_schema
         where name not like 'sqlite@_%' escape '@' and sql is not null",
    )?;
    let rows = query.query_map([], |row| {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        let sql: String = row.get(2)?;
        let bare = sql.lines().map(|it| it.split("--").next().unwrap_or(it));
        let made = bare.flat_map(str::chars);
        let made = made.filter(|it| !it.is_whitespace() && *it != '"');
        Ok((
            format!("the {kind} `{name}`"),
            made.collect::<String>().to_lowercase(),
        ))
    })?;
    rows.collect()
}

/// What waits for a person. The page of the workings lets him go on.
fn look_for_stuck(connection: &Connection, found: &mut Findings) -> rusqlite::Result<()> {
    let followers = "select 'the follower `' || name || '` is stuck at event ' || stuck_at
            || ': ' || substr(replace(coalesce(cause, ''), char(10), ' '), 1, 300)
        from journal_followers where stuck_at is not null and retired_at is null order by name";
    let jobs = "select 'work of the kind `' || kind || '` was given up, times: ' || count(*)
        from jobs where failed_at is not null group by kind order by kind";
    for sql in [followers, jobs] {
        let stuck = texts(connection, sql)?.into_iter();
        let stuck = stuck.map(|it| format!("{it}. See Settings, System status"));
        found.wrong.extend(stuck.take(MOST));
    }
    Ok(())
}

fn open_beside(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(super::BUSY)?;
    Ok(connection)
}

/// Reads a log that a killed server left, and leaves it as it is: its index stays
/// in memory, and the end of the connection folds nothing into the database.
fn open_log(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    Ok(connection)
}

fn texts(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare(sql)?;
    let rows = query.query_map([], |row| row.get(0))?;
    rows.collect()
}
