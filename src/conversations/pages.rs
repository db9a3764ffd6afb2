//! The inbox and its parts. A part is drawn by the same template on the first
//! paint and in a live frame, so it knows nothing of who looks at it: what is
//! "mine" is told by the page around it.

use askama::Template;

use super::lists::{ListsHead, question, show};
use super::{Piece, Said};
use crate::kernel::{Stretch, stretches};
use crate::texts::Lang;
use crate::web::pages::{Errors, Html, Moment, Shell};

/// The whole inbox: lists, and the conversation that is open, if one is.
#[derive(Template)]
#[template(path = "conversations/inbox.html")]
pub struct Inbox {
    pub t: Lang,
    pub shell: Shell,
    /// `open` (My chats above Inbox) or `resolved`.
    pub show: &'static str,
    pub head: ListsHead,
    pub mine: Vec<Row>,
    pub inbox: Vec<Row>,
    pub resolved: Vec<Row>,
    /// The way on in My chats.
    pub more_mine: Option<More>,
    /// The way on in Inbox (or in Resolved).
    pub more: Option<More>,
    /// This is not the first page of Inbox (or of Resolved).
    pub deep: bool,
    /// Nor this of My chats.
    pub deep_mine: bool,
    /// The conversation that is open, or what stands in its place.
    pub middle: Middle,
    /// Of the wings.
    pub scripts: Vec<&'static str>,
    pub styles: Vec<&'static str>,
}

impl Inbox {
    /// This page with its lists at their start, or further on.
    pub fn with(&self, further: &str) -> String {
        let ListsHead { here, query, .. } = &self.head;
        let asked = question(&[show(self.head.resolved), query, further]);
        format!("{here}{asked}")
    }

    /// What an address asks for that keeps the lists as they are.
    pub fn asked(&self) -> String {
        question(&[show(self.head.resolved), &self.head.query])
    }

    /// Where a list goes on. `word`: whose mark it is.
    pub fn after(&self, word: &str, more: &More) -> String {
        self.with(&format!("{word}={}", more.mark))
    }
}

/// What stands beside the lists.
#[derive(Template)]
#[template(path = "conversations/_middle.html")]
pub struct Middle {
    pub t: Lang,
    pub thread: Option<Thread>,
    /// The one that was asked for is not there, or not for him.
    pub gone: bool,
    /// The lists are those of what is resolved.
    pub resolved: bool,
    /// They are narrowed to something, and this is the way to be without.
    pub narrows: bool,
    pub cleared: String,
    pub administers: bool,
    /// The site whose `/demo-shop` is switched on.
    pub demo_shop: Option<String>,
}

impl Middle {
    pub fn of(t: Lang, resolved: bool) -> Self {
        Self {
            t,
            thread: None,
            gone: false,
            resolved,
            narrows: false,
            cleared: String::new(),
            administers: false,
            demo_shop: None,
        }
    }

    /// Of the page.
    pub fn title(&self) -> &str {
        match &self.thread {
            Some(it) => &it.name,
            None if self.resolved => self.t.conversation_resolved(),
            None => self.t.conversation_inbox(),
        }
    }

    /// The key of the conversation that is open; empty without one.
    pub fn view(&self) -> &str {
        self.thread.as_ref().map_or("", |it| &it.conversation)
    }

    /// On a phone there is room for this only.
    pub fn is_taken(&self) -> bool {
        self.thread.is_some() || self.gone
    }
}

/// The middle alone, for a page that has its lists already.
#[derive(Template)]
#[template(path = "conversations/region.html")]
pub struct Region {
    pub middle: Middle,
    /// Where the journal stood when it was drawn.
    pub seq: i64,
    pub epoch: String,
    /// Whose it is, and what he may and sees: a page of another keeps nothing of it.
    pub agent: i64,
    pub look: String,
}

/// Where a list goes on.
pub struct More {
    pub mark: String,
    /// As in `Row::key`: what ranks lower does not stand on this page.
    pub rank: String,
}

/// One entry of a list.
#[derive(Template)]
#[template(path = "conversations/_row.html")]
pub struct Row {
    pub t: Lang,
    pub conversation: String,
    pub number: i64,
    pub name: String,
    /// Shown to who sees more than one.
    pub site: String,
    /// The greatest first: who waits longest, then what was touched last.
    pub key: String,
    /// `open` or `resolved`.
    pub state: &'static str,
    pub assignee: Option<i64>,
    pub assignee_name: String,
    /// The agents who take part: `3 7`.
    pub here: String,
    /// Who wrote `preview`: `visitor`, `agent`, or empty.
    pub preview_by: &'static str,
    pub preview: String,
    /// How many lines the visitor has written.
    pub lines: i64,
    /// How many of them were read by whom; see `lists::Entry`.
    pub read: String,
    /// How many the one who looks at it has not read. Absent in a live frame,
    /// where his page counts.
    pub unread: Option<i64>,
    /// Colleagues answer there, and he does not. False in a live frame, where the page knows.
    pub theirs: bool,
    /// Whether the visitor waits for a reply: `yes`, `aside` or empty.
    pub waiting: &'static str,
    /// Since when he does.
    pub waiting_at: Option<Moment>,
    pub at: Moment,
    /// What keeps the lists where they are when it is opened.
    pub query: String,
    /// What pages tell by whether it belongs to what they are narrowed to: its
    /// site, who is responsible, and what wings add. `site-1 agent-7 colour-3`
    pub facets: String,
    /// It is the one on the screen. False in a live frame.
    pub current: bool,
    /// What wings say of it.
    pub more: Vec<Html>,
}

impl Row {
    /// A colleague's unread lines are his business.
    pub fn counts(&self) -> bool {
        0 < self.unread.unwrap_or_default() && !self.theirs
    }

    pub fn shown(&self) -> String {
        match self.unread.unwrap_or_default() {
            few @ ..=99 => few.to_string(),
            _ => "99+".to_owned(),
        }
    }

    pub fn hue(&self) -> i64 {
        hue(self.number)
    }

    pub fn face(&self) -> String {
        face(self.number, &self.name)
    }
}

/// An open conversation: log, composer, visitor.
#[derive(Template)]
#[template(path = "conversations/_thread.html")]
pub struct Thread {
    pub t: Lang,
    pub csrf: String,
    pub conversation: String,
    /// How the visitor is called.
    pub name: String,
    pub agent_id: i64,
    pub agent_name: String,
    pub header: Header,
    pub messages: Vec<Message>,
    /// The id before which the page of earlier lines ends.
    pub earlier: Option<i64>,
    /// These are not the newest lines.
    pub deep: bool,
    /// The list beside it is that of what is resolved.
    pub resolved: bool,
    /// What that list is narrowed to; see `lists::Asked`.
    pub query: String,
    /// The one who looks at it has read everything up to this line.
    pub read: i64,
    /// The visitor has seen everything up to this line.
    pub visitor_seen: i64,
    /// The newest line on this page, to notice a colleague's answer.
    pub last_seen: i64,
    /// A fresh client id, for a form sent without a script.
    pub cid: String,
    pub longest: i64,
    /// What had been typed when a form was refused.
    pub draft: String,
    /// The composer is open for a note.
    pub note: bool,
    pub errors: Errors,
    pub visitor: VisitorPanel,
    /// What wings add, where each stands.
    pub log_ends: Vec<Html>,
    pub composers: Vec<Html>,
    pub sheets: Vec<Html>,
}

impl Thread {
    /// Whether the agent who looks at it answers here.
    pub fn is_joined(&self) -> bool {
        self.header.has(self.agent_id)
    }

    /// Whether the newest line has not been on his screen. No script can say so for
    /// him where there is none.
    pub fn is_unread(&self) -> bool {
        !self.deep && self.read < self.last_seen
    }

    /// This page with the lists as they are.
    pub fn with(&self, further: impl AsRef<str>) -> String {
        let asked = question(&[show(self.resolved), &self.query, further.as_ref()]);
        format!("/inbox/{}{asked}", self.conversation)
    }

    /// Whether there is a box to write in.
    pub fn is_writable(&self) -> bool {
        self.note || self.errors.any() || (self.is_joined() && self.header.state == "open")
    }

    /// The line an agent sees while it is on its way; `agent` or `note`.
    pub fn placeholder(&self, kind: &'static str) -> Message {
        Message {
            t: self.t,
            id: 0,
            cid: String::new(),
            kind,
            name: self.agent_name.clone(),
            said: Said::default(),
            pieces: vec![Piece {
                text: String::new(),
                html: None,
            }],
            at: Moment::default(),
            seen: false,
            device: None,
        }
    }
}

/// One line: of the visitor, of an agent, a note, or what somebody did.
#[derive(Template)]
#[template(path = "conversations/_message.html")]
pub struct Message {
    pub t: Lang,
    /// 0 while it is on its way.
    pub id: i64,
    pub cid: String,
    /// `visitor`, `agent`, `note` or `system`.
    pub kind: &'static str,
    /// Whose line it is; the visitor's name where no agent did it.
    pub name: String,
    /// For `system`: what was done.
    pub said: Said,
    /// For all others: what was written, and what else it holds.
    pub pieces: Vec<Piece>,
    pub at: Moment,
    /// For `agent`: the visitor has seen it.
    pub seen: bool,
    /// For `visitor`: what it was written with.
    pub device: Option<DeviceBadge>,
}

impl Piece {
    /// Its words, with addresses apart from the rest.
    pub fn words(&self) -> Vec<Stretch<'_>> {
        stretches(&self.text)
    }
}

/// What a message was written with.
pub struct DeviceBadge {
    /// `site`, `mobile_site` or `app`.
    pub kind: String,
    /// “Opera 112.0.0.0, Windows 11”; may be empty.
    pub words: String,
}

/// Name, state and what can be done with the conversation.
#[derive(Template)]
#[template(path = "conversations/_header.html")]
pub struct Header {
    pub t: Lang,
    pub csrf: String,
    pub conversation: String,
    pub number: i64,
    pub name: String,
    /// `open` or `resolved`.
    pub state: &'static str,
    /// Whether the visitor waits for a reply: `yes`, `aside` where an agent said
    /// that none is needed, or empty.
    pub waiting: &'static str,
    /// Whose page it is. Absent in a live frame, where the page knows what of this
    /// is for him.
    pub viewer: Option<i64>,
    pub assignee: Option<i64>,
    /// Who is responsible first.
    pub here: Vec<Here>,
    /// The lists. In a live frame without what the page has narrowed them to.
    pub back: String,
    /// What wings add.
    pub more: Vec<Html>,
}

/// One of those who take part.
pub struct Here {
    pub id: i64,
    pub name: String,
    pub responsible: bool,
    pub since: Moment,
}

impl Header {
    pub fn has(&self, agent: i64) -> bool {
        self.here.iter().any(|it| it.id == agent)
    }

    /// `3 7`.
    pub fn ids(&self) -> String {
        let ids = self.here.iter().map(|it| it.id.to_string());
        ids.collect::<Vec<_>>().join(" ")
    }

    pub fn responsible(&self) -> &str {
        let first = self.here.iter().find(|it| it.responsible);
        first.map_or("", |it| &it.name)
    }

    pub fn helpers(&self) -> String {
        let helpers = self.here.iter().filter(|it| !it.responsible);
        helpers.map(|it| &*it.name).collect::<Vec<_>>().join(", ")
    }

    /// He can leave.
    pub fn can_leave(&self) -> bool {
        self.viewer.is_none_or(|it| self.has(it))
    }

    /// Somebody else is responsible.
    pub fn can_take_over(&self) -> bool {
        self.viewer.is_none() || self.assignee != self.viewer
    }

    pub fn hue(&self) -> i64 {
        hue(self.number)
    }

    pub fn face(&self) -> String {
        face(self.number, &self.name)
    }
}

/// Who the visitor is, as far as he has shown it.
#[derive(Template)]
#[template(path = "conversations/_visitor.html")]
pub struct VisitorPanel {
    pub t: Lang,
    pub number: i64,
    pub name: String,
    /// The code of a language: `fr`, `pt-BR`; `und` when unknown.
    pub lang: String,
    /// Where he was when he last wrote.
    pub page: Option<String>,
    pub page_title: Option<String>,
    pub device: Option<DeviceBadge>,
    /// What his browser calls itself.
    pub device_raw: String,
    pub site: String,
    pub started: Moment,
    /// How long he waited for the first answer.
    pub first_answer: Option<String>,
    /// What wings know of him.
    pub cards: Vec<Html>,
    /// Who did what to the conversation, oldest first.
    pub history: Vec<Act>,
}

impl VisitorPanel {
    /// Addresses are shown to everybody, but only those of the web are links.
    pub fn page_link(&self) -> Option<&str> {
        let page = self.page.as_deref()?;
        let web = page.starts_with("https://") || page.starts_with("http://");
        web.then_some(page)
    }
}

/// One thing somebody did.
pub struct Act {
    pub words: String,
    pub at: Moment,
}

/// A colour of the six that tell visitors apart at a glance.
fn hue(number: i64) -> i64 {
    number.rem_euclid(6)
}

/// What stands in a visitor's disc: his number while it fits.
fn face(number: i64, name: &str) -> String {
    match number {
        0..=9999 => number.to_string(),
        _ => name.chars().take(1).collect(),
    }
}

// Parts drawn by templates of ours: what they hold was escaped there, so pages
// may set them in as they are. No other type may say this of itself.
impl askama::filters::HtmlSafe for Row {}
impl askama::filters::HtmlSafe for Middle {}
impl askama::filters::HtmlSafe for Thread {}
impl askama::filters::HtmlSafe for Message {}
impl askama::filters::HtmlSafe for Header {}
impl askama::filters::HtmlSafe for VisitorPanel {}
