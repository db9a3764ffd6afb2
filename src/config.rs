//! What the operator decides before the start: flags and environment, parsed
//! once, all mistakes reported together. What an admin changes while the
//! program runs is `settings`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::kernel::{EmailAddress, MailServer, Network, PublicUrl};

/// Messages a visitor may send in a minute, unless the operator says otherwise.
const VISITOR_RATE: u32 = 60;

#[derive(Debug, Clone)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub public_url: PublicUrl,
    pub trusted_proxies: Vec<Network>,
    /// Overrides the settings page.
    pub smtp_url: Option<MailServer>,
    pub mail_from: Option<EmailAddress>,
    /// A level, or a filter by module: `info,shopbell::db=debug`.
    pub log: String,
    pub visitor_rate: u32,
}

impl Config {
    /// `lookup` answers by the long name of a flag: `public-url`, `data`, …
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let take = |name: &str, default: &str| {
            lookup(name)
                .filter(|it| !it.is_empty())
                .unwrap_or_else(|| default.to_owned())
        };

        let data = PathBuf::from(take("data", "./shopbell-data"));
        let log = take("log", "info");
        let listen_text = take("listen", "127.0.0.1:8080");
        let url_text = take("public-url", "http://localhost:8080");
        let proxies_text = take("trusted-proxies", "");
        let smtp_text = take("smtp-url", "");
        let from_text = take("mail-from", "");
        let rate_text = take("visitor-rate", &VISITOR_RATE.to_string());

        let listen = listen_text.parse().ok();
        if listen.is_none() {
            wrong.push(format!(
                "--listen {listen_text}: give an address and a port, such as 127.0.0.1:8080"
            ));
        }
        let public_url = PublicUrl::parse(&url_text);
        match &public_url {
            None => wrong.push(format!(
                "--public-url {url_text}: give http:// or https:// and the host, such as https://chat.example, and a plain path if it has one"
            )),
            Some(url) if is_taken(url) => wrong.push(format!(
                "--public-url {url_text}: its path begins like a page of this program; choose another, such as /chat"
            )),
            Some(_) => (),
        }
        let mut trusted_proxies = Vec::new();
        for part in proxies_text.split(',').map(str::trim) {
            match Network::parse(part) {
                Some(network) => trusted_proxies.push(network),
                None if part.is_empty() => (),
                None => wrong.push(format!(
                    "--trusted-proxies {part}: give addresses or networks, such as 10.0.0.0/8"
                )),
            }
        }
        let mail_from = EmailAddress::parse(&from_text);
        if mail_from.is_none() && !from_text.is_empty() {
            wrong.push(format!("--mail-from {from_text}: this is no email address"));
        }
        // The value stays out of the sentence: it may hold a password.
        let smtp_url = match smtp_text.is_empty() {
            true => Ok(None),
            false => MailServer::parse(&smtp_text).map(Some),
        };
        if let Err(why) = &smtp_url {
            wrong.push(format!(
                "--smtp-url: {why}. Give smtp://user:pass@host:587?tls=starttls, \
                 smtps://user:pass@host or smtp://127.0.0.1:2525"
            ));
        }
        let visitor_rate = rate_text.parse().ok().filter(|rate| 0 < *rate);
        if visitor_rate.is_none() {
            wrong.push(format!(
                "--visitor-rate {rate_text}: give a number of messages a minute, 1 or more"
            ));
        }

        match (listen, public_url, visitor_rate) {
            (Some(listen), Some(public_url), Some(visitor_rate)) if wrong.is_empty() => Ok(Self {
                data,
                listen,
                public_url,
                trusted_proxies,
                smtp_url: smtp_url.unwrap_or_default(),
                mail_from,
                log,
                visitor_rate,
            }),
            _ => Err(wrong),
        }
    }
}

/// First words of our own addresses. Below such a path nobody could tell what a
/// proxy took off: `/inbox/inbox/7`, or `/inbox/7`?
pub const TAKEN: &[&str] = &[
    "assets",
    "c",
    "demo-shop",
    "find",
    "forgot",
    "healthz",
    "inbox",
    "invite",
    "live",
    "login",
    "logout",
    "me",
    "readyz",
    "reset",
    "settings",
    "setup",
    "w",
    "w.d.ts",
    "w.js",
    "welcome",
];

fn is_taken(url: &PublicUrl) -> bool {
    let base = url.base().to_string();
    let first = base.split('/').nth(1).unwrap_or_default();
    TAKEN.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let find = |name: &str| given.iter().find(|(key, _)| *key == name);
        Config::parse(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_given_is_enough() {
        let config = parse(&[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url.to_string(), "http://localhost:8080");
        assert!(config.trusted_proxies.is_empty());
    }

    #[test]
    fn a_path_that_begins_like_a_page_of_ours_is_refused() {
        let with = |url: &str| parse(&[("public-url", url)]);
        assert!(with("https://shop.example/chat/").is_ok());
        assert!(with("https://shop.example/inbox").is_err());
        assert!(with("https://shop.example/w/chat").is_err());
    }

    #[test]
    fn all_mistakes_are_told_together() {
        let wrong = parse(&[
            ("listen", "nowhere"),
            ("public-url", "chat.example"),
            ("trusted-proxies", "10.0.0.0/8, garden"),
            ("mail-from", "ada"),
            ("visitor-rate", "0"),
        ]);
        assert_eq!(wrong.unwrap_err().len(), 5);
    }

    #[test]
    fn a_password_in_a_wrong_mail_address_is_not_repeated() {
        for bad in [
            "http://ada:hunter2@mail.example",
            "smtp://ada:hunter2@mail.example?tls=hunter2",
            "ada:hunter2@mail.example",
        ] {
            let wrong = parse(&[("smtp-url", bad)]).unwrap_err();
            assert!(!wrong[0].contains("hunter2"), "{wrong:?}");
        }
    }
}
