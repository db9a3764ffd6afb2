//! The pages of lists that are narrowed, their addresses, and what they hear
//! while they are open.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shopbell::accounts::Role;
use shopbell::conversations::news;
use shopbell::events::Event;
use shopbell::journal::{self, Fact};
use shopbell::kernel::{Actor, ConversationId, Subject};
use shopbell::live::Batch;
use shopbell::server::Wing;
use shopbell::sites;
use shopbell::texts::Lang;

use super::filters::{COLOUR, COLOURS};
use super::{BEN, attribute, does, key, listed, row};
use crate::support::{AgentBrowser, House, NOW, VisitorPage, between, open_house_with_wings};

/// A wing that colours conversations.
fn wing() -> Wing {
    Wing {
        windows: vec![|it| it.narrow(&COLOUR)],
        draws: vec![|_, fact: &Fact, batch: &mut Batch| {
            if let (Event::Told { .. }, Subject::Conversation(id)) = (&fact.event, fact.subject) {
                news::row(batch, id, fact.seq);
            }
            Ok(())
        }],
        ..Wing::default()
    }
}

/// Mugs, and Plates with a visitor of its own; Ada sees both, Ben sees Mugs only.
struct Shops {
    house: House,
    ada: AgentBrowser,
    ben: AgentBrowser,
    plates: String,
    /// A conversation at each.
    of_mugs: String,
    of_plates: String,
}

impl Shops {
    async fn open() -> Self {
        let house = open_house_with_wings(vec![wing()]).await;
        house.add_agent(BEN, "Ben", Role::Agent).await;
        house
            .add_agent("eve@plates.example", "Eve", Role::Agent)
            .await;
        let create = house.db.write("test.site", |w| {
            w.execute_batch(COLOURS)?;
            let id = sites::create(w, NOW, "Plates & Co", Lang::En, "UTC")?;
            Ok(sites::find(w, id)?.key)
        });
        let plates = create.await.unwrap();
        let (ada, ben) = (house.owner().await, house.agent(BEN).await);
        for (site, agent) in [(&house.site, "2"), (&plates, "3")] {
            let path = format!("/settings/sites/{site}/members");
            let named = ada.post(&path, &[("agents", agent)]).await;
            assert_eq!(named.status(), 303);
        }
        let of_mugs = key(&house.visitor().await.writes("a mug, please").await);
        let mut visitor = VisitorPage::arrive(&house.url, &plates).await;
        let of_plates = key(&visitor.writes("a plate, please").await);
        Self {
            house,
            ada,
            ben,
            plates,
            of_mugs,
            of_plates,
        }
    }

    /// The first conversation is that of Mugs.
    async fn colours(&self, colours: &'static [i64]) {
        let colour = self.house.db.write("test.colour", move |w| {
            w.execute("delete from colours", [])?;
            for it in colours {
                w.execute("insert into colours values (1, ?1)", [it])?;
            }
            let told = Event::told("colour.put", Value::Null);
            journal::record(w, NOW, Actor::House, ConversationId(1), &told)
        });
        colour.await.unwrap();
    }
}

/// What stands in both lists of what is open.
fn open(page: &str) -> Vec<String> {
    [listed(page, "mine"), listed(page, "inbox")].concat()
}

fn unescaped(text: &str) -> String {
    text.replace("&#38;", "&").replace("&amp;", "&")
}

#[actix_web::test]
async fn a_page_shows_what_it_is_narrowed_to_and_says_so() {
    let shops = Shops::open().await;
    shops.colours(&[1]).await;
    shops.ada.joins(&shops.of_mugs).await;
    let (mugs, plates) = (shops.of_mugs.as_str(), shops.of_plates.as_str());
    let site = shops.plates.as_str();
    for (asked, shown, said) in [
        ("", vec![mugs, plates], ""),
        (
            &*format!("site={site}"),
            vec![plates],
            "Site: Plates &#38; Co",
        ),
        ("agent=1", vec![mugs], "Answered by: Ada (me)"),
        ("agent=nobody", vec![plates], "Answered by: Nobody"),
        ("colour=1", vec![mugs], "Colour: red"),
        ("colour=3", vec![], "Colour: &#60;blue&#62;"),
        (
            "from=2026-09-20&to=2026-09-21",
            vec![mugs, plates],
            "To: 21 September 2026",
        ),
        ("from=2026-09-22", vec![], "From: 22 September 2026"),
        ("site=&agent=&from=&to=&colour=", vec![mugs, plates], ""),
        ("agent=1&colour=2", vec![], "Colour: green"),
    ] {
        let page = shops.ada.sees(&format!("/inbox?{asked}")).await;
        assert_eq!(open(&page), shown, "{asked}");
        let chips = between(&page, "class=\"narrowed\"", "</div>").unwrap_or_default();
        assert_eq!(chips.is_empty(), said.is_empty(), "{asked}: {chips}");
        assert!(chips.contains(said), "{asked}: {chips}");
        assert!(!chips.contains("notice"), "{asked}: {chips}");
        let empty = page.contains("Nothing here matches the filter.");
        assert_eq!(empty, !said.is_empty(), "{asked}");
        // What waits is counted wherever it is.
        assert_eq!(attribute(&page, " data-waiting"), "2", "{asked}");
    }
    shops.house.close().await;
}

#[actix_web::test]
async fn every_way_on_from_a_narrowed_list_keeps_it_narrowed() {
    let shops = Shops::open().await;
    let (mugs, site) = (&shops.of_mugs, &shops.house.site);
    let query = format!("site={site}&agent=nobody");
    let page = shops.ada.sees(&format!("/inbox?{query}")).await;
    let opens = unescaped(&attribute(&row(&page, mugs), "href"));
    assert_eq!(opens, format!("/inbox/{mugs}?{query}"));
    let resolved = format!("/inbox?show=resolved&{query}");
    assert!(unescaped(&page).contains(&format!("href=\"{resolved}\"")));

    let page = shops.ada.sees(&opens).await;
    assert_eq!(listed(&page, "inbox"), [mugs.as_str()]);
    let page = unescaped(&page);
    let back = between(&page, "class=\"thread-back\" href=\"", "\"").unwrap();
    assert_eq!(back, format!("/inbox?{query}"));
    // Without one of both, and without any.
    for left in [
        "?agent=nobody".to_owned(),
        format!("?site={site}"),
        String::new(),
    ] {
        assert!(
            page.contains(&format!("href=\"/inbox/{mugs}{left}\"")),
            "{left}"
        );
    }

    does(&shops.ada, mugs, "resolve").await;
    let page = shops.ada.sees(&resolved).await;
    assert_eq!(listed(&page, "resolved"), [mugs.as_str()]);
    let opens = unescaped(&attribute(&row(&page, mugs), "href"));
    assert_eq!(opens, format!("/inbox/{mugs}?show=resolved&{query}"));
    let page = unescaped(&shops.ada.sees(&opens).await);
    assert_eq!(listed(&page, "resolved"), [mugs.as_str()]);
    let back = between(&page, "class=\"thread-back\" href=\"", "\"").unwrap();
    assert_eq!(back, resolved);
    shops.house.close().await;
}

#[actix_web::test]
async fn a_narrowed_list_that_is_longer_than_a_page_goes_on_narrowed() {
    let shops = Shops::open().await;
    for _ in 0..60 {
        shops.house.clock.advance(1000);
        shops.house.visitor().await.writes("hello").await;
    }
    let start = format!("/inbox?site={}&agent=nobody", shops.house.site);
    let found = super::walk(&shops.ada, &start, "inbox").await;
    assert_eq!(found.len(), 61);
    assert!(!found.contains(&shops.of_plates));
    for conversation in &found {
        does(&shops.ada, conversation, "resolve").await;
    }
    let start = format!(
        "/inbox?show=resolved&site={}&agent=nobody",
        shops.house.site
    );
    let resolved = super::walk(&shops.ada, &start, "resolved").await;
    assert_eq!(super::set(&resolved), super::set(&found));
    shops.house.close().await;
}

#[actix_web::test]
async fn what_there_is_not_and_what_is_out_of_sight_find_nothing_alike_and_the_page_says_so() {
    let shops = Shops::open().await;
    let (seen, hidden) = (shops.house.site.as_str(), shops.plates.as_str());
    let long = "9".repeat(2_000);
    let asked = [
        format!("site={hidden}"),
        "site=nowhere".to_owned(),
        "site=1".to_owned(),
        "site=%22%3E%3Cscript%3E".to_owned(),
        format!("site={long}"),
        "agent=3".to_owned(),
        "agent=99".to_owned(),
        "agent=-1".to_owned(),
        "agent=ben".to_owned(),
        format!("agent={long}"),
        "colour=9".to_owned(),
        "colour=red".to_owned(),
        "colour=01".to_owned(),
        "from=yesterday".to_owned(),
        "from=2026-02-30".to_owned(),
        "to=0000-00-00".to_owned(),
        "from=2026-09-22&to=2026-09-21".to_owned(),
        format!("site={seen}&agent=99"),
    ];
    for asked in asked {
        for show in ["", "show=resolved&"] {
            let page = shops.ben.sees(&format!("/inbox?{show}{asked}")).await;
            assert!(!page.contains("class=\"row\""), "{asked}");
            assert!(page.contains("Nothing is shown:"), "{asked}");
            assert!(!page.contains("Plates"), "{asked}: a name is out of sight");
            assert!(!page.contains("<script>"), "{asked}");
            assert!(page.contains("data-facets=\"") && page.contains("nothing\""));
        }
    }
    // To whom it is in sight it is there.
    let page = shops
        .ada
        .sees(&format!("/inbox?site={hidden}&agent=nobody"))
        .await;
    assert_eq!(open(&page), [shops.of_plates.as_str()]);
    // Names that nobody knows mean nothing.
    let page = shops
        .ben
        .sees("/inbox?utm=mail&shape=1&site=%00&agent=%E2%80%AE&%FF=%FF")
        .await;
    assert_eq!(open(&page), [shops.of_mugs.as_str()]);
    // A conversation out of sight stays so, whatever else is asked for.
    let path = format!("/inbox/{}?site={hidden}", shops.of_plates);
    let asked = shops.ben.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::NOT_FOUND);
    shops.house.close().await;
}

#[actix_web::test]
async fn who_sees_several_sites_switches_between_them_and_who_sees_one_is_not_asked() {
    let shops = Shops::open().await;
    let page = unescaped(&shops.ada.sees("/inbox?agent=nobody").await);
    let menu = between(&page, "<nav id=\"sites\"", "</nav>").unwrap();
    for link in [
        "/inbox?agent=nobody\" data-here aria-current=\"true\"".to_owned(),
        format!("/inbox?site={}&agent=nobody\"", shops.house.site),
        format!("/inbox?site={}&agent=nobody\"", shops.plates),
    ] {
        assert!(menu.contains(&format!("href=\"{link}")), "{link}: {menu}");
    }
    let page = shops
        .ada
        .sees(&format!("/inbox?site={}", shops.plates))
        .await;
    let title = between(&page, "popovertarget=\"sites\"", "</button>").unwrap();
    assert!(title.contains("Plates &#38; Co"), "{title}");
    assert!(page.contains("name=\"site\""));

    let page = shops.ben.sees("/inbox").await;
    assert!(!page.contains("id=\"sites\"") && !page.contains("name=\"site\""));
    // Who of his colleagues is there to choose: not Eve, whom he shares no site with.
    let choices = between(&page, "name=\"agent\"", "</select>").unwrap();
    assert!(choices.contains("Ben (me)") && choices.contains("Ada"));
    assert!(!choices.contains("Eve"), "{choices}");
    shops.house.close().await;
}

#[actix_web::test]
async fn days_are_those_of_each_shop() {
    let shops = Shops::open().await;
    // 2026-09-21 at 22:00 in UTC: in Istanbul, where Mugs is, the next day has begun.
    let late: i64 = 1_790_028_000_000;
    let touch = shops.house.db.write("test.touch", move |w| {
        w.execute(
            "update conversations set last_at = ?1, waiting_since = ?1",
            [late],
        )?;
        Ok(())
    });
    touch.await.unwrap();
    let page = shops.ada.sees("/inbox?from=2026-09-21&to=2026-09-21").await;
    assert_eq!(open(&page), [shops.of_plates.as_str()]);
    let spans = attribute(&page, "data-spans");
    let day = 86_400_000;
    let (at_mugs, at_plates) = (1_789_938_000_000_i64, 1_789_948_800_000_i64);
    let expected = format!(
        "1:{at_mugs}:{} 2:{at_plates}:{}",
        at_mugs + day,
        at_plates + day
    );
    assert_eq!(spans, expected);
    let page = shops.ada.sees("/inbox?from=2026-09-22").await;
    assert_eq!(open(&page), [shops.of_mugs.as_str()]);
    shops.house.close().await;
}

#[actix_web::test]
async fn pages_that_are_open_hear_by_what_an_entry_is_found_once_for_all_of_them() {
    let shops = Shops::open().await;
    let mut screen = shops.ada.listens("").await;
    let entry = |it: &Value| it["list"] == "conversations";
    let facets = |it: &Value| attribute(it["html"].as_str().unwrap(), "data-facets");

    shops.colours(&[1, 3]).await;
    let put = screen.next_that(entry).await;
    assert_eq!(facets(&put), "site-1 agent-nobody colour-1 colour-3");
    assert_eq!(put["data"], json!(null), "nobody wrote, so nothing rings");
    let html = put["html"].as_str().unwrap();
    let link = format!("href=\"/inbox/{}\"", shops.of_mugs);
    assert!(
        html.contains(&link),
        "a page adds what it is narrowed to: {html}"
    );

    shops.colours(&[]).await;
    let put = screen.next_that(entry).await;
    assert_eq!(facets(&put), "site-1 agent-nobody");
    shops.ada.joins(&shops.of_mugs).await;
    let put = screen.next_that(entry).await;
    assert_eq!(facets(&put), "site-1 agent-1");
    shops.house.close().await;
}

#[actix_web::test]
async fn the_filter_speaks_the_language_of_whoever_reads_it() {
    let shops = Shops::open().await;
    let french = shops
        .ben
        .post("/me/profile", &[("name", "Ben"), ("lang", "fr")])
        .await;
    assert_eq!(french.status(), 303);
    let page = shops.ben.sees("/inbox?agent=nobody&from=2026-09-22").await;
    for words in [
        "Qui répond\u{a0}: Personne",
        "Du\u{a0}: 22/09/2026",
        "Tout effacer",
        "Europe/Istanbul",
    ] {
        assert!(page.contains(words), "{words}");
    }
    shops.house.close().await;
}
