//! How a visitor says that he was served: one to five, and a comment if he likes.
//!
//! Who was answered by a person is asked when his conversation is resolved, by a
//! line that holds the question; once for each time that happens, and no more once
//! he has answered. Agents read his answer in a line of its own. What he gave he may
//! change for a day. A question that nobody has answered is withdrawn when the
//! conversation goes on. A site may do without.
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
    pub withdrawn_at: Option<Timestamp>,
    /// The line that tells agents what was given.
    pub told: Option<Seq>,
    pub given: Option<Given>,
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
            at: since.or(rating.withdrawn_at).unwrap_or(rating.asked_at),
            withdrawn: rating.withdrawn_at.is_some(),
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
    let open = sql::find_open(w, id)?;
    match (conversation.state, open) {
        (State::Resolved, None) if wants_asking(w, &conversation)? => ask(w, now, &conversation),
        (State::Open, Some(open)) => withdraw(w, now, open),
        _ => Ok(()),
    }
}

fn wants_asking(r: &Reader, it: &Conversation) -> Result<bool> {
    Ok(asks(r, it.site)? && find(r, it.id)?.is_none() && it.first_answer_at.is_some())
}

fn ask(w: &Writer, now: Timestamp, conversation: &Conversation) -> Result<()> {
    let mut rating = Rating {
        line: Seq(0),
        key: random_key(),
        conversation: conversation.id,
        asked_at: now,
        withdrawn_at: None,
        told: None,
        given: None,
    };
    let asking = asking(w, &rating)?;
    rating.line = deeds::leave(w, now, Actor::House, conversation.id, asking)?;
    sql::insert_rating(w, &rating)
}

fn withdraw(w: &Writer, now: Timestamp, mut rating: Rating) -> Result<()> {
    rating.withdrawn_at = Some(now);
    sql::update_withdrawn(w, rating.line, now)?;
    deeds::change(w, now, Actor::House, rating.line, asking(w, &rating)?)
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
    let rate = rating.given.as_ref().map(|it| it.rate);
    Ok(NewDeed {
        wording,
        data: json!({ "rate": rate, "withdrawn": rating.withdrawn_at.is_some() }),
        parts: vec![NewPart {
            kind,
            data: card.map_err(|e| Error::internal("writing a rating", e))?,
            lang,
        }],
    })
}

/// The visitor answers, or changes what he answered. The same once more is no
/// change.
pub fn give(
    w: &Writer,
    now: Timestamp,
    by: VisitorId,
    key: &str,
    new: &NewRating,
) -> Result<Rating> {
    let mut rating = find_by_key(w, by, key)?;
    let (rate, comment) = rules::clean(new)?;
    let known = rating.given.take();
    if let Some(given) = &known
        && (given.rate, &given.comment) == (rate, &comment)
    {
        rating.given = known;
        return Ok(rating);
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
    Ok(rating)
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

/// What was given in a conversation.
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

/// Which of some sites ask from now on; what was asked stays asked.
pub fn save_asking(w: &Writer, of: &[SiteId], asking: &[SiteId]) -> Result<()> {
    let mut known = sites::ids(w)?;
    known.retain(|it| of.contains(it));
    known
        .iter()
        .try_for_each(|it| sql::upsert_asks(w, *it, asking.contains(it)))
}
