//! The links by which a password is chosen. Signing in and out is in `door`; what
//! a signed-in agent does about himself and his colleagues is in `desk`.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::door::http::{browser, remember_browser, start_session};
use super::pages::{Forgot, Invite, Reset};
use super::work::{self, Letter};
use super::{Purpose, desk, door, passwords};
use crate::config::Config;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::hub::{Closing, Hub};
use crate::kernel::{AgentId, Clock, EmailAddress, Token};
use crate::settings;
use crate::texts::Lang;
use crate::web::pages::Errors;
use crate::web::{self, Around, ClientAddress, Limit, Limits, OpenForm, Place, Routes, Who};

/// How long the answer to “forgot my password” takes at least: the same whether
/// the address is known or not.
const UNHURRIED: Duration = Duration::from_millis(150);

pub use super::desk::TEAM;

pub fn routes(routes: &mut Routes) {
    door::http::routes(routes);
    routes.get("/forgot", Who::Anyone, forgot);
    routes.post("/forgot", Who::Anyone, send_link);
    routes.get("/reset", Who::Anyone, reset);
    routes.post("/reset", Who::Anyone, set_password);
    routes.get("/invite", Who::Anyone, invite);
    routes.post("/invite", Who::Anyone, accept);
    desk::routes(routes);
}

async fn forgot(db: Data<Db>, config: Data<Config>, request: HttpRequest) -> Result<HttpResponse> {
    let mail_ready = is_mail_ready(&db, &config).await?;
    web::page(&Forgot {
        t: web::lang(&request),
        mail_ready,
        email: String::new(),
        errors: Errors::default(),
        sent: false,
    })
}

async fn is_mail_ready(db: &Db, config: &Data<Config>) -> Result<bool> {
    let config = Data::clone(config);
    db.read(move |r| Ok(settings::outgoing(r, &config)?.is_some()))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgotForm {
    email: String,
}

/// Says the same, after the same time, whoever is meant.
#[allow(clippy::too_many_arguments)]
async fn send_link(
    address: ClientAddress,
    db: Data<Db>,
    clock: Data<Clock>,
    config: Data<Config>,
    limits: Data<Limits>,
    around: Data<Around>,
    place: Data<Place>,
    request: HttpRequest,
    OpenForm(form): OpenForm<ForgotForm>,
) -> Result<HttpResponse> {
    let t = web::lang(&request);
    let mut page = Forgot {
        t,
        mail_ready: is_mail_ready(&db, &config).await?,
        email: form.email.clone(),
        errors: Errors::default(),
        sent: false,
    };
    let Some(email) = EmailAddress::parse(&form.email) else {
        page.errors = Errors::one("email", t.error_email_invalid());
        return web::page_to_mend(&page);
    };
    let shown = browser(&request, &place).map(|it| it.hash());
    let wanted = email.clone();
    let known = db.read(move |r| match (super::find_by_email(r, &wanted)?, shown) {
        (Some(agent), Some(shown)) => {
            Ok(super::knows_browser(r, agent.id, shown)?.then_some(shown))
        }
        _ => Ok(None),
    });
    // Strangers do not use up what the agent's own browser may ask for.
    let free = match known.await? {
        Some(browser) => limits.take(Limit::ResetKnown(&browser.0)),
        None => {
            let (name, from) = (email.as_str(), address.bucket());
            let here = limits.take(Limit::Reset(from));
            here.and_then(|()| limits.take(Limit::ResetFrom(name, from)))
                .and_then(|()| limits.take(Limit::ResetOf(name)))
        }
    };
    if let Err(Error::TooMany { retry_after }) = free {
        page.errors = Errors::one("email", web::wait_words(t, retry_after));
        return web::page_to_wait(&page, retry_after);
    }
    if page.mail_ready {
        let (now, facts) = (clock.now(), around.facts);
        let order = db.write("accounts.forgot", move |w| {
            match super::find_by_email(w, &email)? {
                Some(agent) if agent.deactivated_at.is_none() => {
                    let shop = facts(w, &super::team::sight(w, agent.id)?)?.shop_name;
                    work::order(w, now, agent.id, &email, Letter::Reset, &shop)
                }
                _ => Ok(()),
            }
        });
        let (ordered, ()) = tokio::join!(order, tokio::time::sleep(UNHURRIED));
        ordered?;
        page.sent = true;
    }
    web::page(&page)
}

#[derive(Deserialize)]
struct LinkQuery {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    /// For password managers, which file a new password under it.
    #[serde(default, rename = "email")]
    _email: String,
    token: String,
    password: String,
}

async fn reset(db: Data<Db>, clock: Data<Clock>, request: HttpRequest) -> Result<HttpResponse> {
    let query: LinkQuery = web::parse_query(request.query_string())?;
    let holder = holder(&db, &clock, &query.token, Purpose::Reset).await?;
    web::page(&reset_page(&request, query.token, holder.as_ref()))
}

fn reset_page(request: &HttpRequest, token: String, holder: Option<&super::AgentView>) -> Reset {
    Reset {
        t: holder.map_or_else(|| web::lang(request), |it| it.lang),
        token,
        valid: holder.is_some(),
        email: holder.map(|it| it.email.to_string()).unwrap_or_default(),
        shortest: passwords::SHORTEST as i64,
        errors: Errors::default(),
    }
}

/// Whose link this is, while it lives.
async fn holder(
    db: &Db,
    clock: &Clock,
    token: &str,
    purpose: Purpose,
) -> Result<Option<super::AgentView>> {
    let Some(hash) = Token::parse(token).map(|it| it.hash()) else {
        return Ok(None);
    };
    let now = clock.now();
    let found = db.read(move |r| super::find_link(r, now, hash, purpose));
    match found.await {
        Ok(agent) => Ok(Some(agent)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn set_password(
    db: Data<Db>,
    hub: Data<Hub>,
    clock: Data<Clock>,
    place: Data<Place>,
    request: HttpRequest,
    OpenForm(form): OpenForm<PasswordForm>,
) -> Result<HttpResponse> {
    let holder = holder(&db, &clock, &form.token, Purpose::Reset).await?;
    let mut page = reset_page(&request, form.token.clone(), holder.as_ref());
    let Some(agent) = holder else {
        return web::page_to_mend(&page);
    };
    match redeem(&db, &clock, &form, &agent, None).await {
        Ok(agent) => {
            hub.close_agents(|it| it.agent == agent, Closing::SignedOut);
            let mut answer = web::see("/login?done=password");
            remember_browser(&db, &clock, &place, &request, agent, &mut answer).await?;
            Ok(answer)
        }
        Err(Error::Invalid { field, say }) => {
            page.errors = Errors::one(field, say(page.t));
            web::page_to_mend(&page)
        }
        // Redeemed between the two looks at it, as by a second click.
        Err(Error::NotFound(_)) => {
            web::page_to_mend(&reset_page(&request, form.token.clone(), None))
        }
        Err(error) => Err(error),
    }
}

/// `invited`: the language in which he reads his invitation.
async fn redeem(
    db: &Db,
    clock: &Clock,
    form: &PasswordForm,
    agent: &super::AgentView,
    invited: Option<Lang>,
) -> Result<AgentId> {
    let about = [agent.email.as_str(), agent.name.as_str()];
    let hash = passwords::hash(&form.password, &about).await?;
    let token = Token::parse(&form.token)
        .ok_or(Error::NotFound("link"))?
        .hash();
    let now = clock.now();
    db.write("accounts.redeem", move |w| match invited {
        Some(lang) => super::accept_invitation(w, now, token, &hash, lang),
        None => super::redeem_link(w, now, token, Purpose::Reset, &hash),
    })
    .await
}

async fn invite(
    db: Data<Db>,
    clock: Data<Clock>,
    around: Data<Around>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let query: LinkQuery = web::parse_query(request.query_string())?;
    let holder = holder(&db, &clock, &query.token, Purpose::Invite).await?;
    let page = invite_page(&db, &around, &request, query.token, holder.as_ref());
    web::page(&page.await?)
}

async fn invite_page(
    db: &Db,
    around: &Around,
    request: &HttpRequest,
    token: String,
    holder: Option<&super::AgentView>,
) -> Result<Invite> {
    let (facts, agent) = (around.facts, holder.map(|it| it.id));
    let read = db.read(move |r| match agent {
        Some(agent) => Ok(facts(r, &super::team::sight(r, agent)?)?.shop_name),
        // A dead link tells nothing about the house it once opened.
        None => Ok(String::new()),
    });
    let shop_name = read.await?;
    Ok(Invite {
        t: web::lang(request),
        token,
        valid: holder.is_some(),
        shop_name,
        name: holder.map(|it| it.name.clone()).unwrap_or_default(),
        email: holder.map(|it| it.email.to_string()).unwrap_or_default(),
        shortest: passwords::SHORTEST as i64,
        errors: Errors::default(),
    })
}

async fn accept(
    db: Data<Db>,
    clock: Data<Clock>,
    place: Data<Place>,
    around: Data<Around>,
    request: HttpRequest,
    OpenForm(form): OpenForm<PasswordForm>,
) -> Result<HttpResponse> {
    let holder = holder(&db, &clock, &form.token, Purpose::Invite).await?;
    let page = invite_page(&db, &around, &request, form.token.clone(), holder.as_ref());
    let mut page = page.await?;
    let Some(agent) = holder else {
        return web::page_to_mend(&page);
    };
    match redeem(&db, &clock, &form, &agent, Some(page.t)).await {
        Ok(agent) => start_session(&db, &clock, &place, &request, agent, "/inbox").await,
        Err(Error::Invalid { field, say }) => {
            page.errors = Errors::one(field, say(page.t));
            web::page_to_mend(&page)
        }
        Err(Error::NotFound(_)) => {
            let page = invite_page(&db, &around, &request, form.token.clone(), None);
            web::page_to_mend(&page.await?)
        }
        Err(error) => Err(error),
    }
}
