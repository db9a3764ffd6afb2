//! What the house does by itself when its time comes: once, and late rather than
//! never. A job that is left behind stands for the deed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::rt;
use actix_web::rt::task::JoinHandle;
use shopbell::db::{Db, Reader, Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::jobs::{self, Order};
use shopbell::kernel::Clock;
use shopbell::timers::{self, Kinds, Timer};

use crate::support::{NOW, Scratch, until};

const MINUTE: i64 = 60_000;

fn deeds(r: &Reader, of: &str) -> Result<usize> {
    let open = jobs::list_open(r)?;
    Ok(open.iter().filter(|it| it.about == of).count())
}

fn leave_a_deed(w: &Writer, now: i64, timer: &Timer) -> Result<()> {
    jobs::enqueue(w, now, "test.deed", &timer.key, &1).map(|_| ())
}

fn kinds(
    name: &'static str,
    deed: impl Fn(&Writer, i64, &Timer) -> Result<()> + Send + Sync + 'static,
) -> Arc<Kinds> {
    Arc::new(Kinds::from([(name, Arc::new(deed) as timers::Deed)]))
}

fn run(db: &Db, clock: &Clock, kinds: Arc<Kinds>) -> JoinHandle<Result<()>> {
    rt::spawn(timers::run(db.clone(), clock.clone(), kinds))
}

async fn set(db: &Db, key: &'static str, due_at: i64) {
    let set = move |w: &Writer| timers::set(w, "test.wake", key, due_at, &1);
    db.write("test.set", set).await.unwrap();
}

async fn until_done(db: &Db, key: &'static str) {
    until(db, move |r| Ok((deeds(r, key)? != 0).then_some(()))).await;
}

async fn done(db: &Db, key: &'static str) -> usize {
    db.read(move |r| deeds(r, key)).await.unwrap()
}

#[actix_web::test]
async fn a_timer_rings_when_its_time_has_come_and_is_gone_with_the_deed() {
    let (house, clock) = (Scratch::new(), Clock::stopped_at(NOW));
    let running = run(&house.db, &clock, kinds("test.wake", leave_a_deed));
    set(&house.db, "late", NOW + MINUTE).await;
    set(&house.db, "due", NOW).await;
    until_done(&house.db, "due").await;
    assert_eq!(done(&house.db, "late").await, 0);
    clock.advance(MINUTE);
    // Whatever changes makes it look again.
    set(&house.db, "other", NOW).await;
    until_done(&house.db, "late").await;
    until_done(&house.db, "other").await;
    let left = |r: &Reader| timers::find(r, "test.wake", "late");
    assert_eq!(house.db.read(left).await.unwrap(), None);
    assert_eq!(done(&house.db, "late").await, 1);
    running.abort();
}

#[actix_web::test]
async fn what_fell_due_while_the_program_was_down_rings_at_the_start() {
    let (house, clock) = (Scratch::new(), Clock::stopped_at(NOW));
    set(&house.db, "due", NOW + MINUTE).await;
    clock.advance(2 * MINUTE);
    let running = run(&house.db, &clock, kinds("test.wake", leave_a_deed));
    until_done(&house.db, "due").await;
    running.abort();
}

#[actix_web::test]
async fn a_deed_that_fails_leaves_nothing_of_itself_and_is_done_later() {
    let (house, clock) = (Scratch::new(), Clock::stopped_at(NOW));
    let broken = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&broken);
    let deed = move |w: &Writer, now: i64, timer: &Timer| {
        leave_a_deed(w, now, timer)?;
        match state.load(Ordering::Relaxed) {
            true => Err(Error::internal("waking", "not today")),
            false => Ok(()),
        }
    };
    let running = run(&house.db, &clock, kinds("test.wake", deed));
    set(&house.db, "hard", NOW).await;
    let trouble = until(&house.db, |r| Ok(timers::list_troubled(r)?.pop())).await;
    assert_eq!((trouble.key.as_str(), trouble.attempts), ("hard", 1));
    assert!(trouble.last_error.unwrap().contains("not today"));
    assert!(NOW < trouble.due_at);
    assert_eq!(done(&house.db, "hard").await, 0, "half a deed stayed");
    broken.store(false, Ordering::Relaxed);
    clock.advance(MINUTE);
    set(&house.db, "easy", NOW).await;
    until_done(&house.db, "hard").await;
    assert_eq!(done(&house.db, "hard").await, 1);
    running.abort();
}

#[actix_web::test]
async fn one_deed_that_panics_holds_up_no_other() {
    let (house, clock) = (Scratch::new(), Clock::stopped_at(NOW));
    let deed = |w: &Writer, now: i64, timer: &Timer| {
        assert!(timer.key != "boom", "on purpose");
        leave_a_deed(w, now, timer)
    };
    set(&house.db, "boom", NOW).await;
    set(&house.db, "fine", NOW + 1).await;
    clock.advance(MINUTE);
    let running = run(&house.db, &clock, kinds("test.wake", deed));
    until_done(&house.db, "fine").await;
    let trouble = until(&house.db, |r| Ok(timers::list_troubled(r)?.pop())).await;
    assert_eq!(trouble.key, "boom");
    running.abort();
}

#[test]
fn a_timer_is_one_a_key_and_the_last_word_counts() {
    let left = scratch(|w| {
        timers::set(w, "test.wake", "7", NOW + MINUTE, &"first")?;
        timers::set(w, "test.wake", "7", NOW + 2 * MINUTE, &"last")?;
        timers::set(w, "test.sleep", "7", NOW, &"another kind")?;
        let found = timers::find(w, "test.wake", "7")?;
        assert!(timers::clear(w, "test.wake", "7")?);
        assert!(!timers::clear(w, "test.wake", "7")?);
        assert!(timers::find(w, "test.sleep", "7")?.is_some());
        Ok(found)
    });
    let left = left.unwrap().unwrap();
    assert_eq!(
        (left.due_at, left.data.as_str()),
        (NOW + 2 * MINUTE, "\"last\"")
    );
}

#[test]
fn work_ordered_under_a_key_takes_the_place_of_what_was_ordered_before_and_can_be_taken_back() {
    let order = |due_at| Order {
        kind: "test.letter",
        about: "ada",
        key: Some("ada"),
        due_at,
    };
    let (put_off, taken_back) = scratch(|w| {
        jobs::enqueue(w, NOW, "test.letter", "bob", &1)?;
        jobs::enqueue_order(w, NOW, order(NOW), &1)?;
        jobs::enqueue_order(w, NOW, order(NOW + MINUTE), &2)?;
        let put_off = jobs::list_open(w)?;
        assert!(jobs::cancel(w, "test.letter", "ada")?);
        assert!(!jobs::cancel(w, "test.letter", "ada")?);
        Ok((put_off, jobs::list_open(w)?))
    })
    .unwrap();
    let told: Vec<_> = put_off
        .iter()
        .map(|it| (it.about.as_str(), it.due_at, it.payload.as_str()))
        .collect();
    assert_eq!(told, [("bob", NOW, "1"), ("ada", NOW + MINUTE, "2")]);
    assert_eq!(taken_back.len(), 1);
    assert_eq!(taken_back[0].about, "bob");
}
