//! The people who write to a site, and what they write from. A visitor is a person
//! at a site, anonymous or known to the shop; each browser of his holds a token that
//! was made for it here. Only the hash of one is kept, and it opens his own
//! conversations and nothing else. Every arrival gets a number, for ever. Two of
//! them may turn out to be one person (`merging`).

mod extract;
pub mod merging;
mod rules;
mod sql;

use serde::Deserialize;

use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::hub::Topic;
use crate::kernel::{ContactId, Seq, SiteId, Timestamp, Token, TokenHash, VisitorId, clip};
use crate::sites::{self, Site};
use crate::texts::Lang;

pub use extract::{Caller, foreign_page};

/// All pages of one visitor.
pub const fn topic(id: VisitorId) -> Topic {
    Topic::new("visitor", id.0)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    pub id: VisitorId,
    pub site: SiteId,
    pub number: i64,
    /// As his page said: `fr`, `pt-BR`. The interface may not speak it.
    pub lang: String,
    /// Who he is, where the shop knows.
    pub contact: Option<ContactId>,
    /// Who he turned out to be: nothing opens his own conversations any more.
    pub merged_into: Option<VisitorId>,
    /// What all have in common who were ever one person with him.
    pub kin: Option<i64>,
    /// The position at which he was last merged with somebody, or told apart.
    pub whole_since: Seq,
}

/// What a message came from, as the page tells it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    #[serde(default)]
    pub kind: DeviceKind,
    #[serde(default)]
    pub app: Option<String>,
    #[serde(default)]
    pub version: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    #[default]
    Site,
    MobileSite,
    App,
}

impl DeviceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::MobileSite => "mobile_site",
            Self::App => "app",
        }
    }
}

/// A device as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    pub kind: String,
    pub app: Option<String>,
    pub app_version: Option<String>,
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub system: Option<String>,
    pub raw: String,
}

impl Device {
    /// “Opera 112.0.0.0, Windows 11”
    pub fn words(&self) -> String {
        let pair = |name: &Option<String>, version: &Option<String>| {
            let words = [name.as_deref(), version.as_deref()];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let parts = [
            pair(&self.app, &self.app_version),
            pair(&self.browser, &self.browser_version),
            self.system.clone().unwrap_or_default(),
        ];
        let told: Vec<String> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        told.join(", ")
    }
}

/// “Client 40”, in the language of whoever reads it.
pub fn name(number: i64, t: Lang) -> String {
    t.visitor_client(number)
}

/// Somebody new, and the token for the browser he comes with.
pub fn arrive(w: &Writer, now: Timestamp, site: SiteId, lang: &str) -> Result<(Visitor, Token)> {
    let visitor = make(w, now, site, lang)?;
    let token = give_token(w, now, visitor.id)?;
    Ok((visitor, token))
}

/// Somebody new, whatever he writes from.
fn make(w: &Writer, now: Timestamp, site: SiteId, lang: &str) -> Result<Visitor> {
    let number = sql::next_number(w, site)?;
    let lang = rules::clean_lang(lang);
    let id = sql::insert_visitor(w, now, site, number, &lang)?;
    Ok(Visitor {
        id,
        site,
        number,
        lang,
        contact: None,
        merged_into: None,
        kin: None,
        whole_since: Seq(0),
    })
}

/// One more token for a visitor: it opens what his others do.
fn give_token(w: &Writer, now: Timestamp, visitor: VisitorId) -> Result<Token> {
    let token = Token::random();
    sql::insert_token(w, now, visitor, token.hash())?;
    Ok(token)
}

/// Whose token this is.
pub fn authenticate(r: &Reader, token: TokenHash) -> Result<Visitor> {
    sql::find_visitor_by_token(r, token)?.ok_or(Error::SignedOut)
}

/// Whose token this is, and his site, if this page may carry its chat.
pub fn enter(r: &Reader, caller: &Caller) -> Result<(Visitor, Site)> {
    let visitor = authenticate(r, caller.token)?;
    let site = sites::find(r, visitor.site)?;
    check_page(&site, caller.origin.as_deref())?;
    Ok((visitor, site))
}

/// Refuses a page that may not carry this site's chat.
pub fn check_page(site: &Site, origin: Option<&str>) -> Result<()> {
    match origin {
        Some(origin) if !site.allows(origin) => {
            Err(Error::Forbidden(|t| t.error_origin_not_allowed().into()))
        }
        _ => Ok(()),
    }
}

/// What the house says to a visitor is worded in this.
pub fn language(visitor: &Visitor, site: &Site) -> Lang {
    Lang::from_code(&visitor.lang).unwrap_or(site.lang)
}

pub fn find(r: &Reader, id: VisitorId) -> Result<Visitor> {
    sql::find_visitor(r, id)?.ok_or(Error::NotFound("visitor"))
}

/// Who stands for a person the shop knows.
pub fn find_by_contact(r: &Reader, contact: ContactId) -> Result<Option<Visitor>> {
    sql::find_visitor_by_contact(r, contact)
}

/// From now on the shop knows who he is.
pub fn set_contact(w: &Writer, id: VisitorId, contact: ContactId) -> Result<()> {
    sql::update_contact(w, id, contact)
}

/// The row for a device, new or known. In strict privacy only its kind is kept.
pub fn note_device(
    w: &Writer,
    visitor: VisitorId,
    new: &NewDevice,
    agent_string: &str,
    strict: bool,
) -> Result<i64> {
    let short = |it: &Option<String>| it.as_deref().map(|it| clip(it, 40));
    let raw = match strict {
        true => String::new(),
        false => clip(agent_string, 300),
    };
    let device = Device {
        kind: new.kind.as_str().to_owned(),
        app: short(&new.app).filter(|it| !it.is_empty()),
        app_version: short(&new.version).filter(|it| !it.is_empty()),
        raw,
        ..Device::default()
    };
    // Looked for as it calls itself: putting that into words takes longer than
    // everything else that is done for a line, and is done once.
    match sql::find_device(w, visitor, &device)? {
        Some(known) => Ok(known),
        None => sql::insert_device(w, visitor, &rules::recognise(device)),
    }
}
