//! Memory of the idle process, and of each idle visitor's socket with 10,000
//! of them open, beside sockets of a plain actix-ws echo.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::http::Http;
use crate::machine::resident_kib;
use crate::marker::Marker;
use crate::process::Process;
use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::shop::{AT_ONCE, Shop};
use crate::sides::{Side, echo};
use crate::socket::Socket;
use crate::stand::Stand;
use crate::traffic::drain;

/// Sockets opened and closed again before the count, so that what the first
/// ones cost once is not divided among all.
const FIRST: usize = 100;

/// An amount and its unit.
pub struct Memory(pub f64, pub &'static str);

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} {}", self.0, self.1)
    }
}

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    let sockets = stand.pick(10_000, 2_000);
    let settle = Duration::from_secs(stand.pick(3, 1));
    let idle = idle(stand, settle).await?;
    populate(&stand.shop, sockets).await?;

    let sides = [stand.bare_side(), stand.shop_side()];
    let turn = async |side: &Side| {
        let process = side.start().await?;
        process
            .during(async |it| per_socket(side, it, sockets, settle).await)
            .await
    };
    let all = stand
        .in_turns("idle sockets", stand.rounds(), &sides, turn)
        .await?;
    let [bare, shop] = [0, 1].map(|side| median(all[side].iter().map(|it| it.0)));
    let what = format!("memory an idle visitor's socket, {sockets} open");
    Ok(vec![
        Figure::new("idle process", "MiB", idle[1])
            .against(idle[0])
            .goal(Goal::at_most(32.0, 20.0)),
        Figure::new(what, "KiB", shop)
            .against(bare)
            .goal(Goal::ratio_at_most(1.5, 1.1)),
    ])
}

/// A start on a shop that is set up, two pages asked for, and a little time.
async fn idle(stand: &Stand, settle: Duration) -> Result<[f64; 2]> {
    let sides = [
        Side::Bare(stand.empty_bare.clone()),
        Side::Shop(stand.empty_shop.clone()),
    ];
    let turn = async |side: &Side| {
        let mut process = side.start().await?;
        if let Side::Shop(shop) = side {
            process.answers(shop.at, "/login").await?;
        }
        sleep(settle).await;
        let mib = resident_kib(process.pid())? / 1024.0;
        process.stop().await?;
        Ok(Memory(mib, "MiB"))
    };
    let all = stand
        .in_turns("idle process", stand.rounds(), &sides, turn)
        .await?;
    Ok([0, 1].map(|side| median(all[side].iter().map(|it| it.0))))
}

/// Every visitor has written one line.
pub async fn populate(shop: &Shop, visitors: usize) -> Result<()> {
    let process = shop.start().await?;
    shop.visitors(visitors).await?;
    let marker = Marker::new();
    let write = |nth: usize| {
        let marker = &marker;
        async move {
            let mut post = shop.post(nth).await?;
            let body = marker.body(nth, marker.now());
            post.send(&format!("{}-{nth}", marker.turn()), &body).await
        }
    };
    let writing = stream::iter(0..visitors)
        .map(write)
        .buffer_unordered(AT_ONCE);
    writing.try_for_each(async |_| Ok(())).await?;
    process.stop().await
}

pub async fn per_socket(
    side: &Side,
    process: &Process,
    sockets: usize,
    settle: Duration,
) -> Result<Memory> {
    let first = open(side, 0..FIRST).await?;
    first.iter().for_each(AbortHandle::abort);
    sleep(settle).await;
    let before = resident_kib(process.pid())?;
    let open = open(side, FIRST..FIRST + sockets).await?;
    sleep(settle).await;
    let after = resident_kib(process.pid())?;
    let alive = open.iter().filter(|it| !it.is_finished()).count();
    anyhow::ensure!(
        alive == sockets,
        "only {alive} of {sockets} sockets stayed open"
    );
    // They are also worth something: the server still answers.
    if let Side::Shop(shop) = side {
        Http::open(shop.at)
            .await?
            .get("/healthz", &[])
            .await?
            .expect(200, "/healthz")?;
    }
    open.iter().for_each(AbortHandle::abort);
    sleep(Duration::from_millis(500)).await;
    Ok(Memory((after - before) / sockets as f64, "KiB a socket"))
}

async fn open(side: &Side, which: std::ops::Range<usize>) -> Result<Vec<AbortHandle>> {
    let count = which.len();
    let opening: Vec<Socket> = match side {
        Side::Shop(shop) => {
            let (epoch, (seq, _)) = (shop.epoch().await?, shop.position().await?);
            let open = |nth: usize| shop.visitor_socket(nth % count, &epoch, seq);
            stream::iter(which)
                .map(open)
                .buffered(AT_ONCE)
                .try_collect()
                .await?
        }
        Side::Bare(bare) | Side::BareToAll(bare) => {
            let open = |nth| echo(bare, nth);
            stream::iter(which)
                .map(open)
                .buffered(AT_ONCE)
                .try_collect()
                .await?
        }
        Side::Node(_) => Vec::new(),
    };
    Ok(opening.into_iter().map(drain).collect())
}
