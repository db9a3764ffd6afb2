//! How a visitor says that he was served: one to five, and a comment if he likes.
//!
//! Who was answered by a person is asked when his conversation is resolved, by a
//! line that holds the question. Agents read his answer in a line of its own. What he
//! gave he may change for a day. A question that nobody has answered is withdrawn when
//! the conversation goes on, and is put again, the same one, if it ends without that
//! anything was said; an answer stands, and is asked for anew when it is over again
//! and a person has answered him since. The newest counts. A site may do without.
//!
//! The room follows the hall's journal and brings its state in line with that of
//! the conversation, so it does not matter how late it hears, or how often.

pub mod http;
pub mod news;
pub mod pages;
mod rules;
mod sql;
pub mod windows;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::conversations::deeds::{self, NewDeed};
use crate::conversations::{self, Conversation, NewPart, PartKind, State, Wording};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal::{self, Fact, Follower, Start};
use crate::kernel::{
    Actor, ConversationId, Seq, SiteId, Subject, Timestamp, VisitorId, random_key,
};
use crate::{sites, visitors};

pub use rules::{BEST, CHANGEABLE, COMMENT};

/// What is told when one was given, or changed.
const GIVEN: &str = "ratings.given";

/// One question, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// The line that asks.
    pub line: Seq,
    /// What the visitor's page calls it by.
    pub key: String,
    pub conversation: ConversationId,
    pub asked_at: Timestamp,
    /// The conversation was reopened.
    pub went_on_at: Option<Timestamp>,
    /// The line that tells agents what was given.
    pub told: Option<Seq>,
    pub given: Option<Given>,
}

impl Rating {
    pub fn is_withdrawn(&self) -> bool {
        self.went_on_at.is_some() && self.given.is_none()
    }
}

/// What a visitor answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// 1 to 5.
    pub rate: i64,
    /// Empty where he left none.
    pub comment: String,
    pub at: Timestamp,
    pub changed_at: Option<Timestamp>,
}

/// What he sends, as typed.
#[derive(Debug, Clone, Default)]
pub struct NewRating {
    pub rate: i64,
    pub comment: String,
    /// The moment of the card that he answers; pages of earlier releases do not say.
    pub since: Option<Timestamp>,
}

/// What stands after somebody has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub rating: Rating,
    /// It is what he sent. Else he has answered otherwise since he saw his card: what
    /// he sent was on its way for long, or comes from a page that had not heard of it.
    pub taken: bool,
}

/// As its part stands in the line: all there is to draw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub key: String,
    /// When it became what it is: the newest is the one that counts.
    pub at: Timestamp,
    #[serde(default)]
    pub withdrawn: bool,
    #[serde(default)]
    pub given: Option<Given>,
}

impl Card {
    fn of(rating: &Rating) -> Self {
        let given = rating.given.as_ref();
        let since = given.map(|it| it.changed_at.unwrap_or(it.at));
        Self {
            key: rating.key.clone(),
            at: since.or(rating.went_on_at).unwrap_or(rating.asked_at),
            withdrawn: rating.is_withdrawn(),
            given: rating.given.clone(),
        }
    }
}

/// Begins at the present: nobody is asked about what was over before this room
/// was built.
pub fn follower() -> Follower {
    Follower {
        name: "ratings",
        start: Start::Present,
        react: Arc::new(react),
    }
}

fn react(w: &Writer, fact: &Fact) -> Result<()> {
    let turned = matches!(
        fact.event,
        Event::ConversationResolved | Event::ConversationReopened
    );
    match fact.subject {
        Subject::Conversation(id) if turned => follow(w, fact.at, id),
        _ => Ok(()),
    }
}

/// Asks, or withdraws what was asked, as the conversation stands now.
pub fn follow(w: &Writer, now: Timestamp, id: ConversationId) -> Result<()> {
    let conversation = match conversations::find(w, Actor::House, id) {
        Ok(found) => found,
        // Erased since.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let current = sql::find_current(w, id)?;
    match (conversation.state, current) {
        (State::Open, Some(current)) => go_on(w, now, current),
        (State::Resolved, Some(current)) if current.given.is_none() => Ok(()),
        (State::Resolved, current) if wants_asking(w, &conversation)? => {
            // It has gone on and ended again before this room heard of it.
            if let Some(current) = current {
                go_on(w, now, current)?;
            }
            match sql::find_newest(w, id)? {
                // Nobody said a word meanwhile: it is the same question.
                Some(asked)
                    if asked.is_withdrawn() && !conversations::went_on(w, id, asked.line)? =>
                {
                    ask_again(w, now, asked)
                }
                _ => ask(w, now, &conversation),
            }
        }
        _ => Ok(()),
    }
}

/// What a person has answered, since the visitor said last how that was.
fn wants_asking(r: &Reader, it: &Conversation) -> Result<bool> {
    if !asks(r, it.site)? {
        return Ok(false);
    }
    match find(r, it.id)? {
        None => Ok(it.first_answer_at.is_some()),
        Some(rated) => conversations::was_answered(r, it.id, rated.told.unwrap_or(rated.line)),
    }
}

fn ask(w: &Writer, now: Timestamp, conversation: &Conversation) -> Result<()> {
    let mut rating = Rating {
        line: Seq(0),
        key: random_key(),
        conversation: conversation.id,
        asked_at: now,
        went_on_at: None,
        told: None,
        given: None,
    };
    let asking = asking(w, &rating)?;
    rating.line = deeds::leave(w, now, Actor::House, conversation.id, asking)?;
    sql::insert_rating(w, &rating)
}

fn ask_again(w: &Writer, now: Timestamp, mut rating: Rating) -> Result<()> {
    rating.asked_at = after(&rating, now);
    rating.went_on_at = None;
    sql::update_asked(w, rating.line, rating.asked_at)?;
    deeds::change(w, now, Actor::House, rating.line, asking(w, &rating)?)
}

/// Open pages take what is newer than what they show.
fn after(rating: &Rating, now: Timestamp) -> Timestamp {
    now.max(Card::of(rating).at + 1)
}

fn go_on(w: &Writer, now: Timestamp, mut rating: Rating) -> Result<()> {
    let at = after(&rating, now);
    rating.went_on_at = Some(at);
    sql::update_went_on(w, rating.line, at)?;
    match rating.is_withdrawn() {
        true => deeds::change(w, now, Actor::House, rating.line, asking(w, &rating)?),
        false => Ok(()),
    }
}

/// The line that asks: the visitor's card.
fn asking(r: &Reader, rating: &Rating) -> Result<NewDeed> {
    deed(r, rating, &windows::ASKED, &windows::CARD)
}

/// Its text is in the language of the visitor.
fn deed(
    r: &Reader,
    rating: &Rating,
    wording: &'static Wording,
    kind: &'static PartKind,
) -> Result<NewDeed> {
    let conversation = conversations::find(r, Actor::House, rating.conversation)?;
    let visitor = visitors::find(r, conversation.visitor)?;
    let lang = visitors::language(&visitor, &sites::find(r, conversation.site)?);
    let card = serde_json::to_value(Card::of(rating));
    let given = rating.given.as_ref();
    let (rate, changed) = (given.map(|it| it.rate), given.and_then(|it| it.changed_at));
    Ok(NewDeed {
        wording,
        data: json!({
            "rate": rate,
            "changed": changed.is_some(),
            "withdrawn": rating.is_withdrawn(),
        }),
        parts: vec![NewPart {
            kind,
            data: card.map_err(|e| Error::internal("writing a rating", e))?,
            lang,
        }],
    })
}

/// The visitor answers, or changes what he answered. The same once more is no
/// change, and what comes late overrules nothing that he did not know of.
pub fn give(
    w: &Writer,
    now: Timestamp,
    by: VisitorId,
    key: &str,
    new: &NewRating,
) -> Result<Answered> {
    let mut rating = find_by_key(w, by, key)?;
    let (rate, comment) = rules::clean(new)?;
    let stands = Card::of(&rating).at;
    let known = rating.given.take();
    if let Some(given) = &known {
        let taken = (given.rate, &given.comment) == (rate, &comment);
        if taken || new.since.is_some_and(|it| it != stands) {
            rating.given = known;
            return Ok(Answered { rating, taken });
        }
    }
    rules::may_give(&rating, known.as_ref(), now)?;
    rating.given = Some(Given {
        rate,
        comment,
        at: known.as_ref().map_or(now, |it| it.at),
        changed_at: known.map(|_| now),
    });
    let by = Actor::Visitor(by);
    deeds::change(w, now, by, rating.line, asking(w, &rating)?)?;
    let telling = deed(w, &rating, &windows::GIVEN, &windows::STARS)?;
    match rating.told {
        Some(told) => deeds::change(w, now, by, told, telling)?,
        None => rating.told = Some(deeds::leave(w, now, by, rating.conversation, telling)?),
    }
    sql::update_given(w, &rating)?;
    let told = Event::told(GIVEN, json!({ "line": rating.line, "rate": rate }));
    journal::record(w, now, by, rating.conversation, &told)?;
    let taken = true;
    Ok(Answered { rating, taken })
}

/// The visitor's own.
pub fn find_by_key(r: &Reader, by: VisitorId, key: &str) -> Result<Rating> {
    let nothing = || Error::NotFound("rating");
    let found = sql::find_by_key(r, key)?.ok_or_else(nothing)?;
    match conversations::find(r, Actor::Visitor(by), found.conversation) {
        Ok(_) => Ok(found),
        Err(Error::NotFound(_)) => Err(nothing()),
        Err(error) => Err(error),
    }
}

/// What was last given in a conversation.
pub fn find(r: &Reader, conversation: ConversationId) -> Result<Option<Rating>> {
    sql::find_given(r, conversation)
}

/// The newest time somebody was asked in a conversation, and what came of it.
pub fn newest(r: &Reader, conversation: ConversationId) -> Result<Option<Rating>> {
    sql::find_newest(r, conversation)
}

/// Whether visitors of a site are asked.
pub fn asks(r: &Reader, site: SiteId) -> Result<bool> {
    Ok(sql::find_asks(r, site)?.unwrap_or(true))
}

/// Which sites ask from now on, and which no longer do; all others go on as they
/// were, and what was asked stays asked.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    pub begin: Vec<SiteId>,
    pub stop: Vec<SiteId>,
}

/// What is no longer there is passed over.
pub fn save_asking(w: &Writer, now: Timestamp, by: Actor, new: &Asking) -> Result<()> {
    for site in sites::ids(w)? {
        let begins = new.begin.contains(&site);
        if (begins || new.stop.contains(&site)) && asks(w, site)? != begins {
            sql::upsert_asks(w, site, begins)?;
            journal::record(w, now, by, site, &Event::SiteChanged)?;
        }
    }
    Ok(())
}
