#![forbid(unsafe_code)]
//! Which engines meet on which rows, and what must come of it.

pub mod alloc;
pub mod cross;
pub mod map;
pub mod observe;
pub mod pool;
pub mod request;
pub mod runner;
pub mod shared;
pub mod tables;

use crate::bar::Bar;
use crate::contest::{self, Batch, Contestant, Pace, Size, Timing};
use crate::error::Error;
use crate::report::Report;
use crate::workload::Answer;
use std::ops::Range;

/// A set of rows that are run together.
#[derive(Debug)]
pub struct Suite {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it compares, in a sentence.
    pub about: &'static str,
    /// Its rows, in the order of a run.
    pub rows: fn() -> Vec<String>,
    /// What it must reach.
    pub bars: &'static [Bar],
    /// Runs the rows that are wanted.
    pub run: fn(&mut Run<'_>) -> Result<(), Error>,
}

/// Every suite, in the order of `list`.
pub const SUITES: &[&Suite] = &[
    &request::SUITE,
    &map::SUITE,
    &cross::SUITE,
    &pool::SUITE,
    &shared::SUITE,
    &tables::SUITE,
    &alloc::SUITE,
    &observe::SUITE,
    &runner::SUITE,
];

/// The rivals that this build lacks, and why.
pub const MISSING: &[&str] = if cfg!(feature = "rivals") {
    &[]
} else {
    &[
        "mimalloc-v3 (feature `rivals`)",
        "tikv-jemallocator (feature `rivals`)",
    ]
};

/// What a suite needs to run.
#[derive(Debug)]
pub struct Run<'a> {
    /// Where rows go.
    pub report: &'a mut Report,
    /// Rounds and their length.
    pub pace: Pace,
    /// Rounds, where the command line names them.
    pub rounds: Option<usize>,
    /// What all workloads are drawn from.
    pub seed: u64,
    /// Whether the suite must end within a minute.
    pub quick: bool,
    /// Whether rows that take minutes are run too.
    pub long: bool,
    /// Parts of row names; a row is wanted if it has one. Empty wants all.
    pub filter: Vec<String>,
}

impl Run<'_> {
    /// Returns whether `row` was asked for.
    pub fn wants(&self, row: &str) -> bool {
        wants(&self.filter, row)
    }

    /// Lets `contestants` meet on `row`, if it is wanted, and reports it.
    ///
    /// A piece of work is `per` operations; what is reported is one operation.
    ///
    /// # Errors
    ///
    /// A wrong answer, or a report that cannot be written.
    pub fn row(
        &mut self,
        row: &str,
        per: usize,
        size: Size,
        contestants: &mut [Box<dyn Contestant + '_>],
        expected: &dyn Fn(Batch) -> Answer,
    ) -> Result<(), Error> {
        if !self.wants(row) {
            return Ok(());
        }
        let (pace, report) = (self.pace, &mut *self.report);
        let mut heard =
            |round| report.progress(row, &format!("round {}/{}", round + 1, pace.rounds));
        let mut timings = contest::meet(row, contestants, pace, size, expected, &mut heard)?;
        scale(&mut timings, per);
        self.report.contest(row, "ns", &timings)
    }
}

fn wants(filter: &[String], row: &str) -> bool {
    filter.is_empty() || filter.iter().any(|part| row.contains(part.as_str()))
}

/// Turns nanoseconds per piece of work into nanoseconds per operation.
fn scale(timings: &mut [Timing], per: usize) {
    for ns in timings.iter_mut().flat_map(|t| &mut t.ns) {
        *ns /= per as f64;
    }
}

/// Calls `work` with each index of `batch`, wrapped into `0..len`.
#[inline(always)]
pub(crate) fn each(batch: Batch, len: usize, mut work: impl FnMut(usize)) {
    each_run(batch, len, |run| run.for_each(&mut work));
}

/// Calls `work` with the indices of `batch`, wrapped into `0..len`, as runs.
#[inline(always)]
pub(crate) fn each_run(batch: Batch, len: usize, mut work: impl FnMut(Range<usize>)) {
    let mut at = batch.first % len;
    let mut left = batch.count;
    while left > 0 {
        let run = left.min(len - at);
        work(at..at + run);
        left -= run;
        at = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_batch_wraps_around() {
        let mut seen = Vec::new();
        each(Batch { first: 5, count: 7 }, 3, |i| seen.push(i));
        assert_eq!(seen, [2, 0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_filter_is_part_of_a_row_name() {
        let filter = ["u64".to_owned()];
        assert!(wants(&filter, "u64/8") && !wants(&filter, "str/8") && wants(&[], "str/8"));
    }

    #[test]
    fn every_bar_stands_on_a_row_of_its_suite() {
        for suite in SUITES {
            let rows: BTreeSet<String> = (suite.rows)().into_iter().collect();
            for bar in suite.bars {
                assert!(rows.contains(bar.row), "{}: no row {}", suite.name, bar.row);
            }
        }
    }
}
