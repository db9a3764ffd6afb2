//! What a visitor's page may ask for, with a token: post, read, mark, end. Each
//! is one trip to the database: whose token it is, whether the page may carry
//! the chat, and the deed itself happen in one transaction.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conversations::dialogues::{self, Bookmark};
use crate::conversations::{self, Conversation, NewMessage, Posted, State, Windows, view};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::journal;
use crate::kernel::{Actor, ConversationId, ConversationKey, Seq, Timestamp, clip};
use crate::visitors::{self, Caller, NewDevice, enter, language};
use crate::web::{Ctx, HOUR, KIB, Key, MINUTE, Rate};

const ADDRESS: usize = 500;
const TITLE: usize = 200;

/// A long message, each of whose bytes may be escaped in JSON.
pub const LARGEST: usize = 96 * KIB;

pub const NEW_VISITOR: Rate = Rate::new("widget.new_visitor", 30, HOUR);
/// By the hash of the visitor's token.
pub const MESSAGE: Rate =
    Rate::by_visitor_rate("widget.message", MINUTE, |rate| (rate, (rate / 6).max(10)));
/// An address may be an office or a school: ten of them may write as fast as that,
/// and a hundred of them for half a minute.
const MESSAGE_FROM: Rate = Rate::by_visitor_rate("widget.message_from", MINUTE, |rate| {
    (rate.saturating_mul(10), rate.saturating_mul(5).max(100))
});
/// And how much they write, in KiB: what they store in an hour stays below 80 MiB.
const VOLUME_FROM: Rate = Rate::by_visitor_rate("widget.volume_from", MINUTE, |rate| {
    (rate.saturating_mul(20), rate.saturating_mul(70).max(256))
});

/// What every message is counted by.
pub const RATES: [Rate; 3] = [MESSAGE, MESSAGE_FROM, VOLUME_FROM];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    pub cid: String,
    pub body: String,
    /// What was open on his screen when he wrote it. The script of the first
    /// release does not say.
    #[serde(default)]
    conversation: Option<ConversationKey>,
    #[serde(default)]
    page: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    device: NewDevice,
    #[serde(default)]
    lang: Option<String>,
}

impl PostMessage {
    /// From a page that runs no script: words only.
    pub fn plain(cid: &str, body: &str) -> Self {
        Self {
            cid: cid.to_owned(),
            body: body.to_owned(),
            conversation: None,
            page: None,
            title: None,
            device: NewDevice::default(),
            lang: None,
        }
    }
}

/// Counts a message for its address, by number and by size: visitors cost
/// nothing to make, and each may write.
pub fn weigh(cx: &Ctx, post: &PostMessage) -> Result<()> {
    let length = |it: &Option<String>, most: usize| it.as_ref().map_or(0, |it| it.len().min(most));
    let told = length(&post.page, ADDRESS) + length(&post.title, TITLE);
    let bytes = post.body.len() + told;
    let from = Key::Address(cx.address().bucket());
    cx.limits.take(MESSAGE_FROM, from.clone())?;
    let size = bytes.div_ceil(KIB);
    cx.limits.take_many(VOLUME_FROM, from, size)
}

#[derive(Serialize)]
pub struct PostedMessage {
    message: view::VisitorMessage,
    conversation: ConversationKey,
    started: bool,
    reopened: bool,
    #[serde(skip)]
    pub fresh: bool,
}

/// What a visitor asks of his history.
#[derive(Default, Deserialize)]
pub struct Back {
    #[serde(default)]
    conversation: Option<ConversationKey>,
    #[serde(default)]
    before: Option<Seq>,
}

#[derive(Serialize)]
pub struct History {
    messages: Vec<view::VisitorMessage>,
    more: bool,
    /// The query for what is older.
    older: Option<String>,
    /// The one he is in.
    conversation: Option<ConversationKey>,
    seq: Seq,
    epoch: String,
    /// How far agents have read in that.
    agent_seen: Seq,
    /// How far he has, as is known here: for a browser whose own mark means nothing
    /// any more.
    visitor_seen: Seq,
    state: &'static str,
}

pub fn message(
    w: &Writer,
    windows: &Windows,
    now: Timestamp,
    caller: &Caller,
    post: PostMessage,
) -> Result<PostedMessage> {
    let (visitor, site) = enter(w, caller)?;
    let strict = site.strict_privacy;
    let device = visitors::note_device(w, visitor.id, &post.device, &caller.agent_string, strict)?;
    let told = |text: Option<String>, most: usize| {
        let text = text.filter(|_| !strict)?;
        Some(clip(&text, most)).filter(|it| !it.is_empty())
    };
    let new = NewMessage {
        body: post.body,
        cid: post.cid,
        note: false,
        device: Some(device),
        page: told(post.page, ADDRESS),
        title: told(post.title, TITLE),
        lang: post.lang.map(|it| clip(&it, 16)),
        last_seen: None,
        parts: Vec::new(),
    };
    let Posted {
        message,
        key,
        began,
        fresh,
        started,
        reopened,
    } = conversations::write_in(w, now, &visitor, post.conversation.as_ref(), new)?;
    Ok(PostedMessage {
        message: view::for_visitor(&message, (&key, began), windows, language(&visitor, &site)),
        conversation: key,
        started,
        reopened,
        fresh,
    })
}

pub fn seen(
    w: &Writer,
    now: Timestamp,
    caller: &Caller,
    conversation: Option<&ConversationKey>,
    up_to: Seq,
) -> Result<()> {
    let (visitor, _) = enter(w, caller)?;
    let by = Actor::Visitor(visitor.id);
    let Some(found) = dialogues::named(w, visitor.id, conversation)? else {
        return Ok(());
    };
    conversations::mark_seen(w, now, by, found.id, up_to)?;
    // His screen shows the earlier ones above it.
    for earlier in dialogues::list_unseen_before(w, &found, up_to)? {
        conversations::mark_seen(w, now, by, earlier.id, up_to)?;
    }
    Ok(())
}

pub fn end(
    w: &Writer,
    now: Timestamp,
    caller: &Caller,
    conversation: Option<&ConversationKey>,
) -> Result<()> {
    let (visitor, _) = enter(w, caller)?;
    match dialogues::named(w, visitor.id, conversation)? {
        Some(found) => conversations::resolve(w, now, Actor::Visitor(visitor.id), found.id),
        None => Err(Error::NotFound("conversation")),
    }
}

pub fn history(r: &Reader, windows: &Windows, caller: &Caller, back: Back) -> Result<History> {
    let (visitor, site) = enter(r, caller)?;
    let (seq, epoch) = (journal::position(r)?, journal::epoch(r)?);
    let current = dialogues::current(r, visitor.id)?;
    let place = Bookmark {
        conversation: back.conversation,
        before: back.before,
    };
    let dialogues::History {
        lines,
        talks,
        older,
    } = dialogues::history(r, visitor.id, place)?;
    let t = language(&visitor, &site);
    let read = talks.iter().chain(&current).map(|it| it.visitor_seen).max();
    let keys = keys(&talks);
    let messages = lines.iter().filter_map(|it| {
        Some(view::for_visitor(
            it,
            *keys.get(&it.conversation)?,
            windows,
            t,
        ))
    });
    Ok(History {
        messages: messages.collect(),
        more: older.is_some(),
        older: older.map(query),
        conversation: current.as_ref().map(|it| it.key.clone()),
        seq,
        epoch,
        agent_seen: current.as_ref().map_or(Seq(0), |it| it.agents_seen),
        visitor_seen: read.unwrap_or(Seq(0)),
        state: match current.map(|it| it.state) {
            None => "none",
            Some(State::Open) => "open",
            Some(State::Resolved) => "resolved",
        },
    })
}

fn keys(talks: &[Conversation]) -> BTreeMap<ConversationId, (&ConversationKey, Timestamp)> {
    talks.iter().map(|it| (it.id, it.begun())).collect()
}

/// A place as a visitor's page asks for it.
fn query(place: Bookmark) -> String {
    let key = place.conversation.map(|it| format!("conversation={it}"));
    let before = place.before.map(|it| format!("before={it}"));
    let parts: Vec<String> = key.into_iter().chain(before).collect();
    parts.join("&")
}
