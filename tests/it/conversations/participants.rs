//! Who takes part: one is responsible, others help, and whoever leaves hands on
//! what was his.

mod model;
mod screens;
mod strangers;

use shopbell::accounts::team::{self, NewMember};
use shopbell::accounts::{NewAgent, Role, Viewer};
use shopbell::conversations::participants::{self, Role as Part, work};
use shopbell::conversations::{self, NewMessage, State};
use shopbell::db::{Reader, Writer, scratch};
use shopbell::error::{Error, Result};
use shopbell::events::Event;
use shopbell::journal::{self, Fact};
use shopbell::kernel::{
    Actor, AgentId, ConversationId, May, Permissions, Seq, Sight, SiteId, Subject, Timestamp,
};
use shopbell::texts::Lang;
use shopbell::visitors::Visitor;
use shopbell::{accounts, sites, timers, visitors};

use crate::support::NOW;

/// A shop in which a visitor has written: its owner, and three who answer.
struct Shop {
    site: SiteId,
    owner: AgentId,
    agents: Vec<AgentId>,
    visitor: Visitor,
    talk: ConversationId,
}

fn shop(w: &Writer) -> Result<Shop> {
    let site = sites::create(w, NOW, "Mugs", Lang::En, "UTC")?;
    let add = |name: &str, role| {
        let new = NewAgent {
            email: format!("{}@mugs.example", name.to_lowercase()),
            name: name.to_owned(),
            role,
            lang: Lang::En,
            password: None,
        };
        accounts::add(w, NOW, new)
    };
    let owner = add("Olga", Role::Owner)?;
    let agents = ["Ada", "Ben", "Cem"].map(|it| add(it, Role::Agent));
    let agents = agents.into_iter().collect::<Result<_>>()?;
    let (visitor, _) = visitors::arrive(w, NOW, site, "en")?;
    let posted = conversations::write_in(w, NOW, &visitor, None, line("visitor-1"))?;
    Ok(Shop {
        site,
        owner,
        agents,
        visitor,
        talk: posted.message.conversation,
    })
}

fn line(cid: &str) -> NewMessage {
    NewMessage {
        body: "a line".to_owned(),
        cid: cid.to_owned(),
        ..NewMessage::default()
    }
}

impl Shop {
    fn boss(&self) -> Viewer {
        Viewer {
            id: self.owner,
            role: Role::Owner,
            sight: Sight::ALL,
            may: Permissions::of(Role::Owner, Permissions::default()),
        }
    }

    fn answers(&self, w: &Writer, now: Timestamp, agent: AgentId, cid: &str) -> Result<()> {
        let by = Actor::Agent(agent);
        conversations::post_message(w, now, by, self.talk, line(cid)).map(|_| ())
    }

    fn deactivates(&self, w: &Writer, now: Timestamp, agent: AgentId) -> Result<()> {
        changes(w, now, || team::deactivate(w, now, &self.boss(), agent))
    }

    /// The owner is among them, so that the site is never everybody's again.
    fn names(&self, w: &Writer, now: Timestamp, agents: &[AgentId]) -> Result<()> {
        let by = Actor::Agent(self.owner);
        let all = [&[self.owner], agents].concat();
        changes(w, now, || team::set_members(w, now, by, self.site, &all))
    }

    fn lets_answer(&self, w: &Writer, now: Timestamp, agent: AgentId, yes: bool) -> Result<()> {
        let new = NewMember {
            name: accounts::find(w, agent)?.name,
            role: Role::Agent,
            given: yes.then_some(May::Customers).into_iter().collect(),
        };
        changes(w, now, || team::change(w, now, &self.boss(), agent, &new))
    }

    fn here(&self, r: &Reader) -> Vec<(AgentId, Part)> {
        let all = participants::list(r, self.talk).unwrap();
        all.iter().map(|it| (it.agent, it.role)).collect()
    }

    fn responsible(&self, r: &Reader) -> Option<AgentId> {
        let found = conversations::find(r, Actor::House, self.talk);
        found.unwrap().assignee
    }

    /// What happened to who takes part, and to the state.
    fn told(&self, r: &Reader) -> Vec<Event> {
        let mut told = Vec::new();
        let mut from = Seq(0);
        loop {
            let reading = journal::after(r, from).unwrap();
            let Some(last) = reading.last else {
                return told;
            };
            from = last;
            let here = |it: &Fact| it.subject == Subject::Conversation(self.talk);
            let facts = reading.facts.into_iter().filter(here);
            told.extend(facts.map(|it| it.event).filter(is_told));
        }
    }
}

fn is_told(event: &Event) -> bool {
    matches!(
        event,
        Event::AgentJoined
            | Event::Assigned { .. }
            | Event::Left { .. }
            | Event::ConversationResolved
            | Event::ConversationReopened
    )
}

/// What the follower and its timer do about what was changed is done at once.
fn changes<T>(w: &Writer, now: Timestamp, change: impl FnOnce() -> Result<T>) -> Result<()> {
    let from = journal::position(w)?;
    change()?;
    for fact in journal::after(w, from)?.facts {
        work::react(w, &fact)?;
        if let Subject::Agent(agent) = fact.subject {
            ring(w, now, agent)?;
        }
    }
    Ok(())
}

fn ring(w: &Writer, now: Timestamp, agent: AgentId) -> Result<()> {
    while let Some(timer) = timers::find(w, work::HAND_BACK, &agent.to_string())? {
        timers::clear(w, work::HAND_BACK, &timer.key)?;
        work::hand_back(w, now, &timer)?;
    }
    Ok(())
}

fn is_not_found(result: &Result<()>) -> bool {
    matches!(result, Err(Error::NotFound(_)))
}

#[test]
fn the_first_who_joins_is_responsible_and_the_next_stands_by_him() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben) = (shop.agents[0], shop.agents[1]);
        conversations::join(w, NOW, ada, shop.talk)?;
        conversations::join(w, NOW + 1, ben, shop.talk)?;
        let both = [(ada, Part::Responsible), (ben, Part::Helper)];
        assert_eq!(shop.here(w), both);
        // Twice is once.
        let before = shop.told(w);
        conversations::join(w, NOW + 2, ada, shop.talk)?;
        conversations::join(w, NOW + 2, ben, shop.talk)?;
        assert_eq!((shop.here(w), shop.told(w)), (both.to_vec(), before));
        // Both answer, and nobody else does.
        shop.answers(w, NOW + 3, ada, "of-ada-1")?;
        shop.answers(w, NOW + 3, ben, "of-ben-1")?;
        let refused = shop.answers(w, NOW + 3, shop.agents[2], "of-cem-1");
        assert!(matches!(refused, Err(Error::Conflict(_))));
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_takes_over_is_responsible_and_who_was_stays() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben, cem) = (shop.agents[0], shop.agents[1], shop.agents[2]);
        conversations::join(w, NOW, ada, shop.talk)?;
        conversations::join(w, NOW + 1, ben, shop.talk)?;
        conversations::take_over(w, NOW + 2, ben, shop.talk)?;
        conversations::take_over(w, NOW + 3, ben, shop.talk)?;
        assert_eq!(
            shop.here(w),
            [(ben, Part::Responsible), (ada, Part::Helper)]
        );
        // Two at once: each did it, the last one has it.
        conversations::take_over(w, NOW + 4, cem, shop.talk)?;
        assert_eq!(shop.responsible(w), Some(cem));
        assert_eq!(shop.here(w).len(), 3);
        let assigned = |to| Event::Assigned { to: Some(to) };
        let told = [
            assigned(ada),
            Event::AgentJoined,
            Event::AgentJoined,
            assigned(ben),
            Event::AgentJoined,
            assigned(cem),
        ];
        assert_eq!(shop.told(w), told);
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_somebody_leaves_goes_to_who_has_helped_longest_and_then_back_to_all() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben, cem) = (shop.agents[0], shop.agents[1], shop.agents[2]);
        for (n, agent) in [ada, cem, ben].into_iter().enumerate() {
            conversations::join(w, NOW + n as i64, agent, shop.talk)?;
        }
        let since = conversations::find(w, Actor::House, shop.talk)?.waiting_since;
        assert!(since.is_some());
        conversations::leave(w, NOW + 5, ada, shop.talk)?;
        assert_eq!(
            shop.here(w),
            [(cem, Part::Responsible), (ben, Part::Helper)]
        );
        conversations::leave(w, NOW + 6, ben, shop.talk)?;
        conversations::leave(w, NOW + 7, cem, shop.talk)?;
        assert_eq!((shop.here(w), shop.responsible(w)), (vec![], None));
        // The visitor waits as before.
        let found = conversations::find(w, Actor::House, shop.talk)?;
        assert_eq!(found.waiting_since, since);
        // Who is not there leaves nothing.
        let before = shop.told(w);
        conversations::leave(w, NOW + 8, cem, shop.talk)?;
        assert_eq!(shop.told(w), before);
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_takes_his_leaving_back_has_what_was_his_unless_it_went_on() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben, cem) = (shop.agents[0], shop.agents[1], shop.agents[2]);
        let talk = shop.talk;
        conversations::join(w, NOW, ada, talk)?;
        conversations::leave(w, NOW, ada, talk)?;
        conversations::come_back(w, NOW, ada, talk)?;
        assert_eq!(shop.responsible(w), Some(ada));
        conversations::join(w, NOW + 1, ben, talk)?;
        conversations::leave(w, NOW + 2, ada, talk)?;
        assert_eq!(shop.responsible(w), Some(ben));
        conversations::come_back(w, NOW + 3, ada, talk)?;
        assert_eq!(
            shop.here(w),
            [(ada, Part::Responsible), (ben, Part::Helper)]
        );
        // Saying it again moves nothing, nor does who only helped get more.
        conversations::take_over(w, NOW + 4, ben, talk)?;
        conversations::come_back(w, NOW + 5, ada, talk)?;
        conversations::leave(w, NOW + 6, ada, talk)?;
        conversations::come_back(w, NOW + 7, ada, talk)?;
        assert_eq!(shop.responsible(w), Some(ben));
        // A third has it by now.
        conversations::leave(w, NOW + 8, ben, talk)?;
        conversations::take_over(w, NOW + 9, cem, talk)?;
        conversations::come_back(w, NOW + 10, ben, talk)?;
        assert_eq!(shop.responsible(w), Some(cem));
        // What was resolved meanwhile stays so.
        conversations::leave(w, NOW + 11, ben, talk)?;
        conversations::resolve(w, NOW + 12, Actor::Agent(ada), talk)?;
        conversations::come_back(w, NOW + 13, ben, talk)?;
        let found = conversations::find(w, Actor::House, talk)?;
        assert_eq!(found.state, State::Resolved);
        assert_eq!(shop.here(w).len(), 2);
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_takes_his_leaving_back_has_been_there_since_when_he_was() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben, cem) = (shop.agents[0], shop.agents[1], shop.agents[2]);
        let talk = shop.talk;
        for (n, agent) in [ada, ben, cem].into_iter().enumerate() {
            conversations::join(w, NOW + n as i64, agent, talk)?;
        }
        let since = |agent| {
            let all = participants::list(w, talk).unwrap();
            all.iter().find(|it| it.agent == agent).map(|it| it.since)
        };
        let minutes = |n: i64| NOW + n * 60_000;
        conversations::leave(w, minutes(1), ben, talk)?;
        conversations::come_back(w, minutes(11), ben, talk)?;
        assert_eq!(since(ben), Some(NOW + 1));
        // He helps longest, as before.
        conversations::leave(w, minutes(12), ada, talk)?;
        assert_eq!(shop.responsible(w), Some(ben));
        // Later than ten minutes it is joining, and nothing is taken from anybody.
        conversations::come_back(w, minutes(22) + 1, ada, talk)?;
        assert_eq!(since(ada), Some(minutes(22) + 1));
        assert_eq!(shop.responsible(w), Some(ben));
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_did_not_leave_has_nothing_to_take_back_and_does_not_come_by_that() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben) = (shop.agents[0], shop.agents[1]);
        conversations::come_back(w, NOW, ben, shop.talk)?;
        assert!(shop.here(w).is_empty());
        conversations::join(w, NOW, ada, shop.talk)?;
        let before = shop.told(w);
        conversations::come_back(w, NOW, ben, shop.talk)?;
        assert_eq!(shop.here(w), [(ada, Part::Responsible)]);
        assert_eq!(shop.told(w), before);
        Ok(())
    })
    .unwrap();
}

#[test]
fn nothing_is_taken_back_from_who_was_made_responsible_since() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben, cem) = (shop.agents[0], shop.agents[1], shop.agents[2]);
        for agent in [ada, ben, cem] {
            conversations::join(w, NOW, agent, shop.talk)?;
        }
        conversations::leave(w, NOW + 1, ada, shop.talk)?;
        assert_eq!(shop.responsible(w), Some(ben));
        // It is with whom it went to, but by his own doing.
        conversations::take_over(w, NOW + 2, cem, shop.talk)?;
        conversations::take_over(w, NOW + 3, ben, shop.talk)?;
        conversations::come_back(w, NOW + 4, ada, shop.talk)?;
        assert_eq!(shop.responsible(w), Some(ben));
        assert_eq!(shop.here(w).len(), 3);
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_lies_out_of_sight_is_neither_joined_nor_taken_nor_left() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben) = (shop.agents[0], shop.agents[1]);
        conversations::join(w, NOW, ada, shop.talk)?;
        team::set_members(w, NOW, Actor::House, shop.site, &[ada])?;
        let before = shop.told(w);
        for deed in [
            conversations::join,
            conversations::take_over,
            conversations::leave,
            conversations::come_back,
        ] {
            assert!(is_not_found(&deed(w, NOW, ben, shop.talk)));
        }
        assert_eq!(shop.told(w), before);
        // Who sees it does all of that.
        team::set_members(w, NOW, Actor::House, shop.site, &[ada, ben])?;
        for deed in [
            conversations::join,
            conversations::take_over,
            conversations::leave,
            conversations::come_back,
        ] {
            let before = shop.told(w).len();
            deed(w, NOW, ben, shop.talk)?;
            assert!(before < shop.told(w).len());
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn who_no_longer_works_here_hands_back_all_that_is_open_and_the_rest_once_it_is_opened() {
    scratch(|w| {
        let shop = shop(w)?;
        let (ada, ben) = (shop.agents[0], shop.agents[1]);
        let mut talks = vec![shop.talk];
        for n in 0..230 {
            let (visitor, _) = visitors::arrive(w, NOW, shop.site, "en")?;
            let posted = conversations::write_in(w, NOW, &visitor, None, line("visitor-1"))?;
            talks.push(posted.message.conversation);
            if n % 2 == 0 {
                conversations::join(w, NOW, ben, posted.message.conversation)?;
            }
        }
        for talk in &talks {
            conversations::join(w, NOW, ada, *talk)?;
        }
        let over = talks[0];
        conversations::resolve(w, NOW, Actor::Agent(ben), over)?;
        shop.deactivates(w, NOW, ada)?;
        for (n, talk) in talks.iter().enumerate().skip(1) {
            let found = conversations::find(w, Actor::House, *talk)?;
            // The first of them came second.
            assert_eq!(found.assignee, (n % 2 == 1).then_some(ben), "{n}");
            assert!(!participants::takes_part(w, *talk, ada)?);
        }
        assert_eq!(shop.responsible(w), Some(ada), "that is history");
        conversations::reopen(w, NOW, Actor::Agent(ben), over)?;
        assert_eq!((shop.responsible(w), shop.here(w)), (None, vec![]));

        // Who was called back meanwhile keeps what he has.
        team::reactivate(w, NOW, &shop.boss(), ada)?;
        conversations::join(w, NOW, ada, over)?;
        timers::set(w, work::HAND_BACK, &ada.to_string(), NOW, &())?;
        ring(w, NOW, ada)?;
        assert_eq!(shop.responsible(w), Some(ada));
        Ok(())
    })
    .unwrap();
}
