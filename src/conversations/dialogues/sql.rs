use rusqlite::{OptionalExtension, Row, params};

use super::Earlier;
use crate::conversations::Conversation;
use crate::conversations::sql::{CONVERSATION, read_conversation, read_last_kind, read_state};
use crate::db::{Columns, Reader};
use crate::error::Result;
use crate::kernel::{ConversationId, ConversationKey, Seq, VisitorId};

/// The visitor's other conversations, seen from one of them: none where agents may not
/// know that they are of the same person. The index is named, because the planner
/// would walk all of the site.
const BESIDE: &str = "from conversations here
    join conversations c indexed by conversations_by_visitor
        on c.visitor = here.visitor and c.site = here.site
    where here.id = ?1 and (
        exists (select 1 from visitors where id = here.visitor and contact is not null)
        or exists (select 1 from sites where id = here.site and earlier_chats))";

pub fn find_newest(r: &Reader, visitor: VisitorId) -> Result<Option<Conversation>> {
    let mut query = r.prepare_cached(&format!(
        "{CONVERSATION} where visitor = ?1 order by id desc limit 1"
    ))?;
    let found = query.query_row(params![visitor.0], read_conversation);
    Ok(found.optional()?)
}

/// The newest that is open.
pub fn find_open(r: &Reader, visitor: VisitorId) -> Result<Option<Conversation>> {
    let mut query = r.prepare_cached(&format!(
        "{CONVERSATION} indexed by conversations_open_by_visitor
         where visitor = ?1 and state = 'open' order by id desc limit 1"
    ))?;
    let found = query.query_row(params![visitor.0], read_conversation);
    Ok(found.optional()?)
}

/// Newest first.
pub fn list_before(
    r: &Reader,
    visitor: VisitorId,
    before: ConversationId,
    limit: usize,
) -> Result<Vec<Conversation>> {
    let mut query = r.prepare_cached(&format!(
        "{CONVERSATION} where visitor = ?1 and id < ?2 order by id desc limit ?3"
    ))?;
    let values = params![visitor.0, before.0, limit as i64];
    let rows = query.query_map(values, read_conversation)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Of the newest before one: those with a line up to `up_to` that he has not seen.
pub fn list_unseen_before(
    r: &Reader,
    visitor: VisitorId,
    before: ConversationId,
    up_to: Seq,
    most: usize,
) -> Result<Vec<Conversation>> {
    let mut query = r.prepare_cached(&format!(
        "{CONVERSATION} where id in (
             select id from conversations where visitor = ?1 and id < ?2
             order by id desc limit ?4)
         and exists (
             select 1 from messages m where m.conversation = conversations.id
             and m.id > conversations.visitor_seen and m.id <= ?3)"
    ))?;
    let values = params![visitor.0, before.0, up_to.0, most as i64];
    let rows = query.query_map(values, read_conversation)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether one of the newest others has a line after a position.
pub fn exists_line_elsewhere(
    r: &Reader,
    visitor: VisitorId,
    here: ConversationId,
    after: Seq,
    most: usize,
) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from (
             select id from conversations where visitor = ?1 and id <> ?2
             order by id desc limit ?4) c
         where exists (select 1 from messages where conversation = c.id and id > ?3)",
    )?;
    Ok(query.exists(params![visitor.0, here.0, after.0, most as i64])?)
}

/// The newest first.
pub fn list_earlier(r: &Reader, here: ConversationId, limit: usize) -> Result<Vec<Earlier>> {
    let mut query = r.prepare_cached(&format!(
        "select c.id, c.key, c.state, c.created_at, c.last_kind, c.last_text {BESIDE}
             and c.id < here.id order by c.id desc limit ?2"
    ))?;
    let rows = query.query_map(params![here.0, limit as i64], read_earlier)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn count_earlier(r: &Reader, here: ConversationId, most: usize) -> Result<i64> {
    let mut query = r.prepare_cached(&format!(
        "select count(*) from (select 1 {BESIDE} and c.id < here.id limit ?2)"
    ))?;
    Ok(query.query_row(params![here.0, most as i64], |row| row.get(0))?)
}

/// Those to which this is an earlier one.
pub fn list_later(r: &Reader, here: ConversationId, limit: usize) -> Result<Vec<ConversationId>> {
    let mut query = r.prepare_cached(&format!(
        "select c.id {BESIDE} and c.id > here.id order by c.id limit ?2"
    ))?;
    let values = params![here.0, limit as i64];
    let rows = query.query_map(values, |row| row.get(0).map(ConversationId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The newest first.
pub fn list_ids(r: &Reader, visitor: VisitorId, limit: usize) -> Result<Vec<ConversationId>> {
    let mut query = r.prepare_cached(
        "select id from conversations where visitor = ?1 order by id desc limit ?2",
    )?;
    let values = params![visitor.0, limit as i64];
    let rows = query.query_map(values, |row| row.get(0).map(ConversationId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_earlier(row: &Row) -> rusqlite::Result<Earlier> {
    let mut columns = Columns::of(row);
    columns.take::<i64>("id")?;
    Ok(Earlier {
        key: ConversationKey(columns.take("key")?),
        state: read_state(&mut columns)?,
        began: columns.take("created_at")?,
        last_kind: read_last_kind(&mut columns)?,
        last_text: columns.take("last_text")?,
    })
}
