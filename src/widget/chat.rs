//! Pages of our own that carry a chat: the stand-alone page behind a link or a
//! QR code, which works without a script too, and the shop to try it in.
//!
//! Without a script the token lives in a cookie that no script can read. With one
//! the page does what the widget does everywhere, and the cookie stays unused.

use actix_web::cookie::time::Duration as CookieAge;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, ResponseError};
use serde::Deserialize;

use super::pages::{Chat, ChatLine, DemoShop};
use super::post::{self, PostMessage};
use crate::conversations::{self, Plainly, Windows, dialogues};
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::kernel::{Seq, Timestamp, Token, TokenHash, iso, iso_in, random_key};
use crate::sites::{self, Site};
use crate::texts::Lang;
use crate::visitors::{self, Caller};
use crate::web::{self, Ctx, Key, OpenForm, Place, Routes, Who};

/// How long a browser without scripts is remembered.
const REMEMBERED_DAYS: i64 = 365;

pub fn routes(routes: &mut Routes) {
    routes.get("/c/{site}", chat).who(Who::Anyone);
    routes
        .post("/c/{site}", send)
        .who(Who::Anyone)
        .body(post::LARGEST)
        .counts(&post::RATES)
        .counts(&[post::NEW_VISITOR]);
    routes.get("/demo-shop", demo_shop).who(Who::Anyone);
}

async fn chat(cx: Ctx, windows: Data<Windows>, key: Path<String>) -> Result<HttpResponse> {
    let caller = Caller::by_cookie(&cx);
    let token = caller.as_ref().map(|it| it.token);
    let (now, asked) = (cx.now(), web::preferred_lang(&cx.request));
    let key = key.into_inner();
    let page = cx.db.read(move |r| {
        let site = sites::find_by_key(r, &key)?;
        let t = asked.unwrap_or(site.lang);
        let said = said(r, &windows, now, &site, token, t)?;
        let unseen = said.unseen;
        Ok((draw(&site, now, said, t), unseen))
    });
    let (mut page, unseen) = page.await?;
    if let (Some(caller), Some(up_to)) = (caller, unseen) {
        let mark = cx.db.write("widget.chat_seen", move |w| {
            post::seen(w, now, &caller, None, up_to)
        });
        // He can read it all the same while nothing can be saved.
        let _ = mark.await;
    }
    page.writing = cx.request.query_string() == "write";
    web::page(&page)
}

fn draw(site: &Site, now: Timestamp, said: Said, t: Lang) -> Chat {
    Chat {
        t,
        shop_name: site.name.clone(),
        site_key: site.key.clone(),
        lines: said.lines,
        open: said.open,
        now,
        writing: false,
        cid: random_key().replace('_', "-"),
        draft: String::new(),
        error: None,
    }
}

#[derive(Default)]
struct Said {
    lines: Vec<ChatLine>,
    /// It goes on.
    open: bool,
    /// The newest line, where he has not seen it yet.
    unseen: Option<Seq>,
}

/// What was said, as far as this cookie opens it; nothing where it opens nothing.
fn said(
    r: &Reader,
    windows: &Windows,
    now: Timestamp,
    site: &Site,
    token: Option<TokenHash>,
    t: Lang,
) -> Result<Said> {
    let Some(token) = token else {
        return Ok(Said::default());
    };
    let visitor = match visitors::authenticate(r, token) {
        Ok(visitor) if visitor.site == site.id => visitor,
        Ok(_) | Err(Error::SignedOut) => return Ok(Said::default()),
        Err(error) => return Err(error),
    };
    let Some(found) = dialogues::current(r, visitor.id)? else {
        return Ok(Said::default());
    };
    let messages = dialogues::history(r, visitor.id, dialogues::Bookmark::default())?.lines;
    let of_it = |it: &&conversations::Message| it.conversation == found.id;
    let newest = messages.iter().rev().find(of_it).map(|it| it.id);
    let mut above = None;
    let day = |at| iso_in(at, &site.zone, "%F");
    let today = day(now);
    let place = Plainly {
        site: &site.key,
        now,
    };
    let line = |it: &conversations::Message| {
        let mine = it.kind == conversations::Kind::Visitor;
        let begins = above
            .replace(it.conversation)
            .is_some_and(|above| above != it.conversation);
        Ok(ChatLine {
            begins,
            from_name: it.agent_name.clone().unwrap_or_default(),
            mine,
            system: it.kind == conversations::Kind::System,
            body: windows.for_visitor(it, t),
            pieces: windows.plainly(it, &place, t)?,
            at_text: match day(it.at) == today {
                true => iso_in(it.at, &site.zone, "%H:%M"),
                false => iso_in(it.at, &site.zone, t.mail_time_pattern()),
            },
            at_iso: iso(it.at),
        })
    };
    Ok(Said {
        lines: messages.iter().map(line).collect::<Result<_>>()?,
        open: found.state == conversations::State::Open,
        unseen: newest.filter(|it| found.visitor_seen < *it),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendForm {
    cid: String,
    body: String,
}

async fn send(
    cx: Ctx,
    windows: Data<Windows>,
    key: Path<String>,

    OpenForm(form): OpenForm<SendForm>,
) -> Result<HttpResponse> {
    let (asked, key) = (web::preferred_lang(&cx.request), key.into_inner());
    // Another address each time: the same one with a fragment is only scrolled.
    let back = format!("/c/{key}?at={}#end", cx.now());
    match post(&cx, &windows, &key, &form).await {
        Ok(made) => {
            let mut answer = web::see(back);
            if let Some(token) = made {
                let cookie = cookie(&cx.place, token.reveal());
                answer
                    .add_cookie(&cookie)
                    .map_err(|e| Error::internal("setting a cookie", e))?;
            }
            Ok(answer)
        }
        // What was typed is still in the box.
        Err(refused) => {
            let told = |t: Lang| match &refused {
                Error::Invalid(mistakes) => Some((mistakes.first()?.say)(t).into_owned()),
                Error::Unavailable(_) => Some(t.error_unavailable().to_owned()),
                Error::TooMany { retry_after } => Some(t.error_too_many(*retry_after as i64)),
                _ => None,
            };
            if told(Lang::default()).is_none() {
                return Err(refused);
            }
            let token = Caller::by_cookie(&cx).map(|it| it.token);
            let now = cx.now();
            let page = cx.db.read(move |r| {
                let site = sites::find_by_key(r, &key)?;
                let t = asked.unwrap_or(site.lang);
                Ok(draw(
                    &site,
                    now,
                    said(r, &windows, now, &site, token, t)?,
                    t,
                ))
            });
            let mut page = page.await?;
            page.draft = form.body;
            page.error = told(page.t);
            let mut answer = web::page(&page)?;
            *answer.status_mut() = refused.status_code();
            Ok(answer)
        }
    }
}

/// Posts as whoever the cookie names, or as somebody new; the new one's token.
async fn post(
    cx: &Ctx,
    windows: &Data<Windows>,
    key: &str,
    form: &SendForm,
) -> Result<Option<Token>> {
    let (now, asked) = (cx.now(), web::preferred_lang(&cx.request));
    let (key, windows) = (key.to_owned(), Data::clone(windows));
    let message = PostMessage::plain(&form.cid, &form.body);
    // A cookie that opens nothing is no visitor: whoever made it up is new.
    let known = match Caller::by_cookie(cx) {
        Some(caller) => opens(&cx.db, &key, caller).await?,
        None => None,
    };
    match &known {
        Some(caller) => cx.limits.take(post::MESSAGE, Key::Token(caller.token.0))?,
        None => {
            let from = Key::Address(cx.address().bucket());
            cx.limits.take(post::NEW_VISITOR, from)?;
        }
    }
    post::weigh(cx, &message)?;
    let agent_string = web::header(&cx.request, "user-agent").to_owned();
    cx.db
        .write("widget.chat", move |w| {
            let (caller, made) = match known {
                Some(caller) => (caller, None),
                None => {
                    let site = sites::find_by_key(w, &key)?;
                    let t = asked.unwrap_or(site.lang);
                    let (_, token) = visitors::arrive(w, now, site.id, t.code())?;
                    let caller = Caller {
                        token: token.hash(),
                        origin: None,
                        agent_string,
                    };
                    (caller, Some(token))
                }
            };
            post::message(w, &windows, now, &caller, message)?;
            Ok(made)
        })
        .await
}

/// Who asks, where his token opens a conversation with this site.
async fn opens(db: &Db, key: &str, caller: Caller) -> Result<Option<Caller>> {
    let (key, hash) = (key.to_owned(), caller.token);
    let read = db.read(move |r| {
        let site = sites::find_by_key(r, &key)?;
        match visitors::authenticate(r, hash) {
            Ok(visitor) => Ok(visitor.site == site.id),
            Err(Error::SignedOut) => Ok(false),
            Err(error) => Err(error),
        }
    });
    Ok(read.await?.then_some(caller))
}

fn cookie(place: &Place, value: &str) -> Cookie<'static> {
    Cookie::build(place.visitor_cookie.clone(), value.to_owned())
        .path(place.public_url.base().cookie_path().to_owned())
        .http_only(true)
        .secure(place.public_url.is_https())
        .same_site(SameSite::Lax)
        .max_age(CookieAge::days(REMEMBERED_DAYS))
        .finish()
}

#[derive(Deserialize)]
struct DemoQuery {
    #[serde(default)]
    site: Option<String>,
}

/// Only while its site's settings say so; before set-up there is no shop.
async fn demo_shop(cx: Ctx) -> Result<HttpResponse> {
    let query: DemoQuery = cx.query()?;
    let read = cx.db.read(move |r| sites::demo(r, query.site.as_deref()));
    let site = read.await?;
    web::page(&DemoShop {
        t: cx.lang(),
        shop_name: site.name,
        site_key: site.key,
    })
}
