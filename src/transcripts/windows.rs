//! What a transcript shows in the hall: a tool and the sheet it opens, and lines
//! that say that one was asked for and what became of it.

use super::pages::{Sheet, Tool};
use crate::accounts::Agent;
use crate::config::Config;
use crate::conversations::{Conversation, Said, Windows, Wording};
use crate::db::Reader;
use crate::error::Result;
use crate::mail;
use crate::settings;
use crate::web::pages::{Errors, Html};

/// The sheet, by name.
pub const SHEET: &str = "transcript";

/// Asked for; what became of it says a line of its own.
pub static QUEUED: Wording = Wording {
    word: "transcript-queued",
    agents: |t, it| t.transcript_change_asked(it.who).into(),
    visitor: None,
};

/// The mail server has it.
pub static TAKEN: Wording = Wording {
    word: "transcript-taken",
    agents: |t, _| t.transcript_change_taken().into(),
    visitor: None,
};

/// Nobody ever will take it. `why` is told in words where the cause is known, and
/// else quoted: then it is the mail server's own.
pub static REFUSED: Wording = Wording {
    word: "transcript-refused",
    agents: |t, it| {
        let refused = t.transcript_change_refused();
        match mail::told(it.text("why"), t) {
            (Some(why), _) => format!("{refused}. {why}").into(),
            (None, raw) => Said {
                words: refused.to_owned(),
                quoted: raw.to_owned(),
            },
        }
    },
    visitor: None,
};

pub fn open(windows: &mut Windows) {
    for wording in [&QUEUED, &TAKEN, &REFUSED] {
        windows.word(wording);
    }
    windows.script("admin/transcripts/sheet.js");
    windows.header(|_, _, t| Html::draw(&Tool { t }).map(Some));
    let Some(config) = windows.config() else {
        return;
    };
    windows.sheet(SHEET, move |r, agent, conversation| {
        sheet(
            r,
            &config,
            agent,
            conversation,
            String::new(),
            Errors::default(),
        )
        .map(Some)
    });
}

/// `email` and `errors`: what was typed, and what is wrong with it.
pub fn sheet(
    r: &Reader,
    config: &Config,
    agent: &Agent,
    conversation: &Conversation,
    email: String,
    errors: Errors,
) -> Result<Html> {
    Html::draw(&Sheet {
        t: agent.lang,
        csrf: agent.csrf.clone(),
        conversation: conversation.key.to_string(),
        mail_ready: settings::outgoing(r, config)?.is_some(),
        may_set_up: agent.role.may_administer(),
        email,
        errors,
    })
}
