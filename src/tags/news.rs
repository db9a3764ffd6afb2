//! What open pages see when tags change: the conversation's entry, its header and
//! what is known about its visitor are drawn by the hall, which is told so. A tag
//! of the house is one item for every inbox: its box in the sheet, after which the
//! page paints its chips by itself, and those of what was merged into it, however
//! many conversations show them.

use serde_json::Value;

use super::keeping::KEPT;
use super::pages::Choice;
use super::{CHANGED, TagId, sql};
use crate::conversations::news::{self as hall, LISTS};
use crate::db::Reader;
use crate::error::Result;
use crate::events::Event;
use crate::hub::Audience;
use crate::journal::Fact;
use crate::kernel::{Seq, Subject};
use crate::live::{At, Batch};
use crate::web;

/// Entries that are drawn afresh where one tag becomes another; in older ones, pages
/// paint what they show.
const REACH: usize = 200;

pub fn draw(r: &Reader, fact: &Fact, batch: &mut Batch) -> Result<()> {
    let Event::Told { word, data } = &fact.event else {
        return Ok(());
    };
    match (word.as_str(), fact.subject) {
        (CHANGED, Subject::Conversation(id)) => {
            hall::row(batch, id, fact.seq);
            hall::header(batch, id, fact.seq);
            hall::panel(batch, id, fact.seq);
            Ok(())
        }
        (KEPT, Subject::House) => kept(r, fact.seq, data, batch),
        _ => Ok(()),
    }
}

fn kept(r: &Reader, seq: Seq, data: &Value, batch: &mut Batch) -> Result<()> {
    if batch.languages().is_empty() {
        return Ok(());
    }
    let Some(id) = data["tag"].as_i64() else {
        return Ok(());
    };
    batch.once("tags.tag", id, seq, draw_tag);
    if data["everywhere"] == true {
        for conversation in sql::list_with(r, TagId(id), REACH)? {
            hall::row(batch, conversation, seq);
            hall::header(batch, conversation, seq);
        }
    }
    Ok(())
}

fn draw_tag(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    let everybody = Audience::of(LISTS);
    let name = format!("tag-{id}");
    let at = At {
        seq,
        list: "tags",
        id: &name,
        key: "",
    };
    let end = sql::find_end(r, TagId(id))?;
    if end.as_ref().is_none_or(|it| it.id.0 != id) {
        batch.remove(everybody, at);
    }
    let Some(tag) = end else {
        return Ok(());
    };
    let name = format!("tag-{}", tag.id.0);
    let at = At {
        seq,
        list: "tags",
        id: &name,
        key: "",
    };
    let was = sql::list_standing_for(r, tag.id)?;
    let was: Vec<String> = was.iter().map(|it| it.0.to_string()).collect();
    let was = was.join(" ");
    for lang in batch.languages() {
        let html = web::fragment(&Choice::of(&tag, false, *lang))?;
        batch.put_with(everybody.reading(*lang), at, &html, &was);
    }
    Ok(())
}
