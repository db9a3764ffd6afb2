//! Conversations and agents are read along by name, never written.

use rusqlite::{OptionalExtension, Row, params};

use super::{Change, Colour, Tag, TagId};
use crate::db::{Columns, Reader, Writer, known, of_each};
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, Timestamp, collating};

const TAG: &str = "select t.id, t.name, t.colour, t.archived_at is not null as archived";

/// All that stand for themselves, by name.
pub fn list_tags(r: &Reader) -> Result<Vec<Tag>> {
    let mut query = r.prepare_cached(&format!("{TAG} from tags t where t.merged_into is null"))?;
    let rows = query.query_map([], read_tag)?;
    let mut tags: Vec<Tag> = rows.collect::<Result<_, _>>()?;
    tags.sort_by_cached_key(|it| collating(&it.name));
    Ok(tags)
}

/// One that stands for itself.
pub fn find_tag(r: &Reader, id: TagId) -> Result<Option<Tag>> {
    let mut query = r.prepare_cached(&format!(
        "{TAG} from tags t where t.id = ?1 and t.merged_into is null"
    ))?;
    Ok(query.query_row(params![id.0], read_tag).optional()?)
}

/// The one that this number stands for, also where that was another's long ago.
pub fn find_end(r: &Reader, id: TagId) -> Result<Option<Tag>> {
    let mut query = r.prepare_cached(&format!(
        "{TAG} from tags o join tags t on t.id = o.stands_for
         where o.id = coalesce((select tag from former_tags where id = ?1), ?1)"
    ))?;
    Ok(query.query_row(params![id.0], read_tag).optional()?)
}

pub fn find_by_name(r: &Reader, compared: &str) -> Result<Option<Tag>> {
    let mut query = r.prepare_cached(&format!(
        "{TAG} from tags t where t.compared = ?1 and t.merged_into is null"
    ))?;
    Ok(query.query_row(params![compared], read_tag).optional()?)
}

/// What the one of this name that was merged last stands for.
pub fn find_end_by_name(r: &Reader, compared: &str) -> Result<Option<Tag>> {
    let mut query = r.prepare_cached(&format!(
        "{TAG} from tags o join tags t on t.id = o.stands_for
         where o.compared = ?1 and o.merged_into is not null
         order by o.merged_at desc, o.id desc limit 1"
    ))?;
    Ok(query.query_row(params![compared], read_tag).optional()?)
}

/// A merged one: what it is called, and what it was merged into.
pub fn find_merged(r: &Reader, id: TagId) -> Result<Option<(Tag, TagId)>> {
    let mut query = r.prepare_cached(&format!(
        "{TAG}, t.merged_into from tags t where t.id = ?1 and t.merged_into is not null"
    ))?;
    let found = query.query_row(params![id.0], |row| {
        Ok((read_tag(row)?, TagId(row.get("merged_into")?)))
    });
    Ok(found.optional()?)
}

/// The newest first, each with the name of what it stands for.
pub fn list_merged(
    r: &Reader,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<(Tag, String, Timestamp)>> {
    let mut query = r.prepare_cached(&format!(
        "{TAG}, e.name as end, t.merged_at from tags t join tags e on e.id = t.stands_for
         where t.merged_into is not null and ?1 < t.merged_at
         order by t.merged_at desc, t.id desc limit ?2"
    ))?;
    let rows = query.query_map(params![since, limit as i64], |row| {
        Ok((read_tag(row)?, row.get("end")?, row.get("merged_at")?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When it was merged, and into which.
pub fn find_merger(r: &Reader, id: TagId) -> Result<Option<(TagId, Timestamp)>> {
    let mut query = r.prepare_cached(
        "select merged_into, merged_at from tags where id = ?1 and merged_into is not null",
    )?;
    let found = query.query_row(params![id.0], |row| {
        Ok((TagId(row.get("merged_into")?), row.get("merged_at")?))
    });
    Ok(found.optional()?)
}

/// How many stand for themselves, and how many there are with those that were merged.
pub fn count_tags(r: &Reader) -> Result<(i64, i64)> {
    let mut query =
        r.prepare_cached("select count(*) filter (where merged_into is null), count(*) from tags")?;
    Ok(query.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

pub fn insert_tag(
    w: &Writer,
    now: Timestamp,
    name: &str,
    compared: &str,
    colour: Colour,
) -> Result<TagId> {
    let id: i64 = w
        .prepare_cached(
            "select coalesce(max(id), 0) + 1 from
                 (select max(id) as id from tags union all select max(id) from former_tags)",
        )?
        .query_row([], |row| row.get(0))?;
    w.prepare_cached(
        "insert into tags (id, name, compared, colour, made_at, stands_for)
         values (?1, ?2, ?3, ?4, ?5, ?1)",
    )?
    .execute(params![id, name, compared, colour.word(), now])?;
    Ok(TagId(id))
}

pub fn update_tag(w: &Writer, id: TagId, name: &str, compared: &str, colour: Colour) -> Result<()> {
    w.prepare_cached("update tags set name = ?2, compared = ?3, colour = ?4 where id = ?1")?
        .execute(params![id.0, name, compared, colour.word()])?;
    Ok(())
}

pub fn update_archived(w: &Writer, id: TagId, at: Option<Timestamp>) -> Result<()> {
    w.prepare_cached("update tags set archived_at = ?2 where id = ?1")?
        .execute(params![id.0, at])?;
    Ok(())
}

pub fn update_merged(w: &Writer, id: TagId, into: Option<(TagId, Timestamp)>) -> Result<()> {
    w.prepare_cached("update tags set merged_into = ?2, merged_at = ?3 where id = ?1")?
        .execute(params![
            id.0,
            into.map(|(it, _)| it.0),
            into.map(|(_, at)| at)
        ])?;
    Ok(())
}

pub fn update_stands_for(w: &Writer, id: TagId, end: TagId) -> Result<()> {
    w.prepare_cached("update tags set stands_for = ?2 where id = ?1 and stands_for <> ?2")?
        .execute(params![id.0, end.0])?;
    Ok(())
}

/// At most so many of what was given as this one are given as the other; tells how many.
pub fn move_given(w: &Writer, id: TagId, into: TagId, limit: usize) -> Result<usize> {
    w.prepare_cached(
        "insert into conversation_tags (conversation, tag, at)
         select conversation, ?2, at from conversation_tags
             where tag = ?1 order by conversation limit ?3
         on conflict do update set at = min(at, excluded.at)",
    )?
    .execute(params![id.0, into.0, limit as i64])?;
    let moved = w
        .prepare_cached(
            "delete from conversation_tags where tag = ?1 and conversation in
                 (select conversation from conversation_tags
                  where tag = ?1 order by conversation limit ?2)",
        )?
        .execute(params![id.0, limit as i64])?;
    Ok(moved)
}

/// The same of what is remembered of it.
pub fn update_changes(w: &Writer, id: TagId, into: TagId, limit: usize) -> Result<usize> {
    let moved = w
        .prepare_cached(
            "update tag_changes set tag = ?2 where id in
                 (select id from tag_changes where tag = ?1 limit ?3)",
        )?
        .execute(params![id.0, into.0, limit as i64])?;
    Ok(moved)
}

/// Nothing refers to it but those that were merged into it; these and its number lead
/// to the other.
pub fn delete_tag(w: &Writer, id: TagId, into: TagId) -> Result<()> {
    w.prepare_cached("update tags set merged_into = ?2 where merged_into = ?1")?
        .execute(params![id.0, into.0])?;
    w.prepare_cached("update former_tags set tag = ?2 where tag = ?1")?
        .execute(params![id.0, into.0])?;
    w.prepare_cached("insert into former_tags (id, tag) values (?1, ?2)")?
        .execute(params![id.0, into.0])?;
    w.prepare_cached("delete from tags where id = ?1")?
        .execute(params![id.0])?;
    Ok(())
}

/// Keeps the highest.
pub fn delete_former_but(w: &Writer, kept: usize) -> Result<()> {
    w.prepare_cached(
        "delete from former_tags where id <=
             (select id from former_tags order by id desc limit 1 offset ?1)",
    )?
    .execute(params![kept as i64])?;
    Ok(())
}

/// Every tag, and the one it was merged into.
pub fn list_ways(r: &Reader) -> Result<Vec<(TagId, Option<TagId>)>> {
    let mut query = r.prepare_cached("select id, merged_into from tags")?;
    let rows = query.query_map([], |row| {
        let into: Option<i64> = row.get("merged_into")?;
        Ok((TagId(row.get("id")?), into.map(TagId)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// On how many conversations each is; what is on none is not told.
pub fn count_given(r: &Reader) -> Result<Vec<(TagId, i64)>> {
    let mut query = r.prepare_cached(
        "select o.stands_for, count(distinct g.conversation) as n
         from tags o join conversation_tags g on g.tag = o.id group by o.stands_for",
    )?;
    let rows = query.query_map([], |row| Ok((TagId(row.get("stands_for")?), row.get("n")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn count_given_to(r: &Reader, id: TagId) -> Result<i64> {
    let mut query = r.prepare_cached(
        "select count(distinct g.conversation)
         from tags o join conversation_tags g on g.tag = o.id where o.stands_for = ?1",
    )?;
    Ok(query.query_row(params![id.0], |row| row.get(0))?)
}

const GIVEN: &str = "from conversation_tags g
    join tags o on o.id = g.tag
    join tags t on t.id = o.stands_for";

pub fn list_given(r: &Reader, conversation: ConversationId) -> Result<Vec<Tag>> {
    let mut query = r.prepare_cached(&format!(
        "{TAG} {GIVEN} where g.conversation = ?1 group by t.id order by min(g.at), t.id"
    ))?;
    let rows = query.query_map(params![conversation.0], read_tag)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_given_of(r: &Reader, all: &[ConversationId]) -> Result<Vec<(ConversationId, Tag)>> {
    let query = |compared: &str| {
        format!(
            "{TAG}, g.conversation {GIVEN} where g.conversation {compared}
             group by g.conversation, t.id order by g.conversation, min(g.at), t.id"
        )
    };
    of_each(r, &numbers(all), query, |row| {
        Ok((ConversationId(row.get("conversation")?), read_tag(row)?))
    })
}

/// The number of each, and of all that stand for it.
pub fn list_numbers_of(r: &Reader, all: &[ConversationId]) -> Result<Vec<(ConversationId, TagId)>> {
    let query = |compared: &str| {
        format!(
            "select distinct g.conversation, n.id from conversation_tags g
             join tags o on o.id = g.tag join tags n on n.stands_for = o.stands_for
             where g.conversation {compared} order by g.conversation, n.id"
        )
    };
    of_each(r, &numbers(all), query, |row| {
        Ok((ConversationId(row.get(0)?), TagId(row.get(1)?)))
    })
}

/// All that were merged into it, and into those.
pub fn list_standing_for(r: &Reader, id: TagId) -> Result<Vec<TagId>> {
    let mut query = r.prepare_cached("select id from tags where stands_for = ?1 and id <> ?1")?;
    let rows = query.query_map(params![id.0], |row| row.get("id").map(TagId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn numbers(all: &[ConversationId]) -> Vec<i64> {
    all.iter().map(|it| it.0).collect()
}

pub fn insert_given(
    w: &Writer,
    conversation: ConversationId,
    tag: TagId,
    now: Timestamp,
) -> Result<()> {
    w.prepare_cached(
        "insert into conversation_tags (conversation, tag, at) values (?1, ?2, ?3)
         on conflict do nothing",
    )?
    .execute(params![conversation.0, tag.0, now])?;
    Ok(())
}

/// Whatever stands for it goes, too.
pub fn delete_given(w: &Writer, conversation: ConversationId, tag: TagId) -> Result<()> {
    w.prepare_cached(
        "delete from conversation_tags where conversation = ?1
             and tag in (select id from tags where stands_for = ?2)",
    )?
    .execute(params![conversation.0, tag.0])?;
    Ok(())
}

/// The newest conversations that show this one, or would if it stood for itself.
pub fn list_with(r: &Reader, tag: TagId, limit: usize) -> Result<Vec<ConversationId>> {
    let mut query = r.prepare_cached(
        "with recursive led(id) as (
             select ?1 union select t.id from tags t join led on t.merged_into = led.id)
         select distinct conversation from conversation_tags where tag in (select id from led)
         order by conversation desc limit ?2",
    )?;
    let rows = query.query_map(params![tag.0, limit as i64], |row| {
        row.get("conversation").map(ConversationId)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn insert_change(
    w: &Writer,
    conversation: ConversationId,
    tag: TagId,
    agent: Option<AgentId>,
    given: bool,
    now: Timestamp,
) -> Result<()> {
    w.prepare_cached(
        "insert into tag_changes (conversation, tag, agent, given, at)
         values (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        conversation.0,
        tag.0,
        agent.map(|it| it.0),
        given,
        now
    ])?;
    Ok(())
}

/// Keeps the newest.
pub fn delete_changes_but(w: &Writer, conversation: ConversationId, kept: usize) -> Result<()> {
    w.prepare_cached(
        "delete from tag_changes where conversation = ?1 and id <= (
             select id from tag_changes where conversation = ?1
             order by id desc limit 1 offset ?2)",
    )?
    .execute(params![conversation.0, kept as i64])?;
    Ok(())
}

/// The newest first.
pub fn list_changes(r: &Reader, conversation: ConversationId, limit: usize) -> Result<Vec<Change>> {
    let mut query = r.prepare_cached(
        "select t.name as tag, c.given, a.name as agent, c.at from tag_changes c
         join tags t on t.id = c.tag left join agents a on a.id = c.agent
         where c.conversation = ?1 order by c.id desc limit ?2",
    )?;
    let rows = query.query_map(params![conversation.0, limit as i64], |row| {
        let mut columns = Columns::of(row);
        Ok(Change {
            tag: columns.take("tag")?,
            given: columns.take("given")?,
            agent: columns.take("agent")?,
            at: columns.take("at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_tag(row: &Row) -> rusqlite::Result<Tag> {
    let mut columns = Columns::of(row);
    let id: i64 = columns.take("id")?;
    let colour = |word: &str| format!("tag {id}: colour `{word}`");
    Ok(Tag {
        id: TagId(id),
        name: columns.take("name")?,
        colour: {
            let word = columns.word("colour")?.unwrap_or_default();
            known(Colour::parse(word), || colour(word))?
        },
        archived: columns.take("archived")?,
    })
}
