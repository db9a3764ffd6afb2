//! The visitors' socket: a token in its first frame, and only from a page that may
//! carry the site's chat.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpResponse, rt};
use serde::Deserialize;

use crate::conversations::dialogues;
use crate::conversations::signals::{self, Desk};
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::hub::{Closing, Connection, Frame, Hub, Seat};
use crate::kernel::{Seq, Sight, Subject, Token, TokenHash, VisitorId, clip, from_json};
use crate::live::{self, End, Heard, Line, Listener, Live, Missed, Resume};
use crate::visitors::Visitor;
use crate::web::{self, ClientAddress, Ctx, Key, Limits, MINUTE, Rate, Routes, UNKNOWN_TOKEN, Who};
use crate::{sites, visitors};

/// Pages one visitor may have open.
const PAGES: usize = 5;
/// The first frame must say who is there.
const HELLO: Duration = Duration::from_secs(10);
/// Characters of a text in the making that agents get to see.
const PREVIEW: usize = 500;
/// Visitors who open one.
const SOCKET: Rate = Rate::new("live.socket", 60, MINUTE);

pub fn routes(routes: &mut Routes) {
    routes
        .get("/w/v1/live", open)
        .who(Who::Anyone)
        .rate(SOCKET)
        .counts(&[UNKNOWN_TOKEN]);
}

/// From a visitor's page.
#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
enum Signal {
    Hello {
        token: String,
        #[serde(default)]
        seq: Seq,
        #[serde(default)]
        epoch: Option<String>,
    },
    Typing {
        on: bool,
        #[serde(default)]
        text: Option<String>,
    },
    Ping,
}

async fn open(cx: Ctx, live: Data<Live>, body: Payload) -> Result<HttpResponse> {
    let origin = web::header(&cx.request, "origin").to_owned();
    let ours = cx
        .place
        .is_our_origin(&origin, web::header(&cx.request, "host"));
    let (response, line) = live::shake_hands(&cx.request, body).await?;
    let door = Door {
        origin: (!ours && !origin.is_empty()).then_some(origin),
        address: cx.address(),
        db: cx.db.clone(),
        hub: cx.hub.clone(),
        limits: Arc::clone(&cx.limits),
        live,
    };
    rt::spawn(door.open(line));
    Ok(response)
}

struct Door {
    /// None where any site would let it in.
    origin: Option<String>,
    address: ClientAddress,
    db: Db,
    hub: Hub,
    limits: Arc<Limits>,
    live: Data<Live>,
}

impl Door {
    /// As small as it can be (`Line::run`): what enters is forgotten before it stays.
    #[expect(clippy::manual_async_fn, reason = "see `live::pump::run`")]
    fn open(self, mut line: Line) -> impl Future<Output = ()> {
        async move {
            let said = tokio::time::timeout(HELLO, line.first()).await;
            let entered = match said {
                Ok(Ok(text)) => Box::pin(self.enter(&text)).await,
                Ok(Err(end)) => Err(end),
                Err(_) => Err(End::Nonsense),
            };
            drop(self);
            match entered {
                Ok((connection, greeting, page)) => line.run(greeting, connection, page).await,
                Err(end) => line.close(end).await,
            }
        }
    }

    async fn enter(&self, hello: &str) -> Result<(Connection, Vec<Frame>, Page), End> {
        let Ok(Signal::Hello { token, seq, epoch }) = from_json(hello.as_bytes()) else {
            return Err(End::Nonsense);
        };
        let token = Token::parse(&token).ok_or(End::Unknown)?.hash();
        let read = self.db.read(move |r| visitors::authenticate(r, token));
        let visitor = match read.await {
            Ok(found) => found,
            Err(Error::SignedOut) => {
                let from = Key::Address(self.address.bucket());
                let _ = self.limits.take(UNKNOWN_TOKEN, from);
                return Err(End::Unknown);
            }
            Err(_) => return Err(End::House(Closing::Restart)),
        };
        let topics = [sites::topic(visitor.site)];
        let seat = Seat::new(visitors::topic(visitor.id), &topics, None, Sight::ALL);
        let connection = self.hub.join(seat.clone(), PAGES).ok_or(End::TooFast)?;
        let (live, joined_at) = (Data::clone(&self.live), connection.joined_at);
        let resume = Resume { after: seq, epoch };
        let (known, origin) = (visitor.id, self.origin.clone());
        // After joining, so that nothing can change in between and not be told.
        let read = self.db.read(move |r| {
            let visitor = visitors::authenticate(r, token)?;
            if visitor.id != known {
                return Err(Error::Unavailable("he is somebody else now".into()));
            }
            let may = may(r, &visitor, origin.as_deref())?;
            let found = dialogues::current(r, visitor.id)?;
            let subjects = found.as_ref().map(|it| [it.id.into(), visitor.site.into()]);
            let subjects: &[Subject] = subjects.as_ref().map_or(&[], |it| it);
            let missed = Missed::About(subjects);
            let elsewhere = found
                .as_ref()
                .map(|it| dialogues::missed_elsewhere(r, it, seq));
            let elsewhere = elsewhere.transpose()?.unwrap_or_default();
            // What his page shows is not all of his, or not all his.
            let greeting = match elsewhere || seq < visitor.whole_since {
                true => vec![live::reload("log")],
                false => live::greet(r, &live, &seat, &resume, joined_at, &missed, "log")?,
            };
            let desk = found.map(|it| Desk {
                conversation: it.key,
                site: it.site,
            });
            Ok((may, greeting, desk, visitor))
        });
        let read = read.await.map_err(|_| End::House(Closing::Restart))?;
        let (may, greeting, desk, visitor) = read;
        if !may.enter {
            return Err(End::Origin);
        }
        let page = Page {
            known: (visitor.id, visitor.whole_since),
            number: visitor.number,
            token,
            origin: self.origin.clone(),
            desk,
            previews: may.preview,
            hub: self.hub.clone(),
            db: self.db.clone(),
        };
        Ok((connection, greeting, page))
    }
}

/// What a visitor's page may.
#[derive(Clone, Copy)]
struct May {
    /// Carry the chat.
    enter: bool,
    /// Show agents what is being typed.
    preview: bool,
}

fn may(r: &Reader, visitor: &Visitor, origin: Option<&str>) -> Result<May> {
    let site = sites::find(r, visitor.site)?;
    Ok(May {
        enter: origin.is_none_or(|it| site.allows(it)),
        preview: site.previews_typing(),
    })
}

struct Page {
    /// Whose it is, and since when all that is his is his.
    known: (VisitorId, Seq),
    number: i64,
    token: TokenHash,
    origin: Option<String>,
    desk: Option<Desk>,
    previews: bool,
    hub: Hub,
    db: Db,
}

impl Page {
    /// In memory only, from one socket to others; nothing of it is kept.
    fn tell_typing(&self, on: bool, text: Option<&str>) {
        if let Some(desk) = &self.desk {
            let text = text.filter(|_| self.previews).map(|it| clip(it, PREVIEW));
            let name = |lang| visitors::name(self.number, lang);
            signals::visitor_writes(&self.hub, desk, name, text.as_deref(), on);
        }
    }
}

impl Listener for Page {
    const BEATS: u32 = 4;

    fn hear(&mut self, text: &str) -> Heard {
        match from_json(text.as_bytes()) {
            Ok(Signal::Typing { on, text }) => {
                self.tell_typing(on, text.as_deref());
                Heard::Fine
            }
            Ok(Signal::Ping) => Heard::Ping,
            Ok(Signal::Hello { .. }) | Err(_) => Heard::Nonsense,
        }
    }

    async fn ask_again(&mut self) -> Result<(), End> {
        let (token, origin) = (self.token, self.origin.clone());
        let asked = self.db.read(move |r| {
            let visitor = visitors::authenticate(r, token)?;
            Ok((may(r, &visitor, origin.as_deref())?, visitor))
        });
        let asked = asked.await;
        // Where that cannot be told just now, nothing is shown.
        self.previews = asked.as_ref().is_ok_and(|(may, _)| may.preview);
        match asked {
            Ok((May { enter: false, .. }, _)) => Err(End::Origin),
            // It comes back as who he is now.
            Ok((_, it)) if (it.id, it.whole_since) != self.known => {
                Err(End::House(Closing::Restart))
            }
            Err(Error::SignedOut | Error::NotFound(_)) => Err(End::Unknown),
            _ => Ok(()),
        }
    }
}
