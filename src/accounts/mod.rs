//! Agents: who they are, how they prove it, and where they are signed in.
//!
//! What always holds: secrets are stored as hashes only; a new password ends
//! every other session and every open link; there is always an owner. Roles are
//! given by admins, never by a form's own word. Whether an address is known here
//! is nobody's business: sign-in and reset answer alike either way.

mod desk;
pub mod door;
pub mod dress;
mod extract;
pub mod http;
pub mod pages;
pub mod passwords;
mod rules;
mod sql;
pub mod team;
pub mod topics;
pub mod work;

use std::ops::Deref;

use crate::db::{Reader, Writer};
use crate::error::{Check, Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{
    Actor, AgentId, Dress, EmailAddress, May, Permissions, SessionId, Sight, Timestamp, Token,
    TokenHash, clip, collating, line,
};
use crate::texts::Lang;
use crate::web::pages::Shell;
use crate::web::{self, Around};

pub use crate::kernel::Role;
pub use extract::{Admin, Agent, Signed, SignedFile};
use passwords::PasswordHash;

const NAME: usize = 60;
/// An agent lives in the inbox: a session ends after a night away, not sooner.
const IDLE: i64 = 12 * 3_600_000;
const LONGEST: i64 = 30 * 24 * 3_600_000;
/// How stale `seen_at` may be, so that not every click is a write.
const SEEN_STEP: i64 = 60_000;
const RESET_LIVES: i64 = 30 * 60_000;
const INVITE_LIVES: i64 = 7 * 24 * 3_600_000;
const SESSIONS: usize = 50;
/// A browser is known for this long after the last sign-in with it.
const BROWSER_LIVES: i64 = 365 * 24 * 3_600_000;
const BROWSERS: usize = 20;

pub struct NewAgent {
    pub email: String,
    pub name: String,
    pub role: Role,
    pub lang: Lang,
    /// None for somebody who is invited and chooses one.
    pub password: Option<PasswordHash>,
}

#[derive(Debug, Clone)]
pub struct AgentView {
    pub id: AgentId,
    pub email: EmailAddress,
    pub name: String,
    pub role: Role,
    /// What he was given beside it, as a plain agent.
    pub given: Permissions,
    pub lang: Lang,
    pub has_password: bool,
    pub seen_at: Option<Timestamp>,
    /// Since when he no longer works here.
    pub deactivated_at: Option<Timestamp>,
}

pub struct SessionView {
    pub id: SessionId,
    pub device: String,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
}

/// Somebody who looks: what he sees, and what he may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub id: AgentId,
    pub role: Role,
    pub sight: Sight,
    pub may: Permissions,
}

impl Viewer {
    pub fn actor(&self) -> Actor {
        Actor::Agent(self.id)
    }

    /// What his pages are drawn by. One drawn by another has to be drawn anew.
    pub fn look(&self) -> String {
        let hidden = self.sight.hidden().iter();
        let hidden: Vec<String> = hidden.map(ToString::to_string).collect();
        let (role, may) = (self.role.as_str(), self.may.words());
        format!("{role} {may} -{}", hidden.join("-"))
    }

    /// Refuses what his role does not allow.
    pub fn needs(&self, may: May) -> Result<()> {
        match self.may.allow(may) {
            true => Ok(()),
            false => Err(Error::Forbidden(|t| t.error_forbidden().into())),
        }
    }
}

/// Whoever a session's token belongs to.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub viewer: Viewer,
    pub session: SessionId,
    pub name: String,
    pub email: EmailAddress,
    pub lang: Lang,
    pub dress: Dress,
    /// True when `seen_at` should be moved.
    pub stale: bool,
}

impl Deref for SignedIn {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.viewer
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Reset,
    Invite,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Invite => "invite",
        }
    }

    fn lives(self) -> i64 {
        match self {
            Self::Reset => RESET_LIVES,
            Self::Invite => INVITE_LIVES,
        }
    }
}

pub fn add(w: &Writer, now: Timestamp, new: NewAgent) -> Result<AgentId> {
    let (name, email) = check(&new.name, &new.email)?;
    sql::insert_agent(w, now, &email, &name, &new)
}

pub fn list(r: &Reader) -> Result<Vec<AgentView>> {
    let mut all = sql::list_agents(r)?;
    all.sort_by_cached_key(|it| (it.deactivated_at.is_some(), collating(&it.name), it.id));
    Ok(all)
}

pub fn find(r: &Reader, id: AgentId) -> Result<AgentView> {
    sql::find_agent(r, id)?.ok_or(Error::NotFound("agent"))
}

pub fn find_by_email(r: &Reader, email: &EmailAddress) -> Result<Option<AgentView>> {
    sql::find_agent_by_email(r, email)
}

pub fn is_empty(r: &Reader) -> Result<bool> {
    sql::count_agents(r).map(|count| count == 0)
}

/// The stored hash for an address, to compare a password with.
pub fn find_password(r: &Reader, email: &str) -> Result<Option<(AgentId, PasswordHash)>> {
    match EmailAddress::parse(email) {
        Some(email) => sql::find_password(r, &email),
        None => Ok(None),
    }
}

pub fn password_of(r: &Reader, agent: AgentId) -> Result<Option<PasswordHash>> {
    sql::find_password_of(r, agent)
}

/// His own name and language.
pub fn save_profile(w: &Writer, now: Timestamp, by: AgentId, name: &str, lang: Lang) -> Result<()> {
    sql::update_profile(w, by, &clean_name(name)?, lang)?;
    note_changed(w, now, by)
}

/// By himself.
fn note_changed(w: &Writer, now: Timestamp, agent: AgentId) -> Result<()> {
    let by = Actor::Agent(agent);
    journal::record(w, now, by, agent, &Event::AgentChanged).map(|_| ())
}

/// Ends every session but `keep`, and every link that could set another.
pub fn set_password(
    w: &Writer,
    agent: AgentId,
    hash: &PasswordHash,
    keep: Option<SessionId>,
) -> Result<()> {
    sql::update_password(w, agent, hash)?;
    sql::delete_links_of(w, agent)?;
    sql::delete_other_sessions(w, agent, keep)
}

/// A new session; its token goes to the browser and nowhere else.
pub fn sign_in(w: &Writer, now: Timestamp, agent: AgentId, device: &str) -> Result<Token> {
    let token = Token::random();
    sql::delete_old_sessions(w, now - IDLE, now - LONGEST)?;
    sql::delete_excess_sessions(w, agent, SESSIONS - 1)?;
    sql::insert_session(w, now, agent, token.hash(), &clip(device, 300))?;
    note_seen(w, now, agent)?;
    Ok(token)
}

/// Whether this agent signed in with this browser before.
pub fn knows_browser(r: &Reader, agent: AgentId, browser: TokenHash) -> Result<bool> {
    sql::has_browser(r, agent, browser)
}

/// The name by which the browser is known from now on. One that was made here
/// stays as it is; `shown` may be anything.
pub fn remember_browser(
    w: &Writer,
    now: Timestamp,
    agent: AgentId,
    shown: Option<Token>,
) -> Result<Token> {
    sql::delete_old_browsers(w, now - BROWSER_LIVES)?;
    let token = match shown {
        Some(token) if sql::is_browser(w, token.hash())? => token,
        _ => Token::random(),
    };
    sql::upsert_browser(w, now, agent, token.hash())?;
    sql::delete_excess_browsers(w, agent, BROWSERS)?;
    Ok(token)
}

/// Who is asking, if the session is still alive.
pub fn authenticate(r: &Reader, now: Timestamp, token: TokenHash) -> Result<SignedIn> {
    let alive = |seen_at, created_at| now - seen_at < IDLE && now - created_at < LONGEST;
    let (mut found, created_at, seen_at) = sql::find_session(r, token)?.ok_or(Error::SignedOut)?;
    if !alive(seen_at, created_at) {
        return Err(Error::SignedOut);
    }
    found.stale = SEEN_STEP < now - seen_at;
    Ok(found)
}

pub fn touch(w: &Writer, now: Timestamp, agent: AgentId, session: SessionId) -> Result<()> {
    note_seen(w, now, agent)?;
    sql::update_seen(w, session, now)
}

/// He was here, which colleagues see.
pub fn note_seen(w: &Writer, now: Timestamp, agent: AgentId) -> Result<()> {
    sql::update_agent_seen(w, agent, now)
}

pub fn list_sessions(r: &Reader, now: Timestamp, agent: AgentId) -> Result<Vec<SessionView>> {
    sql::list_sessions(r, agent, now - IDLE, now - LONGEST)
}

/// One's own session only; another's does not exist.
pub fn end_session(w: &Writer, by: AgentId, session: SessionId) -> Result<()> {
    match sql::delete_session(w, by, session)? {
        true => Ok(()),
        false => Err(Error::NotFound("session")),
    }
}

pub fn end_other_sessions(w: &Writer, by: AgentId, keep: SessionId) -> Result<()> {
    sql::delete_other_sessions(w, by, Some(keep))
}

/// Sessions of an agent that are alive, to close the sockets of all others.
pub fn session_ids(r: &Reader, agent: AgentId) -> Result<Vec<SessionId>> {
    sql::list_session_ids(r, agent)
}

/// A link by which an agent chooses a password. The newest is the only one of its
/// kind: whoever says “forgot my password” voids nobody's invitation.
pub fn make_link(w: &Writer, now: Timestamp, agent: AgentId, purpose: Purpose) -> Result<Token> {
    let token = Token::random();
    sql::delete_links_for(w, agent, purpose)?;
    sql::insert_link(w, token.hash(), agent, purpose, now + purpose.lives())?;
    Ok(token)
}

/// Whose link this is, while it lives.
pub fn find_link(
    r: &Reader,
    now: Timestamp,
    token: TokenHash,
    purpose: Purpose,
) -> Result<AgentView> {
    let agent = sql::find_link(r, token, purpose, now)?.ok_or(Error::NotFound("link"))?;
    let agent = find(r, agent)?;
    match agent.deactivated_at {
        None => Ok(agent),
        Some(_) => Err(Error::NotFound("link")),
    }
}

/// Uses a link up: the password is set, and every session ended.
pub fn redeem_link(
    w: &Writer,
    now: Timestamp,
    token: TokenHash,
    purpose: Purpose,
    hash: &PasswordHash,
) -> Result<AgentId> {
    let agent = find_link(w, now, token, purpose)?.id;
    set_password(w, agent, hash, None)?;
    Ok(agent)
}

/// Takes an invitation up: he reads it in his own language, so that is his.
pub fn accept_invitation(
    w: &Writer,
    now: Timestamp,
    token: TokenHash,
    hash: &PasswordHash,
    lang: Lang,
) -> Result<AgentId> {
    let agent = redeem_link(w, now, token, Purpose::Invite, hash)?;
    sql::update_agent_lang(w, agent, lang)?;
    note_changed(w, now, agent)?;
    Ok(agent)
}

/// Invites a colleague; only an owner makes another owner. Whoever has not taken
/// an invitation up yet is invited afresh, and the earlier link is void.
pub fn invite(w: &Writer, now: Timestamp, by: Role, new: NewAgent) -> Result<(AgentId, Token)> {
    if !rules::may_appoint(by, new.role) {
        return Err(Error::Forbidden(|t| t.error_forbidden().into()));
    }
    let (name, email) = check(&new.name, &new.email)?;
    let agent = match find_by_email(w, &email)? {
        Some(waiting)
            if !waiting.has_password
                && waiting.deactivated_at.is_none()
                && rules::may_appoint(by, waiting.role) =>
        {
            sql::update_invited(w, waiting.id, &name, &new)?;
            waiting.id
        }
        _ => add(w, now, new)?,
    };
    let token = make_link(w, now, agent, Purpose::Invite)?;
    Ok((agent, token))
}

impl Agent {
    /// What stands around a page for this agent. Read it first: see `Surroundings::seq`.
    pub fn shell(
        &self,
        r: &Reader,
        around: &Around,
        path: &'static str,
        view: &str,
    ) -> Result<Shell> {
        let house = (around.read)(r, &self.sight)?;
        let open = around.open_areas(self.role.may_administer());
        let areas = web::in_order(open.map(|it| it.link(&house, self.lang)));
        let keys = around.keys.iter().map(|it| it.list(self.lang));
        let ways = web::ways(&areas, self.lang);
        let waiting = house.waiting.iter();
        let by_site = waiting.map(|(site, n)| format!("{site}:{n}"));
        Ok(Shell {
            t: self.lang,
            csrf: self.csrf.clone(),
            agent_id: self.id.0,
            agent_name: self.name.clone(),
            agent_role: self.role.as_str(),
            shop_name: house.shop_name,
            seq: house.seq.0,
            epoch: house.epoch,
            view: view.to_owned(),
            storage_ok: around.is_writable(),
            insecure: around.insecure,
            hints: match self.role {
                Role::Agent => Vec::new(),
                Role::Owner | Role::Admin => around.signs.hints(self.lang),
            },
            waiting: house.waiting.iter().map(|(_, n)| n).sum(),
            waiting_by_site: by_site.collect::<Vec<_>>().join(" "),
            several_sites: 1 < house.waiting.len(),
            may: self.may.words(),
            look: self.look(),
            path,
            dress: self.dress.clone(),
            at_index: false,
            sets_up: path.starts_with("settings") || path == "welcome",
            keys: keys.chain([ways]).collect(),
            areas,
        })
    }
}

/// A person's name and address, as they are stored.
pub fn check(name: &str, email: &str) -> Result<(String, EmailAddress)> {
    let mut check = Check::default();
    let (name, email) = (
        check.field(clean_name(name)),
        check.field(clean_email(email)),
    );
    name.zip(email).ok_or_else(|| check.end())
}

fn clean_name(name: &str) -> Result<String> {
    line(name, NAME)
        .map_err(|flaw| Error::flaw("name", flaw, |t| t.error_field_too_long(NAME as i64).into()))
}

fn clean_email(email: &str) -> Result<EmailAddress> {
    EmailAddress::parse(email)
        .ok_or_else(|| Error::invalid("email", |t| t.error_email_invalid().into()))
}
