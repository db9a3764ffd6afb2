//! Every door against every role, and the headers on every answer. The table of
//! routes is the program's own, so a new door is tested the day it is built.

use std::collections::BTreeSet;

use actix_web::App;
use reqwest::{Method, Response, StatusCode};
use shopbell::accounts::Role;
use shopbell::server;
use shopbell::web::{Route, Who};

use crate::support::{AgentBrowser, House, VisitorPage, client, open_house};

fn table() -> Vec<Route> {
    let mut table = Vec::new();
    let _ = App::new().configure(|config| table = server::mount(config));
    assert!(20 < table.len(), "the table of routes is empty");
    table
}

/// A path of that shape that leads to nothing.
fn path(route: &Route, site: &str) -> String {
    route
        .path
        .replace("{conversation}", "c_AAAAAAAAAAAAAAAAAAAAAA")
        .replace("{session}", "999999")
        .replace("{agent}", "999999")
        .replace("{site}", site)
        .replace("{job}", "999999")
        .replace("{tag}", "999999")
        .replace("{follower}", "nobody")
        .replace("{name:.*}", "nothing.js")
}

fn method(route: &Route) -> Method {
    Method::from_bytes(route.method.as_bytes()).unwrap()
}

async fn anonymously(house: &House, route: &Route) -> Response {
    let url = format!("{}{}", house.url, path(route, &house.site));
    let request = client()
        .request(method(route), url)
        .header("origin", &house.url);
    request.send().await.unwrap()
}

async fn signed_in(house: &House, agent: &AgentBrowser, csrf: &str, route: &Route) -> StatusCode {
    let request = agent
        .request(method(route), &path(route, &house.site))
        .header("origin", &house.url)
        .header("x-csrf-token", csrf);
    let request = match route.method {
        "POST" => request.form(&[("nothing", "at all")]),
        _ => request,
    };
    request.send().await.unwrap().status()
}

#[actix_web::test]
async fn no_door_for_agents_opens_to_a_stranger() {
    let house = open_house().await;
    for route in table() {
        let status = anonymously(&house, &route).await.status();
        match route.who {
            Who::Agent | Who::Admin | Who::Visitor => {
                assert_eq!(status, 401, "{} {}", route.method, route.path);
            }
            Who::Anyone => {
                assert_ne!(status, 401, "{} {}", route.method, route.path);
                assert_ne!(status, 403, "{} {}", route.method, route.path);
                assert!(!status.is_server_error(), "{} {}", route.method, route.path);
            }
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn doors_for_admins_open_to_admins_and_to_no_plain_agent() {
    let house = open_house().await;
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    house
        .add_agent("eve@mugs.example", "Eve", Role::Admin)
        .await;
    let plain = house.agent("bob@mugs.example").await;
    let admin = house.agent("eve@mugs.example").await;
    let (plain_csrf, admin_csrf) = (plain.csrf().await, admin.csrf().await);
    let agents = table()
        .into_iter()
        .filter(|it| matches!(it.who, Who::Agent | Who::Admin));
    let mut tried = BTreeSet::new();
    for route in agents.filter(|it| it.path != "/logout") {
        let as_plain = signed_in(&house, &plain, &plain_csrf, &route).await;
        let as_admin = signed_in(&house, &admin, &admin_csrf, &route).await;
        let shown = format!("{} {}", route.method, route.path);
        match route.who {
            Who::Admin => assert_eq!(as_plain, 403, "{shown}"),
            _ => assert_ne!(as_plain, 401, "{shown}"),
        }
        assert!(
            ![401, 403].contains(&as_admin.as_u16()),
            "{shown}: {as_admin}"
        );
        assert!(!as_admin.is_server_error(), "{shown}: {as_admin}");
        tried.insert(route.who as u8);
    }
    assert_eq!(tried.len(), 2, "both kinds of door were tried");
    house.close().await;
}

#[actix_web::test]
async fn a_visitors_token_opens_no_door_for_agents() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    for route in table()
        .iter()
        .filter(|it| matches!(it.who, Who::Agent | Who::Admin))
    {
        let request = visitor.request(method(route), &path(route, &house.site));
        let answer = request.header("origin", &house.url).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{} {}", route.method, route.path);
    }
    house.close().await;
}

#[actix_web::test]
async fn every_change_needs_the_token_of_the_session() {
    let house = open_house().await;
    let agent = house.owner().await;
    let forms = table();
    let forms = forms.iter().filter(|it| it.method == "POST");
    for route in forms.filter(|it| matches!(it.who, Who::Agent | Who::Admin)) {
        let status = signed_in(&house, &agent, "", route).await;
        assert_eq!(status, 403, "{} {}", route.method, route.path);
    }
    house.close().await;
}

#[actix_web::test]
async fn every_answer_is_dressed() {
    let house = open_house().await;
    let agent = house.owner().await;
    for route in table() {
        let path = path(&route, &house.site);
        let request = agent
            .request(method(&route), &path)
            .header("origin", &house.url);
        let answer = request.header("accept", "text/html").send().await.unwrap();
        let shown = format!("{} {} {}", route.method, route.path, answer.status());
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value
                .map(|it| it.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        assert_eq!(header("x-content-type-options"), "nosniff", "{shown}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{shown}");
        assert!(!header("x-request-id").is_empty(), "{shown}");
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'"),
            "{shown}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{shown}: {policy}"
        );
        for loose in ["unsafe-inline", "unsafe-eval", "*", "data:"] {
            assert!(!policy.contains(loose), "{shown}: {policy}");
        }
        let public =
            path.starts_with("/w/") || path.starts_with("/w.") || path.starts_with("/assets/");
        if public {
            assert_eq!(header("access-control-allow-origin"), "*", "{shown}");
            assert_eq!(header("access-control-allow-credentials"), "", "{shown}");
            assert_eq!(header("set-cookie"), "", "{shown}");
        } else {
            assert_eq!(header("access-control-allow-origin"), "", "{shown}");
            assert_eq!(header("x-frame-options"), "DENY", "{shown}");
            assert_eq!(header("cache-control"), "no-store", "{shown}");
            assert_eq!(
                header("cross-origin-opener-policy"),
                "same-origin",
                "{shown}"
            );
            assert!(
                policy.contains("require-trusted-types-for 'script'"),
                "{shown}: {policy}"
            );
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn a_secure_address_gets_strict_transport_and_a_host_cookie() {
    let house = crate::support::open_house_with(&[("public-url", "https://chat.example")]).await;
    let sign_in = client()
        .post(format!("{}/login", house.url))
        .header("host", "chat.example")
        .header("origin", "https://chat.example")
        .form(&[
            ("email", crate::support::OWNER),
            ("password", crate::support::PASSWORD),
        ]);
    let answer = sign_in.send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-sid="), "{cookie}");
    for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(answer.headers().contains_key("strict-transport-security"));
    house.close().await;
}

#[actix_web::test]
async fn people_get_pages_and_programs_get_problem_documents() {
    let house = open_house().await;
    let http = client();
    let missing = format!("{}/nothing-here", house.url);
    let page = http
        .get(&missing)
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let problem = http.get(&missing).send().await.unwrap();
    assert_eq!(
        problem.headers()["content-type"],
        "application/problem+json"
    );
    let wrong = http
        .delete(format!("{}/login", house.url))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 405);
    let inbox = http.get(format!("{}/inbox?show=resolved", house.url));
    let away = inbox.header("accept", "text/html").send().await.unwrap();
    assert_eq!(away.status(), 303);
    assert_eq!(
        away.headers()["location"],
        "/login?next=%2Finbox%3Fshow%3Dresolved"
    );
    house.close().await;
}

#[actix_web::test]
async fn the_health_of_the_house_is_told_by_any_name() {
    let house = open_house().await;
    for path in ["/healthz", "/readyz"] {
        let ask = client()
            .get(format!("{}{path}", house.url))
            .header("host", "10.0.0.9");
        assert_eq!(ask.send().await.unwrap().status(), 200, "{path}");
    }
    house.close().await;
}

#[actix_web::test]
async fn navigation_and_settings_lead_where_one_may_go_and_nowhere_else() {
    let house = open_house().await;
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    let (ada, bob) = (house.owner().await, house.agent("bob@mugs.example").await);
    for (agent, administers, pages) in [
        (&ada, true, &["/inbox", "/settings/site"][..]),
        (&bob, false, &["/inbox"][..]),
    ] {
        let mut shown = String::new();
        for page in pages {
            shown.push_str(&agent.sees(page).await);
        }
        for area in server::areas() {
            let linked = shown.contains(&format!("<a href=\"{}\"", area.href));
            assert_eq!(linked, area.is_open_to(administers), "{}", area.key);
            let answer = agent.request(Method::GET, area.href).send().await.unwrap();
            match (linked, answer.status().as_u16()) {
                (true, 200 | 303) | (false, 403) => (),
                // Whoever may not set anything up is led to what is his own.
                (false, 303) => assert_eq!(answer.headers()["location"], "/me"),
                (_, status) => panic!("{}: {status}", area.key),
            }
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn the_scheme_of_a_token_has_no_case_and_no_other_scheme_passes() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let asks = async |scheme: &str| {
        let ask = client().post(format!("{}/w/v1/messages", house.url));
        let ask = ask
            .header("authorization", format!("{scheme}{}", visitor.token))
            .header("content-type", "application/json");
        ask.body("{}").send().await.unwrap().status().as_u16()
    };
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR   "] {
        assert_ne!(asks(scheme).await, 401, "{scheme}");
    }
    for scheme in ["", "Basic ", "Bearer", "Bearer\t", "Bearer x", "Bearers "] {
        assert_eq!(asks(scheme).await, 401, "{scheme}");
    }
    house.close().await;
}

/// As the whole world would send it: as whoever may come in, of the right kind.
async fn sends(
    house: &House,
    (agent, csrf): (&AgentBrowser, &str),
    visitor: &VisitorPage,
    route: &Route,
    body: String,
) -> StatusCode {
    let path = path(route, &house.site);
    let request = match route.who {
        Who::Agent | Who::Admin => agent
            .request(method(route), &path)
            .header("x-csrf-token", csrf),
        Who::Anyone | Who::Visitor => visitor.request(method(route), &path),
    };
    let kind = match path.starts_with("/w/") {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    let request = request
        .header("origin", &house.url)
        .header("content-type", kind);
    request.body(body).send().await.unwrap().status()
}

#[actix_web::test]
async fn each_door_reads_as_much_as_it_says_and_no_more() {
    let house = open_house().await;
    let (agent, visitor) = (house.owner().await, house.visitor().await);
    let csrf = agent.csrf().await;
    let us = (&agent, csrf.as_str());
    let mut tried = BTreeSet::new();
    for route in table().iter().filter(|it| it.method == "POST") {
        let shown = format!("{} {}", route.path, route.body);
        // Whoever reads nothing takes nothing amiss; signing out ends the test.
        if route.path != "/logout" {
            let fits = sends(&house, us, &visitor, route, "x".repeat(route.body)).await;
            assert_ne!(fits, 413, "{shown}");
        }
        if 0 < route.body {
            let more = sends(&house, us, &visitor, route, "x".repeat(route.body + 1)).await;
            assert_eq!(more, 413, "{shown}");
            tried.insert(route.body);
        }
    }
    assert!(1 < tried.len(), "one size fits all: {tried:?}");
    house.close().await;
}

#[actix_web::test]
async fn each_door_with_a_rate_closes_to_whoever_comes_too_often() {
    let house = open_house().await;
    let (agent, csrf) = (house.owner().await, String::new());
    let us = (&agent, csrf.as_str());
    let mut tried = 0;
    for route in table().iter().filter(|it| !it.rates.is_empty()) {
        let (often, once) = (house.visitor().await, house.visitor().await);
        let mut closed = false;
        for _ in 0..400 {
            let status = sends(&house, us, &often, route, String::new()).await;
            closed = status == 429;
            if closed {
                break;
            }
        }
        assert!(closed, "{} stays open", route.path);
        let elsewhere = sends(&house, us, &once, route, String::new()).await;
        assert_ne!(elsewhere, 429, "{}", route.path);
        tried += 1;
    }
    assert!(1 < tried, "no door has a rate");
    house.close().await;
}

/// One name, one measure: else whoever comes to a door first would decide for all.
#[test]
fn rates_of_one_name_are_the_same_rate() {
    let mut known = std::collections::BTreeMap::new();
    for route in table() {
        for rate in route.rates.iter().chain(&route.counts) {
            let measure = format!("{rate:?}");
            let earlier = known.entry(rate.name).or_insert(measure.clone());
            assert_eq!(*earlier, measure, "{}", rate.name);
        }
    }
    assert!(5 < known.len(), "{known:?}");
}
