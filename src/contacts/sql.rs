use rusqlite::{OptionalExtension, Row, params};

use super::Contact;
use crate::db::{Columns, Reader, Writer};
use crate::error::Result;
use crate::kernel::{ContactId, SiteId, Timestamp, findable};

const CONTACT: &str = "select id, site, reference, created_at from contacts";

pub fn insert_contact(
    w: &Writer,
    now: Timestamp,
    site: SiteId,
    reference: &str,
) -> Result<ContactId> {
    let mut statement = w.prepare_cached(
        "insert into contacts (site, reference, findable, created_at) values (?1, ?2, ?3, ?4)",
    )?;
    statement.execute(params![site.0, reference, findable(reference), now])?;
    Ok(ContactId(w.last_insert_rowid()))
}

pub fn find_contact(r: &Reader, id: ContactId) -> Result<Option<Contact>> {
    let mut query = r.prepare_cached(&format!("{CONTACT} where id = ?1"))?;
    Ok(query.query_row(params![id.0], read_contact).optional()?)
}

pub fn find_contact_by_reference(
    r: &Reader,
    site: SiteId,
    reference: &str,
) -> Result<Option<Contact>> {
    let mut query = r.prepare_cached(&format!("{CONTACT} where site = ?1 and reference = ?2"))?;
    let found = query.query_row(params![site.0, reference], read_contact);
    Ok(found.optional()?)
}

fn read_contact(row: &Row) -> rusqlite::Result<Contact> {
    let mut columns = Columns::of(row);
    Ok(Contact {
        id: ContactId(columns.take("id")?),
        site: SiteId(columns.take("site")?),
        reference: columns.take("reference")?,
        created_at: columns.take("created_at")?,
    })
}
