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

pub enum Error {
    /// The person can fix this: which field, and what to tell them.
    Invalid { field: &'static str, say: Say },
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

    /// A text field that `kernel::text` refused.
    pub fn flaw(field: &'static str, flaw: Flaw, too_long: Say) -> Self {
        let say: Say = match flaw {
            Flaw::Empty => |t| t.error_field_required().into(),
            Flaw::Unreadable => |t| t.error_message_unreadable().into(),
            Flaw::TooLong => too_long,
        };
        Self::Invalid { field, say }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { field, say } => write!(f, "{field}: {}", say(Lang::En)),
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
