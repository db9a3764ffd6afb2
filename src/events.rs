//! Everything that can happen here, in the past tense, by id. Whoever needs
//! more than ids reads it, and so sees committed state.
//!
//! The position (`Seq`) at which an event was recorded is also the id of the
//! line that shows it in the conversation, where there is one.

use serde::{Deserialize, Serialize};

use crate::kernel::{AgentId, ConversationId, Seq};

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A visitor, an agent or a colleague's note: one new line.
    MessagePosted { conversation: ConversationId },
    /// An agent entered and answers now.
    AgentJoined { conversation: ConversationId },
    /// Closed, by an agent or by the visitor.
    ConversationResolved { conversation: ConversationId },
    /// Open again, by an agent or because the visitor wrote.
    ConversationReopened { conversation: ConversationId },
    /// A transcript was asked for, and waits to be sent.
    TranscriptSent { conversation: ConversationId },
    /// The mail server took it, or it will never be taken.
    TranscriptSettled { conversation: ConversationId },
    /// An agent said that what the visitor wrote last wants no reply.
    NoReplyNeeded { conversation: ConversationId },
    /// That was taken back.
    ReplyNeeded { conversation: ConversationId },
    /// One agent has had everything up to and including this line on his screen;
    /// where he `answers` there, the visitor's lines count as seen.
    Read {
        conversation: ConversationId,
        agent: AgentId,
        up_to: Seq,
        answers: bool,
    },
    /// One side has now seen everything up to and including this line.
    Seen {
        conversation: ConversationId,
        side: Side,
        up_to: Seq,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Agents,
    Visitor,
}

impl Event {
    pub fn conversation(&self) -> ConversationId {
        match *self {
            Self::MessagePosted { conversation }
            | Self::AgentJoined { conversation }
            | Self::ConversationResolved { conversation }
            | Self::ConversationReopened { conversation }
            | Self::TranscriptSent { conversation }
            | Self::TranscriptSettled { conversation }
            | Self::NoReplyNeeded { conversation }
            | Self::ReplyNeeded { conversation }
            | Self::Read { conversation, .. }
            | Self::Seen { conversation, .. } => conversation,
        }
    }
}
