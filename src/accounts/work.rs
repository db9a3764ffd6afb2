//! Mails with links by which an agent chooses a password. The link is made when
//! the mail goes out, not before, so that no secret waits in the queue; every
//! try makes a new one, which ends the one before.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pages::{MailInvite, MailInviteText, MailReset, MailResetText};
use super::{INVITE_LIVES, Purpose, RESET_LIVES};
use crate::config::Config;
use crate::db::{Db, Writer};
use crate::error::{Error, Result};
use crate::jobs::{self, Job, Kinds, Trouble};
use crate::kernel::{AgentId, Clock, EmailAddress, Timestamp, Token};
use crate::mail::{self, Mail};
use crate::settings::{self, Outgoing};
use crate::web::{self, Kit};

const KIND: &str = "accounts.mail_link";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Letter {
    Reset,
    Invite { by: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct MailLink {
    agent: AgentId,
    letter: Letter,
    shop: String,
}

pub fn order(
    w: &Writer,
    now: Timestamp,
    agent: AgentId,
    to: &EmailAddress,
    letter: Letter,
    shop: &str,
) -> Result<()> {
    let order = MailLink {
        agent,
        letter,
        shop: shop.to_owned(),
    };
    jobs::enqueue(w, now, KIND, to.as_str(), &order).map(|_| ())
}

pub fn add(kinds: &mut Kinds, kit: &Kit) {
    let (db, clock) = (kit.db.clone(), kit.clock.clone());
    let config = Arc::clone(&kit.config);
    let work = move |job| {
        let (db, clock, config) = (db.clone(), clock.clone(), Arc::clone(&config));
        let work = async move { send(db, clock, config, job).await };
        Box::pin(work) as jobs::Work
    };
    let kind = jobs::JobKind {
        lane: mail::LANE,
        at_once: mail::AT_ONCE,
        limit: mail::LIMIT,
        run: Box::new(work),
    };
    kinds.insert(KIND, kind);
}

async fn send(db: Db, clock: Clock, config: Arc<Config>, job: Job) -> Result<(), Trouble> {
    let order: MailLink =
        serde_json::from_str(&job.payload).map_err(|e| Trouble::Never(e.to_string()))?;
    let (now, public_url) = (clock.now(), config.public_url.clone());
    let made = db.write("accounts.make_link", move |w| {
        let Some(outgoing) = settings::outgoing(w, &config)? else {
            return Ok(None);
        };
        let agent = super::find(w, order.agent)?;
        if agent.deactivated_at.is_some() {
            return Err(Error::NotFound("agent"));
        }
        let purpose = match order.letter {
            Letter::Reset => Purpose::Reset,
            Letter::Invite { .. } => Purpose::Invite,
        };
        let token = super::make_link(w, now, order.agent, purpose)?;
        Ok(Some((outgoing, agent, token, order)))
    });
    let (outgoing, agent, token, order) = match made.await {
        Ok(Some(made)) => made,
        Ok(None) => return Err(mail::not_set_up()),
        Err(Error::NotFound(what)) => return Err(Trouble::Never(format!("no such {what}"))),
        Err(error) => return Err(Trouble::Later(error.to_string())),
    };
    let letter = write(&order, &agent, &token, &public_url.to_string())
        .map_err(|e| Trouble::Never(e.to_string()))?;
    let mail = letter.address(&outgoing, agent.email, &order.shop, job.id.0, now);
    mail::send(&outgoing.server, &mail).await?;
    Ok(())
}

struct Written {
    subject: String,
    html: String,
    text: String,
}

impl Written {
    fn address(
        self,
        outgoing: &Outgoing,
        to: EmailAddress,
        shop: &str,
        job: i64,
        now: Timestamp,
    ) -> Mail {
        let from_name = match outgoing.from_name.as_str() {
            "" => shop.to_owned(),
            name => name.to_owned(),
        };
        Mail {
            from_name,
            from: outgoing.from.clone(),
            to,
            subject: self.subject,
            text: self.text,
            html: self.html,
            id: format!("link-{job}-{now}"),
        }
    }
}

fn write(order: &MailLink, agent: &super::AgentView, token: &Token, url: &str) -> Result<Written> {
    let (t, name, shop_name) = (agent.lang, agent.name.clone(), order.shop.clone());
    let link = |page: &str| format!("{url}/{page}?token={}", token.reveal());
    match &order.letter {
        Letter::Reset => {
            let mail = MailReset {
                t,
                shop_name,
                name,
                link: link("reset"),
                minutes: RESET_LIVES / 60_000,
            };
            Ok(Written {
                subject: mail.subject(),
                html: web::fragment(&mail)?,
                text: web::fragment(&MailResetText { mail: &mail })?,
            })
        }
        Letter::Invite { by } => {
            let mail = MailInvite {
                t,
                shop_name,
                name,
                by: by.clone(),
                link: link("invite"),
                days: INVITE_LIVES / 86_400_000,
            };
            Ok(Written {
                subject: mail.subject(),
                html: web::fragment(&mail)?,
                text: web::fragment(&MailInviteText { mail: &mail })?,
            })
        }
    }
}
