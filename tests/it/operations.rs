//! What an admin sees of the machinery, and what can be done about it.

use std::sync::Arc;

use shopbell::db::Writer;
use shopbell::error::{Error, Result};
use shopbell::jobs;
use shopbell::journal::{self, Fact, Follower, Start};
use shopbell::kernel::{Clock, Seq};

use crate::support::{NOW, open_house, until};

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
    assert!(!calm.contains("a poisoned event"));
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
