//! The places that pages lead to. Each room says its own, the roof puts them in
//! order, and navigation and settings draw what the one who looks may enter.

use super::{Surroundings, Who};
use crate::texts::Lang;

/// A place with an address of its own.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// As in `Shell::path`: `inbox`, `settings/mail`.
    pub key: &'static str,
    pub href: &'static str,
    /// A symbol of `icons.svg`; none among the settings.
    pub icon: &'static str,
    pub section: Section,
    pub label: fn(Lang) -> &'static str,
    /// The same as its route asks for.
    pub who: Who,
    /// After G, it leads there from any page; empty for none.
    pub letter: &'static str,
    /// How many wait there, where that is told.
    pub count: Option<fn(&Surroundings) -> i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Main,
    Settings,
}

/// One of them on a page.
#[derive(Debug, Clone)]
pub struct AreaLink {
    pub key: &'static str,
    pub href: &'static str,
    pub icon: &'static str,
    pub section: Section,
    pub label: &'static str,
    pub letter: &'static str,
    pub count: Option<i64>,
}

impl Area {
    pub fn is_open_to(&self, administers: bool) -> bool {
        match self.who {
            Who::Anyone | Who::Visitor | Who::Agent => true,
            Who::Admin => administers,
        }
    }

    pub fn link(&self, house: &Surroundings, t: Lang) -> AreaLink {
        AreaLink {
            key: self.key,
            href: self.href,
            icon: self.icon,
            section: self.section,
            label: (self.label)(t),
            letter: self.letter,
            count: self.count.map(|it| it(house)),
        }
    }
}
