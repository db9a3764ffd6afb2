//! `/w.js`, the one script a shop embeds. With it travels what the button must
//! know of its site before anything else is fetched: where it may appear, its
//! colour, its side, its words. So the look follows the settings, and a page
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
use crate::texts::Lang;
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
    let look = look(site.await.ok().as_ref(), &cx.place)?;
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

/// What the script takes for granted, the side where lines end and 20 pixels from
/// the foot of the page, is not said.
fn look(site: Option<&Site>, place: &Place) -> Result<String> {
    let ours = place.public_url.origin();
    let mut look = Object::default();
    if let Some(site) = site {
        look.say("color", &site.color)?;
        if site.position != "end" {
            look.say("position", &site.position)?;
        }
        if site.foot != 20 {
            look.say("offset", site.foot)?;
        }
        // Any page may carry the chat where none is listed.
        if !site.origins.is_empty() {
            let listed = site.origins.iter().map(|it| it.as_str());
            let origins: Vec<&str> = listed.chain([ours.as_str()]).collect();
            look.say("origins", origins)?;
        }
    }
    // Where the page's language is none of ours.
    look.say("lang", site.map(|it| it.lang).unwrap_or_default())?;
    // What the button is called, and what it says where the chat cannot be loaded:
    // then there is nothing left to ask in the language of the page.
    for t in Lang::ALL {
        look.say(t.code(), [t.site_launcher(), t.error_chat_down()])?;
    }
    Ok(look.end())
}

/// An object as a script may write it: its keys are words, and want no quotes.
#[derive(Default)]
struct Object(String);

impl Object {
    fn say(&mut self, key: &'static str, value: impl Serialize) -> Result<()> {
        let value =
            serde_json::to_string(&value).map_err(|e| Error::internal("writing a look", e))?;
        let comma = if self.0.is_empty() { "" } else { "," };
        self.0 += &format!("{comma}{key}:{value}");
        Ok(())
    }

    fn end(self) -> String {
        format!("{{{}}}", self.0)
    }
}
