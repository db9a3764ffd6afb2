//! The first owner and the first site. A one-time code, printed to whoever
//! started the program, opens the page; nobody else may claim a fresh server.
//! Works once: the check that nobody is here yet is part of the very write that
//! creates the owner.

pub mod http;
pub mod pages;

use std::sync::{Mutex, PoisonError};

use crate::accounts::passwords::PasswordHash;
use crate::accounts::{self, NewAgent, Role};
use crate::db::Writer;
use crate::error::{Error, Result};
use crate::kernel::{AgentId, Timestamp, Token};
use crate::sites;
use crate::texts::Lang;

/// The secret of the set-up link, in memory only: a restart makes a new one.
pub struct SetupCode(Mutex<Option<Token>>);

impl SetupCode {
    pub fn new() -> Self {
        Self(Mutex::new(Some(Token::random())))
    }

    /// For a house that has its owner.
    pub fn none() -> Self {
        Self(Mutex::new(None))
    }

    pub fn reveal(&self) -> Option<String> {
        self.with(|it| it.as_ref().map(|it| it.reveal().to_owned()))
    }

    pub fn opens(&self, claimed: &str) -> bool {
        let claimed = Token::parse(claimed).map(|it| it.hash());
        self.with(|it| it.as_ref().is_some_and(|it| Some(it.hash()) == claimed))
    }

    pub fn is_open(&self) -> bool {
        self.with(|it| it.is_some())
    }

    fn use_up(&self) {
        self.with(|it| *it = None);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Option<Token>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for SetupCode {
    fn default() -> Self {
        Self::new()
    }
}

pub struct NewShop {
    pub name: String,
    pub email: String,
    pub password: PasswordHash,
    pub shop: String,
    pub lang: Lang,
    pub zone: String,
}

pub fn create(w: &Writer, now: Timestamp, new: NewShop) -> Result<AgentId> {
    if !accounts::is_empty(w)? {
        return Err(Error::Conflict(|t| t.error_already_set_up().into()));
    }
    sites::create(w, now, &new.shop, new.lang, &new.zone)?;
    let owner = NewAgent {
        email: new.email,
        name: new.name,
        role: Role::Owner,
        lang: new.lang,
        password: Some(new.password),
    };
    accounts::add(w, now, owner)
}
