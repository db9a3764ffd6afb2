//! Something the house does by itself when its time comes: wakes what was put
//! aside, reminds, closes, forgets. A job goes out into the world and may be done
//! twice; a timer only changes rows, and is done once: its row goes in the very
//! transaction that does the deed.
//!
//! There is one timer for each `(kind, key)`; setting it again moves it. A deed
//! that fails is undone, said, and tried again later, however often; nothing that
//! was promised for a time is given up. A kind that this version does not know
//! waits for one that does.

mod runner;
mod sql;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::kernel::Timestamp;

pub use runner::run;

/// Before a deed that failed is tried again; the last of these for ever.
const BACK_OFF_SECONDS: [i64; 6] = [5, 15, 60, 300, 900, 3600];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    pub kind: String,
    /// What it is about, in the words of its kind: `conversation 57`.
    pub key: String,
    pub due_at: Timestamp,
    /// JSON (RFC 8259).
    pub data: String,
    /// Tries that failed.
    pub attempts: u32,
    pub last_error: Option<String>,
}

/// What one kind does when the time has come. By then the timer is no longer set;
/// it may set itself again.
pub type Deed = Arc<dyn Fn(&Writer, Timestamp, &Timer) -> Result<()> + Send + Sync>;

pub type Kinds = HashMap<&'static str, Deed>;

/// Rings at that time, or at once where it is past; no longer at another.
pub fn set(
    w: &Writer,
    kind: &str,
    key: &str,
    due_at: Timestamp,
    data: &impl Serialize,
) -> Result<()> {
    let data = serde_json::to_string(data).map_err(|e| Error::internal("setting a timer", e))?;
    w.leave_work();
    sql::upsert_timer(w, kind, key, due_at, &data)
}

/// False where none was set.
pub fn clear(w: &Writer, kind: &str, key: &str) -> Result<bool> {
    sql::delete_timer(w, kind, key)
}

pub fn find(r: &Reader, kind: &str, key: &str) -> Result<Option<Timer>> {
    sql::find_timer(r, kind, key)
}

/// Those whose deed has failed, longest overdue first.
pub fn list_troubled(r: &Reader) -> Result<Vec<Timer>> {
    sql::list_troubled(r)
}

/// When a deed that has failed so often before is tried again.
fn again_at(now: Timestamp, attempts: u32) -> Timestamp {
    let step = (attempts as usize).min(BACK_OFF_SECONDS.len() - 1);
    now + BACK_OFF_SECONDS[step] * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deed_that_fails_is_tried_later_and_later_but_for_ever() {
        assert_eq!(again_at(0, 0), 5_000);
        assert!(again_at(0, 1) < again_at(0, 2));
        assert_eq!(again_at(0, 1_000_000), 3_600_000);
    }
}
