//! The head of the lists: whose they are, and what they are narrowed to.

use askama::Template;

use crate::texts::Lang;
use crate::web::pages::Errors;

#[derive(Template)]
#[template(path = "conversations/_lists_head.html")]
pub struct ListsHead {
    pub t: Lang,
    /// The shop, or the one site that is shown.
    pub title: String,
    /// It is the heading of the page.
    pub alone: bool,
    /// The lists are those of what is resolved.
    pub resolved: bool,
    /// The page without what its address asks for.
    pub here: String,
    /// The same lists, all of them.
    pub cleared: String,
    /// The other lists, open or resolved, narrowed to the same.
    pub others: String,
    /// What links carry along: `site=k&agent=3`.
    pub query: String,
    /// What a row must show to belong here; see `lists::Filter`.
    pub facets: String,
    pub spans: String,
    /// To switch from one to another; none where there is only one.
    pub sites: Vec<SiteLink>,
    pub fields: Vec<Field>,
    pub from: String,
    pub to: String,
    /// Whose days these are.
    pub zone: String,
    pub chips: Vec<Chip>,
    pub problems: Errors,
}

impl ListsHead {
    /// Whether anything is left out.
    pub fn narrows(&self) -> bool {
        !self.chips.is_empty()
    }
}

pub struct SiteLink {
    /// Absent for all of them together.
    pub id: Option<i64>,
    pub name: String,
    pub href: String,
    /// How many wait there.
    pub waiting: i64,
    pub chosen: bool,
}

/// One of several, or any.
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub choices: Vec<Choice>,
}

pub struct Choice {
    pub value: String,
    pub words: String,
    pub chosen: bool,
}

/// One thing that the lists are narrowed to, and the way to be without it.
pub struct Chip {
    /// The choice, as its address has it: `agent=3`.
    pub choice: String,
    pub words: String,
    /// The same with a place for what is chosen, which may be called otherwise soon.
    pub pattern: String,
    pub without: String,
}

// As the parts in `conversations::pages`.
impl askama::filters::HtmlSafe for ListsHead {}
