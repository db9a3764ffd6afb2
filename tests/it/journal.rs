//! The journal: its followers, what is kept of it, and over real sockets what
//! screens and returning pages make of events they do not know or cannot show.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use actix_web::rt;
use actix_web::rt::task::JoinHandle;
use serde_json::Value;
use shopbell::db::{Db, Reader, Writer};
use shopbell::error::{Error, Result};
use shopbell::events::{Event, Side};
use shopbell::jobs::{self, Job};
use shopbell::journal::{self, Fact, Follower, Start};
use shopbell::kernel::{AgentId, Clock, ConversationId, Seq};

use crate::support::{NOW, Scratch, open_house, open_house_with, soon, until};

const STARTED: Event = Event::MessagePosted {
    conversation: ConversationId(1),
};

fn record(w: &Writer) -> Result<Seq> {
    journal::record(w, NOW, &STARTED)
}

async fn record_many(db: &Db, many: usize) {
    let write = db.write("test.record", move |w| {
        (0..many).try_for_each(|_| record(w).map(|_| ()))
    });
    write.await.unwrap();
}

/// As a newer version would have left it.
async fn record_unknown(db: &Db) {
    let insert = "insert into journal (conversation, at, fact)
                  values (1, 0, '{\"event\":\"conversation_tagged\",\"conversation\":1}')";
    let write = db.write("test.unknown", move |w| Ok(w.execute(insert, [])?));
    write.await.unwrap();
}

fn is_line(it: &Value) -> bool {
    it["op"] == "put" && it["list"].as_str().is_some_and(|it| it.starts_with("log-"))
}

#[actix_web::test]
async fn an_event_that_this_version_does_not_know_stops_no_screen_and_no_returning_page() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("one").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut screen = agent.listens(&conversation).await;
    let (seq, epoch) = agent.position().await.unwrap();

    record_unknown(&house.db).await;
    visitor.writes("two").await;

    let line = screen.next_that(is_line).await;
    assert!(line["html"].as_str().unwrap().contains("two"));
    let at = seq.to_string();
    let back = agent.listens_after(&at, &epoch, &conversation);
    let mut back = back.await.unwrap();
    assert_eq!(back.next().await["t"], "welcome");
    let line = back.next_that(is_line).await;
    assert!(line["html"].as_str().unwrap().contains("two"));
    let mut page = visitor.listens(seq, Some(&epoch)).await;
    assert_eq!(page.next().await["t"], "welcome");
    house.close().await;
}

#[actix_web::test]
async fn a_conversation_that_this_version_cannot_read_stops_no_other_ones_screen() {
    let house = open_house().await;
    let agent = house.owner().await;
    let strange = house.visitor().await.writes("of a newer version").await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("one").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut screen = agent.listens(&conversation).await;

    let key = strange["conversation"].as_str().unwrap().to_owned();
    let write = house.db.write("test.park", move |w| {
        let park = "update conversations set state = 'parked' where key = ?1 returning id";
        let id = w.query_row(park, [key], |row| row.get(0))?;
        let conversation = ConversationId(id);
        journal::record(w, NOW, &Event::AgentJoined { conversation })?;
        journal::record(w, NOW, &Event::MessagePosted { conversation })
    });
    write.await.unwrap();
    record_unknown(&house.db).await;
    visitor.writes("two").await;

    let line = screen.next_that(is_line).await;
    assert!(line["html"].as_str().unwrap().contains("two"));
    house.close().await;
}

#[actix_web::test]
async fn an_event_without_a_line_shows_nothing_and_disturbs_nobody() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("one").await;
    let key = posted["conversation"].as_str().unwrap().to_owned();
    let mut screen = agent.listens(&key).await;

    let event = Event::TranscriptSent {
        conversation: ConversationId(1),
    };
    let record = house
        .db
        .write("test.record", move |w| journal::record(w, NOW, &event));
    let silent = record.await.unwrap().0;
    let posted = visitor.writes("two").await;

    let line = screen.next_that(is_line).await;
    assert_eq!(line["seq"], posted["message"]["id"]);
    assert!(silent < line["seq"].as_i64().unwrap());
    house.close().await;
}

#[actix_web::test]
async fn a_page_that_opens_while_somebody_writes_gets_every_line_and_need_not_reload() {
    let house = open_house_with(&[("visitor-rate", "1000000")]).await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("first").await;
    let key = posted["conversation"].as_str().unwrap().to_owned();
    let done = Rc::new(Cell::new(false));
    let until = Rc::clone(&done);
    let writing = rt::spawn(async move {
        let mut acknowledged = Vec::new();
        while !until.get() {
            let posted = visitor.writes("and another").await;
            acknowledged.push(posted["message"]["id"].as_i64().unwrap());
        }
        acknowledged
    });
    let mut opened = Vec::new();
    for _ in 0..20 {
        let (seq, epoch) = agent.position().await.unwrap();
        let screen = agent.listens_after(&seq.to_string(), &epoch, &key).await;
        let mut screen = screen.unwrap();
        assert_eq!(screen.next().await["t"], "welcome");
        opened.push((seq, screen));
    }
    done.set(true);
    let acknowledged = writing.await.unwrap();
    let newest = *acknowledged.last().unwrap();
    for (seq, mut screen) in opened {
        let new = acknowledged.iter().copied().filter(|id| seq < *id);
        let mut missing: BTreeSet<i64> = new.collect();
        while !missing.is_empty() {
            let line = screen.next_that(is_line).await["seq"].as_i64().unwrap();
            missing.remove(&line);
            let over = line == newest && !missing.is_empty();
            assert!(!over, "never came: {missing:?}");
        }
    }
    house.close().await;
}

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
async fn what_was_missed_is_told_exactly_or_not_at_all() {
    let house = Scratch::new();
    for _ in 0..10 {
        house.db.write("test.record", record).await.unwrap();
    }
    let missed = |from, to| {
        house
            .db
            .read(move |r| journal::missed(r, Seq(from), Seq(to)))
    };
    let seqs: Vec<i64> = missed(4, 8)
        .await
        .unwrap()
        .unwrap()
        .iter()
        .map(|it| it.seq.0)
        .collect();
    assert_eq!(seqs, [5, 6, 7, 8]);
    assert_eq!(missed(8, 8).await.unwrap().map(|it| it.len()), Some(0));
    // A page drawn after a commit whose news has not gone out yet.
    assert_eq!(missed(10, 8).await.unwrap().map(|it| it.len()), Some(0));
    // From the future: positions of another database.
    assert!(missed(11, 10).await.unwrap().is_none());
    let later = NOW + journal::KEPT.as_millis() as i64 + 1;
    house
        .db
        .write("test.prune", move |w| journal::prune(w, later))
        .await
        .unwrap();
    assert!(
        missed(4, 10).await.unwrap().is_none(),
        "it is no longer known"
    );
    assert_eq!(missed(10, 10).await.unwrap().map(|it| it.len()), Some(0));
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
async fn who_has_read_counts_once_towards_what_a_returning_page_is_told() {
    let house = Scratch::new();
    let write = house.db.write("test.record", |w| {
        for up_to in 1..=100 {
            record(w)?;
            for agent in 1..=10 {
                let event = Event::Read {
                    conversation: ConversationId(1),
                    agent: AgentId(agent),
                    up_to: Seq(up_to),
                    answers: agent == 1,
                };
                journal::record(w, NOW, &event)?;
            }
            let event = Event::Seen {
                conversation: ConversationId(1),
                side: Side::Visitor,
                up_to: Seq(up_to),
            };
            journal::record(w, NOW, &event)?;
        }
        journal::position(w)
    });
    let last = write.await.unwrap();
    let all = move |r: &Reader| journal::missed(r, Seq(0), last);
    let of_one = move |r: &Reader| journal::missed_in(r, ConversationId(1), Seq(0), last);
    for missed in [house.db.read(all).await, house.db.read(of_one).await] {
        let missed = missed.unwrap().expect("that is little to tell");
        let is_line = |it: &&Fact| it.event == STARTED;
        assert_eq!(missed.iter().filter(is_line).count(), 100);
        assert!(missed.is_sorted_by_key(|it| it.seq));
        let rest = missed.iter().filter(|it| !is_line(it));
        let newest = |it: &Fact| match it.event {
            Event::Read { up_to, .. } | Event::Seen { up_to, .. } => up_to == Seq(100),
            _ => false,
        };
        assert_eq!(rest.clone().count(), 11, "ten agents and the visitor");
        assert!(rest.clone().all(newest));
    }
    let more = |w: &Writer<'_>| (0..500).try_for_each(|_| record(w).map(|_| ()));
    house.db.write("test.record", more).await.unwrap();
    let all = |r: &Reader| journal::missed(r, Seq(0), journal::position(r)?);
    let missed = house.db.read(all).await.unwrap();
    assert!(missed.is_none(), "too many lines are too many");
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

#[actix_web::test]
async fn only_the_oldest_end_is_forgotten_and_a_wrong_clock_does_not_stop_that() {
    let house = Scratch::new();
    let day = 24 * 3600 * 1000;
    let write = house.db.write("test.prune", move |w| {
        for at in [
            NOW - 9 * day,
            NOW + 900 * day,
            NOW - 8 * day,
            NOW,
            NOW - 8 * day,
        ] {
            journal::record(w, at, &STARTED)?;
        }
        journal::prune(w, NOW)
    });
    assert_eq!(write.await.unwrap(), 3);
    let left = house.db.read(|r| Ok(journal::after(r, Seq(0))?.facts));
    let left: Vec<i64> = left.await.unwrap().iter().map(|it| it.seq.0).collect();
    assert_eq!(left, [4, 5]);
}
