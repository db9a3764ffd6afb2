//! Letters that an agent has the house send to an address of his choice: nobody is
//! mailed too often, and no agent becomes a sender of bulk.

use crate::error::Result;
use crate::kernel::AgentId;
use crate::web::{HOUR, Key, Limits, Rate};

/// By himself to all of them,
const BY_ONE: Rate = Rate::new("letters.by_one", 30, HOUR);
/// to one address,
const TO_ONE: Rate = Rate::new("letters.to_one", 5, HOUR);
/// and by everybody in the house.
const ALL: Rate = Rate::new("letters", 300, HOUR);

/// For the routes that send one.
pub const RATES: [Rate; 3] = [BY_ONE, TO_ONE, ALL];

pub fn take(limits: &Limits, by: AgentId, to: &str) -> Result<()> {
    limits.take(BY_ONE, Key::Name(by.to_string()))?;
    limits.take(TO_ONE, Key::Name(to.to_owned()))?;
    limits.take(ALL, Key::Everybody)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_mails_a_few_strangers_an_hour_and_the_house_a_few_hundred() {
        let limits = Limits::new(60);
        let sent = |by: i64| {
            let to = |n: i32| format!("{by}-{n}@strangers.example");
            let all = (0..100).filter(|n| take(&limits, AgentId(by), &to(*n)).is_ok());
            all.count()
        };
        assert_eq!(sent(1), 30);
        assert_eq!((2..20).map(sent).sum::<usize>(), 270);
        let to_one = Limits::new(60);
        let sent = (0..20).filter(|_| take(&to_one, AgentId(1), "a@b.example").is_ok());
        assert_eq!(sent.count(), 5);
    }
}
