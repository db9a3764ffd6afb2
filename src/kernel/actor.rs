//! On whose behalf something is done. Every function that changes or shows a
//! person's things takes one, so that permission is never left to the door.

use super::{AgentId, BotId, KeyId, VisitorId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    Agent(AgentId),
    Visitor(VisitorId),
    /// What answers by itself, in somebody's place.
    Bot(BotId),
    /// A program of the shop's, by the key it was given.
    Key(KeyId),
    /// The house itself: followers, jobs, the demonstration.
    House,
}

impl Actor {
    /// As it is written down: a letter and a number.
    pub fn code(self) -> (&'static str, i64) {
        match self {
            Self::Agent(id) => ("a", id.0),
            Self::Visitor(id) => ("v", id.0),
            Self::Bot(id) => ("b", id.0),
            Self::Key(id) => ("k", id.0),
            Self::House => ("h", 0),
        }
    }

    /// `None` for one of a newer version.
    pub fn from_code(letter: &str, id: i64) -> Option<Self> {
        match letter {
            "a" => Some(Self::Agent(AgentId(id))),
            "v" => Some(Self::Visitor(VisitorId(id))),
            "b" => Some(Self::Bot(BotId(id))),
            "k" => Some(Self::Key(KeyId(id))),
            "h" => Some(Self::House),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_acts_is_known_again_by_what_is_written_down() {
        for actor in [
            Actor::Agent(AgentId(1)),
            Actor::Visitor(VisitorId(2)),
            Actor::Bot(BotId(3)),
            Actor::Key(KeyId(4)),
            Actor::House,
        ] {
            let (letter, id) = actor.code();
            assert_eq!(Actor::from_code(letter, id), Some(actor));
        }
        assert_eq!(Actor::from_code("z", 1), None);
    }
}
