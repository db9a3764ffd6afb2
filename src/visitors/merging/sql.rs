use rusqlite::{OptionalExtension, params};

use crate::db::{Reader, Writer};
use crate::error::Result;
use crate::kernel::{Seq, Timestamp, VisitorId};
use crate::visitors::Visitor;

/// Where it is written whose a row is: a column of a table, and what its rows are
/// known by.
pub struct Reference {
    table: String,
    column: String,
    key: String,
}

impl Reference {
    fn name(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }

    /// A statement about it: `{table}`, `{column}` and `{key}`, which are names of the
    /// schema itself, quoted as SQLite quotes.
    fn statement(&self, sql: &str) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        sql.replace("{table}", &quoted(&self.table))
            .replace("{column}", &quoted(&self.column))
            .replace("{key}", &quoted(&self.key))
    }
}

/// Everything that refers to visitors, but for what is kept about merging itself.
pub fn list_references(r: &Reader) -> Result<Vec<Reference>> {
    let mut query = r.prepare_cached(
        "select t.name as place, f.\"from\" as col,
             (select p.name from pragma_table_info(t.name) p where p.pk = 1) as key
         from sqlite_schema t, pragma_foreign_key_list(t.name) f
         where t.type = 'table' and f.\"table\" = 'visitors' and t.name <> 'visitor_moves'
         order by place, col",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Reference {
            table: row.get("place")?,
            column: row.get("col")?,
            key: row.get("key")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn insert_moves(w: &Writer, reference: &Reference, gone: VisitorId) -> Result<()> {
    let insert = reference.statement(
        "insert into visitor_moves (visitor, place, key)
         select ?1, ?2, {key} from {table} where {column} = ?1",
    );
    w.execute(&insert, params![gone.0, reference.name()])?;
    Ok(())
}

/// All that there is room for.
pub fn update_owner(
    w: &Writer,
    reference: &Reference,
    gone: VisitorId,
    stays: VisitorId,
) -> Result<()> {
    let update =
        reference.statement("update or ignore {table} set {column} = ?2 where {column} = ?1");
    w.execute(&update, params![gone.0, stays.0])?;
    Ok(())
}

/// Of those that there was no room for.
pub fn delete_moves_refused(w: &Writer, reference: &Reference, gone: VisitorId) -> Result<()> {
    let delete = reference.statement(
        "delete from visitor_moves where visitor = ?1 and place = ?2
             and key in (select {key} from {table} where {column} = ?1)",
    );
    w.execute(&delete, params![gone.0, reference.name()])?;
    Ok(())
}

/// Those that he brought and that are still there.
pub fn update_owner_back(
    w: &Writer,
    reference: &Reference,
    back: VisitorId,
    stayed: VisitorId,
) -> Result<()> {
    let update = reference.statement(
        "update {table} set {column} = ?1 where {column} = ?2
             and {key} in (select key from visitor_moves where visitor = ?1 and place = ?3)",
    );
    w.execute(&update, params![back.0, stayed.0, reference.name()])?;
    Ok(())
}

pub fn delete_moves(w: &Writer, visitor: VisitorId) -> Result<()> {
    w.prepare_cached("delete from visitor_moves where visitor = ?1")?
        .execute(params![visitor.0])?;
    Ok(())
}

/// What others brought of what this one takes back, himself included.
pub fn delete_moves_of_others(w: &Writer, back: VisitorId) -> Result<()> {
    w.prepare_cached(
        "delete from visitor_moves where (visitor, place, key) in (
             select other.visitor, other.place, other.key from (
                 select place, key from visitor_moves where visitor = ?1
                 union all select 'visitors.merged_into', ?1) his
             cross join visitor_moves other indexed by visitor_moves_by_row
                 on other.place = his.place and other.key = his.key
             where other.visitor <> ?1
                 and other.visitor not in (select id from visitors where merged_into = ?1))",
    )?
    .execute(params![back.0])?;
    Ok(())
}

pub fn find_merged_at(r: &Reader, visitor: VisitorId) -> Result<Option<Timestamp>> {
    let mut query = r.prepare_cached("select merged_at from visitors where id = ?1")?;
    let found = query.query_row(params![visitor.0], |row| row.get(0));
    Ok(found.optional()?.flatten())
}

pub fn update_merged(w: &Writer, now: Timestamp, gone: VisitorId, stays: VisitorId) -> Result<()> {
    w.prepare_cached("update visitors set merged_into = ?2, merged_at = ?3 where id = ?1")?
        .execute(params![gone.0, stays.0, now])?;
    Ok(())
}

/// These, and all who are kin of one of them already.
pub fn update_kin(w: &Writer, visitors: &[&Visitor], kin: i64) -> Result<()> {
    for visitor in visitors {
        w.prepare_cached("update visitors set kin = ?3 where id = ?1 or kin = ?2")?
            .execute(params![visitor.id.0, visitor.kin, kin])?;
    }
    Ok(())
}

pub fn update_parted(w: &Writer, back: VisitorId) -> Result<()> {
    w.prepare_cached("update visitors set merged_into = null, merged_at = null where id = ?1")?
        .execute(params![back.0])?;
    Ok(())
}

pub fn update_whole_since(w: &Writer, visitors: &[VisitorId], seq: Seq) -> Result<()> {
    for visitor in visitors {
        w.prepare_cached("update visitors set whole_since = ?2 where id = ?1")?
            .execute(params![visitor.0, seq.0])?;
    }
    Ok(())
}
