//! The sheet's one door: what is ticked and no longer ticked, and a new tag. A page
//! without scripts sends all boxes, and which of them were ticked when it was drawn;
//! a script sends what has just been pressed.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use serde_json::json;

use super::pages::Choice;
use super::windows::{self, Boxes, Typed};
use super::{Tag, TagId, Wish};
use crate::accounts::{Agent, Signed};
use crate::conversations::http::{DEEDS, count_deed};
use crate::conversations::{self, Windows, view::Look};
use crate::error::Result;
use crate::kernel::{Actor, ConversationKey, May};
use crate::web::{self, Ctx, Refusal, Routes, Who};

pub fn routes(routes: &mut Routes) {
    routes
        .post("/inbox/{conversation}/tags", change)
        .who(Who::Agent)
        .needs(May::Customers)
        .counts(&[DEEDS]);
    super::keeping::http::routes(routes);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeForm {
    /// Ticked.
    #[serde(default)]
    tags: Vec<TagId>,
    /// Ticked before.
    #[serde(default)]
    had: Vec<TagId>,
    /// The name of one to make, or of one there is.
    #[serde(default)]
    new_tag: String,
}

impl ChangeForm {
    fn wish(&self) -> Wish {
        Wish {
            give: web::without(&self.tags, &self.had),
            take: web::without(&self.had, &self.tags),
        }
    }
}

async fn change(
    Signed(agent, form): Signed<Agent, ChangeForm>,
    cx: Ctx,
    hall: Data<Windows>,
    key: Path<ConversationKey>,
) -> Result<HttpResponse> {
    let (now, by, key) = (cx.now(), Actor::Agent(agent.id), key.into_inner());
    let (wish, name, to) = (form.wish(), form.new_tag.clone(), key.clone());
    let counted = count_deed(&cx, &agent, &key);
    let change = cx.db.write("tags.change", move |w| {
        let found = conversations::find_by_key(w, by, &to)?;
        super::change(w, now, by, found.id, &wish)?;
        match name.trim().is_empty() {
            true => Ok(None),
            false => super::give_named(w, now, by, found.id, &name).map(Some),
        }
    });
    let changed = match counted {
        Ok(()) => change.await,
        Err(refused) => Err(refused),
    };
    let refused = match changed {
        Ok(made) if cx.wants_json() => return answer(made.as_ref(), &agent),
        Ok(_) => return Ok(web::see(format!("/inbox/{key}"))),
        Err(error) if cx.wants_json() => return Err(error),
        Err(error) => Refusal::of(error, agent.lang, "tags")?,
    };
    let (kit, errors) = (cx.kit(), refused.errors.clone());
    let typed = Typed {
        new_tag: form.new_tag,
        boxes: Some(Boxes {
            ticked: form.tags,
            had: form.had,
        }),
    };
    let page = cx.db.browse(move |r| {
        let found = conversations::find_by_key(r, by, &key)?;
        let sheet = windows::sheet(r, &agent, &found, &typed, errors)?;
        let look = Look {
            sheet: Some((windows::SHEET, sheet)),
            ..Look::default()
        };
        conversations::http::again(r, &agent, &kit, &hall, &key, look)
    });
    refused.answer(&page.await?)
}

/// The box of a new tag as the news of it would bring it.
fn answer(made: Option<&Tag>, agent: &Agent) -> Result<HttpResponse> {
    let Some(tag) = made else {
        return Ok(HttpResponse::Ok().json(json!({ "done": true })));
    };
    let html = web::fragment(&Choice::of(tag, true, agent.lang))?;
    let item = json!({
        "op": "put",
        "list": "tags",
        "id": format!("tag-{}", tag.id.0),
        "html": html,
    });
    Ok(HttpResponse::Ok().json(json!({ "done": true, "tag": tag.id, "item": item })))
}
