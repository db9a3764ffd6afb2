//! What can go wrong, named by what the caller should do about it. `web/` alone
//! turns a variant into a status, a page or a problem document.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::kernel::Flaw;
use crate::texts::Lang;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A sentence for the person, in whatever language that person reads.
pub type Say = fn(Lang) -> Cow<'static, str>;

type Cause = Box<dyn StdError + Send + Sync>;

/// What is wrong with one field.
#[derive(Clone, Copy)]
pub struct Mistake {
    pub field: &'static str,
    pub say: Say,
}

pub enum Error {
    /// The person can fix this: which fields, and what to tell them.
    Invalid(Vec<Mistake>),
    /// The request itself cannot be read: bad JSON, a wrong type, an unknown field.
    Malformed(Cow<'static, str>),
    /// There is no such thing, or this caller may not know that there is.
    NotFound(&'static str),
    /// True when read, no longer true when written.
    Conflict(Say),
    /// Known, but not allowed; says why.
    Forbidden(Say),
    /// Not signed in, or with a token that opens nothing.
    SignedOut,
    /// More than anything here takes.
    TooLarge,
    /// The body did not arrive in time.
    TooSlow,
    /// Not the kind of body this door reads.
    UnsupportedMedia,
    /// Slow down; seconds until it is worth another try.
    TooMany { retry_after: u64 },
    /// The database cannot write at the moment. Nothing was done.
    Unavailable(Cause),
    /// A bug or an outage. The text is for the log, never for the caller.
    Internal { doing: &'static str, source: Cause },
}

impl Error {
    pub fn internal(doing: &'static str, source: impl Into<Cause>) -> Self {
        Self::Internal {
            doing,
            source: source.into(),
        }
    }

    /// One field that the person can fix.
    pub fn invalid(field: &'static str, say: Say) -> Self {
        Self::Invalid(vec![Mistake { field, say }])
    }

    /// A text field that `kernel::text` refused.
    pub fn flaw(field: &'static str, flaw: Flaw, too_long: Say) -> Self {
        let say: Say = match flaw {
            Flaw::Empty => |t| t.error_field_required().into(),
            Flaw::Unreadable => |t| t.error_message_unreadable().into(),
            Flaw::TooLong => too_long,
        };
        Self::invalid(field, say)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(mistakes) => {
                let told = mistakes
                    .iter()
                    .map(|it| format!("{}: {}", it.field, (it.say)(Lang::En)));
                f.write_str(&told.collect::<Vec<_>>().join("; "))
            }
            Self::Malformed(why) => write!(f, "malformed: {why}"),
            Self::NotFound(what) => write!(f, "no such {what}"),
            Self::Conflict(say) | Self::Forbidden(say) => f.write_str(&say(Lang::En)),
            Self::TooLarge => f.write_str("too large"),
            Self::TooSlow => f.write_str("too slow"),
            Self::UnsupportedMedia => f.write_str("unsupported media type"),
            Self::SignedOut => f.write_str("not signed in"),
            Self::TooMany { retry_after } => write!(f, "too many, retry after {retry_after} s"),
            Self::Unavailable(source) => write!(f, "cannot save: {source}"),
            Self::Internal { doing, source } => write!(f, "{doing}: {source}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Error {}

/// Looks at every field before any is refused, so that a person hears of all that
/// is wrong at once:
/// `let (Some(name), Some(zone)) = (check.field(…), check.field(…)) else { return Err(check.end()) }`.
#[derive(Default)]
pub struct Check {
    mistakes: Vec<Mistake>,
    /// What nobody at a form can fix.
    worse: Option<Error>,
}

impl Check {
    pub fn field<T>(&mut self, read: Result<T>) -> Option<T> {
        match read {
            Ok(value) => return Some(value),
            Err(Error::Invalid(mistakes)) => self.mistakes.extend(mistakes),
            Err(error) => {
                self.worse.get_or_insert(error);
            }
        }
        None
    }

    /// Why it was refused.
    pub fn end(self) -> Error {
        self.worse.unwrap_or(Error::Invalid(self.mistakes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(field: &'static str) -> Result<i64> {
        Err(Error::invalid(field, |t| t.error_field_required().into()))
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut check = Check::default();
        assert_eq!(check.field(Ok(7)), Some(7));
        assert_eq!(
            (check.field(wrong("a")), check.field(wrong("b"))),
            (None, None)
        );
        let Error::Invalid(mistakes) = check.end() else {
            panic!("it was no mistake");
        };
        let fields: Vec<&str> = mistakes.iter().map(|it| it.field).collect();
        assert_eq!(fields, ["a", "b"]);
    }

    #[test]
    fn what_nobody_can_fix_is_not_told_as_a_mistake() {
        let mut check = Check::default();
        check.field(wrong("a"));
        check.field(Err::<i64, _>(Error::SignedOut));
        assert!(matches!(check.end(), Error::SignedOut));
    }
}
