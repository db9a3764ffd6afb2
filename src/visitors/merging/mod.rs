//! Two visitors who turn out to be one person: one stays, and everything of the
//! other is his from then on, in one transaction. For a month that can be undone.
//!
//! How a room takes part: it need do nothing. Whatever says whose a row is by a
//! reference (`references visitors (id)`) is moved by that reference; the schema
//! itself is the list, so nobody can forget to enter there. What that asks of a
//! table is little, and a test holds every one to it: a key of one column, which is
//! not the reference itself.
//!
//! A row that has no room beside one of the other's, because the two may only be
//! there once (`unique`), stays with the one who went. So his row in `visitors` stays
//! too, for as long as the person is here, and goes when that one is erased.
//!
//! Undoing puts back every row that he brought. What has been begun since then stays
//! with the one who stayed. What was written since then in a conversation that he
//! brought goes with that: a line is never torn out of its conversation.

mod sql;

use super::Visitor;
use crate::accounts::team;
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, Timestamp, VisitorId};
use crate::timers::{self, Timer};

/// Rings when it is too late to undo one.
pub const FORGET: &str = "visitors.forget_merge";

const DAY: i64 = 24 * 3600 * 1000;
/// For so long two can be told apart again.
const UNDOABLE: i64 = 30 * DAY;

/// What was his is `stays`'s from now on. Whoever calls this knows that they are one
/// person: it opens all conversations of each to the browsers of both.
pub fn merge(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    gone: VisitorId,
    stays: VisitorId,
) -> Result<()> {
    let (going, staying) = (in_sight(w, by, gone)?, in_sight(w, by, stays)?);
    let apart = gone != stays && going.merged_into.is_none() && staying.merged_into.is_none();
    // Whom the shop knows stays, and is nobody else whom it knows.
    if !apart || going.site != staying.site || going.contact.is_some() {
        return Err(Error::Conflict(|t| t.error_two_people().into()));
    }
    for reference in sql::list_references(w)? {
        sql::insert_moves(w, &reference, gone)?;
        sql::update_owner(w, &reference, gone, stays)?;
        sql::delete_moves_refused(w, &reference, gone)?;
    }
    sql::update_merged(w, now, gone, stays)?;
    let kin = staying.kin.or(going.kin).unwrap_or(stays.0);
    sql::update_kin(w, &[&going, &staying], kin)?;
    let seq = journal::record(w, now, by, stays, &Event::VisitorsMerged { gone })?;
    sql::update_whole_since(w, &[gone, stays], seq)?;
    timers::set(w, FORGET, &gone.to_string(), now + UNDOABLE, &())
}

/// He is somebody else after all, with everything that he brought.
pub fn part(w: &Writer, now: Timestamp, by: Actor, back: VisitorId) -> Result<()> {
    let found = in_sight(w, by, back)?;
    let merged = found.merged_into.zip(sql::find_merged_at(w, back)?);
    let (stayed, at) = merged.ok_or(Error::NotFound("merge"))?;
    if at + UNDOABLE <= now {
        return Err(Error::Conflict(|t| t.error_too_late_to_part().into()));
    }
    for reference in sql::list_references(w)? {
        sql::update_owner_back(w, &reference, back, stayed)?;
    }
    // Where the other one had been merged himself meanwhile, none of this is what he
    // brought any more. It still is what those brought who had been merged into this one.
    sql::delete_moves_of_others(w, back)?;
    sql::delete_moves(w, back)?;
    sql::update_parted(w, back)?;
    let seq = journal::record(w, now, by, stayed, &Event::VisitorsParted { back })?;
    sql::update_whole_since(w, &[back, stayed], seq)?;
    timers::clear(w, FORGET, &back.to_string()).map(|_| ())
}

/// Until when two can be told apart again; none where they cannot.
pub fn undoable_until(r: &Reader, gone: VisitorId) -> Result<Option<Timestamp>> {
    Ok(sql::find_merged_at(r, gone)?.map(|at| at + UNDOABLE))
}

/// Too late to undo it: what he brought is not told apart any more.
pub fn forget(w: &Writer, _: Timestamp, timer: &Timer) -> Result<()> {
    match timer.key.parse() {
        Ok(gone) => sql::delete_moves(w, VisitorId(gone)),
        Err(_) => Ok(()),
    }
}

/// An agent sees the people of the sites he sees.
fn in_sight(r: &Reader, by: Actor, id: VisitorId) -> Result<Visitor> {
    let found = super::find(r, id)?;
    let seen = match by {
        Actor::Agent(agent) => team::sees(r, agent, found.site)?,
        Actor::Visitor(_) | Actor::Bot(_) | Actor::Key(_) | Actor::House => true,
    };
    seen.then_some(found).ok_or(Error::NotFound("visitor"))
}
