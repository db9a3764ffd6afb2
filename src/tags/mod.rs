//! Labels that a shop sticks on its conversations. They are the house's: every
//! agent sees the same ones, and sticks them on the conversations that he sees.
//!
//! What always holds: two tags that can be given never compare as one name; a tag
//! stands on a conversation once, however often and by how many it was given; one
//! that was put away stays where it is and is given no more; one that was merged
//! stands for the other wherever its number or its name is still used, as on a page
//! that was open meanwhile; once that can no longer be undone, it is the other. What is wished for and is so already is no change.

pub mod finds;
pub mod http;
pub mod keeping;
pub mod news;
pub mod pages;
mod rules;
mod sql;
pub mod windows;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::conversations;
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, AgentId, ConversationId, Timestamp, comparable};

pub use rules::{Colour, LONGEST};

/// Tags on one conversation.
pub const MOST: usize = 20;
/// Tags that one request may name.
const NAMED: usize = 2 * keeping::MOST;
/// Changes that a conversation remembers.
const REMEMBERED: usize = 5;

/// Tags of a conversation were given or taken away.
const CHANGED: &str = "tags.changed";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TagId(pub i64);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub id: TagId,
    pub name: String,
    pub colour: Colour,
    /// Put away: it stays where it is, and is given no more.
    pub archived: bool,
}

/// What somebody wants on a conversation, and what he does not want there. The rest
/// stays as it is, so that two who change it at once both have their way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    pub give: Vec<TagId>,
    pub take: Vec<TagId>,
}

/// One was given, or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub tag: String,
    pub given: bool,
    /// Absent where no agent did it.
    pub agent: Option<String>,
    pub at: Timestamp,
}

/// Those that can be given, by name.
pub fn list(r: &Reader) -> Result<Vec<Tag>> {
    let mut tags = sql::list_tags(r)?;
    tags.retain(|it| !it.archived);
    Ok(tags)
}

/// Those on one conversation, in the order in which they came there.
pub fn of(r: &Reader, by: Actor, conversation: ConversationId) -> Result<Vec<Tag>> {
    conversations::find(r, by, conversation)?;
    sql::list_given(r, conversation)
}

/// The same for whoever looks at many that he may see.
pub fn of_each(r: &Reader, all: &[ConversationId]) -> Result<HashMap<ConversationId, Vec<Tag>>> {
    let mut given: HashMap<_, Vec<Tag>> = HashMap::new();
    for (conversation, tag) in sql::list_given_of(r, all)? {
        given.entry(conversation).or_default().push(tag);
    }
    Ok(given)
}

/// The newest of what was given and taken there, oldest first.
pub fn list_changes(r: &Reader, conversation: ConversationId) -> Result<Vec<Change>> {
    let mut changes = sql::list_changes(r, conversation, REMEMBERED)?;
    changes.reverse();
    Ok(changes)
}

/// Does what is wished. Refused where one is not known, is to be given although it
/// was put away, or where it would become more than `MOST`; then nothing is done.
pub fn change(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    wish: &Wish,
) -> Result<()> {
    do_wish(w, now, by, conversation, wish, "tags")
}

/// Gives the tag of this name, which is made where there is none: what is sent
/// twice, or by two at once, makes one. The name of one that was merged means what it
/// is now: whoever is used to it does not bring back what an admin has tidied up.
pub fn give_named(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    name: &str,
) -> Result<Tag> {
    conversations::find(w, by, conversation)?;
    let name = rules::name(NEW, name)?;
    let compared = comparable(&name);
    let known = match sql::find_by_name(w, &compared)? {
        None => sql::find_end_by_name(w, &compared)?,
        known => known,
    };
    let tag = match known {
        Some(known) => known,
        None => keeping::add(w, now, by, NEW, name, None)?,
    };
    let wish = Wish {
        give: vec![tag.id],
        take: Vec::new(),
    };
    do_wish(w, now, by, conversation, &wish, NEW)?;
    Ok(tag)
}

/// The field in which a tag is made on a conversation.
const NEW: &str = "new_tag";

/// `field`: where a refusal is told.
fn do_wish(
    w: &Writer,
    now: Timestamp,
    by: Actor,
    conversation: ConversationId,
    wish: &Wish,
    field: &'static str,
) -> Result<()> {
    conversations::find(w, by, conversation)?;
    if NAMED < wish.give.len() + wish.take.len() {
        return Err(Error::Malformed("tags: more than there can be".into()));
    }
    let held = ids(&sql::list_given(w, conversation)?);
    let give = find_all(w, &wish.give)?;
    let take = find_all(w, &wish.take)?;
    let change = rules::difference(&held, &ids(&give), &ids(&take));
    let is_new = |it: &&Tag| change.given.contains(&it.id);
    if give.iter().filter(is_new).any(|it| it.archived) {
        return Err(Error::invalid(field, |t| t.tag_error_archived().into()));
    }
    // Where the end of a merger brought more together, others may still be put in
    // their place.
    let after = held.len() - change.taken.len() + change.given.len();
    if MOST < after && held.len() < after {
        return Err(Error::invalid(field, |t| {
            t.tag_error_many(MOST as i64).into()
        }));
    }
    if change == rules::Difference::default() {
        return Ok(());
    }
    let agent = agent_of(by);
    for tag in &change.given {
        sql::insert_given(w, conversation, *tag, now)?;
        sql::insert_change(w, conversation, *tag, agent, true, now)?;
    }
    for tag in &change.taken {
        sql::delete_given(w, conversation, *tag)?;
        sql::insert_change(w, conversation, *tag, agent, false, now)?;
    }
    sql::delete_changes_but(w, conversation, REMEMBERED)?;
    let told = json!({ "given": change.given, "taken": change.taken });
    journal::record(w, now, by, conversation, &Event::told(CHANGED, told)).map(|_| ())
}

/// What each stands for today.
fn find_all(r: &Reader, all: &[TagId]) -> Result<Vec<Tag>> {
    let find = |id: &TagId| sql::find_end(r, *id)?.ok_or(Error::NotFound("tag"));
    all.iter().map(find).collect()
}

fn ids(tags: &[Tag]) -> Vec<TagId> {
    tags.iter().map(|it| it.id).collect()
}

fn agent_of(by: Actor) -> Option<AgentId> {
    match by {
        Actor::Agent(agent) => Some(agent),
        Actor::Visitor(_) | Actor::Bot(_) | Actor::Key(_) | Actor::House => None,
    }
}
