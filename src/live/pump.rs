//! One open socket: frames out, signals in, a heartbeat, limits, and nothing else.

use std::time::Duration;

use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::protocol::Control;
use crate::hub::{Closing, Connection};

/// A ping goes out this often; after two without any sign of life the
/// connection is dead.
const HEARTBEAT: Duration = Duration::from_secs(25);
const SILENCE: Duration = Duration::from_secs(60);
/// Signals are small; so is what we are willing to buffer for one.
pub const FRAME: usize = 4 * 1024;
/// Frames in one `WINDOW` before the connection is ended.
const FRAMES: u32 = 60;
const WINDOW: Duration = Duration::from_secs(10);

/// Why a socket ends, as the other side is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    House(Closing),
    /// 4003: this page may not carry this chat.
    Origin,
    /// 4001: the token opens nothing.
    Unknown,
    /// 4008: too many frames, or too large ones.
    TooFast,
    /// 1007 / 1008: not what we speak.
    Nonsense,
    Gone,
}

/// Counts frames; a flood is cut off.
struct Meter {
    since: Instant,
    count: u32,
}

impl Meter {
    fn too_fast(&mut self, now: Instant) -> bool {
        if WINDOW < now - self.since {
            (self.since, self.count) = (now, 0);
        }
        self.count += 1;
        FRAMES < self.count
    }
}

/// What came of a text frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Fine,
    /// The page asks whether anybody is there: browsers show pages no pings.
    Ping,
    /// That was no signal; the connection ends.
    Nonsense,
}

/// What a socket does with what it hears.
pub trait Listener {
    fn hear(&mut self, text: &str) -> Heard;
    /// Heartbeats from one asking to the next.
    const BEATS: u32;
    /// Asked now and then: may this connection go on?
    async fn is_still_welcome(&self) -> bool;
}

pub async fn run(
    connection: Connection,
    mut session: Session,
    mut stream: MessageStream,
    mut listener: impl Listener,
) {
    let end = exchange(&connection, &mut session, &mut stream, &mut listener).await;
    drop(connection);
    close(session, end).await;
}

async fn exchange<L: Listener>(
    connection: &Connection,
    session: &mut Session,
    stream: &mut MessageStream,
    listener: &mut L,
) -> End {
    let started = Instant::now();
    let mut heartbeat = interval_at(started + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = started;
    let mut beats: u32 = 0;
    let mut meter = Meter {
        since: started,
        count: 0,
    };
    loop {
        tokio::select! {
            frame = connection.outbox.next() => match frame {
                Ok(frame) => if session.text(frame).await.is_err() { return End::Gone },
                Err(closing) => return End::House(closing),
            },
            message = stream.next() => {
                heard = Instant::now();
                if meter.too_fast(heard) {
                    return End::TooFast;
                }
                match message {
                    Some(Ok(Message::Text(text))) => match listener.hear(&text) {
                        Heard::Fine => (),
                        Heard::Ping => {
                            if session.text(Control::Pong.frame()).await.is_err() {
                                return End::Gone;
                            }
                        }
                        Heard::Nonsense => return End::Nonsense,
                    },
                    Some(Ok(Message::Binary(_) | Message::Continuation(_))) => {
                        return End::Nonsense;
                    }
                    Some(Ok(Message::Ping(bytes))) => if session.pong(&bytes).await.is_err() { return End::Gone },
                    Some(Ok(Message::Pong(_) | Message::Nop)) => (),
                    Some(Ok(Message::Close(_))) | None => return End::Gone,
                    Some(Err(actix_ws::ProtocolError::Overflow)) => return End::TooFast,
                    Some(Err(_)) => return End::Nonsense,
                }
            }
            _ = heartbeat.tick() => {
                beats += 1;
                if SILENCE < heard.elapsed() || session.ping(b"").await.is_err() {
                    return End::Gone;
                }
                // Now and then: a session may have run out, or been ended elsewhere.
                if beats.is_multiple_of(L::BEATS) && !listener.is_still_welcome().await {
                    return End::House(Closing::SignedOut);
                }
            }
        }
    }
}

pub async fn close(session: Session, end: End) {
    let (code, words) = match end {
        End::House(Closing::Restart) => (CloseCode::Restart, "restarting"),
        End::House(Closing::Behind) => (CloseCode::Again, "too slow"),
        End::House(Closing::SignedOut) => (CloseCode::Other(4001), "signed out"),
        End::Unknown => (CloseCode::Other(4001), "unknown token"),
        End::Origin => (CloseCode::Other(4003), "origin not allowed"),
        End::TooFast => (CloseCode::Other(4008), "too fast or too large"),
        End::Nonsense => (CloseCode::Policy, "not understood"),
        End::Gone => (CloseCode::Normal, ""),
    };
    if end != End::Gone {
        tracing::debug!(?end, "closed a socket: {words}");
    }
    let reason = CloseReason {
        code,
        description: Some(words.to_owned()),
    };
    let _ = session.close(Some(reason)).await;
}
