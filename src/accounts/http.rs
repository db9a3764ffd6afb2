//! The links by which a password is chosen. Signing in and out is in `door`; what
//! a signed-in agent does about himself and his colleagues is in `desk`.

use std::time::Duration;

use actix_web::HttpResponse;
use serde::Deserialize;

use super::door::http::{browser, remember_browser, start_session};
use super::pages::{Forgot, Invite, Reset};
use super::work::{self, Letter};
use super::{Purpose, desk, door, passwords, topics};
use crate::error::{Error, Result};
use crate::hub::Closing;
use crate::kernel::{AgentId, EmailAddress, Token};
use crate::settings;
use crate::texts::Lang;
use crate::web::pages::Errors;
use crate::web::{self, Ctx, HOUR, Key, MINUTE, OpenForm, Rate, Refusal, Routes, Who};

/// How long the answer to “forgot my password” takes at least: the same whether
/// the address is known or not.
const UNHURRIED: Duration = Duration::from_millis(150);

pub use super::desk::TEAM;

/// Links asked for from one address; for one name from there; for one name from
/// anywhere, many more, or strangers could use them up; and by a browser in which
/// that agent signed in before.
const RESET: Rate = Rate::new("accounts.reset", 5, MINUTE.saturating_mul(30));
const RESET_FROM: Rate = Rate::new("accounts.reset_from", 5, HOUR);
const RESET_OF: Rate = Rate::new("accounts.reset_of", 12, HOUR).at_once(30);
const RESET_KNOWN: Rate = Rate::new("accounts.reset_known", 5, HOUR);

pub fn routes(routes: &mut Routes) {
    door::http::routes(routes);
    routes.get("/forgot", forgot).who(Who::Anyone);
    routes.post("/forgot", send_link).who(Who::Anyone).counts(&[
        RESET,
        RESET_FROM,
        RESET_OF,
        RESET_KNOWN,
    ]);
    routes.get("/reset", reset).who(Who::Anyone);
    routes.post("/reset", set_password).who(Who::Anyone);
    routes.get("/invite", invite).who(Who::Anyone);
    routes.post("/invite", accept).who(Who::Anyone);
    desk::routes(routes);
}

async fn forgot(cx: Ctx) -> Result<HttpResponse> {
    let mail_ready = is_mail_ready(&cx).await?;
    web::page(&Forgot {
        t: cx.lang(),
        mail_ready,
        email: String::new(),
        errors: Errors::default(),
        sent: false,
    })
}

async fn is_mail_ready(cx: &Ctx) -> Result<bool> {
    let kit = cx.kit();
    cx.db
        .read(move |r| Ok(settings::outgoing(r, &kit.config)?.is_some()))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgotForm {
    email: String,
}

/// Says the same, after the same time, whoever is meant.
async fn send_link(cx: Ctx, OpenForm(form): OpenForm<ForgotForm>) -> Result<HttpResponse> {
    let t = cx.lang();
    let mut page = Forgot {
        t,
        mail_ready: is_mail_ready(&cx).await?,
        email: form.email.clone(),
        errors: Errors::default(),
        sent: false,
    };
    let Some(email) = EmailAddress::parse(&form.email) else {
        page.errors = Errors::one("email", t.error_email_invalid());
        return web::page_to_mend(&page);
    };
    let shown = browser(&cx).map(|it| it.hash());
    let wanted = email.clone();
    let known = cx
        .db
        .read(move |r| match (super::find_by_email(r, &wanted)?, shown) {
            (Some(agent), Some(shown)) => {
                Ok(super::knows_browser(r, agent.id, shown)?.then_some(shown))
            }
            _ => Ok(None),
        });
    // Strangers do not use up what the agent's own browser may ask for.
    let free = match known.await? {
        Some(browser) => cx.limits.take(RESET_KNOWN, Key::Token(browser.0)),
        None => {
            let (name, from) = (email.to_string(), cx.address().bucket());
            let here = cx.limits.take(RESET, Key::Address(from));
            here.and_then(|()| {
                let both = Key::Name(format!("{from} {name}"));
                cx.limits.take(RESET_FROM, both)
            })
            .and_then(|()| cx.limits.take(RESET_OF, Key::Name(name)))
        }
    };
    if let Err(error) = free {
        let refused = Refusal::of(error, t, "email")?;
        page.errors.clone_from(&refused.errors);
        return refused.answer(&page);
    }
    if page.mail_ready {
        let (now, around) = (cx.now(), cx.around.read);
        let order = cx.db.write("accounts.forgot", move |w| {
            match super::find_by_email(w, &email)? {
                Some(agent) if agent.deactivated_at.is_none() => {
                    let shop = around(w, &super::team::sight(w, agent.id)?)?.shop_name;
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

async fn reset(cx: Ctx) -> Result<HttpResponse> {
    let query: LinkQuery = cx.query()?;
    let holder = holder(&cx, &query.token, Purpose::Reset).await?;
    web::page(&reset_page(&cx, query.token, holder.as_ref()))
}

fn reset_page(cx: &Ctx, token: String, holder: Option<&super::AgentView>) -> Reset {
    Reset {
        t: holder.map_or_else(|| cx.lang(), |it| it.lang),
        token,
        valid: holder.is_some(),
        email: holder.map(|it| it.email.to_string()).unwrap_or_default(),
        shortest: passwords::SHORTEST as i64,
        errors: Errors::default(),
    }
}

/// Whose link this is, while it lives.
async fn holder(cx: &Ctx, token: &str, purpose: Purpose) -> Result<Option<super::AgentView>> {
    let Some(hash) = Token::parse(token).map(|it| it.hash()) else {
        return Ok(None);
    };
    let now = cx.now();
    let found = cx.db.read(move |r| super::find_link(r, now, hash, purpose));
    match found.await {
        Ok(agent) => Ok(Some(agent)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn set_password(cx: Ctx, OpenForm(form): OpenForm<PasswordForm>) -> Result<HttpResponse> {
    let holder = holder(&cx, &form.token, Purpose::Reset).await?;
    let mut page = reset_page(&cx, form.token.clone(), holder.as_ref());
    let Some(agent) = holder else {
        return web::page_to_mend(&page);
    };
    match redeem(&cx, &form, &agent, None).await {
        Ok(agent) => {
            cx.hub.close(topics::agent(agent), None, Closing::SignedOut);
            let mut answer = web::see("/login?done=password");
            remember_browser(&cx, agent, &mut answer).await?;
            Ok(answer)
        }
        // Redeemed between the two looks at it, as by a second click.
        Err(Error::NotFound(_)) => web::page_to_mend(&reset_page(&cx, form.token, None)),
        Err(error) => {
            let refused = Refusal::of(error, page.t, "password")?;
            page.errors.clone_from(&refused.errors);
            refused.answer(&page)
        }
    }
}

/// `invited`: the language in which he reads his invitation.
async fn redeem(
    cx: &Ctx,
    form: &PasswordForm,
    agent: &super::AgentView,
    invited: Option<Lang>,
) -> Result<AgentId> {
    let about = [agent.email.as_str(), agent.name.as_str()];
    let hash = passwords::hash(&form.password, &about).await?;
    let token = Token::parse(&form.token)
        .ok_or(Error::NotFound("link"))?
        .hash();
    let now = cx.now();
    cx.db
        .write("accounts.redeem", move |w| match invited {
            Some(lang) => super::accept_invitation(w, now, token, &hash, lang),
            None => super::redeem_link(w, now, token, Purpose::Reset, &hash),
        })
        .await
}

async fn invite(cx: Ctx) -> Result<HttpResponse> {
    let query: LinkQuery = cx.query()?;
    let holder = holder(&cx, &query.token, Purpose::Invite).await?;
    let page = invite_page(&cx, query.token, holder.as_ref());
    web::page(&page.await?)
}

async fn invite_page(cx: &Ctx, token: String, holder: Option<&super::AgentView>) -> Result<Invite> {
    let (around, agent) = (cx.around.read, holder.map(|it| it.id));
    let read = cx.db.read(move |r| match agent {
        Some(agent) => Ok(around(r, &super::team::sight(r, agent)?)?.shop_name),
        // A dead link tells nothing about the house it once opened.
        None => Ok(String::new()),
    });
    let shop_name = read.await?;
    Ok(Invite {
        t: cx.lang(),
        token,
        valid: holder.is_some(),
        shop_name,
        name: holder.map(|it| it.name.clone()).unwrap_or_default(),
        email: holder.map(|it| it.email.to_string()).unwrap_or_default(),
        shortest: passwords::SHORTEST as i64,
        errors: Errors::default(),
    })
}

async fn accept(cx: Ctx, OpenForm(form): OpenForm<PasswordForm>) -> Result<HttpResponse> {
    let holder = holder(&cx, &form.token, Purpose::Invite).await?;
    let page = invite_page(&cx, form.token.clone(), holder.as_ref());
    let mut page = page.await?;
    let Some(agent) = holder else {
        return web::page_to_mend(&page);
    };
    match redeem(&cx, &form, &agent, Some(page.t)).await {
        Ok(agent) => start_session(&cx, agent, "/inbox").await,
        Err(Error::NotFound(_)) => {
            let page = invite_page(&cx, form.token, None);
            web::page_to_mend(&page.await?)
        }
        Err(error) => {
            let refused = Refusal::of(error, page.t, "password")?;
            page.errors.clone_from(&refused.errors);
            refused.answer(&page)
        }
    }
}
