//! Two wings that bring something under one name: the house does not start, and
//! says what they disagree on.

use std::net::TcpListener;
use std::sync::Arc;

use shopbell::config::Config;
use shopbell::db::DataFolder;
use shopbell::journal::{Follower, Start};
use shopbell::kernel::Clock;
use shopbell::live::Watch;
use shopbell::server::{self, Wing};
use shopbell::web::{Area, Section, Who};
use tempfile::TempDir;

use super::{doors, wing};
use crate::support::NOW;

/// Why it does not start.
async fn refused(more: Vec<Wing>) -> String {
    let home = TempDir::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = DataFolder::claim(home.path()).unwrap();
    let (config, clock) = (Config::parse(|_| None).unwrap(), Clock::stopped_at(NOW));
    let started = server::start_with(listener, folder, config, clock, more).await;
    started.err().expect("it started").to_string()
}

#[actix_web::test]
async fn all_that_two_wings_bring_under_one_name_is_told_at_once() {
    let told = refused(vec![wing(), wing()]).await;
    for fault in [
        "two rooms open the door `POST /kettle/{}/boil`",
        "two rooms bring the place `settings/kettle`",
        "two rooms lead to `/settings/kettle`",
        "two rooms listen to the key `t`",
        "two rooms find under the name `kettles`",
        "two rooms let pages listen to `kettle`",
        "two rooms follow the journal as `kettle`",
        "two rooms have the timer `kettle.whistle`",
    ] {
        assert!(told.contains(fault), "{fault}: {told}");
    }
}

#[actix_web::test]
async fn a_wing_takes_no_door_place_or_work_of_the_house() {
    let door = Wing {
        // What varies has another name, and is the same door.
        routes: Some(|it| {
            it.get("/inbox/{kettle}", || async { "mine" })
                .who(Who::Anyone);
        }),
        ..Wing::default()
    };
    let told = refused(vec![door]).await;
    assert!(
        told.contains("two rooms open the door `GET /inbox/{}`"),
        "{told}"
    );
    assert_eq!(told.matches("two rooms").count(), 1, "{told}");

    let work = Wing {
        jobs: Some(|kinds, _, _| {
            let kind = shopbell::jobs::JobKind {
                lane: "kettle",
                at_once: 1,
                limit: std::time::Duration::from_secs(1),
                run: Box::new(|_| Box::pin(async { Ok(()) })),
            };
            kinds.insert("transcripts.send", kind);
        }),
        ..Wing::default()
    };
    let told = refused(vec![work]).await;
    assert!(
        told.contains("two rooms do the job `transcripts.send`"),
        "{told}"
    );
}

#[actix_web::test]
async fn a_place_without_a_page_is_noticed_at_the_start() {
    const NOWHERE: Area = Area {
        key: "nowhere",
        href: "/nowhere",
        section: Section::Chats,
        ..doors::KETTLE
    };
    let lost = Wing {
        areas: &[NOWHERE],
        watches: vec![Watch {
            kind: "nowhere",
            may: |_, _, _| Ok(false),
        }],
        followers: vec![Follower {
            name: "nowhere",
            start: Start::Present,
            react: Arc::new(|_, _| Ok(())),
        }],
        ..Wing::default()
    };
    let told = refused(vec![lost]).await;
    assert!(
        told.ends_with("the place `nowhere` leads nowhere"),
        "{told}"
    );
}
