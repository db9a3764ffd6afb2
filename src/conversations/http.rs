//! The agents' door to the hall. A handler reads the request, calls one function
//! of the room, and answers; it decides nothing. Every form also works without
//! a script: it then leads back to the conversation.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, VARY};
use actix_web::web::{Data, Path};
use actix_web::{Handler, HttpResponse};
use serde::Deserialize;

use super::lists::{self, Asked, List, ListsHead, On};
use super::pages::{Inbox, Middle, Region};
use super::view::{self, Listing, Look};
use super::{Conversation, Message, NewMessage, Windows, attention};
use crate::accounts::{Agent, Signed};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::journal;
use crate::kernel::{Actor, AgentId, ConversationId, ConversationKey, May, Seq, Timestamp};
use crate::sites;
use crate::texts::Lang;
use crate::web::{self, Area, Ctx, KIB, Key, Kit, MINUTE, Rate, Refusal, Routes, Section, Who};

pub const INBOX: Area = Area {
    key: "inbox",
    href: "/inbox",
    icon: "inbox",
    section: Section::Chats,
    label: Lang::common_nav_inbox,
    who: Who::Agent,
    letter: "i",
    count: Some(|facts| facts.waiting.iter().map(|(_, n)| n).sum()),
};

/// Each leaves a line, and may be taken back by another: by one agent in one
/// conversation.
pub const DEEDS: Rate = Rate::new("conversations.deeds", 40, MINUTE).at_once(30);

pub fn routes(routes: &mut Routes) {
    routes.get("/inbox", inbox).who(Who::Agent);
    routes.get("/inbox/{conversation}", thread).who(Who::Agent);
    // A long message, each of whose bytes may be escaped.
    routes
        .post("/inbox/{conversation}/messages", post)
        .who(Who::Agent)
        .body(96 * KIB);
    routes
        .post(
            "/inbox/{conversation}/join",
            deed("conversations.join", super::join),
        )
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    routes
        .post(
            "/inbox/{conversation}/take-over",
            deed("conversations.take_over", super::take_over),
        )
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    // Also for who may not answer any more.
    routes
        .post(
            "/inbox/{conversation}/leave",
            deed("conversations.leave", super::leave),
        )
        .who(Who::Agent)
        .counts(&[DEEDS]);
    routes
        .post(
            "/inbox/{conversation}/come-back",
            deed("conversations.come_back", super::come_back),
        )
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    routes
        .post(
            "/inbox/{conversation}/resolve",
            deed("conversations.resolve", |w, now, by, it| {
                super::resolve(w, now, Actor::Agent(by), it)
            }),
        )
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    routes
        .post(
            "/inbox/{conversation}/reopen",
            deed("conversations.reopen", |w, now, by, it| {
                super::reopen(w, now, Actor::Agent(by), it)
            }),
        )
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    routes
        .post(
            "/inbox/{conversation}/no-reply-needed",
            deed("conversations.no_reply_needed", attention::no_reply_needed),
        )
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    routes
        .post(
            "/inbox/{conversation}/reply-needed",
            deed("conversations.reply_needed", attention::reply_needed),
        )
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    routes
        .post("/inbox/{conversation}/seen", seen)
        .who(Who::Agent);
}

#[derive(Default, Deserialize)]
struct Query {
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
    /// What the lists are narrowed to.
    #[serde(skip)]
    narrowed: Asked,
}

impl Query {
    fn resolved(&self) -> bool {
        self.show == "resolved"
    }

    fn look(&self) -> Look {
        Look {
            before: self.earlier,
            resolved: self.resolved(),
            query: self.narrowed.query(),
            note: !self.note.is_empty(),
            ..Look::default()
        }
    }
}

fn asked(cx: &Ctx, windows: &Windows) -> Result<Query> {
    let pairs: Vec<(String, String)> = cx.query()?;
    Ok(Query {
        narrowed: Asked::of(&pairs, windows),
        ..cx.query()?
    })
}

/// How a page that has its lists asks for what stands beside them, and for nothing
/// else. Whatever keeps answers must not give it to who asks for the whole page.
const REGION: &str = "shopbell-region";

async fn inbox(agent: Agent, cx: Ctx, windows: Data<Windows>) -> Result<HttpResponse> {
    show(agent, cx, windows, None).await
}

async fn thread(
    agent: Agent,
    cx: Ctx,
    windows: Data<Windows>,
    key: Path<ConversationKey>,
) -> Result<HttpResponse> {
    show(agent, cx, windows, Some(key.into_inner())).await
}

async fn show(
    agent: Agent,
    cx: Ctx,
    windows: Data<Windows>,
    key: Option<ConversationKey>,
) -> Result<HttpResponse> {
    let asked = asked(&cx, &windows)?;
    let kit = cx.kit();
    let alone = !web::header(&cx.request, REGION).is_empty();
    let page = cx.db.browse(move |r| {
        let open = match key.map(|it| super::find_by_key(r, Actor::Agent(agent.id), &it)) {
            // It may have been on his screen a moment ago: his lists stay.
            Some(Err(Error::NotFound(_))) => Open::Gone,
            Some(found) => Open::Thread(Box::new((found?, asked.look()))),
            None => Open::Nothing,
        };
        match alone {
            true => region(r, &agent, &windows, &asked, open).map(|it| Drawn::Region(Box::new(it))),
            false => {
                draw(r, &agent, &kit, &windows, &asked, open).map(|it| Drawn::Page(Box::new(it)))
            }
        }
    });
    let (mut answer, gone) = match page.await? {
        Drawn::Page(page) => (web::page(&*page)?, page.middle.gone),
        Drawn::Region(region) => (web::page(&*region)?, region.middle.gone),
    };
    answer
        .headers_mut()
        .append(VARY, HeaderValue::from_static(REGION));
    if gone {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(answer)
}

enum Drawn {
    Page(Box<Inbox>),
    Region(Box<Region>),
}

/// What is open beside the lists.
enum Open {
    Nothing,
    Gone,
    Thread(Box<(Conversation, Look)>),
}

fn draw(
    r: &Reader,
    agent: &Agent,
    kit: &Kit,
    windows: &Windows,
    asked: &Query,
    open: Open,
) -> Result<Inbox> {
    let t = agent.lang;
    let key = match &open {
        Open::Thread(it) => Some(it.0.key.clone()),
        _ => None,
    };
    let view = key.as_ref().map(|it| it.0.as_str()).unwrap_or_default();
    let shell = agent.shell(r, &kit.around, "inbox", view)?;
    let mark = |text: &str| Some(text.to_owned()).filter(|it| lists::is_mark(it));
    let (before, mine) = (mark(&asked.before), mark(&asked.mine));
    let on = On {
        here: &match &key {
            Some(key) => format!("/inbox/{key}"),
            None => "/inbox".to_owned(),
        },
        resolved: asked.resolved(),
        shop_name: &shell.shop_name,
        waiting: &shell.waiting_by_site,
    };
    let (filter, head) = lists::read(r, agent, windows, &asked.narrowed, &on)?;
    let look = Listing {
        query: &asked.narrowed.query(),
        current: key.as_ref(),
    };
    let rows = |list, after: &Option<String>| {
        let filter = filter.with(list);
        view::rows(r, agent, windows, &filter, after.as_deref(), &look)
    };
    let mut page = Inbox {
        t,
        shell,
        show: "open",
        head,
        mine: Vec::new(),
        inbox: Vec::new(),
        resolved: Vec::new(),
        more_mine: None,
        more: None,
        deep: before.is_some(),
        deep_mine: mine.is_some(),
        middle: Middle::of(t, asked.resolved()),
        scripts: windows.scripts().to_vec(),
        styles: windows.styles().to_vec(),
    };
    if asked.resolved() {
        page.show = "resolved";
        (page.resolved, page.more) = rows(List::Resolved, &before)?;
    } else {
        (page.mine, page.more_mine) = rows(List::Mine(agent.id), &mine)?;
        (page.inbox, page.more) = rows(List::Inbox(agent.id), &before)?;
    }
    page.middle = middle(r, agent, windows, asked, open, &page.head)?;
    Ok(page)
}

/// Without the lists and what stands around them.
fn region(
    r: &Reader,
    agent: &Agent,
    windows: &Windows,
    asked: &Query,
    open: Open,
) -> Result<Region> {
    let on = On {
        here: "/inbox",
        resolved: asked.resolved(),
        shop_name: "",
        waiting: "",
    };
    let (_, head) = lists::read(r, agent, windows, &asked.narrowed, &on)?;
    Ok(Region {
        middle: middle(r, agent, windows, asked, open, &head)?,
        seq: journal::position(r)?.0,
        epoch: journal::epoch(r)?,
        agent: agent.id.0,
        look: agent.look(),
    })
}

fn middle(
    r: &Reader,
    agent: &Agent,
    windows: &Windows,
    asked: &Query,
    open: Open,
    head: &ListsHead,
) -> Result<Middle> {
    let mut middle = Middle::of(agent.lang, asked.resolved());
    match open {
        Open::Thread(open) => {
            let (found, look) = *open;
            middle.thread = Some(view::thread(r, agent, windows, &found, look)?);
        }
        Open::Gone => middle.gone = true,
        Open::Nothing => {
            middle.narrows = head.narrows();
            middle.cleared.clone_from(&head.cleared);
            middle.administers = agent.role.may_administer();
            middle.demo_shop = demo_shop(r, agent)?;
        }
    }
    Ok(middle)
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

async fn post(
    Signed(agent, form): Signed<Agent, MessageForm>,
    cx: Ctx,
    windows: Data<Windows>,
    key: Path<ConversationKey>,
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
    let (now, by, key) = (cx.now(), Actor::Agent(agent.id), key.into_inner());
    let to = key.clone();
    let post = cx.db.write("conversations.post", move |w| {
        let found = super::find_by_key(w, by, &to)?;
        // Says nothing of what its writer has read: the newest line of his page may
        // be far below his screen.
        let posted = super::post_message(w, now, by, found.id, new)?;
        Ok((found, posted.message))
    });
    match post.await {
        Ok((found, message)) if cx.wants_json() => {
            answer(&cx, &windows, &found, &message, agent.lang)
        }
        Ok(_) => Ok(web::see(format!("/inbox/{key}"))),
        Err(error) if cx.wants_json() => Err(error),
        // What was typed is still in the box.
        Err(error) => {
            let refused = Refusal::of(error, agent.lang, "body")?;
            let look = Look {
                draft: form.body,
                note,
                errors: refused.errors.clone(),
                ..Look::default()
            };
            let kit = cx.kit();
            let page = cx
                .db
                .browse(move |r| again(r, &agent, &kit, &windows, &key, look));
            refused.answer(&page.await?)
        }
    }
}

/// The line as the page's own log would get it.
fn answer(
    cx: &Ctx,
    windows: &Windows,
    found: &Conversation,
    message: &Message,
    t: Lang,
) -> Result<HttpResponse> {
    let html = view::message_html(message, windows, 0, found.visitor_seen, t)?;
    let item = serde_json::json!({
        "seq": message.id,
        "op": "put",
        "list": format!("log-{}", found.key),
        "id": view::row_id(message.id),
        "key": view::sort_key(message.id.0),
        "html": cx.place.public_url.base().links(&html),
    });
    Ok(HttpResponse::Ok().json(item))
}

/// The conversation's page once more, with a form in it that was refused.
pub fn again(
    r: &Reader,
    agent: &Agent,
    kit: &Kit,
    windows: &Windows,
    key: &ConversationKey,
    look: Look,
) -> Result<Inbox> {
    let found = super::find_by_key(r, Actor::Agent(agent.id), key)?;
    let open = Open::Thread(Box::new((found, look)));
    draw(r, agent, kit, windows, &Query::default(), open)
}

/// One more of them, if it is not too many.
pub fn count_deed(cx: &Ctx, agent: &Agent, key: &ConversationKey) -> Result<()> {
    cx.limits
        .take(DEEDS, Key::Name(format!("{} {key}", agent.id)))
}

type Verb = fn(&Writer, Timestamp, AgentId, ConversationId) -> Result<()>;

/// The door of a deed that wants to be told nothing but what it is done to.
fn deed(
    name: &'static str,
    verb: Verb,
) -> impl Handler<(Signed<Agent, ()>, Ctx, Path<ConversationKey>), Output = Result<HttpResponse>> {
    move |Signed(agent, ()): Signed<Agent, ()>, cx: Ctx, key: Path<ConversationKey>| async move {
        let by = agent.id;
        count_deed(&cx, &agent, &key)?;
        let deed = move |w: &Writer, now, it: &Conversation| verb(w, now, by, it.id);
        act(&cx, agent, key, name, deed).await
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenForm {
    upto: Seq,
}

async fn seen(
    Signed(agent, form): Signed<Agent, SeenForm>,
    cx: Ctx,
    key: Path<ConversationKey>,
) -> Result<HttpResponse> {
    let by = Actor::Agent(agent.id);
    let mark =
        move |w: &Writer, now, it: &Conversation| super::mark_seen(w, now, by, it.id, form.upto);
    act(&cx, agent, key, "conversations.seen", mark).await
}

/// One deed to one conversation, of the hall or of a wing: a script is told that it
/// is done, whoever has none is led back to the conversation.
pub async fn act(
    cx: &Ctx,
    agent: Agent,
    key: Path<ConversationKey>,
    name: &'static str,
    deed: impl FnOnce(&Writer, Timestamp, &Conversation) -> Result<()> + Send + 'static,
) -> Result<HttpResponse> {
    let (now, by, key) = (cx.now(), Actor::Agent(agent.id), key.into_inner());
    let back = format!("/inbox/{key}");
    let write = cx.db.write(name, move |w| {
        let found = super::find_by_key(w, by, &key)?;
        deed(w, now, &found)
    });
    write.await?;
    match cx.wants_json() {
        true => Ok(HttpResponse::Ok().json(serde_json::json!({ "done": true }))),
        false => Ok(web::see(back)),
    }
}
