use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use crate::accounts::door::guesses::{Counted, Guess, Guesses};
use crate::accounts::pages::{AgentRow, Invited, Me, SessionRow, Team};
use crate::accounts::passwords::Turn;
use crate::accounts::work::{self, Letter};
use crate::accounts::{self, Admin, Agent, NewAgent, Role, Signed, SignedIn, passwords};
use crate::config::Config;
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::hub::{Closing, Hub};
use crate::kernel::{Browser, Clock, SessionId, Timestamp, comparable, iso};
use crate::settings;
use crate::texts::Lang;
use crate::web::pages::{Errors, Moment};
use crate::web::{self, Area, Around, Limits, Place, Routes, Section, Who};

pub const TEAM: Area = Area {
    key: "settings/team",
    href: "/settings/team",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_team_tab,
    who: Who::Admin,
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/me", Who::Agent, me);
    routes.post("/me/profile", Who::Agent, save_profile);
    routes.post("/me/password", Who::Agent, change_password);
    routes.post("/me/sessions/end-others", Who::Agent, end_others);
    routes.post("/me/sessions/{session}/end", Who::Agent, end_session);
    routes.get("/settings/team", Who::Admin, team);
    routes.post("/settings/team", Who::Admin, invite);
    accounts::team::http::routes(routes);
}

#[derive(Deserialize)]
struct Done {
    #[serde(default)]
    done: String,
}

async fn me(
    agent: Agent,
    db: Data<Db>,
    clock: Data<Clock>,
    around: Data<Around>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let query: Done = web::parse_query(request.query_string())?;
    let now = clock.now();
    let mut page = db.browse(move |r| me_page(r, now, &agent, &around)).await?;
    page.done = ["profile", "password", "sessions"]
        .into_iter()
        .find(|it| *it == query.done)
        .unwrap_or_default();
    web::page(&page)
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
        profile_errors: Errors::default(),
        password_errors: Errors::default(),
        shortest: passwords::SHORTEST as i64,
        sessions: sessions.into_iter().map(row).collect(),
        done: "",
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileForm {
    name: String,
    lang: String,
}

async fn save_profile(
    Signed(agent, form): Signed<Agent, ProfileForm>,
    db: Data<Db>,
    clock: Data<Clock>,
    around: Data<Around>,
) -> Result<HttpResponse> {
    let lang =
        Lang::from_code(&form.lang).ok_or(Error::Malformed("lang: en, fr, tr or ru".into()))?;
    let (now, by, name) = (clock.now(), agent.id, form.name.clone());
    let save = db.write("accounts.profile", move |w| {
        accounts::save_profile(w, now, by, &name, lang)
    });
    match save.await {
        Ok(()) => Ok(web::see("/me?done=profile")),
        Err(Error::Invalid { field, say }) => {
            let t = agent.lang;
            let mut page = db.browse(move |r| me_page(r, now, &agent, &around)).await?;
            page.name = form.name;
            page.lang = form.lang;
            page.profile_errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(error) => Err(error),
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

#[allow(clippy::too_many_arguments)]
async fn change_password(
    Signed(agent, form): Signed<Agent, PasswordForm>,
    db: Data<Db>,
    hub: Data<Hub>,
    clock: Data<Clock>,
    guesses: Data<Guesses>,
    around: Data<Around>,
) -> Result<HttpResponse> {
    let counted = guesses.begin(clock.now(), Guess::Inside { agent: agent.id });
    let hash = match counted {
        Ok(counted) => new_hash(&db, &guesses, counted, &agent, &form).await,
        Err(refused) => Err(refused),
    };
    match hash {
        Ok(hash) => {
            let (by, keep) = (agent.id, agent.session);
            let set = db.write("accounts.password", move |w| {
                accounts::set_password(w, by, &hash, Some(keep))
            });
            set.await?;
            close_others(&hub, &agent);
            Ok(web::see("/me?done=password"))
        }
        Err(Error::Invalid { field, say }) => {
            let (now, t) = (clock.now(), agent.lang);
            let mut page = db.browse(move |r| me_page(r, now, &agent, &around)).await?;
            page.password_errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(Error::TooMany { retry_after }) => {
            let (now, t) = (clock.now(), agent.lang);
            let mut page = db.browse(move |r| me_page(r, now, &agent, &around)).await?;
            page.password_errors = Errors::one("current", web::wait_words(t, retry_after));
            web::page_to_wait(&page, retry_after)
        }
        Err(error) => Err(error),
    }
}

async fn new_hash(
    db: &Db,
    guesses: &Guesses,
    counted: Counted,
    agent: &SignedIn,
    form: &PasswordForm,
) -> Result<passwords::PasswordHash> {
    let id = agent.id;
    let stored = db.read(move |r| accounts::password_of(r, id)).await?;
    if !passwords::verify(&form.current, stored, Turn::Proven).await? {
        return Err(Error::Invalid {
            field: "current",
            say: |t| t.error_password_wrong().into(),
        });
    }
    guesses.take_back(counted);
    passwords::hash(&form.password, &[agent.email.as_str(), &agent.name]).await
}

fn close_others(hub: &Hub, agent: &SignedIn) {
    hub.close_agents(
        |it| it.agent == agent.id && it.session != agent.session,
        Closing::SignedOut,
    );
}

async fn end_session(
    Signed(agent, ()): Signed<Agent, ()>,
    db: Data<Db>,
    hub: Data<Hub>,
    session: Path<SessionId>,
) -> Result<HttpResponse> {
    let (by, session) = (agent.id, *session);
    let end = db.write("accounts.end_session", move |w| {
        accounts::end_session(w, by, session)
    });
    end.await?;
    hub.close_agents(|it| it.session == session, Closing::SignedOut);
    match session == agent.session {
        true => Ok(web::see("/login?done=ended")),
        false => Ok(web::see("/me?done=sessions")),
    }
}

async fn end_others(
    Signed(agent, ()): Signed<Agent, ()>,
    db: Data<Db>,
    hub: Data<Hub>,
) -> Result<HttpResponse> {
    let (by, keep) = (agent.id, agent.session);
    let end = db.write("accounts.end_others", move |w| {
        accounts::end_other_sessions(w, by, keep)
    });
    end.await?;
    close_others(&hub, &agent);
    Ok(web::see("/me?done=sessions"))
}

async fn team(admin: Admin, db: Data<Db>, around: Data<Around>) -> Result<HttpResponse> {
    let page = db.browse(move |r| team_page(r, &admin, &around)).await?;
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
#[allow(clippy::too_many_arguments)]
async fn invite(
    Signed(admin, form): Signed<Admin, InviteForm>,
    db: Data<Db>,
    clock: Data<Clock>,
    config: Data<Config>,
    place: Data<Place>,
    around: Data<Around>,
    limits: Data<Limits>,
) -> Result<HttpResponse> {
    let role =
        Role::parse(&form.role).ok_or(Error::Malformed("role: owner, admin or agent".into()))?;
    let new = NewAgent {
        email: form.email.clone(),
        name: form.name.clone(),
        role,
        lang: admin.lang,
        password: None,
    };
    let (now, by, by_name) = (clock.now(), admin.role, admin.name.clone());
    let free = limits.take_letter(admin.id, comparable(&form.email).as_str());
    let facts = around.facts;
    let invited = db.write("accounts.invite", move |w| {
        // Where a link is shown, nothing is sent.
        if settings::outgoing(w, &config)?.is_some() {
            free?;
        }
        let (agent, token) = accounts::invite(w, now, by, new)?;
        let agent = accounts::find(w, agent)?;
        if settings::outgoing(w, &config)?.is_none() {
            return Ok((agent, Some(token)));
        }
        let sight = accounts::team::sight(w, agent.id)?;
        let (shop, letter) = (facts(w, &sight)?.shop_name, Letter::Invite { by: by_name });
        work::order(w, now, agent.id, &agent.email, letter, &shop)?;
        Ok((agent, None))
    });
    let invited = invited.await;
    let t = admin.lang;
    let mut page = db.browse(move |r| team_page(r, &admin, &around)).await?;
    match invited {
        Ok((agent, token)) => {
            let link = |it: crate::kernel::Token| {
                format!("{}/invite?token={}", place.public_url, it.reveal())
            };
            page.invited = Some(Invited {
                name: agent.name,
                email: agent.email.to_string(),
                link: token.map(link),
            });
            web::page(&page)
        }
        Err(Error::Invalid { field, say }) => {
            page.name = form.name;
            page.email = form.email;
            page.role = form.role;
            page.errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(Error::TooMany { retry_after }) => {
            page.name = form.name;
            page.email = form.email;
            page.role = form.role;
            page.errors = Errors::one("email", web::wait_words(t, retry_after));
            web::page_to_wait(&page, retry_after)
        }
        Err(error) => Err(error),
    }
}
