//! One event to 5,000 agents' sockets: from before the write until the last
//! has it, beside the bare relay's cast.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::machine::Meter;
use crate::marker::Marker;
use crate::process::Process;
use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::shop::AT_ONCE;
use crate::sides::{Side, listener};
use crate::socket::Socket;
use crate::stand::Stand;

/// Shopbell lets a session have 200 pages open; nobody comes near.
const PER_SESSION: usize = 150;

const WARM_UP: usize = 3;
const GAP: Duration = Duration::from_millis(300);

/// An event that has not reached everybody by then will not.
const PATIENCE: Duration = Duration::from_secs(10);

struct Turn {
    last_ms: f64,
    other: f64,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the last has it after {:.1} ms  other {:.2}",
            self.last_ms, self.other
        )
    }
}

struct Crowd {
    marker: Marker,
    event: Cell<u64>,
    heard: Cell<usize>,
    last: Cell<u64>,
    all: Notify,
}

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    let (sockets, events) = (stand.pick(5_000_usize, 1_000), stand.pick(20, 8));
    stand.shop.hire(sockets.div_ceil(PER_SESSION)).await?;
    let process = stand.shop.start().await?;
    stand.shop.visitors(1).await?;
    process.stop().await?;

    let sides = [stand.bare_side(), stand.shop_side()];
    let turn = async |side: &Side| {
        let process = side.start().await?;
        process
            .during(async |it| cast(side, it, sockets, events).await)
            .await
    };
    let all = stand
        .in_turns("fanout", stand.rounds(), &sides, turn)
        .await?;
    let [bare, shop] = [0, 1].map(|side| median(all[side].iter().map(|it| it.last_ms)));
    let what = format!("one event to {sockets} sockets, the last has it");
    let figure = Figure::new(what, "ms", shop).against(bare);
    let other = median(all[1].iter().map(|it| it.other));
    Ok(vec![
        figure.goal(Goal::ratio_at_most(1.5, 1.1)).other(other),
    ])
}

async fn cast(side: &Side, process: &Process, sockets: usize, events: usize) -> Result<Turn> {
    let crowd = Rc::new(Crowd {
        marker: Marker::new(),
        event: Cell::default(),
        heard: Cell::default(),
        last: Cell::default(),
        all: Notify::new(),
    });
    let opened = open(side, sockets).await?;
    let follow = |socket| spawn_local(follow(crowd.clone(), socket, sockets)).abort_handle();
    let following: Vec<AbortHandle> = opened.into_iter().map(follow).collect();
    sleep(Duration::from_secs(1)).await;

    let mut caster = Caster::open(side).await?;
    let mut times = Vec::new();
    let mut meter = Meter::start(process.pid(), Vec::new())?;
    for nth in 0..WARM_UP + events {
        if nth == WARM_UP {
            meter = Meter::start(process.pid(), Vec::new())?;
        }
        let sent = crowd.marker.now();
        crowd.event.set(sent);
        crowd.heard.set(0);
        caster
            .send(crowd.marker.turn(), nth, &crowd.marker.body(1, sent))
            .await?;
        let everybody = timeout(PATIENCE, async {
            while crowd.heard.get() < sockets {
                crowd.all.notified().await;
            }
        });
        let reached = everybody.await.is_ok();
        anyhow::ensure!(
            reached,
            "only {} of {sockets} heard an event",
            crowd.heard.get()
        );
        if WARM_UP <= nth {
            times.push((crowd.last.get() - sent) as f64 / 1e6);
        }
        sleep(GAP).await;
    }
    let other = meter.stop()?.other;
    following.iter().for_each(AbortHandle::abort);
    sleep(Duration::from_millis(300)).await;
    Ok(Turn {
        last_ms: median(times),
        other,
    })
}

async fn open(side: &Side, sockets: usize) -> Result<Vec<Socket>> {
    match side {
        Side::Shop(shop) => {
            let position = shop.position().await?;
            let open = async |nth| {
                let mut socket = shop.agent_socket(nth, &position).await?;
                socket.greeting().await?;
                Ok(socket)
            };
            stream::iter(0..sockets)
                .map(open)
                .buffered(AT_ONCE)
                .try_collect()
                .await
        }
        Side::Bare(bare) | Side::BareToAll(bare) => {
            let open = |nth| listener(bare, nth);
            stream::iter(0..sockets)
                .map(open)
                .buffered(AT_ONCE)
                .try_collect()
                .await
        }
        Side::Node(_) => Ok(Vec::new()),
    }
}

async fn follow(crowd: Rc<Crowd>, mut socket: Socket, sockets: usize) {
    let mut newest = 0;
    while let Ok(frame) = socket.next().await {
        let now = crowd.marker.now();
        crowd.marker.find(frame.as_bytes(), |mark| {
            if newest < mark.sent && mark.sent == crowd.event.get() {
                newest = mark.sent;
                crowd.heard.set(crowd.heard.get() + 1);
                crowd.last.set(now);
            }
        });
        if crowd.heard.get() == sockets {
            crowd.all.notify_one();
        }
    }
}

enum Caster {
    Shop(Box<crate::shop::Post>),
    Bare(Box<Socket>),
}

impl Caster {
    async fn open(side: &Side) -> Result<Self> {
        Ok(match side {
            Side::Shop(shop) => Self::Shop(Box::new(shop.post(0).await?)),
            Side::Bare(bare) | Side::BareToAll(bare) => Self::Bare(Box::new(
                Socket::open(bare.at, 0, "/relay?role=caster", &[]).await?,
            )),
            Side::Node(_) => anyhow::bail!("no cast there"),
        })
    }

    async fn send(&mut self, turn: &str, nth: usize, body: &str) -> Result<()> {
        match self {
            Self::Shop(post) => post.send(&format!("{turn}-{nth}"), body).await.map(drop),
            Self::Bare(socket) => {
                socket
                    .send(format!("{{\"t\":\"cast\",\"body\":\"{body}\"}}"))
                    .await
            }
        }
    }
}
