//! What a page that comes back is told. A chat's lines are what counts: ten agents
//! who read each line leave ten events behind it, of which only the newest says
//! anything.

use std::collections::{BTreeMap, HashMap};

use super::fact::Row;
use super::{BATCH, Fact};
use crate::error::Result;
use crate::events::Event;
use crate::kernel::Seq;

/// A reader that missed more than this reloads its page instead.
const TOLD: usize = 500;
/// Events read for one page that comes back, told or not.
const READ: usize = 20 * BATCH;

/// Everything after `from`, as `reading` gives it in batches of `BATCH`; `None`
/// where that is too much.
pub fn gather(
    mut from: Seq,
    reading: impl Fn(Seq) -> Result<Vec<Row>>,
) -> Result<Option<Vec<Fact>>> {
    let mut told = Told::default();
    let mut read = 0;
    loop {
        let rows = reading(from)?;
        let full = rows.len() == BATCH;
        read += rows.len();
        if let Some(last) = rows.last() {
            from = last.seq;
        }
        rows.into_iter()
            .filter_map(Row::read)
            .for_each(|it| told.add(it));
        if TOLD < told.facts.len() || READ < read {
            return Ok(None);
        }
        if !full {
            return Ok(Some(told.facts.into_values().collect()));
        }
    }
}

#[derive(Default)]
struct Told {
    facts: BTreeMap<Seq, Fact>,
    /// Where the newest of each reading stands.
    readings: HashMap<Event, Seq>,
}

impl Told {
    fn add(&mut self, fact: Fact) {
        if let Some(reading) = reading(&fact.event)
            && let Some(older) = self.readings.insert(reading, fact.seq)
        {
            self.facts.remove(&older);
        }
        self.facts.insert(fact.seq, fact);
    }
}

/// Whose reading it is, whatever he has read to; `None` where it is something else.
fn reading(event: &Event) -> Option<Event> {
    let mut reading = event.clone();
    match &mut reading {
        Event::Read { up_to, .. } | Event::Seen { up_to, .. } => *up_to = Seq(0),
        _ => return None,
    }
    Some(reading)
}
