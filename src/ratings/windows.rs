//! What a rating shows in the hall: the line that asks, with the card that the
//! visitor answers on; the line that tells agents what he gave; a mark in the entry
//! of a list; a section in the panel about the visitor.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::pages::{CardPanel, Mark, Plain, Stars};
use super::{BEST, CHANGEABLE, Card, Given, rules, sql};
use crate::conversations::{
    Conversation, LineView, Narrowing, PartKind, Plainly, Windows, Wording,
};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::kernel::{ConversationId, iso};
use crate::texts::Lang;
use crate::web::pages::{Errors, Html, Moment};

/// Its place among the sections of the panel.
const ORDER: u16 = 40;

pub static ASKED: Wording = Wording {
    word: "rating-asked",
    // So it was, whatever came of it.
    agents: |t, it| t.rating_change_asked(it.who).into(),
    visitor: Some(|t, it| {
        let words = match state(it) {
            State::Asked => t.rating_log_asked().to_owned(),
            State::Withdrawn => t.rating_withdrawn().to_owned(),
            State::Given(rate) => t.rating_log_given(rate),
        };
        words.into()
    }),
};

/// A line of its own, because he may take his time.
pub static GIVEN: Wording = Wording {
    word: "rating-given",
    agents: |t, it| {
        let rate = it.data["rate"].as_i64().unwrap_or_default();
        match it.data["changed"] == true {
            true => t.rating_change_changed(rate, it.who).into(),
            false => t.rating_change_given(rate, it.who).into(),
        }
    },
    visitor: None,
};

enum State {
    Asked,
    Withdrawn,
    Given(i64),
}

fn state(it: &LineView) -> State {
    match it.data["rate"].as_i64() {
        Some(rate) => State::Given(rate),
        None if it.data["withdrawn"] == true => State::Withdrawn,
        None => State::Asked,
    }
}

pub static CARD: PartKind = PartKind {
    kind: "rating",
    check,
    text,
    // His answer is told by a line of its own.
    agents: |_, t| stars(t, None),
    visitor: |data, t| read(data).map_or(Value::Null, |it| for_script(&it, t)),
    script: "widget/ratings.js",
    // Letters hold what people said to each other; no line of this room is in one.
    mail: |data, t| stars(t, read(data)?.given.as_ref()),
};

/// What was given, for agents only.
pub static STARS: PartKind = PartKind {
    kind: "rating-stars",
    check,
    text,
    agents: |data, t| stars(t, read(data)?.given.as_ref()),
    visitor: |_, _| Value::Null,
    script: "",
    mail: |data, t| stars(t, read(data)?.given.as_ref()),
};

fn check(data: Value) -> Result<Value> {
    match read(&data) {
        Ok(_) => Ok(data),
        Err(error) => Err(Error::Malformed(error.to_string().into())),
    }
}

fn text(data: &Value, t: Lang) -> String {
    match read(data) {
        Ok(Card {
            given: Some(it), ..
        }) => t.rating_log_given(it.rate),
        Ok(Card {
            withdrawn: true, ..
        }) => t.rating_withdrawn().to_owned(),
        _ => t.rating_log_asked().to_owned(),
    }
}

fn read(data: &Value) -> Result<Card> {
    serde_json::from_value(data.clone()).map_err(|e| Error::internal("reading a rating", e))
}

/// Nothing while nothing was given.
fn stars(t: Lang, given: Option<&Given>) -> Result<Html> {
    Html::draw(&Stars {
        t,
        given: given.cloned(),
    })
}

/// All that `static/widget/ratings.js` needs, in the visitor's language: his chat
/// does not bring these words before he is asked.
fn for_script(card: &Card, t: Lang) -> Value {
    if card.withdrawn {
        return json!({
            "key": card.key,
            "at": card.at,
            "withdrawn": true,
            "words": { "withdrawn": t.rating_withdrawn() },
        });
    }
    let given = card.given.as_ref();
    json!({
        "key": card.key,
        "at": card.at,
        "withdrawn": false,
        "rate": given.map(|it| it.rate),
        "comment": given.map(|it| &it.comment),
        "until": given.map(|it| it.at + CHANGEABLE),
        "words": {
            "ask": t.rating_ask(),
            "rates": (1..=BEST).map(|rate| words(t, rate)).collect::<Vec<_>>(),
            "names": (1..=BEST).map(|rate| name(t, rate)).collect::<Vec<_>>(),
            "comment": t.rating_comment(),
            "hint": t.rating_comment_hint(),
            "send": t.rating_send(),
            "thanks": t.rating_thanks(),
            "change": t.rating_edit(),
            "choose": t.rating_choose(),
            "offline": t.rating_offline(),
            "overtaken": t.rating_overtaken("{name}"),
        },
    })
}

/// One of the five in a word.
pub fn words(t: Lang, rate: i64) -> &'static str {
    match rate {
        ..=1 => t.rating_word_one(),
        2 => t.rating_word_two(),
        3 => t.rating_word_three(),
        4 => t.rating_word_four(),
        5.. => t.rating_word_five(),
    }
}

/// “4 of 5: good”
pub fn name(t: Lang, rate: i64) -> String {
    t.rating_name(rate, words(t, rate))
}

pub static BY_RATE: Narrowing = Narrowing {
    name: "rating",
    label: Lang::rating_title,
    choices: |r, _, t| {
        let all = (1..=BEST).rev().map(|rate| (rate, name(t, rate)));
        where_given(r, all.collect())
    },
    means: None,
    conversations: sql::BY_RATE,
    of: |r, ids| {
        let given = sql::list_given(r, ids)?.into_iter();
        Ok(given.map(|(id, (rate, _))| (id, vec![rate])).collect())
    },
};

pub static BY_COMMENT: Narrowing = Narrowing {
    name: "comment",
    label: Lang::rating_comment,
    choices: |r, _, t| where_given(r, vec![(1, t.rating_with_comment().to_owned())]),
    means: None,
    conversations: sql::BY_COMMENT,
    of: |r, ids| {
        let given = sql::list_given(r, ids)?.into_iter();
        let said = given.filter(|(_, (_, said))| *said);
        Ok(said.map(|(id, _)| (id, vec![1])).collect())
    },
};

/// A shop that has no ratings is not asked by which.
fn where_given(r: &Reader, choices: Vec<(i64, String)>) -> Result<Vec<(i64, String)>> {
    Ok(match sql::exists_given(r)? {
        true => choices,
        false => Vec::new(),
    })
}

pub fn open(windows: &mut Windows) {
    windows.word(&ASKED);
    windows.word(&GIVEN);
    windows.part(&CARD);
    windows.part(&STARS);
    windows.plain(&CARD, plain);
    windows.row(rows);
    windows.narrow(&BY_RATE);
    windows.narrow(&BY_COMMENT);
    windows.card(ORDER, card);
    windows.style("admin/ratings/ratings.css");
}

/// Where no script runs.
fn plain(data: &Value, page: &Plainly, t: Lang) -> Result<Html> {
    let card = read(data)?;
    if card.withdrawn {
        return Ok(Html::default());
    }
    let changeable = |it: &Given| rules::may_change(it, page.now);
    Html::draw(&Plain {
        t,
        changeable: card.given.as_ref().is_some_and(changeable),
        site: page.site.to_owned(),
        key: card.key,
        withdrawn: card.withdrawn,
        since: card.at,
        given: card.given,
        rate: 0,
        comment: String::new(),
        errors: Errors::default(),
    })
}

fn rows(r: &Reader, ids: &[ConversationId], t: Lang) -> Result<HashMap<ConversationId, Html>> {
    let given = sql::list_given(r, ids)?.into_iter();
    let mark = |(id, (rate, _))| Ok((id, Html::draw(&Mark { t, rate })?));
    given.map(mark).collect()
}

fn card(r: &Reader, conversation: &Conversation, t: Lang) -> Result<Option<Html>> {
    // What waits for an answer is told where there has been none yet.
    let found = match super::find(r, conversation.id)? {
        Some(rated) => Some(rated),
        None => super::newest(r, conversation.id)?.filter(|it| !it.is_withdrawn()),
    };
    let Some(rating) = found else {
        return Ok(None);
    };
    let given = rating.given;
    let moment = |at| Moment::new(iso(at));
    let panel = CardPanel {
        t,
        asked_at: moment(rating.asked_at),
        given_at: given.as_ref().map(|it| moment(it.at)),
        changed_at: given.as_ref().and_then(|it| it.changed_at).map(moment),
        given,
    };
    Html::draw(&panel).map(Some)
}
