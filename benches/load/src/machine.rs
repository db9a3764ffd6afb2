//! What the kernel counted: processor time and memory of one process, and what
//! the whole machine did meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

/// Sockets that one side may have to hold open at once, with room to spare.
const OPEN_FILES: u64 = 40_000;

/// The kernel's ticks in `/proc`, on every Linux that matters.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds of all threads of a process, those that ended included.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let pid = Pid::from_raw(i32::try_from(pid)?);
    let clock = clock_getcpuclockid(pid).context("the server's processor clock")?;
    seconds(clock)
}

fn own_seconds() -> f64 {
    seconds(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap_or_default()
}

fn seconds(clock: ClockId) -> Result<f64> {
    Ok(clock.now()?.num_nanoseconds() as f64 / 1e9)
}

/// Resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.context("a process without VmRSS")?.parse()?)
}

/// What a process holds open: how many of each kind (`socket`, `database`, …).
pub fn descriptors(pid: u32) -> Result<BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // One that is closed while we look is not held.
        let Ok(target) = fs::read_link(entry?.path()) else {
            continue;
        };
        let target = target.to_string_lossy().into_owned();
        let kind = match target.split_once(':') {
            Some((kind, _)) => kind.to_owned(),
            None if target.contains(".db") => "database".to_owned(),
            None => "file".to_owned(),
        };
        *found.entry(kind).or_default() += 1;
    }
    Ok(found)
}

/// Processor seconds that the machine was busy since it started.
pub fn busy_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|it| it.parse().ok())
        .collect();
    // user, nice, system, irq, softirq; not idle, iowait, steal.
    let busy: f64 = [0, 1, 2, 5, 6].iter().filter_map(|&at| ticks.get(at)).sum();
    busy / TICKS_PER_SECOND
}

/// Lets this process, and those it starts, hold enough sockets; returns how many.
pub fn raise_open_files() -> Result<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = OPEN_FILES.max(most);
    // Above the hard limit for those who may; up to it for everybody else.
    if setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted).is_err() {
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
        return Ok(most);
    }
    Ok(wanted)
}

/// Processor use over a stretch of time, in cores.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub server_seconds: f64,
    pub generator: f64,
    /// What neither the server, nor the generator, nor its own helpers used.
    pub other: f64,
}

pub struct Meter {
    server: u32,
    helpers: Vec<u32>,
    begun: Instant,
    before: [f64; 4],
}

impl Meter {
    pub fn start(server: u32, helpers: Vec<u32>) -> Result<Self> {
        let before = readings(server, &helpers)?;
        Ok(Self {
            server,
            helpers,
            begun: Instant::now(),
            before,
        })
    }

    pub fn stop(&self) -> Result<Usage> {
        let after = readings(self.server, &self.helpers)?;
        let wall = self.begun.elapsed().as_secs_f64();
        let [server, generator, helpers, machine] =
            std::array::from_fn(|at| after[at] - self.before[at]);
        let other = (machine - server - generator - helpers) / wall;
        Ok(Usage {
            server_seconds: server,
            generator: generator / wall,
            other: other.max(0.0),
        })
    }
}

fn readings(server: u32, helpers: &[u32]) -> Result<[f64; 4]> {
    let helpers = helpers
        .iter()
        .map(|&pid| cpu_seconds(pid))
        .sum::<Result<f64>>()?;
    Ok([cpu_seconds(server)?, own_seconds(), helpers, busy_seconds()])
}

/// Who used the processors, by name, so that a reader can judge a figure.
/// Looked at between turns only: looking costs time too.
pub struct Neighbours {
    /// Seconds at the last look, by process.
    last: HashMap<(u32, String), f64>,
    used: HashMap<String, f64>,
}

impl Neighbours {
    pub fn look() -> Self {
        Self {
            last: processes(),
            used: HashMap::new(),
        }
    }

    pub fn look_again(&mut self) {
        let now = processes();
        for (process, seconds) in &now {
            let before = self.last.get(process).copied().unwrap_or_default();
            *self.used.entry(process.1.clone()).or_default() += seconds - before;
        }
        self.last = now;
    }

    /// The four that used most, without this process, its children, and the
    /// kernel's own threads, which mostly work for them.
    pub fn busiest(&self) -> Vec<String> {
        let mut all: Vec<_> = self
            .used
            .iter()
            .filter(|(_, seconds)| 0.5 < **seconds)
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(a.1));
        all.iter()
            .take(4)
            .map(|(name, seconds)| format!("{name} {seconds:.0} s"))
            .collect()
    }
}

fn processes() -> HashMap<(u32, String), f64> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|it| it.file_name().to_str()?.parse().ok());
    pids.filter_map(process_time).collect()
}

fn process_time(pid: u32) -> Option<((u32, String), f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok());
    let ours = std::process::id();
    let parent = number(1)? as u32;
    let time = (number(11)? + number(12)?) / TICKS_PER_SECOND;
    let kernel = pid == 2 || parent == 2;
    (pid != ours && parent != ours && !kernel).then_some(((pid, name), time))
}
