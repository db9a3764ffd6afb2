//! One file a line of the goals: what is measured, and how it is judged.

pub mod busy;
pub mod cold;
pub mod compare;
pub mod fanout;
pub mod idle;
pub mod latency;
pub mod pages;
pub mod sights;
pub mod throughput;
