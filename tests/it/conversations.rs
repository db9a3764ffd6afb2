//! What the lists say is true: who waits for a reply, what each agent has read,
//! what the visitor is told, and a way to every entry.

mod dialogues;
mod earlier;
pub mod filters;
mod narrowed;
mod participants;
mod verbs;
mod windows;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shopbell::accounts::Role;

use crate::support::{AgentBrowser, House, Scratch, VisitorPage, between, open_house};

const BEN: &str = "ben@mugs.example";

async fn with_ben() -> (House, AgentBrowser, AgentBrowser) {
    let house = open_house().await;
    house.add_agent(BEN, "Ben", Role::Agent).await;
    let (ada, ben) = (house.owner().await, house.agent(BEN).await);
    (house, ada, ben)
}

fn key(posted: &Value) -> String {
    posted["conversation"].as_str().unwrap().to_owned()
}

fn seq(posted: &Value) -> i64 {
    posted["message"]["id"].as_i64().unwrap()
}

/// One entry of a page's lists.
fn row(page: &str, conversation: &str) -> String {
    let start = format!("<li class=\"row\" id=\"c-{conversation}\"");
    between(page, &start, "</li>").unwrap_or_else(|| panic!("{conversation} is not listed"))
}

fn attribute(html: &str, name: &str) -> String {
    between(html, &format!("{name}=\""), "\"").unwrap()
}

/// What an agent's lists say of a conversation: unread lines, and whether its
/// visitor waits.
async fn told(agent: &AgentBrowser, conversation: &str) -> (String, String) {
    let row = row(&agent.sees("/inbox").await, conversation);
    (
        attribute(&row, "data-unread"),
        attribute(&row, "data-waiting"),
    )
}

async fn waiting(agent: &AgentBrowser) -> String {
    attribute(&agent.sees("/inbox").await, "data-waiting")
}

async fn does(agent: &AgentBrowser, conversation: &str, deed: &str) {
    let answer = agent
        .post(&format!("/inbox/{conversation}/{deed}"), &[])
        .await;
    assert_eq!(answer.status(), 200, "{deed}");
}

async fn looks(agent: &AgentBrowser, conversation: &str, up_to: i64) {
    let path = format!("/inbox/{conversation}/seen");
    let answer = agent.post(&path, &[("upto", &up_to.to_string())]).await;
    assert_eq!(answer.status(), 200);
}

async fn answers(agent: &AgentBrowser, conversation: &str, cid: &str, last_seen: i64) {
    let last_seen = last_seen.to_string();
    let fields = [
        ("cid", cid),
        ("body", "an answer"),
        ("last_seen", last_seen.as_str()),
    ];
    let path = format!("/inbox/{conversation}/messages");
    assert_eq!(agent.post(&path, &fields).await.status(), 200);
}

async fn seen_by_agents(visitor: &VisitorPage) -> i64 {
    visitor.history().await["agent_seen"].as_i64().unwrap()
}

fn pair(unread: &str, waiting: &str) -> (String, String) {
    (unread.to_owned(), waiting.to_owned())
}

#[actix_web::test]
async fn a_look_is_no_answer_and_counts_for_the_one_who_looked_only() {
    let (house, ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("Anybody?").await;
    let conversation = key(&posted);

    looks(&ben, &conversation, seq(&posted)).await;

    assert_eq!(told(&ada, &conversation).await, pair("1", "yes"));
    assert_eq!(told(&ben, &conversation).await, pair("0", "yes"));
    assert_eq!(waiting(&ada).await, "1");
    assert_eq!(seen_by_agents(&visitor).await, 0, "he has not joined");

    // What he had read before he joined is now on the screen of who answers.
    ben.joins(&conversation).await;
    assert_eq!(seen_by_agents(&visitor).await, seq(&posted));
    assert_eq!(told(&ben, &conversation).await, pair("0", "yes"));
    house.close().await;
}

#[actix_web::test]
async fn an_agent_without_scripts_is_offered_to_mark_as_read_what_he_has_not_read() {
    let (house, ada, _) = with_ben().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("Anybody?").await;
    let conversation = key(&posted);
    let path = format!("/inbox/{conversation}");

    let page = ada.sees(&path).await;
    let form = page.split("<noscript>").find(|it| it.contains("/seen\""));
    let form = form.expect("a form for whoever has no scripts");
    let offered = format!("name=\"upto\" value=\"{}\"", seq(&posted));
    assert!(form.contains(&offered), "{form}");

    looks(&ada, &conversation, seq(&posted)).await;
    assert_eq!(told(&ada, &conversation).await, pair("0", "yes"));
    assert!(!ada.sees(&path).await.contains("/seen\""));
    house.close().await;
}

#[actix_web::test]
async fn an_answer_marks_nothing_as_read_and_answers_nothing_that_crossed_with_it() {
    let (house, ada, _) = with_ben().await;
    let mut visitor = house.visitor().await;
    let first = visitor.writes("Question A").await;
    let conversation = key(&first);
    ada.joins(&conversation).await;
    let crossed = visitor
        .writes("Question B, a moment before the answer")
        .await;

    answers(&ada, &conversation, "an-answer-to-a", seq(&first)).await;
    assert_eq!(told(&ada, &conversation).await, pair("2", "yes"));

    // The newest line of his page may be far below his screen.
    answers(&ada, &conversation, "an-answer-to-b", seq(&crossed)).await;
    assert_eq!(told(&ada, &conversation).await, pair("2", ""));
    assert_eq!(waiting(&ada).await, "0");
    assert_eq!(seen_by_agents(&visitor).await, 0);

    looks(&ada, &conversation, seq(&first)).await;
    assert_eq!(told(&ada, &conversation).await, pair("1", ""));
    assert_eq!(seen_by_agents(&visitor).await, seq(&first));
    house.close().await;
}

#[actix_web::test]
async fn what_was_put_aside_and_then_answered_never_comes_back() {
    let (house, mut ada, _) = with_ben().await;
    let mut visitor = house.visitor().await;
    let conversation = key(&visitor.writes("thanks, bye").await);
    let state = async |agent: &AgentBrowser| told(agent, &conversation).await.1;
    let mut screen = ada.listens(&conversation).await;
    ada.joins(&conversation).await;
    does(&ada, &conversation, "no-reply-needed").await;
    assert_eq!(state(&ada).await, "aside");

    ada.answers(&conversation, "Good bye").await;
    assert_eq!(state(&ada).await, "", "there is nothing to take back");
    // The header of open pages follows the entry.
    let entry = format!("c-{conversation}");
    let drawn = screen.next_that(|it| {
        let html = it["html"].as_str().unwrap_or_default();
        it["id"] == entry.as_str()
            && html.contains("Good bye")
            && html.contains("data-waiting=\"\"")
    });
    drawn.await;
    does(&ada, &conversation, "reply-needed").await;
    assert_eq!(state(&ada).await, "");
    does(&ada, &conversation, "resolve").await;
    does(&ada, &conversation, "reopen").await;
    assert_eq!(state(&ada).await, "");
    assert_eq!(waiting(&ada).await, "0");
    house.close().await;
}

#[actix_web::test]
async fn to_reopen_brings_back_what_was_true_when_it_was_resolved() {
    let (house, ada, _) = with_ben().await;
    let mut visitor = house.visitor().await;
    let conversation = key(&visitor.writes("thanks, bye").await);
    let state = async |agent: &AgentBrowser| told(agent, &conversation).await.1;
    // Nobody waited at that moment, though somebody had before.
    does(&ada, &conversation, "no-reply-needed").await;
    does(&ada, &conversation, "resolve").await;
    does(&ada, &conversation, "reopen").await;
    assert_eq!(state(&ada).await, "");
    assert_eq!(waiting(&ada).await, "0");
    // And one who waits does so again.
    visitor.writes("one more thing").await;
    does(&ada, &conversation, "resolve").await;
    does(&ada, &conversation, "reopen").await;
    assert_eq!(state(&ada).await, "yes");
    house.close().await;
}

#[actix_web::test]
async fn a_visitor_waits_until_somebody_answers_resolves_or_says_that_none_is_needed() {
    let (house, mut ada, ben) = with_ben().await;
    let mut visitor = house.visitor().await;
    let conversation = key(&visitor.writes("hello").await);
    let state = async |agent: &AgentBrowser| told(agent, &conversation).await.1;

    // Neither a note nor joining is an answer.
    let note = [
        ("cid", "a-note-1"),
        ("body", "who takes this?"),
        ("note", "1"),
    ];
    ben.post(&format!("/inbox/{conversation}/messages"), &note)
        .await;
    ada.joins(&conversation).await;
    assert_eq!(state(&ada).await, "yes");
    ada.answers(&conversation, "Good morning").await;
    assert_eq!(state(&ada).await, "");

    // Anybody may say that none is needed, and take it back.
    visitor.writes("thanks, bye").await;
    assert_eq!(state(&ada).await, "yes");
    does(&ben, &conversation, "no-reply-needed").await;
    assert_eq!(state(&ada).await, "aside");
    assert_eq!(waiting(&ada).await, "0");
    does(&ada, &conversation, "reply-needed").await;
    assert_eq!(state(&ada).await, "yes");
    let page = ada.sees(&format!("/inbox/{conversation}")).await;
    assert!(page.contains("Ben marked it as needing no reply"), "{page}");
    let history = visitor.history().await.to_string();
    assert!(!history.contains("marked"), "visitors are not told");

    // To reopen takes resolving back.
    does(&ada, &conversation, "resolve").await;
    assert_eq!(waiting(&ada).await, "0");
    does(&ada, &conversation, "reopen").await;
    assert_eq!(state(&ada).await, "yes");
    does(&ada, &conversation, "resolve").await;
    // He wrote it before he knew.
    let line = json!({ "cid": "a-crossing-line", "body": "wait", "conversation": conversation });
    let sent = visitor.post("/w/v1/messages", &line).send().await.unwrap();
    assert_eq!(sent.status(), 201);
    assert_eq!(state(&ada).await, "yes");
    house.close().await;
}

#[actix_web::test]
async fn a_visitor_cannot_say_that_he_needs_no_reply() {
    let house = open_house().await;
    let mut visitor = house.visitor().await;
    let conversation = key(&visitor.writes("hello").await);
    for deed in ["no-reply-needed", "reply-needed", "seen"] {
        let path = format!("/inbox/{conversation}/{deed}");
        let asked = visitor.post(&path, &json!({})).send().await.unwrap();
        assert!(asked.status().is_redirection() || asked.status().is_client_error());
    }
    assert_eq!(waiting(&house.owner().await).await, "1");
    house.close().await;
}

#[actix_web::test]
async fn who_waits_longest_stands_first() {
    let (house, mut ada, _) = with_ben().await;
    let mut visitors = Vec::new();
    for _ in 0..4 {
        house.clock.advance(60_000);
        let mut visitor = house.visitor().await;
        let conversation = key(&visitor.writes("hello").await);
        visitors.push((visitor, conversation));
    }
    // Writing again does not send anybody to the end of the queue.
    house.clock.advance(600_000);
    visitors[0].0.writes("still there?").await;
    let answered = visitors[1].1.clone();
    ada.joins(&answered).await;
    ada.answers(&answered, "hi").await;

    let page = ada.sees("/inbox").await;
    let inbox = between(&page, "data-list=\"inbox\"", "</ul>").unwrap();
    let places = [0, 2, 3].map(|n: usize| inbox.find(&visitors[n].1).unwrap());
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(waiting(&ada).await, "3");
    house.close().await;
}

/// The keys in a list of a page, in order.
fn listed(page: &str, list: &str) -> Vec<String> {
    let list = between(page, &format!("data-list=\"{list}\""), "</ul>").unwrap();
    let rows = list.split("id=\"c-").skip(1);
    rows.map(|it| it.split('"').next().unwrap().to_owned())
        .collect()
}

/// Every page of a list, by the links a page without scripts has.
async fn walk(agent: &AgentBrowser, start: &str, list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some(start.to_owned());
    while let Some(path) = next {
        let page = agent.sees(&path).await;
        found.extend(listed(&page, list));
        let (_, section) = page.split_once(&format!("data-list=\"{list}\"")).unwrap();
        let (section, _) = section.split_once("</section>").unwrap();
        next = between(section, "data-more href=\"", "\"")
            .map(|it| it.replace("&#38;", "&").replace("&amp;", "&"));
        assert!(found.len() <= 200, "it does not end");
    }
    found
}

#[actix_web::test]
async fn every_list_goes_on_beyond_its_first_page() {
    let (house, ada, ben) = with_ben().await;
    let mut all: Vec<String> = Vec::new();
    for _ in 0..130 {
        house.clock.advance(1000);
        let mut visitor = house.visitor().await;
        all.push(key(&visitor.writes("hello").await));
    }
    let (mine, rest) = all.split_at(65);
    // Some of each wait, some do not.
    for (n, conversation) in mine.iter().enumerate() {
        ben.joins(conversation).await;
        if n % 2 == 0 {
            does(&ben, conversation, "no-reply-needed").await;
        }
    }
    for conversation in &rest[..30] {
        does(&ada, conversation, "no-reply-needed").await;
    }

    let found = walk(&ben, "/inbox", "mine").await;
    assert_eq!(found.len(), 65, "each once");
    assert_eq!(set(&found), set(mine));
    let found = walk(&ben, "/inbox", "inbox").await;
    assert_eq!(found.len(), 65, "each once");
    assert_eq!(set(&found), set(rest));

    for conversation in &all[..60] {
        does(&ada, conversation, "resolve").await;
    }
    let found = walk(&ben, "/inbox?show=resolved", "resolved").await;
    assert_eq!((found.len(), set(&found)), (60, set(&all[..60])));
    // What is open stays open on the way.
    let open = format!("/inbox/{}", all[100]);
    let page = ben.sees(&open).await;
    assert!(page.contains(&format!("data-more href=\"{open}?before=")));
    house.close().await;
}

fn set(keys: &[String]) -> BTreeSet<&String> {
    keys.iter().collect()
}

#[actix_web::test]
async fn opening_one_of_the_resolved_leaves_that_list_open() {
    let (house, ada, _) = with_ben().await;
    let mut visitor = house.visitor().await;
    let conversation = key(&visitor.writes("hello").await);
    does(&ada, &conversation, "resolve").await;

    let page = ada.sees("/inbox?show=resolved").await;
    let link = attribute(&row(&page, &conversation), "href");
    let opened = ada.sees(&link).await;
    assert_eq!(listed(&opened, "resolved"), [conversation]);
    assert!(!opened.contains("data-list=\"mine\""));
    house.close().await;
}

#[actix_web::test]
async fn news_tell_how_many_wait_and_who_has_read() {
    let (house, ada, ben) = with_ben().await;
    let mut first = house.visitor().await;
    let posted = first.writes("hello").await;
    let conversation = key(&posted);
    let mut screen = ada.listens(&conversation).await;
    let count = |it: &Value| it["list"] == "waiting";

    let mut second = house.visitor().await;
    second.writes("me too").await;
    assert_eq!(screen.next_that(count).await["data"], "2");
    looks(&ben, &conversation, seq(&posted)).await;
    let read = screen.next_that(|it| it["list"] == "read").await;
    assert_eq!(read["id"], format!("c-{conversation}"));
    assert!(read["data"].as_str().unwrap().ends_with(":1"), "{read}");
    does(&ben, &conversation, "no-reply-needed").await;
    assert_eq!(screen.next_that(count).await["data"], "1");

    // Whoever comes back hears what holds now.
    let (at, epoch) = ada.position().await.unwrap();
    does(&ada, &conversation, "reply-needed").await;
    let mut back = ada
        .listens_after(&at.to_string(), &epoch, "")
        .await
        .unwrap();
    assert_eq!(back.next_that(count).await["data"], "2");
    house.close().await;
}

#[actix_web::test]
async fn what_is_known_about_a_visitor_is_news_when_it_changes() {
    let (house, ada, _) = with_ben().await;
    let visitor = house.visitor().await;
    let from = async |cid: &str, page: &str| {
        let line = json!({ "cid": cid, "body": "a line", "page": page });
        let sent = visitor.post("/w/v1/messages", &line).send().await.unwrap();
        assert_eq!(sent.status(), 201);
        sent.json::<Value>().await.unwrap()
    };
    let posted = from("line-0001", "https://mugs.example/blue").await;
    let conversation = key(&posted);
    let mut screen = ada.listens(&conversation).await;

    from("line-0002", "https://mugs.example/blue").await;
    from("line-0003", "https://mugs.example/red").await;
    let panel = format!("visitor-{conversation}");
    let mut lines = 0;
    let about = loop {
        let item = screen.next().await;
        lines += usize::from(item["list"] == format!("log-{conversation}"));
        if item["list"] == panel {
            break item;
        }
    };
    let html = about["html"].as_str().unwrap();
    assert!(html.contains("https://mugs.example/red"), "{html}");
    assert_eq!(lines, 2, "none for a line from the same page");
    ada.joins(&conversation).await;
    let about = screen.next_that(|it| it["list"] == panel).await;
    assert!(about["html"].as_str().unwrap().contains("Ada joined"));
    house.close().await;
}

/// Rows as the release left them that knew neither waiting nor whose reading.
#[actix_web::test]
async fn an_upgrade_knows_who_waits_and_what_was_read() {
    let home = tempfile::tempdir().unwrap();
    let folder = format!("{}/migrations", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    files.sort();
    let before = files.iter().filter(|it| {
        let name = it.file_name().unwrap().to_str().unwrap();
        name < "20261126"
    });
    {
        let old = rusqlite::Connection::open(home.path().join("shopbell.db")).unwrap();
        old.execute_batch("create table migrations (name text primary key, at integer) strict")
            .unwrap();
        for file in before {
            old.execute_batch(&std::fs::read_to_string(file).unwrap())
                .unwrap();
            let name = file.file_name().unwrap().to_str().unwrap();
            old.execute("insert into migrations values (?1, 0)", [name])
                .unwrap();
        }
        old.execute_batch(OLD_ROWS).unwrap();
    }
    let house = Scratch::at(home.path());
    let told = house.db.read(|r| {
        let mut query = r.prepare(
            "select c.key, c.visitor_lines, coalesce(c.waiting_since, 0),
                 (select group_concat(agent || ':' || up_to || ':' || visitor_lines, ' ')
                  from conversation_seen where conversation = c.id)
             from conversations c order by c.id",
        )?;
        let rows = query.query_map([], |row| {
            let (key, lines): (String, i64) = (row.get(0)?, row.get(1)?);
            let (since, read): (i64, Option<String>) = (row.get(2)?, row.get(3)?);
            Ok(format!(
                "{key} {lines} {since} [{}]",
                read.unwrap_or_default()
            ))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    });
    assert_eq!(
        told.await.unwrap(),
        [
            "unanswered 2 100 []",
            "looked-at 2 300 [1:6:1 2:6:1]",
            "answered 1 0 [1:8:1 2:8:1]",
            "again 2 1000 [1:9:1 2:9:1]",
            "resolved 1 0 [2:13:1]",
            "reopened 2 1600 [1:15:1 2:15:1]",
        ]
    );
}

const OLD_ROWS: &str = "
insert into agents (id, email, name, role, lang, created_at)
    values (1, 'a@x.example', 'Ada', 'owner', 'en', 0), (2, 'b@x.example', 'Ben', 'agent', 'en', 0);
insert into sites values (1, 'k', 'Mugs', '#000', 'end', 'en', 'UTC', 1, 0, 1, 0);
insert into visitors (id, site, number, token_hash, lang, created_at)
    values (1, 1, 1, x'01', 'en', 0);
insert into conversations
    (id, key, site, visitor, state, assignee, created_at, last_at, unread, agents_seen) values
    (1, 'unanswered', 1, 1, 'open', null, 0, 0, 2, 0),
    (2, 'looked-at', 1, 1, 'open', null, 0, 0, 1, 6),
    (3, 'answered', 1, 1, 'open', 2, 0, 0, 0, 8),
    (4, 'again', 1, 1, 'open', 2, 0, 0, 1, 9),
    (5, 'resolved', 1, 1, 'resolved', 2, 0, 0, 0, 13),
    (6, 'reopened', 1, 1, 'open', null, 0, 0, 1, 15);
insert into messages (id, conversation, kind, agent, change, body, cid, at) values
    (1, 1, 'visitor', null, null, 'a', 'c1', 100), (2, 1, 'visitor', null, null, 'b', 'c2', 200),
    (5, 2, 'note', 1, null, 'n', 'c5', 250), (6, 2, 'visitor', null, null, 'a', 'c6', 300),
    (30, 2, 'visitor', null, null, 'b', 'c30', 400),
    (7, 3, 'visitor', null, null, 'a', 'c7', 500), (8, 3, 'agent', 2, null, 'b', 'c8', 600),
    (9, 4, 'visitor', null, null, 'a', 'c9', 700), (10, 4, 'agent', 2, null, 'b', 'c10', 800),
    (11, 4, 'visitor', null, null, 'c', 'c11', 1000),
    (12, 5, 'visitor', null, null, 'a', 'c12', 1100),
    (13, 5, 'system', 2, 'resolved', '', 'change-13', 1200),
    (14, 6, 'visitor', null, null, 'a', 'c14', 1300),
    (15, 6, 'system', 1, 'resolved', '', 'change-15', 1400),
    (16, 6, 'system', null, 'reopened', '', 'change-16', 1600),
    (17, 6, 'visitor', null, null, 'b', 'c17', 1600);
";
