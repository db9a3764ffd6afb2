//! What a page that comes back is told. A chat's lines are what counts: ten agents
//! who read each line leave ten events behind it, of which only the newest says
//! anything.

use std::collections::{BTreeMap, HashMap};

use super::fact::Row;
use super::{BATCH, Fact};
use crate::error::Result;
use crate::events::{Event, Side};
use crate::kernel::{AgentId, Seq, Subject};

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
    /// Where the newest of each stands.
    newest: HashMap<(Subject, Passing), Seq>,
}

/// Something of which only the newest counts.
#[derive(PartialEq, Eq, Hash)]
enum Passing {
    /// What he has read.
    Reading(AgentId),
    Seeing(Side),
    /// What a line says.
    Line(Seq),
    Site,
    Agent,
}

impl Told {
    fn add(&mut self, fact: Fact) {
        if let Some(passing) = passing(&fact.event)
            && let Some(older) = self.newest.insert((fact.subject, passing), fact.seq)
        {
            self.facts.remove(&older);
        }
        self.facts.insert(fact.seq, fact);
    }
}

fn passing(event: &Event) -> Option<Passing> {
    match *event {
        Event::Read { agent, .. } => Some(Passing::Reading(agent)),
        Event::Seen { side, .. } => Some(Passing::Seeing(side)),
        Event::MessageChanged { message } => Some(Passing::Line(message)),
        Event::SiteChanged => Some(Passing::Site),
        Event::AgentChanged => Some(Passing::Agent),
        _ => None,
    }
}
