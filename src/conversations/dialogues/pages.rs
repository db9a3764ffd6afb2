//! What agents read about a visitor beside his conversation: who he is to the shop,
//! and what he has written before.

use askama::Template;

use super::{EARLIER, count_earlier, list_earlier};
use crate::contacts;
use crate::conversations::{Conversation, Kind, State};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::iso;
use crate::texts::Lang;
use crate::visitors;
use crate::web::pages::{Html, Moment};

#[derive(Template)]
#[template(path = "conversations/_earlier.html")]
struct EarlierChats {
    t: Lang,
    /// What the shop calls him, where it knows him.
    known_as: Option<String>,
    /// The newest first.
    chats: Vec<EarlierChat>,
    /// How many there are, listed or not.
    count: i64,
    /// How many are listed, where that is not all; else 0.
    listed: i64,
}

struct EarlierChat {
    conversation: String,
    began: Moment,
    is_open: bool,
    /// Of the newest line: it is one of ours.
    ours: bool,
    last: String,
}

/// In the panel about the visitor.
pub fn card(r: &Reader, conversation: &Conversation, t: Lang) -> Result<Option<Html>> {
    let contact = visitors::find(r, conversation.visitor)?.contact;
    let contact = contact.map(|it| contacts::find(r, it)).transpose()?;
    let found = list_earlier(r, conversation.id, EARLIER + 1)?;
    if contact.is_none() && found.is_empty() {
        return Ok(None);
    }
    let is_cut = EARLIER < found.len();
    let count = match is_cut {
        true => count_earlier(r, conversation.id)?,
        false => found.len() as i64,
    };
    let chats = found.into_iter().take(EARLIER).map(|it| EarlierChat {
        conversation: it.key.to_string(),
        began: Moment::new(iso(it.began)),
        is_open: it.state == State::Open,
        ours: it.last_kind == Kind::Agent,
        last: it.last_text,
    });
    let drawn = Html::draw(&EarlierChats {
        t,
        known_as: contact.map(|it| it.reference),
        chats: chats.collect(),
        count,
        listed: if is_cut { EARLIER as i64 } else { 0 },
    })?;
    Ok(Some(drawn))
}
