use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Deserialize;

use super::windows;
use crate::accounts::{Agent, Signed};
use crate::conversations::{self, Windows, view::Look};
use crate::error::{Error, Result};
use crate::kernel::{Actor, AgentId, ConversationKey, EmailAddress, May};
use crate::settings::letters;
use crate::web::{self, Ctx, Limits, Refusal, Routes, Who};

pub fn routes(routes: &mut Routes) {
    routes
        .post("/inbox/{conversation}/transcript", send)
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&letters::RATES);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendForm {
    email: String,
}

async fn send(
    Signed(agent, form): Signed<Agent, SendForm>,
    cx: Ctx,
    hall: Data<Windows>,
    key: Path<ConversationKey>,
) -> Result<HttpResponse> {
    let (now, by, key) = (cx.now(), agent.id, key.into_inner());
    let ordered = match address(&form.email, by, &cx.limits) {
        Ok(to) => {
            let (key, kit) = (key.clone(), cx.kit());
            let send = cx.db.write("transcripts.send", move |w| {
                let found = conversations::find_by_key(w, Actor::Agent(by), &key)?;
                super::send(w, now, by, found.id, &to, &kit.config)
            });
            send.await
        }
        Err(refused) => Err(refused),
    };
    let refused = match ordered {
        Ok(()) if cx.wants_json() => {
            return Ok(HttpResponse::Accepted().json(serde_json::json!({ "queued": true })));
        }
        Ok(()) => return Ok(web::see(format!("/inbox/{key}"))),
        Err(error) if cx.wants_json() => return Err(error),
        Err(error) => Refusal::of(error, agent.lang, "email")?,
    };
    let (kit, errors) = (cx.kit(), refused.errors.clone());
    let page = cx.db.browse(move |r| {
        let found = conversations::find_by_key(r, Actor::Agent(by), &key)?;
        let sheet = windows::sheet(r, &kit.config, &agent, &found, form.email, errors)?;
        let look = Look {
            sheet: Some((windows::SHEET, sheet)),
            ..Look::default()
        };
        conversations::http::again(r, &agent, &kit, &hall, &key, look)
    });
    refused.answer(&page.await?)
}

fn address(typed: &str, by: AgentId, limits: &Limits) -> Result<EmailAddress> {
    let to = EmailAddress::parse(typed)
        .ok_or_else(|| Error::invalid("email", |t| t.error_email_invalid().into()))?;
    letters::take(limits, by, to.as_str())?;
    Ok(to)
}
