#![forbid(unsafe_code)]
//! The same programs as cargo builds them by default: the allocator is in place in the
//! program's own crate, and a call that knows no size from all others.

use super::programs::{self, Build};
use super::{means, rows};
use crate::contest::Timing;
use crate::error::Error;
use crate::suite::Run;

/// The rows that this file reports, and those of the programs behind them.
const ROWS: [(&str, &str); 5] = [
    ("apart/64", "a/64"),
    ("apart/64-live", "a/64-live"),
    ("apart/random", "b/random"),
    ("apart/requests", "e/requests"),
    ("apart/server", "i/server"),
];

/// The geometric mean of them.
const MEAN: &str = "apart/mean";

/// What this file reports.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|(row, _)| *row).chain([MEAN])
}

/// Runs the rows that are wanted.
pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if !names().any(|row| run.wants(row)) {
        return Ok(());
    }
    let programs = programs::build(run, Build::Apart)?;
    let mut all: Vec<Vec<Timing>> = Vec::new();
    for (row, asked) in ROWS {
        if run.wants(row) || run.wants(MEAN) {
            let measured = rows::meet(run, &programs, asked)?;
            run.report.contest(row, "ns", &measured.times)?;
            all.push(measured.times);
        }
    }
    if all.len() < ROWS.len() {
        return Ok(());
    }
    run.report.contest(MEAN, "ns", &means::over_rows(&all))
}
