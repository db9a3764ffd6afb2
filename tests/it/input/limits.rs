//! Too much, too often, too slowly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use shopbell::accounts::Role;

use crate::support::{AgentBrowser, House, OWNER, VisitorPage, open_house};

#[actix_web::test]
async fn a_cookie_that_opens_nothing_makes_nobody_known() {
    let house = open_house().await;
    let http = crate::support::client();
    let page = http.get(format!("{}/c/{}", house.url, house.site));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("name=\"cid\""));
    let name = format!("vid-{}", house.url.trim_start_matches("http://"));
    let name = name.replace([':', '.'], "-");
    let send = |n: u32, cookie: Option<String>| {
        let form = [("cid", format!("cookie-{n:04}")), ("body", "hi".to_owned())];
        let post = http
            .post(format!("{}/c/{}", house.url, house.site))
            .header("origin", &house.url)
            .header("x-forwarded-for", "203.0.113.77")
            .form(&form);
        match cookie {
            Some(cookie) => post.header("cookie", cookie),
            None => post,
        }
    };
    let first = send(0, None).send().await.unwrap();
    let mine = first.headers()["set-cookie"].to_str().unwrap();
    let mine = mine.split(';').next().unwrap().to_owned();
    assert!(mine.starts_with(&name), "{mine} {name}");
    let mut made = 0;
    for n in 1..40 {
        let up = format!("{name}={n:043}");
        let answer = send(n, Some(up)).send().await.unwrap();
        made += usize::from(answer.status() == 303);
    }
    assert_eq!(made, 29, "thirty in all");
    // Who is known goes on.
    let known = send(99, Some(mine)).send().await.unwrap();
    assert_eq!(known.status(), 303);
    house.close().await;
}

#[actix_web::test]
async fn who_ends_and_opens_one_chat_for_ever_is_told_to_wait_and_nobody_else() {
    let house = open_house().await;
    house
        .add_agent("eve@mugs.example", "Eve", Role::Agent)
        .await;
    let (owner, eve) = (house.owner().await, house.agent("eve@mugs.example").await);
    let mut talks = Vec::new();
    for words in ["Is it blue?", "Is it green?"] {
        let posted = house.visitor().await.writes(words).await;
        talks.push(posted["conversation"].as_str().unwrap().to_owned());
    }
    let does = async |agent: &AgentBrowser, talk: &str, deed: &str| {
        let answer = agent.post(&format!("/inbox/{talk}/{deed}"), &[]).await;
        answer.status().as_u16()
    };
    let mut done = 0;
    loop {
        let deed = ["resolve", "reopen", "tags"][done % 3];
        match does(&owner, &talks[0], deed).await {
            200 => done += 1,
            429 => break,
            other => panic!("{other}"),
        }
        assert!(done < 200, "he goes on for ever");
    }
    assert!(30 <= done, "{done}");
    assert_eq!(does(&owner, &talks[0], "tags").await, 429);
    assert_eq!(does(&owner, &talks[1], "resolve").await, 200);
    assert_eq!(does(&eve, &talks[0], "join").await, 200);
    house.close().await;
}

#[actix_web::test]
async fn many_visitors_of_one_address_store_no_more_than_an_office_would() {
    let house = open_house().await;
    let mut visitors = Vec::new();
    for _ in 0..25 {
        visitors.push(house.visitor().await);
    }
    let body = "\u{1f4a3}".repeat(8000);
    let (mut stored, mut refused) = (0, 0);
    for n in 0..10 {
        for visitor in &visitors {
            let message = json!({ "cid": format!("volume-{n:04}"), "body": body });
            let post = visitor.http.post(format!("{}/w/v1/messages", house.url));
            let post = post
                .bearer_auth(&visitor.token)
                .header("x-forwarded-for", "203.0.113.78")
                .json(&message);
            match post.send().await.unwrap().status().as_u16() {
                201 => stored += body.len(),
                429 => refused += 1,
                other => panic!("{other}"),
            }
        }
    }
    assert!(stored < 6 * 1024 * 1024, "{stored} bytes");
    assert!(0 < refused);
    // Somebody else is not concerned, nor is an office that only talks.
    let mut other = house.visitor().await;
    other.writes(&body).await;
    let office = |visitor: &VisitorPage, n: u32| {
        let message = json!({ "cid": format!("office-{n:04}"), "body": "two mugs, please" });
        visitor
            .post("/w/v1/messages", &message)
            .header("x-forwarded-for", "203.0.113.79")
            .send()
    };
    let mut talking = Vec::new();
    for _ in 0..20 {
        talking.push(house.visitor().await);
    }
    for n in 0..8 {
        for visitor in &talking {
            assert_eq!(office(visitor, n).await.unwrap().status(), 201);
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn a_flood_of_messages_is_told_when_to_come_back() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let mut statuses = Vec::new();
    for n in 0..30 {
        let answer = visitor.send(&format!("flood-{n:04}"), "again").await;
        if answer.status() == 429 {
            assert!(answer.headers().contains_key("retry-after"));
        }
        statuses.push(answer.status().as_u16());
    }
    assert!(
        statuses.contains(&201) && statuses.contains(&429),
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|it| [201, 429].contains(it)),
        "{statuses:?}"
    );
    house.close().await;
}

#[actix_web::test]
async fn guessing_a_password_is_slowed_down() {
    let house = open_house().await;
    let http = crate::support::client();
    let mut statuses = Vec::new();
    for _ in 0..14 {
        let sign_in = http
            .post(format!("{}/login", house.url))
            .header("origin", &house.url);
        let form = [("email", OWNER), ("password", "guess")];
        statuses.push(sign_in.form(&form).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses[0], 422);
    assert_eq!(*statuses.last().unwrap(), 429);
    house.close().await;
}

pub fn raw(house: &House, request: &[u8]) -> String {
    let address = house.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(25)))
        .unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[actix_web::test]
async fn a_body_that_trickles_in_is_cut_off() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let host = house.url.trim_start_matches("http://").to_owned();
    let head = format!(
        "POST /w/v1/messages HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {}\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{{",
        visitor.token
    );
    let house = std::sync::Arc::new(house);
    let asking = std::sync::Arc::clone(&house);
    let answer = tokio::task::spawn_blocking(move || raw(&asking, head.as_bytes()))
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
