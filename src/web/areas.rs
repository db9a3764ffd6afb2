//! The places that pages lead to. Each room says its own, the roof puts them in
//! order, and navigation and settings draw what the one who looks may enter: this is
//! the only table of them.

use super::{Surroundings, Who};
use crate::texts::Lang;

/// Slots of a phone's bar, beside “Search” and “More”.
const BAR: usize = 3;

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
    Chats,
    People,
    Shop,
    /// Below them, where it stays in sight.
    Foot,
    /// A page of the settings.
    Settings,
}

impl Section {
    /// Of the navigation, in order.
    pub const MAIN: [Self; 4] = [Self::Chats, Self::People, Self::Shop, Self::Foot];

    pub fn label(self, t: Lang) -> &'static str {
        match self {
            Self::Chats => t.common_nav_chats(),
            Self::People => t.common_nav_people(),
            Self::Shop => t.common_nav_shop(),
            Self::Foot | Self::Settings => "",
        }
    }
}

/// A section of the navigation, with the places of it that he may enter.
pub struct AreaGroup<'s> {
    /// Empty where there is nothing to tell apart.
    pub label: &'static str,
    pub links: Vec<&'s AreaLink>,
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
    /// Has a slot in the bar of a phone.
    pub in_bar: bool,
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
            in_bar: false,
        }
    }
}

/// By sections, each in the order of the roof; the first few get the slots of a phone's
/// bar that “More” leaves.
pub fn in_order(links: impl Iterator<Item = AreaLink>) -> Vec<AreaLink> {
    let mut all: Vec<AreaLink> = links.collect();
    let place = |it: &AreaLink| Section::MAIN.iter().position(|of| *of == it.section);
    all.sort_by_key(|it| place(it).unwrap_or(Section::MAIN.len()));
    let main = all.iter_mut().filter(|it| it.section != Section::Settings);
    main.take(BAR).for_each(|it| it.in_bar = true);
    all
}
