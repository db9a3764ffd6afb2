//! Fifty agents of whom no two see the same sites, beside fifty who all see all of
//! them: what it costs that each piece of news asks who may have it.

use std::rc::Rc;

use anyhow::Result;

use crate::fill;
use crate::lines::latency::{VISITORS, lost, plan, worst_other};
use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::shop::Shop;
use crate::sides::Side;
use crate::stand::{Named, Stand};
use crate::traffic::{Outcome, Pace, Plan, run};

const AGENTS: usize = 50;
/// Fifty sockets make ten thousand frames of these.
const A_SECOND: u32 = 200;

struct Team {
    name: &'static str,
    shop: Rc<Shop>,
}

impl Named for Team {
    fn name(&self) -> &'static str {
        self.name
    }
}

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    let team = |name: &'static str| {
        let shop = stand.empty_shop.copy(stand.folder(name))?;
        anyhow::Ok(Team {
            name,
            shop: Rc::new(shop),
        })
    };
    let teams = [team("one-sight")?, team("many-sights")?];
    for team in &teams {
        team.shop.hire(AGENTS).await?;
        let process = team.shop.start().await?;
        team.shop.visitors(VISITORS).await?;
        process.stop().await?;
    }
    fill::sights(&teams[1].shop.data, AGENTS)?;

    let plan = Plan {
        agents: AGENTS,
        pace: Pace::Fixed(A_SECOND),
        ..plan(stand)
    };
    let turn = async |team: &Team| run(&Side::Shop(team.shop.clone()), &plan, &[]).await;
    let all = stand
        .in_turns("sights", stand.rounds(), &teams, turn)
        .await?;
    let of = |side: usize, pick: fn(&Outcome) -> f64| median(all[side].iter().map(pick));
    let other = worst_other(&all);
    let row = |what: &str, unit, pick: fn(&Outcome) -> f64| {
        let what = format!("{what} at {A_SECOND}/s, {AGENTS} agents of different sight");
        Figure::new(what, unit, of(1, pick))
            .against(of(0, pick))
            .goal(Goal::ratio_at_most(1.3, 1.0))
            .other(other)
    };
    Ok(vec![
        row("delivery p50", "µs", |it| it.p50_us),
        row("delivery p99", "µs", |it| it.p99_us),
        row("CPU a message", "µs", |it| it.cpu_us_per_message),
        lost("lost among different sights", &all[1]),
    ])
}
