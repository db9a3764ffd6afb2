//! What pages listen to, and who is told a piece of news. What the words mean is
//! the business of the rooms that say them.

use std::sync::Arc;

use crate::kernel::{Sight, SiteId};
use crate::texts::Lang;

/// Topics one page may listen to; more are left out.
pub const TOPICS: usize = 32;

/// Something that is listened to: a kind of thing, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Topic {
    pub kind: &'static str,
    pub id: i64,
}

impl Topic {
    pub const fn new(kind: &'static str, id: i64) -> Self {
        Self { kind, id }
    }
}

/// Where something belongs: whoever has that out of sight is not told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    pub site: Option<SiteId>,
}

/// Who gets a frame: who listens there, reads that language and sees that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience {
    pub topic: Topic,
    pub lang: Option<Lang>,
    pub scope: Scope,
}

impl Audience {
    pub const fn of(topic: Topic) -> Self {
        Self {
            topic,
            lang: None,
            scope: Scope { site: None },
        }
    }

    pub const fn reading(self, lang: Lang) -> Self {
        Self {
            lang: Some(lang),
            ..self
        }
    }

    pub const fn within(self, site: SiteId) -> Self {
        Self {
            scope: Scope { site: Some(site) },
            ..self
        }
    }
}

/// An open page: what it listens to, in which language, and what it may see.
#[derive(Debug, Clone)]
pub struct Seat {
    topics: Arc<[Topic]>,
    /// None where it is told data, which has none.
    lang: Option<Lang>,
    sight: Sight,
}

impl Seat {
    /// `own`: whose page it is. Pages of one owner are counted together.
    pub fn new(own: Topic, others: &[Topic], lang: Option<Lang>, sight: Sight) -> Self {
        let mut topics = vec![own];
        for topic in others {
            if topics.len() < TOPICS && !topics.contains(topic) {
                topics.push(*topic);
            }
        }
        Self {
            topics: topics.into(),
            lang,
            sight,
        }
    }

    /// Of the same reader, in another place.
    pub fn elsewhere(&self, topics: &[Topic]) -> Self {
        let topics = topics.iter().take(TOPICS);
        Self {
            topics: topics.copied().collect(),
            ..self.clone()
        }
    }

    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    pub fn lang(&self) -> Option<Lang> {
        self.lang
    }

    pub fn languages(&self) -> &[Lang] {
        self.lang.as_slice()
    }

    pub fn listens_to(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    pub fn is_told(&self, audience: &Audience) -> bool {
        self.listens_to(audience.topic) && self.may_be_told(audience)
    }

    /// Of what it listens to.
    pub(super) fn may_be_told(&self, audience: &Audience) -> bool {
        audience.lang.is_none_or(|it| self.lang == Some(it))
            && audience.scope.site.is_none_or(|it| self.sight.sees(it))
    }
}
