#![forbid(unsafe_code)]
//! What a long life of changes does to a table of constant size: time, and bytes.
//!
//! `drift/load-LOAD` goes through 50 million changes (an entry erased, another inserted)
//! and compares the later tenths with the first; `churned/…` are the bytes of a table after
//! 20 million, ours against hashbrown's, and how many changes it took for it to grow.

use crate::engine::{Hasher, Table};
use crate::error::Error;
use crate::suite::Run;
use std::hint::black_box;

/// Entries and the load that they are in a table grown for them.
const SIZES: [(&str, u64); 5] = [
    ("0.55", 9_000),
    ("0.63", 640),
    ("0.76", 100_000),
    ("0.85", 14_000),
    ("0.87", 14_300),
];
/// Changes of a row, and of one window of it.
const CHANGES: u64 = 50_000_000;
const WINDOWS: usize = 10;
/// Parts of a window that are timed by themselves; the median counts.
const PARTS: u64 = 50;
/// Changes before the bytes are read: hashbrown has doubled its table by then, if it does.
const CHURNED: u64 = 20_000_000;

fn drift(load: &str) -> String {
    format!("drift/load-{load}")
}

fn churned(n: u64) -> String {
    format!("churned/u64/{n}")
}

pub(super) fn rows() -> Vec<String> {
    let of = |name: fn((&str, u64)) -> String| SIZES.map(name);
    [of(|(load, _)| drift(load)), of(|(_, n)| churned(n))].concat()
}

/// Runs the rows.
///
/// # Errors
///
/// A table with another number of entries than it should have, and those of the report.
pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if run.quick {
        return Ok(());
    }
    for (load, n) in SIZES {
        if run.wants(&drift(load)) {
            flat(run, &drift(load), n)?;
        }
    }
    for (_, n) in SIZES {
        if run.wants(&churned(n)) {
            let mut ours = Life::new(millpond_map::HashMap::<u64, u64>::new(), n);
            let mut theirs = Life::new(hashbrown::HashMap::<u64, u64, Hasher>::default(), n);
            let grown = [
                ours.live(CHURNED, |map| map.allocation_size()),
                theirs.live(CHURNED, |map| map.allocation_size()),
            ];
            ours.check(&churned(n))?;
            theirs.check(&churned(n))?;
            let bytes = [
                ours.map.allocation_size(),
                super::lent(theirs.map.allocation_size()),
            ];
            let [ours, theirs] = bytes.map(|bytes| bytes as f64 / n as f64);
            run.report
                .single(&churned(n), "hashbrown", ours, theirs, "bytes")?;
            let [ours, theirs] = grown.map(|changes| changes as f64);
            run.report
                .single(&churned(n), "hashbrown, as it was", ours, theirs, "changes")?;
        }
    }
    Ok(())
}

/// Reports the median and the slowest window after the first against the first, and the bytes.
fn flat(run: &mut Run<'_>, row: &str, n: u64) -> Result<(), Error> {
    let mut life = Life::new(millpond_map::HashMap::<u64, u64>::new(), n);
    let bytes = life.map.allocation_size();
    let per_part = CHANGES / WINDOWS as u64 / PARTS;
    let mut windows = [0.0; WINDOWS];
    for (number, window) in windows.iter_mut().enumerate() {
        run.report
            .progress(row, &format!("window {}/{WINDOWS}", number + 1));
        let mut parts: Vec<u64> = (0..PARTS)
            .map(|_| run.pace.clock.time(|| life.change(per_part)).1)
            .collect();
        parts.sort_unstable();
        *window = parts[parts.len() / 2] as f64 / per_part as f64;
    }
    life.check(row)?;
    let [first, later @ ..] = windows;
    let mut sorted = later;
    sorted.sort_by(f64::total_cmp);
    let (median, slowest) = (sorted[later.len() / 2], sorted[later.len() - 1]);
    let report = &mut run.report;
    report.single(row, "first window", median, first, "ns")?;
    report.single(row, "first window, slowest", slowest, first, "ns")?;
    let (after, before) = (life.map.allocation_size() as f64, bytes as f64);
    report.single(row, "bytes at first", after, before, "bytes")
}

/// A table in which the oldest entry makes room for a new one, for ever.
struct Life<M> {
    map: M,
    oldest: u64,
    n: u64,
}

/// The key with that number: any order but that of the numbers.
fn key(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<M: Table<u64>> Life<M> {
    fn new(mut map: M, n: u64) -> Life<M> {
        (0..n).for_each(|number| map.put(key(number), number));
        Life { map, oldest: 0, n }
    }

    fn change(&mut self, count: u64) {
        for number in self.oldest..self.oldest + count {
            black_box(self.map.take(&key(number)));
            self.map.put(key(number + self.n), number);
        }
        self.oldest += count;
    }

    /// Changes entries, and returns after how many changes the table took other `bytes` than
    /// at first; all of them, if it never did.
    fn live(&mut self, count: u64, bytes: fn(&M) -> usize) -> u64 {
        let at_first = bytes(&self.map);
        let mut as_it_was = count;
        for done in 1..=count {
            self.change(1);
            if as_it_was == count && bytes(&self.map) != at_first {
                as_it_was = done;
            }
        }
        as_it_was
    }

    /// Checks that the table holds what it should.
    fn check(&self, row: &str) -> Result<(), Error> {
        let held = self.oldest..self.oldest + self.n;
        let found = held.filter(|&number| self.map.find(&key(number)).is_some());
        let found = found.count() as u64;
        if (found, self.map.entries() as u64) == (self.n, self.n) {
            return Ok(());
        }
        Err(Error::WrongAnswer {
            row: format!("map/{row}"),
            engine: std::any::type_name::<M>().to_owned(),
            detail: format!(
                "{found} of {} entries, {} are right",
                self.map.entries(),
                self.n
            ),
        })
    }
}
