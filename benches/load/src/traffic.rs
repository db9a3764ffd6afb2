//! Visitors write, agents listen: one engine for delivery at a fixed rate and
//! for as much as the server takes, on any side.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::{AbortHandle, JoinHandle, spawn_local};
use tokio::time::{sleep, sleep_until, timeout};

use crate::machine::{Meter, Usage};
use crate::marker::{Mark, Marker};
use crate::process::Process;
use crate::samples::Samples;
use crate::shop::AT_ONCE;
use crate::sides::{Acknowledged, Side, Visitor};
use crate::socket::Socket;

/// Failed posts of one visitor after which he gives up.
const MOST_FAILURES: u32 = 10;

/// Times that an agent comes back in one turn.
const MOST_RETURNS: usize = 200;

/// What is still under way when the writing ends has this long to arrive.
const LATE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy)]
pub enum Pace {
    /// So many a second from all visitors together, evenly spread.
    Fixed(u32),
    /// Each visitor writes again as soon as his last line is stored.
    Unpaced,
}

#[derive(Clone, Copy)]
pub struct Plan {
    pub visitors: usize,
    pub agents: usize,
    pub pace: Pace,
    pub warm_up: Duration,
    pub measured: Duration,
}

#[derive(Debug)]
pub struct Outcome {
    /// From before the write of the post to the frame on an agent's socket.
    pub p50_us: f64,
    pub p99_us: f64,
    /// From before the write of the post to the answer that it is stored.
    pub stored_p50_us: f64,
    pub stored_p99_us: f64,
    pub stored_per_second: f64,
    pub cpu_us_per_message: f64,
    /// Acknowledged, and not found afterwards.
    pub missing: usize,
    /// Agents' sockets that do not show a visitor's last line, counted in lines.
    pub unheard: usize,
    pub failed: usize,
    /// Agents' sockets that were cut, and came back.
    pub returns: usize,
    /// How late this generator's own timer was.
    pub lag_p99_us: f64,
    pub usage: Usage,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            p50_us,
            p99_us,
            stored_per_second,
            stored_p99_us,
            ..
        } = self;
        write!(
            f,
            "p50 {p50_us:5.0} µs  p99 {p99_us:6.0} µs  stored {stored_per_second:6.0}/s"
        )?;
        write!(
            f,
            " (p99 {stored_p99_us:.0} µs)  cpu {:4.0} µs",
            self.cpu_us_per_message
        )?;
        let trouble = [
            (self.missing, "missing"),
            (self.unheard, "unheard"),
            (self.failed, "failed"),
            (self.returns, "returns"),
        ];
        for (count, what) in trouble.iter().filter(|(count, _)| *count != 0) {
            write!(f, "  {count} {what}")?;
        }
        write!(f, "  generator {:.2}", self.usage.generator)?;
        if !self.lag_p99_us.is_nan() {
            write!(f, " (its timer p99 {:.0} µs)", self.lag_p99_us)?;
        }
        write!(f, "  other {:.2}", self.usage.other)
    }
}

struct Tally {
    marker: Marker,
    from: u64,
    to: u64,
    delivered: RefCell<Samples>,
    stored: RefCell<Samples>,
    lag: RefCell<Samples>,
    failed: Cell<usize>,
    /// How often agents' sockets were cut, and whose pages had to be loaded afresh.
    returns: Cell<usize>,
    reloaded: RefCell<Vec<bool>>,
    /// The newest mark of each visitor on each agent's socket.
    heard: RefCell<Vec<Vec<u64>>>,
}

pub async fn run(side: &Side, plan: &Plan, helpers: &[u32]) -> Result<Outcome> {
    let process = side.start().await?;
    process
        .during(async |process| measure(side, plan, helpers, process).await)
        .await
}

async fn measure(side: &Side, plan: &Plan, helpers: &[u32], process: &Process) -> Result<Outcome> {
    let mut agents = Vec::new();
    for nth in 0..plan.agents {
        agents.push(side.agent(nth, None).await?.0);
    }
    let visitors = stream::iter(0..plan.visitors).map(|nth| side.visitor(nth, plan.agents));
    let visitors: Vec<Visitor> = visitors.buffered(AT_ONCE).try_collect().await?;
    let watching = watch(side, plan.visitors).await?;
    sleep(Duration::from_millis(300)).await;

    let marker = Marker::new();
    let begin = Instant::now();
    let end = begin + plan.warm_up + plan.measured;
    let tally = Rc::new(Tally {
        from: marker.at(begin + plan.warm_up),
        to: marker.at(end),
        marker,
        delivered: RefCell::default(),
        stored: RefCell::default(),
        lag: RefCell::default(),
        failed: Cell::default(),
        returns: Cell::default(),
        reloaded: RefCell::new(vec![false; plan.agents]),
        heard: RefCell::new(vec![vec![0; plan.visitors]; plan.agents]),
    });
    let listening: Vec<AbortHandle> = agents
        .into_iter()
        .enumerate()
        .map(|(nth, socket)| spawn_local(attend(side.clone(), tally.clone(), nth, socket)))
        .map(|task| task.abort_handle())
        .collect();
    let writing: Vec<JoinHandle<Written>> = visitors
        .into_iter()
        .enumerate()
        .map(|(nth, visitor)| spawn_local(write(tally.clone(), visitor, nth, *plan, begin, end)))
        .collect();

    sleep_until((begin + plan.warm_up).into()).await;
    let meter = Meter::start(process.pid(), helpers.to_vec())?;
    sleep_until(end.into()).await;
    let usage = meter.stop()?;

    let mut acknowledged = Vec::new();
    let mut last = Vec::new();
    for (visitor, written) in writing.into_iter().enumerate() {
        let written = written.await?;
        acknowledged.push(Acknowledged {
            visitor,
            lines: written.acknowledged,
        });
        last.push(written.last);
    }
    let unheard = || unheard(side, &tally, &last);
    let _ = timeout(LATE, async {
        while unheard() != 0 {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let unheard = unheard();
    listening
        .iter()
        .chain(&watching)
        .for_each(AbortHandle::abort);
    let missing = side.missing(tally.marker.turn(), &acknowledged).await?;
    Ok(outcome(&tally, plan, usage, missing, unheard))
}

fn outcome(tally: &Tally, plan: &Plan, usage: Usage, missing: usize, unheard: usize) -> Outcome {
    let (mut delivered, mut stored) = (tally.delivered.borrow_mut(), tally.stored.borrow_mut());
    let messages = stored.len() as f64;
    Outcome {
        p50_us: delivered.quantile(0.5),
        p99_us: delivered.quantile(0.99),
        stored_p50_us: stored.quantile(0.5),
        stored_p99_us: stored.quantile(0.99),
        stored_per_second: messages / plan.measured.as_secs_f64(),
        cpu_us_per_message: usage.server_seconds * 1e6 / messages,
        missing,
        unheard,
        failed: tally.failed.get(),
        returns: tally.returns.get(),
        lag_p99_us: tally.lag.borrow_mut().quantile(0.99),
        usage,
    }
}

/// Visitors of Shopbell write over HTTP and keep a socket open beside it.
async fn watch(side: &Side, visitors: usize) -> Result<Vec<AbortHandle>> {
    let Side::Shop(shop) = side else {
        return Ok(Vec::new());
    };
    let (epoch, (seq, _)) = (shop.epoch().await?, shop.position().await?);
    let opening = stream::iter(0..visitors).map(|nth| shop.visitor_socket(nth, &epoch, seq));
    let sockets: Vec<Socket> = opening.buffered(AT_ONCE).try_collect().await?;
    Ok(sockets.into_iter().map(drain).collect())
}

/// Keeps a socket read, so that it stays alive and its pings are answered.
pub fn drain(mut socket: Socket) -> AbortHandle {
    spawn_local(async move { while socket.next().await.is_ok() {} }).abort_handle()
}

/// An agent at his page: when the server cuts his socket, because he was too
/// slow, he comes back and reads on from where he was.
async fn attend(side: Side, tally: Rc<Tally>, agent: usize, mut socket: Socket) {
    let mut after = None;
    for _ in 0..MOST_RETURNS {
        let error = loop {
            match socket.next().await {
                Ok(frame) => {
                    tally.hear(agent, frame.as_bytes());
                    after = last_seq(&frame).or(after);
                }
                Err(error) => break error,
            }
        };
        tally.returns.set(tally.returns.get() + 1);
        match side.agent(agent, after).await {
            Ok((again, true)) => socket = again,
            // His page now shows what these frames would have brought.
            Ok((again, false)) => {
                socket = again;
                tally.reloaded.borrow_mut()[agent] = true;
            }
            Err(again) => {
                return eprintln!("  an agent could not return: {again:#}, after: {error:#}");
            }
        }
    }
}

/// The position of the last item in a frame.
fn last_seq(frame: &str) -> Option<i64> {
    let (_, rest) = frame.rsplit_once("\"seq\":")?;
    let end = rest
        .find(|it: char| !it.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

impl Tally {
    fn hear(&self, agent: usize, frame: &[u8]) {
        let now = self.marker.now();
        let mut heard = self.heard.borrow_mut();
        self.marker.find(frame, |Mark { sender, sent }| {
            // The same line may stand in a frame twice; it arrived once.
            let Some(newest) = heard[agent]
                .get_mut(sender)
                .filter(|newest| **newest < sent)
            else {
                return;
            };
            *newest = sent;
            if (self.from..self.to).contains(&sent) {
                let took = Duration::from_nanos(now.saturating_sub(sent));
                self.delivered.borrow_mut().add(took);
            }
        });
    }
}

/// A coalesced list may skip a line, but never ends on an old one.
fn unheard(side: &Side, tally: &Tally, last: &[u64]) -> usize {
    let heard = tally.heard.borrow();
    let (agents, mut unheard) = (heard.len(), 0);
    let reloaded = tally.reloaded.borrow();
    for (agent, newest) in heard.iter().enumerate().filter(|(nth, _)| !reloaded[*nth]) {
        let behind = |&nth: &usize| side.reaches(nth, agent, agents) && newest[nth] < last[nth];
        unheard += (0..last.len()).filter(behind).count();
    }
    unheard
}

struct Written {
    acknowledged: Vec<u32>,
    last: u64,
}

async fn write(
    tally: Rc<Tally>,
    mut visitor: Visitor,
    nth: usize,
    plan: Plan,
    begin: Instant,
    end: Instant,
) -> Written {
    let mut written = Written {
        acknowledged: Vec::new(),
        last: 0,
    };
    let (mut n, mut failures) = (0, 0);
    let mut due = begin;
    let mut every = Duration::ZERO;
    if let Pace::Fixed(rate) = plan.pace {
        every = Duration::from_secs_f64(plan.visitors as f64 / f64::from(rate));
        due += every.mul_f64(nth as f64 / plan.visitors as f64);
    }
    while Instant::now().max(due) < end && failures < MOST_FAILURES {
        let mut started = Instant::now();
        if !every.is_zero() {
            if started < due {
                sleep_until(due.into()).await;
                started = Instant::now();
                tally.lag.borrow_mut().add(started - due);
            } else {
                // The last answer took so long that this line was due before:
                // its wait belongs to the server (coordinated omission).
                started = due;
            }
            due += every;
        }
        let sent = tally.marker.at(started);
        let body = tally.marker.body(nth, sent);
        match visitor.post(tally.marker.turn(), n, &body).await {
            Ok(()) => {
                written.acknowledged.push(n);
                written.last = sent;
                tally.stored(sent);
            }
            Err(error) => {
                failures += 1;
                tally.failed.set(tally.failed.get() + 1);
                if tally.failed.get() <= 3 {
                    eprintln!("  a post failed: {error:#}");
                }
            }
        }
        n += 1;
    }
    written
}

impl Tally {
    /// Counts for the moment at which the answer came, within the measured time.
    fn stored(&self, sent: u64) {
        let now = self.marker.now();
        if (self.from..self.to).contains(&now) {
            self.stored
                .borrow_mut()
                .add(Duration::from_nanos(now - sent));
        }
    }
}
