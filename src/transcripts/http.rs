use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use crate::accounts::{Agent, Signed};
use crate::config::Config;
use crate::conversations;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::kernel::{Actor, Clock, ConversationKey, EmailAddress};
use crate::web::{self, Limit, Limits, Routes, Who};

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
    key: Path<ConversationKey>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let to = EmailAddress::parse(&form.email).ok_or(Error::Invalid {
        field: "email",
        say: |t| t.error_email_invalid().into(),
    })?;
    limits.take(Limit::Transcript(to.as_str()))?;
    let (now, by, key) = (clock.now(), agent.id, key.into_inner());
    let back = format!("/inbox/{key}");
    let config = Arc::clone(&config);
    let send = db.write("transcripts.send", move |w| {
        let found = conversations::find_by_key(w, Actor::Agent(by), &key)?;
        super::send(w, now, by, found.id, &to, &config)
    });
    send.await?;
    match web::wants_json(&request) {
        true => Ok(HttpResponse::Accepted().json(serde_json::json!({ "queued": true }))),
        false => Ok(web::see(back)),
    }
}
