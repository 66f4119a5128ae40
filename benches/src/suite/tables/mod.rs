#![forbid(unsafe_code)]
//! Tables that are only read, and what is done to a table as a whole.

mod counters;
mod read;
mod rebuild;
mod remove;

pub use self::rebuild::probe as rebuild_probe;

use super::{Run, Suite};
use crate::bar::Bar;
use crate::contest::{Batch, Contestant};
use crate::engine::Hasher;
use crate::error::Error;
use crate::workload::Answer;
use std::cell::RefCell;
use std::rc::Rc;

/// Frozen, sorted and plain tables; removal in batches, rebuilding, counters that vanish.
pub static SUITE: Suite = Suite {
    name: "tables",
    about: "tables that are only read; removal in batches, rebuilding, counters at zero",
    rows,
    bars: &[
        Bar::ratio("read/hit/8", "best", 1.0),
        Bar::ratio("read/hit/64", "best", 1.0),
        Bar::ratio("read/hit/1000", "best", 1.0),
        Bar::ratio("read/hit/64000", "best", 1.0),
        Bar::ratio("read/hit/1000000", "best", 1.0),
        Bar::ratio("read/miss/8", "best", 1.0),
        Bar::ratio("read/miss/64", "best", 1.0),
        Bar::ratio("read/miss/1000", "best", 1.0),
        Bar::ratio("read/miss/64000", "best", 1.0),
        Bar::ratio("read/miss/1000000", "best", 1.0),
        Bar::ratio("read/many/1000000", "best", 0.5),
        Bar::ratio(remove::INTEGERS, remove::ONE_BY_ONE, 0.15),
        Bar::ratio(remove::STRINGS, remove::ONE_BY_ONE, 0.15),
        Bar::ratio(remove::PREFIX, remove::ONE_BY_ONE, 0.15),
        Bar::ratio(rebuild::TIME, rebuild::ANEW, 0.7),
        Bar::ratio(rebuild::PEAK, rebuild::ANEW, 0.6),
        Bar::ratio(rebuild::PEAK_SMALL, rebuild::ANEW, 0.6),
        Bar::ratio(counters::LONG_TIME, "first window", 1.05),
        Bar::ratio(counters::LONG_BYTES, "first window", 1.05),
        Bar::ratio(counters::LONG_AGED, "fresh table", 1.05),
    ],
    run,
};

fn rows() -> Vec<String> {
    let mut rows = read::rows();
    rows.extend(remove::rows());
    rows.extend(rebuild::rows());
    rows.extend(counters::rows());
    rows
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    read::run(run)?;
    remove::run(run)?;
    rebuild::run(run)?;
    counters::run(run)
}

type Ours<K = u64> = millpond_map::HashMap<K, u64>;
type Brown<K = u64> = hashbrown::HashMap<K, u64, Hasher>;

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

/// A map that is made anew before each round, and work that uses it up.
fn once<'d, M: 'd>(
    name: &'static str,
    is_rival: bool,
    make: impl Fn() -> M + 'd,
    work: impl Fn(&mut M) -> usize + 'd,
) -> Box<dyn Contestant + 'd> {
    // Shared by the two halves of the piece, one of which runs at a time.
    let map = Rc::new(RefCell::new(make()));
    let again = map.clone();
    Box::new(Piece {
        name,
        is_rival,
        prepare: move || *again.borrow_mut() = make(),
        work: move |_| left(work(&mut map.borrow_mut())),
    })
}

fn left(entries: usize) -> Answer {
    Answer {
        entries: entries as u64,
        ..Answer::default()
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
