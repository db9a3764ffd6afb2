//! A running house on a free port, with its own data folder, and people with
//! verbs: visitors who write, agents who answer, both with real sockets.

mod dice;
mod people;
mod program;
mod smtp;

use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::rt;
use shopbell::config::Config;
use shopbell::conversations::{self, Conversation, NewMessage};
use shopbell::db::{DataFolder, Db, Writer};
use shopbell::error::Result;
use shopbell::hub::Hub;
use shopbell::kernel::{Actor, Clock};
use shopbell::server::{self, Stopper, Wing};
use shopbell::sites::{NewLook, Site};
use shopbell::texts::Lang;
use shopbell::{accounts, jobs, journal, setup, sites, visitors};
use tempfile::TempDir;

pub use dice::Dice;
pub use people::{AgentBrowser, Screen, VisitorPage, between, client};
pub use program::Program;
pub use smtp::{Mood, PostOffice};

pub const NOW: i64 = 1_790_000_000_000;
pub const PASSWORD: &str = "correct horse battery";
pub const OWNER: &str = "ada@mugs.example";
/// An option of the house: the path it stands under on its host.
pub const BELOW: &str = "below";
pub const SHOP: &str = "https://mugs.example";

/// The database with its threads, without the server.
pub struct Scratch {
    pub db: Db,
    _folder: DataFolder,
    path: PathBuf,
    _home: Option<TempDir>,
}

impl Scratch {
    pub fn new() -> Self {
        let home = TempDir::new().unwrap();
        let mut scratch = Self::at(home.path());
        scratch._home = Some(home);
        scratch
    }

    /// In a folder that outlives it.
    pub fn at(path: &Path) -> Self {
        let folder = DataFolder::claim(path).unwrap();
        Self {
            db: Db::open(&folder).unwrap(),
            _folder: folder,
            path: path.to_owned(),
            _home: None,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A sound copy of the file, taken as a backup would.
    pub fn copy_to(&self, target: &Path) {
        let path = self.path().join("shopbell.db");
        let source = rusqlite::Connection::open(path).unwrap();
        let target = target.to_str().unwrap();
        source.execute("vacuum into ?1", [target]).unwrap();
    }
}

/// A whole house. Close it: leaving jobs behind is a fault.
pub struct House {
    pub url: String,
    pub site: String,
    pub db: Db,
    pub hub: Hub,
    pub clock: Clock,
    stopper: Stopper,
    home: Option<TempDir>,
}

pub async fn open_house() -> House {
    open_house_with(&[]).await
}

pub async fn open_house_with(options: &[(&str, &str)]) -> House {
    House::open(TempDir::new().unwrap(), Clock::stopped_at(NOW), options).await
}

pub async fn open_house_with_wings(wings: Vec<Wing>) -> House {
    let home = TempDir::new().unwrap();
    House::build(home, Clock::stopped_at(NOW), &[], wings).await
}

impl House {
    pub async fn open(home: TempDir, clock: Clock, options: &[(&str, &str)]) -> Self {
        Self::build(home, clock, options, Vec::new()).await
    }

    pub async fn build(
        home: TempDir,
        clock: Clock,
        options: &[(&str, &str)],
        wings: Vec<Wing>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let below = options.iter().find(|(key, _)| *key == BELOW);
        let below = below.map_or("", |(_, path)| *path);
        let config = Config::parse(|name| {
            let given = options.iter().find(|(key, _)| *key == name);
            match (given, name) {
                (Some((_, value)), _) => Some((*value).to_owned()),
                (None, "public-url") => Some(format!("{url}{below}")),
                // Visitors of these tests say themselves where they come from.
                (None, "trusted-proxies") => Some("127.0.0.1".to_owned()),
                (None, _) => None,
            }
        });
        let folder = DataFolder::claim(home.path()).unwrap();
        let config = config.unwrap();
        let running = server::start_with(listener, folder, config, clock.clone(), wings);
        let running = running.await.unwrap();
        let stopper = running.stopper();
        let (db, hub) = (running.db.clone(), running.hub.clone());
        rt::spawn(async move {
            let _ = running.server.await;
        });
        let site = furnish(&db).await;
        Self {
            url: format!("{url}{below}"),
            site,
            db,
            hub,
            clock,
            stopper,
            home: Some(home),
        }
    }

    /// Nothing may be left to do.
    pub async fn close(self) {
        let left = self.db.read(jobs::list_open).await.unwrap();
        assert!(left.is_empty(), "jobs are left over: {left:?}");
        self.stopper.stop().await;
    }

    /// Stops, and gives the folder back for a next life.
    pub async fn stop(mut self) -> TempDir {
        self.stopper.stop().await;
        self.home.take().unwrap()
    }

    pub fn folder(&self) -> PathBuf {
        self.home.as_ref().unwrap().path().to_owned()
    }

    pub async fn visitor(&self) -> VisitorPage {
        VisitorPage::arrive(&self.url, &self.site).await
    }

    pub async fn agent(&self, email: &str) -> AgentBrowser {
        AgentBrowser::sign_in(&self.url, email, PASSWORD).await
    }

    pub async fn owner(&self) -> AgentBrowser {
        self.agent(OWNER).await
    }

    pub async fn add_agent(&self, email: &str, name: &str, role: accounts::Role) {
        let hash = accounts::passwords::hash(PASSWORD, &[]).await.unwrap();
        let new = accounts::NewAgent {
            email: email.to_owned(),
            name: name.to_owned(),
            role,
            lang: Lang::En,
            password: Some(hash),
        };
        let add = self.db.write("test.agent", |w| accounts::add(w, NOW, new));
        add.await.unwrap();
    }

    /// Saves the settings of the site, as an admin would.
    pub async fn changes_site(&self, edit: impl FnOnce(&mut NewLook) + Send + 'static) {
        let save = self.db.write("test.change", |w| {
            let site = sites::list(w)?.remove(0);
            let mut look = look_of(&site);
            edit(&mut look);
            sites::save(w, NOW, Actor::House, site.id, &look)
        });
        save.await.unwrap();
    }

    /// Lets only the shop's own pages carry the chat.
    pub async fn allow_only(&self, origin: &str) {
        let origin = origin.to_owned();
        let allow = self.db.write("test.origin", move |w| {
            let site = sites::list(w)?.remove(0);
            sites::allow_origin(w, NOW, Actor::House, site.id, &origin)
        });
        allow.await.unwrap();
    }
}

/// The owner and the site, once; the site's key.
pub async fn furnish(db: &Db) -> String {
    if db.read(accounts::is_empty).await.unwrap() {
        let new = setup::NewShop {
            name: "Ada".to_owned(),
            email: OWNER.to_owned(),
            password: accounts::passwords::hash(PASSWORD, &[]).await.unwrap(),
            shop: "Mugs & More".to_owned(),
            lang: Lang::En,
            zone: "Europe/Istanbul".to_owned(),
        };
        db.write("test.setup", |w| setup::create(w, NOW, new))
            .await
            .unwrap();
    }
    db.read(|r| Ok(sites::list(r)?.remove(0).key))
        .await
        .unwrap()
}

/// What the settings page of a site sends where nobody changed anything since it
/// was made.
pub fn look_of(site: &Site) -> NewLook {
    NewLook {
        name: site.name.clone(),
        origins: String::new(),
        color: site.color.clone(),
        position: site.position.clone(),
        lang: site.lang,
        zone: site.zone.clone(),
        typing_preview: true,
        strict_privacy: false,
        earlier_chats: site.earlier_chats,
        demo_shop: true,
        foot: "20".into(),
    }
}

/// Somebody to add to a scratch database.
pub fn person(email: &str, name: &str, role: accounts::Role) -> accounts::NewAgent {
    accounts::NewAgent {
        email: email.to_owned(),
        name: name.to_owned(),
        role,
        lang: Lang::En,
        password: None,
    }
}

/// A visitor has written, and Ada, who alone works here, answers him: for what is
/// tried over a scratch database.
pub fn talk(w: &Writer) -> Conversation {
    let site = sites::create(w, NOW, "Mugs", Lang::En, "UTC").unwrap();
    let ada = accounts::add(w, NOW, person(OWNER, "Ada", accounts::Role::Owner)).unwrap();
    let (visitor, _) = visitors::arrive(w, NOW, site, "en").unwrap();
    let new = NewMessage {
        body: "hello".to_owned(),
        cid: "visitor-1".to_owned(),
        ..NewMessage::default()
    };
    let posted = conversations::write_in(w, NOW, &visitor, None, new).unwrap();
    let id = posted.message.conversation;
    conversations::join(w, NOW, ada, id).unwrap();
    conversations::find(w, Actor::House, id).unwrap()
}

/// Whoever follows the journal has done what it was told to.
pub async fn followed(db: &Db) {
    let caught_up = |r: &shopbell::db::Reader| {
        let (now, all) = (journal::position(r)?, journal::list_followers(r)?);
        Ok(all.iter().all(|it| now <= it.read_to).then_some(()))
    };
    until(db, caught_up).await;
}

/// Nothing here takes long; what does, hangs.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    rt::time::timeout(Duration::from_secs(20), work)
        .await
        .expect("it did not happen in time")
}

/// Reads until something is as it should be, woken by every commit.
pub async fn until<T>(
    db: &Db,
    find: impl Fn(&shopbell::db::Reader) -> Result<Option<T>> + Clone + Send + 'static,
) -> T
where
    T: Send + 'static,
{
    let mut commits = db.commits();
    soon(async {
        loop {
            commits.mark_unchanged();
            if let Some(found) = db.read(find.clone()).await.unwrap() {
                return found;
            }
            commits.changed().await.unwrap();
        }
    })
    .await
}
