//! How often a password may be guessed. Only failures count, and they count
//! where they were made: by name and address together, so that a stranger who
//! guesses an owner's password from elsewhere does not keep the owner out. The
//! name alone and the address alone allow many more, against guessing from many
//! places and for the processor's sake. Whoever proved before who he is, by
//! signing in with this browser or by a link from his mailbox, is asked for none
//! of these: his browser has a count of its own. A new password begins afresh.
//!
//! Kept in memory: a restart forgives.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};
use crate::kernel::{AgentId, Timestamp, TokenHash};

/// So many failures at once, and one more after each step of milliseconds.
#[derive(Clone, Copy)]
struct Allowance {
    at_once: i64,
    step: i64,
}

const HERE: Allowance = Allowance::new(10, 90_000);
const NAME: Allowance = Allowance::new(60, 60_000);
const ADDRESS: Allowance = Allowance::new(300, 2_000);

/// Entries, of 16 bytes each. More than the processor can fail in an hour.
const MOST: usize = 1 << 18;

impl Allowance {
    const fn new(at_once: i64, step: i64) -> Self {
        Self { at_once, step }
    }

    fn full(self) -> i64 {
        self.at_once * self.step
    }
}

/// Somebody is about to say a password.
#[derive(Clone, Copy)]
pub enum Guess<'a> {
    /// At the door: for a name, from an address. `stored`: what it will be
    /// compared with.
    Stranger {
        name: &'a str,
        address: IpAddr,
        stored: Option<&'a str>,
    },
    /// At the door, with a browser in which this very agent signed in before.
    Known {
        agent: AgentId,
        browser: TokenHash,
        stored: Option<&'a str>,
    },
    /// Signed in, and asked once more.
    Inside { agent: AgentId },
}

/// A guess that counts as a failure until it is taken back.
#[must_use]
pub struct Counted(Vec<(u64, Allowance)>);

#[derive(Default)]
pub struct Guesses {
    state: RandomState,
    failures: Mutex<Failures>,
}

/// For each count, when it will be empty again: a failure moves that on by one
/// step (the generic cell rate algorithm, ITU-T I.371).
#[derive(Default)]
struct Failures {
    empty_at: HashMap<u64, Timestamp>,
    /// Entries at which those are looked for that are empty by now.
    sweep_at: usize,
}

impl Guesses {
    /// Counts a failure beforehand, so that a hundred guesses at once are a
    /// hundred; refuses where it is one too many, and then counts nothing.
    pub fn begin(&self, now: Timestamp, guess: Guess) -> Result<Counted> {
        let key = |what| self.state.hash_one(what);
        let counts = match guess {
            Guess::Stranger {
                name,
                address,
                stored,
            } => vec![
                (key((Some(name), Some(address), stored)), HERE),
                (key((Some(name), None, stored)), NAME),
                (key((None, Some(address), None)), ADDRESS),
            ],
            Guess::Known {
                agent,
                browser,
                stored,
            } => vec![(self.state.hash_one((agent.0, browser.0, stored)), HERE)],
            Guess::Inside { agent } => vec![(self.state.hash_one(agent.0), HERE)],
        };
        let mut failures = self.failures();
        failures.sweep(now);
        let mut wait = 0;
        for (key, allowed) in &counts {
            let next = failures.empty_at(*key, now, *allowed) + allowed.step;
            wait = wait.max(next - now - allowed.full());
        }
        if 0 < wait {
            return Err(Error::TooMany {
                retry_after: (wait as u64).div_ceil(1000),
            });
        }
        for (key, allowed) in &counts {
            let next = failures.empty_at(*key, now, *allowed) + allowed.step;
            failures.empty_at.insert(*key, next);
        }
        Ok(Counted(counts))
    }

    /// The password was right: this was no failure.
    pub fn take_back(&self, counted: Counted) {
        let mut failures = self.failures();
        for (key, allowed) in counted.0 {
            if let Some(at) = failures.empty_at.get_mut(&key) {
                *at -= allowed.step;
            }
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    /// Never later than a full count, though the clock was set back meanwhile.
    fn empty_at(&self, key: u64, now: Timestamp, allowed: Allowance) -> Timestamp {
        let noted = self.empty_at.get(&key).copied().unwrap_or(now);
        noted.clamp(now, now + allowed.full())
    }

    fn sweep(&mut self, now: Timestamp) {
        if self.empty_at.len() < self.sweep_at.max(1024) {
            return;
        }
        self.empty_at.retain(|_, at| now < *at);
        if MOST < self.empty_at.len() {
            self.empty_at.clear();
        }
        self.empty_at.shrink_to_fit();
        self.sweep_at = self.empty_at.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "ada@mugs.example";
    const MINUTE: i64 = 60_000;

    fn from(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    fn guess(name: &str, last: u8) -> Guess<'_> {
        Guess::Stranger {
            name,
            address: from(last),
            stored: Some("hash"),
        }
    }

    fn fails(guesses: &Guesses, now: i64, guess: Guess) -> bool {
        guesses.begin(now, guess).is_ok()
    }

    #[test]
    fn a_stranger_who_guesses_from_elsewhere_closes_nothing_but_his_own_door() {
        let guesses = Guesses::default();
        let taken = (0..20).filter(|_| fails(&guesses, 0, guess(OWNER, 1)));
        assert_eq!(taken.count(), 10);
        assert!(fails(&guesses, 0, guess(OWNER, 2)));
        assert!(fails(&guesses, 0, guess("bob@mugs.example", 1)));
        // One more after each step, no sooner.
        assert!(!fails(&guesses, MINUTE, guess(OWNER, 1)));
        assert!(fails(&guesses, 2 * MINUTE, guess(OWNER, 1)));
        assert!(!fails(&guesses, 2 * MINUTE, guess(OWNER, 1)));
    }

    #[test]
    fn guessing_from_many_places_becomes_slow_and_a_known_browser_passes() {
        let guesses = Guesses::default();
        let taken = (0..200).filter(|last| fails(&guesses, 0, guess(OWNER, *last)));
        assert_eq!(taken.count(), 60);
        let known = Guess::Known {
            agent: AgentId(1),
            browser: TokenHash([7; 32]),
            stored: Some("hash"),
        };
        let taken = (0..20).filter(|_| fails(&guesses, 0, known));
        assert_eq!(taken.count(), 10);
        let renewed = Guess::Stranger {
            name: OWNER,
            address: from(9),
            stored: Some("a new password's"),
        };
        assert!(fails(&guesses, 0, renewed));
    }

    #[test]
    fn what_was_right_is_not_counted() {
        let guesses = Guesses::default();
        for _ in 0..1000 {
            let counted = guesses.begin(0, guess(OWNER, 1)).ok();
            guesses.take_back(counted.unwrap());
        }
        let inside = Guess::Inside { agent: AgentId(1) };
        assert!(fails(&guesses, 0, inside));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let guesses = Guesses::default();
        for n in 0..5000 {
            let name = format!("{n}@mugs.example");
            let address = IpAddr::from([10, 0, (n / 256) as u8, (n % 256) as u8]);
            let guess = Guess::Stranger {
                name: &name,
                address,
                stored: None,
            };
            assert!(fails(&guesses, n * 10 * MINUTE, guess));
        }
        assert!(guesses.failures().empty_at.len() < 3000);
    }

    #[test]
    fn the_wait_is_told_in_seconds() {
        let guesses = Guesses::default();
        let refused = (0..11).map(|_| guesses.begin(0, guess(OWNER, 1))).last();
        assert!(matches!(
            refused,
            Some(Err(Error::TooMany { retry_after: 90 }))
        ));
    }
}
