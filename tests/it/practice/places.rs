//! Where a wing's places stand in the navigation, and for whom.

use shopbell::accounts::{Admin, Agent, Role};
use shopbell::server::Wing;
use shopbell::web::{Area, Routes, Section, Who};

use crate::support::open_house_with_wings;

const SHELF: Area = Area {
    key: "shelf",
    href: "/shelf",
    icon: "app",
    section: Section::Shop,
    label: |_| "Shelf",
    who: Who::Agent,
    letter: "",
    count: None,
};

const CORNER: Area = Area {
    key: "corner",
    href: "/corner",
    label: |_| "Corner",
    ..SHELF
};

const GUESTS: Area = Area {
    key: "guests",
    href: "/guests",
    icon: "user",
    section: Section::People,
    label: |_| "Guests",
    who: Who::Admin,
    ..SHELF
};

fn routes(routes: &mut Routes) {
    routes
        .get("/shelf", |_: Agent| async { "" })
        .who(Who::Agent);
    routes
        .get("/corner", |_: Agent| async { "" })
        .who(Who::Agent);
    routes
        .get("/guests", |_: Admin| async { "" })
        .who(Who::Admin);
}

/// The addresses in the navigation, in order.
fn places(page: &str) -> Vec<&str> {
    let nav = page.split(r#"<nav class="side-nav""#).nth(1).unwrap();
    let nav = nav.split("</nav>").next().unwrap();
    let links = nav.split(r#"<a href=""#).skip(1);
    links.map(|it| it.split('"').next().unwrap()).collect()
}

#[actix_web::test]
async fn places_stand_in_their_sections_and_only_where_one_may_enter() {
    let wing = Wing {
        routes: Some(routes),
        areas: &[SHELF, GUESTS, CORNER],
        ..Wing::default()
    };
    let house = open_house_with_wings(vec![wing]).await;
    house.add_agent("ben@a.example", "Ben", Role::Agent).await;
    let page = house.owner().await.sees("/inbox").await;
    let all = ["/inbox", "/guests", "/shelf", "/corner", "/settings"];
    assert_eq!(places(&page), all);
    for title in ["Chats", "People", "Shop"] {
        assert!(page.contains(&format!(">{title}</p>")), "{title}");
    }
    // The first of them have a slot in the bar of a phone, beside “Search” and “More”.
    assert_eq!(page.matches(r#"class="in-bar""#).count(), 3);
    let his = house.agent("ben@a.example").await.sees("/inbox").await;
    assert_eq!(places(&his), ["/inbox", "/shelf", "/corner"]);
    assert!(!his.contains(">People</p>"));
    house.close().await;
}
