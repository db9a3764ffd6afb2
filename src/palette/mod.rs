//! Finds what somebody types the beginning of, whichever room has it: pages, people,
//! chats, colleagues. Each room hands in at the roof how it finds what is its own
//! (`Find`), and asks with the sight of whoever looks; here the answers are put in
//! order. No room is named.
//!
//! What always holds: as many hits of a kind as a screen has room for, the best first;
//! what leads to one page stands there once; a room that cannot answer is missed by
//! nobody but itself. What only the open page knows, its deeds and what was picked last,
//! the script adds.

pub mod http;
pub mod pages;

use crate::accounts::Viewer;
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::texts::Lang;
use crate::web::{Area, Around, Hit, HotKey, Keys, Rank, Section, Sought};

/// Hits of one kind.
pub const MOST: usize = 6;

/// What works on every page.
pub const KEYS: Keys = Keys {
    title: Lang::palette_everywhere,
    keys: &[
        HotKey {
            key: "k",
            held: true,
            act: "find",
            does: Lang::palette_find,
        },
        HotKey {
            key: "/",
            held: false,
            act: "find",
            does: Lang::palette_find,
        },
        HotKey {
            key: "?",
            held: false,
            act: "keys",
            does: Lang::palette_keys,
        },
        HotKey {
            key: "g",
            held: false,
            act: "go",
            does: Lang::palette_go_to,
        },
    ],
};

/// How a room finds what is its own: only what this one sees, by an index or among a
/// number that has an end. In the order of its own lists, where several fit as well.
pub type Ask = fn(&Reader, &Viewer, &Sought) -> Result<Vec<Hit>>;

/// One kind of thing that can be found.
#[derive(Debug, Clone, Copy)]
pub struct Find {
    /// `people`: a name of its own.
    pub key: &'static str,
    pub label: fn(Lang) -> &'static str,
    pub ask: Ask,
}

/// All kinds there are.
pub struct Finds(pub Vec<Find>);

/// What was found of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub key: &'static str,
    pub label: &'static str,
    pub hits: Vec<Hit>,
    /// There is more of it than stands here.
    pub more: bool,
}

/// The kind that fits best comes first. While nothing was typed, all pages.
pub fn find(
    r: &Reader,
    viewer: &Viewer,
    around: &Around,
    finds: &Finds,
    sought: &Sought,
) -> Result<Vec<Group>> {
    let pages = places(around, viewer, sought);
    let (key, label) = ("pages", sought.t.palette_pages());
    let mut found = vec![(key, label, pages)];
    if !sought.is_empty() {
        for it in &finds.0 {
            let hits = bear(it.key, (it.ask)(r, viewer, sought))?;
            found.push((it.key, (it.label)(sought.t), hits));
        }
    }
    Ok(in_order(found, sought))
}

fn in_order(found: Vec<(&'static str, &'static str, Vec<Hit>)>, sought: &Sought) -> Vec<Group> {
    let most = match sought.is_empty() {
        true => usize::MAX,
        false => MOST,
    };
    let group = |(key, label, mut hits): (_, _, Vec<Hit>)| {
        hits.sort_by_key(|it| it.rank);
        Group {
            key,
            label,
            hits,
            more: false,
        }
    };
    let mut groups: Vec<Group> = found.into_iter().map(group).collect();
    groups.sort_by_key(|it| it.hits.first().map_or(Rank::Within, |it| it.rank));
    let mut shown: Vec<String> = Vec::new();
    for group in &mut groups {
        group.hits.retain(|it| !shown.contains(&it.href));
        group.more = most < group.hits.len();
        group.hits.truncate(most);
        shown.extend(group.hits.iter().map(|it| it.href.clone()));
    }
    groups.retain(|it| !it.hits.is_empty());
    groups
}

/// Where he may go, as navigation and settings lead him.
fn places(around: &Around, viewer: &Viewer, sought: &Sought) -> Vec<Hit> {
    let t = sought.t;
    let hit = |label: &str, href: &str, note: &str| {
        let rank = match sought.is_empty() {
            true => Rank::Whole,
            false => sought.rank(label)?,
        };
        let note = note.to_owned();
        Some(Hit {
            note,
            ..Hit::new(rank, label, href)
        })
    };
    let area = |it: &Area| {
        let inside = it.section == Section::Settings;
        let note = if inside { t.common_nav_settings() } else { "" };
        hit((it.label)(t), it.href, note)
    };
    let areas = around.open_areas(viewer.role.may_administer());
    let mine = hit(t.common_my_account(), "/me", "");
    areas.filter_map(area).chain(mine).collect()
}

/// That the database was busy is something else: that is tried again.
fn bear(key: &str, found: Result<Vec<Hit>>) -> Result<Vec<Hit>> {
    match found {
        Ok(found) => Ok(found),
        Err(error @ Error::Unavailable(_)) => Err(error),
        Err(error) => {
            tracing::error!(%error, "`{key}` cannot be looked through: {error}");
            Ok(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(rank: Rank, hrefs: &[&str]) -> Vec<Hit> {
        hrefs.iter().map(|it| Hit::new(rank, *it, *it)).collect()
    }

    #[test]
    fn the_best_kind_comes_first_and_a_page_stands_there_once() {
        let sought = Sought::new("a", Lang::En, MOST + 1);
        let many = ["/1", "/2", "/3", "/4", "/5", "/6", "/7"];
        let found = vec![
            ("late", "Late", hits(Rank::Within, &["/1", "/8"])),
            ("none", "None", Vec::new()),
            ("many", "Many", hits(Rank::Start, &many)),
        ];
        let groups = in_order(found, &sought);
        let keys: Vec<_> = groups.iter().map(|it| (it.key, it.hits.len())).collect();
        assert_eq!(keys, [("many", MOST), ("late", 1)]);
        assert!(groups[0].more && !groups[1].more);
        assert_eq!(groups[1].hits[0].href, "/8");
    }

    #[test]
    fn a_room_that_cannot_answer_is_missed_by_itself_only() {
        let broken = Err(Error::internal("looking", "no such table"));
        assert_eq!(bear("x", broken).unwrap(), []);
    }
}
