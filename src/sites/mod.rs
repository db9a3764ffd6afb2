//! A shop's site: its public key, the pages that may carry its chat, its look,
//! its languages, and what it keeps to itself.
//!
//! The key is public: it stands in the shop's pages. What keeps strangers from
//! using it is the list of origins; while that list is empty, any page may.

pub mod finds;
pub mod http;
pub mod pages;
mod rules;
mod sql;

use crate::db::{Reader, Writer};
use crate::error::{Check, Error, Result};
use crate::events::Event;
use crate::hub::Topic;
use crate::journal;
use crate::kernel::{
    Actor, Origin, PublicUrl, Sight, SiteId, Timestamp, is_zone, line, random_key,
};
use crate::texts::Lang;

pub use rules::{contrast, text_on, together};

/// Every open chat of one site.
pub const fn topic(id: SiteId) -> Topic {
    Topic::new("site", id.0)
}

const NAME: usize = 80;
/// Lists look into each of them.
const SITES: usize = 50;
const ORIGINS: usize = 50;
const COLOR: &str = "#0f6b5c";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub id: SiteId,
    pub key: String,
    pub name: String,
    /// `#rrggbb`, dark enough or light enough for one of black and white.
    pub color: String,
    /// `start` or `end`: the side of the launcher.
    pub position: String,
    pub lang: Lang,
    /// An IANA name; mails are dated in it.
    pub zone: String,
    typing_preview: bool,
    pub strict_privacy: bool,
    /// Agents see what somebody anonymous wrote before.
    pub earlier_chats: bool,
    pub demo_shop: bool,
    /// CSS pixels between the button and the foot of the page.
    pub foot: u16,
    pub origins: Vec<Origin>,
}

impl Site {
    /// Whether agents see what a visitor types before it is sent.
    pub fn previews_typing(&self) -> bool {
        self.typing_preview && !self.strict_privacy
    }

    /// What the switch on the settings page says, whatever else rules.
    pub fn typing_preview_switch(&self) -> bool {
        self.typing_preview
    }

    /// Whether a page of this origin may carry the chat.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.is_empty() || self.origins.iter().any(|it| it.as_str() == origin)
    }
}

/// What the settings page sends.
pub struct NewLook {
    pub name: String,
    pub origins: String,
    pub color: String,
    pub position: String,
    pub lang: Lang,
    pub zone: String,
    pub typing_preview: bool,
    pub strict_privacy: bool,
    pub earlier_chats: bool,
    pub demo_shop: bool,
    /// As typed: a number of CSS pixels.
    pub foot: String,
}

pub fn create(w: &Writer, now: Timestamp, name: &str, lang: Lang, zone: &str) -> Result<SiteId> {
    let name = check_name(name)?;
    if SITES <= ids(w)?.len() {
        return Err(Error::invalid("shop", |t| {
            t.error_too_many_sites(SITES as i64).into()
        }));
    }
    let zone = if is_zone(zone) { zone } else { "UTC" };
    sql::insert_site(w, now, &random_key(), &name, COLOR, lang, zone)
}

/// Of all sites, the oldest first.
pub fn ids(r: &Reader) -> Result<Vec<SiteId>> {
    sql::list_ids(r)
}

/// All sites, the oldest first.
pub fn list(r: &Reader) -> Result<Vec<Site>> {
    sql::list_sites(r)
}

/// Those that somebody sees, the oldest first.
pub fn seen(r: &Reader, sight: &Sight) -> Result<Vec<Site>> {
    let mut sites = list(r)?;
    sites.retain(|it| sight.sees(it.id));
    Ok(sites)
}

/// The one that needs no name, because there is no other.
pub fn only(r: &Reader) -> Result<Option<Site>> {
    let mut sites = list(r)?;
    let only = sites.pop().filter(|_| sites.is_empty());
    Ok(only)
}

/// Which site a script belongs to that names none: the only one, or else the one
/// that lists the page it stands on. The look of another would be a lie.
pub fn of_page(r: &Reader, origin: &str) -> Result<Site> {
    let mut sites = list(r)?;
    if sites.len() != 1 {
        sites.retain(|it| it.origins.iter().any(|it| it.as_str() == origin));
    }
    let found = sites.pop().filter(|_| sites.is_empty());
    found.ok_or(Error::NotFound("site"))
}

/// The shop to try the chat in: of the site with this key, or else of the oldest
/// that has it switched on.
pub fn demo(r: &Reader, key: Option<&str>) -> Result<Site> {
    let wanted = |it: &Site| it.demo_shop && key.is_none_or(|key| key == it.key);
    let found = list(r)?.into_iter().find(wanted);
    found.ok_or(Error::NotFound("page"))
}

pub fn find(r: &Reader, id: SiteId) -> Result<Site> {
    sql::find_site(r, id)?.ok_or(Error::NotFound("site"))
}

pub fn find_by_key(r: &Reader, key: &str) -> Result<Site> {
    sql::find_site_by_key(r, key)?.ok_or(Error::NotFound("site"))
}

pub fn save(w: &Writer, now: Timestamp, by: Actor, id: SiteId, new: &NewLook) -> Result<()> {
    if !rules::is_position(&new.position) {
        return Err(Error::Malformed("position: start or end".into()));
    }
    let mut check = Check::default();
    let name = check.field(check_name(&new.name));
    let origins = check.field(parse_origins(&new.origins));
    let color = check.field(
        rules::parse_color(&new.color)
            .ok_or_else(|| Error::invalid("color", |t| t.error_color_invalid().into())),
    );
    let foot = check.field(rules::parse_foot(&new.foot).ok_or_else(|| {
        Error::invalid("foot", |t| {
            t.error_foot_invalid(i64::from(rules::HIGHEST)).into()
        })
    }));
    let zone = check.field(match is_zone(&new.zone) {
        true => Ok(()),
        false => Err(Error::invalid("zone", |t| t.error_zone_unknown().into())),
    });
    let (Some(name), Some(origins), Some(color), Some(foot), Some(())) =
        (name, origins, color, foot, zone)
    else {
        return Err(check.end());
    };
    sql::update_site(w, id, &name, &color, foot, new)?;
    sql::delete_origins(w, id)?;
    origins
        .iter()
        .try_for_each(|origin| sql::insert_origin(w, id, origin))?;
    journal::record(w, now, by, id, &Event::SiteChanged).map(|_| ())
}

/// One more page that may carry the chat.
pub fn allow_origin(w: &Writer, now: Timestamp, by: Actor, id: SiteId, origin: &str) -> Result<()> {
    let origin = Origin::parse(origin)
        .ok_or_else(|| Error::invalid("origin", |t| t.error_origin_invalid().into()))?;
    let known = find(w, id)?.origins;
    if ORIGINS <= known.len() && !known.contains(&origin) {
        return Err(too_many_origins("origin"));
    }
    sql::insert_origin(w, id, &origin)?;
    journal::record(w, now, by, id, &Event::SiteChanged).map(|_| ())
}

/// The one line for the shop's pages. Where there are several sites, the address
/// says whose: the look comes with the script itself.
pub fn embed_code(site: &Site, alone: bool, public_url: &PublicUrl) -> String {
    let key = &site.key;
    let query = match alone {
        true => String::new(),
        false => format!("?site={key}"),
    };
    format!("<script async src=\"{public_url}/w.js{query}\" data-site=\"{key}\"></script>")
}

/// What a shop with a content security policy adds to it. No `style-src`, no
/// `img-src`, no `frame-src`: the widget needs none.
pub fn csp_lines(public_url: &PublicUrl) -> String {
    let (origin, socket) = (public_url.origin(), public_url.origin().socket());
    format!("script-src {origin};\nconnect-src {origin} {socket};")
}

fn parse_origins(text: &str) -> Result<Vec<Origin>> {
    let mut origins = Vec::new();
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
    for text in lines {
        let origin = Origin::parse(text)
            .ok_or_else(|| Error::invalid("origins", |t| t.error_origin_invalid().into()))?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    match origins.len() <= ORIGINS {
        true => Ok(origins),
        false => Err(too_many_origins("origins")),
    }
}

fn too_many_origins(field: &'static str) -> Error {
    Error::invalid(field, |t| t.error_too_many_origins(ORIGINS as i64).into())
}

/// A shop's name, as it is stored.
pub fn check_name(name: &str) -> Result<String> {
    line(name, NAME)
        .map_err(|flaw| Error::flaw("shop", flaw, |t| t.error_field_too_long(NAME as i64).into()))
}
