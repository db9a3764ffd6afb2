//! Conversations as others see them: rows, lines and headers for agents' pages,
//! data for the widget. The same functions draw a page and a live frame.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde::Serialize;

use super::lists::{self, Entry, Filter, List, Responsible, question};
use super::pages::{self, Act, DeviceBadge, Header, Here, More, Row, Thread, VisitorPanel};
use super::participants::{self, Participant, Role};
use super::parts::VisitorPart;
use super::{Conversation, Kind, LONGEST, Message, Said, State, Windows, attention, list_messages};
use crate::accounts::Agent;
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{
    Actor, AgentId, ConversationId, ConversationKey, Seq, Timestamp, iso, random_key,
};
use crate::sites;
use crate::texts::Lang;
use crate::visitors::{self, Device};
use crate::web;
use crate::web::pages::{Errors, Html, Moment};

/// A line as the widget gets it.
#[derive(Debug, Serialize)]
pub struct VisitorMessage {
    id: Seq,
    conversation: ConversationKey,
    /// When that began: a screen keeps the lines of each together.
    since: Timestamp,
    cid: String,
    from: &'static str,
    name: Option<String>,
    /// Who answers him from here on, where that is new; empty for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<String>,
    /// Plain text, also of the parts.
    body: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<VisitorPart>,
    at: String,
}

/// How a list keeps order: as text, so that it can stand in an attribute.
pub fn sort_key(n: i64) -> String {
    format!("{n:013}")
}

pub fn row_id(message: Seq) -> String {
    format!("m-{message}")
}

pub fn entry_id(key: &ConversationKey) -> String {
    format!("c-{key}")
}

/// `conversation`: the one it is in, and when that began.
pub fn for_visitor(
    message: &Message,
    (conversation, since): (&ConversationKey, Timestamp),
    windows: &Windows,
    t: Lang,
) -> VisitorMessage {
    VisitorMessage {
        id: message.id,
        conversation: conversation.clone(),
        since,
        cid: message.cid.clone(),
        from: match message.kind {
            Kind::Visitor => "visitor",
            Kind::Agent => "agent",
            // What the house shows stands there like what the shop says.
            Kind::System if !message.parts.is_empty() => "agent",
            Kind::Note | Kind::System => "system",
        },
        name: message.agent_name.clone(),
        with: with(message),
        body: windows.for_visitor(message, t),
        parts: windows.visitor_parts(message, t),
        at: iso(message.at),
    }
}

fn with(message: &Message) -> Option<String> {
    match (message.kind, &message.deed) {
        (Kind::Agent, _) => Some(message.agent_name.clone().unwrap_or_default()),
        (_, Some(deed)) => deed.answers().map(str::to_owned),
        (_, None) => None,
    }
}

/// For everybody alike: what each has read, his page finds out.
pub fn entry_html(r: &Reader, windows: &Windows, entry: &Entry, t: Lang) -> Result<String> {
    entry_html_with(&Additions::of(r, windows, &[entry.id], t)?, entry, t)
}

/// The same, with what the wings show of several.
pub fn entry_html_with(additions: &Additions, entry: &Entry, t: Lang) -> Result<String> {
    web::fragment(&row(entry, additions.of_one(entry.id), t))
}

/// How far one agent has read, as his pages note it: `7:15`.
pub fn read_mark(r: &Reader, conversation: ConversationId, agent: AgentId) -> Result<String> {
    let mark = attention::mark(r, conversation, agent)?;
    Ok(format!("{agent}:{}", mark.visitor_lines))
}

/// `number`: the visitor's, whose name stands where no agent acted.
pub fn message_html(
    message: &Message,
    windows: &Windows,
    number: i64,
    visitor_seen: Seq,
    t: Lang,
) -> Result<String> {
    let name = visitors::name(number, t);
    web::fragment(&line(message, windows, visitor_seen, &name, t)?)
}

pub fn header_html(
    r: &Reader,
    windows: &Windows,
    conversation: &Conversation,
    entry: &Entry,
    t: Lang,
) -> Result<String> {
    let more = windows.headers(r, conversation, t)?;
    let people = participants::list(r, conversation.id)?;
    web::fragment(&header(entry, &people, None, "", more, t))
}

/// What is particular to one look at the lists.
pub struct Listing<'a> {
    /// What keeps them narrowed to the same.
    pub query: &'a str,
    /// The conversation beside them.
    pub current: Option<&'a ConversationKey>,
}

/// The entries of a list on one page, and the way on.
pub fn rows(
    r: &Reader,
    agent: &Agent,
    windows: &Windows,
    filter: &Filter,
    after: Option<&str>,
    look: &Listing,
) -> Result<(Vec<Row>, Option<More>)> {
    let page = lists::page(r, agent.id, filter, after)?;
    let ids: Vec<ConversationId> = page.entries.iter().map(|it| it.id).collect();
    let additions = Additions::of(r, windows, &ids, agent.lang)?;
    let rows = page.entries.iter().map(|entry| {
        let mut row = row(entry, additions.of_one(entry.id), agent.lang);
        row.unread = Some(entry.unread(agent.id));
        row.theirs = entry.assignee.is_some() && !entry.takes_part(agent.id);
        row.current = look.current == Some(&entry.key);
        // Opening one leaves the list where it is. Not so where somebody may be
        // waiting: there the newest page is what must be in sight.
        let mark = after.filter(|_| filter.list == List::Resolved);
        let mark = mark.map(|it| format!("before={it}")).unwrap_or_default();
        row.query = question(&[shown(entry), look.query, &mark]);
        row
    });
    let rows = rows.collect();
    let more = page.next.map(|next| More {
        mark: next.mark,
        rank: next.rank,
    });
    Ok((rows, more))
}

/// By what the entries of one page are found, in any language.
pub struct Facets(HashMap<ConversationId, Vec<String>>);

impl Facets {
    pub fn of(r: &Reader, windows: &Windows, ids: &[ConversationId]) -> Result<Self> {
        Ok(Self(windows.facets(r, ids)?))
    }
}

/// What wings say of the entries of one page.
pub struct Additions {
    ids: HashSet<ConversationId>,
    more: HashMap<ConversationId, Vec<Html>>,
    facets: Rc<Facets>,
}

impl Additions {
    pub fn of(r: &Reader, windows: &Windows, ids: &[ConversationId], t: Lang) -> Result<Self> {
        let facets = Rc::new(Facets::of(r, windows, ids)?);
        Self::found_by(r, windows, facets, ids, t)
    }

    /// The same where it is known by what they are found.
    pub fn found_by(
        r: &Reader,
        windows: &Windows,
        facets: Rc<Facets>,
        ids: &[ConversationId],
        t: Lang,
    ) -> Result<Self> {
        Ok(Self {
            ids: ids.iter().copied().collect(),
            more: windows.rows(r, ids, t)?,
            facets,
        })
    }

    /// Whether this one is among them.
    pub fn holds(&self, id: ConversationId) -> bool {
        self.ids.contains(&id)
    }

    fn of_one(&self, id: ConversationId) -> (Vec<Html>, Vec<String>) {
        let facets = self.facets.0.get(&id).cloned().unwrap_or_default();
        (self.more.get(&id).cloned().unwrap_or_default(), facets)
    }
}

fn row(entry: &Entry, (more, wings): (Vec<Html>, Vec<String>), t: Lang) -> Row {
    let mut facets = vec![
        lists::site_facet(entry.site),
        Responsible::of(entry.assignee).facet(),
    ];
    facets.extend(wings);
    Row {
        t,
        conversation: entry.key.to_string(),
        number: entry.number,
        name: visitors::name(entry.number, t),
        site: entry.site_name.clone(),
        key: entry.rank(),
        state: state_word(entry.state),
        assignee: entry.assignee.map(|it| it.0),
        assignee_name: entry.assignee_name.clone().unwrap_or_default(),
        here: entry.here.clone(),
        preview_by: match entry.last_kind {
            Kind::Visitor => "visitor",
            Kind::Agent => "agent",
            Kind::Note | Kind::System => "",
        },
        preview: entry.last_text.clone(),
        lines: entry.visitor_lines,
        read: entry.read.clone(),
        unread: None,
        theirs: false,
        waiting: waiting_word(entry),
        waiting_at: entry.waiting_since.map(|it| Moment::new(iso(it))),
        at: Moment::new(iso(entry.last_at)),
        query: question(&[shown(entry)]),
        facets: facets.join(" "),
        current: false,
        more,
    }
}

/// `viewer`: whose page it is drawn for; a live frame is for everybody. `query`: what
/// the lists beside it are narrowed to.
fn header(
    entry: &Entry,
    people: &[Participant],
    viewer: Option<&Agent>,
    query: &str,
    more: Vec<Html>,
    t: Lang,
) -> Header {
    let here = people.iter().map(|it| Here {
        id: it.agent.0,
        name: it.name.clone(),
        responsible: it.role == Role::Responsible,
        since: Moment::new(iso(it.since)),
    });
    Header {
        t,
        csrf: viewer.map(|it| it.csrf.clone()).unwrap_or_default(),
        viewer: viewer.map(|it| it.id.0),
        conversation: entry.key.to_string(),
        number: entry.number,
        name: visitors::name(entry.number, t),
        state: state_word(entry.state),
        waiting: waiting_word(entry),
        assignee: entry.assignee.map(|it| it.0),
        here: here.collect(),
        back: format!("/inbox{}", question(&[shown(entry), query])),
        more,
    }
}

/// How an address asks for the lists in which it stands.
fn shown(entry: &Entry) -> &'static str {
    lists::show(entry.state == State::Resolved)
}

/// Whether the visitor waits for a reply: `yes`, `aside` where an agent said that
/// none is needed, or empty.
fn waiting_word(entry: &Entry) -> &'static str {
    match (entry.state, entry.waiting_since, entry.waiting_before) {
        (State::Open, Some(_), _) => "yes",
        (State::Open, None, Some(_)) => "aside",
        _ => "",
    }
}

/// `visitor`: what to call him where no agent acted.
fn line(
    message: &Message,
    windows: &Windows,
    visitor_seen: Seq,
    visitor: &str,
    t: Lang,
) -> Result<pages::Message> {
    let agent = message.agent_name.as_deref();
    let said = match &message.deed {
        Some(deed) => windows.say(deed, agent, visitor, t),
        None => Said::default(),
    };
    Ok(pages::Message {
        t,
        id: message.id.0,
        cid: message.cid.clone(),
        kind: match message.kind {
            Kind::Visitor => "visitor",
            Kind::Agent => "agent",
            Kind::Note => "note",
            Kind::System => "system",
        },
        name: agent.unwrap_or(visitor).to_owned(),
        said,
        pieces: windows.pieces(message, t)?,
        at: Moment::new(iso(message.at)),
        seen: message.id <= visitor_seen,
        device: message.device.as_ref().map(badge),
    })
}

fn badge(device: &Device) -> DeviceBadge {
    DeviceBadge {
        kind: device.kind.clone(),
        words: device.words(),
    }
}

/// What is particular to one look at a thread.
#[derive(Default)]
pub struct Look {
    pub before: Option<Seq>,
    /// The list beside it is that of what is resolved.
    pub resolved: bool,
    /// What that list is narrowed to.
    pub query: String,
    pub draft: String,
    pub note: bool,
    pub errors: Errors,
    /// A sheet that stands open because its form was refused; see `Windows::sheet`.
    pub sheet: Option<(&'static str, Html)>,
}

pub fn thread(
    r: &Reader,
    agent: &Agent,
    windows: &Windows,
    conversation: &Conversation,
    look: Look,
) -> Result<Thread> {
    let t = agent.lang;
    let by = Actor::Agent(agent.id);
    let visitor = visitors::find(r, conversation.visitor)?;
    let name = visitors::name(visitor.number, t);
    let (messages, more) = list_messages(r, by, conversation.id, look.before)?;
    let entry = lists::entry(r, conversation.id)?;
    let entry = entry.ok_or(crate::error::Error::NotFound("conversation"))?;
    let last_seen = messages.last().map_or(0, |it| it.id.0);
    let tools = windows.headers(r, conversation, t)?;
    let people = participants::list(r, conversation.id)?;
    let lines = messages
        .iter()
        .map(|it| line(it, windows, conversation.visitor_seen, &name, t));
    Ok(Thread {
        t,
        csrf: agent.csrf.clone(),
        conversation: conversation.key.to_string(),
        agent_id: agent.id.0,
        agent_name: agent.name.clone(),
        header: header(&entry, &people, Some(agent), &look.query, tools, t),
        messages: lines.collect::<Result<_>>()?,
        earlier: messages.first().filter(|_| more).map(|it| it.id.0),
        deep: look.before.is_some(),
        resolved: look.resolved,
        query: look.query,
        read: attention::mark(r, conversation.id, agent.id)?.up_to.0,
        visitor_seen: conversation.visitor_seen.0,
        last_seen,
        cid: random_key().replace('_', "-"),
        longest: LONGEST as i64,
        draft: look.draft,
        note: look.note,
        errors: look.errors,
        visitor: panel(r, conversation, &about(r, conversation)?, windows, t)?,
        log_ends: windows.log_ends(r, agent, conversation)?,
        composers: windows.composers(r, agent, conversation)?,
        sheets: windows.sheets(r, agent, conversation, look.sheet)?,
        name,
    })
}

/// Who a visitor is, in every language.
struct About {
    visitor: visitors::Visitor,
    site: String,
    started: Timestamp,
    /// The newest line he wrote.
    last: Option<Message>,
    changes: Vec<Message>,
}

fn about(r: &Reader, conversation: &Conversation) -> Result<About> {
    Ok(About {
        visitor: visitors::find(r, conversation.visitor)?,
        site: sites::find(r, conversation.site)?.name,
        started: conversation.created_at,
        last: super::last_of_visitor(r, conversation.id)?,
        changes: super::list_changes(r, conversation.id)?,
    })
}

/// The panel about the visitor, once for each language.
pub fn panels_html(
    r: &Reader,
    conversation: &Conversation,
    windows: &Windows,
    languages: &[Lang],
) -> Result<Vec<(Lang, String)>> {
    let about = about(r, conversation)?;
    let draw = |t: &Lang| {
        Ok((
            *t,
            web::fragment(&panel(r, conversation, &about, windows, *t)?)?,
        ))
    };
    languages.iter().map(draw).collect()
}

fn panel(
    r: &Reader,
    conversation: &Conversation,
    about: &About,
    windows: &Windows,
    t: Lang,
) -> Result<VisitorPanel> {
    let name = visitors::name(about.visitor.number, t);
    let last = about.last.as_ref();
    let device = last.and_then(|it| it.device.as_ref());
    Ok(VisitorPanel {
        t,
        number: about.visitor.number,
        lang: about.visitor.lang.clone(),
        page: last.and_then(|it| it.page.clone()),
        page_title: last.and_then(|it| it.title.clone()),
        device_raw: device.map(|it| it.raw.clone()).unwrap_or_default(),
        device: device.map(badge),
        site: about.site.clone(),
        started: Moment::new(iso(about.started)),
        first_answer: conversation
            .first_answer_at
            .map(|at| after(at - conversation.created_at, t)),
        cards: windows.cards(r, conversation, t)?,
        history: about
            .changes
            .iter()
            .filter_map(|it| Some((it, it.deed.as_ref()?)))
            .map(|(it, deed)| Act {
                words: windows.say(deed, it.agent_name.as_deref(), &name, t).words,
                at: Moment::new(iso(it.at)),
            })
            .collect(),
        name,
    })
}

/// “after 2 min”.
fn after(milliseconds: i64, t: Lang) -> String {
    match milliseconds / 60_000 {
        ..=0 => t.conversation_after_seconds().to_owned(),
        n @ 1..60 => t.conversation_after_minutes(n),
        n @ 60..1440 => t.conversation_after_hours(n / 60),
        n => t.conversation_after_days(n / 1440),
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Resolved => "resolved",
    }
}
