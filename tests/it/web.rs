//! How the house stands in the world: under a path of its host, behind proxies
//! that take the path off or leave it, and at addresses with a slash too many.

mod upload;

use std::collections::{BTreeSet, VecDeque};

use actix_web::App;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use shopbell::accounts::Role;
use shopbell::config::TAKEN;
use shopbell::server;
use shopbell::web::Route;

use crate::support::{AgentBrowser, BELOW, House, client, open_house, open_house_with};

const CHAT: &str = "/deep/chat";

fn table() -> Vec<Route> {
    let mut table = Vec::new();
    let _ = App::new().configure(|config| table = server::mount(config));
    table
}

fn header(answer: &Response, name: &str) -> String {
    let value = answer.headers().get(name);
    value.map_or(String::new(), |it| it.to_str().unwrap().to_owned())
}

/// What a page names, as far as a browser would go there: from the host's root.
fn addresses(html: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in html.match_indices("=\"/") {
        let name = html[..at].rsplit(char::is_whitespace).next().unwrap();
        let shown = ["value", "title", "content", "placeholder"].contains(&name);
        if !shown {
            let value = html[at + 2..].split('"').next().unwrap();
            found.insert(value.split('#').next().unwrap().replace("&#38;", "&"));
        }
    }
    found
}

/// Asks for an address as the world does, with or without a session.
async fn visit(origin: &str, path: &str, cookie: &str) -> Response {
    let ask = client()
        .get(format!("{origin}{path}"))
        .header("accept", "text/html")
        .header("cookie", cookie);
    ask.send().await.unwrap()
}

/// Walks every page that can be reached; whatever is named lies below the path
/// and is there.
async fn walk(house: &House, agent: Option<&AgentBrowser>) -> BTreeSet<String> {
    let origin = house.url.strip_suffix(CHAT).unwrap();
    let cookie = agent.map_or("", |it| it.cookie.as_str());
    let mut seen = BTreeSet::new();
    let begin = [
        "/",
        "/login",
        "/forgot",
        "/demo-shop",
        "/me",
        "/welcome",
        "/nothing",
    ];
    let mut next: VecDeque<String> = begin.iter().map(|it| format!("{CHAT}{it}")).collect();
    next.push_back(format!("{CHAT}/c/{}", house.site));
    while let Some(path) = next.pop_front() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = visit(origin, &path, cookie).await;
        let status = answer.status();
        // Forms name addresses for POST.
        let there = status.is_success()
            || status.is_redirection()
            || status == StatusCode::METHOD_NOT_ALLOWED
            || path.ends_with("/nothing");
        assert!(there, "{path}: {status}");
        let mut named: BTreeSet<String> = BTreeSet::new();
        let location = header(&answer, "location");
        if !location.is_empty() {
            named.insert(location.split('#').next().unwrap().to_owned());
        }
        if header(&answer, "content-type").starts_with("text/html") {
            named.extend(addresses(&answer.text().await.unwrap()));
        }
        for it in named {
            let below = it.strip_prefix(CHAT).is_some_and(|it| it.starts_with('/'));
            assert!(below, "{path} leads out of {CHAT}: {it}");
            next.push_back(it);
        }
    }
    seen
}

#[actix_web::test]
async fn below_a_path_no_page_leads_out_of_it() {
    let house = open_house_with(&[(BELOW, CHAT)]).await;
    let mut visitor = house.visitor().await;
    visitor
        .writes("is <a href=\"/inbox\">anyone</a> there?")
        .await;
    let agent = house.owner().await;
    let as_stranger = walk(&house, None).await;
    let as_owner = walk(&house, Some(&agent)).await;
    let has = |seen: &BTreeSet<String>, start: &str| {
        let start = format!("{CHAT}{start}");
        seen.iter().any(|it| it.starts_with(&start))
    };
    for start in ["/assets/admin/icons.", "/w.js", "/login", "/forgot", "/c/"] {
        assert!(
            has(&as_stranger, start),
            "{start} was not walked: {as_stranger:#?}"
        );
    }
    for start in [
        "/inbox/c_",
        "/settings/workings",
        "/settings/sites",
        "/me",
        "/logout",
    ] {
        assert!(
            has(&as_owner, start),
            "{start} was not walked: {as_owner:#?}"
        );
    }
    house.close().await;
}

#[actix_web::test]
async fn below_a_path_the_main_job_works_and_news_stay_there() {
    let house = open_house_with(&[(BELOW, CHAT)]).await;
    let mut visitor = house.visitor().await;
    let mut agent = house.owner().await;
    let mut screen = agent.listens("").await;
    visitor.writes("is anyone there?").await;
    let news = screen.next_that(|it| it["html"].is_string()).await;
    let html = news["html"].as_str().unwrap();
    let named = addresses(html);
    assert!(!named.is_empty(), "{html}");
    for it in named {
        assert!(it.starts_with(&format!("{CHAT}/")), "{it}");
    }
    let key = html
        .split("/inbox/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let mut page = visitor.listens(0, None).await;
    agent.joins(key).await;
    let drawn = agent.answers(key, "the owner is").await;
    let drawn = drawn["html"].as_str().unwrap();
    let named = addresses(drawn);
    assert!(!named.is_empty(), "{drawn}");
    for it in named {
        assert!(it.starts_with(&format!("{CHAT}/")), "{it}");
    }
    let answer = page
        .next_that(|it| it["data"]["body"] == "the owner is")
        .await;
    assert_eq!(answer["op"], "put");
    house.close().await;
}

#[actix_web::test]
async fn below_a_path_a_proxy_may_take_it_off_or_leave_it() {
    let house = open_house_with(&[(BELOW, CHAT)]).await;
    let agent = house.owner().await;
    let origin = house.url.strip_suffix(CHAT).unwrap();
    for path in [
        "/inbox?show=resolved",
        "/w.js",
        "/healthz",
        "/settings/sites",
    ] {
        let whole = visit(origin, &format!("{CHAT}{path}"), &agent.cookie).await;
        let taken_off = visit(origin, path, &agent.cookie).await;
        assert_eq!(whole.status(), 200, "{path}");
        assert_eq!(taken_off.status(), 200, "{path}");
        let types = [&whole, &taken_off].map(|it| header(it, "content-type"));
        assert_eq!(types[0], types[1], "{path}");
    }
    let bare = visit(origin, CHAT, &agent.cookie).await;
    assert!(header(&bare, "location").starts_with(&format!("{CHAT}/")));
    let beside = visit(origin, "/deep/chatter", &agent.cookie).await;
    assert_eq!(beside.status(), 404);
    let out = visit(origin, &format!("{CHAT}/inbox?show=resolved"), "").await;
    assert_eq!(
        header(&out, "location"),
        format!("{CHAT}/login?next=%2Finbox%3Fshow%3Dresolved")
    );
    house.close().await;
}

#[actix_web::test]
async fn below_a_path_cookies_and_embed_code_name_it() {
    let public = "https://shop.example/chat/";
    let house = open_house_with(&[("public-url", public)]).await;
    let sign_in = client()
        .post(format!("{}/chat/login", house.url))
        .header("host", "shop.example")
        .header("origin", "https://shop.example")
        .form(&[
            ("email", crate::support::OWNER),
            ("password", crate::support::PASSWORD),
        ]);
    let answer = sign_in.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(header(&answer, "location"), "/chat/inbox");
    let cookie = header(&answer, "set-cookie");
    assert!(cookie.starts_with("__Secure-sid="), "{cookie}");
    assert!(cookie.contains("; Path=/chat;"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let welcome = client()
        .get(format!("{}/chat/welcome", house.url))
        .header("host", "shop.example")
        .header("cookie", session);
    let page = welcome.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("https://shop.example/chat/w.js"), "{page}");
    let chat = client()
        .post(format!("{}/chat/c/{}", house.url, house.site))
        .header("host", "shop.example")
        .header("origin", "https://shop.example")
        .form(&[("cid", "visitor-line-1"), ("body", "hello")]);
    let answer = chat.send().await.unwrap();
    let cookie = header(&answer, "set-cookie");
    assert!(cookie.contains("; Path=/chat;"), "{cookie}");
    house.close().await;
}

#[test]
fn no_path_may_begin_like_a_page_of_ours() {
    let firsts: BTreeSet<&str> = table()
        .iter()
        .filter_map(|it| it.path.split('/').nth(1))
        .filter(|it| !it.is_empty())
        .collect();
    assert_eq!(firsts, TAKEN.iter().copied().collect());
}

#[actix_web::test]
async fn one_slash_too_many_leads_to_the_true_address() {
    let house = open_house().await;
    let slashed = |path: &str| client().get(format!("{}{path}", house.url));
    let key = format!("/c/{}", house.site);
    for path in ["/login", "/inbox", "/settings/sites", &key] {
        let answer = slashed(&format!("{path}/?a=1")).send().await.unwrap();
        assert_eq!(answer.status(), 308, "{path}");
        assert_eq!(header(&answer, "location"), format!("{path}?a=1"));
    }
    for path in [
        "/nothing/",
        "/login//",
        "//evil.example/",
        "/%2Fevil.example/",
    ] {
        let answer = slashed(path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    house.close().await;
    let house = open_house_with(&[(BELOW, CHAT)]).await;
    let answer = client()
        .get(format!("{}/login/", house.url))
        .send()
        .await
        .unwrap();
    assert_eq!(header(&answer, "location"), format!("{CHAT}/login"));
    house.close().await;
}

#[actix_web::test]
async fn a_form_posted_to_a_slashed_address_is_sent_on_whole() {
    let house = open_house().await;
    let post = client()
        .request(Method::POST, format!("{}/w/v1/visitors/", house.url))
        .json(&json!({ "site": house.site }));
    let answer = post.send().await.unwrap();
    assert_eq!(answer.status(), 308);
    assert_eq!(header(&answer, "location"), "/w/v1/visitors");
    house.close().await;
}

/// The welcome page and the status page, as the owner sees them.
async fn told(agent: &AgentBrowser) -> [String; 2] {
    [
        agent.sees("/welcome").await,
        agent.sees("/settings/workings").await,
    ]
}

#[actix_web::test]
async fn a_proxy_that_was_not_named_is_told_to_whoever_can_mend_it() {
    let house = open_house_with(&[("trusted-proxies", "10.9.9.9")]).await;
    let agent = house.owner().await;
    // Whoever is nobody here can claim anything.
    let claims = client().get(format!("{}/login", house.url));
    let claims = claims.header("x-forwarded-for", "203.0.113.9");
    assert_eq!(claims.send().await.unwrap().status(), 200);
    for page in told(&agent).await {
        assert!(!page.contains("--trusted-proxies"), "{page}");
    }
    let visit = agent.request(Method::GET, "/me");
    let visit = visit.header("x-forwarded-for", "203.0.113.9");
    assert_eq!(visit.send().await.unwrap().status(), 200);
    for page in told(&agent).await {
        assert!(page.contains("--trusted-proxies 127.0.0.1"), "{page}");
    }
    // What can be worked with does not stand in everybody's way.
    assert!(!agent.sees("/inbox").await.contains("--trusted-proxies"));
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    let plain = house.agent("bob@mugs.example").await;
    assert!(!plain.sees("/me").await.contains("--trusted-proxies"));
    house.close().await;
}

#[actix_web::test]
async fn a_named_proxy_is_no_news() {
    let house = open_house().await;
    let agent = house.owner().await;
    for page in told(&agent).await {
        assert!(!page.contains("--trusted-proxies"), "{page}");
        assert!(!page.contains("X-Forwarded-For"), "{page}");
    }
    house.close().await;
}

#[actix_web::test]
async fn a_proxy_that_hides_the_visitors_address_is_told() {
    let house = open_house_with(&[("public-url", "https://chat.example")]).await;
    let agent = house.owner().await;
    let stranger = client().get(format!("{}/login", house.url));
    for (visit, is_told) in [(stranger, false), (agent.request(Method::GET, "/me"), true)] {
        let visit = visit
            .header("host", "chat.example")
            .header("accept-language", "en");
        assert_eq!(visit.send().await.unwrap().status(), 200);
        let hint = "proxy_set_header X-Forwarded-For";
        for page in told(&agent).await {
            assert_eq!(page.contains(hint), is_told, "{page}");
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn a_proxy_that_passes_no_sockets_is_told_until_one_comes_through() {
    let house = open_house().await;
    let agent = house.owner().await;
    let hint = "proxy_set_header Upgrade";
    assert!(!agent.sees("/inbox").await.contains(hint));
    // A stranger cannot tell the owner what is wrong with his proxy.
    for path in ["/healthz", "/live", "/w/v1/live"] {
        let wish = client().get(format!("{}{path}", house.url));
        let wish = wish.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        wish.send().await.unwrap();
        assert!(!agent.sees("/inbox").await.contains(hint), "{path}");
    }
    let wish = agent
        .request(Method::GET, "/live")
        .header("origin", &house.url)
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "13");
    assert_eq!(wish.send().await.unwrap().status(), 400);
    assert!(agent.sees("/inbox").await.contains(hint));
    let _screen = agent.listens("").await;
    assert!(!agent.sees("/inbox").await.contains(hint));
    house.close().await;
}

#[actix_web::test]
async fn a_wrong_name_is_answered_with_what_came_what_was_expected_and_the_line_to_add() {
    let house = open_house_with(&[("public-url", "https://chat.example:8443")]).await;
    for (accept, kind) in [
        ("text/html", "text/html"),
        ("*/*", "application/problem+json"),
    ] {
        let ask = client()
            .get(format!("{}/login", house.url))
            .header("host", "upstream<b>")
            .header("accept", accept);
        let answer = ask.send().await.unwrap();
        assert_eq!(answer.status(), 421);
        assert!(header(&answer, "content-type").starts_with(kind));
        let text = answer.text().await.unwrap();
        for part in [
            "chat.example:8443",
            "--public-url",
            "proxy_set_header Host $http_host;",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("upstream"), "{text}");
        assert!(kind != "text/html" || !text.contains("<b>"), "{text}");
    }
    house.close().await;
}

#[actix_web::test]
async fn a_host_that_is_shared_is_not_bound_to_tls() {
    let shared = ["https://shop.example:8443", "https://shop.example/chat"];
    for (public, bound) in [
        ("https://chat.example", true),
        (shared[0], false),
        (shared[1], false),
    ] {
        let house = open_house_with(&[("public-url", public)]).await;
        for path in ["/login", "/w.js"] {
            let ask = client()
                .get(format!("{}{path}", house.url))
                .header("host", public.split('/').nth(2).unwrap());
            let answer = ask.send().await.unwrap();
            assert_eq!(answer.status(), 200, "{public}{path}");
            let strict = answer.headers().contains_key("strict-transport-security");
            assert_eq!(strict, bound, "{public}{path}");
        }
        house.close().await;
    }
}

async fn packed(url: &str, headers: &[(&str, &str)]) -> (String, usize) {
    let mut ask = client().get(url);
    for (name, value) in headers {
        ask = ask.header(*name, *value);
    }
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    let coding = header(&answer, "content-encoding");
    (coding, answer.bytes().await.unwrap().len())
}

#[actix_web::test]
async fn pages_are_packed_for_who_takes_it_and_asked_himself() {
    let house = open_house().await;
    let agent = house.owner().await;
    let cookie = ("cookie", agent.cookie.as_str());
    let (br, own) = (("accept-encoding", "gzip, br"), ("sec-fetch-site", "none"));
    let page = format!("{}/settings/workings", house.url);
    let (plain, whole) = packed(&page, &[cookie, own]).await;
    assert_eq!(plain, "");
    let (coding, size) = packed(&page, &[cookie, own, br]).await;
    assert_eq!(coding, "br");
    assert!(size * 2 < whole, "{size} of {whole}");
    // What another site makes a browser ask for must not tell by its length.
    for from in ["cross-site", "same-site", ""] {
        let foreign = [cookie, br, ("sec-fetch-site", from)];
        assert_eq!(packed(&page, &foreign).await.0, "", "{from}");
    }
    let open = format!("{}/demo-shop", house.url);
    assert_eq!(packed(&open, &[br]).await.0, "br");
    for accepted in ["br;q=0", "gzip", "identity"] {
        let refused = [("accept-encoding", accepted)];
        assert_eq!(packed(&open, &refused).await.0, "", "{accepted}");
    }
    let tiny = format!("{}/healthz", house.url);
    assert_eq!(packed(&tiny, &[br]).await.0, "");
    house.close().await;
}

#[actix_web::test]
async fn an_asset_carries_what_it_needs_and_an_old_name_leads_to_todays_file() {
    let house = open_house().await;
    let now = shopbell::assets::url("widget/panel.js");
    let old = "/assets/widget/panel.0123456789abcdef.js";
    let get = |path: &str| client().get(format!("{}{path}", house.url)).send();
    let today = get(now).await.unwrap();
    let names: BTreeSet<_> = today.headers().keys().map(|it| it.as_str()).collect();
    for needless in ["x-robots-tag", "content-security-policy", "referrer-policy"] {
        assert!(!names.contains(needless), "{needless}");
    }
    assert_eq!(header(&today, "x-content-type-options"), "nosniff");
    assert_eq!(header(&today, "access-control-allow-origin"), "*");
    assert!(header(&today, "cache-control").contains("immutable"));
    let drawing = get(shopbell::assets::url("admin/icons.svg")).await.unwrap();
    assert!(header(&drawing, "content-security-policy").starts_with("default-src 'none'"));
    let before = get(old).await.unwrap();
    assert_eq!(before.status(), 200);
    assert_eq!(header(&before, "cache-control"), "no-store");
    assert_eq!(before.text().await.unwrap(), today.text().await.unwrap());
    let unknown = get("/assets/widget/nothing.0123456789abcdef.js")
        .await
        .unwrap();
    assert_eq!(unknown.status(), 404);
    house.close().await;
}
