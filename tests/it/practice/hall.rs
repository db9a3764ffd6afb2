//! What it shows in the hall: lines in its own words, a card, and a part that
//! agents, the widget and mail each draw in their own way.

use askama::Template;
use serde_json::{Value, json};
use shopbell::conversations::{
    self, Conversation, NewMessage, NewPart, PartKind, Windows, Wording,
};
use shopbell::db::{Reader, Writer, scratch};
use shopbell::error::{Check, Error, Result};
use shopbell::events::Event;
use shopbell::journal;
use shopbell::kernel::{Actor, Clock, ConversationId, Seq, Subject, Timestamp, VisitorId, line};
use shopbell::texts::Lang;
use shopbell::web::pages::Html;
use tempfile::TempDir;

use super::live::said;
use super::{house, wing};
use crate::support::{House, Mood, NOW, PostOffice, talk, until};

pub static LEFT: Wording = Wording {
    word: "kettle-left",
    agents: |_, it| format!("{} left the kettle on the {}", it.who, it.text("fire")).into(),
    visitor: None,
};

/// Both sides read it, each in his own language.
pub static WHISTLED: Wording = Wording {
    word: "kettle-whistled",
    agents: |t, _| whistled(t).into(),
    visitor: Some(|t, _| whistled(t).into()),
};

fn whistled(t: Lang) -> &'static str {
    match t {
        Lang::Fr => "La bouilloire siffle",
        _ => "The kettle whistles",
    }
}

pub static TEA: PartKind = PartKind {
    kind: "tea",
    check: |it| {
        let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
        let mut check = Check::default();
        let leaf = check.field(leaf(&text("leaf")));
        let cups = check.field(match it["cups"].as_i64() {
            Some(n @ 1..=9) => Ok(n),
            _ => Err(Error::invalid("cups", |_| "One to nine cups.".into())),
        });
        match (leaf, cups) {
            (Some(leaf), Some(cups)) => Ok(json!({ "leaf": leaf, "cups": cups })),
            _ => Err(check.end()),
        }
    },
    text: |it, t| match t {
        Lang::Fr => format!("Thé : {}", words(it)),
        _ => format!("Tea: {}", words(it)),
    },
    agents: |it, _| bold(format!("at the counter: {}", words(it))),
    visitor: |it, _| json!({ "tea": it["leaf"] }),
    script: "widget/extras.js",
    mail: |it, _| bold(format!("by mail: {}", words(it))),
};

fn leaf(typed: &str) -> Result<String> {
    line(typed, 20).map_err(|flaw| Error::flaw("leaf", flaw, |_| "At most 20 letters.".into()))
}

fn words(it: &Value) -> String {
    format!("{} × {}", it["cups"], it["leaf"].as_str().unwrap())
}

#[derive(Template)]
#[template(source = "<b>{{ words }}</b>", ext = "html")]
struct Bold {
    words: String,
}

fn bold(words: impl Into<String>) -> Result<Html> {
    let words = words.into();
    Html::draw(&Bold { words })
}

pub fn open(windows: &mut Windows) {
    windows.word(&LEFT);
    windows.word(&WHISTLED);
    windows.part(&TEA);
    windows.card(50, card);
}

fn card(r: &Reader, it: &Conversation, _: Lang) -> Result<Option<Html>> {
    let facts = journal::after(r, Seq(0))?.facts;
    let hung = facts
        .iter()
        .filter(|fact| fact.subject == Subject::Conversation(it.id) && said(fact, "kettle.hung"))
        .count();
    match hung {
        0 => Ok(None),
        n => bold(format!("hung {n} times")).map(Some),
    }
}

/// Tea for a visitor: the one who offers says of what, and how much.
pub fn offer(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    tea: Value,
    cid: &str,
) -> Result<()> {
    let new = NewMessage {
        body: "Have a cup:".to_owned(),
        parts: vec![NewPart {
            kind: &TEA,
            data: tea,
            lang: Lang::En,
        }],
        cid: cid.to_owned(),
        ..NewMessage::default()
    };
    conversations::post_message(w, now, by, conversation, new).map(|_| ())
}

async fn hang(house: &House) {
    let hang = house.db.write("kettle.hang", |w| {
        let event = Event::told("kettle.hung", Value::Null);
        journal::record(w, NOW, Actor::House, ConversationId(1), &event)
    });
    hang.await.unwrap();
}

#[actix_web::test]
async fn a_wings_card_stands_beside_the_conversation_once_it_has_something_to_show() {
    let house = house().await;
    let posted = house.visitor().await.writes("hello").await;
    let key = posted["conversation"].as_str().unwrap();
    let agent = house.owner().await;
    let path = format!("/inbox/{key}");
    assert!(!agent.sees(&path).await.contains("hung"));
    let mut screen = agent.listens(key).await;
    hang(&house).await;
    let panel = screen.next_that(|it| it["list"] == format!("visitor-{key}"));
    let html = panel.await["html"].as_str().unwrap().to_owned();
    assert!(html.contains("<b>hung 1 times</b>"), "{html}");
    assert!(agent.sees(&path).await.contains("<b>hung 1 times</b>"));
    house.close().await;
}

#[actix_web::test]
async fn a_wings_part_is_drawn_for_agents_and_for_the_widget_each_in_its_way() {
    let house = house().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let key = posted["conversation"].as_str().unwrap();
    let agent = house.owner().await;
    let mut screen = agent.listens(key).await;
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut page = visitor.listens(seq, None).await;
    agent.joins(key).await;
    let tea = [("leaf", "<mint>"), ("cups", "2"), ("cid", "kettle-tea-1")];
    let path = format!("/kettle/{key}/tea");
    assert_eq!(agent.post(&path, &tea).await.status(), 303);

    let line = screen.next_that(|it| {
        let html = it["html"].as_str().unwrap_or_default();
        it["list"] == format!("log-{key}") && html.contains("at the counter")
    });
    let html = line.await["html"].as_str().unwrap().to_owned();
    assert!(
        html.contains("<b>at the counter: 2 × &#60;mint&#62;</b>"),
        "{html}"
    );
    let told = page.next_that(|it| it["data"]["parts"].is_array()).await;
    let parts = &told["data"]["parts"];
    assert_eq!(parts[0], json!({ "text": "Have a cup:" }));
    assert_eq!(parts[1]["text"], "Tea: 2 × <mint>");
    assert_eq!(parts[1]["data"], json!({ "tea": "<mint>" }));
    assert!(parts[1]["script"].as_str().unwrap().contains("extras"));
    let list = agent.sees("/inbox").await;
    assert!(
        list.contains("Have a cup: Tea: 2 × &#60;mint&#62;"),
        "{list}"
    );
    house.close().await;
}

#[actix_web::test]
async fn a_wings_part_goes_out_by_mail_as_the_wing_draws_it_there() {
    let office = PostOffice::open(Mood::Good).await;
    let options = [
        ("smtp-url", office.url.as_str()),
        ("mail-from", "shop@mugs.example"),
    ];
    let (home, clock) = (TempDir::new().unwrap(), Clock::stopped_at(NOW));
    let house = House::build(home, clock, &options, vec![wing()]).await;
    let posted = house.visitor().await.writes("hello").await;
    let key = posted["conversation"].as_str().unwrap();
    let agent = house.owner().await;
    agent.joins(key).await;
    let tea = [("leaf", "mint"), ("cups", "3"), ("cid", "kettle-tea-1")];
    let offered = agent.post(&format!("/kettle/{key}/tea"), &tea).await;
    assert_eq!(offered.status(), 303);
    let to = [("email", "ann@home.example")];
    let sent = agent.post(&format!("/inbox/{key}/transcript"), &to).await;
    assert_eq!(sent.status(), 202);
    until(&house.db, |r| {
        let left = shopbell::jobs::list_open(r)?;
        Ok(left.is_empty().then_some(()))
    })
    .await;
    let mail = office.mails().remove(0).replace("=\r\n", "");
    assert!(mail.contains("by mail: 3"), "{mail}");
    house.close().await;
}

#[actix_web::test]
async fn what_a_wings_part_refuses_is_told_at_its_fields_and_leaves_nothing() {
    let house = house().await;
    let posted = house.visitor().await.writes("hello").await;
    let key = posted["conversation"].as_str().unwrap();
    let agent = house.owner().await;
    let tea = [("leaf", ""), ("cups", "12"), ("cid", "kettle-tea-1")];
    let refused = agent.post(&format!("/kettle/{key}/tea"), &tea).await;
    assert_eq!(refused.status(), 422);
    let why = refused.text().await.unwrap();
    assert!(why.contains("leaf") && why.contains("cups"), "{why}");
    assert!(
        !agent
            .sees(&format!("/inbox/{key}"))
            .await
            .contains("Have a cup")
    );
    house.close().await;
}

/// As the demonstration, an import or another room would use it.
#[test]
fn a_wings_verbs_stand_by_themselves() {
    let done = scratch(|w| {
        let talk = talk(w);
        let by = Actor::Agent(talk.assignee.unwrap());
        let tea = json!({ "leaf": "rooibos", "cups": 1, "sugar": "none of its business" });
        offer(w, NOW, by, talk.id, tea.clone(), "kettle-tea-1")?;
        let newest = conversations::list_messages(w, by, talk.id, None)?.0.pop();
        let newest = newest.unwrap();
        assert_eq!(
            newest.parts[1].data,
            json!({ "leaf": "rooibos", "cups": 1 })
        );
        let nobody = Actor::Visitor(VisitorId(99));
        let refused = offer(w, NOW, nobody, talk.id, tea, "kettle-tea-2");
        assert!(matches!(refused, Err(Error::NotFound(_))));
        Ok(())
    });
    done.unwrap();
}
