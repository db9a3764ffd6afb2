//! A rating as agents see it, the form that a visitor answers on where no script
//! runs, and the page on which a shop says whether it asks.

use askama::Template;

use super::windows::{name, words};
use super::{BEST, Given};
use crate::texts::Lang;
use crate::web::FormPage;
use crate::web::pages::{Errors, Html, Moment, Saved, Shell};

/// What was given, below the line that says so; nothing where nothing was.
#[derive(Template)]
#[template(path = "ratings/_stars.html")]
pub struct Stars {
    pub t: Lang,
    pub given: Option<Given>,
}

/// In the entry of a list.
#[derive(Template)]
#[template(path = "ratings/_mark.html")]
pub struct Mark {
    pub t: Lang,
    pub rate: i64,
}

/// In the panel about the visitor.
#[derive(Template)]
#[template(path = "ratings/_card.html")]
pub struct CardPanel {
    pub t: Lang,
    pub asked_at: Moment,
    pub given_at: Option<Moment>,
    pub changed_at: Option<Moment>,
    pub given: Option<Given>,
}

/// In the log of a page without a script, and on one of its own: the question, or
/// what was answered.
#[derive(Template)]
#[template(path = "ratings/_plain.html")]
pub struct Plain {
    pub t: Lang,
    /// The key of the site.
    pub site: String,
    /// Of the question.
    pub key: String,
    pub withdrawn: bool,
    /// When it became what it is.
    pub since: i64,
    pub given: Option<Given>,
    /// He may still change it.
    pub changeable: bool,
    /// As chosen and typed; 0 for nothing.
    pub rate: i64,
    pub comment: String,
    /// Fields `rate`, `comment`.
    pub errors: Errors,
}

impl Plain {
    pub fn choices(&self) -> Vec<Choice> {
        let choice = |rate| Choice {
            rate,
            name: name(self.t, rate),
        };
        (1..=BEST).map(choice).collect()
    }
}

/// One of the five.
pub struct Choice {
    pub rate: i64,
    pub name: String,
}

/// The question on a page of its own: to change an answer, or to mend one that
/// was refused.
#[derive(Template)]
#[template(path = "ratings/answer.html")]
pub struct Answer {
    pub t: Lang,
    pub shop_name: String,
    /// The key of the site.
    pub site: String,
    pub form: Html,
    /// It was given more than a day ago.
    pub late: bool,
}

/// Whether each site asks.
#[derive(Template)]
#[template(path = "ratings/settings.html")]
pub struct Settings {
    pub t: Lang,
    pub shell: Shell,
    pub sites: Vec<SiteSwitch>,
    /// Field `asking`.
    pub errors: Errors,
    pub saved: Saved,
}

impl FormPage for Settings {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}

pub struct SiteSwitch {
    pub id: i64,
    pub name: String,
    pub asks: bool,
    /// As somebody wants it.
    pub ticked: bool,
}

impl Given {
    /// ★★★★☆
    pub fn stars(&self) -> String {
        let star = |at| if at <= self.rate { '★' } else { '☆' };
        (1..=BEST).map(star).collect()
    }

    /// “good”
    pub fn words(&self, t: Lang) -> &'static str {
        words(t, self.rate)
    }

    /// “4 of 5: good”
    pub fn name(&self, t: Lang) -> String {
        name(t, self.rate)
    }
}
