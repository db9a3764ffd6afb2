//! On whose behalf something is done. Every function that changes or shows a
//! person's things takes one, so that permission is never left to the door.

use super::{AgentId, VisitorId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    Agent(AgentId),
    Visitor(VisitorId),
    /// The house itself: followers, jobs, the demonstration.
    House,
}
