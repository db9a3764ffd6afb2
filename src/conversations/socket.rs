//! The agents' socket: who comes with a session's cookie, and only from a page of
//! ours, hears what is new in the lists, in the conversation on his screen, and of
//! whatever else his page names.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, rt};
use serde::Deserialize;

use super::news::{self, LISTS};
use super::participants;
use super::signals::{self, Desk};
use crate::accounts::{self, Agent, Viewer, topics};
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::hub::{Audience, Closing, Connection, Frame, Hub, Seat, Topic};
use crate::kernel::{
    Actor, AgentId, Clock, ConversationId, ConversationKey, Seq, Token, TokenHash, VisitorId,
    from_json,
};
use crate::live::{self, End, Heard, Listener, Live, Missed, Resume};
use crate::visitors;
use crate::web::{self, Ctx, Place, Routes, Who};

/// Pages one session may have open.
const PAGES: usize = 200;
/// Topics a page may name.
const NAMED: usize = 16;

pub fn routes(routes: &mut Routes) {
    routes.get("/live", open).who(Who::Agent);
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    after: Seq,
    #[serde(default)]
    epoch: String,
    #[serde(default)]
    view: String,
    /// What its page showed its reader; see `Viewer::look`.
    #[serde(default)]
    look: String,
    /// What else the page shows: `kind-7`, with commas between them.
    #[serde(default)]
    topics: String,
}

async fn open(agent: Agent, cx: Ctx, live: Data<Live>, body: Payload) -> Result<HttpResponse> {
    let host = web::header(&cx.request, "host");
    if !cx
        .place
        .is_our_origin(web::header(&cx.request, "origin"), host)
    {
        return Err(Error::Forbidden(|t| t.error_origin().into()));
    }
    let query: Query = cx.query()?;
    let (id, lang) = (agent.id, agent.lang);
    // Its page shows what he may no longer see, or too little: it comes anew.
    let outdated = !query.look.is_empty() && query.look != agent.look();
    let own = [topics::agent(id), topics::TEAM, LISTS];
    let (kinds, view) = (Data::clone(&live), ConversationKey(query.view));
    let asked = cx.db.read(move |r| {
        let by = Actor::Agent(id);
        if outdated {
            return Ok((None, own.to_vec()));
        }
        let viewing = Viewing::find(r, by, &view, id)?;
        let mut all = own.to_vec();
        all.extend(named(r, &kinds, by, &query.topics)?);
        Ok((viewing, all))
    });
    let (viewing, mut all) = asked.await?;
    let session = topics::session(agent.session);
    let base = Seat::new(session, &all, Some(lang), agent.sight.clone());
    let looks = viewing.as_ref().map(|it| news::topic(it.id));
    let looks_at = looks.map(|it| base.elsewhere(&[it]));
    let too_many = Error::TooMany { retry_after: 30 };
    let connection = cx.hub.join_looking(base.clone(), looks_at, PAGES);
    let connection = connection.ok_or(too_many)?;
    // Now that it is there twice, it is told of both at once.
    all.extend(looks);
    let seat = Seat::new(session, &all, Some(lang), agent.sight.clone());
    let mut page = Page {
        viewer: agent.viewer.clone(),
        name: agent.name.clone(),
        token: session_token(&cx.request, &cx.place),
        base,
        viewing,
        look: None,
        live: Data::clone(&live),
        hub: cx.hub.clone(),
        db: cx.db.clone(),
        clock: cx.clock.clone(),
    };
    // Signed out meanwhile, or given other sites, between the door and the seat:
    // nobody would ever have told this page. So for who answers in what it shows.
    if !page.ask().await? {
        return Err(Error::Unavailable("he sees something else now".into()));
    }
    let resume = Resume {
        after: query.after,
        epoch: Some(query.epoch),
    };
    let joined_at = connection.joined_at;
    let greeting = cx.db.read(move |r| match outdated {
        true => Ok(vec![live::reload("all")]),
        false => live::greet(r, &live, &seat, &resume, joined_at, &Missed::All, "page"),
    });
    let greeting = greeting.await?;
    let shaken = live::shake_hands(&cx.request, body).await;
    cx.place.heed_socket(&cx.request, shaken.is_ok());
    let (response, line) = shaken?;
    rt::spawn(line.run(greeting, connection, page));
    Ok(response)
}

fn session_token(request: &HttpRequest, place: &Place) -> Option<TokenHash> {
    let cookie = web::cookie(request, &place.session_cookie)?;
    Token::parse(cookie).map(|it| it.hash())
}

/// From an agent's page.
#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
enum Signal {
    Typing {
        conversation: ConversationKey,
        on: bool,
    },
    Look(Wish),
    Ping,
}

/// What a page looks at now, and where the journal stood when that was drawn.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// Empty where no conversation is open.
    conversation: ConversationKey,
    after: Seq,
    epoch: String,
    /// What else it shows there: as in the address of the socket.
    #[serde(default)]
    topics: String,
}

/// What a page names beside conversations, where he may listen to all of it.
fn named(r: &Reader, live: &Live, by: Actor, names: &str) -> Result<Vec<Topic>> {
    let names = names.split(',').filter(|it| !it.is_empty());
    names.take(NAMED).map(|it| live.topic(r, by, it)).collect()
}

/// The conversation on the screen.
#[derive(Clone)]
struct Viewing {
    id: ConversationId,
    visitor: VisitorId,
    desk: Desk,
    /// This agent answers there.
    answers: bool,
}

impl Viewing {
    /// None where the page looks at no conversation.
    fn find(r: &Reader, by: Actor, key: &ConversationKey, agent: AgentId) -> Result<Option<Self>> {
        match key.0.is_empty() {
            true => Ok(None),
            false => Self::of(r, super::find_by_key(r, by, key)?, agent).map(Some),
        }
    }

    fn of(r: &Reader, found: super::Conversation, agent: AgentId) -> Result<Self> {
        Ok(Self {
            id: found.id,
            visitor: found.visitor,
            answers: participants::takes_part(r, found.id, agent)?,
            desk: Desk {
                conversation: found.key,
                site: found.site,
            },
        })
    }
}

struct Page {
    viewer: Viewer,
    name: String,
    token: Option<TokenHash>,
    /// What it listens to wherever it looks.
    base: Seat,
    viewing: Option<Viewing>,
    /// Where it wants to look, as it has just said.
    look: Option<Wish>,
    live: Data<Live>,
    hub: Hub,
    db: Db,
    clock: Clock,
}

impl Listener for Page {
    // Another process may have set a new password.
    const BEATS: u32 = 1;

    fn hear(&mut self, text: &str) -> Heard {
        match from_json(text.as_bytes()) {
            Ok(Signal::Typing { conversation, on }) => {
                self.tell_typing(&conversation, on);
                Heard::Fine
            }
            Ok(Signal::Look(wish)) => {
                self.look = Some(wish);
                Heard::Look
            }
            Ok(Signal::Ping) => Heard::Ping,
            Err(_) => Heard::Nonsense,
        }
    }

    async fn ask_again(&mut self) -> Result<(), End> {
        match self.ask().await {
            Err(Error::SignedOut) => Err(End::House(Closing::SignedOut)),
            Ok(false) => Err(End::House(Closing::Restart)),
            _ => Ok(()),
        }
    }

    async fn look(&mut self, connection: &Connection) -> Result<Option<Frame>, End> {
        let Some(wish) = self.look.take() else {
            return Ok(None);
        };
        match self.turn_to(wish, connection).await {
            Ok(frame) => Ok(Some(frame)),
            // Whatever is not there, or not for him, his page is told when it asks for it.
            Err(Error::NotFound(_)) => Ok(Some(live::reload("thread"))),
            Err(_) => Err(End::House(Closing::Restart)),
        }
    }
}

impl Page {
    /// First it listens, then what it missed is read: so nothing falls in between.
    async fn turn_to(&mut self, wish: Wish, connection: &Connection) -> Result<Frame> {
        self.viewing = None;
        connection.look(None);
        let (by, id) = (Actor::Agent(self.viewer.id), self.viewer.id);
        let (kinds, key) = (Data::clone(&self.live), wish.conversation.clone());
        let found = self.db.read(move |r| {
            let viewing = Viewing::find(r, by, &key, id)?;
            Ok((viewing, named(r, &kinds, by, &wish.topics)?))
        });
        let (viewing, mut topics) = found.await?;
        topics.extend(viewing.as_ref().map(|it| news::topic(it.id)));
        if topics.is_empty() {
            return Ok(live::looking(&wish.conversation.0, &[]));
        }
        let seat = self.base.elsewhere(&topics);
        let since = connection.look(Some(seat.clone()));
        self.viewing = viewing;
        // Between the door and the seat he may have been given other sites, and nobody
        // would have told this page.
        if !self.ask().await? {
            return Err(Error::Unavailable("he sees something else now".into()));
        }
        let resume = Resume {
            after: wish.after,
            epoch: Some(wish.epoch),
        };
        let (live, at) = (Data::clone(&self.live), wish.conversation.0);
        let shown = self
            .db
            .read(move |r| live::show(r, &live, &seat, &resume, since, &at));
        shown.await
    }

    /// Whether he still sees and may what he did, and whether he answers in what he
    /// looks at. Signed out is an error.
    async fn ask(&mut self) -> Result<bool> {
        let (now, known) = (self.clock.now(), self.viewer.clone());
        let token = self.token.ok_or(Error::SignedOut)?;
        let shown = self.viewing.as_ref().map(|it| it.id);
        let asked = self.db.read(move |r| {
            if accounts::authenticate(r, now, token)?.viewer != known {
                return Ok((false, None));
            }
            let found = shown.map(|it| super::find(r, known.actor(), it));
            let found = found.transpose()?;
            let viewing = found.map(|it| Viewing::of(r, it, known.id)).transpose()?;
            Ok((true, viewing))
        });
        let asked = asked.await;
        if let Some(viewing) = &mut self.viewing {
            match &asked {
                // Its visitor may have turned out to be another.
                Ok((true, Some(now))) => viewing.clone_from(now),
                _ => viewing.answers = false,
            }
        }
        asked.map(|(same, _)| same)
    }

    /// Only about the conversation this page shows, and to the visitor only where
    /// this agent answers him: whoever has not joined is not in the chat.
    fn tell_typing(&self, conversation: &ConversationKey, on: bool) {
        let shown = self.viewing.as_ref();
        let Some(viewing) = shown.filter(|it| it.desk.conversation == *conversation) else {
            return;
        };
        let name = self.name.as_str();
        if viewing.answers {
            let audience = Audience::of(visitors::topic(viewing.visitor));
            self.hub
                .signal(&audience, None, &signals::answering(conversation, name, on));
        }
        let own = topics::agent(self.viewer.id);
        signals::agent_writes(&self.hub, &viewing.desk, own, name, on);
    }
}
