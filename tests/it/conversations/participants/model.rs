//! Random histories against a small model: whatever people do, what holds, holds
//! after each step.

use shopbell::accounts::team;
use shopbell::conversations::{self, State, participants::Role as Part};
use shopbell::db::{Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::kernel::{Actor, AgentId};

use super::{Shop, is_not_found, line, shop};
use crate::support::NOW;

/// What ought to hold, in the simplest words.
#[derive(Clone)]
struct Model {
    open: bool,
    responsible: Option<AgentId>,
    /// In the order in which they came.
    here: Vec<AgentId>,
    gone: Vec<AgentId>,
    left_to: Vec<(AgentId, AgentId)>,
    told: Vec<Event>,
}

impl Model {
    fn open(&mut self) {
        if self.open {
            return;
        }
        self.open = true;
        self.told.push(Event::ConversationReopened);
        let first = self.responsible.into_iter();
        let order: Vec<AgentId> = first.chain(self.here.clone()).collect();
        for agent in order {
            if self.gone.contains(&agent) {
                self.leave(agent, false);
            }
        }
    }

    fn join(&mut self, agent: AgentId) {
        self.open();
        if self.here.contains(&agent) {
            return;
        }
        self.here.push(agent);
        if self.responsible.is_none() {
            self.assign(Some(agent));
        }
        self.told.push(Event::AgentJoined);
    }

    fn take_over(&mut self, agent: AgentId) {
        self.join(agent);
        if self.responsible != Some(agent) {
            self.assign(Some(agent));
        }
    }

    fn assign(&mut self, to: Option<AgentId>) {
        self.responsible = to;
        self.told.push(Event::Assigned { to });
    }

    fn leave(&mut self, agent: AgentId, himself: bool) {
        if !self.here.contains(&agent) {
            return;
        }
        self.here.retain(|it| *it != agent);
        if himself {
            self.left_to.retain(|(it, _)| *it != agent);
        }
        if self.responsible == Some(agent) {
            let mut able = self.here.iter().filter(|it| !self.gone.contains(it));
            let next = able.next().or(self.here.first()).copied();
            self.left_to
                .extend(next.filter(|_| himself).map(|it| (agent, it)));
            self.assign(next);
        }
        self.told.push(Event::Left { agent });
    }

    fn come_back(&mut self, agent: AgentId) {
        if !self.open || self.here.contains(&agent) {
            return;
        }
        let went_to = self.left_to.iter().find(|(it, _)| *it == agent);
        match went_to {
            Some((_, to)) if self.responsible == Some(*to) => self.take_over(agent),
            _ => self.join(agent),
        }
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// One thing that somebody does, in the shop and in the model.
fn step(w: &Writer, shop: &Shop, model: &mut Model, dice: &mut Dice, n: i64) -> Result<()> {
    let now = NOW + n;
    let agent = shop.agents[dice.roll(shop.agents.len() as u64) as usize];
    let (by, talk) = (Actor::Agent(agent), shop.talk);
    let gone = model.gone.contains(&agent);
    let cid = format!("line-number-{n}");
    let what = dice.roll(16);
    let done = match what {
        0..3 => conversations::join(w, now, agent, talk),
        3..6 => conversations::take_over(w, now, agent, talk),
        6..9 => conversations::leave(w, now, agent, talk),
        9 => conversations::come_back(w, now, agent, talk),
        10 => conversations::resolve(w, now, by, talk),
        11 => conversations::reopen(w, now, by, talk),
        12 => shop.answers(w, now, agent, &cid),
        13 => {
            // Where it was written, whether that is resolved or not.
            let key = conversations::find(w, Actor::House, talk)?.key;
            conversations::write_in(w, now, &shop.visitor, Some(&key), line(&cid))?;
            model.open();
            return Ok(());
        }
        14 => {
            shop.deactivates(w, now, agent)?;
            if !gone {
                model.gone.push(agent);
            }
            if model.open {
                model.leave(agent, false);
            }
            return Ok(());
        }
        _ => {
            team::reactivate(w, now, &shop.boss(), agent)?;
            model.gone.retain(|it| *it != agent);
            return Ok(());
        }
    };
    if gone {
        assert!(is_not_found(&done), "{what}: {done:?}");
        return Ok(());
    }
    match what {
        0..3 => model.join(agent),
        3..6 => model.take_over(agent),
        6..9 => model.leave(agent, true),
        9 => model.come_back(agent),
        10 if model.open => {
            model.open = false;
            model.told.push(Event::ConversationResolved);
        }
        10 => (),
        11 => model.open(),
        _ if model.here.contains(&agent) => model.open(),
        _ => {
            assert!(matches!(done, Err(Error::Conflict(_))));
            return Ok(());
        }
    }
    done
}

fn check(w: &Writer, shop: &Shop, model: &Model) -> Result<()> {
    let found = conversations::find(w, Actor::House, shop.talk)?;
    assert_eq!(found.state == State::Open, model.open);
    assert_eq!(found.assignee, model.responsible);
    let here = shop.here(w);
    let first = model.responsible.into_iter();
    let rest = model.here.iter().copied();
    let rest = rest.filter(|it| Some(*it) != model.responsible);
    let expected: Vec<AgentId> = first.chain(rest).collect();
    assert_eq!(here.iter().map(|it| it.0).collect::<Vec<_>>(), expected);
    for (agent, role) in here {
        let is_responsible = role == Part::Responsible;
        assert_eq!(is_responsible, found.assignee == Some(agent));
        assert!(!(model.open && model.gone.contains(&agent)));
    }
    assert_eq!(model.here.is_empty(), model.responsible.is_none());
    assert_eq!(shop.told(w), model.told, "each fact once");
    // A helper's place in his list is the conversation's own.
    let mut query = w.prepare_cached(
        "select count(*) from conversation_participants p
         join conversations c on c.id = p.conversation
         where p.site <> c.site
             or p.waiting_since is not iif(p.role = 'helper', c.waiting_since, null)
             or p.quiet_since is not iif(
                 p.role = 'helper' and c.state = 'open' and c.waiting_since is null,
                 c.last_at, null)",
    )?;
    let astray: i64 = query.query_row([], |row| row.get(0))?;
    assert_eq!(astray, 0);
    Ok(())
}

#[test]
fn whatever_people_do_one_is_responsible_and_each_fact_is_told_once() {
    for seed in 0..40 {
        let mut history = Vec::new();
        scratch(|w| {
            let shop = shop(w)?;
            let mut dice = Dice(seed * 7919 + 1);
            let mut model = Model {
                open: true,
                responsible: None,
                here: Vec::new(),
                gone: Vec::new(),
                left_to: Vec::new(),
                told: Vec::new(),
            };
            for n in 1..80 {
                step(w, &shop, &mut model, &mut dice, n)?;
                history.push(model.told.len());
                check(w, &shop, &model)?;
            }
            Ok(())
        })
        .unwrap();
        assert!(history.last().is_some_and(|it| 10 < *it), "{seed}");
    }
}
