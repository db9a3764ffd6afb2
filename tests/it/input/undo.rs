//! Taking back what was saved: through the same door, by who saved it, while
//! nobody has saved something else.

use reqwest::Response;
use shopbell::accounts::{self, Role};
use shopbell::kernel::AgentId;
use shopbell::settings::{self, MailSettings};
use shopbell::sites::{self, Site};
use shopbell::tags;

use crate::support::{AgentBrowser, House, between, open_house};

const EVE: &str = "eve@mugs.example";
const BOB: &str = "bob@mugs.example";

async fn site(house: &House) -> Site {
    let read = house.db.read(|r| Ok(sites::list(r)?.remove(0)));
    read.await.unwrap()
}

/// Saves a site's page with a name and the pages that may carry its chat.
async fn shapes(agent: &AgentBrowser, key: &str, name: &str, origins: &str) -> Response {
    let form = [
        ("shop", name),
        ("origins", origins),
        ("color", "#112233"),
        ("position", "start"),
        ("foot", "30"),
        ("lang", "fr"),
        ("zone", "UTC"),
    ];
    agent.post(&format!("/settings/sites/{key}"), &form).await
}

fn leads_to(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

async fn after(agent: &AgentBrowser, answer: Response) -> String {
    assert_eq!(answer.status(), 303);
    agent.sees(&leads_to(&answer)).await
}

#[actix_web::test]
async fn a_site_that_was_saved_by_mistake_is_what_it_was_and_that_can_be_taken_back_too() {
    let house = open_house().await;
    let owner = house.owner().await;
    house
        .changes_site(|it| {
            it.name = "Mugs <& More>".into();
            it.origins = "https://a.example\nhttps://b.example".into();
            it.strict_privacy = true;
        })
        .await;
    let before = site(&house).await;
    let saved = shapes(&owner, &before.key, "Cups", "").await;
    let page = after(&owner, saved).await;
    assert!(page.contains("Saved.") && page.contains(">Undo<"), "{page}");
    let shaped = site(&house).await;
    assert_eq!((shaped.name.as_str(), shaped.origins.len()), ("Cups", 0));

    let undone = owner.undoes(&page).await;
    assert!(leads_to(&undone).ends_with("?done=undone"));
    let page = after(&owner, undone).await;
    assert!(page.contains("It is as it was before."), "{page}");
    assert_eq!(site(&house).await, before);

    assert!(page.contains(">Redo<"));
    let page = after(&owner, owner.undoes(&page).await).await;
    assert!(page.contains("Saved.") && page.contains(">Undo<"));
    assert_eq!(site(&house).await, shaped);
    house.close().await;
}

#[actix_web::test]
async fn an_undo_that_is_sent_twice_is_carried_out_once_and_answered_alike() {
    let house = open_house().await;
    let owner = house.owner().await;
    let before = site(&house).await;
    let page = after(&owner, shapes(&owner, &before.key, "Cups", "").await).await;

    let (first, second) = (owner.undoes(&page).await, owner.undoes(&page).await);
    assert!(leads_to(&first).ends_with("?done=undone"));
    assert_eq!(leads_to(&first), leads_to(&second));
    let page = after(&owner, second).await;
    assert!(page.contains("It is as it was before.") && page.contains(">Redo<"));
    assert_eq!(site(&house).await.name, before.name);
    house.close().await;
}

#[actix_web::test]
async fn what_the_page_says_is_what_its_button_takes_back_whatever_its_address_says() {
    let house = open_house().await;
    let owner = house.owner().await;
    let key = site(&house).await.key;
    let page = after(&owner, shapes(&owner, &key, "Cups", "").await).await;
    let undone = leads_to(&owner.undoes(&page).await);
    // In another tab.
    shapes(&owner, &key, "Plates", "").await;
    let page = owner.sees(&undone).await;
    assert!(page.contains("Saved.") && page.contains(">Undo<"), "{page}");
    house.close().await;
}

#[actix_web::test]
async fn another_session_of_his_is_offered_nothing_and_takes_nothing_back() {
    let house = open_house().await;
    let (owner, elsewhere) = (house.owner().await, house.owner().await);
    let key = site(&house).await.key;
    let saved = leads_to(&shapes(&owner, &key, "Cups", "").await);
    assert!(!elsewhere.sees(&saved).await.contains(">Undo<"));
    let page = owner.sees(&saved).await;
    assert_eq!(elsewhere.undoes(&page).await.status(), 409);
    assert_eq!(site(&house).await.name, "Cups");
    house.close().await;
}

#[actix_web::test]
async fn who_is_named_for_a_site_and_what_a_colleague_may_are_put_back() {
    let house = open_house().await;
    house.add_agent(EVE, "Eve", Role::Agent).await;
    let (owner, key) = (house.owner().await, site(&house).await.key);
    let members = format!("/settings/sites/{key}/members");
    let page = after(&owner, owner.post(&members, &[("agents", "2")]).await).await;
    assert!(page.contains("value=\"2\" checked"), "{page}");
    let page = after(&owner, owner.undoes(&page).await).await;
    assert!(!page.contains("value=\"2\" checked"), "{page}");

    let member = [("name", "Eve"), ("role", "admin")];
    let page = after(&owner, owner.post("/settings/team/2", &member).await).await;
    let role = async || {
        let read = house.db.read(|r| accounts::find(r, AgentId(2)));
        let found = read.await.unwrap();
        (found.role, found.given.words())
    };
    assert_eq!(role().await.0, Role::Admin);
    after(&owner, owner.undoes(&page).await).await;
    assert_eq!(role().await, (Role::Agent, "customers".to_owned()));

    let profile = [("name", "Ada K"), ("lang", "fr")];
    let page = after(&owner, owner.post("/me/profile", &profile).await).await;
    assert!(page.contains("Enregistré."), "{page}");
    let page = after(&owner, owner.undoes(&page).await).await;
    assert!(page.contains("It is as it was before."), "{page}");
    house.close().await;
}

#[actix_web::test]
async fn a_tag_has_its_name_and_its_colour_back() {
    let house = open_house().await;
    let owner = house.owner().await;
    let saves = async |path: &str, name: &str, colour: &str| {
        let form = [("name", name), ("colour", colour)];
        after(&owner, owner.post(path, &form).await).await
    };
    saves("/settings/tags", "Refund", "teal").await;
    let tag = async || {
        let read = house
            .db
            .read(|r| Ok(tags::keeping::list_counted(r)?.remove(0)));
        let (tag, _) = read.await.unwrap();
        (tag.name, tag.colour.word())
    };
    let page = saves("/settings/tags/1", "Money back", "red").await;
    assert_eq!(tag().await, ("Money back".to_owned(), "red"));
    let page = after(&owner, owner.undoes(&page).await).await;
    assert!(page.contains("It is as it was before."), "{page}");
    assert_eq!(tag().await, ("Refund".to_owned(), "teal"));
    house.close().await;
}

fn mail(host: &'static str, password: &'static str) -> [(&'static str, &'static str); 7] {
    [
        ("host", host),
        ("port", "587"),
        ("security", "starttls"),
        ("user", "shop"),
        ("password", password),
        ("from_name", ""),
        ("from", "shop@mugs.example"),
    ]
}

async fn stored(house: &House) -> MailSettings {
    house.db.read(settings::mail).await.unwrap().unwrap()
}

#[actix_web::test]
async fn mail_goes_out_as_before_with_the_password_that_no_page_has_shown() {
    const PATH: &str = "/settings/mail";
    let house = open_house().await;
    let owner = house.owner().await;
    let first = owner.post(PATH, &mail("mail.example", "old secret")).await;
    let page = after(&owner, first).await;
    assert!(!page.contains(">Undo<"), "there was nothing before");
    let second = owner.post(PATH, &mail("post.example", "new secret")).await;
    let page = after(&owner, second).await;
    assert!(!page.contains("secret"), "{page}");

    // With another server, that one would be given the password.
    let action = between(&page, "action=\"/settings/mail?undo=", "\"").unwrap();
    let action = format!("{PATH}?undo={action}");
    let stolen = owner.post(&action, &mail("evil.example", "")).await;
    assert_eq!(stolen.status(), 409);
    assert_eq!(stored(&house).await.host, "post.example");

    after(&owner, owner.undoes(&page).await).await;
    let now = stored(&house).await;
    assert_eq!(
        (now.host.as_str(), now.password.as_str()),
        ("mail.example", "old secret")
    );
    house.close().await;
}

#[actix_web::test]
async fn only_who_saved_may_take_it_back_and_nobody_who_saved_since_is_overruled() {
    let house = open_house().await;
    house.add_agent(EVE, "Eve", Role::Admin).await;
    let (owner, eve) = (house.owner().await, house.agent(EVE).await);
    let key = site(&house).await.key;
    let page = after(&owner, shapes(&owner, &key, "Cups", "").await).await;
    let theirs = eve.sees(&format!("/settings/sites/{key}?done=saved")).await;
    assert!(!theirs.contains(">Undo<"), "{theirs}");
    assert_eq!(eve.undoes(&page).await.status(), 409);

    after(&eve, shapes(&eve, &key, "Bowls", "").await).await;
    let refused = owner.undoes(&page).await;
    assert_eq!(refused.status(), 409);
    let told = refused.text().await.unwrap();
    assert!(
        told.contains("Somebody has saved something else since"),
        "{told}"
    );
    assert!(
        told.contains("value=\"Bowls\""),
        "what holds is shown: {told}"
    );
    assert_eq!(site(&house).await.name, "Bowls");
    house.close().await;
}

/// The first box of this name.
fn is_ticked(page: &str, name: &str) -> bool {
    let field = between(
        page,
        &format!("type=\"checkbox\" role=\"switch\" name=\"{name}\""),
        ">",
    );
    let field = field.or_else(|| between(page, &format!("type=\"checkbox\" name=\"{name}\""), ">"));
    field.expect(page).contains(" checked")
}

/// Whatever is worth a fact finds no room on the disk.
async fn the_disk_is_full(house: &House) {
    let fill = house.db.write("test.fill", |w| {
        let trigger = "create trigger full after insert on journal begin
            insert into meta (name, value) values ('filling', zeroblob(8000000)); end";
        w.execute_batch(trigger)?;
        Ok(w.query_row("pragma max_page_count = 1", [], |_| Ok(()))?)
    });
    fill.await.unwrap();
}

#[actix_web::test]
async fn boxes_that_could_not_be_saved_are_still_ticked_as_they_were() {
    let house = open_house().await;
    house.add_agent(EVE, "Eve", Role::Agent).await;
    house.add_agent(BOB, "Bob", Role::Agent).await;
    let (owner, key) = (house.owner().await, site(&house).await.key);
    the_disk_is_full(&house).await;
    let members = format!("/settings/sites/{key}/members");
    for (path, ticks, name) in [
        (members.as_str(), ("agents", "3"), "agents"),
        ("/settings/ratings", ("had", "1"), "asking"),
    ] {
        let refused = owner.post(path, &[ticks]).await;
        assert_eq!(refused.status(), 503, "{path}");
        let told = refused.text().await.unwrap();
        let error = between(&told, &format!("id=\"{name}-error\""), "</span></span>");
        assert!(error.expect(&told).contains("Nothing is lost"), "{told}");
        assert_eq!(is_ticked(&told, name), name == "agents", "{told}");
    }
    house.close().await;
}

#[actix_web::test]
async fn boxes_that_cannot_be_put_back_are_shown_as_they_stand_with_the_reason_among_them() {
    let house = open_house().await;
    house.add_agent(EVE, "Eve", Role::Admin).await;
    house.add_agent(BOB, "Bob", Role::Agent).await;
    house
        .add_agent("kim@mugs.example", "Kim", Role::Agent)
        .await;
    let (owner, eve) = (house.owner().await, house.agent(EVE).await);
    owner.post("/settings/sites", &[("shop", "Plates")]).await;
    let members = format!("/settings/sites/{}/members", site(&house).await.key);
    for (path, ticks, unticks, name) in [
        (
            members.as_str(),
            [("agents", "3"), ("agents", "4")],
            ("had", "4"),
            "agents",
        ),
        (
            "/settings/ratings",
            [("had", "1"), ("had", "2")],
            ("asking", "1"),
            "asking",
        ),
    ] {
        let page = after(&owner, owner.post(path, &ticks).await).await;
        assert!(page.contains(">Undo<"), "{page}");
        after(&eve, eve.post(path, &[unticks]).await).await;
        let refused = owner.undoes(&page).await;
        assert_eq!(refused.status(), 409, "{path}");
        let told = refused.text().await.unwrap();
        let error = between(&told, &format!("id=\"{name}-error\""), "</span></span>");
        let error = error.expect(&told);
        assert!(error.contains("Somebody has saved something else since"));
        // What holds is shown.
        assert!(is_ticked(&told, name), "{told}");
    }
    house.close().await;
}

#[actix_web::test]
async fn after_a_while_nothing_is_offered_and_an_old_button_says_that_it_is_too_late() {
    let house = open_house().await;
    let owner = house.owner().await;
    let key = site(&house).await.key;
    let path = format!("/settings/sites/{key}?done=saved");
    let page = after(&owner, shapes(&owner, &key, "Cups", "").await).await;
    assert!(owner.sees(&path).await.contains(">Undo<"));
    house.clock.advance(15 * 60 * 1000);
    assert!(!owner.sees(&path).await.contains(">Undo<"));
    let refused = owner.undoes(&page).await;
    assert_eq!(refused.status(), 409);
    assert!(refused.text().await.unwrap().contains("too late"));
    assert_eq!(site(&house).await.name, "Cups");
    house.close().await;
}

#[actix_web::test]
async fn what_cannot_be_had_back_is_not_offered() {
    let house = open_house().await;
    house.add_agent(EVE, "Eve", Role::Owner).await;
    let (owner, eve) = (house.owner().await, house.agent(EVE).await);
    // Nothing changed.
    let profile = [("name", "Ada"), ("lang", "en")];
    let page = after(&owner, owner.post("/me/profile", &profile).await).await;
    assert!(
        page.contains("Saved.") && !page.contains(">Undo<"),
        "{page}"
    );
    // A password is gone for good, and so are the sessions of others.
    let password = [
        ("current", crate::support::PASSWORD),
        ("password", "another horse, another battery"),
    ];
    let page = after(&owner, owner.post("/me/password", &password).await).await;
    assert!(!page.contains(">Undo<"), "{page}");
    // Who is an admin now cannot make himself an owner.
    let less = [("name", "Eve"), ("role", "admin")];
    let page = after(&eve, eve.post("/settings/team/2", &less).await).await;
    assert!(
        page.contains("Saved.") && !page.contains(">Undo<"),
        "{page}"
    );
    house.close().await;
}
