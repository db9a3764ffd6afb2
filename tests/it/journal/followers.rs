//! Who follows the journal: one effect an event, nobody held up by another.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use actix_web::rt;
use actix_web::rt::task::JoinHandle;
use shopbell::db::{Db, Writer};
use shopbell::error::{Error, Result};
use shopbell::jobs::{self, Job};
use shopbell::journal::{self, Fact, Follower, Start};
use shopbell::kernel::{Clock, Seq};

use super::{record, record_many, record_unknown};
use crate::support::{NOW, Scratch, soon, until};

fn count(w: &Writer, fact: &Fact) -> Result<()> {
    jobs::enqueue(w, NOW, "test.seen", "", &fact.seq).map(|_| ())
}

fn follow(db: &Db, followers: Vec<Follower>) -> JoinHandle<Result<()>> {
    let clock = Clock::stopped_at(NOW);
    rt::spawn(journal::follow(db.clone(), clock, followers.into()))
}

type Reaction = fn(&Writer, &Fact) -> Result<()>;

fn follower(name: &'static str, react: Reaction) -> Follower {
    Follower {
        name,
        start: Start::Past,
        react: Arc::new(react),
    }
}

async fn follow_until<T>(db: &Db, react: Reaction, done: impl AsyncFn() -> Option<T>) -> T {
    let follow = follow(db, vec![follower("test", react)]);
    let mut commits = db.commits();
    let found = soon(async {
        loop {
            if let Some(found) = done().await {
                return found;
            }
            commits.changed().await.unwrap();
        }
    });
    let found = found.await;
    follow.abort();
    let _ = follow.await;
    found
}

async fn open_jobs(db: &Db) -> Vec<Job> {
    db.read(jobs::list_open).await.unwrap()
}

#[actix_web::test]
async fn an_event_becomes_one_effect_even_across_restarts() {
    let house = Scratch::new();
    for round in 1..4 {
        house.db.write("test.record", record).await.unwrap();
        let seen = follow_until(&house.db, count, async || {
            let seen = open_jobs(&house.db).await.len();
            (round <= seen).then_some(seen)
        });
        assert_eq!(seen.await, round);
    }
}

fn poisoned_at_two(w: &Writer, fact: &Fact) -> Result<()> {
    match fact.seq {
        Seq(2) => Err(Error::internal("digesting", "poison")),
        _ => count(w, fact),
    }
}

#[actix_web::test]
async fn a_poison_event_raises_an_alarm_and_waits_to_be_skipped() {
    let house = Scratch::new();
    for _ in 0..3 {
        house.db.write("test.record", record).await.unwrap();
    }
    let stuck = async || {
        let followers = house.db.read(journal::list_followers).await.unwrap();
        followers.into_iter().find(|it| it.stuck_at.is_some())
    };
    let alarm = follow_until(&house.db, poisoned_at_two, stuck).await;
    assert_eq!((alarm.stuck_at, alarm.read_to), (Some(Seq(2)), Seq(1)));
    assert!(alarm.cause.unwrap().contains("poison"));
    assert_eq!(
        open_jobs(&house.db).await.len(),
        1,
        "the first was digested, the third waits"
    );

    house
        .db
        .write("test.skip", |w| journal::skip(w, "test"))
        .await
        .unwrap();
    let both = async || (open_jobs(&house.db).await.len() == 2).then_some(());
    follow_until(&house.db, poisoned_at_two, both).await;
}

#[actix_web::test]
async fn pruning_waits_for_every_follower() {
    let house = Scratch::new();
    house.db.write("test.record", record).await.unwrap();
    let nothing: Reaction = |_, _| Err(Error::internal("digesting", "never"));
    let known = async || {
        let followers = house.db.read(journal::list_followers).await.unwrap();
        followers.into_iter().find(|it| it.stuck_at.is_some())
    };
    follow_until(&house.db, nothing, known).await;
    let later = NOW + journal::KEPT.as_millis() as i64 + 1;
    let pruned = house
        .db
        .write("test.prune", move |w| journal::prune(w, later));
    assert_eq!(pruned.await.unwrap(), 0);
}

async fn until_read(db: &Db, name: &'static str, position: i64) {
    until(db, move |r| {
        let followers = journal::list_followers(r)?;
        let there = followers
            .iter()
            .any(|it| it.name == name && it.read_to == Seq(position));
        Ok(there.then_some(()))
    })
    .await;
}

#[actix_web::test]
async fn a_new_follower_starts_at_the_present_unless_it_asks_for_the_past() {
    let house = Scratch::new();
    record_many(&house.db, 10).await;
    let mut today = follower("today", count);
    today.start = Start::Present;
    let following = follow(&house.db, vec![today]);
    until_read(&house.db, "today", 10).await;
    record_many(&house.db, 1).await;
    until_read(&house.db, "today", 11).await;
    assert_eq!(open_jobs(&house.db).await.len(), 1, "only the new one");
    following.abort();
    let historian = follow(&house.db, vec![follower("historian", count)]);
    until_read(&house.db, "historian", 11).await;
    assert_eq!(open_jobs(&house.db).await.len(), 12);
    historian.abort();
}

#[actix_web::test]
async fn an_event_that_this_version_does_not_know_stops_no_follower() {
    let house = Scratch::new();
    let following = follow(&house.db, vec![follower("test", count)]);
    record_unknown(&house.db).await;
    record_many(&house.db, 1).await;
    until_read(&house.db, "test", 2).await;
    assert_eq!(open_jobs(&house.db).await.len(), 1);
    assert!(!following.is_finished());
    following.abort();
}

#[actix_web::test]
async fn one_stuck_follower_does_not_hold_up_the_others_and_a_panic_is_a_way_to_be_stuck() {
    let house = Scratch::new();
    let panics: Reaction = |_, fact| {
        assert!(fact.seq != Seq(2), "on purpose");
        Ok(())
    };
    record_many(&house.db, 3).await;
    let all = vec![
        follower("panics", panics),
        follower("poisoned", poisoned_at_two),
        follower("sound", |_, _| Ok(())),
    ];
    let following = follow(&house.db, all);
    until_read(&house.db, "sound", 3).await;
    record_many(&house.db, 1).await;
    until_read(&house.db, "sound", 4).await;
    let followers = house.db.read(journal::list_followers).await.unwrap();
    let stuck: Vec<_> = followers.iter().map(|it| it.stuck_at).collect();
    assert_eq!(stuck, [Some(Seq(2)), Some(Seq(2)), None]);
    // Skipped by hand, it goes on at once.
    let skip = house.db.write("test.skip", |w| journal::skip(w, "panics"));
    skip.await.unwrap();
    until_read(&house.db, "panics", 4).await;
    following.abort();
}

#[actix_web::test]
async fn a_follower_that_begins_far_back_does_not_hold_up_the_others() {
    let house = Scratch::new();
    record_many(&house.db, 2000).await;
    let mut today = follower("today", |_, _| Ok(()));
    today.start = Start::Present;
    let order: Reaction = |w, fact| match fact.seq {
        // The newest event is digested while this one is still far back.
        Seq(300) => {
            let others = journal::list_followers(w)?;
            let today = others.iter().find(|it| it.name == "today");
            assert!(today.is_some_and(|it| it.read_to == Seq(2001)));
            Ok(())
        }
        _ => Ok(()),
    };
    let before = follow(&house.db, vec![today.clone()]);
    until_read(&house.db, "today", 2000).await;
    before.abort();
    let _ = before.await;
    record_many(&house.db, 1).await;
    let following = follow(&house.db, vec![today, follower("historian", order)]);
    until_read(&house.db, "historian", 2001).await;
    following.abort();
}

/// How many flushes it takes until everything is read.
async fn flushes_until_read(db: &Db, it: Follower, position: i64) -> u64 {
    let before = *db.commits().borrow();
    let name = it.name;
    let following = follow(db, vec![it]);
    until_read(db, name, position).await;
    following.abort();
    let _ = following.await;
    *db.commits().borrow() - before
}

#[actix_web::test]
async fn whoever_was_stuck_catches_up_in_batches_once_the_event_passes() {
    let house = Scratch::new();
    record_many(&house.db, 2000).await;
    let stuck = async || {
        let followers = house.db.read(journal::list_followers).await.unwrap();
        followers.into_iter().find(|it| it.stuck_at.is_some())
    };
    follow_until(&house.db, poisoned_at_two, stuck).await;
    let cured = follower("test", |_, _| Ok(()));
    let flushes = flushes_until_read(&house.db, cured, 2000).await;
    assert!(flushes < 40, "2000 events took {flushes} flushes");
}

#[actix_web::test]
async fn whoever_fails_for_a_moment_reads_one_by_one_only_what_failed() {
    let house = Scratch::new();
    record_many(&house.db, 2000).await;
    // Once with the whole batch, and once more alone.
    let failures = AtomicU32::new(0);
    let twice = move |_: &Writer<'_>, fact: &Fact| match fact.seq {
        Seq(2) if failures.fetch_add(1, Relaxed) < 2 => {
            Err(Error::internal("digesting", "a bad moment"))
        }
        _ => Ok(()),
    };
    let follower = Follower {
        name: "test",
        start: Start::Past,
        react: Arc::new(twice),
    };
    let flushes = flushes_until_read(&house.db, follower, 2000).await;
    assert!(flushes < 300, "2000 events took {flushes} flushes");
}

#[actix_web::test]
async fn a_follower_that_the_program_no_longer_knows_holds_nothing_and_keeps_its_place() {
    let house = Scratch::new();
    record_many(&house.db, 10).await;
    let kept = house.db.write("test.names", |w| {
        let add = "insert into journal_followers (name, read_to) values (?1, ?2)";
        w.execute(add, ("vanished", 3))?;
        w.execute(add, ("known", 8))?;
        journal::retire_all_but(w, NOW, &["known"])?;
        journal::prune(w, NOW + journal::KEPT.as_millis() as i64 + 1)
    });
    assert_eq!(kept.await.unwrap(), 8, "all that the known one has read");
    let names = house.db.read(journal::list_followers).await.unwrap();
    assert_eq!(names.len(), 1, "the page shows who follows");
    let back = follow(&house.db, vec![follower("vanished", count)]);
    until_read(&house.db, "vanished", 10).await;
    assert_eq!(open_jobs(&house.db).await.len(), 2, "what is left of it");
    back.abort();
}
