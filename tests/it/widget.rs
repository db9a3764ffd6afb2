//! The visitors' door: what an open chat is told of its site, and what it may from
//! then on, over real sockets.

use serde_json::{Value, json};

use crate::support::{House, SHOP, Screen, VisitorPage, open_house};

fn is_look(item: &Value) -> bool {
    item["list"] == "site"
}

async fn listens_from(house: &House, visitor: &VisitorPage, origin: &str) -> Screen {
    let url = format!("{}/w/v1/live", house.url);
    let mut screen = Screen::open(&url, &[("origin", origin)]).await.unwrap();
    let hello = json!({ "t": "hello", "token": visitor.token, "seq": 0 });
    screen.say(&hello.to_string()).await;
    assert_eq!(screen.next().await["t"], "welcome");
    screen
}

#[actix_web::test]
async fn an_open_chat_is_told_the_new_look_and_agents_see_no_text_that_they_may_not() {
    let house = open_house().await;
    let mut screen = house.owner().await.listens("").await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut page = visitor.listens(seq, None).await;
    let typing = json!({ "t": "typing", "on": true, "text": "half a tho" }).to_string();
    page.next().await;
    page.say(&typing).await;
    let seen = screen.next_that(|it| it["op"] == "typing").await;
    assert_eq!(seen["text"], "half a tho");

    house
        .changes_site(|look| {
            look.name = "Teapots".into();
            look.color = "#aa3300".into();
            look.strict_privacy = true;
        })
        .await;
    let look = page.next_that(is_look).await;
    let (name, preview) = (&look["data"]["name"], &look["data"]["preview"]);
    assert_eq!((name, preview), (&json!("Teapots"), &json!(false)));
    assert_eq!(look["data"]["on_color"], "#ffffff");
    // On the same socket.
    page.say(&typing).await;
    let seen = screen.next_that(|it| it["op"] == "typing").await;
    assert_eq!((&seen["on"], &seen["text"]), (&json!(true), &Value::Null));
    house.close().await;
}

#[actix_web::test]
async fn a_page_that_may_not_carry_the_chat_any_more_loses_its_socket_and_the_others_keep_theirs() {
    let house = open_house().await;
    let mut visitor = house.visitor().await;
    visitor.writes("hello").await;
    let mut foreign = listens_from(&house, &visitor, "https://other.example").await;
    let mut shop = listens_from(&house, &visitor, SHOP).await;
    house.allow_only(SHOP).await;
    assert_eq!(foreign.end().await, 4003);
    shop.next_that(is_look).await;
    house.close().await;
}

#[actix_web::test]
async fn a_chat_that_comes_back_is_told_the_newest_look_and_once() {
    let house = open_house().await;
    let mut visitor = house.visitor().await;
    let posted = visitor.writes("hello").await;
    let seq = posted["message"]["id"].as_i64().unwrap();
    let mut earlier = visitor.listens(seq, None).await;
    for name in ["Teapots", "Kettles"] {
        house.changes_site(|look| look.name = name.into()).await;
    }
    // Whoever comes before the news has begun to go out gets it with the others.
    let told = |it: &Value| it["data"]["name"] == "Kettles";
    earlier.next_that(told).await;
    let mut page = visitor.listens(seq, None).await;
    let welcome = page.next().await;
    assert_eq!(
        (&welcome["t"], &welcome["missed"]),
        (&json!("welcome"), &json!(1))
    );
    assert_eq!(page.next().await["data"]["name"], "Kettles");
    house.close().await;
}
