//! The table at the end: each figure beside the bare one, its gate and its aim.

use std::fmt;

#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy)]
pub enum Judged {
    Ratio,
    Value,
}

#[derive(Clone, Copy)]
pub struct Goal {
    pub judged: Judged,
    pub gate: Bound,
    pub aim: Bound,
}

/// One line of the table.
pub struct Figure {
    pub what: String,
    pub unit: &'static str,
    pub ours: f64,
    /// The same of the side that it is held against.
    pub theirs: Option<f64>,
    pub goal: Option<Goal>,
    /// What else the machine did meanwhile, in cores.
    pub other: Option<f64>,
}

impl Goal {
    pub fn ratio_at_most(gate: f64, aim: f64) -> Option<Self> {
        let (gate, aim) = (Bound::AtMost(gate), Bound::AtMost(aim));
        Some(Self {
            judged: Judged::Ratio,
            gate,
            aim,
        })
    }

    pub fn ratio_at_least(gate: f64, aim: f64) -> Option<Self> {
        let (gate, aim) = (Bound::AtLeast(gate), Bound::AtLeast(aim));
        Some(Self {
            judged: Judged::Ratio,
            gate,
            aim,
        })
    }

    pub fn at_most(gate: f64, aim: f64) -> Option<Self> {
        let (gate, aim) = (Bound::AtMost(gate), Bound::AtMost(aim));
        Some(Self {
            judged: Judged::Value,
            gate,
            aim,
        })
    }

    pub fn at_least(gate: f64, aim: f64) -> Option<Self> {
        let (gate, aim) = (Bound::AtLeast(gate), Bound::AtLeast(aim));
        Some(Self {
            judged: Judged::Value,
            gate,
            aim,
        })
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }

    fn show(self, judged: Judged) -> String {
        let (sign, bound) = match self {
            Self::AtMost(bound) => ('≤', bound),
            Self::AtLeast(bound) => ('≥', bound),
        };
        let times = if matches!(judged, Judged::Ratio) {
            "×"
        } else {
            ""
        };
        format!("{sign} {bound}{times}")
    }
}

impl Figure {
    pub fn new(what: impl Into<String>, unit: &'static str, ours: f64) -> Self {
        Self {
            what: what.into(),
            unit,
            ours,
            theirs: None,
            goal: None,
            other: None,
        }
    }

    pub fn against(mut self, theirs: f64) -> Self {
        self.theirs = Some(theirs);
        self
    }

    pub fn goal(mut self, goal: Option<Goal>) -> Self {
        self.goal = goal;
        self
    }

    pub fn other(mut self, other: f64) -> Self {
        self.other = Some(other);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.theirs.map(|theirs| self.ours / theirs)
    }

    fn verdict(&self) -> &'static str {
        let Some(goal) = self.goal else { return "" };
        let value = match goal.judged {
            Judged::Ratio => self.ratio().unwrap_or(f64::NAN),
            Judged::Value => self.ours,
        };
        match (goal.gate.holds(value), goal.aim.holds(value)) {
            (_, true) => "aim met",
            (true, false) => "gate met",
            (false, false) => "NOT MET",
        }
    }

    fn cells(&self) -> [String; 8] {
        let bound = |pick: fn(&Goal) -> Bound| {
            self.goal
                .map_or(String::new(), |goal| pick(&goal).show(goal.judged))
        };
        [
            format!("{}, {}", self.what, self.unit),
            number(self.ours),
            self.theirs.map_or(String::new(), number),
            self.ratio().map_or(String::new(), |it| format!("{it:.2}×")),
            bound(|goal| goal.gate),
            bound(|goal| goal.aim),
            self.verdict().to_owned(),
            self.other.map_or(String::new(), |it| format!("{it:.2}")),
        ]
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "none".to_owned(),
        size if 100.0 <= size || value == 0.0 => format!("{value:.0}"),
        size if 10.0 <= size => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub struct Table<'a>(pub &'a [Figure]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = [
            "figure",
            "shopbell",
            "beside",
            "ratio",
            "gate",
            "aim",
            "verdict",
            "other CPU",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.0.iter().map(Figure::cells));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; 8] = std::array::from_fn(|column| width(column).unwrap_or_default());
        for (nth, row) in rows.iter().enumerate() {
            write!(f, "|")?;
            for (cell, width) in row.iter().zip(widths) {
                write!(f, " {cell:width$} |")?;
            }
            writeln!(f)?;
            if nth == 0 {
                let dashes = widths.map(|width| "-".repeat(width + 2));
                writeln!(f, "|{}|", dashes.join("|"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_judged_by_its_gate_and_its_aim() {
        let judge = |ours: f64| {
            let figure = Figure::new("p50", "µs", ours).against(100.0);
            figure.goal(Goal::ratio_at_most(3.0, 1.5)).verdict()
        };
        assert_eq!(
            [judge(150.0), judge(299.0), judge(301.0)],
            ["aim met", "gate met", "NOT MET"]
        );
        let rate = |ours: f64| Figure::new("rate", "1/s", ours).goal(Goal::at_least(2.0, 6.0));
        assert_eq!(
            [rate(7.0).verdict(), rate(1.0).verdict()],
            ["aim met", "NOT MET"]
        );
    }

    #[test]
    fn nothing_measured_meets_no_gate() {
        let figure = Figure::new("p50", "µs", f64::NAN).goal(Goal::at_most(1.0, 1.0));
        assert_eq!(figure.verdict(), "NOT MET");
    }
}
