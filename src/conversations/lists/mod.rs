//! The lists of conversations that an inbox shows. Pages are cut by key, never
//! by offset, so that a deep one costs no more than the first.

mod sql;

use super::{Kind, State};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, ConversationKey, Timestamp};

/// Entries on one page of a list.
pub const PAGE: usize = 50;

/// Beyond this it is only “many”.
const MOST_WAITING: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Open, and not this agent's own: where every new one lands.
    Inbox(AgentId),
    /// Open, and his.
    Mine(AgentId),
    Resolved,
}

/// A conversation as an entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: ConversationId,
    pub key: ConversationKey,
    pub number: i64,
    pub state: State,
    pub assignee: Option<AgentId>,
    pub assignee_name: Option<String>,
    pub last_at: Timestamp,
    pub last_kind: Kind,
    pub last_text: String,
    pub unread: i64,
}

impl Entry {
    /// Where a page ended: the next one begins after it.
    pub fn mark(&self) -> String {
        format!("{}-{}", self.last_at, self.id)
    }
}

/// The newest entries before a mark, and the mark of the next page.
pub fn page(r: &Reader, list: List, before: Option<&str>) -> Result<(Vec<Entry>, Option<String>)> {
    let before = before.and_then(parse_mark);
    let mut found = match list {
        List::Inbox(agent) => sql::list_inbox(r, agent, before, PAGE + 1)?,
        List::Mine(agent) => sql::list_mine(r, agent, before, PAGE + 1)?,
        List::Resolved => sql::list_resolved(r, before, PAGE + 1)?,
    };
    let more = PAGE < found.len();
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(Entry::mark);
    Ok((found, next))
}

pub fn entry(r: &Reader, id: ConversationId) -> Result<Option<Entry>> {
    sql::find_entry(r, id)
}

/// Open conversations in which a visitor waits to be read.
pub fn count_waiting(r: &Reader) -> Result<i64> {
    sql::count_waiting(r, MOST_WAITING)
}

fn parse_mark(text: &str) -> Option<(Timestamp, i64)> {
    let (at, id) = text.split_once('-')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_none_is_ignored() {
        assert_eq!(parse_mark("1700-4"), Some((1700, 4)));
        for bad in ["", "x-y", "1700", "-", "1;drop"] {
            assert_eq!(parse_mark(bad), None, "{bad}");
        }
    }
}
