//! The connection to a mail server, with bounds of our own: whatever is at the
//! other end, it costs so much memory and so much time and no more.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::io::{AsyncRead as _, AsyncWrite as _};
#[allow(deprecated)]
use lettre::transport::smtp::client::AsyncNetworkStream;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, lookup_host};

use super::{Cause, Refused};
use crate::kernel::{MailServer, Security};

/// Bytes a server may say in one session: a hundred times what one does say. A
/// line of RFC 5321 has 512 of them (4.5.3.1.5), but lettre reads a line to its
/// end before it measures it.
const MOST: usize = 256 * 1024;
/// One address of the server, of which there may be several.
const CONNECT: Duration = Duration::from_secs(10);
/// After so much silence it is looked into whether the server waits for TLS.
const SILENCE: Duration = Duration::from_secs(2);
/// Servers for all the world let a stranger wait before they greet.
const SILENCE_OF_RELAYS: Duration = Duration::from_secs(10);
/// What speaks TLS answers a greeting of TLS within this.
const PROBE: Duration = Duration::from_secs(5);
/// Between servers; from the first byte encrypted, where no server speaks first
/// (RFC 8314).
const RELAY: u16 = 25;
const SUBMISSIONS: u16 = 465;

/// A connection on which the server has said who it is, as safe as was asked for.
pub async fn open(server: &MailServer) -> Result<AsyncSmtpConnection, Refused> {
    let hello = ClientId::default();
    let host = server
        .host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let tls = || TlsParameters::new(host.clone()).map_err(|e| Refused::of_tls(&e));
    let stream = connect(&host, server.port).await?;
    match server.security {
        Security::Tls => {
            let stream = encrypt(stream, tls()?).await?;
            let connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello);
            connection.await.map_err(Refused::from)
        }
        Security::None => greet(stream, server.port, &hello).await,
        Security::StartTls => {
            let mut connection = greet(stream, server.port, &hello).await?;
            if !connection.can_starttls() {
                return Err(Refused::speaks(Security::None));
            }
            let secured = connection.starttls(tls()?, &hello).await;
            secured.map_err(|e| Refused::of_tls(&e))?;
            Ok(connection)
        }
    }
}

async fn connect(host: &str, port: u16) -> Result<Bounded, Refused> {
    let failed = |cause: Cause, e: &dyn fmt::Display| {
        Refused::for_now(cause, format!("{host}, port {port}: {e}"))
    };
    let found = lookup_host((host, port)).await;
    let found = found.map_err(|e| failed(Cause::NoName, &e))?;
    let mut last = failed(Cause::NoName, &"this name has no address");
    for address in found {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(Bounded::new(stream)),
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                last = failed(Cause::Silent, &error);
            }
            Ok(Err(error)) => last = failed(Cause::Closed, &error),
            Err(_) => last = failed(Cause::Silent, &"no connection in time"),
        }
    }
    Err(last)
}

/// Waits for the server's first words. One that expects TLS waits, too, and both
/// would wait for ever: then a second connection finds out.
async fn greet(
    stream: Bounded,
    port: u16,
    hello: &ClientId,
) -> Result<AsyncSmtpConnection, Refused> {
    let address = stream.stream.peer_addr();
    let patience = match port {
        SUBMISSIONS => Duration::ZERO,
        RELAY => SILENCE_OF_RELAYS,
        _ => SILENCE,
    };
    let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello);
    let expects_tls = async {
        tokio::time::sleep(patience).await;
        match address {
            Ok(address) if speaks_tls(address).await => (),
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        greeted = greeted => greeted.map_err(Refused::from),
        () = expects_tls => Err(Refused::speaks(Security::Tls)),
    }
}

async fn speaks_tls(address: SocketAddr) -> bool {
    let probe = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(CLIENT_HELLO).await.ok()?;
        stream.read_u8().await.ok()
    };
    let first = tokio::time::timeout(PROBE, probe).await;
    first.ok().flatten().is_some_and(is_tls)
}

/// An alert or a handshake (RFC 8446, 5.1); a mail server's own words begin with
/// a digit.
fn is_tls(first: u8) -> bool {
    matches!(first, 0x15 | 0x16)
}

/// The least that a client of TLS 1.2 says (RFC 5246, 7.4.1.2; RFC 8422, 5.1) to
/// be answered: the random is none, nothing is ever encrypted with it.
#[rustfmt::skip]
const CLIENT_HELLO: &[u8] = &[
    0x16, 3, 1, 0, 83, // a record with a handshake of 83 bytes
    1, 0, 0, 79, // a ClientHello of 79 bytes
    3, 3, // TLS 1.2
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // random …
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // … of 32 bytes
    0, // no session to resume
    0, 8, 0xc0, 0x2f, 0xc0, 0x2b, 0xc0, 0x30, 0xc0, 0x2c, // ECDHE with AES-GCM
    1, 0, // no compression
    0, 30, // extensions
    0, 10, 0, 6, 0, 4, 0, 29, 0, 23, // groups: x25519, secp256r1
    0, 11, 0, 2, 1, 0, // points: uncompressed
    0, 13, 0, 10, 0, 8, 8, 4, 8, 5, 4, 3, 4, 1, // signatures: RSA-PSS, ECDSA, RSA
];

#[allow(deprecated)]
async fn encrypt(stream: Bounded, tls: TlsParameters) -> Result<Encrypted, Refused> {
    let address = stream
        .peer_addr()
        .map_err(|e| Refused::for_now(Cause::CutOff, e.to_string()))?;
    let first = Arc::clone(&stream.first);
    let mut stream = AsyncNetworkStream::use_existing_tokio1(Box::new(stream));
    match (stream.upgrade_tls(tls).await, first.get()) {
        (Ok(()), _) => Ok(Encrypted { stream, address }),
        (Err(_), Some(first)) if !is_tls(*first) => Err(Refused::speaks(Security::StartTls)),
        (Err(error), _) => Err(Refused::of_tls(&error)),
    }
}

/// A connection that takes no more than `left` bytes.
#[derive(Debug)]
struct Bounded {
    stream: TcpStream,
    left: usize,
    /// The first byte that came: it tells TLS from a mail server's own words.
    first: Arc<OnceLock<u8>>,
}

impl Bounded {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            left: MOST,
            first: Arc::default(),
        }
    }
}

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            let endless = "the server talks without end";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, endless)));
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        let came = buffer.filled().get(before..).unwrap_or_default();
        if let Some(first) = came.first() {
            self.first.get_or_init(|| *first);
        }
        let came = came.len();
        self.left = self.left.saturating_sub(came);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// lettre's TLS from the first byte, over a connection that it did not make.
#[allow(deprecated)]
#[derive(Debug)]
struct Encrypted {
    stream: AsyncNetworkStream,
    address: SocketAddr,
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let free = buffer.initialize_unfilled();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, free))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
