//! One question about several things.

use rusqlite::{Row, params};

use super::Reader;
use crate::error::Result;

/// As many are asked about one by one: a list costs SQLite more than so many looks
/// into an index. News is about as few, a page about fifty.
const FEW: usize = 4;

/// Every row about any of these. `query`: a statement that keeps to `thing = ?1`, made
/// of how a thing is compared (`= ?1`, `in (…)`). Rows about one come as the statement
/// orders them.
pub fn of_each<T>(
    r: &Reader,
    ids: &[i64],
    query: impl Fn(&str) -> String,
    mut read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    if FEW < ids.len() {
        let mut all = r.prepare_cached(&query("in (select value from json_each(?1))"))?;
        let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let list = format!("[{}]", list.join(","));
        return Ok(all.query_map([list], read)?.collect::<Result<_, _>>()?);
    }
    let mut found = Vec::new();
    let mut one = r.prepare_cached(&query("= ?1"))?;
    for id in ids {
        let mut rows = one.query(params![id])?;
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::scratch;

    /// The greater ones first, however many are asked about.
    #[test]
    fn a_few_and_many_are_answered_alike() {
        let ask = |ids: &'static [i64]| {
            scratch(move |w| {
                let query = |compared: &str| {
                    format!(
                        "with things(id, n) as (values (1, 10), (1, 11), (2, 20), (7, 70))
                         select id, n from things where id {compared} order by id, n desc"
                    )
                };
                of_each(w, ids, query, |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .unwrap()
        };
        let known: &[(i64, i64)] = &[(1, 11), (1, 10), (2, 20)];
        assert_eq!(ask(&[]), []);
        assert_eq!(ask(&[1, 2, 3]), known);
        assert_eq!(ask(&[1, 2, 3, 4, 5, 6]), known);
    }
}
