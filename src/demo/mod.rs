//! A believable shop that has been open for months, so that every page has
//! something to show. Made by the rooms' own verbs with a clock in the past:
//! nothing here is possible that people could not have done.

mod script;

use crate::accounts::{self, NewAgent, Role, passwords};
use crate::conversations::{self, NewMessage};
use crate::db::{DataFolder, Db, Writer};
use crate::error::{Error, Result};
use crate::kernel::{Actor, AgentId, ConversationId, Origin, Seq, SiteId, Timestamp};
use crate::ratings::{self, NewRating};
use crate::setup::{self, NewShop};
use crate::sites;
use crate::tags;
use crate::texts::Lang;
use crate::visitors::{self, DeviceKind, NewDevice};

use script::{Line, Script, Speaker, Talk};

/// Everybody's, in a shop that is gone when the program ends.
const PASSWORD: &str = "a bell on the counter";
const SECOND: i64 = 1000;
const DAY: f64 = 86_400_000.0;

pub struct SignIn {
    pub email: String,
    pub password: &'static str,
    pub role: &'static str,
}

/// Fills an empty folder. `now` is where the shop's history ends.
pub async fn fill(folder: &DataFolder, now: Timestamp) -> Result<Vec<SignIn>> {
    let script = Script::read()?;
    let hash = passwords::hash(PASSWORD, &[]).await?;
    let db = Db::open(folder)?;
    let told = script.sign_ins();
    db.write("demo.fill", move |w| {
        let opened = now - (200.0 * DAY) as i64;
        let owner = script.owner()?;
        let shop = NewShop {
            name: owner.name.clone(),
            email: owner.email.clone(),
            password: hash.clone(),
            shop: script.shop.clone(),
            lang: Lang::En,
            zone: script.zone.clone(),
        };
        let mut people = vec![(owner.key.clone(), setup::create(w, opened, shop)?)];
        for it in script.agents.iter().filter(|it| it.key != owner.key) {
            let new = NewAgent {
                email: it.email.clone(),
                name: it.name.clone(),
                role: Role::parse(&it.role).unwrap_or(Role::Agent),
                lang: Lang::from_code(&it.lang).unwrap_or_default(),
                password: Some(hash.clone()),
            };
            people.push((it.key.clone(), accounts::add(w, opened, new)?));
        }
        play(w, now, &script, &people)
    })
    .await?;
    Ok(told)
}

/// All lines of all talks, in the order in which they were said.
fn play(w: &Writer, now: Timestamp, script: &Script, people: &[(String, AgentId)]) -> Result<()> {
    let site = sites::only(w)?.ok_or(Error::NotFound("site"))?;
    let mut told: Vec<(Timestamp, usize, usize)> = Vec::new();
    for (n, talk) in script.talks.iter().enumerate() {
        let began = now - (talk.days_ago * DAY) as i64;
        for (m, line) in talk.lines.iter().enumerate() {
            told.push(((began + line.after * SECOND).min(now), n, m));
        }
        let (ended, end) = (began + (talk.length() + 40) * SECOND, talk.lines.len());
        told.push((ended, n, end));
        if let Some(rated) = &talk.rated {
            told.push((ended + rated.after * SECOND, n, end + 1));
        }
    }
    told.sort_unstable();
    let stage = |talk| Stage {
        site: site.id,
        people,
        talk,
        visitor: None,
        conversation: None,
        joined: None,
    };
    let mut stages: Vec<Stage> = script.talks.iter().map(stage).collect();
    for (at, n, m) in told {
        let lines = &script.talks[n].lines;
        match lines.get(m) {
            Some(line) => stages[n].say(w, at, line, m)?,
            None if m == lines.len() => stages[n].end(w, at.min(now))?,
            None => stages[n].rate(w, at.min(now))?,
        }
    }
    Ok(())
}

/// One talk under way.
struct Stage<'s> {
    site: SiteId,
    people: &'s [(String, AgentId)],
    talk: &'s Talk,
    visitor: Option<visitors::Visitor>,
    conversation: Option<ConversationId>,
    joined: Option<AgentId>,
}

impl Stage<'_> {
    fn say(&mut self, w: &Writer, at: Timestamp, line: &Line, n: usize) -> Result<()> {
        let cid = format!("demo-line-{n:04}");
        match (line.who, self.conversation) {
            (Speaker::Visitor, _) => self.visitor_says(w, at, line, cid),
            (_, None) => Err(Error::internal(
                "playing the demonstration",
                "an agent begins",
            )),
            (Speaker::Resolve, Some(conversation)) => resolve(w, at, self.agent()?, conversation),
            (who, Some(conversation)) => {
                let note = who == Speaker::Note;
                let agent = match who {
                    Speaker::Helper => self.person(self.talk.helper.as_ref())?,
                    _ => self.agent()?,
                };
                if !note && (who == Speaker::Helper || self.joined.is_none()) {
                    conversations::join(w, at, agent, conversation)?;
                    self.joined.get_or_insert(agent);
                }
                let new = NewMessage {
                    body: line.text.clone(),
                    cid,
                    note,
                    ..NewMessage::default()
                };
                // Whoever answers had read what was said before.
                let by = Actor::Agent(agent);
                conversations::mark_seen(w, at, by, conversation, Seq(i64::MAX))?;
                conversations::post_message(w, at, by, conversation, new)?;
                accounts::note_seen(w, at, agent)
            }
        }
    }

    fn visitor_says(&mut self, w: &Writer, at: Timestamp, line: &Line, cid: String) -> Result<()> {
        let talk = self.talk;
        let visitor = match self.visitor.take() {
            Some(known) => known,
            None => visitors::arrive(w, at, self.site, &talk.lang)?.0,
        };
        let device = NewDevice {
            kind: match talk.device.as_str() {
                "mobile_site" => DeviceKind::MobileSite,
                _ => DeviceKind::Site,
            },
            ..NewDevice::default()
        };
        let device = visitors::note_device(w, visitor.id, &device, &talk.browser, false)?;
        let new = NewMessage {
            body: line.text.clone(),
            cid,
            device: Some(device),
            page: Some(talk.page.clone()),
            title: Some(talk.title.clone()),
            lang: Some(talk.lang.clone()),
            ..NewMessage::default()
        };
        let posted = conversations::write_in(w, at, &visitor, None, new)?;
        let conversation = posted.message.conversation;
        if self.conversation != Some(conversation) {
            // Nobody is in a conversation that has just begun.
            self.joined = None;
        }
        self.conversation = Some(conversation);
        if self.joined.is_some() {
            // Whoever answers had read what was said before.
            let by = Actor::Visitor(visitor.id);
            conversations::mark_seen(w, at, by, conversation, posted.message.id)?;
        }
        self.visitor = Some(visitor);
        Ok(())
    }

    fn end(&mut self, w: &Writer, at: Timestamp) -> Result<()> {
        let (Some(conversation), Some(visitor)) = (self.conversation, &self.visitor) else {
            return Ok(());
        };
        if self.joined.is_some() {
            let by = Actor::Visitor(visitor.id);
            conversations::mark_seen(w, at, by, conversation, Seq(i64::MAX))?;
        }
        if let (Some(agent), Some(tag)) = (self.joined, about(&self.talk.page)) {
            tags::give_named(w, at, Actor::Agent(agent), conversation, tag)?;
        }
        match (self.talk.resolved, self.joined) {
            (true, _) => resolve(w, at, self.agent()?, conversation),
            // Whoever said “thanks” days ago waits for nothing.
            (false, Some(agent)) if 1.0 < self.talk.days_ago => {
                conversations::attention::no_reply_needed(w, at, agent, conversation)
            }
            (false, _) => Ok(()),
        }
    }

    /// Who answers: the one whom the talk names, or the first of all.
    fn agent(&self) -> Result<AgentId> {
        self.person(self.talk.by.as_ref())
    }

    fn person(&self, named: Option<&String>) -> Result<AgentId> {
        let named = self.people.iter().find(|(key, _)| Some(key) == named);
        let found = named.or_else(|| self.people.first());
        found.map(|(_, id)| *id).ok_or(Error::NotFound("agent"))
    }

    /// The visitor says how it was.
    fn rate(&self, w: &Writer, at: Timestamp) -> Result<()> {
        let (Some(conversation), Some(visitor), Some(rated)) =
            (self.conversation, &self.visitor, &self.talk.rated)
        else {
            return Ok(());
        };
        let asked = ratings::newest(w, conversation)?.ok_or(Error::NotFound("rating"))?;
        let new = NewRating {
            since: None,
            rate: rated.rate,
            comment: rated.comment.clone(),
        };
        ratings::give(w, at, visitor.id, &asked.key, &new).map(|_| ())
    }
}

/// Whoever closes a conversation has read it to the end.
fn resolve(w: &Writer, at: Timestamp, by: AgentId, conversation: ConversationId) -> Result<()> {
    let by = Actor::Agent(by);
    conversations::mark_seen(w, at, by, conversation, Seq(i64::MAX))?;
    conversations::resolve(w, at, by, conversation)?;
    ratings::follow(w, at, conversation)
}

/// What his page says a talk is about, as the shop's tags call it.
fn about(page: &str) -> Option<&'static str> {
    let path = page.strip_prefix(&address("/"))?;
    match path.split('/').next()? {
        "orders" => Some("Order"),
        "returns" => Some("Return"),
        "delivery" | "checkout" => Some("Delivery"),
        "wholesale" => Some("Wholesale"),
        "gift-cards" => Some("Gift"),
        _ => None,
    }
}

/// Where the shop's pages are said to be.
pub fn address(page: &str) -> String {
    match Origin::parse(page) {
        Some(_) => page.to_owned(),
        None => format!("https://mugs.example{page}"),
    }
}
