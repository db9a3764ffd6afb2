//! How often somebody may do something, by address, account or token. Kept in
//! memory: a restart forgives.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::ClientAddress;
use crate::error::{Error, Result};
use crate::kernel::AgentId;

/// A limit and what it is counted by.
#[derive(Debug, Clone, Copy)]
pub enum Limit<'a> {
    /// Any request to an open door, by address.
    Request(IpAddr),
    Reset(IpAddr),
    /// Links for one name, asked for from one address.
    ResetFrom(&'a str, IpAddr),
    /// And from anywhere: many more, or strangers could use them up.
    ResetOf(&'a str),
    /// By the hash of the token of a browser in which that agent signed in before.
    ResetKnown(&'a [u8; 32]),
    NewVisitor(IpAddr),
    Socket(IpAddr),
    /// Tokens that open nothing: somebody is guessing.
    UnknownToken(IpAddr),
    /// By the hash of the visitor's token.
    Message(&'a [u8; 32]),
    /// Messages of everybody at one address.
    MessageFrom(IpAddr),
    /// And how much they write, in KiB.
    VolumeFrom(IpAddr, u32),
    /// Letters that an agent sends: to one address,
    LetterTo(&'a str),
    /// by himself to all of them,
    LettersBy(AgentId),
    /// and by everybody in the house.
    Letters,
}

pub struct Limits {
    by_address: [DefaultKeyedRateLimiter<IpAddr>; 7],
    by_name: [DefaultKeyedRateLimiter<String>; 5],
    by_token: [DefaultKeyedRateLimiter<[u8; 32]>; 2],
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

impl Limits {
    /// `visitor_rate`: messages a visitor may send in a minute. An address may
    /// be an office or a school: ten of them may write as fast as that, and a
    /// hundred of them for half a minute. What they store in an hour stays below
    /// 80 MiB all the same.
    pub fn new(visitor_rate: u32) -> Self {
        let times = |factor: u32| visitor_rate.saturating_mul(factor);
        let by_address = [
            quota(6000, MINUTE, 400),
            quota(5, 30 * MINUTE, 5),
            quota(30, HOUR, 30),
            quota(60, MINUTE, 60),
            quota(10, MINUTE, 20),
            quota(times(10), MINUTE, times(5).max(100)),
            quota(times(20), MINUTE, times(70).max(256)),
        ];
        let by_name = [
            quota(12, HOUR, 30),
            quota(5, HOUR, 5),
            quota(5, HOUR, 5),
            quota(30, HOUR, 30),
            quota(300, HOUR, 300),
        ];
        let by_token = [
            quota(visitor_rate, MINUTE, (visitor_rate / 6).max(10)),
            quota(5, HOUR, 5),
        ];
        Self {
            by_address: by_address.map(RateLimiter::keyed),
            by_name: by_name.map(RateLimiter::keyed),
            by_token: by_token.map(RateLimiter::keyed),
        }
    }

    /// Counts one; refuses where that is one too many.
    pub fn take(&self, limit: Limit) -> Result<()> {
        let address = |index: usize, ip| self.by_address[index].check_key(&ip);
        let name = |index: usize, name: &str| self.by_name[index].check_key(&name.to_owned());
        let volume = |index: usize, ip, size: u32| {
            let size = NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN);
            // Larger than what may come at once: nothing that we read is.
            self.by_address[index]
                .check_key_n(&ip, size)
                .unwrap_or(Ok(()))
        };
        let checked = match limit {
            Limit::Request(ip) => address(0, ip),
            Limit::Reset(ip) => address(1, ip),
            Limit::NewVisitor(ip) => address(2, ip),
            Limit::Socket(ip) => address(3, ip),
            Limit::UnknownToken(ip) => address(4, ip),
            Limit::MessageFrom(ip) => address(5, ip),
            Limit::VolumeFrom(ip, size) => volume(6, ip, size),
            Limit::ResetOf(email) => name(0, email),
            Limit::LetterTo(email) => name(1, email),
            Limit::ResetFrom(email, ip) => self.by_name[2].check_key(&format!("{ip} {email}")),
            Limit::LettersBy(agent) => name(3, &agent.to_string()),
            Limit::Letters => name(4, ""),
            Limit::Message(token) => self.by_token[0].check_key(token),
            Limit::ResetKnown(token) => self.by_token[1].check_key(token),
        };
        checked.map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Error::TooMany {
                retry_after: wait.as_secs() + 1,
            }
        })
    }

    /// Somebody who is signed in sends a letter of the house to an address of his
    /// choice: nobody is mailed too often, and no agent becomes a sender of bulk.
    pub fn take_letter(&self, by: AgentId, to: &str) -> Result<()> {
        self.take(Limit::LettersBy(by))?;
        self.take(Limit::LetterTo(to))?;
        self.take(Limit::Letters)
    }

    /// Forgets whoever has been quiet; run it now and then, or the tables only grow.
    pub fn sweep(&self) {
        for limiter in &self.by_address {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        for limiter in &self.by_name {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        for limiter in &self.by_token {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn quota(times: u32, period: Duration, burst: u32) -> Quota {
    let one = period / times.max(1);
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(one.max(Duration::from_nanos(1)))
        .unwrap_or(Quota::per_hour(burst))
        .allow_burst(burst)
}

/// Wraps every open door: nobody may hammer it, whatever it does.
pub async fn slow_floods_down(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
    let address = ClientAddress::of(request.request()).bucket();
    let limits = request.app_data::<Data<Limits>>();
    match limits.map(|it| it.take(Limit::Request(address))) {
        Some(Err(refused)) => {
            let answer = request.into_response(refused.error_response());
            Ok(answer.map_into_right_body())
        }
        _ => Ok(next.call(request).await?.map_into_left_body()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_told_when_to_come_back() {
        let limits = Limits::new(60);
        let here = Limit::Reset(IpAddr::from([203, 0, 113, 1]));
        for _ in 0..5 {
            assert!(limits.take(here).is_ok());
        }
        let refused = limits.take(here);
        assert!(matches!(refused, Err(Error::TooMany { retry_after }) if 0 < retry_after));
        let elsewhere = Limit::Reset(IpAddr::from([203, 0, 113, 2]));
        assert!(limits.take(elsewhere).is_ok());
    }

    #[test]
    fn an_agent_mails_a_few_strangers_an_hour_and_the_house_a_few_hundred() {
        let limits = Limits::new(60);
        let sent = |by: i64| {
            let to = |n: i32| format!("{by}-{n}@strangers.example");
            let all = (0..100).filter(|n| limits.take_letter(AgentId(by), &to(*n)).is_ok());
            all.count()
        };
        assert_eq!(sent(1), 30);
        assert_eq!((2..20).map(sent).sum::<usize>(), 270);
        let to_one = Limits::new(60);
        let sent = (0..20).filter(|_| to_one.take_letter(AgentId(1), "a@b.example").is_ok());
        assert_eq!(sent.count(), 5);
    }
}
