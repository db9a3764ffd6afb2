//! One type per kind of row, so that a visitor's id cannot be passed as an agent's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::secret;

macro_rules! id {
    ($($name:ident),+) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

id!(
    AgentId,
    BotId,
    ContactId,
    ConversationId,
    JobId,
    KeyId,
    SessionId,
    SiteId,
    VisitorId
);

/// A position in the journal. It only ever rises, in the order of commits, and
/// the id of a message is the position of the event that posted it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub i64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the outside names a conversation: unguessable, so that an address bar
/// or a log line gives nothing away about its neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationKey(pub String);

impl ConversationKey {
    pub fn random() -> Self {
        Self(format!("c_{}", secret::random_key()))
    }
}

impl fmt::Display for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
