//! What a tag may be called, which colour it gets, and what of a wish is a change.

use std::collections::HashMap;

use super::TagId;
use crate::error::{Error, Result};
use crate::kernel::{composed, line};
use crate::texts::Lang;

/// Characters in a name.
pub const LONGEST: usize = 50;

/// One of eight, by name. What each looks like, the style sheet says, for light and
/// for dark; nothing is told by it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    Grey,
    Red,
    Orange,
    Yellow,
    Green,
    Teal,
    Blue,
    Purple,
}

impl Colour {
    pub const ALL: [Self; 8] = [
        Self::Grey,
        Self::Red,
        Self::Orange,
        Self::Yellow,
        Self::Green,
        Self::Teal,
        Self::Blue,
        Self::Purple,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Teal => "teal",
            Self::Blue => "blue",
            Self::Purple => "purple",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }

    pub fn label(self, t: Lang) -> &'static str {
        match self {
            Self::Grey => t.tag_colour_grey(),
            Self::Red => t.tag_colour_red(),
            Self::Orange => t.tag_colour_orange(),
            Self::Yellow => t.tag_colour_yellow(),
            Self::Green => t.tag_colour_green(),
            Self::Teal => t.tag_colour_teal(),
            Self::Blue => t.tag_colour_blue(),
            Self::Purple => t.tag_colour_purple(),
        }
    }

    /// The one that fewest have, so that a new one stands out.
    pub fn freest(taken: impl IntoIterator<Item = Self>) -> Self {
        let mut counts = [0_usize; Self::ALL.len()];
        for colour in taken {
            counts[colour as usize] += 1;
        }
        let fewest = Self::ALL.into_iter().min_by_key(|it| counts[*it as usize]);
        fewest.unwrap_or(Self::Grey)
    }
}

/// A name as it is stored; `field`: where it was typed.
pub fn name(field: &'static str, typed: &str) -> Result<String> {
    line(&composed(typed), LONGEST).map_err(|flaw| {
        Error::flaw(field, flaw, |t| {
            t.error_field_too_long(LONGEST as i64).into()
        })
    })
}

/// What has to be done so that a wish comes true.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub given: Vec<TagId>,
    pub taken: Vec<TagId>,
}

/// Only what is not so already; what is given and taken in one breath stays as it is.
pub fn difference(held: &[TagId], give: &[TagId], take: &[TagId]) -> Difference {
    let mut change = Difference::default();
    for tag in give {
        let wanted = !held.contains(tag) && !take.contains(tag);
        if wanted && !change.given.contains(tag) {
            change.given.push(*tag);
        }
    }
    for tag in take {
        let wanted = held.contains(tag) && !give.contains(tag);
        if wanted && !change.taken.contains(tag) {
            change.taken.push(*tag);
        }
    }
    change
}

/// Which tag each stands for: the one at the end of the way that merging made.
/// `ways`: every tag, and the one it was merged into.
pub fn ends(ways: &[(TagId, Option<TagId>)]) -> Vec<(TagId, TagId)> {
    let next: HashMap<TagId, TagId> = ways
        .iter()
        .filter_map(|(from, into)| Some((*from, (*into)?)))
        .collect();
    let end = |from: TagId| {
        let mut at = from;
        // No way is longer than there are tags.
        for _ in 0..ways.len() {
            match next.get(&at) {
                Some(further) => at = *further,
                None => break,
            }
        }
        at
    };
    ways.iter().map(|(from, _)| (*from, end(*from))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TagId = TagId(1);
    const B: TagId = TagId(2);
    const C: TagId = TagId(3);

    #[test]
    fn every_colour_is_known_again_by_its_word() {
        for colour in Colour::ALL {
            assert_eq!(Colour::parse(colour.word()), Some(colour));
        }
        assert_eq!(Colour::parse("#ff0000"), None);
    }

    #[test]
    fn a_new_tag_gets_the_colour_that_fewest_have() {
        assert_eq!(Colour::freest([]), Colour::Grey);
        assert_eq!(Colour::freest([Colour::Grey, Colour::Orange]), Colour::Red);
        let twice = Colour::ALL.into_iter().chain([Colour::Grey]);
        assert_eq!(Colour::freest(twice), Colour::Red);
    }

    #[test]
    fn a_name_is_one_line_and_its_length_is_counted_as_it_is_stored() {
        assert_eq!(name("name", "  big \n fish ").unwrap(), "big fish");
        let decomposed = "e\u{301}".repeat(LONGEST);
        assert_eq!(name("name", &decomposed).unwrap().chars().count(), LONGEST);
        assert!(name("name", &"é".repeat(LONGEST + 1)).is_err());
        assert!(name("name", " \u{200b} ").is_err());
        assert_eq!(name("name", "🎁 VIP").unwrap(), "🎁 VIP");
    }

    #[test]
    fn only_what_is_not_so_already_is_a_change() {
        let change = difference(&[A], &[A, B, B], &[C]);
        assert_eq!((change.given, change.taken), (vec![B], vec![]));
        let change = difference(&[A], &[], &[A, A]);
        assert_eq!((change.given, change.taken), (vec![], vec![A]));
        assert_eq!(difference(&[A], &[A, B], &[A, B]), Difference::default());
    }

    #[test]
    fn a_tag_stands_for_the_last_one_on_its_way() {
        let ways = [(A, Some(B)), (B, Some(C)), (C, None)];
        assert_eq!(ends(&ways), [(A, C), (B, C), (C, C)]);
        // Which no verb lets happen; it ends all the same.
        let ring = [(A, Some(B)), (B, Some(A))];
        assert_eq!(ends(&ring).len(), 2);
    }
}
