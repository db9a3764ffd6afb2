//! The lists of conversations that an inbox shows: who waits longest first, then
//! what was touched last. Pages are cut by key, never by offset, so that a deep
//! one costs no more than the first.

mod asked;
mod filter;
mod pages;
mod sql;

use super::{Kind, State};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, ConversationKey, SiteId, Timestamp};
pub use asked::{Asked, On, question, read, show};
use filter::Span;
pub use filter::{Filter, Narrowing, Period, Responsible, site_facet};
pub use pages::ListsHead;
use sql::{Cut, Half, Reading};

/// Entries on one page of a list.
pub const PAGE: usize = 50;

/// More digits than a time in milliseconds has.
const LATEST: i64 = 9_999_999_999_999;

/// Before whatever was touched last.
const LAST: Cut = (i64::MAX, i64::MAX);

/// Beyond this it is only “many”.
const MOST_WAITING: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Open, and he takes no part in it: where every new one lands.
    Inbox(AgentId),
    /// Open, and he takes part in it.
    Mine(AgentId),
    Resolved,
}

/// A conversation as an entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: ConversationId,
    pub key: ConversationKey,
    pub site: SiteId,
    pub site_name: String,
    pub number: i64,
    pub state: State,
    pub assignee: Option<AgentId>,
    pub assignee_name: Option<String>,
    pub last_at: Timestamp,
    pub last_kind: Kind,
    pub last_text: String,
    pub visitor_lines: i64,
    pub waiting_since: Option<Timestamp>,
    pub waiting_before: Option<Timestamp>,
    /// The agents who take part: `3 7`.
    pub here: String,
    /// How many of the visitor's lines were read by whom: `3:15 7:12`. On a page
    /// by the one who looks at it; in news, which all get alike, by everybody.
    pub read: String,
}

impl Entry {
    /// How a list keeps order, as text: the greatest first.
    pub fn rank(&self) -> String {
        match self.waiting_since {
            Some(since) => format!("1{:013}", LATEST.saturating_sub(since)),
            None => format!("0{:013}", self.last_at),
        }
    }

    /// The same order over several sites.
    fn order(&self) -> (bool, i64, i64) {
        match self.waiting_since {
            Some(since) => (false, since, self.id.0),
            None => (true, -self.last_at, -self.id.0),
        }
    }

    /// Where a page ended: the next one begins after it.
    pub fn mark(&self) -> String {
        match self.waiting_since {
            Some(since) => format!("w-{since}-{}", self.id),
            None => format!("q-{}-{}", self.last_at, self.id),
        }
    }

    pub fn takes_part(&self, agent: AgentId) -> bool {
        self.here.split(' ').any(|it| it.parse() == Ok(agent.0))
    }

    /// The visitor's lines that this agent has not had on his screen.
    pub fn unread(&self, agent: AgentId) -> i64 {
        let mut marks = self.read.split(' ').filter_map(|it| it.split_once(':'));
        let own = marks.find(|(reader, _)| reader.parse() == Ok(agent.0));
        let read: i64 = own.and_then(|(_, n)| n.parse().ok()).unwrap_or_default();
        (self.visitor_lines - read).max(0)
    }
}

/// A page of a list, and where the next one begins, if there is one.
pub struct Page {
    pub entries: Vec<Entry>,
    pub next: Option<Next>,
}

pub struct Next {
    pub mark: String,
    /// Everything from here on stands on this page; what ranks lower does not.
    pub rank: String,
}

/// The entries after a mark. `viewer`: whose reading is told.
pub fn page(r: &Reader, viewer: AgentId, filter: &Filter<'_>, after: Option<&str>) -> Result<Page> {
    let after = after.and_then(parse_mark).unwrap_or(Mark::START);
    let wings = filter.kept(r)?;
    let sites = filter.sites(r)?;
    // His chats are in two orders; each gives as much as a page may need of it.
    let helps = match filter.list {
        List::Mine(_) => &[false, true][..],
        List::Inbox(_) | List::Resolved => &[false],
    };
    let sources = helps
        .iter()
        .flat_map(|it| sites.iter().map(move |site| (*it, *site)));
    let mut entries = Vec::new();
    for (helps, (site, span)) in sources {
        let all = Reading {
            viewer,
            list: filter.list,
            half: Half::Quiet,
            helps,
            agent: filter.agent,
            site,
            after: LAST,
            end: None,
            wings: &wings,
            limit: PAGE + 1,
        };
        entries.extend(of_site(r, &all, span, after)?);
    }
    entries.sort_by_key(Entry::order);
    let more = PAGE < entries.len();
    entries.truncate(PAGE);
    let next = entries.last().filter(|_| more).map(|last| Next {
        mark: last.mark(),
        rank: last.rank(),
    });
    Ok(Page { entries, next })
}

/// As many of one site as a page can hold, and one more where there is one.
fn of_site(r: &Reader, all: &Reading, span: Span, after: Mark) -> Result<Vec<Entry>> {
    // No id is as small: what the period begins or ends with is on the right side.
    let edge = |at| (at, i64::MIN);
    let mut entries = match (all.list, after) {
        (List::Resolved, _) | (_, Mark::Quiet(..)) => Vec::new(),
        (_, Mark::Waiting(at, id)) => {
            let waiting = Reading {
                half: Half::Waiting,
                after: span.from.map_or((at, id), |it| edge(it).max((at, id))),
                end: span.until,
                ..*all
            };
            sql::list_entries(r, &waiting)?
        }
    };
    let left = all.limit - entries.len();
    if left != 0 {
        let before: Cut = match after {
            Mark::Waiting(..) => LAST,
            Mark::Quiet(at, id) => (at, id),
        };
        let quiet = Reading {
            after: span.until.map_or(before, |it| edge(it).min(before)),
            end: span.from,
            limit: left,
            ..*all
        };
        entries.extend(sql::list_entries(r, &quiet)?);
    }
    Ok(entries)
}

/// One entry as everybody gets to see it.
pub fn entry(r: &Reader, id: ConversationId) -> Result<Option<Entry>> {
    sql::find_entry(r, id)
}

/// Open conversations of a site in which a visitor waits for a reply.
pub fn count_waiting(r: &Reader, site: SiteId) -> Result<i64> {
    sql::count_waiting(r, site, MOST_WAITING)
}

/// A place between two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// After who waits since then.
    Waiting(Timestamp, i64),
    /// After what was touched then.
    Quiet(Timestamp, i64),
}

impl Mark {
    const START: Self = Self::Waiting(i64::MIN, i64::MIN);
}

/// Whether a list goes on after this.
pub fn is_mark(text: &str) -> bool {
    parse_mark(text).is_some()
}

fn parse_mark(text: &str) -> Option<Mark> {
    let (kind, place) = text.split_once('-')?;
    let (at, id) = place.split_once('-')?;
    let (at, id) = (at.parse().ok()?, id.parse().ok()?);
    match kind {
        "w" => Some(Mark::Waiting(at, id)),
        "q" => Some(Mark::Quiet(at, id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_none_is_ignored() {
        assert_eq!(parse_mark("q-1700-4"), Some(Mark::Quiet(1700, 4)));
        assert_eq!(parse_mark("w-1700-4"), Some(Mark::Waiting(1700, 4)));
        for bad in ["", "x-y", "1700", "1700-4", "-", "q--", "z-1-1", "1;drop"] {
            assert_eq!(parse_mark(bad), None, "{bad}");
        }
    }

    fn entry(waiting_since: Option<Timestamp>, last_at: Timestamp) -> Entry {
        Entry {
            id: ConversationId(1),
            key: ConversationKey("c_1".into()),
            site: SiteId(1),
            site_name: "Mugs".into(),
            number: 1,
            state: State::Open,
            assignee: None,
            assignee_name: None,
            last_at,
            last_kind: Kind::Visitor,
            last_text: String::new(),
            visitor_lines: 5,
            waiting_since,
            waiting_before: None,
            here: String::new(),
            read: "3:2 33:5".into(),
        }
    }

    #[test]
    fn who_waits_longest_ranks_first_and_whoever_waits_before_who_does_not() {
        let long = entry(Some(1_000), 9_000).rank();
        let short = entry(Some(2_000), 9_999).rank();
        let (fresh, old) = (entry(None, 9_999).rank(), entry(None, 9_000).rank());
        assert!(long > short && short > fresh && fresh > old);
    }

    #[test]
    fn what_is_unread_is_told_by_agent() {
        let entry = entry(None, 0);
        let unread = |it| entry.unread(AgentId(it));
        assert_eq!((unread(3), unread(33), unread(4)), (3, 0, 5));
    }
}
