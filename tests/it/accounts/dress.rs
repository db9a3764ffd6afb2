//! How an agent wants his pages to look: kept for him, on every device, and for
//! nobody else.

use reqwest::Method;
use shopbell::accounts::Role;

use crate::support::{between, open_house};

const DARK: [(&str, &str); 5] = [
    ("theme", "dark"),
    ("menu", "light"),
    ("size", "large"),
    ("spacing", "compact"),
    ("zone", "Asia/Kolkata"),
];

fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let change = |it: (&'static str, &'static str)| match it.0 == name {
        true => (name, value),
        false => it,
    };
    DARK.into_iter().map(change).collect()
}

#[actix_web::test]
async fn what_an_agent_wears_is_on_every_page_of_his_and_on_nobody_elses() {
    let house = open_house().await;
    house.add_agent("ben@a.example", "Ben", Role::Agent).await;
    let (ada, ben) = (house.owner().await, house.agent("ben@a.example").await);
    assert_eq!(ada.post("/me/look", &DARK).await.status(), 303);
    assert_eq!(
        ada.post("/me/menu", &[("folded", "true")]).await.status(),
        204
    );
    let worn = r#"data-theme="dark" data-menu="light" data-size="large" data-spacing="compact" data-folded>"#;
    let elsewhere = house.owner().await;
    for path in ["/inbox", "/me", "/settings/team"] {
        let page = elsewhere.sees(path).await;
        assert!(page.contains(worn), "{path}");
        assert!(page.contains(r#"data-time-zone="Asia/Kolkata""#), "{path}");
        assert!(
            page.contains(r#"name="color-scheme" content="dark""#),
            "{path}"
        );
    }
    // A page of no script tells its times so, too.
    let page = elsewhere.sees("/me").await;
    let told = between(&page, "<time datetime=\"", "</time>").unwrap();
    assert!(told.ends_with(" IST"), "{told}");
    let his = ben.sees("/inbox").await;
    let own = ben.sees("/me").await;
    let told = between(&own, "<time datetime=\"", "</time>").unwrap();
    assert!(told.ends_with(" UTC"), "{told}");
    assert!(his.contains(
        r#"data-theme="system" data-menu="page" data-size="normal" data-spacing="roomy">"#
    ));
    house.close().await;
}

#[actix_web::test]
async fn a_word_that_is_none_of_ours_is_refused_and_a_zone_that_is_none_is_told_at_its_field() {
    let house = open_house().await;
    let ada = house.owner().await;
    for name in ["theme", "menu", "size", "spacing"] {
        let sent = with(name, "\" onload=");
        assert_eq!(ada.post("/me/look", &sent).await.status(), 400, "{name}");
    }
    let lost = ada.post("/me/look", &with("zone", "Mars/Olympus")).await;
    assert_eq!(lost.status(), 422);
    let page = lost.text().await.unwrap();
    assert!(page.contains(r#"id="zone-error""#));
    // What was chosen beside it is still chosen.
    assert!(page.contains(r#"name="theme" value="dark" checked"#));
    assert!(
        ada.sees("/me")
            .await
            .contains(r#"name="theme" value="system" checked"#)
    );
    let stranger = crate::support::client();
    let url = format!("{}/me/look", house.url);
    let refused = stranger.request(Method::POST, url).form(&DARK).send();
    assert_eq!(refused.await.unwrap().status(), 401);
    house.close().await;
}

#[actix_web::test]
async fn what_was_worn_before_is_put_on_again() {
    let house = open_house().await;
    let ada = house.owner().await;
    let saved = ada.post("/me/look", &DARK).await;
    assert_eq!(saved.headers()["location"], "/me?done=saved");
    assert_eq!(
        ada.undoes(&ada.sees("/me?done=saved").await).await.status(),
        303
    );
    assert!(ada.sees("/me").await.contains(r#"data-theme="system""#));
    house.close().await;
}
