//! Backup, restore, check, and copies that come back: with the real program, and
//! killed in the middle of each.

mod kills;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use shopbell::db::{DataFolder, Db};
use shopbell::events::Event;
use shopbell::journal;
use shopbell::kernel::ConversationId;
use tempfile::TempDir;

use super::{left_by, look, number, releases, texts};
use crate::support::{NOW, Scratch, open_house};

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
        let event = Event::MessagePosted {
            conversation: ConversationId(1),
        };
        for _ in 0..times {
            journal::record(w, NOW, &event)?;
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

#[actix_web::test]
async fn a_backup_beside_a_running_server_has_all_and_comes_back_elsewhere() {
    let house = open_house().await;
    let mut visitor = house.visitor().await;
    visitor.writes("is it in the backup?").await;
    let home = TempDir::new().unwrap();
    let file = home.path().join("monday");
    well(backup(&house.folder(), &file));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    visitor.writes("this comes later").await;
    well(backup(&house.folder(), &file));

    let data = home.path().join("new");
    well(restore(&data, &file));
    let old = house.db.read(journal::epoch).await.unwrap();
    let folder = DataFolder::claim(&data).unwrap();
    let db = Db::open(&folder).unwrap();
    let lines = db.read(|r| Ok(texts(r, "select body from messages where kind = 'visitor'")));
    let lines = lines.await.unwrap();
    assert_eq!(lines, ["is it in the backup?", "this comes later"]);
    assert_ne!(epoch(&db).await, old, "positions may be given out again");
    house.close().await;
}

/// Fails as soon as something is kept beside the database, which a backup that
/// is the database alone would leave out.
#[actix_web::test]
async fn the_data_folder_holds_nothing_that_a_backup_leaves_out() {
    let house = open_house().await;
    house.visitor().await.writes("hello").await;
    for path in contents(&house.folder()).keys() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let known = ["lock", "mark"].contains(&name) || name.starts_with("shopbell.db");
        assert!(known, "{name}");
    }
    house.close().await;
}

#[actix_web::test]
async fn a_backup_goes_only_where_it_harms_nothing() {
    let scratch = Scratch::new();
    let home = TempDir::new().unwrap();
    let inside = scratch.path().join("shopbell.db");
    refused(backup(scratch.path(), &inside), "lies in the data folder");
    let letter = home.path().join("letter");
    fs::write(&letter, "dear Bob").unwrap();
    refused(backup(scratch.path(), &letter), "is no backup");
    assert_eq!(fs::read_to_string(&letter).unwrap(), "dear Bob");
    let nowhere = home.path().join("no/such/folder");
    refused(backup(scratch.path(), &nowhere), "cannot save");
    refused(backup(home.path(), &home.path().join("x")), "no shop");
}

#[actix_web::test]
async fn a_folder_in_use_or_of_others_is_not_overwritten() {
    let scratch = Scratch::new();
    let home = TempDir::new().unwrap();
    let file = home.path().join("monday");
    well(backup(scratch.path(), &file));
    refused(restore(scratch.path(), &file), "in use");
    refused(restore(home.path(), &file), "holds other things");

    let damaged = home.path().join("damaged");
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&damaged, bytes).unwrap();
    let data = home.path().join("data");
    refused(restore(&data, &damaged), "cannot restore");
    refused(restore(&data, &home.path().join("nothing")), "no backup");
    let newer = home.path().join("newer");
    fs::copy(&file, &newer).unwrap();
    let future = "insert into migrations values ('999901010000_future.sql', 0)";
    let connection = Connection::open(&newer).unwrap();
    connection
        .pragma_update(None, "journal_mode", "delete")
        .unwrap();
    connection.execute(future, []).unwrap();
    drop(connection);
    refused(restore(&data, &newer), "newer shopbell");
    assert!(!data.join("shopbell.db").exists());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[actix_web::test]
async fn a_backup_may_be_named_as_one_names_a_file_beside_oneself() {
    let home = left_by_a_kill(3).await;
    let done = Command::new(env!("CARGO_BIN_EXE_shopbell"))
        .args(["--data", "data", "backup", "monday"])
        .current_dir(home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(facts(&home.path().join("monday")), 3);
}

#[actix_web::test]
async fn a_backup_takes_no_file_of_somebody_elses() {
    let home = left_by_a_kill(3).await;
    let data = home.path().join("data");
    for name in ["monday", "monday.part"] {
        let mine = home.path().join(name);
        fs::write(&mine, "my own").unwrap();
        refused(backup(&data, &home.path().join("monday")), "no backup");
        assert_eq!(fs::read_to_string(&mine).unwrap(), "my own");
        fs::remove_file(mine).unwrap();
    }
}

#[actix_web::test]
async fn a_shop_that_has_stopped_is_one_file() {
    let home = left_by_a_kill(3).await;
    let data = home.path().join("data");
    crate::support::Program::start(&data, &[], &[]).ends();
    let copy = home.path().join("by hand");
    fs::copy(data.join("shopbell.db"), &copy).unwrap();
    assert_eq!(facts(&copy), 3);
}

#[actix_web::test]
async fn a_restore_takes_the_place_of_a_database_that_is_lost() {
    let home = left_by_a_kill(3).await;
    let data = home.path().join("data");
    let file = home.path().join("monday");
    well(backup(&data, &file));
    crate::support::Program::start(&data, &[], &[]).ends();
    fs::remove_file(data.join("shopbell.db")).unwrap();
    well(restore(&data, &file));
    assert_eq!(facts(&data.join("shopbell.db")), 3);
}

#[actix_web::test]
async fn a_backup_replaces_no_other_shop_and_follows_no_link() {
    let home = left_by_a_kill(3).await;
    let other = left_by_a_kill(1).await;
    let (data, theirs) = (home.path().join("data"), other.path().join("data"));
    fs::write(theirs.join("lock"), "").unwrap();
    refused(
        backup(&data, &theirs.join("shopbell.db")),
        "of another shop",
    );
    let (precious, link) = (home.path().join("precious"), home.path().join("tuesday"));
    fs::write(&precious, "").unwrap();
    std::os::unix::fs::symlink(&precious, home.path().join("tuesday.part")).unwrap();
    refused(backup(&data, &link), "no backup");
    assert_eq!(fs::read(precious).unwrap(), b"");
}

#[actix_web::test]
async fn a_refused_restore_makes_no_folder() {
    let home = left_by_a_kill(3).await;
    let file = home.path().join("monday");
    well(backup(&home.path().join("data"), &file));
    let mut bytes = fs::read(&file).unwrap();
    for byte in &mut bytes[4096..8192] {
        *byte = 0xa5;
    }
    fs::write(&file, bytes).unwrap();
    let new = home.path().join("new");
    let (code, told) = restore(&new, &file);
    assert!(
        code == 1 && !told.contains("before-upgrade"),
        "{code}: {told}"
    );
    assert!(!new.exists());
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
async fn a_restore_keeps_what_was_there_before() {
    let home = left_by_a_kill(3).await;
    let data = home.path().join("data");
    let file = home.path().join("monday");
    well(backup(&data, &file));
    let db = Db::open(&DataFolder::claim(&data).unwrap()).unwrap();
    record(&db, 4).await;
    drop(db);
    until_closed(&data).await;
    well(restore(&data, &file));
    assert_eq!(facts(&data.join("shopbell.db")), 3);
    let aside = fs::read_dir(data.join("before-upgrade")).unwrap();
    let copies: Vec<PathBuf> = aside.map(|it| it.unwrap().path()).collect();
    assert_eq!(copies.len(), 1);
    assert_eq!(facts(&copies[0]), 7);

    fs::write(data.join("shopbell.db"), "not a database ".repeat(1000)).unwrap();
    well(restore(&data, &file));
    assert_eq!(facts(&data.join("shopbell.db")), 3);
    let damaged = |it: &String| it.starts_with("damaged-") && it.ends_with(".db");
    assert_eq!(
        names(&data.join("before-upgrade"))
            .iter()
            .filter(|it| damaged(it))
            .count(),
        1
    );
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

/// The epoch after a start in this folder.
async fn started(data: &Path) -> String {
    let folder = DataFolder::claim(data).unwrap();
    let db = Db::open(&folder).unwrap();
    let epoch = epoch(&db).await;
    drop((db, folder));
    until_closed(data).await;
    epoch
}

#[actix_web::test]
async fn a_copy_that_comes_back_begins_a_new_epoch_and_the_same_file_does_not() {
    let home = left_by_a_kill(3).await;
    let data = home.path().join("data");
    let first = started(&data).await;
    assert_eq!(started(&data).await, first, "nothing happened");

    // As a standby has it: the database alone, in a folder of its own.
    let standby = home.path().join("standby");
    fs::create_dir(&standby).unwrap();
    fs::copy(data.join("shopbell.db"), standby.join("shopbell.db")).unwrap();
    assert_ne!(started(&standby).await, first);

    // As an operator does it by hand: another file under the same name.
    let aside = home.path().join("aside");
    fs::copy(data.join("shopbell.db"), &aside).unwrap();
    fs::rename(&aside, data.join("shopbell.db")).unwrap();
    let second = started(&data).await;
    assert_ne!(second, first);

    // Or an older one, put into the very same file.
    let older = fs::read(data.join("shopbell.db")).unwrap();
    let folder = DataFolder::claim(&data).unwrap();
    let db = Db::open(&folder).unwrap();
    record(&db, 5).await;
    drop((db, folder));
    until_closed(&data).await;
    fs::write(data.join("shopbell.db"), older).unwrap();
    for log in ["shopbell.db-wal", "shopbell.db-shm"] {
        let _ = fs::remove_file(data.join(log));
    }
    assert_ne!(started(&data).await, second);
}

/// The threads of a dropped handle end by themselves, which nobody is told.
async fn until_closed(data: &Path) {
    let open = || {
        let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let mut files = files.filter_map(|it| fs::read_link(it.path()).ok());
        files.any(|it| it.starts_with(data))
    };
    crate::support::soon(async {
        while open() {
            actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
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
