//! Live screens: turns what the journal says into frames, and keeps the sockets.
//!
//! News goes out here; commands come in over HTTP. Upwards a socket carries only
//! signals that never touch the database (typing). Whoever comes back names the
//! last position he saw and gets exactly what he missed, or is told to reload.

mod news;
mod protocol;
mod pump;
pub mod socket;

use std::time::Duration;

use crate::db::{self, Db, Reader, Storage};
use crate::error::{Error, Result};
use crate::hub::{Audience, Hub};
use crate::journal;
use crate::kernel::{Base, Seq};

use protocol::Passing;

/// Starts the thread that renders news, from the journal's present end on. It
/// has a connection of its own: between a commit and the sockets there is no
/// queue to wait in. `base` is where the links in it lead.
pub fn start(db: &Db, hub: Hub, base: Base) -> Result<()> {
    let reader = db.reader()?;
    let start = journal::position(&reader)?;
    hub.start_at(start);
    let mut commits = db.commits();
    let run = move || {
        let Ok(waiting) = tokio::runtime::Builder::new_current_thread().build() else {
            return;
        };
        let mut position = start;
        loop {
            if let Err(error) = publish(&reader, &hub, &base, &mut position) {
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

/// Everything new: rendered once for each language that somebody reads.
fn publish(reader: &Reader, hub: &Hub, base: &Base, position: &mut Seq) -> Result<()> {
    loop {
        let (facts, news) = db::at_once(reader, |r| {
            let facts = journal::after(r, *position)?;
            let news = news::of(r, base, &facts, &hub.languages(), |it| hub.is_viewed(it));
            Ok((facts, news))
        })?;
        let Some(last) = facts.last() else {
            return Ok(());
        };
        *position = last.seq;
        hub.publish(*position, news, protocol::bundle);
        // A commit after this reading rings again.
        if facts.len() < journal::BATCH {
            return Ok(());
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
