//! Who may come in, for how long, and who may let others in.

mod dress;
mod guesses;
mod verbs;

use std::fs;

use futures_util::future::join_all;
use reqwest::Method;
use shopbell::accounts::{self, Purpose, Role};
use shopbell::db::Writer;
use shopbell::kernel::AgentId;

use guesses::{BOB, HERE, tries};

use crate::support::{
    House, Mood, OWNER, PASSWORD, PostOffice, Program, between, client, open_house,
    open_house_with, until,
};

const HOUR: i64 = 3_600_000;

#[actix_web::test]
async fn a_session_ends_after_a_night_away_and_lives_on_while_it_is_used() {
    let house = open_house().await;
    let agent = house.owner().await;
    for _ in 0..4 {
        house.clock.advance(11 * HOUR);
        agent.sees("/inbox").await;
    }
    house.clock.advance(13 * HOUR);
    let away = agent.request(Method::GET, "/inbox").send().await.unwrap();
    assert_eq!(away.status(), 401);
    house.close().await;
}

#[actix_web::test]
async fn no_session_outlives_thirty_days() {
    let house = open_house().await;
    let agent = house.owner().await;
    for _ in 0..65 {
        house.clock.advance(11 * HOUR);
        agent.sees("/me").await;
    }
    house.clock.advance(6 * HOUR);
    let over = agent.request(Method::GET, "/me").send().await.unwrap();
    assert_eq!(over.status(), 401);
    house.close().await;
}

async fn link(house: &House, purpose: Purpose) -> String {
    let now = house.clock.now();
    let make = move |w: &Writer| accounts::make_link(w, now, AgentId(1), purpose);
    let token = house.db.write("test.link", make).await.unwrap();
    token.reveal().to_owned()
}

async fn redeem(house: &House, page: &str, token: &str) -> u16 {
    let form = [("token", token), ("password", "a brand new sentence")];
    let post = client()
        .post(format!("{}/{page}", house.url))
        .header("origin", &house.url)
        .form(&form);
    post.send().await.unwrap().status().as_u16()
}

#[actix_web::test]
async fn a_link_for_a_new_password_lives_half_an_hour_and_serves_its_purpose_only() {
    let house = open_house().await;
    let expired = link(&house, Purpose::Reset).await;
    house.clock.advance(31 * 60_000);
    assert_eq!(redeem(&house, "reset", &expired).await, 422);
    let fresh = link(&house, Purpose::Reset).await;
    assert_eq!(redeem(&house, "invite", &fresh).await, 422);
    assert_eq!(redeem(&house, "reset", "made up").await, 422);
    assert_eq!(redeem(&house, "reset", &fresh).await, 303);
    house.close().await;
}

#[actix_web::test]
async fn of_several_clicks_on_one_link_one_counts_and_the_others_say_where_to_go_on() {
    for (page, purpose) in [("reset", Purpose::Reset), ("invite", Purpose::Invite)] {
        let house = open_house().await;
        let token = link(&house, purpose).await;
        let form = [
            ("token", token.as_str()),
            ("password", "a brand new sentence"),
        ];
        let http = client();
        let click = async || {
            let post = http.post(format!("{}/{page}", house.url));
            let answer = post.header("origin", &house.url).form(&form).send().await;
            let answer = answer.unwrap();
            let status = answer.status().as_u16();
            (status, answer.text().await.unwrap())
        };
        let clicks = join_all([click(), click(), click(), click()]).await;
        let (won, lost): (Vec<_>, Vec<_>) = clicks.into_iter().partition(|it| it.0 == 303);
        assert_eq!(won.len(), 1, "{page}");
        for (status, said) in lost {
            assert_eq!(status, 422, "{page}");
            assert!(said.contains("has been used or is too old"), "{said}");
            assert!(said.contains("sign in"), "{said}");
            assert!(said.contains("href=\"/login\""), "{said}");
        }
        house.close().await;
    }
}

#[actix_web::test]
async fn an_admin_invites_an_agent_and_makes_no_owner() {
    let house = open_house().await;
    house
        .add_agent("eve@mugs.example", "Eve", Role::Admin)
        .await;
    let admin = house.agent("eve@mugs.example").await;
    let owner = [
        ("name", "Mallory"),
        ("email", "m@mugs.example"),
        ("role", "owner"),
    ];
    assert_eq!(admin.post("/settings/team", &owner).await.status(), 403);
    let agent = [
        ("name", "Bob"),
        ("email", "Bob@Mugs.example"),
        ("role", "agent"),
    ];
    let page = admin
        .post("/settings/team", &agent)
        .await
        .text()
        .await
        .unwrap();
    let token = between(&page, "/invite?token=", "&#34;")
        .or_else(|| between(&page, "/invite?token=", "<"))
        .unwrap();
    let token: String = token.chars().take(43).collect();
    assert_eq!(redeem(&house, "invite", &token).await, 303);
    let again = admin.post("/settings/team", &agent).await;
    assert_eq!(again.status(), 422);
    let again = again.text().await.unwrap();
    assert!(again.contains("already uses this address") && again.contains("Bob@Mugs.example"));
    house.close().await;
}

#[actix_web::test]
async fn whoever_has_not_taken_an_invitation_up_can_be_invited_afresh() {
    let house = open_house().await;
    let owner = house.owner().await;
    let invite = async |email: &str, role: &str| {
        let form = [("name", "Bob"), ("email", email), ("role", role)];
        let page = owner.post("/settings/team", &form).await.text().await;
        let page = page.unwrap();
        let (_, token) = page.split_once("/invite?token=").unwrap();
        token.chars().take(43).collect::<String>()
    };
    let lost = invite("bob@mugs.example", "agent").await;
    let fresh = invite("Bob@mugs.example", "admin").await;
    assert_eq!(redeem(&house, "invite", &lost).await, 422);
    assert_eq!(redeem(&house, "invite", &fresh).await, 303);
    let team = owner.sees("/settings/team").await;
    assert_eq!(team.matches("ob@mugs.example").count(), 1, "{team}");

    // An admin does not get at what only an owner may give.
    invite("carl@mugs.example", "owner").await;
    house
        .add_agent("eve@mugs.example", "Eve", Role::Admin)
        .await;
    let admin = house.agent("eve@mugs.example").await;
    let steal = [
        ("name", "Carl"),
        ("email", "carl@mugs.example"),
        ("role", "agent"),
    ];
    assert_eq!(admin.post("/settings/team", &steal).await.status(), 422);
    house.close().await;
}

#[actix_web::test]
async fn another_agents_session_cannot_be_ended() {
    let house = open_house().await;
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    let owner = house.owner().await;
    let bob = house.agent("bob@mugs.example").await;
    let page = owner.sees("/me").await;
    let session = between(&page, "/me/sessions/", "/end").unwrap();
    let end = bob.post(&format!("/me/sessions/{session}/end"), &[]).await;
    assert_eq!(end.status(), 404);
    owner.sees("/inbox").await;
    house.close().await;
}

#[actix_web::test]
async fn a_known_and_an_unknown_address_are_refused_alike() {
    let house = open_house().await;
    let mut pages = Vec::new();
    for email in [OWNER, "nobody@mugs.example"] {
        let form = [("email", email), ("password", "wrong but long enough")];
        let post = client().post(format!("{}/login", house.url)).form(&form);
        let answer = post.header("origin", &house.url).send().await.unwrap();
        assert_eq!(answer.status(), 422);
        pages.push(answer.text().await.unwrap().replace(email, ""));
    }
    assert_eq!(pages[0], pages[1]);
    assert!(!pages[0].contains(PASSWORD));
    house.close().await;
}

#[actix_web::test]
async fn who_was_invited_and_asks_for_a_new_password_keeps_his_invitation() {
    let office = PostOffice::open(Mood::Good).await;
    let options = [
        ("smtp-url", office.url.as_str()),
        ("mail-from", "shop@mugs.example"),
    ];
    let house = open_house_with(&options).await;
    let now = house.clock.now();
    let invite = move |w: &Writer| {
        let new = accounts::NewAgent {
            email: BOB.to_owned(),
            name: "Bob".to_owned(),
            role: Role::Agent,
            lang: shopbell::texts::Lang::En,
            password: None,
        };
        accounts::invite(w, now, Role::Owner, new)
    };
    let (_, invitation) = house.db.write("test.invite", invite).await.unwrap();
    let ask = client().post(format!("{}/forgot", house.url));
    let ask = ask.header("origin", &house.url).form(&[("email", BOB)]);
    assert_eq!(ask.send().await.unwrap().status(), 200);
    until(&house.db, |r| {
        Ok(shopbell::jobs::list_open(r)?.is_empty().then_some(()))
    })
    .await;
    assert_eq!(office.mails().len(), 1);
    assert_eq!(redeem(&house, "invite", invitation.reveal()).await, 303);
    house.close().await;
}

#[actix_web::test]
async fn a_password_is_the_same_from_every_keyboard() {
    let house = open_house().await;
    let (composed, decomposed) = (
        "le caf\u{e9} du march\u{e9}",
        "le cafe\u{301} du marche\u{301}",
    );
    // As long as one may be, and longer as it is typed.
    let long = [
        "\u{e9}\u{e0}\u{ee}\u{f6}",
        "e\u{301}a\u{300}i\u{302}o\u{308}",
    ];
    let long = long.map(|it| format!("caf{}", it.repeat(31)));
    for (set, typed) in [
        (composed, decomposed),
        (decomposed, composed),
        (&long[0], &long[1]),
        (&long[1], &long[1]),
    ] {
        let token = link(&house, Purpose::Reset).await;
        let form = [("token", token.as_str()), ("password", set)];
        let redeem = client()
            .post(format!("{}/reset", house.url))
            .header("origin", &house.url)
            .form(&form);
        assert_eq!(redeem.send().await.unwrap().status(), 303);
        let answer = tries(&house.url, HERE, "", OWNER, typed).await;
        assert_eq!(answer.status(), 303);
    }
    house.close().await;
}

/// KiB that the process holds, as the kernel counts them.
fn resident(process: u32) -> i64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = between(&status, "VmRSS:", "kB").unwrap();
    line.trim().parse().unwrap()
}

#[actix_web::test]
async fn a_hundred_wrong_sign_ins_keep_no_memory() {
    let home = tempfile::TempDir::new().unwrap();
    let args = ["--trusted-proxies", "127.0.0.1"];
    let program = Program::start(home.path(), &args, &[]);
    let url = program.url.clone();
    let page = client().get(format!("{url}/login")).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let idle = resident(program.id());
    let mut most = 0;
    for round in 0..10 {
        let guesses = (0..10).map(|n| {
            let (url, from) = (&url, format!("203.0.113.{}", round * 10 + n));
            async move { tries(url, &from, "", OWNER, "a wrong sentence").await }
        });
        for answer in join_all(guesses).await {
            assert!([422, 429].contains(&answer.status().as_u16()));
        }
        most = most.max(resident(program.id()));
    }
    // Two blocks of 19 MiB, and what a hundred connections cost by themselves.
    assert!(
        most - idle < 64 * 1024,
        "{idle} KiB idle, {most} KiB after it"
    );
}

#[actix_web::test]
async fn a_bad_cookie_beside_ours_signs_nobody_out() {
    let house = open_house().await;
    let agent = house.owner().await;
    let asked = async |cookies: Vec<u8>| {
        let cookies = reqwest::header::HeaderValue::from_bytes(&cookies).unwrap();
        let inbox = client().get(format!("{}/inbox", house.url));
        let answer = inbox.header("cookie", cookies).send().await.unwrap();
        answer.status().as_u16()
    };
    let ours = agent.cookie.as_bytes();
    for cookies in [
        [b"theirs=\xff; ", ours].concat(),
        [ours, b"; theirs=\xc3("].concat(),
        [b"=; ;;a;", ours, b";\xff"].concat(),
    ] {
        assert_eq!(asked(cookies.clone()).await, 200, "{cookies:x?}");
    }
    let (_, value) = agent.cookie.split_once('=').unwrap();
    for name in ["xsid", "sid2", "Sid"] {
        assert_ne!(
            asked(format!("{name}={value}").into_bytes()).await,
            200,
            "{name}"
        );
    }
    assert_ne!(asked([ours, b"\xff"].concat()).await, 200);
    house.close().await;
}
