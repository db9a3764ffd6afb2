//! Pages for whoever keeps the server: how mail leaves, and what is going on.

use askama::Template;

use crate::texts::Lang;
use crate::web::FormPage;
use crate::web::pages::{Errors, Moment, Saved, Shell};

/// How mail leaves, and a test of it.
#[derive(Template)]
#[template(path = "operations/mail.html")]
pub struct Mail {
    pub t: Lang,
    pub shell: Shell,
    /// The environment decides; the form is replaced by a note.
    pub by_environment: bool,
    /// Everything needed to send is there.
    pub ready: bool,
    pub host: String,
    /// As typed.
    pub port: String,
    /// `none`, `starttls` or `tls`.
    pub security: String,
    pub user: String,
    /// A password is stored; it is never shown.
    pub has_password: bool,
    pub from_name: String,
    pub from: String,
    /// The environment names the sender, whatever is typed here.
    pub from_fixed: Option<String>,
    /// Fields `host`, `port`, `security`, `user`, `password`, `from_name`, `from`.
    pub errors: Errors,
    pub saved: Saved,
    /// Where the test mail goes. Field `to`.
    pub to: String,
    pub test_errors: Errors,
    pub test: Option<TestAnswer>,
}

impl FormPage for Mail {
    fn errors(&mut self) -> &mut Errors {
        &mut self.errors
    }
}

/// What came of a test mail.
pub struct TestAnswer {
    pub sent: bool,
    pub to: String,
    /// What went wrong, and what to do.
    pub words: String,
    /// The server's own words.
    pub answer: String,
}

/// Work in the queue, followers of the journal, and the disk.
#[derive(Template)]
#[template(path = "operations/workings.html")]
pub struct Workings {
    pub t: Lang,
    pub shell: Shell,
    pub jobs: Vec<JobRow>,
    pub tasks: Vec<TaskRow>,
    /// Empty where no part of the program follows the journal.
    pub followers: Vec<FollowerRow>,
    /// The newest position of the journal.
    pub position: i64,
    /// Why nothing can be saved; empty while all is well.
    pub storage_cause: String,
    /// What has just been done: empty, `retry`, `drop` or `skip`.
    pub done: &'static str,
}

impl Workings {
    pub fn is_well(&self) -> bool {
        self.shell.storage_ok && self.given_up() == 0 && self.is_at_work()
    }

    pub fn waiting(&self) -> i64 {
        self.jobs.len() as i64
    }

    /// Work that is tried no longer.
    pub fn given_up(&self) -> i64 {
        self.jobs.iter().filter(|it| it.next.is_none()).count() as i64
    }

    /// Nobody of those behind the counter stands still.
    pub fn is_at_work(&self) -> bool {
        let stuck = self.followers.iter().any(|it| it.alarm.is_some());
        !stuck && self.tasks.iter().all(|it| !it.down)
    }
}

/// One piece of work that is not done yet.
pub struct JobRow {
    pub id: i64,
    /// `mail`, `transcripts.send` …
    pub kind: String,
    /// To whom, about what.
    pub about: String,
    pub tries: i64,
    /// `None` once it was given up.
    pub next: Option<Moment>,
    /// What went wrong, where we know more than the words of whoever said so.
    pub words: &'static str,
    pub error: String,
}

/// One of those who are always at work.
pub struct TaskRow {
    pub name: &'static str,
    /// What it is for.
    pub words: String,
    pub down: bool,
    pub failures: i64,
    pub failed_at: Option<Moment>,
    pub cause: String,
}

/// One durable follower.
pub struct FollowerRow {
    pub name: String,
    /// What it does.
    pub words: String,
    pub read_to: i64,
    /// Events it has not read yet.
    pub behind: i64,
    pub alarm: Option<Alarm>,
}

/// An event that a follower cannot digest.
pub struct Alarm {
    pub event: i64,
    pub since: Moment,
    pub cause: String,
}
