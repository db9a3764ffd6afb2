//! Both sockets against implementations of RFC 6455 that are not ours.

use std::path::Path;
use std::process::Command;

use crate::support::open_house;

#[actix_web::test]
async fn foreign_implementations_find_nothing_that_the_standard_does_not_allow() {
    let house = open_house().await;
    let (agent, visitor) = (house.owner().await, house.visitor().await);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/live/conformance.py");
    let mut judge = Command::new("/usr/bin/python3");
    judge.arg(script).args([
        house.url.trim_start_matches("http://"),
        &agent.cookie,
        &visitor.token,
    ]);
    let judged = tokio::task::spawn_blocking(move || judge.output());
    let judged = judged.await.unwrap();
    let judged = judged.expect("this test needs python3, python3-wsproto, python3-websockets");
    let told = String::from_utf8_lossy(&judged.stdout);
    let cause = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success(), "{told}{cause}");
    house.close().await;
}
