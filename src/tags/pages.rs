//! Tags in the inbox, the sheet that gives them, and the pages on which an admin
//! keeps them.

use askama::Template;

use super::{Change, Colour, Tag};
use crate::kernel::{collating, comparable, iso};
use crate::texts::Lang;
use crate::web::FormPage;
use crate::web::pages::{Errors, Html, Moment, Saved, Shell};

/// One of them, as it is drawn everywhere.
#[derive(Debug, Clone)]
pub struct Chip {
    pub id: i64,
    pub name: String,
    pub colour: &'static str,
}

impl From<&Tag> for Chip {
    fn from(tag: &Tag) -> Self {
        Self {
            id: tag.id.0,
            name: tag.name.clone(),
            colour: tag.colour.word(),
        }
    }
}

/// In an entry of a list: the first few.
#[derive(Template)]
#[template(path = "tags/_row.html")]
pub struct Row {
    pub t: Lang,
    pub tags: Vec<Chip>,
    /// How many there are besides.
    pub more: usize,
}

/// Above the conversation: the button that opens the sheet, and a line of all.
#[derive(Template)]
#[template(path = "tags/_tool.html")]
pub struct Tool {
    pub t: Lang,
    pub tags: Vec<Chip>,
}

impl Tool {
    /// Their numbers, for the boxes of the sheet.
    pub fn ids(&self) -> String {
        let ids: Vec<String> = self.tags.iter().map(|it| it.id.to_string()).collect();
        ids.join(" ")
    }
}

/// Who gave and took what here.
#[derive(Template)]
#[template(path = "tags/_card.html")]
pub struct Card {
    pub t: Lang,
    pub changes: Vec<Act>,
}

pub struct Act {
    pub words: String,
    pub at: Moment,
}

impl Act {
    pub fn of(it: &Change, t: Lang) -> Self {
        let tag = isolated(&it.tag);
        let words = match (&it.agent, it.given) {
            (Some(who), true) => t.tag_change_given(tag, isolated(who)),
            (Some(who), false) => t.tag_change_taken(tag, isolated(who)),
            (None, true) => t.tag_change_given_by_nobody(tag),
            (None, false) => t.tag_change_taken_by_nobody(tag),
        };
        Self {
            words,
            at: Moment::new(iso(it.at)),
        }
    }
}

/// The sheet: a box for each that can be given here, and a field for a new one.
#[derive(Template)]
#[template(path = "tags/_sheet.html")]
pub struct Sheet {
    pub t: Lang,
    pub csrf: String,
    pub conversation: String,
    /// What had been typed for a new one. Field `new_tag`.
    pub typed: String,
    pub choices: Vec<Html>,
    /// Fields `tags`, `new_tag`.
    pub errors: Errors,
}

/// One box of it.
#[derive(Template)]
#[template(path = "tags/_choice.html")]
pub struct Choice {
    pub t: Lang,
    pub id: i64,
    pub name: String,
    pub colour: &'static str,
    /// The form in which names are compared, and the one in which they are sorted.
    pub key: String,
    pub order: String,
    pub archived: bool,
    /// It was on the conversation when whoever ticks the boxes saw them first.
    pub on: bool,
    /// Its box is ticked: the same, unless a form was refused.
    pub ticked: bool,
}

impl Choice {
    pub fn of(tag: &Tag, on: bool, t: Lang) -> Self {
        Self {
            t,
            id: tag.id.0,
            name: tag.name.clone(),
            colour: tag.colour.word(),
            key: comparable(&tag.name),
            order: collating(&tag.name),
            archived: tag.archived,
            on,
            ticked: on,
        }
    }
}

/// A colour to choose.
pub struct Hue {
    pub word: &'static str,
    pub label: &'static str,
    pub chosen: bool,
}

/// All of them.
pub fn hues(chosen: Colour, t: Lang) -> Vec<Hue> {
    let hue = |it: Colour| Hue {
        word: it.word(),
        label: it.label(t),
        chosen: it == chosen,
    };
    Colour::ALL.into_iter().map(hue).collect()
}

/// Every tag of the house, and the form for one more.
#[derive(Template)]
#[template(path = "tags/list.html")]
pub struct List {
    pub t: Lang,
    pub shell: Shell,
    /// What has just been done.
    pub done: Option<Done>,
    pub tags: Vec<Counted>,
    pub archived: Vec<Counted>,
    pub merged: Vec<MergedRow>,
    /// What had been typed for one more. Field `name`.
    pub name: String,
    pub hues: Vec<Hue>,
    /// Also `merged`: one that cannot be as it was.
    pub errors: Errors,
}

impl FormPage for List {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}

impl List {
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.archived.is_empty()
    }
}

/// What has just been done, and the last word of the address that takes it back.
pub struct Done {
    pub words: String,
    pub id: i64,
    pub undo: &'static str,
}

pub struct Counted {
    pub chip: Chip,
    /// Conversations it is on.
    pub n: i64,
}

pub struct MergedRow {
    pub id: i64,
    pub words: String,
    pub at: Moment,
}

/// One tag: its name and colour, and what else can be done with it.
#[derive(Template)]
#[template(path = "tags/edit.html")]
pub struct Edit {
    pub t: Lang,
    pub shell: Shell,
    /// As it is now, whatever has been typed.
    pub chip: Chip,
    pub archived: bool,
    /// Conversations it is on.
    pub n: i64,
    /// For so many a merger can be undone.
    pub days: i64,
    pub name: String,
    pub hues: Vec<Hue>,
    /// Into which it can be merged.
    pub others: Vec<Chip>,
    /// The one that was chosen; 0 for none.
    pub into: i64,
    /// The one that has the typed name already.
    pub twin: Option<Twin>,
    /// Fields `name`, `into`.
    pub errors: Errors,
    pub saved: Saved,
}

impl FormPage for Edit {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}

pub struct Twin {
    pub chip: Chip,
    pub archived: bool,
}

impl Twin {
    pub fn named(&self) -> String {
        isolated(&self.chip.name)
    }
}

/// A name within a sentence: neither moves the other where they are written in
/// opposite directions (U+2068, U+2069).
pub fn isolated(name: &str) -> String {
    format!("\u{2068}{name}\u{2069}")
}
