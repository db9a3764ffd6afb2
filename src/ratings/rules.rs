//! Decisions about ratings: values in, decision out.

use super::{Given, NewRating, Rating};
use crate::error::{Check, Error, Result};
use crate::kernel::{Flaw, Timestamp, paragraph};

/// The best of them; 1 is the worst.
pub const BEST: i64 = 5;
/// Characters of a comment.
pub const COMMENT: usize = 1000;
/// Milliseconds after it was given in which it may be changed.
pub const CHANGEABLE: i64 = 24 * 3600 * 1000;

pub fn clean(new: &NewRating) -> Result<(i64, String)> {
    let mut check = Check::default();
    let rate = check.field(match new.rate {
        1..=BEST => Ok(new.rate),
        _ => Err(Error::invalid("rate", |t| t.rating_choose().into())),
    });
    let comment = check.field(match paragraph(&new.comment, COMMENT) {
        Ok(comment) => Ok(comment),
        Err(Flaw::Empty) => Ok(String::new()),
        Err(flaw) => Err(Error::flaw("comment", flaw, |t| {
            t.error_field_too_long(COMMENT as i64).into()
        })),
    });
    match (rate, comment) {
        (Some(rate), Some(comment)) => Ok((rate, comment)),
        _ => Err(check.end()),
    }
}

/// `known`: what he gave before.
pub fn may_give(rating: &Rating, known: Option<&Given>, now: Timestamp) -> Result<()> {
    match known {
        None if rating.went_on_at.is_some() => {
            Err(Error::Conflict(|t| t.rating_withdrawn().into()))
        }
        Some(given) if !may_change(given, now) => Err(Error::Conflict(|t| t.rating_late().into())),
        _ => Ok(()),
    }
}

/// Counted from when it was first given.
pub fn may_change(given: &Given, now: Timestamp) -> bool {
    now < given.at + CHANGEABLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{ConversationId, Seq};

    fn new(rate: i64, comment: &str) -> NewRating {
        NewRating {
            rate,
            comment: comment.to_owned(),
            since: None,
        }
    }

    fn fields(new: &NewRating) -> Vec<&'static str> {
        match clean(new) {
            Err(Error::Invalid(mistakes)) => mistakes.iter().map(|it| it.field).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_rate_is_one_to_five_and_a_comment_is_short_or_none() {
        assert_eq!(
            clean(&new(5, " kind \r\n people ")).unwrap(),
            (5, "kind \n people".into())
        );
        for nothing in ["", "  \n ", "\u{200b}"] {
            assert_eq!(clean(&new(1, nothing)).unwrap(), (1, String::new()));
        }
        let long = "ü".repeat(COMMENT);
        assert_eq!(clean(&new(3, &long)).unwrap().1, long);
        for wrong in [0, 6, -1, i64::MAX] {
            assert_eq!(fields(&new(wrong, "")), ["rate"]);
        }
        assert_eq!(fields(&new(3, &(long + "ü"))), ["comment"]);
        assert_eq!(fields(&new(9, "a\u{202e}b")), ["rate", "comment"]);
    }

    #[test]
    fn what_was_given_may_be_changed_for_a_day_and_what_was_withdrawn_not_answered() {
        let given = Given {
            rate: 2,
            comment: String::new(),
            at: 1000,
            changed_at: Some(5000),
        };
        let mut rating = Rating {
            line: Seq(1),
            key: "k".into(),
            conversation: ConversationId(1),
            asked_at: 0,
            went_on_at: None,
            told: None,
            given: None,
        };
        assert!(may_give(&rating, None, i64::MAX).is_ok());
        assert!(may_give(&rating, Some(&given), 999 + CHANGEABLE).is_ok());
        assert!(may_give(&rating, Some(&given), 1000 + CHANGEABLE).is_err());
        rating.went_on_at = Some(1);
        assert!(may_give(&rating, None, 2).is_err());
        assert!(may_give(&rating, Some(&given), 2).is_ok());
    }
}
