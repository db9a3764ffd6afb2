//! A form with files (RFC 7578), read part by part as it arrives: no more of it is
//! in memory than one chunk and the head of one part.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::header;
use crate::error::{Error, Result};

/// How long the next piece may take, so that nobody holds a door with a trickle.
const PATIENCE: Duration = Duration::from_secs(15);
const HEAD: usize = 4 * 1024;
const PARTS: usize = 64;
/// RFC 2046, 5.1.1.
const BOUNDARY: usize = 70;

pub struct Parts {
    payload: Payload,
    buffer: BytesMut,
    /// What stands before each part and after the last.
    delimiter: Vec<u8>,
    /// Bytes that may still come.
    left: usize,
    parts: usize,
    at: At,
}

#[derive(PartialEq, Eq)]
enum At {
    Before,
    Inside,
    Between,
    After,
}

/// What a part says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub name: String,
    /// Only files have one.
    pub filename: Option<String>,
}

impl Parts {
    pub fn of(request: &HttpRequest, payload: Payload, most: usize) -> Result<Self> {
        let boundary = boundary(header(request, "content-type")).ok_or(Error::UnsupportedMedia)?;
        let announced = header(request, "content-length").parse::<usize>();
        if announced.is_ok_and(|length| most < length) {
            return Err(Error::TooLarge);
        }
        Ok(Self {
            payload,
            // The first delimiter may stand at the very beginning.
            buffer: BytesMut::from(&b"\r\n"[..]),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            left: most,
            parts: 0,
            at: At::Before,
        })
    }

    /// The next part, whatever of the one before was not read.
    pub async fn next(&mut self) -> Result<Option<Head>> {
        while self.at == At::Before || self.at == At::Inside {
            self.chunk().await?;
        }
        if self.at == At::After {
            return Ok(None);
        }
        self.parts += 1;
        if PARTS < self.parts {
            return Err(Error::TooLarge);
        }
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                self.at = At::Inside;
                let head = std::str::from_utf8(&head).ok().and_then(parse_head);
                return head.map(Some).ok_or_else(broken);
            }
            if HEAD < self.buffer.len() {
                return Err(broken());
            }
            self.more().await?;
        }
    }

    /// More of this part; nothing once it is over.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while matches!(self.at, At::Before | At::Inside) {
            if let Some(at) = find(&self.buffer, &self.delimiter) {
                if 0 < at {
                    return Ok(Some(self.buffer.split_to(at).freeze()));
                }
                self.pass_delimiter().await?;
                return Ok(None);
            }
            // The end may be the beginning of a delimiter.
            let sure = (self.buffer.len() + 1).saturating_sub(self.delimiter.len());
            if 0 < sure {
                return Ok(Some(self.buffer.split_to(sure).freeze()));
            }
            self.more().await?;
        }
        Ok(None)
    }

    async fn pass_delimiter(&mut self) -> Result<()> {
        let end = self.delimiter.len() + 2;
        while self.buffer.len() < end {
            self.more().await?;
        }
        let passed = self.buffer.split_to(end);
        self.at = match &passed[end - 2..] {
            b"--" => At::After,
            b"\r\n" => At::Between,
            _ => return Err(broken()),
        };
        Ok(())
    }

    async fn more(&mut self) -> Result<()> {
        let came = tokio::time::timeout(PATIENCE, self.payload.next()).await;
        let came = came.map_err(|_| Error::TooSlow)?;
        let chunk = came.and_then(Result::ok).ok_or_else(broken)?;
        self.left = self.left.checked_sub(chunk.len()).ok_or(Error::TooLarge)?;
        self.buffer.extend_from_slice(&chunk);
        Ok(())
    }

    /// What follows the last part is nobody's, but must have been read before
    /// another request can come on this line.
    pub async fn end(mut self) -> Result<()> {
        while let Some(Ok(chunk)) = tokio::time::timeout(PATIENCE, self.payload.next())
            .await
            .map_err(|_| Error::TooSlow)?
        {
            self.left = self.left.checked_sub(chunk.len()).ok_or(Error::TooLarge)?;
        }
        Ok(())
    }
}

fn broken() -> Error {
    Error::Malformed("the form broke off".into())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|it| it == what)
}

fn boundary(kind: &str) -> Option<&str> {
    let rest = kind.strip_prefix("multipart/form-data")?;
    let (_, value) = parameters(rest).find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    (!value.is_empty() && value.len() <= BOUNDARY && value.chars().all(plain)).then_some(value)
}

fn parse_head(head: &str) -> Option<Head> {
    let about = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition")
            .then(|| value.trim().strip_prefix("form-data"))?
    })?;
    let value = |wanted: &str| {
        let mut all = parameters(about);
        let (_, text) = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(unescape(text))
    };
    Some(Head {
        name: value("name")?,
        filename: value("filename"),
    })
}

/// `; name="a"; filename="b"`
fn parameters(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.trim_start_matches([';', ' ', '\t']).split_once('=')?;
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        rest = left;
        Some((name.trim(), value.trim_end_matches([' ', '\t'])))
    })
}

/// As browsers write what would end the quotes.
fn unescape(text: &str) -> String {
    text.replace("%22", "\"")
        .replace("%0D", "\r")
        .replace("%0A", "\n")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// All parts, or why not; the body comes in pieces of this size.
    async fn read(body: &[u8], piece: usize, most: usize) -> Result<Vec<(String, Vec<u8>)>> {
        let request = TestRequest::default()
            .insert_header(("content-type", "multipart/form-data; boundary=\"X-1\""))
            .to_http_request();
        let pieces: Vec<_> = body
            .chunks(piece)
            .map(|it| Ok(Bytes::copy_from_slice(it)))
            .collect();
        let stream: std::pin::Pin<Box<dyn futures_util::Stream<Item = _>>> =
            Box::pin(futures_util::stream::iter(pieces));
        let payload = Payload::from(stream);
        let mut parts = Parts::of(&request, payload, most)?;
        let mut found = Vec::new();
        while let Some(head) = parts.next().await? {
            let mut text = Vec::new();
            while let Some(chunk) = parts.chunk().await? {
                text.extend_from_slice(&chunk);
            }
            found.push((head.name, text));
        }
        Ok(found)
    }

    const FORM: &[u8] = b"--X-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--X\r\n--X-1\r\ncontent-disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n\r\n\r\n--X-1--\r\n";

    #[actix_web::test]
    async fn a_form_reads_the_same_in_pieces_of_any_size() {
        let whole = vec![
            ("a".to_owned(), b"1\r\n--X".to_vec()),
            ("f".to_owned(), b"\r\n".to_vec()),
        ];
        for piece in 1..=FORM.len() {
            let found = read(FORM, piece, 10_000).await;
            assert_eq!(found.unwrap(), whole, "{piece}");
        }
    }

    #[actix_web::test]
    async fn a_form_that_breaks_off_or_is_too_large_is_refused() {
        for end in 0..FORM.len() - 4 {
            let found = read(&FORM[..end], 7, 10_000).await;
            assert!(matches!(found, Err(Error::Malformed(_))), "{end}");
        }
        let large = read(FORM, 7, FORM.len() - 1).await;
        assert!(matches!(large, Err(Error::TooLarge)));
    }

    #[test]
    fn a_part_says_what_it_is_called() {
        let head = |text: &str| parse_head(text).map(|it| (it.name, it.filename));
        let file = head("Content-Disposition: form-data; filename=\"a;b=%22c%22.png\"; name=\"f\"");
        let name = Some("a;b=\"c\".png".to_owned());
        assert_eq!(file, Some(("f".to_owned(), name)));
        for none in ["", "Content-Disposition: attachment; name=\"f\"", "X: y"] {
            assert_eq!(head(none), None, "{none}");
        }
    }
}
