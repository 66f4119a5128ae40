#![forbid(unsafe_code)]
//! Tables that are only read, and what is done to a table as a whole.

mod read;
mod whole;

use super::{Run, Suite};
use crate::bar::Bar;
use crate::contest::{Batch, Contestant};
use crate::error::Error;
use crate::workload::Answer;

/// Frozen, sorted and plain tables; removal in batches, rebuilding, counters that vanish.
pub static SUITE: Suite = Suite {
    name: "tables",
    about: "tables that are only read; removal in batches, rebuilding, counters at zero",
    rows,
    bars: &[
        Bar::ratio("read/hit/8", "hashbrown", 1.0),
        Bar::ratio("read/hit/64", "hashbrown", 1.0),
        Bar::ratio("read/hit/1000", "hashbrown", 1.0),
        Bar::ratio("read/hit/64000", "hashbrown", 1.0),
        Bar::ratio("read/hit/1000000", "hashbrown", 1.0),
        Bar::ratio("read/many/1000000", "hashbrown", 0.5),
        Bar::ratio("remove/10000-of-100000", "hashbrown one by one", 0.15),
        Bar::ratio("rebuild/quarter-of-1000000", "hashbrown grown anew", 0.7),
    ],
    run,
};

fn rows() -> Vec<String> {
    let mut rows = read::rows();
    rows.extend(whole::rows());
    rows
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    read::run(run)?;
    whole::run(run)
}

/// A contestant made of two closures.
struct Piece<P, R> {
    name: &'static str,
    is_rival: bool,
    prepare: P,
    work: R,
}

impl<P: FnMut(), R: FnMut(Batch) -> Answer> Contestant for Piece<P, R> {
    fn name(&self) -> &str {
        self.name
    }

    fn is_rival(&self) -> bool {
        self.is_rival
    }

    fn prepare(&mut self, _round: usize) {
        (self.prepare)();
    }

    fn run(&mut self, batch: Batch) -> Answer {
        (self.work)(batch)
    }
}

/// A table of ours that needs nothing before a round.
fn ours<'d>(
    name: &'static str,
    work: impl FnMut(Batch) -> Answer + 'd,
) -> Box<dyn Contestant + 'd> {
    Box::new(Piece {
        name,
        is_rival: false,
        prepare: || (),
        work,
    })
}

/// Another people's table that needs nothing before a round.
fn theirs<'d>(
    name: &'static str,
    work: impl FnMut(Batch) -> Answer + 'd,
) -> Box<dyn Contestant + 'd> {
    Box::new(Piece {
        name,
        is_rival: true,
        prepare: || (),
        work,
    })
}
