#![forbid(unsafe_code)]
//! The allocator under a Rust program, against those that one can install.
//!
//! Each allocator has a program of its own (`benches/alloc`), the same source
//! built with another feature. A row starts every program once a round, in an
//! order that moves on by one; a process measures one row and ends.
//!
//! ```text
//!   row d/btree    round 1   ours  v3  v2  sn  je  rp  ru  sys     a process each
//!                  round 2   v3  v2  sn  je  rp  ru  sys  ours
//! ```
//!
//! A row is named by its letter and its kind. Means take each row once (`all`),
//! or each letter once, a letter being the geometric mean of its rows.

mod apart;
mod means;
mod memory;
mod preload;
mod programs;
mod rows;

use super::{Run, Suite};
use crate::bar::Bar;
use crate::error::Error;
use programs::Build;

/// Times and peak memory of small programs, one binary per allocator.
pub static SUITE: Suite = Suite {
    name: "alloc",
    about: "the global allocator of a Rust program: a process per row and allocator",
    rows: rows::names,
    bars: BARS,
    run,
};

const MIB: f64 = 1024.0 * 1024.0;

const BARS: &[Bar] = &[
    Bar::ratio("mean/all", "mimalloc-v3", 0.50),
    Bar::ratio("mean/letters", "mimalloc-v3", 0.65),
    Bar::ratio("mean/b-to-f", "mimalloc-v3", 0.85),
    Bar::ratio("worst", "best", 1.10),
    Bar::ours("slowest-pair", "best", 2.2),
    Bar::ratio("mean/peak", "mimalloc-v3", 0.47),
    Bar::ours("hardly", "System", 2.2 * MIB),
    Bar::ours("flow", "System", 45.0 * MIB),
    Bar::ratio("flow/later", "early", 1.05),
    Bar::ratio("burst/whole", "live", 1.20),
    Bar::ratio("preload/mean", "mimalloc-v3", 0.90),
];

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    let programs = programs::build(run, Build::Whole)?;
    let results = rows::run(run, &programs)?;
    means::report(run, &results)?;
    apart::run(run)?;
    memory::run(run, &programs)?;
    preload::run(run)
}
