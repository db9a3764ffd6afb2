use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::windows;
use crate::accounts::{Agent, Signed};
use crate::config::Config;
use crate::conversations::{self, Windows, view::Look};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::kernel::{Actor, AgentId, Clock, ConversationKey, EmailAddress, May};
use crate::web::pages::Errors;
use crate::web::{self, Around, Limits, Routes, Who};

pub fn routes(routes: &mut Routes) {
    routes.post("/inbox/{conversation}/transcript", Who::Agent, send);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendForm {
    email: String,
}

#[allow(clippy::too_many_arguments)]
async fn send(
    Signed(agent, form): Signed<Agent, SendForm>,
    db: Data<Db>,
    clock: Data<Clock>,
    config: Data<Config>,
    limits: Data<Limits>,
    around: Data<Around>,
    hall: Data<Windows>,
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    agent.needs(May::Customers)?;
    let (now, by, key) = (clock.now(), agent.id, key.into_inner());
    let ordered = match address(&form.email, by, &limits) {
        Ok(to) => {
            let (key, config) = (key.clone(), Arc::clone(&config));
            let send = db.write("transcripts.send", move |w| {
                let found = conversations::find_by_key(w, Actor::Agent(by), &key)?;
                super::send(w, now, by, found.id, &to, &config)
            });
            send.await
        }
        Err(refused) => Err(refused),
    };
    let json = web::wants_json(&request);
    let (errors, wait) = match ordered {
        Ok(()) if json => {
            return Ok(HttpResponse::Accepted().json(serde_json::json!({ "queued": true })));
        }
        Ok(()) => return Ok(web::see(format!("/inbox/{key}"))),
        Err(Error::Invalid { field, say }) if !json => (Errors::one(field, say(agent.lang)), None),
        Err(Error::TooMany { retry_after }) if !json => {
            let words = web::wait_words(agent.lang, retry_after);
            (Errors::one("email", words), Some(retry_after))
        }
        Err(refused) => return Err(refused),
    };
    let page = db.browse(move |r| {
        let found = conversations::find_by_key(r, Actor::Agent(by), &key)?;
        let sheet = windows::sheet(r, &config, &agent, &found, form.email, errors)?;
        let look = Look {
            sheet: Some((windows::SHEET, sheet)),
            ..Look::default()
        };
        conversations::http::again(r, &agent, &around, &hall, &key, look)
    });
    match wait {
        Some(seconds) => web::page_to_wait(&page.await?, seconds),
        None => web::page_to_mend(&page.await?),
    }
}

fn address(typed: &str, by: AgentId, limits: &Limits) -> Result<EmailAddress> {
    let to = EmailAddress::parse(typed).ok_or(Error::Invalid {
        field: "email",
        say: |t| t.error_email_invalid().into(),
    })?;
    limits.take_letter(by, to.as_str())?;
    Ok(to)
}
