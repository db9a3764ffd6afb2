//! Applies `migrations/*.sql` in name order, each once, all that are pending in
//! one transaction: a database is of the old release or of the new one, whenever
//! the power goes. A migration that has shipped is never edited. Before an
//! existing database is changed, a whole copy of it is put aside.
//!
//! SQLite changes a CHECK, a NOT NULL or a UNIQUE only by create, copy, drop,
//! rename; with foreign keys on, that drop deletes through every cascade. They
//! are off while migrations run, so a migration that deletes rows deletes what
//! hangs on them by itself. What is checked before the commit: no reference
//! points at nothing; no table has fewer rows, unless the file says
//! `-- loses rows: TABLE, why`; no counter of ids went back.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use rust_embed::RustEmbed;

use super::copies;
use super::folder::DataFolder;
use crate::error::{Error, Result};

const LOSES: &str = "-- loses rows:";
/// Which ones a database has had.
const BOOK: &str =
    "create table if not exists migrations (name text primary key, at integer not null) strict";
/// What a refusal begins with: the operator's part of it.
const UPGRADE: &str = "bringing the database up to date: nothing was changed, so the version before still works; please report this";

const NO_COPY: &str = "bringing the database up to date: nothing was changed, because there is no copy of it yet; is there room on the disk for a second one?";

#[derive(RustEmbed)]
#[folder = "migrations"]
struct Embedded;

struct Migration {
    name: String,
    sql: String,
}

/// `folder` is where the copy goes; none for a database in memory.
pub(super) fn run(connection: &mut Connection, folder: Option<&DataFolder>) -> Result<()> {
    upgrade(connection, folder, &embedded()?)
}

/// How many migrations a database still needs, changing nothing. An error where
/// it is of a newer program, or no shop's at all.
pub(super) fn pending(connection: &Connection) -> Result<usize> {
    let applied = applied(connection)
        .map_err(|e| Error::internal("reading the database: it is not a shop's", e))?;
    let all = embedded()?;
    refuse_newer(&applied, &all)?;
    Ok(all.len() - applied.len())
}

/// A database without rows, in memory, as this version makes it.
pub(super) fn blank() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.execute_batch(BOOK)?;
    for Migration { name, sql } in embedded()? {
        connection
            .execute_batch(&sql)
            .map_err(|e| Error::internal("reading a migration", format!("{name}: {e}")))?;
    }
    Ok(connection)
}

fn refuse_newer(applied: &BTreeSet<String>, all: &[Migration]) -> Result<()> {
    let known = |name: &String| all.iter().any(|it| it.name == *name);
    match applied.iter().find(|it| !known(it)) {
        Some(newer) => Err(Error::internal(
            "opening the database: it was written by a newer shopbell. Start that one; or go back, without what came since, with `shopbell restore FILE` and the file that the upgrade left in `before-upgrade`",
            format!("this program does not know the migration {newer}"),
        )),
        None => Ok(()),
    }
}

/// By name, oldest first.
fn embedded() -> Result<Vec<Migration>> {
    let unreadable = |name: &str| Error::internal("reading a migration", name.to_owned());
    let names: BTreeSet<String> = Embedded::iter().map(|it| it.into_owned()).collect();
    let read = |name: String| {
        let file = Embedded::get(&name).ok_or_else(|| unreadable(&name))?;
        let sql = String::from_utf8(file.data.into_owned()).map_err(|_| unreadable(&name))?;
        Ok(Migration { name, sql })
    };
    names.into_iter().map(read).collect()
}

fn upgrade(
    connection: &mut Connection,
    folder: Option<&DataFolder>,
    all: &[Migration],
) -> Result<()> {
    connection.execute_batch(BOOK)?;
    let applied = applied(connection)?;
    refuse_newer(&applied, all)?;
    let pending: Vec<&Migration> = all
        .iter()
        .filter(|it| !applied.contains(&it.name))
        .collect();
    if pending.is_empty() {
        return Ok(());
    }
    if folder.map(DataFolder::is_ours) == Some(false) {
        return Err(Error::internal(
            "opening the database: the server in this folder is an older version; stop it, then try again",
            format!("{} migrations are missing", pending.len()),
        ));
    }
    if let (false, Some(folder)) = (applied.is_empty(), folder) {
        copies::put_aside(connection, folder).map_err(|e| Error::internal(NO_COPY, e))?;
    }
    // Has no effect inside a transaction.
    connection.pragma_update(None, "foreign_keys", false)?;
    let done = apply_all(connection, &pending);
    connection.pragma_update(None, "foreign_keys", true)?;
    done
}

fn applied(connection: &Connection) -> Result<BTreeSet<String>> {
    let mut query = connection.prepare("select name from migrations")?;
    let names = query.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// All of them, or none.
fn apply_all(connection: &mut Connection, pending: &[&Migration]) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in pending {
        apply(&transaction, migration)?;
    }
    refuse_loose_ends(&transaction)?;
    transaction.commit()?;
    for Migration { name, .. } in pending {
        tracing::info!(name, "applied migration {name}");
    }
    Ok(())
}

fn apply(connection: &Connection, Migration { name, sql }: &Migration) -> Result<()> {
    let (rows, counters) = (count_rows(connection)?, counters(connection)?);
    connection
        .execute_batch(sql)
        .map_err(|e| Error::internal(UPGRADE, format!("{name}: {e}")))?;
    refuse_loss(name, sql, &rows, &count_rows(connection)?)?;
    keep_counters(connection, name, &counters)?;
    connection.execute(
        "insert into migrations (name, at) values (?1, unixepoch())",
        params![name],
    )?;
    Ok(())
}

fn count_rows(connection: &Connection) -> Result<BTreeMap<String, i64>> {
    let tables = "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'";
    let mut query = connection.prepare(tables)?;
    let names = query.query_map([], |row| row.get::<_, String>(0))?;
    let mut rows = BTreeMap::new();
    for name in names {
        let name = name?;
        // A name from the schema itself, quoted as SQLite quotes.
        let count = format!("select count(*) from \"{}\"", name.replace('"', "\"\""));
        rows.insert(name, connection.query_row(&count, [], |row| row.get(0))?);
    }
    Ok(rows)
}

fn refuse_loss(
    name: &str,
    sql: &str,
    before: &BTreeMap<String, i64>,
    after: &BTreeMap<String, i64>,
) -> Result<()> {
    for (table, had) in before {
        let has = after.get(table).copied().unwrap_or(0);
        if has < *had && !may_lose(sql, table) {
            return Err(Error::internal(
                UPGRADE,
                format!("{name} would lose rows of `{table}`: {had} before, {has} after"),
            ));
        }
    }
    Ok(())
}

/// Whether the file says so, with a reason.
fn may_lose(sql: &str, table: &str) -> bool {
    sql.lines()
        .filter_map(|line| line.trim().strip_prefix(LOSES)?.split_once(','))
        .any(|(lost, why)| lost.trim() == table && !why.trim().is_empty())
}

/// How far each table that never gives an id twice has come.
fn counters(connection: &Connection) -> Result<BTreeMap<String, i64>> {
    let known = "select 1 from sqlite_schema where name = 'sqlite_sequence'";
    if !connection.prepare(known)?.exists([])? {
        return Ok(BTreeMap::new());
    }
    let mut query = connection.prepare("select name, seq from sqlite_sequence")?;
    let found = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// A rebuilt table counts from its rows, and one without rows from 1: ids that
/// were erased would be given out again. The journal's are those of messages,
/// and it is empty in a quiet shop.
fn keep_counters(
    connection: &Connection,
    name: &str,
    before: &BTreeMap<String, i64>,
) -> Result<()> {
    for (table, seq) in before {
        let schema = "select sql from sqlite_schema where type = 'table' and name = ?1";
        let schema: Option<String> = connection
            .query_row(schema, params![table], |row| row.get(0))
            .optional()?;
        let Some(schema) = schema else { continue };
        if !schema.to_ascii_lowercase().contains("autoincrement") {
            return Err(Error::internal(
                UPGRADE,
                format!("{name} lets `{table}` give out ids for a second time"),
            ));
        }
        let raise = "update sqlite_sequence set seq = max(seq, ?2) where name = ?1";
        if connection.execute(raise, params![table, seq])? == 0 {
            let insert = "insert into sqlite_sequence (name, seq) values (?1, ?2)";
            connection.execute(insert, params![table, seq])?;
        }
    }
    Ok(())
}

fn refuse_loose_ends(connection: &Connection) -> Result<()> {
    let mut query = connection.prepare("pragma foreign_key_check")?;
    let loose = query.query_row([], |row| {
        let (table, row, parent): (String, Option<i64>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let row = row.map_or_else(String::new, |it| format!(" {it}"));
        Ok(format!(
            "`{table}`{row} would point at nothing in `{parent}`"
        ))
    });
    match loose.optional()? {
        Some(loose) => Err(Error::internal(UPGRADE, loose)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::folder::ASIDE;
    use crate::db::prepare;

    fn migration(name: &str, sql: &str) -> Migration {
        Migration {
            name: name.to_owned(),
            sql: sql.to_owned(),
        }
    }

    /// A house as some release leaves it, and what comes next.
    fn next(first: &str, second: &str) -> (Connection, Result<()>) {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&connection).unwrap();
        let mut all = vec![migration("1_shop.sql", first)];
        upgrade(&mut connection, None, &all).unwrap();
        all.push(migration("2_next.sql", second));
        let done = upgrade(&mut connection, None, &all);
        (connection, done)
    }

    fn number(connection: &Connection, sql: &str) -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    const PEOPLE: &str = "
        create table people (id integer primary key autoincrement, name text not null) strict;
        create table letters (
            id integer primary key,
            person integer not null references people (id) on delete cascade,
            carrier integer references people (id) on delete set null
        ) strict;
        insert into people (name) values ('Ada'), ('Bob');
        insert into letters (person, carrier) values (1, 2), (1, 2), (2, 1);";
    const REBUILD: &str = "
        create table people_new (id integer primary key autoincrement, name text) strict;
        insert into people_new select id, name from people;
        drop table people;
        alter table people_new rename to people;";

    #[test]
    fn a_rebuilt_table_keeps_what_hangs_on_it() {
        let (connection, done) = next(PEOPLE, REBUILD);
        done.unwrap();
        assert_eq!(number(&connection, "select count(*) from letters"), 3);
        assert_eq!(number(&connection, "select count(carrier) from letters"), 3);
        assert_eq!(number(&connection, "pragma foreign_keys"), 1, "on again");
        let orphan = connection.execute("insert into letters (person) values (99)", []);
        assert!(orphan.is_err());
        connection
            .execute("delete from people where id = 1", [])
            .unwrap();
        assert_eq!(number(&connection, "select count(*) from letters"), 1);
    }

    #[test]
    fn an_upgrade_that_loses_rows_is_refused_and_changes_nothing() {
        let (connection, refused) = next(PEOPLE, "delete from letters where person = 2");
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("2_next.sql"), "{refused}");
        assert!(
            refused.contains("`letters`: 3 before, 2 after"),
            "{refused}"
        );
        assert_eq!(number(&connection, "select count(*) from letters"), 3);
        assert_eq!(number(&connection, "pragma foreign_keys"), 1);

        let (_, refused) = next(PEOPLE, "drop table letters");
        assert!(refused.is_err(), "a table that goes takes its rows along");
        let silent = "-- loses rows: letters,\ndrop table letters";
        assert!(next(PEOPLE, silent).1.is_err(), "without a reason");
        let other = "-- loses rows: people, they moved\ndrop table letters";
        assert!(next(PEOPLE, other).1.is_err(), "another table's reason");
    }

    #[test]
    fn an_upgrade_that_says_which_rows_it_loses_passes() {
        let said = "-- loses rows: letters, they have all been answered\ndrop table letters";
        next(PEOPLE, said).1.unwrap();
    }

    #[test]
    fn an_upgrade_that_leaves_a_reference_to_nothing_is_refused() {
        let loose = "-- loses rows: people, Bob left\ndelete from people where id = 2";
        let (connection, refused) = next(PEOPLE, loose);
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("`letters` 1 would point at nothing in `people`"),
            "{refused}"
        );
        assert_eq!(number(&connection, "select count(*) from people"), 2);
    }

    #[test]
    fn a_counter_of_ids_never_goes_back_even_where_all_rows_are_gone() {
        let quiet = format!("{PEOPLE} delete from letters; delete from people;");
        let (connection, done) = next(&quiet, REBUILD);
        done.unwrap();
        connection
            .execute("insert into people (name) values ('Eve')", [])
            .unwrap();
        assert_eq!(number(&connection, "select id from people"), 3);

        let careless = REBUILD.replace("autoincrement", "");
        let (_, refused) = next(&quiet, &careless);
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("for a second time"), "{refused}");
    }

    #[test]
    fn of_several_migrations_all_are_applied_or_none() {
        let mut connection = Connection::open_in_memory().unwrap();
        let all = [
            migration("1_shop.sql", PEOPLE),
            migration("2_next.sql", "insert into people (name) values ('Eve')"),
            migration("3_next.sql", "drop table people"),
        ];
        upgrade(&mut connection, None, &all[..1]).unwrap();
        upgrade(&mut connection, None, &all).unwrap_err();
        assert_eq!(number(&connection, "select count(*) from people"), 2);
        assert_eq!(number(&connection, "select count(*) from migrations"), 1);
    }

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
        // A copy is read back, and must be of a shop that this program knows.
        let known = embedded().unwrap().remove(0).name;
        let mut all = vec![migration(&known, PEOPLE)];
        upgrade(&mut connection, Some(&folder), &all).unwrap();
        assert!(
            copies::list(&folder.join(ASIDE)).is_empty(),
            "a new one needs no copy"
        );

        all.push(migration("2_next.sql", "delete from people"));
        let refused = upgrade(&mut connection, Some(&folder), &all).unwrap_err();
        assert!(refused.to_string().contains("would lose rows"), "{refused}");
        let made = copies::list(&folder.join(ASIDE));
        let copy = Connection::open(&made[0].path).unwrap();
        assert_eq!(number(&copy, "select count(*) from people"), 2);
    }
}
