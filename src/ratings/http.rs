//! The visitors' doors to ratings: for the widget, and for the page that runs no
//! script. And the agents' page that says which sites ask.

use actix_web::HttpResponse;
use actix_web::web::Path;
use serde::{Deserialize, Serialize};

use super::pages::{Answer, Plain, Settings, SiteSwitch};
use super::{Asking, CHANGEABLE, Card, NewRating, Rating, rules};
use crate::accounts::{Admin, Signed};
use crate::db::Reader;
use crate::error::{Error, Result};
use crate::kernel::{Actor, SiteId, Timestamp};
use crate::sites::{self, Site};
use crate::texts::Lang;
use crate::visitors::{self, Caller, Visitor};
use crate::web::pages::{Errors, Html, Saved};
use crate::web::{
    self, Area, Ctx, Held, Json, Key, Kit, MINUTE, OpenForm, Rate, Refusal, Routes, Section,
    UNKNOWN_TOKEN, Who,
};

pub const RATINGS: Area = Area {
    key: "settings/ratings",
    href: "/settings/ratings",
    icon: "",
    section: Section::Settings,
    label: Lang::rating_tab,
    who: Who::Admin,
    letter: "",
    count: None,
};

/// An address may be an office or a school.
const FROM: Rate = Rate::new("ratings.from", 120, MINUTE);
/// By the hash of the visitor's token.
const BY: Rate = Rate::new("ratings.by", 20, MINUTE);

pub fn routes(routes: &mut Routes) {
    routes
        .post("/w/v1/ratings", give)
        .who(Who::Visitor)
        .rate(FROM)
        .counts(&[BY, UNKNOWN_TOKEN]);
    routes.cross_site("/w/v1/ratings");
    routes
        .get("/c/{site}/ratings/{rating}", form)
        .who(Who::Anyone)
        .rate(FROM)
        .counts(&[UNKNOWN_TOKEN]);
    routes
        .post("/c/{site}/ratings/{rating}", give_plainly)
        .who(Who::Anyone)
        .rate(FROM)
        .counts(&[BY, UNKNOWN_TOKEN]);
    routes.get("/settings/ratings", settings).who(Who::Admin);
    routes.post("/settings/ratings", save).who(Who::Admin);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Give {
    /// The key of the question.
    rating: String,
    rate: i64,
    #[serde(default)]
    comment: String,
    /// The moment of the card that he answers.
    #[serde(default)]
    since: Option<Timestamp>,
}

/// What stands now.
#[derive(Serialize)]
struct Stands {
    rate: i64,
    comment: String,
    /// When it became that.
    at: Timestamp,
    /// Until then it may be changed.
    until: Timestamp,
    /// By the clock that decides: the visitor's own may be wrong.
    now: Timestamp,
    /// It is what he sent.
    taken: bool,
}

async fn give(caller: Caller, cx: Ctx, Json(give): Json<Give>) -> Result<HttpResponse> {
    cx.limits.take(BY, Key::Token(caller.token.0))?;
    let now = cx.now();
    let new = NewRating {
        rate: give.rate,
        comment: give.comment,
        since: give.since,
    };
    let write = cx.db.write("ratings.give", move |w| {
        let (visitor, _) = visitors::enter(w, &caller)?;
        super::give(w, now, visitor.id, &give.rating, &new)
    });
    let answered = Caller::count_guess(write.await, &cx)?;
    let given = answered.rating.given.ok_or(Error::NotFound("rating"))?;
    Ok(HttpResponse::Ok().json(Stands {
        rate: given.rate,
        at: given.changed_at.unwrap_or(given.at),
        until: given.at + CHANGEABLE,
        now,
        comment: given.comment,
        taken: answered.taken,
    }))
}

/// Whom the cookie names, on the page of this site; anybody else finds nothing.
fn enter(r: &Reader, caller: &Caller, site: &str) -> Result<(Visitor, Site)> {
    match visitors::enter(r, caller) {
        Ok((visitor, found)) if found.key == site => Ok((visitor, found)),
        Ok(_) => Err(Error::NotFound("rating")),
        Err(error) => Err(error),
    }
}

fn caller(cx: &Ctx) -> Result<Caller> {
    Caller::by_cookie(cx).ok_or(Error::NotFound("rating"))
}

/// A stranger is no agent who has to sign in.
fn settle<T>(answer: Result<T>, cx: &Ctx) -> Result<T> {
    match Caller::count_guess(answer, cx) {
        Err(Error::SignedOut) => Err(Error::NotFound("rating")),
        answer => answer,
    }
}

async fn form(cx: Ctx, path: Path<(String, String)>) -> Result<HttpResponse> {
    let (caller, now, t) = (caller(&cx)?, cx.now(), web::preferred_lang(&cx.request));
    let (site, key) = path.into_inner();
    let read = cx.db.read(move |r| {
        let (visitor, site) = enter(r, &caller, &site)?;
        let rating = super::find_by_key(r, visitor.id, &key)?;
        Ok((site, rating))
    });
    let (site, rating) = settle(read.await, &cx)?;
    let form = stored(&site, rating, now, t.unwrap_or(site.lang));
    web::page(&page(&site, form)?)
}

/// As it stands: to answer, to change, or only to be read.
fn stored(site: &Site, rating: Rating, now: Timestamp, t: Lang) -> Plain {
    let (withdrawn, since) = (rating.is_withdrawn(), Card::of(&rating).at);
    let given = rating.given;
    let changeable = given.as_ref().is_some_and(|it| rules::may_change(it, now));
    let kept = given.as_ref().filter(|_| changeable);
    Plain {
        t,
        site: site.key.clone(),
        key: rating.key,
        withdrawn,
        since,
        rate: kept.map_or(0, |it| it.rate),
        comment: kept.map(|it| it.comment.clone()).unwrap_or_default(),
        given,
        changeable,
        errors: Errors::default(),
    }
}

fn page(site: &Site, form: Plain) -> Result<Answer> {
    Ok(Answer {
        t: form.t,
        shop_name: site.name.clone(),
        site: site.key.clone(),
        late: form.given.is_some() && !form.changeable && !form.errors.any(),
        form: Html::draw(&form)?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerForm {
    /// As chosen; nothing where nothing was.
    #[serde(default)]
    rate: String,
    #[serde(default)]
    comment: String,
    /// The moment of the card that he answers.
    #[serde(default)]
    since: Option<Timestamp>,
}

async fn give_plainly(
    cx: Ctx,
    path: Path<(String, String)>,
    OpenForm(typed): OpenForm<AnswerForm>,
) -> Result<HttpResponse> {
    let (by, now) = (caller(&cx)?, cx.now());
    let (site, key) = path.into_inner();
    let new = NewRating {
        rate: typed.rate.parse().unwrap_or_default(),
        comment: typed.comment,
        since: typed.since,
    };
    // Another address each time: the same one with a fragment is only scrolled.
    let back = format!("/c/{site}?at={now}#rating-{key}");
    let counted = cx.limits.take(BY, Key::Token(by.token.0));
    let (caller, asked, typed) = (by.clone(), (site.clone(), key.clone()), new.clone());
    let given = match counted {
        Ok(()) => {
            let write = cx.db.write("ratings.give_plainly", move |w| {
                let (visitor, _) = enter(w, &by, &site)?;
                super::give(w, now, visitor.id, &key, &new)
            });
            settle(write.await, &cx)
        }
        Err(refused) => Err(refused),
    };
    let refused = match given {
        Ok(it) if it.taken => return Ok(web::see(back)),
        Ok(_) => None,
        // Counted already; there is no form to come back to.
        Err(nothing @ Error::NotFound(_)) => return Err(nothing),
        Err(refused) => Some(refused),
    };
    let asked_in = web::preferred_lang(&cx.request);
    let read = cx.db.read(move |r| {
        let (visitor, site) = enter(r, &caller, &asked.0)?;
        let rating = super::find_by_key(r, visitor.id, &asked.1)?;
        Ok((site, rating))
    });
    let (site, rating) = settle(read.await, &cx)?;
    let t = asked_in.unwrap_or(site.lang);
    // What was chosen and typed is still there.
    let mut form = Plain {
        rate: typed.rate,
        comment: typed.comment,
        withdrawn: false,
        ..stored(&site, rating, now, t)
    };
    match refused {
        Some(refused) => {
            let refusal = Refusal::of(refused, t, "rate")?;
            form.errors.clone_from(&refusal.errors);
            refusal.answer(&page(&site, form)?)
        }
        None => {
            let stands = form.given.as_ref().map(|it| it.name(t));
            let told = t.rating_overtaken(stands.as_deref().unwrap_or_default());
            form.errors = Errors::one("rate", told);
            web::page_to_mend(&page(&site, form)?)
        }
    }
}

async fn settings(admin: Admin, cx: Ctx) -> Result<HttpResponse> {
    let saved = cx.just_saved(admin.id, RATINGS.href);
    let mut page = standing(&cx, admin).await?;
    page.saved = saved;
    web::page(&page)
}

/// The page with what holds now.
async fn standing(cx: &Ctx, admin: Admin) -> Result<Settings> {
    let kit = cx.kit();
    let read = cx.db.browse(move |r| draw_settings(r, &admin, &kit));
    read.await
}

fn draw_settings(r: &Reader, admin: &Admin, kit: &Kit) -> Result<Settings> {
    let switch = |site: Site| {
        let asks = super::asks(r, site.id)?;
        Ok(SiteSwitch {
            id: site.id.0,
            name: site.name,
            asks,
            ticked: asks,
        })
    };
    let sites = sites::list(r)?.into_iter().map(switch);
    Ok(Settings {
        t: admin.lang,
        shell: admin.shell(r, &kit.around, RATINGS.key, "")?,
        sites: sites.collect::<Result<_>>()?,
        errors: Errors::default(),
        saved: Saved::default(),
    })
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AskingForm {
    /// Ticked: those that ask.
    #[serde(default)]
    asking: Vec<SiteId>,
    /// Ticked before. What is the same in both was not decided here.
    #[serde(default)]
    had: Vec<SiteId>,
}

impl AskingForm {
    fn wish(&self) -> Asking {
        Asking {
            begin: web::without(&self.asking, &self.had),
            stop: web::without(&self.had, &self.asking),
        }
    }

    /// What brings these sites to where they stand in the house.
    fn stored(r: &Reader, of: &Asking) -> Result<Self> {
        let mut form = Self {
            asking: Vec::new(),
            had: Vec::new(),
        };
        for site in sites::ids(r)? {
            if of.begin.contains(&site) || of.stop.contains(&site) {
                match super::asks(r, site)? {
                    true => form.asking.push(site),
                    false => form.had.push(site),
                }
            }
        }
        Ok(form)
    }

    /// As it was ticked, over what others have changed since.
    fn put(&self, page: &mut Settings) {
        for it in &mut page.sites {
            it.ticked = web::is_wanted(&SiteId(it.id), it.asks, &self.asking, &self.had);
        }
    }
}

async fn save(Signed(admin, form): Signed<Admin, AskingForm>, cx: Ctx) -> Result<HttpResponse> {
    let (now, by, undoing) = (cx.now(), admin.id, cx.undoing(admin.id, &form));
    let wish = form.wish();
    let save = cx.db.write("ratings.save_asking", move |w| {
        let read = |r: &Reader| {
            let form = AskingForm::stored(r, &wish)?;
            Ok(Some(Held::of(&form)))
        };
        undoing.save(w, read, |w| {
            super::save_asking(w, now, Actor::Agent(by), &wish)
        })
    });
    match save.await {
        Ok(((), change)) => {
            let here = RATINGS.href.to_owned();
            Ok(cx.saved(by, here.clone(), here, change))
        }
        Err(error) => {
            let at = (admin.lang, "asking");
            let put = |page: &mut Settings| form.put(page);
            cx.refused(error, at, standing(&cx, admin), put).await
        }
    }
}
