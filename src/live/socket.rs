//! A socket, from the request that asks for one to its end. Who may have one, and
//! what it listens to, the doors decide.

use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use actix_ws::Session;

use super::pump::{self, End, Listener};
use super::wire::{Incoming, Said};
use crate::error::{Error, Result};
use crate::hub::{Connection, Frame};
use crate::web::{self, Arriving};

/// Frames that may come before the first text is complete.
const BEFORE_HELLO: usize = 20;

/// What a socket hears.
pub type Stream = Incoming<Arriving>;

/// An open socket.
pub struct Line {
    session: Session,
    stream: Stream,
}

/// `actix_ws` speaks; hearing is our own (`wire`), because theirs gathers
/// a frame before it looks at its size.
pub async fn shake_hands(request: &HttpRequest, body: Payload) -> Result<(HttpResponse, Line)> {
    let no_websocket = || Error::Malformed("this address is for WebSockets".into());
    // What follows the head are frames. In the chunks of a body they would be read
    // by nobody in between, and the connection would end with the body only.
    if web::carries_body(request) {
        return Err(no_websocket());
    }
    let nothing = Payload::extract(request)
        .await
        .map_err(|_| no_websocket())?;
    let (response, session, _) = actix_ws::handle(request, nothing).map_err(|_| no_websocket())?;
    let stream = Incoming::new(Arriving::new(request, body));
    Ok((response, Line { session, stream }))
}

impl Line {
    /// The first text. Whoever says too much before it is not waited for.
    pub async fn first(&mut self) -> Result<String, End> {
        for _ in 0..BEFORE_HELLO {
            match self.stream.next().await {
                Some(Ok(Said::Text(text))) => return Ok(text),
                Some(Ok(Said::Ping(bytes))) => {
                    self.session.pong(&bytes).await.map_err(|_| End::Gone)?;
                }
                Some(Ok(Said::Pong | Said::Part)) => (),
                Some(Ok(Said::Close(code))) => return Err(End::Farewell(code)),
                Some(Err(fault)) => return Err(End::Fault(fault)),
                None => return Err(End::Gone),
            }
        }
        Err(End::TooFast)
    }

    /// Greets, and then carries what comes either way, to the end. As small as it
    /// can be, like `pump::run`.
    pub fn run(
        self,
        greeting: Vec<Frame>,
        connection: Connection,
        listener: impl Listener,
    ) -> impl Future<Output = ()> {
        let Self {
            mut session,
            stream,
        } = self;
        async move {
            for frame in greeting {
                if session.text(frame).await.is_err() {
                    return;
                }
            }
            pump::run(connection, session, stream, listener).await;
        }
    }

    pub async fn close(self, end: End) {
        // Nobody listens any more, and the time in which it must end begins to run.
        drop(self.stream);
        pump::close(self.session, end).await;
    }
}
