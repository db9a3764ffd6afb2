//! One stranger with a plain TCP connection and no manners: frames that are
//! none, heads that never end, answers that nobody reads.

mod machine;
mod requests;
mod sockets;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{AgentBrowser, House, soon};

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

const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");
