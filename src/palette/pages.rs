//! What was found, as a page and as a part of the palette.

use askama::Template;

use super::Group;
use crate::texts::Lang;
use crate::web::Sought;
use crate::web::pages::{Errors, Shell};

/// Looking for something without a script.
#[derive(Template)]
#[template(path = "palette/found.html")]
pub struct Found {
    pub t: Lang,
    pub shell: Shell,
    pub q: String,
    /// Absent where it was refused.
    pub hits: Option<Hits>,
    pub errors: Errors,
}

#[derive(Template)]
#[template(path = "palette/_hits.html")]
pub struct Hits {
    pub t: Lang,
    /// As it was typed.
    pub q: String,
    pub groups: Vec<Group>,
}

impl Hits {
    pub fn of(groups: Vec<Group>, sought: &Sought) -> Self {
        Self {
            t: sought.t,
            q: sought.typed.clone(),
            groups,
        }
    }

    pub fn count(&self) -> i64 {
        let hits = self.groups.iter().map(|it| it.hits.len());
        hits.sum::<usize>() as i64
    }

    pub fn more(&self) -> bool {
        self.groups.iter().any(|it| it.more)
    }
}

// Drawn by a template of ours, which escaped what it holds.
impl askama::filters::HtmlSafe for Hits {}
