//! Network blocks and web origins, parsed once and compared exactly.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Url;

use super::Base;

/// A block of addresses in CIDR notation (RFC 4632), or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    pub fn parse(text: &str) -> Option<Self> {
        let (base, bits) = match text.trim().split_once('/') {
            Some((base, bits)) => (base, Some(bits.parse().ok()?)),
            None => (text.trim(), None),
        };
        let base: IpAddr = base.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { base, bits })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => same_start(
                base.to_bits().into(),
                address.to_bits().into(),
                self.bits,
                32,
            ),
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                same_start(base.to_bits(), address.to_bits(), self.bits, 128)
            }
            _ => false,
        }
    }
}

fn same_start(a: u128, b: u128, bits: u8, width: u8) -> bool {
    let rest = u32::from(width - bits);
    a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
}

/// The host that an address leads to, where it reads otherwise: letters that
/// look like others (RFC 3492), a name before an `@`.
pub fn true_host(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?;
    let (_, rest) = address.split_once("//")?;
    let shown = rest.split(['/', '\\', '?', '#']).next()?;
    let without_port = match shown.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => shown,
    };
    (!without_port.eq_ignore_ascii_case(host)).then(|| host.to_owned())
}

/// Scheme, host and port of a web page, as browsers send it in `Origin`
/// (RFC 6454): `https://shop.example`, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    text: String,
    host: String,
}

impl Origin {
    /// Accepts a whole address too, and keeps its origin: people paste those.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let web = matches!(url.scheme(), "http" | "https");
        let plain = url.username().is_empty() && url.password().is_none();
        let host = url.host_str()?.to_owned();
        // Signs that are allowed in an address and in no name: a wildcard would
        // look as if it allowed something.
        let named = match url.host()? {
            url::Host::Domain(name) => name
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_')),
            url::Host::Ipv4(_) | url::Host::Ipv6(_) => true,
        };
        (web && plain && named).then(|| Self {
            text: url.origin().ascii_serialization(),
            host,
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Host and, where it is not the scheme's own, port: what `Host` carries.
    pub fn authority(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, rest)| rest)
    }

    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.host)
    }

    /// The same host under the schemes of sockets, for `connect-src`.
    pub fn socket(&self) -> String {
        self.text.replacen("http", "ws", 1)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How the world reaches this program: `https://shop.example`, or with a path of
/// its own there, `https://shop.example/chat`. Shown without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: Origin,
    base: Base,
    /// Of the scheme, and so not written out.
    usual_port: bool,
}

impl PublicUrl {
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text.trim()).ok()?;
        let bare = url.query().is_none() && url.fragment().is_none();
        bare.then_some(Self {
            origin: Origin::parse(text)?,
            base: Base::parse(url.path())?,
            usual_port: url.port().is_none(),
        })
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn base(&self) -> &Base {
        &self.base
    }

    pub fn is_https(&self) -> bool {
        self.origin.is_https()
    }

    pub fn is_loopback(&self) -> bool {
        self.origin.is_loopback()
    }

    /// Nothing else seems to live on this host: neither beside our path nor on
    /// another port. What binds the whole host may be said only then.
    pub fn has_own_host(&self) -> bool {
        self.usual_port && self.base.is_root()
    }

    /// What `Host` carries.
    pub fn authority(&self) -> &str {
        self.origin.authority()
    }

    /// Whether `Host` names this address. The usual port may stand there, too: with
    /// it and without it is the same address (RFC 9110, 4.2.3).
    pub fn is_named_by(&self, host: &str) -> bool {
        let usual = if self.is_https() { ":443" } else { ":80" };
        let bare = match self.usual_port {
            true => host.strip_suffix(usual).unwrap_or(host),
            false => host,
        };
        bare.eq_ignore_ascii_case(self.authority())
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.base)
    }
}

/// Whether `Host` names this very machine (`localhost:8080`, `[::1]`). Taken by the
/// letter (RFC 9110, 7.2): what an address parser would make of user names,
/// paths and spaces around the name is no name.
pub fn is_loopback_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (text, "80"),
    };
    let digits = port.bytes().all(|it| it.is_ascii_digit());
    let port = digits && port.parse::<u16>().is_ok_and(|it| 0 < it);
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let here = match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok_and(|it| it.is_loopback()),
        None => {
            let address = host.parse::<Ipv4Addr>();
            host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|it| it.is_loopback())
        }
    };
    port && here
}

fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// `%40` in an address stands for a sign (RFC 3986, 2.1). None where it stands
/// for none, or the whole is no UTF-8.
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        if !hex.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_own_addresses_only() {
        let lan = Network::parse("10.1.0.0/16").unwrap();
        assert!(lan.contains("10.1.2.3".parse().unwrap()));
        assert!(lan.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!lan.contains("10.2.0.1".parse().unwrap()));
        let all = Network::parse("0.0.0.0/0").unwrap();
        assert!(all.contains("8.8.8.8".parse().unwrap()));
        assert_eq!(Network::parse("10.0.0.0/33"), None);
        assert_eq!(Network::parse("shop.example"), None);
    }

    #[test]
    fn a_public_address_keeps_its_path() {
        let shown = |text: &str| PublicUrl::parse(text).map(|it| it.to_string());
        let root = Some("https://chat.example".to_owned());
        assert_eq!(shown("https://chat.example/"), root);
        let below = Some("https://shop.example:8443/chat".to_owned());
        assert_eq!(shown("https://Shop.example:8443/chat/"), below);
        for bad in [
            "https://chat.example/?a=1",
            "https://chat.example/#a",
            "https://chat.example/a%20b",
            "chat.example/chat",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_public_address_is_named_with_its_usual_port_and_without_it() {
        let named = |url: &str, host: &str| PublicUrl::parse(url).unwrap().is_named_by(host);
        for (url, host) in [
            ("https://chat.example", "Chat.example"),
            ("https://chat.example", "chat.example:443"),
            ("http://chat.example", "chat.example:80"),
            ("https://chat.example:8443", "chat.example:8443"),
        ] {
            assert!(named(url, host), "{url} {host}");
        }
        for (url, host) in [
            ("https://chat.example", "chat.example:80"),
            ("https://chat.example", "chat.example:443:443"),
            ("https://chat.example", ":443"),
            ("http://chat.example", "chat.example:443"),
            ("https://chat.example:8443", "chat.example"),
            ("https://chat.example:8443", "chat.example:8443:443"),
        ] {
            assert!(!named(url, host), "{url} {host}");
        }
    }

    #[test]
    fn an_origin_is_what_the_browser_sends() {
        let pasted = Origin::parse(" https://Shop.Example:443/mugs?x=1 ").unwrap();
        assert_eq!(pasted.as_str(), "https://shop.example");
        assert_eq!(pasted.authority(), "shop.example");
        assert_eq!(pasted.socket(), "wss://shop.example");
        assert!(Origin::parse("http://127.0.0.1:8080").is_some_and(|it| it.is_loopback()));
        for good in [
            "https://b\u{fc}cher.example",
            "http://my_box:3000",
            "http://[::1]:80",
        ] {
            assert!(Origin::parse(good).is_some(), "{good}");
        }
        for bad in [
            "null",
            "",
            "javascript:alert(1)",
            "ftp://x.example",
            "https://a@b.example",
            "https://*.example",
            "https://x.example'",
            "https://x.example;y",
            "https://a,b.example",
        ] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_machine_is_called_by_its_plain_name_only() {
        for good in [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1:1",
            "127.8.9.10",
            "[::1]",
            "[::1]:65535",
        ] {
            assert!(is_loopback_authority(good), "{good}");
        }
        for bad in [
            "",
            ":80",
            "localhost/..",
            "localhost/",
            "localhost\\",
            "127.0.0.1#@evil.example",
            "127.0.0.1?x",
            "ann@localhost",
            "ann:secret@localhost",
            "@localhost",
            "localhost:80:90",
            "localhost:",
            "localhost:0",
            "localhost:65536",
            "localhost:+80",
            "localhost: 80",
            " localhost",
            "localhost ",
            "local\thost",
            "localhost.",
            "localhost.evil.example",
            "127.1",
            "0x7f.1",
            "2130706433",
            "127.0.0.1.",
            "%6cocalhost",
            "ｌocalhost",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:",
            "[127.0.0.1]",
            "[[::1]]",
            "http://localhost",
        ] {
            assert!(!is_loopback_authority(bad), "{bad}");
        }
    }
}
