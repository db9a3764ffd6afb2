//! What the machine has to give: connections, open files, lines of the log.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::{PING, Wire, frame};
use crate::support::{open_house, open_house_with, soon};

#[actix_web::test]
async fn one_address_does_not_take_every_connection_and_a_proxy_of_ours_may() {
    const MOST: usize = 1000;
    const BEYOND: usize = 30;
    let house = open_house_with(&[("trusted-proxies", "")]).await;
    let mut wires = Vec::new();
    for _ in 0..MOST + BEYOND {
        wires.push(Wire::to(&house).await);
    }
    let patience = Duration::from_secs(60);
    let mut ends: FuturesUnordered<_> = wires
        .iter_mut()
        .map(|it| it.is_over_within(patience))
        .collect();
    for _ in 0..BEYOND {
        assert_eq!(ends.next().await, Some(true));
    }
    drop(ends);
    let mut served = 0;
    for wire in &mut wires {
        wire.sends_head(&house, "GET /healthz", &[("connection", "close")])
            .await;
        let mut start = [0; 12];
        let read = soon(wire.0.read_exact(&mut start)).await;
        served += usize::from(read.is_ok() && start.starts_with(b"HTTP/1.1"));
    }
    assert_eq!(served, MOST);
    drop(wires);

    let proxied = open_house().await;
    let mut wires = Vec::new();
    for _ in 0..MOST + BEYOND {
        wires.push(Wire::to(&proxied).await);
    }
    let mut last = wires.pop().unwrap();
    last.sends_head(&proxied, "GET /healthz", &[]).await;
    assert!(last.head().await.starts_with("HTTP/1.1 200"));
    drop((last, wires));
    proxied.close().await;
    house.close().await;
}

/// The program itself, with what it writes to standard error.
struct Program {
    child: Child,
    url: String,
    log: std::path::PathBuf,
    _home: TempDir,
}

impl Program {
    /// `before` runs in the shell that becomes the program.
    fn start(before: &str) -> Self {
        use std::io::{BufRead, BufReader};
        let home = TempDir::new().unwrap();
        let log = home.path().join("log");
        let script = format!(
            "{before} exec {} --data {}/data --listen 127.0.0.1:0",
            env!("CARGO_BIN_EXE_shopbell"),
            home.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = said.find_map(|it| {
            let line = it.ok()?;
            line.strip_prefix("listening on ").map(str::to_owned)
        });
        Self {
            child,
            url: listening.expect("it says where it listens"),
            log,
            _home: home,
        }
    }

    async fn sends(&self, bytes: &[u8]) {
        let address = self.url.trim_start_matches("http://");
        let mut wire = Wire(TcpStream::connect(address).await.unwrap());
        wire.send(bytes).await;
        assert!(wire.is_over_within(Duration::from_secs(45)).await);
    }

    fn stop(&mut self) -> String {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn an_address_that_gets_no_more_connections_is_told_once_with_the_line_to_add() {
    const MOST: usize = 150;
    // A quarter of what is left beside the 256 files of the house.
    let mut program = Program::start(&format!("ulimit -n {};", MOST * 4 + 256));
    let address = program.url.trim_start_matches("http://").to_owned();
    let mut wires = Vec::new();
    for _ in 0..MOST + 20 {
        wires.push(Wire(TcpStream::connect(&address).await.unwrap()));
    }
    let mut ends: FuturesUnordered<_> = wires
        .iter_mut()
        .map(|it| it.is_over_within(Duration::from_secs(60)))
        .collect();
    for _ in 0..20 {
        assert_eq!(ends.next().await, Some(true));
    }
    drop(ends);
    drop(wires);
    let log = program.stop();
    assert_eq!(log.matches("WARN").count(), 1, "{log}");
    assert!(log.contains("--trusted-proxies 127.0.0.1"), "{log}");
}

#[actix_web::test]
async fn a_strangers_nonsense_is_no_error_in_the_log() {
    let mut program = Program::start("");
    let host = program.url.trim_start_matches("http://").to_owned();
    let socket = format!(
        "GET /w/v1/live HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\n\
         connection: upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let bad_chunk =
        format!("POST /login HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    let cases = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"nonsense\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        [b"GET /".to_vec(), vec![b'x'; 200_000]].concat(),
        bad_chunk.into_bytes(),
        [socket.clone().into_bytes(), frame(PING, b"x")].concat(),
        [socket.into_bytes(), vec![0xff; 100]].concat(),
    ];
    for case in &cases {
        program.sends(case).await;
    }
    let log = program.stop();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    assert!(log.contains("stopping"), "it does write a log: {log}");
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn the_limit_on_open_files_is_raised_as_far_as_it_goes() {
    let program = Program::start("ulimit -Sn 200; ulimit -Hn 3000;");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.child.id()));
    let limits = limits.unwrap();
    let line = limits.lines().find(|it| it.starts_with("Max open files"));
    let soft = line.unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(soft, "3000", "{limits}");
}
