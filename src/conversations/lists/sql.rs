use rusqlite::{OptionalExtension, Row, params, params_from_iter};

use super::filter::VALUE;
use super::{Entry, List, Responsible};
use crate::conversations::sql::{read_last_kind, read_state};
use crate::db::{Columns, Reader};
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, ConversationKey, SiteId, Timestamp};

const COLUMNS: &str = "select c.id, c.key, c.site, t.name as site_name, v.number, c.state,
    c.assignee, a.name as assignee_name, c.last_at, c.last_kind, c.last_text, c.visitor_lines,
    c.waiting_since, c.waiting_before, coalesce((select group_concat(agent, ' ')
        from conversation_participants where conversation = c.id), '') as here";

/// Who and where, by names that other rooms keep: read along, never written.
const PEOPLE: &str = "join visitors v on v.id = c.visitor
    join sites t on t.id = c.site
    left join agents a on a.id = c.assignee";

/// A time and an id.
pub type Cut = (Timestamp, i64);

/// Each list has two: who waits stands before whoever does not. Of what is
/// resolved nobody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Waiting,
    Quiet,
}

/// Some entries of one site, in the order of their list.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    pub viewer: AgentId,
    pub list: List,
    pub half: Half,
    /// Of his chats those in which he helps; else those that he is responsible for.
    pub helps: bool,
    pub agent: Option<Responsible>,
    pub site: SiteId,
    pub after: Cut,
    /// The other end of a period.
    pub end: Option<Timestamp>,
    pub wings: &'a [Kept],
    pub limit: usize,
}

/// What a wing says of conversations, and the value that is wanted.
pub struct Kept {
    pub sql: &'static str,
    pub value: i64,
    /// It applies to few, so these are looked up. Else it is asked of each entry.
    pub rare: bool,
}

/// In the order of a helper's own list, whatever the planner thinks.
const HELPS_WAITING: &str = "conversation_participants h
    indexed by conversation_participants_waiting cross join conversations c
    on c.id = h.conversation and h.agent = ?2 and h.site = ?3";

const HELPS_QUIET: &str = "conversation_participants h
    indexed by conversation_participants_quiet cross join conversations c
    on c.id = h.conversation and h.agent = ?2 and h.site = ?3";

/// A few that a wing names, each looked up among what he helps in.
const HELPS_FEW: &str = "conversations c not indexed cross join conversation_participants h
    indexed by sqlite_autoindex_conversation_participants_1
    on h.conversation = c.id and h.agent = ?2";

const NEXT_HELPS_WAITING: &str = "and (h.waiting_since, h.conversation) > (?4, ?5)
    order by h.waiting_since, h.conversation limit ?6";

const NEXT_HELPS_QUIET: &str = "and (h.quiet_since, h.conversation) < (?4, ?5)
    order by h.quiet_since desc, h.conversation desc limit ?6";

const NEXT_WAITING: &str = "and (c.waiting_since, c.id) > (?4, ?5)
    order by c.waiting_since, c.id limit ?6";

const NEXT_QUIET: &str = "and (c.last_at, c.id) < (?4, ?5)
    order by c.last_at desc, c.id desc limit ?6";

/// One statement for each list, and for each way to narrow it.
pub fn list_entries(r: &Reader, of: &Reading) -> Result<Vec<Entry>> {
    let (list, (at, id)) = (listed(of), of.after);
    let me = match of.list {
        List::Inbox(agent) | List::Mine(agent) => Some(agent.0),
        List::Resolved => None,
    };
    let limit = Some(of.limit as i64);
    let mut values = vec![
        Some(of.viewer.0),
        me,
        Some(of.site.0),
        Some(at),
        Some(id),
        limit,
    ];
    let (with, narrowed) = narrowed(of, &mut values);
    let next = match (of.half, of.helps) {
        (Half::Waiting, false) => NEXT_WAITING,
        (Half::Quiet, false) => NEXT_QUIET,
        (Half::Waiting, true) => NEXT_HELPS_WAITING,
        (Half::Quiet, true) => NEXT_HELPS_QUIET,
    };
    let from = source(of);
    let mut query = r.prepare_cached(&format!(
        "{with}{COLUMNS}, coalesce(s.agent || ':' || s.visitor_lines, '') as read
         from {from}
         {PEOPLE}
         left join conversation_seen s on s.conversation = c.id and s.agent = ?1
         where c.site = ?3 and {list}{narrowed} {next}"
    ))?;
    let rows = query.query_map(params_from_iter(values), read_entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What makes it an entry of this list.
fn listed(of: &Reading) -> &'static str {
    match (of.list, of.half, of.helps) {
        (List::Inbox(_), Half::Waiting, _) => {
            "c.waiting_since is not null and c.assignee is not ?2"
        }
        (List::Inbox(_), Half::Quiet, _) => {
            "c.state = 'open' and c.waiting_since is null and c.assignee is not ?2"
        }
        (List::Mine(_), Half::Waiting, false) => "c.waiting_since is not null and c.assignee = ?2",
        (List::Mine(_), Half::Quiet, false) => {
            "c.state = 'open' and c.waiting_since is null and c.assignee = ?2"
        }
        (List::Mine(_), Half::Waiting, true) => "h.waiting_since is not null",
        (List::Mine(_), Half::Quiet, true) => "h.quiet_since is not null",
        (List::Resolved, ..) => "c.state = 'resolved'",
    }
}

/// The index that is read in order, named because each list has its own and the
/// planner knows no numbers; or none, where a wing names a few to be looked up.
fn source(of: &Reading) -> &'static str {
    let few = of.wings.iter().any(|it| it.rare);
    match (of.half, of.helps, few) {
        (_, true, true) => return HELPS_FEW,
        (Half::Waiting, true, false) => return HELPS_WAITING,
        (Half::Quiet, true, false) => return HELPS_QUIET,
        (_, false, true) => return "conversations c not indexed",
        (_, false, false) => (),
    }
    let owned = of.agent.is_some() || matches!(of.list, List::Mine(_));
    match (of.list, of.half, owned) {
        (List::Resolved, _, false) => "conversations c indexed by conversations_resolved",
        (List::Resolved, _, true) => {
            "conversations c indexed by conversations_resolved_by_assignee"
        }
        (_, Half::Waiting, false) => "conversations c indexed by conversations_waiting",
        (_, Half::Waiting, true) => "conversations c indexed by conversations_waiting_by_assignee",
        (_, Half::Quiet, false) => "conversations c indexed by conversations_quiet",
        (_, Half::Quiet, true) => "conversations c indexed by conversations_quiet_by_assignee",
    }
}

/// What else has to hold: what stands before the statement, and what at its end.
///
/// Two of these are asked of each row, whatever it takes to fill a page: whether he
/// helps in what would be in his Inbox, and who is responsible for what he helps in.
/// Both walk at most what he helps in and is open: 18 ms where that is ten thousand.
fn narrowed(of: &Reading, values: &mut Vec<Option<i64>>) -> (String, String) {
    let mut bind = |value: i64| {
        values.push(Some(value));
        format!("?{}", values.len())
    };
    let (mut with, mut more) = (String::new(), String::new());
    if let List::Inbox(_) = of.list {
        more += " and not exists (select 1 from conversation_participants
             where conversation = c.id and agent = ?2)";
    }
    match of.agent {
        Some(Responsible::Agent(agent)) => {
            more += &format!(" and c.assignee = {}", bind(agent.0));
        }
        Some(Responsible::Nobody) => more += " and c.assignee is null",
        None => (),
    }
    // Where the walk ends, by the column it is in the order of.
    more += &match (of.half, of.helps, of.end) {
        (_, _, None) => String::new(),
        (Half::Waiting, false, Some(end)) => format!(" and c.waiting_since < {}", bind(end)),
        (Half::Waiting, true, Some(end)) => format!(" and h.waiting_since < {}", bind(end)),
        (Half::Quiet, false, Some(end)) => format!(" and c.last_at >= {}", bind(end)),
        (Half::Quiet, true, Some(end)) => format!(" and h.quiet_since >= {}", bind(end)),
    };
    for (n, wing) in of.wings.iter().enumerate() {
        with += if n == 0 { "with " } else { ", " };
        let sql = wing.sql.replace(VALUE, &bind(wing.value));
        with += &format!("w{n}(id) as ({sql})");
        more += &match wing.rare {
            true => format!(" and c.id in (select id from w{n})"),
            false => format!(" and exists (select 1 from w{n} where w{n}.id = c.id)"),
        };
    }
    (with, more)
}

/// How many conversations a wing's value applies to; counts no further than `most`.
pub fn count_kept(r: &Reader, sql: &str, value: i64, most: usize) -> Result<usize> {
    let sql = sql.replace(VALUE, "?1");
    let mut query = r.prepare_cached(&format!(
        "select count(*) from (select 1 from ({sql}) limit ?2)"
    ))?;
    let count: i64 = query.query_row(params![value, most as i64], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(most))
}

pub fn find_entry(r: &Reader, id: ConversationId) -> Result<Option<Entry>> {
    let mut query = r.prepare_cached(&format!(
        "{COLUMNS}, coalesce((select group_concat(agent || ':' || visitor_lines, ' ')
             from conversation_seen where conversation = c.id), '') as read
         from conversations c {PEOPLE} where c.id = ?1"
    ))?;
    Ok(query.query_row(params![id.0], read_entry).optional()?)
}

/// Counts no further than `most`: every page asks.
pub fn count_waiting(r: &Reader, site: SiteId, most: usize) -> Result<i64> {
    let mut query = r.prepare_cached(
        "select count(*) from (
             select 1 from conversations indexed by conversations_waiting
             where site = ?1 and waiting_since is not null limit ?2)",
    )?;
    Ok(query.query_row(params![site.0, most as i64], |row| row.get(0))?)
}

fn read_entry(row: &Row) -> rusqlite::Result<Entry> {
    let mut columns = Columns::of(row);
    Ok(Entry {
        id: ConversationId(columns.take("id")?),
        key: ConversationKey(columns.take("key")?),
        site: SiteId(columns.take("site")?),
        site_name: columns.take("site_name")?,
        number: columns.take("number")?,
        state: read_state(&mut columns)?,
        assignee: columns.take::<Option<i64>>("assignee")?.map(AgentId),
        assignee_name: columns.take("assignee_name")?,
        last_at: columns.take("last_at")?,
        last_kind: read_last_kind(&mut columns)?,
        last_text: columns.take("last_text")?,
        visitor_lines: columns.take("visitor_lines")?,
        waiting_since: columns.take("waiting_since")?,
        waiting_before: columns.take("waiting_before")?,
        here: columns.take("here")?,
        read: columns.take("read")?,
    })
}
