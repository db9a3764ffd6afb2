//! A shop that has been open for a month: 1,000,000 messages in 50,000
//! conversations, written straight into the database file of a stopped server.
//!
//! Nothing here knows what a message consists of. A few conversations are held
//! over HTTP with the real server; the rows which that left behind are the
//! pattern, and are copied with new keys, along whatever the schema itself says
//! about them: primary keys, foreign keys, unique indexes. Positions in the
//! journal are told by their size, because the counter is raised far above
//! anything else first, and times by being of the minute of the pattern.
//!
//! The lines of one conversation end up far apart, as if all had gone on at once
//! for a month: the hardest case for a page that shows them.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, params};

/// Where the positions of the pattern begin; its copies lie below.
const PATTERN: i64 = 10_000_000;
const LOWEST: i64 = 1_000;

const MONTH: i64 = 30 * 86_400_000;

/// Not history but work, or pruned by the server itself after a while.
const NOT_COPIED: [&str; 4] = ["journal", "journal_followers", "jobs", "sessions"];

/// What stood in the file before the pattern was made.
pub struct Before {
    rows: HashMap<String, i64>,
    at: i64,
}

struct Copying<'a> {
    before: &'a Before,
    until: i64,
    copies: i64,
    /// Tables with rows of the pattern, and how many.
    strides: HashMap<String, i64>,
    /// Of those, the ones whose key is a position in the journal.
    by_position: HashSet<String>,
}

struct Column {
    name: String,
    kind: String,
    is_key: bool,
}

/// Raises the journal's counter, and remembers what is there.
pub fn before_pattern(data: &Path) -> Result<Before> {
    let db = open(data)?;
    let raised = db.execute(
        "update sqlite_sequence set seq = ?1 where name = 'journal'",
        [PATTERN],
    )?;
    if raised == 0 {
        db.execute(
            "insert into sqlite_sequence (name, seq) values ('journal', ?1)",
            [PATTERN],
        )?;
    }
    let mut rows = HashMap::new();
    for table in tables(&db)? {
        let sql = format!("select coalesce(max(rowid), 0) from \"{table}\"");
        rows.insert(table, db.query_row(&sql, [], |row| row.get(0))?);
    }
    Ok(Before { rows, at: now_ms() })
}

/// Copies what is new since then, so many times. Returns how many messages and
/// conversations there are in all.
pub fn copy_pattern(data: &Path, before: &Before, copies: i64) -> Result<(i64, i64)> {
    let db = open(data)?;
    let mut copying = Copying {
        before,
        until: now_ms(),
        copies,
        strides: HashMap::new(),
        by_position: HashSet::new(),
    };
    for table in tables(&db)?
        .into_iter()
        .filter(|it| !NOT_COPIED.contains(&it.as_str()))
    {
        copying.look_at(&db, table)?;
    }
    copying.leave_extensions(&db)?;
    db.pragma_update(None, "foreign_keys", false)?;
    db.pragma_update(None, "synchronous", "off")?;
    db.execute_batch("begin immediate; create temp table copies (k integer primary key)")?;
    db.execute(
        "insert into copies with recursive k (k) as
         (select 1 union all select k + 1 from k where k < ?1) select k from k",
        [copies],
    )?;
    for table in copying.strides.keys() {
        copying.copy(&db, table)?;
    }
    // The one thing that no schema says: this counter follows that column.
    db.execute_batch(
        "update visitor_numbers set last = (
             select max(number) from visitors where visitors.site = visitor_numbers.site);
         commit; drop table copies;",
    )?;
    check(&db)?;
    let count = |table: &str| {
        db.query_row(&format!("select count(*) from {table}"), [], |row| {
            row.get::<_, i64>(0)
        })
    };
    let counted = (count("messages")?, count("conversations")?);
    db.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    Ok(counted)
}

/// All names of conversations in addresses; `like` is one of them.
pub fn conversation_keys(data: &Path, like: &str) -> Result<Vec<String>> {
    let db = open(data)?;
    for table in tables(&db)? {
        for column in columns(&db, &table)?.iter().filter(|it| it.kind == "TEXT") {
            let (table, column) = (&table, &column.name);
            let here = format!("select exists (select 1 from \"{table}\" where \"{column}\" = ?1)");
            if db.query_row(&here, [like], |row| row.get::<_, bool>(0))? {
                let all = format!("select \"{column}\" from \"{table}\" order by rowid");
                let mut query = db.prepare(&all)?;
                let keys = query
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                return Ok(keys);
            }
        }
    }
    anyhow::bail!("no table holds {like}")
}

pub fn colleague(nth: usize) -> String {
    format!("agent{nth}@bench.example")
}

/// Colleagues of this agent with the same password, since inviting them would
/// take a mail each. Returns their addresses.
pub fn colleagues(data: &Path, of: &str, count: usize) -> Result<Vec<String>> {
    let db = open(data)?;
    let columns = columns(&db, "agents")?;
    let value = |column: &Column| match column.name.as_str() {
        "email" => "?2".to_owned(),
        "name" => "?3".to_owned(),
        "role" => "'agent'".to_owned(),
        name => format!("\"{name}\""),
    };
    let copied: Vec<&Column> = columns.iter().filter(|it| !it.is_key).collect();
    let names: Vec<String> = copied.iter().map(|it| format!("\"{}\"", it.name)).collect();
    let values: Vec<String> = copied.iter().map(|it| value(it)).collect();
    let (names, values) = (names.join(", "), values.join(", "));
    let sql = format!(
        "insert into agents ({names}) select {values} from agents where email = ?1
         on conflict do nothing"
    );
    let mut emails = Vec::new();
    for nth in 1..=count {
        let email = colleague(nth);
        db.execute(&sql, params![of, email, format!("Agent {nth}")])?;
        emails.push(email);
    }
    Ok(emails)
}

/// So many more sites, each with members of its own among the colleagues, so that
/// no two of these see the same. The site that is written to stays everybody's.
pub fn sights(data: &Path, agents: usize) -> Result<()> {
    let db = open(data)?;
    let columns = columns(&db, "sites")?;
    let copied: Vec<&Column> = columns.iter().filter(|it| !it.is_key).collect();
    let value = |column: &&Column| match column.name.as_str() {
        "key" => "?1".to_owned(),
        name => format!("\"{name}\""),
    };
    let names: Vec<String> = copied.iter().map(|it| format!("\"{}\"", it.name)).collect();
    let values: Vec<String> = copied.iter().map(value).collect();
    let (names, values) = (names.join(", "), values.join(", "));
    let make =
        format!("insert into sites ({names}) select {values} from sites order by id limit 1");
    let name = "insert into site_members (site, agent) select ?1, id from agents where email = ?2";
    for bit in 0..agents.next_power_of_two().ilog2() {
        db.execute(&make, [format!("bench-sight-{bit}")])?;
        let site = db.last_insert_rowid();
        for nth in (1..agents).filter(|nth| nth >> bit & 1 == 1) {
            db.execute(name, params![site, colleague(nth)])?;
        }
    }
    Ok(())
}

impl Copying<'_> {
    fn look_at(&mut self, db: &Connection, table: String) -> Result<()> {
        let before = self.first(&table);
        let sql = format!(
            "select count(*), coalesce(min(rowid), 0), coalesce(max(rowid), 0) from \"{table}\" where rowid > {before}"
        );
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (count, least, most): (i64, i64, i64) = db.query_row(&sql, [], read)?;
        if count == 0 {
            return Ok(());
        }
        if PATTERN <= least {
            let room = LOWEST + (most - PATTERN + 1) * (self.copies + 1);
            ensure!(room < PATTERN, "{table}: the pattern is too long");
            self.by_position.insert(table.clone());
        }
        self.strides.insert(table, most - before);
        Ok(())
    }

    /// A table whose key is another's belongs to that other's rows: where those
    /// are not copied, neither are these.
    fn leave_extensions(&mut self, db: &Connection) -> Result<()> {
        let mut left = Vec::new();
        for table in self.strides.keys() {
            let keys = columns(db, table)?.into_iter().filter(|it| it.is_key);
            let targets = references(db, table)?;
            let mut targets = keys.filter_map(|it| targets.get(&it.name));
            if targets.any(|it| !self.strides.contains_key(it)) {
                left.push(table.clone());
            }
        }
        self.strides.retain(|table, _| !left.contains(table));
        Ok(())
    }

    fn first(&self, table: &str) -> i64 {
        self.before.rows.get(table).copied().unwrap_or_default()
    }

    fn copy(&self, db: &Connection, table: &str) -> Result<()> {
        let columns = columns(db, table)?;
        let references = references(db, table)?;
        let varied = self.varied(db, table, &columns, &references)?;
        let value = |column: &Column| {
            let name = format!("\"{}\"", column.name);
            let target = references
                .get(&column.name)
                .filter(|it| self.strides.contains_key(*it));
            match target {
                None if column.is_key => self.moved(table, &name),
                Some(target) => {
                    let moved = self.moved(target, &name);
                    format!("iif({name} > {}, {moved}, {name})", self.first(target))
                }
                None if varied.contains(&column.name) => self.another(table, column),
                None if column.kind == "INTEGER" => self.shifted(&name),
                None => name,
            }
        };
        let names: Vec<String> = columns
            .iter()
            .map(|it| format!("\"{}\"", it.name))
            .collect();
        let values: Vec<String> = columns.iter().map(value).collect();
        let sql = format!(
            "insert into \"{table}\" ({}) select {} from
             (select rowid as row, * from \"{table}\" where rowid > {} order by rowid)
             cross join copies",
            names.join(", "),
            values.join(", "),
            self.first(table),
        );
        db.execute(&sql, [])
            .with_context(|| format!("copying {table}"))?;
        Ok(())
    }

    /// The key that the kth copy of a row of this table has.
    fn moved(&self, table: &str, name: &str) -> String {
        if self.by_position.contains(table) {
            return self.position(name);
        }
        format!("{name} + k * {}", self.strides[table])
    }

    fn position(&self, name: &str) -> String {
        format!("{LOWEST} + ({name} - {PATTERN}) * {} + k", self.copies + 1)
    }

    /// Positions and times keep their order; any other number stays as it is.
    fn shifted(&self, name: &str) -> String {
        let (from, to) = (self.before.at, self.until);
        let scale = (MONTH / (to - from + 1)).max(1);
        let step = (scale / self.copies).max(1);
        let begin = to - MONTH - scale - self.copies * step;
        format!(
            "case when {name} between {PATTERN} and 2 * {PATTERN} then {}
             when {name} between {from} and {to}
             then {begin} + ({name} - {from}) * {scale} + k * {step} else {name} end",
            self.position(name)
        )
    }

    /// A value like this one that no other row has.
    fn another(&self, table: &str, column: &Column) -> String {
        let name = format!("\"{}\"", column.name);
        let stride = self.strides[table];
        match column.kind.as_str() {
            "INTEGER" => format!("{name} + k * {stride}"),
            "BLOB" => format!("randomblob(length({name}))"),
            _ => format!(
                "substr({name}, 1, length({name}) - 6) || printf('%06x', row - {} + k * {stride})",
                self.first(table)
            ),
        }
    }

    /// Columns that a unique index alone would forbid to copy.
    fn varied(
        &self,
        db: &Connection,
        table: &str,
        columns: &[Column],
        references: &HashMap<String, String>,
    ) -> Result<HashSet<String>> {
        let mut varied = HashSet::new();
        for index in unique_indexes(db, table)? {
            let moves = |name: &String| {
                let target = references.get(name);
                let key = columns.iter().any(|it| it.is_key && it.name == *name);
                key || varied.contains(name)
                    || target.is_some_and(|it| self.strides.contains_key(it))
            };
            if !index.iter().any(moves) {
                varied.extend(index.last().cloned());
            }
        }
        Ok(varied)
    }
}

fn check(db: &Connection) -> Result<()> {
    let mut query = db.prepare("pragma foreign_key_check")?;
    let mut broken = query.query([])?;
    if let Some(row) = broken.next()? {
        let (table, target): (String, String) = (row.get(0)?, row.get(2)?);
        anyhow::bail!("a copied row of {table} points at no row of {target}");
    }
    Ok(())
}

fn open(data: &Path) -> Result<Connection> {
    let files = std::fs::read_dir(data)?.filter_map(|it| Some(it.ok()?.path()));
    let mut databases = files.filter(|it| it.extension().is_some_and(|it| it == "db"));
    let file = databases.next().context("no database in the data folder")?;
    let db = Connection::open(file)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    Ok(db)
}

/// Real tables with a rowid; neither views nor a search index, which follow.
fn tables(db: &Connection) -> Result<Vec<String>> {
    let mut query = db.prepare(
        "select name from pragma_table_list
         where schema = 'main' and type = 'table' and wr = 0 and name not like 'sqlite_%'",
    )?;
    let names = query.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn columns(db: &Connection, table: &str) -> Result<Vec<Column>> {
    let mut query = db.prepare("select name, type, pk from pragma_table_info(?1)")?;
    let column = |row: &rusqlite::Row<'_>| {
        let (kind, pk): (String, i64) = (row.get(1)?, row.get(2)?);
        let kind = kind.to_uppercase();
        Ok(Column {
            name: row.get(0)?,
            is_key: pk == 1 && kind == "INTEGER",
            kind,
        })
    };
    let columns = query.query_map([table], column)?;
    Ok(columns.collect::<Result<_, _>>()?)
}

fn references(db: &Connection, table: &str) -> Result<HashMap<String, String>> {
    let mut query = db.prepare("select \"from\", \"table\" from pragma_foreign_key_list(?1)")?;
    let pairs = query.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(pairs.collect::<Result<_, _>>()?)
}

fn unique_indexes(db: &Connection, table: &str) -> Result<Vec<Vec<String>>> {
    let mut query = db.prepare("select name from pragma_index_list(?1) where \"unique\"")?;
    let names: Vec<String> = query
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut columns =
        db.prepare("select name from pragma_index_info(?1) where name is not null")?;
    let mut indexes = Vec::new();
    for name in names {
        let index = columns.query_map([name], |row| row.get(0))?;
        indexes.push(index.collect::<Result<_, _>>()?);
    }
    Ok(indexes)
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
