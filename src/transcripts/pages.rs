//! The mail that carries a transcript, for people who read HTML and for those
//! who do not.

use askama::Template;

use crate::texts::Lang;

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
    pub body: String,
    /// Written by the shop, not by the visitor.
    pub shop: bool,
}

impl MailTranscript {
    pub fn subject(&self) -> String {
        self.t.mail_transcript_subject(&self.shop_name)
    }
}

/// The same as plain text.
#[derive(Template)]
#[template(path = "transcripts/mail_transcript.txt", escape = "none")]
pub struct MailTranscriptText<'a> {
    pub mail: &'a MailTranscript,
}
