//! The same 1,000 messages a second while other programs keep every core busy.

use std::time::Duration;

use anyhow::Result;
use tokio::process::{Child, Command};

use crate::lines::latency::{AGENTS, RATE, lost, plan, ready, worst_other};
use crate::report::{Figure, Goal};
use crate::samples::median;
use crate::sides::Side;
use crate::stand::Stand;
use crate::traffic::{Outcome, run};

/// A percent may fall on the edges of the measured time.
const HELD: f64 = 0.99;

pub async fn measure(stand: &Stand) -> Result<Vec<Figure>> {
    ready(&stand.shop).await?;
    let sides = [stand.bare_side(), stand.shop_side()];
    let plan = plan(stand);
    let turn = async |side: &Side| {
        let burners = Burners::start(plan.warm_up + plan.measured + Duration::from_secs(120))?;
        let outcome = run(side, &plan, &burners.pids()).await;
        burners.stop().await?;
        outcome
    };
    let all = stand.in_turns("busy", stand.rounds(), &sides, turn).await?;

    let of = |side: usize, pick: fn(&Outcome) -> f64| median(all[side].iter().map(pick));
    let other = worst_other(&all);
    let delivered = |what: &str, pick: fn(&Outcome) -> f64| {
        Figure::new(what, "ms", of(1, pick) / 1000.0)
            .against(of(0, pick) / 1000.0)
            .other(other)
    };
    let rate: fn(&Outcome) -> f64 = |it| it.stored_per_second;
    let goal = Goal::at_least(f64::from(RATE) * HELD, f64::from(RATE) * HELD);
    Ok(vec![
        Figure::new(
            format!("both cores busy: stored of {RATE}"),
            "1/s",
            of(1, rate),
        )
        .against(of(0, rate))
        .goal(goal)
        .other(other),
        delivered("both cores busy: delivery p50", |it| it.p50_us),
        delivered("both cores busy: delivery p99", |it| it.p99_us).goal(Goal::at_most(30.0, 12.0)),
        lost(&format!("both cores busy: lost, {AGENTS} agents"), &all[1]),
    ])
}

/// Processes that do nothing but use a core each, and end by themselves.
struct Burners(Vec<Child>);

impl Burners {
    fn start(most: Duration) -> Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        let start = |_| {
            let mut command = Command::new(std::env::current_exe()?);
            command
                .arg("burn")
                .arg(most.as_secs().to_string())
                .kill_on_drop(true);
            Ok(command.spawn()?)
        };
        Ok(Self((0..cores).map(start).collect::<Result<_>>()?))
    }

    fn pids(&self) -> Vec<u32> {
        self.0.iter().filter_map(Child::id).collect()
    }

    async fn stop(self) -> Result<()> {
        for mut child in self.0 {
            child.kill().await?;
        }
        Ok(())
    }
}

/// What such a process does.
pub fn burn(seconds: u64) {
    let end = std::time::Instant::now() + Duration::from_secs(seconds);
    let mut x = 1_u64;
    while std::time::Instant::now() < end {
        for _ in 0..100_000 {
            x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}
