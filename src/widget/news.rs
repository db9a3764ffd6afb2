//! What open chats are told about their site: its name and its look change on the
//! screen, nothing is fetched and no socket closed. And whose visitor turns out to be
//! somebody else as well asks again who he is, and comes back as that one.

use serde::Serialize;

use crate::db::Reader;
use crate::error::Result;
use crate::events::Event;
use crate::hub::Audience;
use crate::journal::Fact;
use crate::kernel::{Seq, SiteId, Subject};
use crate::live::{At, Batch};
use crate::sites::{self, Site};
use crate::visitors;

/// What a site decides about the chat as it looks, whoever reads it.
#[derive(Debug, Serialize)]
pub struct Look<'a> {
    name: &'a str,
    color: &'a str,
    on_color: &'a str,
    position: &'a str,
    preview: bool,
}

impl<'a> Look<'a> {
    pub fn of(site: &'a Site) -> Self {
        Self {
            name: &site.name,
            color: &site.color,
            on_color: sites::text_on(&site.color),
            position: &site.position,
            preview: site.previews_typing(),
        }
    }
}

pub fn draw(_: &Reader, fact: &Fact, batch: &mut Batch) -> Result<()> {
    if let (Event::SiteChanged, Subject::Site(id)) = (&fact.event, fact.subject) {
        // What agents see being typed, and which pages may carry the chat.
        batch.ask_again(sites::topic(id));
        batch.once("widget.look", id.0, fact.seq, draw_look);
    }
    if let Subject::Visitor(id) = fact.subject
        && let Event::VisitorsMerged { gone: other } | Event::VisitorsParted { back: other } =
            fact.event
    {
        batch.ask_again(visitors::topic(id));
        batch.ask_again(visitors::topic(other));
    }
    Ok(())
}

fn draw_look(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    let topic = sites::topic(SiteId(id));
    if batch.is_watched(topic) {
        let site = sites::find(r, SiteId(id))?;
        let at = At {
            seq,
            list: "site",
            id: "look",
            key: "",
        };
        batch.text(Audience::of(topic), at, Look::of(&site));
    }
    Ok(())
}
