use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::pages::{Setup, Welcome};
use super::{NewShop, SetupCode};
use crate::accounts::door::http::start_session;
use crate::accounts::{self, Agent, Signed, passwords};
use crate::config::Config;
use crate::conversations;
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::kernel::{Actor, Clock, Origin};
use crate::web::pages::Errors;
use crate::web::{self, Around, OpenForm, Place, Routes, Who};
use crate::{settings, sites};

pub fn routes(routes: &mut Routes) {
    routes.get("/", Who::Anyone, home);
    routes.get("/setup", Who::Anyone, setup);
    routes.post("/setup", Who::Anyone, create);
    routes.get("/welcome", Who::Admin, welcome);
    routes.post("/welcome", Who::Admin, allow_origin);
}

/// To the inbox, or to sign-in, or to set-up.
async fn home(request: HttpRequest, code: Data<SetupCode>, place: Data<Place>) -> HttpResponse {
    match (code.is_open(), web::cookie(&request, &place.session_cookie)) {
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

async fn setup(request: HttpRequest, code: Data<SetupCode>) -> Result<HttpResponse> {
    let query: SetupQuery = web::parse_query(request.query_string())?;
    web::page(&setup_page(&request, &code, query.code))
}

fn setup_page(request: &HttpRequest, code: &SetupCode, claimed: String) -> Setup {
    Setup {
        t: web::lang(request),
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
    db: Data<Db>,
    clock: Data<Clock>,
    code: Data<SetupCode>,
    place: Data<Place>,
    request: HttpRequest,
    OpenForm(form): OpenForm<SetupForm>,
) -> Result<HttpResponse> {
    let mut page = setup_page(&request, &code, form.code.clone());
    if page.state != "ready" {
        return web::page_to_mend(&page);
    }
    let about = [form.email.as_str(), form.name.as_str(), form.shop.as_str()];
    let made = match passwords::hash(&form.password, &about).await {
        Ok(password) => {
            let new = NewShop {
                name: form.name.clone(),
                email: form.email.clone(),
                password,
                shop: form.shop.clone(),
                lang: page.t,
                zone: form.zone.clone(),
            };
            let now = clock.now();
            db.write("setup.create", move |w| super::create(w, now, new))
                .await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(owner) => {
            code.use_up();
            start_session(&db, &clock, &place, &request, owner, "/welcome").await
        }
        Err(Error::Invalid { field, say }) => {
            page.name = form.name;
            page.email = form.email;
            page.shop = form.shop;
            page.errors = Errors::one(field, say(page.t));
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

async fn welcome(
    admin: accounts::Admin,
    db: Data<Db>,
    config: Data<Config>,
    around: Data<Around>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let query: Saved = web::parse_query(request.query_string())?;
    let config = Arc::clone(&config);
    let page = db.browse(move |r| welcome_page(r, &admin, &config, &around));
    let mut page = page.await?;
    page.saved = !query.saved.is_empty();
    web::page(&page)
}

fn welcome_page(r: &Reader, agent: &Agent, config: &Config, around: &Around) -> Result<Welcome> {
    let shell = agent.shell(r, around, "welcome", "")?;
    let sites = sites::list(r)?;
    let url = &config.public_url;
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
        mail_ready: settings::outgoing(r, config)?.is_some(),
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
    db: Data<Db>,
    clock: Data<Clock>,
    config: Data<Config>,
    around: Data<Around>,
) -> Result<HttpResponse> {
    let origin = form.origin.clone();
    let (now, by) = (clock.now(), Actor::Agent(admin.id));
    let allow = db.write("sites.allow_origin", move |w| {
        let site = sites::only(w)?.ok_or(Error::NotFound("site"))?;
        sites::allow_origin(w, now, by, site.id, &origin)
    });
    match allow.await {
        Ok(()) => Ok(web::see("/welcome?saved=origin#origin-title")),
        Err(Error::Invalid { field, say }) => {
            let (config, t) = (Arc::clone(&config), admin.lang);
            let page = db.browse(move |r| welcome_page(r, &admin, &config, &around));
            let mut page = page.await?;
            page.origin = form.origin;
            page.errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(error) => Err(error),
    }
}
