//! The visitors' door: the embed script, the JSON that the widget speaks, the
//! stand-alone chat page, and a shop to try it in.
//!
//! Everything under `/w/v1` answers any origin (`Access-Control-Allow-Origin: *`,
//! never with cookies); whether a page may carry a site's chat is decided here,
//! on the `Origin` it cannot forge. A visitor's token travels in a header, opens
//! his own conversation, and is shown to nobody.

mod chat;
pub mod http;
mod loader;
pub mod news;
pub mod pages;
mod post;
pub mod socket;
