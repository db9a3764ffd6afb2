//! What stands around every signed-in page, gathered from rooms that the rooms
//! below must not know: the roof says how, the pages ask here.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Area, Keys, Signs};
use crate::db::{Reader, Storage};
use crate::error::Result;
use crate::kernel::{Seq, Sight, SiteId};

/// The house at the moment a page is drawn, as somebody sees it.
pub struct Surroundings {
    /// Of the sites he sees.
    pub shop_name: String,
    /// Open conversations in which a visitor waits for a reply, by site.
    pub waiting: Vec<(SiteId, i64)>,
    /// Read before anything else on the page, so that a page never misses what
    /// happened while it was drawn.
    pub seq: Seq,
    pub epoch: String,
}

#[derive(Clone)]
pub struct Around {
    pub read: fn(&Reader, &Sight) -> Result<Surroundings>,
    pub insecure: bool,
    pub storage: watch::Receiver<Storage>,
    pub signs: Signs,
    pub areas: Arc<[Area]>,
    pub keys: Arc<[Keys]>,
}

impl Around {
    pub fn open_areas(&self, administers: bool) -> impl Iterator<Item = &Area> {
        let areas = self.areas.iter();
        areas.filter(move |it| it.is_open_to(administers))
    }

    pub fn is_writable(&self) -> bool {
        *self.storage.borrow() == Storage::Writable
    }
}
