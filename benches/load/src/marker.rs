//! Every message carries a mark: which turn, who sent it, and when. Whoever
//! receives anything looks for marks in the raw bytes, so that one receiver
//! fits every protocol, and lines left over from an earlier turn do not count.
//!
//! A mark is letters and digits only and stands first in the body: it survives
//! escaping in HTML and JSON, and a preview that shows the first 60 characters.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use memchr::memmem::Finder;

const WORDS: &str = " Hello, I ordered two mugs last Monday and the parcel page still says nothing new. Could you look where they are?";
const TURN: usize = 8;
const SENDER: usize = 6;
const TIME: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub sender: usize,
    pub sent: u64,
}

/// The marks of one turn, and its clock.
pub struct Marker {
    turn: String,
    finder: Finder<'static>,
    begun: Instant,
}

impl Marker {
    pub fn new() -> Self {
        static TURNS: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let turn = TURNS.fetch_add(1, Ordering::Relaxed);
        // The time tells runs apart on a store that outlived one.
        let turn = (since.as_secs() as u32) << 8 | (turn & 0xff);
        let turn = format!("mark{turn:0TURN$x}");
        let finder = Finder::new(&turn).into_owned();
        Self {
            turn,
            finder,
            begun: Instant::now(),
        }
    }

    /// What all bodies of this turn begin with.
    pub fn turn(&self) -> &str {
        &self.turn
    }

    /// Nanoseconds since this turn began.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    pub fn at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.begun);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    pub fn body(&self, sender: usize, sent: u64) -> String {
        format!("{}{sender:0SENDER$x}{sent:0TIME$x}{WORDS}", self.turn)
    }

    pub fn find(&self, frame: &[u8], mut each: impl FnMut(Mark)) {
        for at in self.finder.find_iter(frame) {
            let from = at + self.turn.len();
            let number = |from: usize, length: usize| {
                let digits = frame.get(from..from + length)?;
                u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
            };
            let (sender, sent) = (number(from, SENDER), number(from + SENDER, TIME));
            if let (Some(sender), Some(sent)) = (sender, sent) {
                each(Mark {
                    sender: sender as usize,
                    sent,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_html_inside_json_and_only_by_its_own_turn() {
        let (ours, theirs) = (Marker::new(), Marker::new());
        let body = ours.body(4711, 123_456_789);
        let frame = format!(r#"{{"op":"put","html":"<li><p class=\"last\">{body}</p></li>"}}"#);
        let mut found = Vec::new();
        ours.find(frame.as_bytes(), |mark| found.push(mark));
        assert_eq!(
            found,
            [Mark {
                sender: 4711,
                sent: 123_456_789
            }]
        );
        theirs.find(frame.as_bytes(), |mark| panic!("{mark:?}"));
    }

    #[test]
    fn a_preview_of_sixty_characters_still_holds_the_mark() {
        let marker = Marker::new();
        let body = marker.body(1, u64::MAX);
        let mut found = 0;
        marker.find(&body.as_bytes()[..60], |_| found += 1);
        assert_eq!(found, 1);
    }
}
