//! Sign-in, one's own account, colleagues, and the mails that go with them.

use askama::Template;

use crate::kernel::{Dress, Timestamp};
use crate::texts::Lang;
use crate::web::pages::{Errors, Moment, Saved, Shell};
use crate::web::{FormPage, ZoneGroup, zone_groups};

/// Sign-in.
#[derive(Template)]
#[template(path = "accounts/login.html")]
pub struct Login {
    pub t: Lang,
    /// The public address is plain http.
    pub insecure: bool,
    /// Where to go afterwards; empty for the inbox.
    pub next: String,
    pub email: String,
    /// Why it was refused; empty if it was not. It is of no field: which of the two
    /// is wrong is not said.
    pub refusal: String,
    /// What has just happened: empty, `signed_out`, `password` or `ended`.
    pub done: &'static str,
}

/// Asks for a link by which a new password can be chosen.
#[derive(Template)]
#[template(path = "accounts/forgot.html")]
pub struct Forgot {
    pub t: Lang,
    pub mail_ready: bool,
    pub email: String,
    pub errors: Errors,
    pub sent: bool,
}

/// Chooses a new password.
#[derive(Template)]
#[template(path = "accounts/reset.html")]
pub struct Reset {
    pub t: Lang,
    pub token: String,
    /// False when the link is old or used.
    pub valid: bool,
    pub email: String,
    /// The fewest characters a password may have.
    pub shortest: i64,
    pub errors: Errors,
}

/// A colleague's first visit: chooses a password.
#[derive(Template)]
#[template(path = "accounts/invite.html")]
pub struct Invite {
    pub t: Lang,
    pub token: String,
    /// False when the link is old or used.
    pub valid: bool,
    pub shop_name: String,
    pub name: String,
    pub email: String,
    pub shortest: i64,
    pub errors: Errors,
}

/// One's own account.
#[derive(Template)]
#[template(path = "accounts/me.html")]
pub struct Me {
    pub t: Lang,
    pub shell: Shell,
    pub email: String,
    pub name: String,
    /// `en`, `fr`, `tr` or `ru`.
    pub lang: String,
    pub look: Look,
    /// Field `name`.
    pub profile_errors: Errors,
    /// Fields `current`, `password`.
    pub password_errors: Errors,
    pub shortest: i64,
    pub sessions: Vec<SessionRow>,
    /// What has just been done: empty, `password` or `sessions`.
    pub done: &'static str,
    /// The profile.
    pub saved: Saved,
}

impl FormPage for Me {
    fn errors(&mut self) -> &mut Errors {
        &mut self.profile_errors
    }
}

/// How he wants his pages to look, as words of the house.
pub struct Look {
    pub theme: String,
    pub menu: String,
    pub size: String,
    pub spacing: String,
    /// Empty for that of the device.
    pub zone: String,
    pub zones: Vec<ZoneGroup>,
    /// Field `zone`.
    pub errors: Errors,
}

impl Look {
    pub fn of(dress: &Dress, t: Lang, now: Timestamp) -> Self {
        Self {
            theme: dress.theme.to_owned(),
            menu: dress.menu.to_owned(),
            size: dress.size.to_owned(),
            spacing: dress.spacing.to_owned(),
            zone: dress.zone.clone(),
            zones: zone_groups(t, now, &dress.zone),
            errors: Errors::default(),
        }
    }
}

/// One place where the agent is signed in.
pub struct SessionRow {
    pub id: i64,
    /// “Firefox 140.0, Linux”; may be empty.
    pub device: String,
    pub since: Moment,
    pub seen: Moment,
    pub current: bool,
}

/// Everybody who answers here, and the form for one more.
#[derive(Template)]
#[template(path = "accounts/team.html")]
pub struct Team {
    pub t: Lang,
    pub shell: Shell,
    pub agents: Vec<AgentRow>,
    pub name: String,
    pub email: String,
    /// `agent`, `admin` or `owner`.
    pub role: String,
    /// Fields `name`, `email`, `role`.
    pub errors: Errors,
    /// Somebody has just been invited.
    pub invited: Option<Invited>,
}

impl Team {
    pub fn may_appoint_owner(&self) -> bool {
        self.shell.agent_role == "owner"
    }
}

/// One colleague: name, role, what he may do, whether he still works here.
#[derive(Template)]
#[template(path = "accounts/member.html")]
pub struct Member {
    pub t: Lang,
    pub shell: Shell,
    pub id: i64,
    /// As he is called now, whatever has been typed.
    pub title: String,
    pub email: String,
    pub name: String,
    /// `agent`, `admin` or `owner`.
    pub role: String,
    /// Answers customers, as a plain agent.
    pub customers: bool,
    pub deactivated: bool,
    /// Fields `name`, `role`.
    pub errors: Errors,
    pub saved: Saved,
}

impl FormPage for Member {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}

impl Member {
    pub fn may_appoint_owner(&self) -> bool {
        self.shell.agent_role == "owner"
    }
}

pub struct AgentRow {
    pub id: i64,
    pub name: String,
    pub email: String,
    pub role: &'static str,
    /// Has not chosen a password yet.
    pub pending: bool,
    /// No longer works here.
    pub gone: bool,
    /// The one who looks may change him.
    pub changeable: bool,
    pub seen: Option<Moment>,
}

impl AgentRow {
    pub fn initials(&self) -> String {
        crate::web::pages::initials(&self.name)
    }
}

/// How an invitation reaches the new colleague.
pub struct Invited {
    pub name: String,
    pub email: String,
    /// To hand over by oneself. `None` when a mail is on its way.
    pub link: Option<String>,
}

/// The mail with the link for a new password.
#[derive(Template)]
#[template(path = "accounts/mail_reset.html")]
pub struct MailReset {
    pub t: Lang,
    pub shop_name: String,
    pub name: String,
    pub link: String,
    /// How long the link works.
    pub minutes: i64,
}

impl MailReset {
    pub fn subject(&self) -> String {
        self.t.account_mail_reset_subject(&self.shop_name)
    }
}

/// The same as plain text.
#[derive(Template)]
#[template(path = "accounts/mail_reset.txt")]
pub struct MailResetText<'a> {
    pub mail: &'a MailReset,
}

/// The mail that invites a colleague.
#[derive(Template)]
#[template(path = "accounts/mail_invite.html")]
pub struct MailInvite {
    pub t: Lang,
    pub shop_name: String,
    pub name: String,
    /// Who invites.
    pub by: String,
    pub link: String,
    pub days: i64,
}

impl MailInvite {
    pub fn subject(&self) -> String {
        self.t.account_mail_invite_subject(&self.shop_name)
    }
}

/// The same as plain text.
#[derive(Template)]
#[template(path = "accounts/mail_invite.txt")]
pub struct MailInviteText<'a> {
    pub mail: &'a MailInvite,
}
