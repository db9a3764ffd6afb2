//! Lines about what was done that hold more than a sentence, and that their room
//! may word anew: a question that has been answered since, say. On the visitor's
//! page the parts stand in place of the sentence; agents read the sentence, and
//! what the parts show them below it.

use serde_json::Value;

use super::parts::{NewPart, check_all};
use super::{Wording, agent_of, find, find_message, sql};
use crate::db::Writer;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, ConversationId, Seq, Timestamp};

pub struct NewDeed {
    pub wording: &'static Wording,
    /// What the sentence needs.
    pub data: Value,
    pub parts: Vec<NewPart>,
}

/// Leaves it, and tells whoever listens under the word of its wording; its line.
pub fn leave(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    new: NewDeed,
) -> Result<Seq> {
    find(w, by, conversation)?;
    let parts = check_all(&new.parts)?;
    let event = Event::told(new.wording.word, new.data.clone());
    let line = journal::record(w, now, by, conversation, &event)?;
    let deed = new.wording.deed(new.data);
    sql::insert_deed(w, now, line, conversation, agent_of(by), &deed, &parts)?;
    Ok(line)
}

/// It says something else from now on, on every open page. The same wording: only
/// its own room may do this.
pub fn change(w: &Writer, now: Timestamp, by: Actor, line: Seq, new: NewDeed) -> Result<()> {
    let found = find_message(w, line)?;
    find(w, by, found.conversation)?;
    let word = new.wording.word;
    if found.deed.is_none_or(|it| it.word != word) {
        return Err(Error::NotFound("line"));
    }
    let parts = check_all(&new.parts)?;
    sql::update_deed(w, line, &new.data, &parts)?;
    let event = Event::MessageChanged { message: line };
    journal::record(w, now, by, found.conversation, &event).map(|_| ())
}
