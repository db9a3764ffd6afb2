//! Honest people: visitors and agents who write, read on open sockets, lose
//! their connection now and then, and come back.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, sleep, sleep_until};

use crate::forms::needed;
use crate::http::Http;
use crate::shop::Post;
use crate::socket::Socket;

use super::house::{Dice, House, Page, Phase, count};
use super::screen::{Heard, Screen, rows_of};

/// From one line of a visitor to his next, about.
const WRITES: Duration = Duration::from_secs(3);
const ANSWERS: Duration = Duration::from_secs(2);
/// A connection lives about so long; then the telephone is in a tunnel.
const CONNECTED: Duration = Duration::from_secs(25);
const AWAY: Duration = Duration::from_millis(800);
/// Idle connections are kept for less than a server's patience with them.
const FRESH: Duration = Duration::from_secs(2);
/// An agent looks at a conversation about so long before he opens another.
const LOOKS: Duration = Duration::from_secs(40);
const WORDS: &str =
    "Is the blue one still there? I would take two of them, if you have them <today>.";
const ANSWER: &str = "Yes & no: one is here, the other comes on Thursday.";

/// What came of listening on one socket.
enum Ended {
    /// The connection broke, or was broken: on with the same page.
    Lost,
    /// Told to draw the page afresh, or wanting another.
    Afresh,
}

/// Reads until the connection is to end.
async fn listen(house: &House, socket: &mut Socket, page: &Page, until: Instant) -> Ended {
    let mut phase = house.phase.subscribe();
    loop {
        // With the writing over, nobody goes away any more.
        let settling = *phase.borrow() == Phase::Settling;
        tokio::select! {
            frame = socket.next() => match frame {
                Ok(frame) => if page.borrow_mut().hear(&frame) == Heard::Reload {
                    count(&house.counts.reloads);
                    return Ended::Afresh;
                },
                Err(_) => return Ended::Lost,
            },
            () = sleep_until(until), if !settling => return Ended::Lost,
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Over {
                    return Ended::Lost;
                }
            }
        }
    }
}

/// Whose page it is, and of which conversation.
#[derive(Clone, Copy)]
enum Reader {
    Visitor { nth: usize },
    Agent { nth: usize, looks_at: usize },
}

impl Reader {
    fn name(self) -> String {
        match self {
            Self::Visitor { nth } => format!("visitor {nth}"),
            Self::Agent { nth, .. } => format!("agent {nth}"),
        }
    }

    async fn draw(self, house: &House) -> Result<Screen> {
        match self {
            Self::Visitor { nth } => draw_visitors(house, nth).await,
            Self::Agent { nth, looks_at } => draw_agents(house, nth, looks_at).await,
        }
    }

    /// A socket that goes on from there, and its greeting.
    async fn connect(self, house: &House, place: (i64, String)) -> Result<(Socket, String)> {
        match self {
            Self::Visitor { nth } => {
                let (position, epoch) = place;
                house.shop.visitor_greeted(nth, &epoch, position).await
            }
            Self::Agent { nth, looks_at } => {
                let key = &house.keys[looks_at];
                let mut socket = house.shop.agent_view(nth, &place, key).await?;
                let greeting = socket.until("\"t\":\"").await?;
                Ok((socket, greeting.to_string()))
            }
        }
    }
}

/// One connection of a page, from its opening to its end; the page to go on with.
async fn stay(house: &House, reader: Reader, page: Option<Page>, dice: &mut Dice) -> Option<Page> {
    let was_open = house.is_open();
    match open(house, reader, page).await {
        Ok((mut socket, shown)) => {
            count(&house.counts.sockets);
            let until = Instant::now() + dice.about(CONNECTED);
            let ended = listen(house, &mut socket, &shown, until).await;
            drop(socket);
            sleep(dice.about(AWAY)).await;
            match ended {
                Ended::Lost => Some(shown),
                Ended::Afresh => None,
            }
        }
        Err((error, old)) => {
            let name = reader.name();
            house.complain(was_open, format!("{name} could not connect: {error:#}"));
            sleep(Duration::from_millis(200)).await;
            old
        }
    }
}

async fn open(
    house: &House,
    reader: Reader,
    page: Option<Page>,
) -> Result<(Socket, Page), (anyhow::Error, Option<Page>)> {
    let page = match page {
        Some(page) => page,
        None => match reader.draw(house).await {
            Ok(screen) => house.show(&reader.name(), screen),
            Err(error) => return Err((error, None)),
        },
    };
    let place = page.borrow().place();
    match reader.connect(house, place).await {
        Ok((socket, greeting)) => {
            if page.borrow_mut().hear(&greeting) == Heard::Reload {
                count(&house.counts.reloads);
                return Box::pin(open(house, reader, None)).await;
            }
            Ok((socket, page))
        }
        Err(error) => Err((error, Some(page))),
    }
}

/// A visitor's page, as long as the soak lasts.
pub async fn visit(house: Rc<House>, nth: usize) {
    let mut dice = Dice::new(1_000 + nth as u64);
    let mut page: Option<Page> = None;
    while house.opens().await {
        page = stay(&house, Reader::Visitor { nth }, page, &mut dice).await;
    }
}

/// One line, again and again until it is taken. None where the soak ends before.
async fn insist<T>(
    house: &House,
    name: &str,
    mut send: impl AsyncFnMut() -> Result<T>,
) -> Option<T> {
    let mut tries = 0;
    let mut taken = None;
    while taken.is_none() && house.opens().await {
        let was_open = house.is_open();
        tries += 1;
        match send().await {
            Ok(it) => taken = Some(it),
            Err(error) => {
                house.complain(was_open, format!("{name} could not write: {error:#}"));
                sleep(Duration::from_millis(300)).await;
            }
        }
    }
    if tries > 1 {
        count(&house.counts.sent_again);
    }
    taken
}

async fn draw_visitors(house: &House, nth: usize) -> Result<Screen> {
    let mut post = house.shop.post(nth).await?;
    let history = post.read("/w/v1/history").await?;
    let messages = history["messages"].as_array().context("no history")?;
    let row = |it: &serde_json::Value| {
        Some((
            it["id"].as_i64()?,
            it["cid"].as_str().unwrap_or_default().to_owned(),
        ))
    };
    let rows = messages.iter().filter_map(row).collect();
    let seq = history["seq"].as_i64().context("a history without seq")?;
    let epoch = history["epoch"]
        .as_str()
        .context("a history without epoch")?;
    let more = history["more"] == true;
    Ok(Screen::drawn(nth, rows, more, (seq, epoch.to_owned())))
}

/// The visitor's outbox: one line after the other, each until it is taken.
pub async fn write(house: Rc<House>, nth: usize) {
    let owner = format!("visitor {nth}");
    let mut dice = Dice::new(2_000 + nth as u64);
    let mut post: Option<Line> = None;
    let mut line = 0;
    house.pause(dice.about(WRITES)).await;
    while house.may_write().await {
        line += 1;
        let cid = format!("soak-v{nth}-{line:06}");
        let taken = insist(&house, &owner, async || {
            let sent = send(&house, nth, &mut post, &cid).await;
            if sent.is_err() {
                post = None;
            }
            sent
        });
        if let Some(id) = taken.await {
            house.acknowledge(&cid, nth);
            if let Some(page) = house.open.borrow().get(&owner) {
                page.borrow_mut().put(id, &cid);
            }
            count(&house.counts.visitors_lines);
        }
        house.pause(dice.about(WRITES)).await;
    }
}

/// A connection to write on, and when it was last used in which life.
struct Line {
    post: Post,
    used: Instant,
    life: usize,
}

async fn send(house: &House, nth: usize, line: &mut Option<Line>, cid: &str) -> Result<i64> {
    // A browser writes on a connection of long ago only if it can do it again.
    let fresh = |it: &Line| it.used.elapsed() < FRESH && it.life == house.lives.get();
    let post = match line.take().filter(fresh) {
        Some(line) => line.post,
        None => house.shop.post(nth).await?,
    };
    let line = line.insert(Line {
        post,
        used: Instant::now(),
        life: house.lives.get(),
    });
    let said = line.post.resend(cid, WORDS).await?;
    line.used = Instant::now();
    ensure!(
        said["message"]["cid"] == cid,
        "another line came back: {said}"
    );
    said["message"]["id"].as_i64().context("a line without id")
}

/// An agent's page on one conversation after another.
pub async fn attend(house: Rc<House>, nth: usize) {
    let mut dice = Dice::new(3_000 + nth as u64);
    let mut page: Option<Page> = None;
    let mut leaves = Instant::now() + dice.about(LOOKS);
    // At first his own conversation, the one he answers in.
    let mut looks_at = nth;
    while house.opens().await {
        if house.phase() == Phase::Open && leaves < Instant::now() {
            looks_at = dice.below(house.keys.len() as u64) as usize;
            leaves = Instant::now() + dice.about(LOOKS);
            page = None;
        }
        page = stay(&house, Reader::Agent { nth, looks_at }, page, &mut dice).await;
    }
}

async fn draw_agents(house: &House, nth: usize, conversation: usize) -> Result<Screen> {
    let path = format!("/inbox/{}", house.keys[conversation]);
    let mut http = Http::open(house.shop.at).await?;
    let mut browser = house.shop.browser(nth)?;
    let page = browser
        .get(&mut http, &path)
        .await?
        .expect(200, &path)?
        .text();
    let place = (
        needed(&page, "data-seq")?.parse()?,
        needed(&page, "data-epoch")?,
    );
    let more = page.contains("data-earlier");
    Ok(Screen::drawn(conversation, rows_of(&page), more, place))
}

/// An agent answers in his own conversation.
pub async fn answer(house: Rc<House>, nth: usize) {
    let owner = format!("agent {nth}");
    let mut dice = Dice::new(4_000 + nth as u64);
    let path = format!("/inbox/{}/messages", house.keys[nth]);
    let mut line = 0;
    let mut joined = false;
    house.pause(dice.about(ANSWERS)).await;
    while house.may_write().await {
        if !joined {
            let join = format!("/inbox/{}/join", house.keys[nth]);
            let was_open = house.is_open();
            match house.shop.agent_sends(nth, &join, &[]).await {
                Ok(_) => joined = true,
                Err(error) => {
                    house.complain(was_open, format!("{owner} could not join: {error:#}"))
                }
            }
            house.pause(Duration::from_millis(300)).await;
            continue;
        }
        line += 1;
        let cid = format!("soak-a{nth}-{line:06}");
        let fields = [("cid", cid.as_str()), ("body", ANSWER)];
        let sent = async || house.shop.agent_sends(nth, &path, &fields).await;
        if insist(&house, &owner, sent).await.is_some() {
            house.acknowledge(&cid, nth);
            count(&house.counts.agents_lines);
        }
        house.pause(dice.about(ANSWERS)).await;
    }
}
