//! How often somebody may do something. A `Rate` is named beside the route that
//! has it (`routes`); here it is counted, by address, token or name. Kept in
//! memory: a restart forgives.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::ClientAddress;
use super::routes::Rules;
use crate::error::{Error, Result};

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);

/// So many times in a period, and so many of them at once. Rates of the same name
/// are one: what is taken at one door is gone at the others.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub name: &'static str,
    times: Times,
    period: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Times {
    /// How many, and at once.
    Always(u32, u32),
    /// By how many messages a visitor may send in a minute (`--visitor-rate`).
    ByVisitorRate(fn(u32) -> (u32, u32)),
}

impl Rate {
    pub const fn new(name: &'static str, times: u32, period: Duration) -> Self {
        Self {
            name,
            times: Times::Always(times, times),
            period,
        }
    }

    /// More or fewer at once than in the whole period.
    pub const fn at_once(self, burst: u32) -> Self {
        let times = match self.times {
            Times::Always(times, _) => Times::Always(times, burst),
            by_rate => by_rate,
        };
        Self { times, ..self }
    }

    pub const fn by_visitor_rate(
        name: &'static str,
        period: Duration,
        times: fn(u32) -> (u32, u32),
    ) -> Self {
        Self {
            name,
            times: Times::ByVisitorRate(times),
            period,
        }
    }

    fn quota(&self, visitor_rate: u32) -> Quota {
        let (times, burst) = match self.times {
            Times::Always(times, burst) => (times, burst),
            Times::ByVisitorRate(times) => times(visitor_rate),
        };
        let one = self.period / times.max(1);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Quota::with_period(one.max(Duration::from_nanos(1)))
            .unwrap_or(Quota::per_hour(burst))
            .allow_burst(burst)
    }
}

/// Tokens that open nothing, by address: somebody is guessing.
pub const UNKNOWN_TOKEN: Rate = Rate::new("unknown_token", 10, MINUTE).at_once(20);

/// Any request to an open door.
const REQUEST: Rate = Rate::new("request", 6000, MINUTE).at_once(400);

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    Address(IpAddr),
    /// The hash of one.
    Token([u8; 32]),
    Name(String),
    Everybody,
}

type Counter = DefaultKeyedRateLimiter<Key>;

pub struct Limits {
    visitor_rate: u32,
    counters: RwLock<HashMap<&'static str, Arc<Counter>>>,
}

impl Limits {
    /// `visitor_rate`: messages a visitor may send in a minute.
    pub fn new(visitor_rate: u32) -> Self {
        Self {
            visitor_rate,
            counters: RwLock::default(),
        }
    }

    pub fn take(&self, rate: Rate, key: Key) -> Result<()> {
        self.counter(rate).check_key(&key).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Error::TooMany {
                retry_after: wait.as_secs() + 1,
            }
        })
    }

    /// Several at once, where each is small: what is larger than the rate allows
    /// at any time is nothing that we read.
    pub fn take_many(&self, rate: Rate, key: Key, count: usize) -> Result<()> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let checked = self.counter(rate).check_key_n(&key, count);
        checked.unwrap_or(Ok(())).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Error::TooMany {
                retry_after: wait.as_secs() + 1,
            }
        })
    }

    fn counter(&self, rate: Rate) -> Arc<Counter> {
        let known = self.counters.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(rate.name) {
            return Arc::clone(found);
        }
        drop(known);
        let mut all = self
            .counters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(RateLimiter::keyed(rate.quota(self.visitor_rate)));
        Arc::clone(all.entry(rate.name).or_insert_with(made))
    }

    /// Forgets whoever has been quiet; run it now and then, or the tables only grow.
    pub fn sweep(&self) {
        let known = self.counters.read().unwrap_or_else(PoisonError::into_inner);
        for counter in known.values() {
            counter.retain_recent();
            counter.shrink_to_fit();
        }
    }
}

/// Wraps every open door: nobody may hammer it, whatever it does; and every door
/// that has a rate of its own.
pub async fn slow_floods_down(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
    match may_come_in(&request) {
        Err(refused) => {
            let answer = request.into_response(refused.error_response());
            Ok(answer.map_into_right_body())
        }
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
    }
}

fn may_come_in(request: &ServiceRequest) -> Result<()> {
    let Some(limits) = request.app_data::<Data<Limits>>() else {
        return Ok(());
    };
    let request = request.request();
    let key = Key::Address(ClientAddress::of(request).bucket());
    let Some(door) = Rules::of(request, request.method()) else {
        return limits.take(REQUEST, key);
    };
    if door.is_open() {
        limits.take(REQUEST, key.clone())?;
    }
    let mut rates = door.rates.iter();
    rates.try_for_each(|it| limits.take(*it, key.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_told_when_to_come_back() {
        const RESET: Rate = Rate::new("test.reset", 5, HOUR);
        let limits = Limits::new(60);
        let here = Key::Address(IpAddr::from([203, 0, 113, 1]));
        for _ in 0..5 {
            assert!(limits.take(RESET, here.clone()).is_ok());
        }
        let refused = limits.take(RESET, here);
        assert!(matches!(refused, Err(Error::TooMany { retry_after }) if 0 < retry_after));
        let elsewhere = Key::Address(IpAddr::from([203, 0, 113, 2]));
        assert!(limits.take(RESET, elsewhere).is_ok());
    }

    #[test]
    fn a_rate_follows_what_the_operator_lets_visitors_write() {
        const MESSAGE: Rate = Rate::by_visitor_rate("test.message", MINUTE, |it| (it, it / 6));
        let taken = |visitor_rate| {
            let limits = Limits::new(visitor_rate);
            let free = || limits.take(MESSAGE, Key::Everybody).is_ok();
            (0..100).take_while(|_| free()).count()
        };
        assert_eq!((taken(60), taken(120)), (10, 20));
    }
}
