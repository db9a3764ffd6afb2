//! What pages of all rooms have in common, and the page for when things go wrong.

use std::fmt::{self, Display};

use askama::Template;

use super::undo::Fields;
use super::{AreaGroup, AreaLink, Hint, KeyList, Section};
use crate::error::{Mistake, Result};
use crate::kernel::Dress;
use crate::texts::Lang;

/// What stands around the content of every signed-in page.
#[derive(Debug, Clone)]
pub struct Shell {
    pub t: Lang,
    pub csrf: String,
    pub agent_id: i64,
    pub agent_name: String,
    /// `owner`, `admin` or `agent`.
    pub agent_role: &'static str,
    pub shop_name: String,
    /// The journal position this page was rendered at, and its epoch.
    pub seq: i64,
    pub epoch: String,
    /// The key of the conversation on the screen; empty without one.
    pub view: String,
    pub storage_ok: bool,
    /// The public address is plain http.
    pub insecure: bool,
    /// What is wrong with the proxy in front, for those who can mend it.
    pub hints: Vec<Hint>,
    /// Open conversations in which a visitor waits for a reply.
    pub waiting: i64,
    /// The same by site, as its pages count: `1:3 2:0`.
    pub waiting_by_site: String,
    /// The one who looks sees more than one site.
    pub several_sites: bool,
    /// What he may do, as words: `customers apps`.
    pub may: String,
    /// Both, and what he sees, as a page tells its socket.
    pub look: String,
    /// Where we are: the key of an area, `me` or `welcome`.
    pub path: &'static str,
    /// How he wants his pages to look.
    pub dress: Dress,
    /// A page on which the house is set up.
    pub sets_up: bool,
    /// The list of the settings' pages, which stands alone on a phone.
    pub at_index: bool,
    /// The places he may go to, in order.
    pub areas: Vec<AreaLink>,
    /// The keys there are.
    pub keys: Vec<KeyList>,
}

impl Shell {
    pub fn may_administer(&self) -> bool {
        self.agent_role != "agent"
    }

    /// The navigation without its foot, by sections; of those that hold nothing for
    /// him there is none.
    pub fn sections(&self) -> Vec<AreaGroup<'_>> {
        let tops = Section::MAIN.into_iter().filter(|it| *it != Section::Foot);
        let all: Vec<(Section, Vec<&AreaLink>)> = tops
            .map(|it| (it, self.areas_of(it).collect::<Vec<_>>()))
            .filter(|(_, links)| !links.is_empty())
            .collect();
        let several = 1 < all.len();
        let label = |it: Section| if several { it.label(self.t) } else { "" };
        let groups = all.into_iter();
        groups
            .map(|(section, links)| AreaGroup {
                label: label(section),
                links,
            })
            .collect()
    }

    pub fn foot_areas(&self) -> impl Iterator<Item = &AreaLink> {
        self.areas_of(Section::Foot)
    }

    /// The current place has no slot in the bar of a phone, so “More” stands for it.
    pub fn is_beyond_bar(&self) -> bool {
        let mut bar = self.areas.iter().filter(|it| it.in_bar);
        !self.is_at("find") && !bar.any(|it| self.is_at(it.key))
    }

    pub fn settings_areas(&self) -> impl Iterator<Item = &AreaLink> {
        self.areas_of(Section::Settings)
    }

    fn areas_of(&self, section: Section) -> impl Iterator<Item = &AreaLink> {
        self.areas.iter().filter(move |it| it.section == section)
    }

    /// Whether this place, or one inside it, is the current one.
    pub fn is_at(&self, path: &str) -> bool {
        self.path
            .strip_prefix(path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The hints for this page: all of them where the house is set up, elsewhere
    /// only what nobody can work with.
    pub fn hints_here(&self) -> Vec<&Hint> {
        let all = self.sets_up;
        self.hints.iter().filter(|it| all || it.urgent).collect()
    }

    pub fn initials(&self) -> String {
        initials(&self.agent_name)
    }
}

/// A piece of a page, drawn by a template of ours: what it holds was escaped
/// there, so pages set it in as it is. There is no other way to make one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    pub fn draw(template: &impl Template) -> Result<Self> {
        super::fragment(template).map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}

/// A point in time. Browsers show it in the reader's zone; without a script it
/// is read as it stands, in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// RFC 3339 in UTC: `2026-11-21T10:02:11Z`.
    pub iso: String,
}

impl Moment {
    pub fn new(iso: impl Into<String>) -> Self {
        Self { iso: iso.into() }
    }

    /// `2026-11-21 10:02 UTC`
    pub fn plain(&self) -> String {
        match (self.iso.get(..10), self.iso.get(11..16)) {
            (Some(day), Some(time)) => format!("{day} {time} UTC"),
            _ => self.iso.clone(),
        }
    }
}

/// What is wrong with one field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    pub text: String,
}

/// What is wrong with a form; empty at first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors(pub Vec<FieldError>);

impl Errors {
    pub fn one(field: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self(vec![FieldError { field, text }])
    }

    /// Each in the reader's language.
    pub fn of_all(mistakes: &[Mistake], t: Lang) -> Self {
        let told = |it: &Mistake| FieldError {
            field: it.field,
            text: (it.say)(t).into_owned(),
        };
        Self(mistakes.iter().map(told).collect())
    }

    pub fn any(&self) -> bool {
        !self.0.is_empty()
    }

    pub fn of(&self, field: &str) -> Option<&str> {
        let found = self.0.iter().find(|it| it.field == field);
        found.map(|it| it.text.as_str())
    }

    pub fn list(&self) -> &[FieldError] {
        &self.0
    }
}

/// What has just been done with a form, and the way back.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    pub shown: bool,
    /// It was taken back.
    pub undone: bool,
    pub undo: Option<UndoForm>,
}

/// The form once more as it was.
#[derive(Debug, Clone)]
pub struct UndoForm {
    pub action: String,
    pub fields: Fields,
}

/// Up to two letters that stand for a person.
pub fn initials(name: &str) -> String {
    let firsts = name.split_whitespace().filter_map(|it| it.chars().next());
    firsts.take(2).flat_map(char::to_uppercase).collect()
}

/// The page for a person whose request failed.
#[derive(Template)]
#[template(path = "web/sorry.html")]
pub struct Sorry {
    pub t: Lang,
    pub status: i64,
    pub title: String,
    pub detail: String,
    pub request_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_without_a_script() {
        let moment = Moment::new("2026-11-21T10:02:11.123Z");
        assert_eq!(moment.plain(), "2026-11-21 10:02 UTC");
        assert_eq!(Moment::new("").plain(), "");
    }

    #[test]
    fn initials_are_of_the_first_two_words() {
        assert_eq!(initials("ada king of lovelace"), "AK");
        assert_eq!(initials("Ömer"), "Ö");
        assert_eq!(initials(""), "");
    }
}
