//! Who may do what, in one table. What a role brings stands in its column; what
//! a plain agent may be given stands in the row, and is given to him by name.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Owner,
    Admin,
    Agent,
}

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum May {
    /// Make owners, and change what they may.
    Owners,
    /// Change settings, sites and the team.
    Settings,
    /// Join, answer and resolve, and change whatever else belongs to a conversation.
    /// What only notes something down among agents needs none.
    Customers,
    /// Share products, together with `Customers`.
    Products,
    /// Share discount codes, and see those that colleagues shared.
    Discounts,
    /// Make draft orders, and see those of colleagues.
    DraftOrders,
    /// Connect messengers and other channels.
    Apps,
    /// Open and close the shop's chat.
    Availability,
    /// See the figures of colleagues.
    Statistics,
}

/// How a plain agent comes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agents {
    Never,
    /// Where somebody has given it to him.
    Given,
}

/// The word it is stored under, whether an admin has it, and an agent. An owner
/// may everything.
const TABLE: &[(May, &str, bool, Agents)] = &[
    (May::Owners, "owners", false, Agents::Never),
    (May::Settings, "settings", true, Agents::Never),
    (May::Customers, "customers", true, Agents::Given),
    (May::Products, "products", true, Agents::Given),
    (May::Discounts, "discounts", true, Agents::Given),
    (May::DraftOrders, "draft_orders", true, Agents::Given),
    (May::Apps, "apps", true, Agents::Given),
    (May::Availability, "availability", true, Agents::Given),
    (May::Statistics, "statistics", true, Agents::Given),
];

impl May {
    pub fn word(self) -> &'static str {
        let row = TABLE.iter().find(|(may, ..)| *may == self);
        row.map_or("", |(_, word, ..)| word)
    }

    pub fn parse(word: &str) -> Option<Self> {
        let row = TABLE.iter().find(|(_, it, ..)| *it == word);
        row.map(|(may, ..)| *may)
    }

    /// Whether a plain agent may be given it.
    pub fn can_be_given(self) -> bool {
        let row = TABLE.iter().find(|(may, ..)| *may == self);
        row.is_some_and(|(_, _, _, agents)| *agents == Agents::Given)
    }
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u32);

impl Permissions {
    /// What comes with a role; `given` counts for plain agents only.
    pub fn of(role: Role, given: Self) -> Self {
        let has = |(may, _, admin, agents): &&(May, &str, bool, Agents)| match role {
            Role::Owner => true,
            Role::Admin => *admin,
            Role::Agent => *agents == Agents::Given && given.allow(*may),
        };
        let all = TABLE.iter().filter(has).map(|(may, ..)| *may);
        all.collect()
    }

    pub fn allow(self, may: May) -> bool {
        self.0 & bit(may) != 0
    }

    /// As they are stored: `customers products`. A word of another version gives
    /// nothing to anybody.
    pub fn parse(words: &str) -> Self {
        words.split(' ').filter_map(May::parse).collect()
    }

    pub fn words(self) -> String {
        let words = TABLE.iter().filter(|(may, ..)| self.allow(*may));
        let words: Vec<&str> = words.map(|(_, word, ..)| *word).collect();
        words.join(" ")
    }
}

impl FromIterator<May> for Permissions {
    fn from_iter<I: IntoIterator<Item = May>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |sum, may| sum | bit(may)))
    }
}

fn bit(may: May) -> u32 {
    1 << may as u32
}

impl Role {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "owner" => Some(Self::Owner),
            "admin" => Some(Self::Admin),
            "agent" => Some(Self::Agent),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Agent => "agent",
        }
    }

    pub fn may_administer(self) -> bool {
        Permissions::of(self, Permissions::default()).allow(May::Settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_stands_in_the_table_once_and_under_a_word_of_its_own() {
        let all: Permissions = TABLE.iter().map(|(may, ..)| *may).collect();
        assert_eq!(all.0.count_ones() as usize, TABLE.len());
        for (may, word, ..) in TABLE {
            assert_eq!(May::parse(word), Some(*may));
            assert_eq!(may.word(), *word);
        }
        assert_eq!(May::parse("everything"), None);
    }

    #[test]
    fn an_owner_may_everything_and_an_admin_all_but_make_owners() {
        let none = Permissions::default();
        for (may, ..) in TABLE {
            assert!(Permissions::of(Role::Owner, none).allow(*may));
            let admin = Permissions::of(Role::Admin, none).allow(*may);
            assert_eq!(admin, *may != May::Owners, "{may:?}");
        }
    }

    #[test]
    fn an_agent_may_what_he_was_given_and_never_the_settings() {
        let given = Permissions::parse("customers apps settings owners future");
        let agent = Permissions::of(Role::Agent, given);
        assert_eq!(agent.words(), "customers apps");
        assert!(!agent.allow(May::Settings) && !agent.allow(May::Products));
        assert_eq!(Permissions::parse("").words(), "");
        assert!(May::Customers.can_be_given() && !May::Settings.can_be_given());
    }
}
