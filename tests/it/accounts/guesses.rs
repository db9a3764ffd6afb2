//! Whoever guesses, or asks for too many links, is slowed down; nobody else is.

use reqwest::Response;
use shopbell::accounts::{Purpose, Role};

use super::{HOUR, link};
use crate::support::{House, OWNER, PASSWORD, client, open_house, open_house_with};

/// Types into the form at the door: `from` is the address, `cookie` the browser's.
pub async fn tries(url: &str, from: &str, cookie: &str, email: &str, password: &str) -> Response {
    let form = [("email", email), ("password", password)];
    let post = client()
        .post(format!("{url}/login"))
        .header("origin", url)
        .header("x-forwarded-for", from)
        .header("cookie", cookie)
        .form(&form);
    post.send().await.unwrap()
}

/// Guesses until the door is closed to whoever stands there; what it says then.
async fn guess_until_refused(house: &House, from: &str, email: &str) -> String {
    for n in 0..20 {
        let wrong = format!("a wrong sentence {n}");
        let answer = tries(&house.url, from, "", email, &wrong).await;
        if answer.status() == 429 {
            assert!(answer.headers().contains_key("retry-after"));
            return answer.text().await.unwrap();
        }
        assert_eq!(answer.status(), 422);
    }
    panic!("nothing stops whoever guesses");
}

/// The cookie of that name from an answer, as a browser sends it back.
pub fn cookie(answer: &Response, name: &str) -> String {
    let all = answer.headers().get_all("set-cookie").iter();
    let mut pairs = all.map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned());
    pairs.find(|it| it.starts_with(name)).unwrap_or_default()
}

pub const HERE: &str = "203.0.113.1";
pub const ELSEWHERE: &str = "203.0.113.2";
pub const BOB: &str = "bob@mugs.example";

#[actix_web::test]
async fn a_stranger_who_guesses_locks_neither_the_owner_out_nor_a_colleague() {
    let house = open_house().await;
    house.add_agent(BOB, "Bob", Role::Agent).await;
    let refusal = guess_until_refused(&house, HERE, OWNER).await;
    assert!(refusal.contains("too many wrong passwords"), "{refusal}");
    assert!(refusal.contains("<form") && refusal.contains(OWNER));
    let owner = tries(&house.url, ELSEWHERE, "", OWNER, PASSWORD).await;
    assert_eq!(owner.status(), 303);
    let colleague = tries(&house.url, HERE, "", BOB, PASSWORD).await;
    assert_eq!(colleague.status(), 303);
    // Right or wrong is not told to whoever guessed too often.
    let right = tries(&house.url, HERE, "", OWNER, PASSWORD).await;
    assert_eq!(right.status(), 429);
    house.clock.advance(HOUR);
    let later = tries(&house.url, HERE, "", OWNER, PASSWORD).await;
    assert_eq!(later.status(), 303);
    house.close().await;
}

#[actix_web::test]
async fn who_signs_in_all_day_is_never_refused() {
    let house = open_house().await;
    for _ in 0..25 {
        let answer = tries(&house.url, HERE, "", OWNER, PASSWORD).await;
        assert_eq!(answer.status(), 303);
    }
    house.close().await;
}

#[actix_web::test]
async fn a_browser_that_signed_in_before_passes_for_its_own_agent_only() {
    let house = open_house().await;
    house.add_agent(BOB, "Bob", Role::Agent).await;
    let owners = cookie(&tries(&house.url, HERE, "", OWNER, PASSWORD).await, "bid");
    let bobs = cookie(&tries(&house.url, HERE, "", BOB, PASSWORD).await, "bid");
    guess_until_refused(&house, HERE, OWNER).await;
    for (browser, status) in [("", 429), (&*bobs, 429), (&*owners, 303)] {
        let answer = tries(&house.url, HERE, browser, OWNER, PASSWORD).await;
        assert_eq!(answer.status(), status, "{browser}");
    }
    // It has a count of its own: a stolen one opens nothing by force.
    let mut last = 0;
    for _ in 0..11 {
        let wrong = tries(&house.url, HERE, &owners, OWNER, "a wrong sentence").await;
        last = wrong.status().as_u16();
    }
    assert_eq!(last, 429);
    house.close().await;
}

#[actix_web::test]
async fn a_link_just_redeemed_opens_the_door_again() {
    let house = open_house().await;
    guess_until_refused(&house, HERE, OWNER).await;
    let token = link(&house, Purpose::Reset).await;
    let new = "a brand new sentence";
    let form = [("token", token.as_str()), ("password", new)];
    let redeem = client()
        .post(format!("{}/reset", house.url))
        .header("origin", &house.url)
        .form(&form);
    let redeemed = redeem.send().await.unwrap();
    assert_eq!(redeemed.status(), 303);
    let browser = cookie(&redeemed, "bid");
    // Whoever guesses goes on guessing.
    guess_until_refused(&house, HERE, OWNER).await;
    assert_eq!(tries(&house.url, HERE, "", OWNER, new).await.status(), 429);
    let back = tries(&house.url, HERE, &browser, OWNER, new).await;
    assert_eq!(back.status(), 303);
    house.close().await;
}

#[actix_web::test]
async fn who_asks_too_often_for_a_link_is_told_in_the_form() {
    let options = [("smtp-url", "smtp://127.0.0.1:1"), ("mail-from", OWNER)];
    let house = open_house_with(&options).await;
    let ask = || {
        let post = client().post(format!("{}/forgot", house.url));
        let post = post.header("origin", &house.url);
        post.form(&[("email", "nobody@mugs.example")]).send()
    };
    for _ in 0..5 {
        assert_eq!(ask().await.unwrap().status(), 200);
    }
    let refused = ask().await.unwrap();
    assert_eq!(refused.status(), 429);
    let page = refused.text().await.unwrap();
    assert!(page.contains("nobody@mugs.example") && page.contains("Try again in"));
    house.close().await;
}

/// Asks for a link, from an address and with a browser's cookie.
async fn asks_for_link(house: &House, from: &str, cookie: &str) -> u16 {
    let post = client()
        .post(format!("{}/forgot", house.url))
        .header("origin", &house.url)
        .header("x-forwarded-for", from)
        .header("cookie", cookie);
    let answer = post.form(&[("email", OWNER)]).send().await.unwrap();
    answer.status().as_u16()
}

#[actix_web::test]
async fn strangers_who_ask_for_links_do_not_keep_the_owner_from_one() {
    let house = open_house().await;
    house.add_agent(BOB, "Bob", Role::Agent).await;
    let owners = cookie(&tries(&house.url, HERE, "", OWNER, PASSWORD).await, "bid");
    let bobs = cookie(&tries(&house.url, HERE, "", BOB, PASSWORD).await, "bid");
    let mut taken = 0;
    for n in 0..40 {
        let status = asks_for_link(&house, &format!("198.51.100.{n}"), "").await;
        assert!(5 < taken || status == 200, "five strangers are enough");
        taken += usize::from(status == 200);
    }
    assert_eq!(taken, 30, "and a mailbox is not filled all the same");
    for (browser, status) in [("", 429), (&*bobs, 429), (&*owners, 200)] {
        let answer = asks_for_link(&house, HERE, browser).await;
        assert_eq!(answer, status, "{browser}");
    }
    // It has a count of its own.
    for _ in 0..4 {
        assert_eq!(asks_for_link(&house, ELSEWHERE, &owners).await, 200);
    }
    assert_eq!(asks_for_link(&house, ELSEWHERE, &owners).await, 429);
    house.close().await;
}

#[actix_web::test]
async fn whoever_guesses_the_current_password_of_an_open_session_is_told_in_the_form() {
    let house = open_house().await;
    let owner = house.owner().await;
    let mut last = None;
    for _ in 0..11 {
        let form = [
            ("current", "a wrong one"),
            ("password", "a brand new sentence"),
        ];
        last = Some(owner.post("/me/password", &form).await);
    }
    let refused = last.unwrap();
    assert_eq!(refused.status(), 429);
    let page = refused.text().await.unwrap();
    assert!(page.contains("Try again in") && page.contains("name=\"current\""));
    house.close().await;
}
