//! What a narrowed list costs: what it shows, whatever it leaves out.

use shopbell::conversations::Windows;
use shopbell::conversations::lists::{self, Filter, List, Period, Responsible};
use shopbell::db::{Reader, scratch};
use shopbell::kernel::{AgentId, Sight, SiteId};
use shopbell::server;

use super::cost;
use crate::conversations::filters::{ADA, BOB, COLOUR, NOVEMBER, day, shops};

const FAY: AgentId = AgentId(4);

/// What SQLite does for a question, step by step.
fn plan(r: &Reader, question: &str) -> Vec<String> {
    let mut explain = r
        .prepare(&format!("explain query plan {question}"))
        .unwrap();
    let mut steps = explain.raw_query();
    let mut all = Vec::new();
    while let Some(step) = steps.next().unwrap() {
        all.push(step.get("detail").unwrap());
    }
    all
}

#[test]
fn every_wing_finds_by_an_index_what_a_value_applies_to_and_whether_it_applies_to_this_one() {
    let mut windows = Windows::default();
    for wing in server::wings() {
        wing.windows.iter().for_each(|open| open(&mut windows));
    }
    let done = scratch(|w| {
        for it in windows.narrowings() {
            let all = it.conversations.replace(":value", "?1");
            let one = format!("with w(id) as ({all}) select 1 from w where id = ?2");
            for question in [&all, &one] {
                let steps = plan(w, question);
                let reads = steps.iter().filter(|it| it.starts_with("SCAN"));
                assert_eq!(reads.count(), 0, "{}: {steps:#?}", it.name);
            }
        }
        w.execute_batch("create table heap (conversation integer, colour integer)")?;
        let steps = plan(w, "select conversation from heap where colour = ?1");
        assert!(steps[0].starts_with("SCAN"), "{steps:?}");
        Ok(())
    });
    done.unwrap();
}

/// A shop in which Bob answers nearly everybody and nearly all are red; sixty are
/// nobody's, sixty Eve's, sixty green. Fay helps Bob in all he has. An hour lies between
/// two.
fn busy_lists(r: &Reader, many: i64) {
    shops(r);
    r.execute_batch(&format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {many})
             insert into conversations (id, key, site, visitor, state, assignee, created_at,
                 last_at, waiting_since)
             select i, 'c_' || i, 1, 1, iif(i % 3, 'open', 'resolved'),
                 case when i % ({many} / 60) = 0 then null
                     when i % ({many} / 60) = 1 then 3 else 2 end,
                 0, {NOVEMBER} + i * 3600000, iif(i % 3 = 1, {NOVEMBER} + i * 3600000, null)
             from n;
         insert into agents (id, email, name, role, lang, created_at)
             values (4, 'f@b.c', 'Fay', 'agent', 'en', 0);
         insert into site_members (site, agent) values (1, 4);
         insert into conversation_participants (conversation, agent, role, since, site)
             select id, assignee, 'responsible', 0, site from conversations
             where assignee is not null;
         insert into conversation_participants (conversation, agent, role, since, site,
                 waiting_since, quiet_since)
             select id, 4, 'helper', 0, site, waiting_since,
                 iif(state = 'open' and waiting_since is null, last_at, null)
             from conversations where assignee = 2;
         insert into colours select id, 1 from conversations;
         insert into colours select id, 2 from conversations where id % ({many} / 60) = 2;"
    ))
    .unwrap();
}

#[test]
fn a_narrowed_list_costs_what_it_shows_and_not_what_it_leaves_out() {
    let bobs = Sight::without([SiteId(3)]);
    let days = Period {
        from: Some(day(10)),
        to: Some(day(12)),
    };
    for list in [
        List::Inbox(ADA),
        List::Mine(BOB),
        List::Mine(FAY),
        List::Resolved,
    ] {
        let new = || Filter::new(list, &bobs);
        let whose = |agent| Filter {
            agent: Some(agent),
            ..new()
        };
        let colour = |value| Filter {
            wings: vec![(&COLOUR, value)],
            ..new()
        };
        let all = [
            new(),
            whose(Responsible::Nobody),
            whose(Responsible::Agent(BOB)),
            Filter {
                period: days,
                ..new()
            },
            Filter {
                period: days,
                ..whose(Responsible::Agent(BOB))
            },
            colour(1),
            colour(2),
            colour(4),
            Filter {
                period: days,
                ..colour(1)
            },
            Filter {
                site: Some(SiteId(1)),
                wings: vec![(&COLOUR, 1), (&COLOUR, 2)],
                period: days,
                ..whose(Responsible::Nobody)
            },
        ];
        for filter in all {
            let among = |many| {
                let work = |r: &Reader| {
                    lists::page(r, BOB, &filter, None).unwrap();
                };
                cost(|r| busy_lists(r, many), work)
            };
            let (few, many) = (among(2_400), among(24_000));
            assert!(
                many <= few + few / 5,
                "{few} steps, then {many}: {filter:?}"
            );
        }
    }
}
