use rusqlite::{OptionalExtension, params};

use crate::db::{Reader, Writer};
use crate::error::Result;

pub fn find_value(r: &Reader, name: &str) -> Result<Option<String>> {
    let mut query = r.prepare_cached("select value from settings where name = ?1")?;
    Ok(query
        .query_row(params![name], |row| row.get(0))
        .optional()?)
}

pub fn upsert_value(w: &Writer, name: &str, value: &str) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into settings (name, value) values (?1, ?2)
         on conflict (name) do update set value = excluded.value",
    )?;
    statement.execute(params![name, value])?;
    Ok(())
}
