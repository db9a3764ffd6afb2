use std::collections::HashMap;

use rusqlite::{OptionalExtension, Row, params};

use super::{Given, Rating};
use crate::db::{Columns, Reader, Writer, of_each};
use crate::error::Result;
use crate::kernel::{ConversationId, Seq, SiteId, Timestamp};

/// The conversations that were rated so when somebody last did.
pub const BY_RATE: &str = "select conversation from ratings where rate = :value
    and not exists (select 1 from ratings later where later.rate is not null
        and later.conversation = ratings.conversation and ratings.line < later.line)";
/// Those that were commented on then, for 1.
pub const BY_COMMENT: &str = "select conversation from ratings where (comment <> '') = :value
    and not exists (select 1 from ratings later where later.rate is not null
        and later.conversation = ratings.conversation and ratings.line < later.line)";

const RATING: &str = "select line, key, conversation, asked_at, went_on_at, given_at, told,
    changed_at, rate, comment from ratings";

pub fn insert_rating(w: &Writer, it: &Rating) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into ratings (line, key, conversation, asked_at) values (?1, ?2, ?3, ?4)",
    )?;
    statement.execute(params![it.line.0, it.key, it.conversation.0, it.asked_at])?;
    Ok(())
}

pub fn update_went_on(w: &Writer, line: Seq, now: Timestamp) -> Result<()> {
    w.prepare_cached("update ratings set went_on_at = ?2 where line = ?1")?
        .execute(params![line.0, now])?;
    Ok(())
}

/// The conversation is over once more.
pub fn update_asked(w: &Writer, line: Seq, now: Timestamp) -> Result<()> {
    w.prepare_cached("update ratings set asked_at = ?2, went_on_at = null where line = ?1")?
        .execute(params![line.0, now])?;
    Ok(())
}

pub fn update_given(w: &Writer, it: &Rating) -> Result<()> {
    let Some(given) = &it.given else {
        return Ok(());
    };
    let mut statement = w.prepare_cached(
        "update ratings set rate = ?2, comment = ?3, given_at = ?4, changed_at = ?5, told = ?6
         where line = ?1",
    )?;
    let Given {
        rate,
        comment,
        at,
        changed_at,
    } = given;
    let told = it.told.map(|it| it.0);
    statement.execute(params![it.line.0, rate, comment, at, changed_at, told])?;
    Ok(())
}

pub fn find_by_key(r: &Reader, key: &str) -> Result<Option<Rating>> {
    let mut query = r.prepare_cached(&format!("{RATING} where key = ?1"))?;
    Ok(query.query_row(params![key], read_rating).optional()?)
}

/// The one since which the conversation has not gone on.
pub fn find_current(r: &Reader, conversation: ConversationId) -> Result<Option<Rating>> {
    let mut query = r.prepare_cached(&format!(
        "{RATING} where conversation = ?1 and went_on_at is null"
    ))?;
    let found = query.query_row(params![conversation.0], read_rating);
    Ok(found.optional()?)
}

/// The newest.
pub fn find_given(r: &Reader, conversation: ConversationId) -> Result<Option<Rating>> {
    let mut query = r.prepare_cached(&format!(
        "{RATING} where conversation = ?1 and rate is not null order by line desc limit 1"
    ))?;
    let found = query.query_row(params![conversation.0], read_rating);
    Ok(found.optional()?)
}

pub fn find_newest(r: &Reader, conversation: ConversationId) -> Result<Option<Rating>> {
    let mut query = r.prepare_cached(&format!(
        "{RATING} where conversation = ?1 order by line desc limit 1"
    ))?;
    let found = query.query_row(params![conversation.0], read_rating);
    Ok(found.optional()?)
}

/// Whether anything was given, ever.
pub fn exists_given(r: &Reader) -> Result<bool> {
    let mut query = r.prepare_cached("select 1 from ratings where rate is not null limit 1")?;
    Ok(query.exists([])?)
}

/// The rate last given in each of these, and whether a comment came with it.
pub fn list_given(
    r: &Reader,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, (i64, bool)>> {
    let ids: Vec<i64> = conversations.iter().map(|it| it.0).collect();
    let query = |compared: &str| {
        format!(
            "select conversation, rate, comment <> '' as said from ratings
             where rate is not null and conversation {compared} order by line"
        )
    };
    let rows = of_each(r, &ids, query, |row| {
        let mut columns = Columns::of(row);
        let conversation = ConversationId(columns.take("conversation")?);
        Ok((conversation, (columns.take("rate")?, columns.take("said")?)))
    })?;
    Ok(rows.into_iter().collect())
}

pub fn find_asks(r: &Reader, site: SiteId) -> Result<Option<bool>> {
    let mut query = r.prepare_cached("select asks from rating_sites where site = ?1")?;
    let found = query.query_row(params![site.0], |row| row.get(0));
    Ok(found.optional()?)
}

pub fn upsert_asks(w: &Writer, site: SiteId, asks: bool) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into rating_sites (site, asks) values (?1, ?2)
         on conflict (site) do update set asks = excluded.asks",
    )?;
    statement.execute(params![site.0, asks])?;
    Ok(())
}

fn read_rating(row: &Row) -> rusqlite::Result<Rating> {
    let mut columns = Columns::of(row);
    let (line, key) = (Seq(columns.take("line")?), columns.take("key")?);
    let conversation = ConversationId(columns.take("conversation")?);
    let asked_at = columns.take("asked_at")?;
    let went_on_at = columns.take("went_on_at")?;
    let given_at: Option<Timestamp> = columns.take("given_at")?;
    let told = columns.take::<Option<i64>>("told")?.map(Seq);
    let changed_at = columns.take("changed_at")?;
    let rate: Option<i64> = columns.take("rate")?;
    let comment = columns.take("comment")?;
    Ok(Rating {
        line,
        key,
        conversation,
        asked_at,
        went_on_at,
        told,
        given: rate.zip(given_at).map(|(rate, at)| Given {
            rate,
            comment,
            at,
            changed_at,
        }),
    })
}
