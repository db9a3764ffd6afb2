//! What pages say of who takes part: lists, header, panel, and the visitor's chat.

use serde_json::{Value, json};
use shopbell::accounts::Role;
use shopbell::conversations::participants;
use shopbell::db::Reader;
use shopbell::kernel::{AgentId, ConversationId};

use crate::conversations::{
    attribute, does, key, listed, looks, row, seen_by_agents, seq, with_ben,
};
use crate::support::{AgentBrowser, House, Screen, between, open_house, until};

const CEM: &str = "cem@mugs.example";

async fn with_three() -> (House, AgentBrowser, AgentBrowser, AgentBrowser) {
    let (house, ada, ben) = with_ben().await;
    house.add_agent(CEM, "Cem", Role::Agent).await;
    let cem = house.agent(CEM).await;
    (house, ada, ben, cem)
}

#[actix_web::test]
async fn my_chats_are_those_i_take_part_in_and_the_inbox_holds_the_others() {
    let (house, ada, ben, cem) = with_three().await;
    let mut keys = Vec::new();
    for n in 0..3 {
        house.clock.advance(1000);
        let mut visitor = house.visitor().await;
        keys.push(key(&visitor.writes(&format!("number {n}")).await));
    }
    ada.joins(&keys[0]).await;
    ben.joins(&keys[0]).await;
    ben.joins(&keys[1]).await;

    let page = ben.sees("/inbox").await;
    // Who waits longest stands first, whoever is responsible.
    assert_eq!(listed(&page, "mine"), keys[..2]);
    assert_eq!(listed(&page, "inbox"), keys[2..]);
    assert!(row(&page, &keys[0]).contains(">Ada<"), "who is responsible");
    let page = ada.sees("/inbox").await;
    assert_eq!(listed(&page, "mine"), keys[..1]);
    assert_eq!(listed(&page, "inbox"), keys[1..]);
    assert!(listed(&cem.sees("/inbox").await, "mine").is_empty());

    // Also where nobody waits; and what he has left is there for all.
    does(&ben, &keys[0], "no-reply-needed").await;
    assert_eq!(
        listed(&ben.sees("/inbox").await, "mine"),
        [keys[1].clone(), keys[0].clone()]
    );
    does(&ben, &keys[0], "leave").await;
    let page = ben.sees("/inbox").await;
    assert_eq!(listed(&page, "mine"), keys[1..2]);
    assert_eq!(listed(&page, "inbox"), [keys[2].clone(), keys[0].clone()]);
    does(&ben, &keys[1], "resolve").await;
    assert!(listed(&ben.sees("/inbox").await, "mine").is_empty());
    house.close().await;
}

#[actix_web::test]
async fn the_header_says_who_is_here_and_offers_each_what_is_for_him() {
    let (house, ada, ben, cem) = with_three().await;
    let mut visitor = house.visitor().await;
    let talk = key(&visitor.writes("hello").await);
    ada.joins(&talk).await;
    ben.joins(&talk).await;
    let path = format!("/inbox/{talk}");
    let header = async |agent: &AgentBrowser| {
        let page = agent.sees(&path).await;
        between(&page, "<header class=\"thread-header\"", "</header>").unwrap()
    };
    let offered = |html: &str, deed: &str| {
        let form = format!("data-send=\"{deed}\"");
        let form = between(html, &form, ">").unwrap();
        !form.contains("hidden")
    };
    let all = header(&ada).await;
    assert!(all.contains("Assigned to Ada · also here: Ben"), "{all}");
    assert_eq!(attribute(&all, "data-here"), "1 2");
    let sees = [
        (header(&ada).await, true, false),
        (header(&ben).await, true, true),
        (header(&cem).await, false, true),
    ];
    for (html, leave, take_over) in sees {
        assert_eq!(offered(&html, "leave"), leave);
        assert_eq!(offered(&html, "take-over"), take_over);
    }
    // Without a script each leads back to the conversation.
    let csrf = cem.csrf().await;
    for deed in ["take-over", "leave", "come-back"] {
        let sent = cem
            .request(reqwest::Method::POST, &format!("{path}/{deed}"))
            .header("origin", &house.url)
            .form(&[("csrf", csrf.as_str())]);
        let answer = sent.send().await.unwrap();
        assert_eq!(answer.status(), 303, "{deed}");
        assert!(
            answer.headers()["location"]
                .to_str()
                .unwrap()
                .ends_with(&path)
        );
    }
    house.close().await;
}

#[actix_web::test]
async fn who_may_not_answer_customers_joins_nothing_but_can_leave() {
    let (house, ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let talk = key(&visitor.writes("hello").await);
    ada.joins(&talk).await;
    ben.joins(&talk).await;
    let limit = async |customers: bool| {
        let mut fields = vec![("name", "Ben"), ("role", "agent")];
        fields.extend(customers.then_some(("customers", "on")));
        let saved = ada.post("/settings/team/2", &fields).await;
        assert_eq!(saved.status(), 303);
    };
    let tries = async |deed: &str| {
        let path = format!("/inbox/{talk}/{deed}");
        ben.post(&path, &[]).await.status().as_u16()
    };
    limit(false).await;
    for deed in ["join", "take-over", "come-back"] {
        assert_eq!(tries(deed).await, 403, "{deed}");
    }
    assert_eq!(tries("leave").await, 200);
    limit(true).await;
    for deed in ["join", "take-over", "leave", "come-back"] {
        assert_eq!(tries(deed).await, 200, "{deed}");
    }
    house.close().await;
}

#[actix_web::test]
async fn everybody_hears_at_once_who_came_took_over_and_left() {
    let (house, ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let talk = key(&posted);
    let mut page = visitor.listens(seq(&posted), None).await;
    page.next().await;
    let mut screen = ada.listens(&talk).await;
    let (header, log) = (format!("header-{talk}"), format!("log-{talk}"));
    let heads = async |screen: &mut Screen, words: &str| {
        let fits = |it: &Value| {
            it["list"] == header.as_str() && it["html"].as_str().unwrap().contains(words)
        };
        screen.next_that(fits).await["html"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    ada.joins(&talk).await;
    let html = heads(&mut screen, "Assigned to Ada").await;
    // Drawn for all: each page hides what is not for its reader.
    assert!(!html.contains(" hidden"), "{html}");
    ben.joins(&talk).await;
    let entry = screen.next_that(|it| it["list"] == "conversations");
    let entry = entry.await["html"].as_str().unwrap().to_owned();
    assert_eq!(attribute(&entry, "data-here"), "1 2");
    heads(&mut screen, "Assigned to Ada · also here: Ben").await;
    does(&ben, &talk, "take-over").await;
    let line = screen
        .next_that(|it| it["list"] == log.as_str() && it["html"].to_string().contains("took over"));
    line.await;
    heads(&mut screen, "Assigned to Ben · also here: Ada").await;
    does(&ben, &talk, "leave").await;
    let line = screen.next_that(|it| it["list"] == log.as_str());
    let line = line.await["html"].as_str().unwrap().to_owned();
    assert!(line.contains("Ben left. Ada answers now."), "{line}");
    heads(&mut screen, "Assigned to Ada").await;

    // The visitor reads who came and who left, and nothing of who is responsible.
    let mut read = Vec::new();
    while read.len() < 3 {
        let item = page.next_that(|it| it["data"]["from"] == "system").await;
        let with = item["data"]["with"].clone();
        read.push((item["data"]["body"].as_str().unwrap().to_owned(), with));
    }
    let plain = |words: &str| (words.to_owned(), Value::Null);
    assert_eq!(
        read,
        [
            plain("Ada joined the chat"),
            plain("Ben joined the chat"),
            ("Ben left the chat".to_owned(), json!("Ada")),
        ]
    );
    does(&ada, &talk, "leave").await;
    let last = page.next_that(|it| it["data"]["from"] == "system").await;
    assert_eq!(last["data"]["with"], "", "nobody answers him now");
    house.close().await;
}

#[actix_web::test]
async fn what_a_helper_has_on_his_screen_counts_as_seen() {
    let (house, ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let talk = key(&visitor.writes("hello").await);
    ada.joins(&talk).await;
    ben.joins(&talk).await;
    let second = visitor.writes("still there?").await;
    looks(&ben, &talk, seq(&second)).await;
    assert_eq!(seen_by_agents(&visitor).await, seq(&second));
    does(&ben, &talk, "leave").await;
    let third = visitor.writes("hm").await;
    looks(&ben, &talk, seq(&third)).await;
    assert_eq!(seen_by_agents(&visitor).await, seq(&second), "he has left");
    house.close().await;
}

#[actix_web::test]
async fn nothing_is_said_to_the_visitor_of_who_leaves_what_is_over() {
    let (house, ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let talk = key(&visitor.writes("hello").await);
    ada.joins(&talk).await;
    ben.joins(&talk).await;
    does(&ada, &talk, "resolve").await;
    does(&ben, &talk, "leave").await;
    let history = visitor.history().await.to_string();
    assert!(!history.contains("Ben left"), "{history}");
    let page = ada.sees(&format!("/inbox/{talk}")).await;
    assert!(page.contains("Ben left"), "{page}");
    house.close().await;
}

#[actix_web::test]
async fn a_chat_of_somebody_who_is_deactivated_is_open_to_all_at_once() {
    let (house, ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let talk = key(&visitor.writes("hello").await);
    ben.joins(&talk).await;
    let mut screen = ada.listens(&talk).await;
    let gone = ada.post("/settings/team/2/deactivate", &[]).await;
    assert_eq!(gone.status(), 303);
    let header = format!("header-{talk}");
    let free = screen.next_that(|it| it["list"] == header.as_str());
    let html = free.await["html"].as_str().unwrap().to_owned();
    assert!(html.contains("Nobody has joined yet"), "{html}");
    let left = |r: &Reader| {
        let found = participants::takes_part(r, ConversationId(1), AgentId(2))?;
        Ok((!found).then_some(()))
    };
    until(&house.db, left).await;
    let page = ada.sees(&format!("/inbox/{talk}")).await;
    assert!(page.contains("Ben left. Nobody answers now."), "{page}");
    house.close().await;
}

#[actix_web::test]
async fn the_panel_says_how_long_the_first_answer_took() {
    let house = open_house().await;
    let mut ada = house.owner().await;
    let mut visitor = house.visitor().await;
    let talk = key(&visitor.writes("hello").await);
    let mut screen = ada.listens(&talk).await;
    ada.joins(&talk).await;
    let page = ada.sees(&format!("/inbox/{talk}")).await;
    assert!(!page.contains("First answer"));
    house.clock.advance(150_000);
    ada.answers(&talk, "Good morning").await;
    let panel = format!("visitor-{talk}");
    let told = screen.next_that(|it| {
        it["list"] == panel.as_str() && it["html"].to_string().contains("First answer")
    });
    let told = told.await["html"].as_str().unwrap().to_owned();
    assert!(told.contains("after 2 min"), "{told}");
    house.clock.advance(600_000);
    ada.answers(&talk, "And another").await;
    let page = ada.sees(&format!("/inbox/{talk}")).await;
    assert!(page.contains("after 2 min"), "only the first counts");
    house.close().await;
}
