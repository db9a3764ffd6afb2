//! The store of the bare relay: two tables, one writer, groups.

use std::path::Path;
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::Post;

/// Most messages that share one commit.
const GROUP: usize = 512;

const SCHEMA: &str = "
create table if not exists conversations (
    id integer primary key, visitor text not null, last_message integer not null,
    last_at integer not null, unread integer not null) strict;
create index if not exists conversations_by_age on conversations (last_at desc);
create table if not exists messages (
    id integer primary key, conversation integer not null, body text not null,
    at integer not null) strict;
create index if not exists messages_by_conversation on messages (conversation, id);";

pub struct Row {
    pub id: i64,
    pub visitor: String,
    pub unread: i64,
    pub last_at: i64,
    pub last: String,
}

pub fn open(file: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(file)?;
    db.pragma_update(None, "busy_timeout", 5000)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.execute_batch(SCHEMA)?;
    Ok(db)
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX))
}

/// Everything that queued up while the last commit ran goes into the next one.
pub fn write(
    db: &Connection,
    posts: &mpsc::Receiver<Post>,
    mut deliver: impl FnMut(&Post, i64, i64),
) -> rusqlite::Result<()> {
    let mut group = Vec::new();
    while let Ok(first) = posts.recv() {
        group.push(first);
        group.extend(posts.try_iter().take(GROUP - 1));
        let at = now_ms();
        db.execute_batch("begin immediate")?;
        let mut ids = Vec::with_capacity(group.len());
        for post in &group {
            ids.push(insert(db, post.conversation, &post.body, at)?);
        }
        db.execute_batch("commit")?;
        for (post, id) in group.drain(..).zip(ids) {
            deliver(&post, id, at);
        }
    }
    Ok(())
}

fn insert(db: &Connection, conversation: i64, body: &str, at: i64) -> rusqlite::Result<i64> {
    let id = db
        .prepare_cached("insert into messages (conversation, body, at) values (?1, ?2, ?3)")?
        .insert((conversation, body, at))?;
    db.prepare_cached(
        "insert into conversations (id, visitor, last_message, last_at, unread)
         values (?1, 'Client ' || ?1, ?2, ?3, 1)
         on conflict (id) do update set last_message = ?2, last_at = ?3, unread = unread + 1",
    )?
    .execute((conversation, id, at))?;
    Ok(id)
}

pub fn fill(db: &Connection, conversations: i64) -> rusqlite::Result<()> {
    let lines = conversations * 20;
    let begin = now_ms() - lines * 2_592;
    db.execute_batch("begin immediate")?;
    for n in 0..lines {
        let body = format!(
            "Line {n} of a long year: has my order left yet, and when will it arrive here?"
        );
        insert(db, n * 7919 % conversations, &body, begin + n * 2_592)?;
    }
    db.execute_batch("commit")
}

pub fn newest(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut query = db.prepare_cached(
        "select c.id, c.visitor, c.unread, c.last_at, m.body from conversations c
         join messages m on m.id = c.last_message order by c.last_at desc limit 50",
    )?;
    let row = |row: &rusqlite::Row<'_>| {
        let (id, visitor, unread) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Row {
            id,
            visitor,
            unread,
            last_at: row.get(3)?,
            last: row.get(4)?,
        })
    };
    query.query_map([], row)?.collect()
}
