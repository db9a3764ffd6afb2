//! Applies `migrations/*.sql` in name order, each once, each in a transaction.
//! A migration that has shipped is never edited. Before an existing database is
//! changed, a whole copy of it is put aside.

use std::collections::BTreeSet;
use std::fs;

use rusqlite::{Connection, params};
use rust_embed::RustEmbed;

use super::folder::DataFolder;
use crate::error::{Error, Result};

const ASIDE: &str = "before-upgrade";

#[derive(RustEmbed)]
#[folder = "migrations"]
struct Migrations;

/// `folder` is where the copy goes; none for a database in memory.
pub(super) fn run(connection: &mut Connection, folder: Option<&DataFolder>) -> Result<()> {
    connection.execute_batch(
        "create table if not exists migrations (name text primary key, at integer not null) strict",
    )?;
    let applied = applied(connection)?;
    let known: BTreeSet<String> = Migrations::iter().map(|it| it.into_owned()).collect();
    if let Some(newer) = applied.difference(&known).next() {
        return Err(Error::internal(
            "opening the database: it was written by a newer shopbell; start that one, or restore an older backup",
            format!("this program does not know the migration {newer}"),
        ));
    }
    let pending: Vec<&String> = known.difference(&applied).collect();
    if let (false, Some(false)) = (pending.is_empty(), folder.map(DataFolder::is_ours)) {
        return Err(Error::internal(
            "opening the database: the server in this folder is an older version; stop it, then try again",
            format!("{} migrations are missing", pending.len()),
        ));
    }
    if let (false, false, Some(folder)) = (applied.is_empty(), pending.is_empty(), folder) {
        put_aside(connection, folder)?;
    }
    pending
        .into_iter()
        .try_for_each(|name| apply(connection, name))
}

fn applied(connection: &Connection) -> Result<BTreeSet<String>> {
    let mut query = connection.prepare("select name from migrations")?;
    let names = query.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn apply(connection: &mut Connection, name: &str) -> Result<()> {
    let file = Migrations::get(name)
        .ok_or_else(|| Error::internal("reading a migration", name.to_owned()))?;
    let sql =
        std::str::from_utf8(&file.data).map_err(|e| Error::internal("reading a migration", e))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    transaction.execute(
        "insert into migrations (name, at) values (?1, unixepoch())",
        params![name],
    )?;
    transaction.commit()?;
    tracing::info!(name, "applied migration {name}");
    Ok(())
}

fn put_aside(connection: &Connection, folder: &DataFolder) -> Result<()> {
    let failed = |e: std::io::Error| Error::internal("copying the database before an upgrade", e);
    let copies = folder.join(ASIDE);
    fs::create_dir_all(&copies).map_err(failed)?;
    let stamp: i64 = connection.query_row("select unixepoch()", [], |row| row.get(0))?;
    let copy = copies.join(format!("{stamp}.db"));
    // A copy of the file alone would miss what still lies in the write-ahead log.
    connection.execute("vacuum into ?1", params![copy.to_string_lossy()])?;
    tracing::info!("put a copy of the database aside: {}", copy.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_from_a_newer_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, None).unwrap();
        let newer = "insert into migrations values ('999901010000_future.sql', 0)";
        connection.execute(newer, []).unwrap();
        let refused = run(&mut connection, None).unwrap_err().to_string();
        assert!(refused.contains("newer shopbell"), "{refused}");
    }

    #[test]
    fn an_existing_database_is_copied_before_it_is_changed() {
        let home = tempfile::tempdir().unwrap();
        let folder = DataFolder::claim(home.path()).unwrap();
        let mut connection = Connection::open(folder.database()).unwrap();
        run(&mut connection, Some(&folder)).unwrap();
        assert!(!folder.join(ASIDE).exists(), "a new database needs no copy");

        // As an older release would have left it: one migration short.
        let last = Migrations::iter().max().unwrap().into_owned();
        connection
            .execute_batch("create table keep (x); insert into keep values (7);")
            .unwrap();
        connection
            .execute("delete from migrations where name = ?1", params![last])
            .unwrap();
        let _ = run(&mut connection, Some(&folder));

        let copy = fs::read_dir(folder.join(ASIDE))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let copy = Connection::open(copy.path()).unwrap();
        let kept: i64 = copy
            .query_row("select x from keep", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 7);
    }
}
