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
use crate::hub::{Audience, Closing, Hub, Seat};
use crate::kernel::{
    Actor, AgentId, Clock, ConversationId, ConversationKey, Token, TokenHash, VisitorId, from_json,
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
    after: crate::kernel::Seq,
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
        let viewing = match view.0.is_empty() {
            true => None,
            false => Some(Viewing::of(r, super::find_by_key(r, by, &view)?, id)?),
        };
        let names = query.topics.split(',').filter(|it| !it.is_empty());
        let mut all = own.to_vec();
        all.extend(viewing.as_ref().map(|it| news::topic(it.id)));
        for name in names.take(NAMED) {
            all.push(kinds.topic(r, by, name)?);
        }
        Ok((viewing, all))
    });
    let (viewing, all) = asked.await?;
    let session = topics::session(agent.session);
    let seat = Seat::new(session, &all, Some(lang), agent.sight.clone());
    let too_many = Error::TooMany { retry_after: 30 };
    let connection = cx.hub.join(seat.clone(), PAGES).ok_or(too_many)?;
    let mut page = Page {
        viewer: agent.viewer.clone(),
        name: agent.name.clone(),
        token: session_token(&cx.request, &cx.place),
        viewing,
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
    Ping,
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
    viewing: Option<Viewing>,
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
}

impl Page {
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
