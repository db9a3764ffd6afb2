//! What keeps the house running, for whoever runs it: how mail leaves, which work
//! waits and which was given up, which follower is stuck at which event, whether
//! the disk takes writes. Owns no tables; everything here is shown and turned by
//! the rooms that own it.

pub mod http;
pub mod pages;
mod workings;
