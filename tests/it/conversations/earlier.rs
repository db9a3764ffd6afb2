//! What agents see of a visitor's earlier chats: of anonymous ones only where the site
//! says so, of those the shop knows always; and that it is true while it changes.

use shopbell::accounts::Role;
use shopbell::contacts;
use shopbell::conversations::{self, NewMessage};
use shopbell::kernel::{Actor, Token};
use shopbell::visitors;

use super::{does, key};
use crate::support::{AgentBrowser, House, NOW, Screen, VisitorPage, between, open_house};

const BEN: &str = "ben@mugs.example";

/// One who wrote, was done with, and writes again.
async fn two_chats(house: &House, ada: &AgentBrowser) -> (VisitorPage, String, String) {
    let mut visitor = house.visitor().await;
    let first = key(&visitor.writes("about a mug").await);
    does(ada, &first, "resolve").await;
    let second = key(&visitor.writes("about a plate").await);
    assert_ne!(first, second);
    (visitor, first, second)
}

async fn shows_earlier(house: &House, on: bool) {
    house
        .changes_site(move |look| look.earlier_chats = on)
        .await;
}

async fn panel(agent: &AgentBrowser, conversation: &str) -> String {
    let page = agent.sees(&format!("/inbox/{conversation}")).await;
    between(&page, "<section class=\"visitor\"", "</details>").unwrap()
}

/// Everything that a screen is told until a line with these words.
async fn told_until(screen: &mut Screen, words: &str) -> String {
    let mut all = String::new();
    loop {
        let item = screen.next().await.to_string();
        all.push_str(&item);
        if item.contains(words) && item.contains("\"log-") {
            return all;
        }
    }
}

async fn next_panel(screen: &mut Screen, conversation: &str) -> String {
    let list = format!("visitor-{conversation}");
    let item = screen.next_that(|it| it["list"] == list.as_str()).await;
    item["html"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn of_somebody_anonymous_agents_see_nothing_unless_the_site_says_so() {
    let house = open_house().await;
    let ada = house.owner().await;
    let (mut visitor, first, second) = two_chats(&house, &ada).await;
    let hidden = panel(&ada, &second).await;
    assert!(!hidden.contains("Earlier chats") && !hidden.contains(&first));
    // Nor does a frame say so, whatever is drawn.
    let mut screen = ada.listens(&second).await;
    does(&ada, &second, "resolve").await;
    does(&ada, &second, "reopen").await;
    visitor.writes("the last word").await;
    let told = told_until(&mut screen, "the last word").await;
    assert!(told.contains(&format!("visitor-{second}")) && !told.contains(&first));

    shows_earlier(&house, true).await;
    let drawn = next_panel(&mut screen, &second).await;
    for shown in [drawn, panel(&ada, &second).await] {
        assert!(shown.contains("Earlier chats") && shown.contains("about a mug"));
        assert!(shown.contains(&format!("href=\"/inbox/{first}\"")));
    }
    assert!(
        !panel(&ada, &first).await.contains("Earlier chats"),
        "there is none before"
    );

    shows_earlier(&house, false).await;
    assert!(!next_panel(&mut screen, &second).await.contains(&first));
    house.close().await;
}

#[actix_web::test]
async fn of_whom_the_shop_knows_agents_always_see_them() {
    let house = open_house().await;
    let ada = house.owner().await;
    let (visitor, first, second) = two_chats(&house, &ada).await;
    let (_, other_first, other_second) = two_chats(&house, &ada).await;
    let mut screen = ada.listens(&second).await;
    let token = Token::parse(&visitor.token).unwrap().hash();
    let know = house.db.write("test.know", move |w| {
        let visitor = visitors::authenticate(w, token)?;
        contacts::know(w, NOW, visitor.id, "customer 7")
    });
    know.await.unwrap();
    for shown in [
        next_panel(&mut screen, &second).await,
        panel(&ada, &second).await,
    ] {
        assert!(shown.contains("Known to the shop as") && shown.contains("customer 7"));
        assert!(shown.contains(&format!("href=\"/inbox/{first}\"")));
        assert!(!shown.contains(&other_first));
    }
    assert!(!panel(&ada, &other_second).await.contains("Earlier chats"));
    house.close().await;
}

#[actix_web::test]
async fn an_earlier_chat_that_goes_on_is_shown_as_it_is_now() {
    let house = open_house().await;
    shows_earlier(&house, true).await;
    let mut ada = house.owner().await;
    let (_, first, second) = two_chats(&house, &ada).await;
    let mut screen = ada.listens(&second).await;
    does(&ada, &first, "reopen").await;
    assert!(
        next_panel(&mut screen, &second)
            .await
            .contains("Still open")
    );
    ada.joins(&first).await;
    ada.answers(&first, "one more thing").await;
    loop {
        // Joining draws it too.
        if next_panel(&mut screen, &second)
            .await
            .contains("one more thing")
        {
            break;
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn who_does_not_see_the_site_sees_neither_the_chat_nor_those_before_it() {
    let house = open_house().await;
    shows_earlier(&house, true).await;
    house.add_agent(BEN, "Ben", Role::Agent).await;
    let (ada, ben) = (house.owner().await, house.agent(BEN).await);
    let (mut visitor, first, second) = two_chats(&house, &ada).await;
    assert!(panel(&ben, &second).await.contains(&first));

    house
        .add_agent("eve@mugs.example", "Eve", Role::Agent)
        .await;
    let members = format!("/settings/sites/{}/members", house.site);
    assert_eq!(ada.post(&members, &[("agents", "3")]).await.status(), 303);
    for conversation in [&first, &second] {
        let path = format!("/inbox/{conversation}");
        let asked = ben.request(reqwest::Method::GET, &path).send().await;
        assert_eq!(asked.unwrap().status(), 404);
    }
    // Of what goes on he hears nothing.
    let mut screen = ben.listens("").await;
    visitor.writes("once more").await;
    let other = house.db.write("test.site", |w| {
        let plates = shopbell::sites::create(w, NOW, "Plates", shopbell::texts::Lang::En, "UTC")?;
        Ok(shopbell::sites::find(w, plates)?.key)
    });
    let mut there = VisitorPage::arrive(&house.url, &other.await.unwrap()).await;
    let theirs = key(&there.writes("a plate").await);
    let first_told = screen.next_that(|it| it["list"] == "conversations").await;
    assert_eq!(first_told["id"], format!("c-{theirs}"));
    house.close().await;
}

#[actix_web::test]
async fn the_newest_ten_are_listed_and_all_are_counted() {
    let house = open_house().await;
    shows_earlier(&house, true).await;
    let ada = house.owner().await;
    let visitor = house.visitor().await;
    let token = Token::parse(&visitor.token).unwrap().hash();
    let write = house.db.write("test.chats", move |w| {
        let visitor = visitors::authenticate(w, token)?;
        let mut keys = Vec::new();
        for n in 0..13 {
            let line = NewMessage {
                body: format!("chat {n}."),
                cid: format!("a-line-{n}"),
                ..NewMessage::default()
            };
            let posted = conversations::write_in(w, NOW, &visitor, None, line)?;
            conversations::resolve(w, NOW, Actor::House, posted.message.conversation)?;
            keys.push(posted.key.to_string());
        }
        Ok(keys)
    });
    let keys = write.await.unwrap();
    let shown = panel(&ada, &keys[12]).await;
    let listed: Vec<&String> = keys.iter().filter(|it| shown.contains(*it)).collect();
    assert_eq!(listed, keys[2..12].iter().collect::<Vec<_>>());
    assert!(shown.contains("<span class=\"soft\">12</span>"));
    assert!(shown.contains("The newest 10 are listed."));
    let (newest, oldest) = (shown.find("chat 11."), shown.find("chat 2."));
    assert!(newest < oldest, "the newest first");
    assert!(
        panel(&ada, &keys[10])
            .await
            .contains("<span class=\"soft\">10</span>")
    );
    assert!(!panel(&ada, &keys[10]).await.contains("are listed"));
    house.close().await;
}

#[actix_web::test]
async fn the_site_keeps_the_rule_and_it_is_off_at_first() {
    let house = open_house().await;
    let ada = house.owner().await;
    let page = async || ada.sees(&format!("/settings/sites/{}", house.site)).await;
    let switch = async || {
        let page = page().await;
        let input = between(&page, "name=\"earlier_chats\"", ">").unwrap();
        input.contains("checked")
    };
    assert!(!switch().await);
    let fields = [
        ("shop", "Mugs"),
        ("color", "#0f6b5c"),
        ("position", "end"),
        ("foot", "20"),
        ("lang", "en"),
        ("zone", "UTC"),
        ("earlier_chats", "1"),
    ];
    let path = format!("/settings/sites/{}", house.site);
    assert_eq!(ada.post(&path, &fields).await.status(), 303);
    assert!(switch().await);
    assert_eq!(ada.post(&path, &fields[..6]).await.status(), 303);
    assert!(!switch().await);
    house.close().await;
}
