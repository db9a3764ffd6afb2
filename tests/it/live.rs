//! Live screens over real HTTP and WebSocket: who hears what, when, and what
//! somebody who was away gets to hear afterwards.

mod conformance;
mod doors;
mod looking;
mod passing;

use serde_json::Value;
use shopbell::conversations::lists::{self, Filter, List};
use shopbell::kernel::{AgentId, Sight};

use crate::support::{House, open_house};

fn is_put(list: &str) -> impl Fn(&Value) -> bool {
    let list = list.to_owned();
    move |it| it["op"] == "put" && it["list"] == list.as_str()
}

#[actix_web::test]
async fn a_visitors_message_appears_on_an_agents_screen() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut screen = agent.listens("").await;
    let mut visitor = house.visitor().await;

    visitor.writes("is <anyone> there?").await;

    let entry = screen.next_that(is_put("conversations")).await;
    let html = entry["html"].as_str().unwrap();
    assert!(html.contains("is &#60;anyone&#62; there?"), "{html}");
    assert!(html.contains("data-lines=\"1\""), "{html}");
    assert!(html.contains("data-waiting=\"yes\""), "{html}");
    house.close().await;
}

#[actix_web::test]
async fn an_answer_reaches_the_visitor_with_the_agents_name_and_a_note_does_not() {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap();
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut page = visitor.listens(seq, None).await;
    assert_eq!(page.next().await["t"], "welcome");

    agent.joins(conversation).await;
    let note = [
        ("cid", "a-note-1"),
        ("body", "looks like a reseller"),
        ("note", "1"),
    ];
    let noted = agent
        .post(&format!("/inbox/{conversation}/messages"), &note)
        .await;
    assert_eq!(noted.status(), 200);
    agent.answers(conversation, "Good morning!").await;

    let joined = page.next_that(is_put("log")).await;
    assert_eq!(joined["data"]["body"], "Ada joined the chat");
    let answer = page.next_that(is_put("log")).await;
    assert_eq!(answer["data"]["body"], "Good morning!");
    assert_eq!(answer["data"]["name"], "Ada");
    let history = visitor.history().await;
    assert!(!history.to_string().contains("reseller"));
    house.close().await;
}

#[actix_web::test]
async fn a_viewer_gets_every_line_of_his_conversation_and_no_line_of_another() {
    let house = open_house().await;
    let agent = house.owner().await;
    let (mut ann, mut bob) = (house.visitor().await, house.visitor().await);
    let viewed = ann.writes("first of ann").await["conversation"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut screen = agent.listens(&viewed).await;

    bob.writes("first of bob").await;
    ann.writes("second of ann").await;

    let line = screen
        .next_that(|it| it["list"].as_str().unwrap_or_default().starts_with("log-"))
        .await;
    assert!(line["html"].as_str().unwrap().contains("second of ann"));
    house.close().await;
}

#[actix_web::test]
async fn whoever_was_away_gets_exactly_what_he_missed() {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let first = visitor.writes("one").await;
    let conversation = first["conversation"].as_str().unwrap().to_owned();
    agent.joins(&conversation).await;
    agent.answers(&conversation, "two").await;
    let history = visitor.history().await;
    let (seq, epoch) = (
        history["seq"].as_i64().unwrap(),
        history["epoch"].as_str().unwrap(),
    );

    for n in 0..20 {
        agent.answers(&conversation, &format!("missed {n}")).await;
    }
    let mut page = visitor.listens(seq, Some(epoch)).await;
    let welcome = page.next().await;
    assert_eq!(welcome["t"], "welcome");
    let mut bodies = Vec::new();
    while bodies.len() < 20 {
        let item = page.next_that(is_put("log")).await;
        assert!(seq < item["seq"].as_i64().unwrap());
        bodies.push(item["data"]["body"].as_str().unwrap().to_owned());
    }
    let expected: Vec<String> = (0..20).map(|n| format!("missed {n}")).collect();
    assert_eq!(bodies, expected);

    // From here on, live: nothing twice.
    agent.answers(&conversation, "live").await;
    assert_eq!(page.next_that(is_put("log")).await["data"]["body"], "live");
    house.close().await;
}

#[actix_web::test]
async fn an_agents_page_resumes_where_it_was_drawn() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    visitor.writes("before").await;
    let (seq, epoch) = position(&house).await;
    visitor.writes("after").await;
    let mut screen = agent.listens_after(&seq, &epoch, "").await.unwrap();
    assert_eq!(screen.next().await["t"], "welcome");
    let missed = screen.next_that(is_put("conversations")).await;
    assert!(missed["html"].as_str().unwrap().contains("after"));
    house.close().await;
}

async fn position(house: &House) -> (String, String) {
    let read = house.db.read(|r| {
        Ok((
            shopbell::journal::position(r)?,
            shopbell::journal::epoch(r)?,
        ))
    });
    let (seq, epoch) = read.await.unwrap();
    (seq.to_string(), epoch)
}

#[actix_web::test]
async fn who_cannot_resume_is_told_to_reload() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    visitor.writes("hello").await;
    let (seq, epoch) = position(&house).await;

    let mut other_epoch = agent.listens_after(&seq, "another", "").await.unwrap();
    assert_eq!(other_epoch.next().await["t"], "reload");
    let mut future = agent.listens_after("999999", &epoch, "").await.unwrap();
    assert_eq!(future.next().await["t"], "reload");
    let mut page = visitor.listens(1, Some("another")).await;
    assert_eq!(page.next().await["t"], "reload");

    // Too much to send: more than five hundred events.
    let conversation = house.db.read(|r| {
        let nobody = AgentId(99);
        let inbox = List::Inbox(nobody);
        let found = lists::page(r, nobody, &Filter::new(inbox, &Sight::ALL), None)?;
        Ok(found.entries[0].id)
    });
    let conversation = conversation.await.unwrap();
    let mut watching = agent.listens("").await;
    let flood = house.db.write("test.flood", move |w| {
        let house = shopbell::kernel::Actor::House;
        for _ in 0..500 {
            let event = shopbell::events::Event::told("test.flood", Value::Null);
            shopbell::journal::record(w, 0, house, conversation, &event)?;
        }
        let event = shopbell::events::Event::Read {
            agent: AgentId(1),
            up_to: shopbell::kernel::Seq(1),
            answers: false,
        };
        shopbell::journal::record(w, 0, house, conversation, &event)
    });
    flood.await.unwrap();
    let end = position(&house).await.0.parse::<i64>().unwrap();
    watching.next_that(|it| it["seq"] == end).await;
    let mut long_away = agent.listens_after(&seq, &epoch, "").await.unwrap();
    assert_eq!(long_away.next().await["t"], "reload");
    house.close().await;
}
