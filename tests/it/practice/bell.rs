//! What it does by itself: it whistles when its time comes, and has itself polished
//! after it was scorched.

use std::sync::Arc;

use serde_json::{Value, json};
use shopbell::conversations::Windows;
use shopbell::db::{Reader, Writer};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::journal::{self, Fact, Follower, Start};
use shopbell::kernel::{Actor, ConversationId, Seq, Subject, Timestamp};
use shopbell::timers::{self, Timer};
use shopbell::web::Kit;
use shopbell::{conversations, jobs};

use super::hall::WHISTLED;
use super::live::said;
use super::{house, wing};
use crate::support::{House, NOW, until};

pub const WHISTLE: &str = "kettle.whistle";
const POLISH: &str = "kettle.polish";
const MINUTE: i64 = 60_000;

/// It whistles so many times, a minute apart.
pub fn boil(w: &Writer, now: Timestamp, talk: ConversationId, times: i64) -> Result<()> {
    timers::set(w, WHISTLE, &talk.to_string(), now + MINUTE, &times)
}

pub fn whistle(w: &Writer, now: Timestamp, timer: &Timer) -> Result<()> {
    let talk: Result<i64, _> = timer.key.parse();
    let talk = ConversationId(talk.map_err(|e| Error::internal("whistling", e))?);
    let times: Result<i64, _> = serde_json::from_str(&timer.data);
    let times = times.map_err(|e| Error::internal("whistling", e))?;
    conversations::leave_line(w, now, Actor::House, talk, &WHISTLED, Value::Null)?;
    match times {
        ..=1 => Ok(()),
        _ => boil(w, now, talk, times - 1),
    }
}

pub fn polishes() -> Follower {
    Follower {
        name: "kettle",
        start: Start::Present,
        react: Arc::new(
            |w: &Writer, fact: &Fact| match said(fact, "kettle.scorched") {
                true => jobs::enqueue(w, fact.at, POLISH, "the kettle", &fact.seq).map(|_| ()),
                false => Ok(()),
            },
        ),
    }
}

pub fn add(kinds: &mut jobs::Kinds, kit: &Kit, _: &Arc<Windows>) {
    let (db, clock) = (kit.db.clone(), kit.clock.clone());
    let work = move |_: jobs::Job| {
        let (db, now) = (db.clone(), clock.now());
        let polish = async move {
            let polish = db.write("kettle.polish", move |w| {
                let event = Event::told("kettle.polished", json!({ "kettle": 7 }));
                journal::record(w, now, Actor::House, Subject::House, &event)
            });
            let polished = polish.await;
            polished
                .map(|_| ())
                .map_err(|e| jobs::Trouble::Later(e.to_string()))
        };
        Box::pin(polish) as jobs::Work
    };
    let kind = jobs::JobKind {
        lane: "kettle",
        at_once: 1,
        limit: std::time::Duration::from_secs(10),
        run: Box::new(work),
    };
    kinds.insert(POLISH, kind);
}

/// Time passes, and the runner hears of it.
async fn pass_a_minute(house: &House) {
    house.clock.advance(MINUTE);
    let wake = house.db.write("test.wake", |w| {
        w.leave_work();
        Ok(())
    });
    wake.await.unwrap();
}

fn whistles(r: &Reader) -> Result<usize> {
    let changes = conversations::list_changes(r, ConversationId(1))?;
    let deeds = changes.iter().filter_map(|it| it.deed.as_ref());
    Ok(deeds.filter(|it| it.word == WHISTLED.word).count())
}

async fn until_it_whistled(house: &House, times: usize) {
    let enough = move |r: &Reader| Ok((whistles(r)? == times).then_some(()));
    until(&house.db, enough).await;
}

async fn set_for(house: &House) -> Option<Timestamp> {
    let find = |r: &Reader| timers::find(r, WHISTLE, "1");
    house.db.read(find).await.unwrap().map(|it| it.due_at)
}

async fn boiling(house: &House) {
    let posted = house.visitor().await.writes("hello").await;
    let key = posted["conversation"].as_str().unwrap();
    let boil = house.owner().await;
    let boil = boil.post(&format!("/kettle/{key}/boil"), &[]).await;
    assert_eq!(boil.status(), 303);
}

#[actix_web::test]
async fn a_wings_timer_rings_when_its_time_comes_and_sets_itself_again() {
    let house = house().await;
    boiling(&house).await;
    assert_eq!(set_for(&house).await, Some(NOW + MINUTE));
    assert_eq!(house.db.read(whistles).await.unwrap(), 0);
    pass_a_minute(&house).await;
    until_it_whistled(&house, 1).await;
    assert_eq!(set_for(&house).await, Some(NOW + 2 * MINUTE));
    pass_a_minute(&house).await;
    until_it_whistled(&house, 2).await;
    assert_eq!(set_for(&house).await, None);
    house.close().await;
}

#[actix_web::test]
async fn a_wings_timer_survives_a_restart_and_its_line_is_read_in_the_readers_language() {
    let house = house().await;
    boiling(&house).await;
    let clock = house.clock.clone();
    let home = house.stop().await;
    clock.advance(MINUTE);
    let house = House::build(home, clock, &[], vec![wing()]).await;
    until_it_whistled(&house, 1).await;
    assert_eq!(set_for(&house).await, Some(NOW + 2 * MINUTE));
    let owner = house.owner().await;
    let french = [("name", "Ada"), ("lang", "fr")];
    assert_eq!(owner.post("/me/profile", &french).await.status(), 303);
    let inbox = owner.sees("/inbox").await;
    let key = crate::support::between(&inbox, "href=\"/inbox/", "\"").unwrap();
    let page = owner.sees(&format!("/inbox/{key}")).await;
    assert!(page.contains("La bouilloire siffle"), "{page}");
    house.close().await;
}

#[actix_web::test]
async fn a_wing_follows_the_journal_and_has_work_done() {
    let house = house().await;
    let scorch = house.db.write("kettle.scorch", |w| {
        let event = Event::told("kettle.scorched", Value::Null);
        journal::record(w, NOW, Actor::House, Subject::House, &event)
    });
    scorch.await.unwrap();
    until(&house.db, |r| {
        let facts = journal::after(r, Seq(0))?.facts;
        Ok(facts
            .iter()
            .find(|it| said(it, "kettle.polished"))
            .map(|_| ()))
    })
    .await;
    until(&house.db, |r| {
        Ok(jobs::list_open(r)?.is_empty().then_some(()))
    })
    .await;
    house.close().await;
}
