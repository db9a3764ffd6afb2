//! The history test: many visitors and agents write at once over real sockets,
//! go away and come back at random, and repeat what they are unsure of, while the
//! server is killed without warning and started again on the same folder. At the
//! end every acknowledged line is there once, in order, on every screen. An agent
//! who was away for longer than the journal replays is told to reload; what he
//! missed must then be on the page that he gets, and it must have been that much.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{AgentBrowser, Dice, OWNER, PASSWORD, Scratch, Screen, client, furnish};

const VISITORS: usize = 300;
const AGENTS: usize = 4;
const LINES: usize = 12;
const KILLS: usize = 5;
/// Events that are replayed after an absence; more than that is a reload.
const REPLAYED: i64 = 500;

/// The real program, as its own process, so that it can be killed.
struct Program {
    child: Child,
    port: u16,
}

impl Program {
    async fn start(data: &Path, port: u16) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(["--data", data.to_str().unwrap()])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--public-url", &format!("http://127.0.0.1:{port}")])
            .args(["--trusted-proxies", "127.0.0.1", "--log", "error"])
            .args(["--visitor-rate", "100000"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let program = Self { child, port };
        program.answers().await;
        program
    }

    async fn answers(&self) {
        let http = client();
        let url = format!("http://127.0.0.1:{}/healthz", self.port);
        for _ in 0..400 {
            if http.get(&url).send().await.is_ok() {
                return;
            }
            // Not synchronisation with work of ours: the process is not up yet,
            // and nothing else can say when it is.
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the program does not come up");
    }

    fn kill(mut self) {
        // SIGKILL: no handler, no flush, no goodbye.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    /// A test that failed leaves nothing behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

struct Town {
    url: String,
    site: String,
    acknowledged: AtomicUsize,
    /// Set when all that is left is reading.
    over: AtomicBool,
    /// Somebody saw what he must not see.
    failed: AtomicBool,
}

/// Tells the town when whoever holds it panics, so that nobody waits for him.
struct Alarm(Arc<Town>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// What one visitor knows at the end: the ids of his acknowledged lines, in the
/// order in which he sent them, and what his screen showed.
struct Story {
    token: String,
    conversation: String,
    acknowledged: Vec<(String, i64)>,
    screen: Vec<i64>,
}

/// What an agent's screen showed through all interruptions.
struct Watch {
    agent: AgentBrowser,
    /// Lines that were told.
    seen: BTreeSet<i64>,
    /// Absences too long to be told: after the first up to the second, which is
    /// where the page stands that was loaded instead.
    reloaded: Vec<(i64, i64)>,
}

async fn insistently<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..2000 {
        if let Some(done) = attempt().await {
            return done;
        }
        // The server is down for a moment; so it is with people.
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    panic!("the server never came back");
}

async fn post(http: &Client, url: &str, token: &str, address: &str, body: &Value) -> Option<Value> {
    let sent = http
        .post(url)
        .header("x-forwarded-for", address)
        .bearer_auth(token)
        .json(body);
    let answer = sent.send().await.ok()?;
    match answer.status().as_u16() {
        200 | 201 => answer.json().await.ok(),
        503 | 429 => None,
        other => panic!("{url} answered {other}"),
    }
}

async fn live_as_a_visitor(town: Arc<Town>, n: usize) -> Story {
    let _alarm = Alarm(Arc::clone(&town));
    let http = client();
    let address = format!("10.9.{}.{}", n / 250, n % 250 + 1);
    let mut dice = Dice(n as u64 * 7919 + 1);
    let arrive = json!({ "site": town.site, "lang": "en" });
    let url = format!("{}/w/v1/visitors", town.url);
    let arrived = insistently(async || post(&http, &url, "", &address, &arrive).await).await;
    let token = arrived["token"].as_str().unwrap().to_owned();
    let mut story = Story {
        token: token.clone(),
        conversation: String::new(),
        acknowledged: Vec::new(),
        screen: Vec::new(),
    };
    let mut socket: Option<Screen> = None;
    let (mut seq, mut epoch) = (0, None);
    let url = format!("{}/w/v1/messages", town.url);
    for line in 0..LINES {
        let cid = format!("line-{n:04}-{line:04}");
        let message = json!({ "cid": cid, "body": format!("visitor {n} says {line}") });
        let posted =
            insistently(async || post(&http, &url, &token, &address, &message).await).await;
        if dice.roll(4) == 0 {
            // Unsure whether it arrived: once more, which must change nothing.
            let again =
                insistently(async || post(&http, &url, &token, &address, &message).await).await;
            assert_eq!(again["message"]["id"], posted["message"]["id"]);
        }
        story.conversation = posted["conversation"].as_str().unwrap().to_owned();
        story
            .acknowledged
            .push((cid, posted["message"]["id"].as_i64().unwrap()));
        town.acknowledged.fetch_add(1, Ordering::Relaxed);
        if dice.roll(3) == 0 {
            socket = None;
        }
        if socket.is_none() {
            socket = listen(&town.url, &token, &address, seq, epoch.as_deref()).await;
        }
        if let Some(open) = &mut socket
            && read_a_little(open, &mut story.screen, &mut seq, &mut epoch)
                .await
                .is_err()
        {
            socket = None;
        }
    }
    // Everybody comes back at the end and reads up to his last line.
    let last = story.acknowledged.last().unwrap().1;
    while story.screen.last().is_none_or(|it| *it < last) {
        if socket.is_none() {
            socket = listen(&town.url, &token, &address, seq, epoch.as_deref()).await;
        }
        match &mut socket {
            Some(open) => {
                if read_one(open, &mut story.screen, &mut seq, &mut epoch)
                    .await
                    .is_err()
                {
                    socket = None;
                }
            }
            None => tokio::time::sleep(Duration::from_millis(15)).await,
        }
    }
    story
}

async fn listen(
    url: &str,
    token: &str,
    address: &str,
    seq: i64,
    epoch: Option<&str>,
) -> Option<Screen> {
    let url = format!("{url}/w/v1/live");
    let mut screen = Screen::try_open(&url, &[("x-forwarded-for", address)]).await?;
    let hello = json!({ "t": "hello", "token": token, "seq": seq, "epoch": epoch });
    screen.say(&hello.to_string()).await;
    Some(screen)
}

async fn read_one(
    socket: &mut Screen,
    screen: &mut Vec<i64>,
    seq: &mut i64,
    epoch: &mut Option<String>,
) -> Result<(), u16> {
    let item = socket.try_next().await?;
    if let Some(known) = item["epoch"].as_str() {
        *epoch = Some(known.to_owned());
    }
    assert_ne!(
        item["t"], "reload",
        "a short absence can always be made up for"
    );
    if item["op"] == "put" && item["list"] == "log" {
        screen.push(item["seq"].as_i64().unwrap());
    }
    if let Some(at) = item["seq"].as_i64().filter(|_| item["op"].is_string()) {
        *seq = at;
    }
    Ok(())
}

/// Whatever has come by now.
async fn read_a_little(
    socket: &mut Screen,
    screen: &mut Vec<i64>,
    seq: &mut i64,
    epoch: &mut Option<String>,
) -> Result<(), u16> {
    let reading = async {
        for _ in 0..20 {
            read_one(socket, screen, seq, epoch).await?;
        }
        Ok(())
    };
    let patience = Duration::from_millis(20);
    tokio::time::timeout(patience, reading)
        .await
        .unwrap_or(Ok(()))
}

/// Follows the lists as an agent's page does.
async fn watch_as_an_agent(town: Arc<Town>) -> Watch {
    let _alarm = Alarm(Arc::clone(&town));
    let agent =
        insistently(async || AgentBrowser::try_sign_in(&town.url, OWNER, PASSWORD).await).await;
    let (mut seq, mut epoch) = insistently(async || agent.position().await).await;
    let mut watch = Watch {
        agent,
        seen: BTreeSet::new(),
        reloaded: Vec::new(),
    };
    let mut socket: Option<Screen> = None;
    loop {
        let quiet = town.over.load(Ordering::Relaxed);
        let Some(open) = &mut socket else {
            if quiet {
                return watch;
            }
            socket = watch.agent.try_listen(seq, &epoch).await;
            if socket.is_none() {
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            continue;
        };
        let next = tokio::time::timeout(Duration::from_millis(300), open.try_next()).await;
        match next {
            Ok(Ok(item)) if item["t"] == "reload" => {
                let page = insistently(async || watch.agent.position().await).await;
                assert_eq!(page.1, epoch, "a kill is no reason for a new epoch");
                assert!(
                    seq + REPLAYED < page.0,
                    "from {seq} to {} can be made up for",
                    page.0
                );
                watch.reloaded.push((seq, page.0));
                (seq, socket) = (page.0, None);
            }
            Ok(Ok(item)) => {
                if let Some(known) = item["epoch"].as_str() {
                    epoch = known.to_owned();
                }
                if let Some(at) = item["seq"].as_i64().filter(|_| item["op"].is_string()) {
                    assert!(seq <= at, "news runs backwards");
                    seq = at;
                    watch.seen.insert(at);
                }
            }
            Ok(Err(_)) => socket = None,
            Err(_) if quiet => return watch,
            Err(_) => (),
        }
    }
}

/// Agents have a thread of their own: three hundred visitors on one would make
/// each step of theirs last hundreds of lines.
fn agents_watch(town: &Arc<Town>) -> thread::JoinHandle<Vec<Watch>> {
    let town = Arc::clone(town);
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let watching: Vec<_> = (0..AGENTS)
                .map(|_| actix_web::rt::spawn(watch_as_an_agent(Arc::clone(&town))))
                .collect();
            let mut watches = Vec::new();
            for it in watching {
                watches.push(it.await.unwrap());
            }
            watches
        })
    })
}

#[actix_web::test]
async fn through_kills_and_reconnects_every_acknowledged_line_is_there_once_and_in_order() {
    let home = TempDir::new().unwrap();
    let site = {
        let scratch = Scratch::at(home.path());
        furnish(&scratch.db).await
    };
    let port = free_port();
    let mut program = Program::start(home.path(), port).await;
    let town = Arc::new(Town {
        url: format!("http://127.0.0.1:{port}"),
        site,
        acknowledged: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        failed: AtomicBool::new(false),
    });

    let agents = agents_watch(&town);
    let visitors: Vec<_> = (0..VISITORS)
        .map(|n| actix_web::rt::spawn(live_as_a_visitor(Arc::clone(&town), n)))
        .collect();

    for kill in 1..=KILLS {
        let enough = VISITORS * LINES * kill / (KILLS + 1);
        while town.acknowledged.load(Ordering::Relaxed) < enough {
            assert!(!town.failed.load(Ordering::Relaxed), "see above");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        program.kill();
        program = Program::start(home.path(), port).await;
    }

    let mut stories = Vec::new();
    for visitor in visitors {
        stories.push(visitor.await.unwrap());
    }
    town.over.store(true, Ordering::Relaxed);
    let joined = tokio::task::spawn_blocking(move || agents.join());
    let watches = joined.await.unwrap().unwrap();
    assert_eq!(stories.len(), VISITORS);
    for story in &stories {
        check(&town, story).await;
    }
    // Each agent heard of the last line of every conversation, however often he
    // was away: what is in between may have been told in one go.
    for story in &stories {
        for watch in &watches {
            check_screen(watch, story).await;
        }
    }
    program.kill();
}

async fn check_screen(watch: &Watch, story: &Story) {
    let last = story.acknowledged.last().unwrap().1;
    if watch.seen.contains(&last) {
        return;
    }
    let mut pages = watch.reloaded.iter();
    assert!(
        pages.any(|(from, to)| *from < last && last <= *to),
        "an agent missed line {last}"
    );
    let path = format!("/inbox/{}", story.conversation);
    let page = watch.agent.sees(&path).await;
    assert!(
        page.contains(&format!("id=\"m-{last}\"")),
        "line {last} is not on the page of its conversation"
    );
}

async fn check(town: &Town, story: &Story) {
    let ids: Vec<i64> = story.acknowledged.iter().map(|(_, id)| *id).collect();
    assert!(ids.is_sorted(), "acknowledged out of order: {ids:?}");
    let answer = client()
        .get(format!("{}/w/v1/history", town.url))
        .bearer_auth(&story.token);
    let history: Value = answer.send().await.unwrap().json().await.unwrap();
    let stored: Vec<(String, i64)> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["cid"].as_str().unwrap().to_owned(),
                it["id"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        stored, story.acknowledged,
        "stored is what was acknowledged"
    );
    let mut times: BTreeMap<i64, usize> = BTreeMap::new();
    for id in &story.screen {
        *times.entry(*id).or_default() += 1;
    }
    assert!(
        times.values().all(|it| *it == 1),
        "shown twice: {:?}",
        story.screen
    );
    assert!(
        story.screen.is_sorted(),
        "shown out of order: {:?}",
        story.screen
    );
    let shown: BTreeSet<i64> = story.screen.iter().copied().collect();
    let missing: Vec<_> = ids.iter().filter(|it| !shown.contains(it)).collect();
    assert!(missing.is_empty(), "never shown: {missing:?}");
}
