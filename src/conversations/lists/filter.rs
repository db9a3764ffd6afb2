//! What the lists are narrowed to: by what the hall knows of a conversation, and
//! by what wings do. What a filter names and there is not, or not for whoever
//! asks, finds nothing. How many wait is told of everything in sight all the same: a
//! filter that was left on hides nobody from the bell.

use std::collections::HashMap;

use super::{List, sql};
use crate::accounts::team;
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{AgentId, ConversationId, Day, Sight, SiteId, Timestamp};
use crate::sites::{self, Site};
use crate::texts::Lang;

/// What stands in a wing's SQL for the value that is wanted.
pub(super) const VALUE: &str = ":value";

/// A wing's value that applies to no more conversations than that is looked up
/// one by one; what applies to more is asked of each entry of the list instead,
/// until a page is full.
const RARE: usize = 500;

/// Values, and what each is called.
pub type Choices = Vec<(i64, String)>;

/// Values by conversation.
pub type Values = HashMap<ConversationId, Vec<i64>>;

/// One more way to narrow the lists, by what a wing knows of conversations.
#[derive(Debug)]
pub struct Narrowing {
    /// In the address: `/inbox?show=resolved&colour=3`. Lower-case letters.
    pub name: &'static str,
    pub label: fn(Lang) -> &'static str,
    /// What may be chosen and its words, in order: what is not among these does
    /// not exist for whoever asks. Empty: does not show.
    pub choices: fn(&Reader, &Sight, Lang) -> Result<Choices>,
    /// Which choice a value means that is none, as one that has become another since it
    /// was written down. Absent: every value means itself.
    pub means: Option<fn(&Reader, i64) -> Result<i64>>,
    /// Fixed SQL: the ids of the conversations a value applies to, with the value
    /// as its one parameter: `select conversation from colours where colour = :value`.
    /// A plain select with an index for either side, by value and by conversation.
    pub conversations: &'static str,
    /// Which values apply to each of these: for pages that are open while it changes.
    pub of: fn(&Reader, &[ConversationId]) -> Result<Values>,
}

/// Words of the inbox's addresses that mean something else.
const TAKEN: [&str; 9] = [
    "agent", "before", "earlier", "from", "mine", "note", "show", "site", "to",
];

impl Narrowing {
    /// What is wrong with it as it stands.
    pub fn fault(&self) -> Option<String> {
        let (name, sql) = (self.name, self.conversations);
        if name.is_empty() || !name.bytes().all(|it| it.is_ascii_lowercase()) {
            return Some(format!("`{name}` is no name to narrow lists by"));
        }
        if TAKEN.contains(&name) {
            return Some(format!("`{name}` means something else in an address"));
        }
        let plain = sql.starts_with("select ") && sql.matches(VALUE).count() == 1;
        let flat = !sql.contains(" union ") && !sql.contains(';');
        (!plain || !flat).then(|| format!("`{name}` needs one plain select with {VALUE}"))
    }

    /// How a value stands on a page and in its rows: `colour-3`.
    pub fn facet(&self, value: i64) -> String {
        format!("{}-{value}", self.name)
    }
}

/// Whose chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Responsible {
    Agent(AgentId),
    Nobody,
}

impl Responsible {
    pub fn of(assignee: Option<AgentId>) -> Self {
        assignee.map_or(Self::Nobody, Self::Agent)
    }

    pub fn facet(self) -> String {
        match self {
            Self::Agent(agent) => format!("agent-{agent}"),
            Self::Nobody => "agent-nobody".to_owned(),
        }
    }
}

pub fn site_facet(site: SiteId) -> String {
    format!("site-{site}")
}

/// From one day to another, both included, as the shop's calendar has them: so an
/// address shows the same to everybody it is sent to. What counts is the time that
/// an entry shows: since when its visitor waits, or else when it was touched last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    pub from: Option<Day>,
    pub to: Option<Day>,
}

impl Period {
    pub fn is_all(self) -> bool {
        self == Self::default()
    }

    /// From its first moment to the one after its last.
    pub fn span(self, zone: &str) -> Span {
        Span {
            from: self.from.map(|it| it.begins(zone)),
            until: self.to.map(|it| it.ends(zone)),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// What a list is asked for, and what of it there is for whoever asks. The one
/// way from a question to the database: whatever an inbox lists goes through it.
#[derive(Debug, Clone)]
pub struct Filter<'a> {
    pub list: List,
    pub sight: &'a Sight,
    pub site: Option<SiteId>,
    pub agent: Option<Responsible>,
    pub period: Period,
    /// By what wings know, and the value that is wanted.
    pub wings: Vec<(&'static Narrowing, i64)>,
    /// It asks for something that there is not, so nothing is found.
    pub void: bool,
}

impl<'a> Filter<'a> {
    /// All of a list that is in sight.
    pub fn new(list: List, sight: &'a Sight) -> Self {
        Self {
            list,
            sight,
            site: None,
            agent: None,
            period: Period::default(),
            wings: Vec::new(),
            void: false,
        }
    }

    /// The same of another list.
    pub fn with(&self, list: List) -> Self {
        Self {
            list,
            ..self.clone()
        }
    }

    /// Whether it leaves anything out.
    pub fn narrows(&self) -> bool {
        let own = self.site.is_some() || self.agent.is_some() || !self.period.is_all();
        own || !self.wings.is_empty() || self.void
    }

    /// The sites it looks into, and from when to when.
    pub(super) fn sites(&self, r: &Reader) -> Result<Vec<(SiteId, Span)>> {
        if !self.finds(r)? {
            return Ok(Vec::new());
        }
        let mut sites: Vec<(SiteId, Span)> = if self.period.is_all() {
            let ids = sites::ids(r)?.into_iter();
            ids.map(|it| (it, Span::default())).collect()
        } else {
            let span = |it: Site| (it.id, self.period.span(&it.zone));
            sites::list(r)?.into_iter().map(span).collect()
        };
        let wanted = |it| self.site.is_none_or(|site| site == it);
        sites.retain(|(it, _)| self.sight.sees(*it) && wanted(*it));
        Ok(sites)
    }

    /// Whether what it names is there for whoever asks, and can be in this list: in
    /// My chats one is responsible oneself.
    fn finds(&self, r: &Reader) -> Result<bool> {
        let whose = match (self.void, self.agent) {
            (true, _) => return Ok(false),
            (false, None) => return Ok(true),
            (false, Some(whose)) => whose,
        };
        match self.list {
            List::Inbox(me) if whose == Responsible::Agent(me) => return Ok(false),
            // Where anybody takes part, somebody is responsible.
            List::Mine(_) if whose == Responsible::Nobody => return Ok(false),
            _ => (),
        }
        match whose {
            Responsible::Nobody => Ok(true),
            Responsible::Agent(agent) => {
                let seen = team::colleagues(r, self.sight, &sites::ids(r)?)?;
                Ok(seen.iter().any(|it| it.id == agent))
            }
        }
    }

    /// What wings have to be asked, and how.
    pub(super) fn kept(&self, r: &Reader) -> Result<Vec<sql::Kept>> {
        let kept = |(narrowing, value): &(&'static Narrowing, i64)| {
            let (sql, value) = (narrowing.conversations, *value);
            let count = sql::count_kept(r, sql, value, RARE + 1)?;
            let rare = count <= RARE;
            Ok(sql::Kept { sql, value, rare })
        };
        self.wings.iter().map(kept).collect()
    }

    /// What a row must show of itself to belong on a page, as in `Row::facets`; see
    /// `spans` for the period.
    pub fn facets(&self) -> String {
        let mut all: Vec<String> = Vec::new();
        all.extend(self.site.map(site_facet));
        all.extend(self.agent.map(Responsible::facet));
        all.extend(self.wings.iter().map(|(it, value)| it.facet(*value)));
        // What no row shows.
        all.extend(self.void.then(|| "nothing".to_owned()));
        all.join(" ")
    }

    /// The period at each of these sites, in milliseconds: `1:0:1790000000000`.
    pub fn spans(&self, sites: &[Site]) -> String {
        if self.period.is_all() {
            return String::new();
        }
        let span = |it: &Site| {
            let Span { from, until } = self.period.span(&it.zone);
            let (from, until) = (from.unwrap_or(0), until.unwrap_or(super::LATEST));
            format!("{}:{from}:{until}", it.id)
        };
        sites.iter().map(span).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn narrowing(name: &'static str, conversations: &'static str) -> Narrowing {
        Narrowing {
            name,
            label: |_| "Colour",
            choices: |_, _, _| Ok(Vec::new()),
            means: None,
            conversations,
            of: |_, _| Ok(HashMap::new()),
        }
    }

    #[test]
    fn a_narrowing_has_a_name_of_its_own_and_asks_one_plain_question() {
        let good = "select conversation from colours where colour = :value";
        assert_eq!(narrowing("colour", good).fault(), None);
        for name in ["", "Colour", "my-colour", "show", "site", "before"] {
            assert!(narrowing(name, good).fault().is_some(), "{name}");
        }
        for bad in [
            "select conversation from colours",
            "delete from colours where colour = :value",
            "select 1 from a where a = :value union select 2 from b where b = 1",
            "select 1 from a where a = :value or b = :value",
            "select 1 from a where a = :value; drop table a",
        ] {
            assert!(narrowing("colour", bad).fault().is_some(), "{bad}");
        }
    }

    #[test]
    fn a_period_is_whole_days_of_the_shop() {
        let day = |it| Day::parse(it).unwrap();
        let period = Period {
            from: Some(day("2026-03-29")),
            to: Some(day("2026-03-29")),
        };
        let Span { from, until } = period.span("Europe/Paris");
        // That day the clocks go forward.
        assert_eq!(until.unwrap() - from.unwrap(), 23 * 3_600_000);
        let istanbul = period.span("Europe/Istanbul").from.unwrap();
        assert_eq!(from.unwrap() - istanbul, 2 * 3_600_000);
        assert_eq!(Period::default().span("UTC"), Span::default());
    }
}
