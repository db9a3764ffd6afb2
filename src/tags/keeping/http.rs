//! The pages on which an admin keeps the tags of the house. Whatever ends in
//! another address says there what was done, and offers to take it back.

use actix_web::HttpResponse;
use actix_web::web::Path;
use serde::{Deserialize, Serialize};

use super::{NewTag, TagId};
use crate::accounts::{Admin, Signed};
use crate::db::{Reader, Writer};
use crate::error::{Error, Result};
use crate::kernel::{Actor, Timestamp, iso};
use crate::tags::pages::{Chip, Counted, Done, Edit, List, MergedRow, Twin, hues, isolated};
use crate::tags::{Colour, Tag};
use crate::texts::Lang;
use crate::web::pages::{Errors, Moment, Saved};
use crate::web::{self, Area, Ctx, Held, Kit, Routes, Section, Who};

pub const TAGS: Area = Area {
    key: "settings/tags",
    href: "/settings/tags",
    icon: "",
    section: Section::Settings,
    label: Lang::tag_tags,
    who: Who::Admin,
    letter: "",
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings/tags", list).who(Who::Admin);
    routes.post("/settings/tags", make).who(Who::Admin);
    routes.get("/settings/tags/{tag}", edit).who(Who::Admin);
    routes.post("/settings/tags/{tag}", save).who(Who::Admin);
    routes
        .post("/settings/tags/{tag}/archive", archive)
        .who(Who::Admin);
    routes
        .post("/settings/tags/{tag}/bring-back", bring_back)
        .who(Who::Admin);
    routes
        .post("/settings/tags/{tag}/merge", merge)
        .who(Who::Admin);
    routes
        .post("/settings/tags/{tag}/unmerge", unmerge)
        .who(Who::Admin);
}

#[derive(Default, Deserialize)]
struct Query {
    /// What has just been done, and to which.
    #[serde(default)]
    done: String,
    #[serde(default)]
    tag: Option<TagId>,
}

async fn list(admin: Admin, cx: Ctx) -> Result<HttpResponse> {
    let asked: Query = cx.query().unwrap_or_default();
    web::page(&listed(&cx, admin, asked).await?)
}

async fn listed(cx: &Ctx, admin: Admin, asked: Query) -> Result<List> {
    let (kit, now) = (cx.kit(), cx.now());
    let read = cx
        .db
        .browse(move |r| draw_list(r, now, &admin, &kit, &asked));
    read.await
}

fn draw_list(r: &Reader, now: Timestamp, admin: &Admin, kit: &Kit, asked: &Query) -> Result<List> {
    let t = admin.lang;
    let all = super::list_counted(r)?;
    let (archived, tags): (Vec<_>, Vec<_>) = all.iter().partition(|(it, _)| it.archived);
    let merged = super::list_merged(r, now)?.into_iter().map(|it| MergedRow {
        id: it.tag.id.0,
        words: t.tag_merged_into(isolated(&it.into), isolated(&it.tag.name)),
        at: Moment::new(iso(it.at)),
    });
    let counted = |(tag, n): &(Tag, i64)| Counted {
        chip: Chip::from(tag),
        n: *n,
    };
    Ok(List {
        t,
        shell: admin.shell(r, &kit.around, "settings/tags", "")?,
        done: done(r, asked, t)?,
        tags: tags.into_iter().map(counted).collect(),
        archived: archived.into_iter().map(counted).collect(),
        merged: merged.collect(),
        name: String::new(),
        hues: hues(super::free_colour(r)?, t),
        errors: Errors::default(),
    })
}

/// As long as it still holds.
fn done(r: &Reader, asked: &Query, t: Lang) -> Result<Option<Done>> {
    let Some(id) = asked.tag else {
        return Ok(None);
    };
    let known = super::look_up(r, id)?;
    let Some((tag, into)) = known else {
        return Ok(None);
    };
    let name = isolated(&tag.name);
    let (words, undo) = match (asked.done.as_str(), into, tag.archived) {
        ("made", None, false) => (t.tag_done_made(name), ""),
        ("archived", None, true) => (t.tag_done_archived(name), "bring-back"),
        ("back", None, false) => (t.tag_done_back(name), ""),
        ("merged", Some(into), _) => (t.tag_merged_into(isolated(&into), name), "unmerge"),
        ("unmerged", None, _) => (t.tag_done_unmerged(name), ""),
        _ => return Ok(None),
    };
    let id = id.0;
    Ok(Some(Done { words, id, undo }))
}

/// Back to the list, which says what was done.
fn told(done: &str, tag: TagId) -> HttpResponse {
    web::see(format!("/settings/tags?done={done}&tag={}", tag.0))
}

fn address(tag: TagId) -> String {
    format!("/settings/tags/{}", tag.0)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TagForm {
    name: String,
    #[serde(default)]
    colour: String,
}

impl TagForm {
    fn of(tag: Tag) -> Self {
        Self {
            name: tag.name,
            colour: tag.colour.word().to_owned(),
        }
    }

    fn new_tag(&self) -> Result<NewTag> {
        let colour = match self.colour.as_str() {
            "" => None,
            word => {
                Some(Colour::parse(word).ok_or(Error::Malformed("colour: one of ours".into()))?)
            }
        };
        Ok(NewTag {
            name: self.name.clone(),
            colour,
        })
    }
}

async fn make(Signed(admin, form): Signed<Admin, TagForm>, cx: Ctx) -> Result<HttpResponse> {
    let (now, by, t, new) = (
        cx.now(),
        Actor::Agent(admin.id),
        admin.lang,
        form.new_tag()?,
    );
    let colour = new.colour;
    let make = cx
        .db
        .write("tags.make", move |w| super::make(w, now, by, &new));
    match make.await {
        Ok(id) => Ok(told("made", id)),
        Err(error) => {
            let page = listed(&cx, admin, Query::default());
            let put = |page: &mut List| {
                page.name = form.name;
                if let Some(colour) = colour {
                    page.hues = hues(colour, t);
                }
            };
            cx.refused(error, (t, "name"), page, put).await
        }
    }
}

async fn edit(admin: Admin, cx: Ctx, tag: Path<TagId>) -> Result<HttpResponse> {
    let by = admin.id;
    let mut page = stored(&cx, admin, *tag, String::new()).await?;
    page.saved = cx.just_saved(by, &address(*tag));
    web::page(&page)
}

/// The page with what holds now. `twin`: a name that may be another's.
async fn stored(cx: &Ctx, admin: Admin, tag: TagId, twin: String) -> Result<Edit> {
    let kit = cx.kit();
    let read = cx.db.browse(move |r| draw(r, &admin, &kit, tag, &twin));
    read.await
}

fn draw(r: &Reader, admin: &Admin, kit: &Kit, id: TagId, twin: &str) -> Result<Edit> {
    let tag = super::find(r, id)?;
    let others = super::list_counted(r)?.into_iter();
    let others = others.filter(|(it, _)| it.id != id && !it.archived);
    let twin = super::find_twin(r, twin, Some(id))?;
    Ok(Edit {
        t: admin.lang,
        shell: admin.shell(r, &kit.around, "settings/tags", "")?,
        chip: Chip::from(&tag),
        archived: tag.archived,
        n: super::count(r, id)?,
        days: super::UNDOABLE_DAYS,
        name: tag.name.clone(),
        hues: hues(tag.colour, admin.lang),
        others: others.map(|(it, _)| Chip::from(&it)).collect(),
        into: 0,
        twin: twin.map(|it| Twin {
            chip: Chip::from(&it),
            archived: it.archived,
        }),
        errors: Errors::default(),
        saved: Saved::default(),
    })
}

async fn save(
    Signed(admin, form): Signed<Admin, TagForm>,
    cx: Ctx,
    tag: Path<TagId>,
) -> Result<HttpResponse> {
    let (now, by, tag, t) = (cx.now(), admin.id, *tag, admin.lang);
    let new = form.new_tag()?;
    let colour = new.colour;
    let undoing = cx.undoing(by, &form);
    let save = cx.db.write("tags.save", move |w| {
        let read = |r: &Reader| {
            let form = TagForm::of(super::find(r, tag)?);
            Ok(Some(Held::of(&form)))
        };
        undoing.save(w, read, |w| {
            super::change(w, now, Actor::Agent(by), tag, &new)
        })
    });
    match save.await {
        Ok(((), change)) => Ok(cx.saved(by, address(tag), address(tag), change)),
        Err(error) => {
            let page = stored(&cx, admin, tag, form.name.clone());
            let put = |page: &mut Edit| {
                page.name = form.name;
                if let Some(colour) = colour {
                    page.hues = hues(colour, t);
                }
            };
            cx.refused(error, (t, "name"), page, put).await
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeForm {
    /// Empty where none was chosen.
    #[serde(default)]
    into: String,
}

async fn merge(
    Signed(admin, form): Signed<Admin, MergeForm>,
    cx: Ctx,
    tag: Path<TagId>,
) -> Result<HttpResponse> {
    let (now, by, tag, t) = (cx.now(), Actor::Agent(admin.id), *tag, admin.lang);
    let into = form.into.parse().unwrap_or_default();
    let merge = cx.db.write("tags.merge", move |w| {
        super::merge(w, now, by, tag, TagId(into))
    });
    match merge.await {
        Ok(()) => Ok(told("merged", tag)),
        Err(error) => {
            let page = stored(&cx, admin, tag, String::new());
            let put = |page: &mut Edit| page.into = into;
            cx.refused(error, (t, "into"), page, put).await
        }
    }
}

async fn unmerge(
    Signed(admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    tag: Path<TagId>,
) -> Result<HttpResponse> {
    let (now, by, tag, t) = (cx.now(), Actor::Agent(admin.id), *tag, admin.lang);
    let unmerge = cx
        .db
        .write("tags.unmerge", move |w| super::unmerge(w, now, by, tag));
    match unmerge.await {
        Ok(()) => Ok(told("unmerged", tag)),
        Err(error) => {
            let page = listed(&cx, admin, Query::default());
            cx.refused(error, (t, "merged"), page, |_| ()).await
        }
    }
}

async fn archive(
    Signed(admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    tag: Path<TagId>,
) -> Result<HttpResponse> {
    act(&cx, &admin, *tag, "archived", super::archive).await
}

async fn bring_back(
    Signed(admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    tag: Path<TagId>,
) -> Result<HttpResponse> {
    act(&cx, &admin, *tag, "back", super::bring_back).await
}

/// What is refused to nobody who may come in.
async fn act(
    cx: &Ctx,
    admin: &Admin,
    tag: TagId,
    done: &'static str,
    deed: fn(&Writer, Timestamp, Actor, TagId) -> Result<()>,
) -> Result<HttpResponse> {
    let (now, by) = (cx.now(), Actor::Agent(admin.id));
    let write = cx.db.write("tags.act", move |w| deed(w, now, by, tag));
    write.await?;
    Ok(told(done, tag))
}
