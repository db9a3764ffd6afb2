//! The agents' door to the hall. A handler reads the request, calls one function
//! of the room, and answers; it decides nothing. Every form also works without
//! a script: it then leads back to the conversation.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::lists::{self, List};
use super::pages::Inbox;
use super::view::{self, Look};
use super::{Conversation, NewMessage, Windows, attention};
use crate::accounts::{Agent, Signed};
use crate::db::{Db, Reader, Writer};
use crate::error::{Error, Result};
use crate::kernel::{Actor, Clock, ConversationKey, May, Seq, Timestamp};
use crate::sites;
use crate::texts::Lang;
use crate::web::pages::Errors;
use crate::web::{self, Area, Around, Place, Routes, Section, Who};

pub const INBOX: Area = Area {
    key: "inbox",
    href: "/inbox",
    icon: "inbox",
    section: Section::Main,
    label: Lang::common_nav_inbox,
    who: Who::Agent,
    count: Some(|facts| facts.waiting.iter().map(|(_, n)| n).sum()),
};

pub fn routes(routes: &mut Routes) {
    routes.get("/inbox", Who::Agent, inbox);
    routes.get("/inbox/{conversation}", Who::Agent, thread);
    routes.post("/inbox/{conversation}/messages", Who::Agent, post);
    routes.post("/inbox/{conversation}/join", Who::Agent, join);
    routes.post("/inbox/{conversation}/resolve", Who::Agent, resolve);
    routes.post("/inbox/{conversation}/reopen", Who::Agent, reopen);
    routes.post(
        "/inbox/{conversation}/no-reply-needed",
        Who::Agent,
        no_reply_needed,
    );
    routes.post(
        "/inbox/{conversation}/reply-needed",
        Who::Agent,
        reply_needed,
    );
    routes.post("/inbox/{conversation}/seen", Who::Agent, seen);
}

#[derive(Default, Deserialize)]
struct Where {
    #[serde(default)]
    show: String,
    /// The marks after which Inbox (or Resolved) and My chats go on, and the line
    /// before which a log does.
    #[serde(default)]
    before: String,
    #[serde(default)]
    mine: String,
    #[serde(default)]
    earlier: Option<Seq>,
    /// Opens the composer for a note.
    #[serde(default)]
    note: String,
}

async fn inbox(
    agent: Agent,
    db: Data<Db>,
    around: Data<Around>,
    windows: Data<Windows>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let place: Where = web::parse_query(request.query_string())?;
    let page = db
        .browse(move |r| draw(r, &agent, &around, &windows, &place, None))
        .await?;
    web::page(&page)
}

async fn thread(
    agent: Agent,
    db: Data<Db>,
    around: Data<Around>,
    windows: Data<Windows>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let place: Where = web::parse_query(request.query_string())?;
    let key = key.into_inner();
    let page = db.browse(move |r| {
        let found = super::find_by_key(r, Actor::Agent(agent.id), &key)?;
        let look = Look {
            before: place.earlier,
            resolved: place.show == "resolved",
            note: !place.note.is_empty(),
            ..Look::default()
        };
        draw(r, &agent, &around, &windows, &place, Some((found, look)))
    });
    web::page(&page.await?)
}

fn draw(
    r: &Reader,
    agent: &Agent,
    around: &Around,
    windows: &Windows,
    place: &Where,
    open: Option<(Conversation, Look)>,
) -> Result<Inbox> {
    let t = agent.lang;
    let key = open.as_ref().map(|(it, _)| it.key.clone());
    let view = key.as_ref().map(|it| it.0.as_str()).unwrap_or_default();
    let shell = agent.shell(r, around, "inbox", view)?;
    let mark = |text: &str| Some(text.to_owned()).filter(|it| lists::is_mark(it));
    let (before, mine) = (mark(&place.before), mark(&place.mine));
    let rows = |list, after: &Option<String>| {
        view::rows(r, agent, windows, list, after.as_deref(), key.as_ref())
    };
    let mut page = Inbox {
        t,
        shell,
        show: "open",
        mine: Vec::new(),
        inbox: Vec::new(),
        resolved: Vec::new(),
        more_mine: None,
        more: None,
        deep: before.is_some(),
        deep_mine: mine.is_some(),
        demo_shop: demo_shop(r, agent)?,
        thread: None,
        scripts: windows.scripts().to_vec(),
        styles: windows.styles().to_vec(),
    };
    if place.show == "resolved" {
        page.show = "resolved";
        (page.resolved, page.more) = rows(List::Resolved, &before)?;
    } else {
        (page.mine, page.more_mine) = rows(List::Mine(agent.id), &mine)?;
        (page.inbox, page.more) = rows(List::Inbox(agent.id), &before)?;
    }
    if let Some((found, look)) = open {
        page.thread = Some(view::thread(r, agent, windows, &found, look)?);
    }
    Ok(page)
}

/// The key of a site he sees that has its shop to try the chat in.
fn demo_shop(r: &Reader, agent: &Agent) -> Result<Option<String>> {
    let sites = sites::seen(r, &agent.sight)?;
    let demo = sites.into_iter().find(|it| it.demo_shop);
    Ok(demo.map(|it| it.key))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageForm {
    cid: String,
    body: String,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    last_seen: Option<Seq>,
}

#[allow(clippy::too_many_arguments)]
async fn post(
    Signed(agent, form): Signed<Agent, MessageForm>,
    db: Data<Db>,
    clock: Data<Clock>,
    around: Data<Around>,
    windows: Data<Windows>,
    place: Data<Place>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let note = form.note.is_some_and(|it| !it.is_empty() && it != "0");
    if !note {
        agent.needs(May::Customers)?;
    }
    let new = NewMessage {
        body: form.body.clone(),
        cid: form.cid,
        note,
        last_seen: form.last_seen,
        ..NewMessage::default()
    };
    let (now, by, key, t) = (clock.now(), agent.id, key.into_inner(), agent.lang);
    let back = format!("/inbox/{key}");
    let posting = key.clone();
    let posted = db.write("conversations.post", move |w| {
        let actor = Actor::Agent(by);
        let found = super::find_by_key(w, actor, &posting)?;
        // Says nothing of what its writer has read: the newest line of his page may
        // be far below his screen.
        let posted = super::post_message(w, now, actor, found.id, new)?;
        Ok((found, posted))
    });
    let json = web::wants_json(&request);
    match posted.await {
        Ok((found, posted)) if json => {
            let message = &posted.message;
            let html = view::message_html(message, &windows, 0, found.visitor_seen, t)?;
            let item = serde_json::json!({
                "seq": message.id,
                "op": "put",
                "list": format!("log-{key}"),
                "id": view::row_id(message.id),
                "key": view::sort_key(message.id.0),
                "html": place.public_url.base().links(&html),
            });
            Ok(HttpResponse::Ok().json(item))
        }
        Ok(_) => Ok(web::see(back)),
        // What was typed is still in the box.
        Err(refused) if !json => {
            let Some(errors) = refusal(&refused, t) else {
                return Err(refused);
            };
            let page = db.browse(move |r| {
                let look = Look {
                    draft: form.body,
                    note,
                    errors,
                    ..Look::default()
                };
                again(r, &agent, &around, &windows, &key, look)
            });
            web::page_to_mend(&page.await?)
        }
        Err(refused) => Err(refused),
    }
}

/// The conversation's page once more, with a form in it that was refused.
pub fn again(
    r: &Reader,
    agent: &Agent,
    around: &Around,
    windows: &Windows,
    key: &ConversationKey,
    look: Look,
) -> Result<Inbox> {
    let found = super::find_by_key(r, Actor::Agent(agent.id), key)?;
    draw(
        r,
        agent,
        around,
        windows,
        &Where::default(),
        Some((found, look)),
    )
}

/// What a person at the form can mend.
fn refusal(error: &Error, t: Lang) -> Option<Errors> {
    match error {
        Error::Invalid { say, .. } | Error::Conflict(say) => Some(Errors::one("body", say(t))),
        Error::Unavailable(_) => Some(Errors::one("body", t.error_unavailable())),
        _ => None,
    }
}

async fn join(
    Signed(agent, ()): Signed<Agent, ()>,
    db: Data<Db>,
    clock: Data<Clock>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    agent.needs(May::Customers)?;
    let by = agent.id;
    let join = move |w: &Writer, now, it: &Conversation| super::join(w, now, by, it.id);
    act(agent, db, clock, key, request, "conversations.join", join).await
}

async fn resolve(
    Signed(agent, ()): Signed<Agent, ()>,
    db: Data<Db>,
    clock: Data<Clock>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    agent.needs(May::Customers)?;
    let by = Actor::Agent(agent.id);
    let resolve = move |w: &Writer, now, it: &Conversation| super::resolve(w, now, by, it.id);
    act(
        agent,
        db,
        clock,
        key,
        request,
        "conversations.resolve",
        resolve,
    )
    .await
}

async fn reopen(
    Signed(agent, ()): Signed<Agent, ()>,
    db: Data<Db>,
    clock: Data<Clock>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    agent.needs(May::Customers)?;
    let by = Actor::Agent(agent.id);
    let reopen = move |w: &Writer, now, it: &Conversation| super::reopen(w, now, by, it.id);
    act(
        agent,
        db,
        clock,
        key,
        request,
        "conversations.reopen",
        reopen,
    )
    .await
}

async fn no_reply_needed(
    Signed(agent, ()): Signed<Agent, ()>,
    db: Data<Db>,
    clock: Data<Clock>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    agent.needs(May::Customers)?;
    let (by, name) = (agent.id, "conversations.no_reply_needed");
    let deed =
        move |w: &Writer, now, it: &Conversation| attention::no_reply_needed(w, now, by, it.id);
    act(agent, db, clock, key, request, name, deed).await
}

async fn reply_needed(
    Signed(agent, ()): Signed<Agent, ()>,
    db: Data<Db>,
    clock: Data<Clock>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    agent.needs(May::Customers)?;
    let (by, name) = (agent.id, "conversations.reply_needed");
    let deed = move |w: &Writer, now, it: &Conversation| attention::reply_needed(w, now, by, it.id);
    act(agent, db, clock, key, request, name, deed).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenForm {
    upto: Seq,
}

async fn seen(
    Signed(agent, form): Signed<Agent, SeenForm>,
    db: Data<Db>,
    clock: Data<Clock>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let by = Actor::Agent(agent.id);
    let mark =
        move |w: &Writer, now, it: &Conversation| super::mark_seen(w, now, by, it.id, form.upto);
    act(agent, db, clock, key, request, "conversations.seen", mark).await
}

/// One deed to one conversation.
async fn act(
    agent: Agent,
    db: Data<Db>,
    clock: Data<Clock>,
    key: Path<ConversationKey>,
    request: HttpRequest,
    name: &'static str,
    deed: impl FnOnce(&Writer, Timestamp, &Conversation) -> Result<()> + Send + 'static,
) -> Result<HttpResponse> {
    let (now, by, key) = (clock.now(), Actor::Agent(agent.id), key.into_inner());
    let back = format!("/inbox/{key}");
    let write = db.write(name, move |w| {
        let found = super::find_by_key(w, by, &key)?;
        deed(w, now, &found)
    });
    write.await?;
    match web::wants_json(&request) {
        true => Ok(HttpResponse::Ok().json(serde_json::json!({ "done": true }))),
        false => Ok(web::see(back)),
    }
}
