//! The doors to ratings, and what open pages see of them at once.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use shopbell::db::Writer;
use shopbell::kernel::{ConversationId, SiteId};
use shopbell::ratings::{self, CHANGEABLE, Rating};
use shopbell::sites;
use shopbell::texts::Lang;

use crate::support::{
    AgentBrowser, House, NOW, SHOP, VisitorPage, between, client, open_house, until,
};

const TALK: ConversationId = ConversationId(1);

/// The visitor was answered, and the agent has resolved it.
struct Over {
    house: House,
    agent: AgentBrowser,
    visitor: VisitorPage,
    talk: String,
    asked: Rating,
}

async fn over() -> Over {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("Is the blue mug in stock?").await;
    let talk = posted["conversation"].as_str().unwrap().to_owned();
    agent.joins(&talk).await;
    agent.answers(&talk, "Yes, three of them.").await;
    does(&agent, &talk, "resolve").await;
    let asked = is_asked(&house).await;
    Over {
        house,
        agent,
        visitor,
        talk,
        asked,
    }
}

async fn does(agent: &AgentBrowser, talk: &str, deed: &str) {
    let answer = agent.post(&format!("/inbox/{talk}/{deed}"), &[]).await;
    assert_eq!(answer.status(), 200);
}

/// The room has heard of it.
async fn is_asked(house: &House) -> Rating {
    until(&house.db, |r| {
        let newest = ratings::newest(r, TALK)?;
        Ok(newest.filter(|it| it.given.is_none() && !it.is_withdrawn()))
    })
    .await
}

impl Over {
    fn answer(&self, rate: i64, comment: &str) -> Value {
        json!({ "rating": self.asked.key, "rate": rate, "comment": comment })
    }

    async fn gives(&self, rate: i64, comment: &str) -> Response {
        let answer = self.answer(rate, comment);
        let post = self.visitor.post("/w/v1/ratings", &answer);
        post.send().await.unwrap()
    }
}

#[actix_web::test]
async fn a_visitor_rates_his_chat_and_a_retry_changes_nothing() {
    let over = over().await;
    let first = over.gives(4, "kind people").await;
    assert_eq!(first.status(), 200);
    let first: Value = first.json().await.unwrap();
    assert_eq!(
        (&first["rate"], &first["comment"]),
        (&json!(4), &json!("kind people"))
    );
    let given_at = first["at"].as_i64().unwrap();
    assert_eq!(first["until"], given_at + CHANGEABLE);
    let again: Value = over.gives(4, "kind people").await.json().await.unwrap();
    assert_eq!(again, first);

    over.house.clock.advance(CHANGEABLE - 1);
    assert_eq!(over.gives(2, "").await.status(), 200);
    over.house.clock.advance(1);
    let late = over.gives(1, "").await;
    assert_eq!(late.status(), 409);
    let told: Value = late.json().await.unwrap();
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("that day is over")
    );
    over.house.close().await;
}

#[actix_web::test]
async fn what_is_wrong_with_an_answer_is_told_at_once_and_nothing_is_kept() {
    let over = over().await;
    let long = "ü".repeat(1001);
    let wrong = over.gives(6, &long).await;
    assert_eq!(wrong.status(), 422);
    let told = wrong.text().await.unwrap();
    assert!(told.contains("1 to 5") && told.contains("1000"), "{told}");
    for malformed in [
        json!({ "rating": over.asked.key, "rate": "5" }),
        json!({ "rating": over.asked.key, "rate": 5, "by": "somebody else" }),
        json!({ "rate": 5 }),
    ] {
        let post = over.visitor.post("/w/v1/ratings", &malformed);
        assert_eq!(post.send().await.unwrap().status(), 400, "{malformed}");
    }
    let given = over
        .house
        .db
        .read(|r| ratings::find(r, TALK))
        .await
        .unwrap();
    assert_eq!(given, None);
    let all = "ü".repeat(1000);
    assert_eq!(over.gives(1, &all).await.status(), 200);
    over.house.close().await;
}

#[actix_web::test]
async fn only_his_own_token_from_a_page_of_the_shop_rates_a_chat() {
    let over = over().await;
    let answer = over.answer(5, "");
    let other = over.house.visitor().await;
    let theirs = other.post("/w/v1/ratings", &answer).send().await.unwrap();
    assert_eq!(theirs.status(), 404);
    let nobody = client()
        .post(format!("{}/w/v1/ratings", over.house.url))
        .bearer_auth("A".repeat(43))
        .json(&answer);
    assert_eq!(nobody.send().await.unwrap().status(), 401);

    over.house.allow_only(SHOP).await;
    let from = async |origin: &str| {
        let post = over.visitor.post("/w/v1/ratings", &answer);
        let answer = post.header("origin", origin).send().await.unwrap();
        answer.status()
    };
    assert_eq!(from("https://evil.example").await, 403);
    let given = over
        .house
        .db
        .read(|r| ratings::find(r, TALK))
        .await
        .unwrap();
    assert_eq!(given, None, "nothing came of any of it");
    assert_eq!(from(SHOP).await, 200);
    over.house.close().await;
}

#[actix_web::test]
async fn who_rates_again_and_again_is_told_to_wait() {
    let over = over().await;
    let mut refused = None;
    for n in 0..60 {
        let answer = over.gives(1 + n % 5, "").await;
        if answer.status() != 200 {
            refused = Some((n, answer));
            break;
        }
    }
    let (n, answer) = refused.expect("he goes on for ever");
    assert_eq!((n, answer.status().as_u16()), (20, 429));
    assert!(answer.headers().contains_key("retry-after"));
    over.house.close().await;
}

#[actix_web::test]
async fn browsers_of_other_sites_may_ask_whether_they_may_rate() {
    let house = open_house().await;
    let ask = client().request(Method::OPTIONS, format!("{}/w/v1/ratings", house.url));
    let answer = ask.header("origin", SHOP).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let allowed = answer.headers()["access-control-allow-headers"].to_str();
    assert!(allowed.unwrap().contains("authorization"));
    house.close().await;
}

#[actix_web::test]
async fn a_rating_stands_on_every_open_page_at_once() {
    let over = over().await;
    let log = format!("log-{}", over.talk);
    let mut screen = over.agent.listens(&over.talk).await;
    let mut tab = over.visitor.listens(over.asked.line.0, None).await;
    assert_eq!(tab.next().await["t"], "welcome");
    assert_eq!(over.gives(5, "lovely").await.status(), 200);

    let told = |it: &Value| {
        let html = it["html"].as_str().unwrap_or_default();
        it["list"] == log && html.contains("rated this 5 of 5") && html.contains("lovely")
    };
    screen.next_that(told).await;
    let mut rest = String::new();
    while !(rest.contains("Rated 5 of 5") && rest.contains("5 of 5: very good")) {
        rest.push_str(screen.next().await["html"].as_str().unwrap_or_default());
    }
    let card = tab.next_that(|it| it["list"] == "log").await;
    assert_eq!(card["data"]["id"], over.asked.line.0);
    let data = &card["data"]["parts"][0]["data"];
    assert_eq!(
        (&data["rate"], &data["comment"]),
        (&json!(5), &json!("lovely"))
    );

    let found = over
        .agent
        .sees("/inbox?show=resolved&rating=5&comment=1")
        .await;
    assert!(
        found.contains(&format!("id=\"c-{}\"", over.talk)),
        "{found}"
    );
    let others = over.agent.sees("/inbox?show=resolved&rating=1").await;
    assert!(!others.contains(&format!("id=\"c-{}\"", over.talk)));

    // A change stands in the same place; who was away is told the newest only.
    assert_eq!(over.gives(3, "").await.status(), 200);
    assert_eq!(over.gives(2, "").await.status(), 200);
    let twice = |it: &Value| it["data"]["parts"][0]["data"]["rate"] == 2;
    tab.next_that(twice).await;
    let mut back = over.visitor.listens(over.asked.line.0, None).await;
    let welcome = back.next().await;
    assert_eq!(
        (&welcome["t"], &welcome["missed"]),
        (&json!("welcome"), &json!(1))
    );
    assert!(twice(&back.next().await));
    over.house.close().await;
}

#[actix_web::test]
async fn a_question_is_withdrawn_on_open_pages_when_an_agent_opens_the_chat_again() {
    let over = over().await;
    let mut tab = over.visitor.listens(over.asked.line.0, None).await;
    does(&over.agent, &over.talk, "reopen").await;
    let card = tab.next_that(|it| it["data"]["parts"].is_array()).await;
    assert_eq!(card["data"]["parts"][0]["data"]["withdrawn"], true);
    assert_eq!(over.gives(5, "").await.status(), 409);
    over.house.close().await;
}

#[actix_web::test]
async fn the_settings_say_who_asks_and_come_back_as_saved() {
    let house = open_house().await;
    let agent = house.owner().await;
    let page = agent.sees("/settings/ratings").await;
    let site = between(&page, "name=\"had\" value=\"", "\"").unwrap();
    let switch = |page: &str| {
        let (_, rest) = page.split_once("name=\"asking\"").unwrap();
        rest.split_once('>').unwrap().0.contains("checked")
    };
    assert!(switch(&page), "sites ask unless somebody said otherwise");
    let saved = agent.post("/settings/ratings", &[("had", &site)]).await;
    assert_eq!(saved.status(), 303);
    assert!(!switch(&agent.sees("/settings/ratings").await));
    agent.post("/settings/ratings", &[("asking", &site)]).await;
    let page = agent.sees("/settings/ratings?done=saved").await;
    assert!(switch(&page));

    // And what was saved can be taken back.
    let undo = between(&page, "action=\"/settings/ratings?undo=", "\"").unwrap();
    let door = format!("/settings/ratings?undo={undo}");
    let back = agent.post(&door, &[("had", &site)]).await;
    assert_eq!(back.status(), 303);
    assert!(!switch(&agent.sees("/settings/ratings").await));
    house.close().await;
}

#[actix_web::test]
async fn two_who_save_who_asks_do_not_overrule_each_other() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mugs = SiteId(1);
    let make = |w: &Writer| sites::create(w, NOW, "Plates", Lang::En, "UTC");
    let plates = house.db.write("test", make).await.unwrap();
    let (of_mugs, of_plates) = (mugs.0.to_string(), plates.0.to_string());
    let asks = async || {
        let read = house
            .db
            .read(move |r| Ok((ratings::asks(r, mugs)?, ratings::asks(r, plates)?)));
        read.await.unwrap()
    };
    // Both have the same page open, on which both sites are ticked.
    let had = [("had", of_mugs.as_str()), ("had", of_plates.as_str())];
    let first = [had[0], had[1], ("asking", &of_mugs)];
    agent.post("/settings/ratings", &first).await;
    assert_eq!(asks().await, (true, false));
    let second = [had[0], had[1], ("asking", &of_plates)];
    agent.post("/settings/ratings", &second).await;
    assert_eq!(asks().await, (false, false));
    house.close().await;
}

/// A browser without scripts, in a chat that is over.
struct Plain {
    house: House,
    cookie: String,
    asked: Rating,
}

impl Plain {
    async fn over() -> Self {
        let house = open_house().await;
        let mut agent = house.owner().await;
        let address = format!("{}/c/{}", house.url, house.site);
        let form = [("cid", "plain-line-1"), ("body", "hello")];
        let post = client().post(&address).header("origin", &house.url);
        let answer = post.form(&form).send().await.unwrap();
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let talk = between(&agent.sees("/inbox").await, "id=\"c-", "\"").unwrap();
        agent.joins(&talk).await;
        agent.answers(&talk, "hello to you").await;
        does(&agent, &talk, "resolve").await;
        let asked = is_asked(&house).await;
        Self {
            house,
            cookie,
            asked,
        }
    }

    fn path(&self) -> String {
        format!("/c/{}/ratings/{}", self.house.site, self.asked.key)
    }

    async fn sees(&self, path: &str) -> (u16, String) {
        let get = client().get(format!("{}{path}", self.house.url));
        let answer = get.header("cookie", &self.cookie).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn sends(&self, form: &[(&str, &str)]) -> Response {
        let post = client()
            .post(format!("{}{}", self.house.url, self.path()))
            .header("origin", &self.house.url)
            .header("cookie", &self.cookie);
        post.form(form).send().await.unwrap()
    }
}

#[actix_web::test]
async fn the_page_without_scripts_asks_by_a_form_and_keeps_what_was_typed() {
    let plain = Plain::over().await;
    let chat = format!("/c/{}", plain.house.site);
    let page = plain.sees(&chat).await.1;
    assert!(page.contains("role=\"radiogroup\"") && page.contains("How did we do?"));
    assert!(
        page.contains(&format!("action=\"{}\"", plain.path())),
        "{page}"
    );
    assert_eq!(page.matches("type=\"radio\"").count(), 5);

    let long = "x".repeat(1001);
    let refused = plain.sends(&[("rate", "2"), ("comment", &long)]).await;
    assert_eq!(refused.status(), 422);
    let again = refused.text().await.unwrap();
    assert!(again.contains(&long) && again.contains("value=\"2\" required checked"));
    let refused = plain.sends(&[("comment", "only words")]).await;
    assert_eq!(refused.status(), 422);
    let again = refused.text().await.unwrap();
    assert!(again.contains("only words") && again.contains("from 1 to 5"));

    let given = plain
        .sends(&[("rate", "4"), ("comment", "<i>nice</i>")])
        .await;
    assert_eq!(given.status(), 303);
    assert!(
        given.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with(&chat)
    );
    let page = plain.sees(&chat).await.1;
    assert!(
        page.contains("4 of 5: good") && page.contains("&#60;i&#62;nice"),
        "{page}"
    );
    assert!(
        page.contains(&format!("href=\"{}\"", plain.path())),
        "to change it"
    );
    let (status, form) = plain.sees(&plain.path()).await;
    assert!(
        status == 200 && form.contains("value=\"4\" required checked"),
        "{form}"
    );

    plain.house.clock.advance(CHANGEABLE);
    assert!(
        !plain
            .sees(&chat)
            .await
            .1
            .contains(&format!("href=\"{}\"", plain.path()))
    );
    let late = plain
        .sends(&[("rate", "1"), ("comment", "changed my mind")])
        .await;
    assert_eq!(late.status(), 409);
    let told = late.text().await.unwrap();
    assert!(told.contains("that day is over") && told.contains("changed my mind"));
    assert!(
        plain
            .sees(&plain.path())
            .await
            .1
            .contains("that day is over")
    );
    plain.house.close().await;
}

#[actix_web::test]
async fn an_answer_from_a_page_that_has_not_heard_of_a_newer_one_is_told_what_stands() {
    let over = over().await;
    let sends = async |rate: i64, since: i64| {
        let mut answer = over.answer(rate, "");
        answer["since"] = json!(since);
        let post = over.visitor.post("/w/v1/ratings", &answer);
        let told: Value = post.send().await.unwrap().json().await.unwrap();
        told
    };
    over.house.clock.advance(1000);
    let first = sends(2, over.asked.asked_at).await;
    assert_eq!((&first["rate"], &first["taken"]), (&json!(2), &json!(true)));
    over.house.clock.advance(1000);
    let late = sends(5, over.asked.asked_at).await;
    assert_eq!((&late["rate"], &late["taken"]), (&json!(2), &json!(false)));
    let again = sends(5, late["at"].as_i64().unwrap()).await;
    assert_eq!((&again["rate"], &again["taken"]), (&json!(5), &json!(true)));
    over.house.close().await;
}

#[actix_web::test]
async fn an_old_page_without_scripts_overrules_nothing_unasked_and_keeps_what_was_typed() {
    let plain = Plain::over().await;
    let since = |page: &str| between(page, "name=\"since\" value=\"", "\"").unwrap();
    let old = since(&plain.sees(&plain.path()).await.1);
    plain.house.clock.advance(1000);
    let given = plain.sends(&[("rate", "4"), ("since", &old)]).await;
    assert_eq!(given.status(), 303);
    plain.house.clock.advance(1000);
    let late = [("rate", "1"), ("comment", "too slow"), ("since", &old)];
    let late = plain.sends(&late).await;
    assert_eq!(late.status(), 422);
    let told = late.text().await.unwrap();
    assert!(
        told.contains("otherwise since then (4 of 5: good)"),
        "{told}"
    );
    assert!(told.contains("too slow") && told.contains("value=\"1\" required checked"));
    let knowing = since(&told);
    let knowing = [("rate", "1"), ("comment", "too slow"), ("since", &knowing)];
    assert_eq!(plain.sends(&knowing).await.status(), 303);
    plain.house.close().await;
}

#[actix_web::test]
async fn without_his_cookie_or_on_another_page_nobody_finds_the_form() {
    let mut plain = Plain::over().await;
    assert_eq!(plain.sees(&plain.path()).await.0, 200);
    let foreign = client()
        .post(format!("{}{}", plain.house.url, plain.path()))
        .header("origin", "https://evil.example")
        .header("cookie", &plain.cookie);
    let foreign = foreign.form(&[("rate", "1")]).send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    let elsewhere = format!("/c/nowhere/ratings/{}", plain.asked.key);
    assert_eq!(plain.sees(&elsewhere).await.0, 404);
    let name = plain.cookie.split_once('=').unwrap().0.to_owned();
    for cookie in [String::new(), format!("{name}={}", "A".repeat(43))] {
        plain.cookie = cookie;
        assert_eq!(plain.sees(&plain.path()).await.0, 404);
        assert_eq!(plain.sends(&[("rate", "1")]).await.status(), 404);
    }
    let given = plain
        .house
        .db
        .read(|r| ratings::find(r, TALK))
        .await
        .unwrap();
    assert_eq!(given, None);
    plain.house.close().await;
}

#[actix_web::test]
async fn a_wrong_cookie_counts_once_whatever_it_asks() {
    let mut plain = Plain::over().await;
    let name = plain.cookie.split_once('=').unwrap().0.to_owned();
    let mut tries = 0;
    loop {
        plain.cookie = format!("{name}={}{}", "A".repeat(41), 10 + tries);
        match plain.sends(&[("rate", "1")]).await.status().as_u16() {
            404 => tries += 1,
            429 => break,
            other => panic!("{other}"),
        }
        assert!(tries < 60, "he goes on for ever");
    }
    assert_eq!(tries, 20);
    plain.house.close().await;
}

#[actix_web::test]
async fn a_question_that_was_withdrawn_is_not_there_where_no_script_runs() {
    let plain = Plain::over().await;
    let agent = plain.house.owner().await;
    let talk = between(&agent.sees("/inbox?show=resolved").await, "id=\"c-", "\"").unwrap();
    does(&agent, &talk, "reopen").await;
    until(&plain.house.db, |r| {
        Ok(ratings::newest(r, TALK)?.filter(Rating::is_withdrawn))
    })
    .await;
    let page = plain.sees(&format!("/c/{}", plain.house.site)).await.1;
    assert!(page.contains("hello to you"));
    assert!(
        !page.contains("chat-card") && !page.contains("before it was rated"),
        "{page}"
    );
    plain.house.close().await;
}
