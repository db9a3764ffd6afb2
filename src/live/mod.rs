//! Live screens: turns what the journal says into frames, and keeps the sockets.
//!
//! News goes out here; commands come in over HTTP. Upwards a socket carries only
//! signals that never touch the database (typing). Whoever comes back names the
//! last position he saw and gets exactly what he missed, or is told to reload.

mod draw;
mod news;
mod protocol;
mod pump;
pub mod socket;

use std::time::Duration;

use crate::db::{self, Db, Reader, Storage};
use crate::error::{Error, Result};
use crate::hub::{Audience, Hub, Turn};
use crate::journal::{self, Fact};
use crate::kernel::{Base, Seq};

use protocol::Passing;

/// Starts the thread that renders news, from the journal's present end on. It
/// has a connection of its own: between a commit and the sockets there is no
/// queue to wait in. `base` is where the links in it lead.
pub fn start(db: &Db, hub: Hub, base: Base) -> Result<()> {
    let reader = db.reader()?;
    let start = journal::position(&reader)?;
    hub.turn(start);
    let mut commits = db.commits();
    let run = move || {
        let Ok(waiting) = tokio::runtime::Builder::new_current_thread().build() else {
            return;
        };
        let mut screens = Screens::new(hub, base, start);
        loop {
            if let Err(error) = screens.publish(&reader) {
                let position = screens.position;
                tracing::error!(%error, "could not publish news after {position}: {error}");
                std::thread::sleep(Duration::from_millis(200));
                // Again by itself: the next commit may be hours away.
                if commits.has_changed().is_ok() {
                    continue;
                }
            }
            if waiting.block_on(commits.changed()).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("live".into())
        .spawn(run)
        .map_err(|e| Error::internal("starting the live thread", e))?;
    Ok(())
}

/// What is on everybody's screens, as far as the journal goes.
struct Screens {
    hub: Hub,
    base: Base,
    /// News up to here has begun to go out.
    position: Seq,
    /// The turn that has begun and whose news did not go out yet.
    begun: Option<(Turn, Vec<Fact>)>,
}

impl Screens {
    fn new(hub: Hub, base: Base, position: Seq) -> Self {
        Self {
            hub,
            base,
            position,
            begun: None,
        }
    }

    /// Everything new: rendered once for each language that somebody reads. A
    /// turn whose drawing failed is drawn again, for the same listeners.
    fn publish(&mut self, reader: &Reader) -> Result<()> {
        loop {
            // What had begun before may not have been all.
            let mut more = true;
            let drawn = db::at_once(reader, |r| {
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
                let viewed = |it| turn.is_viewed(it);
                draw::draw(r, &self.base, facts, turn.languages(), viewed).map(Some)
            })?;
            let (Some(news), Some((turn, _))) = (drawn, self.begun.take()) else {
                return Ok(());
            };
            self.hub.publish(&turn, news, protocol::bundle);
            // A commit after this reading rings again.
            if !more {
                return Ok(());
            }
        }
    }
}

/// Tells every open page whether saving works, whenever that changes.
pub async fn tell_storage(db: Db, hub: Hub) {
    let mut storage = db.storage();
    while storage.changed().await.is_ok() {
        let ok = *storage.borrow_and_update() == Storage::Writable;
        hub.signal(Audience::Agents, &Passing::Storage { ok }.frame());
    }
}
