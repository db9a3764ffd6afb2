//! The page on which an admin shapes the chat of a site.

use askama::Template;

use crate::texts::Lang;
use crate::web::pages::{Errors, Shell};

/// Shop name, where the chat may appear, its look, languages and privacy.
#[derive(Template)]
#[template(path = "sites/edit.html")]
pub struct Edit {
    pub t: Lang,
    pub shell: Shell,
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
    pub typing_preview: bool,
    pub strict_privacy: bool,
    pub demo_shop: bool,
    /// Fields `shop`, `origins`, `color`, `foot`, `zone`.
    pub errors: Errors,
    pub saved: bool,
}
