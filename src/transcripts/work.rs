//! Writes and sends a transcript. What it says is read when it goes out, so a
//! mail that waited for its server carries what was said meanwhile, too.

use std::sync::Arc;

use super::pages::{Line, MailTranscript, MailTranscriptText};
use super::{KIND, Transcript};
use crate::config::Config;
use crate::conversations::{self, Kind, Windows};
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::jobs::{self, Job, Kinds, Trouble};
use crate::kernel::{Actor, Clock, EmailAddress, Seq, iso_in, with_hosts};
use crate::mail::{self, Mail};
use crate::settings::{self, Outgoing};
use crate::texts::Lang;
use crate::web::{self, Kit};
use crate::{sites, visitors};

/// Lines in one mail; the oldest go first.
const LONGEST: usize = 2000;

pub fn add(kinds: &mut Kinds, kit: &Kit, windows: &Arc<Windows>) {
    let (db, clock) = (kit.db.clone(), kit.clock.clone());
    let (config, windows) = (Arc::clone(&kit.config), Arc::clone(windows));
    let work = move |job| {
        let (db, clock) = (db.clone(), clock.clone());
        let (config, windows) = (Arc::clone(&config), Arc::clone(&windows));
        Box::pin(async move { send(db, clock, config, windows, job).await }) as jobs::Work
    };
    let kind = jobs::JobKind {
        lane: mail::LANE,
        // One place is left for the letters that let agents in.
        at_once: mail::AT_ONCE - 1,
        limit: mail::LIMIT,
        run: Box::new(work),
    };
    kinds.insert(KIND, kind);
}

/// Whoever asked for it reads in the conversation what became of it.
async fn send(
    db: Db,
    clock: Clock,
    config: Arc<Config>,
    windows: Arc<Windows>,
    job: Job,
) -> Result<(), Trouble> {
    let order: Transcript =
        serde_json::from_str(&job.payload).map_err(|e| Trouble::Never(e.to_string()))?;
    let (conversation, last) = (order.conversation, job.is_last_try());
    let sent = deliver(&db, config, windows, order, job).await;
    let refused = match &sent {
        Ok(()) => None,
        Err(Trouble::Later(_)) if !last => return sent,
        Err(Trouble::Later(why) | Trouble::Never(why)) => Some(why.clone()),
    };
    let now = clock.now();
    let note = db.write("transcripts.settle", move |w| {
        super::settle(w, now, conversation, refused.as_deref())
    });
    // A mail that is out is not sent again for the sake of a line.
    if let Err(error) = note.await {
        tracing::warn!(%error, "could not note what became of a transcript: {error}");
    }
    sent
}

async fn deliver(
    db: &Db,
    config: Arc<Config>,
    windows: Arc<Windows>,
    order: Transcript,
    job: Job,
) -> Result<(), Trouble> {
    let to = EmailAddress::parse(&order.to)
        .ok_or_else(|| Trouble::Never("the address is no longer valid".into()))?;
    let read = db.browse(move |r| {
        let outgoing = settings::outgoing(r, &config)?;
        Ok((outgoing, write(r, &windows, &order)?))
    });
    let (outgoing, letter) = match read.await {
        Ok((Some(outgoing), letter)) => (outgoing, letter),
        Ok((None, _)) => return Err(mail::not_set_up()),
        Err(Error::NotFound(what)) => return Err(Trouble::Never(format!("no such {what}"))),
        Err(error) => return Err(Trouble::Later(error.to_string())),
    };
    let mail = compose(&outgoing, to, &letter, &job).map_err(|e| Trouble::Never(e.to_string()))?;
    mail::send(&outgoing.server, &mail).await?;
    Ok(())
}

fn write(r: &Reader, windows: &Windows, order: &Transcript) -> Result<MailTranscript> {
    let found = conversations::find(r, Actor::House, order.conversation)?;
    let site = sites::find(r, found.site)?;
    let visitor = visitors::find(r, found.visitor)?;
    let t = Lang::from_code(&visitor.lang).unwrap_or(site.lang);
    let mut lines = conversations::list_shared(r, found.id, Seq(0), LONGEST + 1)?;
    let cut = LONGEST < lines.len();
    lines.truncate(LONGEST);
    let name = visitors::name(visitor.number, t);
    let line = |it: conversations::Message| {
        let mut pieces = windows.mailed(&it, t)?;
        for piece in &mut pieces {
            piece.text = with_hosts(&piece.text);
        }
        Ok(Line {
            shop: it.kind == Kind::Agent,
            at: iso_in(it.at, &site.zone, t.mail_time_pattern()),
            body: with_hosts(&it.body),
            who: it.agent_name.unwrap_or_else(|| name.clone()),
            pieces,
        })
    };
    Ok(MailTranscript {
        t,
        date: iso_in(found.created_at, &site.zone, t.mail_date_pattern()),
        zone: site.zone.replace('_', " "),
        lines: lines.into_iter().map(line).collect::<Result<_>>()?,
        shop_name: site.name,
        cut,
    })
}

fn compose(
    outgoing: &Outgoing,
    to: EmailAddress,
    letter: &MailTranscript,
    job: &Job,
) -> Result<Mail> {
    Ok(Mail {
        from_name: match outgoing.from_name.as_str() {
            "" => letter.shop_name.clone(),
            name => name.to_owned(),
        },
        from: outgoing.from.clone(),
        to,
        subject: letter.subject(),
        text: web::fragment(&MailTranscriptText { mail: letter })?,
        html: web::fragment(letter)?,
        // The same for every try, so that a mail taken twice can be recognised.
        id: format!("transcript-{}-{}", job.id, job.created_at),
    })
}
