//! Drawing, so that one thing that cannot be drawn costs itself only. "The
//! database was busy" is something else: that is tried again, never passed over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice::from_ref;

use super::news::{self, Answerer};
use crate::conversations::Windows;
use crate::db::Reader;
use crate::error::Result;
use crate::hub::News;
use crate::journal::Fact;
use crate::kernel::{Base, ConversationId};
use crate::texts::Lang;

/// News of these facts. An error means that the reading itself failed.
pub fn draw(
    r: &Reader,
    base: &Base,
    windows: &Windows,
    facts: &[Fact],
    languages: &[Lang],
    viewed: impl Fn(ConversationId) -> bool,
) -> Result<Vec<News>> {
    each_or_all(facts, |facts| {
        news::of(r, base, windows, facts, languages, &viewed)
    })
}

/// Who answers now, where somebody has joined. An error means the same.
pub fn answerers(r: &Reader, facts: &[Fact]) -> Result<Vec<Answerer>> {
    each_or_all(facts, |facts| news::answerers(r, facts))
}

/// All at once; after a panic one by one, without the one that panics.
fn each_or_all<T>(facts: &[Fact], draw: impl Fn(&[Fact]) -> Result<Vec<T>>) -> Result<Vec<T>> {
    let guarded = |facts| catch_unwind(AssertUnwindSafe(|| draw(facts)));
    if let Ok(drawn) = guarded(facts) {
        return drawn;
    }
    let mut all = Vec::new();
    for fact in facts {
        match guarded(from_ref(fact)) {
            Ok(drawn) => all.extend(drawn?),
            Err(_) => tracing::error!(
                seq = fact.seq.0,
                "drawing event {} panicked: it is passed over",
                fact.seq
            ),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::events::Event;
    use crate::hub::Audience;
    use crate::kernel::{Actor, Seq};

    fn facts() -> Vec<Fact> {
        let fact = |seq| Fact {
            seq: Seq(seq),
            at: 0,
            by: Actor::House,
            subject: ConversationId(1).into(),
            event: Event::MessagePosted,
        };
        (1..=3).map(fact).collect()
    }

    fn news(facts: &[Fact]) -> Vec<News> {
        let one = |it: &Fact| News {
            audience: Audience::Agents,
            seq: it.seq,
            text: String::new(),
        };
        facts.iter().map(one).collect()
    }

    #[test]
    fn a_panic_while_drawing_costs_that_event_only() {
        let drawn = each_or_all(&facts(), |facts| {
            assert!(facts.iter().all(|it| it.seq != Seq(2)), "on purpose");
            Ok(news(facts))
        });
        let seqs: Vec<i64> = drawn.unwrap().iter().map(|it| it.seq.0).collect();
        assert_eq!(seqs, [1, 3]);
    }

    #[test]
    fn a_busy_database_is_no_reason_to_pass_over_anything() {
        let busy = each_or_all::<News>(&facts(), |_| Err(Error::Unavailable("busy".into())));
        assert!(matches!(busy, Err(Error::Unavailable(_))));
    }
}
