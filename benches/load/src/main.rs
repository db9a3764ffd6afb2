//! The load benchmark of Shopbell.
//!
//! ```text
//! cargo build --release
//! cargo run --release --manifest-path benches/load/Cargo.toml -- all --shopbell target/release/shopbell
//! ```
//!
//! It starts the real server and, beside it, the *bare relay* (`src/bin/bare.rs`):
//! actix-ws and one SQLite writer thread with group commit under
//! `synchronous=FULL`, and nothing of what makes a chat. That is the limit of the
//! design on the machine at hand. Both do the same job, in turns (A B A B A B),
//! each turn in a fresh process and once the rest of the machine is quiet (or has
//! not been for half a minute); a figure is the median of its turns. Absolute
//! figures drift from machine to machine and from hour to hour: the ratios within
//! one run are what counts.
//!
//! | line         | what it measures                                                  |
//! |--------------|-------------------------------------------------------------------|
//! | `latency`    | delivery at 1,000 messages a second, p50 and p99; CPU a message   |
//! | `throughput` | sustained messages a second from 500 visitors                     |
//! | `idle`       | memory of the idle process, and of each of 10,000 idle sockets    |
//! | `fanout`     | one event to 5,000 agents' sockets, until the last has it         |
//! | `cold`       | cold start, empty and with 1,000,000 messages                     |
//! | `pages`      | inbox and conversation page with 1,000,000 messages               |
//! | `busy`       | 1,000 messages a second while every core has other work           |
//! | `sights`     | 50 agents of different sight beside 50 who see everything         |
//! | `all`        | all of these                                                      |
//! | `compare`    | two builds, `--base` and `--shopbell`, in turns: delivery, CPU a  |
//! |              | message, sustained, memory, and 0 to 50 agents' pages open        |
//! | `soak`       | no measurement: ten minutes of use and abuse, the power cut       |
//! |              | twice; fails where anything is lost, doubled or kept              |
//!
//! `--quick` runs each once, for a shorter time and with fewer sockets: a look, not
//! a figure to report. The table goes to standard output, the single turns to
//! standard error. The exit status says whether it could measure, never how fast
//! it was: this is no timed test.
//!
//! # How it measures
//!
//! - *Delivery* counts from before the write of the visitor's `POST` to the frame
//!   on an agent's socket, on every agent's socket that gets it. A line that was
//!   due while the answer to the one before was still out counts from when it was
//!   due. The bare relay gets lines over a socket and gives each to one agent;
//!   “to all ten agents” is the relay doing what an inbox does.
//! - *Lost* is what was acknowledged and is not in the visitor's history
//!   afterwards, plus what failed, plus agents' screens that end on an old line.
//! - *CPU* is the server's own processor clock, all its threads, over the messages
//!   stored in that time. “other CPU” is what the rest of the machine used
//!   meanwhile, in cores, the kernel's disk threads included, which work for the
//!   server: with more than 0.2 a figure is not to be trusted.
//! - *Sustained* is a closed loop with one line under way a visitor, one agent's
//!   page open on every side; Shopbell's visitors keep their sockets open too. An
//!   agent whose socket is cut for being slow comes back as a browser does.
//! - *A million messages* are copies of a few conversations held over HTTP,
//!   written into the file of the stopped server (`src/fill.rs`).
//! - *Memory a socket* is the growth of resident memory by 10,000 sockets, beside
//!   a plain actix-ws echo.
//! - Every visitor has an address of his own in `X-Forwarded-For`, so that limits
//!   act as they do on people; the one limit that is lifted is the operator's on
//!   messages per visitor and minute.
//!
//! The socket.io peer is measured where its packages are installed:
//! `npm ci` in `benches/load/peers/node`. Ten thousand sockets need about 12,000
//! open files a process; the limit is raised where that is allowed. Data lies
//! beside the binary, on a real disk, and is removed at the end.

mod fill;
mod forms;
mod http;
mod lines;
mod machine;
mod marker;
mod pattern;
mod process;
mod report;
mod samples;
mod shop;
mod sides;
mod soak;
mod socket;
mod stand;
mod traffic;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use tokio::task::LocalSet;

use lines::{busy, cold, compare, fanout, idle, latency, pages, sights, throughput};
use report::{Figure, Table};
use stand::Stand;

/// Measures Shopbell beside the bare limit of its design, in turns, and prints
/// every figure with its ratio, its gate and its aim.
#[derive(Parser)]
#[command(after_long_help = NOTES)]
struct Options {
    #[command(subcommand)]
    line: Line,
}

const NOTES: &str = "\
Figures are medians of three turns or more, A B A B A B, each in a fresh process. \
Trust the ratios, not the absolute figures, and neither where “other CPU” exceeds 0.2. \
The exit status says whether it could measure, not how fast it was.

The socket.io peer needs its packages: npm ci in benches/load/peers/node.";

#[derive(Subcommand)]
enum Line {
    /// All lines, in the order below
    All(What),
    /// Delivery at 1,000 messages a second, p50 and p99; CPU a message
    Latency(What),
    /// Sustained messages a second from 500 visitors
    Throughput(What),
    /// Memory of the idle process, and of each of 10,000 idle visitors' sockets
    Idle(What),
    /// One event to 5,000 agents' sockets, until the last has it
    Fanout(What),
    /// Cold start, empty and with 1,000,000 messages
    Cold(What),
    /// Inbox and conversation page with 1,000,000 messages
    Pages(What),
    /// 1,000 messages a second while other work keeps every core busy
    Busy(What),
    /// Delivery to 50 agents of whom no two see the same sites, beside one sight for all
    Sights(What),
    /// Two builds of the server beside each other: what a change costs
    Compare(Compared),
    /// Ten minutes of a shop's life, with the power cut twice: what is lost, doubled or kept
    Soak(soak::What),
    #[command(hide = true)]
    Burn { seconds: u64 },
}

#[derive(Args)]
struct Compared {
    /// The release binary of the state before
    #[arg(long)]
    base: PathBuf,
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
struct What {
    /// The server's release binary
    #[arg(long, default_value = "target/release/shopbell")]
    shopbell: PathBuf,
    /// One shorter turn each and fewer sockets: a look, not a figure to report
    #[arg(long)]
    quick: bool,
    /// Keep the data folders
    #[arg(long)]
    keep: bool,
    /// Where the data folders are made, on a real disk [default: beside this binary]
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Line::Burn { seconds } = options.line {
        busy::burn(seconds);
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime.map_err(Into::into).and_then(|runtime| {
        // One thread: the servers need the cores more than the generator does.
        LocalSet::new().block_on(&runtime, run(options.line))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(line: Line) -> Result<()> {
    let mut base = None;
    let (names, what): (&[&str], _) = match line {
        Line::All(what) => {
            let all = &[
                "latency",
                "throughput",
                "idle",
                "fanout",
                "cold",
                "pages",
                "busy",
                "sights",
            ];
            (all, what)
        }
        Line::Latency(what) => (&["latency"], what),
        Line::Throughput(what) => (&["throughput"], what),
        Line::Idle(what) => (&["idle"], what),
        Line::Fanout(what) => (&["fanout"], what),
        Line::Cold(what) => (&["cold"], what),
        Line::Pages(what) => (&["pages"], what),
        Line::Busy(what) => (&["busy"], what),
        Line::Sights(what) => (&["sights"], what),
        Line::Compare(it) => {
            base = Some(it.base);
            (&["compare"], it.what)
        }
        Line::Soak(what) => {
            machine::raise_open_files()?;
            return soak::run(&what).await;
        }
        Line::Burn { .. } => return Ok(()),
    };
    let files = machine::raise_open_files()?;
    let folder = match &what.folder {
        Some(folder) => folder.clone(),
        None => std::env::current_exe()?.with_file_name("load-data"),
    };
    let folder = folder.join(std::process::id().to_string());
    std::fs::create_dir_all(&folder)?;
    let begun = Instant::now();
    let mut report = (Vec::new(), Vec::new());
    let measured = measure(names, &what, base.as_deref(), folder.clone(), &mut report).await;
    if !what.keep {
        std::fs::remove_dir_all(&folder)?;
    }
    let (figures, others) = report;
    println!("{}", Table(&figures));
    let others = if others.is_empty() {
        "nothing".to_owned()
    } else {
        others.join(", ")
    };
    let seconds = begun.elapsed().as_secs();
    println!("{seconds} s, {files} open files allowed; what else ran: {others}.");
    measured
}

/// What was measured before a failure is still worth its place in the table.
async fn measure(
    names: &[&str],
    what: &What,
    base: Option<&Path>,
    folder: PathBuf,
    (figures, others): &mut (Vec<Figure>, Vec<String>),
) -> Result<()> {
    let stand = Stand::prepare(&what.shopbell, folder, what.quick).await?;
    let mut failed = None;
    for name in names {
        eprintln!("{name}");
        let line = match *name {
            "compare" => compare::measure(&stand, base.context("no --base")?).await,
            "latency" => latency::measure(&stand).await,
            "throughput" => throughput::measure(&stand).await,
            "idle" => idle::measure(&stand).await,
            "fanout" => fanout::measure(&stand).await,
            "cold" => cold::measure(&stand).await,
            "pages" => pages::measure(&stand).await,
            "sights" => sights::measure(&stand).await,
            _ => busy::measure(&stand).await,
        };
        match line.with_context(|| format!("the line {name}")) {
            Ok(line) => figures.extend(line),
            Err(error) => {
                eprintln!("  {error:#}");
                failed = Some(error);
            }
        }
    }
    *others = stand.neighbours.borrow().busiest();
    failed.map_or(Ok(()), Err)
}
