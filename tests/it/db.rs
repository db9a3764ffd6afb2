//! What an upgrade, a copy and the schema itself must hold.

mod copies;
mod costs;
mod handed_back;
mod threads;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::{Connection, params};
use shopbell::conversations::dialogues;
use shopbell::conversations::lists::{self, Filter, List};
use shopbell::db::{DataFolder, Db, Reader, scratch};
use shopbell::error::Result;
use shopbell::events::Event;
use shopbell::kernel::{Actor, AgentId, ConversationId, Seq, Sight, SiteId, Subject};
use shopbell::{accounts, conversations, journal, sites, visitors};
use tempfile::TempDir;

/// What the program itself keeps up to date at a start.
const OUR_OWN: &[&str] = &["meta", "migrations", "sqlite_sequence"];

/// A database as each release so far leaves it, oldest first.
fn releases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/db");
    let entries = fs::read_dir(folder).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    found.retain(|it| it.extension().is_some_and(|it| it == "sql"));
    found.sort();
    assert!(!found.is_empty());
    found
}

/// A data folder with what one of them left.
fn left_by(release: &Path) -> TempDir {
    let home = TempDir::new().unwrap();
    let connection = Connection::open(home.path().join("shopbell.db")).unwrap();
    connection
        .execute_batch(&fs::read_to_string(release).unwrap())
        .unwrap();
    home
}

fn look(home: &TempDir) -> Connection {
    Connection::open(home.path().join("shopbell.db")).unwrap()
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut query = connection.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn tables(connection: &Connection) -> Vec<String> {
    texts(
        connection,
        "select name from sqlite_schema where type = 'table'",
    )
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Each row of a table as text, in a stable order.
fn rows(connection: &Connection, table: &str, columns: &[String]) -> Vec<String> {
    let quoted: Vec<String> = columns.iter().map(|it| format!("quote({it})")).collect();
    let all = quoted.join(" || '|' || ");
    texts(
        connection,
        &format!("select {all} from {table} order by {all}"),
    )
}

fn columns(connection: &Connection, table: &str) -> Vec<String> {
    texts(
        connection,
        &format!("select name from pragma_table_info('{table}')"),
    )
}

#[test]
fn a_database_of_each_release_is_brought_up_to_date_and_loses_nothing() {
    for release in releases() {
        let home = left_by(&release);
        let before = look(&home);
        let mut kept = BTreeMap::new();
        for table in tables(&before) {
            let columns = columns(&before, &table);
            let rows = rows(&before, &table, &columns);
            assert!(!rows.is_empty(), "{release:?} has no row in {table}");
            kept.insert(table, (columns, rows));
        }
        let counters = "select name || ' ' || seq from sqlite_sequence order by name";
        let counted = texts(&before, counters);
        drop(before);

        drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());

        let after = look(&home);
        for (table, (mut columns, rows)) in kept {
            if OUR_OWN.contains(&table.as_str()) {
                continue;
            }
            let now = self::columns(&after, &table);
            assert_eq!(
                number(&after, &format!("select count(*) from {table}")),
                rows.len() as i64,
                "{release:?}: {table}"
            );
            // What a later release has moved elsewhere cannot be compared here.
            let whole = columns.len();
            columns.retain(|it| now.contains(it));
            if columns.len() == whole {
                assert_eq!(self::rows(&after, &table, &columns), rows, "{table}");
            }
        }
        assert_eq!(texts(&after, counters), counted);
        assert_eq!(texts(&after, "pragma integrity_check"), ["ok"]);
    }
}

#[actix_web::test]
async fn an_upgraded_house_can_be_read() {
    for release in releases() {
        let home = left_by(&release);
        let folder = DataFolder::claim(home.path()).unwrap();
        let db = Db::open(&folder).unwrap();
        let read = db.read(|r| {
            assert_eq!(accounts::list(r)?.len(), 3);
            assert_eq!(sites::list(r)?.remove(0).name, "Mugs & More");
            assert_eq!(visitors::find(r, shopbell::kernel::VisitorId(2))?.number, 2);
            for (conversation, lines) in [(1, 5), (2, 7), (3, 1), (4, 0)] {
                let conversation = ConversationId(conversation);
                let (found, _) = conversations::list_messages(r, Actor::House, conversation, None)?;
                assert_eq!(found.len(), lines);
            }
            let facts = journal::after(r, Seq(0))?.facts;
            let about: Vec<Subject> = facts.iter().map(|it| it.subject).collect();
            assert_eq!(about, [2, 2, 3, 1].map(|it| ConversationId(it).into()));
            assert!(facts.iter().all(|it| it.by == Actor::House));
            Ok(journal::position(r)?.0)
        });
        assert_eq!(read.await.unwrap(), 40, "the journal goes on where it was");
    }
}

#[test]
fn lines_of_what_was_done_keep_their_word_their_reason_and_who_reads_them() {
    let home = left_by(&releases()[0]);
    let before = look(&home);
    before
        .execute_batch(
            "insert into messages (id, conversation, kind, change, body, cid, at) values
                 (33, 2, 'system', 'transcript_taken', '', 'change-33', 0),
                 (34, 2, 'system', 'transcript_refused', '550 \"no\"', 'change-34', 0),
                 (35, 2, 'system', 'no_reply_needed', '', 'change-35', 0),
                 (36, 2, 'system', 'reply_needed', '', 'change-36', 0),
                 (37, 2, 'system', 'slept', '', 'change-37', 0)",
        )
        .unwrap();
    drop(before);
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());

    let after = look(&home);
    let done = conversations::list_changes(&after, ConversationId(2)).unwrap();
    let deeds: Vec<_> = done.into_iter().filter_map(|it| it.deed).collect();
    let shown = |it: &&conversations::Deed| it.for_visitor;
    let words = |it: &conversations::Deed| it.word.clone();
    assert_eq!(
        deeds.iter().map(words).collect::<Vec<_>>().join(" "),
        "joined ended reopened transcript-queued resolved transcript-taken transcript-refused \
         no-reply reply slept"
    );
    assert_eq!(
        deeds.iter().filter(shown).map(words).collect::<Vec<_>>(),
        ["joined", "ended", "reopened", "resolved"]
    );
    assert_eq!(deeds[6].data, serde_json::json!({ "why": "550 \"no\"" }));
    assert_eq!(
        number(
            &after,
            "select count(*) from messages where kind = 'system' and body <> ''"
        ),
        0
    );
}

#[test]
fn what_was_told_of_transcripts_is_told_in_the_words_of_their_lines() {
    let home = left_by(&releases()[0]);
    let before = look(&home);
    before
        .execute_batch(
            r#"insert into journal (seq, conversation, at, fact) values
                 (41, 2, 0, '{"event":"transcript_sent","conversation":2}'),
                 (42, 2, 0, '{"event":"transcript_settled","conversation":2}'),
                 (43, 2, 0, '{"event":"transcript_settled","conversation":2}'),
                 (44, 3, 0, '{"event":"transcript_sent","conversation":3}'),
                 (45, 2, 0, '{"event":"no_reply_needed","conversation":2}');
               insert into messages (id, conversation, kind, change, body, cid, at) values
                 (41, 2, 'system', 'transcript_sent', '', 'change-41', 0),
                 (42, 2, 'system', 'transcript_taken', '', 'change-42', 0),
                 (43, 2, 'system', 'transcript_refused', '550 no', 'change-43', 0)"#,
        )
        .unwrap();
    drop(before);
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());

    let facts = journal::after(&look(&home), Seq(40)).unwrap().facts;
    let told = |word| Event::told(word, serde_json::Value::Null);
    let events: Vec<Event> = facts.iter().map(|it| it.event.clone()).collect();
    assert_eq!(
        events,
        [
            told("transcript-queued"),
            told("transcript-taken"),
            told("transcript-refused"),
            // Its line is gone; that one was asked for is still true.
            told("transcript-queued"),
            Event::NoReplyNeeded,
        ]
    );
    let about: Vec<Subject> = facts.iter().map(|it| it.subject).collect();
    assert_eq!(about, [2, 2, 2, 3, 2].map(|it| ConversationId(it).into()));
}

#[test]
fn an_upgrade_knows_who_takes_part() {
    let home = left_by(&releases()[0]);
    let before = look(&home);
    before
        .execute_batch(
            "insert into messages (id, conversation, kind, agent, body, cid, at) values
                 (41, 1, 'agent', 2, 'and so do I', 'also-here-1', 77),
                 (42, 1, 'note', 3, 'not I', 'not-here-1', 78),
                 (43, 2, 'agent', 1, 'it was over', 'not-here-2', 79)",
        )
        .unwrap();
    drop(before);
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());

    let after = look(&home);
    let here = texts(
        &after,
        "select conversation || ' ' || agent || ' ' || role || ' ' || since || ' ' || site
             || ' ' || coalesce(waiting_since, quiet_since, 0)
         from conversation_participants order by conversation, agent",
    );
    assert_eq!(
        here,
        [
            "1 1 responsible 1763701100000 1 0",
            "1 2 helper 77 1 1763701300000",
            "2 2 responsible 1763702100000 1 0",
        ]
    );
}

fn fails(spoil: &str, read: impl FnOnce(&Reader) -> Result<()>) -> String {
    let home = left_by(&releases()[0]);
    let db = Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap();
    drop(db);
    let connection = look(&home);
    connection.execute_batch(spoil).unwrap();
    read(&connection).unwrap_err().to_string()
}

#[test]
fn a_word_that_this_program_does_not_know_is_an_error_that_names_the_row() {
    let find = |r: &Reader| {
        conversations::find(r, Actor::House, ConversationId(3))?;
        Ok(())
    };
    let lines = |r: &Reader| {
        conversations::list_messages(r, Actor::House, ConversationId(1), None)?;
        Ok(())
    };
    let entry = |r: &Reader| {
        lists::entry(r, ConversationId(3))?;
        Ok(())
    };
    let agents = |r: &Reader| {
        accounts::list(r)?;
        Ok(())
    };
    let site = |r: &Reader| {
        sites::list(r)?.remove(0);
        Ok(())
    };
    let told = |told: String, row: &str| assert!(told.contains(row), "{told}");
    let parked = "update conversations set state = 'parked' where id = 3";
    told(fails(parked, find), "conversation 3: state `parked`");
    told(fails(parked, entry), "conversation 3: state `parked`");
    let last = "update conversations set last_kind = 'sung' where id = 3";
    told(fails(last, entry), "conversation 3: last_kind `sung`");
    let kind = "update messages set kind = 'whisper' where id = 22";
    told(fails(kind, lines), "message 22: kind `whisper`");
    let data = "update messages set data = '{' where id = 21";
    told(fails(data, lines), "message 21: data `");
    let role = "update agents set role = 'limited' where id = 2";
    told(fails(role, agents), "agent 2: role `limited`");
    let lang = "update agents set lang = 'tlh' where id = 2";
    told(fails(lang, agents), "agent 2: lang `tlh`");
    let position = "update sites set position = 'above' where id = 1";
    told(fails(position, site), "site 1: position `above`");
    let lang = "update sites set lang = 'tlh' where id = 1";
    told(fails(lang, site), "site 1: lang `tlh`");
}

#[test]
fn a_list_of_words_that_the_program_knows_stands_in_no_table() {
    scratch(|w| {
        let schemas = texts(
            w,
            "select sql from sqlite_schema where type = 'table' and sql is not null",
        );
        for schema in schemas {
            let flat = schema.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(!flat.contains(" in ('"), "{schema}");
        }
        Ok(())
    })
    .unwrap();
}

/// References whose far end SQLite could only look after by reading a whole table.
fn references_without_index(r: &Reader) -> Vec<String> {
    let all = "select m.name || ' ' || f.\"from\" || ' ' || f.\"table\"
        from sqlite_schema m, pragma_foreign_key_list(m.name) f where m.type = 'table'";
    let scans = |reference: &String| {
        let mut words = reference.split(' ');
        let (child, column) = (words.next().unwrap(), words.next().unwrap());
        let find = format!("explain query plan select 1 from {child} where {column} = ?1");
        let plan = r.query_row(&find, params![1], |row| row.get::<_, String>("detail"));
        plan.unwrap().starts_with("SCAN")
    };
    texts(r, all).into_iter().filter(scans).collect()
}

#[test]
fn every_reference_has_an_index() {
    scratch(|w| {
        assert_eq!(references_without_index(w), Vec::<String>::new());
        w.execute_batch("create table wings (site integer references sites (id)) strict")?;
        assert_eq!(references_without_index(w), ["wings site sites"]);
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_agent_who_wrote_is_never_deleted() {
    let home = left_by(&releases()[0]);
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());
    let connection = look(&home);
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    let names = "select count(agent) from messages";
    let before = number(&connection, names);
    let refused = connection.execute("delete from agents where id = 2", []);
    assert!(refused.is_err());
    assert_eq!(number(&connection, names), before);
}

/// What SQLite had to do, in steps of its machine: the same on every computer.
fn steps(r: &mut Connection, work: impl FnOnce(&Reader)) -> usize {
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&steps);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    r.progress_handler(1, Some(count)).unwrap();
    work(r);
    r.progress_handler(0, None::<fn() -> bool>).unwrap();
    steps.load(Ordering::Relaxed)
}

/// A shop in which visitor 1 wrote ten lines and others wrote many, and one talk
/// that has as many. Agent 2 helps in all there is; agent 3 has had many chats that
/// are over.
fn busy_shop(r: &Reader, others: usize) {
    r.execute_batch(&format!(
        "insert into sites (id, key, name, color, position, lang, zone, typing_preview,
             strict_privacy, demo_shop, created_at)
             values (1, 'k', 'n', '#000000', 'end', 'en', 'UTC', 1, 0, 1, 0),
                 (2, 'small', 's', '#000000', 'end', 'en', 'UTC', 1, 0, 1, 0);
         insert into agents (id, email, name, role, lang, created_at)
             values (1, 'a@b.c', 'A', 'owner', 'en', 0), (2, 'helps@b.c', 'B', 'agent', 'en', 0),
                 (3, 'old@b.c', 'C', 'agent', 'en', 0);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {others} / 10 + 1)
             insert into visitors (id, site, number, lang, created_at)
             select i, 1, i, 'en', 0 from n;
         insert into visitor_tokens (token_hash, visitor, made_at)
             select randomblob(32), id, 0 from visitors;
         insert into visitor_devices (id, visitor, kind, raw) select id, id, 'site', '' from visitors;
         insert into conversations (id, key, site, visitor, state, created_at, last_at, waiting_since)
             select id, 'c_' || id, 1, id, 'open', 0, id, id from visitors;
         with recursive n(i) as (select 1 union all select i + 1 from n where i <= {others})
             insert into messages (id, conversation, kind, visitor, agent, body, cid, at, device)
             select i, (i + 9) / 10, iif(i % 2, 'visitor', 'agent'),
                 iif(i % 2, (i + 9) / 10, null), iif(i % 2, null, 1), 'a line',
                 'cid-' || i, i, iif(i % 2, (i + 9) / 10, null) from n where i <= {others};
         insert into conversations (id, key, site, visitor, state, created_at, last_at)
             values (1000000, 'long', 1, 2, 'open', 0, 0);
         insert into conversations (id, key, site, visitor, state, created_at, last_at, waiting_since)
             values (1000001, 'quiet', 2, 3, 'open', 0, 0, null), (1000002, 'asks', 2, 3, 'open', 0, 0, 9),
                 (1000003, 'over', 2, 3, 'resolved', 0, 0, null);
         insert into messages (id, conversation, kind, agent, word, body, cid, at)
             values (1000000, 1000000, 'system', 1, 'joined', '', 'change-1', 0);
         insert into conversations (id, key, site, visitor, state, assignee, created_at, last_at)
             select 1500000 + id, 'old_' || id, 1, id, 'resolved', 3, 0, id from visitors;
         insert into conversation_participants (conversation, agent, role, since, site)
             select id, 3, 'responsible', 0, site from conversations where assignee = 3;
         insert into conversation_participants (conversation, agent, role, since, site,
                 waiting_since, quiet_since)
             select id, 2, 'helper', 0, site, waiting_since,
                 iif(state = 'open' and waiting_since is null, last_at, null)
             from conversations;
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {others})
             insert into messages (id, conversation, kind, agent, body, cid, at)
             select 1000000 + i, 1000000, 'agent', 1, 'a line', 'cid-' || i, i from n;"
    ))
    .unwrap();
}

/// What some work costs in a database that is furnished like that.
pub fn cost(furnish: impl FnOnce(&Reader), work: impl FnOnce(&Reader)) -> usize {
    let home = TempDir::new().unwrap();
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());
    let mut connection = look(&home);
    connection
        .pragma_update(None, "synchronous", "off")
        .unwrap();
    furnish(&connection);
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    steps(&mut connection, work)
}

fn stays_flat(work: impl Fn(&Reader) + Copy) {
    let among = |others| cost(|r| busy_shop(r, others), work);
    let (few, many) = (among(2_000), among(20_000));
    assert!(0 < few && many <= few + few / 5, "{few} steps, then {many}");
}

#[test]
fn erasing_one_visitor_costs_what_he_wrote_and_not_what_all_others_did() {
    stays_flat(|r| {
        let gone = r.execute("delete from visitors where id = 1", []);
        assert_eq!(gone.unwrap(), 1);
        let left = "select count(*) from (select 1 from messages where conversation = 1)";
        assert_eq!(number(r, left), 0);
    });
}

#[test]
fn a_list_costs_what_it_shows_and_not_what_all_others_wait_for() {
    for list in [
        List::Mine(AgentId(1)),
        List::Inbox(AgentId(1)),
        List::Mine(AgentId(2)),
        // Not `Inbox(2)`: whoever helps in all of it has all of it passed over.
        List::Mine(AgentId(3)),
        List::Inbox(AgentId(3)),
        List::Resolved,
    ] {
        // Also for who sees one small site among large ones.
        for sight in [Sight::ALL, Sight::without([SiteId(1)])] {
            let filter = Filter::new(list, &sight);
            stays_flat(|r| {
                lists::page(r, AgentId(1), &filter, None).unwrap();
                lists::count_waiting(r, SiteId(2)).unwrap();
            });
        }
    }
}

#[test]
fn the_parts_of_a_page_cost_the_same_however_long_the_talk_is() {
    let long = ConversationId(1_000_000);
    stays_flat(|r| {
        assert_eq!(conversations::list_changes(r, long).unwrap().len(), 1);
    });
    stays_flat(|r| {
        assert!(conversations::last_of_visitor(r, long).unwrap().is_none());
    });
    stays_flat(|r| {
        let (found, more) = conversations::list_messages(r, Actor::House, long, None).unwrap();
        assert!(more && found.len() == conversations::PAGE);
    });
}

/// Each of a visitor's chats stands beside the next one, and is told there what is new.
#[test]
fn what_a_visitor_wrote_before_costs_what_is_listed_and_not_how_much_it_was() {
    let chats = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
        insert into conversations (id, key, site, visitor, state, created_at, last_at)
        select 3000000 + i, 'chat-' || i, 1, 1, 'resolved', i, i from n
        where i <= (select max(id) from visitors);
        update sites set earlier_chats = 1;";
    let last = |r: &Reader| ConversationId(number(r, "select max(id) from conversations"));
    let listed = |others: usize| {
        let home = TempDir::new().unwrap();
        drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());
        let mut connection = look(&home);
        busy_shop(&connection, others);
        connection.execute_batch(chats).unwrap();
        let last = last(&connection);
        steps(&mut connection, |r| {
            assert_eq!(dialogues::list_earlier(r, last, 11).unwrap().len(), 11);
        })
    };
    let (few, many) = (listed(2_000), listed(20_000));
    assert!(0 < few && many <= few + few / 5, "{few} steps, then {many}");
}

#[test]
fn what_a_visitor_wrote_before_is_found_without_walking_through_his_site() {
    stays_flat(|r| {
        r.execute("update sites set earlier_chats = 1", []).unwrap();
        let newest = number(r, "select max(id) from conversations where visitor = 1");
        let earlier = dialogues::list_earlier(r, ConversationId(newest), 11).unwrap();
        assert_eq!(earlier.len(), 1);
    });
}

/// Lists show “99+”: nobody walks through a long talk to tell more apart.
#[test]
fn whoever_reads_the_first_line_of_many_has_the_next_hundred_counted() {
    let read = scratch(|w| {
        busy_shop(w, 2_000);
        w.execute_batch(
            "update messages set kind = 'visitor', agent = null where id > 1000000;
             update conversations set visitor_lines = 2000 where id = 1000000;",
        )
        .unwrap();
        let (by, long) = (Actor::Agent(AgentId(1)), ConversationId(1_000_000));
        conversations::mark_seen(w, 0, by, long, Seq(1_000_001)).unwrap();
        Ok(number(
            w,
            "select visitor_lines from conversation_seen where conversation = 1000000",
        ))
    });
    assert_eq!(read.unwrap(), 2_000 - 100);
}
