//! One stranger with a plain TCP connection and no manners: frames that are
//! none, heads that never end, answers that nobody reads.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use shopbell::conversations::{self, NewMessage};
use shopbell::kernel::Token;
use shopbell::visitors;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{AgentBrowser, House, NOW, open_house, open_house_with, soon};

const UPGRADE: [(&str, &str); 4] = [
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Bytes to and from the house, nothing else.
struct Wire(TcpStream);

impl Wire {
    async fn to(house: &House) -> Self {
        let address = house.url.trim_start_matches("http://");
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    async fn sends_head(&mut self, house: &House, start: &str, headers: &[(&str, &str)]) {
        let host = house.url.trim_start_matches("http://");
        let mut head = format!("{start} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head.as_bytes()).await;
    }

    /// An answer's head; what follows stays where it is.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        soon(async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.expect("an answer"));
            }
        })
        .await;
        String::from_utf8(head).unwrap()
    }

    async fn upgraded(house: &House, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut wire = Self::to(house).await;
        let mut all = UPGRADE.to_vec();
        all.extend_from_slice(headers);
        wire.sends_head(house, &format!("GET {path}"), &all).await;
        let head = wire.head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        wire
    }

    /// The next frame: its first byte and what it carries.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let length = match self.0.read_u8().await.ok()? {
            126 => usize::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()? as usize,
            short => usize::from(short),
        };
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.ok()?;
        Some((first, bytes))
    }

    /// The code it is closed with; 1006 where it ends without one.
    async fn close_code(&mut self) -> u16 {
        soon(async {
            while let Some((first, bytes)) = self.frame().await {
                if let (0x88, [a, b, ..]) = (first, &bytes[..]) {
                    return u16::from_be_bytes([*a, *b]);
                }
            }
            1006
        })
        .await
    }

    /// True once the other side has ended the connection.
    async fn is_over_within(&mut self, patience: Duration) -> bool {
        let ended = async {
            let mut bytes = [0; 4096];
            while !matches!(self.0.read(&mut bytes).await, Ok(0) | Err(_)) {}
        };
        tokio::time::timeout(patience, ended).await.is_ok()
    }
}

const FIN: u8 = 0x80;
const TEXT: u8 = 1;
const PING: u8 = 9;

/// A frame as a client must send it: masked, here with zeros.
fn frame(first: u8, bytes: &[u8]) -> Vec<u8> {
    let mut made = vec![first];
    match bytes.len() {
        length @ 0..126 => made.push(0x80 | length as u8),
        length => {
            made.push(0x80 | 126);
            made.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    made.extend_from_slice(&[0; 4]);
    made.extend_from_slice(bytes);
    made
}

/// Both kinds of socket, newly opened.
async fn both_sockets(house: &House, agent: &AgentBrowser) -> [Wire; 2] {
    let signed_in = [("cookie", &*agent.cookie), ("origin", &*house.url)];
    [
        Wire::upgraded(house, "/w/v1/live", &[]).await,
        Wire::upgraded(house, "/live", &signed_in).await,
    ]
}

#[actix_web::test]
async fn a_frame_is_refused_by_its_head_before_anything_of_it_is_gathered() {
    let house = open_house().await;
    let agent = house.owner().await;
    for mut wire in both_sockets(&house, &agent).await {
        // Two to the power of forty bytes are announced; none of them comes.
        wire.send(&[FIN | TEXT, 0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0])
            .await;
        assert_eq!(wire.close_code().await, 1009);
    }
    house.close().await;
}

#[actix_web::test]
async fn each_fault_of_a_frame_is_closed_with_its_own_code() {
    let house = open_house().await;
    let agent = house.owner().await;
    for (bytes, code) in [
        (frame(PING, b"x"), 1002),
        (frame(FIN | 0x40 | TEXT, b"{}"), 1002),
        (frame(FIN | 0x0b, b"{}"), 1002),
        (frame(FIN, b"{}"), 1002),
        (vec![FIN | TEXT, 2, b'{', b'}'], 1002),
        (frame(FIN | 2, b"{}"), 1003),
        (frame(FIN | TEXT, b"\"\xff\""), 1007),
        (frame(FIN | TEXT, &[b' '; 4097]), 1009),
        (frame(FIN | TEXT, b"{}"), 1008),
        (frame(FIN | 8, &[0x0f, 0xa0]), 4000),
    ] {
        for mut wire in both_sockets(&house, &agent).await {
            wire.send(&bytes).await;
            assert_eq!(wire.close_code().await, code, "{bytes:x?}");
        }
    }
    house.close().await;
}

#[actix_web::test]
async fn a_signal_in_fragments_is_heard_and_a_ping_among_them_is_answered() {
    let house = open_house().await;
    let (agent, visitor) = (house.owner().await, house.visitor().await);
    let [mut page, mut screen] = both_sockets(&house, &agent).await;
    let hello = format!("{{\"t\":\"hello\",\"token\":\"{}\"}}", visitor.token);
    let (start, end) = hello.as_bytes().split_at(9);
    page.send(&frame(TEXT, start)).await;
    page.send(&frame(FIN | PING, b"still there?")).await;
    page.send(&frame(FIN, end)).await;
    let pong = soon(page.frame()).await.unwrap();
    assert_eq!(pong, (0x8a, b"still there?".to_vec()));
    let welcome = String::from_utf8(soon(page.frame()).await.unwrap().1).unwrap();
    assert!(welcome.contains("\"welcome\""), "{welcome}");

    assert!(soon(screen.frame()).await.is_some(), "where it stands");
    screen.send(&frame(TEXT, b"{\"t\":\"")).await;
    screen.send(&frame(0, b"pi")).await;
    screen.send(&frame(FIN, b"ng\"}")).await;
    let pong = String::from_utf8(soon(screen.frame()).await.unwrap().1).unwrap();
    assert!(pong.contains("\"pong\""), "{pong}");
    house.close().await;
}

const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");

#[actix_web::test]
async fn nobody_holds_a_connection_without_getting_on() {
    let house = open_house().await;
    // Longer than the longest limit, shorter than for ever.
    let patience = Duration::from_secs(45);
    let unread = async |path: &str, header: (&str, &str), body: &[u8]| {
        let mut wire = Wire::to(&house).await;
        wire.sends_head(&house, path, &[header]).await;
        wire.send(body).await;
        let head = wire.head().await;
        assert!(head.contains("connection: close"), "{path}: {head}");
        assert!(wire.is_over_within(patience).await, "{path} {header:?}");
    };
    let second_head = async {
        let mut wire = Wire::to(&house).await;
        wire.sends_head(&house, "GET /healthz", &[]).await;
        assert!(wire.head().await.starts_with("HTTP/1.1 200"));
        wire.send(b"GET /healthz HTTP/1.1\r\nhost:").await;
        assert!(wire.is_over_within(patience).await);
    };
    tokio::join!(
        unread("POST /nowhere", CHUNKED, b"5\r\nhello\r\n"),
        unread("POST /w/v1/end", CHUNKED, b"5\r\nhel"),
        unread("GET /healthz", CHUNKED, b""),
        unread("POST /nowhere", ("content-length", "1000000"), b"hello"),
        second_head,
    );
    house.close().await;
}

#[actix_web::test]
async fn no_socket_opens_in_the_body_of_a_request() {
    let house = open_house().await;
    let agent = house.owner().await;
    let signed_in = [("cookie", &*agent.cookie), ("origin", &*house.url)];
    let patience = Duration::from_secs(45);
    for (path, headers) in [("/w/v1/live", &[][..]), ("/live", &signed_in[..])] {
        for body in [CHUNKED, ("content-length", "5")] {
            let mut wire = Wire::to(&house).await;
            let mut all = UPGRADE.to_vec();
            all.extend_from_slice(headers);
            all.push(body);
            wire.sends_head(&house, &format!("GET {path}"), &all).await;
            let head = wire.head().await;
            assert!(head.starts_with("HTTP/1.1 400"), "{path} {body:?}: {head}");
            assert!(wire.is_over_within(patience).await, "{path} {body:?}");
        }
        let nothing = [headers, &[("content-length", "0")]].concat();
        Wire::upgraded(&house, path, &nothing).await;
    }
    house.close().await;
}

#[actix_web::test]
async fn a_socket_that_was_closed_is_let_go_though_the_other_side_stays() {
    let house = open_house().await;
    let agent = house.owner().await;
    for mut wire in both_sockets(&house, &agent).await {
        wire.send(&frame(FIN | TEXT, b"{}")).await;
        assert_eq!(wire.close_code().await, 1008);
        assert!(wire.is_over_within(Duration::from_secs(45)).await);
    }
    house.close().await;
}

#[actix_web::test]
async fn a_connection_whose_body_was_read_serves_the_next_request_too() {
    let house = open_house().await;
    let mut wire = Wire::to(&house).await;
    let arrive = json!({ "site": house.site }).to_string();
    let headers = [("content-type", "application/json"), CHUNKED];
    for _ in 0..3 {
        wire.sends_head(&house, "POST /w/v1/visitors", &headers)
            .await;
        let chunks = format!("{:x}\r\n{arrive}\r\n0\r\n\r\n", arrive.len());
        wire.send(chunks.as_bytes()).await;
        let head = wire.head().await;
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
        let length = crate::support::between(&head, "content-length: ", "\r").unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        wire.0.read_exact(&mut body).await.unwrap();
    }
    house.close().await;
}

#[actix_web::test]
async fn a_bare_line_feed_ends_no_line_of_a_head() {
    let house = open_house().await;
    let host = house.url.trim_start_matches("http://");
    for head in [
        format!("GET /healthz HTTP/1.1\nhost: {host}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nhost: {host}\n\n"),
        format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nx: a\nconnection: close\r\n\r\n"),
    ] {
        let mut wire = Wire::to(&house).await;
        wire.send(head.as_bytes()).await;
        let answer = wire.head().await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
        assert!(wire.is_over_within(Duration::from_secs(20)).await);
    }
    // On a connection that has served somebody already, too.
    let mut wire = Wire::to(&house).await;
    wire.sends_head(&house, "HEAD /healthz", &[]).await;
    assert!(wire.head().await.starts_with("HTTP/1.1 200"));
    wire.send(format!("GET /healthz HTTP/1.1\nhost: {host}\r\n\r\n").as_bytes())
        .await;
    assert!(wire.head().await.starts_with("HTTP/1.1 400"));
    house.close().await;
}

#[actix_web::test]
async fn a_bare_line_feed_ends_no_line_of_a_head_that_did_not_wait_either() {
    let house = open_house().await;
    let host = house.url.trim_start_matches("http://");
    let arrive = json!({ "site": house.site }).to_string();
    let post = format!(
        "POST /w/v1/visitors HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    );
    let (length, size) = (arrive.len(), format!("{:x}", arrive.len()));
    let sneaked = format!("GET /healthz HTTP/1.1\r\nhost: {host}\n\n");
    for (first, status) in [
        (
            format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n"),
            "200",
        ),
        (
            format!("{post}content-length: {length}\r\n\r\n{arrive}"),
            "201",
        ),
        (
            format!("{post}transfer-encoding: chunked\r\n\r\n{size}\r\n{arrive}\r\n0\r\n\r\n"),
            "201",
        ),
    ] {
        for pieces in [
            vec![format!("{first}{sneaked}")],
            vec![first.clone(), sneaked.clone()],
        ] {
            let mut wire = Wire::to(&house).await;
            for piece in &pieces {
                wire.send(piece.as_bytes()).await;
            }
            let mut answers = Vec::new();
            let _ = soon(wire.0.read_to_end(&mut answers)).await;
            let answers = String::from_utf8_lossy(&answers);
            let told: Vec<_> = answers
                .match_indices("HTTP/1.1 ")
                .map(|(at, it)| &answers[at + it.len()..][..3])
                .collect();
            assert_eq!(told, [status, "400"], "{pieces:?}");
        }
    }
    house.close().await;
}

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

/// A visitor's socket with hardly any room for what he does not read.
async fn who_never_reads(house: &House, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = house.url.trim_start_matches("http://");
    let stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let mut wire = Wire(stream);
    let upgrade = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    wire.sends_head(house, "GET /w/v1/live", &upgrade).await;
    assert!(wire.head().await.starts_with("HTTP/1.1 101"));
    let hello = json!({ "t": "hello", "token": token }).to_string();
    wire.send(&frame(FIN | TEXT, hello.as_bytes())).await;
    assert!(soon(wire.frame()).await.is_some(), "welcome");
    wire.0
}

#[actix_web::test]
async fn a_socket_that_nobody_reads_is_dropped() {
    let house = open_house().await;
    let visitor = house.visitor().await;
    let socket = who_never_reads(&house, &visitor.token).await;
    assert_eq!(house.hub.count(), (0, 1));
    let token = Token::parse(&visitor.token).unwrap().hash();
    let write = house.db.write("test.many_lines", move |w| {
        let visitor = visitors::authenticate(w, token)?;
        for n in 0..400 {
            let line = NewMessage {
                body: "x".repeat(8000),
                cid: format!("unread-line-{n}"),
                ..NewMessage::default()
            };
            conversations::write_in(w, NOW, &visitor, line)?;
        }
        Ok(())
    });
    write.await.unwrap();
    let gone = async {
        while house.hub.count() != (0, 0) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let patience = Duration::from_secs(60);
    let dropped = tokio::time::timeout(patience, gone).await;
    assert!(dropped.is_ok(), "it is still there");
    drop(socket);
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
    let mut program = Program::start(&format!("ulimit -n {};", MOST * 4));
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
