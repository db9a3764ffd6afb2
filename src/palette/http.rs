//! One address: a page of its own, and the part of it that the palette shows.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;

use super::pages::{Found, Hits};
use super::{Finds, MOST};
use crate::accounts::Agent;
use crate::error::Result;
use crate::web::pages::Errors;
use crate::web::{self, Ctx, Key, MINUTE, Rate, Refusal, Routes, Sought, Who};

/// By one agent: as fast as anybody types, with a short pause for each answer.
const FIND: Rate = Rate::new("palette.find", 240, MINUTE).at_once(60);

pub fn routes(routes: &mut Routes) {
    routes.get("/find", find).who(Who::Agent).counts(&[FIND]);
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    q: String,
    /// `hits`: without the page around them.
    #[serde(default)]
    part: String,
}

async fn find(agent: Agent, cx: Ctx, finds: Data<Finds>) -> Result<HttpResponse> {
    let asked: Query = cx.query()?;
    let sought = Sought::new(&asked.q, agent.lang, MOST + 1);
    let (kit, part, t) = (cx.kit(), asked.part == "hits", agent.lang);
    let free = cx.limits.take(FIND, Key::Name(agent.id.to_string()));
    if part {
        free?;
        let hits = cx.db.browse(move |r| {
            let groups = super::find(r, &agent, &kit.around, &finds, &sought)?;
            Ok(Hits::of(groups, &sought))
        });
        return web::page(&hits.await?);
    }
    let refused = match free {
        Ok(()) => None,
        Err(error) => Some(Refusal::of(error, t, "q")?),
    };
    let errors = refused.as_ref().map(|it| it.errors.clone());
    let page = cx.db.browse(move |r| {
        let shell = agent.shell(r, &kit.around, "find", "")?;
        let groups = match &errors {
            None => super::find(r, &agent, &kit.around, &finds, &sought)?,
            Some(_) => Vec::new(),
        };
        Ok(Found {
            t: shell.t,
            shell,
            q: sought.typed.clone(),
            hits: errors.is_none().then(|| Hits::of(groups, &sought)),
            errors: errors.unwrap_or_else(Errors::default),
        })
    });
    match refused {
        None => web::page(&page.await?),
        Some(refused) => refused.answer(&page.await?),
    }
}
