//! Why a mail did not leave: what somebody can do about it, in his language, and
//! the very words of whoever refused it, for who wants to know more.

use std::error::Error as _;
use std::io;

use lettre::transport::smtp::Error as SmtpError;

use crate::jobs::Trouble;
use crate::kernel::Security;
use crate::texts::Lang;

#[derive(Debug)]
pub struct Refused {
    pub cause: Cause,
    /// The server's own words, or those of a library.
    pub raw: String,
    /// A 5xx answer, or settings that can never work; else it is worth another try.
    pub for_good: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The server says by itself what it does not like: `550 no such user`.
    Said,
    NotSetUp,
    /// It knows no such user, or another password.
    SignIn,
    /// It takes nothing from whom it does not know.
    WantsSignIn,
    /// It offers no way of signing in on this connection.
    NoSignIn,
    /// It speaks, but with this security, which is not the one that is set.
    Speaks(Security),
    Certificate,
    NoTls,
    NoName,
    /// The machine is not there, or lets nobody in at this port.
    Closed,
    Silent,
    /// What answers is no mail server.
    Strange,
    CutOff,
}

/// By what name a cause stands in a job's row and in the log.
const NAMES: [(Cause, &str); 14] = [
    (Cause::NotSetUp, "mail-not-set-up"),
    (Cause::SignIn, "mail-sign-in"),
    (Cause::WantsSignIn, "mail-wants-sign-in"),
    (Cause::NoSignIn, "mail-no-sign-in"),
    (Cause::Speaks(Security::Tls), "mail-speaks-tls"),
    (Cause::Speaks(Security::StartTls), "mail-speaks-starttls"),
    (Cause::Speaks(Security::None), "mail-speaks-plain"),
    (Cause::Certificate, "mail-certificate"),
    (Cause::NoTls, "mail-no-tls"),
    (Cause::NoName, "mail-no-name"),
    (Cause::Closed, "mail-closed"),
    (Cause::Silent, "mail-silent"),
    (Cause::Strange, "mail-strange"),
    (Cause::CutOff, "mail-cut-off"),
];

impl Cause {
    /// What happened and what to do. Nothing where the server's words are all there
    /// is to say.
    pub fn words(self, t: Lang) -> Option<&'static str> {
        match self {
            Self::Said => None,
            Self::NotSetUp => Some(t.error_mail_not_configured()),
            Self::SignIn => Some(t.error_mail_sign_in()),
            Self::WantsSignIn => Some(t.error_mail_wants_sign_in()),
            Self::NoSignIn => Some(t.error_mail_no_sign_in()),
            Self::Speaks(Security::Tls) => Some(t.error_mail_wants_tls()),
            Self::Speaks(Security::StartTls) => Some(t.error_mail_wants_starttls()),
            Self::Speaks(Security::None) => Some(t.error_mail_has_no_starttls()),
            Self::Certificate => Some(t.error_mail_certificate()),
            Self::NoTls => Some(t.error_mail_no_tls()),
            Self::NoName => Some(t.error_mail_no_name()),
            Self::Closed => Some(t.error_mail_closed()),
            Self::Silent => Some(t.error_mail_silent()),
            Self::Strange => Some(t.error_mail_strange()),
            Self::CutOff => Some(t.error_mail_cut_off()),
        }
    }

    fn name(self) -> Option<&'static str> {
        let found = NAMES.iter().find(|(it, _)| *it == self);
        found.map(|(_, name)| *name)
    }
}

impl Refused {
    pub fn for_now(cause: Cause, raw: impl Into<String>) -> Self {
        let (raw, for_good) = (raw.into(), false);
        Self {
            cause,
            raw,
            for_good,
        }
    }

    pub fn speaks(security: Security) -> Self {
        let raw = match security {
            Security::Tls => "TLS from the first byte",
            Security::StartTls => "no TLS from the first byte",
            Security::None => "no STARTTLS",
        };
        Self::for_now(Cause::Speaks(security), raw)
    }

    /// While the connection was made safe.
    pub fn of_tls(error: &SmtpError) -> Self {
        let raw = describe(error);
        let cause = match raw.to_lowercase() {
            _ if error.status().is_some() => Cause::NoTls,
            raw if raw.contains("certificate") => Cause::Certificate,
            _ => Cause::NoTls,
        };
        Self::for_now(cause, raw)
    }

    /// While we said who we are.
    pub fn of_sign_in(error: SmtpError) -> Self {
        let unknown_here = error.is_client();
        let (permanent, code) = (error.is_permanent(), error.status());
        let mut refused = Self::from(error);
        match code.map(|it| it.to_string()).as_deref() {
            // RFC 4954, 4 and 6.
            Some("504") => refused.cause = Cause::NoSignIn,
            Some("538") => refused.cause = Cause::Speaks(Security::StartTls),
            Some("530") => (),
            Some(_) if permanent => refused.cause = Cause::SignIn,
            None if unknown_here => refused.cause = Cause::NoSignIn,
            _ => (),
        }
        refused
    }

    /// As a job's row keeps it; `told` reads it.
    pub fn stored(&self) -> String {
        match self.cause.name() {
            Some(name) => format!("{name}: {}", self.raw),
            None => self.raw.clone(),
        }
    }
}

/// There is no server to send by, so far.
pub fn not_set_up() -> Trouble {
    Refused::for_now(Cause::NotSetUp, "mail is not set up").into()
}

/// A stored reason: what a person is told, and what was said.
pub fn told(stored: &str, t: Lang) -> (Option<&'static str>, &str) {
    let known = stored.split_once(": ").and_then(|(name, raw)| {
        let (cause, _) = NAMES.iter().find(|(_, it)| *it == name)?;
        Some((cause.words(t), raw))
    });
    known.unwrap_or((None, stored))
}

impl From<SmtpError> for Refused {
    fn from(error: SmtpError) -> Self {
        let raw = describe(&error);
        let code = error.status().map(|it| it.to_string());
        let cause = match code.as_deref() {
            // RFC 3207, 4; RFC 4954, 6.
            Some("530") if raw.to_uppercase().contains("STARTTLS") => {
                Cause::Speaks(Security::StartTls)
            }
            Some("530") => Cause::WantsSignIn,
            Some(_) => Cause::Said,
            None if error.is_timeout() => Cause::Silent,
            None if is_no_mail_server(&error) => Cause::Strange,
            None => Cause::CutOff,
        };
        Self {
            for_good: error.is_permanent(),
            cause,
            raw,
        }
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        match refused.for_good {
            true => Self::Never(refused.stored()),
            false => Self::Later(refused.stored()),
        }
    }
}

/// It says what no mail server says, rather than nothing more.
fn is_no_mail_server(error: &SmtpError) -> bool {
    let mut causes = std::iter::successors(error.source(), |it| (*it).source());
    let garbled = causes.any(|it| {
        let io = it.downcast_ref::<io::Error>();
        io.is_some_and(|it| it.kind() == io::ErrorKind::InvalidData)
    });
    garbled || error.is_response() && !error.to_string().contains("incomplete")
}

/// The server's own answer where it gave one (`550 no such user`), else the
/// error with its causes.
fn describe(error: &SmtpError) -> String {
    if let (Some(code), Some(words)) = (error.status(), error.source()) {
        return format!("{code} {words}");
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_that_is_stored_is_told_in_every_language() {
        for (cause, _) in NAMES {
            let stored = Refused::for_now(cause, "535: no").stored();
            for t in Lang::ALL {
                let (words, raw) = told(&stored, t);
                assert_eq!(words, cause.words(t), "{cause:?}");
                assert!(words.is_some() && raw == "535: no", "{stored}");
            }
        }
        let old = "550 nobody of that name: ann";
        assert_eq!(told(old, Lang::default()), (None, old));
    }
}
