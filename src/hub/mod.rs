//! Who is connected, and a way to send to them. Knows topics and who listens to
//! them, not business.
//!
//! The hub also holds the position that news has reached. A `Turn` moves it and
//! notes who is there, in one step and *before* anything is drawn: the news of
//! that turn is drawn for them and told to them only. Joining and reading the
//! position is one step too, so whoever joins later replays up to it from the
//! database, receives everything after it, and neither misses nor doubles any.
//!
//! What a page looks at may change while it stays open. That is a second chair of the
//! same connection, taken and given up in one step, and it is replayed to like any
//! other that joins.

mod outbox;
mod topic;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kernel::Seq;
use crate::texts::Lang;

pub use outbox::{Closing, Frame, Next, Outbox, Sent};
pub use topic::{Audience, Scope, Seat, TOPICS, Topic};

#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    next: u64,
    position: Seq,
    closing: Option<Closing>,
    chairs: HashMap<u64, Arc<Chair>>,
    /// Where they look, by connection.
    looks: HashMap<u64, Arc<Chair>>,
    /// By kind and number, in the order of joining.
    listeners: HashMap<&'static str, HashMap<i64, Vec<Arc<Chair>>>>,
    /// How many pages read it.
    languages: HashMap<Lang, usize>,
}

struct Chair {
    id: u64,
    seat: Seat,
    outbox: Arc<Outbox>,
    /// The one beside which it stands, where it is what that one looks at.
    base: Option<Arc<Chair>>,
}

impl Chair {
    fn connection(&self) -> u64 {
        self.base.as_ref().map_or(self.id, |it| it.id)
    }

    fn listens_to(&self, topic: Topic) -> bool {
        let base = self.base.as_ref();
        self.seat.listens_to(topic) || base.is_some_and(|it| it.seat.listens_to(topic))
    }
}

/// One piece of news, written out, and who gets it.
#[derive(Debug, Clone)]
pub struct News {
    pub audience: Audience,
    pub seq: Seq,
    pub text: String,
}

/// One step of the news: up to where, and who was there when it began.
pub struct Turn {
    hub: Hub,
    position: Seq,
    /// Connections with a later number joined after this, and replay for themselves.
    newest: u64,
    languages: Vec<Lang>,
}

impl Turn {
    pub fn position(&self) -> Seq {
        self.position
    }

    /// The languages somebody reads, so that nothing is rendered for nobody.
    pub fn languages(&self) -> &[Lang] {
        &self.languages
    }

    /// Whether somebody listens there, for the same reason.
    pub fn is_watched(&self, topic: Topic) -> bool {
        self.hub.is_watched(topic)
    }

    /// Which of a kind somebody listens to.
    pub fn watched(&self, kind: &str) -> Vec<i64> {
        self.hub.watched(kind)
    }
}

/// Turns several pieces into one frame.
pub type Bundle = fn(&[&str]) -> Frame;

/// One open connection. Leaving the hub is dropping it.
pub struct Connection {
    hub: Hub,
    id: u64,
    pub outbox: Arc<Outbox>,
    /// News up to here went out before this connection joined.
    pub joined_at: Seq,
}

impl Hub {
    /// `None` where its owner already has as many pages as he may.
    pub fn join(&self, seat: Seat, most: usize) -> Option<Connection> {
        self.join_looking(seat, None, most)
    }

    /// The same for a page that may look elsewhere later (`Connection::look`).
    pub fn join_looking(&self, seat: Seat, at: Option<Seat>, most: usize) -> Option<Connection> {
        let mut state = self.lock();
        let own = seat.topics().first().map(|it| state.listeners(*it).len());
        if most <= own.unwrap_or_default() {
            return None;
        }
        state.next += 1;
        let id = state.next;
        let outbox = Arc::new(Outbox::default());
        if let Some(closing) = state.closing {
            outbox.close(closing);
        }
        if let Some(lang) = seat.lang() {
            *state.languages.entry(lang).or_default() += 1;
        }
        let chair = Arc::new(Chair {
            id,
            seat,
            outbox: Arc::clone(&outbox),
            base: None,
        });
        state.sit(&chair);
        state.chairs.insert(id, chair);
        state.look(id, at);
        Some(Connection {
            hub: self.clone(),
            id,
            outbox,
            joined_at: state.position,
        })
    }

    /// Moves the position: news up to there is about to be drawn for those who
    /// are here now.
    pub fn turn(&self, position: Seq) -> Turn {
        let mut state = self.lock();
        state.position = position;
        Turn {
            hub: self.clone(),
            position,
            newest: state.next,
            languages: state.languages(),
        }
    }

    /// Sends what was drawn in a turn to those who were there when it began. A
    /// connection gets all that is new to it in one frame: torn off in the middle,
    /// it would otherwise come back believing that it had seen the rest.
    pub fn publish(&self, turn: &Turn, mut news: Vec<News>, bundle: Bundle) {
        news.sort_by_key(|it| it.seq);
        let state = self.lock();
        let mut shared: HashMap<Vec<usize>, Frame> = HashMap::new();
        for (chair, told) in state.told(turn.newest, &news) {
            // Whoever is told the same shares one frame.
            let frame = shared.entry(told).or_insert_with_key(|told| {
                let texts = told.iter().filter_map(|it| news.get(*it));
                let texts: Vec<&str> = texts.map(|it| it.text.as_str()).collect();
                bundle(&texts)
            });
            chair.outbox.push(frame.clone());
        }
    }

    /// Everybody who listens there asks again whether he may be here, and what he
    /// may, before he gets anything that is told after this.
    pub fn ask_again(&self, topic: Topic) {
        let state = self.lock();
        state.at(topic).for_each(|it| it.outbox.ask_again());
    }

    /// Sends a passing signal, not to who listens to `except`. Whoever is behind
    /// does without it.
    pub fn signal(&self, audience: &Audience, except: Option<Topic>, frame: &Frame) {
        let state = self.lock();
        let told = state.at(audience.topic).filter(|it| {
            it.seat.may_be_told(audience) && !except.is_some_and(|topic| it.listens_to(topic))
        });
        for chair in told {
            chair.outbox.push_if_idle(frame.clone());
        }
    }

    /// The languages somebody reads right now, so that nothing is rendered for
    /// nobody.
    pub fn languages(&self) -> Vec<Lang> {
        self.lock().languages()
    }

    pub fn is_watched(&self, topic: Topic) -> bool {
        !self.lock().listeners(topic).is_empty()
    }

    /// Which topics of a kind somebody listens to, in order.
    pub fn watched(&self, kind: &str) -> Vec<i64> {
        let state = self.lock();
        let of_kind = state.listeners.get(kind).into_iter().flatten();
        let mut found: Vec<i64> = of_kind.map(|(id, _)| *id).collect();
        found.sort_unstable();
        found
    }

    /// Ends the pages that listen there, and not to `except`.
    pub fn close(&self, topic: Topic, except: Option<Topic>, closing: Closing) {
        let state = self.lock();
        for chair in state.at(topic) {
            if !except.is_some_and(|it| chair.listens_to(it)) {
                chair.outbox.close(closing);
            }
        }
    }

    /// Ends everything, and whatever still arrives.
    pub fn close_all(&self, closing: Closing) {
        let mut state = self.lock();
        state.closing = Some(closing);
        state
            .chairs
            .values()
            .for_each(|it| it.outbox.close(closing));
    }

    /// Open connections.
    pub fn count(&self) -> usize {
        self.lock().chairs.len()
    }

    /// A panic while the lock was held leaves maps that are still maps.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn languages(&self) -> Vec<Lang> {
        let read = |it: &Lang| self.languages.contains_key(it);
        Lang::ALL.into_iter().filter(read).collect()
    }

    fn listeners(&self, topic: Topic) -> &[Arc<Chair>] {
        let of_kind = self.listeners.get(topic.kind);
        of_kind
            .and_then(|it| it.get(&topic.id))
            .map_or(&[], Vec::as_slice)
    }

    fn at(&self, topic: Topic) -> impl Iterator<Item = &Chair> {
        self.listeners(topic).iter().map(Arc::as_ref)
    }

    /// What each connection up to `newest` is told, as places in `news`.
    fn told<'s>(
        &'s self,
        newest: u64,
        news: &[News],
    ) -> impl Iterator<Item = (&'s Chair, Vec<usize>)> {
        let mut told: BTreeMap<u64, (&Chair, Vec<usize>)> = BTreeMap::new();
        for (n, News { audience, .. }) in news.iter().enumerate() {
            let there = self.at(audience.topic).take_while(|it| it.id <= newest);
            for chair in there.filter(|it| it.seat.may_be_told(audience)) {
                let (_, told) = told
                    .entry(chair.connection())
                    .or_insert((chair, Vec::new()));
                told.push(n);
            }
        }
        told.into_values()
    }

    fn sit(&mut self, chair: &Arc<Chair>) {
        for topic in chair.seat.topics() {
            let of_kind = self.listeners.entry(topic.kind).or_default();
            let listeners = of_kind.entry(topic.id).or_default();
            if listeners.is_empty() {
                // Most are listened to by one page.
                listeners.reserve_exact(1);
            }
            listeners.push(Arc::clone(chair));
        }
    }

    fn rise(&mut self, chair: &Chair) {
        for topic in chair.seat.topics() {
            let Some(of_kind) = self.listeners.get_mut(topic.kind) else {
                continue;
            };
            if let Some(listeners) = of_kind.get_mut(&topic.id) {
                if let Ok(at) = listeners.binary_search_by_key(&chair.id, |it| it.id) {
                    listeners.remove(at);
                }
                if listeners.is_empty() {
                    of_kind.remove(&topic.id);
                }
            }
        }
    }

    /// The new chair's number is later than that of any turn that has begun: what
    /// such a turn has to say there, whoever looks replays.
    fn look(&mut self, connection: u64, at: Option<Seat>) {
        if let Some(old) = self.looks.remove(&connection) {
            self.rise(&old);
        }
        let (Some(base), Some(seat)) = (self.chairs.get(&connection), at) else {
            return;
        };
        self.next += 1;
        let chair = Arc::new(Chair {
            id: self.next,
            seat,
            outbox: Arc::clone(&base.outbox),
            base: Some(Arc::clone(base)),
        });
        self.sit(&chair);
        self.looks.insert(connection, chair);
    }

    fn leave(&mut self, id: u64) {
        self.look(id, None);
        let Some(chair) = self.chairs.remove(&id) else {
            return;
        };
        self.rise(&chair);
        let seat = &chair.seat;
        if let Some(lang) = seat.lang()
            && let Some(readers) = self.languages.get_mut(&lang)
        {
            *readers -= 1;
            if *readers == 0 {
                self.languages.remove(&lang);
            }
        }
    }
}

impl Connection {
    /// Looks there from now on, and no more where it did. News up to the position it
    /// gives back is not sent from there.
    pub fn look(&self, at: Option<Seat>) -> Seq {
        let mut state = self.hub.lock();
        state.look(self.id, at);
        state.position
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.lock().leave(self.id);
    }
}
