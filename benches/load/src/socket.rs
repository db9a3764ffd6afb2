//! A WebSocket client that costs little enough to hold ten thousand of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// The library's own buffer is 128 KiB a socket: 1.2 GiB for ten thousand.
const BUFFER: usize = 4096;

/// Opening or a first answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sockets from one source address, well below the ports it has.
const PER_ADDRESS: usize = 4000;

pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// `nth` picks the source address, so that ports never run short.
    pub async fn open(
        to: SocketAddr,
        nth: usize,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self> {
        let opened = timeout(PATIENCE, connect(to, nth, path, headers)).await;
        opened.with_context(|| format!("{path}: the server let {PATIENCE:?} pass"))?
    }

    pub async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// The next frame of text. Pings are answered by the library.
    pub async fn next(&mut self) -> Result<Utf8Bytes> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(why))) => bail!("the server closed the socket: {why:?}"),
                Some(Ok(_)) => (),
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the socket ended"),
            }
        }
    }

    /// Waits for Shopbell's greeting; false where it says that what was missed is
    /// too much, and to load the page afresh.
    pub async fn greeting(&mut self) -> Result<bool> {
        let greeting = self.until("\"t\":\"").await?;
        Ok(greeting.contains("\"welcome\""))
    }

    /// Reads until a frame holds `what`.
    pub async fn until(&mut self, what: &str) -> Result<Utf8Bytes> {
        let reading = async {
            loop {
                let text = self.next().await?;
                if text.contains(what) {
                    return anyhow::Ok(text);
                }
            }
        };
        let read = timeout(PATIENCE, reading).await;
        read.with_context(|| format!("no {what} within {PATIENCE:?}"))?
    }
}

async fn connect(
    to: SocketAddr,
    nth: usize,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket> {
    let socket = TcpSocket::new_v4()?;
    let source = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(nth / PER_ADDRESS)?);
    socket.bind((source, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{to}{path}").into_client_request()?;
    for (name, value) in headers {
        let value = HeaderValue::from_str(value)?;
        request
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
    Ok(Socket(opened.with_context(|| format!("opening {path}"))?.0))
}
