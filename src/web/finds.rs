//! What somebody looks for by typing the beginning of it, and what is found. Which
//! room has it, and how it looks there, is the rooms' business.

use crate::kernel::{clip, findable};
use crate::texts::Lang;

/// Characters that are looked for; nothing that can be found needs more.
const LONGEST: usize = 100;
/// Words of them that are told apart; the rest counts as one.
const WORDS: usize = 8;

/// What was typed, and how it is compared.
#[derive(Debug, Clone)]
pub struct Sought {
    /// In whose language things are called.
    pub t: Lang,
    /// As it was typed.
    pub typed: String,
    /// The same without case and accents, in one piece and in words.
    pub whole: String,
    words: Vec<String>,
    /// As many as this are of use to whoever asks; what comes after them is not looked at.
    pub most: usize,
}

/// How well something fits what was typed: the best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// It is called so.
    Whole,
    /// It begins so.
    Start,
    /// Words of it begin so.
    Word,
    /// It holds that somewhere.
    Within,
}

/// Something that was found, and the page that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub rank: Rank,
    pub words: String,
    /// What tells it from others of this name; may be empty.
    pub detail: String,
    /// Where it stands, or how it is with it, in a word; may be empty.
    pub note: String,
    pub href: String,
}

impl Hit {
    pub fn new(rank: Rank, words: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            rank,
            words: words.into(),
            detail: String::new(),
            note: String::new(),
            href: href.into(),
        }
    }
}

impl Sought {
    pub fn new(typed: &str, t: Lang, most: usize) -> Self {
        let typed = clip(typed.trim(), LONGEST);
        let whole = findable(&typed);
        // A number of somebody is told as one: `#40`.
        let plain = |it: &str| it.trim_start_matches('#').to_owned();
        let words = whole.splitn(WORDS, ' ').map(plain);
        Self {
            t,
            words: words.filter(|it| !it.is_empty()).collect(),
            typed,
            whole,
            most,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The first whole number among its words: `client 40`, `#40`.
    pub fn number(&self) -> Option<i64> {
        let digits = |it: &&String| it.bytes().all(|b| b.is_ascii_digit());
        let mut numbers = self.words.iter().filter(digits);
        numbers.find_map(|it| it.parse().ok())
    }

    /// How well a name fits; none where it does not. All that was typed has to be in it.
    pub fn rank(&self, name: &str) -> Option<Rank> {
        let name = findable(name);
        if name == self.whole {
            return Some(Rank::Whole);
        }
        if name.starts_with(&self.whole) {
            return Some(Rank::Start);
        }
        let begins = |word: &String| {
            let mut places = name.match_indices(word.as_str()).map(|(at, _)| at);
            places.any(|at| !name[..at].ends_with(char::is_alphanumeric))
        };
        if self.words.iter().all(begins) {
            return Some(Rank::Word);
        }
        let holds = |word: &String| name.contains(word.as_str());
        self.words.iter().all(holds).then_some(Rank::Within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sought(typed: &str) -> Sought {
        Sought::new(typed, Lang::En, 6)
    }

    #[test]
    fn what_is_called_so_comes_before_what_only_begins_so_and_that_before_the_rest() {
        let rank = |typed, name| sought(typed).rank(name);
        assert_eq!(rank("Élan vital", "elan  VITAL"), Some(Rank::Whole));
        assert_eq!(rank("refu", "Refund asked for"), Some(Rank::Start));
        assert_eq!(rank("asked ref", "Refund asked for"), Some(Rank::Word));
        assert_eq!(rank("mugs", "bob@mugs.example"), Some(Rank::Word));
        assert_eq!(rank("fund", "Refund"), Some(Rank::Within));
        assert_eq!(rank("refund vip", "Refund"), None);
        assert_eq!(rank("#40", "Client 40"), Some(Rank::Word));
        assert_eq!(rank("istanbul", "İSTANBUL"), Some(Rank::Whole));
        assert_eq!(rank("елка", "Большая ёлка"), Some(Rank::Word));
    }

    #[test]
    fn a_number_is_seen_among_the_words_around_it() {
        assert_eq!(sought("client 40").number(), Some(40));
        assert_eq!(sought("#40").number(), Some(40));
        for none in ["", "client", "4a", "#", "99999999999999999999"] {
            assert_eq!(sought(none).number(), None, "{none}");
        }
    }

    #[test]
    fn what_is_typed_without_end_is_cut_and_nothing_is_nothing() {
        assert_eq!(sought(&"x ".repeat(10_000)).typed.chars().count(), LONGEST);
        assert!(sought(&"x ".repeat(10_000)).words.len() <= WORDS);
        assert!(sought(" \u{200b} ").is_empty() && sought("").is_empty());
    }
}
