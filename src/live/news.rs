//! From events to what changes on whose screen. Rendering happens once for each
//! event and language, not once for each listener; an entry of a list only once
//! a batch, in its newest state.

use std::collections::HashMap;

use super::protocol::{Item, Op};
use crate::conversations::{self, Conversation, Message, lists, view};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::events::{Event, Side};
use crate::hub::{Audience, News};
use crate::journal::Fact;
use crate::kernel::{Actor, Base, ConversationId, Seq};
use crate::texts::Lang;
use crate::{sites, visitors};

/// An error means that the database was busy, and says nothing about any event.
/// `viewed`: whether any of the listeners shows that conversation.
pub fn of(
    r: &Reader,
    base: &Base,
    facts: &[Fact],
    languages: &[Lang],
    viewed: impl Fn(ConversationId) -> bool,
) -> Result<Vec<News>> {
    let mut news = Vec::with_capacity(facts.len() * 2);
    let mut touched: HashMap<ConversationId, Touched> = HashMap::with_capacity(facts.len());
    let mut order = Vec::new();
    for fact in facts {
        let id = fact.event.conversation();
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
        place.last = fact.seq;
        match show(r, base, fact, place, languages, &mut news) {
            Ok(()) => (),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            // One unshowable event must not silence the ones after it.
            Err(error) => {
                tracing::error!(%error, seq = fact.seq.0, "cannot show event {}: {error}", fact.seq)
            }
        }
    }
    for id in order {
        let Some(place) = touched.get(&id) else {
            continue;
        };
        match list_entries(r, base, place, languages, &mut news) {
            Ok(()) => (),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) => tracing::error!(%error, "cannot list a conversation: {error}"),
        }
    }
    Ok(news)
}

struct Touched {
    conversation: Conversation,
    viewed: bool,
    /// The visitor's, where somebody looks.
    number: i64,
    last: Seq,
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
            last: Seq(0),
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
    fact: &Fact,
    place: &mut Touched,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<()> {
    if let Event::Seen { side, up_to, .. } = fact.event {
        seen(fact.seq, place, side, up_to, languages, news);
        return Ok(());
    }
    let message = match conversations::find_message(r, fact.seq) {
        Ok(message) => message,
        // Not every event has a line in the conversation.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    to_visitor(r, fact, place, &message, news)?;
    if place.viewed {
        to_viewers(r, base, fact, place, &message, languages, news)?;
    }
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
    let item = |list: &str| {
        let item = Item {
            seq,
            op: Op::Text,
            list,
            id,
            key: "",
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
    tell(Audience::Visitor(conversation.visitor), item("seen"));
    if place.viewed {
        let item = item(&format!("seen-{}", conversation.key));
        for lang in languages {
            tell(Audience::Viewers(conversation.id, *lang), item.clone());
        }
    }
}

fn to_visitor(
    r: &Reader,
    fact: &Fact,
    place: &mut Touched,
    message: &Message,
    news: &mut Vec<News>,
) -> Result<()> {
    let audience = Audience::Visitor(place.conversation.visitor);
    if conversations::is_shown_to_visitor(message.kind, message.change) {
        let lang = match message.kind {
            conversations::Kind::System => place.visitors_language(r)?,
            _ => Lang::default(),
        };
        let item = Item {
            seq: fact.seq,
            op: Op::Put,
            list: "log",
            id: &view::row_id(message.id),
            key: &view::sort_key(message.id.0),
            html: None,
            data: Some(view::for_visitor(message, lang)),
        };
        news.push(item.news(audience));
    }
    let state = match fact.event {
        Event::ConversationResolved { .. } => "resolved",
        Event::ConversationReopened { .. } => "open",
        _ => return Ok(()),
    };
    let item = Item {
        seq: fact.seq,
        op: Op::Text,
        list: "state",
        id: "state",
        key: "",
        html: None,
        data: Some(state),
    };
    news.push(item.news(audience));
    Ok(())
}

fn to_viewers(
    r: &Reader,
    base: &Base,
    fact: &Fact,
    place: &Touched,
    message: &Message,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<()> {
    let conversation = &place.conversation;
    let state_changed = !matches!(
        fact.event,
        Event::MessagePosted { .. } | Event::TranscriptSent { .. }
    );
    for lang in languages {
        let audience = Audience::Viewers(conversation.id, *lang);
        let number = place.number;
        let html = view::message_html(message, number, conversation.visitor_seen, *lang)?;
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
        if state_changed {
            let html = view::header_html(r, conversation.id, *lang)?;
            let item: Item = Item {
                seq: fact.seq,
                op: Op::Put,
                list: &format!("header-{}", conversation.key),
                id: "header",
                key: "",
                html: Some(&base.links(&html)),
                data: None,
            };
            news.push(item.news(audience));
        }
    }
    Ok(())
}

fn list_entries(
    r: &Reader,
    base: &Base,
    place: &Touched,
    languages: &[Lang],
    news: &mut Vec<News>,
) -> Result<()> {
    if languages.is_empty() {
        return Ok(());
    }
    let Some(entry) = lists::entry(r, place.conversation.id)? else {
        return Ok(());
    };
    for lang in languages {
        let html = view::entry_html(&entry, *lang)?;
        let item: Item = Item {
            seq: place.last,
            op: Op::Put,
            list: "conversations",
            id: &view::entry_id(&entry.key),
            key: &view::sort_key(entry.last_at),
            html: Some(&base.links(&html)),
            data: None,
        };
        news.push(item.news(Audience::AgentsReading(*lang)));
    }
    Ok(())
}
