//! One connection, watched from below HTTP. actix bounds the head of the first
//! request only; here nobody holds a connection without getting on: the next
//! head must come in time, what nobody reads is drained within bounds, and a
//! reader who has stopped reading is let go. What a line is, is `framing`'s.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::framing::Framing;

/// From one answer, or from the start, to the end of the next head. Longer than
/// actix waits by itself (5 s in silence, 10 s for the first head).
const NEXT_HEAD: Duration = Duration::from_secs(15);
/// How long and how much is drained of a body that nobody read, so that the
/// answer to it is read before the connection ends.
const DRAIN: Duration = Duration::from_secs(5);
const DRAIN_BYTES: usize = 1024 * 1024;
/// How long the other side may take nothing of what is written to it.
const WRITE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For a head.
    Waiting,
    /// A request is being answered; its body has time limits of its own.
    Busy,
    /// Answered, with a body that nobody read, or a socket to which everything
    /// was said: the end is near.
    Leaving,
    /// A socket now, which has its own heartbeat.
    Open,
}

/// What the two layers, above and below HTTP, tell each other about one
/// connection.
pub struct Line {
    phase: Cell<Phase>,
    /// Since when this phase got no further.
    since: Cell<Instant>,
    body_read: Cell<bool>,
    over: Cell<bool>,
    listener: RefCell<Option<Waker>>,
}

impl Line {
    fn new() -> Self {
        Self {
            phase: Cell::new(Phase::Waiting),
            since: Cell::new(Instant::now()),
            body_read: Cell::new(false),
            over: Cell::new(false),
            listener: RefCell::new(None),
        }
    }

    /// The connection a request came on; none in tests without a network.
    pub fn of(request: &HttpRequest) -> Option<&Rc<Self>> {
        request.conn_data()
    }

    /// A head is complete.
    pub fn begin(&self) {
        self.phase.set(Phase::Busy);
        self.body_read.set(false);
    }

    pub fn has_read_body(&self) {
        self.body_read.set(true);
    }

    /// From now on this is a socket.
    pub fn open(&self) {
        self.phase.set(Phase::Open);
    }

    /// Nobody listens to this socket any more.
    fn leave(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Leaving);
            self.since.set(Instant::now());
        }
    }

    /// The answer is ready. False where the connection must end with it, because
    /// nobody read the body that came with the request.
    pub fn answer(&self, with_body: bool) -> bool {
        let goes_on = !with_body || self.body_read.get();
        self.phase.set(match goes_on {
            true => Phase::Waiting,
            false => Phase::Leaving,
        });
        self.since.set(Instant::now());
        goes_on
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Waiting => Some(self.since.get() + NEXT_HEAD),
            Phase::Leaving => Some(self.since.get() + DRAIN),
            Phase::Busy | Phase::Open => None,
        }
    }

    fn end(&self) {
        self.over.set(true);
        if let Some(listener) = self.listener.take() {
            listener.wake();
        }
    }

    fn poll_end(&self, context: &Context<'_>) -> Poll<()> {
        if self.over.get() {
            return Poll::Ready(());
        }
        self.listener.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

/// A connection's bytes.
pub struct Watched<T, P> {
    io: T,
    pub line: Rc<Line>,
    framing: Framing,
    patience: Option<Pin<Box<Sleep>>>,
    stuck: Option<Pin<Box<Sleep>>>,
    drained: usize,
    /// Given back when the connection ends.
    _place: P,
}

impl<T, P> Watched<T, P> {
    pub fn new(io: T, place: P) -> Self {
        Self {
            io,
            line: Rc::new(Line::new()),
            framing: Framing::default(),
            patience: None,
            stuck: None,
            drained: 0,
            _place: place,
        }
    }

    /// Whether what should have come did not come in time.
    fn is_too_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.line.deadline() else {
            if self.line.phase.get() == Phase::Open {
                self.patience = None;
            }
            return false;
        };
        let patience = self
            .patience
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        // It is not set anew with each request: most often it only wakes up to
        // find that everything went well, and is set to what holds then.
        while patience.as_mut().poll(context).is_ready() {
            if deadline <= Instant::now() {
                return true;
            }
            patience.as_mut().reset(deadline);
        }
        // A shorter limit than the one it was set for.
        if deadline < patience.deadline() {
            patience.as_mut().reset(deadline);
            return patience.as_mut().poll(context).is_ready();
        }
        false
    }
}

impl<T: AsyncRead + Unpin, P: Unpin> AsyncRead for Watched<T, P> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Nothing more, as if the other side had ended it.
        if this.is_too_late(context) || DRAIN_BYTES < this.drained {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = read {
            let fresh = buffer.filled_mut().get_mut(before..).unwrap_or_default();
            match this.line.phase.get() {
                // Whoever is answered may have asked for more already.
                Phase::Waiting | Phase::Busy => this.framing.check(fresh),
                Phase::Leaving => this.drained += fresh.len(),
                Phase::Open => (),
            }
        }
        read
    }
}

impl<T: AsyncWrite + Unpin, P: Unpin> AsyncWrite for Watched<T, P> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(context, bytes);
        if written.is_ready() {
            this.stuck = None;
            if this.line.phase.get() != Phase::Open {
                // An answer that is on its way takes as long as it takes.
                this.line.since.set(Instant::now());
            }
            return written;
        }
        let stuck = this
            .stuck
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + WRITE)));
        match stuck.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

impl<T, P> Drop for Watched<T, P> {
    fn drop(&mut self) {
        self.line.end();
    }
}

/// What arrives on a connection that has become a socket. It ends with the
/// connection; the payload alone would never notice.
pub struct Arriving {
    payload: Payload,
    line: Option<Rc<Line>>,
}

impl Arriving {
    pub fn new(request: &HttpRequest, payload: Payload) -> Self {
        let line = Line::of(request).cloned();
        Self { payload, line }
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.leave();
        }
    }
}

impl Stream for Arriving {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = Pin::new(&mut this.payload).poll_next(context);
        let line = this.line.as_ref().filter(|_| next.is_pending());
        match line.map(|it| it.poll_end(context)) {
            Some(Poll::Ready(())) => Poll::Ready(None),
            _ => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn connected(size: usize) -> (DuplexStream, Watched<DuplexStream, ()>) {
        let (theirs, ours) = duplex(size);
        (theirs, Watched::new(ours, ()))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_no_head_in_time_is_let_go_also_after_an_answer() {
        let (mut theirs, mut ours) = connected(100);
        let started = Instant::now();
        let mut bytes = [0; 10];
        theirs.write_all(b"GET").await.unwrap();
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 3);
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 0);
        assert_eq!(started.elapsed().as_secs(), NEXT_HEAD.as_secs());

        // While the request is answered, time is not our business.
        let (mut theirs, mut ours) = connected(100);
        ours.line.begin();
        let slow = async {
            tokio::time::sleep(NEXT_HEAD * 3).await;
            theirs.write_all(b"body").await.unwrap();
        };
        let (read, ()) = tokio::join!(ours.read(&mut bytes), slow);
        assert_eq!(read.unwrap(), 4);

        ours.line.has_read_body();
        assert!(ours.line.answer(true));
        let started = Instant::now();
        assert_eq!(ours.read(&mut bytes).await.unwrap(), 0);
        assert_eq!(started.elapsed().as_secs(), NEXT_HEAD.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_read_is_drained_within_bounds() {
        let (mut theirs, mut ours) = connected(64 * 1024);
        ours.line.begin();
        assert!(!ours.line.answer(true));
        let flood = async move { while theirs.write_all(&[0; 4096]).await.is_ok() {} };
        let drain = async {
            let (mut bytes, mut drained) = (vec![0; 4096], 0);
            loop {
                match ours.read(&mut bytes).await.unwrap() {
                    0 => break drained,
                    count => drained += count,
                }
            }
        };
        let drained = tokio::select! { drained = drain => drained, () = flood => 0 };
        assert!(
            (DRAIN_BYTES..DRAIN_BYTES * 2).contains(&drained),
            "{drained}"
        );

        let (_theirs, mut ours) = connected(100);
        ours.line.begin();
        ours.line.answer(true);
        let started = Instant::now();
        assert_eq!(ours.read(&mut [0; 10]).await.unwrap(), 0);
        assert_eq!(started.elapsed().as_secs(), DRAIN.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_to_which_nobody_listens_any_more_is_let_go() {
        let (_theirs, mut ours) = connected(100);
        ours.line.open();
        let request = actix_web::test::TestRequest::default().to_http_request();
        let arriving = Arriving {
            payload: Payload::extract(&request).await.unwrap(),
            line: Some(Rc::clone(&ours.line)),
        };
        let started = Instant::now();
        let open = tokio::time::timeout(NEXT_HEAD * 3, ours.read(&mut [0; 10])).await;
        assert!(open.is_err(), "while somebody listens, it stays");
        drop(arriving);
        assert_eq!(ours.read(&mut [0; 10]).await.unwrap(), 0);
        let took = started.elapsed() - NEXT_HEAD * 3;
        assert_eq!(took.as_secs(), DRAIN.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_stopped_reading_is_let_go_and_a_slow_reader_is_not() {
        let (mut theirs, mut ours) = connected(10);
        ours.line.open();
        let read_slowly = async {
            for _ in 0..3 {
                tokio::time::sleep(WRITE / 2).await;
                theirs.read_exact(&mut [0; 10]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(ours.write_all(&[0; 40]), read_slowly);
        written.unwrap();
        let started = Instant::now();
        let stuck = ours.write_all(&[0; 40]).await.unwrap_err();
        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), WRITE.as_secs());
        drop(theirs);
    }
}
