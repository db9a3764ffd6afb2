//! The two doors of the sockets. An agent comes with his session's cookie, and
//! only from a page of ours; a visitor comes with a token in his first frame, and
//! only from a page that may carry the site's chat.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{FromRequest, HttpRequest, HttpResponse, rt};
use actix_ws::Session;
use serde::Deserialize;

use super::draw::draw;
use super::protocol::{AgentSignal, Control, Passing, VisitorSignal, Who as Side, bundle};
use super::pump::{self, End, Heard, Listener};
use super::wire::{Incoming, Said};
use crate::accounts::{self, Agent};
use crate::conversations::{self, Conversation, Windows, dialogues};
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::hub::{AgentSeat, Audience, Frame, Hub, News, Seat};
use crate::kernel::{
    Actor, AgentId, Base, Clock, ConversationId, ConversationKey, Seq, SiteId, Token, TokenHash,
    VisitorId, clip, from_json,
};
use crate::web::{
    self, Arriving, ClientAddress, Ctx, Key, Limits, MINUTE, Place, Rate, Routes, UNKNOWN_TOKEN,
    Who,
};
use crate::{journal, sites, visitors};

/// Pages one session may have open, and one visitor.
const AGENT_PAGES: usize = 200;
const VISITOR_PAGES: usize = 5;
/// The first frame must say who is there.
const HELLO: Duration = Duration::from_secs(10);
/// Frames that may come before it is complete.
const BEFORE_HELLO: usize = 20;
/// Characters of a text in the making that agents get to see.
const PREVIEW: usize = 500;
/// Visitors who open one.
const SOCKET: Rate = Rate::new("live.socket", 60, MINUTE);

pub fn routes(routes: &mut Routes) {
    routes.get("/live", agent).who(Who::Agent);
    routes
        .get("/w/v1/live", visitor)
        .who(Who::Anyone)
        .rate(SOCKET)
        .counts(&[UNKNOWN_TOKEN]);
}

#[derive(Deserialize)]
struct Resume {
    #[serde(default)]
    after: Seq,
    #[serde(default)]
    epoch: String,
    #[serde(default)]
    view: String,
    /// What its page showed its reader; see `Viewer::look`.
    #[serde(default)]
    look: String,
}

async fn agent(
    agent: Agent,
    cx: Ctx,
    windows: Data<Windows>,
    body: Payload,
) -> Result<HttpResponse> {
    let (db, hub, place, request) = (&cx.db, &cx.hub, &cx.place, &cx.request);
    let host = web::header(request, "host");
    if !place.is_our_origin(web::header(request, "origin"), host) {
        return Err(Error::Forbidden(|t| t.error_origin().into()));
    }
    let resume: Resume = cx.query()?;
    let key = ConversationKey(resume.view.clone());
    let by = Actor::Agent(agent.id);
    // Its page shows what he may no longer see, or too little: it comes anew.
    let outdated = !resume.look.is_empty() && resume.look != agent.look();
    let viewing = match key.0.is_empty() || outdated {
        true => None,
        false => Some(
            db.read(move |r| conversations::find_by_key(r, by, &key))
                .await?,
        ),
    };
    let seat = AgentSeat {
        agent: agent.id,
        session: agent.session,
        lang: agent.lang,
        viewing: viewing.as_ref().map(|it| it.id),
        sight: agent.sight.clone(),
    };
    let too_many = Error::TooMany { retry_after: 30 };
    let connection = hub
        .join(Seat::Agent(seat.clone()), AGENT_PAGES)
        .ok_or(too_many)?;
    let joined_at = connection.joined_at;
    let (now, token) = (cx.now(), session_token(request, place));
    let base = place.public_url.base().clone();
    let known = agent.viewer.clone();
    let (greeting, answered) = db
        .read(move |r| {
            // Signed out meanwhile, or given other sites, between the door and the
            // seat: nobody would ever have told this page.
            let who = accounts::authenticate(r, now, token.ok_or(Error::SignedOut)?)?;
            if who.viewer != known {
                return Err(Error::Unavailable("he sees something else now".into()));
            }
            let answered = match seat.viewing {
                Some(it) => Some((it, conversations::find(r, by, it)?.assignee)),
                None => None,
            };
            let at = journal::position(r)?;
            let greeting = match outdated {
                true => vec![Control::Reload { region: "all" }.frame()],
                false => greet_agent(r, &base, &windows, &seat, &resume, joined_at)?,
            };
            Ok((greeting, answered.map(|(it, agent)| (it, agent, at))))
        })
        .await?;
    if let Some((conversation, agent, at)) = answered {
        hub.answered_by(conversation, agent, at);
    }
    let shaken = shake_hands(request, body).await;
    place.heed_socket(request, shaken.is_ok());
    let (response, mut session, stream) = shaken?;
    let listener = AgentPage {
        agent: agent.id,
        name: agent.name.clone(),
        token,
        viewing,
        hub: hub.clone(),
        db: db.clone(),
        clock: cx.clock.clone(),
    };
    rt::spawn(async move {
        for frame in greeting {
            if session.text(frame).await.is_err() {
                return;
            }
        }
        pump::run(connection, session, stream, listener).await;
    });
    Ok(response)
}

fn session_token(request: &HttpRequest, place: &Place) -> Option<TokenHash> {
    let cookie = web::cookie(request, &place.session_cookie)?;
    Token::parse(cookie).map(|it| it.hash())
}

/// What a socket hears.
pub type Stream = Incoming<Arriving>;

/// `actix_ws` speaks; hearing is our own (`wire`), because theirs gathers
/// a frame before it looks at its size.
async fn shake_hands(
    request: &HttpRequest,
    body: Payload,
) -> Result<(HttpResponse, Session, Stream)> {
    let no_websocket = || Error::Malformed("this address is for WebSockets".into());
    // What follows the head are frames. In the chunks of a body they would be read
    // by nobody in between, and the connection would end with the body only.
    if web::carries_body(request) {
        return Err(no_websocket());
    }
    let nothing = Payload::extract(request)
        .await
        .map_err(|_| no_websocket())?;
    let (response, session, _) = actix_ws::handle(request, nothing).map_err(|_| no_websocket())?;
    Ok((
        response,
        session,
        Incoming::new(Arriving::new(request, body)),
    ))
}

fn greet_agent(
    r: &Reader,
    base: &Base,
    windows: &Windows,
    seat: &AgentSeat,
    resume: &Resume,
    joined_at: Seq,
) -> Result<Vec<Frame>> {
    let epoch = journal::epoch(r)?;
    let missed = match resume.epoch == epoch {
        true => journal::missed(r, resume.after, joined_at)?,
        false => None,
    };
    let reload = || vec![Control::Reload { region: "page" }.frame()];
    let Some(facts) = missed else {
        return Ok(reload());
    };
    let viewed = |it: ConversationId| seat.viewing == Some(it);
    let mut items = draw(r, base, windows, &facts, &[seat.lang], viewed)?;
    items.retain(|it| it.audience.includes(seat));
    Ok(welcome(joined_at, &epoch, items))
}

fn welcome(seq: Seq, epoch: &str, mut items: Vec<News>) -> Vec<Frame> {
    let missed = items.len();
    items.sort_by_key(|it| it.seq);
    let items: Vec<&str> = items.iter().map(|it| it.text.as_str()).collect();
    let mut frames = vec![Control::Welcome { seq, epoch, missed }.frame()];
    if missed != 0 {
        frames.push(bundle(&items));
    }
    frames
}

struct AgentPage {
    agent: AgentId,
    name: String,
    token: Option<TokenHash>,
    viewing: Option<Conversation>,
    hub: Hub,
    db: Db,
    clock: Clock,
}

impl Listener for AgentPage {
    // Another process may have set a new password.
    const BEATS: u32 = 1;

    fn hear(&mut self, text: &str) -> Heard {
        match from_json(text.as_bytes()) {
            Ok(AgentSignal::Typing { conversation, on }) => {
                self.tell_typing(&conversation, on);
                Heard::Fine
            }
            Ok(AgentSignal::Ping) => Heard::Ping,
            Err(_) => Heard::Nonsense,
        }
    }

    async fn is_still_welcome(&self) -> bool {
        let (Some(token), now) = (self.token, self.clock.now()) else {
            return false;
        };
        let asked = self.db.read(move |r| accounts::authenticate(r, now, token));
        !matches!(asked.await, Err(Error::SignedOut))
    }
}

impl AgentPage {
    /// Only about the conversation this page shows, and to the visitor only where
    /// this agent answers him: whoever has not joined is not in the chat.
    fn tell_typing(&self, conversation: &ConversationKey, on: bool) {
        let viewing = self.viewing.as_ref();
        let Some(viewed) = viewing.filter(|it| it.key == *conversation) else {
            return;
        };
        let name = self.name.as_str();
        let answering = Passing::Answering {
            conversation,
            name,
            on,
        };
        if self.hub.answers(self.agent, viewed.id) {
            self.hub
                .signal(Audience::Visitor(viewed.visitor), &answering.frame());
        }
        let writing = Passing::Writing {
            conversation,
            who: Side::Agent,
            name,
            text: None,
            on,
        };
        let colleagues = Audience::OtherAgents(viewed.site, self.agent);
        self.hub.signal(colleagues, &writing.frame());
    }
}

async fn visitor(cx: Ctx, windows: Data<Windows>, body: Payload) -> Result<HttpResponse> {
    let request = &cx.request;
    let origin = web::header(request, "origin").to_owned();
    let host = web::header(request, "host");
    let ours = cx.place.is_our_origin(&origin, host);
    let (response, session, stream) = shake_hands(request, body).await?;
    let door = VisitorDoor {
        origin: (!ours && !origin.is_empty()).then_some(origin),
        address: cx.address(),
        db: cx.db.clone(),
        hub: cx.hub.clone(),
        limits: Arc::clone(&cx.limits),
        windows,
    };
    rt::spawn(door.open(session, stream));
    Ok(response)
}

struct VisitorDoor {
    /// None where any site would let it in.
    origin: Option<String>,
    address: ClientAddress,
    db: Db,
    hub: Hub,
    limits: Arc<Limits>,
    windows: Data<Windows>,
}

impl VisitorDoor {
    async fn open(self, mut session: Session, mut stream: Stream) {
        let said = tokio::time::timeout(HELLO, listen(&mut session, &mut stream)).await;
        let entered = match said {
            Ok(Ok(text)) => self.enter(&text).await,
            Ok(Err(end)) => Err(end),
            Err(_) => Err(End::Nonsense),
        };
        let (connection, greeting, page) = match entered {
            Ok(entered) => entered,
            Err(end) => {
                drop(stream);
                return pump::close(session, end).await;
            }
        };
        for frame in greeting {
            if session.text(frame).await.is_err() {
                return;
            }
        }
        drop(self.limits);
        pump::run(connection, session, stream, page).await;
    }

    async fn enter(
        &self,
        hello: &str,
    ) -> Result<(crate::hub::Connection, Vec<Frame>, VisitorPage), End> {
        let Ok(VisitorSignal::Hello { token, seq, epoch }) = from_json(hello.as_bytes()) else {
            return Err(End::Nonsense);
        };
        let token = Token::parse(&token).ok_or(End::Unknown)?.hash();
        let read = self.db.read(move |r| {
            let visitor = visitors::authenticate(r, token)?;
            Ok((sites::find(r, visitor.site)?, visitor))
        });
        let (site, visitor) = match read.await {
            Ok(found) => found,
            Err(Error::SignedOut) => {
                let from = Key::Address(self.address.bucket());
                let _ = self.limits.take(UNKNOWN_TOKEN, from);
                return Err(End::Unknown);
            }
            Err(_) => return Err(End::House(crate::hub::Closing::Restart)),
        };
        if self.origin.as_ref().is_some_and(|it| !site.allows(it)) {
            return Err(End::Origin);
        }
        let seat = Seat::Visitor(visitor.id);
        let connection = self.hub.join(seat, VISITOR_PAGES).ok_or(End::TooFast)?;
        let (id, joined_at) = (visitor.id, connection.joined_at);
        let windows = Data::clone(&self.windows);
        let greeting = self
            .db
            .read(move |r| greet_visitor(r, &windows, id, seq, epoch.as_deref(), joined_at))
            .await
            .map_err(|_| End::House(crate::hub::Closing::Restart))?;
        let page = VisitorPage {
            visitor: visitor.id,
            site: visitor.site,
            number: visitor.number,
            conversation: None,
            previews: site.previews_typing(),
            hub: self.hub.clone(),
            db: self.db.clone(),
        };
        Ok((connection, greeting, page.with_conversation().await))
    }
}

/// The first text. Whoever says too much before it is not waited for.
async fn listen(session: &mut Session, stream: &mut Stream) -> Result<String, End> {
    for _ in 0..BEFORE_HELLO {
        match stream.next().await {
            Some(Ok(Said::Text(text))) => return Ok(text),
            Some(Ok(Said::Ping(bytes))) => {
                session.pong(&bytes).await.map_err(|_| End::Gone)?;
            }
            Some(Ok(Said::Pong | Said::Part)) => (),
            Some(Ok(Said::Close(code))) => return Err(End::Farewell(code)),
            Some(Err(fault)) => return Err(End::Fault(fault)),
            None => return Err(End::Gone),
        }
    }
    Err(End::TooFast)
}

fn greet_visitor(
    r: &Reader,
    windows: &Windows,
    visitor: VisitorId,
    seq: Seq,
    known_epoch: Option<&str>,
    joined_at: Seq,
) -> Result<Vec<Frame>> {
    let epoch = journal::epoch(r)?;
    let Some(conversation) = dialogues::current(r, visitor)? else {
        return Ok(welcome(joined_at, &epoch, Vec::new()));
    };
    let same = known_epoch.is_none_or(|it| it == epoch);
    let missed = match same && !dialogues::missed_elsewhere(r, &conversation, seq)? {
        true => journal::missed_about(r, &[conversation.id.into()], seq, joined_at)?,
        false => None,
    };
    let Some(facts) = missed else {
        let reload = Control::Reload { region: "log" };
        return Ok(vec![reload.frame()]);
    };
    // What visitors get is data, without links.
    let mut items = draw(r, &Base::default(), windows, &facts, &[], |_| false)?;
    items.retain(|it| it.audience == Audience::Visitor(visitor));
    Ok(welcome(joined_at, &epoch, items))
}

struct VisitorPage {
    visitor: VisitorId,
    site: SiteId,
    number: i64,
    conversation: Option<ConversationKey>,
    previews: bool,
    hub: Hub,
    db: Db,
}

impl VisitorPage {
    async fn with_conversation(mut self) -> Self {
        let visitor = self.visitor;
        let read = self.db.read(move |r| dialogues::current(r, visitor));
        self.conversation = read.await.ok().flatten().map(|it| it.key);
        self
    }

    /// In memory only, from one socket to others; nothing of it is kept.
    fn tell_typing(&self, on: bool, text: Option<&str>) {
        let Some(conversation) = &self.conversation else {
            return;
        };
        let text = text.filter(|_| self.previews).map(|it| clip(it, PREVIEW));
        for lang in self.hub.languages() {
            let writing = Passing::Writing {
                conversation,
                who: Side::Visitor,
                name: &visitors::name(self.number, lang),
                text: text.as_deref(),
                on,
            };
            let agents = Audience::AgentsReading(self.site, lang);
            self.hub.signal(agents, &writing.frame());
        }
    }
}

impl Listener for VisitorPage {
    const BEATS: u32 = 4;

    fn hear(&mut self, text: &str) -> Heard {
        match from_json(text.as_bytes()) {
            Ok(VisitorSignal::Typing { on, text }) => {
                self.tell_typing(on, text.as_deref());
                Heard::Fine
            }
            Ok(VisitorSignal::Ping) => Heard::Ping,
            Ok(VisitorSignal::Hello { .. }) | Err(_) => Heard::Nonsense,
        }
    }

    async fn is_still_welcome(&self) -> bool {
        let visitor = self.visitor;
        let found = self.db.read(move |r| visitors::find(r, visitor)).await;
        !matches!(found, Err(Error::NotFound(_)))
    }
}
