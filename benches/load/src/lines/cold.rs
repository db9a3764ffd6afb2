//! Cold start: from the start of the process to the first 200 on `/healthz`
//! and on `/login`, empty and with 1,000,000 messages.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::shop::Shop;
use crate::sides::Bare;
use crate::stand::{Named, Stand};

enum Start {
    Bare(Rc<Bare>),
    Shop(Rc<Shop>),
}

struct Times {
    healthy: Duration,
    page: Duration,
}

impl Named for Start {
    fn name(&self) -> &'static str {
        match self {
            Self::Bare(_) => "bare",
            Self::Shop(_) => "shopbell",
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [healthy, page] = [self.healthy, self.page].map(|it| it.as_secs_f64() * 1e3);
        write!(f, "healthy after {healthy:.1} ms, page after {page:.1} ms")
    }
}

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    let full = stand.full().await?;
    let empty = [
        Start::Bare(stand.empty_bare.clone()),
        Start::Shop(stand.empty_shop.clone()),
    ];
    let full = [
        Start::Bare(full.bare.clone()),
        Start::Shop(full.shop.clone()),
    ];
    let mut figures = starts(
        stand,
        "cold start, empty",
        &empty,
        Goal::at_most(50.0, 10.0),
    )
    .await?;
    let goal = Goal::at_most(100.0, 15.0);
    figures.extend(starts(stand, "cold start, 1,000,000 messages", &full, goal).await?);
    Ok(figures)
}

async fn starts(
    stand: &Stand,
    what: &str,
    sides: &[Start],
    goal: Option<Goal>,
) -> Result<Vec<Figure>> {
    let turn = async |side: &Start| once(side).await;
    let rounds = stand.pick(9, 3);
    let all = stand.in_turns(what, rounds, sides, turn).await?;
    let page = |side: usize| median(all[side].iter().map(|it| it.page.as_secs_f64() * 1e3));
    Ok(vec![
        Figure::new(what, "ms", page(1)).against(page(0)).goal(goal),
    ])
}

async fn once(side: &Start) -> Result<Times> {
    let (mut process, at, page) = match side {
        Start::Bare(bare) => (bare.spawn()?, bare.at, "/list"),
        Start::Shop(shop) => (shop.spawn()?, shop.at, "/login"),
    };
    let healthy = process.answers(at, "/healthz").await?;
    let page = process.answers(at, page).await?;
    process.stop().await?;
    Ok(Times { healthy, page })
}
