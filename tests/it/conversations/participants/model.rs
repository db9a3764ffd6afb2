//! Random histories against a small model: whatever people do, what holds, holds
//! after each step.

use shopbell::accounts::team;
use shopbell::conversations::participants::{self, Role as Part};
use shopbell::conversations::{self, State};
use shopbell::db::{Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::kernel::{Actor, AgentId, Timestamp};

use super::{Shop, changes, is_not_found, line, shop};
use crate::support::{Dice, NOW};

const MINUTE: i64 = 60_000;

/// What ought to hold, in the simplest words.
#[derive(Clone, Default)]
struct Model {
    open: bool,
    responsible: Option<AgentId>,
    /// And since when.
    here: Vec<(AgentId, Timestamp)>,
    gone: Vec<AgentId>,
    /// Who does not see the site.
    blind: Vec<AgentId>,
    /// Who may not talk to customers.
    mute: Vec<AgentId>,
    /// Who left, himself, and has not come since.
    left: Vec<Leaving>,
    told: Vec<Event>,
}

#[derive(Clone)]
struct Leaving {
    agent: AgentId,
    at: Timestamp,
    since: Timestamp,
    was_his: bool,
    /// Somebody was made responsible after that.
    went_on: bool,
}

impl Model {
    fn may(&self, agent: AgentId) -> bool {
        let without = [&self.gone, &self.blind, &self.mute];
        without.iter().all(|it| !it.contains(&agent))
    }

    fn is_here(&self, agent: AgentId) -> bool {
        self.here.iter().any(|(it, _)| *it == agent)
    }

    fn open(&mut self, now: Timestamp) {
        if self.open {
            return;
        }
        self.open = true;
        self.told.push(Event::ConversationReopened);
        let rest = self.here.iter().map(|(it, _)| *it);
        let order: Vec<AgentId> = self.responsible.into_iter().chain(rest).collect();
        for agent in order {
            if !self.may(agent) {
                self.leave(now, agent, false);
            }
        }
    }

    fn join(&mut self, now: Timestamp, since: Timestamp, agent: AgentId) {
        self.open(now);
        if self.is_here(agent) {
            return;
        }
        self.left.retain(|it| it.agent != agent);
        self.here.push((agent, since));
        self.here.sort_by_key(|(it, since)| (*since, *it));
        if self.responsible.is_none() {
            self.assign(Some(agent));
        }
        self.told.push(Event::AgentJoined);
    }

    fn take_over(&mut self, now: Timestamp, agent: AgentId) {
        self.join(now, now, agent);
        if self.responsible != Some(agent) {
            self.assign(Some(agent));
        }
    }

    fn assign(&mut self, to: Option<AgentId>) {
        self.responsible = to;
        self.told.push(Event::Assigned { to });
        for it in &mut self.left {
            it.went_on = true;
        }
    }

    fn leave(&mut self, now: Timestamp, agent: AgentId, himself: bool) {
        let Some(place) = self.here.iter().position(|(it, _)| *it == agent) else {
            return;
        };
        let (_, since) = self.here.remove(place);
        let was_his = self.responsible == Some(agent);
        if was_his {
            let rest: Vec<AgentId> = self.here.iter().map(|(it, _)| *it).collect();
            let next = rest.iter().find(|it| self.may(**it)).copied();
            if next.is_none() {
                rest.into_iter().for_each(|it| self.leave(now, it, false));
            }
            self.assign(next);
        }
        if himself {
            self.left.push(Leaving {
                agent,
                at: now,
                since,
                was_his,
                went_on: false,
            });
        }
        self.told.push(Event::Left { agent });
    }

    fn come_back(&mut self, now: Timestamp, agent: AgentId) {
        let left = self.left.iter().find(|it| it.agent == agent).cloned();
        match left.filter(|it| now <= it.at + 10 * MINUTE) {
            Some(it) => {
                self.join(now, it.since, agent);
                if it.was_his && !it.went_on && self.responsible != Some(agent) {
                    self.assign(Some(agent));
                }
            }
            None if self.has_left(agent) => self.join(now, now, agent),
            // There is nothing to take back.
            None => (),
        }
    }

    /// And has not come back since.
    fn has_left(&self, agent: AgentId) -> bool {
        self.left.iter().any(|it| it.agent == agent)
    }

    /// Whatever was changed about him.
    fn changed(&mut self, now: Timestamp, agent: AgentId) {
        if self.open && !self.may(agent) {
            self.leave(now, agent, false);
        }
    }
}

fn toggle(all: &mut Vec<AgentId>, agent: AgentId) {
    match all.iter().position(|it| *it == agent) {
        Some(place) => {
            all.remove(place);
        }
        None => all.push(agent),
    }
}

/// One thing that somebody does, in the shop and in the model.
fn step(w: &Writer, shop: &Shop, model: &mut Model, dice: &mut Dice, n: i64) -> Result<()> {
    let now = NOW + n * MINUTE;
    let agent = shop.agents[dice.roll(shop.agents.len())];
    let (by, talk) = (Actor::Agent(agent), shop.talk);
    let what = dice.roll(20);
    if 13 <= what {
        return house(w, shop, model, (what, n, agent));
    }
    let cid = format!("line-number-{n}");
    let is_mute = model.mute.contains(&agent);
    let done = match what {
        0..3 => conversations::join(w, now, agent, talk),
        3..5 => conversations::take_over(w, now, agent, talk),
        5..8 => conversations::leave(w, now, agent, talk),
        8..10 => conversations::come_back(w, now, agent, talk),
        10 => conversations::resolve(w, now, by, talk),
        11 => conversations::reopen(w, now, by, talk),
        // The door is closed to him.
        _ if is_mute => return Ok(()),
        _ => shop.answers(w, now, agent, &cid),
    };
    if model.gone.contains(&agent) || model.blind.contains(&agent) {
        assert!(is_not_found(&done), "{what}: {done:?}");
        return Ok(());
    }
    let comes = matches!(what, 0..5 | 8..10);
    let changes_nothing =
        matches!(what, 8..10) && (!model.open || model.is_here(agent) || !model.has_left(agent));
    if comes && is_mute && !changes_nothing {
        assert!(matches!(done, Err(Error::Forbidden(_))), "{what}: {done:?}");
        return Ok(());
    }
    match what {
        0..3 => model.join(now, now, agent),
        3..5 => model.take_over(now, agent),
        5..8 => model.leave(now, agent, true),
        8..10 if changes_nothing => (),
        8..10 => model.come_back(now, agent),
        10 if model.open => {
            model.open = false;
            model.told.push(Event::ConversationResolved);
        }
        10 => (),
        11 => model.open(now),
        _ if model.is_here(agent) => model.open(now),
        _ => {
            assert!(matches!(done, Err(Error::Conflict(_))));
            return Ok(());
        }
    }
    done
}

/// What is done by the visitor, or to an agent by who stands above him.
fn house(
    w: &Writer,
    shop: &Shop,
    model: &mut Model,
    (what, n, agent): (u64, i64, AgentId),
) -> Result<()> {
    let now = NOW + n * MINUTE;
    match what {
        13..15 => {
            // Where it was written, whether that is resolved or not.
            let key = conversations::find(w, Actor::House, shop.talk)?.key;
            let line = line(&format!("line-number-{n}"));
            conversations::write_in(w, now, &shop.visitor, Some(&key), line)?;
            model.open(now);
            return Ok(());
        }
        15 if !model.gone.contains(&agent) => {
            shop.deactivates(w, now, agent)?;
            model.gone.push(agent);
        }
        15 | 16 => {
            changes(w, now, || team::reactivate(w, now, &shop.boss(), agent))?;
            model.gone.retain(|it| *it != agent);
        }
        17 => {
            toggle(&mut model.blind, agent);
            names(w, shop, model, now)?;
        }
        18 => {
            toggle(&mut model.mute, agent);
            shop.lets_answer(w, now, agent, !model.mute.contains(&agent))?;
        }
        // He gets all of it back.
        _ => {
            model.blind.retain(|it| *it != agent);
            model.mute.retain(|it| *it != agent);
            names(w, shop, model, now)?;
            shop.lets_answer(w, now, agent, true)?;
        }
    }
    model.changed(now, agent);
    Ok(())
}

fn names(w: &Writer, shop: &Shop, model: &Model, now: Timestamp) -> Result<()> {
    let sees = |it: &&AgentId| !model.blind.contains(it);
    let named: Vec<AgentId> = shop.agents.iter().filter(sees).copied().collect();
    shop.names(w, now, &named)
}

fn check(w: &Writer, shop: &Shop, model: &Model) -> Result<()> {
    let found = conversations::find(w, Actor::House, shop.talk)?;
    assert_eq!(found.state == State::Open, model.open);
    assert_eq!(found.assignee, model.responsible);
    let mut expected = model.here.clone();
    expected.sort_by_key(|(it, since)| (Some(*it) != model.responsible, *since, *it));
    let here = participants::list(w, shop.talk)?;
    let told: Vec<_> = here.iter().map(|it| (it.agent, it.since)).collect();
    assert_eq!(told, expected);
    for it in here {
        let is_responsible = it.role == Part::Responsible;
        assert_eq!(is_responsible, found.assignee == Some(it.agent));
        assert!(!model.open || model.may(it.agent));
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
    let mut told = 0;
    for seed in 0..40 {
        scratch(|w| {
            let shop = shop(w)?;
            let mut dice = Dice(seed * 7919 + 1);
            let mut model = Model {
                open: true,
                ..Model::default()
            };
            for n in 1..120 {
                step(w, &shop, &mut model, &mut dice, n)?;
                check(w, &shop, &model)?;
            }
            told += model.told.len();
            Ok(())
        })
        .unwrap();
    }
    assert!(1_000 < told, "most of them were lively: {told}");
}
