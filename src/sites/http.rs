use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::pages::Edit;
use super::{NewLook, Site, contrast, csp_lines, embed_code, text_on};
use crate::accounts::{Admin, Agent, Signed};
use crate::config::Config;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::kernel::{Actor, Clock};
use crate::texts::Lang;
use crate::web::pages::{Errors, Shell};
use crate::web::{self, Area, Around, Routes, Section, Who};

/// Leads to the first of them.
pub const SETTINGS: Area = Area {
    key: "settings",
    href: "/settings",
    icon: "gear",
    section: Section::Main,
    label: Lang::common_nav_settings,
    who: Who::Admin,
    count: None,
};

pub const SITE: Area = Area {
    key: "settings/site",
    href: "/settings/site",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_site_tab,
    who: Who::Admin,
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings", Who::Agent, settings);
    routes.get("/settings/site", Who::Admin, edit);
    routes.post("/settings/site", Who::Admin, save);
}

async fn settings(agent: Agent, around: Data<Around>) -> HttpResponse {
    let first = around.settings(agent.role.may_administer());
    web::see(first.unwrap_or("/me"))
}

#[derive(Deserialize)]
struct Saved {
    #[serde(default)]
    saved: String,
}

async fn edit(
    admin: Admin,
    db: Data<Db>,
    config: Data<Config>,
    around: Data<Around>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let query: Saved = web::parse_query(request.query_string())?;
    let config = Arc::clone(&config);
    let page = db.browse(move |r| {
        let shell = admin.shell(r, &around, "settings/site", "")?;
        Ok(draw(&super::first(r)?, shell, &config))
    });
    let mut page = page.await?;
    page.saved = !query.saved.is_empty();
    web::page(&page)
}

fn draw(site: &Site, shell: Shell, config: &Config) -> Edit {
    let origins: Vec<&str> = site.origins.iter().map(|it| it.as_str()).collect();
    let on_color = text_on(&site.color);
    Edit {
        t: shell.t,
        shell,
        embed: embed_code(site, &config.public_url),
        csp: csp_lines(&config.public_url),
        shop: site.name.clone(),
        origins: origins.join("\n"),
        color: site.color.clone(),
        on_color: on_color.to_owned(),
        contrast: format!("{:.1}", contrast(&site.color, on_color)),
        position: site.position.clone(),
        foot: site.foot.to_string(),
        lang: site.lang.code().to_owned(),
        zone: site.zone.clone(),
        typing_preview: site.typing_preview_switch(),
        strict_privacy: site.strict_privacy,
        demo_shop: site.demo_shop,
        errors: Errors::default(),
        saved: false,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteForm {
    shop: String,
    #[serde(default)]
    origins: String,
    color: String,
    position: String,
    #[serde(default)]
    foot: String,
    lang: String,
    zone: String,
    #[serde(default)]
    typing_preview: Option<String>,
    #[serde(default)]
    strict_privacy: Option<String>,
    #[serde(default)]
    demo_shop: Option<String>,
}

async fn save(
    Signed(admin, form): Signed<Admin, SiteForm>,
    db: Data<Db>,
    hub: Data<Hub>,
    clock: Data<Clock>,
    config: Data<Config>,
    around: Data<Around>,
) -> Result<HttpResponse> {
    let look = NewLook {
        name: form.shop.clone(),
        origins: form.origins.clone(),
        color: form.color.clone(),
        position: form.position.clone(),
        foot: form.foot.clone(),
        lang: Lang::from_code(&form.lang)
            .ok_or(Error::Malformed("lang: en, fr, tr or ru".into()))?,
        zone: form.zone.trim().to_owned(),
        typing_preview: form.typing_preview.is_some(),
        strict_privacy: form.strict_privacy.is_some(),
        demo_shop: form.demo_shop.is_some(),
    };
    let (now, by) = (clock.now(), Actor::Agent(admin.id));
    let save = db.write("sites.save", move |w| {
        let site = super::first(w)?;
        super::save(w, now, by, site.id, &look)
    });
    match save.await {
        Ok(()) => {
            // Open chats ask again what holds now: previews may have ended.
            hub.renew_visitors();
            Ok(web::see("/settings/site?saved=1"))
        }
        Err(Error::Invalid { field, say }) => {
            let t = admin.lang;
            let config = Arc::clone(&config);
            let page = db.browse(move |r| {
                let shell = admin.shell(r, &around, "settings/site", "")?;
                Ok(draw(&super::first(r)?, shell, &config))
            });
            let mut page = page.await?;
            page.shop = form.shop;
            page.origins = form.origins;
            page.color = form.color;
            page.position = form.position;
            page.foot = form.foot;
            page.lang = form.lang;
            page.zone = form.zone;
            page.typing_preview = form.typing_preview.is_some();
            page.strict_privacy = form.strict_privacy.is_some();
            page.demo_shop = form.demo_shop.is_some();
            page.errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(error) => Err(error),
    }
}
