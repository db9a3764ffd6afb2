//! What a transcript shows in the hall: lines that say that one was asked for,
//! and what became of it.

use crate::conversations::{Said, Windows, Wording};

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

/// Nobody ever will; `why` are the mail server's own words.
pub static REFUSED: Wording = Wording {
    word: "transcript-refused",
    agents: |t, it| Said {
        words: t.transcript_change_refused().to_owned(),
        quoted: it.text("why").to_owned(),
    },
    visitor: None,
};

pub fn open(windows: &mut Windows) {
    for wording in [&QUEUED, &TAKEN, &REFUSED] {
        windows.word(wording);
    }
}
