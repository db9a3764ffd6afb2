//! Parts: a message that is more than words. A room brings a kind of part and
//! draws it for agents, for the widget and for mail; whoever does not know a kind
//! shows its plain text, and so do previews and the search.
//!
//! A message without parts is its body. With parts the body is the plain text of
//! all of them, what was written first.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rules;
use crate::error::{Error, Result};
use crate::kernel::{Timestamp, clip, paragraph};
use crate::texts::Lang;
use crate::web::pages::Html;

/// Parts in one message.
const MOST: usize = 10;
/// Bytes of JSON that one part keeps.
const LARGEST: usize = 16 * 1024;
/// Characters of plain text for one part.
const TEXT: usize = 500;
/// What was written: no kind, because everybody shows it as its plain text.
const WORDS: &str = "text";

/// One part, as it stands in the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub kind: String,
    /// What its kind needs to draw it.
    #[serde(default)]
    pub data: Value,
    /// For whoever does not know the kind.
    #[serde(default)]
    pub text: String,
}

/// A kind of part. Its room posts with it, and registers it at the roof for
/// whoever reads (`Windows::part`).
#[derive(Debug)]
pub struct PartKind {
    pub kind: &'static str,
    /// What is kept of what was handed in, or why it is refused.
    pub check: fn(Value) -> Result<Value>,
    pub text: fn(&Value, Lang) -> String,
    pub agents: fn(&Value, Lang) -> Result<Html>,
    /// What the visitor's script gets.
    pub visitor: fn(&Value, Lang) -> Value,
    /// The script that draws it there, fetched when the first one is to be seen; empty
    /// where its text is all.
    pub script: &'static str,
    pub mail: fn(&Value, Lang) -> Result<Html>,
}

/// A part to be posted. Its plain text is in the language of the visitor.
#[derive(Debug, Clone)]
pub struct NewPart {
    pub kind: &'static PartKind,
    pub data: Value,
    pub lang: Lang,
}

/// A piece of a message as somebody gets to see it: drawn, or else its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub html: Option<Html>,
}

/// Draws a part for a page that runs no script; what is asked there is a form.
pub type DrawPlainly = fn(&Value, &Plainly, Lang) -> Result<Html>;

/// Which page that is.
pub struct Plainly<'a> {
    /// The key of the site: its chat stands at `/c/{site}`.
    pub site: &'a str,
    pub now: Timestamp,
}

/// A piece as the widget gets it.
#[derive(Debug, Serialize)]
pub struct VisitorPart {
    text: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    data: Value,
    /// Where its script lies, seen from where the program stands.
    #[serde(skip_serializing_if = "str::is_empty")]
    script: &'static str,
}

impl VisitorPart {
    pub fn new(part: &Part, kind: Option<&PartKind>, script: &'static str, t: Lang) -> Self {
        Self {
            text: part.text.clone(),
            data: kind.map_or(Value::Null, |it| (it.visitor)(&part.data, t)),
            script,
        }
    }
}

/// What a message says, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Content {
    pub body: String,
    pub parts: Vec<Part>,
}

impl Content {
    pub fn new(body: &str, parts: &[NewPart]) -> Result<Self> {
        if parts.is_empty() {
            return Ok(Self {
                body: rules::clean_body(body)?,
                parts: Vec::new(),
            });
        }
        let drawn = check_all(parts)?;
        let mut all = Vec::with_capacity(drawn.len() + 1);
        if !body.trim().is_empty() {
            all.push(Part {
                kind: WORDS.to_owned(),
                data: Value::Null,
                text: rules::clean_body(body)?,
            });
        }
        all.extend(drawn);
        let texts: Vec<&str> = all.iter().map(|it| it.text.as_str()).collect();
        Ok(Self {
            body: texts.join("\n"),
            parts: all,
        })
    }
}

pub(super) fn check_all(parts: &[NewPart]) -> Result<Vec<Part>> {
    match parts.len() {
        0..=MOST => parts.iter().map(NewPart::checked).collect(),
        _ => Err(Error::Malformed("parts: too many".into())),
    }
}

impl NewPart {
    fn checked(&self) -> Result<Part> {
        let data = (self.kind.check)(self.data.clone())?;
        if LARGEST < data.to_string().len() {
            return Err(Error::Malformed("parts: too large".into()));
        }
        let text = clip(&(self.kind.text)(&data, self.lang), TEXT);
        // Nobody may be left with nothing to read.
        let text = paragraph(&text, TEXT)
            .map_err(|_| Error::internal("posting a part", "it has no plain text"))?;
        Ok(Part {
            kind: self.kind.kind.to_owned(),
            data,
            text,
        })
    }
}
