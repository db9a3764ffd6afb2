//! Visitors, contacts and sites are read along, never written.

use rusqlite::{Row, params};

use super::Person;
use crate::conversations::sql::read_state;
use crate::db::{Columns, Reader};
use crate::error::Result;
use crate::kernel::{ConversationKey, SiteId};

/// Many have a number and never wrote, and nothing leads to them: of those that come
/// first so many are looked at.
const LOOKED_AT: usize = 200;

/// With what leads to somebody; the index is the only way to his newest conversation.
const REST: &str = "join conversations c on c.site = ?1 and c.id = (
        select max(id) from conversations indexed by conversations_by_visitor
        where visitor = p.stays)
    join visitors v on v.id = p.stays
    join sites t on t.id = c.site";

/// Whose number lies between two, the newest first.
pub fn list_numbered(
    r: &Reader,
    site: SiteId,
    from: i64,
    to: i64,
    limit: usize,
) -> Result<Vec<Person>> {
    let mut query = r.prepare_cached(&format!(
        "select p.number, v.number as stays, k.reference, c.key, c.state,
             t.name as site_name
         from (select number, coalesce(merged_into, id) as stays from visitors
             where site = ?1 and number between ?2 and ?3
             order by number desc limit {LOOKED_AT}) p
         {REST} left join contacts k on k.id = v.contact limit ?4"
    ))?;
    let rows = query.query_map(params![site.0, from, to, limit as i64], read_person)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whom the shop calls something that begins so.
pub fn list_called(r: &Reader, site: SiteId, whole: &str, limit: usize) -> Result<Vec<Person>> {
    let end = format!("{whole}\u{10ffff}");
    let mut query = r.prepare_cached(&format!(
        "select v.number, v.number as stays, p.reference, c.key, c.state,
             t.name as site_name
         from (select k.reference, o.id as stays from contacts k
             join visitors o on o.contact = k.id
             where k.site = ?1 and k.findable >= ?2 and k.findable < ?3
             order by k.findable limit {LOOKED_AT}) p
         {REST} limit ?4"
    ))?;
    let values = params![site.0, whole, end, limit as i64];
    let rows = query.query_map(values, read_person)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_person(row: &Row) -> rusqlite::Result<Person> {
    let mut columns = Columns::of(row);
    Ok(Person {
        number: columns.take("number")?,
        stays: columns.take("stays")?,
        reference: columns.take("reference")?,
        conversation: ConversationKey(columns.take("key")?),
        state: read_state(&mut columns)?,
        site_name: columns.take("site_name")?,
    })
}
