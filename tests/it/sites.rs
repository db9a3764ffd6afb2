//! Several sites in one house: who sees what of which, and who may do what.
//! What lies out of sight is not found, not listed, not counted and not told.

mod matrix;
mod members;
mod verbs;

use actix_web::App;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shopbell::accounts::{self, Role};
use shopbell::kernel::{Actor, AgentId, May};
use shopbell::texts::Lang;
use shopbell::{server, sites};

use crate::support::{
    AgentBrowser, House, NOW, OWNER, PASSWORD, Screen, VisitorPage, between, client, open_house,
};

/// As they are added to the house, after its owner.
pub const BOB: (&str, &str) = ("bob@mugs.example", "2");
pub const EVE: (&str, &str) = ("eve@mugs.example", "3");
pub const MAX: &str = "max@mugs.example";

/// A shop with a sister: Bob answers for Mugs, Eve for Plates, Max is an admin.
pub struct Sisters {
    pub house: House,
    plates: String,
    /// The conversation at each.
    pub of_mugs: String,
    pub of_plates: String,
    of_mugs_visitor: VisitorPage,
    of_plates_visitor: VisitorPage,
}

impl Sisters {
    pub async fn open() -> Self {
        Self::open_in(open_house().await).await
    }

    async fn open_in(house: House) -> Self {
        house.add_agent(BOB.0, "Bob", Role::Agent).await;
        house.add_agent(EVE.0, "Eve", Role::Agent).await;
        house.add_agent(MAX, "Max", Role::Admin).await;
        let create = house.db.write("test.site", |w| {
            let id = sites::create(w, NOW, "Plates & Co", Lang::En, "UTC")?;
            Ok(sites::find(w, id)?.key)
        });
        let plates = create.await.unwrap();
        let mut of_mugs_visitor = house.visitor().await;
        let mut of_plates_visitor = VisitorPage::arrive(&house.url, &plates).await;
        let key = |posted: Value| posted["conversation"].as_str().unwrap().to_owned();
        let of_mugs = key(of_mugs_visitor.writes("a mug, please").await);
        let of_plates = key(of_plates_visitor.writes("a plate, please").await);
        let sisters = Self {
            house,
            plates,
            of_mugs,
            of_plates,
            of_mugs_visitor,
            of_plates_visitor,
        };
        sisters.name(&sisters.house.site, &[BOB.1]).await;
        sisters.name(&sisters.plates, &[EVE.1]).await;
        sisters
    }

    /// Says who sees a site, as its page does.
    async fn name(&self, site: &str, agents: &[&str]) {
        let owner = self.house.owner().await;
        let page = owner.sees(&format!("/settings/sites/{site}")).await;
        let had = page.split("name=\"had\" value=\"").skip(1);
        let had = had.filter_map(|it| it.split('"').next());
        let ticked = agents.iter().map(|it| ("agents", *it));
        let fields: Vec<(&str, &str)> = had.map(|it| ("had", it)).chain(ticked).collect();
        let path = format!("/settings/sites/{site}/members");
        assert_eq!(owner.post(&path, &fields).await.status(), 303);
    }
}

async fn status(agent: &AgentBrowser, path: &str) -> StatusCode {
    let asked = agent.request(Method::GET, path).send().await;
    asked.unwrap().status()
}

fn waiting(page: &str) -> String {
    between(page, " data-waiting=\"", "\"").unwrap()
}

#[actix_web::test]
async fn a_list_shows_and_counts_what_is_in_sight_and_nothing_else() {
    let sisters = Sisters::open().await;
    let (mugs, plates) = (sisters.of_mugs.as_str(), sisters.of_plates.as_str());
    let shown = |page: &str| (page.contains(mugs), page.contains(plates));
    for (email, seen) in [
        (BOB.0, (true, false)),
        (EVE.0, (false, true)),
        (MAX, (true, true)),
        (OWNER, (true, true)),
    ] {
        let agent = sisters.house.agent(email).await;
        let page = agent.sees("/inbox").await;
        assert_eq!(shown(&page), seen, "{email}");
        let count = usize::from(seen.0) + usize::from(seen.1);
        assert_eq!(waiting(&page), count.to_string(), "{email}");
        assert_eq!(
            page.contains("Plates &#38; Co"),
            seen.1,
            "{email}: its name"
        );
    }
    sisters.house.close().await;
}

#[actix_web::test]
async fn a_site_that_nobody_is_named_for_is_everybodys() {
    let sisters = Sisters::open().await;
    let bob = sisters.house.agent(BOB.0).await;
    let path = format!("/inbox/{}", sisters.of_plates);
    assert_eq!(status(&bob, &path).await, 404);
    sisters.name(&sisters.plates, &[]).await;
    assert_eq!(status(&bob, &path).await, 200);
    sisters.house.close().await;
}

#[actix_web::test]
async fn a_page_may_look_at_what_is_in_sight_and_at_nothing_else() {
    let sisters = Sisters::open().await;
    let bob = sisters.house.agent(BOB.0).await;
    let (seq, epoch) = bob.position().await.unwrap();
    let mut screen = bob.listens("").await;
    for (key, seen) in [(&sisters.of_mugs, true), (&sisters.of_plates, false)] {
        let look = json!({ "t": "look", "conversation": key, "after": seq, "epoch": epoch });
        screen.say(&look.to_string()).await;
        let told = screen.next_that(|it| it["t"].is_string()).await;
        assert_eq!(told["t"] == "look", seen, "{told}");
        assert_eq!(told["t"] == "reload", !seen, "{told}");
    }
    sisters.house.close().await;
}

/// What each door of a conversation wants to be told.
fn form(path: &str) -> Vec<(&'static str, &'static str)> {
    match path.rsplit('/').next().unwrap() {
        "messages" => vec![("cid", "matrix-line-1"), ("body", "a note"), ("note", "1")],
        "seen" => vec![("upto", "1")],
        "transcript" => vec![("email", "ann@post.example")],
        _ => Vec::new(),
    }
}

#[actix_web::test]
async fn every_door_of_a_conversation_opens_to_who_sees_its_site_and_to_nobody_else() {
    let sisters = Sisters::open().await;
    let mut table = Vec::new();
    let _ = App::new().configure(|config| table = server::mount(config));
    table.retain(|it| it.path.contains("{conversation}"));
    assert!(5 < table.len());
    for (email, sees) in [
        (BOB.0, [true, false]),
        (EVE.0, [false, true]),
        (MAX, [true, true]),
        (OWNER, [true, true]),
    ] {
        let agent = sisters.house.agent(email).await;
        for route in &table {
            for (key, seen) in [&sisters.of_mugs, &sisters.of_plates].into_iter().zip(sees) {
                let path = route.path.replace("{conversation}", key);
                let status = match route.method {
                    "GET" => status(&agent, &path).await,
                    _ => agent.post(&path, &form(route.path)).await.status(),
                };
                let shown = format!("{email} {} {path}: {status}", route.method);
                match seen {
                    true => assert!(![401, 403, 404].contains(&status.as_u16()), "{shown}"),
                    false => assert_eq!(status, 404, "{shown}"),
                }
                assert!(!status.is_server_error(), "{shown}");
            }
        }
        for (key, seen) in [&sisters.of_mugs, &sisters.of_plates].into_iter().zip(sees) {
            let socket = agent.listens_after("0", "none", key).await;
            assert_eq!(socket.err(), (!seen).then_some(404), "{email} /live {key}");
        }
    }
    sisters.house.close().await;
}

#[actix_web::test]
async fn who_sees_more_or_less_than_before_has_his_pages_come_back_and_nobody_else() {
    let sisters = Sisters::open().await;
    let bob = sisters.house.agent(BOB.0).await;
    let eve = sisters.house.agent(EVE.0).await;
    let (mut bobs, mut eves) = (bob.listens("").await, eve.listens("").await);
    sisters.name(&sisters.plates, &[BOB.1, EVE.1]).await;
    assert_eq!(bobs.end().await, 1012);
    let mut visitor = sisters.of_plates_visitor;
    visitor.writes("still there?").await;
    let told = eves.next_that(|it| it["list"] == "conversations").await;
    assert!(told["html"].as_str().unwrap().contains(&sisters.of_plates));
    let mut again = bob.listens("").await;
    visitor.writes("and now?").await;
    let told = again.next_that(|it| it["list"] == "conversations").await;
    assert!(told["html"].as_str().unwrap().contains(&sisters.of_plates));
    sisters.house.close().await;
}

/// Everything up to an item with these words.
async fn heard(screen: &mut Screen, end: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let item = screen.next().await;
        let last = item.to_string().contains(end);
        all.push(item);
        if last {
            return all;
        }
    }
}

#[actix_web::test]
async fn no_frame_of_a_site_reaches_who_does_not_see_it_live_or_after_a_break() {
    let mut sisters = Sisters::open().await;
    let (owner, bob) = (
        sisters.house.owner().await,
        sisters.house.agent(BOB.0).await,
    );
    let mut eve = sisters.house.agent(EVE.0).await;
    let plates = sisters.of_plates.clone();
    let (seq, epoch) = bob.position().await.unwrap();
    let (mut bobs, mut owners) = (bob.listens("").await, owner.listens("").await);
    let mut eves = eve.listens(&plates).await;

    // All that can be told of a conversation, and to everybody who sees it.
    let mut visitors = sisters.of_plates_visitor.listens(seq, None).await;
    visitors.next().await;
    let typing = json!({ "t": "typing", "on": true, "text": "do you" }).to_string();
    visitors.say(&typing).await;
    let mut told = heard(&mut owners, "\"who\":\"visitor\"").await;
    let posted = sisters.of_plates_visitor.writes("do you wrap it?").await;
    eve.joins(&plates).await;
    let typing = json!({ "t": "typing", "conversation": plates, "on": true }).to_string();
    eves.say(&typing).await;
    told.extend(heard(&mut owners, "\"who\":\"agent\"").await);
    let upto = posted["message"]["id"].to_string();
    eve.post(&format!("/inbox/{plates}/seen"), &[("upto", &upto)])
        .await;
    eve.answers(&plates, "we do").await;
    eve.post(&format!("/inbox/{plates}/resolve"), &[]).await;
    sisters.of_mugs_visitor.writes("the end").await;
    told.extend(heard(&mut owners, "the end").await);

    let site = sisters
        .house
        .db
        .read(|r| Ok(sites::list(r)?.remove(1).id.to_string()));
    let site = site.await.unwrap();
    let of_plates = |it: &Value| {
        it.to_string().contains(&plates) || (it["list"] == "waiting" && it["id"] == site.as_str())
    };
    for kind in ["conversations", "read", "waiting"] {
        let known = told.iter().any(|it| it["list"] == kind && of_plates(it));
        assert!(known, "{kind} was never told: {told:#?}");
    }
    let mut again = bob
        .listens_after(&seq.to_string(), &epoch, "")
        .await
        .unwrap();
    for screen in [&mut bobs, &mut again] {
        let told = heard(screen, "the end").await;
        assert!(!told.iter().any(of_plates), "{told:#?}");
    }
    sisters.house.close().await;
}

#[actix_web::test]
async fn a_page_from_before_he_saw_something_else_comes_anew_when_it_comes_back() {
    let sisters = Sisters::open().await;
    let bob = sisters.house.agent(BOB.0).await;
    let page = bob.sees("/inbox").await;
    let look = between(&page, "data-look=\"", "\"")
        .unwrap()
        .replace(' ', "+");
    let (seq, epoch) = bob.position().await.unwrap();
    let url = format!(
        "{}/live?after={seq}&epoch={epoch}&view={}&look={look}",
        sisters.house.url, sisters.of_mugs
    );
    let headers = [
        ("cookie", bob.cookie.as_str()),
        ("origin", sisters.house.url.as_str()),
    ];
    let mut same = Screen::open(&url, &headers).await.unwrap();
    assert_eq!(same.next().await["t"], "welcome");
    sisters.name(&sisters.house.site, &[EVE.1]).await;
    assert_eq!(same.end().await, 1012);
    let mut outdated = Screen::open(&url, &headers).await.unwrap();
    let told = outdated.next().await;
    assert_eq!(
        (&told["t"], &told["region"]),
        (&json!("reload"), &json!("all"))
    );
    sisters.house.close().await;
}

#[actix_web::test]
async fn who_does_not_answer_customers_reads_and_writes_notes_and_nothing_else() {
    let sisters = Sisters::open().await;
    let owner = sisters.house.owner().await;
    let bob = sisters.house.agent(BOB.0).await;
    let mut screen = bob.listens("").await;
    let path = format!("/inbox/{}", sisters.of_mugs);
    bob.joins(&sisters.of_mugs).await;
    let member = format!("/settings/team/{}", BOB.1);
    let change = owner.post(&member, &[("name", "Bob"), ("role", "agent")]);
    assert_eq!(change.await.status(), 303);
    assert_eq!(screen.end().await, 1012, "his pages show too much");

    assert_eq!(status(&bob, &path).await, 200);
    let note = [("cid", "note-of-bob"), ("body", "hm"), ("note", "1")];
    let messages = format!("{path}/messages");
    assert_eq!(bob.post(&messages, &note).await.status(), 200);
    let answer = [("cid", "answer-of-bob"), ("body", "hello")];
    assert_eq!(bob.post(&messages, &answer).await.status(), 403);
    // Every door that says so, and no other.
    let mut table = Vec::new();
    let _ = App::new().configure(|config| table = server::mount(config));
    table.retain(|it| it.path.contains("{conversation}"));
    let asking = table.iter().filter(|it| it.needs == Some(May::Customers));
    assert!(5 < asking.count());
    for route in table {
        let path = route.path.replace("{conversation}", &sisters.of_mugs);
        let status = match route.method {
            "GET" => status(&bob, &path).await,
            _ => bob.post(&path, &form(route.path)).await.status(),
        };
        let refused = route.needs == Some(May::Customers);
        assert_eq!(status == 403, refused, "{} {path}: {status}", route.method);
    }
    // In his own language, whatever his browser speaks.
    let french = [("name", "Bob"), ("lang", "fr")];
    assert_eq!(bob.post("/me/profile", &french).await.status(), 303);
    let refused = bob.post(&format!("{path}/resolve"), &[]).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.unwrap().contains("Votre rôle"));
    let given = [("name", "Bob"), ("role", "agent"), ("customers", "1")];
    assert_eq!(owner.post(&member, &given).await.status(), 303);
    // One of the doors was that by which he left.
    bob.joins(&sisters.of_mugs).await;
    assert_eq!(bob.post(&messages, &answer).await.status(), 200);
    sisters.house.close().await;
}

#[actix_web::test]
async fn who_no_longer_works_here_is_out_at_once_and_his_lines_keep_his_name() {
    let sisters = Sisters::open().await;
    let owner = sisters.house.owner().await;
    let mut bob = sisters.house.agent(BOB.0).await;
    bob.joins(&sisters.of_mugs).await;
    bob.answers(&sisters.of_mugs, "a red one?").await;
    let mut screen = bob.listens("").await;
    let member = format!("/settings/team/{}", BOB.1);
    let out = owner.post(&format!("{member}/deactivate"), &[]).await;
    assert_eq!(out.status(), 303);

    assert_eq!(screen.end().await, 4001);
    assert_eq!(status(&bob, "/inbox").await, 401);
    let again = AgentBrowser::try_sign_in(&sisters.house.url, BOB.0, PASSWORD).await;
    assert!(again.is_none());
    let page = owner.sees(&format!("/inbox/{}", sisters.of_mugs)).await;
    assert!(page.contains("a red one?") && page.contains("Bob"));
    let told = sisters.of_mugs_visitor.history().await;
    assert!(told.to_string().contains("Bob"), "{told}");

    let back = owner.post(&format!("{member}/reactivate"), &[]).await;
    assert_eq!(back.status(), 303);
    let bob = sisters.house.agent(BOB.0).await;
    assert_eq!(status(&bob, "/inbox").await, 200);
    sisters.house.close().await;
}

#[actix_web::test]
async fn there_is_always_an_owner_and_nobody_changes_who_stands_above_him() {
    let sisters = Sisters::open().await;
    let (owner, max) = (sisters.house.owner().await, sisters.house.agent(MAX).await);
    let ada = "/settings/team/1";
    let as_agent = [("name", "Ada"), ("role", "agent"), ("customers", "1")];
    assert_eq!(owner.post(ada, &as_agent).await.status(), 422);
    let out = owner.post(&format!("{ada}/deactivate"), &[]).await;
    assert_eq!(out.status(), 403, "nobody locks himself out");

    assert_eq!(status(&max, ada).await, 403);
    assert_eq!(max.post(ada, &as_agent).await.status(), 403);
    let out = max.post(&format!("{ada}/deactivate"), &[]).await;
    assert_eq!(out.status(), 403);
    let crown = [("name", "Bob"), ("role", "owner"), ("customers", "1")];
    let bob = format!("/settings/team/{}", BOB.1);
    assert_eq!(max.post(&bob, &crown).await.status(), 403);
    // An owner may, and with a second one the first may step back.
    assert_eq!(owner.post(&bob, &crown).await.status(), 303);
    assert_eq!(owner.post(ada, &as_agent).await.status(), 303);
    assert_eq!(status(&owner, "/settings/sites").await, 403);
    let read = sisters.house.db.read(|r| accounts::find(r, AgentId(1)));
    assert_eq!(read.await.unwrap().role, Role::Agent);
    sisters.house.close().await;
}

#[actix_web::test]
async fn an_admin_makes_a_site_and_each_has_its_own_settings() {
    let house = open_house().await;
    let owner = house.owner().await;
    let alone = owner.sees(&format!("/settings/sites/{}", house.site)).await;
    assert!(alone.contains("/w.js&#34; data-site"), "the short line");
    let made = owner
        .post("/settings/sites", &[("shop", "Plates & Co")])
        .await;
    assert_eq!(made.status(), 303);
    let there = made.headers()["location"].to_str().unwrap().to_owned();
    let page = owner.sees(&there).await;
    let key = between(&there, "/settings/sites/", "?").unwrap();
    assert!(page.contains(&format!("/w.js?site={key}&#34;")), "{page}");
    let list = owner.sees("/settings/sites").await;
    assert!(list.contains("Mugs &#38; More") && list.contains("Plates &#38; Co"));

    let look = [
        ("shop", "Plates"),
        ("color", "#123456"),
        ("position", "start"),
        ("foot", "20"),
        ("lang", "fr"),
        ("zone", "UTC"),
    ];
    let save = owner.post(&format!("/settings/sites/{key}"), &look).await;
    assert_eq!(save.status(), 303);
    let list = owner.sees("/settings/sites").await;
    assert!(list.contains("Mugs &#38; More") && list.contains("Plates"));
    assert!(!list.contains("Plates &#38; Co"));
    assert_eq!(status(&owner, "/settings/sites/nothing").await, 404);
    assert_eq!(
        owner
            .post("/settings/sites", &[("shop", "")])
            .await
            .status(),
        422
    );
    house.close().await;
}

#[actix_web::test]
async fn a_script_that_names_no_site_is_that_of_its_page_and_never_anothers() {
    let sisters = Sisters::open().await;
    let house = &sisters.house;
    let paint = house.db.write("test.paint", |w| {
        for (site, origin) in sites::list(w)?.into_iter().zip(["mugs", "plates"]) {
            let origin = format!("https://{origin}.example");
            sites::allow_origin(w, NOW, Actor::House, site.id, &origin)?;
        }
        Ok(())
    });
    paint.await.unwrap();
    let look = async |query: &str, referer: &str| {
        let ask = client().get(format!("{}/w.js{query}", house.url));
        ask.header("referer", referer).send().await.unwrap()
    };
    let text = async |query: &str, referer: &str| look(query, referer).await.text().await.unwrap();
    let named = text(&format!("?site={}", sisters.plates), "").await;
    assert!(named.contains("plates.example") && !named.contains("mugs.example"));
    let by_page = text("", "https://plates.example/cups?x=1").await;
    assert!(by_page.contains("plates.example") && !by_page.contains("mugs.example"));
    for stranger in ["", "https://else.example/"] {
        let bare = text("", stranger).await;
        assert!(!bare.contains("plates.example") && !bare.contains("mugs.example"));
    }
    let varies = look("", "").await.headers()["vary"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(varies.contains("referer"), "{varies}");
    let demo = client().get(format!("{}/demo-shop?site={}", house.url, sisters.plates));
    assert!(
        demo.send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains(&sisters.plates)
    );
    sisters.house.close().await;
}
