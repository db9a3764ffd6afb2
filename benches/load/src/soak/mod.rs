//! A working day in ten minutes, on one server: two hundred visitors and ten
//! agents on real sockets that break and come back, strangers who send nonsense
//! and try passwords, and the power cut twice. It measures no speed. It ends well
//! if every line that was acknowledged stands exactly once on every page that was
//! open, no process ended larger than it was in its tenth second, and nothing is
//! held open that nobody uses.

mod house;
mod people;
mod screen;
mod strangers;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::http::Http;
use crate::machine::{descriptors, resident_kib};
use crate::process::Process;
use crate::shop::{AT_ONCE, Shop};

use house::{Complaints, Counts, House, Phase};
use screen::Faults;

/// Memory is compared with that of a process's tenth second.
const TENTH: Duration = Duration::from_secs(10);
const GROWTH: f64 = 1.2;
/// What was written last may take so long to be on every page.
const LATE: Duration = Duration::from_secs(60);
/// Pages asked for at once before anybody comes.
const WARM: usize = 24;
/// A thread opens the database when it is first asked, however late that is.
const DATABASE: usize = 12;
/// So long a server may take to notice that nobody is there any more.
const EMPTY: Duration = Duration::from_secs(30);

#[derive(Args)]
pub struct What {
    /// The server's release binary
    #[arg(long, default_value = "target/release/shopbell")]
    shopbell: PathBuf,
    /// How long people write, in minutes
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    #[arg(long, default_value_t = 200)]
    visitors: usize,
    #[arg(long, default_value_t = 10)]
    agents: usize,
    /// How often the power is cut meanwhile
    #[arg(long, default_value_t = 2)]
    kills: usize,
    /// Where the data folder is made, on a real disk [default: beside this binary]
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// One process, from its start to its end.
struct Life {
    tenth_second: f64,
    end: f64,
}

pub async fn run(what: &What) -> Result<()> {
    let lives = what.kills + 1;
    let length = Duration::from_secs_f64(what.minutes * 60.0 / lives as f64);
    ensure!(
        TENTH + Duration::from_secs(5) < length,
        "each of {lives} lives must last longer than {} s",
        TENTH.as_secs() + 5
    );
    ensure!(
        0 < what.agents && what.agents <= what.visitors,
        "every agent answers a visitor of his own"
    );
    let folder = match &what.folder {
        Some(folder) => folder.clone(),
        None => std::env::current_exe()?.with_file_name("load-data"),
    };
    let folder = folder.join(format!("soak-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let soaked = soak(what, length, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    soaked
}

async fn soak(what: &What, length: Duration, folder: &Path) -> Result<()> {
    let binary = what.shopbell.canonicalize();
    let binary = binary.context("no server: cargo build --release, or --shopbell PATH")?;
    let shop = Rc::new(Shop::prepare(&binary, folder.join("shop")).await?);
    // One colleague more, whose password strangers guess at.
    shop.hire(what.agents + 1).await?;
    let emails = shop.emails(what.agents + 1);
    let process = shop.start().await?;
    let keys = people_arrive(&shop, what.visitors).await;
    process.stop().await?;

    let house = Rc::new(House {
        shop,
        phase: watch::Sender::new(Phase::Closed),
        lives: Cell::new(0),
        keys: keys?,
        acknowledged: RefCell::default(),
        pages: RefCell::default(),
        open: RefCell::default(),
        refused: Complaints::default(),
        broken: Complaints::default(),
        logged: Complaints::default(),
        counts: Counts::default(),
    });
    let mut people = come(&house, what, emails);
    let begun = Instant::now();
    let mut lives = Vec::new();
    for nth in 0..what.kills {
        let (process, _) = open(&house).await?;
        let life = live(&house, &process, length).await?;
        lives.push(life);
        keep_log(&house, &process);
        house.phase.send_replace(Phase::Closed);
        process.kill().await?;
        let (at, said) = (begun.elapsed().as_secs(), house.acknowledged.borrow().len());
        eprintln!(
            "  {at:4} s: killed {} of {}, {said} lines acknowledged",
            nth + 1,
            what.kills
        );
    }
    let (process, before) = open(&house).await?;
    lives.push(live(&house, &process, length).await?);

    house.phase.send_replace(Phase::Settling);
    let late = settle(&house).await;
    let stored = stored(&house).await?;
    house.phase.send_replace(Phase::Over);
    for one in people.drain(..) {
        // Whoever still waits for an answer is not waited for.
        if timeout(Duration::from_secs(2), one).await.is_err() {
            continue;
        }
    }
    let left = left_open(&process, &before).await?;
    let at_the_end = resident_kib(process.pid())? / 1024.0;
    keep_log(&house, &process);
    let ended = process.end().await?;

    let mut verdict = Verdict::default();
    tell_lines(&house, &stored, late, &mut verdict);
    tell_machine(&lives, at_the_end, &before, &left, &mut verdict);
    let clean = ended.is_some_and(|it| it.success());
    verdict.line(clean, "SIGTERM", format!("{ended:?}"));
    verdict.end()
}

/// Visitors arrive and say hello, so that each has a conversation.
async fn people_arrive(shop: &Rc<Shop>, visitors: usize) -> Result<Vec<String>> {
    shop.visitors(visitors).await?;
    let hello = |nth: usize| async move {
        let mut post = shop.post(nth).await?;
        let said = post
            .send(&format!("good-day-{nth}"), "Good morning!")
            .await?;
        let key = said["conversation"].as_str();
        anyhow::Ok(key.context("a line of nowhere")?.to_owned())
    };
    stream::iter(0..visitors)
        .map(hello)
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

fn come(house: &Rc<House>, what: &What, mut emails: Vec<String>) -> Vec<JoinHandle<()>> {
    let mut people = Vec::new();
    let here = || Rc::clone(house);
    for nth in 0..what.visitors {
        people.push(spawn_local(people::visit(here(), nth)));
        people.push(spawn_local(people::write(here(), nth)));
    }
    for nth in 0..what.agents {
        people.push(spawn_local(people::attend(here(), nth)));
        people.push(spawn_local(people::answer(here(), nth)));
    }
    let victim = emails.pop().unwrap_or_default();
    people.push(spawn_local(strangers::guess(here(), victim)));
    for first in 0..2 {
        let emails = emails.clone();
        people.push(spawn_local(strangers::sign_in(here(), emails, first)));
    }
    people.push(spawn_local(strangers::be_rude(here())));
    people.push(spawn_local(strangers::hold(here())));
    people
}

/// Starts the server and, once it is warm and before anybody comes, counts what
/// it holds open.
async fn open(house: &House) -> Result<(Process, BTreeMap<String, usize>)> {
    let process = house.shop.start().await?;
    house.lives.set(house.lives.get() + 1);
    // More at once than there are threads to answer, so that each opens its files.
    for _ in 0..4 {
        let pages = (0..WARM).map(|_| async {
            let mut http = Http::open(house.shop.at).await?;
            let mut owner = house.shop.browser(0)?;
            owner.get(&mut http, "/inbox").await
        });
        futures_util::future::try_join_all(pages).await?;
    }
    sleep(Duration::from_millis(500)).await;
    let before = descriptors(process.pid())?;
    house.phase.send_replace(Phase::Open);
    Ok((process, before))
}

async fn live(house: &House, process: &Process, length: Duration) -> Result<Life> {
    let mib = || anyhow::Ok(resident_kib(process.pid())? / 1024.0);
    sleep(TENTH).await;
    let tenth_second = mib()?;
    sleep(length - TENTH).await;
    let end = mib().with_context(|| format!("the server said last: {}", process.said()))?;
    let lines = house.acknowledged.borrow().len();
    eprintln!("  {tenth_second:.1} MiB in the tenth second, {end:.1} at the end; {lines} lines");
    Ok(Life { tenth_second, end })
}

fn keep_log(house: &House, process: &Process) {
    for line in process.complaints() {
        house.logged.add(line);
    }
}

/// Waits until every open page shows every line that was acknowledged for it.
/// How many it still lacks.
async fn settle(house: &House) -> usize {
    let lacking = || {
        let mut due: HashMap<usize, Vec<&str>> = HashMap::new();
        let acknowledged = house.acknowledged.borrow();
        for (cid, conversation) in acknowledged.iter() {
            due.entry(*conversation).or_default().push(cid);
        }
        let mut lacking = 0;
        for page in house.open.borrow().values() {
            let page = page.borrow();
            let shown: std::collections::HashSet<&str> =
                page.ours(i64::MAX).map(|(_, cid)| cid).collect();
            let Some(due) = due.get(&page.conversation) else {
                continue;
            };
            // Those of an earlier page are looked for when it is compared.
            let missing = due.iter().filter(|cid| !shown.contains(*cid)).count();
            lacking += if page.first == 0 { missing } else { 0 };
        }
        lacking
    };
    // Writers end within this time too: a line under way is answered.
    let begun = Instant::now();
    let mut calm = Cell::new(0);
    while begun.elapsed() < LATE {
        let (before, missing) = (house.acknowledged.borrow().len(), lacking());
        sleep(Duration::from_millis(500)).await;
        let still = before == house.acknowledged.borrow().len() && missing == 0;
        calm.set(if still { calm.get() + 1 } else { 0 });
        if 6 <= *calm.get_mut() {
            return 0;
        }
    }
    lacking()
}

/// Every conversation as its visitor reads it now.
async fn stored(house: &Rc<House>) -> Result<Vec<BTreeMap<i64, String>>> {
    stream::iter(0..house.keys.len())
        .map(|nth| async move { house.shop.lines(nth).await })
        .buffered(8)
        .try_collect()
        .await
}

/// What the server still holds some time after everybody has gone.
async fn left_open(process: &Process, before: &BTreeMap<String, usize>) -> Result<Vec<String>> {
    let begun = Instant::now();
    loop {
        let now = descriptors(process.pid())?;
        let left: Vec<String> = now
            .iter()
            .filter_map(|(kind, count)| {
                let allowed = if kind == "database" { DATABASE } else { 0 };
                let more = count.saturating_sub(before.get(kind).copied().unwrap_or(0));
                (allowed < more).then(|| format!("{more} {kind}"))
            })
            .collect();
        if left.is_empty() || EMPTY < begun.elapsed() {
            return Ok(left);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

#[derive(Default)]
struct Verdict {
    failed: usize,
}

impl Verdict {
    fn line(&mut self, good: bool, what: &str, seen: String) {
        self.failed += usize::from(!good);
        let word = if good { "good" } else { "BAD " };
        println!("{word}  {what:<28} {seen}");
    }

    fn complaints(&mut self, what: &str, all: &Complaints) {
        self.line(all.count.get() == 0, what, all.count.get().to_string());
        for one in all.told.borrow().iter() {
            println!("        {one}");
        }
    }

    fn end(self) -> Result<()> {
        ensure!(
            self.failed == 0,
            "{} of the lines above are bad",
            self.failed
        );
        Ok(())
    }
}

fn tell_lines(house: &House, stored: &[BTreeMap<i64, String>], late: usize, verdict: &mut Verdict) {
    let counts = &house.counts;
    println!(
        "      {} lines of visitors and {} of agents were acknowledged, {} after another try",
        counts.visitors_lines.get(),
        counts.agents_lines.get(),
        counts.sent_again.get(),
    );
    println!(
        "      {} sockets were opened, {} told to reload; {} wrong requests, {} wrong passwords",
        counts.sockets.get(),
        counts.reloads.get(),
        counts.strange.get(),
        counts.turned_away.get(),
    );
    let mut times: HashMap<&str, usize> = HashMap::new();
    for cid in stored.iter().flat_map(BTreeMap::values) {
        *times.entry(cid).or_default() += 1;
    }
    let acknowledged = house.acknowledged.borrow();
    let lost = acknowledged
        .keys()
        .filter(|it| !times.contains_key(it.as_str()));
    let doubled = acknowledged
        .keys()
        .filter(|it| times.get(it.as_str()).is_some_and(|n| 1 < *n));
    let (lost, doubled) = (lost.count(), doubled.count());
    verdict.line(
        lost + doubled == 0,
        "stored exactly once",
        format!(
            "{} acknowledged, {lost} lost, {doubled} twice",
            acknowledged.len()
        ),
    );

    let mut faults = Faults::default();
    let mut bad_pages = 0;
    let open: Vec<_> = house.open.borrow().values().cloned().collect();
    for page in house.pages.borrow().iter() {
        let is_open = open.iter().any(|it| Rc::ptr_eq(it, page));
        let page = page.borrow();
        // A page that was closed must know what had happened by then.
        let up_to = if is_open { i64::MAX } else { page.position };
        let found = page.faults(&stored[page.conversation], up_to);
        bad_pages += usize::from(found != Faults::default());
        faults.missing += found.missing;
        faults.twice += found.twice;
        faults.strange += found.strange;
    }
    let pages = house.pages.borrow().len();
    let Faults {
        missing,
        twice,
        strange,
    } = faults;
    verdict.line(
        bad_pages == 0 && late == 0,
        "exactly once on every page",
        format!(
            "{pages} pages, {bad_pages} bad: {missing} missing, {twice} twice, {strange} strange, {late} late"
        ),
    );
    verdict.complaints("refused to honest people", &house.refused);
    verdict.complaints("answers of 500 and above", &house.broken);
    verdict.complaints("faults in the log", &house.logged);
    let signed_in = counts.signed_in.get();
    verdict.line(
        0 < signed_in,
        "right passwords",
        format!("{signed_in} let in"),
    );
}

fn tell_machine(
    lives: &[Life],
    at_the_end: f64,
    before: &BTreeMap<String, usize>,
    left: &[String],
    verdict: &mut Verdict,
) {
    for (nth, life) in lives.iter().enumerate() {
        let ratio = life.end / life.tenth_second;
        verdict.line(
            ratio <= GROWTH,
            &format!("memory, life {}", nth + 1),
            format!(
                "{:.1} MiB in the tenth second, {:.1} at the end: {ratio:.2}×",
                life.tenth_second, life.end
            ),
        );
    }
    let last = lives.last().map_or(f64::NAN, |it| it.tenth_second);
    let ratio = at_the_end / last;
    verdict.line(
        ratio <= GROWTH,
        "memory, everybody gone",
        format!("{at_the_end:.1} MiB: {ratio:.2}×"),
    );
    let held: usize = before.values().sum();
    let left = if left.is_empty() {
        "none".to_owned()
    } else {
        left.join(", ")
    };
    verdict.line(
        left == "none",
        "descriptors left over",
        format!("{left} ({held} at the start)"),
    );
}
