//! The widget's routes. A handler reads the request, calls one function of the
//! room, and answers; it decides nothing.

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY,
};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::post::{self, PostMessage};
use super::{chat, loader};
use crate::assets::{self, Asset};
use crate::conversations::{LONGEST, Windows};
use crate::error::{Error, Result};
use crate::kernel::{ConversationKey, Seq};
use crate::sites;
use crate::texts::Lang;
use crate::visitors::{self, Caller};
use crate::web::{self, Ctx, Json, Key, Routes, UNKNOWN_TOKEN, Who, accepts};

pub fn routes(routes: &mut Routes) {
    routes.get("/w.js", loader::loader).who(Who::Anyone);
    routes.get("/w.d.ts", types).who(Who::Anyone);
    routes.get("/assets/{name:.*}", asset).who(Who::Anyone);
    routes.get("/w/v1/sites/{site}", site).who(Who::Anyone);
    routes
        .post("/w/v1/visitors", arrive)
        .who(Who::Anyone)
        .rate(post::NEW_VISITOR);
    routes
        .post("/w/v1/messages", message)
        .who(Who::Visitor)
        .body(post::LARGEST)
        .counts(&post::RATES)
        .counts(&[UNKNOWN_TOKEN]);
    routes
        .post("/w/v1/seen", seen)
        .who(Who::Visitor)
        .counts(&[UNKNOWN_TOKEN]);
    routes
        .post("/w/v1/end", end)
        .who(Who::Visitor)
        .counts(&[UNKNOWN_TOKEN]);
    routes
        .get("/w/v1/history", history)
        .who(Who::Visitor)
        .counts(&[UNKNOWN_TOKEN]);
    for path in [
        "/w/v1/visitors",
        "/w/v1/messages",
        "/w/v1/seen",
        "/w/v1/end",
        "/w/v1/history",
    ] {
        routes.cross_site(path);
    }
    chat::routes(routes);
}

/// They change with a release.
const TYPES: &str = "public, max-age=300";
/// A hashed name never means anything else.
const FOREVER: &str = "public, max-age=31536000, immutable";

async fn types(request: HttpRequest) -> Result<HttpResponse> {
    let types = assets::types().ok_or(Error::NotFound("asset"))?;
    Ok(serve(&request, types, TYPES))
}

async fn asset(request: HttpRequest) -> Result<HttpResponse> {
    if let Some(found) = assets::find(request.path()) {
        return Ok(serve(&request, found, FOREVER));
    }
    // A page from before a release asks for what it knew. It gets today's file, and
    // is told not to keep it under that name.
    let successor = assets::find_successor(request.path());
    let successor = successor.ok_or(Error::NotFound("asset"))?;
    Ok(serve(&request, successor, "no-store"))
}

fn serve(request: &HttpRequest, asset: Asset, caching: &str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CACHE_CONTROL, caching))
        .insert_header((VARY, ACCEPT_ENCODING.as_str()))
        .insert_header((ETAG, asset.etag))
        .insert_header(("timing-allow-origin", "*"));
    if web::header(request, IF_NONE_MATCH.as_str()).contains(asset.etag) {
        return answer
            .status(actix_web::http::StatusCode::NOT_MODIFIED)
            .finish();
    }
    answer.content_type(asset.content_type);
    match (asset.br, asset.gz) {
        (Some(br), _) if accepts(request, "br") => {
            answer.insert_header((CONTENT_ENCODING, "br")).body(br)
        }
        (_, Some(gz)) if accepts(request, "gzip") => {
            answer.insert_header((CONTENT_ENCODING, "gzip")).body(gz)
        }
        _ => answer.body(asset.bytes),
    }
}

#[derive(Deserialize)]
struct SiteQuery {
    #[serde(default)]
    lang: String,
}

#[derive(Serialize)]
struct SiteConfig<'a> {
    name: &'a str,
    color: &'a str,
    on_color: &'a str,
    position: &'a str,
    lang: &'a str,
    dir: &'a str,
    preview: bool,
    epoch: &'a str,
    message_max: usize,
    texts: serde_json::Value,
}

/// Everything the panel needs to draw itself, in the visitor's language or else
/// the site's.
async fn site(cx: Ctx, key: Path<String>) -> Result<HttpResponse> {
    let query: SiteQuery = cx.query()?;
    let origin = visitors::foreign_page(&cx);
    let key = key.into_inner();
    let read = cx
        .db
        .read(move |r| Ok((sites::find_by_key(r, &key)?, crate::journal::epoch(r)?)));
    let (site, epoch) = read.await?;
    visitors::check_page(&site, origin.as_deref())?;
    let t = Lang::from_code(&query.lang).unwrap_or(site.lang);
    let texts = serde_json::from_str(crate::texts::widget_texts_json(t))
        .map_err(|e| Error::internal("reading the widget's texts", e))?;
    let config = SiteConfig {
        name: &site.name,
        color: &site.color,
        on_color: sites::text_on(&site.color),
        position: &site.position,
        lang: t.code(),
        dir: t.dir(),
        preview: site.previews_typing(),
        epoch: &epoch,
        message_max: LONGEST,
        texts,
    };
    let text = serde_json::to_vec(&config).map_err(|e| Error::internal("writing a site", e))?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("application/json")
        .insert_header((VARY, "origin, accept-encoding"));
    // It is part of what a visitor waits for after the first click.
    match assets::compress(&text, assets::TIGHT).filter(|_| accepts(&cx.request, "br")) {
        Some(compressed) => Ok(answer
            .insert_header((CONTENT_ENCODING, "br"))
            .body(compressed)),
        None => Ok(answer.body(text)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arrive {
    site: String,
    #[serde(default)]
    lang: String,
}

async fn arrive(cx: Ctx, Json(arrive): Json<Arrive>) -> Result<HttpResponse> {
    let origin = visitors::foreign_page(&cx);
    let now = cx.now();
    let arrived = cx.db.write("widget.arrive", move |w| {
        let site = sites::find_by_key(w, &arrive.site)?;
        visitors::check_page(&site, origin.as_deref())?;
        let (visitor, token) = visitors::arrive(w, now, site.id, &arrive.lang)?;
        Ok((visitors::language(&visitor, &site), visitor, token))
    });
    let (t, visitor, token) = arrived.await?;
    Ok(HttpResponse::Created().json(serde_json::json!({
        "token": token.reveal(),
        "number": visitor.number,
        "name": visitors::name(visitor.number, t),
    })))
}

async fn message(
    caller: Caller,
    cx: Ctx,
    windows: Data<Windows>,
    Json(message): Json<PostMessage>,
) -> Result<HttpResponse> {
    cx.limits.take(post::MESSAGE, Key::Token(caller.token.0))?;
    post::weigh(&cx, &message)?;
    let now = cx.now();
    let post = cx.db.write("widget.message", move |w| {
        post::message(w, &windows, now, &caller, message)
    });
    let posted = Caller::count_guess(post.await, &cx)?;
    match posted.fresh {
        true => Ok(HttpResponse::Created().json(posted)),
        false => Ok(HttpResponse::Ok().json(posted)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenUpTo {
    upto: Seq,
    #[serde(default)]
    conversation: Option<ConversationKey>,
}

async fn seen(caller: Caller, cx: Ctx, Json(seen): Json<SeenUpTo>) -> Result<HttpResponse> {
    let now = cx.now();
    let mark = cx.db.write("widget.seen", move |w| {
        post::seen(w, now, &caller, seen.conversation.as_ref(), seen.upto)
    });
    Caller::count_guess(mark.await, &cx)?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    #[serde(default)]
    conversation: Option<ConversationKey>,
}

async fn end(caller: Caller, cx: Ctx, Json(end): Json<End>) -> Result<HttpResponse> {
    let now = cx.now();
    let end = cx.db.write("widget.end", move |w| {
        post::end(w, now, &caller, end.conversation.as_ref())
    });
    Caller::count_guess(end.await, &cx)?;
    Ok(HttpResponse::NoContent().finish())
}

async fn history(caller: Caller, cx: Ctx, windows: Data<Windows>) -> Result<HttpResponse> {
    let back: post::Back = cx.query()?;
    let read = cx
        .db
        .read(move |r| post::history(r, &windows, &caller, back));
    let history = Caller::count_guess(read.await, &cx)?;
    Ok(HttpResponse::Ok().json(history))
}
