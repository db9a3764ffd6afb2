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

use crate::error::{Error, Result};
use crate::sites::Site;
use crate::web::{self, Ctx};

/// Refuses a page that may not carry this site's chat. What sends no origin is
/// no page of another site: our own pages' reads, an app, a program.
fn refuse_origin(cx: &Ctx) -> Result<Option<String>> {
    let origin = web::header(&cx.request, "origin");
    let host = web::header(&cx.request, "host");
    let ours = cx.place.is_our_origin(origin, host);
    Ok((!origin.is_empty() && !ours).then(|| origin.to_owned()))
}

fn check_origin(site: &Site, origin: Option<&str>) -> Result<()> {
    match origin {
        Some(origin) if !site.allows(origin) => {
            Err(Error::Forbidden(|t| t.error_origin_not_allowed().into()))
        }
        _ => Ok(()),
    }
}
