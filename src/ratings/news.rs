//! What agents' pages show afresh when a rating was given. The line that says so is
//! the hall's, and so is the panel beside it.

use crate::conversations::news as hall;
use crate::db::Reader;
use crate::error::Result;
use crate::events::Event;
use crate::journal::Fact;
use crate::kernel::Subject;
use crate::live::Batch;

pub fn draw(_: &Reader, fact: &Fact, batch: &mut Batch) -> Result<()> {
    if let (Event::Told { word, .. }, Subject::Conversation(id)) = (&fact.event, fact.subject)
        && word == super::GIVEN
    {
        hall::row(batch, id, fact.seq);
        hall::panel(batch, id, fact.seq);
    }
    Ok(())
}
