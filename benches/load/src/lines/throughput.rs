//! As much as the server takes: 500 visitors, each writing again as soon as his
//! last line is stored; one agent is there and hears it all, on every side.

use std::rc::Rc;

use anyhow::Result;

use crate::lines::latency::{lost, worst_other};
use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::sides::Side;
use crate::stand::Stand;
use crate::traffic::{Outcome, Pace, Plan, run};

pub const VISITORS: usize = 500;

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    let process = stand.shop.start().await?;
    stand.shop.visitors(VISITORS).await?;
    process.stop().await?;

    let mut sides = vec![stand.bare_side(), stand.shop_side()];
    sides.extend(stand.node.as_ref().map(|node| Side::Node(Rc::clone(node))));
    let (warm_up, measured) = (stand.warm_up(), stand.measured());
    let plan = Plan {
        visitors: VISITORS,
        agents: 1,
        pace: Pace::Unpaced,
        warm_up,
        measured,
    };
    let turn = async |side: &Side| run(side, &plan, &[]).await;
    let all = stand
        .in_turns("throughput", stand.rounds(), &sides, turn)
        .await?;

    let rate = |side: &[Outcome]| median(side.iter().map(|it| it.stored_per_second));
    let (bare, shop) = (&all[0], &all[1]);
    let other = worst_other(&all);
    let sustained = |what: &str, beside: f64| {
        Figure::new(what, "1/s", rate(shop))
            .against(beside)
            .other(other)
    };
    let mut figures = vec![
        sustained("sustained, 500 visitors", rate(bare)).goal(Goal::ratio_at_least(0.15, 0.4)),
    ];
    let cost = |side: &[Outcome]| median(side.iter().map(|it| it.cpu_us_per_message));
    figures.push(
        Figure::new("CPU a message, sustained", "µs", cost(shop))
            .against(cost(bare))
            .other(other)
            .goal(Goal::at_most(250.0, 100.0)),
    );
    match all.get(2) {
        Some(node) => figures.push(
            sustained("… beside socket.io + better-sqlite3", rate(node))
                .goal(Goal::ratio_at_least(2.0, 6.0)),
        ),
        None => eprintln!("  (no socket.io peer: npm ci in benches/load/peers/node)"),
    }
    figures.push(lost("lost under full load", shop));
    Ok(figures)
}
