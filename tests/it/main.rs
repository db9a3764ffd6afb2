//! One binary for all integration tests: one link.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// Templates of the house name it, and a wing of these tests extends them.
use shopbell::assets;

mod accounts;
mod config;
mod contacts;
mod conversations;
mod db;
mod doors;
mod faults;
mod history;
mod house;
mod hub;
mod input;
mod jobs;
mod journal;
mod live;
mod mail;
mod operations;
mod palette;
mod plant;
mod practice;
mod ratings;
mod settings;
mod setup;
mod siege;
mod sites;
mod support;
mod tags;
mod timers;
mod transcripts;
mod visitors;
mod web;
mod widget;
