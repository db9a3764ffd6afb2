//! Which of his conversations a visitor is in: what begins one, what goes on in
//! one, and what several that are open at once do to one another.

use reqwest::Method;
use serde_json::{Value, json};
use shopbell::conversations::{self, NewMessage};
use shopbell::kernel::{Actor, Token};
use shopbell::visitors;

use super::{does, key, seq};
use crate::support::{VisitorPage, between, open_house};

/// Writes as the script of today does, which names what is open on the screen.
async fn writes_in(visitor: &VisitorPage, conversation: &str, body: &str) -> Value {
    let cid = format!("line-{}", body.replace([' ', '?'], "-"));
    let line = json!({ "cid": cid, "body": body, "conversation": conversation });
    let answer = visitor.post("/w/v1/messages", &line).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

async fn back(visitor: &VisitorPage, query: &str) -> Value {
    let path = format!("/w/v1/history?{query}");
    let answer = visitor.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// The visitor's own lines on a page of history, each with its conversation.
fn own(history: &Value) -> Vec<(String, String)> {
    let lines = history["messages"].as_array().unwrap().iter();
    let own = lines.filter(|it| it["from"] == "visitor");
    let pair = |it: &Value| {
        let text = |name: &str| it[name].as_str().unwrap().to_owned();
        (text("body"), text("conversation"))
    };
    own.map(pair).collect()
}

#[actix_web::test]
async fn what_is_written_after_a_resolved_conversation_begins_a_new_one() {
    let house = open_house().await;
    let ada = house.owner().await;
    let mut visitor = house.visitor().await;
    let first = key(&visitor.writes("hello").await);
    assert_eq!(key(&visitor.writes("are you there?").await), first);
    does(&ada, &first, "resolve").await;

    let posted = visitor.writes("something else").await;
    let second = key(&posted);
    assert_ne!(second, first);
    assert_eq!(
        (&posted["started"], &posted["reopened"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(posted["message"]["conversation"], second.as_str());
    let more = visitor.writes("and one more").await;
    assert_eq!(
        (key(&more), &more["started"]),
        (second.clone(), &json!(false))
    );

    // Nobody answers in it yet, and the old one stays as it was.
    let page = ada.sees(&format!("/inbox/{second}")).await;
    assert!(page.contains("Nobody has joined yet"));
    let page = ada.sees(&format!("/inbox/{first}")).await;
    assert!(page.contains("data-state=\"resolved\""));
    house.close().await;
}

#[actix_web::test]
async fn a_visitor_who_ends_it_himself_begins_anew_too() {
    let house = open_house().await;
    let mut visitor = house.visitor().await;
    let first = key(&visitor.writes("hello").await);
    let end = json!({ "conversation": first });
    let ended = visitor.post("/w/v1/end", &end).send().await.unwrap();
    assert_eq!(ended.status(), 204);
    assert_ne!(key(&visitor.writes("hello again").await), first);
    house.close().await;
}

#[actix_web::test]
async fn a_line_that_is_sent_again_is_found_in_the_conversation_it_went_to() {
    let house = open_house().await;
    let ada = house.owner().await;
    let visitor = house.visitor().await;
    let sent: Value = visitor
        .send("a-line-1", "hello")
        .await
        .json()
        .await
        .unwrap();
    does(&ada, &key(&sent), "resolve").await;
    let later: Value = visitor.send("a-line-2", "more").await.json().await.unwrap();
    assert_ne!(key(&later), key(&sent));

    // He never heard of it; whatever is open now, it is there already.
    let again = visitor.send("a-line-1", "hello").await;
    assert_eq!(again.status(), 200);
    let again: Value = again.json().await.unwrap();
    assert_eq!((key(&again), seq(&again)), (key(&sent), seq(&sent)));
    assert_eq!(
        again["started"], true,
        "it began that one, whenever he hears of it"
    );
    let other = visitor.send("a-line-1", "other words").await;
    assert_eq!(other.status(), 409);
    assert_eq!(own(&visitor.history().await).len(), 2);
    house.close().await;
}

#[actix_web::test]
async fn a_line_that_crosses_with_the_resolving_opens_it_again() {
    let house = open_house().await;
    let ada = house.owner().await;
    let mut visitor = house.visitor().await;
    let first = key(&visitor.writes("hello").await);
    does(&ada, &first, "resolve").await;
    // It was still open on his screen.
    let posted = writes_in(&visitor, &first, "one moment").await;
    assert_eq!(
        (key(&posted), &posted["reopened"]),
        (first.clone(), &json!(true))
    );
    // The agent's undo comes too late to change anything.
    does(&ada, &first, "reopen").await;
    assert_eq!(visitor.history().await["state"], "open");
    house.close().await;
}

#[actix_web::test]
async fn the_name_of_anothers_conversation_opens_nothing() {
    let house = open_house().await;
    let (mut visitor, mut other) = (house.visitor().await, house.visitor().await);
    let mine = key(&visitor.writes("mine").await);
    let theirs = key(&other.writes("theirs").await);

    // What he wrote is not lost; it goes where it would have gone without a name.
    assert_eq!(key(&writes_in(&visitor, &theirs, "to whom?").await), mine);
    assert_eq!(own(&other.history().await).len(), 1);
    for (path, body) in [
        ("/w/v1/seen", json!({ "upto": 1, "conversation": theirs })),
        ("/w/v1/end", json!({ "conversation": theirs })),
    ] {
        let refused = visitor.post(path, &body).send().await.unwrap();
        assert_eq!(refused.status(), 404, "{path}");
    }
    let path = format!("/w/v1/history?conversation={theirs}");
    let refused = visitor.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(refused.status(), 404);
    assert_eq!(
        back(&visitor, &format!("conversation={mine}")).await["state"],
        "open"
    );
    house.close().await;
}

#[actix_web::test]
async fn an_earlier_one_that_an_agent_reopens_stays_apart_from_the_one_that_goes_on() {
    let house = open_house().await;
    let mut ada = house.owner().await;
    let mut visitor = house.visitor().await;
    let first = key(&visitor.writes("first").await);
    ada.joins(&first).await;
    does(&ada, &first, "resolve").await;
    // The undo, a moment after he has written again.
    let second = key(&visitor.writes("second").await);
    does(&ada, &first, "reopen").await;
    let history = visitor.history().await;
    assert_eq!(history["conversation"], second.as_str());
    let mut page = visitor
        .listens(history["seq"].as_i64().unwrap(), None)
        .await;
    assert_eq!(page.next().await["t"], "welcome");

    // What the agent writes there is told as what it is.
    let answer = ada.answers(&first, "about the first").await;
    let line = page.next_that(|it| it["list"] == "log").await;
    assert_eq!(line["data"]["conversation"], first.as_str());
    let upto = answer["seq"].as_i64().unwrap();
    let seen = json!({ "upto": upto, "conversation": first });
    let marked = visitor.post("/w/v1/seen", &seen).send().await.unwrap();
    assert_eq!(marked.status(), 204);
    let told = page.next_that(|it| it["list"] == "seen").await;
    assert_eq!(
        (&told["key"], &told["data"]),
        (&json!(first), &json!(upto.to_string()))
    );

    // Each line goes where it was written; without a name, to the newest.
    assert_eq!(
        key(&writes_in(&visitor, &first, "to the first").await),
        first
    );
    assert_eq!(
        key(&writes_in(&visitor, &second, "to the second").await),
        second
    );
    assert_eq!(key(&visitor.writes("to whichever").await), second);
    does(&ada, &second, "resolve").await;
    let state = page.next_that(|it| it["list"] == "state").await;
    assert_eq!(
        (&state["key"], &state["data"]),
        (&json!(second), &json!("resolved"))
    );
    assert_eq!(key(&visitor.writes("to what is open").await), first);

    let told = own(&visitor.history().await);
    let words: Vec<&str> = told.iter().map(|(body, _)| body.as_str()).collect();
    let expected = [
        "first",
        "to the first",
        "to what is open",
        "second",
        "to the second",
        "to whichever",
    ];
    assert_eq!(words, expected, "conversation by conversation");
    house.close().await;
}

#[actix_web::test]
async fn history_goes_back_through_all_of_his_conversations() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let token = Token::parse(&visitor.token).unwrap().hash();
    // More than a visitor may write in a minute.
    let write = house.db.write("test.three_talks", move |w| {
        let visitor = visitors::authenticate(w, token)?;
        let mut written = Vec::new();
        for n in 0..3 {
            for m in 0..30 {
                let line = NewMessage {
                    body: format!("line {n}-{m}"),
                    cid: format!("a-line-{n}-{m}"),
                    ..NewMessage::default()
                };
                let body = line.body.clone();
                let posted = conversations::write_in(w, 0, &visitor, None, line)?;
                written.push((body, posted.key.to_string()));
                if m == 29 {
                    let ended = posted.message.conversation;
                    conversations::resolve(w, 0, Actor::House, ended)?;
                }
            }
        }
        Ok(written)
    });
    let written = write.await.unwrap();
    let mut found = Vec::new();
    let mut query = String::new();
    for _ in 0..10 {
        let page = back(&visitor, &query).await;
        found.splice(0..0, own(&page));
        match page["older"].as_str() {
            Some(older) => query = older.to_owned(),
            None => break,
        }
    }
    assert_eq!(found, written);
    // The script of the first release counts back by the smallest number it has.
    let page = visitor.history().await;
    let least = page["messages"][0]["id"].as_i64().unwrap();
    let older = back(&visitor, &format!("before={least}")).await;
    let ids = older["messages"].as_array().unwrap().iter();
    assert!(
        ids.map(|it| it["id"].as_i64().unwrap())
            .all(|it| it < least)
    );
    assert_eq!(page["more"], true);
    house.close().await;
}

#[actix_web::test]
async fn whoever_was_away_while_one_ended_and_another_began_reads_afresh() {
    let house = open_house().await;
    let ada = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let here = seq(&posted);
    does(&ada, &key(&posted), "resolve").await;
    let began = visitor.writes("once more").await;

    let mut page = visitor.listens(here, None).await;
    let told = page.next().await;
    assert_eq!(
        (&told["t"], &told["region"]),
        (&json!("reload"), &json!("log"))
    );
    // Who knows the beginning of the new one is told what came since.
    visitor.writes("still there?").await;
    let mut page = visitor.listens(seq(&began), None).await;
    assert_eq!(page.next().await["t"], "welcome");
    assert_eq!(page.next().await["data"]["body"], "still there?");
    house.close().await;
}

#[actix_web::test]
async fn the_page_without_scripts_shows_where_a_conversation_began() {
    let house = open_house().await;
    let ada = house.owner().await;
    let http = crate::support::client();
    let address = format!("{}/c/{}", house.url, house.site);
    let post = async |cookie: &str, cid: &str, body: &str| {
        let form = [("cid", cid), ("body", body)];
        let post = http
            .post(&address)
            .header("origin", &house.url)
            .header("cookie", cookie)
            .form(&form);
        let answer = post.send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let cookie = answer.headers().get("set-cookie");
        cookie.map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned())
    };
    let cookie = post("", "plain-line-1", "hello").await.unwrap();
    let page = async || {
        let get = http.get(&address).header("cookie", &cookie);
        get.send().await.unwrap().text().await.unwrap()
    };
    assert!(!page().await.contains("New chat"));
    let inbox = ada.sees("/inbox").await;
    let first = between(&inbox, "id=\"c-", "\"").unwrap();
    does(&ada, &first, "resolve").await;
    post(&cookie, "plain-line-2", "another thing").await;
    let page = page().await;
    let (above, below) = page.split_once("New chat").unwrap();
    assert!(above.contains("hello") && below.contains("another thing"));
    house.close().await;
}
