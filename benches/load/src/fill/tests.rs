//! Against the server's own migrations, so that a change of the schema which the
//! filler cannot follow shows here, not in the middle of a benchmark.

use std::path::PathBuf;

use super::*;

const SHOP: &str = "
insert into agents (id, email, name, role, lang, password_hash, created_at)
values (1, 'owner@bench.example', 'Owner', 'owner', 'en', 'hash', 1);
insert into sites (id, key, name, color, position, lang, zone, typing_preview, strict_privacy,
    demo_shop, created_at)
values (1, 's_1', 'Mugs', '#111111', 'end', 'en', 'UTC', 1, 0, 1, 1);";

fn pattern(now: i64) -> String {
    format!(
        "insert into visitor_numbers (site, last) values (1, 1);
         insert into visitors (id, site, number, lang, created_at)
         values (1, 1, 1, 'en', {now});
         insert into visitor_tokens (token_hash, visitor, made_at)
         values (x'00112233445566778899', 1, {now});
         insert into conversations (id, key, site, visitor, state, assignee, created_at, last_at,
             agents_seen)
         values (1, 'c_abcdefghijklmnop', 1, 1, 'open', 1, {now}, {now}, {PATTERN} + 2);
         insert into messages (id, conversation, kind, visitor, body, cid, at)
         values ({PATTERN} + 1, 1, 'visitor', 1, 'one', 'cid-00000001', {now}),
                ({PATTERN} + 2, 1, 'visitor', 1, 'two', 'cid-00000002', {now});"
    )
}

/// A data folder as the server makes it, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("load-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let db = Connection::open(folder.join("shopbell.db")).unwrap();
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let files = std::fs::read_dir(migrations).unwrap();
        let mut files: Vec<_> = files.map(|it| it.unwrap().path()).collect();
        files.sort();
        for file in files {
            db.execute_batch(&std::fs::read_to_string(file).unwrap())
                .unwrap();
        }
        db.execute_batch(SHOP).unwrap();
        Self(folder)
    }

    fn ask<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        open(&self.0)
            .unwrap()
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn copies_have_keys_of_their_own_and_point_at_their_own_rows() {
    let folder = Folder::new("copies");
    let before = before_pattern(&folder.0).unwrap();
    open(&folder.0)
        .unwrap()
        .execute_batch(&pattern(now_ms()))
        .unwrap();
    assert_eq!(copy_pattern(&folder.0, &before, 9).unwrap(), (20, 10));
    assert_eq!(
        conversation_keys(&folder.0, "c_abcdefghijklmnop")
            .unwrap()
            .len(),
        10
    );

    let two_lines = "select count(*) from (
        select 1 from messages group by conversation having count(*) = 2 and max(body) = 'two')";
    assert_eq!(folder.ask::<i64>(two_lines), 10);
    let seen = "select count(*) from conversations c where agents_seen = (
        select max(id) from messages m where m.conversation = c.id)";
    assert_eq!(folder.ask::<i64>(seen), 10);
    assert_eq!(
        folder.ask::<i64>("select count(distinct visitor) from conversations"),
        10
    );
    assert_eq!(
        folder.ask::<i64>("select count(distinct assignee) from conversations"),
        1
    );
    assert_eq!(folder.ask::<i64>("select last from visitor_numbers"), 10);
    // The server goes on counting above all of it.
    let next = folder.ask::<i64>("select seq from sqlite_sequence where name = 'journal'");
    assert!(folder.ask::<i64>("select max(id) from messages") <= next + 2);
}

#[test]
fn colleagues_share_the_password_and_nothing_else() {
    let folder = Folder::new("colleagues");
    for _ in 0..2 {
        let emails = colleagues(&folder.0, "owner@bench.example", 3).unwrap();
        assert_eq!(emails[2], "agent3@bench.example");
    }
    let same = "select count(*) from agents where password_hash = 'hash' and role = 'agent'";
    assert_eq!(folder.ask::<i64>(same), 3);
}
