//! One build of Shopbell beside another, in turns: what a change costs. The bare
//! relay takes no part; how close to it Shopbell comes, the other lines say.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, sleep, sleep_until};

use crate::forms::Browser;
use crate::http::Http;
use crate::lines::idle::{Memory, per_socket, populate};
use crate::lines::latency::{lost, plan, ready, worst_other};
use crate::lines::throughput;
use crate::machine::{Meter, Usage, resident_kib};
use crate::process::Process;
use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::shop::{Post, Shop};
use crate::sides::Side;
use crate::stand::{Named, Stand};
use crate::traffic::{Outcome, Pace, Plan, drain, run};

/// A change may cost this much, which is about what turns of one build differ by.
const MOST: f64 = 1.05;
const LEAST: f64 = 0.95;

/// Agents' pages that are open while visitors write, each on another
/// conversation, in four languages.
const PAGES: [usize; 4] = [0, 1, 10, 50];
const LANGUAGES: [&str; 4] = ["en", "fr", "tr", "ru"];
const WRITERS: usize = 50;
const A_SECOND: u32 = 200;

const WRONG_PASSWORDS: usize = 40;

struct Build {
    name: &'static str,
    shop: Rc<Shop>,
}

impl Named for Build {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl Build {
    fn side(&self) -> Side {
        Side::Shop(Rc::clone(&self.shop))
    }
}

pub async fn measure(stand: &Stand, base: &Path) -> Result<Vec<Figure>> {
    let base = base.canonicalize();
    let base = base.context("no server to compare with: --base PATH")?;
    let shop = Rc::new(Shop::prepare(&base, stand.folder("base-shop")).await?);
    let builds = [
        Build { name: "base", shop },
        Build {
            name: "new",
            shop: Rc::clone(&stand.shop),
        },
    ];
    let mut figures = Vec::new();
    for build in &builds {
        ready(&build.shop).await?;
    }
    memory(stand, &builds, &mut figures).await?;
    delivery(stand, &builds, &mut figures).await?;
    sustained(stand, &builds, &mut figures).await?;
    pages(stand, &builds, &mut figures).await?;
    Ok(figures)
}

/// The new build's figure held against the base's.
fn held(what: &str, unit: &'static str, all: &[Vec<f64>], goal: Option<Goal>) -> Figure {
    let of = |side: usize| median(all[side].iter().copied());
    Figure::new(what, unit, of(1)).against(of(0)).goal(goal)
}

fn picked(all: &[Vec<Outcome>], pick: fn(&Outcome) -> f64) -> Vec<Vec<f64>> {
    all.iter()
        .map(|side| side.iter().map(pick).collect())
        .collect()
}

fn no_worse() -> Option<Goal> {
    Goal::ratio_at_most(MOST, 1.0)
}

async fn delivery(stand: &Stand, builds: &[Build], figures: &mut Vec<Figure>) -> Result<()> {
    let plan = plan(stand);
    for (agents, words) in [(plan.agents, "ten agents"), (1, "one agent")] {
        let plan = Plan { agents, ..plan };
        let turn = async |build: &Build| run(&build.side(), &plan, &[]).await;
        let what = format!("latency, {words}");
        let all = stand.in_turns(&what, stand.rounds(), builds, turn).await?;
        let other = worst_other(&all);
        let row = |what: &str, pick: fn(&Outcome) -> f64| {
            let what = format!("{what} at 1,000/s, {words}");
            held(&what, "µs", &picked(&all, pick), no_worse()).other(other)
        };
        figures.extend([
            row("CPU a message", |it| it.cpu_us_per_message),
            row("delivery p50", |it| it.p50_us),
            row("delivery p99", |it| it.p99_us),
            row("until “stored”, p50", |it| it.stored_p50_us),
            row("until “stored”, p99", |it| it.stored_p99_us),
            lost(&format!("lost at 1,000/s, {words}"), &all[1]),
        ]);
    }
    Ok(())
}

async fn sustained(stand: &Stand, builds: &[Build], figures: &mut Vec<Figure>) -> Result<()> {
    for build in builds {
        let process = build.shop.start().await?;
        build.shop.visitors(throughput::VISITORS).await?;
        process.stop().await?;
    }
    let plan = Plan {
        visitors: throughput::VISITORS,
        agents: 1,
        pace: Pace::Unpaced,
        ..plan(stand)
    };
    let turn = async |build: &Build| run(&build.side(), &plan, &[]).await;
    let all = stand
        .in_turns("throughput", stand.rounds(), builds, turn)
        .await?;
    let other = worst_other(&all);
    let rate = picked(&all, |it| it.stored_per_second);
    let cost = picked(&all, |it| it.cpu_us_per_message);
    let enough = Goal::ratio_at_least(LEAST, 1.0);
    figures.extend([
        held("sustained, 500 visitors", "1/s", &rate, enough).other(other),
        held("CPU a message, sustained", "µs", &cost, no_worse()).other(other),
        lost("lost under full load", &all[1]),
    ]);
    Ok(())
}

async fn memory(stand: &Stand, builds: &[Build], figures: &mut Vec<Figure>) -> Result<()> {
    let settle = Duration::from_secs(stand.pick(3, 1));
    let idle = |process: &Process| anyhow::Ok(resident_kib(process.pid())? / 1024.0);
    let turn = async |build: &Build| {
        let process = build.shop.start().await?;
        let work = async |process: &Process| {
            sleep(settle).await;
            Ok(Memory(idle(process)?, "MiB"))
        };
        process.during(work).await
    };
    let all = stand
        .in_turns("idle process", stand.rounds(), builds, turn)
        .await?;
    figures.push(held("idle process", "MiB", &sizes(&all), no_worse()));

    let turn = async |build: &Build| {
        let process = build.shop.start().await?;
        let work = async |process: &Process| {
            guess(&build.shop).await?;
            sleep(settle).await;
            Ok(Memory(idle(process)?, "MiB"))
        };
        process.during(work).await
    };
    let all = stand
        .in_turns("wrong passwords", stand.rounds(), builds, turn)
        .await?;
    let what = format!("after {WRONG_PASSWORDS} wrong passwords");
    figures.push(held(&what, "MiB", &sizes(&all), no_worse()));

    let sockets = stand.pick(10_000, 2_000);
    for build in builds {
        populate(&build.shop, sockets).await?;
    }
    let turn = async |build: &Build| {
        let process = build.shop.start().await?;
        let side = build.side();
        process
            .during(async |it| per_socket(&side, it, sockets, settle).await)
            .await
    };
    let all = stand
        .in_turns("idle sockets", stand.rounds(), builds, turn)
        .await?;
    let what = format!("memory an idle visitor's socket, {sockets} open");
    figures.push(held(&what, "KiB", &sizes(&all), no_worse()));
    Ok(())
}

fn sizes(all: &[Vec<Memory>]) -> Vec<Vec<f64>> {
    all.iter()
        .map(|side| side.iter().map(|it| it.0).collect())
        .collect()
}

/// Passwords of nobody, four at once, each from another address.
async fn guess(shop: &Shop) -> Result<()> {
    let origin = format!("http://{}", shop.at);
    for round in 0..WRONG_PASSWORDS / 4 {
        let tries = (0..4).map(|nth| {
            let (nth, origin) = (round * 4 + nth, origin.clone());
            async move {
                let mut http = Http::open(shop.at).await?;
                let email = format!("nobody{nth}@bench.example");
                let fields = [("email", email.as_str()), ("password", "kettle-on-the-hob")];
                let mut browser = Browser::new(&origin, 50_000 + nth);
                let reply = browser.fill_in(&mut http, "/login", "/login", &fields);
                let status = reply.await?.status;
                ensure!(status < 500 && status != 303, "a wrong password: {status}");
                anyhow::Ok(())
            }
        });
        futures_util::future::try_join_all(tries).await?;
    }
    Ok(())
}

/// What agents' open pages make of the cost of a message.
async fn pages(stand: &Stand, builds: &[Build], figures: &mut Vec<Figure>) -> Result<()> {
    let mut keys = Vec::new();
    for build in builds {
        keys.push(languages_and_keys(&build.shop).await?);
    }
    for pages in PAGES {
        let turn = async |build: &Build| {
            let nth = usize::from(build.name == "new");
            let process = build.shop.start().await?;
            let work = async |it: &Process| viewed(stand, build, it, &keys[nth], pages).await;
            process.during(work).await
        };
        let what = format!("{pages} pages open");
        let all = stand.in_turns(&what, stand.rounds(), builds, turn).await?;
        let costs: Vec<Vec<f64>> = all
            .iter()
            .map(|side| side.iter().map(|it| it.0).collect())
            .collect();
        let others = all.iter().flatten().map(|it| it.1.other);
        let what = format!("CPU a message at {A_SECOND}/s, {pages} pages open");
        figures.push(held(&what, "µs", &costs, no_worse()).other(others.fold(0.0, f64::max)));
    }
    Ok(())
}

/// Agents who read four languages; the keys of the writers' conversations.
async fn languages_and_keys(shop: &Shop) -> Result<Vec<String>> {
    let process = shop.start().await?;
    let work = async |_: &Process| {
        for (nth, lang) in LANGUAGES.iter().enumerate() {
            let name = format!("Agent {lang}");
            let fields = [("name", name.as_str()), ("lang", lang)];
            shop.agent_sends(nth, "/me/profile", &fields).await?;
        }
        let mut keys = Vec::new();
        for nth in 0..WRITERS {
            let mut post = shop.post(nth).await?;
            let said = post.resend(&format!("pages-{nth:04}"), "Hello").await?;
            let key = said["conversation"].as_str();
            keys.push(key.context("a line of nowhere")?.to_owned());
        }
        Ok(keys)
    };
    process.during(work).await
}

struct Cost(f64, Usage);

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cpu {:4.0} µs  other {:.2}", self.0, self.1.other)
    }
}

async fn viewed(
    stand: &Stand,
    build: &Build,
    process: &Process,
    keys: &[String],
    pages: usize,
) -> Result<Cost> {
    let shop = &build.shop;
    let place = shop.position().await?;
    let mut open = Vec::new();
    for nth in 0..pages {
        let agent = nth % LANGUAGES.len();
        let mut socket = shop.agent_view(agent, &place, &keys[nth % WRITERS]).await?;
        socket.greeting().await?;
        open.push(drain(socket));
    }
    let mut posts: Vec<Post> = Vec::new();
    for nth in 0..WRITERS {
        posts.push(shop.post(nth).await?);
    }
    write(&mut posts, stand.warm_up(), "warm").await?;
    let meter = Meter::start(process.pid(), Vec::new())?;
    let lines = write(&mut posts, stand.measured(), "line").await?;
    let usage = meter.stop()?;
    let alive = open.iter().filter(|it| !it.is_finished()).count();
    ensure!(alive == pages, "only {alive} of {pages} pages stayed open");
    open.iter().for_each(|it| it.abort());
    Ok(Cost(usage.server_seconds * 1e6 / lines as f64, usage))
}

/// One line after the other, evenly spread, each from the next visitor.
async fn write(posts: &mut [Post], time: Duration, what: &str) -> Result<u32> {
    let every = Duration::from_secs(1) / A_SECOND;
    let (begun, mut lines) = (Instant::now(), 0);
    let turn = crate::marker::Marker::new();
    while begun.elapsed() < time {
        let writer = lines as usize % posts.len();
        let cid = format!("{}-{what}-{lines}", turn.turn());
        let body = "A line of ordinary length, as people write them to a shop.";
        posts[writer].send(&cid, body).await?;
        lines += 1;
        sleep_until(begun + every * lines).await;
    }
    Ok(lines)
}
