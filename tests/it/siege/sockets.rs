//! Sockets: what is refused by its head, closed with its own code, let go.

use std::time::Duration;

use serde_json::json;
use shopbell::conversations::{self, NewMessage};
use shopbell::kernel::Token;
use shopbell::visitors;
use tokio::net::{TcpSocket, TcpStream};

use super::{CHUNKED, FIN, PING, TEXT, UPGRADE, Wire, both_sockets, frame};
use crate::support::{House, NOW, open_house, soon};

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

/// A visitor's socket with hardly any room for what he does not read.
async fn who_never_reads(house: &House, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = house.url.trim_start_matches("http://");
    let stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let mut wire = Wire(stream);
    wire.sends_head(house, "GET /w/v1/live", &UPGRADE).await;
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
    assert_eq!(house.hub.count(), 1);
    let token = Token::parse(&visitor.token).unwrap().hash();
    let write = house.db.write("test.many_lines", move |w| {
        let visitor = visitors::authenticate(w, token)?;
        for n in 0..400 {
            let line = NewMessage {
                body: "x".repeat(8000),
                cid: format!("unread-line-{n}"),
                ..NewMessage::default()
            };
            conversations::write_in(w, NOW, &visitor, None, line)?;
        }
        Ok(())
    });
    write.await.unwrap();
    let gone = async {
        while house.hub.count() != 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let patience = Duration::from_secs(60);
    let dropped = tokio::time::timeout(patience, gone).await;
    assert!(dropped.is_ok(), "it is still there");
    drop(socket);
    house.close().await;
}
