//! Which sites somebody sees. Everything that lists, counts, shows or tells asks
//! here; what lies out of sight does not exist.

use std::sync::Arc;

use super::SiteId;

/// A site is seen by everybody until somebody is named for it, then by those who
/// are. So what is kept is what is hidden: a site made later needs no word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Sight {
    /// In order.
    hidden: Option<Arc<[SiteId]>>,
}

impl Sight {
    /// Of the house itself, of owners and admins.
    pub const ALL: Self = Self { hidden: None };

    pub fn without(hidden: impl IntoIterator<Item = SiteId>) -> Self {
        let mut hidden: Vec<SiteId> = hidden.into_iter().collect();
        hidden.sort_unstable();
        hidden.dedup();
        match hidden.is_empty() {
            true => Self::ALL,
            false => Self {
                hidden: Some(hidden.into()),
            },
        }
    }

    pub fn sees(&self, site: SiteId) -> bool {
        !self.hidden().contains(&site)
    }

    pub fn hidden(&self) -> &[SiteId] {
        self.hidden.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_hidden_is_seen_also_what_comes_later() {
        let sight = Sight::without([SiteId(3), SiteId(1), SiteId(3)]);
        let seen: Vec<i64> = (1..6).filter(|it| sight.sees(SiteId(*it))).collect();
        assert_eq!(seen, [2, 4, 5]);
        assert_eq!(sight.hidden(), [SiteId(1), SiteId(3)]);
    }

    #[test]
    fn who_sees_the_same_has_the_same_sight() {
        assert_eq!(Sight::without([]), Sight::ALL);
        let (a, b) = ([SiteId(1), SiteId(2)], [SiteId(2), SiteId(1)]);
        assert_eq!(Sight::without(a), Sight::without(b));
    }
}
