//! The journal: what is kept of it, and what somebody who was away is told.

mod followers;
mod screens;

use serde_json::json;
use shopbell::db::{Db, Reader, Writer};
use shopbell::error::Result;
use shopbell::events::{Event, Side};
use shopbell::journal::{self, Fact};
use shopbell::kernel::{Actor, AgentId, BotId, ConversationId, Seq, SiteId, Subject, VisitorId};

use crate::support::{NOW, Scratch, open_house};

const POSTED: Event = Event::MessagePosted;
const TALK: ConversationId = ConversationId(1);

fn record(w: &Writer) -> Result<Seq> {
    journal::record(w, NOW, Actor::House, TALK, &POSTED)
}

async fn record_many(db: &Db, many: usize) {
    let write = db.write("test.record", move |w| {
        (0..many).try_for_each(|_| record(w).map(|_| ()))
    });
    write.await.unwrap();
}

/// As a newer version would have left it.
async fn record_unknown(db: &Db) {
    let insert = "insert into journal (subject, at, fact)
                  values (1, 0, '{\"event\":\"conversation_tagged\",\"conversation\":1}')";
    let write = db.write("test.unknown", move |w| Ok(w.execute(insert, [])?));
    write.await.unwrap();
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
async fn who_has_read_counts_once_towards_what_a_returning_page_is_told() {
    let house = Scratch::new();
    let write = house.db.write("test.record", |w| {
        for up_to in 1..=100 {
            record(w)?;
            for agent in 1..=10 {
                let event = Event::Read {
                    agent: AgentId(agent),
                    up_to: Seq(up_to),
                    answers: agent == 1,
                };
                journal::record(w, NOW, Actor::Agent(AgentId(agent)), TALK, &event)?;
            }
            let event = Event::Seen {
                side: Side::Visitor,
                up_to: Seq(up_to),
            };
            journal::record(w, NOW, Actor::Visitor(VisitorId(1)), TALK, &event)?;
        }
        journal::position(w)
    });
    let last = write.await.unwrap();
    let all = move |r: &Reader| journal::missed(r, Seq(0), last);
    let of_one = move |r: &Reader| journal::missed_about(r, &[TALK.into()], Seq(0), last);
    for missed in [house.db.read(all).await, house.db.read(of_one).await] {
        let missed = missed.unwrap().expect("that is little to tell");
        let is_line = |it: &&Fact| it.event == POSTED;
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
            journal::record(w, at, Actor::House, TALK, &POSTED)?;
        }
        journal::prune(w, NOW)
    });
    assert_eq!(write.await.unwrap(), 3);
    let left = house.db.read(|r| Ok(journal::after(r, Seq(0))?.facts));
    let left: Vec<i64> = left.await.unwrap().iter().map(|it| it.seq.0).collect();
    assert_eq!(left, [4, 5]);
}

#[actix_web::test]
async fn a_fact_says_who_did_what_to_whom_also_in_a_wings_own_words() {
    let house = Scratch::new();
    let told = Event::told("kettle.boiled", json!({ "litres": 2 }));
    let event = told.clone();
    let write = house.db.write("test.tell", move |w| {
        let by = Actor::Bot(BotId(3));
        journal::record(w, NOW, by, SiteId(7), &event)?;
        journal::record(w, NOW, Actor::House, Subject::House, &event)?;
        let large = Event::told("kettle.boiled", json!("x".repeat(5000)));
        Ok(journal::record(w, NOW, by, TALK, &large).is_err())
    });
    assert!(write.await.unwrap(), "what is too large is refused");
    let read = house.db.read(|r| {
        let about = [Subject::Site(SiteId(7)), Subject::House];
        let of_two = journal::missed_about(r, &about, Seq(0), Seq(9))?;
        Ok((journal::after(r, Seq(0))?.facts, of_two.unwrap()))
    });
    let (all, of_two) = read.await.unwrap();
    assert_eq!(all, of_two);
    assert_eq!(all.len(), 2);
    let first = &all[0];
    assert_eq!((first.by, &first.event), (Actor::Bot(BotId(3)), &told));
    assert_eq!(first.subject, Subject::Site(SiteId(7)));
    assert_eq!(all[1].subject, Subject::House);
}

#[actix_web::test]
async fn what_is_done_is_recorded_with_who_did_it() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    agent.joins(posted["conversation"].as_str().unwrap()).await;
    let profile = [("name", "Ada L."), ("lang", "fr")];
    assert_eq!(agent.post("/me/profile", &profile).await.status(), 303);

    let facts = house.db.read(|r| Ok(journal::after(r, Seq(0))?.facts));
    let (ada, ann) = (AgentId(1), VisitorId(1));
    let told: Vec<(Actor, Subject, Event)> = facts
        .await
        .unwrap()
        .into_iter()
        .map(|it| (it.by, it.subject, it.event))
        .collect();
    let to = Some(ada);
    assert_eq!(
        told,
        [
            (Actor::Visitor(ann), TALK.into(), Event::ConversationStarted),
            (Actor::Visitor(ann), TALK.into(), Event::MessagePosted),
            (Actor::Agent(ada), TALK.into(), Event::Assigned { to }),
            (Actor::Agent(ada), TALK.into(), Event::AgentJoined),
            (Actor::Agent(ada), ada.into(), Event::AgentChanged),
        ]
    );
    house.close().await;
}

#[actix_web::test]
async fn however_often_a_site_was_changed_whoever_comes_back_is_told_once() {
    let house = Scratch::new();
    let write = house.db.write("test.change", |w| {
        for _ in 0..600 {
            journal::record(w, NOW, Actor::House, SiteId(7), &Event::SiteChanged)?;
        }
        journal::record(w, NOW, Actor::House, SiteId(8), &Event::SiteChanged)
    });
    let last = write.await.unwrap();
    let missed = house.db.read(move |r| journal::missed(r, Seq(0), last));
    let missed = missed.await.unwrap().expect("that is little to tell");
    let seqs: Vec<i64> = missed.iter().map(|it| it.seq.0).collect();
    assert_eq!(seqs, [600, 601]);
}
