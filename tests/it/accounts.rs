//! Who may come in, for how long, and who may let others in.

use reqwest::Method;
use shopbell::accounts::{self, Purpose, Role};
use shopbell::db::Writer;
use shopbell::kernel::AgentId;

use crate::support::{House, OWNER, PASSWORD, between, client, open_house};

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
async fn the_set_up_page_is_closed_once_there_is_an_owner() {
    let house = open_house().await;
    let form = [
        ("code", "x"),
        ("name", "Mallory"),
        ("email", "m@evil.example"),
        ("password", "a long enough sentence"),
        ("shop", "Evil"),
    ];
    let post = client().post(format!("{}/setup", house.url)).form(&form);
    let answer = post.header("origin", &house.url).send().await.unwrap();
    assert_eq!(answer.status(), 422);
    let agents = house.db.read(accounts::list).await.unwrap();
    assert_eq!(agents.len(), 1);
    house.close().await;
}
