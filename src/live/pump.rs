//! One open socket: frames out, signals in, a heartbeat, limits, and nothing else.

use std::time::Duration;

use actix_ws::{CloseCode, CloseReason, Session};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::protocol::{Control, frame};
use super::socket::Stream;
use super::wire::{Fault, Said};
use crate::hub::{Closing, Connection, Frame, Next};

/// A ping goes out this often; after two without any sign of life the
/// connection is dead.
const HEARTBEAT: Duration = Duration::from_secs(25);
const SILENCE: Duration = Duration::from_secs(60);
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
    /// 4008: too many frames.
    TooFast,
    /// 1002, 1003, 1007, 1009: these are not the frames we speak.
    Fault(Fault),
    /// 1008: frames as they should be, and nonsense in them.
    Nonsense,
    /// The other side said goodbye, with a code or without.
    Farewell(Option<u16>),
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
    /// The page looks elsewhere (`Listener::look`).
    Look,
    /// That was no signal; the connection ends.
    Nonsense,
}

/// What a socket does with what it hears.
pub trait Listener {
    fn hear(&mut self, text: &str) -> Heard;
    /// Heartbeats from one asking to the next.
    const BEATS: u32;
    /// Asked now and then, and when something has changed: may this connection go
    /// on, and what may it do? An error ends it.
    fn ask_again(&mut self) -> impl Future<Output = Result<(), End>>;
    /// Turns this connection to where its page looks now. What that has to say comes
    /// before any news from there: the newest stays the last.
    fn look(
        &mut self,
        _connection: &Connection,
    ) -> impl Future<Output = Result<Option<Frame>, End>> {
        std::future::ready(Ok(None))
    }
}

#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps all that it is given twice, and thousands of these are open"
)]
pub(super) fn run(
    connection: Connection,
    mut session: Session,
    mut stream: Stream,
    mut listener: impl Listener,
) -> impl Future<Output = ()> {
    async move {
        let end = exchange(&connection, &mut session, &mut stream, &mut listener).await;
        drop(connection);
        // Nobody listens any more, and the time in which it must end begins to run.
        drop(stream);
        close(session, end).await;
    }
}

async fn exchange<L: Listener>(
    connection: &Connection,
    session: &mut Session,
    stream: &mut Stream,
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
                Ok(Next::Frame(frame)) => {
                    if session.text(frame).await.is_err() {
                        return End::Gone;
                    }
                }
                Ok(Next::AskAgain) => {
                    if let Err(end) = listener.ask_again().await {
                        return end;
                    }
                }
                Err(closing) => return End::House(closing),
            },
            said = stream.next() => {
                heard = Instant::now();
                if meter.too_fast(heard) {
                    return End::TooFast;
                }
                match said {
                    Some(Ok(Said::Text(text))) => match listener.hear(&text) {
                        Heard::Fine => (),
                        Heard::Ping => {
                            if session.text(frame(&Control::Pong)).await.is_err() {
                                return End::Gone;
                            }
                        }
                        Heard::Look => match listener.look(connection).await {
                            Ok(Some(frame)) => {
                                if session.text(frame).await.is_err() {
                                    return End::Gone;
                                }
                            }
                            Ok(None) => (),
                            Err(end) => return end,
                        },
                        Heard::Nonsense => return End::Nonsense,
                    },
                    Some(Ok(Said::Ping(bytes))) => {
                        if session.pong(&bytes).await.is_err() {
                            return End::Gone;
                        }
                    }
                    Some(Ok(Said::Pong | Said::Part)) => (),
                    Some(Ok(Said::Close(code))) => return End::Farewell(code),
                    Some(Err(fault)) => return End::Fault(fault),
                    None => return End::Gone,
                }
            }
            _ = heartbeat.tick() => {
                beats += 1;
                if SILENCE < heard.elapsed() || session.ping(b"").await.is_err() {
                    return End::Gone;
                }
                // Now and then: a session may have run out, or been ended elsewhere.
                if beats.is_multiple_of(L::BEATS)
                    && let Err(end) = listener.ask_again().await
                {
                    return end;
                }
            }
        }
    }
}

pub(super) async fn close(session: Session, end: End) {
    let (code, words) = match end {
        End::House(Closing::Restart) => (CloseCode::Restart, "restarting"),
        End::House(Closing::Behind) => (CloseCode::Again, "too slow"),
        End::House(Closing::SignedOut) => (CloseCode::Other(4001), "signed out"),
        End::Unknown => (CloseCode::Other(4001), "unknown token"),
        End::Origin => (CloseCode::Other(4003), "origin not allowed"),
        End::TooFast => (CloseCode::Other(4008), "too fast"),
        End::Fault(Fault::Protocol) => (CloseCode::Protocol, "protocol error"),
        End::Fault(Fault::Binary) => (CloseCode::Unsupported, "text only"),
        End::Fault(Fault::Encoding) => (CloseCode::Invalid, "not UTF-8"),
        End::Fault(Fault::TooLarge) => (CloseCode::Size, "too large"),
        End::Nonsense => (CloseCode::Policy, "not understood"),
        End::Farewell(Some(code)) => (CloseCode::from(code), ""),
        End::Farewell(None) | End::Gone => (CloseCode::Normal, ""),
    };
    if !words.is_empty() {
        tracing::debug!(?end, "closed a socket: {words}");
    }
    let reason = CloseReason {
        code,
        description: Some(words.to_owned()),
    };
    let _ = session.close(Some(reason)).await;
}
