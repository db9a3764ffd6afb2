//! Two visitors who turn out to be one person, and do not after all: what moves, what
//! goes back, and how no room's rows can be forgotten.

use shopbell::accounts::{self, NewAgent, Role, team};
use shopbell::conversations::{self, Posted};
use shopbell::db::{Reader, Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::journal;
use shopbell::kernel::{Actor, ContactId, Seq, Subject, VisitorId};
use shopbell::texts::Lang;
use shopbell::timers;
use shopbell::visitors::{self, merging};

use super::{Browser, arrives, site};
use crate::support::NOW;

const DAY: i64 = 24 * 3600 * 1000;

fn merges(w: &Writer, gone: &Browser, stays: &Browser) -> (VisitorId, VisitorId) {
    let (gone, stays) = (gone.who(w), stays.who(w));
    merging::merge(w, NOW, Actor::House, gone, stays).unwrap();
    (gone, stays)
}

fn parts(w: &Writer, back: VisitorId) {
    merging::part(w, NOW, Actor::House, back).unwrap();
}

/// Every row that is somebody's, and whose.
fn owners(r: &Reader) -> Vec<String> {
    let mut all = Vec::new();
    for (table, column, key) in places(r) {
        if table == "visitors" || table == "visitor_moves" {
            continue;
        }
        let list = format!(
            "select '{table} ' || quote({key}) || ' ' || coalesce({column}, '') from {table}"
        );
        let mut query = r.prepare(&list).unwrap();
        let rows = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        all.extend(rows.map(|it| it.unwrap()));
    }
    all.sort();
    all
}

/// Table, column and key of whatever refers to a visitor. The key is empty where it is
/// not one column beside the reference.
fn places(r: &Reader) -> Vec<(String, String, String)> {
    let list = "select t.name, f.\"from\", (
            select iif(count(*) = 1 and max(p.name) <> f.\"from\" and f.\"to\" = 'id',
                max(p.name), '')
            from pragma_table_info(t.name) p where p.pk > 0)
        from sqlite_schema t, pragma_foreign_key_list(t.name) f
        where t.type = 'table' and f.\"table\" = 'visitors'";
    let mut query = r.prepare(list).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(|it| it.unwrap()).collect()
}

fn conflicts<T>(done: Result<T>) -> bool {
    matches!(done, Err(Error::Conflict(_)))
}

#[test]
fn what_was_his_is_the_other_ones_and_goes_back_with_him() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop) = (arrives(w, site)?, arrives(w, site)?);
        phone.writes(w, "from the phone");
        laptop.writes(w, "from the laptop");
        let before = owners(w);
        assert_eq!(before.len(), 8, "two of each: {before:?}");

        let (gone, stays) = merges(w, &phone, &laptop);
        assert_eq!((phone.who(w), laptop.who(w)), (stays, stays));
        for browser in [&phone, &laptop] {
            assert_eq!(browser.reads(w), ["from the phone", "from the laptop"]);
        }
        let seq = visitors::find(w, stays)?.whole_since;
        let fact = journal::after(w, Seq(seq.0 - 1))?.facts.remove(0);
        assert_eq!(fact.subject, Subject::Visitor(stays));
        assert_eq!(fact.event, Event::VisitorsMerged { gone });

        parts(w, gone);
        assert_eq!((phone.who(w), laptop.who(w)), (gone, stays));
        assert_eq!(phone.reads(w), ["from the phone"]);
        assert_eq!(laptop.reads(w), ["from the laptop"]);
        assert_eq!(owners(w), before);
        Ok(())
    })
    .unwrap();
}

#[test]
fn whatever_refers_to_a_visitor_can_be_moved() {
    let forgotten = |r: &Reader| {
        let mut places = places(r);
        // What is kept about merging itself is not somebody's.
        places.retain(|(table, _, key)| key.is_empty() && table != "visitor_moves");
        places
    };
    scratch(|w| {
        assert_eq!(
            forgotten(w),
            [],
            "a table that refers to visitors needs a key of one column, not the reference"
        );
        w.execute_batch(
            "create table visitor_hats (
                 visitor integer not null references visitors (id), hat text not null,
                 primary key (visitor, hat)) strict;
             create table visitor_notes (
                 visitor integer primary key references visitors (id), note text) strict;",
        )?;
        assert_eq!(forgotten(w).len(), 2);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_table_of_a_room_that_is_not_built_yet_takes_part() {
    scratch(|w| {
        w.execute_batch(
            "create table visitor_hats (
                 id integer primary key, hat text not null,
                 visitor integer not null references visitors (id) on delete cascade,
                 unique (visitor, hat)) strict;",
        )?;
        let hats = |of: VisitorId| -> Vec<String> {
            let list = "select hat from visitor_hats where visitor = ?1 order by hat";
            let mut query = w.prepare(list).unwrap();
            let rows = query.query_map([of.0], |row| row.get(0)).unwrap();
            rows.map(|it| it.unwrap()).collect()
        };
        let site = site(w, "Mugs")?;
        let (one, other) = (arrives(w, site)?, arrives(w, site)?);
        for (of, hat) in [(&one, "bowler"), (&one, "cap"), (&other, "cap")] {
            let wear = "insert into visitor_hats (visitor, hat) values (?1, ?2)";
            w.execute(wear, (of.who(w).0, hat))?;
        }
        let (gone, stays) = merges(w, &one, &other);
        assert_eq!(hats(stays), ["bowler", "cap"]);
        assert_eq!(
            hats(gone),
            ["cap"],
            "there is one of a kind, and none is lost"
        );
        parts(w, gone);
        assert_eq!(hats(gone), ["bowler", "cap"]);
        assert_eq!(hats(stays), ["cap"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn of_two_lines_under_the_same_id_none_is_lost_and_none_is_doubled() {
    const CID: &str = "the-same-id";
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop) = (arrives(w, site)?, arrives(w, site)?);
        let first = phone.sends(w, None, CID, "one")?;
        let second = laptop.sends(w, None, CID, "two")?;
        let again = |browser: &Browser, body: &str, of: &Posted| {
            let posted = browser.sends(w, None, CID, body).unwrap();
            assert_eq!((posted.fresh, posted.message.id), (false, of.message.id));
        };
        let (gone, _) = merges(w, &phone, &laptop);
        assert_eq!(phone.reads(w), ["one", "two"]);
        again(&phone, "one", &first);
        again(&laptop, "two", &second);
        assert!(conflicts(phone.sends(w, None, CID, "three")));

        parts(w, gone);
        again(&phone, "one", &first);
        again(&laptop, "two", &second);
        assert_eq!(phone.reads(w), ["one"]);
        assert_eq!(laptop.reads(w), ["two"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_was_written_since_stays_in_its_conversation_and_is_not_posted_again() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop) = (arrives(w, site)?, arrives(w, site)?);
        let old = phone.writes(w, "before");
        let (gone, _) = merges(w, &phone, &laptop);
        let there = phone.sends(w, Some(&old.key), "line-since-1", "in the old one")?;
        conversations::resolve(w, NOW, Actor::House, old.message.conversation)?;
        let anew = phone.sends(w, None, "line-since-2", "in a new one")?;
        assert_ne!(anew.key, old.key);

        parts(w, gone);
        assert_eq!(phone.reads(w), ["before", "in the old one"]);
        assert_eq!(laptop.reads(w), ["in a new one"]);
        // Whichever of the two did not hear that they had arrived.
        for browser in [&phone, &laptop] {
            for (line, cid) in [(&there, "line-since-1"), (&anew, "line-since-2")] {
                let body = line.message.body.clone();
                let posted = browser.sends(w, None, cid, &body)?;
                assert_eq!((posted.fresh, posted.message.id), (false, line.message.id));
            }
        }
        Ok(())
    })
    .unwrap();
}

/// One who was merged into another, who was merged himself: told apart in either order.
#[test]
fn of_three_each_can_be_told_apart_from_the_others() {
    for outer_first in [true, false] {
        scratch(|w| {
            let site = site(w, "Mugs")?;
            let all = [arrives(w, site)?, arrives(w, site)?, arrives(w, site)?];
            let who = |w: &Writer| all.each_ref().map(|it| it.who(w).0);
            for (n, browser) in all.iter().enumerate() {
                browser.writes(w, &format!("line {n}"));
            }
            let before = owners(w);
            let (first, _) = merges(w, &all[0], &all[1]);
            let (second, _) = merges(w, &all[1], &all[2]);
            assert_eq!(who(w), [3, 3, 3]);
            assert_eq!(visitors::find(w, first)?.merged_into, Some(VisitorId(3)));
            match outer_first {
                true => {
                    parts(w, second);
                    assert_eq!(who(w), [2, 2, 3]);
                    parts(w, first);
                }
                false => {
                    parts(w, first);
                    assert_eq!(who(w), [1, 3, 3]);
                    parts(w, second);
                }
            }
            assert_eq!(who(w), [1, 2, 3]);
            assert_eq!(owners(w), before);
            Ok(())
        })
        .unwrap();
    }
}

#[test]
fn who_came_back_and_went_again_is_nobody_elses() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let all = [arrives(w, site)?, arrives(w, site)?, arrives(w, site)?];
        all[0].writes(w, "mine");
        let (first, _) = merges(w, &all[0], &all[1]);
        let (second, _) = merges(w, &all[1], &all[2]);
        parts(w, first);
        merges(w, &all[0], &all[2]);
        // He did not bring this one's rows any more.
        parts(w, second);
        assert_eq!(all.each_ref().map(|it| it.who(w).0), [3, 2, 3]);
        assert_eq!(all[2].reads(w), ["mine"]);
        parts(w, first);
        assert_eq!(all[0].reads(w), ["mine"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn after_a_month_it_is_too_late_and_what_moved_is_forgotten() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop) = (arrives(w, site)?, arrives(w, site)?);
        phone.writes(w, "hello");
        let (gone, stays) = merges(w, &phone, &laptop);
        let key = gone.to_string();
        let timer = timers::find(w, merging::FORGET, &key)?.unwrap();
        assert_eq!(timer.due_at, NOW + 30 * DAY);
        assert_eq!(merging::undoable_until(w, gone)?, Some(NOW + 30 * DAY));
        let late = merging::part(w, NOW + 30 * DAY, Actor::House, gone);
        assert!(conflicts(late));

        let noted = || -> i64 {
            let count = "select count(*) from visitor_moves";
            w.query_row(count, [], |row| row.get(0)).unwrap()
        };
        assert!(0 < noted());
        merging::forget(w, timer.due_at, &timer)?;
        assert_eq!((noted(), phone.who(w)), (0, stays));

        // Undone in time, nothing is left to forget.
        let third = arrives(w, site)?;
        third.writes(w, "hello again");
        let (gone, _) = merges(w, &third, &laptop);
        merging::part(w, NOW + 30 * DAY - 1, Actor::House, gone)?;
        assert_eq!(noted(), 0);
        assert_eq!(timers::find(w, merging::FORGET, &gone.to_string())?, None);
        assert!(matches!(
            merging::part(w, NOW, Actor::House, gone),
            Err(Error::NotFound(_))
        ));
        Ok(())
    })
    .unwrap();
}

#[test]
fn two_people_are_not_made_one() {
    scratch(|w| {
        let (mugs, plates) = (site(w, "Mugs")?, site(w, "Plates")?);
        let (one, other) = (arrives(w, mugs)?, arrives(w, mugs)?);
        let elsewhere = arrives(w, plates)?;
        let merge = |gone: &Browser, stays: VisitorId| {
            merging::merge(w, NOW, Actor::House, gone.who(w), stays)
        };
        assert!(conflicts(merge(&one, one.who(w))), "himself");
        assert!(conflicts(merge(&one, elsewhere.who(w))), "of another shop");
        let nobody = merge(&one, VisitorId(99));
        assert!(matches!(nobody, Err(Error::NotFound(_))));

        let known = shopbell::contacts::know(w, NOW, one.who(w), "A-1")?;
        assert_eq!(known.contact, ContactId(1));
        assert!(
            conflicts(merge(&one, other.who(w))),
            "whom the shop knows stays"
        );
        let (gone, stays) = merges(w, &other, &one);
        let third = arrives(w, mugs)?;
        assert!(conflicts(merge(&third, gone)), "nobody is there any more");
        let twice = merging::merge(w, NOW, Actor::House, gone, stays);
        assert!(conflicts(twice));
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_agent_makes_one_of_two_only_where_he_sees_them() {
    scratch(|w| {
        let (mugs, plates) = (site(w, "Mugs")?, site(w, "Plates")?);
        let add = |email: &str| {
            let new = NewAgent {
                email: email.to_owned(),
                name: "Bob".to_owned(),
                role: Role::Agent,
                lang: Lang::En,
                password: None,
            };
            accounts::add(w, NOW, new).unwrap()
        };
        let (bob, eve) = (add("bob@mugs.example"), add("eve@mugs.example"));
        team::set_members(w, NOW, Actor::House, mugs, &[bob])?;
        team::set_members(w, NOW, Actor::House, plates, &[eve])?;
        let (one, other) = (arrives(w, mugs)?, arrives(w, mugs)?);
        let (gone, stays) = (one.who(w), other.who(w));

        let merge = |by| merging::merge(w, NOW, Actor::Agent(by), gone, stays);
        assert!(matches!(merge(eve), Err(Error::NotFound(_))));
        assert_eq!(one.who(w), gone);
        merge(bob)?;
        let part = |by| merging::part(w, NOW, Actor::Agent(by), gone);
        assert!(matches!(part(eve), Err(Error::NotFound(_))));
        assert_eq!(one.who(w), stays);
        part(bob)?;
        assert_eq!(one.who(w), gone);
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_is_erased_is_erased_with_all_that_he_was() {
    scratch(|w| {
        let site = site(w, "Mugs")?;
        let (phone, laptop, other) = (arrives(w, site)?, arrives(w, site)?, arrives(w, site)?);
        for browser in [&phone, &laptop] {
            browser.sends(w, None, "the-same-id", "hello")?;
        }
        other.writes(w, "somebody else");
        let (_, stays) = merges(w, &phone, &laptop);
        w.execute("delete from visitors where id = ?1", [stays.0])?;
        let left = owners(w);
        assert!(left.iter().all(|it| it.ends_with(" 3")), "{left:?}");
        assert_eq!(other.reads(w), ["somebody else"]);
        Ok(())
    })
    .unwrap();
}
