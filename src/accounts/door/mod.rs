//! The door of the house: signing in and out, who may guess how often, and the
//! browsers that are known.

pub mod guesses;
pub mod http;
