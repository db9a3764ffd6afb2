//! The console, as far as somebody reads it. Lines of the log go through a
//! bounded queue to a thread of its own: whoever writes one never waits and never
//! fails, whether the reader of standard error is slow, stuck or gone.

use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Lines that may wait; further ones are dropped and counted.
const QUEUE: usize = 4096;
/// How long the end of the program waits for what is queued.
const FAREWELL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct Console {
    queue: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// Answered once everything before it was written.
    Mark(SyncSender<()>),
}

impl Console {
    pub fn start() -> io::Result<Self> {
        let (queue, entries) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        thread::Builder::new()
            .name("console".into())
            .spawn(move || write_all(&entries, &lost))?;
        Ok(Self { queue, dropped })
    }

    /// Waits, not for ever, until what was said so far is written.
    pub fn settle(&self) {
        let (done, written) = sync_channel(1);
        if self.queue.try_send(Entry::Mark(done)).is_ok() {
            let _ = written.recv_timeout(FAREWELL);
        }
    }
}

/// Each call is one line: tracing writes them whole.
impl Write for Console {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Entry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(entries: &Receiver<Entry>, dropped: &AtomicU64) {
    let mut out = io::stderr();
    for entry in entries {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost != 0 {
            let _ = writeln!(out, "{lost} lines of the log were lost: nobody read them");
        }
        match entry {
            Entry::Line(line) => {
                let _ = out.write_all(&line);
            }
            Entry::Mark(done) => {
                let _ = done.try_send(());
            }
        }
    }
}

/// A panic is a line of the log like any other. What panicked is somebody else's
/// to start again.
pub fn log_panic(info: &PanicHookInfo) {
    let words = shopbell::plant::words_of(info.payload());
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = thread::current();
    let thread = thread.name().unwrap_or("?");
    // Only where the environment asks for it (RUST_BACKTRACE).
    let backtrace = std::backtrace::Backtrace::capture();
    match backtrace.status() {
        std::backtrace::BacktraceStatus::Captured => {
            tracing::error!("`{thread}` panicked at {place}: {words}\n{backtrace}");
        }
        _ => tracing::error!("`{thread}` panicked at {place}: {words}"),
    }
}
