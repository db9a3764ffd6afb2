//! Its doors: a deed that not everybody may do, and a setting with a page of its
//! own under Settings.

use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shopbell::accounts::team::{self, NewMember};
use shopbell::accounts::{Admin, Agent, Role, Signed, Viewer};
use shopbell::db::{Reader, Writer};
use shopbell::error::{Check, Error, Result};
use shopbell::kernel::{Actor, AgentId, ConversationKey, May, Permissions, Sight, line};
use shopbell::palette::Find;
use shopbell::texts::Lang;
use shopbell::web::pages::{Errors, Saved, Shell};
use shopbell::web::{self, Area, Ctx, Held, Hit, HotKey, Keys, Kit, Refusal, Routes, Section, Who};
use shopbell::{conversations, settings};

use super::{bell, hall, house};
use crate::support::{House, NOW};

pub const KETTLE: Area = Area {
    key: "settings/kettle",
    href: "/settings/kettle",
    icon: "",
    section: Section::Settings,
    label: |_| "Kettle",
    who: Who::Admin,
    letter: "",
    count: None,
};

pub const KEYS: Keys = Keys {
    title: |_| "Kettle",
    keys: &[HotKey {
        key: "t",
        held: false,
        act: "",
        does: |_| "Put it on the fire",
    }],
};

/// Whoever may offer tea finds the kettle by its name.
pub const KETTLES: Find = Find {
    key: "kettles",
    label: |_| "Kettles",
    ask: |r, viewer, sought| {
        let kept: Kettle = settings::find(r, SETTING)?.unwrap_or_default();
        let rank = sought
            .rank(&kept.name)
            .filter(|_| viewer.may.allow(May::Products));
        let hit = |rank| Hit::new(rank, kept.name.as_str(), KETTLE.href);
        Ok(rank.map(hit).into_iter().collect())
    },
};

pub fn routes(routes: &mut Routes) {
    routes
        .post("/kettle/{conversation}/tea", offer)
        .who(Who::Agent)
        .needs(May::Products);
    routes
        .post("/kettle/{conversation}/boil", boil)
        .who(Who::Agent);
    routes.get("/settings/kettle", show).who(Who::Admin);
    routes.post("/settings/kettle", save).who(Who::Admin);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TeaForm {
    leaf: String,
    cups: String,
    cid: String,
}

async fn offer(
    Signed(agent, form): Signed<Agent, TeaForm>,
    cx: Ctx,
    key: Path<ConversationKey>,
) -> Result<HttpResponse> {
    let (now, by, key) = (cx.now(), Actor::Agent(agent.id), key.into_inner());
    let back = format!("/inbox/{key}");
    let tea = json!({ "leaf": form.leaf, "cups": form.cups.parse::<i64>().ok() });
    let offer = cx.db.write("kettle.offer", move |w| {
        let found = conversations::find_by_key(w, by, &key)?;
        hall::offer(w, now, by, found.id, tea, &form.cid)
    });
    offer.await.map(|()| web::see(back))
}

async fn boil(
    Signed(agent, ()): Signed<Agent, ()>,
    cx: Ctx,
    key: Path<ConversationKey>,
) -> Result<HttpResponse> {
    let (now, by, key) = (cx.now(), Actor::Agent(agent.id), key.into_inner());
    let back = format!("/inbox/{key}");
    let boil = cx.db.write("kettle.boil", move |w| {
        let found = conversations::find_by_key(w, by, &key)?;
        bell::boil(w, now, found.id, 2)
    });
    boil.await.map(|()| web::see(back))
}

/// What an admin says of it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Kettle {
    name: String,
    cups: i64,
}

const SETTING: &str = "kettle";

fn keep(w: &Writer, name: &str, cups: &str) -> Result<()> {
    let mut check = Check::default();
    let name = check.field(
        line(name, 20).map_err(|flaw| Error::flaw("name", flaw, |_| "At most 20 letters.".into())),
    );
    let cups = check.field(match cups.trim().parse() {
        Ok(n @ 1..=12) => Ok(n),
        _ => Err(Error::invalid("cups", |_| "One to twelve cups.".into())),
    });
    let (Some(name), Some(cups)) = (name, cups) else {
        return Err(check.end());
    };
    settings::put(w, SETTING, &Kettle { name, cups })
}

#[derive(Template)]
#[template(
    source = r#"{% extends "layout/settings.html" %}
{% block title %}Kettle{% endblock %}
{% block settings %}
<h1>Kettle</h1>
{% call ui::saved(t, shell.csrf, saved) %}{% endcall %}
{% call ui::summary(t, errors) %}{% endcall %}
<form method="post" action="/settings/kettle">
  {% call ui::csrf(shell.csrf) %}{% endcall %}
  {% call ui::field("name", "Name", "text", name, errors, "off", "") %}{% endcall %}
  {% call ui::field("cups", "Cups", "text", cups, errors, "off", "How many it holds.") %}{% endcall %}
  <button class="button button-main">{{ t.common_save() }}</button>
</form>
{% endblock %}"#,
    ext = "html"
)]
struct Page {
    t: Lang,
    shell: Shell,
    name: String,
    cups: String,
    errors: Errors,
    saved: Saved,
}

async fn show(admin: Admin, cx: Ctx) -> Result<HttpResponse> {
    let by = admin.id;
    let mut page = stored(&cx, admin).await?;
    page.saved = cx.just_saved(by, KETTLE.href);
    web::page(&page)
}

async fn stored(cx: &Ctx, admin: Admin) -> Result<Page> {
    let kit = cx.kit();
    cx.db.browse(move |r| draw(r, &admin, &kit)).await
}

fn draw(r: &Reader, admin: &Admin, kit: &Kit) -> Result<Page> {
    let kept: Kettle = settings::find(r, SETTING)?.unwrap_or_default();
    Ok(Page {
        t: admin.lang,
        shell: admin.shell(r, &kit.around, KETTLE.key, "")?,
        name: kept.name,
        cups: kept.cups.to_string(),
        errors: Errors::default(),
        saved: Saved::default(),
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KettleForm {
    name: String,
    cups: String,
}

async fn save(Signed(admin, form): Signed<Admin, KettleForm>, cx: Ctx) -> Result<HttpResponse> {
    let (by, name, cups) = (admin.id, form.name.clone(), form.cups.clone());
    let undoing = cx.undoing(by, &form);
    let save = cx.db.write("kettle.save", move |w| {
        let read = |r: &Reader| {
            let kept: Option<Kettle> = settings::find(r, SETTING)?;
            Ok(kept.map(|it| Held::of(&it)))
        };
        undoing.save(w, read, |w| keep(w, &name, &cups))
    });
    match save.await {
        Ok(((), change)) => {
            let here = KETTLE.href.to_owned();
            Ok(cx.saved(by, here.clone(), here, change))
        }
        Err(error) => {
            let refused = Refusal::of(error, admin.lang, "name")?;
            let mut page = stored(&cx, admin).await?;
            if !cx.undoes() {
                page.name = form.name;
                page.cups = form.cups;
            }
            page.errors.clone_from(&refused.errors);
            refused.answer(&page)
        }
    }
}

const BOB: &str = "bob@mugs.example";

async fn with_bob() -> (House, String) {
    let house = house().await;
    house.add_agent(BOB, "Bob", Role::Agent).await;
    let posted = house.visitor().await.writes("hello").await;
    (house, posted["conversation"].as_str().unwrap().to_owned())
}

/// Has the owner give Bob, who is the second, what he may do.
async fn may(house: &House, given: &'static [May]) {
    let give = house.db.write("test.give", move |w| {
        let owner = Viewer {
            id: AgentId(1),
            role: Role::Owner,
            sight: Sight::ALL,
            may: Permissions::default(),
        };
        let new = NewMember {
            name: "Bob".to_owned(),
            role: Role::Agent,
            given: given.iter().copied().collect(),
        };
        team::change(w, NOW, &owner, AgentId(2), &new)
    });
    give.await.unwrap();
}

#[actix_web::test]
async fn a_wings_door_opens_to_who_may_and_stays_shut_to_who_may_not() {
    let (house, key) = with_bob().await;
    let bob = house.agent(BOB).await;
    let path = format!("/kettle/{key}/tea");
    let tea = [("leaf", "mint"), ("cups", "2"), ("cid", "kettle-tea-1")];
    may(&house, &[May::Customers]).await;
    bob.joins(&key).await;
    assert_eq!(bob.post(&path, &tea).await.status(), 403);
    may(&house, &[May::Customers, May::Products]).await;
    assert_eq!(bob.post(&path, &tea).await.status(), 303);
    let nowhere = "/kettle/c_AAAAAAAAAAAAAAAAAAAAAA/tea";
    assert_eq!(bob.post(nowhere, &tea).await.status(), 404);
    house.close().await;
}

#[actix_web::test]
async fn a_wings_setting_is_read_checked_saved_and_drawn_again_as_it_was_typed() {
    let house = house().await;
    let owner = house.owner().await;
    let path = "/settings/kettle";
    let saves = async |name: &str, cups: &str| {
        let answer = owner.post(path, &[("name", name), ("cups", cups)]).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, page) = saves(&"x".repeat(21), "<many>").await;
    assert_eq!(status, 422);
    for told in [
        "At most 20 letters.",
        "One to twelve cups.",
        "&#60;many&#62;",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(page.contains(&"x".repeat(21)));
    assert_eq!(saves("Whistler", "4").await.0, 303);
    let page = owner.sees("/settings/kettle?done=saved").await;
    assert!(
        page.contains("Whistler") && page.contains("Saved."),
        "{page}"
    );
    assert!(!page.contains(">Undo<"), "there was nothing before");
    assert_eq!(saves("Whistler II", "5").await.0, 303);
    let page = owner.sees("/settings/kettle?done=saved").await;
    let undo = owner.undoes(&page).await;
    assert_eq!(undo.headers()["location"], "/settings/kettle?done=undone");
    let kept = house
        .db
        .read(|r| settings::find::<Kettle>(r, SETTING))
        .await;
    let expected = Kettle {
        name: "Whistler".to_owned(),
        cups: 4,
    };
    assert_eq!(kept.unwrap(), Some(expected));
    house.close().await;
}

#[actix_web::test]
async fn a_wings_place_stands_among_the_settings_for_those_who_may_enter_it() {
    let (house, _) = with_bob().await;
    let page = house.owner().await.sees("/settings/site").await;
    let at = |href: &str| page.find(&format!("<a href=\"{href}\"")).unwrap();
    assert!(
        at("/settings/team") < at(KETTLE.href),
        "after those of the house,"
    );
    assert!(
        at(KETTLE.href) < at("/settings/mail"),
        "before what runs it"
    );
    let bob = house.agent(BOB).await;
    assert!(!bob.sees("/me").await.contains("kettle"));
    let refused = bob.request(reqwest::Method::GET, KETTLE.href).send().await;
    assert_eq!(refused.unwrap().status(), 403);
    house.close().await;
}

#[actix_web::test]
async fn a_wing_finds_what_is_its_own_for_who_may_and_for_nobody_else() {
    let (house, _) = with_bob().await;
    let owner = house.owner().await;
    let page = owner.sees("/me").await;
    assert!(page.contains("data-press=\"t\"") && page.contains("Put it on the fire"));
    let kettle = [("name", "Samovar"), ("cups", "2")];
    assert_eq!(owner.post("/settings/kettle", &kettle).await.status(), 303);
    let found = owner.sees("/find?q=samo").await;
    assert!(
        found.contains("Kettles") && found.contains("Samovar"),
        "{found}"
    );
    let bob = house.agent(BOB).await;
    may(&house, &[May::Customers]).await;
    assert!(!bob.sees("/find?q=samo").await.contains("Samovar"));
    may(&house, &[May::Customers, May::Products]).await;
    assert!(bob.sees("/find?q=samo").await.contains("Samovar"));
    house.close().await;
}
