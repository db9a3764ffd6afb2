use rusqlite::{OptionalExtension, Row, params};

use super::dress::{DRESS, read_dress};
use super::passwords::PasswordHash;
use super::team::{HIDDEN, read_sight};
use super::{AgentView, NewAgent, Purpose, Role, SessionView, SignedIn, Viewer};
use crate::db::{OnUnique, Reader, Writer, known};
use crate::error::{Error, Result};
use crate::kernel::{AgentId, EmailAddress, Permissions, SessionId, Timestamp, TokenHash};
use crate::texts::Lang;

const AGENT: &str = "select id, email, name, role, lang, password_hash is not null as has_password,
    seen_at, may, deactivated_at from agents";

pub fn insert_agent(
    w: &Writer,
    now: Timestamp,
    email: &EmailAddress,
    name: &str,
    new: &NewAgent,
) -> Result<AgentId> {
    let mut statement = w.prepare_cached(
        "insert into agents (email, name, role, lang, password_hash, created_at)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let hash = new.password.as_ref().map(|it| &it.0);
    let values = params![
        email.as_str(),
        name,
        new.role.as_str(),
        new.lang.code(),
        hash,
        now
    ];
    statement.execute(values).on_unique("agents.email", || {
        Error::invalid("email", |t| t.error_email_taken().into())
    })?;
    Ok(AgentId(w.last_insert_rowid()))
}

pub fn list_agents(r: &Reader) -> Result<Vec<AgentView>> {
    let mut query = r.prepare_cached(&format!(
        "{AGENT} order by deactivated_at is not null, name, id"
    ))?;
    let rows = query.query_map([], read_agent)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn find_agent(r: &Reader, id: AgentId) -> Result<Option<AgentView>> {
    let mut query = r.prepare_cached(&format!("{AGENT} where id = ?1"))?;
    Ok(query.query_row(params![id.0], read_agent).optional()?)
}

pub fn find_agent_by_email(r: &Reader, email: &EmailAddress) -> Result<Option<AgentView>> {
    let mut query = r.prepare_cached(&format!("{AGENT} where email = ?1"))?;
    Ok(query
        .query_row(params![email.as_str()], read_agent)
        .optional()?)
}

pub fn count_agents(r: &Reader) -> Result<i64> {
    let mut query = r.prepare_cached("select count(*) from agents")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

pub fn find_password(r: &Reader, email: &EmailAddress) -> Result<Option<(AgentId, PasswordHash)>> {
    let mut query = r.prepare_cached(
        "select id, password_hash from agents where email = ?1 and password_hash is not null
             and deactivated_at is null",
    )?;
    let found = query.query_row(params![email.as_str()], |row| {
        Ok((AgentId(row.get(0)?), PasswordHash(row.get(1)?)))
    });
    Ok(found.optional()?)
}

pub fn find_password_of(r: &Reader, agent: AgentId) -> Result<Option<PasswordHash>> {
    let mut query = r.prepare_cached("select password_hash from agents where id = ?1")?;
    let found: Option<Option<String>> = query
        .query_row(params![agent.0], |row| row.get(0))
        .optional()?;
    Ok(found.flatten().map(PasswordHash))
}

pub fn update_profile(w: &Writer, agent: AgentId, name: &str, lang: Lang) -> Result<()> {
    w.prepare_cached("update agents set name = ?2, lang = ?3 where id = ?1")?
        .execute(params![agent.0, name, lang.code()])?;
    Ok(())
}

pub fn update_password(w: &Writer, agent: AgentId, hash: &PasswordHash) -> Result<()> {
    w.prepare_cached("update agents set password_hash = ?2 where id = ?1")?
        .execute(params![agent.0, hash.0])?;
    Ok(())
}

pub fn insert_session(
    w: &Writer,
    now: Timestamp,
    agent: AgentId,
    token: TokenHash,
    device: &str,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into sessions (agent, token_hash, created_at, seen_at, device)
         values (?1, ?2, ?3, ?3, ?4)",
    )?;
    statement.execute(params![agent.0, token.0, now, device])?;
    Ok(())
}

/// With when it began and when it was last used.
pub fn find_session(
    r: &Reader,
    token: TokenHash,
) -> Result<Option<(SignedIn, Timestamp, Timestamp)>> {
    let mut query = r.prepare_cached(&format!(
        "select agents.id, sessions.id as session, name, email, role, may, lang,
                sessions.created_at, sessions.seen_at, {DRESS}, {HIDDEN}
         from sessions join agents on agents.id = sessions.agent
         where token_hash = ?1 and deactivated_at is null"
    ))?;
    let found = query.query_row(params![token.0], |row| {
        let role = read_role(row)?;
        let viewer = Viewer {
            id: AgentId(row.get("id")?),
            role,
            sight: read_sight(row)?,
            may: Permissions::of(role, read_given(row)?),
        };
        let signed_in = SignedIn {
            viewer,
            session: SessionId(row.get("session")?),
            name: row.get("name")?,
            email: read_email(row)?,
            lang: read_lang(row)?,
            dress: read_dress(row)?,
            stale: false,
        };
        Ok((signed_in, row.get("created_at")?, row.get("seen_at")?))
    });
    Ok(found.optional()?)
}

pub fn update_agent_seen(w: &Writer, agent: AgentId, now: Timestamp) -> Result<()> {
    w.prepare_cached("update agents set seen_at = ?2 where id = ?1")?
        .execute(params![agent.0, now])?;
    Ok(())
}

pub fn update_agent_lang(w: &Writer, agent: AgentId, lang: Lang) -> Result<()> {
    w.prepare_cached("update agents set lang = ?2 where id = ?1")?
        .execute(params![agent.0, lang.code()])?;
    Ok(())
}

/// An invitation that nobody has taken up is made out afresh.
pub fn update_invited(w: &Writer, agent: AgentId, name: &str, new: &NewAgent) -> Result<()> {
    let mut statement =
        w.prepare_cached("update agents set name = ?2, role = ?3, lang = ?4 where id = ?1")?;
    statement.execute(params![agent.0, name, new.role.as_str(), new.lang.code()])?;
    Ok(())
}

pub fn update_seen(w: &Writer, session: SessionId, now: Timestamp) -> Result<()> {
    w.prepare_cached("update sessions set seen_at = ?2 where id = ?1")?
        .execute(params![session.0, now])?;
    Ok(())
}

pub fn list_sessions(
    r: &Reader,
    agent: AgentId,
    seen_after: Timestamp,
    made_after: Timestamp,
) -> Result<Vec<SessionView>> {
    let mut query = r.prepare_cached(
        "select id, device, created_at, seen_at from sessions
         where agent = ?1 and seen_at > ?2 and created_at > ?3 order by seen_at desc, id desc",
    )?;
    let rows = query.query_map(params![agent.0, seen_after, made_after], |row| {
        Ok(SessionView {
            id: SessionId(row.get("id")?),
            device: row.get("device")?,
            created_at: row.get("created_at")?,
            seen_at: row.get("seen_at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn list_session_ids(r: &Reader, agent: AgentId) -> Result<Vec<SessionId>> {
    let mut query = r.prepare_cached("select id from sessions where agent = ?1")?;
    let rows = query.query_map(params![agent.0], |row| row.get(0).map(SessionId))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub fn delete_session(w: &Writer, agent: AgentId, session: SessionId) -> Result<bool> {
    let mut statement = w.prepare_cached("delete from sessions where id = ?1 and agent = ?2")?;
    Ok(statement.execute(params![session.0, agent.0])? == 1)
}

pub fn delete_other_sessions(w: &Writer, agent: AgentId, keep: Option<SessionId>) -> Result<()> {
    w.prepare_cached("delete from sessions where agent = ?1 and id is not ?2")?
        .execute(params![agent.0, keep.map(|it| it.0)])?;
    Ok(())
}

pub fn delete_old_sessions(
    w: &Writer,
    seen_before: Timestamp,
    made_before: Timestamp,
) -> Result<()> {
    w.prepare_cached("delete from sessions where seen_at < ?1 or created_at < ?2")?
        .execute(params![seen_before, made_before])?;
    Ok(())
}

pub fn delete_excess_sessions(w: &Writer, agent: AgentId, most: usize) -> Result<()> {
    w.prepare_cached(
        "delete from sessions where id in (
             select id from sessions where agent = ?1 order by seen_at desc limit -1 offset ?2)",
    )?
    .execute(params![agent.0, most as i64])?;
    Ok(())
}

pub fn has_browser(r: &Reader, agent: AgentId, token: TokenHash) -> Result<bool> {
    let mut query =
        r.prepare_cached("select 1 from agent_browsers where token_hash = ?1 and agent = ?2")?;
    Ok(query.exists(params![token.0, agent.0])?)
}

/// Known for anybody.
pub fn is_browser(r: &Reader, token: TokenHash) -> Result<bool> {
    let mut query = r.prepare_cached("select 1 from agent_browsers where token_hash = ?1")?;
    Ok(query.exists(params![token.0])?)
}

pub fn upsert_browser(w: &Writer, now: Timestamp, agent: AgentId, token: TokenHash) -> Result<()> {
    w.prepare_cached(
        "insert into agent_browsers (token_hash, agent, seen_at) values (?1, ?2, ?3)
         on conflict (token_hash, agent) do update set seen_at = ?3",
    )?
    .execute(params![token.0, agent.0, now])?;
    Ok(())
}

pub fn delete_old_browsers(w: &Writer, seen_before: Timestamp) -> Result<()> {
    w.prepare_cached("delete from agent_browsers where seen_at < ?1")?
        .execute(params![seen_before])?;
    Ok(())
}

pub fn delete_excess_browsers(w: &Writer, agent: AgentId, most: usize) -> Result<()> {
    w.prepare_cached(
        "delete from agent_browsers where agent = ?1 and token_hash in (
             select token_hash from agent_browsers where agent = ?1
             order by seen_at desc limit -1 offset ?2)",
    )?
    .execute(params![agent.0, most as i64])?;
    Ok(())
}

pub fn insert_link(
    w: &Writer,
    token: TokenHash,
    agent: AgentId,
    purpose: Purpose,
    expires_at: Timestamp,
) -> Result<()> {
    let mut statement = w.prepare_cached(
        "insert into agent_links (token_hash, agent, purpose, expires_at) values (?1, ?2, ?3, ?4)",
    )?;
    statement.execute(params![token.0, agent.0, purpose.as_str(), expires_at])?;
    Ok(())
}

pub fn find_link(
    r: &Reader,
    token: TokenHash,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<AgentId>> {
    let mut query = r.prepare_cached(
        "select agent from agent_links where token_hash = ?1 and purpose = ?2 and expires_at > ?3",
    )?;
    let found = query.query_row(params![token.0, purpose.as_str(), now], |row| {
        row.get(0).map(AgentId)
    });
    Ok(found.optional()?)
}

pub fn delete_links_for(w: &Writer, agent: AgentId, purpose: Purpose) -> Result<()> {
    w.prepare_cached("delete from agent_links where agent = ?1 and purpose = ?2")?
        .execute(params![agent.0, purpose.as_str()])?;
    Ok(())
}

pub fn delete_links_of(w: &Writer, agent: AgentId) -> Result<()> {
    w.prepare_cached("delete from agent_links where agent = ?1")?
        .execute(params![agent.0])?;
    Ok(())
}

fn read_agent(row: &Row) -> rusqlite::Result<AgentView> {
    Ok(AgentView {
        id: AgentId(row.get("id")?),
        email: read_email(row)?,
        name: row.get("name")?,
        role: read_role(row)?,
        given: read_given(row)?,
        lang: read_lang(row)?,
        has_password: row.get("has_password")?,
        seen_at: row.get("seen_at")?,
        deactivated_at: row.get("deactivated_at")?,
    })
}

fn read_email(row: &Row) -> rusqlite::Result<EmailAddress> {
    let text: String = row.get("email")?;
    known(EmailAddress::parse(&text), || whose(row, "email", &text))
}

fn read_role(row: &Row) -> rusqlite::Result<Role> {
    let text: String = row.get("role")?;
    known(Role::parse(&text), || whose(row, "role", &text))
}

fn read_given(row: &Row) -> rusqlite::Result<Permissions> {
    Ok(Permissions::parse(row.get_ref("may")?.as_str()?))
}

fn read_lang(row: &Row) -> rusqlite::Result<Lang> {
    let text: String = row.get("lang")?;
    known(Lang::from_code(&text), || whose(row, "lang", &text))
}

/// “agent 7: role `limited`”.
fn whose(row: &Row, column: &str, text: &str) -> String {
    let id: i64 = row.get("id").unwrap_or_default();
    format!("agent {id}: {column} `{text}`")
}
