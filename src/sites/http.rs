use actix_web::HttpResponse;
use actix_web::web::Path;
use serde::{Deserialize, Serialize};

use super::pages::{Edit, SiteMember, SiteRow, Sites};
use super::{NewLook, Site, contrast, csp_lines, embed_code, text_on};
use crate::accounts::{self, Admin, Agent, AgentView, Role, Signed, team};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::hub::Closing;
use crate::kernel::{Actor, AgentId};
use crate::texts::Lang;
use crate::web::pages::{Errors, Saved};
use crate::web::{self, Area, Ctx, Held, Kit, Routes, Section, Who};

pub const SETTINGS: Area = Area {
    key: "settings",
    href: "/settings",
    icon: "gear",
    section: Section::Foot,
    label: Lang::common_nav_settings,
    who: Who::Admin,
    letter: "s",
    count: None,
};

pub const SITE: Area = Area {
    key: "settings/sites",
    href: "/settings/site",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_site_tab,
    who: Who::Admin,
    letter: "",
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings", settings).who(Who::Agent);
    routes.get("/settings/site", only).who(Who::Admin);
    routes.get("/settings/sites", list).who(Who::Admin);
    routes.post("/settings/sites", create).who(Who::Admin);
    routes.get("/settings/sites/{site}", edit).who(Who::Admin);
    routes.post("/settings/sites/{site}", save).who(Who::Admin);
    routes
        .post("/settings/sites/{site}/members", set_members)
        .who(Who::Admin);
}

/// The list of the settings' pages on a phone; where there is room, the first of them
/// beside it.
async fn settings(agent: Agent, cx: Ctx) -> Result<HttpResponse> {
    if !agent.role.may_administer() {
        return Ok(web::see("/me"));
    }
    let admin = Admin(agent);
    match cx.db.read(super::only).await? {
        Some(site) => {
            let mut page = stored(&cx, admin, site.key).await?;
            page.shell.at_index = true;
            web::page(&page)
        }
        None => {
            let mut page = listed(&cx, admin).await?;
            page.shell.at_index = true;
            web::page(&page)
        }
    }
}

/// Where there is one site, “the site” is that one.
async fn only(admin: Admin, cx: Ctx) -> Result<HttpResponse> {
    match cx.db.read(super::only).await? {
        Some(site) => web::page(&stored(&cx, admin, site.key).await?),
        None => list(admin, cx).await,
    }
}

#[derive(Default, Deserialize)]
struct Query {
    /// Of those that he sees.
    #[serde(default)]
    agent: Option<AgentId>,
}

async fn list(admin: Admin, cx: Ctx) -> Result<HttpResponse> {
    let Query { agent } = cx.query()?;
    let kit = cx.kit();
    let read = cx.db.browse(move |r| draw_list(r, &admin, &kit, agent));
    web::page(&read.await?)
}

async fn listed(cx: &Ctx, admin: Admin) -> Result<Sites> {
    let kit = cx.kit();
    cx.db
        .browse(move |r| draw_list(r, &admin, &kit, None))
        .await
}

fn draw_list(r: &Reader, admin: &Admin, kit: &Kit, agent: Option<AgentId>) -> Result<Sites> {
    let person = agent.map(|it| accounts::find(r, it)).transpose()?;
    let sites = match &person {
        Some(it) => super::seen(r, &team::sight(r, it.id)?)?,
        None => super::list(r)?,
    };
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
        shell: admin.shell(r, &kit.around, "settings/sites", "")?,
        sites: sites.into_iter().map(row).collect::<Result<_>>()?,
        person: person.map(|it| it.name),
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

async fn create(Signed(admin, form): Signed<Admin, CreateForm>, cx: Ctx) -> Result<HttpResponse> {
    let (now, t, name) = (cx.now(), admin.lang, form.shop.clone());
    let create = cx.db.write("sites.create", move |w| {
        let id = super::create(w, now, &name, t, &form.zone)?;
        Ok(super::find(w, id)?.key)
    });
    match create.await {
        Ok(key) => Ok(web::see(format!("/settings/sites/{key}?done=saved"))),
        Err(error) => {
            let put = |page: &mut Sites| page.shop = form.shop;
            cx.refused(error, (t, "shop"), listed(&cx, admin), put)
                .await
        }
    }
}

async fn edit(admin: Admin, cx: Ctx, key: Path<String>) -> Result<HttpResponse> {
    let (key, by) = (key.into_inner(), admin.id);
    let mut page = stored(&cx, admin, key.clone()).await?;
    page.saved = cx.just_saved(by, &address(&key));
    web::page(&page)
}

/// The page with what holds now.
async fn stored(cx: &Ctx, admin: Admin, key: String) -> Result<Edit> {
    let kit = cx.kit();
    let read = cx.db.browse(move |r| draw(r, &key, &admin, &kit));
    read.await
}

fn draw(r: &Reader, key: &str, admin: &Admin, kit: &Kit) -> Result<Edit> {
    let url = &kit.config.public_url;
    let shell = admin.shell(r, &kit.around, "settings/sites", "")?;
    let site = super::find_by_key(r, key)?;
    let named = team::members(r, site.id)?;
    let member = |it: AgentView| site_member(it, &named, admin.lang);
    let members = accounts::list(r)?.into_iter().filter_map(member);
    let members: Vec<SiteMember> = members.collect();
    let others_named = !named.is_empty() && !members.iter().any(|it| it.named && it.counts);
    let alone = super::ids(r)?.len() == 1;
    let on_color = text_on(&site.color);
    Ok(Edit {
        t: shell.t,
        shell,
        key: site.key.clone(),
        title: site.name.clone(),
        alone,
        members,
        others_named,
        embed: embed_code(&site, alone, url),
        csp: csp_lines(url),
        shop: site.name.clone(),
        origins: lines(&site),
        color: site.color.clone(),
        on_color: on_color.to_owned(),
        contrast: format!("{:.1}", contrast(&site.color, on_color)),
        position: site.position.clone(),
        foot: site.foot.to_string(),
        lang: site.lang.code().to_owned(),
        zone: site.zone.clone(),
        zones: web::zone_groups(admin.lang, kit.clock.now(), &site.zone),
        typing_preview: site.typing_preview_switch(),
        strict_privacy: site.strict_privacy,
        earlier_chats: site.earlier_chats,
        demo_shop: site.demo_shop,
        errors: Errors::default(),
        saved: Saved::default(),
    })
}

/// Whoever can be named for a site, or is though that does nothing at present: he no
/// longer works here, or sees every site as owners and admins do.
fn site_member(it: AgentView, named: &[AgentId], t: Lang) -> Option<SiteMember> {
    let (is_named, is_gone) = (named.contains(&it.id), it.deactivated_at.is_some());
    let counts = it.role == Role::Agent && !is_gone;
    let name = match counts {
        true => it.name,
        false if is_gone => t.site_member_gone(it.name),
        false => t.site_member_above(it.name),
    };
    (counts || is_named).then_some(SiteMember {
        id: it.id.0,
        named: is_named,
        ticked: is_named,
        counts,
        name,
    })
}

/// Its pages, one a line.
fn lines(site: &Site) -> String {
    let origins: Vec<&str> = site.origins.iter().map(|it| it.as_str()).collect();
    origins.join("\n")
}

#[derive(Serialize, Deserialize)]
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
    earlier_chats: Option<String>,
    #[serde(default)]
    demo_shop: Option<String>,
}

async fn save(
    Signed(admin, form): Signed<Admin, SiteForm>,
    cx: Ctx,
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
        earlier_chats: form.earlier_chats.is_some(),
        demo_shop: form.demo_shop.is_some(),
    };
    let (now, by, asked) = (cx.now(), admin.id, key.clone());
    let undoing = cx.undoing(by, &form);
    let save = cx.db.write("sites.save", move |w| {
        let site = super::find_by_key(w, &asked)?.id;
        let read = |r: &Reader| {
            let form = SiteForm::of(&super::find(r, site)?);
            Ok(Some(Held::of(&form)))
        };
        undoing.save(w, read, |w| {
            super::save(w, now, Actor::Agent(by), site, &look)
        })
    });
    match save.await {
        Ok(((), change)) => Ok(cx.saved(by, address(&key), address(&key), change)),
        Err(error) => {
            let at = (admin.lang, "shop");
            let put = |page: &mut Edit| form.put(page);
            cx.refused(error, at, stored(&cx, admin, key), put).await
        }
    }
}

fn address(key: &str) -> String {
    format!("/settings/sites/{key}")
}

impl SiteForm {
    fn of(site: &Site) -> Self {
        let on = |it: bool| it.then(|| "1".to_owned());
        Self {
            shop: site.name.clone(),
            origins: lines(site),
            color: site.color.clone(),
            position: site.position.clone(),
            foot: site.foot.to_string(),
            lang: site.lang.code().to_owned(),
            zone: site.zone.clone(),
            typing_preview: on(site.typing_preview_switch()),
            strict_privacy: on(site.strict_privacy),
            earlier_chats: on(site.earlier_chats),
            demo_shop: on(site.demo_shop),
        }
    }

    /// As it was typed.
    fn put(self, page: &mut Edit) {
        page.shop = self.shop;
        page.origins = self.origins;
        page.color = self.color;
        page.position = self.position;
        page.foot = self.foot;
        page.lang = self.lang;
        // What is no choice cannot be chosen again.
        if web::offers_zone(&page.zones, &self.zone) {
            page.zone = self.zone;
        }
        page.typing_preview = self.typing_preview.is_some();
        page.strict_privacy = self.strict_privacy.is_some();
        page.earlier_chats = self.earlier_chats.is_some();
        page.demo_shop = self.demo_shop.is_some();
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MembersForm {
    /// Ticked.
    #[serde(default)]
    agents: Vec<AgentId>,
    /// Ticked before. What is the same in both was not decided here.
    #[serde(default)]
    had: Vec<AgentId>,
}

impl MembersForm {
    /// What brings those whom this form changes to where they stand in the house.
    fn stored(&self, members: &[AgentId]) -> Self {
        let both = self.agents.iter().chain(&self.had).copied();
        let changed = both.filter(|it| self.agents.contains(it) != self.had.contains(it));
        let (mut agents, mut had): (Vec<_>, Vec<_>) = changed.partition(|it| members.contains(it));
        agents.sort_unstable();
        had.sort_unstable();
        Self { agents, had }
    }

    fn apply(&self, members: Vec<AgentId>) -> Vec<AgentId> {
        let stays = |it: &AgentId| self.agents.contains(it) || !self.had.contains(it);
        let mut all: Vec<_> = members.into_iter().filter(stays).collect();
        let new = self.agents.iter().filter(|it| !self.had.contains(it));
        for agent in new {
            if !all.contains(agent) {
                all.push(*agent);
            }
        }
        all
    }

    /// As it was ticked, over what others have changed since.
    fn put(&self, page: &mut Edit) {
        for it in &mut page.members {
            it.ticked = web::is_wanted(&AgentId(it.id), it.named, &self.agents, &self.had);
        }
    }
}

/// Whoever sees more or less than before has his pages come back.
async fn set_members(
    Signed(admin, form): Signed<Admin, MembersForm>,
    cx: Ctx,
    key: Path<String>,
) -> Result<HttpResponse> {
    let (by, key) = (admin.id, key.into_inner());
    let (now, actor, asked) = (cx.now(), admin.actor(), key.clone());
    let (undoing, typed) = (cx.undoing(by, &form), form.clone());
    let set = cx.db.write("sites.set_members", move |w| {
        let site = super::find_by_key(w, &asked)?.id;
        let read = |r: &Reader| {
            let form = typed.stored(&team::members(r, site)?);
            Ok(Some(Held::of(&form)))
        };
        undoing.save(w, read, |w| {
            let agents = typed.apply(team::members(w, site)?);
            team::set_members(w, now, actor, site, &agents)
        })
    });
    match set.await {
        Ok((changed, change)) => {
            for agent in changed {
                cx.hub
                    .close(accounts::topics::agent(agent), None, Closing::Restart);
            }
            let action = format!("{}/members", address(&key));
            Ok(cx.saved(by, address(&key), action, change))
        }
        Err(error) => {
            let at = (admin.lang, "agents");
            let put = |page: &mut Edit| form.put(page);
            cx.refused(error, at, stored(&cx, admin, key), put).await
        }
    }
}
