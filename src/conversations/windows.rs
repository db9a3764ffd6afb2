//! What wings show in the hall: words for their lines, pieces of a page, scripts
//! and sheets. Each registers at the roof what it has; the hall asks here and
//! names none of them. What has nothing to show does not show, and a piece that
//! cannot be drawn is missed by nobody but itself.
//!
//! Places: in the lists a row and a way to narrow them; in the conversation words
//! for a line, parts of a message, the header, the end of the log, the composer and
//! sheets; beside it the person's cards; and the room's own scripts and sheets of
//! style. What stands in live frames (row, header, card) is drawn once for all who
//! read a language, so it is not told who looks. Once a wing's own fact changes it,
//! the wing's `news.rs` says so (`news::{row, header, panel}`).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::dialogues;
use super::lines::{self, Deed, LineView, Said, Say, Wording};
use super::lists::Narrowing;
use super::parts::{DrawPlainly, Part, PartKind, Piece, Plainly, VisitorPart};
use super::{Conversation, Message};
use crate::accounts::Agent;
use crate::assets;
use crate::config::Config;
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::kernel::{ConversationId, Sight};
use crate::texts::Lang;
use crate::web::pages::Html;

/// For everybody alike in one language, because it stands in live frames, too.
pub type Shared = fn(&Reader, &Conversation, Lang) -> Result<Option<Html>>;

/// What a page of rows shows of each: one question for all of them.
pub type Rows = fn(&Reader, &[ConversationId], Lang) -> Result<HashMap<ConversationId, Html>>;

/// For the one who looks, on his own page.
pub type Own = Box<dyn Fn(&Reader, &Agent, &Conversation) -> Result<Option<Html>> + Send + Sync>;

pub struct Windows {
    /// What the operator decided; none in a test that does without.
    config: Option<Arc<Config>>,
    wordings: HashMap<&'static str, &'static Wording>,
    /// With the address of its script.
    parts: HashMap<&'static str, (&'static PartKind, &'static str)>,
    plain: HashMap<&'static str, DrawPlainly>,
    rows: Vec<Rows>,
    narrowings: Vec<&'static Narrowing>,
    headers: Vec<Shared>,
    /// In their order.
    cards: Vec<(u16, Shared)>,
    log_ends: Vec<Own>,
    composers: Vec<Own>,
    sheets: Vec<(&'static str, Own)>,
    scripts: Vec<&'static str>,
    styles: Vec<&'static str>,
    /// What was registered twice, or is not there; see `check`.
    faults: Vec<String>,
}

impl Default for Windows {
    /// With what is the hall's own.
    fn default() -> Self {
        let mut windows = Self {
            config: None,
            wordings: HashMap::new(),
            parts: HashMap::new(),
            plain: HashMap::new(),
            rows: Vec::new(),
            narrowings: Vec::new(),
            headers: Vec::new(),
            cards: Vec::new(),
            log_ends: Vec::new(),
            composers: Vec::new(),
            sheets: Vec::new(),
            scripts: Vec::new(),
            styles: Vec::new(),
            faults: Vec::new(),
        };
        lines::OURS.iter().for_each(|it| windows.word(it));
        windows.card(100, dialogues::card);
        windows
    }
}

impl Windows {
    pub fn with(config: Arc<Config>) -> Self {
        Self {
            config: Some(config),
            ..Self::default()
        }
    }
}

/// What a wing registers.
impl Windows {
    /// What the operator decided, for what is drawn by it.
    pub fn config(&mut self) -> Option<Arc<Config>> {
        if self.config.is_none() {
            self.faults
                .push("nobody said what the operator decided".to_owned());
        }
        self.config.clone()
    }

    /// How a word is said that stands in lines of this room's.
    pub fn word(&mut self, wording: &'static Wording) {
        if self.wordings.insert(wording.word, wording).is_some() {
            let fault = format!("two rooms say what `{}` means", wording.word);
            self.faults.push(fault);
        }
    }

    /// How a part is drawn that stands in messages of this room's.
    pub fn part(&mut self, kind: &'static PartKind) {
        let script = match kind.script {
            "" => "",
            name => self.asset(name),
        };
        if self.parts.insert(kind.kind, (kind, script)).is_some() {
            let fault = format!("two rooms draw the part `{}`", kind.kind);
            self.faults.push(fault);
        }
    }

    /// How a part stands on a page that runs no script, where that is more than its
    /// text.
    pub fn plain(&mut self, kind: &'static PartKind, draw: DrawPlainly) {
        self.plain.insert(kind.kind, draw);
    }

    /// Something small in the entry of a list.
    pub fn row(&mut self, draw: Rows) {
        self.rows.push(draw);
    }

    /// One more way to narrow the lists. Whatever changes which values apply to a
    /// conversation says so by `news::row`.
    pub fn narrow(&mut self, narrowing: &'static Narrowing) {
        let name = narrowing.name;
        let twice = self.narrowings.iter().any(|it| it.name == name);
        let twice = twice.then(|| format!("two rooms narrow lists by `{name}`"));
        self.faults.extend(narrowing.fault().or(twice));
        self.narrowings.push(narrowing);
    }

    /// A tool above the conversation, or a word about it. It is drawn for all alike,
    /// so it holds no secret: a tool that posts is a `<button form=…>`, and its
    /// hidden `<form>` is drawn by `sheet`, which knows who looks.
    pub fn header(&mut self, draw: Shared) {
        self.headers.push(draw);
    }

    /// A section of the panel about the visitor, under its own heading. The
    /// smallest order comes first.
    pub fn card(&mut self, order: u16, draw: Shared) {
        self.cards.push((order, draw));
        self.cards.sort_by_key(|it| it.0);
    }

    /// Below the newest line.
    pub fn log_end(
        &mut self,
        draw: impl Fn(&Reader, &Agent, &Conversation) -> Result<Option<Html>> + Send + Sync + 'static,
    ) {
        self.log_ends.push(Box::new(draw));
    }

    /// A tool beside the box to write in.
    pub fn composer(
        &mut self,
        draw: impl Fn(&Reader, &Agent, &Conversation) -> Result<Option<Html>> + Send + Sync + 'static,
    ) {
        self.composers.push(Box::new(draw));
    }

    /// A dialog over the conversation. A form in it that was refused comes back
    /// under the same name (`view::Look::sheet`).
    pub fn sheet(
        &mut self,
        name: &'static str,
        draw: impl Fn(&Reader, &Agent, &Conversation) -> Result<Option<Html>> + Send + Sync + 'static,
    ) {
        self.sheets.push((name, Box::new(draw)));
    }

    /// A script of this room, loaded with the inbox: `admin/<room>/list.js`.
    pub fn script(&mut self, name: &'static str) {
        let url = self.asset(name);
        self.scripts.push(url);
    }

    /// A style sheet of this room, loaded with the inbox.
    pub fn style(&mut self, name: &'static str) {
        let url = self.asset(name);
        self.styles.push(url);
    }

    fn asset(&mut self, name: &str) -> &'static str {
        let url = assets::url(name);
        if url.is_empty() {
            self.faults.push(format!("there is no asset `{name}`"));
        }
        url
    }

    /// Asked once, at the start.
    pub fn check(&self) -> Result<()> {
        match self.faults.as_slice() {
            [] => Ok(()),
            faults => Err(Error::internal("opening the windows", faults.join("; "))),
        }
    }
}

/// What the hall asks for.
impl Windows {
    /// What agents read in a line of what somebody did. `visitor`: what they call
    /// him, for where no agent did it.
    pub fn say(&self, deed: &Deed, agent: Option<&str>, visitor: &str, t: Lang) -> Said {
        let wording = self.wordings.get(deed.word.as_str());
        let who = agent.unwrap_or(visitor);
        say(wording.map(|it| it.agents), deed, who, t)
    }

    /// What a visitor reads in a line: what was written, or what was done.
    pub fn for_visitor(&self, message: &Message, t: Lang) -> String {
        let Some(deed) = &message.deed else {
            return message.body.clone();
        };
        let wording = self.wordings.get(deed.word.as_str());
        let agent = message.agent_name.as_deref().unwrap_or_default();
        say(wording.and_then(|it| it.visitor), deed, agent, t).words
    }

    /// A message as agents see it.
    pub fn pieces(&self, message: &Message, t: Lang) -> Result<Vec<Piece>> {
        self.drawn(message, |kind, data| (kind.agents)(data, t).map(Some))
    }

    /// A message as it stands in a mail.
    pub fn mailed(&self, message: &Message, t: Lang) -> Result<Vec<Piece>> {
        self.drawn(message, |kind, data| (kind.mail)(data, t).map(Some))
    }

    /// A message as the visitor sees it where no script runs.
    pub fn plainly(&self, message: &Message, page: &Plainly, t: Lang) -> Result<Vec<Piece>> {
        let drawn = |kind: &PartKind, data: &Value| match self.plain.get(kind.kind) {
            Some(draw) => draw(data, page, t).map(Some),
            None => Ok(None),
        };
        self.drawn(message, drawn)
    }

    fn drawn(
        &self,
        message: &Message,
        draw: impl Fn(&PartKind, &Value) -> Result<Option<Html>>,
    ) -> Result<Vec<Piece>> {
        if message.parts.is_empty() {
            let (text, html) = (message.body.clone(), None);
            return Ok(vec![Piece { text, html }]);
        }
        let piece = |part: &Part| {
            let known = self.parts.get(part.kind.as_str());
            Ok(Piece {
                text: part.text.clone(),
                html: match known {
                    Some((kind, _)) => bear(draw(kind, &part.data))?.flatten(),
                    None => None,
                },
            })
        };
        message.parts.iter().map(piece).collect()
    }

    /// The parts of a message for the widget; none where it is words only.
    pub fn visitor_parts(&self, message: &Message, t: Lang) -> Vec<VisitorPart> {
        let part = |part: &Part| match self.parts.get(part.kind.as_str()) {
            Some((kind, script)) => VisitorPart::new(part, Some(kind), script, t),
            None => VisitorPart::new(part, None, "", t),
        };
        message.parts.iter().map(part).collect()
    }

    pub fn rows(
        &self,
        r: &Reader,
        conversations: &[ConversationId],
        t: Lang,
    ) -> Result<HashMap<ConversationId, Vec<Html>>> {
        let mut all: HashMap<_, Vec<Html>> = HashMap::new();
        for draw in &self.rows {
            for (conversation, html) in bear(draw(r, conversations, t))?.unwrap_or_default() {
                all.entry(conversation).or_default().push(html);
            }
        }
        Ok(all)
    }

    pub fn narrowings(&self) -> &[&'static Narrowing] {
        &self.narrowings
    }

    /// What of it may be chosen; nothing, where that cannot be said.
    pub fn choices(
        &self,
        r: &Reader,
        narrowing: &Narrowing,
        sight: &Sight,
        t: Lang,
    ) -> Result<Vec<(i64, String)>> {
        Ok(bear((narrowing.choices)(r, sight, t))?.unwrap_or_default())
    }

    /// Which choice of it an address means.
    pub fn meant(&self, r: &Reader, narrowing: &Narrowing, asked: &str) -> Result<String> {
        let meant = match (narrowing.means, asked.parse()) {
            (Some(means), Ok(value)) => bear(means(r, value))?,
            _ => None,
        };
        Ok(meant.map_or_else(|| asked.to_owned(), |it| it.to_string()))
    }

    /// By which of the wings' values each is found, as its row says: `colour-3`.
    pub fn facets(
        &self,
        r: &Reader,
        conversations: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<String>>> {
        let mut all: HashMap<_, Vec<String>> = HashMap::new();
        for narrowing in &self.narrowings {
            for (conversation, values) in
                bear((narrowing.of)(r, conversations))?.unwrap_or_default()
            {
                let facets = values.into_iter().map(|it| narrowing.facet(it));
                all.entry(conversation).or_default().extend(facets);
            }
        }
        Ok(all)
    }

    pub fn headers(&self, r: &Reader, it: &Conversation, t: Lang) -> Result<Vec<Html>> {
        shown(self.headers.iter().map(|draw| draw(r, it, t)))
    }

    pub fn cards(&self, r: &Reader, it: &Conversation, t: Lang) -> Result<Vec<Html>> {
        shown(self.cards.iter().map(|(_, draw)| draw(r, it, t)))
    }

    pub fn log_ends(&self, r: &Reader, agent: &Agent, it: &Conversation) -> Result<Vec<Html>> {
        shown(self.log_ends.iter().map(|draw| draw(r, agent, it)))
    }

    pub fn composers(&self, r: &Reader, agent: &Agent, it: &Conversation) -> Result<Vec<Html>> {
        shown(self.composers.iter().map(|draw| draw(r, agent, it)))
    }

    /// `open`: one that stands open, in place of the one of this name.
    pub fn sheets(
        &self,
        r: &Reader,
        agent: &Agent,
        it: &Conversation,
        open: Option<(&str, Html)>,
    ) -> Result<Vec<Html>> {
        shown(self.sheets.iter().map(|(name, draw)| match &open {
            Some((refused, html)) if refused == name => Ok(Some(html.clone())),
            _ => draw(r, agent, it),
        }))
    }

    pub fn scripts(&self) -> &[&'static str] {
        &self.scripts
    }

    pub fn styles(&self) -> &[&'static str] {
        &self.styles
    }
}

fn say(say: Option<Say>, deed: &Deed, who: &str, t: Lang) -> Said {
    let data = &deed.data;
    say.map_or_else(|| lines::neutral(t), |it| it(t, &LineView { who, data }))
}

fn shown(drawn: impl Iterator<Item = Result<Option<Html>>>) -> Result<Vec<Html>> {
    let mut all = Vec::new();
    for drawn in drawn {
        all.extend(bear(drawn)?.flatten());
    }
    Ok(all)
}

/// One piece that cannot be drawn leaves the page what it is without it. That the
/// database was busy is something else: that is tried again.
fn bear<T>(drawn: Result<T>) -> Result<Option<T>> {
    match drawn {
        Ok(drawn) => Ok(Some(drawn)),
        Err(error @ Error::Unavailable(_)) => Err(error),
        Err(error) => {
            tracing::error!(%error, "a piece of the inbox cannot be drawn: {error}");
            Ok(None)
        }
    }
}
