//! What an address narrows the lists to: `/inbox?site=k&agent=3&from=2026-11-01`,
//! and how a page says so. It may come from anywhere: what it names and there is
//! not, or not for whoever asks, finds nothing, and the page tells.

use super::List;
use super::filter::{Filter, Narrowing, Period, Responsible};
use super::pages::{Chip, Choice, Field, ListsHead, SiteLink};
use crate::accounts::{Agent, AgentView, team};
use crate::conversations::Windows;
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::{AgentId, Day, SiteId, clip, iso_in};
use crate::sites::{self, Site};
use crate::texts::Lang;
use crate::web::pages::{Errors, FieldError};

/// What the hall itself narrows by, in this order.
const OWN: [&str; 4] = ["site", "agent", "from", "to"];
const NOBODY: &str = "nobody";
/// More characters than anything has that there is.
const LONGEST: usize = 40;

/// The words of an address that narrow the lists, as they stand there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked(Vec<(&'static str, String)>);

impl Asked {
    /// The first of each name that says anything; names that nobody knows are
    /// passed over.
    pub fn of(pairs: &[(String, String)], windows: &Windows) -> Self {
        let wings = windows.narrowings().iter().map(|it| it.name);
        let said = |name: &'static str| {
            let values = pairs.iter().filter(|(it, _)| it == name);
            let mut values = values.map(|(_, it)| clip(it.trim(), LONGEST));
            Some((name, values.find(|it| !it.is_empty())?))
        };
        Self(OWN.into_iter().chain(wings).filter_map(said).collect())
    }

    fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(it, _)| *it == name);
        found.map_or("", |(_, value)| value)
    }

    /// As links carry it along.
    pub fn query(&self) -> String {
        self.query_with("", "")
    }

    /// With another value for one of its names, or without it. What cannot name
    /// anything is not carried along.
    fn query_with(&self, name: &str, value: &str) -> String {
        let plain = |it: &str| {
            it.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let kept = self.0.iter().filter(|(it, _)| *it != name);
        let kept = kept.filter(|(_, it)| plain(it));
        let mut all: Vec<String> = kept.map(|(name, it)| format!("{name}={it}")).collect();
        if !value.is_empty() {
            all.insert(0, format!("{name}={value}"));
        }
        all.join("&")
    }
}

/// What stands after the question mark; nothing, where nothing is asked.
pub fn question(parts: &[&str]) -> String {
    let asked: Vec<&str> = parts.iter().copied().filter(|it| !it.is_empty()).collect();
    match asked.is_empty() {
        true => String::new(),
        false => format!("?{}", asked.join("&")),
    }
}

/// The page whose lists these are.
pub struct On<'a> {
    /// `/inbox`, or that of a conversation.
    pub here: &'a str,
    pub resolved: bool,
    pub shop_name: &'a str,
    /// How many wait, by site: `1:3 2:0`.
    pub waiting: &'a str,
}

impl On<'_> {
    fn show(&self) -> &'static str {
        show(self.resolved)
    }

    fn waiting_at(&self, site: SiteId) -> i64 {
        let counts = self.waiting.split(' ').filter_map(|it| it.split_once(':'));
        let mut counts = counts.filter(|(it, _)| *it == site.to_string());
        counts.next().and_then(|(_, n)| n.parse().ok()).unwrap_or(0)
    }

    fn link(&self, query: &str) -> String {
        format!("{}{}", self.here, question(&[self.show(), query]))
    }
}

/// How an address asks for what is resolved.
pub fn show(resolved: bool) -> &'static str {
    match resolved {
        true => "show=resolved",
        false => "",
    }
}

/// What the lists are asked for, as somebody sees them, and how his page says so.
pub fn read<'a>(
    r: &Reader,
    agent: &'a Agent,
    windows: &Windows,
    asked: &Asked,
    on: &On,
) -> Result<(Filter<'a>, ListsHead)> {
    let (t, sight) = (agent.lang, &agent.sight);
    let sites = sites::seen(r, sight)?;
    let mut form = Form::new(t, asked, on);
    let site = form.site(&sites);
    let ids: Vec<SiteId> = sites.iter().map(|it| it.id).collect();
    let responsible = form.agent(agent.id, team::colleagues(r, sight, &ids)?);
    let period = form.period();
    let mut wings = Vec::new();
    for &narrowing in windows.narrowings() {
        let choices = windows.choices(r, narrowing, sight, t)?;
        let meant = windows.meant(r, narrowing, asked.get(narrowing.name))?;
        wings.extend(form.wing(narrowing, &choices, &meant));
    }
    let filter = Filter {
        site,
        agent: responsible,
        period,
        wings,
        void: form.problems.any(),
        ..Filter::new(List::Resolved, sight)
    };
    let chosen = |it: &&Site| site.is_none_or(|site| site == it.id);
    let shown: Vec<Site> = sites.iter().filter(chosen).cloned().collect();
    let title = match site.and(shown.first()) {
        Some(only) => only.name.clone(),
        None if 1 < sites.len() => t.conversation_filter_all_sites().to_owned(),
        None => on.shop_name.to_owned(),
    };
    let head = ListsHead {
        t,
        title,
        alone: on.here == "/inbox",
        resolved: on.resolved,
        here: on.here.to_owned(),
        cleared: on.link(""),
        others: format!("/inbox{}", question(&[show(!on.resolved), &asked.query()])),
        query: asked.query(),
        facets: filter.facets(),
        spans: filter.spans(&shown),
        sites: form.switch(&sites, site),
        fields: form.fields,
        from: asked.get("from").to_owned(),
        to: asked.get("to").to_owned(),
        zone: zone(&shown, t),
        chips: form.chips,
        problems: form.problems,
    };
    Ok((filter, head))
}

/// Whose days a period has.
fn zone(sites: &[Site], t: Lang) -> String {
    let first = sites.first().map(|it| it.zone.as_str()).unwrap_or("UTC");
    match sites.iter().all(|it| it.zone == first) {
        true => t.conversation_filter_zone(first.replace('_', " ")),
        false => t.conversation_filter_zones().to_owned(),
    }
}

/// What there is to choose, and what was chosen.
struct Form<'a> {
    t: Lang,
    asked: &'a Asked,
    on: &'a On<'a>,
    fields: Vec<Field>,
    chips: Vec<Chip>,
    problems: Errors,
}

impl<'a> Form<'a> {
    fn new(t: Lang, asked: &'a Asked, on: &'a On<'a>) -> Self {
        Self {
            t,
            asked,
            on,
            fields: Vec::new(),
            chips: Vec::new(),
            problems: Errors::default(),
        }
    }

    fn site(&mut self, sites: &[Site]) -> Option<SiteId> {
        let named = |it: &Site| (it.key.clone(), it.name.clone());
        let choices: Vec<_> = sites.iter().map(named).collect();
        let offered = 1 < sites.len();
        let (label, asked) = (self.t.conversation_filter_site(), self.asked.get("site"));
        let found = self.choose("site", label, asked, &choices, offered);
        found.map(|n| sites[n].id)
    }

    /// Oneself first, then nobody; at the end who is no longer here.
    fn agent(&mut self, me: AgentId, mut all: Vec<AgentView>) -> Option<Responsible> {
        let t = self.t;
        all.sort_by_key(|it| (it.deactivated_at.is_some(), it.id != me));
        let words = |it: &AgentView| match it.deactivated_at {
            Some(_) => t.conversation_filter_gone(&it.name),
            None if it.id == me => t.conversation_filter_me(&it.name),
            None => it.name.clone(),
        };
        let named = all.iter().map(|it| (it.id.to_string(), words(it)));
        let mut choices: Vec<_> = named.collect();
        let nobody = choices.len().min(1);
        choices.insert(
            nobody,
            (NOBODY.into(), t.conversation_filter_nobody().into()),
        );
        let (label, asked) = (t.conversation_filter_agent(), self.asked.get("agent"));
        let found = self.choose("agent", label, asked, &choices, true)?;
        let id = choices[found].0.parse().ok();
        Some(Responsible::of(id.map(AgentId)))
    }

    fn period(&mut self) -> Period {
        let t = self.t;
        let from = self.day("from", t.conversation_filter_from());
        let to = self.day("to", t.conversation_filter_to());
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            self.problem("to", t.conversation_filter_order().to_owned());
        }
        Period { from, to }
    }

    fn wing(
        &mut self,
        narrowing: &'static Narrowing,
        choices: &[(i64, String)],
        meant: &str,
    ) -> Option<(&'static Narrowing, i64)> {
        let named = choices.iter().map(|(n, it)| (n.to_string(), it.clone()));
        let named: Vec<_> = named.collect();
        let offered = !choices.is_empty();
        let label = (narrowing.label)(self.t);
        let found = self.choose(narrowing.name, label, meant, &named, offered);
        found.map(|n| (narrowing, choices[n].0))
    }

    /// One of several, or what names none. `offered`: there is something to choose.
    fn choose(
        &mut self,
        name: &'static str,
        label: &'static str,
        value: &str,
        choices: &[(String, String)],
        offered: bool,
    ) -> Option<usize> {
        let found = choices.iter().position(|(it, _)| it == value);
        if offered {
            let choice = |(n, (value, words)): (usize, &(String, String))| Choice {
                value: value.clone(),
                words: words.clone(),
                chosen: found == Some(n),
            };
            let choices = choices.iter().enumerate().map(choice).collect();
            self.fields.push(Field {
                name,
                label,
                choices,
            });
        }
        if !value.is_empty() {
            let words = found.map_or(value, |n| &choices[n].1);
            self.chip((name, label), value, words);
            if found.is_none() {
                self.problem(name, self.t.conversation_filter_unknown(label));
            }
        }
        found
    }

    fn day(&mut self, name: &'static str, label: &'static str) -> Option<Day> {
        let (t, value) = (self.t, self.asked.get(name));
        if value.is_empty() {
            return None;
        }
        let day = Day::parse(value);
        let words = day.map(|it| iso_in(it.begins("UTC"), "UTC", t.mail_date_pattern()));
        let words = words.unwrap_or_else(|| value.to_owned());
        self.chip((name, label), value, &words);
        if day.is_none() {
            self.problem(name, t.conversation_filter_day(label));
        }
        day
    }

    fn chip(&mut self, (name, label): (&str, &str), value: &str, words: &str) {
        let sentence = |it: &str| self.t.conversation_filter_chip(label, it);
        self.chips.push(Chip {
            choice: format!("{name}={value}"),
            words: sentence(words),
            pattern: sentence("{value}"),
            without: self.on.link(&self.asked.query_with(name, "")),
        });
    }

    fn problem(&mut self, field: &'static str, text: String) {
        self.problems.0.push(FieldError { field, text });
    }

    /// From the lists of one site to those of another, or of all.
    fn switch(&self, sites: &[Site], chosen: Option<SiteId>) -> Vec<SiteLink> {
        if sites.len() < 2 {
            return Vec::new();
        }
        let link = |key: &str| self.on.link(&self.asked.query_with("site", key));
        let all = SiteLink {
            id: None,
            name: self.t.conversation_filter_all_sites().to_owned(),
            href: link(""),
            waiting: 0,
            chosen: chosen.is_none(),
        };
        let one = |it: &Site| SiteLink {
            id: Some(it.id.0),
            name: it.name.clone(),
            href: link(&it.key),
            waiting: self.on.waiting_at(it.id),
            chosen: chosen == Some(it.id),
        };
        std::iter::once(all).chain(sites.iter().map(one)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        let pairs = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        Asked::of(&pairs.collect::<Vec<_>>(), &Windows::default())
    }

    #[test]
    fn an_address_is_read_in_one_order_and_carried_on_without_what_names_nothing() {
        let long = "x".repeat(10_000);
        let read = asked(&[
            ("to", "2026-11-27"),
            ("agent", " "),
            ("agent", "3"),
            ("agent", "4"),
            ("site", "k\"><script>"),
            ("from", &long),
            ("colour", "1"),
        ]);
        assert_eq!(read.get("agent"), "3");
        assert_eq!(read.get("site"), "k\"><script>");
        assert_eq!(read.get("from").len(), LONGEST);
        assert_eq!(read.get("colour"), "");
        let read = asked(&[("to", "2026-11-27"), ("agent", "3"), ("site", "a b")]);
        assert_eq!(read.query(), "agent=3&to=2026-11-27");
        assert_eq!(read.query_with("agent", ""), "to=2026-11-27");
        assert_eq!(read.query_with("site", "k"), "site=k&agent=3&to=2026-11-27");
        assert_eq!(question(&["", &read.query()]), "?agent=3&to=2026-11-27");
        assert_eq!(question(&["", ""]), "");
    }
}
