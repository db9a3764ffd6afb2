//! What a visitor's page may ask for, with a token: post, read, mark, end. Each
//! is one trip to the database: whose token it is, whether the page may carry
//! the chat, and the deed itself happen in one transaction.

use serde::{Deserialize, Serialize};

use super::check_origin;
use crate::conversations::{self, NewMessage, Posted, State, Windows, view};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::journal;
use crate::kernel::{Actor, ConversationKey, Seq, Timestamp, TokenHash, clip};
use crate::sites::{self, Site};
use crate::texts::Lang;
use crate::visitors::{self, NewDevice, Visitor};
use crate::web::{ClientAddress, Limit, Limits};

const ADDRESS: usize = 500;
const TITLE: usize = 200;

/// Who asks, and from where: no body may say these.
pub struct Caller {
    pub token: TokenHash,
    /// None where every site would let it in.
    pub origin: Option<String>,
    pub agent_string: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostMessage {
    pub cid: String,
    pub body: String,
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
            page: None,
            title: None,
            device: NewDevice::default(),
            lang: None,
        }
    }
}

/// Counts a message for its address, by number and by size: visitors cost
/// nothing to make, and each may write.
pub fn weigh(limits: &Limits, address: ClientAddress, post: &PostMessage) -> Result<()> {
    let length = |it: &Option<String>, most: usize| it.as_ref().map_or(0, |it| it.len().min(most));
    let told = length(&post.page, ADDRESS) + length(&post.title, TITLE);
    let bytes = post.body.len() + told;
    limits.take(Limit::MessageFrom(address.bucket()))?;
    let size = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
    limits.take(Limit::VolumeFrom(address.bucket(), size))
}

#[derive(Serialize)]
pub struct PostedMessage {
    message: view::VisitorMessage,
    conversation: ConversationKey,
    reopened: bool,
    #[serde(skip)]
    pub fresh: bool,
}

#[derive(Serialize)]
pub struct History {
    messages: Vec<view::VisitorMessage>,
    more: bool,
    seq: Seq,
    epoch: String,
    agent_seen: Seq,
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
        fresh,
        reopened,
    } = conversations::write_in(w, now, &visitor, new)?;
    Ok(PostedMessage {
        message: view::for_visitor(&message, windows, language(&visitor, &site)),
        conversation: key,
        reopened,
        fresh,
    })
}

pub fn seen(w: &Writer, now: Timestamp, caller: &Caller, up_to: Seq) -> Result<()> {
    let (visitor, _) = enter(w, caller)?;
    match conversations::of_visitor(w, visitor.id)? {
        Some(found) => {
            conversations::mark_seen(w, now, Actor::Visitor(visitor.id), found.id, up_to)
        }
        None => Ok(()),
    }
}

pub fn end(w: &Writer, now: Timestamp, caller: &Caller) -> Result<()> {
    let (visitor, _) = enter(w, caller)?;
    match conversations::of_visitor(w, visitor.id)? {
        Some(found) => conversations::resolve(w, now, Actor::Visitor(visitor.id), found.id),
        None => Err(Error::NotFound("conversation")),
    }
}

pub fn history(
    r: &Reader,
    windows: &Windows,
    caller: &Caller,
    before: Option<Seq>,
) -> Result<History> {
    let (visitor, site) = enter(r, caller)?;
    let (seq, epoch) = (journal::position(r)?, journal::epoch(r)?);
    let Some(found) = conversations::of_visitor(r, visitor.id)? else {
        return Ok(History {
            messages: Vec::new(),
            more: false,
            seq,
            epoch,
            agent_seen: Seq(0),
            state: "none",
        });
    };
    let by = Actor::Visitor(visitor.id);
    let (messages, more) = conversations::list_messages(r, by, found.id, before)?;
    let t = language(&visitor, &site);
    Ok(History {
        messages: messages
            .iter()
            .map(|it| view::for_visitor(it, windows, t))
            .collect(),
        more,
        seq,
        epoch,
        agent_seen: found.agents_seen,
        state: match found.state {
            State::Open => "open",
            State::Resolved => "resolved",
        },
    })
}

/// Whose token this is, and his site, if this page may carry its chat.
pub fn enter(r: &Reader, caller: &Caller) -> Result<(Visitor, Site)> {
    let visitor = visitors::authenticate(r, caller.token)?;
    let site = sites::find(r, visitor.site)?;
    check_origin(&site, caller.origin.as_deref())?;
    Ok((visitor, site))
}

/// What lines of the house itself are worded in.
pub fn language(visitor: &Visitor, site: &Site) -> Lang {
    Lang::from_code(&visitor.lang).unwrap_or(site.lang)
}
