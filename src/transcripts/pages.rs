//! What asks for a transcript, and the mail that carries it, for people who read
//! HTML and for those who do not.

use askama::Template;

use crate::conversations::Piece;
use crate::texts::Lang;
use crate::web::pages::Errors;

/// Above the conversation: opens the sheet.
#[derive(Template)]
#[template(path = "transcripts/_tool.html")]
pub struct Tool {
    pub t: Lang,
}

/// The form that sends one.
#[derive(Template)]
#[template(path = "transcripts/_sheet.html")]
pub struct Sheet {
    pub t: Lang,
    pub csrf: String,
    pub conversation: String,
    /// Mail is set up.
    pub mail_ready: bool,
    /// The one who looks at it may set mail up.
    pub may_set_up: bool,
    pub email: String,
    /// Field `email`.
    pub errors: Errors,
}

#[derive(Template)]
#[template(path = "transcripts/mail_transcript.html")]
pub struct MailTranscript {
    pub t: Lang,
    pub shop_name: String,
    /// The day it began, in the shop's zone.
    pub date: String,
    /// The zone of all times, as people write it: `Europe/Istanbul`.
    pub zone: String,
    pub lines: Vec<Line>,
    /// The conversation was longer than a mail should be.
    pub cut: bool,
}

/// One line of what was said.
pub struct Line {
    pub who: String,
    pub at: String,
    /// As plain text.
    pub body: String,
    pub pieces: Vec<Piece>,
    /// Written by the shop, not by the visitor.
    pub shop: bool,
}

impl MailTranscript {
    pub fn subject(&self) -> String {
        self.t.transcript_mail_subject(&self.shop_name)
    }
}

/// The same as plain text.
#[derive(Template)]
#[template(path = "transcripts/mail_transcript.txt", escape = "none")]
pub struct MailTranscriptText<'a> {
    pub mail: &'a MailTranscript,
}

/// Characters in a line of plain text, as RFC 5322 advises (2.1.1).
const WIDTH: usize = 78;

/// Breaks long lines between words and sets them in. A word that is too long by
/// itself stays whole, because it may be an address that somebody wants to open.
fn wrapped(text: &str, margin: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for whole in text.lines() {
        let mut line = margin.to_owned();
        let mut length = 0;
        for word in whole.split_whitespace() {
            let more = word.chars().count();
            if 0 < length && WIDTH < margin.len() + length + 1 + more {
                lines.push(std::mem::replace(&mut line, margin.to_owned()));
                length = 0;
            }
            if 0 < length {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += more;
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_break_between_words_and_addresses_stay_whole() {
        let long = format!("see {} for more", "x".repeat(90));
        assert_eq!(
            wrapped(&long, "  "),
            format!("  see\n  {}\n  for more", "x".repeat(90))
        );
        assert_eq!(wrapped("one\n\n  two", "> "), "> one\n>\n> two");
        assert!(
            wrapped(&"word ".repeat(400), "  ")
                .lines()
                .all(|it| it.chars().count() <= WIDTH)
        );
    }
}
