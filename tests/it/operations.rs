//! What an admin sees of the machinery, and what can be done about it.

use std::sync::Arc;

use reqwest::Method;
use shopbell::accounts::Role;
use shopbell::db::Writer;
use shopbell::error::{Error, Result};
use shopbell::jobs;
use shopbell::journal::{self, Fact, Follower, Start};
use shopbell::kernel::{Clock, Seq};
use shopbell::settings;

use crate::support::{House, NOW, OWNER, open_house, open_house_with, soon, until};

fn indigestible(_: &Writer, fact: &Fact) -> Result<()> {
    match fact.seq {
        Seq(1) => Err(Error::internal("digesting", "a poisoned event")),
        _ => Ok(()),
    }
}

#[actix_web::test]
async fn a_stuck_follower_raises_an_alarm_on_the_page_and_is_skipped_from_there() {
    let house = open_house().await;
    let admin = house.owner().await;
    let calm = admin.sees("/settings/workings").await;
    assert!(!calm.contains("a poisoned event") && calm.contains("Everything works."));
    let winged = Follower {
        name: "winged",
        start: Start::Past,
        react: Arc::new(indigestible),
    };
    let clock = Clock::stopped_at(NOW);
    let follow = journal::follow(house.db.clone(), clock, Arc::new([winged]));
    let follow = actix_web::rt::spawn(follow);
    let mut visitor = house.visitor().await;
    visitor.writes("hello").await;
    visitor.writes("hello again").await;
    let stuck = |r: &shopbell::db::Reader| {
        let followers = journal::list_followers(r)?;
        Ok(followers.into_iter().find(|it| it.stuck_at.is_some()))
    };
    until(&house.db, stuck).await;

    let alarmed = admin.sees("/settings/workings").await;
    assert!(alarmed.contains("winged") && alarmed.contains("a poisoned event"));
    // In a shop's words first; what the operator needs stands open beneath.
    let (words, details) = alarmed
        .split_once("<details class=\"card workings\" open>")
        .unwrap();
    assert!(words.contains("Something needs attention.") && !words.contains("poisoned"));
    assert!(details.contains("winged"));
    let skip = admin.post("/settings/workings/followers/winged/skip", &[]);
    assert_eq!(skip.await.status(), 303);
    let past = |r: &shopbell::db::Reader| {
        let followers = journal::list_followers(r)?;
        Ok(followers
            .into_iter()
            .find(|it| Seq(2) <= it.read_to)
            .map(|_| ()))
    };
    until(&house.db, past).await;
    assert!(
        !admin
            .sees("/settings/workings")
            .await
            .contains("a poisoned event")
    );
    let nobody = admin.post("/settings/workings/followers/nobody/skip", &[]);
    assert_eq!(nobody.await.status(), 404);
    follow.abort();
    house.close().await;
}

#[actix_web::test]
async fn work_that_was_given_up_is_shown_and_can_be_dropped() {
    let house = open_house().await;
    let admin = house.owner().await;
    let order = |w: &Writer| jobs::enqueue(w, NOW, "nobody.knows", "ann@home.example", &());
    let job = house.db.write("test.enqueue", order).await.unwrap();
    until(&house.db, |r| {
        Ok((jobs::count_failed(r)? == 1).then_some(()))
    })
    .await;
    let page = admin.sees("/settings/workings").await;
    assert!(page.contains("nobody.knows") && page.contains("ann@home.example"));
    assert!(page.contains("1 message could not be sent."));
    let drop = format!("/settings/workings/jobs/{job}/drop");
    assert_eq!(admin.post(&drop, &[]).await.status(), 303);
    assert!(
        !admin
            .sees("/settings/workings")
            .await
            .contains("nobody.knows")
    );
    house.close().await;
}

async fn stored_password(house: &House) -> String {
    let mail = house.db.read(settings::mail).await.unwrap();
    mail.unwrap().password
}

#[actix_web::test]
async fn a_mail_password_is_sent_to_the_server_it_was_typed_for_and_to_no_other() {
    let house = open_house().await;
    let admin = house.owner().await;
    let first = [
        ("host", "mail.mugs.example"),
        ("port", "587"),
        ("security", "starttls"),
        ("user", "ada"),
        ("from_name", ""),
        ("from", "shop@mugs.example"),
    ];
    let with = |key: &'static str, value: &'static str| {
        let mut form = first.to_vec();
        form.retain(|(it, _)| *it != key);
        form.push((key, value));
        form
    };
    for (key, value, kept) in [
        ("from_name", "Mugs", true),
        ("from", "other@mugs.example", true),
        ("host", "mail.evil.example", false),
        ("port", "25", false),
        ("security", "none", false),
        ("user", "mallory", false),
    ] {
        let set = admin
            .post("/settings/mail", &with("password", "s3cret"))
            .await;
        assert_eq!(set.status(), 303);
        assert_eq!(stored_password(&house).await, "s3cret");
        let change = admin.post("/settings/mail", &with(key, value)).await;
        assert_eq!(change.status(), 303);
        assert_eq!(stored_password(&house).await == "s3cret", kept, "{key}");
    }
    house.close().await;
}

#[actix_web::test]
async fn the_sixth_test_mail_of_an_hour_is_refused_in_the_form() {
    let options = [("smtp-url", "smtp://127.0.0.1:1"), ("mail-from", OWNER)];
    let house = open_house_with(&options).await;
    let admin = house.owner().await;
    let mut last = None;
    for _ in 0..6 {
        let to = [("to", "ann@home.example")];
        last = Some(admin.post("/settings/mail/test", &to).await);
    }
    let last = last.unwrap();
    assert_eq!(last.status(), 429);
    let page = last.text().await.unwrap();
    assert!(page.contains("ann@home.example") && page.contains("Try again in"));
    house.close().await;
}

#[actix_web::test]
async fn a_sender_named_at_the_start_is_shown_and_not_asked_for() {
    let house = open_house_with(&[("mail-from", "shop@mugs.example")]).await;
    let admin = house.owner().await;
    let page = admin.sees("/settings/mail").await;
    assert!(page.contains("shop@mugs.example") && page.contains("SHOPBELL_MAIL_FROM"));
    assert!(!page.contains("name=\"from\""));
    let form = [
        ("host", "mail.mugs.example"),
        ("port", "587"),
        ("security", "starttls"),
    ];
    assert_eq!(admin.post("/settings/mail", &form).await.status(), 303);
    let ready = admin.sees("/settings/mail").await;
    assert!(ready.contains("action=\"/settings/mail/test#answer\""));
    house.close().await;
}

#[actix_web::test]
async fn first_steps_take_no_more_pages_than_the_settings_and_are_the_admins() {
    let house = open_house().await;
    house
        .add_agent("bob@mugs.example", "Bob", Role::Agent)
        .await;
    let bob = house.agent("bob@mugs.example").await;
    let closed = bob.request(Method::GET, "/welcome").send().await.unwrap();
    assert_eq!(closed.status(), 403);
    let admin = house.owner().await;
    for n in 0..50 {
        house.allow_only(&format!("https://shop-{n}.example")).await;
    }
    let add = async |origin: &str| {
        let answer = admin.post("/welcome", &[("origin", origin)]).await;
        answer.status().as_u16()
    };
    assert_eq!(add("https://one-more.example").await, 422);
    assert_eq!(add("https://shop-7.example").await, 303);
    house.close().await;
}

#[actix_web::test]
async fn the_workings_tell_who_is_at_work_and_who_follows_the_journal() {
    let house = open_house().await;
    let admin = house.owner().await;
    let page = admin.sees("/settings/workings").await;
    for task in [
        "writer",
        "readers",
        "browsers",
        "live",
        "jobs",
        "timers",
        "followers",
        "banner",
        "disk",
        "sweep",
    ] {
        let named = format!("<code class=\"soft\">{task}</code>");
        assert!(page.contains(&named), "{task}");
    }
    assert!(page.contains("at work") && !page.contains("starts again by itself"));
    assert!(page.contains("followers-title"));
    for follower in ["conversations.hand_back", "ratings"] {
        let named = format!("<code class=\"soft\">{follower}</code>");
        assert!(page.contains(&named), "{follower}");
    }
    house.close().await;
}

#[actix_web::test]
async fn who_is_not_at_work_is_seen_in_readyz_and_on_the_page() {
    let house = open_house().await;
    let admin = house.owner().await;
    let ready = async || {
        let answer = reqwest::get(format!("{}/readyz", house.url)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(ready().await.0, 200);
    let hide = |from: &'static str, to: &'static str| {
        let sql = format!("alter table {from} rename to {to}");
        move |w: &Writer| {
            // Somebody looks for work, as after every order.
            w.leave_work();
            Ok(w.execute(&sql, [])?)
        }
    };
    house
        .db
        .write("test.hide", hide("jobs", "hidden"))
        .await
        .unwrap();
    soon(async {
        while ready().await != (503, "not at work: jobs\n".to_owned()) {
            actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    // It is started again and fails again meanwhile.
    for _ in 0..100 {
        assert_eq!(ready().await.0, 503, "while no job is done");
        actix_web::rt::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    house
        .db
        .write("test.show", hide("hidden", "jobs"))
        .await
        .unwrap();
    let page = admin.sees("/settings/workings").await;
    assert!(page.contains("no such table: jobs"), "the cause is told");
    house.close().await;
}
