//! The servers that are measured, behind one set of verbs: start, an agent's
//! socket, a visitor's line, and what is stored afterwards.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags};
use tokio::process::Command;

use crate::process::{Process, free_port};
use crate::shop::{Post, Shop};
use crate::socket::Socket;
use crate::stand::Named;

/// The bare relay, the limit.
pub struct Bare {
    binary: PathBuf,
    pub data: PathBuf,
    pub at: SocketAddr,
}

/// What a Node developer would build: socket.io and better-sqlite3.
pub struct Node {
    folder: PathBuf,
    data: PathBuf,
    at: SocketAddr,
}

#[derive(Clone)]
pub enum Side {
    Shop(Rc<Shop>),
    /// Every line goes to one agent.
    Bare(Rc<Bare>),
    /// Every line goes to every agent, as Shopbell's inbox has it.
    BareToAll(Rc<Bare>),
    Node(Rc<Node>),
}

impl Bare {
    pub fn new(binary: PathBuf, data: PathBuf) -> Result<Self> {
        Ok(Self {
            binary,
            data,
            at: free_port()?,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &self.at.to_string()]);
        command
    }

    pub fn spawn(&self) -> Result<Process> {
        Process::start(&mut self.command())
    }

    pub async fn start(&self) -> Result<Process> {
        let mut process = self.spawn()?;
        process.answers(self.at, "/healthz").await?;
        Ok(process)
    }

    pub async fn fill(&self, conversations: usize) -> Result<()> {
        let filled = self
            .command()
            .args(["--fill", &conversations.to_string()])
            .status()
            .await?;
        ensure!(filled.success(), "filling the bare store: {filled}");
        Ok(())
    }
}

impl Node {
    /// `None` where Node or its packages are not installed.
    pub fn find(folder: PathBuf, data: PathBuf) -> Result<Option<Self>> {
        let node = std::process::Command::new("node").arg("--version").output();
        let packages = folder.join("node_modules/better-sqlite3").exists();
        let there = packages && node.is_ok_and(|it| it.status.success());
        Ok(there.then_some(Self {
            folder,
            data,
            at: free_port()?,
        }))
    }

    async fn start(&self) -> Result<Process> {
        let mut command = Command::new("node");
        command.current_dir(&self.folder).arg("server.js");
        command
            .env("PORT", self.at.port().to_string())
            .env("DATA", &self.data);
        let mut process = Process::start(&mut command)?;
        process.answers(self.at, "/healthz").await?;
        Ok(process)
    }
}

impl Named for Side {
    fn name(&self) -> &'static str {
        match self {
            Self::Shop(_) => "shopbell",
            Self::Bare(_) => "bare",
            Self::BareToAll(_) => "bare to all",
            Self::Node(_) => "socket.io",
        }
    }
}

impl Side {
    pub async fn start(&self) -> Result<Process> {
        match self {
            Self::Shop(shop) => shop.start().await,
            Self::Bare(bare) | Self::BareToAll(bare) => bare.start().await,
            Self::Node(node) => node.start().await,
        }
    }

    /// Whether a line of this visitor reaches this agent's socket.
    pub fn reaches(&self, visitor: usize, agent: usize, agents: usize) -> bool {
        match self {
            Self::Shop(_) | Self::BareToAll(_) => true,
            Self::Bare(_) | Self::Node(_) => visitor % agents == agent,
        }
    }

    /// The page of the nth agent, from its present state on, or from where an
    /// earlier socket ended. False where it was told to load the page afresh.
    pub async fn agent(&self, nth: usize, after: Option<i64>) -> Result<(Socket, bool)> {
        let name = nth.to_string();
        let socket = match self {
            Self::Shop(shop) => {
                let (seq, epoch) = shop.position().await?;
                let position = (after.unwrap_or(seq), epoch);
                let mut socket = shop.agent_socket(nth, &position).await?;
                let greeted = socket.greeting().await?;
                return Ok((socket, greeted));
            }
            Self::Node(node) => socket_io(node.at, nth, "agent", 0, &name).await?,
            Self::Bare(bare) | Self::BareToAll(bare) => {
                relay(bare.at, nth, "agent", 0, &name).await?
            }
        };
        Ok((socket, true))
    }

    pub async fn visitor(&self, nth: usize, agents: usize) -> Result<Visitor> {
        let agent = (nth % agents).to_string();
        let line = match self {
            Self::Shop(shop) => Line::Http(shop.post(nth).await?),
            Self::Bare(bare) => Line::Relay(relay(bare.at, nth, "visitor", nth, &agent).await?),
            Self::BareToAll(bare) => Line::Relay(relay(bare.at, nth, "visitor", nth, "all").await?),
            Self::Node(node) => {
                Line::SocketIo(socket_io(node.at, nth, "visitor", nth, &agent).await?)
            }
        };
        Ok(Visitor { nth, line })
    }

    /// How many of the acknowledged lines are not stored: of Shopbell asked as
    /// the visitor himself, of the others counted in their file.
    pub async fn missing(&self, turn: &str, acknowledged: &[Acknowledged]) -> Result<usize> {
        let wanted: usize = acknowledged.iter().map(|it| it.lines.len()).sum();
        let file = match self {
            Self::Shop(shop) => return missing_in_histories(shop, turn, acknowledged).await,
            Self::Bare(bare) | Self::BareToAll(bare) => bare.data.join("bare.db"),
            Self::Node(node) => node.data.join("node.db"),
        };
        let db = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let stored: usize = db.query_row(
            "select count(*) from messages where body between ?1 and ?1 || 'z'",
            [turn],
            |row| {
                row.get::<_, i64>(0)
                    .map(|it| usize::try_from(it).unwrap_or_default())
            },
        )?;
        Ok(wanted.saturating_sub(stored))
    }
}

/// The lines of one visitor that the server said are stored, by their number.
pub struct Acknowledged {
    pub visitor: usize,
    pub lines: Vec<u32>,
}

pub struct Visitor {
    nth: usize,
    line: Line,
}

enum Line {
    Http(Post),
    Relay(Socket),
    SocketIo(Socket),
}

impl Visitor {
    /// Sends one line; returns when the server says that it is stored.
    pub async fn post(&mut self, turn: &str, n: u32, body: &str) -> Result<()> {
        match &mut self.line {
            Line::Http(post) => drop(post.send(&client_id(turn, self.nth, n), body).await?),
            Line::Relay(socket) => {
                socket
                    .send(format!("{{\"t\":\"post\",\"n\":{n},\"body\":\"{body}\"}}"))
                    .await?;
                socket.next().await?;
            }
            Line::SocketIo(socket) => {
                socket
                    .send(format!("42[\"post\",{{\"n\":{n},\"body\":\"{body}\"}}]"))
                    .await?;
                socket.next().await?;
            }
        }
        Ok(())
    }
}

fn client_id(turn: &str, visitor: usize, n: u32) -> String {
    format!("{turn}-{visitor}-{n}")
}

async fn missing_in_histories(shop: &Shop, turn: &str, all: &[Acknowledged]) -> Result<usize> {
    let mut missing = 0;
    for one in all.iter().filter(|it| !it.lines.is_empty()) {
        let stored: HashSet<String> = shop.history(one.visitor, turn).await?;
        let is_there = |n: &&u32| stored.contains(&client_id(turn, one.visitor, **n));
        missing += one.lines.len() - one.lines.iter().filter(is_there).count();
    }
    Ok(missing)
}

async fn relay(
    at: SocketAddr,
    nth: usize,
    role: &str,
    conversation: usize,
    agent: &str,
) -> Result<Socket> {
    let path = format!("/relay?role={role}&conversation={conversation}&agent={agent}");
    let mut socket = Socket::open(at, nth, &path, &[]).await?;
    socket.until("welcome").await?;
    Ok(socket)
}

/// Engine.IO 4 over WebSocket only: `0` opens, `40` connects, `42` is an event.
async fn socket_io(
    at: SocketAddr,
    nth: usize,
    role: &str,
    conversation: usize,
    agent: &str,
) -> Result<Socket> {
    let path = format!(
        "/socket.io/?EIO=4&transport=websocket&role={role}&conversation={conversation}&agent={agent}"
    );
    let mut socket = Socket::open(at, nth, &path, &[]).await?;
    socket.until("sid").await.context("opening Engine.IO")?;
    socket.send("40").await?;
    socket
        .until("40")
        .await
        .context("connecting to socket.io")?;
    Ok(socket)
}

/// A listener of the bare relay's cast, and the socket that casts.
pub async fn listener(bare: &Bare, nth: usize) -> Result<Socket> {
    relay(bare.at, nth, "listener", 0, "0").await
}

pub async fn echo(bare: &Bare, nth: usize) -> Result<Socket> {
    let mut socket = Socket::open(bare.at, nth, "/echo", &[]).await?;
    socket.send("hello").await?;
    socket.until("hello").await?;
    Ok(socket)
}

/// The bare relay's binary, built beside this one.
pub fn bare_binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("a binary without folder")?;
    // `cargo run` builds only the binary that it runs.
    if let Some(cargo) = std::env::var_os("CARGO") {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut build = std::process::Command::new(cargo);
        build.args([
            "build",
            "--quiet",
            "--release",
            "--bin",
            "bare",
            "--manifest-path",
        ]);
        ensure!(
            build.arg(manifest).status()?.success(),
            "building the bare relay"
        );
    }
    let bare = folder.join("bare");
    ensure!(
        bare.exists(),
        "{} is missing: cargo build --release",
        bare.display()
    );
    Ok(bare)
}
