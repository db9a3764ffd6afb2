//! The HTTP kit: how routes are declared, bodies are read, callers are placed,
//! and errors become pages for people and problem documents for programs.
//! Knows no rooms.
//!
//! Every answer passes `edge::guard`, which names the request, refuses foreign
//! hosts, and sets the headers that keep a page from being turned against its
//! reader. Nothing here trusts a header that a stranger could have written.

mod areas;
mod around;
mod body;
mod context;
mod edge;
mod encoding;
mod finds;
mod forms;
mod framing;
mod headers;
mod keys;
mod limits;
mod line;
mod multipart;
pub mod pages;
mod place;
mod problem;
mod routes;
mod signs;
mod street;
mod times;
mod undo;
mod upload;
mod zones;

use actix_web::http::header::{COOKIE, ContentType, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::error::{Error, Result};
use crate::texts::Lang;

pub use areas::{Area, AreaGroup, AreaLink, Section, in_order};
pub use around::{Around, Surroundings};
pub use body::{Form, Json, OpenForm, parse_query};
pub use context::{Ctx, Kit};
pub use edge::{carries_body, guard};
pub use encoding::accepts;
pub use finds::{Hit, Rank, Sought};
pub use forms::{FormPage, Refusal};
pub use headers::Secure;
pub use keys::{HotKey, KeyList, Keys, ways};
pub use limits::{HOUR, Key, Limits, MINUTE, Rate, UNKNOWN_TOKEN};
pub use line::Arriving;
pub use place::{ClientAddress, Place, SESSION_PURPOSE};
pub use problem::wait_words;
pub use routes::{KIB, Route, Routes, Who, needed};
pub use signs::{Hint, Signs};
pub use street::Street;
pub use times::ReaderZone;
pub use undo::{Change, Held, Undoing, Undos};
pub use upload::{FileForm, Upload, sweep as sweep_uploads};
pub use zones::{Zone, ZoneGroup, groups as zone_groups, offers as offers_zone};

pub fn page(template: &impl Template) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(fragment(template)?))
}

/// What is ticked and was not, or the other way round: only what somebody changed on a
/// page is done, so that he overrules nobody who changed something else meanwhile.
pub fn without<T: Copy + PartialEq>(all: &[T], but: &[T]) -> Vec<T> {
    let rest = all.iter().filter(|it| !but.contains(it));
    rest.copied().collect()
}

/// Whether somebody's page wants this one ticked: as it stands where he changed nothing.
pub fn is_wanted<T: PartialEq>(it: &T, stands: bool, all: &[T], had: &[T]) -> bool {
    let ticked = all.contains(it);
    match ticked == had.contains(it) {
        true => stands,
        false => ticked,
    }
}

/// The form again, with what was typed and what is wrong with it.
pub fn page_to_mend(template: &impl Template) -> Result<HttpResponse> {
    Ok(HttpResponse::UnprocessableEntity()
        .content_type(ContentType::html())
        .body(fragment(template)?))
}

/// The form again, with what was typed: not now, but in so many seconds.
pub fn page_to_wait(template: &impl Template, retry_after: u64) -> Result<HttpResponse> {
    Ok(HttpResponse::TooManyRequests()
        .content_type(ContentType::html())
        .insert_header((RETRY_AFTER, retry_after.to_string()))
        .body(fragment(template)?))
}

pub fn fragment(template: &impl Template) -> Result<String> {
    template
        .render()
        .map_err(|e| Error::internal("rendering a template", e))
}

/// On to another page of ours, by GET.
pub fn see(path: impl AsRef<str>) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, path.as_ref()))
        .finish()
}

/// True where a script asks: it wants JSON, not a page.
pub fn wants_json(request: &HttpRequest) -> bool {
    accept(request).contains("application/json")
}

/// True where a person's browser asks for a page.
fn wants_page(request: &HttpRequest) -> bool {
    accept(request).contains("text/html")
}

fn accept(request: &HttpRequest) -> &str {
    header(request, "accept")
}

pub fn header<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    let value = request.headers().get(name);
    value.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

/// What one cookie of a request says. Each is read by itself: a bad one, which
/// any program on the same host may have set, takes none of ours away.
pub fn cookie<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let headers = request.headers().get_all(COOKIE);
    let mut all = headers.flat_map(|it| it.as_bytes().split(|byte| *byte == b';'));
    all.find_map(|it| {
        let text = std::str::from_utf8(it).ok()?.trim();
        text.strip_prefix(name)?.strip_prefix('=')
    })
}

/// The language of whoever asks, as the browser says.
pub fn lang(request: &HttpRequest) -> Lang {
    Lang::negotiate(header(request, "accept-language"))
}

/// None where the browser asks for none of ours: a site has one for that case.
pub fn preferred_lang(request: &HttpRequest) -> Option<Lang> {
    Lang::preferred(header(request, "accept-language"))
}

/// A path on this server that somebody may be sent on to; anything that a
/// browser could read as another host is not.
pub fn local_path(path: &str) -> Option<&str> {
    let plain = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() < 512
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    plain.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_our_own_are_followed() {
        assert_eq!(local_path("/inbox/c_1?x=2"), Some("/inbox/c_1?x=2"));
        for bad in [
            "",
            "inbox",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
        ] {
            assert_eq!(local_path(bad), None, "{bad}");
        }
    }
}
