//! What the lines of the benchmark share: the sides, where they keep their
//! data, how long to measure, and the turns.

use std::cell::{OnceCell, RefCell};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::time::sleep;

use crate::machine::{Neighbours, busy_seconds};
use crate::pattern;
use crate::shop::Shop;
use crate::sides::{Bare, Node, Side, bare_binary};

/// Where the 1,000,000 messages are.
pub struct Full {
    pub shop: Rc<Shop>,
    pub bare: Rc<Bare>,
    /// The path of each conversation's page.
    pub conversations: Vec<String>,
}

pub struct Stand {
    pub quick: bool,
    folder: PathBuf,
    pub shop: Rc<Shop>,
    pub bare: Rc<Bare>,
    pub node: Option<Rc<Node>>,
    /// As they were when they had been set up: nobody has written.
    pub empty_shop: Rc<Shop>,
    pub empty_bare: Rc<Bare>,
    full: OnceCell<Full>,
    pub neighbours: RefCell<Neighbours>,
}

/// What takes part in turns.
pub trait Named {
    fn name(&self) -> &'static str;
}

/// Below this share of one core the rest of the machine counts as quiet.
const QUIET: f64 = 0.1;

/// A neighbour who works longer than this is measured with, and told of.
const QUIET_PATIENCE: Duration = Duration::from_secs(30);

impl Stand {
    pub async fn prepare(shopbell: &Path, folder: PathBuf, quick: bool) -> Result<Self> {
        let shopbell = shopbell.canonicalize();
        let shopbell = shopbell.context("no server: cargo build --release, or --shopbell PATH")?;
        eprintln!("preparing in {}", folder.display());
        let shop = Shop::prepare(&shopbell, folder.join("shop")).await?;
        let empty_shop = Rc::new(shop.copy(folder.join("empty-shop"))?);
        let empty_bare = Rc::new(Bare::new(bare_binary()?, folder.join("empty-bare"))?);
        let bare = Bare::new(bare_binary()?, folder.join("bare"))?;
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/node");
        let node = Node::find(peers, folder.join("node"))?.map(Rc::new);
        let (shop, bare, full) = (Rc::new(shop), Rc::new(bare), OnceCell::new());
        let neighbours = RefCell::new(Neighbours::look());
        Ok(Self {
            quick,
            folder,
            shop,
            bare,
            node,
            empty_shop,
            empty_bare,
            full,
            neighbours,
        })
    }

    /// The shop with 1,000,000 messages, made when it is first asked for.
    pub async fn full(&self) -> Result<&Full> {
        if self.full.get().is_none() {
            let shop = self.empty_shop.copy(self.folder.join("full-shop"))?;
            let bare = Bare::new(bare_binary()?, self.folder.join("full-bare"))?;
            let full = pattern::full(shop, bare).await?;
            return Ok(self.full.get_or_init(|| full));
        }
        self.full.get().context("a full shop")
    }

    /// Where one more side may keep its data.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn bare_side(&self) -> Side {
        Side::Bare(self.bare.clone())
    }

    pub fn shop_side(&self) -> Side {
        Side::Shop(self.shop.clone())
    }

    pub fn rounds(&self) -> usize {
        self.pick(3, 1)
    }

    pub fn pick<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    pub fn warm_up(&self) -> Duration {
        Duration::from_secs(self.pick(2, 1))
    }

    pub fn measured(&self) -> Duration {
        Duration::from_secs(self.pick(8, 3))
    }

    /// Runs every side once a round, in turns: A B A B A B. What came out, by side.
    pub async fn in_turns<S: Named, T: Display>(
        &self,
        what: &str,
        rounds: usize,
        sides: &[S],
        mut turn: impl AsyncFnMut(&S) -> Result<T>,
    ) -> Result<Vec<Vec<T>>> {
        let mut results: Vec<Vec<T>> = sides.iter().map(|_| Vec::new()).collect();
        for round in 1..=rounds {
            for (side, results) in sides.iter().zip(&mut results) {
                let name = side.name();
                quiet(self.pick(QUIET_PATIENCE, Duration::from_secs(2))).await;
                let result = turn(side)
                    .await
                    .with_context(|| format!("{what}, {name}"))?;
                eprintln!("  {what} {round}/{rounds} {name:<12} {result}");
                results.push(result);
                self.neighbours.borrow_mut().look_again();
            }
        }
        Ok(results)
    }
}

/// Lets somebody else's build finish, and the disk write what is left over.
async fn quiet(patience: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        let (before, since) = (busy_seconds(), Instant::now());
        sleep(Duration::from_millis(500)).await;
        if busy_seconds() - before < QUIET * since.elapsed().as_secs_f64() {
            return;
        }
    }
}
