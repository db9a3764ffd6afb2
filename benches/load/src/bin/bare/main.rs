//! The bare relay: the limit for a server of Shopbell's design. actix-ws, one
//! thread that owns the SQLite connection and commits in groups under
//! `synchronous=FULL`, delivery after the commit, and nothing else: no HTTP on
//! the way in, no accounts, no rules, no rendering of lines.
//!
//! - `/relay?role=visitor&conversation=7&agent=3` posts `{"t":"post","n":1,"body":"…"}`
//!   and hears `{"t":"stored",…}` after the commit; `agent` is a number or `all`.
//! - `/relay?role=agent&agent=3` hears the lines meant for that agent.
//! - `/relay?role=listener` hears every `{"t":"cast","body":"…"}`, which is not stored.
//! - `/echo` gives back what it hears, `/list` is a page of fifty conversations
//!   out of SQLite, `/healthz` an answer.

mod store;

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, mpsc};

use actix_web::web::{Data, Payload, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, get};
use actix_ws::Message;
use askama::Template;
use bytestring::ByteString;
use clap::Parser;
use futures_util::StreamExt;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[derive(Parser)]
struct Options {
    #[arg(long)]
    data: PathBuf,
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: String,
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Fill an empty store with this many conversations of twenty lines, and leave.
    #[arg(long)]
    fill: Option<i64>,
}

type Outbox = UnboundedSender<ByteString>;

struct Post {
    conversation: i64,
    to: Audience,
    n: u64,
    body: String,
    from: Outbox,
}

#[derive(Clone, Copy)]
enum Audience {
    One(u32),
    All,
}

struct Relay {
    agents: RwLock<HashMap<u32, Outbox>>,
    listeners: RwLock<Vec<Outbox>>,
    writer: mpsc::Sender<Post>,
    file: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    t: &'a str,
    id: i64,
    conversation: i64,
    at: i64,
    body: &'a str,
}

#[derive(Deserialize)]
struct Heard {
    t: String,
    #[serde(default)]
    n: u64,
    body: String,
}

#[derive(Deserialize)]
struct Seat {
    role: String,
    #[serde(default)]
    conversation: i64,
    #[serde(default)]
    agent: String,
}

impl Relay {
    fn deliver(&self, post: &Post, id: i64, at: i64) {
        let (conversation, body) = (post.conversation, post.body.as_str());
        let line = Line {
            t: "line",
            id,
            conversation,
            at,
            body,
        };
        let line = ByteString::from(serde_json::to_string(&line).unwrap_or_default());
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        match post.to {
            Audience::One(agent) => drop(agents.get(&agent).map(|it| it.send(line))),
            Audience::All => agents.values().for_each(|it| drop(it.send(line.clone()))),
        }
        let stored = format!("{{\"t\":\"stored\",\"n\":{},\"id\":{id}}}", post.n);
        let _ = post.from.send(stored.into());
    }

    fn cast(&self, body: &str) {
        let line = Line {
            t: "cast",
            id: 0,
            conversation: 0,
            at: store::now_ms(),
            body,
        };
        let line = ByteString::from(serde_json::to_string(&line).unwrap_or_default());
        let listeners = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|it| drop(it.send(line.clone())));
    }

    fn seat(&self, seat: &Seat, outbox: &Outbox) {
        let agent = seat.agent.parse().unwrap_or_default();
        match seat.role.as_str() {
            "agent" => {
                let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
                agents.insert(agent, outbox.clone());
            }
            "listener" => {
                let mut all = self
                    .listeners
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                all.push(outbox.clone());
            }
            _ => (),
        }
    }

    fn hear(&self, seat: &Seat, text: &str, from: &Outbox) {
        let Ok(heard) = serde_json::from_str::<Heard>(text) else {
            return;
        };
        if heard.t == "cast" {
            return self.cast(&heard.body);
        }
        let to = seat.agent.parse().map_or(Audience::All, Audience::One);
        let (conversation, n, body) = (seat.conversation, heard.n, heard.body);
        let post = Post {
            conversation,
            to,
            n,
            body,
            from: from.clone(),
        };
        let _ = self.writer.send(post);
    }
}

#[get("/relay")]
async fn socket(
    request: HttpRequest,
    body: Payload,
    seat: Query<Seat>,
    relay: Data<Relay>,
) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut heard) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        let (outbox, mut news) = unbounded_channel::<ByteString>();
        relay.seat(&seat, &outbox);
        let _ = outbox.send("{\"t\":\"welcome\"}".into());
        loop {
            tokio::select! {
                message = heard.next() => match message {
                    Some(Ok(Message::Text(text))) => relay.hear(&seat, &text, &outbox),
                    Some(Ok(Message::Ping(bytes))) => drop(session.pong(&bytes).await),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => (),
                },
                Some(line) = news.recv() => if session.text(line).await.is_err() { break },
            }
        }
        let _ = session.close(None).await;
    });
    Ok(response)
}

#[get("/echo")]
async fn echo(request: HttpRequest, body: Payload) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut heard) = actix_ws::handle(&request, body)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = heard.next().await {
            let sent = match message {
                Message::Text(text) => session.text(text).await,
                Message::Ping(bytes) => session.pong(&bytes).await,
                Message::Close(_) => break,
                _ => Ok(()),
            };
            if sent.is_err() {
                break;
            }
        }
        let _ = session.close(None).await;
    });
    Ok(response)
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Conversations</title><link rel="stylesheet" href="/base.css"></head>
<body><header><h1>Conversations</h1></header><main><ul>
{% for row in rows %}<li id="c-{{ row.id }}" data-unread="{{ row.unread }}"><a href="/c/{{ row.id }}"><strong>{{ row.visitor }}</strong> <span>{{ row.unread }}</span><p>{{ row.last }}</p><time>{{ row.last_at }}</time></a></li>
{% endfor %}</ul></main><script src="/live.js" type="module"></script></body></html>"#
)]
struct List {
    rows: Vec<store::Row>,
}

thread_local!(static READER: RefCell<Option<Connection>> = const { RefCell::new(None) });

#[get("/list")]
async fn list(relay: Data<Relay>) -> actix_web::Result<HttpResponse> {
    let rows = READER.with_borrow_mut(|slot| {
        let db = match slot.take() {
            Some(db) => db,
            None => store::open(&relay.file)?,
        };
        store::newest(slot.insert(db))
    });
    let rows = rows.map_err(actix_web::error::ErrorInternalServerError)?;
    let page = List { rows }.render();
    let page = page.map_err(actix_web::error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page))
}

#[get("/healthz")]
async fn healthz() -> &'static str {
    "ok"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    std::fs::create_dir_all(&options.data)?;
    let file = options.data.join("bare.db");
    let db = store::open(&file)?;
    if let Some(conversations) = options.fill {
        return Ok(store::fill(&db, conversations)?);
    }
    let (writer, posts) = mpsc::channel();
    let (agents, listeners) = Default::default();
    let shared = Arc::new(Relay {
        agents,
        listeners,
        writer,
        file,
    });
    let data = Data::from(shared.clone());
    std::thread::spawn(move || {
        if let Err(error) = store::write(&db, &posts, |post, id, at| shared.deliver(post, id, at)) {
            eprintln!("bare: the store failed: {error}");
            std::process::exit(1);
        }
    });
    let app = move || {
        let app = App::new().app_data(data.clone());
        app.service(socket)
            .service(echo)
            .service(list)
            .service(healthz)
    };
    // Without it a frame waits for the acknowledgement of the one before it.
    let server = HttpServer::new(app)
        .workers(options.workers)
        .backlog(4096)
        .tcp_nodelay(true);
    server
        .max_connections(100_000)
        .shutdown_timeout(1)
        .bind(&options.listen)?
        .run()
        .await?;
    Ok(())
}
