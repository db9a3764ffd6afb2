//! A page that stays open and looks elsewhere: it hears of that from where it was
//! drawn, and of nothing else any more.

use reqwest::Method;
use serde_json::{Value, json};
use shopbell::accounts::Role;

use crate::support::{AgentBrowser, Screen, between, open_house};

/// What stands beside the lists, alone, and where the journal stood then.
async fn region(agent: &AgentBrowser, path: &str) -> (u16, String, i64, String) {
    let asked = agent.request(Method::GET, path);
    let answer = asked.header("shopbell-region", "1").send().await.unwrap();
    let vary = answer.headers().get_all("vary").iter();
    let vary: Vec<&str> = vary.map(|it| it.to_str().unwrap()).collect();
    assert!(vary.contains(&"shopbell-region"), "{vary:?}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let status = answer.status().as_u16();
    let page = answer.text().await.unwrap();
    let seq = between(&page, "data-seq=\"", "\"").unwrap();
    let epoch = between(&page, "data-epoch=\"", "\"").unwrap();
    (status, page, seq.parse().unwrap(), epoch)
}

fn look(conversation: &str, after: i64, epoch: &str) -> String {
    json!({ "t": "look", "conversation": conversation, "after": after, "epoch": epoch }).to_string()
}

fn key(posted: &Value) -> String {
    posted["conversation"].as_str().unwrap().to_owned()
}

/// The answer to a look.
async fn told(screen: &mut Screen) -> Value {
    screen
        .next_that(|it| it["t"] == "look" || it["t"] == "reload")
        .await
}

fn bodies(told: &Value) -> String {
    let items = told["items"].as_array().unwrap();
    let lines = items
        .iter()
        .filter(|it| it["list"].as_str().unwrap().starts_with("log-"));
    lines.map(|it| it["html"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn whoever_looks_elsewhere_is_told_what_was_said_there_since_it_was_drawn() {
    let house = open_house().await;
    let agent = house.owner().await;
    let (mut ann, mut bob) = (house.visitor().await, house.visitor().await);
    let of_ann = key(&ann.writes("first of ann").await);
    let of_bob = key(&bob.writes("first of bob").await);
    let mut screen = agent.listens(&of_ann).await;

    let (status, page, seq, epoch) = region(&agent, &format!("/inbox/{of_bob}")).await;
    assert_eq!(status, 200);
    assert!(page.contains("first of bob") && !page.contains("first of ann"));
    assert!(
        !page.contains("data-list=\"inbox\"") && !page.contains("<nav"),
        "{page}"
    );
    bob.writes("between the page and the look").await;
    screen.say(&look(&of_bob, seq, &epoch)).await;
    let missed = told(&mut screen).await;
    assert_eq!(missed["at"], of_bob.as_str());
    assert!(bodies(&missed).contains("between the page and the look"));
    assert!(!bodies(&missed).contains("first of bob"), "{missed}");

    ann.writes("unheard").await;
    bob.writes("heard").await;
    let is_line = |it: &Value| it["list"].as_str().unwrap_or_default().starts_with("log-");
    let line = screen.next_that(is_line).await;
    assert!(line["html"].as_str().unwrap().contains("heard"), "{line}");
    assert_eq!(line["list"], format!("log-{of_bob}").as_str());

    screen.say(&look("", seq, &epoch)).await;
    assert_eq!(told(&mut screen).await["at"], "");
    bob.writes("unheard").await;
    ann.writes("the last").await;
    let last = screen
        .next_that(|it| is_line(it) || it.to_string().contains("the last"))
        .await;
    assert_eq!(last["list"], "conversations", "{last}");
    house.close().await;
}

#[actix_web::test]
async fn no_line_is_lost_between_the_page_and_the_look_however_often_it_changes() {
    let house = open_house().await;
    let agent = house.owner().await;
    let (mut ann, mut bob) = (house.visitor().await, house.visitor().await);
    let keys = [
        key(&ann.writes("hello").await),
        key(&bob.writes("hello").await),
    ];
    let mut screen = agent.listens("").await;
    for round in 0..12 {
        let at = &keys[round % 2];
        let writer = if round % 2 == 0 { &mut ann } else { &mut bob };
        let (_, _, seq, epoch) = region(&agent, &format!("/inbox/{at}")).await;
        let text = format!("line of round {round}.");
        let wish = look(at, seq, &epoch);
        // At the same time, so that it falls on either side, or into the middle.
        futures_util::join!(writer.writes(&text), screen.say(&wish));
        screen
            .next_that(|it| it["list"] != "conversations" && it.to_string().contains(&text))
            .await;
    }
    house.close().await;
}

#[actix_web::test]
async fn what_one_may_not_see_is_refused_quietly_and_says_nothing_of_it() {
    let house = open_house().await;
    house
        .add_agent("bob@shop.example", "Bob", Role::Agent)
        .await;
    let bob = house.agent("bob@shop.example").await;
    let mut visitor = house.visitor().await;
    let own = key(&visitor.writes("hello").await);
    let mut screen = bob.listens(&own).await;
    let (_, _, seq, epoch) = region(&bob, &format!("/inbox/{own}")).await;
    screen.say(&look("nosuchconversation", seq, &epoch)).await;
    assert_eq!(
        told(&mut screen).await,
        json!({ "t": "reload", "region": "thread" })
    );
    let (status, page, ..) = region(&bob, "/inbox/nosuchconversation").await;
    assert_eq!(status, 404);
    assert!(
        page.contains("nothing-open") && page.contains("data-view=\"\""),
        "{page}"
    );
    // Nor does he go on hearing where he looked before.
    visitor.writes("still there?").await;
    let news = screen
        .next_that(|it| it["html"].to_string().contains("still there?"))
        .await;
    assert_eq!(news["list"], "conversations");
    // What another database had drawn says nothing of this one.
    screen.say(&look(&own, seq, "another")).await;
    assert_eq!(told(&mut screen).await["region"], "thread");
    house.close().await;
}

#[actix_web::test]
async fn who_looks_about_too_fast_is_cut_off() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut screen = agent.listens("").await;
    let (_, _, seq, epoch) = region(&agent, "/inbox").await;
    for _ in 0..80 {
        screen.say(&look("", seq, &epoch)).await;
    }
    assert_eq!(screen.end().await, 4008);
    house.close().await;
}
