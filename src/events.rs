//! Everything that can happen here, in the past tense. What it is about and who
//! did it stands beside it (`journal::Fact`); whoever needs more reads it, and so
//! sees committed state.
//!
//! The position (`Seq`) at which an event was recorded is also the id of the
//! line that shows it in the conversation, where there is one.
//!
//! A wing announces what happened in it by `Told`, in its own words
//! (`tags.changed`), and needs no line here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::{AgentId, Seq, VisitorId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A visitor began a conversation. His first line follows.
    ConversationStarted,
    /// A visitor, an agent or a colleague's note: one new line.
    MessagePosted,
    /// A line says something else now than it did.
    MessageChanged { message: Seq },
    /// An agent entered and answers now.
    AgentJoined,
    /// An agent no longer answers there.
    Left { agent: AgentId },
    /// Somebody else is responsible for it now, or nobody.
    Assigned { to: Option<AgentId> },
    /// Closed, by an agent or by the visitor.
    ConversationResolved,
    /// Open again, by an agent or because the visitor wrote.
    ConversationReopened,
    /// An agent said that what the visitor wrote last wants no reply.
    NoReplyNeeded,
    /// That was taken back.
    ReplyNeeded,
    /// One agent has had everything up to and including this line on his screen;
    /// where he `answers` there, the visitor's lines count as seen.
    Read {
        agent: AgentId,
        up_to: Seq,
        answers: bool,
    },
    /// One side has now seen everything up to and including this line.
    Seen { side: Side, up_to: Seq },
    /// The shop knows who this visitor is.
    VisitorKnown,
    /// Somebody else turned out to be this visitor: what was his is this one's now.
    VisitorsMerged { gone: VisitorId },
    /// He did not, after all, and is somebody else again.
    VisitorsParted { back: VisitorId },
    /// A site's name, look or rules.
    SiteChanged,
    /// An agent's name, language, role, or what he may and sees.
    AgentChanged,
    /// What a wing has to tell, in its own words.
    Told { word: String, data: Value },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Agents,
    Visitor,
}

impl Event {
    pub fn told(word: &str, data: Value) -> Self {
        Self::Told {
            word: word.to_owned(),
            data,
        }
    }
}
