//! The promises of the machinery: threads, transactions, the journal, jobs.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use actix_web::rt;
use futures_util::FutureExt;
use rusqlite::StatementStatus;
use shopbell::db::{DataFolder, Db, Reader, Storage, Writer};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::journal::{self, Fact};
use shopbell::kernel::{Actor, Clock, ConversationId, Seq};
use shopbell::plant::{Plant, State, Task};

use crate::support::{NOW, Scratch, soon};

const TALK: ConversationId = ConversationId(1);

fn record(w: &Writer) -> Result<Seq> {
    journal::record(w, NOW, Actor::House, TALK, &Event::MessagePosted)
}

async fn facts(db: &Db) -> Vec<Fact> {
    let read = db.read(|r| Ok(journal::after(r, Seq(0))?.facts));
    read.await.unwrap()
}

#[actix_web::test]
async fn a_reader_cannot_write() {
    let house = Scratch::new();
    let tried = house.db.read(|r| Ok(r.execute("delete from journal", [])?));
    assert!(tried.await.is_err());
}

#[actix_web::test]
async fn an_answer_comes_only_when_the_change_is_durable() {
    let house = Scratch::new();
    house.db.write("test.record", record).await.unwrap();
    let sync: i64 = house
        .db
        .write("test.pragma", |w| {
            Ok(w.query_row("pragma synchronous", [], |row| row.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(sync, 2, "synchronous is FULL");
    // Another connection sees it, so it is committed.
    assert_eq!(facts(&house.db).await.len(), 1);
}

#[actix_web::test]
async fn a_statement_is_compiled_once_whatever_is_bound_to_it() {
    let house = Scratch::new();
    let compiled_again = |r: &Reader| {
        // Every house has partial indexes, which made SQLite think again.
        let mut query =
            r.prepare("select id from conversations where state = ?1 and visitor_lines > ?2")?;
        for unread in 0..5 {
            query.exists((["open", "resolved"][unread % 2], unread as i64))?;
        }
        Ok(query.get_status(StatementStatus::RePrepare))
    };
    assert_eq!(house.db.read(compiled_again).await.unwrap(), 0);
    let writing = house.db.write("test.compile", move |w| compiled_again(w));
    assert_eq!(writing.await.unwrap(), 0);
}

#[actix_web::test]
async fn what_is_read_together_is_of_one_moment() {
    let house = Scratch::new();
    house.db.write("test.record", record).await.unwrap();
    let (started, go) = (mpsc::channel::<()>(), mpsc::channel::<()>());
    let (starts, goes) = (started.0, go.1);
    let reading = house.db.read(move |r| {
        let before = journal::after(r, Seq(0))?.facts.len();
        starts.send(()).unwrap();
        goes.recv().unwrap();
        Ok((before, journal::after(r, Seq(0))?.facts.len()))
    });
    let writing = async {
        tokio::task::spawn_blocking(move || started.1.recv())
            .await
            .unwrap()
            .unwrap();
        house.db.write("test.record", record).await.unwrap();
        go.0.send(()).unwrap();
    };
    let (read, ()) = tokio::join!(reading, writing);
    assert_eq!(read.unwrap(), (1, 1));
    assert_eq!(facts(&house.db).await.len(), 2);
}

#[actix_web::test]
async fn a_failing_write_does_not_take_its_neighbours_along() {
    let house = Scratch::new();
    // All three wait behind one that holds the writer, and so share a flush.
    let (go, wait) = mpsc::channel::<()>();
    let mut blocked = pin!(house.db.write("test.block", move |_| {
        let _ = wait.recv();
        Ok(())
    }));
    assert!(blocked.as_mut().now_or_never().is_none());
    let mut good = pin!(house.db.write("test.good", record));
    let mut bad = pin!(house.db.write("test.bad", |w| {
        record(w)?;
        Err::<(), _>(Error::Conflict(|_| "on purpose".into()))
    }));
    let mut panics = pin!(house.db.write("test.panic", |w| -> Result<()> {
        record(w)?;
        panic!("on purpose")
    }));
    assert!(good.as_mut().now_or_never().is_none());
    assert!(bad.as_mut().now_or_never().is_none());
    assert!(panics.as_mut().now_or_never().is_none());
    go.send(()).unwrap();
    blocked.await.unwrap();
    good.await.unwrap();
    assert!(matches!(bad.await, Err(Error::Conflict(_))));
    assert!(matches!(panics.await, Err(Error::Internal { .. })));
    assert_eq!(facts(&house.db).await.len(), 1, "only the good one is kept");
}

#[actix_web::test]
async fn the_first_write_of_a_flush_is_undone_and_leaves_room_for_the_others() {
    let house = Scratch::new();
    let (go, wait) = mpsc::channel::<()>();
    let mut first = pin!(house.db.write("test.first", move |w| {
        record(w)?;
        let _ = wait.recv();
        Err::<(), _>(Error::Conflict(|_| "on purpose".into()))
    }));
    assert!(first.as_mut().now_or_never().is_none());
    let refuse = |w: &Writer<'_>| {
        record(w)?;
        Err::<(), _>(Error::Conflict(|_| "on purpose".into()))
    };
    let mut second = pin!(house.db.write("test.second", refuse));
    let mut good = pin!(house.db.write("test.good", record));
    let mut third = pin!(house.db.write("test.third", refuse));
    let mut better = pin!(house.db.write("test.better", record));
    for waiting in [second.as_mut(), third.as_mut()] {
        assert!(waiting.now_or_never().is_none());
    }
    assert!(good.as_mut().now_or_never().is_none());
    assert!(better.as_mut().now_or_never().is_none());
    go.send(()).unwrap();
    for refused in [first.await, second.await, third.await] {
        assert!(matches!(refused, Err(Error::Conflict(_))));
    }
    good.await.unwrap();
    better.await.unwrap();
    assert_eq!(
        facts(&house.db).await.len(),
        2,
        "only the good ones are kept"
    );
}

#[actix_web::test]
async fn what_waits_shares_one_flush() {
    let house = Scratch::new();
    let mut commits = house.db.commits();
    let (go, wait) = mpsc::channel::<()>();
    let mut blocked = Box::pin(house.db.write("test.block", move |w| {
        let _ = wait.recv();
        record(w)
    }));
    assert!(blocked.as_mut().now_or_never().is_none());
    let mut waiting: Vec<_> = (0..50)
        .map(|_| Box::pin(house.db.write("test.record", record)))
        .collect();
    for write in &mut waiting {
        assert!(write.as_mut().now_or_never().is_none());
    }
    commits.mark_unchanged();
    let before = *commits.borrow();
    go.send(()).unwrap();
    blocked.await.unwrap();
    for write in waiting {
        write.await.unwrap();
    }
    let flushes = *commits.borrow() - before;
    assert!(flushes <= 2, "51 writes took {flushes} flushes");
}

#[actix_web::test]
async fn a_dropped_request_that_committed_is_still_news() {
    let house = Scratch::new();
    let mut commits = house.db.commits();
    commits.mark_unchanged();
    let (finish, finished) = mpsc::channel::<()>();
    let write = house.db.write("test.slow", move |w| {
        let _ = finished.recv();
        record(w)
    });
    // The browser goes away while its write is still running.
    assert!(write.now_or_never().is_none());
    finish.send(()).unwrap();
    soon(commits.changed()).await.unwrap();
    assert_eq!(facts(&house.db).await.len(), 1);
}

#[actix_web::test]
async fn a_folder_belongs_to_one_process() {
    let house = Scratch::new();
    let refused = DataFolder::claim(house.path()).err().unwrap();
    assert!(refused.contains("in use"), "{refused}");
}

#[test]
fn a_damaged_file_is_refused_with_a_remedy() {
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::claim(home.path()).unwrap();
    let garbage = b"this is no database at all, whatever its name says".repeat(100);
    std::fs::write(folder.database(), garbage).unwrap();
    let refused = Db::open(&folder).err().unwrap().to_string();
    assert!(
        refused.contains("damaged") && refused.contains("restore"),
        "{refused}"
    );
}

#[actix_web::test]
async fn a_file_with_a_damaged_page_is_refused() {
    let house = Scratch::new();
    for _ in 0..200 {
        house.db.write("test.record", record).await.unwrap();
    }
    let copy = house.path().join("copy.db");
    house.copy_to(&copy);
    let mut bytes = std::fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3000].fill(0xee);
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::claim(home.path()).unwrap();
    std::fs::write(folder.database(), bytes).unwrap();
    let refused = Db::open(&folder).err().unwrap().to_string();
    assert!(refused.contains("damaged"), "{refused}");
}

async fn until_failed(plant: &Plant, failures: u64) -> Task {
    soon(async {
        loop {
            if let Some(task) = plant.tasks().pop().filter(|it| failures <= it.failures) {
                return task;
            }
            rt::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

#[actix_web::test]
async fn a_task_that_fails_or_panics_is_down_counted_and_started_again() {
    let plant = Plant::with_trial(Clock::stopped_at(NOW), Duration::from_millis(100));
    let starts = Rc::new(Cell::new(0));
    let counted = Rc::clone(&starts);
    plant.supervise("test", move || {
        counted.set(counted.get() + 1);
        let start = counted.get();
        async move {
            match start {
                1 => panic!("on purpose"),
                2 => Err(Error::internal("working", "no luck")),
                _ => std::future::pending().await,
            }
        }
    });
    let task = until_failed(&plant, 1).await;
    assert_eq!(task.cause.as_deref(), Some("panicked: on purpose"));
    assert_eq!(
        (task.state, task.failed_at, plant.down()),
        (State::Down, Some(NOW), vec!["test"])
    );
    let task = until_failed(&plant, 2).await;
    assert_eq!(task.cause.as_deref(), Some("working: no luck"));
    soon(async {
        while !plant.down().is_empty() {
            rt::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(starts.get(), 3);
    soon(plant.end()).await;
    assert_eq!(plant.tasks()[0].state, State::Ended);
}

#[actix_web::test]
async fn a_task_that_fails_again_and_again_is_not_at_work_in_between() {
    let plant = Plant::with_trial(Clock::stopped_at(NOW), Duration::from_millis(10));
    plant.supervise("test", || async {
        rt::time::sleep(Duration::from_millis(50)).await;
        Err(Error::internal("working", "no luck"))
    });
    until_failed(&plant, 1).await;
    soon(async {
        while plant.tasks()[0].failures < 4 {
            assert_eq!(plant.down(), ["test"]);
            assert_eq!(plant.tasks()[0].state, State::Down);
            rt::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    soon(plant.end()).await;
}

#[actix_web::test]
async fn a_thread_that_panics_is_started_again_and_is_awaited_at_the_end() {
    let plant = Plant::with_trial(Clock::stopped_at(NOW), Duration::from_millis(100));
    let (tell, told) = mpsc::channel();
    let mut starts = 0;
    let start = move || {
        starts += 1;
        let (start, tell) = (starts, tell.clone());
        async move {
            tell.send(start).unwrap();
            assert!(start != 1, "on purpose");
            std::future::pending().await
        }
    };
    plant.supervise_thread("test", start).unwrap();
    let second = tokio::task::spawn_blocking(move || {
        assert_eq!(told.recv().unwrap(), 1);
        (told.recv().unwrap(), told)
    });
    let (second, told) = soon(second).await.unwrap();
    assert_eq!((second, plant.tasks()[0].failures), (2, 1));
    soon(plant.end()).await;
    assert!(told.recv().is_err(), "what the thread held is gone");
}

#[actix_web::test]
async fn threads_of_one_name_are_one_task_which_is_down_while_one_of_them_is() {
    let plant = Plant::with_trial(Clock::stopped_at(NOW), Duration::from_millis(100));
    let (stay, stays) = mpsc::channel::<()>();
    let stays = std::sync::Arc::new(std::sync::Mutex::new(stays));
    for hand in 0..2 {
        let (stays, mut starts) = (stays.clone(), 0);
        let run = move |_: &_| {
            starts += 1;
            assert!(hand == 0 || 1 < starts, "on purpose");
            let _ = stays.lock().unwrap().recv();
            Ok(())
        };
        plant.keep_thread("test", run).unwrap();
    }
    let task = until_failed(&plant, 1).await;
    assert!(task.cause.unwrap().contains("on purpose"));
    soon(async {
        while !plant.down().is_empty() {
            rt::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(plant.tasks().len(), 1);
    // What others finish at the end may need it, so nobody waits for it.
    soon(plant.end()).await;
    assert_eq!(plant.tasks()[0].state, State::AtWork);
    drop(stay);
    soon(async {
        while plant.tasks()[0].state != State::Ended {
            rt::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[actix_web::test]
async fn writing_works_as_long_as_nothing_says_otherwise() {
    let house = Scratch::new();
    house.db.probe().await.unwrap();
    assert_eq!(*house.db.storage().borrow(), Storage::Writable);
}
