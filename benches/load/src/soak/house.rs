//! What everybody in the soak shares: whether the house is open, what was
//! acknowledged, which pages were open, and what went wrong.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::shop::Shop;

use super::screen::Screen;

/// Complaints kept in full; the rest is counted.
const TOLD: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between a kill and the next start.
    Closed,
    Open,
    /// Nobody writes any more; pages stay open until they show everything.
    Settling,
    Over,
}

/// Complaints of one kind.
#[derive(Default)]
pub struct Complaints {
    pub count: Cell<usize>,
    pub told: RefCell<Vec<String>>,
}

impl Complaints {
    pub fn add(&self, what: impl Display) {
        self.count.set(self.count.get() + 1);
        let mut told = self.told.borrow_mut();
        if told.len() < TOLD {
            told.push(what.to_string());
        }
    }
}

#[derive(Default)]
pub struct Counts {
    pub visitors_lines: Cell<usize>,
    pub agents_lines: Cell<usize>,
    pub sent_again: Cell<usize>,
    pub sockets: Cell<usize>,
    pub reloads: Cell<usize>,
    pub signed_in: Cell<usize>,
    pub turned_away: Cell<usize>,
    pub strange: Cell<usize>,
}

pub fn count(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

pub type Page = Rc<RefCell<Screen>>;

pub struct House {
    pub shop: Rc<Shop>,
    pub phase: watch::Sender<Phase>,
    /// Processes started so far.
    pub lives: Cell<usize>,
    /// Conversations' keys by visitor.
    pub keys: Vec<String>,
    /// Client ids of acknowledged lines, and whose conversation they went to.
    pub acknowledged: RefCell<HashMap<String, usize>>,
    /// Every page that was open at some time.
    pub pages: RefCell<Vec<Page>>,
    /// Pages that are open now, by their owner.
    pub open: RefCell<HashMap<String, Page>>,
    /// What an honest person was refused while the house was open.
    pub refused: Complaints,
    /// 5xx in answer to anything.
    pub broken: Complaints,
    /// Faults that the server told its log.
    pub logged: Complaints,
    pub counts: Counts,
}

impl House {
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub fn is_open(&self) -> bool {
        matches!(self.phase(), Phase::Open | Phase::Settling)
    }

    /// Waits for the house to be open; false once everything is over.
    pub async fn opens(&self) -> bool {
        let mut phase = self.phase.subscribe();
        let open = phase.wait_for(|it| *it != Phase::Closed).await;
        open.is_ok_and(|it| *it != Phase::Over)
    }

    /// The same for whoever writes.
    pub async fn may_write(&self) -> bool {
        let mut phase = self.phase.subscribe();
        let open = phase.wait_for(|it| *it != Phase::Closed).await;
        open.is_ok_and(|it| *it == Phase::Open)
    }

    /// Waits so long; shorter where the house closes or the writing ends.
    pub async fn pause(&self, time: Duration) {
        let mut phase = self.phase.subscribe();
        let until = Instant::now() + time;
        tokio::select! {
            () = sleep_until(until) => (),
            _ = phase.wait_for(|it| *it != Phase::Open) => (),
        }
    }

    /// A page that somebody opens instead of the one he had.
    pub fn show(&self, owner: &str, screen: Screen) -> Page {
        let page = Rc::new(RefCell::new(screen));
        self.pages.borrow_mut().push(Rc::clone(&page));
        self.open
            .borrow_mut()
            .insert(owner.to_owned(), Rc::clone(&page));
        page
    }

    pub fn acknowledge(&self, cid: &str, conversation: usize) {
        self.acknowledged
            .borrow_mut()
            .insert(cid.to_owned(), conversation);
    }

    /// An error counts only where nobody had closed the house.
    pub fn complain(&self, was_open: bool, what: impl Display) {
        if was_open && self.is_open() {
            self.refused.add(what);
        }
    }
}

/// Numbers that look accidental and are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % most.max(1)
    }

    /// Between the half of it and one and a half.
    pub fn about(&mut self, time: Duration) -> Duration {
        time / 2 + Duration::from_micros(self.below(time.as_micros() as u64))
    }
}
