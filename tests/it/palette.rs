//! Finding something by typing the beginning of it: what is found, by whom, and what
//! that costs.

mod costs;
mod keys;
mod people;

use reqwest::Method;
use shopbell::accounts::Role;
use shopbell::kernel::Actor;
use shopbell::server;
use shopbell::tags::keeping::{self, NewTag};

use crate::sites::{BOB, EVE, MAX, Sisters};
use crate::support::{AgentBrowser, NOW, OWNER, between, open_house};

/// What stands there, without the page around it.
async fn part(agent: &AgentBrowser, q: &str) -> String {
    let asked = agent.request(Method::GET, "/find");
    let asked = asked.query(&[("q", q), ("part", "hits")]);
    asked.send().await.unwrap().text().await.unwrap()
}

/// Where it leads to, in order.
async fn found(agent: &AgentBrowser, q: &str) -> Vec<String> {
    let part = part(agent, q).await;
    let links = part.split("href=\"").skip(1);
    let links = links.filter_map(|it| it.split('"').next());
    links.map(str::to_owned).collect()
}

#[actix_web::test]
async fn what_lies_out_of_sight_is_not_found_by_any_word() {
    let sisters = Sisters::open().await;
    let (mugs, plates) = (sisters.of_mugs.as_str(), sisters.of_plates.as_str());
    let links = [format!("/inbox/{mugs}"), format!("/inbox/{plates}")];
    for (email, sees) in [
        (BOB.0, [true, false]),
        (EVE.0, [false, true]),
        (MAX, [true, true]),
        (OWNER, [true, true]),
    ] {
        let agent = sisters.house.agent(email).await;
        let leads = async |q: &str| {
            let found = found(&agent, q).await;
            links.each_ref().map(|it| found.contains(it))
        };
        for both in ["1", "client 1", "#1", "client", "please"] {
            assert_eq!(leads(both).await, sees, "{email}: {both}");
        }
        for (n, key) in [mugs, plates].into_iter().enumerate() {
            let mut one = [false, false];
            one[n] = sees[n];
            assert_eq!(leads(key).await, one, "{email}: its address");
            let word = ["mug", "PLATE"][n];
            assert_eq!(leads(word).await, one, "{email}: {word}");
        }
        let page = part(&agent, "plates & co").await;
        assert_eq!(
            page.contains("Plates &#38; Co"),
            sees[1] && email != EVE.0,
            "{email}"
        );
        let page = part(&agent, "eve").await;
        assert_eq!(page.contains("Eve"), email != BOB.0, "{email}");
    }
    sisters.house.close().await;
}

#[actix_web::test]
async fn pages_are_found_by_who_may_open_them_and_by_nobody_else() {
    let house = open_house().await;
    house.add_agent(BOB.0, "Bob", Role::Agent).await;
    let (ada, bob) = (house.owner().await, house.agent(BOB.0).await);
    for (agent, administers) in [(&ada, true), (&bob, false)] {
        let all = found(agent, "").await;
        for area in server::areas() {
            let open = area.is_open_to(administers);
            let label = (area.label)(shopbell::texts::Lang::En);
            let by_name = found(agent, label).await;
            let href = area.href.to_owned();
            assert_eq!(all.contains(&href), open, "{href}");
            assert_eq!(by_name.contains(&href), open, "{href}");
        }
        assert!(all.contains(&"/me".to_owned()));
        for href in all {
            let answer = agent.request(Method::GET, &href).send().await.unwrap();
            assert!([200, 303].contains(&answer.status().as_u16()), "{href}");
        }
    }
    // An address is for whoever keeps the team; a page of his, too.
    assert_eq!(found(&ada, BOB.0).await, ["/settings/team/2"]);
    assert_eq!(found(&bob, BOB.0).await, [""; 0]);
    assert_eq!(found(&bob, "ada").await, ["/inbox?agent=1"]);
    assert!(!part(&bob, "ada").await.contains('@'));
    assert_eq!(found(&bob, "bob").await, ["/me"]);
    house.close().await;
}

#[actix_web::test]
async fn a_tag_is_found_however_it_is_typed_and_leads_to_its_chats() {
    let house = open_house().await;
    let make = house.db.write("test.tag", |w| {
        for name in ["Élan", "Refund"] {
            let new = NewTag {
                name: name.to_owned(),
                colour: None,
            };
            keeping::make(w, NOW, Actor::House, &new)?;
        }
        Ok(())
    });
    make.await.unwrap();
    let ada = house.owner().await;
    assert_eq!(found(&ada, "ELAN").await, ["/inbox?tag=1"]);
    assert_eq!(found(&ada, "elan").await, ["/inbox?tag=1"]);
    assert!(part(&ada, "elan refund").await.contains("Nothing found"));
    let page = ada.sees("/inbox?tag=1").await;
    assert!(page.contains("Élan"), "{page}");
    house.close().await;
}

#[actix_web::test]
async fn without_a_script_the_same_stands_on_a_page_of_its_own() {
    let house = open_house().await;
    let posted = house.visitor().await.writes("<b>teapot</b>").await;
    let ada = house.owner().await;
    let page = ada.sees("/find?q=teapot").await;
    let inner = part(&ada, "teapot").await;
    assert!(page.contains(inner.trim()), "{page}");
    assert!(
        !inner.contains("<body") && !inner.contains("<b>"),
        "{inner}"
    );
    let key = posted["conversation"].as_str().unwrap();
    assert!(inner.contains(&format!("/inbox/{key}")), "{inner}");
    assert_eq!(
        between(&page, "type=\"search\" value=\"", "\"").as_deref(),
        Some("teapot")
    );
    // What is resolved stands among other lists.
    let resolve = ada.post(&format!("/inbox/{key}/resolve"), &[]).await;
    assert_eq!(resolve.status(), 200);
    let there = format!("/inbox/{key}?show=resolved");
    for q in ["teapot", "1", key] {
        assert_eq!(found(&ada, q).await, [there.as_str()], "{q}");
    }
    let nothing = ada.sees("/find?q=%3Cscript%3E").await;
    assert!(
        nothing.contains("Nothing found for “&#60;script&#62;”"),
        "{nothing}"
    );
    house.close().await;
}

#[actix_web::test]
async fn who_asks_too_often_is_told_and_keeps_what_was_typed_and_nobody_else_waits() {
    let house = open_house().await;
    house.add_agent(BOB.0, "Bob", Role::Agent).await;
    let (ada, bob) = (house.owner().await, house.agent(BOB.0).await);
    let asks = async |agent: &AgentBrowser, path: &str| {
        agent.request(Method::GET, path).send().await.unwrap()
    };
    let mut refused = None;
    for _ in 0..400 {
        let answer = asks(&ada, "/find?q=a&part=hits").await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("nobody was slowed down");
    assert!(refused.headers().contains_key("retry-after"));
    let page = asks(&ada, "/find?q=teapot").await;
    assert_eq!(page.status(), 429);
    let page = page.text().await.unwrap();
    assert!(
        page.contains("value=\"teapot\"") && page.contains("q-error"),
        "{page}"
    );
    assert_eq!(asks(&bob, "/find?q=a&part=hits").await.status(), 200);
    house.close().await;
}

#[actix_web::test]
async fn what_is_typed_without_end_or_sense_is_answered_all_the_same() {
    let house = open_house().await;
    let ada = house.owner().await;
    let long = "x".repeat(3000);
    for q in [
        long.as_str(),
        "%",
        "_",
        "c_",
        "\u{202e}\u{0}",
        "' or 1=1 --",
        "99999999999999999999",
    ] {
        let asked = ada.request(Method::GET, "/find").query(&[("q", q)]);
        assert_eq!(asked.send().await.unwrap().status(), 200, "{q}");
    }
    house.close().await;
}
