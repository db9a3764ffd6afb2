//! The database's own threads: a question or an order that panics is its own
//! failure, and a slow one is waited for by its like.

use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};

use actix_web::rt;
use futures_util::FutureExt;
use shopbell::db::{DataFolder, Db, Reader};
use shopbell::error::Result;
use shopbell::kernel::Clock;
use shopbell::plant::{Plant, State, Task};
use tempfile::TempDir;

use crate::support::{AgentBrowser, OWNER, PASSWORD, client, open_house, soon};

/// As many as there is no thread for.
const MANY: usize = 20;
/// Of the signed-in pages, those that are large or many.
const PAGES: &[&str] = &[
    "/inbox",
    "/inbox?show=resolved",
    "/settings/sites",
    "/settings/mail",
    "/settings/team",
    "/settings/workings",
    "/me",
    "/welcome",
];

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped on purpose");
        }
    }
}

/// A question that takes until the sender is dropped.
fn slow() -> (
    mpsc::Sender<()>,
    impl FnOnce(&Reader) -> Result<()> + Clone + Send + 'static,
) {
    let (holds, hold) = mpsc::channel();
    let hold = Arc::new(Mutex::new(hold));
    let wait = move |_: &Reader| {
        let _ = hold.lock().unwrap().recv();
        Ok(())
    };
    (holds, wait)
}

struct Watched {
    db: Db,
    plant: Plant,
    _folder: DataFolder,
    _home: TempDir,
}

impl Watched {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let folder = DataFolder::claim(home.path()).unwrap();
        let plant = Plant::new(Clock::default());
        Self {
            db: Db::open_under(&plant, &folder).unwrap(),
            plant,
            _folder: folder,
            _home: home,
        }
    }

    fn task(&self, name: &str) -> Task {
        let tasks = self.plant.tasks();
        let mut named = tasks.into_iter().filter(|it| it.name == name);
        let task = named.next().unwrap();
        assert!(named.next().is_none(), "threads of one name are one task");
        task
    }
}

#[actix_web::test]
async fn questions_that_panic_end_no_reader_and_are_counted() {
    let house = Watched::new();
    for _ in 0..MANY {
        let read = house
            .db
            .read(|_| -> Result<()> { panic!("asked on purpose") });
        assert!(soon(read).await.is_err());
        let browse = house
            .db
            .browse(|_| -> Result<()> { std::panic::panic_any(Panics) });
        assert!(soon(browse).await.is_err());
    }
    soon(house.db.read(|_| Ok(()))).await.unwrap();
    soon(house.db.browse(|_| Ok(()))).await.unwrap();
    for name in ["readers", "browsers"] {
        let task = house.task(name);
        assert_eq!(task.state, State::AtWork);
        assert_eq!(task.failures, MANY as u64, "{name}");
    }
    let cause = house.task("readers").cause.unwrap();
    assert!(cause.contains("asked on purpose"), "{cause}");
    assert_eq!(house.task("writer").failures, 0);
}

#[actix_web::test]
async fn orders_that_panic_end_no_writer_and_are_counted() {
    let house = Watched::new();
    let write = house
        .db
        .write("test.panic", |_| -> Result<()> { panic!("on purpose") });
    assert!(soon(write).await.is_err());
    let write = house.db.write("test.panic", |_| -> Result<()> {
        std::panic::panic_any(Panics)
    });
    assert!(soon(write).await.is_err());
    // Whoever ordered it has gone, and its answer panics where it is dropped.
    let (holds, wait) = slow();
    let mut held = pin!(house.db.write("test.hold", move |w| wait(w)));
    assert!(held.as_mut().now_or_never().is_none());
    let (ran, runs) = mpsc::channel();
    let write = house.db.write("test.drop", move |_| {
        ran.send(()).unwrap();
        Ok(Panics)
    });
    assert!(write.now_or_never().is_none());
    drop(holds);
    soon(held).await.unwrap();
    soon(house.db.write("test.next", |_| Ok(()))).await.unwrap();
    runs.recv().unwrap();
    let task = house.task("writer");
    assert_eq!((task.state, task.failures), (State::AtWork, 3));
    assert!(house.plant.down().is_empty());
}

#[actix_web::test]
async fn a_question_that_nobody_waits_for_is_not_asked() {
    let house = Watched::new();
    let (holds, wait) = slow();
    let mut held = Vec::new();
    for _ in 0..MANY {
        let (db, wait) = (house.db.clone(), wait.clone());
        held.push(rt::spawn(async move { db.browse(wait).await }));
    }
    let (asks, asked) = mpsc::channel();
    // They are queued in the order in which they were spawned.
    rt::task::yield_now().await;
    let gone = house.db.browse(move |_| {
        asks.send(()).unwrap();
        Ok(())
    });
    assert!(gone.now_or_never().is_none());
    drop(holds);
    for it in held {
        soon(it).await.unwrap().unwrap();
    }
    soon(house.db.browse(|_| Ok(()))).await.unwrap();
    assert!(asked.try_recv().is_err(), "it was asked all the same");
}

#[actix_web::test]
async fn slow_pages_delay_neither_signing_in_nor_writing_nor_readiness() {
    let house = open_house().await;
    let owner = house.owner().await;
    let mut visitor = house.visitor().await;
    visitor.writes("hello").await;
    let (holds, wait) = slow();
    for _ in 0..MANY {
        let (db, wait) = (house.db.clone(), wait.clone());
        rt::spawn(async move { db.browse(wait).await });
    }
    rt::task::yield_now().await;
    let pages: Vec<_> = PAGES
        .iter()
        .map(|page| {
            let request = owner.request(reqwest::Method::GET, page);
            rt::spawn(async move { request.send().await.unwrap().status().as_u16() })
        })
        .collect();

    for _ in 0..3 {
        let in_time = AgentBrowser::sign_in(&house.url, OWNER, PASSWORD);
        soon(in_time).await;
        soon(visitor.writes("still here")).await;
        soon(visitor.history()).await;
        let ready = client().get(format!("{}/readyz", house.url)).send();
        assert_eq!(soon(ready).await.unwrap().status(), 200);
    }
    for (page, answer) in PAGES.iter().zip(&pages) {
        assert!(!answer.is_finished(), "{page} has no lane of its own");
    }
    drop(holds);
    for (page, answer) in PAGES.iter().zip(pages) {
        assert_eq!(soon(answer).await.unwrap(), 200, "{page}");
    }
    house.close().await;
}

#[actix_web::test]
async fn readers_that_are_all_stuck_are_seen_in_readyz() {
    let house = open_house().await;
    let (holds, wait) = slow();
    for _ in 0..MANY {
        let (db, wait) = (house.db.clone(), wait.clone());
        rt::spawn(async move { db.read(wait).await });
    }
    rt::task::yield_now().await;
    let ready = async || {
        let answer = client().get(format!("{}/readyz", house.url)).send();
        let answer = soon(answer).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(
        ready().await,
        (503, "the database does not answer\n".to_owned())
    );
    drop(holds);
    assert_eq!(ready().await.0, 200);
    house.close().await;
}
