//! A backup has everything, and goes only where it harms nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use shopbell::db::{DataFolder, Db};
use shopbell::journal;
use tempfile::TempDir;

use super::super::texts;
use super::{backup, contents, epoch, facts, left_by_a_kill, refused, restore, well};
use crate::support::{Program, Scratch, open_house};

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
    Program::start(&data, &[], &[]).ends();
    let copy = home.path().join("by hand");
    fs::copy(data.join("shopbell.db"), &copy).unwrap();
    assert_eq!(facts(&copy), 3);
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
