use rusqlite::{OptionalExtension, Row, params};

use super::{Device, Visitor};
use crate::db::{Columns, Reader, Writer};
use crate::error::Result;
use crate::kernel::{ContactId, Seq, SiteId, Timestamp, TokenHash, VisitorId};

const VISITOR: &str = "select v.id, v.site, v.number, v.lang, v.contact, v.merged_into, v.kin,
    v.whole_since from visitors v";

pub fn next_number(w: &Writer, site: SiteId) -> Result<i64> {
    let mut statement = w.prepare_cached(
        "insert into visitor_numbers (site, last) values (?1, 1)
         on conflict (site) do update set last = last + 1 returning last",
    )?;
    Ok(statement.query_row(params![site.0], |row| row.get(0))?)
}

pub fn insert_visitor(
    w: &Writer,
    now: Timestamp,
    site: SiteId,
    number: i64,
    lang: &str,
) -> Result<VisitorId> {
    let mut statement = w.prepare_cached(
        "insert into visitors (site, number, lang, created_at) values (?1, ?2, ?3, ?4)",
    )?;
    statement.execute(params![site.0, number, lang, now])?;
    Ok(VisitorId(w.last_insert_rowid()))
}

pub fn insert_token(
    w: &Writer,
    now: Timestamp,
    visitor: VisitorId,
    token: TokenHash,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into visitor_tokens (token_hash, visitor, made_at) values (?1, ?2, ?3)",
    )?;
    statement.execute(params![token.0, visitor.0, now])?;
    Ok(())
}

pub fn find_visitor_by_token(r: &Reader, token: TokenHash) -> Result<Option<Visitor>> {
    let mut query = r.prepare_cached(&format!(
        "{VISITOR} join visitor_tokens t on t.visitor = v.id where t.token_hash = ?1"
    ))?;
    Ok(query.query_row(params![token.0], read_visitor).optional()?)
}

pub fn find_visitor(r: &Reader, id: VisitorId) -> Result<Option<Visitor>> {
    let mut query = r.prepare_cached(&format!("{VISITOR} where v.id = ?1"))?;
    Ok(query.query_row(params![id.0], read_visitor).optional()?)
}

pub fn find_visitor_by_contact(r: &Reader, contact: ContactId) -> Result<Option<Visitor>> {
    let mut query = r.prepare_cached(&format!("{VISITOR} where v.contact = ?1"))?;
    let found = query.query_row(params![contact.0], read_visitor);
    Ok(found.optional()?)
}

pub fn update_contact(w: &Writer, id: VisitorId, contact: ContactId) -> Result<()> {
    w.prepare_cached("update visitors set contact = ?2 where id = ?1")?
        .execute(params![id.0, contact.0])?;
    Ok(())
}

pub fn find_device(r: &Reader, visitor: VisitorId, device: &Device) -> Result<Option<i64>> {
    let mut query = r.prepare_cached(
        "select id from visitor_devices where visitor = ?1 and kind = ?2 and app is ?3
             and app_version is ?4 and raw = ?5",
    )?;
    let found = query.query_row(
        params![
            visitor.0,
            device.kind,
            device.app,
            device.app_version,
            device.raw
        ],
        |row| row.get(0),
    );
    Ok(found.optional()?)
}

pub fn insert_device(w: &Writer, visitor: VisitorId, device: &Device) -> Result<i64> {
    let mut statement = w.prepare_cached(
        "insert into visitor_devices
             (visitor, kind, app, app_version, browser, browser_version, system, raw)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    statement.execute(params![
        visitor.0,
        device.kind,
        device.app,
        device.app_version,
        device.browser,
        device.browser_version,
        device.system,
        device.raw
    ])?;
    Ok(w.last_insert_rowid())
}

fn read_visitor(row: &Row) -> rusqlite::Result<Visitor> {
    let mut columns = Columns::of(row);
    Ok(Visitor {
        id: VisitorId(columns.take("id")?),
        site: SiteId(columns.take("site")?),
        number: columns.take("number")?,
        lang: columns.take("lang")?,
        contact: columns.take::<Option<i64>>("contact")?.map(ContactId),
        merged_into: columns.take::<Option<i64>>("merged_into")?.map(VisitorId),
        kin: columns.take("kin")?,
        whole_since: Seq(columns.take("whole_since")?),
    })
}
