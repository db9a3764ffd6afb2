//! What stands around every signed-in page, gathered from rooms that the rooms
//! below must not know: the roof says how, the pages ask here.

use tokio::sync::watch;

use super::Signs;
use crate::db::{Reader, Storage};
use crate::error::Result;
use crate::kernel::Seq;

/// Facts about the house at the moment a page is drawn.
pub struct Facts {
    pub shop_name: String,
    /// Open conversations in which a visitor waits for a reply.
    pub waiting: i64,
    /// Read before anything else on the page, so that a page never misses what
    /// happened while it was drawn.
    pub seq: Seq,
    pub epoch: String,
}

#[derive(Clone)]
pub struct Around {
    pub facts: fn(&Reader) -> Result<Facts>,
    pub insecure: bool,
    pub storage: watch::Receiver<Storage>,
    pub signs: Signs,
}

impl Around {
    pub fn is_writable(&self) -> bool {
        *self.storage.borrow() == Storage::Writable
    }
}
