use actix_web::HttpResponse;
use actix_web::web::{Data, Path};

use crate::accounts::{Admin, Agent, Signed};
use crate::conversations::participants;
use crate::db::Reader;
use crate::error::Result;
use crate::jobs::{self, Job};
use crate::journal::{self, FollowerView};
use crate::kernel::{JobId, Seq, iso};
use crate::mail;
use crate::operations::pages::{Alarm, FollowerRow, JobRow, TaskRow, Workings};
use crate::plant::{Plant, State, Task};
use crate::texts::Lang;
use crate::web::pages::Moment;
use crate::web::{self, Area, Around, Ctx, Routes, Section, Who};

pub const WORKINGS: Area = Area {
    key: "settings/workings",
    href: "/settings/workings",
    icon: "",
    section: Section::Settings,
    label: Lang::settings_workings_tab,
    who: Who::Admin,
    letter: "",
    count: None,
};

pub fn routes(routes: &mut Routes) {
    routes.get("/settings/workings", show).who(Who::Admin);
    routes
        .post("/settings/workings/jobs/{job}/retry", retry)
        .who(Who::Admin);
    routes
        .post("/settings/workings/jobs/{job}/drop", drop_job)
        .who(Who::Admin);
    routes
        .post("/settings/workings/followers/{follower}/skip", skip)
        .who(Who::Admin);
}

async fn show(admin: Admin, cx: Ctx, plant: Data<Plant>) -> Result<HttpResponse> {
    let cause = match cx.around.is_writable() {
        true => String::new(),
        // Tried once more, so that the page names today's cause.
        false => cx
            .db
            .probe()
            .await
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default(),
    };
    let kit = cx.kit();
    let read = cx.db.browse(move |r| draw(r, &admin, &kit.around));
    let mut page = read.await?;
    page.storage_cause = cause;
    page.tasks = plant
        .tasks()
        .into_iter()
        .map(|it| task_row(page.t, it))
        .collect();
    page.done = cx.done(&["retry", "drop", "skip"]);
    web::page(&page)
}

fn draw(r: &Reader, agent: &Agent, around: &Around) -> Result<Workings> {
    let shell = agent.shell(r, around, "settings/workings", "")?;
    let position = Seq(shell.seq);
    let (jobs, followers) = (jobs::list_open(r)?, journal::list_followers(r)?);
    Ok(Workings {
        t: agent.lang,
        shell,
        jobs: jobs.into_iter().map(|it| job_row(agent.lang, it)).collect(),
        followers: followers
            .into_iter()
            .map(|it| follower_row(agent.lang, it, position))
            .collect(),
        tasks: Vec::new(),
        position: position.0,
        storage_cause: String::new(),
        done: "",
    })
}

fn task_row(t: Lang, task: Task) -> TaskRow {
    let words = match task.name {
        "writer" => t.operation_task_writer().into(),
        "readers" => t.operation_task_readers().into(),
        "browsers" => t.operation_task_browsers().into(),
        "live" => t.operation_task_live().into(),
        "jobs" => t.operation_task_jobs().into(),
        "timers" => t.operation_task_timers().into(),
        "banner" => t.operation_task_banner().into(),
        "disk" => t.operation_task_disk().into(),
        "sweep" => t.operation_task_sweep().into(),
        "followers" => t.operation_task_followers().into(),
        other => other.to_owned(),
    };
    TaskRow {
        name: task.name,
        words,
        down: task.state != State::AtWork,
        failures: task.failures as i64,
        failed_at: task.failed_at.map(|at| Moment::new(iso(at))),
        cause: task.cause.unwrap_or_default(),
    }
}

fn job_row(t: Lang, job: Job) -> JobRow {
    let error = job.last_error.unwrap_or_default();
    let (words, raw) = mail::told(&error, t);
    JobRow {
        id: job.id.0,
        kind: job.kind,
        about: job.about,
        tries: i64::from(job.attempts),
        next: match job.failed_at {
            None => Some(Moment::new(iso(job.due_at))),
            Some(_) => None,
        },
        words: words.unwrap_or_default(),
        error: raw.to_owned(),
    }
}

fn follower_row(t: Lang, it: FollowerView, position: Seq) -> FollowerRow {
    let words = match it.name.as_str() {
        participants::work::HAND_BACK => t.operation_follower_hand_back().into(),
        "ratings" => t.operation_follower_ratings().into(),
        other => other.to_owned(),
    };
    FollowerRow {
        words,
        name: it.name,
        read_to: it.read_to.0,
        behind: position.0 - it.read_to.0,
        alarm: it.stuck_at.map(|at| Alarm {
            event: at.0,
            since: Moment::new(it.stuck_since.map(iso).unwrap_or_default()),
            cause: it.cause.unwrap_or_default(),
        }),
    }
}

async fn retry(
    Signed(_admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    job: Path<JobId>,
) -> Result<HttpResponse> {
    let (now, id) = (cx.now(), *job);
    cx.db
        .write("jobs.retry", move |w| jobs::retry(w, now, id))
        .await?;
    Ok(web::see("/settings/workings?done=retry"))
}

async fn drop_job(
    Signed(_admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    job: Path<JobId>,
) -> Result<HttpResponse> {
    let id = *job;
    cx.db
        .write("jobs.drop", move |w| jobs::drop_job(w, id))
        .await?;
    Ok(web::see("/settings/workings?done=drop"))
}

async fn skip(
    Signed(admin, ()): Signed<Admin, ()>,
    cx: Ctx,
    follower: Path<String>,
) -> Result<HttpResponse> {
    let (by, name) = (admin.id, follower.into_inner());
    tracing::warn!(
        agent = by.0,
        "agent {by} skips an event of a stuck follower"
    );
    cx.db
        .write("journal.skip", move |w| journal::skip(w, &name))
        .await?;
    Ok(web::see("/settings/workings?done=skip"))
}
