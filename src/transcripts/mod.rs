//! A conversation as a mail: what was said, by whom, when, in the shop's time
//! zone. Notes among agents never leave the house.
//!
//! Only agents may ask for one. A form in which any visitor names any address
//! would make every shop's mail server a relay for strangers' words.

pub mod http;
pub mod pages;
pub mod windows;
pub mod work;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::Config;
use crate::db::Writer;
use crate::error::{Error, Result};
use crate::kernel::{Actor, AgentId, ConversationId, EmailAddress, Timestamp, clip};
use crate::{conversations, jobs, settings};

const KIND: &str = "transcripts.send";
/// Characters of a mail server's own words.
const REASON: usize = 300;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transcript {
    conversation: ConversationId,
    to: String,
}

/// Queues the mail, and leaves a line that says so, in one transaction.
pub fn send(
    w: &Writer,
    now: Timestamp,
    by: AgentId,
    conversation: ConversationId,
    to: &EmailAddress,
    config: &Config,
) -> Result<()> {
    if settings::outgoing(w, config)?.is_none() {
        return Err(Error::Conflict(|t| t.error_mail_not_configured().into()));
    }
    let by = Actor::Agent(by);
    conversations::leave_line(w, now, by, conversation, &windows::QUEUED, Value::Null)?;
    let order = Transcript {
        conversation,
        to: to.to_string(),
    };
    jobs::enqueue(w, now, KIND, to.as_str(), &order).map(|_| ())
}

/// Leaves a line that says what became of it: the mail server took it, or the
/// reason why nobody ever will.
fn settle(
    w: &Writer,
    now: Timestamp,
    conversation: ConversationId,
    refused: Option<&str>,
) -> Result<()> {
    let (wording, data) = match refused {
        None => (&windows::TAKEN, Value::Null),
        Some(why) => (&windows::REFUSED, json!({ "why": clip(why, REASON) })),
    };
    conversations::leave_line(w, now, Actor::House, conversation, wording, data)
}
