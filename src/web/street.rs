//! From the port to the first handler: how many connections there may be, how
//! many from one address, and what is watched on each of them (`line`).

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, ServiceFactory};
use tokio::net::TcpStream;

use super::ClientAddress;
use super::line::Watched;
use super::signs::{Rarely, trust};
use crate::kernel::Network;

/// For the first head of a connection; later ones are watched by `line`.
const FIRST_HEAD: Duration = Duration::from_secs(10);
/// How long actix itself drains a body that nobody read.
const LINGER: Duration = Duration::from_secs(2);
/// Connections at once from one address: an office of two hundred people, with
/// all their tabs, and no more than a quarter of all that there may be.
const FROM_ONE_ADDRESS: u64 = 1000;
/// Files that are no connections: the database, its readers, the log.
const OTHER_FILES: u64 = 256;
/// What is enough for any shop, and for a machine.
const CONNECTIONS: u64 = 200_000;

pub struct Street {
    /// These speak for many.
    pub trusted_proxies: Vec<Network>,
    /// How long open requests may take once the end is announced.
    pub grace_seconds: u64,
}

impl Street {
    /// Serves what comes to a port. One process opens thousands of connections,
    /// and each is a file to the system: the limit on those is raised as far as
    /// it goes.
    pub fn serve<F, I, S, B>(self, listener: TcpListener, app: F) -> io::Result<Server>
    where
        F: Fn() -> I + Clone + Send + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error> + 'static,
        S::InitError: Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as actix_service::Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let places = Places::among(raise_file_limit());
        let crowd = Crowd::new(places.from_one_address, self.trusted_proxies);
        let workers = std::thread::available_parallelism().map_or(2, |it| it.get().min(8));
        let all = places.all as usize;
        let address = listener.local_addr()?;
        let builder = Server::build()
            .workers(workers)
            .max_concurrent_connections(all.div_ceil(workers))
            .shutdown_timeout(self.grace_seconds)
            .disable_signals();
        let ending = builder.graceful_shutdown_signal();
        let service = move || {
            let (ending, crowd) = (ending.clone(), crowd.clone());
            let app = app().into_factory();
            let app = app.map_err(|error| error.into().error_response());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let ending = ending.clone();
                    async move { ending.notified().await }
                })
                .client_request_timeout(FIRST_HEAD)
                .client_disconnect_timeout(LINGER)
                .local_addr(address)
                .on_connect_ext(|stream: &Watched<TcpStream, Option<Seat>>, data| {
                    data.insert(Rc::clone(&stream.line));
                })
                .finish(map_config(app, |()| AppConfig::default()));
            fn_service(move |tcp: TcpStream| {
                let taken = crowd.let_in(&tcp);
                async move {
                    let peer = tcp.peer_addr().ok();
                    // Small frames must not wait for one another.
                    let _ = tcp.set_nodelay(true);
                    Ok((Watched::new(tcp, taken?), Protocol::Http1, peer))
                }
            })
            .and_then(http)
            .map_err(|error: DispatchError| {
                // Whatever a stranger does wrong is no error of ours.
                tracing::debug!(%error, "a connection ended: {error}");
                error
            })
        };
        Ok(builder.listen("shopbell", listener, service)?.run())
    }
}

/// How many connections there may be.
#[derive(Debug, PartialEq, Eq)]
struct Places {
    all: u64,
    from_one_address: u64,
}

impl Places {
    /// By the number of files this process may open. Where that is small, half of
    /// them are left to the house, rather than all it could ever want.
    fn among(files: u64) -> Self {
        let others = OTHER_FILES.min(files / 2);
        let all = (files - others).clamp(4, CONNECTIONS);
        Self {
            all,
            from_one_address: (all / 4).min(FROM_ONE_ADDRESS),
        }
    }
}

/// How many connections there are from each address.
#[derive(Clone)]
struct Crowd {
    most: u64,
    trusted_proxies: Arc<Vec<Network>>,
    here: Arc<Mutex<HashMap<IpAddr, u64>>>,
    say_full: Arc<Rarely>,
}

/// One connection's place in the crowd.
struct Seat {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    fn new(most: u64, trusted_proxies: Vec<Network>) -> Self {
        Self {
            most,
            trusted_proxies: Arc::new(trusted_proxies),
            here: Arc::default(),
            say_full: Arc::default(),
        }
    }

    /// No place is needed for a proxy of our own.
    fn let_in(&self, tcp: &TcpStream) -> Result<Option<Seat>, DispatchError> {
        let peer = tcp.peer_addr()?.ip();
        if self.trusted_proxies.iter().any(|it| it.contains(peer)) {
            return Ok(None);
        }
        let seat = self.take(peer);
        if seat.is_none() {
            self.tell(peer);
        }
        let refused = || io::Error::other(format!("too many connections from {peer}"));
        Ok(Some(seat.ok_or_else(refused)?))
    }

    /// Behind a proxy that was not named, this is the whole shop.
    fn tell(&self, peer: IpAddr) {
        if self.say_full.is_time() {
            let most = self.most;
            tracing::warn!(
                %peer,
                "{peer} holds {most} connections, and gets no more. If it is your proxy, all \
                 visitors count as one; add: {}",
                trust(peer)
            );
        }
    }

    fn take(&self, peer: IpAddr) -> Option<Seat> {
        let address = ClientAddress(peer.to_canonical()).bucket();
        let mut here = self.lock();
        let count = here.entry(address).or_default();
        if self.most <= *count {
            return None;
        }
        *count += 1;
        let crowd = self.clone();
        Some(Seat { crowd, address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u64>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut here = self.crowd.lock();
        if let Some(count) = here.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.address);
            }
        }
    }
}

/// As many files as this process may open, and how many that is.
#[cfg(unix)]
fn raise_file_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(CONNECTIONS);
    let current = limit.current.unwrap_or(most);
    let wanted = most.min(CONNECTIONS + OTHER_FILES).max(current);
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "could not raise the limit on open files above {current}: {error}");
            current
        }
    }
}

#[cfg(not(unix))]
fn raise_file_limit() -> u64 {
    CONNECTIONS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_a_quarter_of_all_places_however_few_files_there_may_be() {
        for files in [0, 16, 64, 100, 256, 320, 512, 1024, 4096, 1 << 20, u64::MAX] {
            let Places {
                all,
                from_one_address,
            } = Places::among(files);
            assert!(all <= files.max(4), "{files}: {all}");
            assert!(from_one_address * 4 <= all, "{files}: {from_one_address}");
            assert!(0 < from_one_address, "{files}");
        }
        let usual = Places {
            all: 20_000 - OTHER_FILES,
            from_one_address: FROM_ONE_ADDRESS,
        };
        assert_eq!(Places::among(20_000), usual);
    }

    #[test]
    fn one_address_does_not_take_everybodys_place() {
        let crowd = Crowd::new(2, Vec::new());
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let taken = [crowd.take(ip("2001:db8::1")), crowd.take(ip("2001:db8::2"))];
        assert!(taken.iter().all(Option::is_some));
        assert!(crowd.take(ip("2001:db8::3")).is_none(), "one subscriber");
        assert!(crowd.take(ip("2001:db8:1::1")).is_some());
        drop(taken);
        assert!(crowd.take(ip("2001:db8::3")).is_some());
        assert!(crowd.lock().is_empty(), "nobody is kept");
    }
}
