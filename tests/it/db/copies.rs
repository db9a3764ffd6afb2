//! Backup, restore, check, and copies that come back: with the real program, and
//! killed in the middle of each.

mod backups;
mod kills;
mod restores;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use shopbell::db::{DataFolder, Db};
use shopbell::events::Event;
use shopbell::journal;
use shopbell::kernel::{Actor, ConversationId};
use tempfile::TempDir;

use super::{left_by, look, number, releases, texts};
use crate::support::{NOW, Scratch};

/// The exit code, and all that was said.
fn shopbell(data: &Path, args: &[&Path]) -> (i32, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .arg("--data")
        .arg(data)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut told = String::from_utf8_lossy(&done.stdout).into_owned();
    told.push_str(&String::from_utf8_lossy(&done.stderr));
    (done.status.code().unwrap(), told)
}

fn backup(data: &Path, file: &Path) -> (i32, String) {
    shopbell(data, &[Path::new("backup"), file])
}

fn restore(data: &Path, file: &Path) -> (i32, String) {
    shopbell(data, &[Path::new("restore"), file])
}

fn check(data: &Path) -> (i32, String) {
    shopbell(data, &[Path::new("check")])
}

fn well((code, told): (i32, String)) -> String {
    assert_eq!(code, 0, "{told}");
    told
}

fn refused((code, told): (i32, String), word: &str) {
    assert!(code == 1 && told.contains(word), "{code}: {told}");
}

async fn record(db: &Db, times: usize) {
    let record = move |w: &shopbell::db::Writer| {
        let event = Event::MessagePosted;
        for _ in 0..times {
            journal::record(w, NOW, Actor::House, ConversationId(1), &event)?;
        }
        Ok(())
    };
    db.write("test.record", record).await.unwrap();
}

async fn epoch(db: &Db) -> String {
    db.read(journal::epoch).await.unwrap()
}

fn facts(file: &Path) -> i64 {
    let connection = Connection::open(file).unwrap();
    assert_eq!(texts(&connection, "pragma integrity_check"), ["ok"]);
    number(&connection, "select count(*) from journal")
}

/// Everything in a folder: names, modes, bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), (mode, fs::read(&path).unwrap()));
        }
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for (path, (mode, bytes)) in contents(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, bytes).unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// What a killed server leaves: lines that stand in the write-ahead log only.
async fn left_by_a_kill(lines: usize) -> TempDir {
    let scratch = Scratch::new();
    record(&scratch.db, lines).await;
    let home = TempDir::new().unwrap();
    copy_folder(scratch.path(), &home.path().join("data"));
    let log = home.path().join("data/shopbell.db-wal");
    assert!(fs::metadata(log).unwrap().len() > 0);
    fs::remove_file(home.path().join("data/shopbell.db-shm")).unwrap();
    home
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_a_killed_upgrade_left_is_taken_over_by_the_next() {
    let home = left_by(&releases()[0]);
    let aside = home.path().join("before-upgrade");
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("copying.part"), "half").unwrap();
    fs::write(aside.join("copying.part-journal"), "half").unwrap();
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());
    let left = names(&aside);
    assert!(left.len() == 1 && left[0].ends_with(".db"), "{left:?}");
}

/// Without them another process that looks into the file may clear away its log.
#[test]
fn a_database_that_is_opened_twice_keeps_its_locks() {
    use std::os::unix::fs::MetadataExt;
    let home = tempfile::tempdir().unwrap();
    let folder = DataFolder::claim(home.path()).unwrap();
    let first = Db::open(&folder).unwrap();
    let second = Db::open(&folder).unwrap();
    let inode = fs::metadata(folder.database()).unwrap().ino();
    let (pid, inode) = (format!(" {} ", std::process::id()), format!(":{inode} "));
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let held = |it: &&str| it.contains("POSIX") && it.contains(&pid) && it.contains(&inode);
    assert!(locks.lines().any(|it| held(&it)), "{locks}");
    drop((first, second));
}

#[actix_web::test]
async fn a_check_says_what_is_wrong_and_changes_nothing() {
    // After a kill: the log is read, and stays.
    let home = left_by_a_kill(3).await;
    let data = home.path().join("data");
    let before = contents(&data);
    well(check(&data));
    assert_eq!(contents(&data), before);

    // After an orderly end, of an older release.
    let old = left_by(&releases()[0]);
    fs::set_permissions(old.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let before = contents(old.path());
    let (code, told) = check(old.path());
    assert_eq!(code, 1);
    assert!(
        told.contains("chmod 700") && told.contains("chmod 600"),
        "{told}"
    );
    assert!(told.contains("older version"), "{told}");
    assert_eq!(contents(old.path()), before);

    // Beside a server.
    let scratch = Scratch::new();
    let closed = fs::Permissions::from_mode(0o700);
    fs::set_permissions(scratch.path(), closed).unwrap();
    assert!(well(check(scratch.path())).contains("running"));

    let connection = look(&old);
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    connection
        .execute("delete from sites where id = 2", [])
        .unwrap();
    drop(connection);
    refused(
        check(old.path()),
        "`site_origins` point at nothing in `sites`",
    );
    fs::write(
        old.path().join("shopbell.db"),
        "not a database ".repeat(1000),
    )
    .unwrap();
    refused(check(old.path()), "damaged");
    refused(check(&old.path().join("nowhere")), "no shop");
    let wrong = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(["check", "--public-url", "shop"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2), "the configuration counts too");
}

#[test]
fn a_check_knows_a_database_that_is_not_built_as_this_version_builds_it() {
    for release in releases() {
        let home = left_by(&release);
        drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());
        let (_, told) = check(home.path());
        assert!(
            !told.contains("builds it") && !told.contains("also holds"),
            "{told}"
        );
    }
    let home = left_by(&releases()[0]);
    drop(Db::open(&DataFolder::claim(home.path()).unwrap()).unwrap());
    // Closed before each look, as a stopped shop is.
    let change = |sql: &str| look(&home).execute_batch(sql).unwrap();
    change("create table standby (seq integer)");
    let (_, told) = check(home.path());
    assert!(
        told.contains("also holds the table `standby`") && !told.contains("builds it"),
        "{told}"
    );
    change("alter table tags add column remark text");
    refused(check(home.path()), "the table `tags` is another");
    change("alter table tags drop column remark; drop index jobs_by_key");
    refused(check(home.path()), "the index `jobs_by_key` is missing");
}

#[actix_web::test]
async fn a_check_tells_what_is_stuck_and_what_was_given_up() {
    let scratch = Scratch::new();
    let closed = fs::Permissions::from_mode(0o700);
    fs::set_permissions(scratch.path(), closed).unwrap();
    let stick = |w: &shopbell::db::Writer| {
        w.execute_batch(
            "insert into journal_followers (name, read_to, stuck_at, stuck_since, cause)
                 values ('contacts', 3, 4, 0, 'no such column');
             insert into jobs (kind, payload, about, created_at, due_at, failed_at)
                 values ('mail', '{}', '', 0, 0, 1)",
        )?;
        Ok(())
    };
    scratch.db.write("test.stick", stick).await.unwrap();
    let told = check(scratch.path());
    refused(
        told.clone(),
        "`contacts` is stuck at event 4: no such column",
    );
    refused(told, "`mail` was given up");
}

#[actix_web::test]
async fn files_in_a_folder_that_was_there_before_are_for_their_owner_only() {
    let home = TempDir::new().unwrap();
    let data = home.path();
    fs::set_permissions(data, fs::Permissions::from_mode(0o755)).unwrap();
    let folder = DataFolder::claim(data).unwrap();
    let db = Db::open(&folder).unwrap();
    record(&db, 1).await;
    let closed = || {
        for (path, (mode, _)) in contents(data) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let ours = name.starts_with("shopbell.db");
            assert!(!ours || mode & 0o777 == 0o600, "{name}: {mode:o}");
        }
    };
    assert!(contents(data).len() >= 4);
    closed();
    drop((db, folder));

    // As an earlier release left them.
    let loose = fs::Permissions::from_mode(0o644);
    fs::set_permissions(data.join("shopbell.db"), loose).unwrap();
    let folder = DataFolder::claim(data).unwrap();
    let db = Db::open(&folder).unwrap();
    record(&db, 1).await;
    closed();
}

#[test]
fn a_loose_folder_is_warned_of() {
    let home = TempDir::new().unwrap();
    let loose = home.path().join("loose");
    fs::create_dir(&loose).unwrap();
    for (mode, warned) in [(0o755, true), (0o700, false)] {
        fs::set_permissions(&loose, fs::Permissions::from_mode(mode)).unwrap();
        // It claims the folder, and then cannot listen there.
        let done = Command::new(env!("CARGO_BIN_EXE_shopbell"))
            .args(["--data", loose.to_str().unwrap(), "--listen", "192.0.2.1:1"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(told.contains("chmod 700"), warned, "{told}");
    }
}

#[actix_web::test]
async fn old_copies_go_also_while_the_program_runs() {
    let house = Scratch::new();
    let aside = house.path().join("before-upgrade");
    fs::create_dir(&aside).unwrap();
    let day = 24 * 3600;
    let now = NOW / 1000;
    for made in [now - 15 * day, now - day] {
        fs::write(aside.join(format!("{made}.db")), "").unwrap();
    }
    house.db.tidy_copies(NOW).await.unwrap();
    assert!(!aside.join(format!("{}.db", now - 15 * day)).exists());
    assert!(aside.join(format!("{}.db", now - day)).exists());
}
