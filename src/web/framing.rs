//! Where each request on a connection begins and ends, read from its bytes alone
//! (RFC 9112, 2.2, 6 and 7.1), before actix reads them. Lines end with CR LF,
//! nothing less: who counts a bare LF where a proxy does not can be talked into
//! seeing two requests in one (2.2 allows both readings). Requests may follow
//! each other without waiting, so that every head is looked at, and no body is.

/// Of each line, bytes that are kept to be understood: enough for the two fields
/// that say how long a body is, and for the size of a chunk.
const KEPT: usize = 48;

/// How far one connection has been read.
#[derive(Debug)]
pub struct Framing {
    at: At,
    /// What follows the head that is being read.
    next: At,
    /// The beginning of the current line.
    kept: [u8; KEPT],
    /// Bytes in the current line, its CR counted.
    length: usize,
    /// The last byte was a CR.
    cr: bool,
    /// A line of this head with something in it has ended.
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Head,
    /// So many bytes are nobody's business.
    Body(u64),
    /// The line with the size of a chunk.
    Size,
    /// A chunk and the line end behind it.
    Chunk(u64),
    /// The lines behind the last chunk.
    Trailer,
    /// It is no longer known what means what: from here on no line ends.
    Lost,
}

impl Default for Framing {
    fn default() -> Self {
        Self {
            at: At::Head,
            next: At::Head,
            kept: [0; KEPT],
            length: 0,
            cr: false,
            begun: false,
        }
    }
}

impl Framing {
    /// Makes a bare LF, and each one after it, what no parser of heads takes, so
    /// that the answer is 400. Bytes come in pieces of any size.
    pub fn check(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = match self.at {
                At::Head | At::Size | At::Trailer => self.read_lines(rest),
                At::Body(left) => self.pass(left, rest.len(), At::Body, At::Head),
                At::Chunk(left) => self.pass(left, rest.len(), At::Chunk, At::Size),
                At::Lost => return spoil(rest),
            };
            rest = rest.get_mut(used..).unwrap_or_default();
        }
    }

    fn pass(&mut self, left: u64, here: usize, on: fn(u64) -> At, then: At) -> usize {
        let used = left.min(here as u64);
        self.at = match left - used {
            0 => then,
            left => on(left),
        };
        used as usize
    }

    /// As far as there are lines; how many bytes that were.
    fn read_lines(&mut self, bytes: &[u8]) -> usize {
        for (n, byte) in bytes.iter().enumerate() {
            if *byte != b'\n' {
                if let Some(place) = self.kept.get_mut(self.length) {
                    *place = *byte;
                }
                self.length += 1;
                self.cr = *byte == b'\r';
                continue;
            }
            if !self.cr {
                self.at = At::Lost;
                return n;
            }
            let length = self.length - 1;
            (self.length, self.cr) = (0, false);
            let before = self.at;
            self.end_line(length);
            if self.at != before {
                return n + 1;
            }
        }
        bytes.len()
    }

    fn end_line(&mut self, length: usize) {
        match (self.at, length) {
            (At::Head, 0) if self.begun => {
                self.begun = false;
                self.at = std::mem::replace(&mut self.next, At::Head);
            }
            // Empty lines before a head.
            (At::Head, 0) => (),
            (At::Head, _) => {
                self.begun = true;
                self.next = self.body_after(length);
            }
            (At::Size, _) => self.at = self.chunk(length),
            (At::Trailer, 0) => self.at = At::Head,
            _ => (),
        }
    }

    fn line(&self, length: usize) -> &[u8] {
        self.kept.get(..length).unwrap_or(&self.kept)
    }

    /// What this line of a head says about the body. What actix refuses is
    /// not understood here either, but nothing that it takes is understood otherwise.
    fn body_after(&self, length: usize) -> At {
        let mut parts = self.line(length).splitn(2, |it| *it == b':');
        let name = parts.next().unwrap_or_default();
        let sized = name.eq_ignore_ascii_case(b"content-length");
        if !sized && !name.eq_ignore_ascii_case(b"transfer-encoding") {
            return self.next;
        }
        let value = parts.next().unwrap_or_default().trim_ascii();
        if KEPT < length || self.next != At::Head {
            return At::Lost;
        }
        if sized {
            return number(value, 10).map_or(At::Lost, At::Body);
        }
        match value.eq_ignore_ascii_case(b"chunked") {
            true => At::Size,
            false => At::Lost,
        }
    }

    fn chunk(&self, length: usize) -> At {
        let line = self.line(length);
        let end = line.iter().position(|it| matches!(it, b';' | b' ' | b'\t'));
        let digits = match end {
            None if KEPT < length => None,
            end => line.get(..end.unwrap_or(line.len())),
        };
        match digits.and_then(|it| number(it, 16)) {
            Some(0) => At::Trailer,
            // With its CR LF; what else stands there is refused by the reader.
            Some(size) => size.checked_add(2).map_or(At::Lost, At::Chunk),
            None => At::Lost,
        }
    }
}

/// Digits and nothing else.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let clean = digits.iter().all(|it| char::from(*it).is_digit(radix));
    let text = std::str::from_utf8(digits).ok().filter(|_| clean)?;
    u64::from_str_radix(text, radix).ok()
}

fn spoil(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|it| **it == b'\n') {
        *byte = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(pieces: &[&str]) -> String {
        let (mut framing, mut seen) = (Framing::default(), Vec::new());
        for piece in pieces {
            let mut bytes = piece.as_bytes().to_vec();
            framing.check(&mut bytes);
            seen.extend_from_slice(&bytes);
        }
        String::from_utf8(seen).unwrap()
    }

    #[test]
    fn a_bare_lf_ends_no_line_of_a_head() {
        for (pieces, seen) in [
            (
                &["GET / HTTP/1.1\nHost: a\r\n"][..],
                "GET / HTTP/1.1\0Host: a\r\0",
            ),
            (&["\nGET /"], "\0GET /"),
            (&["G\r\nA: b\n\nC"], "G\r\nA: b\0\0C"),
            (&["G\r\nA: b\r\n", "\n"], "G\r\nA: b\r\n\0"),
            (
                &["\r\nG\r", "\nA: b\r", "\n", "\r\n"],
                "\r\nG\r\nA: b\r\n\r\n",
            ),
        ] {
            assert_eq!(checked(pieces), seen, "{pieces:?}");
        }
    }

    const BODIES: [&str; 6] = [
        "G\r\nA: b\r\n\r\n",
        "G\r\nContent-Length: 0\r\n\r\n",
        "P\r\nA: b\r\ncontent-LENGTH:\t13 \r\nC: d\r\n\r\na\nbody\n\n\r\n\r\nc",
        "P\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\n\n\n\n\r\n00a ;x=y\r\n0\r\n\r\nG\r\n\n\n\r\n0\r\n\r\n",
        "P\r\ntransfer-encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        "\r\nP\r\ncontent-length: 1\r\n\r\n\n",
    ];

    /// Also where each byte comes by itself.
    #[test]
    fn a_body_is_nobodys_business_and_the_head_behind_it_is() {
        for first in BODIES {
            for second in BODIES {
                let good = format!("{first}{second}");
                assert_eq!(checked(&[&good]), good);
                let bytes: Vec<_> = good.chars().map(String::from).collect();
                let bytes: Vec<_> = bytes.iter().map(String::as_str).collect();
                assert_eq!(checked(&bytes), good);
            }
            let bad = format!("{first}G\r\nA: b\n\n");
            assert_eq!(checked(&[&bad]), format!("{first}G\r\nA: b\0\0"), "{bad:?}");
        }
    }

    #[test]
    fn a_length_that_is_not_understood_lets_nothing_pass_as_a_line() {
        for field in [
            "content-length: +1",
            "content-length: 1\r\ncontent-length: 1",
            "content-length: 1\r\ntransfer-encoding: chunked",
            "content-length: 99999999999999999999",
            "transfer-encoding: gzip, chunked",
            "transfer-encoding: chunked\r\n\r\nx",
            "transfer-encoding: chunked\r\n\r\nffffffffffffffff",
            "transfer-encoding: chunked\r\n\r\n1\n",
        ] {
            let seen = checked(&[&format!("P\r\n{field}\r\n\r\nG\r\n\r\n")]);
            assert!(seen.ends_with("G\r\0\r\0"), "{field:?}: {seen:?}");
        }
    }
}
