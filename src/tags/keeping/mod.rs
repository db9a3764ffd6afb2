//! The tags of the house: how many there are, what they are called, which were put
//! away, and which became one. Nothing that is done here loses what was given, so
//! that everything can be taken back; a merger for a week, after which it is for good.

pub mod http;

use std::collections::HashMap;

use serde_json::json;

use super::{Colour, Tag, TagId, rules, sql};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, Subject, Timestamp, comparable};
use crate::timers::{self, Timer};

/// Tags of a house, those that were put away included.
pub const MOST: usize = 200;
/// The same with those whose merger can still be undone.
const EVER: i64 = 10 * MOST as i64;

/// For so many days a merger can be undone.
pub const UNDOABLE_DAYS: i64 = 7;
const UNDOABLE: i64 = UNDOABLE_DAYS * 24 * 3600 * 1000;
/// How many of them the page of tags offers.
const SHOWN: usize = 20;

/// Rings when it is too late to undo one.
pub const DISSOLVE: &str = "tags.dissolve";
/// Rows that one transaction moves.
const BATCH: usize = 500;
/// Numbers of those that are gone for good which are still understood.
const FORMER: usize = 1000;

/// Something about a tag itself is another now.
pub(super) const KEPT: &str = "tags.kept";

/// What a page sends about one.
#[derive(Debug, Clone)]
pub struct NewTag {
    pub name: String,
    /// Absent: for a new one, the colour that fewest have; for a known one, its own.
    pub colour: Option<Colour>,
}

/// One that was merged, and what it became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    pub tag: Tag,
    pub into: String,
    pub at: Timestamp,
}

/// One that stands for itself.
pub fn find(r: &Reader, id: TagId) -> Result<Tag> {
    sql::find_tag(r, id)?.ok_or(Error::NotFound("tag"))
}

/// On how many conversations it is.
pub fn count(r: &Reader, id: TagId) -> Result<i64> {
    sql::count_given_to(r, id)
}

/// One as it is, or was before it was merged; then with the name of what it is now.
pub fn look_up(r: &Reader, id: TagId) -> Result<Option<(Tag, Option<String>)>> {
    if let Some(tag) = sql::find_tag(r, id)? {
        return Ok(Some((tag, None)));
    }
    let end = sql::find_end(r, id)?.map(|it| it.name);
    Ok(sql::find_merged(r, id)?.map(|(tag, _)| (tag, end)))
}

/// All of the house by name, and on how many conversations each is.
pub fn list_counted(r: &Reader) -> Result<Vec<(Tag, i64)>> {
    let counts: HashMap<TagId, i64> = sql::count_given(r)?.into_iter().collect();
    let count = |it: Tag| {
        let n = counts.get(&it.id).copied().unwrap_or_default();
        (it, n)
    };
    Ok(sql::list_tags(r)?.into_iter().map(count).collect())
}

/// What was merged lately, the newest first.
pub fn list_merged(r: &Reader, now: Timestamp) -> Result<Vec<Merged>> {
    let merged = sql::list_merged(r, now - UNDOABLE, SHOWN)?.into_iter();
    Ok(merged
        .map(|(tag, into, at)| Merged { tag, into, at })
        .collect())
}

pub fn make(w: &Writer, now: Timestamp, by: Actor, new: &NewTag) -> Result<TagId> {
    let name = rules::name("name", &new.name)?;
    refuse_taken(w, &name, None)?;
    Ok(add(w, now, by, "name", name, new.colour)?.id)
}

/// One more of a name that none has. `field`: where a refusal is told.
pub(super) fn add(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    field: &'static str,
    name: String,
    colour: Option<Colour>,
) -> Result<Tag> {
    refuse_full(w, field, EVER)?;
    let colour = match colour {
        Some(chosen) => chosen,
        None => free_colour(w)?,
    };
    let id = sql::insert_tag(w, now, &name, &comparable(&name), colour)?;
    tell(w, now, by, id, false)?;
    Ok(Tag {
        id,
        name,
        colour,
        archived: false,
    })
}

/// The colour that fewest have.
pub fn free_colour(r: &Reader) -> Result<Colour> {
    let tags = sql::list_tags(r)?;
    Ok(Colour::freest(tags.iter().map(|it| it.colour)))
}

/// The one that has a name already, but for this one.
pub fn find_twin(r: &Reader, name: &str, but: Option<TagId>) -> Result<Option<Tag>> {
    let found = sql::find_by_name(r, &comparable(name))?;
    Ok(found.filter(|it| Some(it.id) != but))
}

pub fn change(w: &Writer, now: Timestamp, by: Actor, id: TagId, new: &NewTag) -> Result<()> {
    let known = find(w, id)?;
    let name = rules::name("name", &new.name)?;
    let colour = new.colour.unwrap_or(known.colour);
    if (&name, colour) == (&known.name, known.colour) {
        return Ok(());
    }
    refuse_taken(w, &name, Some(id))?;
    sql::update_tag(w, id, &name, &comparable(&name), colour)?;
    tell(w, now, by, id, false)
}

/// It stays where it is, and is given no more.
pub fn archive(w: &Writer, now: Timestamp, by: Actor, id: TagId) -> Result<()> {
    if find(w, id)?.archived {
        return Ok(());
    }
    sql::update_archived(w, id, Some(now))?;
    tell(w, now, by, id, false)
}

pub fn bring_back(w: &Writer, now: Timestamp, by: Actor, id: TagId) -> Result<()> {
    if !find(w, id)?.archived {
        return Ok(());
    }
    sql::update_archived(w, id, None)?;
    tell(w, now, by, id, false)
}

/// From now on it stands for the other. The same order twice is one.
pub fn merge(w: &Writer, now: Timestamp, by: Actor, id: TagId, into: TagId) -> Result<()> {
    if let Some((_, became)) = sql::find_merged(w, id)? {
        return match became == into {
            true => Ok(()),
            false => Err(Error::NotFound("tag")),
        };
    }
    find(w, id)?;
    if id == into {
        return Err(Error::invalid("into", |t| t.tag_error_itself().into()));
    }
    match sql::find_tag(w, into)? {
        None => return Err(Error::invalid("into", |t| t.tag_error_gone().into())),
        Some(other) if other.archived => {
            return Err(Error::invalid("into", |t| t.tag_error_archived().into()));
        }
        Some(_) => (),
    }
    sql::update_merged(w, id, Some((into, now)))?;
    lead_on(w)?;
    timers::set(w, DISSOLVE, &id.0.to_string(), now + UNDOABLE, &())?;
    tell(w, now, by, id, true)
}

/// It stands for itself again, on the conversations that had it and from which
/// nobody has taken it meanwhile. Refused where its name has gone to another, and
/// after a while.
pub fn unmerge(w: &Writer, now: Timestamp, by: Actor, id: TagId) -> Result<()> {
    let Some((merged, _)) = sql::find_merged(w, id)? else {
        return find(w, id).map(|_| ());
    };
    let at = sql::find_merger(w, id)?.map_or(0, |(_, at)| at);
    if at + UNDOABLE <= now {
        return Err(Error::invalid("merged", |t| t.tag_error_late().into()));
    }
    refuse_full(w, "merged", i64::MAX)?;
    if find_twin(w, &merged.name, None)?.is_some() {
        return Err(Error::invalid("merged", |t| t.tag_error_taken().into()));
    }
    sql::update_merged(w, id, None)?;
    lead_on(w)?;
    timers::clear(w, DISSOLVE, &id.0.to_string())?;
    tell(w, now, by, id, true)
}

/// Too late to undo the merger: a little at a time, whatever has this tag gets the one
/// into which it was merged, until it can go. Nothing looks otherwise for it.
pub fn dissolve(w: &Writer, now: Timestamp, timer: &Timer) -> Result<()> {
    let id = TagId(timer.key.parse().unwrap_or_default());
    let Some((into, at)) = sql::find_merger(w, id)? else {
        return Ok(());
    };
    if now < at + UNDOABLE {
        return timers::set(w, DISSOLVE, &timer.key, at + UNDOABLE, &());
    }
    let given = sql::move_given(w, id, into, BATCH)?;
    if given == BATCH || sql::update_changes(w, id, into, BATCH)? == BATCH {
        return timers::set(w, DISSOLVE, &timer.key, now, &());
    }
    sql::delete_tag(w, id, into)?;
    sql::delete_former_but(w, FORMER)
}

/// Every tag stands for the last one on its way.
fn lead_on(w: &Writer) -> Result<()> {
    let ends = rules::ends(&sql::list_ways(w)?);
    ends.into_iter()
        .try_for_each(|(id, end)| sql::update_stands_for(w, id, end))
}

/// `ever`: as many as there may be with those that were merged.
fn refuse_full(r: &Reader, field: &'static str, ever: i64) -> Result<()> {
    let (own, all) = sql::count_tags(r)?;
    if MOST as i64 <= own {
        return Err(Error::invalid(field, |t| {
            t.tag_error_full(MOST as i64).into()
        }));
    }
    match all < ever {
        true => Ok(()),
        false => Err(Error::invalid(field, |t| t.tag_error_merged_many().into())),
    }
}

fn refuse_taken(r: &Reader, name: &str, but: Option<TagId>) -> Result<()> {
    match find_twin(r, name, but)? {
        None => Ok(()),
        Some(_) => Err(Error::invalid("name", |t| t.tag_error_taken().into())),
    }
}

/// `everywhere`: other conversations than before show it now.
fn tell(w: &Writer, now: Timestamp, by: Actor, id: TagId, everywhere: bool) -> Result<()> {
    let told = json!({ "tag": id, "everywhere": everywhere });
    journal::record(w, now, by, Subject::House, &Event::told(KEPT, told)).map(|_| ())
}
