//! Where a request comes from, and where it thinks it is going: decided from
//! configuration, never from what the caller claims.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header::{SEC_WEBSOCKET_KEY, UPGRADE};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};

use super::{Signs, header};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::kernel::{Network, Origin, PublicUrl, Token, is_loopback_authority};

/// What the anti-forgery token is derived for (`Token::derive`).
pub const SESSION_PURPOSE: &str = "csrf";

/// This server, as the outside reaches it.
#[derive(Debug, Clone)]
pub struct Place {
    pub public_url: PublicUrl,
    trusted_proxies: Vec<Network>,
    pub signs: Signs,
    pub session_cookie: String,
    /// The browser in which an agent signed in before.
    pub browser_cookie: String,
    pub visitor_cookie: String,
}

impl Place {
    pub fn new(config: &Config) -> Self {
        let public_url = config.public_url.clone();
        // Browsers enforce the `__Host-` prefix on secure cookies only. Cookies do
        // not know ports, so a trial on another port of this machine gets its own.
        // It promises the whole host, so below a path the next best one stands there.
        let cookie = |name: &str| match public_url.is_https() {
            true if public_url.base().is_root() => format!("__Host-{name}"),
            true => format!("__Secure-{name}"),
            false => format!(
                "{name}-{}",
                public_url.authority().replace([':', '.', '[', ']'], "-")
            ),
        };
        Self {
            session_cookie: cookie("sid"),
            browser_cookie: cookie("bid"),
            visitor_cookie: cookie("vid"),
            trusted_proxies: config.trusted_proxies.clone(),
            signs: Signs::default(),
            public_url,
        }
    }

    fn is_proxy(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|it| it.contains(ip))
    }

    /// A browser asked for our public name under TLS, which this program does not
    /// speak itself. Probes of the proxy's own, and whoever asks on this very
    /// machine, come without one of these.
    fn must_be_proxied(&self, request: &HttpRequest) -> bool {
        let has = |name: &str| !header(request, name).is_empty();
        self.public_url.is_https()
            && !self.public_url.is_loopback()
            && self.public_url.is_named_by(header(request, "host"))
            && (has("accept-language") || has("origin"))
    }

    /// What an agent's request tells of the proxy it came through. Nobody else's
    /// is heeded.
    pub fn heed_agent(&self, request: &HttpRequest) {
        let peer = peer(request);
        let passed_on = request.headers().contains_key("x-forwarded-for");
        match passed_on {
            true if !self.is_proxy(peer) => self.signs.unnamed(peer),
            false if self.must_be_proxied(request) => self.signs.silent(peer),
            _ => (),
        }
    }

    /// How an agent's wish for a socket ended. Proxies that pass none take the
    /// wish off and leave its key.
    pub fn heed_socket(&self, request: &HttpRequest, opened: bool) {
        let headers = request.headers();
        if opened {
            self.signs.socket();
        } else if headers.contains_key(SEC_WEBSOCKET_KEY) && !headers.contains_key(UPGRADE) {
            self.signs.no_socket(peer(request));
        }
    }

    /// Our own host, or this very machine. A page on a name that an attacker
    /// points at this address (DNS rebinding) is neither.
    pub fn is_our_host(&self, host: &str) -> bool {
        self.public_url.is_named_by(host) || is_loopback_authority(host)
    }

    /// Whether `Origin` names a page of our own: the public one, or, on this
    /// machine, the one the request was sent to.
    pub fn is_our_origin(&self, origin: &str, host: &str) -> bool {
        if origin == self.public_url.origin().as_str() {
            return true;
        }
        Origin::parse(origin).is_some_and(|it| {
            it.is_loopback() && it.as_str() == origin && it.authority().eq_ignore_ascii_case(host)
        })
    }

    /// A request that changes something must come from a page of ours. Browsers
    /// say so in `Sec-Fetch-Site`, older ones in `Origin`; what sends neither is
    /// no browser, and carries nobody's cookies.
    pub fn refuse_foreign_page(&self, request: &HttpRequest) -> Result<()> {
        let refused = || Error::Forbidden(|t| t.error_origin().into());
        let origin = header(request, "origin");
        let host = header(request, "host");
        match header(request, "sec-fetch-site") {
            "same-origin" | "none" => Ok(()),
            "" if origin.is_empty() || self.is_our_origin(origin, host) => Ok(()),
            _ => Err(refused()),
        }
    }

    /// The form was made for this session: its token, in the form or a header.
    pub fn refuse_forgery(&self, request: &HttpRequest, claimed: &str) -> Result<()> {
        let session = super::cookie(request, &self.session_cookie).and_then(Token::parse);
        match session {
            Some(session) if session.derives(SESSION_PURPOSE, claimed) => Ok(()),
            Some(_) => Err(Error::Forbidden(|t| t.error_csrf().into())),
            None => Err(Error::SignedOut),
        }
    }
}

/// Whoever opened the connection: the caller, or a proxy.
pub fn peer(request: &HttpRequest) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    request.peer_addr().map_or(unknown, |it| it.ip())
}

/// The network address of whoever is at the other end, for limits. Forwarded
/// addresses are believed only from the operator's own proxies, walking back
/// from the nearest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    pub fn of(request: &HttpRequest) -> Self {
        let peer = peer(request);
        let Some(place) = request.app_data::<Data<Place>>() else {
            return Self(peer);
        };
        let trusted = |ip: IpAddr| place.is_proxy(ip);
        let mut nearest = peer;
        let mut lines: Vec<_> = request.headers().get_all("x-forwarded-for").collect();
        lines.reverse();
        let hops = lines
            .iter()
            .filter_map(|it| it.to_str().ok())
            .flat_map(|it| it.rsplit(','));
        for hop in hops {
            if !trusted(nearest) {
                break;
            }
            match hop.trim().parse() {
                Ok(ip) => nearest = ip,
                Err(_) => break,
            }
        }
        Self(nearest.to_canonical())
    }

    /// What counts as one caller: an address, or for IPv6 the /64 that a single
    /// subscriber has all of.
    pub fn bucket(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
        }
    }
}

impl FromRequest for ClientAddress {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn place(given: &[(&str, &str)]) -> Place {
        let find = |name: &str| given.iter().find(|(key, _)| *key == name);
        let config = Config::parse(|name| find(name).map(|(_, value)| (*value).to_owned()));
        Place::new(&config.unwrap())
    }

    fn seen_from(place: Place, forwarded: &str) -> String {
        let request = TestRequest::default()
            .app_data(Data::new(place))
            .peer_addr("10.0.0.1:4000".parse().unwrap())
            .insert_header(("x-forwarded-for", forwarded))
            .to_http_request();
        ClientAddress::of(&request).0.to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_our_own_proxies_only() {
        let open = || place(&[]);
        let proxied = || place(&[("trusted-proxies", "10.0.0.0/8")]);
        assert_eq!(seen_from(open(), "6.6.6.6"), "10.0.0.1");
        assert_eq!(seen_from(proxied(), "203.0.113.9"), "203.0.113.9");
        // What the visitor wrote himself stands to the left of what we may believe.
        assert_eq!(seen_from(proxied(), "6.6.6.6, 203.0.113.9"), "203.0.113.9");
        assert_eq!(seen_from(proxied(), "203.0.113.9, 10.0.0.7"), "203.0.113.9");
        assert_eq!(seen_from(proxied(), "nonsense"), "10.0.0.1");
    }

    #[test]
    fn a_name_that_somebody_else_points_at_us_is_not_our_host() {
        let place = place(&[("public-url", "https://chat.example")]);
        assert!(place.is_our_host("chat.example"));
        assert!(place.is_our_host("127.0.0.1:8080"));
        assert!(place.is_our_host("localhost:9000"));
        assert!(!place.is_our_host("evil.example"));
        assert!(!place.is_our_host("localhost.evil.example"));
        assert!(!place.is_our_host(""));
    }

    #[test]
    fn our_origin_is_exact() {
        let place = place(&[("public-url", "https://chat.example")]);
        assert!(place.is_our_origin("https://chat.example", "chat.example"));
        assert!(place.is_our_origin("http://localhost:8080", "localhost:8080"));
        for bad in [
            "http://chat.example",
            "https://chat.example.evil.example",
            "https://chat.example:444",
            "http://localhost:3000",
            "null",
            "",
        ] {
            assert!(!place.is_our_origin(bad, "localhost:8080"), "{bad}");
        }
    }
}
