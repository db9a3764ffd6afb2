//! What is drawn for one reading of the journal. Each room draws its own news
//! (`Draw`, registered at the roof) into a `Batch`, which knows who listens, what
//! has been read already, and what is to be drawn once, in its newest state, when
//! all facts are known.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

use super::protocol::{Item, Op};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::hub::{Audience, News, Seat, Topic, Turn};
use crate::journal::Fact;
use crate::kernel::{Actor, Base, Seq};
use crate::texts::Lang;

/// What a room shows of a fact, if it is any of its business. An error that means
/// a busy database draws everything again; any other costs this fact only.
pub type Draw = fn(&Reader, &Fact, &mut Batch) -> Result<()>;

/// Draws one thing in its newest state. `seq`: the newest fact that asks for it.
pub type DrawOnce = fn(&Reader, i64, Seq, &mut Batch) -> Result<()>;

/// A kind of topic that a page may listen to by name (`data-topic`), and who may.
#[derive(Clone, Copy)]
pub struct Watch {
    pub kind: &'static str,
    pub may: fn(&Reader, Actor, i64) -> Result<bool>,
}

/// What the rooms bring to live screens; put together at the roof.
#[derive(Clone)]
pub struct Live {
    /// Where links lead.
    base: Base,
    draws: Arc<[Draw]>,
    watches: Arc<[Watch]>,
    tools: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Live {
    pub fn new(
        base: Base,
        draws: impl IntoIterator<Item = Draw>,
        watches: impl IntoIterator<Item = Watch>,
    ) -> Self {
        Self {
            base,
            draws: draws.into_iter().collect(),
            watches: watches.into_iter().collect(),
            tools: HashMap::new(),
        }
    }

    /// Something that rooms draw with, found again by its type.
    pub fn with<T: Any + Send + Sync>(mut self, tool: Arc<T>) -> Self {
        self.tools.insert(TypeId::of::<T>(), tool);
        self
    }

    /// What a page names as `tags-7`, where he may listen to it.
    pub fn topic(&self, r: &Reader, by: Actor, name: &str) -> Result<Topic> {
        let unknown = || Error::NotFound("topic");
        let (kind, id) = name.rsplit_once('-').ok_or_else(unknown)?;
        let id = id.parse().map_err(|_| unknown())?;
        let watch = self.watches.iter().find(|it| it.kind == kind);
        let watch = watch.ok_or_else(unknown)?;
        match (watch.may)(r, by, id)? {
            true => Ok(Topic::new(watch.kind, id)),
            false => Err(unknown()),
        }
    }
}

/// For whom it is drawn.
#[derive(Clone, Copy)]
pub(super) enum Listening<'a> {
    Turn(&'a Turn),
    /// One page that comes back.
    Page(&'a Seat),
}

impl<'a> Listening<'a> {
    fn languages(self) -> &'a [Lang] {
        match self {
            Self::Turn(turn) => turn.languages(),
            Self::Page(seat) => seat.languages(),
        }
    }

    fn is_watched(self, topic: Topic) -> bool {
        match self {
            Self::Turn(turn) => turn.is_watched(topic),
            Self::Page(seat) => seat.listens_to(topic),
        }
    }

    fn watched(self, kind: &str) -> Vec<i64> {
        match self {
            Self::Turn(turn) => turn.watched(kind),
            Self::Page(seat) => {
                let of_kind = seat.topics().iter().filter(|it| it.kind == kind);
                of_kind.map(|it| it.id).collect()
            }
        }
    }
}

/// Where something stands on a screen: under `id` in `list`, sorted by `key`. The
/// screen ignores what it has in a newer version.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    pub seq: Seq,
    pub list: &'a str,
    pub id: &'a str,
    pub key: &'a str,
}

struct Later {
    name: &'static str,
    id: i64,
    seq: Seq,
    draw: DrawOnce,
}

/// News, and who is to ask again what he may.
#[derive(Default)]
pub(super) struct Drawn {
    pub news: Vec<News>,
    pub again: Vec<Topic>,
}

pub struct Batch<'a> {
    live: &'a Live,
    listening: Listening<'a>,
    drawn: Drawn,
    later: Vec<Later>,
    /// Where each stands in there.
    asked: HashMap<(&'static str, i64), usize>,
    /// How many of them have been drawn.
    done: usize,
    memo: HashMap<(TypeId, i64), Rc<dyn Any>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(live: &'a Live, listening: Listening<'a>) -> Self {
        Self {
            live,
            listening,
            drawn: Drawn::default(),
            later: Vec::new(),
            asked: HashMap::new(),
            done: 0,
            memo: HashMap::new(),
        }
    }

    /// An error means that the database was busy, and says nothing about any fact.
    pub(super) fn draw(mut self, r: &Reader, facts: &[Fact]) -> Result<Drawn> {
        for fact in facts {
            for draw in self.live.draws.iter() {
                // One fact that cannot be shown must not silence the ones after it.
                let drawn = draw(r, fact, &mut self);
                pass_over(drawn, || format!("event {}", fact.seq))?;
            }
        }
        while let Some(&Later {
            name,
            id,
            seq,
            draw,
        }) = self.later.get(self.done)
        {
            self.done += 1;
            let drawn = draw(r, id, seq, &mut self);
            pass_over(drawn, || format!("`{name}` of {id}"))?;
        }
        Ok(self.drawn)
    }

    /// The languages somebody reads, so that nothing is rendered for nobody.
    pub fn languages(&self) -> &'a [Lang] {
        self.listening.languages()
    }

    /// Whether somebody listens there, for the same reason.
    pub fn is_watched(&self, topic: Topic) -> bool {
        self.listening.is_watched(topic)
    }

    /// Which topics of a kind somebody listens to.
    pub fn watched(&self, kind: &str) -> Vec<i64> {
        self.listening.watched(kind)
    }

    /// Something to draw with; see `Live::with`.
    pub fn tool<T: Any + Send + Sync>(&self) -> Result<Arc<T>> {
        let found = self.live.tools.get(&TypeId::of::<T>()).cloned();
        let found = found.and_then(|it| it.downcast().ok());
        found.ok_or_else(|| Error::internal("drawing", std::any::type_name::<T>()))
    }

    /// Inserts what our own template drew, or replaces what has the same id.
    pub fn put(&mut self, audience: Audience, at: At, html: &str) {
        self.say::<()>(audience, at, Op::Put, Some(html), None);
    }

    /// The same with something a script wants to know.
    pub fn put_with(&mut self, audience: Audience, at: At, html: &str, data: impl Serialize) {
        self.say(audience, at, Op::Put, Some(html), Some(data));
    }

    /// The same for screens that draw for themselves.
    pub fn put_data(&mut self, audience: Audience, at: At, data: impl Serialize) {
        self.say(audience, at, Op::Put, None, Some(data));
    }

    /// Sets a value.
    pub fn text(&mut self, audience: Audience, at: At, data: impl Serialize) {
        self.say(audience, at, Op::Text, None, Some(data));
    }

    /// Takes it away.
    pub fn remove(&mut self, audience: Audience, at: At) {
        self.say::<()>(audience, at, Op::Remove, None, None);
    }

    /// Once all facts of the batch are known, and once however often it is asked
    /// for.
    pub fn once(&mut self, name: &'static str, id: i64, seq: Seq, draw: DrawOnce) {
        let next = self.later.len();
        let at = *self.asked.entry((name, id)).or_insert(next);
        match self.later.get_mut(at) {
            Some(known) => known.seq = known.seq.max(seq),
            None => self.later.push(Later {
                name,
                id,
                seq,
                draw,
            }),
        }
    }

    /// Who listens there asks again what he may, before he gets any of this news.
    pub fn ask_again(&mut self, topic: Topic) {
        self.drawn.again.push(topic);
    }

    /// What several draws of one batch read, read once.
    pub fn memo<T: 'static>(&mut self, id: i64, read: impl FnOnce() -> Result<T>) -> Result<Rc<T>> {
        if let Some(known) = self.recall(id) {
            return Ok(known);
        }
        let found = Rc::new(read()?);
        let key = (TypeId::of::<T>(), id);
        self.memo.insert(key, Rc::<T>::clone(&found));
        Ok(found)
    }

    /// What one of them has read already.
    pub fn recall<T: 'static>(&self, id: i64) -> Option<Rc<T>> {
        let known = self.memo.get(&(TypeId::of::<T>(), id))?;
        Rc::clone(known).downcast().ok()
    }

    /// What is asked for by `once` under a name so far, so that what all of it needs is
    /// read by one question.
    pub fn due(&self, name: &str) -> impl Iterator<Item = i64> {
        let named = self.later.iter().filter(move |it| it.name == name);
        named.map(|it| it.id)
    }

    fn say<D: Serialize>(
        &mut self,
        audience: Audience,
        at: At,
        op: Op,
        html: Option<&str>,
        data: Option<D>,
    ) {
        let html = html.map(|it| self.live.base.links(it));
        let item = Item {
            seq: at.seq,
            op,
            list: at.list,
            id: at.id,
            key: at.key,
            html: html.as_deref(),
            data,
        };
        self.drawn.news.push(News {
            audience,
            seq: at.seq,
            text: item.text(),
        });
    }
}

/// What cannot be drawn costs itself only; a busy database is tried again.
fn pass_over(drawn: Result<()>, what: impl FnOnce() -> String) -> Result<()> {
    match drawn {
        Err(error) if !matches!(error, Error::Unavailable(_)) => {
            tracing::error!(%error, "cannot show {}: {error}", what());
            Ok(())
        }
        drawn => drawn,
    }
}
