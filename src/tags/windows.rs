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
    means: Some(|r, n| Ok(sql::find_end(r, TagId(n))?.map_or(n, |it| it.id.0))),
    conversations: "select conversation from conversation_tags
        where tag in (select id from tags where stands_for = :value)",
    // Under every number by which a page that is open may ask for it.
    of: |r, all| {
        let mut numbers: HashMap<_, Vec<i64>> = HashMap::new();
        for (conversation, tag) in sql::list_numbers_of(r, all)? {
            numbers.entry(conversation).or_default().push(tag.0);
        }
        Ok(numbers)
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
    /// Absent where none was sent.
    pub boxes: Option<Boxes>,
}

/// Of which tags the boxes were ticked, when it was sent and when it was drawn.
#[derive(Debug, Clone, Default)]
pub struct Boxes {
    pub ticked: Vec<TagId>,
    pub had: Vec<TagId>,
}

impl Boxes {
    /// What was merged meanwhile is ticked as what it is now.
    fn today(&self, r: &Reader) -> Result<Self> {
        let ends = |all: &[TagId]| {
            let ends = all
                .iter()
                .take(super::NAMED)
                .map(|it| sql::find_end(r, *it));
            let ends = ends.filter_map(|it| it.transpose());
            ends.map(|it| Ok(it?.id)).collect::<Result<_>>()
        };
        Ok(Self {
            ticked: ends(&self.ticked)?,
            had: ends(&self.had)?,
        })
    }
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
    let boxes = match &typed.boxes {
        Some(sent) => sent.today(r)?,
        None => {
            let on: Vec<TagId> = given.iter().map(|it| it.id).collect();
            let (ticked, had) = (on.clone(), on);
            Boxes { ticked, had }
        }
    };
    let mut choices = Vec::new();
    for tag in sql::list_tags(r)? {
        // What colleagues did meanwhile is theirs: what counts is what was there when
        // the boxes were ticked.
        let mut choice = Choice::of(&tag, boxes.had.contains(&tag.id), t);
        choice.ticked = boxes.ticked.contains(&tag.id);
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
