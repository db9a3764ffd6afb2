//! Decisions of the hall: values in, decision out.

use super::parts::Content;
use super::{Kind, Message, State};
use crate::error::{Error, Result, Say};
use crate::kernel::{Actor, Flaw, paragraph};

/// Characters in one message.
pub const LONGEST: usize = 8000;
/// Characters of the newest line that a list shows.
const PREVIEW: usize = 140;

/// What kind of line somebody's words become.
pub fn kind(by: Actor, note: bool) -> Result<Kind> {
    match (by, note) {
        (Actor::Visitor(_), false) => Ok(Kind::Visitor),
        (Actor::Agent(_), false) => Ok(Kind::Agent),
        (Actor::Agent(_), true) => Ok(Kind::Note),
        (Actor::Visitor(_), true) | (Actor::Bot(_) | Actor::Key(_) | Actor::House, _) => {
            Err(Error::Forbidden(|t| t.error_forbidden().into()))
        }
    }
}

/// A visitor who writes again wants an answer; so does an agent who answers a
/// resolved conversation. A note among agents changes nothing.
pub fn reopens(state: State, kind: Kind) -> bool {
    state == State::Resolved && matches!(kind, Kind::Visitor | Kind::Agent)
}

/// An agent answers only what he has joined, so that two do not talk across
/// each other by accident. Notes are free.
pub fn must_join_first(kind: Kind, takes_part: bool) -> bool {
    kind == Kind::Agent && !takes_part
}

pub fn clean_body(body: &str) -> Result<String> {
    paragraph(body, LONGEST).map_err(|flaw| {
        let say: Say = match flaw {
            Flaw::Empty => |t| t.error_message_empty().into(),
            Flaw::TooLong => |t| t.error_message_too_long(LONGEST as i64).into(),
            Flaw::Unreadable => |t| t.error_message_unreadable().into(),
        };
        Error::invalid("body", say)
    })
}

/// Whether a line is the same one again: under its id, by the same sender. Lines
/// of others are never handed out to whoever guesses their ids.
pub fn is_repeated(by: Actor, kind: Kind, content: &Content, earlier: &Message) -> bool {
    let agent = match by {
        Actor::Agent(agent) => Some(agent),
        Actor::Visitor(_) | Actor::Bot(_) | Actor::Key(_) | Actor::House => None,
    };
    let same = earlier.body == content.body && earlier.parts == content.parts;
    earlier.kind == kind && earlier.agent == agent && same
}

/// A sender's own id for a line: long enough not to meet another by chance. The
/// house's own have a colon (`change:57`), so nobody else can take them.
pub fn clean_cid(cid: &str) -> Result<()> {
    let good = (8..=64).contains(&cid.len())
        && cid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match good {
        true => Ok(()),
        false => Err(Error::Malformed(
            "cid: 8 to 64 letters, digits or hyphens".into(),
        )),
    }
}

/// The newest line as a list shows it.
pub fn preview(body: &str) -> String {
    let mut shown = String::with_capacity(body.len().min(PREVIEW * 2));
    let mut left = PREVIEW;
    for word in body.split_whitespace() {
        if !shown.is_empty() && left != 0 {
            shown.push(' ');
            left -= 1;
        }
        // Where the last word is cut, in bytes.
        match word.char_indices().nth(left) {
            Some((cut, _)) => {
                shown.push_str(&word[..cut]);
                break;
            }
            None => shown.push_str(word),
        }
        left -= word.chars().count();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{AgentId, VisitorId};

    #[test]
    fn a_visitor_writes_no_notes() {
        assert!(kind(Actor::Visitor(VisitorId(7)), true).is_err());
        assert!(kind(Actor::Agent(AgentId(1)), true).is_ok());
    }

    #[test]
    fn an_answer_needs_joining_a_note_does_not() {
        assert!(!must_join_first(Kind::Agent, true));
        assert!(must_join_first(Kind::Agent, false));
        assert!(!must_join_first(Kind::Note, false));
        assert!(!must_join_first(Kind::Visitor, false));
    }

    #[test]
    fn only_words_between_the_two_sides_reopen() {
        assert!(reopens(State::Resolved, Kind::Visitor));
        assert!(!reopens(State::Resolved, Kind::Note));
        assert!(!reopens(State::Open, Kind::Visitor));
    }

    #[test]
    fn a_preview_is_one_short_line() {
        assert_eq!(preview("a\n b"), "a b");
        assert_eq!(preview(&"é".repeat(500)).chars().count(), PREVIEW);
        // However the words fall, as if all were folded first and then cut.
        for length in 1..12 {
            let body = format!("{}\t\n{} ", "ü".repeat(length), "v ".repeat(length)).repeat(20);
            let folded = body.split_whitespace().collect::<Vec<_>>().join(" ");
            let cut: String = folded.chars().take(PREVIEW).collect();
            assert_eq!(preview(&body), cut);
        }
    }
}
