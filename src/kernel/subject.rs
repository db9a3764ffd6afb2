//! What something that happened is about.

use super::{AgentId, ConversationId, SiteId, VisitorId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    Conversation(ConversationId),
    Visitor(VisitorId),
    Site(SiteId),
    Agent(AgentId),
    /// All of it.
    House,
}

impl Subject {
    /// As it is written down: a letter and a number.
    pub fn code(self) -> (&'static str, i64) {
        match self {
            Self::Conversation(id) => ("c", id.0),
            Self::Visitor(id) => ("v", id.0),
            Self::Site(id) => ("s", id.0),
            Self::Agent(id) => ("a", id.0),
            Self::House => ("h", 0),
        }
    }

    /// `None` for one of a newer version.
    pub fn from_code(letter: &str, id: i64) -> Option<Self> {
        match letter {
            "c" => Some(Self::Conversation(ConversationId(id))),
            "v" => Some(Self::Visitor(VisitorId(id))),
            "s" => Some(Self::Site(SiteId(id))),
            "a" => Some(Self::Agent(AgentId(id))),
            "h" => Some(Self::House),
            _ => None,
        }
    }
}

impl From<ConversationId> for Subject {
    fn from(id: ConversationId) -> Self {
        Self::Conversation(id)
    }
}

impl From<VisitorId> for Subject {
    fn from(id: VisitorId) -> Self {
        Self::Visitor(id)
    }
}

impl From<SiteId> for Subject {
    fn from(id: SiteId) -> Self {
        Self::Site(id)
    }
}

impl From<AgentId> for Subject {
    fn from(id: AgentId) -> Self {
        Self::Agent(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_known_again_by_what_is_written_down() {
        for subject in [
            Subject::Conversation(ConversationId(1)),
            Subject::Visitor(VisitorId(2)),
            Subject::Site(SiteId(3)),
            Subject::Agent(AgentId(4)),
            Subject::House,
        ] {
            let (letter, id) = subject.code();
            assert_eq!(Subject::from_code(letter, id), Some(subject));
        }
        assert_eq!(Subject::from_code("z", 1), None);
    }
}
