use std::sync::Arc;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::pages::{Edit, SiteMember, SiteRow, Sites};
use super::{NewLook, Site, contrast, csp_lines, embed_code, text_on};
use crate::accounts::{self, Admin, Agent, Role, Signed, team};
use crate::config::Config;
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::hub::{Closing, Hub};
use crate::kernel::{Actor, AgentId, Clock};
use crate::texts::Lang;
use crate::web::pages::Errors;
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
    key: "settings/sites",
    href: "/settings/site",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_site_tab,
    who: Who::Admin,
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings", Who::Agent, settings);
    routes.get("/settings/site", Who::Admin, only);
    routes.get("/settings/sites", Who::Admin, list);
    routes.post("/settings/sites", Who::Admin, create);
    routes.get("/settings/sites/{site}", Who::Admin, edit);
    routes.post("/settings/sites/{site}", Who::Admin, save);
    routes.post("/settings/sites/{site}/members", Who::Admin, set_members);
}

async fn settings(agent: Agent, around: Data<Around>) -> HttpResponse {
    let first = around.settings(agent.role.may_administer());
    web::see(first.unwrap_or("/me"))
}

/// Where there is one site, “the site” is that one.
async fn only(_: Admin, db: Data<Db>) -> Result<HttpResponse> {
    match db.read(super::only).await? {
        Some(site) => Ok(web::see(format!("/settings/sites/{}", site.key))),
        None => Ok(web::see("/settings/sites")),
    }
}

async fn list(admin: Admin, db: Data<Db>, around: Data<Around>) -> Result<HttpResponse> {
    let page = db.browse(move |r| draw_list(r, &admin, &around));
    web::page(&page.await?)
}

fn draw_list(r: &Reader, admin: &Admin, around: &Around) -> Result<Sites> {
    let row = |site: Site| {
        Ok(SiteRow {
            key: site.key,
            name: site.name,
            origins: site.origins.iter().map(ToString::to_string).collect(),
            members: team::members(r, site.id)?.len() as i64,
        })
    };
    Ok(Sites {
        t: admin.lang,
        shell: admin.shell(r, around, "settings/sites", "")?,
        sites: super::list(r)?
            .into_iter()
            .map(row)
            .collect::<Result<_>>()?,
        shop: String::new(),
        errors: Errors::default(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateForm {
    shop: String,
    /// The browser's time zone, where a script could tell.
    #[serde(default)]
    zone: String,
}

async fn create(
    Signed(admin, form): Signed<Admin, CreateForm>,
    db: Data<Db>,
    clock: Data<Clock>,
    around: Data<Around>,
) -> Result<HttpResponse> {
    let (now, t, name) = (clock.now(), admin.lang, form.shop.clone());
    let create = db.write("sites.create", move |w| {
        let id = super::create(w, now, &name, t, &form.zone)?;
        Ok(super::find(w, id)?.key)
    });
    match create.await {
        Ok(key) => Ok(web::see(format!("/settings/sites/{key}?saved=created"))),
        Err(Error::Invalid { field, say }) => {
            let page = db.browse(move |r| draw_list(r, &admin, &around));
            let mut page = page.await?;
            page.shop = form.shop;
            page.errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(error) => Err(error),
    }
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
    key: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let query: Saved = web::parse_query(request.query_string())?;
    let (key, config) = (key.into_inner(), Arc::clone(&config));
    let page = db.browse(move |r| draw(r, &key, &admin, &around, &config));
    let mut page = page.await?;
    page.saved = !query.saved.is_empty();
    web::page(&page)
}

fn draw(r: &Reader, key: &str, admin: &Admin, around: &Around, config: &Config) -> Result<Edit> {
    let shell = admin.shell(r, around, "settings/sites", "")?;
    let site = super::find_by_key(r, key)?;
    let named = team::members(r, site.id)?;
    let agents = accounts::list(r)?.into_iter();
    // Owners and admins see every site.
    let plain = agents.filter(|it| it.role == Role::Agent && it.deactivated_at.is_none());
    let member = |it: accounts::AgentView| SiteMember {
        id: it.id.0,
        named: named.contains(&it.id),
        name: it.name,
    };
    let alone = super::ids(r)?.len() == 1;
    let origins: Vec<&str> = site.origins.iter().map(|it| it.as_str()).collect();
    let on_color = text_on(&site.color);
    Ok(Edit {
        t: shell.t,
        shell,
        key: site.key.clone(),
        title: site.name.clone(),
        alone,
        members: plain.map(member).collect(),
        embed: embed_code(&site, alone, &config.public_url),
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
    })
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
    key: Path<String>,
) -> Result<HttpResponse> {
    let key = key.into_inner();
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
    let (now, by, asked) = (clock.now(), Actor::Agent(admin.id), key.clone());
    let save = db.write("sites.save", move |w| {
        let site = super::find_by_key(w, &asked)?;
        super::save(w, now, by, site.id, &look)
    });
    match save.await {
        Ok(()) => {
            // Open chats ask again what holds now: previews may have ended.
            hub.renew_visitors();
            Ok(web::see(format!("/settings/sites/{key}?saved=1")))
        }
        Err(Error::Invalid { field, say }) => {
            let t = admin.lang;
            let config = Arc::clone(&config);
            let page = db.browse(move |r| draw(r, &key, &admin, &around, &config));
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MembersForm {
    #[serde(default)]
    agents: Vec<AgentId>,
}

/// Whoever sees more or less than before has his pages come back.
async fn set_members(
    Signed(_, form): Signed<Admin, MembersForm>,
    db: Data<Db>,
    hub: Data<Hub>,
    key: Path<String>,
) -> Result<HttpResponse> {
    let key = key.into_inner();
    let asked = key.clone();
    let set = db.write("sites.set_members", move |w| {
        let site = super::find_by_key(w, &asked)?;
        team::set_members(w, site.id, &form.agents)
    });
    let changed = set.await?;
    hub.close_agents(|it| changed.contains(&it.agent), Closing::Restart);
    Ok(web::see(format!("/settings/sites/{key}?saved=1")))
}
