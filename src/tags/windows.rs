//! What tags show in the hall: chips in the entries of the lists and above the
//! conversation, the sheet that gives them, and who gave and took which.

use std::collections::HashMap;

use super::pages::{Act, Card, Chip, Choice, Row, Sheet, Tool};
use super::{TagId, sql};
use crate::accounts::Agent;
use crate::conversations::{Conversation, Narrowing, Windows};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{ConversationId, May};
use crate::texts::Lang;
use crate::web::pages::{Errors, Html};

/// The sheet, by name.
pub const SHEET: &str = "tags";
/// Chips in an entry of a list; the rest is counted.
const IN_ROW: usize = 2;
/// Among the cards about a visitor.
const ORDER: u16 = 70;

pub fn open(windows: &mut Windows) {
    windows.row(rows);
    windows.header(header);
    windows.card(ORDER, card);
    windows.sheet(SHEET, |r, agent, conversation| {
        match agent.may.allow(May::Customers) {
            true => sheet(r, agent, conversation, &Typed::default(), Errors::default()).map(Some),
            false => Ok(None),
        }
    });
    windows.narrow(&NARROWING);
    windows.script("admin/tags/sheet.js");
    windows.style("admin/tags/tags.css");
}

/// What was put away can still be looked for, after all others.
pub static NARROWING: Narrowing = Narrowing {
    name: "tag",
    label: Lang::tag_one,
    choices: |r, _, t| {
        let (away, mut tags): (Vec<_>, Vec<_>) =
            sql::list_tags(r)?.into_iter().partition(|it| it.archived);
        tags.extend(away);
        let choice = |it: super::Tag| match it.archived {
            true => (it.id.0, t.tag_choice_archived(it.name)),
            false => (it.id.0, it.name),
        };
        Ok(tags.into_iter().map(choice).collect())
    },
    conversations: "select conversation from conversation_tags
        where tag in (select id from tags where stands_for = :value)",
    of: |r, all| {
        let given = super::of_each(r, all)?.into_iter();
        let ids = |tags: Vec<super::Tag>| tags.into_iter().map(|it| it.id.0).collect();
        Ok(given.map(|(it, tags)| (it, ids(tags))).collect())
    },
};

fn rows(
    r: &Reader,
    conversations: &[ConversationId],
    t: Lang,
) -> Result<HashMap<ConversationId, Html>> {
    let given = super::of_each(r, conversations)?;
    let draw = |(conversation, tags): (ConversationId, Vec<super::Tag>)| {
        let row = Row {
            t,
            tags: tags.iter().take(IN_ROW).map(Chip::from).collect(),
            more: tags.len().saturating_sub(IN_ROW),
        };
        Ok((conversation, Html::draw(&row)?))
    };
    given.into_iter().map(draw).collect()
}

fn header(r: &Reader, conversation: &Conversation, t: Lang) -> Result<Option<Html>> {
    let given = sql::list_given(r, conversation.id)?;
    let tags = given.iter().map(Chip::from).collect();
    Html::draw(&Tool { t, tags }).map(Some)
}

fn card(r: &Reader, conversation: &Conversation, t: Lang) -> Result<Option<Html>> {
    let changes = super::list_changes(r, conversation.id)?;
    if changes.is_empty() {
        return Ok(None);
    }
    let changes = changes.iter().map(|it| Act::of(it, t)).collect();
    Html::draw(&Card { t, changes }).map(Some)
}

/// What a form held that was refused.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    pub new_tag: String,
    /// The boxes that were ticked; absent where none was sent.
    pub ticked: Option<Vec<TagId>>,
}

pub fn sheet(
    r: &Reader,
    agent: &Agent,
    conversation: &Conversation,
    typed: &Typed,
    errors: Errors,
) -> Result<Html> {
    let t = agent.lang;
    let given = sql::list_given(r, conversation.id)?;
    let mut choices = Vec::new();
    for tag in sql::list_tags(r)? {
        let on = given.iter().any(|it| it.id == tag.id);
        if tag.archived && !on {
            continue;
        }
        let mut choice = Choice::of(&tag, on, t);
        if let Some(ticked) = &typed.ticked {
            choice.ticked = ticked.contains(&tag.id);
        }
        choices.push(Html::draw(&choice)?);
    }
    Html::draw(&Sheet {
        t,
        csrf: agent.csrf.clone(),
        conversation: conversation.key.to_string(),
        typed: typed.new_tag.clone(),
        choices,
        errors,
    })
}
