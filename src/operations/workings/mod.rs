//! What waits, what was given up, and what is stuck: shown, and set going again.

pub mod http;
