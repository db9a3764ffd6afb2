//! A server that this program started, and ends.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::http::Http;

/// A server that needs longer to start has failed.
const START: Duration = Duration::from_secs(120);

/// It may finish what it has in hand; then it is killed.
const STOP: Duration = Duration::from_secs(15);

/// Last lines of output kept, for the set-up link and for the reason of a failure.
const LINES: usize = 100;

/// An address that is free now and below the range from which the system takes
/// the ports of clients: servers keep theirs over restarts.
pub fn free_port() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..1000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000
            + ((std::process::id() as u16)
                .wrapping_mul(31)
                .wrapping_add(step)
                % 12_000);
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(at).is_ok() {
            return Ok(at);
        }
    }
    bail!("no port is free")
}

pub struct Process {
    child: Child,
    pid: u32,
    output: watch::Receiver<Vec<String>>,
    complaints: Complaints,
    begun: Instant,
}

/// Lines of the log that tell of a fault of the server's own.
type Complaints = Rc<RefCell<Vec<String>>>;

impl Process {
    pub fn start(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .context("starting a server")?;
        let pid = child.id().context("a server that ended at once")?;
        let (sender, output) = watch::channel(Vec::new());
        let complaints = Complaints::default();
        // A pipe that nobody reads would block the server once it is full.
        let (out, err) = (child.stdout.take(), child.stderr.take());
        tokio::task::spawn_local(keep(out, sender.clone(), Rc::clone(&complaints)));
        tokio::task::spawn_local(keep(err, sender, Rc::clone(&complaints)));
        Ok(Self {
            child,
            pid,
            output,
            complaints,
            begun,
        })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it printed so far.
    pub fn said(&self) -> String {
        self.output.borrow().join("\n")
    }

    /// What `pick` makes of the first line that it accepts, waited for.
    pub async fn says(&self, pick: impl Fn(&str) -> Option<String>) -> Result<String> {
        let mut output = self.output.clone();
        let said = |lines: &Vec<String>| lines.iter().find_map(|line| pick(line));
        let waited = timeout(START, output.wait_for(|lines| said(lines).is_some())).await;
        let found = waited.ok().and_then(|lines| said(&*lines.ok()?));
        found.with_context(|| format!("the server did not say it; it said: {}", self.said()))
    }

    /// How long from its start until `path` first answered 200.
    pub async fn answers(&mut self, at: SocketAddr, path: &str) -> Result<Duration> {
        while self.begun.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}) and said: {}", self.said());
            }
            if let Ok(mut http) = Http::open(at).await
                && http
                    .get(path, &[])
                    .await
                    .is_ok_and(|reply| reply.status == 200)
            {
                return Ok(self.begun.elapsed());
            }
            // The runtime's timer counts whole milliseconds, which is too coarse
            // for a start that takes four; spinning would take a core away.
            std::thread::sleep(Duration::from_micros(200));
            yield_now().await;
        }
        bail!(
            "{path}: no 200 within {START:?}; the server said: {}",
            self.said()
        )
    }

    /// Does the work and ends the server, however the work went.
    pub async fn during<T>(self, work: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        let worked = work(&self).await;
        let said = self.said();
        let stopped = self.stop().await;
        let done = worked.with_context(|| format!("the server said last: {said}"))?;
        stopped.map(|()| done)
    }

    /// The faults that it logged so far, the first hundred.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.borrow().clone()
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("killing the server")
    }

    pub async fn stop(self) -> Result<()> {
        self.end().await.map(drop)
    }

    /// Asks it to end. `None` where it had to be killed.
    pub async fn end(mut self) -> Result<Option<ExitStatus>> {
        kill(Pid::from_raw(i32::try_from(self.pid)?), Signal::SIGTERM)?;
        match timeout(STOP, self.child.wait()).await {
            Ok(status) => Ok(Some(status?)),
            Err(_) => {
                eprintln!(
                    "  (process {} did not end within {STOP:?} and was killed)",
                    self.pid
                );
                self.child.kill().await?;
                Ok(None)
            }
        }
    }
}

async fn keep(
    pipe: Option<impl AsyncRead + Unpin>,
    lines: watch::Sender<Vec<String>>,
    complaints: Complaints,
) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        if line.contains("ERROR") || line.contains("panicked") {
            let mut told = complaints.borrow_mut();
            if told.len() < LINES {
                told.push(line.clone());
            }
        }
        lines.send_modify(|lines| {
            if lines.len() == LINES {
                lines.remove(0);
            }
            lines.push(line);
        });
    }
}
