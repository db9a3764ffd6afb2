//! From a row to a fact. A row may have been written by a newer version, which
//! knows events that this one does not.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::Fact;
use crate::kernel::{Actor, Seq, Subject, Timestamp, clip};

/// Unknown events said by name in one life of the program.
const SAID: usize = 32;

/// A recorded event as it was written down.
pub struct Row {
    pub seq: Seq,
    pub at: Timestamp,
    /// `None` where only a newer version knows such ones, and so below.
    pub by: Option<Actor>,
    pub subject: Option<Subject>,
    pub fact: String,
}

#[derive(Deserialize)]
struct Named {
    event: String,
}

impl Row {
    /// `None` where this version does not know the event.
    pub fn read(self) -> Option<Fact> {
        let (by, subject) = match (self.by, self.subject) {
            (Some(by), Some(subject)) => (by, subject),
            (None, _) => return self.pass_over("nobody knows who did it"),
            (_, None) => return self.pass_over("nobody knows what it is about"),
        };
        match serde_json::from_str(&self.fact) {
            Ok(event) => Some(Fact {
                seq: self.seq,
                at: self.at,
                by,
                subject,
                event,
            }),
            Err(cause) => self.pass_over(cause),
        }
    }

    fn pass_over(&self, cause: impl Display) -> Option<Fact> {
        let name = serde_json::from_str::<Named>(&self.fact);
        let name = name.map_or_else(|_| "?".to_owned(), |it| clip(&it.event, 64));
        if is_news(&name) {
            tracing::warn!(
                seq = self.seq.0,
                "this version does not know the event `{name}` (first met at position {}), and passes over it: {cause}",
                self.seq
            );
        }
        None
    }
}

/// Said once for the whole process, however many screens and followers come by:
/// a shop that went back to an older version would otherwise fill its log.
fn is_news(name: &str) -> bool {
    static NAMES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut said = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    said.len() < SAID && said.insert(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_event_is_said_once() {
        assert!(is_news("test_tagged"));
        assert!(!is_news("test_tagged"));
    }

    #[test]
    fn what_a_newer_version_wrote_is_passed_over() {
        let row = |fact: &str| Row {
            seq: Seq(1),
            at: 0,
            by: Some(Actor::House),
            subject: Some(Subject::House),
            fact: fact.to_owned(),
        };
        let known = r#"{"event":"message_posted","conversation":7}"#;
        assert!(row(known).read().is_some());
        let (mut by, mut about) = (row(known), row(known));
        (by.by, about.subject) = (None, None);
        assert!(by.read().is_none() && about.read().is_none());
        for unknown in [
            r#"{"event":"conversation_tagged","conversation":7}"#,
            r#"{"event":"seen","side":"visitor","up_to":"seven"}"#,
            "{}",
            "torn",
        ] {
            assert!(row(unknown).read().is_none(), "{unknown}");
        }
    }
}
