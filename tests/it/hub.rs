//! The hub: who listens to what, who is told, and who shares a frame.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures_util::FutureExt;
use shopbell::hub::{Audience, Closing, Connection, Frame, Hub, News, Next, Seat, TOPICS, Topic};
use shopbell::kernel::{Seq, Sight, SiteId};
use shopbell::texts::Lang;

const LISTS: Topic = Topic::new("lists", 0);
const PERSON: Topic = Topic::new("person", 7);

/// A page that reads English, of one of many owners.
fn seat(own: i64) -> Seat {
    let own = Topic::new("own", own);
    Seat::new(own, &[LISTS], Some(Lang::En), Sight::ALL)
}

/// A page that is told data, about one person only.
fn alone() -> Seat {
    Seat::new(PERSON, &[], None, Sight::ALL)
}

fn one_by_one(texts: &[&str]) -> Frame {
    texts.join(",").into()
}

fn news(audience: Audience, seq: i64) -> News {
    News {
        audience,
        seq: Seq(seq),
        text: seq.to_string(),
    }
}

/// One piece of news to all: its own number.
fn publish(hub: &Hub, n: i64) {
    let all = vec![news(Audience::of(LISTS), n)];
    hub.publish(&hub.turn(Seq(n)), all, one_by_one);
}

async fn heard(page: &Connection) -> String {
    match page.outbox.next().await.unwrap() {
        Next::Frame(frame) => frame.to_string(),
        Next::AskAgain => "again".to_owned(),
    }
}

fn hears_nothing(page: &Connection) -> bool {
    page.outbox.next().now_or_never().is_none()
}

#[actix_web::test]
async fn what_is_new_to_a_page_comes_in_one_frame_and_in_order() {
    let hub = Hub::default();
    let page = hub.join(seat(1), 10).unwrap();
    let all = vec![
        news(Audience::of(LISTS).reading(Lang::En), 5),
        news(Audience::of(LISTS).reading(Lang::Fr), 4),
        news(Audience::of(PERSON), 2),
        news(Audience::of(LISTS), 3),
    ];
    hub.publish(&hub.turn(Seq(5)), all, one_by_one);
    assert_eq!(heard(&page).await, "3,5");
    assert!(hears_nothing(&page));
}

#[actix_web::test]
async fn pages_that_are_told_the_same_share_one_frame_whatever_else_they_listen_to() {
    static BUNDLED: AtomicUsize = AtomicUsize::new(0);
    let hub = Hub::default();
    let pages: Vec<Connection> = (0..50).map(|n| hub.join(seat(n), 10).unwrap()).collect();
    let french = Seat::new(PERSON, &[LISTS], Some(Lang::Fr), Sight::ALL);
    let other = hub.join(french, 10).unwrap();
    let all = vec![
        news(Audience::of(LISTS).reading(Lang::En), 1),
        news(Audience::of(LISTS).reading(Lang::Fr), 1),
        news(Audience::of(LISTS), 2),
    ];
    hub.publish(&hub.turn(Seq(2)), all, |texts| {
        BUNDLED.fetch_add(1, Relaxed);
        one_by_one(texts)
    });
    for page in &pages {
        assert_eq!(heard(page).await, "1,2");
    }
    assert_eq!(heard(&other).await, "1,2");
    assert_eq!(BUNDLED.load(Relaxed), 2, "one in each language");
}

#[actix_web::test]
async fn what_is_out_of_sight_is_told_to_nobody_and_the_rest_to_everybody() {
    let hub = Hub::default();
    let blind = Sight::without([SiteId(2)]);
    let blind = Seat::new(PERSON, &[LISTS], Some(Lang::En), blind);
    let (all, some) = (hub.join(seat(1), 9).unwrap(), hub.join(blind, 9).unwrap());
    let here = |site, seq| news(Audience::of(LISTS).within(SiteId(site)), seq);
    let turn = hub.turn(Seq(3));
    hub.publish(&turn, vec![here(1, 1), here(2, 2), here(3, 3)], one_by_one);
    assert_eq!(heard(&all).await, "1,2,3");
    assert_eq!(heard(&some).await, "1,3");
    let audience = Audience::of(LISTS).within(SiteId(2));
    hub.signal(&audience, None, &"sign".into());
    assert_eq!(heard(&all).await, "sign");
    assert!(hears_nothing(&some));
}

#[actix_web::test]
async fn a_signal_passes_by_whoever_gave_it() {
    let hub = Hub::default();
    let (his, other) = (hub.join(seat(1), 9).unwrap(), hub.join(seat(2), 9).unwrap());
    let own = Some(Topic::new("own", 1));
    hub.signal(&Audience::of(LISTS), own, &"sign".into());
    assert_eq!(heard(&other).await, "sign");
    assert!(hears_nothing(&his));
}

#[actix_web::test]
async fn whoever_is_to_ask_again_does_so_once_and_before_anything_else() {
    let hub = Hub::default();
    let (page, other) = (hub.join(seat(1), 9).unwrap(), hub.join(alone(), 9).unwrap());
    publish(&hub, 1);
    hub.ask_again(LISTS);
    hub.ask_again(LISTS);
    publish(&hub, 2);
    assert_eq!(heard(&page).await, "again");
    assert_eq!(heard(&page).await, "1");
    assert_eq!(heard(&page).await, "2");
    assert!(hears_nothing(&page) && hears_nothing(&other));
}

#[actix_web::test]
async fn a_page_listens_to_so_many_topics_and_no_more() {
    let many: Vec<Topic> = (0..100).map(|n| Topic::new("thing", n)).collect();
    let seat = Seat::new(PERSON, &many, None, Sight::ALL);
    assert_eq!(seat.topics().len(), TOPICS);
    assert_eq!(seat.topics()[0], PERSON);
}

#[actix_web::test]
async fn the_slow_connection_is_closed_and_its_neighbour_is_not() {
    let hub = Hub::default();
    let slow = hub.join(seat(1), 10).unwrap();
    let quick = hub.join(seat(2), 10).unwrap();
    for n in 1..1000 {
        publish(&hub, n);
        assert_eq!(heard(&quick).await, n.to_string());
    }
    assert_eq!(slow.outbox.next().await, Err(Closing::Behind));
}

#[actix_web::test]
async fn joining_and_publishing_leave_neither_gap_nor_double() {
    let hub = Hub::default();
    publish(&hub, 7);
    let late = hub.join(seat(1), 10).unwrap();
    publish(&hub, 8);
    assert_eq!(late.joined_at, Seq(7));
    assert_eq!(heard(&late).await, "8");
}

#[actix_web::test]
async fn whoever_comes_while_news_is_drawn_replays_it_and_gets_only_what_is_later() {
    let hub = Hub::default();
    let there = hub.join(seat(1), 10).unwrap();
    let here = hub.join(alone(), 10).unwrap();
    let turn = hub.turn(Seq(7));
    let (late, late_alone) = (
        hub.join(seat(2), 10).unwrap(),
        hub.join(alone(), 10).unwrap(),
    );
    assert_eq!((late.joined_at, late_alone.joined_at), (Seq(7), Seq(7)));
    let all = vec![news(Audience::of(LISTS), 7), news(Audience::of(PERSON), 7)];
    hub.publish(&turn, all, one_by_one);
    assert_eq!(heard(&there).await, "7");
    assert_eq!(heard(&here).await, "7");
    publish(&hub, 8);
    assert_eq!(heard(&late).await, "8");
    assert!(hears_nothing(&late_alone));
}

#[actix_web::test]
async fn leaving_is_dropping_and_seats_are_limited() {
    let hub = Hub::default();
    let first = hub.join(alone(), 1).unwrap();
    assert!(hub.join(alone(), 1).is_none());
    assert!(hub.is_watched(PERSON));
    drop(first);
    assert!(!hub.is_watched(PERSON));
    let other = hub.join(seat(1), 1).unwrap();
    assert_eq!((hub.languages(), hub.count()), (vec![Lang::En], 1));
    drop(other);
    assert_eq!((hub.languages(), hub.count()), (Vec::new(), 0));
    assert!(hub.join(alone(), 1).is_some());
}

#[actix_web::test]
async fn the_end_of_a_session_ends_its_pages_only() {
    let hub = Hub::default();
    let (over, other) = (
        hub.join(seat(1), 10).unwrap(),
        hub.join(seat(2), 10).unwrap(),
    );
    hub.close(LISTS, Some(Topic::new("own", 2)), Closing::SignedOut);
    assert_eq!(over.outbox.next().await, Err(Closing::SignedOut));
    assert!(hears_nothing(&other));
}

#[actix_web::test]
async fn whoever_looks_elsewhere_hears_of_that_and_of_all_else_without_gap_or_double() {
    let hub = Hub::default();
    let (one, two) = (Topic::new("thing", 1), Topic::new("thing", 2));
    let base = seat(1);
    let page = hub
        .join_looking(base.clone(), Some(base.elsewhere(&[one])), 10)
        .unwrap();
    let turn = hub.turn(Seq(5));
    // What has begun to go out from there is for who was there: he reads it himself.
    assert_eq!(page.look(Some(base.elsewhere(&[two]))), Seq(5));
    let all = |n| {
        vec![
            news(Audience::of(LISTS), n),
            news(Audience::of(one), n + 1),
            news(Audience::of(two), n + 2),
        ]
    };
    hub.publish(&turn, all(3), one_by_one);
    assert_eq!(heard(&page).await, "3");
    hub.publish(&hub.turn(Seq(8)), all(6), one_by_one);
    assert_eq!(heard(&page).await, "6,8");
    page.look(None);
    hub.publish(&hub.turn(Seq(11)), all(9), one_by_one);
    assert_eq!(heard(&page).await, "9");
    assert!(hears_nothing(&page) && !hub.is_watched(two));
    page.look(Some(base.elsewhere(&[one])));
    drop(page);
    assert!(!hub.is_watched(one) && !hub.is_watched(LISTS));
    assert_eq!(hub.count(), 0);
}

#[actix_web::test]
async fn a_signal_that_is_not_for_its_author_does_not_reach_him_where_he_looks_either() {
    let hub = Hub::default();
    let thing = Topic::new("thing", 1);
    let (his, hers) = (seat(1), seat(2));
    let looks = |seat: &Seat| Some(seat.elsewhere(&[thing]));
    let his_page = hub.join_looking(his.clone(), looks(&his), 9).unwrap();
    let her_page = hub.join_looking(hers.clone(), looks(&hers), 9).unwrap();
    let own = Some(Topic::new("own", 1));
    hub.signal(&Audience::of(thing), own, &"writes".into());
    assert_eq!(heard(&her_page).await, "writes");
    assert!(hears_nothing(&his_page));
}
