use rusqlite::{OptionalExtension, Row, params};

use serde_json::Value;

use super::parts::{Content, Part};
use super::{Conversation, Deed, Kind, Message, NewMessage, State};
use crate::db::{Columns, Reader, Writer, known};
use crate::error::{Error, Result};
use crate::kernel::{
    Actor, AgentId, ConversationId, ConversationKey, Origin, Seq, SiteId, Timestamp, VisitorId,
};
use crate::visitors::Device;

pub const CONVERSATION: &str = "select id, key, site, visitor, state, assignee, created_at,
    visitor_lines, waiting_since, waiting_before, first_answer_at, agents_seen, visitor_seen
    from conversations";

const MESSAGE: &str =
    "select m.id, m.conversation, m.kind, m.agent, a.name as agent_name, m.word,
    m.data, m.for_visitor, m.body, m.parts, m.cid, m.at, m.page, m.title, d.kind as device_kind, d.app, d.app_version, d.browser,
    d.browser_version, d.system, d.raw
    from messages m
    left join agents a on a.id = m.agent
    left join visitor_devices d on d.id = m.device";

pub fn insert_conversation(
    w: &Writer,
    now: Timestamp,
    key: &ConversationKey,
    site: SiteId,
    visitor: VisitorId,
) -> Result<ConversationId> {
    let mut statement = w.prepare_cached(
        "insert into conversations (key, site, visitor, state, created_at, last_at)
         values (?1, ?2, ?3, 'open', ?4, ?4)",
    )?;
    statement.execute(params![key.0, site.0, visitor.0, now])?;
    Ok(ConversationId(w.last_insert_rowid()))
}

pub fn find_conversation(r: &Reader, id: ConversationId) -> Result<Option<Conversation>> {
    let mut query = r.prepare_cached(&format!("{CONVERSATION} where id = ?1"))?;
    Ok(query
        .query_row(params![id.0], read_conversation)
        .optional()?)
}

pub fn find_conversation_by_key(r: &Reader, key: &ConversationKey) -> Result<Option<Conversation>> {
    let mut query = r.prepare_cached(&format!("{CONVERSATION} where key = ?1"))?;
    Ok(query
        .query_row(params![key.0], read_conversation)
        .optional()?)
}

pub fn update_state(w: &Writer, id: ConversationId, state: State, now: Timestamp) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update conversations set state = ?2, last_at = ?3,
             resolved_at = iif(?2 = 'resolved', ?3, null)
         where id = ?1",
    )?;
    statement.execute(params![id.0, state_word(state), now])?;
    Ok(())
}

/// The newest line, where nobody waits who did not, and the other way round, and
/// nothing was put aside.
pub fn update_newest(
    w: &Writer,
    id: ConversationId,
    now: Timestamp,
    kind: Kind,
    preview: &str,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update conversations set last_at = ?2, last_kind = ?3, last_text = ?4,
             visitor_lines = visitor_lines + (?3 = 'visitor'),
             first_answer_at = iif(?3 = 'agent', coalesce(first_answer_at, ?2), first_answer_at)
         where id = ?1",
    )?;
    statement.execute(params![id.0, now, kind_word(kind), preview])?;
    Ok(())
}

/// The newest line, where the turn passes from one side to the other. Apart from
/// `update_newest`, because a statement that names a column renews the indexes
/// on it, whatever the value.
pub fn update_turn(
    w: &Writer,
    id: ConversationId,
    now: Timestamp,
    kind: Kind,
    preview: &str,
    waiting_since: Option<Timestamp>,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update conversations set last_at = ?2, last_kind = ?3, last_text = ?4,
             visitor_lines = visitor_lines + (?3 = 'visitor'),
             first_answer_at = iif(?3 = 'agent', coalesce(first_answer_at, ?2), first_answer_at),
             waiting_since = ?5, waiting_before = null
         where id = ?1",
    )?;
    let word = kind_word(kind);
    statement.execute(params![id.0, now, word, preview, waiting_since])?;
    Ok(())
}

pub fn update_last_at(w: &Writer, id: ConversationId, now: Timestamp) -> Result<()> {
    w.prepare_cached("update conversations set last_at = ?2 where id = ?1")?
        .execute(params![id.0, now])?;
    Ok(())
}

/// A line somebody wrote: `content` is what is kept of the words of `new`.
pub struct NewLine<'a> {
    pub id: Seq,
    pub conversation: ConversationId,
    pub kind: Kind,
    pub by: Actor,
    pub content: &'a Content,
    pub new: &'a NewMessage,
}

pub fn insert_message(w: &Writer, now: Timestamp, line: &NewLine) -> Result<()> {
    let NewLine { content, new, .. } = line;
    let mut statement = w.prepare_cached(
        "insert into messages (id, conversation, kind, visitor, agent, body, cid, at, device,
             page, title, lang, parts)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    let (visitor, agent) = match line.by {
        Actor::Visitor(visitor) => (Some(visitor.0), None),
        Actor::Agent(agent) => (None, Some(agent.0)),
        Actor::Bot(_) | Actor::Key(_) | Actor::House => (None, None),
    };
    statement.execute(params![
        line.id.0,
        line.conversation.0,
        kind_word(line.kind),
        visitor,
        agent,
        content.body,
        new.cid,
        now,
        new.device,
        new.page,
        new.title,
        new.lang,
        parts_text(&content.parts)?
    ])?;
    Ok(())
}

pub fn insert_deed(
    w: &Writer,
    now: Timestamp,
    id: Seq,
    conversation: ConversationId,
    agent: Option<AgentId>,
    deed: &Deed,
    parts: &[Part],
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into messages (id, conversation, kind, agent, word, data, for_visitor, body, cid,
             at, parts)
         values (?1, ?2, 'system', ?3, ?4, ?5, ?6, '', 'change:' || ?1, ?7, ?8)",
    )?;
    statement.execute(params![
        id.0,
        conversation.0,
        agent.map(|it| it.0),
        deed.word,
        (!deed.data.is_null()).then(|| deed.data.to_string()),
        deed.for_visitor,
        now,
        parts_text(parts)?
    ])?;
    Ok(())
}

pub fn update_deed(w: &Writer, id: Seq, data: &Value, parts: &[Part]) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update messages set data = ?2, parts = ?3 where id = ?1 and kind = 'system'",
    )?;
    let data = (!data.is_null()).then(|| data.to_string());
    statement.execute(params![id.0, data, parts_text(parts)?])?;
    Ok(())
}

fn parts_text(parts: &[Part]) -> Result<Option<String>> {
    if parts.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_string(parts).map_err(|e| Error::internal("writing parts", e))?;
    Ok(Some(text))
}

pub fn find_message(r: &Reader, id: Seq) -> Result<Option<Message>> {
    let mut query = r.prepare_cached(&format!("{MESSAGE} where m.id = ?1"))?;
    Ok(query.query_row(params![id.0], read_message).optional()?)
}

/// A line that a visitor has sent, to whichever of his conversations.
pub fn find_message_of_visitor(
    r: &Reader,
    visitor: VisitorId,
    cid: &str,
) -> Result<Option<Message>> {
    let mut query = r.prepare_cached(&format!("{MESSAGE} where m.visitor = ?1 and m.cid = ?2"))?;
    let found = query.query_row(params![visitor.0, cid], read_message);
    Ok(found.optional()?)
}

/// The same of everybody who was ever one person with him (`visitors.kin`).
pub fn list_messages_of_kin(r: &Reader, kin: i64, cid: &str) -> Result<Vec<Message>> {
    let mut query = r.prepare_cached(&format!(
        "{MESSAGE} where m.cid = ?2 and m.visitor in (select id from visitors where kin = ?1)"
    ))?;
    let rows = query.query_map(params![kin, cid], read_message)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A line of anybody else.
pub fn find_message_by_cid(
    r: &Reader,
    conversation: ConversationId,
    cid: &str,
) -> Result<Option<Message>> {
    let mut query = r.prepare_cached(&format!(
        "{MESSAGE} where m.conversation = ?1 and m.cid = ?2 and m.visitor is null"
    ))?;
    let found = query.query_row(params![conversation.0, cid], read_message);
    Ok(found.optional()?)
}

pub fn find_newest_id(r: &Reader, conversation: ConversationId) -> Result<Seq> {
    let mut query =
        r.prepare_cached("select coalesce(max(id), 0) from messages where conversation = ?1")?;
    Ok(Seq(
        query.query_row(params![conversation.0], |row| row.get(0))?
    ))
}

pub fn find_oldest_id(r: &Reader, conversation: ConversationId) -> Result<Seq> {
    let mut query =
        r.prepare_cached("select coalesce(min(id), 0) from messages where conversation = ?1")?;
    Ok(Seq(
        query.query_row(params![conversation.0], |row| row.get(0))?
    ))
}

pub fn exists_answer_of_others(
    r: &Reader,
    conversation: ConversationId,
    agent: AgentId,
    after: Seq,
) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from messages
         where conversation = ?1 and id > ?3 and kind = 'agent' and agent is not ?2 limit 1",
    )?;
    Ok(query.exists(params![conversation.0, agent.0, after.0])?)
}

/// Newest first.
pub fn list_messages(
    r: &Reader,
    conversation: ConversationId,
    before: Option<Seq>,
    limit: usize,
    visitor_only: bool,
) -> Result<Vec<Message>> {
    let mut query = r.prepare_cached(&format!(
        "{MESSAGE} where m.conversation = ?1 and m.id < ?2
             and (not ?4 or m.kind in ('visitor', 'agent') or m.for_visitor)
         order by m.id desc limit ?3"
    ))?;
    let before = before.map_or(i64::MAX, |it| it.0);
    let values = params![conversation.0, before, limit as i64, visitor_only];
    let rows = query.query_map(values, read_message)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_shared_after(
    r: &Reader,
    conversation: ConversationId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Message>> {
    let mut query = r.prepare_cached(&format!(
        "{MESSAGE} where m.conversation = ?1 and m.id > ?2 and m.kind in ('visitor', 'agent')
         order by m.id limit ?3"
    ))?;
    let rows = query.query_map(params![conversation.0, after.0, limit as i64], read_message)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn exists_answer_after(r: &Reader, conversation: ConversationId, after: Seq) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from messages where conversation = ?1 and id > ?2 and kind = 'agent' limit 1",
    )?;
    Ok(query.exists(params![conversation.0, after.0])?)
}

/// Said by a visitor or to him.
pub fn exists_shared_after(r: &Reader, conversation: ConversationId, after: Seq) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from messages
         where conversation = ?1 and id > ?2 and kind in ('visitor', 'agent') limit 1",
    )?;
    Ok(query.exists(params![conversation.0, after.0])?)
}

pub fn exists_alike_before(r: &Reader, conversation: ConversationId, id: Seq) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from messages m, (
             select device, page, title from messages
             where conversation = ?1 and id < ?2 and kind = 'visitor'
             order by id desc limit 1) p
         where m.id = ?2 and m.device is p.device and m.page is p.page and m.title is p.title",
    )?;
    Ok(query.exists(params![conversation.0, id.0])?)
}

pub fn exists_message(r: &Reader) -> Result<bool> {
    let mut query = r.prepare_cached("select 1 from messages limit 1")?;
    Ok(query.exists([])?)
}

/// Looks at the newest thousand only: the checklist of a new shop asks, and no
/// old shop should pay for the answer.
pub fn exists_message_from(r: &Reader, origin: &Origin) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from (select page from messages order by id desc limit 1000)
         where page = ?1 or substr(page, 1, length(?1) + 1) = ?1 || '/' limit 1",
    )?;
    Ok(query.exists(params![origin.as_str()])?)
}

pub fn list_changes(
    r: &Reader,
    conversation: ConversationId,
    limit: usize,
) -> Result<Vec<Message>> {
    let mut query = r.prepare_cached(&format!(
        "{MESSAGE} where m.conversation = ?1 and m.kind = 'system' order by m.id desc limit ?2"
    ))?;
    let rows = query.query_map(params![conversation.0, limit as i64], read_message)?;
    let mut found: Vec<Message> = rows.collect::<Result<_, _>>()?;
    found.reverse();
    Ok(found)
}

/// Among the newest thousand lines: no page waits for a walk through all of a
/// long talk.
pub fn find_last_of_visitor(r: &Reader, conversation: ConversationId) -> Result<Option<Message>> {
    let mut query = r.prepare_cached(&format!(
        "{MESSAGE} where m.id = (
             select max(id) from (
                 select id, kind from messages where conversation = ?1 order by id desc limit 1000)
             where kind = 'visitor')"
    ))?;
    let found = query.query_row(params![conversation.0], read_message);
    Ok(found.optional()?)
}

pub fn read_conversation(row: &Row) -> rusqlite::Result<Conversation> {
    let mut columns = Columns::of(row);
    Ok(Conversation {
        id: ConversationId(columns.take("id")?),
        key: ConversationKey(columns.take("key")?),
        site: SiteId(columns.take("site")?),
        visitor: VisitorId(columns.take("visitor")?),
        state: read_state(&mut columns)?,
        assignee: columns.take::<Option<i64>>("assignee")?.map(AgentId),
        created_at: columns.take("created_at")?,
        visitor_lines: columns.take("visitor_lines")?,
        waiting_since: columns.take("waiting_since")?,
        waiting_before: columns.take("waiting_before")?,
        first_answer_at: columns.take("first_answer_at")?,
        agents_seen: Seq(columns.take("agents_seen")?),
        visitor_seen: Seq(columns.take("visitor_seen")?),
    })
}

fn read_message(row: &Row) -> rusqlite::Result<Message> {
    let mut columns = Columns::of(row);
    Ok(Message {
        id: Seq(columns.take("id")?),
        conversation: ConversationId(columns.take("conversation")?),
        kind: read_kind(&mut columns)?,
        agent: columns.take::<Option<i64>>("agent")?.map(AgentId),
        agent_name: columns.take("agent_name")?,
        deed: read_deed(&mut columns)?,
        body: columns.take("body")?,
        parts: read_parts(&mut columns)?,
        cid: columns.take("cid")?,
        at: columns.take("at")?,
        page: columns.take("page")?,
        title: columns.take("title")?,
        device: read_device(&mut columns)?,
    })
}

fn read_device(columns: &mut Columns) -> rusqlite::Result<Option<Device>> {
    let Some(kind) = columns.take::<Option<String>>("device_kind")? else {
        return Ok(None);
    };
    Ok(Some(Device {
        kind,
        app: columns.take("app")?,
        app_version: columns.take("app_version")?,
        browser: columns.take("browser")?,
        browser_version: columns.take("browser_version")?,
        system: columns.take("system")?,
        raw: columns.take("raw")?,
    }))
}

pub fn state_word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Resolved => "resolved",
    }
}

pub fn read_state(columns: &mut Columns) -> rusqlite::Result<State> {
    let word = columns.word("state")?.unwrap_or_default();
    let state = match word {
        "open" => Some(State::Open),
        "resolved" => Some(State::Resolved),
        _ => None,
    };
    known(state, || whose(columns, "conversation", "state", word))
}

/// “message 7: kind `whisper`”.
fn whose(columns: &Columns, what: &str, column: &str, word: &str) -> String {
    let id: i64 = columns.row().get("id").unwrap_or_default();
    format!("{what} {id}: {column} `{word}`")
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Visitor => "visitor",
        Kind::Agent => "agent",
        Kind::Note => "note",
        Kind::System => "system",
    }
}

fn parse_kind(word: &str) -> Option<Kind> {
    match word {
        "visitor" => Some(Kind::Visitor),
        "agent" => Some(Kind::Agent),
        "note" => Some(Kind::Note),
        "system" => Some(Kind::System),
        _ => None,
    }
}

fn read_kind(columns: &mut Columns) -> rusqlite::Result<Kind> {
    let word = columns.word("kind")?.unwrap_or_default();
    known(parse_kind(word), || whose(columns, "message", "kind", word))
}

/// Of the newest line; nobody's words where there is none yet.
pub fn read_last_kind(columns: &mut Columns) -> rusqlite::Result<Kind> {
    let word = columns.word("last_kind")?.unwrap_or_default();
    let kind = match word {
        "" => Some(Kind::System),
        word => parse_kind(word),
    };
    known(kind, || whose(columns, "conversation", "last_kind", word))
}

fn read_parts(columns: &mut Columns) -> rusqlite::Result<Vec<Part>> {
    let Some(text) = columns.word("parts")? else {
        return Ok(Vec::new());
    };
    let parts = serde_json::from_str(text).ok();
    known(parts, || whose(columns, "message", "parts", text))
}

/// What it was, only its room knows; a word that no room of this version says is
/// shown all the same.
fn read_deed(columns: &mut Columns) -> rusqlite::Result<Option<Deed>> {
    let word: Option<String> = columns.take("word")?;
    let data: Option<String> = columns.take("data")?;
    let for_visitor = columns.take("for_visitor")?;
    let Some(word) = word else {
        return Ok(None);
    };
    let read = data.map(|it| serde_json::from_str(&it));
    let data = match read {
        None => Some(Value::Null),
        Some(read) => read.ok(),
    };
    let data = known(data, || whose(columns, "message", "data", &word))?;
    Ok(Some(Deed {
        word,
        data,
        for_visitor,
    }))
}
