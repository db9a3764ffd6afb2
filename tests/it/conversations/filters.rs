//! Lists that are narrowed: by site, by who is responsible, by days, and by what
//! wings know. What is out of sight is not found that way either.

use std::collections::{BTreeSet, HashMap};

use rusqlite::params;
use shopbell::accounts::team;
use shopbell::conversations::lists::{self, Entry, Filter, List, Narrowing, Period, Responsible};
use shopbell::conversations::{Windows, view};
use shopbell::db::{Reader, Writer, scratch};
use shopbell::kernel::{AgentId, ConversationId, Day, Sight, SiteId};
use shopbell::texts::Lang;

use crate::support::Dice;

pub const ADA: AgentId = AgentId(1);
pub const BOB: AgentId = AgentId(2);
const EVE: AgentId = AgentId(3);
/// In which each site's days begin three hours apart.
const ZONES: [&str; 3] = ["UTC", "Europe/Istanbul", "America/New_York"];
const DAY: i64 = 86_400_000;
/// 2026-11-01 in UTC.
pub const NOVEMBER: i64 = 1_793_491_200_000;

/// A wing's: conversations have colours.
pub static COLOUR: Narrowing = Narrowing {
    name: "colour",
    label: |_| "Colour",
    choices: |_, _, _| {
        let all = [(1, "red"), (2, "green"), (3, "<blue>")];
        Ok(all.map(|(n, it)| (n, it.to_owned())).into())
    },
    means: None,
    conversations: "select conversation from colours where colour = :value",
    of: |r, ids| {
        let mut query =
            r.prepare("select colour from colours where conversation = ?1 order by 1")?;
        let mut all = HashMap::new();
        for id in ids {
            let colours = query.query_map([id.0], |row| row.get(0))?;
            all.insert(*id, colours.collect::<Result<Vec<i64>, _>>()?);
        }
        Ok(all)
    },
};

static SHAPE: Narrowing = Narrowing {
    name: "shape",
    label: |_| "Shape",
    choices: |_, _, _| Ok(vec![(1, "round".to_owned())]),
    means: None,
    conversations: "select conversation from shapes where shape = :value",
    of: |_, _| Ok(HashMap::new()),
};

pub const COLOURS: &str = "create table colours (conversation integer not null,
        colour integer not null, primary key (conversation, colour)) strict, without rowid;
    create index colours_by on colours (colour, conversation);";

const SHAPES: &str = "create table shapes (conversation integer primary key,
        shape integer not null) strict;
    create index shapes_by on shapes (shape);";

/// Three sites, each with one visitor; Ada owns the house, Bob is named for the
/// first two sites, Eve for the third.
pub fn shops(r: &Reader) {
    for (n, zone) in ZONES.iter().enumerate() {
        let n = n as i64 + 1;
        let site = "insert into sites (id, key, name, color, position, lang, zone, typing_preview,
                strict_privacy, demo_shop, created_at)
            values (?1, 'k' || ?1, 'shop ' || ?1, '#000000', 'end', 'en', ?2, 1, 0, 1, 0)";
        r.execute(site, params![n, zone]).unwrap();
        let visitor = "insert into visitors (id, site, number, lang, created_at)
            values (?1, ?1, ?1, 'en', 0)";
        r.execute(visitor, params![n]).unwrap();
    }
    r.execute_batch(
        "insert into agents (id, email, name, role, lang, created_at) values
             (1, 'a@b.c', 'Ada', 'owner', 'en', 0), (2, 'b@b.c', 'Bob', 'agent', 'en', 0),
             (3, 'e@b.c', 'Eve', 'agent', 'en', 0);
         insert into site_members (site, agent) values (1, 2), (2, 2), (3, 3);",
    )
    .unwrap();
    r.execute_batch(COLOURS).unwrap();
    r.execute_batch(SHAPES).unwrap();
}

/// A conversation as the model knows it.
#[derive(Debug, Clone)]
struct Talk {
    id: i64,
    site: i64,
    assignee: Option<i64>,
    /// Who takes part beside him.
    helper: Option<i64>,
    resolved: bool,
    last: i64,
    waiting: Option<i64>,
    colours: Vec<i64>,
    round: bool,
}

impl Talk {
    fn roll(id: i64, dice: &mut Dice) -> Self {
        let last = NOVEMBER + dice.roll(10 * 24) * (DAY / 24);
        let resolved = dice.roll(3) == 0;
        let assignee = Some(dice.roll(4)).filter(|it| 0 < *it);
        let helper = 1 + dice.roll(6);
        Self {
            id,
            site: 1 + dice.roll(3),
            assignee,
            helper: assignee.and(Some(helper).filter(|it| *it <= 3 && assignee != Some(*it))),
            resolved,
            last,
            waiting: (!resolved && dice.roll(2) == 0).then(|| last - dice.roll(50) * (DAY / 24)),
            // The first is on most of them: on more than are looked up one by one.
            colours: [10, 2, 1]
                .iter()
                .zip(1..)
                .filter_map(|(of, colour)| (dice.roll(12) < *of).then_some(colour))
                .collect(),
            round: dice.roll(4) == 0,
        }
    }

    fn insert(&self, r: &Reader) {
        let state = if self.resolved { "resolved" } else { "open" };
        let talk = "insert into conversations (id, key, site, visitor, state, assignee, created_at,
                last_at, waiting_since)
            values (?1, 'c_' || ?1, ?2, ?2, ?3, ?4, 0, ?5, ?6)";
        let values = params![
            self.id,
            self.site,
            state,
            self.assignee,
            self.last,
            self.waiting
        ];
        r.execute(talk, values).unwrap();
        for (agent, role) in [(self.assignee, "responsible"), (self.helper, "helper")] {
            let (helps, quiet) = (role == "helper", self.waiting.is_none() && !self.resolved);
            let part = "insert into conversation_participants (conversation, agent, role, since,
                    site, waiting_since, quiet_since)
                select ?1, ?2, ?3, 0, ?4, ?5, ?6 where ?2 is not null";
            let values = params![
                self.id,
                agent,
                role,
                self.site,
                self.waiting.filter(|_| helps),
                helps.then_some(self.last).filter(|_| quiet),
            ];
            r.execute(part, values).unwrap();
        }
        for colour in &self.colours {
            let put = "insert into colours (conversation, colour) values (?1, ?2)";
            r.execute(put, params![self.id, colour]).unwrap();
        }
        if self.round {
            r.execute("insert into shapes values (?1, 1)", params![self.id])
                .unwrap();
        }
    }

    /// The time that its entry shows.
    fn shown(&self) -> i64 {
        self.waiting.unwrap_or(self.last)
    }

    fn is_wanted(&self, filter: &Filter) -> bool {
        let site = SiteId(self.site);
        let assignee = self.assignee.map(AgentId);
        let here = |me: AgentId| [self.assignee, self.helper].contains(&Some(me.0));
        let listed = match filter.list {
            List::Inbox(me) => !self.resolved && !here(me),
            List::Mine(me) => !self.resolved && here(me),
            List::Resolved => self.resolved,
        };
        let span = filter.period.span(ZONES[self.site as usize - 1]);
        let at = self.shown();
        listed
            && filter.sight.sees(site)
            && filter.site.is_none_or(|it| it == site)
            && filter
                .agent
                .is_none_or(|it| it == Responsible::of(assignee))
            && span.from.is_none_or(|it| it <= at)
            && span.until.is_none_or(|it| at < it)
            && filter.wings.iter().all(|(it, value)| match it.name {
                "colour" => self.colours.contains(value),
                _ => self.round && *value == 1,
            })
    }
}

/// The whole list, page by page.
fn walk(r: &Reader, viewer: AgentId, filter: &Filter) -> Vec<Entry> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = lists::page(r, viewer, filter, after.as_deref()).unwrap();
        all.extend(page.entries);
        match page.next {
            Some(next) => after = Some(next.mark),
            None => return all,
        }
    }
}

fn keys(entries: &[Entry]) -> Vec<i64> {
    entries.iter().map(|it| it.id.0).collect()
}

pub fn day(n: i64) -> Day {
    Day::parse(&format!("2026-11-{n:02}")).unwrap()
}

/// Anything at all, or nothing.
fn roll<'a>(dice: &mut Dice, sight: &'a Sight, me: AgentId) -> Filter<'a> {
    let list = match dice.roll(3) {
        0 => List::Inbox(me),
        1 => List::Mine(me),
        _ => List::Resolved,
    };
    let mut filter = Filter::new(list, sight);
    if dice.roll(3) == 0 {
        filter.site = Some(SiteId(1 + dice.roll(3)));
    }
    filter.agent = match dice.roll(6) {
        0 => Some(Responsible::Nobody),
        1 => Some(Responsible::Agent(ADA)),
        2 => Some(Responsible::Agent(BOB)),
        _ => None,
    };
    if dice.roll(2) == 0 {
        let from = 1 + dice.roll(10);
        filter.period.from = (dice.roll(3) != 0).then(|| day(from));
        filter.period.to = (dice.roll(3) != 0).then(|| day(from + dice.roll(5)));
    }
    if dice.roll(2) == 0 {
        filter.wings.push((&COLOUR, 1 + dice.roll(4)));
    }
    if dice.roll(4) == 0 {
        filter.wings.push((&SHAPE, 1));
    }
    filter
}

#[test]
fn whatever_a_list_is_narrowed_to_it_holds_what_matches_in_its_order_and_each_once() {
    let mut dice = Dice(7);
    let talks: Vec<Talk> = (1..=900).map(|id| Talk::roll(id, &mut dice)).collect();
    let done = scratch(|w| {
        shops(w);
        talks.iter().for_each(|it| it.insert(w));
        let mut found = 0;
        for n in 0..400 {
            let me = [ADA, BOB][n % 2];
            let sight = team::sight(w, me)?;
            let filter = roll(&mut dice, &sight, me);
            let entries = walk(w, me, &filter);
            let wanted: BTreeSet<i64> = talks
                .iter()
                .filter(|it| it.is_wanted(&filter))
                .map(|it| it.id)
                .collect();
            let ids = keys(&entries);
            let shown: BTreeSet<i64> = ids.iter().copied().collect();
            assert_eq!(shown, wanted, "{filter:?}");
            assert_eq!(ids.len(), shown.len(), "each once: {filter:?}");
            let ranks: Vec<String> = entries.iter().map(Entry::rank).collect();
            assert!(ranks.is_sorted_by(|a, b| a >= b), "{filter:?}");
            found += ids.len();
        }
        assert!(1_000 < found, "most of them found something: {found}");
        Ok(())
    });
    done.unwrap();
}

/// Conversation 1 at the first site is Bob's and red, 2 at the third is Eve's and
/// red; both are resolved.
fn two_talks(w: &Writer) {
    shops(w);
    for (id, site, assignee) in [(1, 1, 2), (2, 3, 3)] {
        let talk = Talk {
            id,
            site,
            assignee: Some(assignee),
            helper: None,
            resolved: true,
            last: NOVEMBER,
            waiting: None,
            colours: vec![1],
            round: false,
        };
        talk.insert(w);
    }
}

#[test]
fn what_is_out_of_sight_is_not_found_by_its_name_either() {
    let done = scratch(|w| {
        two_talks(w);
        let (all, bobs) = (team::sight(w, ADA)?, team::sight(w, BOB)?);
        let found = |sight, narrow: &dyn Fn(&mut Filter)| {
            let mut filter = Filter::new(List::Resolved, sight);
            narrow(&mut filter);
            keys(&walk(w, BOB, &filter))
        };
        let site = |n| move |it: &mut Filter| it.site = Some(SiteId(n));
        assert_eq!(found(&all, &site(3)), [2]);
        assert_eq!(found(&bobs, &site(1)), [1]);
        for nowhere in [3, 99] {
            assert!(found(&bobs, &site(nowhere)).is_empty(), "site {nowhere}");
        }
        let of = |agent| move |it: &mut Filter| it.agent = Some(Responsible::Agent(agent));
        assert_eq!(found(&all, &of(EVE)), [2]);
        assert_eq!(found(&bobs, &of(BOB)), [1]);
        for nobody in [EVE, AgentId(99)] {
            assert!(found(&bobs, &of(nobody)).is_empty(), "agent {nobody}");
        }
        let red = |it: &mut Filter| it.wings.push((&COLOUR, 1));
        assert_eq!(found(&all, &red), [2, 1]);
        assert_eq!(found(&bobs, &red), [1]);
        let nothing = |it: &mut Filter| it.void = true;
        assert!(found(&all, &nothing).is_empty());
        Ok(())
    });
    done.unwrap();
}

#[test]
fn an_agent_whose_chats_are_here_but_who_sees_none_of_these_sites_is_nobody_to_who_asks() {
    let done = scratch(|w| {
        two_talks(w);
        w.execute("update conversations set assignee = 3 where id = 1", [])?;
        let bobs = team::sight(w, BOB)?;
        let mut filter = Filter::new(List::Resolved, &bobs);
        assert_eq!(keys(&walk(w, BOB, &filter)), [1]);
        filter.agent = Some(Responsible::Agent(EVE));
        assert!(walk(w, BOB, &filter).is_empty());
        // Once she is named for it, she is there; also when she has left.
        w.execute("insert into site_members (site, agent) values (1, 3)", [])?;
        w.execute("update agents set deactivated_at = 1 where id = 3", [])?;
        assert_eq!(keys(&walk(w, BOB, &filter)), [1]);
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_row_says_by_what_it_is_found() {
    let mut windows = Windows::default();
    windows.narrow(&COLOUR);
    windows.check().unwrap();
    let done = scratch(|w| {
        two_talks(w);
        w.execute("insert into colours values (1, 3)", [])?;
        let row = |id| {
            let entry = lists::entry(w, ConversationId(id)).unwrap().unwrap();
            view::entry_html(w, &windows, &entry, Lang::En).unwrap()
        };
        let facets = "data-facets=\"site-1 agent-2 colour-1 colour-3\"";
        assert!(row(1).contains(facets), "{}", row(1));
        w.execute("update conversations set assignee = null where id = 1", [])?;
        assert!(row(1).contains("agent-nobody"));
        let mut filter = Filter::new(List::Resolved, &Sight::ALL);
        filter.agent = Some(Responsible::Nobody);
        filter.site = Some(SiteId(1));
        filter.wings.push((&COLOUR, 3));
        assert_eq!(filter.facets(), "site-1 agent-nobody colour-3");
        Ok(())
    });
    done.unwrap();
}

#[test]
fn two_rooms_that_narrow_by_the_same_name_stop_the_start() {
    let mut windows = Windows::default();
    windows.narrow(&COLOUR);
    windows.narrow(&COLOUR);
    let told = windows.check().unwrap_err().to_string();
    assert!(
        told.contains("two rooms narrow lists by `colour`"),
        "{told}"
    );
}

#[test]
fn what_one_helps_in_and_what_is_ones_own_are_one_list_over_many_pages() {
    let done = scratch(|w| {
        shops(w);
        let talk = |id| Talk {
            id,
            site: 1 + id % 2,
            assignee: Some(if id % 3 == 0 { 2 } else { 1 }),
            helper: (id % 3 == 1).then_some(2),
            resolved: false,
            last: NOVEMBER + id * 60_000,
            waiting: (id % 4 == 0).then_some(NOVEMBER - id),
            colours: if id % 5 == 0 { vec![1] } else { vec![] },
            round: false,
        };
        let talks: Vec<Talk> = (1..=600).map(talk).collect();
        talks.iter().for_each(|it| it.insert(w));
        let sight = team::sight(w, BOB)?;
        let all = Filter::new(List::Mine(BOB), &sight);
        let days = Filter {
            period: Period {
                from: Some(day(1)),
                to: Some(day(1)),
            },
            ..all.clone()
        };
        let of_ada = Filter {
            agent: Some(Responsible::Agent(ADA)),
            ..all.clone()
        };
        let red = Filter {
            wings: vec![(&COLOUR, 1)],
            ..all.clone()
        };
        for (filter, many) in [(all, 400), (days, 300), (of_ada, 200), (red, 80)] {
            let entries = walk(w, BOB, &filter);
            let mut wanted: Vec<&Talk> = talks.iter().filter(|it| it.is_wanted(&filter)).collect();
            wanted.sort_by_key(|it| match it.waiting {
                Some(since) => (0, since, it.id),
                None => (1, -it.last, -it.id),
            });
            let wanted: Vec<i64> = wanted.iter().map(|it| it.id).collect();
            assert_eq!(keys(&entries), wanted, "{filter:?}");
            assert_eq!(wanted.len(), many, "{filter:?}");
        }
        Ok(())
    });
    done.unwrap();
}
