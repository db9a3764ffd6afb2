//! `/w.js`, the one script a shop embeds. With it travels what the button must
//! know of its site before anything else is fetched: where it may appear, its
//! colour, its side, its language. So the look follows the settings, and a page
//! that may not carry the chat shows no button.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, REFERER, VARY,
};
use serde::{Deserialize, Serialize};

use crate::assets;
use crate::error::{Error, Result};
use crate::kernel::Origin;
use crate::sites::{self, Site};
use crate::web::{self, Ctx, Place, accepts};

/// The loader changes with a release, or with the settings of its site; shops'
/// pages should notice within minutes.
const FRESH: &str = "public, max-age=300, stale-while-revalidate=86400";

/// A line that says nothing is that of the only site, or is told by its page.
#[derive(Deserialize)]
struct LoaderQuery {
    #[serde(default)]
    site: Option<String>,
}

#[derive(Serialize)]
struct Look<'a> {
    color: &'a str,
    #[serde(skip_serializing_if = "is_usual")]
    position: &'a str,
    #[serde(skip_serializing_if = "is_usual")]
    lang: &'a str,
    /// CSS pixels from the foot of the page.
    #[serde(skip_serializing_if = "is_usual_foot")]
    offset: u16,
    /// What the button says where the chat cannot be loaded.
    down: &'a str,
    /// Absent where any page may carry the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    origins: Option<Vec<&'a str>>,
}

pub async fn loader(cx: Ctx) -> Result<HttpResponse> {
    let query: LoaderQuery = cx.query()?;
    // An address without a name is answered by who asks.
    let by_page = query.site.is_none();
    let page = Origin::parse(web::header(&cx.request, REFERER.as_str()));
    let page = page.map_or_else(String::new, |it| it.as_str().to_owned());
    let site = cx.db.read(move |r| match query.site {
        Some(key) => sites::find_by_key(r, &key),
        None => sites::of_page(r, &page),
    });
    // Nobody's button waits for a reader that is busy, and before there is a site
    // the script is still a script.
    let look = match site.await {
        Ok(site) => look(&site, &cx.place)?,
        Err(_) => String::new(),
    };
    let made = assets::loader(&look).ok_or(Error::NotFound("asset"))?;
    let vary = match by_page {
        true => "accept-encoding, referer",
        false => "accept-encoding",
    };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CACHE_CONTROL, FRESH))
        .insert_header((VARY, vary))
        .insert_header((ETAG, made.etag.as_str()))
        .insert_header(("timing-allow-origin", "*"));
    if web::header(&cx.request, IF_NONE_MATCH.as_str()).contains(&made.etag) {
        return Ok(answer
            .status(actix_web::http::StatusCode::NOT_MODIFIED)
            .finish());
    }
    answer.content_type("text/javascript; charset=utf-8");
    Ok(match accepts(&cx.request, "br") {
        true => answer
            .insert_header((CONTENT_ENCODING, "br"))
            .body(made.br.clone()),
        false => answer.body(made.text.clone()),
    })
}

/// And 20 pixels.
#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
fn is_usual_foot(pixels: &u16) -> bool {
    *pixels == 20
}

/// What the script takes for granted: the side where lines end, English.
fn is_usual(word: &str) -> bool {
    matches!(word, "end" | "en")
}

fn look(site: &Site, place: &Place) -> Result<String> {
    let ours = place.public_url.origin();
    let listed = site.origins.iter().map(|it| it.as_str());
    let origins: Vec<&str> = listed.chain([ours.as_str()]).collect();
    let look = Look {
        color: &site.color,
        position: &site.position,
        lang: site.lang.code(),
        offset: site.foot,
        down: site.lang.error_chat_down(),
        origins: (!site.origins.is_empty()).then_some(origins),
    };
    serde_json::to_string(&look).map_err(|e| Error::internal("writing a look", e))
}
