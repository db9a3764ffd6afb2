//! Who is named for a site: a page decides on those who stand on it, and of them on
//! those who were changed on it.

use super::{BOB, EVE, Sisters, status};
use crate::support::between;

/// The values of a hidden field, as often as a page has it.
fn hidden(page: &str, name: &str) -> Vec<String> {
    let start = format!("<input type=\"hidden\" name=\"{name}\" value=\"");
    let pieces = page.split(start.as_str()).skip(1);
    pieces
        .map(|it| it.split('"').next().unwrap().to_owned())
        .collect()
}

/// Those who are ticked on the page of a site.
fn ticked(page: &str) -> Vec<String> {
    let boxes = page
        .split("<input type=\"checkbox\" name=\"agents\" ")
        .skip(1);
    let ticked = boxes.filter(|it| it.split('>').next().unwrap().contains(" checked"));
    ticked
        .map(|it| between(it, "value=\"", "\"").unwrap())
        .collect()
}

/// Saves a page as it was drawn, but for whom it is changed to.
async fn saves(sisters: &Sisters, by: &str, page: &str, agents: &[&str]) {
    let had = hidden(page, "had");
    let had = had.iter().map(|it| ("had", it.as_str()));
    let agents = agents.iter().map(|it| ("agents", *it));
    let fields: Vec<(&str, &str)> = had.chain(agents).collect();
    let path = format!("/settings/sites/{}/members", sisters.plates);
    let admin = sisters.house.agent(by).await;
    assert_eq!(admin.post(&path, &fields).await.status(), 303);
}

async fn saves_unchanged(sisters: &Sisters, by: &str, page: &str) {
    let ticked = ticked(page);
    let ticked: Vec<&str> = ticked.iter().map(String::as_str).collect();
    saves(sisters, by, page, &ticked).await;
}

#[actix_web::test]
async fn a_site_whose_only_agent_is_away_is_not_opened_to_all_by_saving_its_page() {
    let sisters = Sisters::open().await;
    let owner = sisters.house.owner().await;
    let bob = sisters.house.agent(BOB.0).await;
    let page = format!("/settings/sites/{}", sisters.plates);
    let talk = format!("/inbox/{}", sisters.of_plates);
    assert!(owner.sees(&page).await.contains("every agent sees them"));

    let eve = format!("/settings/team/{}", EVE.1);
    let out = owner.post(&format!("{eve}/deactivate"), &[]).await;
    assert_eq!(out.status(), 303);
    let drawn = owner.sees(&page).await;
    assert!(!drawn.contains("every agent sees them"), "{drawn}");
    assert!(drawn.contains("no agent sees them"), "{drawn}");
    saves_unchanged(&sisters, crate::support::OWNER, &drawn).await;
    assert_eq!(status(&bob, &talk).await, 404);

    // Whoever comes back sees what he saw; so does who was an admin for a while.
    let back = owner.post(&format!("{eve}/reactivate"), &[]).await;
    assert_eq!(back.status(), 303);
    for role in ["admin", "agent"] {
        let fields = [("name", "Eve"), ("role", role), ("customers", "1")];
        assert_eq!(owner.post(&eve, &fields).await.status(), 303);
        let drawn = owner.sees(&page).await;
        saves_unchanged(&sisters, crate::support::OWNER, &drawn).await;
        assert_eq!(status(&bob, &talk).await, 404, "{role}");
    }
    let eve = sisters.house.agent(EVE.0).await;
    assert_eq!(status(&eve, &talk).await, 200);
    sisters.house.close().await;
}

#[actix_web::test]
async fn two_who_change_who_sees_a_site_at_once_both_have_their_way() {
    let sisters = Sisters::open().await;
    let owner = sisters.house.owner().await;
    let page = format!("/settings/sites/{}", sisters.plates);
    let drawn = owner.sees(&page).await;
    assert_eq!(ticked(&drawn), [EVE.1]);
    saves(&sisters, super::MAX, &drawn, &[EVE.1, BOB.1]).await;
    saves(&sisters, crate::support::OWNER, &drawn, &[]).await;
    assert_eq!(ticked(&owner.sees(&page).await), [BOB.1]);
    sisters.house.close().await;
}

#[actix_web::test]
async fn who_is_away_stands_on_the_page_while_he_is_named_and_can_be_left_out() {
    let sisters = Sisters::open().await;
    let owner = sisters.house.owner().await;
    let (page, eve) = (
        format!("/settings/sites/{}", sisters.plates),
        format!("/settings/team/{}", EVE.1),
    );
    owner.post(&format!("{eve}/deactivate"), &[]).await;
    let drawn = owner.sees(&page).await;
    assert!(drawn.contains("Eve (no longer works here)"), "{drawn}");
    assert_eq!(ticked(&drawn), [EVE.1]);
    saves(&sisters, crate::support::OWNER, &drawn, &[BOB.1]).await;
    assert!(!owner.sees(&page).await.contains("no longer works here"));
    owner.post(&format!("{eve}/reactivate"), &[]).await;
    assert_eq!(ticked(&owner.sees(&page).await), [BOB.1]);

    // So does who sees every site by what he is now.
    let admin = [("name", "Bob"), ("role", "admin"), ("customers", "1")];
    owner
        .post(&format!("/settings/team/{}", BOB.1), &admin)
        .await;
    let drawn = owner.sees(&page).await;
    assert!(drawn.contains("Bob (sees every site anyway)"), "{drawn}");
    saves(&sisters, crate::support::OWNER, &drawn, &[EVE.1]).await;
    assert_eq!(ticked(&owner.sees(&page).await), [EVE.1]);
    sisters.house.close().await;
}

#[actix_web::test]
async fn the_page_about_somebody_leads_to_the_sites_that_he_sees() {
    let sisters = Sisters::open().await;
    let owner = sisters.house.owner().await;
    let link = format!("/settings/sites?agent={}", EVE.1);
    let about = owner.sees(&format!("/settings/team/{}", EVE.1)).await;
    assert!(about.contains(&format!("href=\"{link}\"")), "{about}");
    let sites = owner.sees(&link).await;
    let leads_to = |key: &str| sites.contains(&format!("href=\"/settings/sites/{key}\""));
    assert!(leads_to(&sisters.plates) && !leads_to(&sisters.house.site));
    assert!(sites.contains("Sites that Eve sees"), "{sites}");
    assert_eq!(status(&owner, "/settings/sites?agent=99").await, 404);
    let bob = sisters.house.agent(BOB.0).await;
    assert_eq!(status(&bob, &link).await, 403);
    sisters.house.close().await;
}
