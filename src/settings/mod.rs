//! What an admin changes while the program runs, read at each use. Owns the
//! `settings` table: one JSON value a subject. What the operator decided before
//! the start (`config`) wins where both speak.

pub mod letters;
mod sql;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::db::{Reader, Writer};
use crate::error::{Check, Error, Result};
use crate::kernel::{EmailAddress, MailServer, Secret, Security, line};

const MAIL: &str = "mail";

/// How mail leaves, as typed on the settings page.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct MailSettings {
    pub host: String,
    pub port: u16,
    /// `none`, `starttls` or `tls`.
    pub security: String,
    pub user: String,
    pub password: String,
    pub from_name: String,
    pub from: String,
}

/// Everything needed to send.
#[derive(Clone)]
pub struct Outgoing {
    pub server: MailServer,
    pub from: EmailAddress,
    /// Empty: the shop's name.
    pub from_name: String,
}

/// What an admin said last about a subject. A room that keeps settings of its own
/// names the subject after itself, and checks what it keeps.
pub fn find<T: DeserializeOwned>(r: &Reader, subject: &str) -> Result<Option<T>> {
    let kept = sql::find_value(r, subject)?;
    let read = kept.map(|it| serde_json::from_str(&it)).transpose();
    read.map_err(|e| Error::internal("reading settings", e))
}

/// In place of what was said before.
pub fn put(w: &Writer, subject: &str, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value);
    let text = text.map_err(|e| Error::internal("writing settings", e))?;
    sql::upsert_value(w, subject, &text)
}

pub fn mail(r: &Reader) -> Result<Option<MailSettings>> {
    find(r, MAIL)
}

/// An empty password keeps the one stored: pages never show it, so they cannot
/// send it back. It belongs to one user of one server, over one security: whoever
/// changes one of these says it again, and nobody gets it sent to a server of his
/// own.
pub fn save_mail(w: &Writer, new: MailSettings, config: &Config) -> Result<()> {
    let mut new = check(new, config)?;
    let goes_to = |it: &MailSettings| {
        (
            it.host.clone(),
            it.port,
            it.security.clone(),
            it.user.clone(),
        )
    };
    let stored = mail(w)?.filter(|it| goes_to(it) == goes_to(&new));
    if new.password.is_empty() {
        new.password = stored.map(|it| it.password).unwrap_or_default();
    }
    put(w, MAIL, &new)
}

/// `None` while nobody has set mail up.
pub fn outgoing(r: &Reader, config: &Config) -> Result<Option<Outgoing>> {
    let saved = mail(r)?;
    let from_name = saved.as_ref().map(|it| it.from_name.clone());
    let saved_from = saved.as_ref().and_then(|it| EmailAddress::parse(&it.from));
    if let Some(url) = &config.smtp_url {
        return Ok(Some(Outgoing {
            server: url.clone(),
            from: config
                .mail_from
                .clone()
                .or(saved_from)
                .unwrap_or_else(|| no_reply(config)),
            from_name: from_name.unwrap_or_default(),
        }));
    }
    let from = config.mail_from.clone().or(saved_from);
    Ok(saved.zip(from).map(|(saved, from)| Outgoing {
        from,
        from_name: saved.from_name,
        server: MailServer {
            host: saved.host,
            port: saved.port,
            security: security(&saved.security),
            user: saved.user,
            password: Secret::new(saved.password),
        },
    }))
}

/// A sender nobody reads, at our own host where that has a real name.
fn no_reply(config: &Config) -> EmailAddress {
    let host = config.public_url.authority();
    let host = host.split(':').next().unwrap_or_default();
    EmailAddress::parse(&format!("no-reply@{host}"))
        .or_else(|| EmailAddress::parse("no-reply@shopbell.invalid"))
        .unwrap_or_else(|| unreachable!("the fallback is a valid address"))
}

fn security(word: &str) -> Security {
    match word {
        "none" => Security::None,
        "tls" => Security::Tls,
        _ => Security::StartTls,
    }
}

fn check(new: MailSettings, config: &Config) -> Result<MailSettings> {
    let mut check = Check::default();
    let host = check.field(clean_host(&new.host));
    let port = check.field(match new.port {
        0 => Err(Error::invalid("port", |t| t.error_port_invalid().into())),
        port => Ok(port),
    });
    let security = check.field(
        match ["none", "starttls", "tls"].contains(&new.security.as_str()) {
            true => Ok(()),
            false => Err(Error::invalid("security", |t| {
                t.error_field_required().into()
            })),
        },
    );
    let user = check.field(short("user", new.user.trim()));
    let password = check.field(short("password", &new.password));
    let from_name = check.field(match new.from_name.trim() {
        "" => Ok(String::new()),
        name => line(name, 80)
            .map_err(|flaw| Error::flaw("from_name", flaw, |t| t.error_field_too_long(80).into())),
    });
    let from = check.field(match (EmailAddress::parse(&new.from), &config.mail_from) {
        (Some(from), _) => Ok(from.to_string()),
        // The operator has named another, which is used in its place.
        (None, Some(_)) => Ok(String::new()),
        (None, None) => Err(Error::invalid("from", |t| t.error_email_invalid().into())),
    });
    let (Some(host), Some(port), Some(()), Some(user), Some(password), Some(from_name), Some(from)) =
        (host, port, security, user, password, from_name, from)
    else {
        return Err(check.end());
    };
    Ok(MailSettings {
        host,
        port,
        user,
        password,
        from_name,
        from,
        ..new
    })
}

fn clean_host(host: &str) -> Result<String> {
    let host = host.trim();
    let plain = |c: char| c.is_alphanumeric() || "-.:[]".contains(c);
    match host.is_empty() || 253 < host.len() || !host.chars().all(plain) {
        true => Err(Error::invalid("host", |t| t.error_host_invalid().into())),
        false => Ok(host.to_owned()),
    }
}

fn short(field: &'static str, text: &str) -> Result<String> {
    match text.len() {
        0..=256 => Ok(text.to_owned()),
        _ => Err(Error::invalid(field, |t| {
            t.error_field_too_long(256).into()
        })),
    }
}
