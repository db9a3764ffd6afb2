use rusqlite::{OptionalExtension, params};

use crate::conversations::Conversation;
use crate::conversations::sql::{CONVERSATION, read_conversation};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{ConversationId, Seq, VisitorId};

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
