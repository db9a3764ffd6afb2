//! The form of it on one's own page, and the fold of the side menu.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use super::NewDress;
use crate::accounts::desk::http::me_again;
use crate::accounts::pages::Look;
use crate::accounts::{Agent, Signed};
use crate::db::Reader;
use crate::error::Result;
use crate::kernel::Dress;
use crate::web::{Ctx, Held, Refusal, Routes, Who, offers_zone};

pub fn routes(routes: &mut Routes) {
    routes.post("/me/look", save).who(Who::Agent);
    routes.post("/me/menu", fold).who(Who::Agent);
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookForm {
    theme: String,
    menu: String,
    size: String,
    spacing: String,
    /// Empty for that of the device.
    zone: String,
}

impl LookForm {
    fn of(dress: Dress) -> Self {
        Self {
            theme: dress.theme.to_owned(),
            menu: dress.menu.to_owned(),
            size: dress.size.to_owned(),
            spacing: dress.spacing.to_owned(),
            zone: dress.zone,
        }
    }

    /// What was chosen, on the page once more.
    fn put(self, look: &mut Look) {
        look.theme = self.theme;
        look.menu = self.menu;
        look.size = self.size;
        look.spacing = self.spacing;
        // What is no choice cannot be chosen again.
        if self.zone.is_empty() || offers_zone(&look.zones, &self.zone) {
            look.zone = self.zone;
        }
    }
}

async fn save(Signed(agent, form): Signed<Agent, LookForm>, cx: Ctx) -> Result<HttpResponse> {
    let by = agent.id;
    let undoing = cx.undoing(by, &form);
    let sent = form.clone();
    let save = cx.db.write("accounts.look", move |w| {
        let read = |r: &Reader| Ok(Some(Held::of(&LookForm::of(super::find(r, by)?))));
        let new = NewDress {
            theme: &sent.theme,
            menu: &sent.menu,
            size: &sent.size,
            spacing: &sent.spacing,
            zone: &sent.zone,
        };
        undoing.save(w, read, |w| super::save(w, by, &new))
    });
    match save.await {
        Ok(((), change)) => Ok(cx.saved(by, "/me".to_owned(), "/me/look".to_owned(), change)),
        Err(error) => {
            let refused = Refusal::of(error, agent.lang, "zone")?;
            let mut page = me_again(&cx, agent).await?;
            if !cx.undoes() {
                form.put(&mut page.look);
            }
            page.look.errors.clone_from(&refused.errors);
            refused.answer(&page)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FoldForm {
    folded: bool,
}

async fn fold(Signed(agent, form): Signed<Agent, FoldForm>, cx: Ctx) -> Result<HttpResponse> {
    let by = agent.id;
    let save = cx
        .db
        .write("accounts.fold", move |w| super::fold(w, by, form.folded));
    save.await?;
    Ok(HttpResponse::NoContent().finish())
}
