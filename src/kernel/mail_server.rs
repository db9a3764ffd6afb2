//! A mail server as an operator names it in one line.

use url::Url;

use super::{Secret, percent_decoded};

/// How to reach the mail server.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Empty: nobody signs in.
    pub user: String,
    pub password: Secret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// No encryption: for a server on this machine.
    None,
    /// RFC 3207, and no mail without it.
    StartTls,
    /// RFC 8314: encrypted from the first byte.
    Tls,
}

impl MailServer {
    /// `smtp://user:pass@host:587?tls=starttls`, `smtps://user:pass@host`,
    /// `smtp://127.0.0.1:2525`. What is wrong with it is told without repeating
    /// it: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_| "this is no address")?;
        let encrypted = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err("it begins with smtp:// or smtps://"),
        };
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("the name of the mail server is missing");
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("nothing stands behind the port but ?tls=starttls");
        }
        let mut starttls = false;
        for (key, value) in url.query_pairs() {
            // `required` is what one version took in place of what it promised.
            match (&*key, &*value) {
                ("tls", "starttls" | "required") if !encrypted => starttls = true,
                ("tls", _) if encrypted => {
                    return Err("smtps:// is encrypted from the first byte and takes no ?tls=");
                }
                ("tls", _) => return Err("?tls= is starttls, or is left out"),
                _ => return Err("only ?tls=starttls may stand behind the question mark"),
            }
        }
        let (security, port) = match (encrypted, starttls) {
            (true, _) => (Security::Tls, 465),
            (false, true) => (Security::StartTls, 587),
            (false, false) => (Security::None, 25),
        };
        let readable = "user and password have %-signs that stand for nothing: write % as %25";
        let user = percent_decoded(url.username()).ok_or(readable)?;
        let password = percent_decoded(url.password().unwrap_or_default()).ok_or(readable)?;
        if user.is_empty() != password.is_empty() {
            return Err("user and password belong together: user:password@host");
        }
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(port),
            security,
            user,
            password: Secret::new(password),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_is_documented_means_what_it_says() {
        for (text, host, port, security) in [
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, Security::None),
            ("smtp://mail.example", "mail.example", 25, Security::None),
            ("smtp://[::1]:25", "::1", 25, Security::None),
            (
                "smtp://mail.example:587?tls=starttls",
                "mail.example",
                587,
                Security::StartTls,
            ),
            (
                "smtp://mail.example/?tls=starttls",
                "mail.example",
                587,
                Security::StartTls,
            ),
            (
                "smtp://mail.example:2587?tls=required",
                "mail.example",
                2587,
                Security::StartTls,
            ),
            ("smtps://mail.example", "mail.example", 465, Security::Tls),
            (
                "smtps://mail.example:8465/",
                "mail.example",
                8465,
                Security::Tls,
            ),
        ] {
            let server = MailServer::parse(text).unwrap();
            assert_eq!((&*server.host, server.port), (host, port), "{text}");
            assert_eq!(server.security, security, "{text}");
            assert!(server.user.is_empty());
        }
        let signs_in = MailServer::parse("smtps://ada%40mugs.example:p%25%2F%C3%A9+@m.example");
        let signs_in = signs_in.unwrap();
        assert_eq!(signs_in.user, "ada@mugs.example");
        assert_eq!(signs_in.password.reveal(), "p%/é+");
    }

    #[test]
    fn what_is_not_documented_is_refused() {
        for bad in [
            "mail.example:587",
            "http://mail.example",
            "smtp:mail.example",
            "smtp://",
            "smtp://mail.example?tls=opportunistic",
            "smtp://mail.example?tls=none",
            "smtp://mail.example?tls=",
            "smtp://mail.example?starttls",
            "smtp://mail.example?tls=starttls&x=1",
            "smtps://mail.example?tls=starttls",
            "smtp://mail.example/hello",
            "smtp://mail.example#x",
            "smtp://ada@mail.example",
            "smtp://:secret@mail.example",
            "smtp://ada:%zz@mail.example",
            "smtp://mail.example:99999",
        ] {
            assert!(MailServer::parse(bad).is_err(), "{bad}");
        }
    }
}
