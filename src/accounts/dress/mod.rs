//! How an agent wants his pages to look, on whatever device he signs in. His own
//! alone; what is not a word of the house is refused.

pub mod http;
mod sql;

pub(super) use sql::{DRESS, read_dress};

use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::kernel::{AgentId, Dress, MENUS, SIZES, SPACINGS, THEMES, is_zone, one_of};

/// As a form says it.
pub struct NewDress<'a> {
    pub theme: &'a str,
    pub menu: &'a str,
    pub size: &'a str,
    pub spacing: &'a str,
    pub zone: &'a str,
}

pub fn find(r: &Reader, agent: AgentId) -> Result<Dress> {
    sql::find_dress(r, agent)?.ok_or(Error::NotFound("agent"))
}

pub fn save(w: &Writer, by: AgentId, new: &NewDress) -> Result<()> {
    let word = |words: &[&'static str], said: &str| {
        one_of(words, said).ok_or_else(|| Error::Malformed(format!("one of {words:?}").into()))
    };
    if !new.zone.is_empty() && !is_zone(new.zone) {
        return Err(Error::invalid("zone", |t| t.error_zone_unknown().into()));
    }
    let dress = Dress {
        theme: word(&THEMES, new.theme)?,
        menu: word(&MENUS, new.menu)?,
        size: word(&SIZES, new.size)?,
        spacing: word(&SPACINGS, new.spacing)?,
        zone: new.zone.to_owned(),
        folded: find(w, by)?.folded,
    };
    sql::update_dress(w, by, &dress)
}

/// The side menu shows its words, or its pictures only.
pub fn fold(w: &Writer, by: AgentId, folded: bool) -> Result<()> {
    sql::update_folded(w, by, folded)
}
