//! Forms: from other pages, with fields nobody asked for, refused and filled in again.

use reqwest::Method;

use crate::support::{OWNER, open_house};

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
