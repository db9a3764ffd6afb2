//! What agents' pages listen to of themselves.

use crate::hub::Topic;
use crate::kernel::{AgentId, SessionId};

/// Everybody who is signed in.
pub const TEAM: Topic = Topic::new("team", 0);

/// All pages of one agent.
pub const fn agent(id: AgentId) -> Topic {
    Topic::new("agent", id.0)
}

/// All pages of one session.
pub const fn session(id: SessionId) -> Topic {
    Topic::new("session", id.0)
}
