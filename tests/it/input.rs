//! Bad input, through every door: a clear 4xx, nothing half done, no 5xx.

mod forms;
mod limits;
mod undo;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{SHOP, VisitorPage, open_house};

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
    assert_eq!(
        guessed.status(),
        201,
        "a line of his own, of which it says nothing"
    );
    let told: Value = guessed.json().await.unwrap();
    assert_eq!(told["message"]["from"], "visitor");
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
async fn a_name_of_ours_is_taken_by_the_letter_and_there_is_only_one() {
    let house = std::sync::Arc::new(open_house().await);
    let host = house.url.trim_start_matches("http://").to_owned();
    let port = host.rsplit(':').next().unwrap().to_owned();
    let asks = async |target: &str, hosts: &[&str]| {
        let mut head = format!("GET {target} HTTP/1.1\r\nConnection: close\r\n");
        for host in hosts {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        head.push_str("\r\n");
        let asking = std::sync::Arc::clone(&house);
        let answer = tokio::task::spawn_blocking(move || limits::raw(&asking, head.as_bytes()));
        let answer = answer.await.unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let local = format!("LOCALHOST:{port}");
    let absolute = format!("http://{host}/login");
    for (target, name) in [
        ("/login", host.as_str()),
        ("/login", &local),
        ("/login", "[::1]"),
        (&absolute, &host),
    ] {
        assert_eq!(asks(target, &[name]).await, "200", "{target} {name}");
    }
    for name in [
        "localhost/..",
        "127.0.0.1#@evil.example",
        "ann:secret@localhost",
        "localhost:80:90",
        "localhost 80",
        "127.1",
        "evil.example",
    ] {
        assert_eq!(asks("/login", &[name]).await, "421", "{name}");
    }
    let elsewhere = "http://evil.example/login";
    assert_eq!(asks(elsewhere, &[&host]).await, "421");
    for hosts in [
        [host.as_str(), "evil.example"],
        ["evil.example", &host],
        [&host, &host],
    ] {
        let status = asks("/login", &hosts).await;
        assert!(status == "421" || status == "400", "{hosts:?}: {status}");
    }
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

#[actix_web::test]
async fn a_form_comes_back_with_all_that_is_wrong_and_as_it_was_typed() {
    let house = open_house().await;
    let agent = house.owner().await;
    let csrf = agent.csrf().await;
    let form = agent
        .request(Method::POST, &format!("/settings/sites/{}", house.site))
        .header("origin", &house.url)
        .header("x-csrf-token", csrf)
        .header("accept", "text/html")
        .form(&[
            ("shop", "New mugs"),
            ("origins", "nonsense"),
            ("color", "blue"),
            ("position", "end"),
            ("foot", "20"),
            ("lang", "en"),
            ("zone", "Mars/Olympus"),
        ]);
    let answer = form.send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    for field in ["origins", "color", "zone"] {
        assert!(page.contains(&format!("id=\"{field}-error\"")), "{field}");
    }
    for fine in ["shop", "foot"] {
        assert!(!page.contains(&format!("id=\"{fine}-error\"")), "{fine}");
    }
    for typed in ["New mugs", "nonsense"] {
        assert!(page.contains(typed), "{typed}");
    }
    // Nothing of it was saved.
    let sites = house.db.read(shopbell::sites::list).await.unwrap();
    // What is no choice is not chosen again: the one that holds is.
    let zone = format!("<option value=\"{}\" selected>", sites[0].zone);
    assert!(page.contains(&zone), "{zone}");
    assert!(sites.iter().all(|it| it.name != "New mugs"));
    house.close().await;
}
