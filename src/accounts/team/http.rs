//! The page about a colleague. Who sees which site is said with the site.

use actix_web::HttpResponse;
use actix_web::web::Path;
use serde::{Deserialize, Serialize};

use super::NewMember;
use crate::accounts::pages::Member;
use crate::accounts::{self, Admin, Role, Signed, topics};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::hub::Closing;
use crate::kernel::{AgentId, May};
use crate::web::pages::{Errors, Saved};
use crate::web::{self, Around, Ctx, Held, Routes, Who};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings/team/{agent}", member).who(Who::Admin);
    routes.post("/settings/team/{agent}", save).who(Who::Admin);
    routes
        .post("/settings/team/{agent}/deactivate", deactivate)
        .who(Who::Admin);
    routes
        .post("/settings/team/{agent}/reactivate", reactivate)
        .who(Who::Admin);
}

async fn member(admin: Admin, cx: Ctx, agent: Path<AgentId>) -> Result<HttpResponse> {
    let by = admin.id;
    let mut page = stored(&cx, admin, *agent).await?;
    page.saved = cx.just_saved(by, &address(*agent));
    web::page(&page)
}

/// The page with what holds now.
async fn stored(cx: &Ctx, admin: Admin, agent: AgentId) -> Result<Member> {
    let kit = cx.kit();
    let read = cx.db.browse(move |r| draw(r, &admin, &kit.around, agent));
    read.await
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
        saved: Saved::default(),
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberForm {
    name: String,
    role: String,
    #[serde(default)]
    customers: Option<String>,
}

async fn save(
    Signed(admin, form): Signed<Admin, MemberForm>,
    cx: Ctx,
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
    let (now, by) = (cx.now(), admin.viewer.clone());
    let undoing = cx.undoing(admin.id, &form);
    let save = cx.db.write("accounts.change_member", move |w| {
        let read = |r: &Reader| Ok(Some(Held::of(&MemberForm::of(r, agent)?)));
        undoing.save(w, read, |w| super::change(w, now, &by, agent, &new))
    });
    match save.await {
        Ok((changed, change)) => {
            if changed {
                cx.hub.close(topics::agent(agent), None, Closing::Restart);
            }
            // Who gave up what he was cannot give it back to himself.
            let own = agent == admin.id && role != admin.role;
            let change = change.filter(|_| !own);
            match agent == admin.id && !role.may_administer() {
                true => Ok(web::see("/me")),
                false => Ok(cx.saved(admin.id, address(agent), address(agent), change)),
            }
        }
        Err(error) => {
            let at = (admin.lang, "name");
            let put = |page: &mut Member| {
                page.name = form.name;
                page.role = form.role;
                page.customers = customers;
            };
            cx.refused(error, at, stored(&cx, admin, agent), put).await
        }
    }
}

impl MemberForm {
    fn of(r: &Reader, agent: AgentId) -> Result<Self> {
        let known = accounts::find(r, agent)?;
        let customers = known.given.allow(May::Customers);
        Ok(Self {
            name: known.name,
            role: known.role.as_str().to_owned(),
            customers: customers.then(|| "1".to_owned()),
        })
    }
}

fn address(agent: AgentId) -> String {
    format!("/settings/team/{agent}")
}

async fn deactivate(
    Signed(admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    agent: Path<AgentId>,
) -> Result<HttpResponse> {
    let (now, agent, by) = (cx.now(), *agent, admin.viewer.clone());
    let deactivate = cx.db.write("accounts.deactivate", move |w| {
        super::deactivate(w, now, &by, agent)
    });
    match deactivate.await {
        Ok(()) => {
            cx.hub.close(topics::agent(agent), None, Closing::SignedOut);
            Ok(web::see(format!("/settings/team/{agent}?done=saved")))
        }
        Err(error) => {
            let at = (admin.lang, "name");
            cx.refused(error, at, stored(&cx, admin, agent), |_| ())
                .await
        }
    }
}

async fn reactivate(
    Signed(admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    agent: Path<AgentId>,
) -> Result<HttpResponse> {
    let (now, agent, by) = (cx.now(), *agent, admin.viewer.clone());
    let reactivate = cx.db.write("accounts.reactivate", move |w| {
        super::reactivate(w, now, &by, agent)
    });
    reactivate.await?;
    Ok(web::see(format!("/settings/team/{agent}?done=saved")))
}
