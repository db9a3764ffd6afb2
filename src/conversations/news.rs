//! What agents and visitors get to see when something happened in the hall. A
//! line is rendered once for each event and language, not once for each listener;
//! an entry of a list, a header and the panel about a visitor only once a batch,
//! in their newest state. What only one agent has done is told to all in few
//! words, and drawn by nobody.
//!
//! A wing that changes how an entry looks says so by `row`, and by `header` and
//! `panel` in the same way.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::lists::{self, Entry};
use super::view::{self, Additions, Facets};
use super::{Conversation, Kind, Message, Windows};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::events::{Event, Side};
use crate::hub::{Audience, Topic};
use crate::journal::Fact;
use crate::kernel::{Actor, AgentId, ConversationId, Seq, SiteId, Subject, Timestamp};
use crate::live::{At, Batch};
use crate::texts::Lang;
use crate::{sites, visitors};

const ROW: &str = "conversations.row";

/// Whoever looks at the lists, and how many wait.
pub const LISTS: Topic = Topic::new("lists", 0);

/// The kind of `topic`.
pub const TOPIC: &str = "conversation";

/// Whoever has this one on his screen.
pub const fn topic(id: ConversationId) -> Topic {
    Topic::new(TOPIC, id.0)
}

/// The entry in the lists has to be drawn afresh.
pub fn row(batch: &mut Batch, id: ConversationId, seq: Seq) {
    batch.once(ROW, id.0, seq, draw_row);
}

/// The header of who shows it.
pub fn header(batch: &mut Batch, id: ConversationId, seq: Seq) {
    batch.once("conversations.header", id.0, seq, draw_header);
}

/// What is known about the visitor.
pub fn panel(batch: &mut Batch, id: ConversationId, seq: Seq) {
    batch.once("conversations.panel", id.0, seq, draw_panel);
}

/// A conversation of which something happened, read once a batch.
pub struct Talk {
    pub conversation: Conversation,
    entry: OnceCell<Option<Rc<Entry>>>,
    /// The visitor's number.
    number: OnceCell<i64>,
    /// The visitor's language, once a line needs it.
    lang: OnceCell<Lang>,
    /// The newest event after which somebody may wait who did not, or no longer.
    turned: Cell<Option<Seq>>,
    /// The visitor's newest line, and when he wrote it.
    asked: Cell<Option<(Seq, Timestamp)>>,
}

impl Talk {
    pub fn of(r: &Reader, batch: &mut Batch, id: ConversationId) -> Result<Rc<Self>> {
        batch.memo(id.0, || {
            Ok(Self {
                conversation: super::find(r, Actor::House, id)?,
                entry: OnceCell::new(),
                number: OnceCell::new(),
                lang: OnceCell::new(),
                turned: Cell::new(None),
                asked: Cell::new(None),
            })
        })
    }

    /// Pages in one language that show it.
    pub fn viewers(&self, lang: Lang) -> Audience {
        let Conversation { id, site, .. } = self.conversation;
        Audience::of(topic(id)).reading(lang).within(site)
    }

    /// Pages with its lists.
    pub fn lists(&self) -> Audience {
        Audience::of(LISTS).within(self.conversation.site)
    }

    fn visitor(&self) -> Topic {
        visitors::topic(self.conversation.visitor)
    }

    fn entry(&self, r: &Reader) -> Result<Option<Rc<Entry>>> {
        known(&self.entry, || {
            Ok(lists::entry(r, self.conversation.id)?.map(Rc::new))
        })
    }

    fn number(&self, r: &Reader) -> Result<i64> {
        known(&self.number, || {
            Ok(visitors::find(r, self.conversation.visitor)?.number)
        })
    }

    fn visitors_language(&self, r: &Reader) -> Result<Lang> {
        known(&self.lang, || {
            let visitor = visitors::find(r, self.conversation.visitor)?;
            let fallback = sites::find(r, visitor.site)?.lang;
            Ok(Lang::from_code(&visitor.lang).unwrap_or(fallback))
        })
    }
}

fn known<T: Clone>(cell: &OnceCell<T>, read: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(known) = cell.get() {
        return Ok(known.clone());
    }
    let found = read()?;
    Ok(cell.get_or_init(|| found).clone())
}

pub fn draw(r: &Reader, fact: &Fact, batch: &mut Batch) -> Result<()> {
    let Subject::Conversation(id) = fact.subject else {
        return Ok(());
    };
    match fact.event {
        // These have no line of their own.
        Event::ConversationStarted | Event::SiteChanged | Event::AgentChanged => Ok(()),
        Event::AgentJoined | Event::Left { .. } => {
            // Only who answers is seen typing by the visitor.
            batch.ask_again(topic(id));
            line(r, id, fact, batch)
        }
        Event::MessageChanged { message } => {
            batch.once("conversations.line", message.0, fact.seq, draw_line);
            Ok(())
        }
        Event::Seen { side, up_to } => {
            let talk = Talk::of(r, batch, id)?;
            seen(fact.seq, &talk, side, up_to, batch);
            Ok(())
        }
        Event::Read {
            agent,
            up_to,
            answers,
        } => {
            let talk = Talk::of(r, batch, id)?;
            if answers {
                seen(fact.seq, &talk, Side::Agents, up_to, batch);
            }
            read(r, fact.seq, &talk, agent, batch)
        }
        _ => line(r, id, fact, batch),
    }
}

/// An event that may have a line in the conversation.
fn line(r: &Reader, id: ConversationId, fact: &Fact, batch: &mut Batch) -> Result<()> {
    let Some(message) = found(r, fact.seq)? else {
        return Ok(());
    };
    let talk = Talk::of(r, batch, id)?;
    note(r, &talk, &message, batch)?;
    to_visitor(r, fact.seq, &talk, &message, batch)?;
    turn(fact, &talk, batch);
    to_viewers(r, fact.seq, &talk, &message, batch)
}

fn found(r: &Reader, id: Seq) -> Result<Option<Message>> {
    match super::find_message(r, id) {
        Ok(message) => Ok(Some(message)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// One that stands there already and says something else now.
fn draw_line(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    let Some(message) = found(r, Seq(id))? else {
        return Ok(());
    };
    let talk = Talk::of(r, batch, message.conversation)?;
    if message.kind == Kind::System {
        panel(batch, message.conversation, seq);
    }
    to_visitor(r, seq, &talk, &message, batch)?;
    to_viewers(r, seq, &talk, &message, batch)
}

/// What has to be drawn afresh once all events of the batch are known.
fn note(r: &Reader, talk: &Talk, message: &Message, batch: &mut Batch) -> Result<()> {
    let (id, seq) = (talk.conversation.id, message.id);
    row(batch, id, seq);
    match message.kind {
        Kind::Note => (),
        Kind::Agent => {
            talk.turned.set(Some(seq));
            // The panel says how long it took.
            if talk.conversation.first_answer_at == Some(message.at) {
                panel(batch, id, seq);
            }
        }
        Kind::Visitor => {
            talk.asked.set(Some((seq, message.at)));
            if batch.is_watched(topic(id)) && !super::came_from_the_same_place(r, message)? {
                panel(batch, id, seq);
            }
        }
        Kind::System => {
            talk.turned.set(Some(seq));
            header(batch, id, seq);
            panel(batch, id, seq);
        }
    }
    Ok(())
}

/// His own pages take it to heart; the others learn who has read.
fn read(r: &Reader, seq: Seq, talk: &Talk, agent: AgentId, batch: &mut Batch) -> Result<()> {
    if batch.languages().is_empty() {
        return Ok(());
    }
    let id = view::entry_id(&talk.conversation.key);
    let mark = view::read_mark(r, talk.conversation.id, agent)?;
    batch.text(talk.lists(), at(seq, "read", &id), mark);
    Ok(())
}

/// Ticks: both sides learn how far the other has read.
fn seen(seq: Seq, talk: &Talk, side: Side, up_to: Seq, batch: &mut Batch) {
    let conversation = &talk.conversation;
    let id = match side {
        Side::Agents => "agents",
        Side::Visitor => "visitor",
    };
    let up_to = up_to.to_string();
    if batch.is_watched(talk.visitor()) {
        let at = At {
            key: &conversation.key.0,
            ..at(seq, "seen", id)
        };
        batch.text(Audience::of(talk.visitor()), at, &up_to);
    }
    if batch.is_watched(topic(conversation.id)) {
        let list = format!("seen-{}", conversation.key);
        let audience = Audience::of(topic(conversation.id)).within(conversation.site);
        batch.text(audience, at(seq, &list, id), &up_to);
    }
}

fn to_visitor(
    r: &Reader,
    seq: Seq,
    talk: &Talk,
    message: &Message,
    batch: &mut Batch,
) -> Result<()> {
    if !batch.is_watched(talk.visitor()) {
        return Ok(());
    }
    let audience = Audience::of(talk.visitor());
    if message.is_shown_to_visitor() {
        let lang = match message.kind {
            Kind::System => talk.visitors_language(r)?,
            _ => Lang::default(),
        };
        let (id, key) = (view::row_id(message.id), view::sort_key(message.id.0));
        let at = At {
            key: &key,
            ..at(seq, "log", &id)
        };
        let windows = batch.tool::<Windows>()?;
        let line = view::for_visitor(message, talk.conversation.begun(), &windows, lang);
        batch.put_data(audience, at, line);
    }
    Ok(())
}

/// The visitor learns whether it goes on.
fn turn(fact: &Fact, talk: &Talk, batch: &mut Batch) {
    let state = match fact.event {
        Event::ConversationResolved => "resolved",
        Event::ConversationReopened => "open",
        _ => return,
    };
    if !batch.is_watched(talk.visitor()) {
        return;
    }
    let at = At {
        key: &talk.conversation.key.0,
        ..at(fact.seq, "state", "state")
    };
    batch.text(Audience::of(talk.visitor()), at, state);
}

/// `seq`: what made it look as it does now.
pub(super) fn to_viewers(
    r: &Reader,
    seq: Seq,
    talk: &Talk,
    message: &Message,
    batch: &mut Batch,
) -> Result<()> {
    let conversation = &talk.conversation;
    if !batch.is_watched(topic(conversation.id)) {
        return Ok(());
    }
    let list = format!("log-{}", conversation.key);
    let (id, key) = (view::row_id(message.id), view::sort_key(message.id.0));
    let (windows, number) = (batch.tool::<Windows>()?, talk.number(r)?);
    for lang in batch.languages() {
        let seen = conversation.visitor_seen;
        let html = view::message_html(message, &windows, number, seen, *lang)?;
        let at = At {
            key: &key,
            ..at(seq, &list, &id)
        };
        batch.put(talk.viewers(*lang), at, &html);
    }
    Ok(())
}

/// What the wings show of an entry: asked at once for all that are to be drawn.
fn additions(
    r: &Reader,
    batch: &mut Batch,
    windows: &Windows,
    id: ConversationId,
    lang: Lang,
) -> Result<Rc<Additions>> {
    let all = match batch.recall::<Additions>(lang as i64) {
        Some(all) => all,
        None => {
            let due: Vec<_> = batch.due(ROW).map(ConversationId).collect();
            let facets = match batch.recall::<Facets>(0) {
                Some(facets) => facets,
                None => batch.memo(0, || Facets::of(r, windows, &due))?,
            };
            batch.memo(lang as i64, || {
                Additions::found_by(r, windows, facets, &due, lang)
            })?
        }
    };
    match all.holds(id) {
        true => Ok(all),
        // It was asked for since.
        false => Additions::of(r, windows, &[id], lang).map(Rc::new),
    }
}

fn draw_row(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    if batch.languages().is_empty() {
        return Ok(());
    }
    let talk = Talk::of(r, batch, ConversationId(id))?;
    let Some(entry) = talk.entry(r)? else {
        return Ok(());
    };
    let (id, rank) = (view::entry_id(&entry.key), entry.rank());
    let (asked, windows) = (talk.asked.get(), batch.tool::<Windows>()?);
    for lang in batch.languages() {
        let additions = additions(r, batch, &windows, entry.id, *lang)?;
        let html = view::entry_html_with(&additions, &entry, *lang)?;
        let audience = talk.lists().reading(*lang);
        let at = At {
            key: &rank,
            ..at(seq, "conversations", &id)
        };
        // Pages ring for a visitor's line, not for whatever else moves an entry.
        match asked {
            Some((line, _)) => batch.put_with(audience, at, &html, line.to_string()),
            None => batch.put(audience, at, &html),
        }
    }
    // A visitor who waits already goes on waiting; most lines are such ones.
    let begins = asked.filter(|(_, at)| entry.waiting_since == Some(*at));
    if let Some(seq) = talk.turned.get().max(begins.map(|(seq, _)| seq)) {
        let site = talk.conversation.site;
        batch.once("conversations.waiting", site.0, seq, draw_waiting);
    }
    Ok(())
}

/// How many wait at a site: pages add up those that they see.
fn draw_waiting(r: &Reader, site: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    let (id, site) = (site.to_string(), SiteId(site));
    let waiting = lists::count_waiting(r, site)?.to_string();
    let audience = Audience::of(LISTS).within(site);
    batch.text(audience, at(seq, "waiting", &id), waiting);
    Ok(())
}

fn draw_header(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    if !batch.is_watched(topic(ConversationId(id))) {
        return Ok(());
    }
    let talk = Talk::of(r, batch, ConversationId(id))?;
    let Some(entry) = talk.entry(r)? else {
        return Ok(());
    };
    let list = format!("header-{}", entry.key);
    let windows = batch.tool::<Windows>()?;
    for lang in batch.languages() {
        let html = view::header_html(r, &windows, &talk.conversation, &entry, *lang)?;
        batch.put(talk.viewers(*lang), at(seq, &list, "part"), &html);
    }
    Ok(())
}

fn draw_panel(r: &Reader, id: i64, seq: Seq, batch: &mut Batch) -> Result<()> {
    if !batch.is_watched(topic(ConversationId(id))) {
        return Ok(());
    }
    let talk = Talk::of(r, batch, ConversationId(id))?;
    let list = format!("visitor-{}", talk.conversation.key);
    let windows = batch.tool::<Windows>()?;
    let panels = view::panels_html(r, &talk.conversation, &windows, batch.languages())?;
    for (lang, html) in panels {
        batch.put(talk.viewers(lang), at(seq, &list, "part"), &html);
    }
    Ok(())
}

fn at<'a>(seq: Seq, list: &'a str, id: &'a str) -> At<'a> {
    let key = "";
    At { seq, list, id, key }
}
