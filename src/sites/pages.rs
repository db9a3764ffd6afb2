//! The pages on which an admin makes sites and shapes the chat of each.

use askama::Template;

use crate::texts::Lang;
use crate::web::pages::{Errors, Saved, Shell};
use crate::web::{FormPage, ZoneGroup};

/// Every site, and the form for one more.
#[derive(Template)]
#[template(path = "sites/list.html")]
pub struct Sites {
    pub t: Lang,
    pub shell: Shell,
    pub sites: Vec<SiteRow>,
    /// These are the ones that he sees.
    pub person: Option<String>,
    /// What had been typed for one more. Field `shop`.
    pub shop: String,
    pub errors: Errors,
}

impl FormPage for Sites {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}

pub struct SiteRow {
    pub key: String,
    pub name: String,
    pub origins: Vec<String>,
    /// How many agents are named for it; 0 where it is everybody's.
    pub members: i64,
}

/// Somebody who may be named for a site, or is.
pub struct SiteMember {
    pub id: i64,
    pub name: String,
    pub named: bool,
    /// He sees the site by that.
    pub counts: bool,
    /// As somebody wants it.
    pub ticked: bool,
}

/// Shop name, where the chat may appear, its look, languages and privacy.
#[derive(Template)]
#[template(path = "sites/edit.html")]
pub struct Edit {
    pub t: Lang,
    pub shell: Shell,
    pub key: String,
    /// As it is called now, whatever has been typed.
    pub title: String,
    /// There is no other.
    pub alone: bool,
    pub members: Vec<SiteMember>,
    /// Somebody is named, and none of these.
    pub others_named: bool,
    /// The line for the shop's pages.
    pub embed: String,
    /// What a shop with a strict content security policy adds, a line each.
    pub csp: String,
    pub shop: String,
    /// One a line, as typed.
    pub origins: String,
    /// `#rrggbb`
    pub color: String,
    /// Black or white, whichever reads better on it.
    pub on_color: String,
    /// How well: from 1 to 21, “5.4”.
    pub contrast: String,
    /// `start` or `end`.
    pub position: String,
    /// CSS pixels, as typed.
    pub foot: String,
    /// `en`, `fr`, `tr` or `ru`.
    pub lang: String,
    /// An IANA name.
    pub zone: String,
    pub zones: Vec<ZoneGroup>,
    pub typing_preview: bool,
    pub strict_privacy: bool,
    pub earlier_chats: bool,
    pub demo_shop: bool,
    /// Fields `shop`, `origins`, `color`, `foot`, `zone`, `agents`.
    pub errors: Errors,
    pub saved: Saved,
}

impl FormPage for Edit {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}
