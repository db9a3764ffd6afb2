//! Delivery at 1,000 messages a second: 200 visitors with open sockets post
//! over HTTP, ten agents hear it. And what a message costs the processor.

use anyhow::Result;

use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::shop::Shop;
use crate::sides::Side;
use crate::stand::Stand;
use crate::traffic::{Outcome, Pace, Plan, run};

pub const RATE: u32 = 1000;
pub const VISITORS: usize = 200;
pub const AGENTS: usize = 10;

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    ready(&stand.shop).await?;
    let sides = [
        stand.bare_side(),
        Side::BareToAll(stand.bare.clone()),
        stand.shop_side(),
    ];
    let plan = plan(stand);
    let turn = async |side: &Side| run(side, &plan, &[]).await;
    let all = stand
        .in_turns("latency", stand.rounds(), &sides, turn)
        .await?;
    let [bare, to_all, shop] = &all[..] else {
        unreachable!("three sides")
    };

    // As the bare relay has it: one screen hears a line.
    let alone = Plan { agents: 1, ..plan };
    let turn = async |side: &Side| run(side, &alone, &[]).await;
    let sides = [stand.bare_side(), stand.shop_side()];
    let one = stand
        .in_turns("latency, one agent", stand.rounds(), &sides, turn)
        .await?;
    let [bare_one, shop_one] = &one[..] else {
        unreachable!("two sides")
    };

    let of = |side: &[Outcome], pick: fn(&Outcome) -> f64| median(side.iter().map(pick));
    let other = worst_other(&all);
    let row = |what: &str, pick: fn(&Outcome) -> f64, beside: &[Outcome]| {
        Figure::new(what, "µs", of(shop, pick))
            .against(of(beside, pick))
            .other(other)
    };
    Ok(vec![
        row("delivery at 1,000/s, p50", |it| it.p50_us, bare).goal(Goal::ratio_at_most(3.0, 1.5)),
        row("delivery at 1,000/s, p99", |it| it.p99_us, bare).goal(Goal::ratio_at_most(4.0, 2.0)),
        row(
            "… p50 beside bare to all ten agents",
            |it| it.p50_us,
            to_all,
        ),
        row(
            "… p99 beside bare to all ten agents",
            |it| it.p99_us,
            to_all,
        ),
        row("… until “stored”, p50", |it| it.stored_p50_us, bare),
        row("… until “stored”, p99", |it| it.stored_p99_us, bare),
        row(
            "CPU a message at 1,000/s, to all ten agents",
            |it| it.cpu_us_per_message,
            to_all,
        ),
        Figure::new(
            "CPU a message at 1,000/s, one agent",
            "µs",
            of(shop_one, |it| it.cpu_us_per_message),
        )
        .against(of(bare_one, |it| it.cpu_us_per_message))
        .other(worst_other(&one))
        .goal(Goal::at_most(250.0, 100.0)),
        lost("lost at 1,000/s", shop),
    ])
}

/// Visitors and agents exist before the first turn.
pub async fn ready(shop: &Shop) -> Result<()> {
    shop.hire(AGENTS).await?;
    let process = shop.start().await?;
    shop.visitors(VISITORS).await?;
    process.stop().await
}

pub fn plan(stand: &Stand) -> Plan {
    Plan {
        visitors: VISITORS,
        agents: AGENTS,
        pace: Pace::Fixed(RATE),
        warm_up: stand.warm_up(),
        measured: stand.measured(),
    }
}

/// What else the machine did, on the side that suffered most from it.
pub fn worst_other(all: &[Vec<Outcome>]) -> f64 {
    let medians = all
        .iter()
        .map(|side| median(side.iter().map(|it| it.usage.other)));
    medians.fold(0.0, f64::max)
}

/// Acknowledged and not stored, not shown to an agent, or refused: over all turns.
pub fn lost(what: &str, outcomes: &[Outcome]) -> Figure {
    let lost: usize = outcomes
        .iter()
        .map(|it| it.missing + it.unheard + it.failed)
        .sum();
    Figure::new(what, "messages", lost as f64).goal(Goal::at_most(0.0, 0.0))
}
