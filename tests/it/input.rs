//! Bad input, through every door: a clear 4xx, nothing half done, no 5xx.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{House, OWNER, SHOP, VisitorPage, open_house};

async fn refused(visitor: &VisitorPage, body: &Value) -> (u16, Value) {
    let answer = visitor.post("/w/v1/messages", body).send().await.unwrap();
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(kind, "application/problem+json", "{body}");
    (status, answer.json().await.unwrap())
}

async fn nothing_was_stored(visitor: &VisitorPage) {
    let history = visitor.history().await;
    assert_eq!(history["messages"], json!([]));
    assert_eq!(history["state"], "none");
}

#[actix_web::test]
async fn words_that_are_no_message_are_refused_and_leave_nothing() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let message = |body: &str| json!({ "cid": "12345678", "body": body });
    for body in [
        "".to_owned(),
        " \n\t ".to_owned(),
        "\u{200b}\u{200b}\u{feff}".to_owned(),
        "a\0b".to_owned(),
        "\u{1b}[31mred".to_owned(),
        "photo\u{202e}gpj.exe".to_owned(),
        format!("z{}", "\u{301}".repeat(10_000)),
        "x".repeat(8001),
    ] {
        let (status, problem) = refused(&visitor, &message(&body)).await;
        assert_eq!((status, &problem["field"]), (422, &json!("body")));
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(problem["status"], 422);
        assert!(problem["request_id"].is_string());
    }
    nothing_was_stored(&visitor).await;
    house.close().await;
}

#[actix_web::test]
async fn bodies_that_are_not_what_we_read_are_refused() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    for body in [
        json!({ "cid": "12345678" }),
        json!({ "cid": "12345678", "body": 7 }),
        json!({ "cid": "12345678", "body": null }),
        json!({ "cid": 12345678, "body": "x" }),
        json!({ "cid": "short", "body": "x" }),
        json!({ "cid": "has spaces in it", "body": "x" }),
        json!({ "cid": "x".repeat(65), "body": "x" }),
        json!({ "cid": "12345678", "body": "x", "agent": 1 }),
        json!({ "cid": "12345678", "body": "x", "device": { "kind": "toaster" } }),
        json!({ "cid": "12345678", "body": "x", "device": { "kind": "site", "owner": true } }),
        json!([1, 2]),
        // In the order of the fields, as serde would take it.
        json!(["12345678", "hello"]),
        json!({ "cid": "12345678", "body": "x", "device": ["site"] }),
        json!("text"),
        json!(null),
    ] {
        assert_eq!(refused(&visitor, &body).await.0, 400, "{body}");
    }
    nothing_was_stored(&visitor).await;
    house.close().await;
}

#[actix_web::test]
async fn raw_bytes_of_all_kinds_are_refused() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let cases: [(&str, Vec<u8>, u16); 6] = [
        ("application/json", b"{".to_vec(), 400),
        ("application/json", b"\xff\xfe\x00".to_vec(), 400),
        (
            "application/json",
            b"{\"cid\":\"12345678\",\"body\":\"\xff\xff\"}".to_vec(),
            400,
        ),
        ("application/json", vec![b' '; 200_000], 413),
        (
            "text/plain",
            b"{\"cid\":\"12345678\",\"body\":\"x\"}".to_vec(),
            415,
        ),
        (
            "application/json",
            format!("{}1{}", "[".repeat(5000), "]".repeat(5000)).into_bytes(),
            400,
        ),
    ];
    for (kind, body, expected) in cases {
        let post = visitor.request(Method::POST, "/w/v1/messages");
        let answer = post
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), expected, "{kind}");
    }
    nothing_was_stored(&visitor).await;
    house.close().await;
}

#[actix_web::test]
async fn a_retry_is_harmless() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let first = visitor.send("retry-0001", "once only").await;
    let second = visitor.send("retry-0001", "once only").await;
    assert_eq!(
        (first.status().as_u16(), second.status().as_u16()),
        (201, 200)
    );
    let (first, second): (Value, Value) =
        (first.json().await.unwrap(), second.json().await.unwrap());
    assert_eq!(first["message"], second["message"]);
    assert_eq!(
        visitor.history().await["messages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    house.close().await;
}

#[actix_web::test]
async fn other_words_under_a_used_id_are_refused_and_so_is_somebody_elses_id() {
    let house = open_house().await;
    let mut agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap();
    let again = visitor.send("used-0001", "these words").await;
    assert_eq!(again.status(), 201);
    let other = visitor.send("used-0001", "other words").await;
    assert_eq!(other.status(), 409);
    let problem: Value = other.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("other words"));

    agent.joins(conversation).await;
    let note = [("cid", "note-0001"), ("body", "a secret"), ("note", "1")];
    let path = format!("/inbox/{conversation}/messages");
    assert_eq!(agent.post(&path, &note).await.status(), 200);
    assert_eq!(agent.post(&path, &note).await.status(), 200, "a retry");
    let changed = [("cid", "note-0001"), ("body", "a secret")];
    assert_eq!(agent.post(&path, &changed).await.status(), 409, "no note");
    let guessed = visitor.send("note-0001", "a secret").await;
    assert_eq!(guessed.status(), 409);
    assert!(!guessed.text().await.unwrap().contains("secret"));
    agent.answers(conversation, "good morning").await;
    house.close().await;
}

#[actix_web::test]
async fn no_visitor_takes_the_ids_of_lines_that_the_house_writes() {
    let house = open_house().await;
    let agent = house.owner().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let conversation = posted["conversation"].as_str().unwrap();
    let next = posted["message"]["id"].as_i64().unwrap();
    // Each of these takes a position itself; the house comes after them.
    for id in next + 7..next + 14 {
        let taken = visitor.send(&format!("change-{id}"), "mine").await;
        assert_eq!(taken.status(), 201);
    }
    let ours = visitor.send(&format!("change:{next}"), "mine").await;
    assert_eq!(ours.status(), 400);
    agent.joins(conversation).await;
    for verb in ["resolve", "reopen", "resolve"] {
        let path = format!("/inbox/{conversation}/{verb}");
        assert_eq!(agent.post(&path, &[]).await.status(), 200, "{verb}");
    }
    house.close().await;
}

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
async fn a_token_opens_its_own_conversation_and_nothing_else() {
    let house = open_house().await;
    let (mut ann, bob) = (house.visitor().await, house.visitor().await);
    ann.writes("ann's secret").await;
    assert!(!bob.history().await.to_string().contains("secret"));
    for token in [
        "",
        "x",
        "null",
        "undefined",
        &"A".repeat(43),
        &"A".repeat(5000),
    ] {
        let history = bob.http.get(format!("{}/w/v1/history", house.url));
        let answer = history.bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{token:.50}");
    }
    house.close().await;
}

#[actix_web::test]
async fn a_page_that_may_not_carry_the_chat_gets_nothing() {
    let house = open_house().await;
    house.allow_only(SHOP).await;
    let visitor = house.visitor().await;
    let message = json!({ "cid": "12345678", "body": "x" });
    for (origin, expected) in [
        ("https://evil.example", 403),
        ("null", 403),
        ("https://mugs.example.evil.example", 403),
        ("http://mugs.example", 403),
        ("https://mugs.example:444", 403),
        (SHOP, 201),
    ] {
        let post = visitor
            .post("/w/v1/messages", &message)
            .header("origin", origin);
        assert_eq!(post.send().await.unwrap().status(), expected, "{origin}");
        let site = format!("{}/w/v1/sites/{}", house.url, house.site);
        let site = visitor
            .http
            .get(site)
            .header("origin", origin)
            .send()
            .await
            .unwrap();
        assert_eq!(site.status().is_success(), origin == SHOP, "{origin}");
    }
    house.close().await;
}

#[actix_web::test]
async fn a_host_that_is_not_ours_gets_no_page_and_no_link_is_made_of_it() {
    let house = open_house().await;
    let http = crate::support::client();
    for host in ["evil.example", "localhost.evil.example", ""] {
        let answer = http
            .get(format!("{}/login", house.url))
            .header("host", host)
            .send()
            .await;
        let status = answer.unwrap().status().as_u16();
        assert!(status == 421 || status == 400, "{host}: {status}");
    }
    let forwarded = http
        .get(format!("{}/login", house.url))
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;for=6.6.6.6")
        .send()
        .await
        .unwrap();
    assert!(!forwarded.text().await.unwrap().contains("evil.example"));
    house.close().await;
}

#[actix_web::test]
async fn forms_from_other_pages_change_nothing() {
    let house = open_house().await;
    let agent = house.owner().await;
    let csrf = agent.csrf().await;
    let form = [("name", "Mallory"), ("lang", "en")];
    let post = |csrf: &str| {
        agent
            .request(Method::POST, "/me/profile")
            .header("x-csrf-token", csrf.to_owned())
            .form(&form)
    };
    let cases = [
        (post("").header("origin", &house.url), 403),
        (post("wrong").header("origin", &house.url), 403),
        (post(&csrf).header("origin", "https://evil.example"), 403),
        (post(&csrf).header("origin", "null"), 403),
        (post(&csrf).header("sec-fetch-site", "cross-site"), 403),
        (post(&csrf).header("sec-fetch-site", "same-site"), 403),
        (post(&csrf).header("sec-fetch-site", "same-origin"), 303),
    ];
    for (at, (request, expected)) in cases.into_iter().enumerate() {
        assert_eq!(
            request.send().await.unwrap().status(),
            expected,
            "case {at}"
        );
    }
    let other = house.owner().await;
    let stolen = other
        .request(Method::POST, "/me/profile")
        .header("x-csrf-token", csrf);
    assert_eq!(stolen.form(&form).send().await.unwrap().status(), 403);
    house.close().await;
}

#[actix_web::test]
async fn what_was_typed_into_a_refused_form_is_still_there() {
    let house = open_house().await;
    let http = crate::support::client();
    let sign_in = http
        .post(format!("{}/login", house.url))
        .header("origin", &house.url);
    let form = [("email", OWNER), ("password", "not the password")];
    let answer = sign_in.form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains(OWNER) && !page.contains("not the password"));

    let agent = house.owner().await;
    let long = "n".repeat(61);
    let profile = agent
        .post("/me/profile", &[("name", &long), ("lang", "en")])
        .await;
    assert_eq!(profile.status(), 422);
    let page = profile.text().await.unwrap();
    assert!(page.contains(&long), "{page}");
    house.close().await;
}

#[actix_web::test]
async fn fields_nobody_asked_for_are_refused() {
    let house = open_house().await;
    let agent = house.owner().await;
    let form = [("name", "Ada"), ("lang", "en"), ("role", "owner")];
    assert_eq!(agent.post("/me/profile", &form).await.status(), 400);
    let binary = agent
        .request(Method::POST, "/me/profile")
        .header("origin", &house.url);
    let binary = binary.header("x-csrf-token", agent.csrf().await);
    let binary = binary.header("content-type", "application/x-www-form-urlencoded");
    let answer = binary.body("name=%FF%FE&lang=en").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    house.close().await;
}

#[actix_web::test]
async fn an_error_speaks_the_language_of_whoever_made_it() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let empty = json!({ "cid": "12345678", "body": "" });
    let mut told = std::collections::BTreeSet::new();
    for lang in ["en", "fr", "tr", "ru"] {
        let post = visitor
            .post("/w/v1/messages", &empty)
            .header("accept-language", lang);
        let problem: Value = post.send().await.unwrap().json().await.unwrap();
        told.insert(problem["detail"].as_str().unwrap().to_owned());
    }
    assert_eq!(told.len(), 4, "{told:?}");
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

fn raw(house: &House, request: &[u8]) -> String {
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

#[actix_web::test]
async fn ids_of_others_and_of_nobody_are_not_found() {
    let house = open_house().await;
    let agent = house.owner().await;
    for path in [
        "/inbox/c_nothing",
        "/inbox/1",
        "/inbox/..%2f..%2fetc",
        "/nothing",
        "/assets/../Cargo.toml",
    ] {
        let answer = agent.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    assert_eq!(agent.post("/me/sessions/9999/end", &[]).await.status(), 404);
    assert_eq!(agent.post("/inbox/c_nothing/join", &[]).await.status(), 404);
    house.close().await;
}
