//! Drawing, so that one thing that cannot be drawn costs itself only. "The
//! database was busy" is something else: that is tried again, never passed over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice::from_ref;

use super::batch::{Batch, Drawn, Listening, Live};
use crate::db::Reader;
use crate::error::Result;
use crate::journal::Fact;

/// News of these facts. An error means that the reading itself failed.
pub(super) fn draw(r: &Reader, live: &Live, facts: &[Fact], listening: Listening) -> Result<Drawn> {
    each_or_all(facts, |facts| Batch::new(live, listening).draw(r, facts))
}

/// All at once; after a panic one by one, without the one that panics.
fn each_or_all(facts: &[Fact], draw: impl Fn(&[Fact]) -> Result<Drawn>) -> Result<Drawn> {
    let guarded = |facts| catch_unwind(AssertUnwindSafe(|| draw(facts)));
    if let Ok(drawn) = guarded(facts) {
        return drawn;
    }
    let mut all = Drawn::default();
    for fact in facts {
        match guarded(from_ref(fact)) {
            Ok(drawn) => {
                let drawn = drawn?;
                all.news.extend(drawn.news);
                all.again.extend(drawn.again);
            }
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
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;
    use crate::db::scratch;
    use crate::error::Error;
    use crate::events::Event;
    use crate::hub::{Audience, Seat, Topic};
    use crate::kernel::{Actor, Base, Seq, Sight, Subject};
    use crate::live::{At, Draw};
    use crate::texts::Lang;

    const HERE: Topic = Topic::new("test", 1);

    fn facts() -> Vec<Fact> {
        let fact = |seq| Fact {
            seq: Seq(seq),
            at: 0,
            by: Actor::House,
            subject: Subject::House,
            event: Event::MessagePosted,
        };
        (1..=3).map(fact).collect()
    }

    fn at(seq: Seq, id: &str) -> At<'_> {
        let (list, key) = ("test", "");
        At { seq, list, id, key }
    }

    fn show(_: &Reader, fact: &Fact, batch: &mut Batch) -> Result<()> {
        batch.remove(Audience::of(HERE), at(fact.seq, ""));
        Ok(())
    }

    /// What a page gets to see of these facts, by their positions.
    fn drawn(draw: Draw) -> Result<Vec<i64>> {
        let live = Live::new(Base::default(), [draw], []);
        let page = Seat::new(HERE, &[], Some(Lang::En), Sight::ALL);
        let draw = |w: &crate::db::Writer| super::draw(w, &live, &facts(), Listening::Page(&page));
        let news = scratch(draw)?.news;
        Ok(news.iter().map(|it| it.seq.0).collect())
    }

    #[test]
    fn a_panic_while_drawing_costs_that_event_only() {
        let seqs = drawn(|r, fact, batch| {
            assert!(fact.seq != Seq(2), "on purpose");
            show(r, fact, batch)
        });
        assert_eq!(seqs.unwrap(), [1, 3]);
    }

    #[test]
    fn an_error_while_drawing_costs_that_event_only() {
        let seqs = drawn(|r, fact, batch| match fact.seq {
            Seq(2) => Err(Error::NotFound("test")),
            _ => show(r, fact, batch),
        });
        assert_eq!(seqs.unwrap(), [1, 3]);
    }

    #[test]
    fn a_busy_database_is_no_reason_to_pass_over_anything() {
        let busy = drawn(|_, _, _| Err(Error::Unavailable("busy".into())));
        assert!(matches!(busy, Err(Error::Unavailable(_))));
    }

    #[test]
    fn what_changes_with_each_of_many_events_is_drawn_and_read_once_and_as_the_newest() {
        static READ: AtomicUsize = AtomicUsize::new(0);
        let seqs = drawn(|_, fact, batch| {
            batch.memo(7, || Ok(READ.fetch_add(1, Relaxed)))?;
            batch.once("test.thing", 7, fact.seq, |_, id, seq, batch| {
                assert_eq!(batch.memo(id, || Ok(9_usize)).map(|it| *it).ok(), Some(0));
                batch.text(Audience::of(HERE), at(seq, "7"), id);
                Ok(())
            });
            Ok(())
        });
        assert_eq!((seqs.unwrap(), READ.load(Relaxed)), (vec![3], 1));
    }
}
