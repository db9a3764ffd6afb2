//! A keep-alive HTTP/1.1 client: one connection, one request at a time, and no
//! more work than that, because the generator shares the cores with the server.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer that takes longer is a failure, not a figure.
const PATIENCE: Duration = Duration::from_secs(60);

const MOST_HEADERS: usize = 64;

pub struct Http {
    to: SocketAddr,
    stream: TcpStream,
    out: Vec<u8>,
    read: Vec<u8>,
    closed: bool,
}

pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &'static str) -> Option<&str> {
        self.headers(name).next()
    }

    pub fn headers(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let named = self
            .headers
            .iter()
            .filter(move |(it, _)| it.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The reply, if it has this status; otherwise what the server said instead.
    pub fn expect(self, status: u16, doing: &str) -> Result<Self> {
        let said = || self.text().chars().take(300).collect::<String>();
        ensure!(
            self.status == status,
            "{doing}: status {}: {}",
            self.status,
            said()
        );
        Ok(self)
    }
}

impl Http {
    pub async fn open(to: SocketAddr) -> Result<Self> {
        let stream = connect(to).await?;
        Ok(Self {
            to,
            stream,
            out: Vec::new(),
            read: Vec::new(),
            closed: false,
        })
    }

    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Reply> {
        self.request("GET", path, headers, b"").await
    }

    pub async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply> {
        self.request("POST", path, headers, body).await
    }

    async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply> {
        if self.closed {
            self.stream = connect(self.to).await?;
            self.read.clear();
        }
        // Whatever interrupts this request also ends the connection.
        self.closed = true;
        self.out.clear();
        write!(
            self.out,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n",
            self.to
        )?;
        for (name, value) in headers {
            write!(self.out, "{name}: {value}\r\n")?;
        }
        if method == "POST" {
            write!(self.out, "content-length: {}\r\n", body.len())?;
        }
        self.out.extend_from_slice(b"\r\n");
        self.out.extend_from_slice(body);
        let answer = async {
            self.stream.write_all(&self.out).await?;
            read_reply(&mut self.stream, &mut self.read).await
        };
        let (reply, keeps) = timeout(PATIENCE, answer)
            .await
            .with_context(|| format!("{method} {path}: no answer in {PATIENCE:?}"))?
            .with_context(|| format!("{method} {path}"))?;
        self.closed = !keeps;
        Ok(reply)
    }
}

async fn connect(to: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(to)
        .await
        .with_context(|| format!("connecting to {to}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One reply, and whether the connection may be used again.
async fn read_reply(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<(Reply, bool)> {
    let (mut reply, head) = loop {
        if let Some(parsed) = parse_head(read)? {
            break parsed;
        }
        more(stream, read).await?;
    };
    read.drain(..head);
    let says = |name: &'static str, what: &str| {
        reply
            .header(name)
            .is_some_and(|it| it.to_ascii_lowercase().contains(what))
    };
    let keeps = !says("connection", "close");
    reply.body = if says("transfer-encoding", "chunked") {
        read_chunks(stream, read).await?
    } else if matches!(reply.status, 204 | 304) {
        Vec::new()
    } else {
        let length = reply
            .header("content-length")
            .context("a reply of unknown length")?;
        take(stream, read, length.trim().parse()?).await?
    };
    Ok((reply, keeps))
}

fn parse_head(read: &[u8]) -> Result<Option<(Reply, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(read)? else {
        return Ok(None);
    };
    let value = |it: &httparse::Header<'_>| String::from_utf8_lossy(it.value).into_owned();
    let headers = response
        .headers
        .iter()
        .map(|it| (it.name.to_owned(), value(it)))
        .collect();
    let status = response.code.context("a reply without status")?;
    Ok(Some((
        Reply {
            status,
            headers,
            body: Vec::new(),
        },
        length,
    )))
}

async fn more(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<()> {
    if stream.read_buf(read).await? == 0 {
        bail!("the server closed the connection");
    }
    Ok(())
}

async fn take(stream: &mut TcpStream, read: &mut Vec<u8>, length: usize) -> Result<Vec<u8>> {
    while read.len() < length {
        more(stream, read).await?;
    }
    let rest = read.split_off(length);
    Ok(std::mem::replace(read, rest))
}

async fn read_chunks(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (head, size) = loop {
            match httparse::parse_chunk_size(read) {
                Ok(httparse::Status::Complete(parsed)) => break parsed,
                Ok(httparse::Status::Partial) => more(stream, read).await?,
                Err(_) => bail!("a chunk without a size"),
            }
        };
        read.drain(..head);
        let size = usize::try_from(size)?;
        body.extend(take(stream, read, size).await?);
        take(stream, read, 2).await?;
        if size == 0 {
            return Ok(body);
        }
    }
}
