//! Lines that say what somebody did: in the row a word and data, in front of a
//! reader a sentence in his language, made by the room that wrote the line. Here
//! are the hall's own.

use serde_json::Value;

use crate::texts::Lang;

/// What somebody did, as it stands in the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub word: String,
    /// What the sentence needs besides who did it; `null` for nothing.
    pub data: Value,
    /// Decided when it was written, so that no version shows a visitor what was
    /// meant for agents.
    pub for_visitor: bool,
}

/// How one word is said. Its room writes lines with it, and registers it at the
/// roof for whoever reads them (`Windows::word`).
pub struct Wording {
    pub word: &'static str,
    pub agents: Say,
    /// Absent where it stays among agents.
    pub visitor: Option<Say>,
}

pub type Say = fn(Lang, &LineView) -> Said;

/// What there is to make a sentence of.
pub struct LineView<'a> {
    /// The agent who did it, or else what agents call the visitor; empty for the
    /// visitor himself.
    pub who: &'a str,
    pub data: &'a Value,
}

impl LineView<'_> {
    /// One of the data that is text; empty where it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.data[name].as_str().unwrap_or_default()
    }
}

/// A sentence of ours, and what somebody else says in his own language (a mail
/// server, say), or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub words: String,
    pub quoted: String,
}

impl From<String> for Said {
    fn from(words: String) -> Self {
        let quoted = String::new();
        Self { words, quoted }
    }
}

impl From<&str> for Said {
    fn from(words: &str) -> Self {
        words.to_owned().into()
    }
}

/// For a word that nobody here knows: a newer version, or a room that is gone,
/// wrote the line.
pub fn neutral(t: Lang) -> Said {
    t.conversation_log_changed().into()
}

pub static JOINED: Wording = Wording {
    word: "joined",
    agents: |t, it| t.conversation_change_joined(it.who).into(),
    visitor: Some(|t, it| t.conversation_log_joined(it.who).into()),
};

pub static RESOLVED: Wording = Wording {
    word: "resolved",
    agents: |t, it| t.conversation_change_resolved(it.who).into(),
    visitor: Some(|t, it| t.conversation_log_resolved(it.who).into()),
};

/// Resolved by the visitor.
pub static ENDED: Wording = Wording {
    word: "ended",
    agents: |t, it| t.conversation_change_ended(it.who).into(),
    visitor: Some(|t, _| t.conversation_log_ended().into()),
};

pub static REOPENED: Wording = Wording {
    word: "reopened",
    agents: |t, it| t.conversation_change_reopened(it.who).into(),
    visitor: Some(|t, _| t.conversation_log_reopened().into()),
};

/// What the visitor wrote last wants no reply.
pub static NO_REPLY: Wording = Wording {
    word: "no-reply",
    agents: |t, it| t.conversation_change_no_reply(it.who).into(),
    visitor: None,
};

/// That was taken back.
pub static REPLY: Wording = Wording {
    word: "reply",
    agents: |t, it| t.conversation_change_reply(it.who).into(),
    visitor: None,
};

pub static OURS: [&Wording; 6] = [&JOINED, &RESOLVED, &ENDED, &REOPENED, &NO_REPLY, &REPLY];
