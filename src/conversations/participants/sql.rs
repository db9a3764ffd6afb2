use rusqlite::{OptionalExtension, Row, params};

use super::{Leaving, Participant, Role};
use crate::db::{Columns, Reader, Writer, known};
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, Seq, SiteId, Timestamp};

pub fn insert_participant(
    w: &Writer,
    since: Timestamp,
    conversation: ConversationId,
    agent: AgentId,
    role: Role,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into conversation_participants (conversation, agent, role, since, site)
         select id, ?2, ?3, ?4, site from conversations where id = ?1",
    )?;
    statement.execute(params![conversation.0, agent.0, role_word(role), since])?;
    Ok(())
}

/// Since when he took part; none where he did not.
pub fn delete_participant(
    w: &Writer,
    conversation: ConversationId,
    agent: AgentId,
) -> Result<Option<Timestamp>> {
    let mut statement = w.prepare_cached(
        "delete from conversation_participants where conversation = ?1 and agent = ?2
         returning since",
    )?;
    let gone = statement.query_row(params![conversation.0, agent.0], |row| row.get("since"));
    Ok(gone.optional()?)
}

/// Who is responsible stands in no helper's list; a new helper's place is found by
/// `update_places`.
pub fn update_role(
    w: &Writer,
    conversation: ConversationId,
    agent: AgentId,
    role: Role,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update conversation_participants
         set role = ?3, waiting_since = null, quiet_since = null
         where conversation = ?1 and agent = ?2",
    )?;
    statement.execute(params![conversation.0, agent.0, role_word(role)])?;
    Ok(())
}

/// Touches nothing where nobody helps, or nothing has moved: most lines cost one
/// look.
pub fn update_places(w: &Writer, conversation: ConversationId) -> Result<()> {
    let mut statement = w.prepare_cached(
        "update conversation_participants as p
         set waiting_since = now.waiting, quiet_since = now.quiet
         from (
             select id, waiting_since as waiting,
                 iif(state = 'open' and waiting_since is null, last_at, null) as quiet
             from conversations where id = ?1) now
         where p.conversation = ?1 and p.role = 'helper' and now.id = p.conversation
             and (p.waiting_since is not now.waiting or p.quiet_since is not now.quiet)",
    )?;
    statement.execute(params![conversation.0])?;
    Ok(())
}

pub fn update_assignee(w: &Writer, id: ConversationId, agent: Option<AgentId>) -> Result<()> {
    w.prepare_cached("update conversations set assignee = ?2 where id = ?1")?
        .execute(params![id.0, agent.map(|it| it.0)])?;
    Ok(())
}

pub fn exists_participant(
    r: &Reader,
    conversation: ConversationId,
    agent: AgentId,
) -> Result<bool> {
    let mut query = r.prepare_cached(
        "select 1 from conversation_participants where conversation = ?1 and agent = ?2",
    )?;
    Ok(query.exists(params![conversation.0, agent.0])?)
}

pub fn list_participants(r: &Reader, conversation: ConversationId) -> Result<Vec<Participant>> {
    let mut query = r.prepare_cached(
        "select p.agent, a.name, p.role, p.since
         from conversation_participants p join agents a on a.id = p.agent
         where p.conversation = ?1
         order by p.role = 'responsible' desc, p.since, p.agent",
    )?;
    let rows = query.query_map(params![conversation.0], read_participant)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// That he left, himself, if that was the last time he came or went.
pub fn find_leaving(
    r: &Reader,
    conversation: ConversationId,
    agent: AgentId,
) -> Result<Option<Leaving>> {
    let mut query = r.prepare_cached(
        "select id, at, coalesce(json_extract(data, '$.since'), at) as since,
             json_extract(data, '$.to') is not null as handed_on
         from (
             select id, word, at, data from messages indexed by messages_of_changes
             where conversation = ?1 and kind = 'system' and agent = ?2
                 and word in ('joined', 'left')
             order by id desc limit 1)
         where word = 'left'",
    )?;
    let found = query.query_row(params![conversation.0, agent.0], |row| {
        Ok(Leaving {
            line: Seq(row.get("id")?),
            at: row.get("at")?,
            since: row.get("since")?,
            handed_on: row.get("handed_on")?,
        })
    });
    Ok(found.optional()?)
}

/// Open ones of a site in which he takes part. Each way has its own index, so that
/// neither what is resolved nor what he keeps elsewhere is walked through.
pub fn list_open_of(
    r: &Reader,
    agent: AgentId,
    site: SiteId,
    limit: usize,
) -> Result<Vec<ConversationId>> {
    let mut query = r.prepare_cached(
        "select conversation from conversation_participants
             indexed by conversation_participants_waiting
         where agent = ?1 and site = ?2 and waiting_since is not null
         union all
         select conversation from conversation_participants
             indexed by conversation_participants_quiet
         where agent = ?1 and site = ?2 and quiet_since is not null
         union all
         select id from conversations indexed by conversations_waiting_by_assignee
         where assignee = ?1 and site = ?2 and waiting_since is not null
         union all
         select id from conversations indexed by conversations_quiet_by_assignee
         where assignee = ?1 and site = ?2 and state = 'open' and waiting_since is null
         limit ?3",
    )?;
    let rows = query.query_map(params![agent.0, site.0, limit as i64], |row| {
        row.get(0).map(ConversationId)
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_participant(row: &Row) -> rusqlite::Result<Participant> {
    let mut columns = Columns::of(row);
    Ok(Participant {
        agent: AgentId(columns.take("agent")?),
        name: columns.take("name")?,
        role: read_role(&mut columns)?,
        since: columns.take("since")?,
    })
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Responsible => "responsible",
        Role::Helper => "helper",
    }
}

fn read_role(columns: &mut Columns) -> rusqlite::Result<Role> {
    let word = columns.word("role")?.unwrap_or_default();
    let role = match word {
        "responsible" => Some(Role::Responsible),
        "helper" => Some(Role::Helper),
        _ => None,
    };
    known(role, || {
        let agent: i64 = columns.row().get("agent").unwrap_or_default();
        format!("participant {agent}: role `{word}`")
    })
}
