//! What arrives on a socket, frame by frame (RFC 6455 section 5). A frame is
//! judged by its head, before its bytes are gathered: what is too large, not
//! text or out of order costs no memory. Text in fragments is assembled, never
//! to more than one frame may hold.

use std::future::poll_fn;
use std::pin::Pin;
use std::str;
use std::task::{Context, Poll};

use futures_util::Stream;

/// Bytes of one message, whole or in fragments. Signals are small; so is what
/// we are willing to gather for one.
pub const LARGEST: usize = 4 * 1024;
/// Bytes of a control frame (RFC 6455 5.5).
const CONTROL: usize = 125;

/// What was said.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Text(String),
    /// A fragment arrived; its message is not complete yet.
    Part,
    Ping(Vec<u8>),
    Pong,
    /// With the code that was given, if any.
    Close(Option<u16>),
}

/// What cannot be gone on with, by the code it is closed with (RFC 6455 7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 1002: these are no frames, or not in that order.
    Protocol,
    /// 1003: bytes, where only text is spoken.
    Binary,
    /// 1007: text that is not UTF-8.
    Encoding,
    /// 1009: more than one message may hold.
    TooLarge,
}

/// Text of which the last fragment has not come yet.
#[derive(Default)]
struct Draft {
    bytes: Vec<u8>,
    /// So much of it has been found to be UTF-8.
    sound: usize,
}

impl Draft {
    /// Bad text is noticed in the fragment that spoils it, not at the end.
    fn check(&mut self, last: bool) -> Result<(), Fault> {
        let rest = self.bytes.get(self.sound..).unwrap_or_default();
        match str::from_utf8(rest) {
            Ok(_) => self.sound = self.bytes.len(),
            Err(error) if error.error_len().is_none() && !last => self.sound += error.valid_up_to(),
            Err(_) => return Err(Fault::Encoding),
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opcode {
    Text,
    More,
    Close,
    Ping,
    Pong,
}

/// A frame's head, found to be in order.
struct Head {
    last: bool,
    kind: Opcode,
    /// Where its bytes begin.
    start: usize,
    length: usize,
    mask: [u8; 4],
}

/// The frames in a stream of bytes. Asking again after being interrupted loses
/// nothing.
pub struct Incoming<S> {
    source: S,
    raw: Vec<u8>,
    draft: Option<Draft>,
}

impl<S, B, E> Incoming<S>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
{
    pub fn new(source: S) -> Self {
        Self {
            source,
            raw: Vec::new(),
            draft: None,
        }
    }

    /// What was said next; None once nothing more will come.
    pub async fn next(&mut self) -> Option<Result<Said, Fault>> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Said, Fault>>> {
        loop {
            match self.take() {
                Ok(Some(said)) => return Poll::Ready(Some(Ok(said))),
                Err(fault) => return Poll::Ready(Some(Err(fault))),
                Ok(None) => (),
            }
            match Pin::new(&mut self.source).poll_next(context) {
                Poll::Ready(Some(Ok(bytes))) => self.raw.extend_from_slice(bytes.as_ref()),
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The next frame, as far as it is here.
    fn take(&mut self) -> Result<Option<Said>, Fault> {
        let gathered = self.draft.as_ref().map(|it| it.bytes.len());
        let Some(head) = read_head(&self.raw, gathered)? else {
            return Ok(None);
        };
        let end = head.start + head.length;
        if self.raw.len() < end {
            return Ok(None);
        }
        let masked = self.raw.drain(..end).skip(head.start);
        let bytes: Vec<u8> = masked
            .zip(head.mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        if self.raw.is_empty() {
            // Most sockets say nothing for hours, and should cost nothing then.
            self.raw = Vec::new();
        }
        self.understand(&head, bytes).map(Some)
    }

    fn understand(&mut self, head: &Head, bytes: Vec<u8>) -> Result<Said, Fault> {
        match head.kind {
            Opcode::Ping => Ok(Said::Ping(bytes)),
            Opcode::Pong => Ok(Said::Pong),
            Opcode::Close => read_close(&bytes).map(Said::Close),
            Opcode::Text | Opcode::More => {
                let mut draft = self.draft.take().unwrap_or_default();
                draft.bytes.extend_from_slice(&bytes);
                draft.check(head.last)?;
                if !head.last {
                    self.draft = Some(draft);
                    return Ok(Said::Part);
                }
                let text = String::from_utf8(draft.bytes);
                text.map(Said::Text).map_err(|_| Fault::Encoding)
            }
        }
    }
}

/// `gathered`: bytes of the fragments so far, where a message has begun.
fn read_head(raw: &[u8], gathered: Option<usize>) -> Result<Option<Head>, Fault> {
    let [first, second, rest @ ..] = raw else {
        return Ok(None);
    };
    let (last, reserved, masked) = (first & 0x80 != 0, first & 0x70 != 0, second & 0x80 != 0);
    if reserved || !masked {
        return Err(Fault::Protocol);
    }
    let kind = match (first & 0x0f, gathered) {
        (0x0, Some(_)) => Opcode::More,
        (0x1, None) => Opcode::Text,
        (0x2, None) => return Err(Fault::Binary),
        (0x8, _) => Opcode::Close,
        (0x9, _) => Opcode::Ping,
        (0xa, _) => Opcode::Pong,
        _ => return Err(Fault::Protocol),
    };
    let control = !matches!(kind, Opcode::Text | Opcode::More);
    let (length, rest) = match (second & 0x7f, rest) {
        (126 | 127, _) if control => return Err(Fault::Protocol),
        (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
        (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
            (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest)
        }
        (126 | 127, _) => return Ok(None),
        (length, rest) => (u64::from(length), rest),
    };
    // The shortest form of a length is the only one.
    let shortest = match second & 0x7f {
        126 => 126,
        127 => 1 << 16,
        _ => 0,
    };
    if length >> 63 != 0 || length < shortest || (control && !last) {
        return Err(Fault::Protocol);
    }
    let most = match control {
        true => CONTROL,
        false => LARGEST.saturating_sub(gathered.unwrap_or(0)),
    };
    let length = usize::try_from(length).map_err(|_| Fault::TooLarge)?;
    if most < length {
        return Err(Fault::TooLarge);
    }
    let [a, b, c, d, rest @ ..] = rest else {
        return Ok(None);
    };
    Ok(Some(Head {
        last,
        kind,
        start: raw.len() - rest.len(),
        length,
        mask: [*a, *b, *c, *d],
    }))
}

/// A code that may stand in a frame, and a reason in UTF-8 (RFC 6455 5.5.1, 7.4).
fn read_close(bytes: &[u8]) -> Result<Option<u16>, Fault> {
    let (code, reason) = match bytes {
        [] => return Ok(None),
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), reason),
        [_] => return Err(Fault::Protocol),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Fault::Protocol);
    }
    match str::from_utf8(reason) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(Fault::Encoding),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::FutureExt;

    use super::*;

    const FIN: u8 = 0x80;

    fn frame(first: u8, bytes: &[u8]) -> Vec<u8> {
        let mask = [7, 0, 255, 1];
        let mut made = vec![first];
        match bytes.len() {
            length @ 0..126 => made.push(0x80 | length as u8),
            length => {
                made.push(0x80 | 126);
                made.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        made.extend_from_slice(&mask);
        let masked = bytes.iter().zip(mask.iter().cycle());
        made.extend(masked.map(|(byte, mask)| byte ^ mask));
        made
    }

    /// Everything that is heard when the bytes come in pieces of a size.
    fn heard_in(raw: &[u8], size: usize) -> Vec<Result<Said, Fault>> {
        let pieces: Vec<_> = raw.chunks(size).map(Ok::<_, Infallible>).collect();
        let mut incoming = Incoming::new(futures_util::stream::iter(pieces));
        let mut heard = Vec::new();
        while let Some(Some(said)) = incoming.next().now_or_never() {
            let over = said.is_err();
            heard.push(said);
            if over {
                break;
            }
        }
        heard
    }

    fn heard(frames: &[Vec<u8>]) -> Vec<Result<Said, Fault>> {
        let raw = frames.concat();
        let whole = heard_in(&raw, raw.len());
        assert_eq!(heard_in(&raw, 1), whole, "byte by byte");
        whole
    }

    fn text(text: &str) -> Result<Said, Fault> {
        Ok(Said::Text(text.to_owned()))
    }

    #[test]
    fn text_in_fragments_is_one_text_also_around_a_ping() {
        let said = [
            frame(0x01, "caf\u{e9}".as_bytes().split_at(4).0),
            frame(FIN | 0x09, b"there?"),
            frame(0x00, b""),
            frame(FIN, "caf\u{e9}".as_bytes().split_at(4).1),
            frame(FIN | 0x01, b"next"),
        ];
        let (part, ping) = (Ok(Said::Part), Ok(Said::Ping(b"there?".to_vec())));
        let expected = [part, ping, Ok(Said::Part), text("caf\u{e9}"), text("next")];
        assert_eq!(heard(&said), expected);
    }

    #[test]
    fn a_message_is_too_large_as_soon_as_its_head_says_so() {
        // A head that announces a tebibyte, and not one byte of it.
        let announced = [vec![FIN | 0x01, 0x80 | 127], vec![0, 0, 1, 0, 0, 0, 0, 0]];
        assert_eq!(heard(&announced), [Err(Fault::TooLarge)]);
        let full = vec![b'x'; LARGEST];
        assert!(heard(&[frame(FIN | 0x01, &full)])[0].is_ok());
        let more = [frame(0x01, &full), frame(FIN, b"x")];
        assert_eq!(heard(&more)[1], Err(Fault::TooLarge));
    }

    #[test]
    fn what_breaks_the_protocol_is_told_from_what_is_only_unwanted() {
        for (frames, fault) in [
            (vec![frame(FIN | 0x41, b"x")], Fault::Protocol),
            (vec![frame(FIN | 0x03, b"x")], Fault::Protocol),
            (vec![frame(FIN, b"x")], Fault::Protocol),
            (vec![frame(0x09, b"x")], Fault::Protocol),
            (vec![frame(FIN | 0x09, &[0; 126])], Fault::Protocol),
            (
                vec![frame(0x01, b"x"), frame(FIN | 0x01, b"x")],
                Fault::Protocol,
            ),
            (vec![vec![FIN | 0x01, 1, b'x']], Fault::Protocol),
            (vec![vec![FIN | 0x01, 0xfe, 0, 125]], Fault::Protocol),
            (
                vec![vec![FIN | 0x01, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]],
                Fault::Protocol,
            ),
            (vec![frame(FIN | 0x08, &[3])], Fault::Protocol),
            (vec![frame(FIN | 0x08, &[3, 237])], Fault::Protocol),
            (vec![frame(FIN | 0x08, &[3, 232, 0xff])], Fault::Encoding),
            (vec![frame(FIN | 0x01, b"\xff")], Fault::Encoding),
            (vec![frame(FIN | 0x01, b"\xc3")], Fault::Encoding),
            (vec![frame(0x01, b"\xff")], Fault::Encoding),
            (vec![frame(FIN | 0x02, b"x")], Fault::Binary),
        ] {
            assert_eq!(heard(&frames).last(), Some(&Err(fault)), "{frames:x?}");
        }
        let leave = heard(&[frame(FIN | 0x08, &[3, 232])]);
        assert_eq!(leave, [Ok(Said::Close(Some(1000)))]);
        assert_eq!(heard(&[frame(FIN | 0x08, b"")]), [Ok(Said::Close(None))]);
    }
}
