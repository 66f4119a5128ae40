#![forbid(unsafe_code)]
//! Geometric means over sizes, and the worst row of each operation.

use crate::bar::Bar;
use crate::error::Error;
use crate::report::Row;
use crate::stats::geometric_mean as mean;
use crate::suite::Run;

/// What the suite must reach.
pub(super) const BARS: &[Bar] = &[
    Bar::ratio("worst/hit", "hashbrown", 1.05),
    Bar::ratio("mean/miss", "hashbrown", 0.80),
    Bar::ratio("worst/miss", "hashbrown", 1.00),
    Bar::ratio("mean/fill", "fastest copy", 0.80),
    Bar::ratio("mean/grow/u64", "hashbrown", 0.80),
    Bar::ratio("mean/grow/str", "hashbrown", 1.00),
    Bar::ratio("mean/churn", "hashbrown", 0.70),
    Bar::ratio("mean/churn-roomy", "hashbrown", 0.70),
    Bar::ratio("drift/load-0.55", "first window", 1.05),
    Bar::ratio("drift/load-0.63", "first window", 1.05),
    Bar::ratio("drift/load-0.76", "first window", 1.05),
    Bar::ratio("drift/load-0.85", "first window", 1.05),
    Bar::ratio("drift/load-0.87", "first window", 1.05),
    Bar::ratio("worst/walk", "hashbrown", 1.00),
    Bar::ratio("mean/walk-many", "hashbrown", 1.00),
    Bar::ratio("worst/string", "hashbrown", 1.00),
    Bar::ratio("worst/memory", "hashbrown", 1.05),
    Bar::ratio("clear-sparse/u64/1000000", "hashbrown", 0.005),
    Bar::ratio("walk-sparse/u64/1000000", "hashbrown", 1.00),
    Bar::ratio("walk-tenth/u64/1000000", "hashbrown", 1.00),
    Bar::ours(
        "worst-insert-settled/recycled/1000000",
        "hashbrown",
        100_000.0,
    ),
    Bar::ours(
        "worst-insert-settled/recycled/10000000",
        "hashbrown",
        100_000.0,
    ),
    Bar::ours(
        "worst-insert-settled/fresh/1000000",
        "hashbrown",
        1_000_000.0,
    ),
    Bar::ours(
        "worst-insert-settled/fresh/10000000",
        "hashbrown",
        1_000_000.0,
    ),
];

/// One name over several rows: those of an operation on some kinds of keys.
struct Over {
    name: &'static str,
    operations: &'static [&'static str],
    keys: &'static [&'static str],
    rival: &'static str,
}

const BORROWED: &[&str] = &["u64", "str"];
const ALL: &[&str] = &["hit", "miss", "fill", "grow", "churn", "walk"];
const FASTEST: &str = "fastest copy";

const fn over(
    name: &'static str,
    operations: &'static [&'static str],
    keys: &'static [&'static str],
) -> Over {
    Over {
        name,
        operations,
        keys,
        rival: "hashbrown",
    }
}

const MEANS: [Over; 9] = [
    over("mean/hit", &["hit"], BORROWED),
    over("mean/miss", &["miss"], BORROWED),
    Over {
        rival: FASTEST,
        ..over("mean/fill", &["fill"], BORROWED)
    },
    over("mean/grow/u64", &["grow"], &["u64"]),
    over("mean/grow/str", &["grow"], &["str"]),
    over("mean/churn", &["churn"], BORROWED),
    over("mean/churn-roomy", &["churn-roomy"], BORROWED),
    over("mean/walk-many", &["walk-many"], BORROWED),
    over("mean/string", ALL, &["string"]),
];

const WORST: [Over; 5] = [
    over("worst/hit", &["hit"], BORROWED),
    over("worst/miss", &["miss"], BORROWED),
    over("worst/walk", &["walk"], BORROWED),
    over("worst/string", ALL, &["string"]),
    over("worst/memory", &["memory"], &["u64", "string"]),
];

/// The names of what this file reports.
pub(super) fn rows() -> Vec<String> {
    let overs = MEANS.iter().chain(&WORST);
    overs.map(|over| over.name.to_owned()).collect()
}

/// Reports the means and worst rows of what was run.
pub(super) fn report(run: &mut Run<'_>) -> Result<(), Error> {
    let measured = run.report.rows().to_vec();
    for over in MEANS {
        let rows = over.rows(&measured);
        if !rows.is_empty() && run.wants(over.name) {
            let figure = |of: fn(&Pair) -> f64| mean(rows.iter().map(of));
            let (ours, theirs) = (figure(|row| row.ours), figure(|row| row.theirs));
            run.report
                .single(over.name, over.rival, ours, theirs, "ns")?;
        }
    }
    for over in WORST {
        let rows = over.rows(&measured);
        let worst = rows.iter().max_by(|a, b| a.ratio.total_cmp(&b.ratio));
        if let Some(worst) = worst.filter(|_| run.wants(over.name)) {
            run.report
                .say(&format!("{} is {}\n", over.name, worst.row))?;
            run.report.pass(Row {
                row: over.name.into(),
                ..worst.whole.clone()
            })?;
        }
    }
    Ok(())
}

/// Ours and theirs on one row.
struct Pair<'r> {
    row: &'r str,
    ours: f64,
    theirs: f64,
    ratio: f64,
    whole: &'r Row,
}

impl Over {
    fn rows<'r>(&self, measured: &'r [Row]) -> Vec<Pair<'r>> {
        let is_ours = |row: &&Row| {
            let mut words = row.row.split('/');
            let (operation, keys) = (words.next(), words.next());
            row.suite == super::SUITE.name
                && row.rival == "hashbrown"
                && operation.is_some_and(|word| self.operations.contains(&word))
                && keys.is_some_and(|word| self.keys.contains(&word))
        };
        let copy = |row: &Row| {
            let again = |other: &&Row| other.row == row.row && other.rival == "hashbrown again";
            measured.iter().find(again).map(|again| again.rival_ns)
        };
        let pair = |row: &'r Row| Pair {
            row: &row.row,
            ours: row.ours_ns,
            theirs: match copy(row).filter(|_| self.rival == FASTEST) {
                Some(again) => again.min(row.rival_ns),
                None => row.rival_ns,
            },
            ratio: row.ratio,
            whole: row,
        };
        measured.iter().filter(is_ours).map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, rival: &str, ours_ns: f64, rival_ns: f64) -> Row {
        Row {
            suite: "map".into(),
            row: name.into(),
            rival: rival.into(),
            ours_ns,
            rival_ns,
            ratio: ours_ns / rival_ns,
            spread: 0.0,
            unit: "ns".into(),
        }
    }

    #[test]
    fn a_mean_takes_its_operation_and_keys_and_the_fastest_copy_where_it_says_so() {
        let measured = [
            row("fill/u64/8", "hashbrown", 1.0, 4.0),
            row("fill/u64/8", "hashbrown again", 1.0, 2.0),
            row("fill/string/8", "hashbrown", 1.0, 9.0),
            row("hit/u64/8", "hashbrown", 1.0, 9.0),
        ];
        let fill = &MEANS[2];
        let rows = fill.rows(&measured);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].theirs, 2.0);
        let worst = WORST[0].rows(&measured);
        assert_eq!((worst.len(), worst[0].row), (1, "hit/u64/8"));
    }
}
