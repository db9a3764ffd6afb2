//! Who is connected, and a way to send to them. Knows seats, not business.
//!
//! The hub also holds the position that news has reached. A `Turn` moves it and
//! notes who is there, in one step and *before* anything is drawn: the news of
//! that turn is drawn for them and told to them only. Joining and reading the
//! position is one step too, so whoever joins later replays up to it from the
//! database, receives everything after it, and neither misses nor doubles any.

mod outbox;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kernel::{AgentId, ConversationId, Seq, SessionId, Sight, SiteId, VisitorId};
use crate::texts::Lang;

pub use outbox::{Closing, Frame, Outbox, Sent};

#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    next: u64,
    position: Seq,
    closing: Option<Closing>,
    agents: HashMap<u64, Chair>,
    visitors: HashMap<VisitorId, Vec<(u64, Arc<Outbox>)>>,
}

/// An agent's open page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSeat {
    pub agent: AgentId,
    pub session: SessionId,
    pub lang: Lang,
    pub viewing: Option<ConversationId>,
    /// The sites he is told of.
    pub sight: Sight,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seat {
    Agent(AgentSeat),
    Visitor(VisitorId),
}

struct Chair {
    seat: AgentSeat,
    /// He answers in the conversation he views, and since which position that is
    /// known or known not to be so.
    answers: (bool, Seq),
    outbox: Arc<Outbox>,
}

/// Who gets a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Visitor(VisitorId),
    /// Every page of every agent: what concerns the whole house.
    Agents,
    /// Every page of whoever sees a site.
    AgentsAt(SiteId),
    /// Those of them in one language.
    AgentsReading(SiteId, Lang),
    /// Pages in one language that show one conversation.
    Viewers(ConversationId, Lang),
    /// Pages of whoever sees a site, but for one agent.
    OtherAgents(SiteId, AgentId),
}

impl Audience {
    pub fn includes(self, seat: &AgentSeat) -> bool {
        match self {
            Self::Visitor(_) => false,
            Self::Agents => true,
            Self::AgentsAt(site) => seat.sight.sees(site),
            Self::AgentsReading(site, lang) => seat.lang == lang && seat.sight.sees(site),
            Self::Viewers(conversation, lang) => {
                seat.lang == lang && seat.viewing == Some(conversation)
            }
            Self::OtherAgents(site, agent) => seat.agent != agent && seat.sight.sees(site),
        }
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
#[derive(Debug)]
pub struct Turn {
    position: Seq,
    /// Connections with a later number joined after this, and replay for themselves.
    newest: u64,
    languages: Vec<Lang>,
    viewed: HashSet<ConversationId>,
}

impl Turn {
    pub fn position(&self) -> Seq {
        self.position
    }

    /// The languages somebody reads, so that nothing is rendered for nobody.
    pub fn languages(&self) -> &[Lang] {
        &self.languages
    }

    /// Whether somebody looks at that conversation.
    pub fn is_viewed(&self, conversation: ConversationId) -> bool {
        self.viewed.contains(&conversation)
    }
}

/// Turns several pieces into one frame.
pub type Bundle = fn(&[&str]) -> Frame;

/// One open connection. Leaving the hub is dropping it.
pub struct Connection {
    hub: Hub,
    seat: Seat,
    id: u64,
    pub outbox: Arc<Outbox>,
    /// News up to here went out before this connection joined.
    pub joined_at: Seq,
}

impl Hub {
    /// `None` where that seat already has as many connections as it may.
    pub fn join(&self, seat: Seat, most: usize) -> Option<Connection> {
        let mut state = self.lock();
        let taken = match &seat {
            Seat::Agent(seat) => state
                .agents
                .values()
                .filter(|chair| chair.seat.session == seat.session)
                .count(),
            Seat::Visitor(visitor) => state.visitors.get(visitor).map_or(0, Vec::len),
        };
        if most <= taken {
            return None;
        }
        state.next += 1;
        let id = state.next;
        let outbox = Arc::new(Outbox::default());
        if let Some(closing) = state.closing {
            outbox.close(closing);
        }
        match seat.clone() {
            Seat::Agent(seat) => {
                let outbox = Arc::clone(&outbox);
                let answers = (false, Seq(0));
                let chair = Chair {
                    seat,
                    answers,
                    outbox,
                };
                state.agents.insert(id, chair);
            }
            Seat::Visitor(visitor) => {
                let connections = state.visitors.entry(visitor).or_default();
                connections.reserve_exact(1);
                connections.push((id, Arc::clone(&outbox)));
            }
        }
        Some(Connection {
            hub: self.clone(),
            seat,
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
        let mut turn = Turn {
            position,
            newest: state.next,
            languages: Vec::with_capacity(Lang::ALL.len()),
            viewed: HashSet::new(),
        };
        for chair in state.agents.values() {
            if !turn.languages.contains(&chair.seat.lang) {
                turn.languages.push(chair.seat.lang);
            }
            turn.viewed.extend(chair.seat.viewing);
        }
        turn
    }

    /// Sends what was drawn in a turn to those who were there when it began. A
    /// connection gets all that is new to it in one frame: torn off in the middle,
    /// it would otherwise come back believing that it had seen the rest.
    pub fn publish(&self, turn: &Turn, mut news: Vec<News>, bundle: Bundle) {
        news.sort_by_key(|it| it.seq);
        let state = self.lock();
        state.tell_visitors(turn.newest, &news, bundle);
        state.tell_agents(turn.newest, &news, bundle);
    }

    /// Who answers in a conversation, as it was at a position. Kept with the pages
    /// that show it, so that their signals need not ask the database.
    pub fn answered_by(&self, conversation: ConversationId, agent: Option<AgentId>, at: Seq) {
        for chair in self.lock().agents.values_mut() {
            // Older knowledge may come later.
            if chair.seat.viewing == Some(conversation) && chair.answers.1 <= at {
                chair.answers = (agent == Some(chair.seat.agent), at);
            }
        }
    }

    /// Whether this agent answers in a conversation that is on his screen.
    pub fn answers(&self, agent: AgentId, conversation: ConversationId) -> bool {
        let state = self.lock();
        let mut chairs = state.agents.values();
        chairs.any(|it| {
            it.answers.0 && it.seat.agent == agent && it.seat.viewing == Some(conversation)
        })
    }

    /// Sends a passing signal. Whoever is behind does without it.
    pub fn signal(&self, audience: Audience, frame: &Frame) {
        self.lock().send(audience, frame, Outbox::push_if_idle);
    }

    /// The languages somebody reads right now, so that nothing is rendered for
    /// nobody.
    pub fn languages(&self) -> Vec<Lang> {
        let state = self.lock();
        let mut found: Vec<Lang> = Vec::with_capacity(4);
        for chair in state.agents.values() {
            if !found.contains(&chair.seat.lang) {
                found.push(chair.seat.lang);
            }
        }
        found
    }

    pub fn is_present(&self, visitor: VisitorId) -> bool {
        self.lock().visitors.contains_key(&visitor)
    }

    /// Ends the pages of sessions that are over.
    pub fn close_agents(&self, over: impl Fn(&AgentSeat) -> bool, closing: Closing) {
        for chair in self.lock().agents.values() {
            if over(&chair.seat) {
                chair.outbox.close(closing);
            }
        }
    }

    /// Makes every visitor's page come back and ask afresh what holds now.
    pub fn renew_visitors(&self) {
        for (_, outbox) in self.lock().visitors.values().flatten() {
            outbox.close(Closing::Restart);
        }
    }

    /// Ends everything, and whatever still arrives.
    pub fn close_all(&self, closing: Closing) {
        let mut state = self.lock();
        state.closing = Some(closing);
        for chair in state.agents.values() {
            chair.outbox.close(closing);
        }
        for (_, outbox) in state.visitors.values().flatten() {
            outbox.close(closing);
        }
    }

    /// Open connections: agents' and visitors'.
    pub fn count(&self) -> (usize, usize) {
        let state = self.lock();
        let visitors = state.visitors.values().map(Vec::len).sum();
        (state.agents.len(), visitors)
    }

    /// A panic while the lock was held leaves maps that are still maps.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tell_visitors(&self, newest: u64, news: &[News], bundle: Bundle) {
        let mut told: HashMap<VisitorId, Vec<&str>> = HashMap::new();
        for it in news {
            if let Audience::Visitor(visitor) = it.audience
                && self.visitors.contains_key(&visitor)
            {
                told.entry(visitor).or_default().push(&it.text);
            }
        }
        for (visitor, texts) in told {
            let frame = bundle(&texts);
            let connections = self.visitors.get(&visitor).into_iter().flatten();
            for (_, outbox) in connections.filter(|(id, _)| *id <= newest) {
                outbox.push(frame.clone());
            }
        }
    }

    /// Pages that show the same in the same language, to who sees the same, share
    /// one frame.
    fn tell_agents(&self, newest: u64, news: &[News], bundle: Bundle) {
        type Look<'s> = (Lang, Option<ConversationId>, &'s Sight);
        let mut shared: HashMap<Look<'_>, Option<Frame>> = HashMap::new();
        let there = self.agents.iter().filter(|(id, _)| **id <= newest);
        for (_, chair) in there {
            let look = (chair.seat.lang, chair.seat.viewing, &chair.seat.sight);
            let frame = shared.entry(look).or_insert_with(|| {
                let texts: Vec<&str> = news
                    .iter()
                    .filter(|it| it.audience.includes(&chair.seat))
                    .map(|it| it.text.as_str())
                    .collect();
                (!texts.is_empty()).then(|| bundle(&texts))
            });
            if let Some(frame) = frame {
                chair.outbox.push(frame.clone());
            }
        }
    }

    fn send(&self, audience: Audience, frame: &Frame, push: fn(&Outbox, Frame) -> Sent) {
        if let Audience::Visitor(visitor) = audience {
            for (_, outbox) in self.visitors.get(&visitor).into_iter().flatten() {
                push(outbox, frame.clone());
            }
            return;
        }
        let listening = self.agents.values();
        for chair in listening.filter(|it| audience.includes(&it.seat)) {
            push(&chair.outbox, frame.clone());
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        match self.seat {
            Seat::Agent(_) => {
                state.agents.remove(&self.id);
            }
            Seat::Visitor(visitor) => {
                if let Some(connections) = state.visitors.get_mut(&visitor) {
                    connections.retain(|(id, _)| *id != self.id);
                    if connections.is_empty() {
                        state.visitors.remove(&visitor);
                    }
                }
            }
        }
    }
}
