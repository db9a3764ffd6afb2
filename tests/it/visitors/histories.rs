//! Random histories: visitors write from several browsers, send again what they are
//! unsure of, turn out to be one person and do not after all, while agents resolve and
//! people are erased. After every step each browser reads exactly what a small model
//! says is its person's, each line once.

use std::collections::{BTreeMap, BTreeSet};

use shopbell::contacts;
use shopbell::conversations::{self, State, dialogues};
use shopbell::db::{Writer, scratch};
use shopbell::error::Error;
use shopbell::kernel::{Actor, ConversationId, ConversationKey, SiteId, VisitorId};
use shopbell::visitors::{self, merging};

use super::{Browser, arrives, site};
use crate::support::{Dice, NOW};

const HISTORIES: u64 = 60;
const STEPS: usize = 60;
const BROWSERS: usize = 5;

struct Talk {
    key: ConversationKey,
    whose: VisitorId,
    is_open: bool,
    lines: Vec<String>,
}

/// A line as its browser remembers it.
#[derive(Clone)]
struct Sent {
    cid: String,
    body: String,
    id: i64,
    talk: ConversationId,
}

/// What one who went has brought.
#[derive(Clone, Default)]
struct Brought {
    browsers: BTreeSet<usize>,
    talks: BTreeSet<ConversationId>,
    people: BTreeSet<VisitorId>,
}

struct Town<'w> {
    w: &'w Writer<'w>,
    dice: Dice,
    site: SiteId,
    browsers: Vec<Browser>,
    /// Of each browser.
    whose: Vec<VisitorId>,
    sent: Vec<Vec<Sent>>,
    talks: BTreeMap<ConversationId, Talk>,
    /// Those the shop knows, and as whom.
    known: BTreeMap<VisitorId, &'static str>,
    /// Those who went, to whom.
    gone: BTreeMap<VisitorId, VisitorId>,
    brought: BTreeMap<VisitorId, Brought>,
    count: usize,
    /// Several browsers send under the same ids.
    clashes: bool,
}

impl<'w> Town<'w> {
    fn new(w: &'w Writer<'w>, seed: u64) -> Self {
        let site = site(w, "Mugs").unwrap();
        let browsers: Vec<Browser> = (0..BROWSERS).map(|_| arrives(w, site).unwrap()).collect();
        Self {
            w,
            dice: Dice(seed * 7919 + 1),
            site,
            whose: browsers.iter().map(|it| it.who(w)).collect(),
            sent: vec![Vec::new(); BROWSERS],
            browsers,
            talks: BTreeMap::new(),
            known: BTreeMap::new(),
            gone: BTreeMap::new(),
            brought: BTreeMap::new(),
            count: 0,
            clashes: seed.is_multiple_of(2),
        }
    }

    fn step(&mut self) {
        let n = self.dice.roll(BROWSERS);
        match self.dice.roll(20) {
            0..=7 => self.write(n),
            8..=9 => self.send_again(n),
            10..=12 => self.resolve(),
            13..=14 => self.learn(n),
            15..=16 => self.merge(n),
            17..=18 => self.part(),
            // Of two lines under one id one may stand under another than whose
            // conversation it is in, and go with him.
            _ if self.clashes => self.write(n),
            _ => self.erase(n),
        }
    }

    fn talks_of(&self, who: VisitorId) -> Vec<ConversationId> {
        let own = self.talks.iter().filter(|(_, it)| it.whose == who);
        own.map(|(id, _)| *id).collect()
    }

    /// Where the policy says that a line goes; none where it begins a conversation.
    fn expected(&self, who: VisitorId, named: Option<ConversationId>) -> Option<ConversationId> {
        let own = self.talks_of(who);
        let is_open = |id: &&ConversationId| self.talks[*id].is_open;
        let open = own.iter().rev().find(is_open).copied();
        let named = named.filter(|it| own.contains(it));
        match self.known.contains_key(&who) {
            true => {
                let named = named.filter(|it| self.talks[it].is_open);
                named.or(open).or(own.last().copied())
            }
            false => named.or(open),
        }
    }

    fn write(&mut self, n: usize) {
        self.count += 1;
        let who = self.whose[n];
        let body = format!("line {} of {n}", self.count);
        let cid = match self.clashes && self.dice.roll(3) == 0 {
            true => format!("shared-{}", self.dice.roll(4)),
            false => format!("a-line-{}", self.count),
        };
        let all: Vec<ConversationId> = self.talks.keys().copied().collect();
        let named = match self.dice.roll(3) {
            0 => self.dice.one_of(&all),
            _ => None,
        };
        let expected = self.expected(who, named);
        let key = named.map(|it| self.talks[&it].key.clone());
        let posted = match self.browsers[n].sends(self.w, key.as_ref(), &cid, &body) {
            Err(Error::Conflict(_)) => return assert!(cid.starts_with("shared")),
            posted => posted.unwrap(),
        };
        assert!(posted.fresh);
        let id = posted.message.conversation;
        assert_eq!(expected.is_none(), posted.started, "{body}");
        assert_eq!(expected.unwrap_or(id), id, "{body}");
        let talk = self.talks.entry(id).or_insert_with(|| Talk {
            key: posted.key.clone(),
            whose: who,
            is_open: true,
            lines: Vec::new(),
        });
        assert_eq!(posted.reopened, !talk.is_open);
        talk.is_open = true;
        talk.lines.push(body.clone());
        self.sent[n].push(Sent {
            cid,
            body,
            id: posted.message.id.0,
            talk: id,
        });
    }

    /// He did not hear that it had arrived.
    fn send_again(&mut self, n: usize) {
        let all: Vec<ConversationId> = self.talks.keys().copied().collect();
        let named = self.dice.one_of(&all).map(|it| self.talks[&it].key.clone());
        if let Some(sent) = self.dice.one_of(&self.sent[n]) {
            let again = self.browsers[n].sends(self.w, named.as_ref(), &sent.cid, &sent.body);
            let again = again.unwrap();
            assert_eq!((again.fresh, again.message.id.0), (false, sent.id));
        }
    }

    fn resolve(&mut self) {
        let open = self.talks.iter().filter(|(_, it)| it.is_open);
        let open: Vec<ConversationId> = open.map(|(id, _)| *id).collect();
        if let Some(id) = self.dice.one_of(&open) {
            conversations::resolve(self.w, NOW, Actor::House, id).unwrap();
            self.talks.get_mut(&id).unwrap().is_open = false;
        }
    }

    fn learn(&mut self, n: usize) {
        let who = self.whose[n];
        let reference = ["ann", "ben"][self.dice.roll(2)];
        let first = self.known.iter().find(|(_, it)| **it == reference);
        let first = first.map(|(it, _)| *it);
        let said = contacts::know(self.w, NOW, who, reference);
        match (self.known.get(&who), first) {
            (Some(own), _) if *own != reference => assert!(matches!(said, Err(Error::Conflict(_)))),
            (None, Some(first)) => {
                assert_eq!(said.unwrap().visitor, first);
                self.moved(who, first);
            }
            _ => {
                assert_eq!(said.unwrap().visitor, who);
                self.known.insert(who, reference);
            }
        }
    }

    fn merge(&mut self, n: usize) {
        let (who, other) = (self.whose[n], self.whose[self.dice.roll(BROWSERS)]);
        let done = merging::merge(self.w, NOW, Actor::House, who, other);
        match who == other || self.known.contains_key(&who) {
            true => assert!(matches!(done, Err(Error::Conflict(_)))),
            false => {
                done.unwrap();
                self.moved(who, other);
            }
        }
    }

    fn moved(&mut self, gone: VisitorId, stays: VisitorId) {
        let mut brought = Brought::default();
        for (n, whose) in self.whose.iter_mut().enumerate() {
            if *whose == gone {
                *whose = stays;
                brought.browsers.insert(n);
            }
        }
        for (id, talk) in &mut self.talks {
            if talk.whose == gone {
                talk.whose = stays;
                brought.talks.insert(*id);
            }
        }
        for (id, to) in &mut self.gone {
            if *to == gone {
                *to = stays;
                brought.people.insert(*id);
            }
        }
        self.gone.insert(gone, stays);
        self.brought.insert(gone, brought);
    }

    fn part(&mut self) {
        let gone: Vec<VisitorId> = self.gone.keys().copied().collect();
        let Some(back) = self.dice.one_of(&gone) else {
            return;
        };
        merging::part(self.w, NOW, Actor::House, back).unwrap();
        let stayed = self.gone.remove(&back).unwrap();
        let brought = self.brought.remove(&back).unwrap();
        for n in &brought.browsers {
            if self.whose[*n] == stayed {
                self.whose[*n] = back;
            }
        }
        for id in &brought.talks {
            if let Some(talk) = self.talks.get_mut(id).filter(|it| it.whose == stayed) {
                talk.whose = back;
            }
        }
        for id in &brought.people {
            if let Some(to) = self.gone.get_mut(id).filter(|it| **it == stayed) {
                *to = back;
            }
        }
        let gone = &self.gone;
        let elsewhere = self.brought.iter_mut().filter(|(id, _)| gone[*id] != back);
        for (_, other) in elsewhere {
            other.browsers.retain(|it| !brought.browsers.contains(it));
            other.talks.retain(|it| !brought.talks.contains(it));
            other.people.retain(|it| !brought.people.contains(it));
            other.people.remove(&back);
        }
    }

    /// The person, with all that was his; his browsers arrive anew.
    fn erase(&mut self, n: usize) {
        let who = self.whose[n];
        let gone = self
            .w
            .execute("delete from visitors where id = ?1", [who.0]);
        assert_eq!(gone.unwrap(), 1);
        self.talks.retain(|_, it| it.whose != who);
        self.known.remove(&who);
        let with_him: Vec<VisitorId> = self.gone.keys().copied().collect();
        for id in with_him.iter().filter(|it| self.gone[*it] == who) {
            self.brought.remove(id);
        }
        self.gone.retain(|_, to| *to != who);
        for n in 0..BROWSERS {
            if self.whose[n] == who {
                self.browsers[n] = arrives(self.w, self.site).unwrap();
                self.whose[n] = self.browsers[n].who(self.w);
                self.sent[n].clear();
                for brought in self.brought.values_mut() {
                    brought.browsers.remove(&n);
                }
            } else {
                // What he wrote in a conversation of somebody who is gone.
                let talks = &self.talks;
                self.sent[n].retain(|it| talks.contains_key(&it.talk));
            }
        }
    }

    fn check(&self) {
        let all = "select count(*) from messages where kind = 'visitor'";
        let lines: i64 = self.w.query_row(all, [], |row| row.get(0)).unwrap();
        let told: usize = self.talks.values().map(|it| it.lines.len()).sum();
        assert_eq!(lines, told as i64);
        for (n, browser) in self.browsers.iter().enumerate() {
            let who = self.whose[n];
            assert_eq!(browser.who(self.w), who);
            let known = visitors::find(self.w, who).unwrap().contact;
            assert_eq!(known.is_some(), self.known.contains_key(&who));
            let mut expected = Vec::new();
            for id in self.talks_of(who) {
                let lines = self.talks[&id].lines.iter();
                expected.extend(lines.map(|it| (id, it.clone())));
            }
            assert_eq!(browser.history(self.w), expected);
            let current = dialogues::current(self.w, who).unwrap();
            let state = current.map(|it| it.state == State::Open);
            assert_eq!(state.unwrap_or_default(), {
                let mut own = self.talks_of(who).into_iter();
                own.any(|it| self.talks[&it].is_open)
            });
        }
    }
}

#[test]
fn whatever_happens_every_browser_opens_its_persons_lines_and_each_line_once() {
    for seed in 0..HISTORIES {
        scratch(|w| {
            let mut town = Town::new(w, seed);
            for _ in 0..STEPS {
                town.step();
                town.check();
            }
            Ok(())
        })
        .unwrap();
    }
}
