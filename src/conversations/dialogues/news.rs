//! What agents' open pages are told when a visitor turns out to be somebody, and of
//! the chats that stand beside the one they look at.

use super::sql;
use crate::conversations::news::{self, Talk};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal::Fact;
use crate::kernel::{Actor, ConversationId, Seq, SiteId, Subject, VisitorId};
use crate::live::Batch;

/// Conversations of one visitor that are drawn afresh. What nobody has looked at for
/// so long is on nobody's screen.
const DRAWN: usize = 200;

pub fn draw(r: &Reader, fact: &Fact, batch: &mut Batch) -> Result<()> {
    let seq = fact.seq;
    match (fact.subject, &fact.event) {
        (
            Subject::Conversation(id),
            Event::MessagePosted | Event::ConversationResolved | Event::ConversationReopened,
        ) => {
            batch.once("dialogues.later", id.0, seq, draw_later);
            Ok(())
        }
        (Subject::Visitor(id), Event::VisitorKnown | Event::VisitorsMerged { .. }) => {
            all_of(r, id, seq, batch)
        }
        (Subject::Visitor(id), Event::VisitorsParted { back }) => {
            all_of(r, id, seq, batch)?;
            all_of(r, *back, seq, batch)
        }
        (Subject::Site(id), Event::SiteChanged) => {
            batch.once("dialogues.site", id.0, seq, draw_site);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// It is an earlier one to those that began after it.
fn draw_later(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    // Mostly what is on a screen is what was written in, or nothing is.
    if batch.watched(news::TOPIC).iter().all(|it| *it == id) {
        return Ok(());
    }
    for later in sql::list_later(r, ConversationId(id), DRAWN)? {
        if batch.is_watched(news::topic(later)) {
            news::panel(batch, later, seq);
        }
    }
    Ok(())
}

/// His name, his lines and what stands beside them; and whoever answers him types to
/// the pages of somebody else from now on.
fn all_of(r: &Reader, visitor: VisitorId, seq: Seq, batch: &mut Batch) -> Result<()> {
    for id in sql::list_ids(r, visitor, DRAWN)? {
        batch.ask_again(news::topic(id));
        news::row(batch, id, seq);
        news::header(batch, id, seq);
        news::panel(batch, id, seq);
        batch.once("dialogues.lines", id.0, seq, draw_lines);
    }
    Ok(())
}

/// The newest screen of a log.
fn draw_lines(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    let id = ConversationId(id);
    if !batch.is_watched(news::topic(id)) {
        return Ok(());
    }
    let talk = Talk::of(r, batch, id)?;
    let (lines, _) = crate::conversations::list_messages(r, Actor::House, id, None)?;
    for line in &lines {
        news::to_viewers(r, seq, &talk, line, batch)?;
    }
    Ok(())
}

/// A site's name and rule, wherever one of its conversations is on a screen.
fn draw_site(r: &Reader, site: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    for id in batch.watched(news::TOPIC) {
        let id = ConversationId(id);
        match Talk::of(r, batch, id) {
            Ok(talk) if talk.conversation.site == SiteId(site) => news::panel(batch, id, seq),
            Ok(_) | Err(Error::NotFound(_)) => (),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
