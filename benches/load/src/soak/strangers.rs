//! Everybody else: strangers who send what no program should, hold what they do
//! not need, and try passwords; and colleagues who sign in rightly meanwhile.

use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::forms::{Browser, address};
use crate::http::{Http, Reply};
use crate::socket::Socket;

use super::house::{Dice, House, count};

const RUDE: Duration = Duration::from_millis(120);
const RIGHT: Duration = Duration::from_secs(3);
const WRONG: Duration = Duration::from_millis(800);
/// Wrong passwords at once, now and then.
const BURST: usize = 10;
/// Connections that a stranger keeps without need, and how long.
const HELD: usize = 20;
const HOLDS: Duration = Duration::from_secs(20);
/// An answer to bytes that are no request may be none at all.
const WAITS: Duration = Duration::from_millis(400);

/// Bytes that are not quite HTTP, or not all of it.
const RAW: [&str; 8] = [
    "GET /healthz HTTP/1.1\nhost: HOST\n\n",
    "GET /inbox HTTP/1.1\r\nhost: elsewhere.example\r\n\r\n",
    "POST /w/v1/visitors HTTP/1.1\r\nhost: HOST\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"sit\r\n",
    "POST /login HTTP/1.1\r\nhost: HOST\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 50\r\n\r\nemail=a",
    "GET / HTTP/1.1\r\nhost: HOST\r\nx: y",
    "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}",
    "BREW /coffee HTTP/1.1\r\nhost: HOST\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /%00/../..//inbox/%ff HTTP/1.1\r\nhost: HOST\r\n\r\n",
];

/// Frames behind a good hand-shake, as bytes (RFC 6455 5.2): a head that announces
/// 2^40 bytes, a ping in pieces, a frame without a mask, a reserved opcode, a
/// close with half a code.
const FRAMES: [&[u8]; 5] = [
    &[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4],
    &[0x09, 0x81, 0, 0, 0, 0, b'x'],
    &[0x81, 0x02, b'h', b'i'],
    &[0x83, 0x80, 0, 0, 0, 0],
    &[0x88, 0x81, 0, 0, 0, 0, 3],
];

fn stranger(dice: &mut Dice) -> String {
    address(30_000 + dice.below(64) as usize)
}

fn judge(house: &House, doing: &str, reply: &Reply) {
    // 503 says “later” and is meant to.
    if 500 <= reply.status && reply.status != 503 {
        let said: String = reply.text().chars().take(200).collect();
        house
            .broken
            .add(format!("{doing}: {} {said}", reply.status));
    }
}

/// One wrong thing after another.
pub async fn be_rude(house: Rc<House>) {
    let mut dice = Dice::new(5);
    // A visitor of his own, who may write, and writes what he should not.
    let mut token = None;
    while house.may_write().await {
        if token.is_none() {
            token = house.shop.stranger(30_000).await.ok();
        }
        let own = token.clone().unwrap_or_default();
        let done = match dice.below(8) {
            0 => speak_raw(&house, &mut dice).await,
            1 => break_a_socket(&house, &mut dice).await,
            2 => wrong_hello(&house, &mut dice).await,
            _ => wrong_request(&house, &mut dice, &own).await,
        };
        // Refused connections and closed sockets are what he asked for.
        drop(done);
        count(&house.counts.strange);
        house.pause(RUDE).await;
    }
}

async fn wrong_request(house: &House, dice: &mut Dice, token: &str) -> Result<()> {
    let bearer = format!("Bearer {token}");
    let unknown = format!("Bearer {}", "A".repeat(43));
    let from = stranger(dice);
    let origin = format!("http://{}", house.shop.at);
    let message = |cid: &str, body: &str| json!({ "cid": cid, "body": body }).to_string();
    let which = dice.below(14);
    let (path, bearer, body) = match which {
        0 => ("/w/v1/messages", bearer, "{\"cid\":".to_owned()),
        1 => ("/w/v1/messages", bearer, "x".repeat(200 * 1024)),
        2 => ("/w/v1/messages", unknown, message("soak-x-1", "hello")),
        3 => (
            "/w/v1/messages",
            bearer,
            "[\"cid-of-mine\",\"hello\"]".to_owned(),
        ),
        4 => (
            "/w/v1/messages",
            bearer,
            message(&format!("change-{}", dice.below(90)), "hello"),
        ),
        5 => ("/w/v1/messages", bearer, message("x-stranger", "")),
        6 => ("/w/v1/messages", bearer, message(&"c".repeat(500), "hello")),
        7 => (
            "/w/v1/messages",
            bearer,
            "{\"cid\":\"x-odd-1\",\"body\":\"\\ud800\"}".to_owned(),
        ),
        8 => (
            "/w/v1/messages",
            bearer,
            message("x-stranger-0", &"long ".repeat(4000)),
        ),
        9 => (
            "/w/v1/seen",
            bearer,
            "{\"upto\":99999999999999999999}".to_owned(),
        ),
        10 => (
            "/w/v1/visitors",
            bearer,
            "{\"site\":\"no such\"}".to_owned(),
        ),
        11 => ("/w/v1/visitors", bearer, "null".to_owned()),
        12 => (
            "/w/v1/messages",
            "Basic YTpi".to_owned(),
            message("x-stranger-1", "a"),
        ),
        _ => (
            "/setup",
            bearer,
            "code=no&name=x&email=x&password=x&shop=x".to_owned(),
        ),
    };
    let kind = match path {
        "/setup" => "application/x-www-form-urlencoded",
        _ => "application/json",
    };
    let headers = [
        ("authorization", bearer.as_str()),
        ("origin", &origin),
        ("x-forwarded-for", &from),
        ("content-type", kind),
    ];
    let mut http = Http::open(house.shop.at).await?;
    let reply = http.post(path, &headers, body.as_bytes()).await?;
    judge(house, &format!("{path}, wrong request {which}"), &reply);
    Ok(())
}

async fn speak_raw(house: &House, dice: &mut Dice) -> Result<()> {
    let raw = RAW[dice.below(RAW.len() as u64) as usize];
    let mut stream = TcpStream::connect(house.shop.at).await?;
    let raw = raw.replace("HOST", &house.shop.at.to_string());
    stream.write_all(raw.as_bytes()).await?;
    let said = hear(&mut stream).await;
    if said.starts_with("HTTP/1.1 5") && !said.starts_with("HTTP/1.1 503") {
        let asked: String = raw.chars().take(40).collect();
        house.broken.add(format!("{asked:?}: {said}"));
    }
    Ok(())
}

async fn hear(stream: &mut TcpStream) -> String {
    let mut said = vec![0; 300];
    let read = timeout(WAITS, stream.read(&mut said)).await;
    let length = read.ok().and_then(Result::ok).unwrap_or(0);
    String::from_utf8_lossy(&said[..length]).into_owned()
}

/// Through the door with a good hand-shake, then bytes that are no frame.
async fn break_a_socket(house: &House, dice: &mut Dice) -> Result<()> {
    let at = house.shop.at;
    let mut stream = TcpStream::connect(at).await?;
    let head = format!(
        "GET /w/v1/live HTTP/1.1\r\nhost: {at}\r\nx-forwarded-for: {}\r\nupgrade: websocket\r\n\
         connection: upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        stranger(dice)
    );
    stream.write_all(head.as_bytes()).await?;
    hear(&mut stream).await;
    stream
        .write_all(FRAMES[dice.below(FRAMES.len() as u64) as usize])
        .await?;
    // What was announced begins to come.
    for _ in 0..16 {
        stream.write_all(&[0x55; 4096]).await?;
    }
    hear(&mut stream).await;
    Ok(())
}

async fn wrong_hello(house: &House, dice: &mut Dice) -> Result<()> {
    let from = stranger(dice);
    let headers = [("x-forwarded-for", from.as_str())];
    let mut socket = Socket::open(house.shop.at, 0, "/w/v1/live", &headers).await?;
    let hello = match dice.below(4) {
        0 => json!({ "t": "hello", "token": "A".repeat(43), "seq": 1 }).to_string(),
        1 => "[]".to_owned(),
        2 => json!({ "t": "typing", "on": true }).to_string(),
        _ => "x".repeat(6000),
    };
    socket.send(hello).await?;
    let _ = timeout(WAITS, socket.next()).await;
    Ok(())
}

/// Connections held with half a request on each.
pub async fn hold(house: Rc<House>) {
    while house.may_write().await {
        let mut held = Vec::new();
        for nth in 0..HELD {
            let opened = TcpStream::connect(house.shop.at).await;
            let Ok(mut stream) = opened else { continue };
            let raw = RAW[2 + nth % 3].replace("HOST", &house.shop.at.to_string());
            let _ = stream.write_all(raw.as_bytes()).await;
            held.push(stream);
        }
        house.pause(HOLDS).await;
    }
}

/// Colleagues sign in, one after the other; two at once at first, so that what
/// the first passwords need is there early.
pub async fn sign_in(house: Rc<House>, emails: Vec<String>, first: usize) {
    let mut nth = first;
    while house.may_write().await {
        let was_open = house.is_open();
        let email = &emails[nth % emails.len()];
        match house.shop.signs_in(email, 40_000 + nth).await {
            Ok(()) => count(&house.counts.signed_in),
            Err(error) => {
                house.complain(was_open, format!("{email} could not sign in: {error:#}"));
            }
        }
        nth += 2;
        house.pause(RIGHT * 2).await;
    }
}

/// Wrong passwords: for nobody, and for one colleague who is somebody. The first
/// burst waits, so that the memory of the tenth second is that of honest people.
pub async fn guess(house: Rc<House>, victim: String) {
    let mut dice = Dice::new(6);
    let mut round = 0_u64;
    house.pause(Duration::from_secs(12)).await;
    while house.may_write().await {
        round += 1;
        let at_once = if round % 8 == 1 { BURST } else { 1 };
        let mut tries = Vec::new();
        for _ in 0..at_once {
            let email = match dice.below(3) {
                0 => victim.clone(),
                _ => format!("nobody{}@bench.example", dice.below(1000)),
            };
            let from = 31_000 + dice.below(2000) as usize;
            let house = Rc::clone(&house);
            tries.push(tokio::task::spawn_local(async move {
                let tried = wrong_password(&house, &email, from).await;
                drop(tried);
            }));
        }
        for one in tries {
            let _ = one.await;
        }
        house.pause(WRONG).await;
    }
}

async fn wrong_password(house: &House, email: &str, from: usize) -> Result<()> {
    let origin = format!("http://{}", house.shop.at);
    let mut http = Http::open(house.shop.at).await?;
    let mut browser = Browser::new(&origin, from);
    let fields = [("email", email), ("password", "not-the-kettle-4711")];
    let reply = browser
        .fill_in(&mut http, "/login", "/login", &fields)
        .await?;
    judge(house, "/login with a wrong password", &reply);
    match reply.status {
        303 | 302 => house
            .broken
            .add(format!("{email} came in with a wrong password")),
        _ => count(&house.counts.turned_away),
    }
    sleep(Duration::ZERO).await;
    Ok(())
}
