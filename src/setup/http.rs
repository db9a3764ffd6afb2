use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;

use super::pages::{Setup, Welcome};
use super::{NewShop, SetupCode};
use crate::accounts::door::http::start_session;
use crate::accounts::{self, Agent, Signed, passwords};
use crate::conversations;
use crate::db::Reader;
use crate::error::{Check, Error, Result};
use crate::kernel::{Actor, AgentId, Origin};
use crate::texts::Lang;
use crate::web::pages::Errors;
use crate::web::{self, Ctx, Kit, OpenForm, Refusal, Routes, Who};
use crate::{settings, sites};

pub fn routes(routes: &mut Routes) {
    routes.get("/", home).who(Who::Anyone);
    routes.get("/setup", setup).who(Who::Anyone);
    routes.post("/setup", create).who(Who::Anyone);
    routes.get("/welcome", welcome).who(Who::Admin);
    routes.post("/welcome", allow_origin).who(Who::Admin);
}

/// To the inbox, or to sign-in, or to set-up.
async fn home(cx: Ctx, code: Data<SetupCode>) -> HttpResponse {
    match (code.is_open(), cx.cookie(&cx.place.session_cookie)) {
        (true, _) => web::see("/setup"),
        (false, Some(_)) => web::see("/inbox"),
        (false, None) => web::see("/login"),
    }
}

#[derive(Deserialize)]
struct SetupQuery {
    #[serde(default)]
    code: String,
}

async fn setup(cx: Ctx, code: Data<SetupCode>) -> Result<HttpResponse> {
    let query: SetupQuery = cx.query()?;
    web::page(&setup_page(cx.lang(), &code, query.code))
}

fn setup_page(t: Lang, code: &SetupCode, claimed: String) -> Setup {
    Setup {
        t,
        state: match (code.is_open(), code.opens(&claimed)) {
            (false, _) => "done",
            (true, true) => "ready",
            (true, false) => "code",
        },
        code: claimed,
        name: String::new(),
        email: String::new(),
        shop: String::new(),
        shortest: passwords::SHORTEST as i64,
        errors: Errors::default(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetupForm {
    code: String,
    name: String,
    email: String,
    password: String,
    shop: String,
    /// The browser's time zone, where a script could tell.
    #[serde(default)]
    zone: String,
}

async fn create(
    cx: Ctx,
    code: Data<SetupCode>,

    OpenForm(form): OpenForm<SetupForm>,
) -> Result<HttpResponse> {
    let mut page = setup_page(cx.lang(), &code, form.code.clone());
    if page.state != "ready" {
        return web::page_to_mend(&page);
    }
    match make(&cx, &form, page.t).await {
        Ok(owner) => {
            code.use_up();
            start_session(&cx, owner, "/welcome").await
        }
        Err(error) => {
            let refused = Refusal::of(error, page.t, "name")?;
            page.name = form.name;
            page.email = form.email;
            page.shop = form.shop;
            page.errors.clone_from(&refused.errors);
            refused.answer(&page)
        }
    }
}

async fn make(cx: &Ctx, form: &SetupForm, lang: Lang) -> Result<AgentId> {
    let about = [form.email.as_str(), form.name.as_str(), form.shop.as_str()];
    let mut check = Check::default();
    let person = check.field(accounts::check(&form.name, &form.email));
    let password = check.field(passwords::check(&form.password, &about));
    let shop = check.field(sites::check_name(&form.shop));
    let (Some(_), Some(()), Some(_)) = (person, password, shop) else {
        return Err(check.end());
    };
    let new = NewShop {
        name: form.name.clone(),
        email: form.email.clone(),
        password: passwords::hash(&form.password, &about).await?,
        shop: form.shop.clone(),
        lang,
        zone: form.zone.clone(),
    };
    let now = cx.now();
    let create = cx
        .db
        .write("setup.create", move |w| super::create(w, now, new));
    create.await
}

async fn welcome(admin: accounts::Admin, cx: Ctx) -> Result<HttpResponse> {
    let mut page = welcome_again(&cx, admin).await?;
    page.saved = cx.done(&["saved"]) == "saved";
    web::page(&page)
}

async fn welcome_again(cx: &Ctx, admin: accounts::Admin) -> Result<Welcome> {
    let kit = cx.kit();
    cx.db.browse(move |r| welcome_page(r, &admin, &kit)).await
}

fn welcome_page(r: &Reader, agent: &Agent, kit: &Kit) -> Result<Welcome> {
    let shell = agent.shell(r, &kit.around, "welcome", "")?;
    let sites = sites::list(r)?;
    let url = &kit.config.public_url;
    // What to paste where is said here for the only site, else with each.
    let site = sites.first().filter(|_| sites.len() == 1);
    let origins: Vec<Origin> = sites.iter().flat_map(|it| it.origins.clone()).collect();
    Ok(Welcome {
        t: agent.lang,
        shell,
        embed: site.map(|it| sites::embed_code(it, true, url)),
        csp: sites::csp_lines(url),
        local: url.is_loopback(),
        demo_shop: sites::demo(r, None).is_ok(),
        tried: conversations::exist(r)?,
        embedded: conversations::exist_from(r, &origins)?,
        strict: sites.iter().any(|it| it.strict_privacy),
        mail_ready: settings::outgoing(r, &kit.config)?.is_some(),
        invited: 1 < accounts::list(r)?.len(),
        origins: origins.iter().map(ToString::to_string).collect(),
        origin: String::new(),
        errors: Errors::default(),
        saved: false,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OriginForm {
    origin: String,
}

async fn allow_origin(
    Signed(admin, form): Signed<accounts::Admin, OriginForm>,
    cx: Ctx,
) -> Result<HttpResponse> {
    let origin = form.origin.clone();
    let (now, by) = (cx.now(), Actor::Agent(admin.id));
    let allow = cx.db.write("sites.allow_origin", move |w| {
        let site = sites::only(w)?.ok_or(Error::NotFound("site"))?;
        sites::allow_origin(w, now, by, site.id, &origin)
    });
    match allow.await {
        Ok(()) => Ok(web::see("/welcome?done=saved#origin-title")),
        Err(error) => {
            let at = (admin.lang, "origin");
            let put = |page: &mut Welcome| page.origin = form.origin;
            cx.refused(error, at, welcome_again(&cx, admin), put).await
        }
    }
}
