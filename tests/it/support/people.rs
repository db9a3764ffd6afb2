//! Those who use the house: a visitor's page and an agent's browser, over real
//! HTTP and WebSocket.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::soon;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

static PEOPLE: AtomicU32 = AtomicU32::new(1);

/// An address of one's own, so that limits count people one by one.
fn address() -> String {
    let n = PEOPLE.fetch_add(1, Ordering::Relaxed);
    format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)
}

/// What a browser says of a page there: no path.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |it| it + 3);
    url[host..].find('/').map_or(url, |end| &url[..host + end])
}

pub fn client() -> Client {
    Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap()
}

/// What a socket receives, item by item.
pub struct Screen {
    socket: Socket,
    items: VecDeque<Value>,
    /// Where the page stands. One drawn right after a commit is told once more what
    /// it shows already, which changes nothing on it.
    shown: i64,
}

impl Screen {
    pub async fn open(url: &str, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let mut request = url.replacen("http", "ws", 1).into_client_request().unwrap();
        for (name, value) in headers {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self {
                socket,
                items: VecDeque::new(),
                shown: 0,
            }),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("no socket: {error}"),
        }
    }

    /// None while nobody answers.
    pub async fn try_open(url: &str, headers: &[(&str, &str)]) -> Option<Self> {
        let mut request = url.replacen("http", "ws", 1).into_client_request().ok()?;
        for (name, value) in headers {
            let name: reqwest::header::HeaderName = name.parse().ok()?;
            request.headers_mut().insert(name, value.parse().ok()?);
        }
        let (socket, _) = connect_async(request).await.ok()?;
        Some(Self {
            socket,
            items: VecDeque::new(),
            shown: 0,
        })
    }

    pub async fn say(&mut self, text: &str) {
        let _ = self.socket.send(Message::text(text)).await;
    }

    pub async fn say_bytes(&mut self, bytes: Vec<u8>) {
        let _ = self.socket.send(Message::binary(bytes)).await;
    }

    /// The next item, or why there will be none.
    pub async fn try_next(&mut self) -> Result<Value, u16> {
        soon(async {
            loop {
                if let Some(item) = self.items.pop_front() {
                    if item["op"].is_string()
                        && item["seq"].as_i64().is_some_and(|it| it <= self.shown)
                    {
                        continue;
                    }
                    return Ok(item);
                }
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text).unwrap() {
                        Value::Array(items) => self.items.extend(items),
                        item => self.items.push_back(item),
                    },
                    Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                    Some(Ok(Message::Close(None))) | None => return Err(1005),
                    Some(Ok(_)) => (),
                    Some(Err(_)) => return Err(1006),
                }
            }
        })
        .await
    }

    pub async fn next(&mut self) -> Value {
        self.try_next().await.expect("the socket was closed")
    }

    /// The next item that is about something.
    pub async fn next_that(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let item = self.next().await;
            if fits(&item) {
                return item;
            }
        }
    }

    /// Why the other side ended it.
    pub async fn end(&mut self) -> u16 {
        loop {
            if let Err(code) = self.try_next().await {
                return code;
            }
        }
    }
}

pub struct VisitorPage {
    pub url: String,
    pub token: String,
    pub number: i64,
    pub http: Client,
    address: String,
    count: u32,
}

impl VisitorPage {
    pub async fn arrive(url: &str, site: &str) -> Self {
        let (http, address) = (client(), address());
        let arrive = http
            .post(format!("{url}/w/v1/visitors"))
            .header("x-forwarded-for", &address)
            .json(&json!({ "site": site, "lang": "en" }));
        let answer = arrive.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let arrived: Value = answer.json().await.unwrap();
        Self {
            url: url.to_owned(),
            token: arrived["token"].as_str().unwrap().to_owned(),
            number: arrived["number"].as_i64().unwrap(),
            http,
            address,
            count: 0,
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .header("x-forwarded-for", &self.address)
            .bearer_auth(&self.token)
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }

    pub async fn send(&self, cid: &str, body: &str) -> Response {
        let message = json!({ "cid": cid, "body": body });
        self.post("/w/v1/messages", &message).send().await.unwrap()
    }

    /// Writes a line that must be taken; what the server says of it.
    pub async fn writes(&mut self, body: &str) -> Value {
        self.count += 1;
        let cid = format!("visitor-{}-{}", self.number, self.count);
        let answer = self.send(&cid, body).await;
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    pub async fn history(&self) -> Value {
        let answer = self.request(Method::GET, "/w/v1/history").send().await;
        answer.unwrap().json().await.unwrap()
    }

    pub async fn listens(&self, seq: i64, epoch: Option<&str>) -> Screen {
        let url = format!("{}/w/v1/live", self.url);
        let headers = [("x-forwarded-for", self.address.as_str())];
        let mut screen = Screen::open(&url, &headers).await.unwrap();
        let hello = json!({ "t": "hello", "token": self.token, "seq": seq, "epoch": epoch });
        screen.say(&hello.to_string()).await;
        // What he has already may come again, where news was slow to go out.
        screen.shown = seq;
        screen
    }
}

pub struct AgentBrowser {
    pub url: String,
    pub http: Client,
    pub cookie: String,
    count: u32,
}

impl AgentBrowser {
    pub async fn sign_in(url: &str, email: &str, password: &str) -> Self {
        let signed_in = Self::try_sign_in(url, email, password).await;
        signed_in.unwrap_or_else(|| panic!("{email} cannot sign in"))
    }

    /// None while nobody answers, or where the password is wrong.
    pub async fn try_sign_in(url: &str, email: &str, password: &str) -> Option<Self> {
        let http = client();
        let sign_in = http
            .post(format!("{url}/login"))
            .header("origin", origin(url))
            .header("x-forwarded-for", address())
            .form(&[("email", email), ("password", password)]);
        let answer = sign_in.send().await.ok()?;
        let cookie = answer.headers().get("set-cookie")?.to_str().ok()?;
        let cookie = cookie.split(';').next()?.to_owned();
        (answer.status() == 303).then(|| Self {
            url: url.to_owned(),
            http,
            cookie,
            count: 0,
        })
    }

    /// Where a page drawn now would stand.
    pub async fn position(&self) -> Option<(i64, String)> {
        let answer = self.request(Method::GET, "/inbox").send().await.ok()?;
        let page = answer.text().await.ok()?;
        let seq = between(&page, "data-seq=\"", "\"")?.parse().ok()?;
        Some((seq, between(&page, "data-epoch=\"", "\"")?))
    }

    pub async fn try_listen(&self, seq: i64, epoch: &str) -> Option<Screen> {
        let url = format!("{}/live?after={seq}&epoch={epoch}", self.url);
        Screen::try_open(
            &url,
            &[("cookie", &self.cookie), ("origin", origin(&self.url))],
        )
        .await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .header("cookie", &self.cookie)
    }

    pub async fn sees(&self, path: &str) -> String {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "GET {path}");
        answer.text().await.unwrap()
    }

    /// The anti-forgery token of this session, as its pages carry it.
    pub async fn csrf(&self) -> String {
        let page = self.sees("/me").await;
        between(&page, "name=\"csrf\" content=\"", "\"")
            .or_else(|| between(&page, "name=\"csrf\" value=\"", "\""))
            .expect("a page carries a token")
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let csrf = self.csrf().await;
        let form = self
            .request(Method::POST, path)
            .header("origin", origin(&self.url))
            .header("x-csrf-token", csrf)
            .header("accept", "application/json")
            .form(fields);
        form.send().await.unwrap()
    }

    /// Presses “Undo” on a page: sends the form that it stands in, as it is there.
    pub async fn undoes(&self, page: &str) -> Response {
        let form = between(page, "notice-saved\">", "</div>").unwrap();
        let plain = |it: String| {
            let entities = [
                ("&#60;", "<"),
                ("&#62;", ">"),
                ("&#34;", "\""),
                ("&#38;", "&"),
            ];
            let plain = |it: String, (from, to): (&str, &str)| it.replace(from, to);
            entities.into_iter().fold(it, plain)
        };
        let action = plain(between(&form, "action=\"", "\"").unwrap());
        let hidden = form.split("<input type=\"hidden\"").skip(1);
        let field = |it: &str| {
            let name = between(it, "name=\"", "\"").unwrap();
            (name, plain(between(it, "value=\"", "\"").unwrap()))
        };
        let fields: Vec<(String, String)> = hidden.map(field).collect();
        let fields = fields.iter().map(|(a, b)| (a.as_str(), b.as_str()));
        let fields: Vec<_> = fields.filter(|(name, _)| *name != "csrf").collect();
        self.post(&action, &fields).await
    }

    pub async fn joins(&self, conversation: &str) {
        let answer = self.post(&format!("/inbox/{conversation}/join"), &[]).await;
        assert_eq!(answer.status(), 200);
    }

    pub async fn answers(&mut self, conversation: &str, body: &str) -> Value {
        self.count += 1;
        let cid = format!("agent-line-{}-{}", self.cookie.len(), self.count);
        let fields = [("cid", cid.as_str()), ("body", body)];
        let answer = self
            .post(&format!("/inbox/{conversation}/messages"), &fields)
            .await;
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// Opens a page's socket where the page stands.
    pub async fn listens(&self, view: &str) -> Screen {
        let page = self.sees("/inbox").await;
        let seq = between(&page, "data-seq=\"", "\"").unwrap();
        let epoch = between(&page, "data-epoch=\"", "\"").unwrap();
        let mut screen = self.listens_after(&seq, &epoch, view).await.unwrap();
        screen.shown = seq.parse().unwrap();
        assert_eq!(screen.next().await["t"], "welcome");
        screen
    }

    pub async fn listens_after(&self, seq: &str, epoch: &str, view: &str) -> Result<Screen, u16> {
        let url = format!("{}/live?after={seq}&epoch={epoch}&view={view}", self.url);
        Screen::open(
            &url,
            &[("cookie", &self.cookie), ("origin", origin(&self.url))],
        )
        .await
    }
}

pub fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0.to_owned())
}
