//! All of the house, one entry a room, and what each brings to the roof. What two
//! of them bring under one name stops the start.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use crate::conversations::{Windows, participants};
use crate::db::Writer;
use crate::error::{Error, Result};
use crate::jobs;
use crate::journal::Follower;
use crate::kernel::Timestamp;
use crate::live::{Draw, Watch};
use crate::palette::{Find, Finds};
use crate::texts::Lang;
use crate::timers::{self, Timer};
use crate::visitors::merging;
use crate::web::{Area, HotKey, Keys, Kit, Routes};
use crate::{
    accounts, conversations, operations, palette, ratings, setup, sites, tags, transcripts, widget,
};

/// What one kind of timer does when its time has come.
pub type Ring = fn(&Writer, Timestamp, &Timer) -> Result<()>;

/// The kinds of work that a room has others do.
pub type Jobs = fn(&mut jobs::Kinds, &Kit, &Arc<Windows>);

/// What a room brings to the roof.
#[derive(Clone, Default)]
pub struct Wing {
    /// Its doors.
    pub routes: Option<fn(&mut Routes)>,
    /// Its places in navigation and settings, in order.
    pub areas: &'static [Area],
    /// The keys that its pages listen to.
    pub keys: &'static [Keys],
    /// What it finds of what somebody types.
    pub finds: Vec<Find>,
    /// What it shows in the hall.
    pub windows: Vec<fn(&mut Windows)>,
    /// What its facts look like on live screens.
    pub draws: Vec<Draw>,
    /// What a page may listen to by name.
    pub watches: Vec<Watch>,
    /// What it does when something happened.
    pub followers: Vec<Follower>,
    /// What rings by itself, by its kind: `kettle.whistle`.
    pub timers: Vec<(&'static str, Ring)>,
    pub jobs: Option<Jobs>,
}

/// In the order of navigation and settings.
pub fn wings() -> Vec<Wing> {
    vec![
        Wing {
            routes: Some(palette::http::routes),
            keys: &[palette::KEYS],
            ..Wing::default()
        },
        Wing {
            routes: Some(|it| {
                conversations::http::routes(it);
                conversations::socket::routes(it);
            }),
            areas: &[conversations::http::INBOX],
            keys: &[conversations::keys::KEYS],
            finds: vec![conversations::finds::PEOPLE, conversations::finds::TALKS],
            draws: vec![
                conversations::news::draw,
                conversations::dialogues::news::draw,
            ],
            followers: vec![participants::work::follower()],
            timers: vec![(participants::work::HAND_BACK, participants::work::hand_back)],
            ..Wing::default()
        },
        Wing {
            routes: Some(sites::http::routes),
            areas: &[sites::http::SITE],
            finds: vec![sites::finds::SITES],
            ..Wing::default()
        },
        Wing {
            routes: Some(accounts::http::routes),
            areas: &[accounts::http::TEAM],
            finds: vec![Find {
                key: "team",
                label: Lang::account_team_found,
                ask: |r, viewer, sought| accounts::team::found(r, viewer, sought, &sites::ids(r)?),
            }],
            jobs: Some(|kinds, kit, _| accounts::work::add(kinds, kit)),
            ..Wing::default()
        },
        Wing {
            timers: vec![(merging::FORGET, merging::forget)],
            ..Wing::default()
        },
        Wing {
            routes: Some(transcripts::http::routes),
            windows: vec![transcripts::windows::open],
            jobs: Some(transcripts::work::add),
            ..Wing::default()
        },
        Wing {
            routes: Some(tags::http::routes),
            areas: &[tags::keeping::http::TAGS],
            finds: vec![tags::finds::TAGS],
            windows: vec![tags::windows::open],
            draws: vec![tags::news::draw],
            timers: vec![(tags::keeping::DISSOLVE, tags::keeping::dissolve)],
            ..Wing::default()
        },
        Wing {
            routes: Some(ratings::http::routes),
            areas: &[ratings::http::RATINGS],
            windows: vec![ratings::windows::open],
            draws: vec![ratings::news::draw],
            followers: vec![ratings::follower()],
            ..Wing::default()
        },
    ]
}

/// What stands below them in navigation and settings.
fn last() -> Vec<Wing> {
    vec![
        Wing {
            routes: Some(|it| {
                widget::http::routes(it);
                widget::socket::routes(it);
            }),
            draws: vec![widget::news::draw],
            ..Wing::default()
        },
        Wing {
            routes: Some(setup::http::routes),
            ..Wing::default()
        },
        Wing {
            routes: Some(operations::http::routes),
            areas: &[operations::http::MAIL, operations::http::WORKINGS],
            ..Wing::default()
        },
        Wing {
            routes: Some(super::health),
            areas: &[sites::http::SETTINGS],
            ..Wing::default()
        },
    ]
}

/// Together with wings that are not of the house.
pub(super) fn all(more: Vec<Wing>) -> Vec<Wing> {
    wings().into_iter().chain(more).chain(last()).collect()
}

pub(super) fn routes(wings: &[Wing]) -> Routes {
    let mut routes = Routes::default();
    let brought = wings.iter().filter_map(|it| it.routes);
    brought.for_each(|add| add(&mut routes));
    routes
}

pub(super) fn areas(wings: &[Wing]) -> Vec<Area> {
    wings.iter().flat_map(|it| it.areas).copied().collect()
}

pub(super) fn keys(wings: &[Wing]) -> Vec<Keys> {
    wings.iter().flat_map(|it| it.keys).copied().collect()
}

pub(super) fn finds(wings: &[Wing]) -> Finds {
    Finds(wings.iter().flat_map(|it| it.finds.clone()).collect())
}

pub(super) fn timers(wings: &[Wing]) -> timers::Kinds {
    let brought = wings.iter().flat_map(|it| &it.timers);
    let deed = |&(kind, ring): &(&'static str, Ring)| (kind, Arc::new(ring) as timers::Deed);
    brought.map(deed).collect()
}

pub(super) fn jobs(wings: &[Wing], kit: &Kit, windows: &Arc<Windows>) -> Result<jobs::Kinds> {
    let mut all = jobs::Kinds::new();
    let mut faults = Vec::new();
    for add in wings.iter().filter_map(|it| it.jobs) {
        let mut brought = jobs::Kinds::new();
        add(&mut brought, kit, windows);
        for (name, kind) in brought {
            if all.insert(name, kind).is_some() {
                faults.push(format!("two rooms do the job `{name}`"));
            }
        }
    }
    none_of(faults).map(|()| all)
}

/// Asked once, at the start.
pub(super) fn check(wings: &[Wing]) -> Result<()> {
    let doors = routes(wings).table;
    let areas = areas(wings);
    let mut faults = Vec::new();
    let mut once = |what: &str, names: Vec<String>| {
        let mut known = BTreeSet::new();
        let again = names.into_iter().filter(|it| !known.insert(it.clone()));
        faults.extend(again.map(|it| format!("two rooms {what} `{it}`")));
    };
    let door = |method: &str, path: &str| format!("{method} {}", shape(path));
    let opened = doors.iter().map(|it| door(it.method, it.path));
    once("open the door", opened.collect());
    once("bring the place", words(areas.iter().map(|it| it.key)));
    once("lead to", words(areas.iter().map(|it| it.href)));
    let letters = areas.iter().map(|it| it.letter);
    once(
        "are reached by G and",
        words(letters.filter(|it| !it.is_empty())),
    );
    let keys = wings.iter().flat_map(|it| it.keys).flat_map(|it| it.keys);
    once("listen to the key", keys.map(HotKey::press).collect());
    let finds = wings.iter().flat_map(|it| &it.finds);
    once("find under the name", words(finds.map(|it| it.key)));
    let watches = wings.iter().flat_map(|it| &it.watches);
    once("let pages listen to", words(watches.map(|it| it.kind)));
    let followers = wings.iter().flat_map(|it| &it.followers);
    once("follow the journal as", words(followers.map(|it| it.name)));
    let timers = wings.iter().flat_map(|it| &it.timers);
    once("have the timer", words(timers.map(|(kind, _)| kind)));
    let closed = areas.iter().filter(|area| {
        let mut pages = doors.iter().filter(|it| it.method == "GET");
        !pages.any(|it| it.path == area.href)
    });
    faults.extend(closed.map(|it| format!("the place `{}` leads nowhere", it.key)));
    none_of(faults)
}

fn words<T: Display>(all: impl Iterator<Item = T>) -> Vec<String> {
    all.map(|it| it.to_string()).collect()
}

/// Two paths of one shape are one door, whatever they call what varies.
fn shape(path: &str) -> String {
    let mut parts = path.split('{');
    let mut shape = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shape.push_str("{}");
        shape.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    shape
}

fn none_of(faults: Vec<String>) -> Result<()> {
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::internal(
            "putting the house together",
            faults.join("; "),
        )),
    }
}
