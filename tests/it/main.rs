//! One binary for all integration tests: one link.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod house;
mod plant;
mod support;
