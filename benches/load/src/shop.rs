//! Shopbell as a side of the benchmark: the real binary, set up and spoken to
//! as its people do, over its public protocol and nothing else.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::sleep;

use crate::fill;
use crate::forms::{Browser, address, needed};
use crate::http::{Http, Reply};
use crate::process::{Process, free_port};
use crate::socket::Socket;

const OWNER: &str = "owner@bench.example";
pub const PASSWORD: &str = "kettle-lantern-orbit-47";

/// Messages a visitor may send in a minute: the operator's limit, which would
/// otherwise be what this benchmark measures.
const VISITOR_RATE: &str = "1000000";

/// Pages of history read for one visitor at most, and refusals taken for one page.
const MOST_PAGES: usize = 2_000;
const MOST_REFUSALS: usize = 20;

/// Requests under way at once while preparing.
pub const AT_ONCE: usize = 32;

pub struct Shop {
    binary: PathBuf,
    pub data: PathBuf,
    pub at: SocketAddr,
    origin: String,
    site: String,
    /// Signed-in browsers of agents.
    agents: RefCell<Vec<Browser>>,
    visitors: RefCell<Vec<String>>,
    /// The secrets of agents' forms, once they are known.
    csrf: RefCell<HashMap<usize, String>>,
}

/// A visitor's line to the server: his token, and a connection that stays open.
pub struct Post {
    http: Http,
    address: String,
    origin: String,
    bearer: String,
}

impl Shop {
    /// A fresh data folder, set up over HTTP as a new owner does it.
    pub async fn prepare(binary: &Path, data: PathBuf) -> Result<Self> {
        let at = free_port()?;
        let origin = format!("http://{at}");
        let mut shop = Self {
            binary: binary.to_owned(),
            data,
            at,
            site: String::new(),
            agents: RefCell::default(),
            visitors: RefCell::default(),
            csrf: RefCell::default(),
            origin,
        };
        let mut process = Process::start(&mut shop.command())?;
        process.answers(at, "/healthz").await?;
        let code = process.says(set_up_code).await?;
        let mut http = Http::open(at).await?;
        let mut owner = Browser::new(&shop.origin, 0);
        let fields = [
            ("code", code.as_str()),
            ("name", "Bench Owner"),
            ("email", OWNER),
            ("password", PASSWORD),
            ("shop", "Mugs & More"),
        ];
        let page = format!("/setup?code={code}");
        owner.submit(&mut http, &page, "/setup", &fields).await?;
        let mut welcome = owner.get(&mut http, "/welcome").await?;
        if welcome.status != 200 {
            owner = shop.sign_in(OWNER, 1).await?;
            welcome = owner.get(&mut http, "/welcome").await?;
        }
        shop.site = needed(&welcome.expect(200, "/welcome")?.text(), "data-site")?;
        shop.agents = RefCell::new(vec![owner]);
        process.stop().await?;
        Ok(shop)
    }

    /// The same shop on a copy of its folder, for what must not be mixed.
    pub fn copy(&self, data: PathBuf) -> Result<Self> {
        copy_folder(&self.data, &data)?;
        Ok(Self {
            binary: self.binary.clone(),
            data,
            at: self.at,
            origin: self.origin.clone(),
            site: self.site.clone(),
            agents: RefCell::new(self.agents.borrow().clone()),
            visitors: RefCell::new(self.visitors.borrow().clone()),
            csrf: RefCell::default(),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--data").arg(&self.data);
        command.args([
            "--listen",
            &self.at.to_string(),
            "--public-url",
            &self.origin,
        ]);
        command.args(["--trusted-proxies", "127.0.0.0/8"]);
        command.env("SHOPBELL_VISITOR_RATE", VISITOR_RATE);
        command
    }

    /// Starts the server, without waiting for it.
    pub fn spawn(&self) -> Result<Process> {
        Process::start(&mut self.command())
    }

    pub async fn start(&self) -> Result<Process> {
        let mut process = self.spawn()?;
        process.answers(self.at, "/healthz").await?;
        Ok(process)
    }

    async fn sign_in(&self, email: &str, nth: usize) -> Result<Browser> {
        let mut http = Http::open(self.at).await?;
        let mut browser = Browser::new(&self.origin, 60_000 + nth);
        let fields = [("email", email), ("password", PASSWORD)];
        browser
            .submit(&mut http, "/login", "/login", &fields)
            .await?;
        Ok(browser)
    }

    /// The owner and colleagues, so many together, each signed in. While the
    /// server is down, because colleagues are written into its file: inviting
    /// them would take a mail each.
    pub async fn hire(&self, agents: usize) -> Result<()> {
        let before = self.agents.borrow().len();
        if agents <= before {
            return Ok(());
        }
        let emails = fill::colleagues(&self.data, OWNER, agents - 1)?;
        let process = self.start().await?;
        for (nth, email) in emails.iter().enumerate().skip(before - 1) {
            let browser = self.sign_in(email, 2 + nth).await?;
            self.agents.borrow_mut().push(browser);
        }
        process.stop().await
    }

    /// Somebody who has just been told the password, on a browser of his own: in,
    /// and the inbox in sight.
    pub async fn signs_in(&self, email: &str, nth: usize) -> Result<()> {
        let mut browser = self.sign_in(email, nth).await?;
        let mut http = Http::open(self.at).await?;
        let page = browser.get(&mut http, "/inbox").await?;
        page.expect(200, "/inbox").map(drop)
    }

    /// The secret of an agent's forms.
    async fn csrf(&self, nth: usize) -> Result<String> {
        if let Some(known) = self.csrf.borrow().get(&nth) {
            return Ok(known.clone());
        }
        let mut http = Http::open(self.at).await?;
        let page = self.browser(nth)?.get(&mut http, "/me").await?;
        let page = page.expect(200, "/me")?.text();
        let at = page.find("name=\"csrf\"").context("a page without csrf")?;
        let tag = page[at..].split('>').next().unwrap_or_default();
        let csrf = needed(tag, "value").or_else(|_| needed(tag, "content"))?;
        self.csrf.borrow_mut().insert(nth, csrf.clone());
        Ok(csrf)
    }

    /// What a script on an agent's page sends.
    pub async fn agent_sends(&self, nth: usize, path: &str, fields: &[(&str, &str)]) -> Result<()> {
        let csrf = self.csrf(nth).await?;
        let mut all = vec![("csrf".to_owned(), csrf)];
        let given = fields.iter();
        all.extend(given.map(|&(name, value)| (name.to_owned(), value.to_owned())));
        let mut http = Http::open(self.at).await?;
        let mut browser = self.browser(nth)?;
        let reply = browser
            .send(&mut http, path, &all, "application/json")
            .await?;
        ensure!(
            reply.status < 400,
            "{path}: {}: {}",
            reply.status,
            reply.text().chars().take(200).collect::<String>()
        );
        Ok(())
    }

    /// The names of the owner and of his colleagues, in the order of `browser`.
    pub fn emails(&self, agents: usize) -> Vec<String> {
        let colleagues = (1..agents).map(fill::colleague);
        std::iter::once(OWNER.to_owned())
            .chain(colleagues)
            .collect()
    }

    pub fn browser(&self, nth: usize) -> Result<Browser> {
        let agents = self.agents.borrow();
        let browser = agents.get(nth % agents.len().max(1)).cloned();
        browser.context("nobody is signed in")
    }

    /// Makes sure that this many visitors exist, each with an address of his own.
    pub async fn visitors(&self, count: usize) -> Result<()> {
        let from = self.visitors.borrow().len();
        let arrivals = stream::iter(from..count)
            .map(|nth| self.arrive(nth))
            .buffered(AT_ONCE);
        let tokens: Vec<String> = arrivals.try_collect().await?;
        self.visitors.borrow_mut().extend(tokens);
        Ok(())
    }

    async fn arrive(&self, nth: usize) -> Result<String> {
        self.stranger(nth).await
    }

    /// A visitor who is nobody's: the token that he was given.
    pub async fn stranger(&self, nth: usize) -> Result<String> {
        let mut http = Http::open(self.at).await?;
        let address = address(nth);
        let headers = [
            ("origin", self.origin.as_str()),
            ("x-forwarded-for", &address),
            ("content-type", "application/json"),
        ];
        let body = json!({ "site": self.site, "lang": "en" }).to_string();
        let reply = http
            .post("/w/v1/visitors", &headers, body.as_bytes())
            .await?;
        let said: Value = serde_json::from_slice(&reply.expect(201, "a new visitor")?.body)?;
        Ok(said["token"]
            .as_str()
            .context("a visitor without token")?
            .to_owned())
    }

    fn token(&self, nth: usize) -> Result<String> {
        self.visitors
            .borrow()
            .get(nth)
            .cloned()
            .context("an unknown visitor")
    }

    /// The connection over which this visitor writes.
    pub async fn post(&self, nth: usize) -> Result<Post> {
        let bearer = format!("Bearer {}", self.token(nth)?);
        let http = Http::open(self.at).await?;
        Ok(Post {
            http,
            address: address(nth),
            origin: self.origin.clone(),
            bearer,
        })
    }

    pub async fn epoch(&self) -> Result<String> {
        let mut http = Http::open(self.at).await?;
        let path = format!("/w/v1/sites/{}?lang=en", self.site);
        let headers = [("origin", self.origin.as_str())];
        let reply = http.get(&path, &headers).await?.expect(200, "the site")?;
        let said: Value = serde_json::from_slice(&reply.body)?;
        Ok(said["epoch"]
            .as_str()
            .context("a site without epoch")?
            .to_owned())
    }

    /// This visitor's socket, greeted. It starts at the end of his log, as a
    /// widget does that has just read its history.
    pub async fn visitor_socket(&self, nth: usize, epoch: &str, seq: i64) -> Result<Socket> {
        Ok(self.visitor_greeted(nth, epoch, seq).await?.0)
    }

    /// The same, with the greeting.
    pub async fn visitor_greeted(
        &self,
        nth: usize,
        epoch: &str,
        seq: i64,
    ) -> Result<(Socket, String)> {
        let address = address(nth);
        let headers = [
            ("origin", self.origin.as_str()),
            ("x-forwarded-for", &address),
        ];
        let mut socket = Socket::open(self.at, nth, "/w/v1/live", &headers).await?;
        let token = self.token(nth)?;
        let hello = json!({ "t": "hello", "token": token, "seq": seq, "epoch": epoch });
        socket.send(hello.to_string()).await?;
        let greeting = socket.until("\"t\":\"").await?;
        Ok((socket, greeting.to_string()))
    }

    /// Where the dashboard's pages stand now: position and epoch.
    pub async fn position(&self) -> Result<(i64, String)> {
        let mut http = Http::open(self.at).await?;
        let page = self.browser(0)?.get(&mut http, "/inbox").await?;
        let page = page.expect(200, "/inbox")?.text();
        Ok((
            needed(&page, "data-seq")?.parse()?,
            needed(&page, "data-epoch")?,
        ))
    }

    /// Still to be greeted.
    pub async fn agent_socket(&self, nth: usize, position: &(i64, String)) -> Result<Socket> {
        self.agent_view(nth, position, "").await
    }

    /// The same, of a page that shows a conversation.
    pub async fn agent_view(
        &self,
        nth: usize,
        position: &(i64, String),
        view: &str,
    ) -> Result<Socket> {
        let cookie = self.browser(nth)?.cookie();
        // Five thousand sockets stand for as many people at as many desks.
        let address = address(20_000 + nth);
        let headers = [
            ("origin", self.origin.as_str()),
            ("cookie", &cookie),
            ("x-forwarded-for", &address),
        ];
        let path = format!(
            "/live?after={}&epoch={}&view={view}",
            position.0, position.1
        );
        Socket::open(self.at, nth, &path, &headers).await
    }

    /// Everything that stands in a visitor's conversation, as he reads it: client
    /// ids by position.
    pub async fn lines(&self, nth: usize) -> Result<BTreeMap<i64, String>> {
        let mut post = self.post(nth).await?;
        let mut lines = BTreeMap::new();
        let mut path = "/w/v1/history".to_owned();
        for _ in 0..MOST_PAGES {
            let page = post.read(&path).await?;
            let messages = page["messages"].as_array();
            for it in messages.context("a history without messages")? {
                let id = it["id"].as_i64().context("a line without id")?;
                lines.insert(id, it["cid"].as_str().unwrap_or_default().to_owned());
            }
            match lines.keys().next() {
                Some(first) if page["more"] == true => {
                    path = format!("/w/v1/history?before={first}");
                }
                _ => break,
            }
        }
        Ok(lines)
    }

    /// The client ids under this prefix that the server has for a visitor, as
    /// he himself reads them; every one once.
    pub async fn history(&self, nth: usize, prefix: &str) -> Result<HashSet<String>> {
        let mut post = self.post(nth).await?;
        let mut found = HashSet::new();
        let mut path = "/w/v1/history".to_owned();
        for _ in 0..MOST_PAGES {
            let page = post.read(&path).await?;
            let messages = page["messages"]
                .as_array()
                .context("a history without messages")?;
            let ours = messages.iter().filter_map(|it| it["cid"].as_str());
            let before = found.len();
            for cid in ours.filter(|it| it.starts_with(prefix)) {
                ensure!(found.insert(cid.to_owned()), "{cid} is stored twice");
            }
            let first = messages.first().and_then(|it| it["id"].as_i64());
            match first {
                Some(first) if found.len() != before && page["more"] == true => {
                    path = format!("/w/v1/history?before={first}");
                }
                _ => break,
            }
        }
        Ok(found)
    }
}

impl Post {
    /// Sends one line and returns when the server has stored it.
    pub async fn send(&mut self, cid: &str, body: &str) -> Result<Value> {
        let reply = self.deliver(cid, body).await?.expect(201, "a message")?;
        Ok(serde_json::from_slice(&reply.body)?)
    }

    /// The same for a line that may have arrived before.
    pub async fn resend(&mut self, cid: &str, body: &str) -> Result<Value> {
        let reply = self.deliver(cid, body).await?;
        let status = if reply.status == 200 { 200 } else { 201 };
        let reply = reply.expect(status, "a message")?;
        Ok(serde_json::from_slice(&reply.body)?)
    }

    async fn deliver(&mut self, cid: &str, body: &str) -> Result<Reply> {
        let message = json!({
            "cid": cid,
            "body": body,
            "page": format!("{}/demo-shop", self.origin),
            "title": "Mugs & More",
            "device": { "kind": "site", "app": null, "version": null },
            "lang": "en",
        });
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("origin", &self.origin),
            ("x-forwarded-for", &self.address),
            ("content-type", "application/json"),
        ];
        let body = message.to_string();
        self.http
            .post("/w/v1/messages", &headers, body.as_bytes())
            .await
    }

    pub async fn read(&mut self, path: &str) -> Result<Value> {
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("origin", &self.origin),
            ("x-forwarded-for", &self.address),
        ];
        for _ in 0..MOST_REFUSALS {
            let reply = self.http.get(path, &headers).await?;
            if reply.status != 429 {
                return Ok(serde_json::from_slice(&reply.expect(200, path)?.body)?);
            }
            let wait = reply
                .header("retry-after")
                .and_then(|it| it.parse().ok())
                .unwrap_or(1);
            sleep(Duration::from_secs(wait).min(Duration::from_secs(5))).await;
        }
        anyhow::bail!("{path}: refused {MOST_REFUSALS} times")
    }
}

fn set_up_code(line: &str) -> Option<String> {
    let code = line.split("/setup?code=").nth(1)?;
    let end = code.find(|it: char| !it.is_ascii_alphanumeric() && it != '-' && it != '_');
    Some(code[..end.unwrap_or(code.len())].to_owned())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
