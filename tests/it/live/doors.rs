//! Who gets a socket, and why it ends.

use serde_json::json;
use shopbell::accounts::Role;

use super::is_put;
use crate::support::{House, OWNER, PASSWORD, SHOP, Screen, open_house, soon};

#[actix_web::test]
async fn an_agents_socket_opens_from_our_own_pages_only() {
    let house = open_house().await;
    let agent = house.owner().await;
    let url = format!("{}/live", house.url);
    let cookie = ("cookie", agent.cookie.as_str());
    for origin in ["https://evil.example", "null", "http://localhost:1"] {
        let refused = Screen::open(&url, &[cookie, ("origin", origin)]).await;
        assert_eq!(refused.err(), Some(403), "{origin}");
    }
    assert_eq!(Screen::open(&url, &[cookie]).await.err(), Some(403));
    let stranger = Screen::open(&url, &[("origin", &house.url)]).await;
    assert_eq!(stranger.err(), Some(401));
    house.close().await;
}

#[actix_web::test]
async fn a_visitors_socket_opens_from_pages_that_may_carry_the_chat_only() {
    let house = open_house().await;
    house.allow_only(SHOP).await;
    let visitor = house.visitor().await;
    let url = format!("{}/w/v1/live", house.url);
    let hello = json!({ "t": "hello", "token": visitor.token, "seq": 0 }).to_string();

    let mut foreign = Screen::open(&url, &[("origin", "https://evil.example")])
        .await
        .unwrap();
    foreign.say(&hello).await;
    assert_eq!(foreign.end().await, 4003);
    let mut shop = Screen::open(&url, &[("origin", SHOP)]).await.unwrap();
    shop.say(&hello).await;
    assert_eq!(shop.next().await["t"], "welcome");
    house.close().await;
}

#[actix_web::test]
async fn a_socket_that_says_nonsense_is_closed_with_a_reason() {
    let house = open_house().await;
    let url = format!("{}/w/v1/live", house.url);
    let visitor = house.visitor().await;
    let unknown = json!({ "t": "hello", "token": "x".repeat(43) }).to_string();
    let extra = json!({ "t": "hello", "token": visitor.token, "admin": true }).to_string();
    let list = json!(["hello", visitor.token]).to_string();
    for (said, code) in [
        ("{}", 1008),
        ("not json", 1008),
        ("[\"ping\"]", 1008),
        (&*list, 1008),
        (&*extra, 1008),
        (&*unknown, 4001),
    ] {
        let mut socket = Screen::open(&url, &[]).await.unwrap();
        socket.say(said).await;
        assert_eq!(socket.end().await, code, "{said}");
    }
    let mut binary = visitor.listens(0, None).await;
    binary.say_bytes(vec![0, 159, 146, 150]).await;
    assert_eq!(binary.end().await, 1003);
    let mut huge = visitor.listens(0, None).await;
    huge.say(&"x".repeat(100_000)).await;
    assert_eq!(huge.end().await, 1009);
    let mut flood = visitor.listens(0, None).await;
    for _ in 0..200 {
        flood.say("{\"t\":\"ping\"}").await;
    }
    assert_eq!(flood.end().await, 4008);
    house.close().await;
}

#[actix_web::test]
async fn whoever_asks_whether_anybody_is_there_gets_an_answer() {
    let house = open_house().await;
    let (agent, visitor) = (house.owner().await, house.visitor().await);
    let mut screen = agent.listens("").await;
    screen.say("{\"t\":\"ping\"}").await;
    assert_eq!(screen.next().await["t"], "pong");
    let mut page = visitor.listens(0, None).await;
    page.next().await;
    page.say("{\"t\":\"ping\"}").await;
    assert_eq!(page.next().await["t"], "pong");
    house.close().await;
}

#[actix_web::test]
async fn signing_out_closes_the_sockets_of_that_session_and_of_no_other() {
    let house = open_house().await;
    let (here, there) = (house.owner().await, house.owner().await);
    let (mut over, mut other) = (here.listens("").await, there.listens("").await);
    assert_eq!(here.post("/logout", &[]).await.status(), 303);
    assert_eq!(over.end().await, 4001);
    let mut visitor = house.visitor().await;
    visitor.writes("still there?").await;
    other.next_that(is_put("conversations")).await;
    house.close().await;
}

#[actix_web::test]
async fn a_socket_that_opens_while_its_session_ends_ends_with_it() {
    let house = open_house().await;
    let owner = house.owner().await;
    let (name, _) = owner.cookie.split_once('=').unwrap();
    let mut visitor = house.visitor().await;
    let view = visitor.writes("hello").await["conversation"].clone();
    let url = format!("{}/live?view={}", house.url, view.as_str().unwrap());
    for round in 0..80 {
        let signed_in = house.db.write("test.sign_in", |w| {
            let agent = shopbell::accounts::list(w)?[0].id;
            let token = shopbell::accounts::sign_in(w, crate::support::NOW, agent, "test")?;
            let session = shopbell::accounts::session_ids(w, agent)?.pop();
            Ok((agent, session.unwrap(), token))
        });
        let (agent, session, token) = signed_in.await.unwrap();
        let cookie = format!("{name}={}", token.reveal());
        let headers = [("cookie", &*cookie), ("origin", &*house.url)];
        let sign_out = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            let end = house.db.write("test.sign_out", move |w| {
                shopbell::accounts::end_session(w, agent, session)
            });
            end.await.unwrap();
            let closing = shopbell::hub::Closing::SignedOut;
            let topic = shopbell::accounts::topics::session(session);
            house.hub.close(topic, None, closing);
        };
        match tokio::join!(Screen::open(&url, &headers), sign_out).0 {
            Ok(mut screen) => {
                let patience = std::time::Duration::from_secs(10);
                let end = tokio::time::timeout(patience, screen.end()).await;
                assert_eq!(end, Ok(4001), "round {round}");
            }
            Err(refused) => assert_eq!(refused, 401, "round {round}"),
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn a_new_password_ends_every_other_session_at_once() {
    let house = open_house().await;
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    let (here, there) = (
        house.agent("bob@mugs.example").await,
        house.agent("bob@mugs.example").await,
    );
    let mut over = there.listens("").await;
    let new = [("current", PASSWORD), ("password", "another long sentence")];
    assert_eq!(here.post("/me/password", &new).await.status(), 303);
    assert_eq!(over.end().await, 4001);
    let signed_out = there
        .request(reqwest::Method::GET, "/inbox")
        .send()
        .await
        .unwrap();
    assert_eq!(signed_out.status(), 401);
    here.sees("/inbox").await;
    house.close().await;
}

#[actix_web::test]
async fn a_restart_sends_everybody_away_to_come_back() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let mut screen = agent.listens("").await;
    let mut page = visitor
        .listens(posted["message"]["id"].as_i64().unwrap(), None)
        .await;
    page.next().await;
    let clock = house.clock.clone();
    let home = soon(house.stop()).await;
    assert_eq!(screen.end().await, 1012);
    assert_eq!(page.end().await, 1012);

    let again = House::open(home, clock, &[]).await;
    let agent = again.agent(OWNER).await;
    assert!(agent.sees("/inbox").await.contains("hello"));
    again.close().await;
}
