use actix_web::HttpResponse;
use actix_web::cookie::time::Duration as CookieAge;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::Data;
use serde::Deserialize;

use super::guesses::{Guess, Guesses};
use crate::accounts::pages::Login;
use crate::accounts::passwords::{self, Turn};
use crate::accounts::{self, Agent, Signed, topics};
use crate::error::{Error, Result};
use crate::hub::Closing;
use crate::kernel::{AgentId, EmailAddress, Token, clip, comparable};
use crate::texts::Lang;
use crate::web::{self, Ctx, OpenForm, Place, Routes, Who};

pub fn routes(routes: &mut Routes) {
    routes.get("/login", login).who(Who::Anyone);
    routes.post("/login", sign_in).who(Who::Anyone);
    routes.post("/logout", sign_out).who(Who::Agent);
}

#[derive(Deserialize)]
struct LoginQuery {
    #[serde(default)]
    next: String,
}

async fn login(agent: Result<Agent>, cx: Ctx) -> Result<HttpResponse> {
    let query: LoginQuery = cx.query()?;
    // Whoever is signed in already goes where he was going.
    if agent.is_ok() {
        return Ok(web::see(web::local_path(&query.next).unwrap_or("/inbox")));
    }
    let mut page = login_page(cx.lang(), &cx.place, &query.next);
    page.done = cx.done(&["signed_out", "password", "ended"]);
    web::page(&page)
}

fn login_page(t: Lang, place: &Place, next: &str) -> Login {
    Login {
        t,
        insecure: !place.public_url.is_https() && !place.public_url.is_loopback(),
        next: web::local_path(next).unwrap_or_default().to_owned(),
        email: String::new(),
        refusal: String::new(),
        done: "",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginForm {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    cx: Ctx,
    guesses: Data<Guesses>,

    OpenForm(form): OpenForm<LoginForm>,
) -> Result<HttpResponse> {
    let mut page = login_page(cx.lang(), &cx.place, &form.next);
    page.email.clone_from(&form.email);
    let name = EmailAddress::parse(&form.email)
        .map_or_else(|| comparable(&clip(&form.email, 254)), |it| it.to_string());
    let browser = browser(&cx).map(|it| it.hash());
    let email = form.email.clone();
    let read = cx.db.read(move |r| {
        let (agent, stored) = accounts::find_password(r, &email)?.unzip();
        let known = match (agent, browser) {
            (Some(agent), Some(it)) => {
                accounts::knows_browser(r, agent, it)?.then_some((agent, it))
            }
            _ => None,
        };
        Ok((agent, stored, known))
    });
    let (agent, stored, known) = read.await?;
    let compared = stored.as_ref().map(|it| it.0.as_str());
    let guess = match known {
        Some((agent, browser)) => Guess::Known {
            agent,
            browser,
            stored: compared,
        },
        None => Guess::Stranger {
            name: &name,
            address: cx.address().bucket(),
            stored: compared,
        },
    };
    let counted = match guesses.begin(cx.now(), guess) {
        Ok(counted) => counted,
        Err(Error::TooMany { retry_after }) => {
            let minutes = retry_after.div_ceil(60) as i64;
            page.refusal = page.t.error_sign_in_wait(minutes);
            return web::page_to_wait(&page, retry_after);
        }
        Err(error) => return Err(error),
    };
    let turn = match known {
        Some(_) => Turn::Proven,
        None => Turn::Stranger,
    };
    let right = match passwords::verify(&form.password, stored, turn).await {
        // Nobody looked at it, so it was no guess.
        Err(Error::TooMany { retry_after }) => {
            guesses.take_back(counted);
            page.refusal = page.t.error_sign_in_busy(retry_after as i64);
            return web::page_to_wait(&page, retry_after);
        }
        right => right?,
    };
    let Some(agent) = agent.filter(|_| right) else {
        page.refusal = page.t.error_sign_in_wrong().to_owned();
        return web::page_to_mend(&page);
    };
    guesses.take_back(counted);
    let next = web::local_path(&form.next).unwrap_or("/inbox");
    start_session(&cx, agent, next).await
}

/// A new session on every sign-in, so that nobody can hand another an old one.
pub async fn start_session(cx: &Ctx, agent: AgentId, next: &str) -> Result<HttpResponse> {
    let device = web::header(&cx.request, "user-agent").to_owned();
    let (now, shown) = (cx.now(), browser(cx));
    let begin = cx.db.write("accounts.sign_in", move |w| {
        let session = accounts::sign_in(w, now, agent, &device)?;
        let browser = accounts::remember_browser(w, now, agent, shown)?;
        Ok((session, browser))
    });
    let (session, browser) = begin.await?;
    let mut answer = web::see(next);
    let age = accounts::LONGEST;
    let session = cookie(&cx.place, &cx.place.session_cookie, session.reveal(), age);
    set_cookie(&mut answer, session)?;
    set_cookie(&mut answer, browser_cookie(&cx.place, &browser))?;
    Ok(answer)
}

/// This browser opened a link from the agent's mailbox: it may sign in, however
/// many others guess.
pub async fn remember_browser(cx: &Ctx, agent: AgentId, answer: &mut HttpResponse) -> Result<()> {
    let (now, shown) = (cx.now(), browser(cx));
    let remember = cx.db.write("accounts.remember_browser", move |w| {
        accounts::remember_browser(w, now, agent, shown)
    });
    set_cookie(answer, browser_cookie(&cx.place, &remember.await?))
}

/// What this browser shows of an earlier visit; it may be anybody's, or nobody's.
pub fn browser(cx: &Ctx) -> Option<Token> {
    Token::parse(cx.cookie(&cx.place.browser_cookie)?)
}

fn browser_cookie(place: &Place, token: &Token) -> Cookie<'static> {
    let age = accounts::BROWSER_LIVES;
    cookie(place, &place.browser_cookie, token.reveal(), age)
}

fn set_cookie(answer: &mut HttpResponse, cookie: Cookie<'_>) -> Result<()> {
    answer
        .add_cookie(&cookie)
        .map_err(|e| Error::internal("setting a cookie", e))
}

fn cookie(place: &Place, name: &str, value: &str, milliseconds: i64) -> Cookie<'static> {
    Cookie::build(name.to_owned(), value.to_owned())
        .path(place.public_url.base().cookie_path().to_owned())
        .http_only(true)
        .secure(place.public_url.is_https())
        .same_site(SameSite::Lax)
        .max_age(CookieAge::milliseconds(milliseconds))
        .finish()
}

async fn sign_out(Signed(agent, ()): Signed<Agent, ()>, cx: Ctx) -> Result<HttpResponse> {
    let (by, session) = (agent.id, agent.session);
    let end = cx.db.write("accounts.sign_out", move |w| {
        accounts::end_session(w, by, session)
    });
    end.await?;
    cx.hub
        .close(topics::session(session), None, Closing::SignedOut);
    let mut answer = web::see("/login?done=signed_out");
    let mut gone = cookie(&cx.place, &cx.place.session_cookie, "", accounts::LONGEST);
    gone.make_removal();
    set_cookie(&mut answer, gone)?;
    Ok(answer)
}
