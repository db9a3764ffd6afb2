//! The demonstration's own files: who works there, and what was said.

use serde::Deserialize;

use super::SignIn;
use crate::error::{Error, Result};

const FILES: &[&str] = &[
    include_str!("talks_one.toml"),
    include_str!("talks_two.toml"),
    include_str!("talks_three.toml"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shop {
    shop: String,
    zone: String,
    agents: Vec<Person>,
    browsers: Vec<Browser>,
}

pub struct Script {
    pub shop: String,
    pub zone: String,
    pub agents: Vec<Person>,
    pub talks: Vec<Talk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub key: String,
    pub name: String,
    pub email: String,
    pub role: String,
    pub lang: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Browser {
    device: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Talks {
    conversation: Vec<RawTalk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTalk {
    days_ago: f64,
    lang: String,
    page: String,
    title: String,
    device: String,
    state: String,
    by: Option<String>,
    helper: Option<String>,
    rated: Option<(i64, i64, String)>,
    lines: Vec<(String, i64, String)>,
}

pub struct Talk {
    pub days_ago: f64,
    pub lang: String,
    pub page: String,
    pub title: String,
    pub device: String,
    pub browser: String,
    pub resolved: bool,
    pub by: Option<String>,
    pub helper: Option<String>,
    pub rated: Option<Rated>,
    pub lines: Vec<Line>,
}

/// What the visitor gave.
pub struct Rated {
    pub rate: i64,
    /// Seconds after it was resolved.
    pub after: i64,
    pub comment: String,
}

pub struct Line {
    pub who: Speaker,
    /// Seconds after the first line.
    pub after: i64,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Visitor,
    Agent,
    /// A colleague who comes to help.
    Helper,
    Note,
    /// The agent resolves; what the visitor writes next begins a new conversation.
    Resolve,
}

impl Talk {
    /// Seconds from the first line to the last.
    pub fn length(&self) -> i64 {
        self.lines.last().map_or(0, |it| it.after)
    }
}

impl Script {
    pub fn read() -> Result<Self> {
        let failed = |e: toml::de::Error| Error::internal("reading the demonstration", e);
        let shop: Shop = toml::from_str(include_str!("shop.toml")).map_err(failed)?;
        let mut talks = Vec::new();
        for file in FILES {
            let raw: Talks = toml::from_str(file).map_err(failed)?;
            for talk in raw.conversation {
                talks.push(finish(talk, &shop.browsers, talks.len()));
            }
        }
        Ok(Self {
            shop: shop.shop,
            zone: shop.zone,
            agents: shop.agents,
            talks,
        })
    }

    pub fn owner(&self) -> Result<&Person> {
        let owner = self.agents.iter().find(|it| it.role == "owner");
        owner.ok_or(Error::NotFound("owner"))
    }

    /// Two of the people, to look at the shop from two chairs.
    pub fn sign_ins(&self) -> Vec<SignIn> {
        let sign_in = |it: &Person| SignIn {
            email: it.email.clone(),
            password: super::PASSWORD,
            role: match it.role.as_str() {
                "owner" => "owner",
                "admin" => "admin",
                _ => "agent",
            },
        };
        let of_role = |role: &str| self.agents.iter().find(|it| it.role == role);
        [of_role("owner"), of_role("agent")]
            .into_iter()
            .flatten()
            .map(sign_in)
            .collect()
    }
}

fn finish(raw: RawTalk, browsers: &[Browser], n: usize) -> Talk {
    let fitting: Vec<&Browser> = browsers
        .iter()
        .filter(|it| it.device == raw.device)
        .collect();
    let browser = fitting.get(n % fitting.len().max(1));
    let line = |(who, after, text): (String, i64, String)| Line {
        who: match who.as_str() {
            "a" => Speaker::Agent,
            "h" => Speaker::Helper,
            "n" => Speaker::Note,
            "r" => Speaker::Resolve,
            _ => Speaker::Visitor,
        },
        after,
        text,
    };
    Talk {
        days_ago: raw.days_ago,
        lang: raw.lang,
        page: super::address(&raw.page),
        title: raw.title,
        browser: browser.map(|it| it.name.clone()).unwrap_or_default(),
        device: raw.device,
        resolved: raw.state == "resolved",
        by: raw.by,
        helper: raw.helper,
        rated: raw.rated.map(|(rate, after, comment)| Rated {
            rate,
            after,
            comment,
        }),
        lines: raw.lines.into_iter().map(line).collect(),
    }
}
