//! What waits to be written to one connection: bounded, and nothing at all
//! while there is nothing to say. Ten thousand idle sockets are the normal case,
//! and a channel would keep a block of slots for each.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytestring::ByteString;
use futures_util::task::AtomicWaker;

/// Frames a connection may fall behind by before it is cut off. It will
/// reconnect and read what it missed, which costs less than unbounded memory.
const BACKLOG: usize = 128;

/// One text frame; clones share the bytes.
pub type Frame = ByteString;

/// Why the house ends a connection (close codes: RFC 6455 7.4, ours from 4000).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// 1012: the program restarts; come back.
    Restart,
    /// 1013: too slow; come back and read what you missed.
    Behind,
    /// 4001: the session is over; do not come back with it.
    SignedOut,
}

/// What a connection has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Frame(Frame),
    /// Ask again whether it may be here, and what it may.
    AskAgain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Queued,
    Dropped,
}

#[derive(Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    waker: AtomicWaker,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Frame>,
    asked: bool,
    closing: Option<Closing>,
}

impl Outbox {
    pub fn push(&self, frame: Frame) -> Sent {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return Sent::Dropped;
        }
        if BACKLOG <= queue.frames.len() {
            queue.frames = VecDeque::new();
            queue.closing = Some(Closing::Behind);
        } else {
            queue.frames.push_back(frame);
        }
        drop(queue);
        self.waker.wake();
        Sent::Queued
    }

    /// For signals that are worthless when late.
    pub fn push_if_idle(&self, frame: Frame) -> Sent {
        let mut queue = self.lock();
        if queue.closing.is_some() || BACKLOG / 4 <= queue.frames.len() {
            return Sent::Dropped;
        }
        queue.frames.push_back(frame);
        drop(queue);
        self.waker.wake();
        Sent::Queued
    }

    /// However often it is asked before it does, it is asked once.
    pub fn ask_again(&self) {
        self.lock().asked = true;
        self.waker.wake();
    }

    /// The reason given first counts; what is queued before it still goes out.
    pub fn close(&self, closing: Closing) {
        self.lock().closing.get_or_insert(closing);
        self.waker.wake();
    }

    /// What comes next, or why there will be nothing. One reader only.
    pub async fn next(&self) -> Result<Next, Closing> {
        poll_fn(|context| {
            self.waker.register(context.waker());
            let mut queue = self.lock();
            // Before any frame: what it says may hold from there on only.
            if std::mem::take(&mut queue.asked) {
                return Poll::Ready(Ok(Next::AskAgain));
            }
            if let Some(frame) = queue.frames.pop_front() {
                if queue.frames.is_empty() {
                    // Give the memory of a busy moment back.
                    queue.frames = VecDeque::new();
                }
                return Poll::Ready(Ok(Next::Frame(frame)));
            }
            match queue.closing {
                Some(closing) => Poll::Ready(Err(closing)),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
