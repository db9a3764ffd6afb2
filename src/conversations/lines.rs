//! Lines that say what somebody did: in the row a word and data, in front of a
//! reader a sentence in his language, made by the room that wrote the line. Here
//! are the hall's own.

use serde_json::{Value, json};

use crate::kernel::{AgentId, Timestamp};
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

impl Deed {
    /// Whoever else might read it, this time it is nothing to the visitor.
    pub fn among_agents(self) -> Self {
        Self {
            for_visitor: false,
            ..self
        }
    }

    /// Who answers from here on, where that changed; empty for nobody.
    pub fn answers(&self) -> Option<&str> {
        let left = self.word == LEFT.word;
        left.then(|| self.data["answers"].as_str().unwrap_or_default())
    }
}

/// How one word is said. Its room writes lines with it, and registers it at the
/// roof for whoever reads them (`Windows::word`).
pub struct Wording {
    /// Also the word of the event that tells of it, so it begins with the name of its
    /// room. Never changed, because it stands in rows.
    pub word: &'static str,
    pub agents: Say,
    /// Absent where it stays among agents.
    pub visitor: Option<Say>,
}

impl Wording {
    /// That it was done.
    pub fn deed(&self, data: Value) -> Deed {
        Deed {
            word: self.word.to_owned(),
            data,
            for_visitor: self.visitor.is_some(),
        }
    }
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

/// Responsible in place of a colleague.
pub static TOOK_OVER: Wording = Wording {
    word: "took-over",
    agents: |t, it| t.conversation_change_took_over(it.who).into(),
    visitor: None,
};

/// `who`: where he did not do it himself; `answers`: who does now; `to`: his number,
/// where he answers in place of who left; `since`: since when who left was there.
pub static LEFT: Wording = Wording {
    word: "left",
    agents: |t, it| {
        let who = left_by(it);
        match (it.text("answers"), it.data["to"].is_null()) {
            ("", _) => t.conversation_change_left_alone(who),
            (_, true) => t.conversation_change_left(who),
            (answers, false) => t.conversation_change_left_to(who, answers),
        }
        .into()
    },
    visitor: Some(|t, it| t.conversation_log_left(left_by(it)).into()),
};

fn left_by<'a>(it: &LineView<'a>) -> &'a str {
    it.data["who"].as_str().unwrap_or(it.who)
}

pub(super) fn left(
    who: Option<&str>,
    since: Timestamp,
    answers: Option<&str>,
    to: Option<AgentId>,
) -> Deed {
    let mut data = json!({ "answers": answers.unwrap_or_default(), "since": since });
    if let Some(who) = who {
        data["who"] = json!(who);
    }
    if let Some(to) = to {
        data["to"] = json!(to);
    }
    LEFT.deed(data)
}

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

pub static OURS: [&Wording; 8] = [
    &JOINED, &TOOK_OVER, &LEFT, &RESOLVED, &ENDED, &REOPENED, &NO_REPLY, &REPLY,
];
