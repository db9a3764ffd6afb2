//! The dashboard with 1,000,000 messages in 50,000 conversations: how many
//! pages a second, and how long one takes when nothing else is asked for.

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::forms::{Browser, address};
use crate::http::Http;
use crate::machine::{Meter, Usage};
use crate::report::{Figure, Goal};
use crate::samples::{Samples, median};
use crate::shop::Shop;
use crate::sides::Bare;
use crate::stand::{Full, Named, Stand};

/// Connections that ask again as soon as they were answered.
const CLIENTS: usize = 16;

enum Pages {
    List(Rc<Bare>),
    Inbox(Rc<Shop>),
    Conversations(Rc<Shop>, Vec<String>),
}

struct Turn {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Of the last page: its size, and the items of its lists.
    bytes: usize,
    items: usize,
    usage: Usage,
}

impl Named for Pages {
    fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "bare page",
            Self::Inbox(_) => "inbox",
            Self::Conversations(..) => "conversation",
        }
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            per_second,
            p50_ms,
            p99_ms,
            bytes,
            items,
            usage,
        } = self;
        write!(
            f,
            "{per_second:.0}/s  alone p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms  {bytes} bytes, {items} items"
        )?;
        write!(
            f,
            "  generator {:.2}  other {:.2}",
            usage.generator, usage.other
        )
    }
}

/// Who asks for what.
struct Asker<'a> {
    at: SocketAddr,
    browser: Option<Browser>,
    paths: &'a [String],
    next: Cell<usize>,
}

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    let Full {
        shop,
        bare,
        conversations,
    } = stand.full().await?;
    let sides = [
        Pages::List(bare.clone()),
        Pages::Inbox(shop.clone()),
        Pages::Conversations(shop.clone(), conversations.clone()),
    ];
    let (alone, loaded) = (stand.pick(1000, 200), Duration::from_secs(stand.pick(4, 2)));
    let turn = async |side: &Pages| ask(side, alone, loaded).await;
    let all = stand
        .in_turns("pages", stand.rounds(), &sides, turn)
        .await?;
    let of = |side: usize, pick: fn(&Turn) -> f64| median(all[side].iter().map(pick));
    let mut figures = Vec::new();
    for (side, what) in [(1, "inbox"), (2, "conversation")] {
        let row = |measured: &str, unit, pick: fn(&Turn) -> f64| {
            let what = format!("{what} page, 1,000,000 messages: {measured}");
            let other = of(side, |it| it.usage.other);
            Figure::new(what, unit, of(side, pick))
                .against(of(0, pick))
                .other(other)
        };
        let rate = row("rate", "1/s", |it| it.per_second);
        let goal = if side == 1 {
            Goal::ratio_at_least(0.1, 0.3)
        } else {
            None
        };
        figures.push(rate.goal(goal));
        figures.push(row("alone, p50", "ms", |it| it.p50_ms));
        figures.push(row("alone, p99", "ms", |it| it.p99_ms).goal(Goal::at_most(10.0, 3.0)));
    }
    Ok(figures)
}

async fn ask(side: &Pages, alone: usize, loaded: Duration) -> Result<Turn> {
    let list = ["/list".to_owned()];
    let inbox = ["/inbox".to_owned()];
    let next = Cell::default();
    let (process, asker) = match side {
        Pages::List(bare) => {
            let asker = Asker {
                at: bare.at,
                browser: None,
                paths: &list,
                next,
            };
            (bare.start().await?, asker)
        }
        Pages::Inbox(shop) => {
            let browser = Some(shop.browser(0)?);
            (
                shop.start().await?,
                Asker {
                    at: shop.at,
                    browser,
                    paths: &inbox,
                    next,
                },
            )
        }
        Pages::Conversations(shop, keys) => {
            let browser = Some(shop.browser(0)?);
            (
                shop.start().await?,
                Asker {
                    at: shop.at,
                    browser,
                    paths: keys,
                    next,
                },
            )
        }
    };
    process
        .during(async |process| measured(&asker, process.pid(), alone, loaded).await)
        .await
}

async fn measured(asker: &Asker<'_>, pid: u32, alone: usize, loaded: Duration) -> Result<Turn> {
    let mut http = Http::open(asker.at).await?;
    let mut samples = Samples::default();
    let mut page = Vec::new();
    for nth in 0..alone + 50 {
        let begun = Instant::now();
        page = asker.once(&mut http).await?;
        if 50 <= nth {
            samples.add(begun.elapsed());
        }
    }
    let (p50_ms, p99_ms) = (samples.quantile(0.5) / 1e3, samples.quantile(0.99) / 1e3);

    let meter = Meter::start(pid, Vec::new())?;
    let (begun, end) = (Instant::now(), Instant::now() + loaded);
    let client = async |_: usize| {
        let mut http = Http::open(asker.at).await?;
        let mut answered = 0;
        while Instant::now() < end {
            asker.once(&mut http).await?;
            answered += 1;
        }
        anyhow::Ok(answered)
    };
    let answered: usize = try_join_all((0..CLIENTS).map(client))
        .await?
        .into_iter()
        .sum();
    let per_second = answered as f64 / begun.elapsed().as_secs_f64();
    Ok(Turn {
        per_second,
        p50_ms,
        p99_ms,
        bytes: page.len(),
        items: memchr::memmem::find_iter(&page, b"<li").count(),
        usage: meter.stop()?,
    })
}

impl Asker<'_> {
    async fn once(&self, http: &mut Http) -> Result<Vec<u8>> {
        let nth = self.next.replace(self.next.get() + 1);
        // A stride that meets the conversations in no order a cache would like.
        let path = &self.paths[nth.wrapping_mul(7919) % self.paths.len()];
        let reply = match &self.browser {
            // Each request from an address of its own: this is an office of
            // many, not one person whom a limit should slow down.
            Some(browser) => {
                let (address, cookie) = (address(nth % 100_000), browser.cookie());
                let headers = [("cookie", cookie.as_str()), ("x-forwarded-for", &address)];
                http.get(path, &headers).await?
            }
            None => http.get(path, &[]).await?,
        };
        Ok(reply.expect(200, path)?.body)
    }
}
