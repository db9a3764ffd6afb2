//! What the hall finds of what somebody types: people, by their number or by what the
//! shop calls them, and the chats that he could come upon in his lists, by their last
//! words. Of each list only what stands near its top is looked at; no line but the last
//! is read.

mod rules;
mod sql;

use super::lists::{self, Entry, Filter, List};
use super::{State, find_by_key};
use crate::accounts::Viewer;
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::kernel::{ConversationKey, SiteId};
use crate::palette::Find;
use crate::sites;
use crate::texts::Lang;
use crate::visitors;
use crate::web::{Hit, Rank, Sought};

pub const PEOPLE: Find = Find {
    key: "people",
    label: Lang::conversation_found_people,
    ask: people,
};

pub const TALKS: Find = Find {
    key: "talks",
    label: Lang::conversation_found_talks,
    ask: talks,
};

/// Pages of each list that are looked through.
const DEEP: usize = 4;

/// Somebody, and the newest of his conversations.
struct Person {
    /// By which he was found; he may be another by now.
    number: i64,
    stays: i64,
    /// What the shop calls him.
    reference: Option<String>,
    conversation: ConversationKey,
    state: State,
    site_name: String,
}

fn people(r: &Reader, viewer: &Viewer, sought: &Sought) -> Result<Vec<Hit>> {
    let sites = sites::seen(r, &viewer.sight)?;
    let several = 1 < sites.len();
    let mut found = Vec::new();
    for site in &sites {
        found.extend(numbered(r, site.id, sought)?);
        let known = sql::list_called(r, site.id, &sought.whole, sought.most)?;
        let fits = |it: Person| Some((sought.rank(it.reference.as_deref()?)?, it));
        found.extend(known.into_iter().filter_map(fits));
    }
    let hit = |(rank, it): (Rank, Person)| Hit {
        detail: match it.reference {
            Some(reference) => reference,
            None if it.stays != it.number => visitors::name(it.number, sought.t),
            None => String::new(),
        },
        note: if several { it.site_name } else { String::new() },
        ..Hit::new(
            rank,
            visitors::name(it.stays, sought.t),
            address(&it.conversation, it.state),
        )
    };
    Ok(found.into_iter().map(hit).collect())
}

/// At one site.
fn numbered(r: &Reader, site: SiteId, sought: &Sought) -> Result<Vec<(Rank, Person)>> {
    let mut found = Vec::new();
    for (from, to) in sought.number().into_iter().flat_map(rules::beginning_with) {
        if sought.most <= found.len() {
            break;
        }
        let fits = |it: Person| {
            let rank = sought.rank(&visitors::name(it.number, sought.t))?;
            Some((rank, it))
        };
        let all = sql::list_numbered(r, site, from, to, sought.most)?;
        found.extend(all.into_iter().filter_map(fits));
    }
    Ok(found)
}

fn talks(r: &Reader, viewer: &Viewer, sought: &Sought) -> Result<Vec<Hit>> {
    let several = 1 < sites::seen(r, &viewer.sight)?.len();
    let mut hits = Vec::new();
    hits.extend(pasted(r, viewer, sought)?);
    for list in [
        List::Mine(viewer.id),
        List::Inbox(viewer.id),
        List::Resolved,
    ] {
        let filter = Filter::new(list, &viewer.sight);
        let mut after = None;
        for _ in 0..DEEP {
            let page = lists::page(r, viewer.id, &filter, after.as_deref())?;
            let fits = |it: &Entry| {
                let name = visitors::name(it.number, sought.t);
                let rank = sought.rank(&format!("{name} {}", it.last_text))?;
                Some(hit(it, rank.max(Rank::Word), several, sought.t))
            };
            hits.extend(page.entries.iter().filter_map(fits));
            match page.next {
                Some(next) => after = Some(next.mark),
                None => break,
            }
        }
    }
    Ok(hits)
}

/// The one whose address was typed, in whichever list it is.
fn pasted(r: &Reader, viewer: &Viewer, sought: &Sought) -> Result<Option<Hit>> {
    let Some(key) = rules::key_in(&sought.typed) else {
        return Ok(None);
    };
    match find_by_key(r, viewer.actor(), &ConversationKey(key.to_owned())) {
        Ok(found) => {
            let entry = lists::entry(r, found.id)?;
            Ok(entry.map(|it| hit(&it, Rank::Whole, false, sought.t)))
        }
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn hit(it: &Entry, rank: Rank, several: bool, t: Lang) -> Hit {
    Hit {
        detail: it.last_text.clone(),
        note: match (it.state, several) {
            (State::Resolved, _) => t.conversation_found_resolved().to_owned(),
            (State::Open, true) => it.site_name.clone(),
            (State::Open, false) => String::new(),
        },
        ..Hit::new(
            rank,
            visitors::name(it.number, t),
            address(&it.key, it.state),
        )
    }
}

/// Among the lists that it stands in: one reads on there.
fn address(key: &ConversationKey, state: State) -> String {
    let show = lists::show(state == State::Resolved);
    format!("/inbox/{key}{}", lists::question(&[show]))
}
