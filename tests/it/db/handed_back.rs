//! What the upgrade that knows who takes part does with chats of whoever may not.

use std::fs;
use std::path::Path;

use rusqlite::params;
use shopbell::conversations::participants::{self, Role};
use shopbell::db::{DataFolder, Db};
use shopbell::events::Event;
use shopbell::kernel::{Actor, AgentId, ConversationId, Seq};
use shopbell::{conversations, journal};
use tempfile::TempDir;

use super::{left_by, look, number, releases, texts};

/// A data folder as it is right before one of the migrations.
fn left_before(next: &str) -> TempDir {
    let home = left_by(&releases()[0]);
    let connection = look(&home);
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    let done = texts(&connection, "select name from migrations");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = fs::read_dir(&folder).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    let mut pending: Vec<String> = names.collect();
    pending.retain(|it| it.as_str() < next && !done.contains(it));
    pending.sort();
    for name in pending {
        let sql = fs::read_to_string(folder.join(&name)).unwrap();
        connection.execute_batch(&sql).unwrap();
        let insert = "insert into migrations values (?1, 0)";
        connection.execute(insert, params![name]).unwrap();
    }
    home
}

#[test]
fn an_upgrade_hands_back_what_is_open_of_whoever_may_not_answer_there() {
    let home = left_before("202611270601_conversations_participants.sql");
    let before = look(&home);
    // Ada may all. Bob no longer works here, Zoé sees no site, Dan may not answer
    // anybody; all of them have.
    before
        .execute_batch(
            "update agents set role = 'agent', deactivated_at = 5 where id = 2;
             insert into agents (id, email, name, role, lang, created_at, may) values
                 (4, 'dan@mugs.example', 'Dan', 'agent', 'en', 0, 'products'),
                 (5, 'eve@mugs.example', 'Eve', 'agent', 'en', 0, 'apps customers');
             insert into site_members (site, agent) select id, 1 from sites;
             insert into site_members (site, agent) values (1, 4), (1, 5);
             update conversations set state = 'open', assignee = 2 where id = 1;
             update conversations set state = 'open', assignee = 3 where id = 3;
             insert into conversations (id, key, site, visitor, state, assignee, created_at, last_at)
                 select 100 + a.id, 'c_of_' || a.id, 1, 1, 'open', a.id, 7, 8 from agents a;
             insert into conversations (id, key, site, visitor, state, assignee, created_at, last_at)
                 values (200, 'c_over', 1, 1, 'resolved', 3, 7, 8);
             insert into messages (id, conversation, kind, agent, body, cid, at) values
                 (34, 3, 'agent', 2, 'I', 'also-here-1', 1), (35, 3, 'agent', 4, 'I', 'also-here-2', 2),
                 (36, 3, 'agent', 5, 'I', 'also-here-3', 3), (37, 3, 'agent', 1, 'I', 'also-here-4', 4),
                 (38, 105, 'agent', 3, 'I', 'also-here-5', 5);",
        )
        .unwrap();
    let told = number(
        &before,
        "select seq from sqlite_sequence where name = 'journal'",
    );
    drop(before);
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());

    let after = look(&home);
    let here = |id: i64| {
        let list = participants::list(&after, ConversationId(id)).unwrap();
        let found = conversations::find(&after, Actor::House, ConversationId(id)).unwrap();
        let first = list.first().filter(|it| it.role == Role::Responsible);
        assert_eq!(first.map(|it| it.agent), found.assignee, "{id}");
        list.iter().map(|it| it.agent.0).collect::<Vec<_>>()
    };
    let all = [1, 3, 101, 102, 103, 104, 105, 200].map(here);
    let none = Vec::<i64>::new;
    // Of two who have answered the first has it; nobody helps who may not answer.
    let expected = [
        vec![1],
        vec![5, 1],
        vec![1],
        none(),
        none(),
        none(),
        vec![5],
        vec![3],
    ];
    assert_eq!(all, expected);

    // It is told and written down as the verbs do it.
    let mut facts = Vec::new();
    let mut from = Seq(told);
    loop {
        let reading = journal::after(&after, from).unwrap();
        let Some(last) = reading.last else { break };
        from = last;
        facts.extend(reading.facts);
    }
    let of = |id: i64| {
        let own = facts
            .iter()
            .filter(|it| it.subject == ConversationId(id).into());
        own.map(|it| it.event.clone()).collect::<Vec<_>>()
    };
    let (assigned, left) = (
        |to: Option<i64>| Event::Assigned {
            to: to.map(AgentId),
        },
        |agent: i64| Event::Left {
            agent: AgentId(agent),
        },
    );
    assert_eq!(of(3), [assigned(Some(5)), left(3)]);
    assert_eq!(of(103), [assigned(None), left(3)]);
    assert_eq!((of(105), of(200)), (vec![], vec![]));
    assert_eq!(facts.len(), 2 * 5);
    let lines = conversations::list_changes(&after, ConversationId(3)).unwrap();
    let line = lines.last().unwrap();
    assert_eq!(
        Some(line.id),
        facts.iter().map(|it| it.seq).find(|it| *it == line.id)
    );
    let deed = line.deed.as_ref().unwrap();
    assert!(deed.for_visitor);
    assert_eq!(deed.answers(), Some("Eve"));
    assert_eq!(deed.data["who"], "Zoé");
}
