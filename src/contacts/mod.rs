//! People whom the shop knows: a contact is a person at a site under the shop's own
//! name for him, such as a customer's number.
//!
//! What always holds: each is one visitor, whatever he writes from; a visitor who turns
//! out to be somebody the shop knows already is merged into that one. Nobody is two of
//! them. Here comes what else the shop knows of a person: attributes, notes, and the
//! proof that a browser may say who somebody is. Until then no door leads here.

mod sql;

use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::journal;
use crate::kernel::{Actor, ContactId, SiteId, Timestamp, VisitorId, line};
use crate::visitors::{self, merging};

/// Characters of the shop's own name for somebody.
const REFERENCE: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub site: SiteId,
    /// One line, as the shop writes it: upper and lower case are two.
    pub reference: String,
    pub created_at: Timestamp,
}

/// Whom the shop knows now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub contact: ContactId,
    /// Who he is from now on: himself, or who he was on another device.
    pub visitor: VisitorId,
}

/// This visitor is that person. Whoever says so must have proved it: all of that
/// person's conversations are open to him afterwards. Saying it twice is saying it
/// once; saying that somebody is another than he was said to be is refused.
pub fn know(w: &Writer, now: Timestamp, visitor: VisitorId, reference: &str) -> Result<Known> {
    let reference = line(reference, REFERENCE).map_err(|flaw| {
        Error::flaw("reference", flaw, |t| {
            t.error_field_too_long(REFERENCE as i64).into()
        })
    })?;
    let mut found = visitors::find(w, visitor)?;
    if let Some(other) = found.merged_into {
        found = visitors::find(w, other)?;
    }
    let by = Actor::Visitor(found.id);
    let contact = match sql::find_contact_by_reference(w, found.site, &reference)? {
        Some(known) => known.id,
        None => sql::insert_contact(w, now, found.site, &reference)?,
    };
    let known = |visitor| Known { contact, visitor };
    match (found.contact, visitors::find_by_contact(w, contact)?) {
        (Some(own), _) if own == contact => Ok(known(found.id)),
        (Some(_), _) => Err(Error::Conflict(|t| t.error_two_people().into())),
        (None, Some(first)) => {
            merging::merge(w, now, by, found.id, first.id)?;
            Ok(known(first.id))
        }
        (None, None) => {
            visitors::set_contact(w, found.id, contact)?;
            journal::record(w, now, by, found.id, &Event::VisitorKnown)?;
            Ok(known(found.id))
        }
    }
}

pub fn find(r: &Reader, id: ContactId) -> Result<Contact> {
    sql::find_contact(r, id)?.ok_or(Error::NotFound("contact"))
}
