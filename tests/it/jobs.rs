//! Work for later: whatever one job does, the others are done.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt;
use actix_web::rt::task::JoinHandle;
use shopbell::db::{Db, Storage, Writer};
use shopbell::error::Result;
use shopbell::jobs::{self, Job, JobKind, Kinds, Trouble, Work};
use shopbell::kernel::{Clock, JobId};
use shopbell::plant::{Plant, Stop};
use tokio::sync::oneshot;

use crate::support::{NOW, Scratch, soon, until};

const AN_HOUR: Duration = Duration::from_secs(3600);

async fn enqueue(db: &Db, kind: &'static str) -> JobId {
    let order = move |w: &Writer| jobs::enqueue(w, NOW, kind, "about", &1);
    db.write("test.enqueue", order).await.unwrap()
}

async fn open_jobs(db: &Db) -> Vec<Job> {
    db.read(jobs::list_open).await.unwrap()
}

async fn until_done(db: &Db, kind: &'static str) {
    until(db, move |r| {
        let open = jobs::list_open(r)?;
        Ok(open.iter().all(|it| it.kind != kind).then_some(()))
    })
    .await;
}

/// The first job with this kind's trouble.
async fn until_troubled(db: &Db, kind: &'static str) -> Job {
    until(db, move |r| {
        let open = jobs::list_open(r)?;
        let troubled = |it: &Job| it.kind == kind && it.last_error.is_some();
        Ok(open.into_iter().find(troubled))
    })
    .await
}

fn kind(lane: &'static str, limit: Duration, run: impl Fn(Job) -> Work + 'static) -> JobKind {
    JobKind {
        lane,
        at_once: 4,
        limit,
        run: Box::new(run),
    }
}

fn fine() -> JobKind {
    kind("fine", AN_HOUR, |_| Box::pin(async { Ok(()) }))
}

fn work(db: &Db, kinds: Kinds) -> JoinHandle<Result<()>> {
    let clock = Clock::stopped_at(NOW);
    rt::spawn(jobs::work(db.clone(), clock, Rc::new(kinds), Stop::never()))
}

#[actix_web::test]
async fn a_job_that_panics_is_its_own_failure_and_the_others_are_done() {
    let house = Scratch::new();
    let panics = |_| -> Work { Box::pin(async { panic!("a strange mail") }) };
    let at_once = |_| -> Work { panic!("before it began") };
    let work = work(
        &house.db,
        Kinds::from([
            ("test.boom", kind("boom", AN_HOUR, panics)),
            ("test.bang", kind("bang", AN_HOUR, at_once)),
            ("test.fine", fine()),
        ]),
    );
    enqueue(&house.db, "test.boom").await;
    enqueue(&house.db, "test.bang").await;
    let boom = until_troubled(&house.db, "test.boom").await;
    assert!(boom.last_error.unwrap().contains("a strange mail"));
    assert!(boom.failed_at.is_none(), "it is tried again");
    until_troubled(&house.db, "test.bang").await;
    enqueue(&house.db, "test.fine").await;
    until_done(&house.db, "test.fine").await;
    work.abort();
}

#[actix_web::test]
async fn a_job_that_hangs_is_given_up_after_its_limit() {
    let house = Scratch::new();
    let hangs = |_| -> Work { Box::pin(pending()) };
    let limit = Duration::from_millis(20);
    let kinds = Kinds::from([("test.hang", kind("hang", limit, hangs))]);
    let work = work(&house.db, kinds);
    enqueue(&house.db, "test.hang").await;
    let hung = until_troubled(&house.db, "test.hang").await;
    assert!(hung.last_error.unwrap().contains("not done after"));
    work.abort();
}

#[actix_web::test]
async fn stuck_jobs_hold_up_their_own_lane_only() {
    let house = Scratch::new();
    let hangs = |_| -> Work { Box::pin(pending()) };
    let neighbour = |_| -> Work { Box::pin(async { Ok(()) }) };
    let mut narrow = kind("mail", AN_HOUR, hangs);
    narrow.at_once = 3;
    let work = work(
        &house.db,
        Kinds::from([
            ("test.hang", narrow),
            ("test.letter", kind("mail", AN_HOUR, neighbour)),
            ("test.fine", fine()),
        ]),
    );
    for _ in 0..40 {
        enqueue(&house.db, "test.hang").await;
    }
    enqueue(&house.db, "test.fine").await;
    until_done(&house.db, "test.fine").await;
    // In the same lane, whose last place the stuck kind may not take.
    enqueue(&house.db, "test.letter").await;
    until_done(&house.db, "test.letter").await;
    assert_eq!(open_jobs(&house.db).await.len(), 40);
    work.abort();
}

#[actix_web::test]
async fn a_worker_whom_the_database_does_not_answer_goes_on_once_it_does() {
    let house = Scratch::new();
    let plant = Plant::new(Clock::stopped_at(NOW));
    let (db, kinds) = (
        house.db.clone(),
        Rc::new(Kinds::from([("test.fine", fine())])),
    );
    plant.supervise_to_its_end("jobs", move |stop| {
        jobs::work(db.clone(), Clock::stopped_at(NOW), Rc::clone(&kinds), stop)
    });
    enqueue(&house.db, "test.fine").await;
    until_done(&house.db, "test.fine").await;
    let rename = async |from: &str, to: &str| {
        let sql = format!("alter table {from} rename to {to}");
        let write = house.db.write("test.rename", move |w| {
            // Somebody looks for work, as after every order.
            w.leave_work();
            Ok(w.execute(&sql, [])?)
        });
        write.await.unwrap();
    };
    rename("jobs", "hidden").await;
    soon(async {
        while plant.down().is_empty() {
            rt::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    rename("hidden", "jobs").await;
    enqueue(&house.db, "test.fine").await;
    until_done(&house.db, "test.fine").await;
    soon(plant.end()).await;
}

#[actix_web::test]
async fn at_the_end_the_worker_finishes_what_is_under_way_and_begins_nothing() {
    let house = Scratch::new();
    let plant = Plant::new(Clock::stopped_at(NOW));
    let (begun, has_begun) = oneshot::channel::<()>();
    let (finish, finished) = oneshot::channel::<()>();
    let once = Rc::new(RefCell::new(Some((begun, finished))));
    let run = move |_| -> Work {
        let once = once.borrow_mut().take();
        Box::pin(async move {
            let (begun, finished) = once.expect("only one is begun");
            begun.send(()).unwrap();
            finished.await.unwrap();
            Ok(())
        })
    };
    let mut one = kind("slow", AN_HOUR, run);
    one.at_once = 1;
    let kinds = Rc::new(Kinds::from([("test.slow", one)]));
    let db = house.db.clone();
    plant.supervise_to_its_end("jobs", move |stop| {
        jobs::work(db.clone(), Clock::stopped_at(NOW), Rc::clone(&kinds), stop)
    });
    enqueue(&house.db, "test.slow").await;
    enqueue(&house.db, "test.slow").await;
    soon(has_begun).await.unwrap();
    let ending = rt::spawn({
        let plant = plant.clone();
        async move { plant.end().await }
    });
    rt::task::yield_now().await;
    finish.send(()).unwrap();
    soon(ending).await.unwrap();
    assert_eq!(open_jobs(&house.db).await.len(), 1);
}

/// Answers with the given outcomes, one after the other.
fn worker(outcomes: Vec<Result<(), Trouble>>) -> (Kinds, Rc<RefCell<usize>>) {
    let tries = Rc::new(RefCell::new(0));
    let outcomes = RefCell::new(outcomes);
    let counted = Rc::clone(&tries);
    let run = move |_| -> Work {
        *counted.borrow_mut() += 1;
        let outcome = outcomes.borrow_mut().remove(0);
        Box::pin(async move { outcome })
    };
    (
        Kinds::from([("test.work", kind("test", AN_HOUR, run))]),
        tries,
    )
}

#[actix_web::test]
async fn a_job_that_may_work_later_is_tried_later_and_then_gone() {
    let house = Scratch::new();
    enqueue(&house.db, "test.work").await;
    let clock = Clock::stopped_at(NOW);
    let (kinds, tries) = worker(vec![Err(Trouble::Later("450 later".into())), Ok(())]);
    let work = jobs::work(
        house.db.clone(),
        clock.clone(),
        Rc::new(kinds),
        Stop::never(),
    );
    let work = rt::spawn(work);
    let waiting = until_troubled(&house.db, "test.work").await;
    assert_eq!(waiting.last_error.as_deref(), Some("450 later"));
    assert!(NOW < waiting.due_at && waiting.failed_at.is_none());
    clock.advance(60_000);
    house.db.probe().await.unwrap();
    until_done(&house.db, "test.work").await;
    assert_eq!(*tries.borrow(), 2);
    work.abort();
}

#[actix_web::test]
async fn a_job_that_never_works_stays_for_a_person_to_see() {
    let house = Scratch::new();
    let id = enqueue(&house.db, "test.work").await;
    let (kinds, tries) = worker(vec![Err(Trouble::Never("550 no".into())), Ok(())]);
    let work = work(&house.db, kinds);
    until(&house.db, |r| {
        Ok((jobs::count_failed(r)? == 1).then_some(()))
    })
    .await;
    assert_eq!(*tries.borrow(), 1);
    house
        .db
        .write("test.retry", move |w| jobs::retry(w, NOW, id))
        .await
        .unwrap();
    until_done(&house.db, "test.work").await;
    work.abort();
}

#[actix_web::test]
async fn what_was_done_and_could_not_be_noted_is_noted_later_and_not_done_again() {
    let house = Scratch::new();
    let sql = |sql: &'static str| {
        house
            .db
            .write("test.sql", move |w| Ok(w.execute_batch(sql)?))
    };
    let stay = "create trigger stay before delete on jobs begin select raise(abort, 'no'); end";
    sql(stay).await.unwrap();
    let (kinds, tries) = worker(vec![Ok(()), Ok(())]);
    let work = work(&house.db, kinds);
    enqueue(&house.db, "test.work").await;
    soon(async {
        while *tries.borrow() == 0 {
            rt::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    // Its note is in the queue before this.
    for _ in 0..20 {
        rt::task::yield_now().await;
    }
    sql("drop trigger stay").await.unwrap();
    until_done(&house.db, "test.work").await;
    assert_eq!(*tries.borrow(), 1);
    work.abort();
}

#[actix_web::test]
async fn no_job_is_begun_while_nothing_can_be_saved() {
    let house = Scratch::new();
    enqueue(&house.db, "test.work").await;
    let small = house.db.write("test.small", |w| {
        Ok(w.execute_batch("pragma max_page_count = 1")?)
    });
    let _ = small.await;
    let flood = house.db.write("test.flood", |w| {
        let flood = "insert into meta (name, value) values ('flood', zeroblob(10000000))";
        Ok(w.execute(flood, [])?)
    });
    assert!(flood.await.is_err());
    let mut storage = house.db.storage();
    assert_eq!(*storage.borrow(), Storage::Failing);
    let (kinds, tries) = worker(vec![Ok(())]);
    let work = work(&house.db, kinds);
    for _ in 0..20 {
        house.db.read(|_| Ok(())).await.unwrap();
    }
    assert_eq!(*tries.borrow(), 0);
    let large = house.db.write("test.large", |w| {
        Ok(w.execute_batch("pragma max_page_count = 1000000")?)
    });
    let _ = large.await;
    house.db.probe().await.unwrap();
    soon(storage.wait_for(|it| *it == Storage::Writable))
        .await
        .unwrap();
    until_done(&house.db, "test.work").await;
    work.abort();
}
