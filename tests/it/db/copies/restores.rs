//! What comes back: where it may go, what it keeps, and that pages hear of it.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use shopbell::db::{DataFolder, Db};
use tempfile::TempDir;

use super::{backup, epoch, facts, left_by_a_kill, names, record, refused, restore, well};
use crate::support::{Program, Scratch, soon};

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

#[actix_web::test]
async fn a_restore_takes_the_place_of_a_database_that_is_lost() {
    let home = left_by_a_kill(3).await;
    let data = home.path().join("data");
    let file = home.path().join("monday");
    well(backup(&data, &file));
    Program::start(&data, &[], &[]).ends();
    fs::remove_file(data.join("shopbell.db")).unwrap();
    well(restore(&data, &file));
    assert_eq!(facts(&data.join("shopbell.db")), 3);
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
    soon(async {
        while open() {
            actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}
