//! Its news: items on a topic of its own, an entry and a panel of the hall, a line.

use serde_json::{Value, json};
use shopbell::conversations::{self, news as hall};
use shopbell::db::{Db, Reader, Writer};
use shopbell::error::Result;
use shopbell::events::Event;
use shopbell::hub::{Audience, Topic};
use shopbell::journal::{self, Fact};
use shopbell::kernel::{Actor, AgentId, ConversationId, Seq, Subject};
use shopbell::live::{At, Batch, Watch};

use super::hall::LEFT;
use super::house;
use crate::support::{House, NOW, Screen};

/// Which kettle agents may look at; there is another one.
pub const KETTLE: i64 = 7;

pub const WATCH: Watch = Watch {
    kind: "kettle",
    may: |_, by, id| Ok(id == KETTLE && matches!(by, Actor::Agent(_))),
};

pub fn draw(_: &Reader, fact: &Fact, batch: &mut Batch) -> Result<()> {
    let Event::Told { word, data } = &fact.event else {
        return Ok(());
    };
    if word == "kettle.hung"
        && let Subject::Conversation(id) = fact.subject
    {
        hall::row(batch, id, fact.seq);
        hall::panel(batch, id, fact.seq);
        return Ok(());
    }
    let kettle = data["kettle"].as_i64().unwrap_or_default();
    let topic = Topic::new("kettle", kettle);
    if !batch.is_watched(topic) {
        return Ok(());
    }
    let everybody = Audience::of(topic);
    let at = |id| At {
        seq: fact.seq,
        list: "kettle",
        id,
        key: "",
    };
    match word.as_str() {
        "kettle.boiled" => {
            for lang in batch.languages() {
                let html = format!("<p lang=\"{}\"><a href=\"/tea\">tea</a></p>", lang.code());
                batch.put(everybody.reading(*lang), at("water"), &html);
            }
            batch.once("kettle.count", kettle, fact.seq, draw_count);
        }
        "kettle.emptied" => batch.remove(everybody, at("water")),
        _ => (),
    }
    Ok(())
}

/// How often it has boiled; drawn once however often it did.
fn draw_count(r: &Reader, kettle: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    let facts = journal::after(r, Seq(0))?.facts;
    let boiled = facts.iter().filter(|it| said(it, "kettle.boiled")).count();
    let at = At {
        seq,
        list: "kettle",
        id: "count",
        key: "",
    };
    batch.text(Audience::of(Topic::new("kettle", kettle)), at, boiled);
    Ok(())
}

pub fn said(fact: &Fact, expected: &str) -> bool {
    matches!(&fact.event, Event::Told { word, .. } if word == expected)
}

/// In one transaction, so that live screens read them at once.
pub async fn tell(db: &Db, kettle: i64, words: &'static [&'static str]) {
    let write = db.write("kettle.tell", move |w: &Writer| {
        words.iter().try_for_each(|word| {
            let event = Event::told(word, json!({ "kettle": kettle }));
            journal::record(w, NOW, Actor::House, Subject::House, &event).map(|_| ())
        })
    });
    write.await.unwrap();
}

fn is_kettles(item: &Value) -> bool {
    item["list"] == "kettle"
}

async fn looks_at(house: &House, kettle: i64) -> Result<Screen, u16> {
    let agent = house.owner().await;
    let (seq, epoch) = agent.position().await.unwrap();
    let view = format!("&topics=kettle-{kettle}");
    agent.listens_after(&seq.to_string(), &epoch, &view).await
}

#[actix_web::test]
async fn a_wings_own_news_is_put_set_and_taken_away_on_a_topic_of_its_own() {
    let house = house().await;
    let mut screen = looks_at(&house, KETTLE).await.unwrap();
    tell(&house.db, 8, &["kettle.boiled"]).await;
    tell(&house.db, KETTLE, &["kettle.boiled", "kettle.boiled"]).await;

    let put = screen.next_that(is_kettles).await;
    assert_eq!((&put["op"], &put["id"]), (&json!("put"), &json!("water")));
    assert!(put["html"].as_str().unwrap().contains("lang=\"en\""));
    assert_eq!(screen.next_that(is_kettles).await["op"], "put");
    let count = screen.next_that(is_kettles).await;
    assert_eq!((&count["op"], &count["data"]), (&json!("text"), &json!(3)));

    tell(&house.db, KETTLE, &["kettle.emptied"]).await;
    // The count is told once: what comes next is this.
    let gone = screen.next_that(is_kettles).await;
    assert_eq!(
        (&gone["op"], &gone["id"]),
        (&json!("remove"), &json!("water"))
    );
    house.close().await;
}

#[actix_web::test]
async fn who_does_not_listen_to_a_wings_topic_hears_nothing_of_it() {
    let house = house().await;
    let mut elsewhere = house.owner().await.listens("").await;
    let mut screen = looks_at(&house, KETTLE).await.unwrap();
    tell(&house.db, KETTLE, &["kettle.boiled"]).await;
    screen.next_that(is_kettles).await;
    house.visitor().await.writes("hello").await;
    let first = elsewhere.next().await;
    assert_eq!(first["list"], "conversations", "{first}");
    house.close().await;
}

#[actix_web::test]
async fn whoever_may_not_listen_to_a_topic_finds_none_and_nor_does_anybody_to_an_unknown_one() {
    let house = house().await;
    assert_eq!(looks_at(&house, 8).await.err(), Some(404));
    let agent = house.owner().await;
    for name in ["teapot-7", "kettle", "kettle-x", "lists-0"] {
        let view = format!("&topics={name}");
        let refused = agent.listens_after("0", "", &view).await;
        assert_eq!(refused.err(), Some(404), "{name}");
    }
    house.close().await;
}

#[actix_web::test]
async fn a_page_that_comes_back_is_told_what_a_wing_said_meanwhile() {
    let house = house().await;
    let agent = house.owner().await;
    let (seq, epoch) = agent.position().await.unwrap();
    let mut earlier = looks_at(&house, KETTLE).await.unwrap();
    tell(&house.db, KETTLE, &["kettle.boiled", "kettle.emptied"]).await;
    // Whoever comes before the news has gone out gets it with the others.
    let gone = |it: &Value| is_kettles(it) && it["op"] == "remove";
    earlier.next_that(gone).await;
    let view = format!("&topics=kettle-{KETTLE}");
    let back = agent.listens_after(&seq.to_string(), &epoch, &view).await;
    let mut back = back.unwrap();
    let welcome = back.next().await;
    assert_eq!(
        (&welcome["t"], &welcome["missed"]),
        (&json!("welcome"), &json!(3))
    );
    let mut ops = Vec::new();
    for _ in 0..3 {
        ops.push(back.next().await["op"].as_str().unwrap().to_owned());
    }
    assert_eq!(ops, ["put", "text", "remove"]);
    house.close().await;
}

#[actix_web::test]
async fn a_wing_has_an_entry_of_the_lists_drawn_afresh() {
    let house = house().await;
    let posted = house.visitor().await.writes("hello").await;
    let mut screen = house.owner().await.listens("").await;
    let tell = house.db.write("kettle.hang", |w| {
        let event = Event::told("kettle.hung", Value::Null);
        journal::record(w, NOW, Actor::House, ConversationId(1), &event)
    });
    let seq = tell.await.unwrap();
    let row = screen.next_that(|it| it["list"] == "conversations").await;
    assert_eq!(row["seq"], seq.0);
    let key = posted["conversation"].as_str().unwrap();
    assert!(row["html"].as_str().unwrap().contains(key));
    assert_eq!(row["data"], Value::Null, "nobody wrote, so nothing rings");
    house.close().await;
}

#[actix_web::test]
async fn a_wings_line_stands_on_open_screens_in_the_wings_own_words() {
    let house = house().await;
    let posted = house.visitor().await.writes("hello").await;
    let key = posted["conversation"].as_str().unwrap();
    let mut screen = house.owner().await.listens(key).await;
    let leave = house.db.write("kettle.leave", |w| {
        let (by, talk) = (Actor::Agent(AgentId(1)), ConversationId(1));
        conversations::leave_line(w, NOW, by, talk, &LEFT, json!({ "fire": "stove" }))
    });
    leave.await.unwrap();
    let line = screen.next_that(|it| it["list"] == format!("log-{key}"));
    let html = line.await["html"].as_str().unwrap().to_owned();
    assert!(html.contains("Ada left the kettle on the stove"), "{html}");
    house.close().await;
}
