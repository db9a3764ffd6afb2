//! What a page is told that opens a socket: that it is there, and what it missed.

use serde::Deserialize;

use super::batch::{Listening, Live};
use super::draw::draw;
use super::protocol::{Control, bundle, frame, looking};
use crate::db::Reader;
use crate::error::Result;
use crate::hub::{Frame, News, Seat};
use crate::journal::{self, Fact};
use crate::kernel::{Seq, Subject};

/// The page is to fetch a region of it afresh.
pub fn reload(region: &str) -> Frame {
    frame(&Control::Reload { region })
}

/// What a page knows already.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Resume {
    #[serde(default)]
    pub after: Seq,
    /// None where it does not say: then it is taken for the one of today.
    #[serde(default)]
    pub epoch: Option<String>,
}

/// Which facts a page could have missed.
pub enum Missed<'a> {
    All,
    About(&'a [Subject]),
}

/// `region`: what the page fetches afresh where what it missed cannot be told.
pub fn greet(
    r: &Reader,
    live: &Live,
    seat: &Seat,
    resume: &Resume,
    joined_at: Seq,
    missed: &Missed,
    region: &str,
) -> Result<Vec<Frame>> {
    let epoch = journal::epoch(r)?;
    let facts = replay(r, &epoch, resume, joined_at, missed)?;
    let Some(facts) = facts else {
        return Ok(vec![reload(region)]);
    };
    let news = drawn(r, live, seat, &facts)?;
    let (seq, missed) = (joined_at, news.len());
    let epoch = &epoch;
    let mut frames = vec![frame(&Control::Welcome { seq, epoch, missed })];
    if missed != 0 {
        let texts: Vec<&str> = news.iter().map(|it| it.text.as_str()).collect();
        frames.push(bundle(&texts));
    }
    Ok(frames)
}

/// What a page is told that looks elsewhere: what it missed there since that was drawn.
/// In a frame of its own, because none of it says how far its other news has come.
pub fn show(
    r: &Reader,
    live: &Live,
    seat: &Seat,
    resume: &Resume,
    looks_since: Seq,
    at: &str,
) -> Result<Frame> {
    let epoch = journal::epoch(r)?;
    let Some(facts) = replay(r, &epoch, resume, looks_since, &Missed::All)? else {
        return Ok(reload("thread"));
    };
    let news = drawn(r, live, seat, &facts)?;
    let texts: Vec<&str> = news.iter().map(|it| it.text.as_str()).collect();
    Ok(looking(at, &texts))
}

/// `None` where it cannot be told, or is too much.
fn replay(
    r: &Reader,
    epoch: &str,
    resume: &Resume,
    joined_at: Seq,
    missed: &Missed,
) -> Result<Option<Vec<Fact>>> {
    let same = resume.epoch.as_ref().is_none_or(|it| it == epoch);
    match (missed, same) {
        (Missed::About([]), _) => Ok(Some(Vec::new())),
        (_, false) => Ok(None),
        (Missed::All, true) => journal::missed(r, resume.after, joined_at),
        (Missed::About(subjects), true) => {
            journal::missed_about(r, subjects, resume.after, joined_at)
        }
    }
}

/// It has just been asked what it may.
fn drawn(r: &Reader, live: &Live, seat: &Seat, facts: &[Fact]) -> Result<Vec<News>> {
    let mut news = draw(r, live, facts, Listening::Page(seat))?.news;
    news.retain(|it| seat.is_told(&it.audience));
    news.sort_by_key(|it| it.seq);
    Ok(news)
}
