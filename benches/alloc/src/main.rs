#![forbid(unsafe_code)]
//! One row of suite `alloc`, timed in a process of its own.
//!
//! ```text
//!   runner ──▶ millpond-bench-alloc d/btree --work 4      built once per allocator
//!                 warm up, three timed batches, answer
//!          ◀── {"ns": 171.2, "answer": 19999900000, "peak_bytes": 18743296, …}
//! ```
//!
//! A process measures one row and ends, so that no row inherits another's
//! memory. The allocator is a feature of this package; everything else is equal.

mod clock;
mod probe;
mod rng;
mod rows;

use std::process::ExitCode;

#[cfg(feature = "millpond")]
#[global_allocator]
static GLOBAL: millpond_arena::Millpond = millpond_arena::Millpond::new();

#[cfg(any(feature = "mimalloc-v3", feature = "mimalloc-v2"))]
#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "snmalloc")]
#[global_allocator]
static GLOBAL: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static GLOBAL: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(feature = "rpmalloc")]
#[global_allocator]
static GLOBAL: rpmalloc::RpMalloc = rpmalloc::RpMalloc;

#[cfg(feature = "rusty-alloc")]
#[global_allocator]
static GLOBAL: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

/// Called by a thread before it sleeps, as the hook of a runtime would.
fn about_to_sleep() {
    #[cfg(feature = "millpond")]
    millpond_arena::on_thread_park();
}

const USAGE: &str = "usage: millpond-bench-alloc list | ROW [WORK]";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let row = args.next().unwrap_or_default();
    let work = args.next().map_or(Ok(1), |work| work.parse());
    let (Ok(work), false) = (work, row.is_empty()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if row == "list" {
        for name in rows::names() {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let Some(sample) = rows::run(&row, work).or_else(|| probe::run(&row, work)) else {
        eprintln!("no row {row:?}; {USAGE}");
        return ExitCode::from(2);
    };
    let peak = probe::peak_bytes();
    println!(
        r#"{{"ns":{:.3},"answer":{},"peak_bytes":{peak},"held_bytes":{},"other_bytes":{}}}"#,
        sample.ns, sample.answer, sample.held_bytes, sample.other_bytes
    );
    ExitCode::SUCCESS
}
