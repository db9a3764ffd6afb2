//! Over real sockets: what screens and returning pages make of events they do
//! not know or cannot show, and of those that come while they open.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use actix_web::rt;
use serde_json::Value;
use shopbell::events::Event;
use shopbell::journal;
use shopbell::kernel::{Actor, ConversationId};

use super::{TALK, record_unknown};
use crate::support::{NOW, open_house, open_house_with};

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
        journal::record(w, NOW, Actor::House, conversation, &Event::AgentJoined)?;
        journal::record(w, NOW, Actor::House, conversation, &Event::MessagePosted)
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

    let record = house.db.write("test.record", |w| {
        journal::record(
            w,
            NOW,
            Actor::House,
            TALK,
            &Event::told("test.silent", Value::Null),
        )
    });
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
