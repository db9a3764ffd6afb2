//! A wing of these tests' own: a kettle that is hung, boils, whistles and is
//! emptied, and tea that visitors are offered. It brings one of everything that a
//! wing may bring, and nothing of the house knows of it: where it needed an edit in
//! `live`, `hub`, `conversations` or `web`, the house would be wrong. How a wing
//! narrows the lists is tried in `conversations/narrowed.rs`.

mod bell;
mod doors;
mod hall;
mod live;
mod places;
mod roof;

use shopbell::db::Db;
use shopbell::server::Wing;

use crate::support::{House, open_house_with_wings};

pub fn wing() -> Wing {
    Wing {
        routes: Some(doors::routes),
        areas: &[doors::KETTLE],
        keys: &[doors::KEYS],
        finds: vec![doors::KETTLES],
        windows: vec![hall::open],
        draws: vec![live::draw],
        watches: vec![live::WATCH],
        followers: vec![bell::polishes()],
        timers: vec![(bell::WHISTLE, bell::whistle)],
        jobs: Some(bell::add),
    }
}

/// Says something of the kettle that agents may look at, for tests that need an
/// end to what is told.
pub async fn tell(db: &Db, words: &'static [&'static str]) {
    live::tell(db, live::KETTLE, words).await;
}

async fn house() -> House {
    open_house_with_wings(vec![wing()]).await
}
