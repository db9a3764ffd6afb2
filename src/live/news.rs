//! From events to what changes on whose screen. Rendering happens once for each
//! event and language, not once for each listener; an entry of a list, a header
//! and the panel about a visitor only once a batch, in their newest state. What
//! only one agent has done is told to all in few words, and drawn by nobody.

use std::collections::{BTreeMap, HashMap};

use super::protocol::{Item, Op};
use crate::conversations::lists::{self, Entry};
use crate::conversations::{self, Conversation, Kind, Message, Windows, view};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::events::{Event, Side};
use crate::hub::{Audience, News};
use crate::journal::Fact;
use crate::kernel::{Actor, AgentId, Base, ConversationId, Seq, SiteId, Subject, Timestamp};
use crate::texts::Lang;
use crate::{sites, visitors};

/// An error means that the database was busy, and says nothing about any event.
/// `viewed`: whether any of the listeners shows that conversation.
pub fn of(
    r: &Reader,
    base: &Base,
    windows: &Windows,
    facts: &[Fact],
    languages: &[Lang],
    viewed: impl Fn(ConversationId) -> bool,
) -> Result<Vec<News>> {
    let mut news = Vec::with_capacity(facts.len() * 2);
    let mut touched: HashMap<ConversationId, Touched> = HashMap::with_capacity(facts.len());
    let mut order = Vec::new();
    for fact in facts {
        let Subject::Conversation(id) = fact.subject else {
            continue;
        };
        let known = touched.contains_key(&id);
        if !known {
            match Touched::load(r, id, &viewed) {
                Ok(found) => {
                    order.push(id);
                    touched.insert(id, found);
                }
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, seq = fact.seq.0, "cannot show event {}: {error}", fact.seq);
                    continue;
                }
            }
        }
        let Some(place) = touched.get_mut(&id) else {
            continue;
        };
        match show(r, base, windows, fact, place, languages, &mut news) {
            Ok(()) => (),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            // One unshowable event must not silence the ones after it.
            Err(error) => {
                tracing::error!(%error, seq = fact.seq.0, "cannot show event {}: {error}", fact.seq)
            }
        }
    }
    let mut turned: BTreeMap<SiteId, Seq> = BTreeMap::new();
    for id in order {
        let Some(place) = touched.get(&id) else {
            continue;
        };
        match once_a_batch(r, base, windows, place, languages, &mut news) {
            Ok(Some(seq)) => {
                let newest = turned.entry(place.conversation.site).or_default();
                *newest = seq.max(*newest);
            }
            Ok(None) => (),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) => tracing::error!(%error, "cannot list a conversation: {error}"),
        }
    }
    for (site, seq) in turned {
        match count_waiting(r, site, seq, &mut news) {
            Ok(()) => (),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) => tracing::error!(%error, "cannot count who waits: {error}"),
        }
    }
    Ok(news)
}

/// Who answers in a conversation; nobody, where none.
pub type Answerer = (ConversationId, Option<AgentId>);

/// Who answers now, where somebody has joined. An error means that the database
/// was busy, here too.
pub fn answerers(r: &Reader, facts: &[Fact]) -> Result<Vec<Answerer>> {
    let mut found = Vec::new();
    for fact in facts {
        let (Event::Assigned { .. }, Subject::Conversation(conversation)) =
            (&fact.event, fact.subject)
        else {
            continue;
        };
        match conversations::find(r, Actor::House, conversation) {
            Ok(it) => found.push((it.id, it.assignee)),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            // It is gone, or of a newer version. `of` has said so already.
            Err(_) => (),
        }
    }
    Ok(found)
}

struct Touched {
    conversation: Conversation,
    viewed: bool,
    /// The visitor's, where somebody looks.
    number: i64,
    /// The newest event that changes its entry in the lists.
    listed: Option<Seq>,
    /// The newest one after which somebody may wait who did not, or no longer.
    turned: Option<Seq>,
    /// The visitor's newest line, and when he wrote it.
    asked: Option<(Seq, Timestamp)>,
    /// The newest event that changes the header.
    header: Option<Seq>,
    /// The newest one that changes what is known about the visitor.
    about: Option<Seq>,
    /// The visitor's language and the site's zone, once a line needs them.
    reader: Option<Lang>,
}

impl Touched {
    fn load(
        r: &Reader,
        id: ConversationId,
        viewed: &impl Fn(ConversationId) -> bool,
    ) -> Result<Self> {
        let conversation = conversations::find(r, Actor::House, id)?;
        let viewed = viewed(id);
        let number = match viewed {
            true => visitors::find(r, conversation.visitor)?.number,
            false => 0,
        };
        Ok(Self {
            conversation,
            viewed,
            number,
            listed: None,
            turned: None,
            asked: None,
            header: None,
            about: None,
            reader: None,
        })
    }

    fn visitors_language(&mut self, r: &Reader) -> Result<Lang> {
        if let Some(known) = self.reader {
            return Ok(known);
        }
        let visitor = visitors::find(r, self.conversation.visitor)?;
        let fallback = sites::find(r, visitor.site)?.lang;
        let lang = Lang::from_code(&visitor.lang).unwrap_or(fallback);
        self.reader = Some(lang);
        Ok(lang)
    }
}

fn show(
    r: &Reader,
    base: &Base,
    windows: &Windows,
    fact: &Fact,
    place: &mut Touched,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<()> {
    match fact.event {
        Event::Seen { side, up_to, .. } => {
            seen(fact.seq, place, side, up_to, languages, news);
            return Ok(());
        }
        Event::Read {
            agent,
            up_to,
            answers,
            ..
        } => {
            if answers {
                seen(fact.seq, place, Side::Agents, up_to, languages, news);
            }
            return read(r, fact.seq, place, agent, languages, news);
        }
        // These have no line in the conversation.
        Event::ConversationStarted | Event::Assigned { .. } => return Ok(()),
        _ => (),
    }
    let message = match conversations::find_message(r, fact.seq) {
        Ok(message) => message,
        // Not every event has a line in the conversation.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    note(r, fact, place, &message)?;
    to_visitor(r, windows, fact, place, &message, news)?;
    if place.viewed {
        to_viewers(base, windows, fact, place, &message, languages, news)?;
    }
    Ok(())
}

/// What has to be drawn afresh once all events of the batch are known.
fn note(r: &Reader, fact: &Fact, place: &mut Touched, message: &Message) -> Result<()> {
    let seq = Some(fact.seq);
    place.listed = seq;
    match message.kind {
        Kind::Note => (),
        Kind::Agent => place.turned = seq,
        Kind::Visitor => {
            place.asked = Some((fact.seq, message.at));
            if place.viewed && !conversations::came_from_the_same_place(r, message)? {
                place.about = seq;
            }
        }
        Kind::System => {
            place.turned = seq;
            place.header = seq;
            place.about = seq;
        }
    }
    Ok(())
}

/// His own pages take it to heart; the others learn who has read.
fn read(
    r: &Reader,
    seq: Seq,
    place: &Touched,
    agent: AgentId,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<()> {
    if languages.is_empty() {
        return Ok(());
    }
    let conversation = &place.conversation;
    let item = Item {
        seq,
        op: Op::Text,
        list: "read",
        id: &view::entry_id(&conversation.key),
        key: "",
        html: None,
        data: Some(view::read_mark(r, conversation.id, agent)?),
    };
    news.push(item.news(Audience::AgentsAt(conversation.site)));
    Ok(())
}

/// Ticks: both sides learn how far the other has read.
fn seen(
    seq: Seq,
    place: &Touched,
    side: Side,
    up_to: Seq,
    languages: &[Lang],
    news: &mut Vec<News>,
) {
    let conversation = &place.conversation;
    let id = match side {
        Side::Agents => "agents",
        Side::Visitor => "visitor",
    };
    let up_to = up_to.to_string();
    let item = |list: &str, key: &str| {
        let item = Item {
            seq,
            op: Op::Text,
            list,
            id,
            key,
            html: None,
            data: Some(&up_to),
        };
        item.text()
    };
    let mut tell = |audience, text| {
        news.push(News {
            audience,
            seq,
            text,
        });
    };
    let to_him = item("seen", &conversation.key.0);
    tell(Audience::Visitor(conversation.visitor), to_him);
    if place.viewed {
        let item = item(&format!("seen-{}", conversation.key), "");
        for lang in languages {
            tell(Audience::Viewers(conversation.id, *lang), item.clone());
        }
    }
}

fn to_visitor(
    r: &Reader,
    windows: &Windows,
    fact: &Fact,
    place: &mut Touched,
    message: &Message,
    news: &mut Vec<News>,
) -> Result<()> {
    let audience = Audience::Visitor(place.conversation.visitor);
    if message.is_shown_to_visitor() {
        let lang = match message.kind {
            Kind::System => place.visitors_language(r)?,
            _ => Lang::default(),
        };
        let item = Item {
            seq: fact.seq,
            op: Op::Put,
            list: "log",
            id: &view::row_id(message.id),
            key: &view::sort_key(message.id.0),
            html: None,
            data: Some(view::for_visitor(
                message,
                place.conversation.begun(),
                windows,
                lang,
            )),
        };
        news.push(item.news(audience));
    }
    let state = match fact.event {
        Event::ConversationResolved => "resolved",
        Event::ConversationReopened => "open",
        _ => return Ok(()),
    };
    let item = Item {
        seq: fact.seq,
        op: Op::Text,
        list: "state",
        id: "state",
        key: &place.conversation.key.0,
        html: None,
        data: Some(state),
    };
    news.push(item.news(audience));
    Ok(())
}

fn to_viewers(
    base: &Base,
    windows: &Windows,
    fact: &Fact,
    place: &Touched,
    message: &Message,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<()> {
    let conversation = &place.conversation;
    for lang in languages {
        let audience = Audience::Viewers(conversation.id, *lang);
        let number = place.number;
        let seen = conversation.visitor_seen;
        let html = view::message_html(message, windows, number, seen, *lang)?;
        let item: Item = Item {
            seq: fact.seq,
            op: Op::Put,
            list: &format!("log-{}", conversation.key),
            id: &view::row_id(message.id),
            key: &view::sort_key(message.id.0),
            html: Some(&base.links(&html)),
            data: None,
        };
        news.push(item.news(audience));
    }
    Ok(())
}

/// The entry in the lists, the header, the panel. Where somebody may wait who did
/// not, or no longer, the position at which that became so.
fn once_a_batch(
    r: &Reader,
    base: &Base,
    windows: &Windows,
    place: &Touched,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<Option<Seq>> {
    let Some(listed) = place.listed.filter(|_| !languages.is_empty()) else {
        return Ok(None);
    };
    let conversation = &place.conversation;
    let Some(entry) = lists::entry(r, conversation.id)? else {
        return Ok(None);
    };
    for lang in languages {
        let html = view::entry_html(r, windows, &entry, *lang)?;
        let item = Item {
            seq: listed,
            op: Op::Put,
            list: "conversations",
            id: &view::entry_id(&entry.key),
            key: &entry.rank(),
            html: Some(&base.links(&html)),
            // Pages ring for a visitor's line, not for whatever else moves an entry.
            data: place.asked.map(|(seq, _)| seq.to_string()),
        };
        news.push(item.news(Audience::AgentsReading(conversation.site, *lang)));
    }
    if place.viewed {
        parts(r, base, windows, place, &entry, languages, news)?;
    }
    // A visitor who waits already goes on waiting; most lines are such ones.
    let begins = place
        .asked
        .filter(|(_, at)| entry.waiting_since == Some(*at));
    Ok(place.turned.max(begins.map(|(seq, _)| seq)))
}

/// What else has changed for those who show this conversation.
fn parts(
    r: &Reader,
    base: &Base,
    windows: &Windows,
    place: &Touched,
    entry: &Entry,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<()> {
    let conversation = &place.conversation;
    let mut put = |seq, part: &str, lang: Lang, html: &str| {
        let item: Item = Item {
            seq,
            op: Op::Put,
            list: &format!("{part}-{}", conversation.key),
            id: "part",
            key: "",
            html: Some(&base.links(html)),
            data: None,
        };
        news.push(item.news(Audience::Viewers(conversation.id, lang)));
    };
    if let Some(seq) = place.header {
        for lang in languages {
            let html = view::header_html(r, windows, conversation, entry, *lang)?;
            put(seq, "header", *lang, &html);
        }
    }
    if let Some(seq) = place.about {
        for (lang, html) in view::panels_html(r, conversation, windows, languages)? {
            put(seq, "visitor", lang, &html);
        }
    }
    Ok(())
}

/// How many wait at a site: pages add up those that they see.
fn count_waiting(r: &Reader, site: SiteId, seq: Seq, news: &mut Vec<News>) -> Result<()> {
    let item = Item {
        seq,
        op: Op::Text,
        list: "waiting",
        id: &site.to_string(),
        key: "",
        html: None,
        data: Some(lists::count_waiting(r, site)?.to_string()),
    };
    news.push(item.news(Audience::AgentsAt(site)));
    Ok(())
}
