//! Puts the house together: opens the plant, starts followers and workers,
//! mounts the doors, and shuts down in an order that loses nothing. What each room
//! brings is listed in `wings`.

mod wings;

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpResponse};

use crate::accounts::door::guesses::Guesses;
use crate::config::Config;
use crate::conversations::Windows;
use crate::db::{DataFolder, Db, Reader, Storage, Writer};
use crate::error::{Error, Result};
use crate::hub::{Closing, Hub};
use crate::jobs;
use crate::journal::Follower;
use crate::kernel::{Clock, Sight};
use crate::live::Live;
use crate::palette::Finds;
use crate::plant::Plant;
use crate::setup::SetupCode;
use crate::web::{
    Area, Around, Ctx, Kit, Limits, Place, Route, Routes, Secure, Street, Surroundings, Undos, Who,
};
use crate::{accounts, conversations, journal, live, sites, timers, web};

pub use wings::{Jobs, Ring, Wing, wings};

/// How long open requests may take to finish once the end is announced.
const GRACE_SECONDS: u64 = 5;
const SWEEP: Duration = Duration::from_secs(300);
/// Writes in one sweep, and the pause that others get between two of them.
const SWEPT: usize = 500;
const BREATH: Duration = Duration::from_millis(20);
/// How long a question that takes no time may wait for its answer.
const READY: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_secs(1);

pub struct Running {
    pub address: SocketAddr,
    pub db: Db,
    pub hub: Hub,
    pub plant: Plant,
    /// On a fresh data folder: the secret of the one-time set-up link.
    pub setup_code: Option<String>,
    pub server: Server,
    handle: ServerHandle,
    pub folder: DataFolder,
}

/// Everything that handlers may ask for, and the doors in front of them.
#[derive(Clone)]
struct Shared {
    kit: Data<Kit>,
    place: Data<Place>,
    limits: Data<Limits>,
    secure: Data<Secure>,
    plant: Data<Plant>,
    guesses: Data<Guesses>,
    code: Data<SetupCode>,
    windows: Data<Windows>,
    live: Data<Live>,
    finds: Data<Finds>,
}

pub async fn start(
    listener: TcpListener,
    folder: DataFolder,
    config: Config,
    clock: Clock,
) -> Result<Running> {
    start_with(listener, folder, config, clock, Vec::new()).await
}

/// With wings that are not of the house.
pub async fn start_with(
    listener: TcpListener,
    folder: DataFolder,
    config: Config,
    clock: Clock,
    more: Vec<Wing>,
) -> Result<Running> {
    let wings: Arc<[Wing]> = wings::all(more).into();
    wings::check(&wings)?;
    let address = listener
        .local_addr()
        .map_err(|e| Error::internal("binding the port", e))?;
    let plant = Plant::new(clock.clone());
    let db = Db::open_under(&plant, &folder)?;
    web::sweep_uploads(db.folder()).map_err(|e| Error::internal("sweeping", e))?;
    let hub = Hub::default();
    let place = Place::new(&config);
    let fresh = db.read(accounts::is_empty).await?;
    let code = if fresh {
        SetupCode::new()
    } else {
        SetupCode::none()
    };
    let setup_code = code.reveal();
    let kit = Data::new(Kit {
        around: Around {
            read: surroundings,
            areas: wings::areas(&wings).into(),
            keys: wings::keys(&wings).into(),
            signs: place.signs.clone(),
            insecure: !config.public_url.is_https() && !config.public_url.is_loopback(),
            storage: db.storage(),
        },
        clock: clock.clone(),
        db: db.clone(),
        hub: hub.clone(),
        limits: Arc::new(Limits::new(config.visitor_rate)),
        place: Arc::new(place),
        config: Arc::new(config),
        undos: Undos::default(),
    });
    let windows = Data::new(windows(&kit.config, &wings)?);
    let live = Live::new(
        kit.config.public_url.base().clone(),
        wings.iter().flat_map(|it| it.draws.clone()),
        wings.iter().flat_map(|it| it.watches.clone()),
    );
    let shared = Shared {
        secure: Data::new(Secure::new(&kit.place)),
        place: Data::from(Arc::clone(&kit.place)),
        limits: Data::from(Arc::clone(&kit.limits)),
        plant: Data::new(plant.clone()),
        guesses: Data::default(),
        live: Data::new(live.with(Data::clone(&windows).into_inner())),
        windows,
        code: Data::new(code),
        finds: Data::new(wings::finds(&wings)),
        kit,
    };

    let kinds = wings::jobs(&wings, &shared.kit, &shared.windows)?;
    let screens = Data::clone(&shared.live).into_inner();
    live::start(&plant, &db, hub.clone(), screens)?;
    start_work(&plant, &shared.kit, kinds, wings::timers(&wings));
    let followers = wings.iter().flat_map(|it| it.followers.clone());
    follow(&plant, &db, clock.clone(), followers.collect()).await?;

    let street = Street {
        trusted_proxies: shared.kit.config.trusted_proxies.clone(),
        grace_seconds: GRACE_SECONDS,
    };
    let app = move || {
        let (shared, wings) = (shared.clone(), Arc::clone(&wings));
        App::new()
            .app_data(shared.kit)
            .app_data(shared.place)
            .app_data(shared.limits)
            .app_data(shared.secure)
            .app_data(shared.plant)
            .app_data(shared.guesses)
            .app_data(shared.code)
            .app_data(shared.windows)
            .app_data(shared.live)
            .app_data(shared.finds)
            .wrap(from_fn(web::guard))
            .configure(move |config| {
                wings::routes(&wings).mount(config);
            })
    };
    let server = street.serve(listener, app);
    let server = server.map_err(|e| Error::internal("listening", e))?;
    Ok(Running {
        address,
        db,
        hub,
        plant,
        setup_code,
        handle: server.handle(),
        server,
        folder,
    })
}

impl Running {
    /// A handle that can end the server from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper {
            hub: self.hub.clone(),
            db: self.db.clone(),
            plant: self.plant.clone(),
            handle: self.handle.clone(),
        }
    }
}

#[derive(Clone)]
pub struct Stopper {
    hub: Hub,
    db: Db,
    plant: Plant,
    handle: ServerHandle,
}

impl Stopper {
    /// Sends every page away to come back later, lets open requests and work
    /// under way finish, and waits until what they wrote is on disk.
    pub async fn stop(self) {
        self.hub.close_all(Closing::Restart);
        tokio::join!(self.handle.stop(true), self.plant.end());
        let _ = self.db.write("server.stop", |_| Ok(())).await;
    }
}

/// All doors of the house, and who may use them.
pub fn mount(config: &mut ServiceConfig) -> Vec<Route> {
    wings::routes(&wings::all(Vec::new())).mount(config)
}

/// The places that navigation and settings lead to, in order.
pub fn areas() -> Vec<Area> {
    wings::areas(&wings::all(Vec::new()))
}

fn windows(config: &Arc<Config>, wings: &[Wing]) -> Result<Windows> {
    let mut windows = Windows::with(Arc::clone(config));
    let brought = wings.iter().flat_map(|it| &it.windows);
    brought.for_each(|open| open(&mut windows));
    windows.check()?;
    Ok(windows)
}

/// What stands around every signed-in page. The position comes first: whatever
/// happens while the page is drawn is told again by its socket, never skipped.
fn surroundings(r: &Reader, sight: &Sight) -> Result<Surroundings> {
    let (seq, epoch) = (journal::position(r)?, journal::epoch(r)?);
    let sites = sites::seen(r, sight)?;
    let names: Vec<&str> = sites.iter().map(|it| it.name.as_str()).collect();
    let count = |it: &sites::Site| {
        let waiting = conversations::lists::count_waiting(r, it.id)?;
        Ok((it.id, waiting))
    };
    Ok(Surroundings {
        seq,
        epoch,
        shop_name: sites::together(&names),
        waiting: sites.iter().map(count).collect::<Result<_>>()?,
    })
}

fn health(routes: &mut Routes) {
    routes.get("/healthz", healthz).who(Who::Anyone);
    routes.get("/readyz", readyz).who(Who::Anyone);
}

/// The process is up.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// The process can do its work: it can read and write, and everybody is at work.
async fn readyz(cx: Ctx, plant: Data<Plant>) -> HttpResponse {
    match tokio::time::timeout(READY, cx.db.read(|_| Ok(()))).await {
        Ok(Ok(())) => (),
        _ => return not_ready("the database does not answer\n".to_owned()),
    }
    if cx.db.probe().await.is_err() {
        return not_ready("the database cannot be written to\n".to_owned());
    }
    match plant.down().as_slice() {
        [] => HttpResponse::Ok().content_type("text/plain").body("ok\n"),
        down => not_ready(format!("not at work: {}\n", down.join(", "))),
    }
}

fn not_ready(cause: String) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("content-language", "en"))
        .body(cause)
}

/// Everybody who works all day, each under a name that the page of the workings
/// puts into words.
fn start_work(plant: &Plant, kit: &Data<Kit>, kinds: jobs::Kinds, timers: timers::Kinds) {
    let (db, clock) = (kit.db.clone(), kit.clock.clone());
    let kinds = Rc::new(kinds);
    let (at, now) = (db.clone(), clock.clone());
    plant.supervise_to_its_end("jobs", move |stop| {
        jobs::work(at.clone(), now.clone(), Rc::clone(&kinds), stop)
    });
    let timers = Arc::new(timers);
    if !timers.is_empty() {
        let (at, now) = (db.clone(), clock.clone());
        plant.supervise("timers", move || {
            timers::run(at.clone(), now.clone(), Arc::clone(&timers))
        });
    }
    let (at, hub) = (db.clone(), kit.hub.clone());
    plant.supervise("banner", move || {
        live::tell_storage(at.clone(), hub.clone(), accounts::topics::TEAM)
    });
    let at = db.clone();
    plant.supervise("disk", move || mend_storage(at.clone()));
    let kit = Data::clone(kit);
    plant.supervise("sweep", move || sweep(Data::clone(&kit)));
}

/// Whoever hears the hall through the journal.
async fn follow(plant: &Plant, db: &Db, clock: Clock, followers: Arc<[Follower]>) -> Result<()> {
    let now = clock.now();
    let known: Vec<&str> = followers.iter().map(|it| it.name).collect();
    // Names that another version left behind do not hold the journal.
    let retire = move |w: &Writer| journal::retire_all_but(w, now, &known);
    db.write("journal.retire", retire).await?;
    if !followers.is_empty() {
        let db = db.clone();
        plant.supervise("followers", move || {
            journal::follow(db.clone(), clock.clone(), Arc::clone(&followers))
        });
    }
    Ok(())
}

/// While saving fails, tries again and again, so that it is known at once when
/// the disk has room: no restart, no visitor needed to find out.
async fn mend_storage(db: Db) -> Result<()> {
    let mut storage = db.storage();
    loop {
        while *storage.borrow_and_update() == Storage::Failing {
            tokio::time::sleep(PROBE).await;
            let _ = db.probe().await;
        }
        if storage.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Forgets what need not be remembered, a little at a time.
async fn sweep(kit: Data<Kit>) -> Result<()> {
    let db = &kit.db;
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = kit.clock.now();
        kit.limits.sweep();
        kit.undos.sweep(now);
        if let Err(error) = db.tidy_copies(now).await {
            tracing::warn!(%error, "could not look for old copies: {error}");
        }
        for _ in 0..SWEPT {
            let prune = db.write("journal.prune", move |w| journal::prune(w, now));
            match prune.await {
                Ok(journal::PRUNED) => tokio::time::sleep(BREATH).await,
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "could not prune the journal: {error}");
                    break;
                }
            }
        }
    }
}
