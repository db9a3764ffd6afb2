//! The page about a colleague. Who sees which site is said with the site.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::NewMember;
use crate::accounts::pages::Member;
use crate::accounts::{Admin, Role, Signed};
use crate::db::{Db, Reader};
use crate::error::{Error, Result};
use crate::hub::{Closing, Hub};
use crate::kernel::{AgentId, Clock, May};
use crate::web::pages::Errors;
use crate::web::{self, Around, Routes, Who};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings/team/{agent}", Who::Admin, member);
    routes.post("/settings/team/{agent}", Who::Admin, save);
    routes.post("/settings/team/{agent}/deactivate", Who::Admin, deactivate);
    routes.post("/settings/team/{agent}/reactivate", Who::Admin, reactivate);
}

#[derive(Deserialize)]
struct Saved {
    #[serde(default)]
    saved: String,
}

async fn member(
    admin: Admin,
    db: Data<Db>,
    around: Data<Around>,
    agent: Path<AgentId>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let query: Saved = web::parse_query(request.query_string())?;
    let page = db.browse(move |r| draw(r, &admin, &around, *agent));
    let mut page = page.await?;
    page.saved = !query.saved.is_empty();
    web::page(&page)
}

fn draw(r: &Reader, admin: &Admin, around: &Around, agent: AgentId) -> Result<Member> {
    let known = super::find_below(r, admin, agent)?;
    Ok(Member {
        t: admin.lang,
        shell: admin.shell(r, around, "settings/team", "")?,
        id: known.id.0,
        title: known.name.clone(),
        name: known.name,
        email: known.email.to_string(),
        role: known.role.as_str().to_owned(),
        customers: known.given.allow(May::Customers),
        deactivated: known.deactivated_at.is_some(),
        errors: Errors::default(),
        saved: false,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberForm {
    name: String,
    role: String,
    #[serde(default)]
    customers: Option<String>,
}

async fn save(
    Signed(admin, form): Signed<Admin, MemberForm>,
    db: Data<Db>,
    hub: Data<Hub>,
    clock: Data<Clock>,
    around: Data<Around>,
    agent: Path<AgentId>,
) -> Result<HttpResponse> {
    let agent = *agent;
    let role =
        Role::parse(&form.role).ok_or(Error::Malformed("role: owner, admin or agent".into()))?;
    let customers = form.customers.is_some();
    let new = NewMember {
        name: form.name.clone(),
        role,
        given: customers.then_some(May::Customers).into_iter().collect(),
    };
    let (now, by) = (clock.now(), admin.viewer.clone());
    let save = db.write("accounts.change_member", move |w| {
        super::change(w, now, &by, agent, &new)
    });
    match save.await {
        Ok(changed) => {
            if changed {
                hub.close_agents(|it| it.agent == agent, Closing::Restart);
            }
            match agent == admin.id && !role.may_administer() {
                true => Ok(web::see("/me")),
                false => Ok(web::see(format!("/settings/team/{agent}?saved=1"))),
            }
        }
        Err(Error::Invalid { field, say }) => {
            let t = admin.lang;
            let page = db.browse(move |r| draw(r, &admin, &around, agent));
            let mut page = page.await?;
            page.name = form.name;
            page.role = form.role;
            page.customers = customers;
            page.errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(error) => Err(error),
    }
}

async fn deactivate(
    Signed(admin, ()): Signed<Admin, ()>,
    db: Data<Db>,
    hub: Data<Hub>,
    clock: Data<Clock>,
    around: Data<Around>,
    agent: Path<AgentId>,
) -> Result<HttpResponse> {
    let (now, agent, by) = (clock.now(), *agent, admin.viewer.clone());
    let deactivate = db.write("accounts.deactivate", move |w| {
        super::deactivate(w, now, &by, agent)
    });
    match deactivate.await {
        Ok(()) => {
            hub.close_agents(|it| it.agent == agent, Closing::SignedOut);
            Ok(web::see(format!("/settings/team/{agent}?saved=1")))
        }
        Err(Error::Invalid { field, say }) => {
            let t = admin.lang;
            let page = db.browse(move |r| draw(r, &admin, &around, agent));
            let mut page = page.await?;
            page.errors = Errors::one(field, say(t));
            web::page_to_mend(&page)
        }
        Err(error) => Err(error),
    }
}

async fn reactivate(
    Signed(admin, ()): Signed<Admin, ()>,
    db: Data<Db>,
    clock: Data<Clock>,
    agent: Path<AgentId>,
) -> Result<HttpResponse> {
    let (now, agent, by) = (clock.now(), *agent, admin.viewer.clone());
    let reactivate = db.write("accounts.reactivate", move |w| {
        super::reactivate(w, now, &by, agent)
    });
    reactivate.await?;
    Ok(web::see(format!("/settings/team/{agent}?saved=1")))
}
