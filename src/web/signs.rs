//! What can be seen from here of a proxy that is not set up as the house needs
//! it. Nothing is decided by it: the sign is said once in the log, and stands on
//! the pages of whoever can mend it, with the line to add. Only what agents ask
//! for is a sign: a stranger may send any header, to raise any alarm.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::kernel::clip;
use crate::texts::Lang;

/// How often the log hears at most of what anybody can make happen.
const EVERY: Duration = Duration::from_secs(60);

/// Says something now and then, however often it happens.
#[derive(Debug)]
pub struct Rarely {
    started: Instant,
    /// Milliseconds after the start at which it is time again.
    next: AtomicU64,
}

impl Default for Rarely {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            next: AtomicU64::new(0),
        }
    }
}

impl Rarely {
    pub fn is_time(&self) -> bool {
        self.is_time_at(self.started.elapsed())
    }

    fn is_time_at(&self, since_start: Duration) -> bool {
        let now = since_start.as_millis() as u64;
        let next = now + EVERY.as_millis() as u64;
        let (order, due) = (Ordering::Relaxed, |it| (it <= now).then_some(next));
        self.next.fetch_update(order, order, due).is_ok()
    }
}

/// Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Signs(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Sends the visitor's address on, and was not named.
    unnamed: OnceLock<IpAddr>,
    /// Sends no address on, though it must be a proxy.
    silent: OnceLock<IpAddr>,
    /// The last wish for a socket came without the wish.
    no_sockets: AtomicBool,
    say_sockets: Rarely,
    say_host: Rarely,
}

/// What is wrong, and what to add where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    pub text: String,
    pub line: String,
    /// Until it is mended hardly anything works: not for the settings alone.
    pub urgent: bool,
}

impl Signs {
    /// A neighbour who was not named in `--trusted-proxies` says on whose behalf he asks.
    pub fn unnamed(&self, peer: IpAddr) {
        if is_near(peer) && self.0.unnamed.set(peer).is_ok() {
            tracing::warn!(
                %peer,
                "{peer} sends X-Forwarded-For, but is not named as a proxy: all visitors count as \
                 one, and are soon refused. If it is your proxy, add: {}",
                trust(peer)
            );
        }
    }

    /// A neighbour who must be a proxy, because only a proxy speaks TLS here, does
    /// not say on whose behalf he asks.
    pub fn silent(&self, peer: IpAddr) {
        if is_near(peer) && self.0.silent.set(peer).is_ok() {
            tracing::warn!(
                %peer,
                "{peer} passes no visitor's address on: all visitors count as one, and are soon \
                 refused. Let the proxy send X-Forwarded-For; in nginx: {FORWARD}"
            );
        }
    }

    /// An agent's browser asked for a socket, and the proxy took the wish off.
    pub fn no_socket(&self, peer: IpAddr) {
        let news = !self.0.no_sockets.swap(true, Ordering::Relaxed);
        if news && self.0.say_sockets.is_time() {
            tracing::warn!(
                %peer,
                "{peer} asked for a socket without `Upgrade: websocket`: the proxy passes no \
                 WebSockets, so nothing arrives by itself. In nginx, add: {UPGRADE}"
            );
        }
    }

    /// A socket came through after all.
    pub fn socket(&self) {
        self.0.no_sockets.store(false, Ordering::Relaxed);
    }

    /// Somebody asked for a name that is not ours.
    pub fn strange_host(&self, peer: IpAddr, came: &str, expected: &str) {
        if self.0.say_host.is_time() {
            let came = clip(came, 100);
            tracing::warn!(
                %peer,
                "421: {peer} asked for the name \"{came}\"; expected \"{expected}\". If \"{came}\" is \
                 right, start with --public-url and that address; if not, let the proxy pass the \
                 name on; in nginx: {HOST}"
            );
        }
    }

    pub fn hints(&self, t: Lang) -> Vec<Hint> {
        let mut hints = Vec::new();
        if self.0.no_sockets.load(Ordering::Relaxed) {
            hints.push(Hint {
                text: t.common_proxy_no_sockets().to_owned(),
                line: UPGRADE.to_owned(),
                urgent: true,
            });
        }
        if let Some(peer) = self.0.unnamed.get() {
            hints.push(Hint {
                text: t.common_proxy_unnamed(peer.to_string()),
                line: trust(*peer),
                urgent: false,
            });
        }
        if let Some(peer) = self.0.silent.get() {
            hints.push(Hint {
                text: t.common_proxy_silent(peer.to_string()),
                line: FORWARD.to_owned(),
                urgent: false,
            });
        }
        hints
    }
}

/// The same words as the README's.
const UPGRADE: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                       proxy_set_header Connection $http_connection;";
const FORWARD: &str = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
pub const HOST: &str = "proxy_set_header Host $http_host;";

pub fn trust(peer: IpAddr) -> String {
    format!("--trusted-proxies {}", peer.to_canonical())
}

/// This machine, or a network that the world cannot ask from: where proxies stand.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => {
            let shared = it.octets()[0] == 100 && it.octets()[1] & 0xc0 == 64;
            it.is_loopback() || it.is_private() || it.is_link_local() || shared
        }
        IpAddr::V6(it) => it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_stands_near_can_be_a_proxy_of_ours() {
        let near = |it: &str| is_near(it.parse().unwrap());
        for it in [
            "127.0.0.1",
            "10.0.0.1",
            "172.17.0.1",
            "::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(near(it), "{it}");
        }
        for it in ["203.0.113.9", "8.8.8.8", "2001:db8::1"] {
            assert!(!near(it), "{it}");
        }
        let signs = Signs::default();
        signs.unnamed("203.0.113.9".parse().unwrap());
        assert!(signs.hints(Lang::En).is_empty());
        signs.unnamed("10.0.0.7".parse().unwrap());
        assert_eq!(signs.hints(Lang::En)[0].line, "--trusted-proxies 10.0.0.7");
    }

    #[test]
    fn what_happens_all_the_time_is_said_once_a_minute() {
        let (rarely, mut said) = (Rarely::default(), 0);
        for second in 0..180 {
            let now = Duration::from_secs(second);
            said += (0..10).filter(|_| rarely.is_time_at(now)).count();
        }
        assert_eq!(said, 3);
    }

    #[test]
    fn a_socket_that_comes_through_takes_the_hint_away() {
        let signs = Signs::default();
        signs.no_socket("127.0.0.1".parse().unwrap());
        assert!(signs.hints(Lang::En)[0].urgent);
        signs.socket();
        assert!(signs.hints(Lang::En).is_empty());
    }
}
