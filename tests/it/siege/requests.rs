//! Requests: bodies that nobody reads, line ends that are none.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt;

use super::{CHUNKED, Wire};
use crate::support::{open_house, soon};

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
