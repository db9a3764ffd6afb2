//! What is said in passing, and how far each side has come: typing, ticks, states.

use serde_json::{Value, json};
use shopbell::accounts::Role;

use crate::support::open_house;

#[actix_web::test]
async fn what_a_visitor_types_is_seen_before_it_is_sent_unless_the_site_says_no() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut screen = agent.listens("").await;
    let typing = json!({ "t": "typing", "on": true, "text": "half a tho" }).to_string();

    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    page.say(&typing).await;
    let seen = screen.next_that(|it| it["op"] == "typing").await;
    assert_eq!(
        (&seen["who"], &seen["text"]),
        (&json!("visitor"), &json!("half a tho"))
    );

    house.changes_site(|look| look.strict_privacy = true).await;
    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    page.say(&typing).await;
    let seen = screen.next_that(|it| it["op"] == "typing").await;
    assert_eq!((&seen["on"], &seen["text"]), (&json!(true), &Value::Null));
    house.close().await;
}

#[actix_web::test]
async fn the_visitor_sees_that_an_agent_types() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut page = visitor
        .listens(posted["message"]["id"].as_i64().unwrap(), None)
        .await;
    page.next().await;
    agent.joins(&conversation).await;
    let mut screen = agent.listens(&conversation).await;
    screen
        .say(&json!({ "t": "typing", "conversation": conversation, "on": true }).to_string())
        .await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(
        (&typing["name"], &typing["on"]),
        (&json!("Ada"), &json!(true))
    );
    house.close().await;
}

#[actix_web::test]
async fn typing_reaches_the_visitor_from_whoever_has_joined_and_from_nobody_else() {
    let house = open_house().await;
    house
        .add_agent("ben@mugs.example", "Ben", Role::Agent)
        .await;
    let (ada, ben) = (house.owner().await, house.agent("ben@mugs.example").await);
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    let (mut of_ada, mut of_ben) = (
        ada.listens(&conversation).await,
        ben.listens(&conversation).await,
    );
    let types = json!({ "t": "typing", "conversation": conversation, "on": true }).to_string();
    let joined = |it: &Value| it["list"] == format!("header-{conversation}");
    let colleague = |it: &Value| it["op"] == "typing" && it["who"] == "agent";

    // Nobody has joined. A colleague hears of it, so the house has got it.
    of_ben.say(&types).await;
    of_ada.next_that(colleague).await;
    // Ada joins while her page is open: the page need not come anew.
    ada.joins(&conversation).await;
    of_ada.next_that(joined).await;
    of_ben.next_that(joined).await;
    of_ben.say(&types).await;
    of_ada.next_that(colleague).await;
    of_ada.say(&types).await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(typing["name"], "Ada");
    of_ben.next_that(colleague).await;

    // Ben comes to help: both are in the chat.
    ben.joins(&conversation).await;
    of_ben.next_that(joined).await;
    of_ada.next_that(joined).await;
    of_ben.say(&types).await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(typing["name"], "Ben");
    of_ada.next_that(colleague).await;
    of_ada.say(&types).await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(typing["name"], "Ada");
    of_ben.next_that(colleague).await;

    // Ada leaves: from now on it is Ben alone.
    ada.post(&format!("/inbox/{conversation}/leave"), &[]).await;
    of_ben.next_that(joined).await;
    of_ada.next_that(joined).await;
    of_ada.say(&types).await;
    of_ben.next_that(colleague).await;
    of_ben.say(&types).await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(typing["name"], "Ben");
    house.close().await;
}

#[actix_web::test]
async fn ticks_tell_each_side_how_far_the_other_has_read() {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let seq = posted["message"]["id"].as_i64().unwrap();
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    let mut screen = agent.listens(&conversation).await;

    agent.joins(&conversation).await;
    let path = format!("/inbox/{conversation}/seen");
    agent.post(&path, &[("upto", &seq.to_string())]).await;
    let seen = page.next_that(|it| it["list"] == "seen").await;
    assert_eq!(
        (&seen["id"], &seen["data"]),
        (&json!("agents"), &json!(seq.to_string()))
    );

    let answer = agent.answers(&conversation, "hi").await;
    let id = answer["seq"].as_i64().unwrap();
    let marked = visitor
        .post("/w/v1/seen", &json!({ "upto": id }))
        .send()
        .await
        .unwrap();
    assert_eq!(marked.status(), 204);
    let seen = screen.next_that(|it| it["id"] == "visitor").await;
    assert_eq!(seen["data"], id.to_string());
    house.close().await;
}

#[actix_web::test]
async fn resolving_closes_and_a_further_line_begins_anew() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut page = visitor
        .listens(posted["message"]["id"].as_i64().unwrap(), None)
        .await;
    page.next().await;
    agent
        .post(&format!("/inbox/{conversation}/resolve"), &[])
        .await;
    let state = page.next_that(|it| it["list"] == "state").await;
    assert_eq!(state["data"], "resolved");
    assert_eq!(visitor.history().await["state"], "resolved");

    let again = visitor.writes("one more thing").await;
    assert_ne!(again["conversation"], conversation.as_str());
    let line = page.next_that(|it| it["data"]["from"] == "visitor").await;
    assert_eq!(line["data"]["conversation"], again["conversation"]);
    assert_eq!(visitor.history().await["state"], "open");
    house.close().await;
}
