//! What crosses a socket whatever it is about. The same envelope for everybody:
//! pages of ours get HTML, the widget gets data, because other people's pages may
//! forbid markup made of strings. Signals have their words where they belong.

use serde::Serialize;

use crate::hub::Frame;
use crate::kernel::Seq;

/// One piece of news. A screen keeps it under `id` in `list`, sorted by `key`,
/// and ignores what it has in a newer version.
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
    /// Take away.
    Remove,
}

/// A signal: no position, never replayed, dropped when late.
#[derive(Serialize)]
pub struct Storage {
    pub op: &'static str,
    pub ok: bool,
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

impl<D: Serialize> Item<'_, D> {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Several items in one frame.
pub fn bundle(items: &[&str]) -> Frame {
    match items {
        [one] => (*one).into(),
        many => format!("[{}]", many.join(",")).into(),
    }
}

/// The page looks there now, and missed this since that was drawn.
pub fn looking(at: &str, items: &[&str]) -> Frame {
    let at = serde_json::to_string(at).unwrap_or_default();
    let items = items.join(",");
    format!(r#"{{"t":"look","at":{at},"items":[{items}]}}"#).into()
}

/// What is sent has only string keys, so this cannot fail.
pub fn frame(value: &impl Serialize) -> Frame {
    serde_json::to_string(value).unwrap_or_default().into()
}
