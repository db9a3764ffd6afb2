//! Live screens over real HTTP and WebSocket: who hears what, when, and what
//! somebody who was away gets to hear afterwards.

use serde_json::{Value, json};
use shopbell::accounts::Role;

use crate::support::{House, OWNER, PASSWORD, SHOP, Screen, open_house, soon};

fn is_put(list: &str) -> impl Fn(&Value) -> bool {
    let list = list.to_owned();
    move |it| it["op"] == "put" && it["list"] == list.as_str()
}

#[actix_web::test]
async fn a_visitors_message_appears_on_an_agents_screen() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut screen = agent.listens("").await;
    let mut visitor = house.visitor().await;

    visitor.writes("is <anyone> there?").await;

    let entry = screen.next_that(is_put("conversations")).await;
    let html = entry["html"].as_str().unwrap();
    assert!(html.contains("is &#60;anyone&#62; there?"), "{html}");
    assert!(html.contains("data-lines=\"1\""), "{html}");
    assert!(html.contains("data-waiting=\"yes\""), "{html}");
    house.close().await;
}

#[actix_web::test]
async fn an_answer_reaches_the_visitor_with_the_agents_name_and_a_note_does_not() {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap();
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut page = visitor.listens(seq, None).await;
    assert_eq!(page.next().await["t"], "welcome");

    agent.joins(conversation).await;
    let note = [
        ("cid", "a-note-1"),
        ("body", "looks like a reseller"),
        ("note", "1"),
    ];
    let noted = agent
        .post(&format!("/inbox/{conversation}/messages"), &note)
        .await;
    assert_eq!(noted.status(), 200);
    agent.answers(conversation, "Good morning!").await;

    let joined = page.next_that(is_put("log")).await;
    assert_eq!(joined["data"]["body"], "Ada joined the chat");
    let answer = page.next_that(is_put("log")).await;
    assert_eq!(answer["data"]["body"], "Good morning!");
    assert_eq!(answer["data"]["name"], "Ada");
    let history = visitor.history().await;
    assert!(!history.to_string().contains("reseller"));
    house.close().await;
}

#[actix_web::test]
async fn a_viewer_gets_every_line_of_his_conversation_and_no_line_of_another() {
    let house = open_house().await;
    let agent = house.owner().await;
    let (mut ann, mut bob) = (house.visitor().await, house.visitor().await);
    let viewed = ann.writes("first of ann").await["conversation"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut screen = agent.listens(&viewed).await;

    bob.writes("first of bob").await;
    ann.writes("second of ann").await;

    let line = screen
        .next_that(|it| it["list"].as_str().unwrap_or_default().starts_with("log-"))
        .await;
    assert!(line["html"].as_str().unwrap().contains("second of ann"));
    house.close().await;
}

#[actix_web::test]
async fn whoever_was_away_gets_exactly_what_he_missed() {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let first = visitor.writes("one").await;
    let conversation = first["conversation"].as_str().unwrap().to_owned();
    agent.joins(&conversation).await;
    agent.answers(&conversation, "two").await;
    let history = visitor.history().await;
    let (seq, epoch) = (
        history["seq"].as_i64().unwrap(),
        history["epoch"].as_str().unwrap(),
    );

    for n in 0..20 {
        agent.answers(&conversation, &format!("missed {n}")).await;
    }
    let mut page = visitor.listens(seq, Some(epoch)).await;
    let welcome = page.next().await;
    assert_eq!(welcome["t"], "welcome");
    let mut bodies = Vec::new();
    while bodies.len() < 20 {
        let item = page.next_that(is_put("log")).await;
        assert!(seq < item["seq"].as_i64().unwrap());
        bodies.push(item["data"]["body"].as_str().unwrap().to_owned());
    }
    let expected: Vec<String> = (0..20).map(|n| format!("missed {n}")).collect();
    assert_eq!(bodies, expected);

    // From here on, live: nothing twice.
    agent.answers(&conversation, "live").await;
    assert_eq!(page.next_that(is_put("log")).await["data"]["body"], "live");
    house.close().await;
}

#[actix_web::test]
async fn an_agents_page_resumes_where_it_was_drawn() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    visitor.writes("before").await;
    let (seq, epoch) = position(&house).await;
    visitor.writes("after").await;
    let mut screen = agent.listens_after(&seq, &epoch, "").await.unwrap();
    assert_eq!(screen.next().await["t"], "welcome");
    let missed = screen.next_that(is_put("conversations")).await;
    assert!(missed["html"].as_str().unwrap().contains("after"));
    house.close().await;
}

async fn position(house: &House) -> (String, String) {
    let read = house.db.read(|r| {
        Ok((
            shopbell::journal::position(r)?,
            shopbell::journal::epoch(r)?,
        ))
    });
    let (seq, epoch) = read.await.unwrap();
    (seq.to_string(), epoch)
}

#[actix_web::test]
async fn who_cannot_resume_is_told_to_reload() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    visitor.writes("hello").await;
    let (seq, epoch) = position(&house).await;

    let mut other_epoch = agent.listens_after(&seq, "another", "").await.unwrap();
    assert_eq!(other_epoch.next().await["t"], "reload");
    let mut future = agent.listens_after("999999", &epoch, "").await.unwrap();
    assert_eq!(future.next().await["t"], "reload");
    let mut page = visitor.listens(1, Some("another")).await;
    assert_eq!(page.next().await["t"], "reload");

    // Too much to send: more than five hundred events.
    let conversation = house.db.read(|r| {
        let nobody = shopbell::kernel::AgentId(99);
        let inbox = shopbell::conversations::lists::List::Inbox(nobody);
        let found = shopbell::conversations::lists::page(r, nobody, inbox, None)?;
        Ok(found.entries[0].id)
    });
    let conversation = conversation.await.unwrap();
    let mut watching = agent.listens("").await;
    let flood = house.db.write("test.flood", move |w| {
        for _ in 0..500 {
            let event = shopbell::events::Event::TranscriptSent { conversation };
            shopbell::journal::record(w, 0, &event)?;
        }
        let event = shopbell::events::Event::Read {
            conversation,
            agent: shopbell::kernel::AgentId(1),
            up_to: shopbell::kernel::Seq(1),
            answers: false,
        };
        shopbell::journal::record(w, 0, &event)
    });
    flood.await.unwrap();
    let end = position(&house).await.0.parse::<i64>().unwrap();
    watching.next_that(|it| it["seq"] == end).await;
    let mut long_away = agent.listens_after(&seq, &epoch, "").await.unwrap();
    assert_eq!(long_away.next().await["t"], "reload");
    house.close().await;
}

#[actix_web::test]
async fn what_a_visitor_types_is_seen_before_it_is_sent_unless_the_site_says_no() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut screen = agent.listens("").await;
    let typing = json!({ "t": "typing", "on": true, "text": "half a tho" }).to_string();

    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    page.say(&typing).await;
    let seen = screen.next_that(|it| it["op"] == "typing").await;
    assert_eq!(
        (&seen["who"], &seen["text"]),
        (&json!("visitor"), &json!("half a tho"))
    );

    strict_privacy(&house).await;
    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    page.say(&typing).await;
    let seen = screen.next_that(|it| it["op"] == "typing").await;
    assert_eq!((&seen["on"], &seen["text"]), (&json!(true), &Value::Null));
    house.close().await;
}

async fn strict_privacy(house: &House) {
    let save = house.db.write("test.strict", |w| {
        let site = shopbell::sites::first(w)?;
        let look = shopbell::sites::NewLook {
            name: site.name.clone(),
            origins: String::new(),
            color: site.color.clone(),
            position: site.position.clone(),
            lang: site.lang,
            zone: site.zone.clone(),
            typing_preview: true,
            strict_privacy: true,
            demo_shop: true,
            foot: "20".into(),
        };
        shopbell::sites::save(w, site.id, &look)
    });
    save.await.unwrap();
}

#[actix_web::test]
async fn the_visitor_sees_that_an_agent_types() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut page = visitor
        .listens(posted["message"]["id"].as_i64().unwrap(), None)
        .await;
    page.next().await;
    agent.joins(&conversation).await;
    let mut screen = agent.listens(&conversation).await;
    screen
        .say(&json!({ "t": "typing", "conversation": conversation, "on": true }).to_string())
        .await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(
        (&typing["name"], &typing["on"]),
        (&json!("Ada"), &json!(true))
    );
    house.close().await;
}

#[actix_web::test]
async fn typing_reaches_the_visitor_from_whoever_has_joined_and_from_nobody_else() {
    let house = open_house().await;
    house
        .add_agent("ben@mugs.example", "Ben", Role::Agent)
        .await;
    let (ada, ben) = (house.owner().await, house.agent("ben@mugs.example").await);
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    let (mut of_ada, mut of_ben) = (
        ada.listens(&conversation).await,
        ben.listens(&conversation).await,
    );
    let types = json!({ "t": "typing", "conversation": conversation, "on": true }).to_string();
    let joined = |it: &Value| it["list"] == format!("header-{conversation}");
    let colleague = |it: &Value| it["op"] == "typing" && it["who"] == "agent";

    // Nobody has joined. A colleague hears of it, so the house has got it.
    of_ben.say(&types).await;
    of_ada.next_that(colleague).await;
    // Ada joins while her page is open: the page need not come anew.
    ada.joins(&conversation).await;
    of_ada.next_that(joined).await;
    of_ben.next_that(joined).await;
    of_ben.say(&types).await;
    of_ada.next_that(colleague).await;
    of_ada.say(&types).await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(typing["name"], "Ada");
    of_ben.next_that(colleague).await;

    // Ben takes over.
    ben.joins(&conversation).await;
    of_ben.next_that(joined).await;
    of_ada.next_that(joined).await;
    of_ada.say(&types).await;
    of_ben.next_that(colleague).await;
    of_ben.say(&types).await;
    let typing = page.next_that(|it| it["op"] == "typing").await;
    assert_eq!(typing["name"], "Ben");
    house.close().await;
}

#[actix_web::test]
async fn ticks_tell_each_side_how_far_the_other_has_read() {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let seq = posted["message"]["id"].as_i64().unwrap();
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut page = visitor.listens(seq, None).await;
    page.next().await;
    let mut screen = agent.listens(&conversation).await;

    agent.joins(&conversation).await;
    let path = format!("/inbox/{conversation}/seen");
    agent.post(&path, &[("upto", &seq.to_string())]).await;
    let seen = page.next_that(|it| it["list"] == "seen").await;
    assert_eq!(
        (&seen["id"], &seen["data"]),
        (&json!("agents"), &json!(seq.to_string()))
    );

    let answer = agent.answers(&conversation, "hi").await;
    let id = answer["seq"].as_i64().unwrap();
    let marked = visitor
        .post("/w/v1/seen", &json!({ "upto": id }))
        .send()
        .await
        .unwrap();
    assert_eq!(marked.status(), 204);
    let seen = screen.next_that(|it| it["id"] == "visitor").await;
    assert_eq!(seen["data"], id.to_string());
    house.close().await;
}

#[actix_web::test]
async fn resolving_closes_and_a_further_line_reopens() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap().to_owned();
    let mut page = visitor
        .listens(posted["message"]["id"].as_i64().unwrap(), None)
        .await;
    page.next().await;
    agent
        .post(&format!("/inbox/{conversation}/resolve"), &[])
        .await;
    let state = page.next_that(|it| it["list"] == "state").await;
    assert_eq!(state["data"], "resolved");
    assert_eq!(visitor.history().await["state"], "resolved");

    let again = visitor.writes("one more thing").await;
    assert_eq!(again["reopened"], true);
    assert_eq!(again["conversation"], conversation.as_str());
    let state = page.next_that(|it| it["list"] == "state").await;
    assert_eq!(state["data"], "open");
    house.close().await;
}

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
            house.hub.close_agents(|it| it.session == session, closing);
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
