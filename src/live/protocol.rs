//! Every frame that crosses a socket, in one place. The same envelope for both
//! sides: pages of ours get HTML, the widget gets data, because other people's
//! pages may forbid markup made of strings.

use serde::{Deserialize, Serialize};

use crate::hub::{Audience, Frame, News};
use crate::kernel::{ConversationKey, Seq};

/// One piece of news. A screen keeps it under `id` in `list`, sorted by `key`,
/// and ignores what it has in a newer version. What a visitor gets of one of his
/// conversations, and is no line, has that conversation's as its `key`.
#[derive(Serialize)]
pub struct Item<'a, D = ()> {
    pub seq: Seq,
    pub op: Op,
    pub list: &'a str,
    pub id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<D>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Insert, or replace what has the same id.
    Put,
    /// Set a value.
    Text,
}

/// A signal: no position, never replayed, dropped when late.
#[derive(Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Passing<'a> {
    /// To agents: somebody writes in a conversation.
    #[serde(rename = "typing")]
    Writing {
        conversation: &'a ConversationKey,
        who: Who,
        name: &'a str,
        text: Option<&'a str>,
        on: bool,
    },
    /// To the visitor: an agent writes.
    #[serde(rename = "typing")]
    Answering {
        conversation: &'a ConversationKey,
        name: &'a str,
        on: bool,
    },
    Storage {
        ok: bool,
    },
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    Visitor,
    Agent,
}

/// About the connection itself.
#[derive(Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Control<'a> {
    Welcome {
        seq: Seq,
        epoch: &'a str,
        missed: usize,
    },
    /// What was missed cannot be told: fetch the region afresh.
    Reload {
        region: &'a str,
    },
    Pong,
}

/// From an agent's page.
#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum AgentSignal {
    Typing {
        conversation: ConversationKey,
        on: bool,
    },
    Ping,
}

/// From a visitor's page.
#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum VisitorSignal {
    Hello {
        token: String,
        #[serde(default)]
        seq: Seq,
        #[serde(default)]
        epoch: Option<String>,
    },
    Typing {
        on: bool,
        #[serde(default)]
        text: Option<String>,
    },
    Ping,
}

impl Passing<'_> {
    pub fn frame(&self) -> Frame {
        text(self)
    }
}

impl Control<'_> {
    pub fn frame(&self) -> Frame {
        text(self)
    }
}

impl<D: Serialize> Item<'_, D> {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn news(&self, audience: Audience) -> News {
        News {
            audience,
            seq: self.seq,
            text: self.text(),
        }
    }
}

/// Several items in one frame.
pub fn bundle(items: &[&str]) -> Frame {
    match items {
        [one] => (*one).into(),
        many => format!("[{}]", many.join(",")).into(),
    }
}

/// These types have only string keys, so this cannot fail.
fn text(value: &impl Serialize) -> Frame {
    serde_json::to_string(value).unwrap_or_default().into()
}
