//! One binary for all integration tests: one link.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod doors;
mod faults;
mod history;
mod house;
mod input;
mod live;
mod plant;
mod support;
mod transcripts;
