//! The floor plan of the house, from the cellar up. A module may use only the
//! modules above it in this list (checked by `tests/it/house.rs`), so reading
//! the list in order never meets a word that has not been explained yet.
//!
//! Two kinds of corridor only: stairs (a function call, always down the house, so
//! to a module further up in this list) and the journal (a fact, recorded on a
//! lower floor, read on a higher one). And the hall has windows
//! (`conversations::Windows`): what a wing shows there, it hands in at the roof,
//! and the hall never learns its name.
//!
//! A new capability is a folder here and one of the same name in `templates/`,
//! `static/admin/` and `tests/it/`, its texts in `texts/catalogue/`, a migration,
//! its floor in this list, and its entry in `server/wings.rs`, which says all that
//! it brings: about a dozen lines in shared files, and none in the hall.
//!
//! Deliberate departures from the first plan: `texts` joins the cellar, because
//! errors speak to people; `setup`, `operations` and `demo` are rooms of their
//! own near the roof, because they look into several rooms at once; each room draws
//! its own live news (`news.rs`), and `live` knows none of them; what is drawn for
//! all who look is not told who looks. Outside the house, `.cargo/config.toml` says
//! how SQLite is compiled.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

/// Words everybody shares: ids, the clock, secrets, addresses, text. Pure.
pub mod kernel;

/// Every sentence a person reads, in every language, checked by the build.
pub mod texts;

/// What can go wrong, by what the caller should do about it.
pub mod error;

/// What can happen, in the past tense, by id.
pub mod events;

/// What the operator decides before the start: flags and environment.
pub mod config;

/// Who keeps every task and thread running: restarts, counts, a last farewell.
pub mod plant;

/// SQLite: the data folder, the writer thread, the readers, the migrations.
pub mod db;

/// The outbox: events recorded with the change that caused them.
pub mod journal;

/// Work that must be done, however often it fails first.
pub mod jobs;

/// What the house does by itself when its time comes, once.
pub mod timers;

/// Who is connected, and a way to send to them.
pub mod hub;

/// Outgoing mail as plain values.
pub mod mail;

/// Static files from the binary, under names that change with their content.
pub mod assets;

/// The HTTP kit: routes, bodies, limits, errors and pages as responses.
pub mod web;

/// Live screens: facts become frames on open sockets.
pub mod live;

/// What an admin changes while the program runs.
pub mod settings;

/// Agents, passwords, sessions, roles.
pub mod accounts;

/// Finds what somebody types the beginning of, whichever room has it.
pub mod palette;

/// A shop's site: its key, the pages that may carry its chat, its look.
pub mod sites;

/// The people who write to us, and what they write from.
pub mod visitors;

/// Those of them whom the shop knows.
pub mod contacts;

/// Conversations and their lines: the hall every other room looks into.
pub mod conversations;

/// A conversation as a mail.
pub mod transcripts;

/// Labels on conversations: given by agents, kept by admins.
pub mod tags;

/// How a visitor says that he was served.
pub mod ratings;

/// The visitors' door: the loader, the widget's JSON, the chat page.
pub mod widget;

/// The first owner, the first site, and what to do next.
pub mod setup;

/// What keeps the house running, for whoever runs it: mail, jobs, followers.
pub mod operations;

/// A believable shop that has been open for months.
pub mod demo;

/// The composition root.
pub mod server;
