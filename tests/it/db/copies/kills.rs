//! Each command killed in the middle, wherever it may be.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use shopbell::db::DataFolder;

use super::{backup, check, contents, copy_folder, facts, left_by_a_kill, restore, well};

/// Runs a command and kills it (SIGKILL) as it enters the n-th call of a kind.
/// False where it came to its end before.
fn killed(call: &str, n: usize, data: &Path, args: &[&Path]) -> bool {
    let status = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
        ])
        .args(["-e", &format!("inject={call}:signal=KILL:when={n}")])
        .arg(env!("CARGO_BIN_EXE_shopbell"))
        .arg("--data")
        .arg(data)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("this test needs strace");
    !status.success()
}

/// Kills a command everywhere in turn; `verify` looks after each death. How often
/// it died.
fn kill_everywhere(data: &Path, args: &[&Path], prepare: impl Fn(), verify: impl Fn()) -> usize {
    let mut deaths = 0;
    // All there are of those that settle something, some of those that fill.
    for (calls, all) in [
        (
            &[
                "rename",
                "unlink",
                "fsync",
                "fdatasync",
                "ftruncate",
                "flock",
            ][..],
            true,
        ),
        (&["pwrite64", "openat"], false),
    ] {
        for call in calls {
            let mut n = 1;
            loop {
                prepare();
                if !killed(call, n, data, args) {
                    break;
                }
                deaths += 1;
                verify();
                n = if all { n + 1 } else { n * 2 };
            }
        }
    }
    deaths
}

#[actix_web::test]
async fn a_killed_backup_leaves_the_old_one_or_the_new_one() {
    let home = left_by_a_kill(3).await;
    let (data, file) = (home.path().join("data"), home.path().join("daily"));
    let (yesterday, source) = (home.path().join("yesterday"), home.path().join("source"));
    well(backup(&data, &yesterday));
    let grown = left_by_a_kill(40).await;
    copy_folder(&grown.path().join("data"), &source);
    let again = || {
        fs::copy(&yesterday, &file).unwrap();
        copy_folder(&source, &data);
    };
    let deaths = kill_everywhere(&data, &[Path::new("backup"), &file], again, || {
        assert!([3, 40].contains(&facts(&file)));
        assert_eq!(facts(&data.join("shopbell.db")), 40);
    });
    assert!(10 < deaths, "{deaths}");
    well(backup(&data, &file));
    assert_eq!(facts(&file), 40);
}

#[actix_web::test]
async fn a_killed_restore_leaves_the_old_state_or_the_new_one() {
    let old = left_by_a_kill(40).await;
    let home = left_by_a_kill(3).await;
    let (data, file) = (home.path().join("data"), home.path().join("daily"));
    well(backup(&data, &file));
    let source = old.path().join("data");
    let again = || copy_folder(&source, &data);
    let deaths = kill_everywhere(&data, &[Path::new("restore"), &file], again, || {
        drop(DataFolder::claim(&data).unwrap());
        assert!([3, 40].contains(&facts(&data.join("shopbell.db"))));
        well(check(&data));
    });
    assert!(10 < deaths, "{deaths}");
    again();
    well(restore(&data, &file));
    assert_eq!(facts(&data.join("shopbell.db")), 3);
}

#[actix_web::test]
async fn a_killed_check_has_changed_nothing() {
    let home = left_by_a_kill(40).await;
    let data = home.path().join("data");
    let before = contents(&data);
    let deaths = kill_everywhere(
        &data,
        &[Path::new("check")],
        || (),
        || {
            assert_eq!(contents(&data), before);
        },
    );
    assert!(0 < deaths);
}
