use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};

use crate::accounts::door::guesses::{Counted, Guess, Guesses};
use crate::accounts::pages::{AgentRow, Invited, Look, Me, SessionRow, Team};
use crate::accounts::passwords::Turn;
use crate::accounts::work::{self, Letter};
use crate::accounts::{self, Admin, Agent, NewAgent, Role, Signed, SignedIn, passwords, topics};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::hub::{Closing, Hub};
use crate::kernel::{Browser, SessionId, Timestamp, comparable, iso};
use crate::settings::{self, letters};
use crate::texts::Lang;
use crate::web::pages::{Errors, Moment, Saved};
use crate::web::{self, Area, Around, Ctx, Held, Refusal, Routes, Section, Who};

pub const TEAM: Area = Area {
    key: "settings/team",
    href: "/settings/team",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_team_tab,
    who: Who::Admin,
    letter: "",
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/me", me).who(Who::Agent);
    routes.post("/me/profile", save_profile).who(Who::Agent);
    routes.post("/me/password", change_password).who(Who::Agent);
    routes
        .post("/me/sessions/end-others", end_others)
        .who(Who::Agent);
    routes
        .post("/me/sessions/{session}/end", end_session)
        .who(Who::Agent);
    routes.get("/settings/team", team).who(Who::Admin);
    routes
        .post("/settings/team", invite)
        .who(Who::Admin)
        .counts(&letters::RATES);
    accounts::dress::http::routes(routes);
    accounts::team::http::routes(routes);
}

async fn me(agent: Agent, cx: Ctx) -> Result<HttpResponse> {
    let by = agent.id;
    let mut page = me_again(&cx, agent).await?;
    page.done = cx.done(&["password", "sessions"]);
    page.saved = cx.just_saved(by, "/me");
    web::page(&page)
}

pub(in crate::accounts) async fn me_again(cx: &Ctx, agent: Agent) -> Result<Me> {
    let (now, kit) = (cx.now(), cx.kit());
    cx.db
        .browse(move |r| me_page(r, now, &agent, &kit.around))
        .await
}

fn me_page(r: &Reader, now: Timestamp, agent: &Agent, around: &Around) -> Result<Me> {
    let sessions = accounts::list_sessions(r, now, agent.id)?;
    let row = |it: accounts::SessionView| SessionRow {
        id: it.id.0,
        device: Browser::of(&it.device).words(),
        since: Moment::new(iso(it.created_at)),
        seen: Moment::new(iso(it.seen_at)),
        current: it.id == agent.session,
    };
    Ok(Me {
        t: agent.lang,
        shell: agent.shell(r, around, "me", "")?,
        email: agent.email.to_string(),
        name: agent.name.clone(),
        lang: agent.lang.code().to_owned(),
        look: Look::of(&agent.dress, agent.lang, now),
        profile_errors: Errors::default(),
        password_errors: Errors::default(),
        shortest: passwords::SHORTEST as i64,
        sessions: sessions.into_iter().map(row).collect(),
        done: "",
        saved: Saved::default(),
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileForm {
    name: String,
    lang: String,
}

async fn save_profile(
    Signed(agent, form): Signed<Agent, ProfileForm>,
    cx: Ctx,
) -> Result<HttpResponse> {
    let lang =
        Lang::from_code(&form.lang).ok_or(Error::Malformed("lang: en, fr, tr or ru".into()))?;
    let (now, by, name) = (cx.now(), agent.id, form.name.clone());
    let undoing = cx.undoing(by, &form);
    let save = cx.db.write("accounts.profile", move |w| {
        let read = |r: &Reader| {
            let own = accounts::find(r, by)?;
            Ok(Some(Held::of(&ProfileForm {
                name: own.name,
                lang: own.lang.code().to_owned(),
            })))
        };
        undoing.save(w, read, |w| accounts::save_profile(w, now, by, &name, lang))
    });
    match save.await {
        Ok(((), change)) => {
            let action = "/me/profile".to_owned();
            Ok(cx.saved(by, "/me".to_owned(), action, change))
        }
        Err(error) => {
            let at = (agent.lang, "name");
            let put = |page: &mut Me| {
                page.name = form.name;
                page.lang = form.lang;
            };
            cx.refused(error, at, me_again(&cx, agent), put).await
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    /// For password managers, which file a new password under it.
    #[serde(default, rename = "email")]
    _email: String,
    current: String,
    password: String,
}

async fn change_password(
    Signed(agent, form): Signed<Agent, PasswordForm>,
    cx: Ctx,
    guesses: Data<Guesses>,
) -> Result<HttpResponse> {
    let counted = guesses.begin(cx.now(), Guess::Inside { agent: agent.id });
    let hash = match counted {
        Ok(counted) => new_hash(&cx, &guesses, counted, &agent, &form).await,
        Err(refused) => Err(refused),
    };
    match hash {
        Ok(hash) => {
            let (by, keep) = (agent.id, agent.session);
            let set = cx.db.write("accounts.password", move |w| {
                accounts::set_password(w, by, &hash, Some(keep))
            });
            set.await?;
            close_others(&cx.hub, &agent);
            Ok(web::see("/me?done=password"))
        }
        Err(error) => {
            let refused = Refusal::of(error, agent.lang, "current")?;
            let mut page = me_again(&cx, agent).await?;
            page.password_errors.clone_from(&refused.errors);
            refused.answer(&page)
        }
    }
}

async fn new_hash(
    cx: &Ctx,
    guesses: &Guesses,
    counted: Counted,
    agent: &SignedIn,
    form: &PasswordForm,
) -> Result<passwords::PasswordHash> {
    let id = agent.id;
    let read = cx.db.read(move |r| accounts::password_of(r, id));
    let stored = read.await?;
    if !passwords::verify(&form.current, stored, Turn::Proven).await? {
        return Err(Error::invalid("current", |t| {
            t.error_password_wrong().into()
        }));
    }
    guesses.take_back(counted);
    passwords::hash(&form.password, &[agent.email.as_str(), &agent.name]).await
}

fn close_others(hub: &Hub, agent: &SignedIn) {
    let keep = topics::session(agent.session);
    hub.close(topics::agent(agent.id), Some(keep), Closing::SignedOut);
}

async fn end_session(
    Signed(agent, ()): Signed<Agent, ()>,
    cx: Ctx,
    session: Path<SessionId>,
) -> Result<HttpResponse> {
    let (by, session) = (agent.id, *session);
    let end = cx.db.write("accounts.end_session", move |w| {
        accounts::end_session(w, by, session)
    });
    end.await?;
    cx.hub
        .close(topics::session(session), None, Closing::SignedOut);
    match session == agent.session {
        true => Ok(web::see("/login?done=ended")),
        false => Ok(web::see("/me?done=sessions")),
    }
}

async fn end_others(Signed(agent, ()): Signed<Agent, ()>, cx: Ctx) -> Result<HttpResponse> {
    let (by, keep) = (agent.id, agent.session);
    let end = cx.db.write("accounts.end_others", move |w| {
        accounts::end_other_sessions(w, by, keep)
    });
    end.await?;
    close_others(&cx.hub, &agent);
    Ok(web::see("/me?done=sessions"))
}

async fn team(admin: Admin, cx: Ctx) -> Result<HttpResponse> {
    let kit = cx.kit();
    let read = cx.db.browse(move |r| team_page(r, &admin, &kit.around));
    let page = read.await?;
    web::page(&page)
}

fn team_page(r: &Reader, admin: &Admin, around: &Around) -> Result<Team> {
    let row = |it: accounts::AgentView| AgentRow {
        id: it.id.0,
        name: it.name,
        email: it.email.to_string(),
        role: it.role.as_str(),
        pending: !it.has_password,
        gone: it.deactivated_at.is_some(),
        changeable: accounts::rules::may_appoint(admin.role, it.role),
        seen: it.seen_at.map(|at| Moment::new(iso(at))),
    };
    Ok(Team {
        t: admin.lang,
        shell: admin.shell(r, around, "settings/team", "")?,
        agents: accounts::list(r)?.into_iter().map(row).collect(),
        name: String::new(),
        email: String::new(),
        role: Role::Agent.as_str().to_owned(),
        errors: Errors::default(),
        invited: None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InviteForm {
    name: String,
    email: String,
    role: String,
}

/// By mail where mail is set up, else by a link that is shown once.
async fn invite(Signed(admin, form): Signed<Admin, InviteForm>, cx: Ctx) -> Result<HttpResponse> {
    let role =
        Role::parse(&form.role).ok_or(Error::Malformed("role: owner, admin or agent".into()))?;
    let new = NewAgent {
        email: form.email.clone(),
        name: form.name.clone(),
        role,
        lang: admin.lang,
        password: None,
    };
    let (now, by, by_name) = (cx.now(), admin.role, admin.name.clone());
    let free = letters::take(&cx.limits, admin.id, &comparable(&form.email));
    let kit = cx.kit();
    let invited = cx.db.write("accounts.invite", move |w| {
        // Where a link is shown, nothing is sent.
        if settings::outgoing(w, &kit.config)?.is_some() {
            free?;
        }
        let (agent, token) = accounts::invite(w, now, by, new)?;
        let agent = accounts::find(w, agent)?;
        if settings::outgoing(w, &kit.config)?.is_none() {
            return Ok((agent, Some(token)));
        }
        let sight = accounts::team::sight(w, agent.id)?;
        let shop = (kit.around.read)(w, &sight)?.shop_name;
        let letter = Letter::Invite { by: by_name };
        work::order(w, now, agent.id, &agent.email, letter, &shop)?;
        Ok((agent, None))
    });
    let invited = invited.await;
    let t = admin.lang;
    let kit = cx.kit();
    let read = cx.db.browse(move |r| team_page(r, &admin, &kit.around));
    let mut page = read.await?;
    match invited {
        Ok((agent, token)) => {
            let link = |it: crate::kernel::Token| {
                format!("{}/invite?token={}", cx.place.public_url, it.reveal())
            };
            page.invited = Some(Invited {
                name: agent.name,
                email: agent.email.to_string(),
                link: token.map(link),
            });
            web::page(&page)
        }
        Err(error) => {
            let refused = Refusal::of(error, t, "email")?;
            page.name = form.name;
            page.email = form.email;
            page.role = form.role;
            page.errors.clone_from(&refused.errors);
            refused.answer(&page)
        }
    }
}
