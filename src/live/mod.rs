//! Live screens: facts become frames on open sockets, and the sockets are kept.
//!
//! A machine: what a fact looks like, each room says itself (`Draw`); here is only
//! the batching, the position and the socket. News goes out here; commands come in
//! over HTTP. Upwards a socket carries only signals that never touch the database
//! (typing). Whoever comes back names the last position he saw and gets exactly
//! what he missed, or is told to reload.

mod batch;
mod draw;
mod greeting;
mod protocol;
mod pump;
mod socket;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::db::{self, Db, Reader, Storage};
use crate::error::Result;
use crate::hub::{Audience, Hub, Topic, Turn};
use crate::journal::{self, Fact};
use crate::kernel::Seq;
use crate::plant::Plant;

use batch::Listening;

pub use batch::{At, Batch, Draw, DrawOnce, Live, Watch};
pub use greeting::{Missed, Resume, greet, reload, show};
pub use protocol::{frame, looking};
pub use pump::{End, Heard, Listener};
pub use socket::{Line, shake_hands};

/// How long news waits for a busy database, and how often, before the thread
/// counts as failed.
const PAUSE: Duration = Duration::from_millis(200);
const PATIENCE: u32 = 25;

/// Starts the thread that renders news, from the journal's present end on. It
/// has a connection of its own: between a commit and the sockets there is no
/// queue to wait in.
pub fn start(plant: &Plant, db: &Db, hub: Hub, live: Arc<Live>) -> Result<()> {
    let reader = db.reader()?;
    let position = journal::position(&reader)?;
    hub.turn(position);
    let news = db.positions();
    // It outlives a run that failed: the next one goes on where that one was.
    let screens = Arc::new(Mutex::new(Screens {
        reader,
        hub,
        live,
        position,
        begun: None,
    }));
    let start = move || keep_up(Arc::clone(&screens), news.clone());
    plant.supervise_thread("live", start)
}

/// Publishes at once, and whenever the journal has moved.
async fn keep_up(screens: Arc<Mutex<Screens>>, mut news: watch::Receiver<Seq>) -> Result<()> {
    let mut tries = 0;
    loop {
        let published = screens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .publish();
        match published {
            Ok(()) => tries = 0,
            Err(error) if tries < PATIENCE => {
                if tries == 0 {
                    tracing::warn!(%error, "news has to wait: {error}");
                }
                tries += 1;
                // Again by itself: the next commit may be hours away.
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        }
        if news.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// What is on everybody's screens, as far as the journal goes.
struct Screens {
    reader: Reader,
    hub: Hub,
    live: Arc<Live>,
    /// News up to here has begun to go out.
    position: Seq,
    /// The turn that has begun and whose news did not go out yet.
    begun: Option<(Turn, Vec<Fact>)>,
}

impl Screens {
    /// Everything new: rendered once for each language that somebody reads. A
    /// turn that a busy database did not let be drawn is drawn again, for the same
    /// listeners; nothing else repeats one.
    fn publish(&mut self) -> Result<()> {
        loop {
            // What had begun before may not have been all.
            let mut more = true;
            let drawn = db::at_once(&self.reader, |r| {
                if self.begun.is_none() {
                    let batch = journal::after(r, self.position)?;
                    let Some(last) = batch.last else {
                        return Ok(None);
                    };
                    more = batch.full;
                    self.position = last;
                    // Before drawing: whoever joins from here on replays it.
                    self.begun = Some((self.hub.turn(last), batch.facts));
                }
                let Some((turn, facts)) = &self.begun else {
                    return Ok(None);
                };
                draw::draw(r, &self.live, facts, Listening::Turn(turn)).map(Some)
            })?;
            let (Some(drawn), Some((turn, _))) = (drawn, self.begun.take()) else {
                return Ok(());
            };
            drawn
                .again
                .into_iter()
                .for_each(|it| self.hub.ask_again(it));
            self.hub.publish(&turn, drawn.news, protocol::bundle);
            // A commit after this reading rings again.
            if !more {
                return Ok(());
            }
        }
    }
}

/// Tells every page that listens there whether saving works, whenever that changes.
pub async fn tell_storage(db: Db, hub: Hub, topic: Topic) -> Result<()> {
    let mut storage = db.storage();
    while storage.changed().await.is_ok() {
        let ok = *storage.borrow_and_update() == Storage::Writable;
        let said = protocol::Storage { op: "storage", ok };
        hub.signal(&Audience::of(topic), None, &frame(&said));
    }
    Ok(())
}
