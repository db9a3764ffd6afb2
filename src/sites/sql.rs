use rusqlite::{OptionalExtension, Row, params};

use super::{NewLook, Site, rules};
use crate::db::{Columns, Reader, Writer, known};
use crate::error::Result;
use crate::kernel::{Origin, SiteId, Timestamp};
use crate::texts::Lang;

/// The origins ride along in one column: none of them can hold a space.
const SITE: &str = "select id, key, name, color, position, lang, zone, typing_preview,
    strict_privacy, earlier_chats, demo_shop, foot,
    (select group_concat(origin, ' ') from site_origins where site = sites.id) as origins
    from sites";

pub fn insert_site(
    w: &Writer,
    now: Timestamp,
    key: &str,
    name: &str,
    color: &str,
    lang: Lang,
    zone: &str,
) -> Result<SiteId> {
    let mut statement = w.prepare_cached(
        "insert into sites (key, name, color, position, lang, zone, typing_preview,
             strict_privacy, demo_shop, created_at)
         values (?1, ?2, ?3, 'end', ?4, ?5, 1, 0, 1, ?6)",
    )?;
    statement.execute(params![key, name, color, lang.code(), zone, now])?;
    Ok(SiteId(w.last_insert_rowid()))
}

pub fn list_sites(r: &Reader) -> Result<Vec<Site>> {
    let mut query = r.prepare_cached(&format!("{SITE} order by id"))?;
    let rows = query.query_map([], read_site)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_ids(r: &Reader) -> Result<Vec<SiteId>> {
    let mut query = r.prepare_cached("select id from sites order by id")?;
    let rows = query.query_map([], |row| row.get(0).map(SiteId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn find_site(r: &Reader, id: SiteId) -> Result<Option<Site>> {
    let mut query = r.prepare_cached(&format!("{SITE} where id = ?1"))?;
    Ok(query.query_row(params![id.0], read_site).optional()?)
}

pub fn find_site_by_key(r: &Reader, key: &str) -> Result<Option<Site>> {
    let mut query = r.prepare_cached(&format!("{SITE} where key = ?1"))?;
    Ok(query.query_row(params![key], read_site).optional()?)
}

pub fn update_site(
    w: &Writer,
    id: SiteId,
    name: &str,
    color: &str,
    foot: u16,
    new: &NewLook,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update sites set name = ?2, color = ?3, position = ?4, lang = ?5, zone = ?6,
             typing_preview = ?7, strict_privacy = ?8, demo_shop = ?9, foot = ?10,
             earlier_chats = ?11
         where id = ?1",
    )?;
    statement.execute(params![
        id.0,
        name,
        color,
        new.position,
        new.lang.code(),
        new.zone,
        new.typing_preview,
        new.strict_privacy,
        new.demo_shop,
        foot,
        new.earlier_chats
    ])?;
    Ok(())
}

pub fn insert_origin(w: &Writer, id: SiteId, origin: &Origin) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into site_origins (site, origin) values (?1, ?2) on conflict do nothing",
    )?;
    statement.execute(params![id.0, origin.as_str()])?;
    Ok(())
}

pub fn delete_origins(w: &Writer, id: SiteId) -> Result<()> {
    w.prepare_cached("delete from site_origins where site = ?1")?
        .execute(params![id.0])?;
    Ok(())
}

fn read_site(row: &Row) -> rusqlite::Result<Site> {
    let mut columns = Columns::of(row);
    let id: i64 = columns.take("id")?;
    let position = |word: &str| format!("site {id}: position `{word}`");
    let lang = |word: &str| format!("site {id}: lang `{word}`");
    Ok(Site {
        id: SiteId(id),
        key: columns.take("key")?,
        name: columns.take("name")?,
        color: columns.take("color")?,
        position: {
            let word: String = columns.take("position")?;
            known(rules::is_position(&word).then_some(()), || position(&word))?;
            word
        },
        lang: {
            let word = columns.word("lang")?.unwrap_or_default();
            known(Lang::from_code(word), || lang(word))?
        },
        zone: columns.take("zone")?,
        typing_preview: columns.take("typing_preview")?,
        strict_privacy: columns.take("strict_privacy")?,
        earlier_chats: columns.take("earlier_chats")?,
        demo_shop: columns.take("demo_shop")?,
        foot: columns.take("foot")?,
        origins: {
            let all = columns.word("origins")?.unwrap_or_default();
            all.split(' ').filter_map(Origin::parse).collect()
        },
    })
}
