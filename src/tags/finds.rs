//! A tag by its name: the chats that have it.

use super::{Tag, sql};
use crate::db::Reader;
use crate::error::Result;
use crate::palette::Find;
use crate::texts::Lang;
use crate::web::{Hit, Sought};

pub const TAGS: Find = Find {
    key: "tags",
    label: Lang::tag_tags,
    ask: |r, _, sought| tags(r, sought),
};

/// They are the house's: everybody sees the same ones, and of their chats his own.
fn tags(r: &Reader, sought: &Sought) -> Result<Vec<Hit>> {
    let hit = |it: Tag| {
        let rank = sought.rank(&it.name)?;
        let words = match it.archived {
            true => sought.t.tag_choice_archived(it.name),
            false => it.name,
        };
        Some(Hit::new(rank, words, format!("/inbox?tag={}", it.id.0)))
    };
    let (away, kept): (Vec<_>, Vec<_>) = sql::list_tags(r)?.into_iter().partition(|it| it.archived);
    Ok(kept.into_iter().chain(away).filter_map(hit).collect())
}
