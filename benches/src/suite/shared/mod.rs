#![forbid(unsafe_code)]
//! Maps for many threads: mixes of calls, clears beside readers, counts that vanish.

mod calls;
mod clear;
mod counts;
mod go;

use super::{Run, Suite};
use crate::bar::Bar;
use crate::clock::Clock;
use crate::contest::Pace;
use crate::error::Error;
use crate::workload::MIXES;

/// Mixes, clears and counts, on one thread and more.
pub static SUITE: Suite = Suite {
    name: "shared",
    about: "maps for many threads: mixes of calls, clear beside readers, counts that vanish at zero",
    rows,
    bars: &[
        Bar::ratio("read/t1", "best", 1.05),
        Bar::ratio("read/t2", "best", 1.05),
        Bar::ratio("exchange/t1", "best", 1.0),
        Bar::ratio("exchange/t2", "best", 1.0),
        Bar::ratio("grow/t1", "best", 1.0),
        Bar::ratio("grow/t2", "best", 1.0),
        Bar::ratio("read/t16", "best", 1.1),
        Bar::ratio("exchange/t16", "best", 1.1),
        Bar::ratio("grow/t16", "best", 1.1),
        Bar::ratio(CLEAR, "dashmap", 0.01),
        Bar::ours(CALLS, "dashmap", 0.0),
        Bar::ratio(STORM, "without clears", 1.1),
        Bar::ratio("counts/t1", "dashmap", 0.667),
        Bar::ratio("counts/t2", "dashmap", 0.667),
        Bar::ratio(BYTES, "least", 1.05),
        Bar::ratio(SWEPT, "without", 1.03),
    ],
    run,
};

/// A clear of a million entries while another thread reads, on the wall.
const CLEAR: &str = "clear/1000000";
/// The same on one thread without a reader, and a million inserts after it; per insert.
const REFILL: &str = "clear/refill";
/// Calls of an allocator in a clear.
const CALLS: &str = "clear/calls";
/// Bytes of our counters over millions of steps, the most and the least.
const BYTES: &str = "counts/bytes";
/// The 99.9th percentile of reads beside a clear every millisecond.
const STORM: &str = "storm/read-p99.9";
/// The mix `exchange` with a sweeper at work.
const SWEPT: &str = "exchange/swept";

/// Threads of the rows that have some; those that the machine has no cores for are left out.
const THREADS: [usize; 5] = [1, 2, 4, 8, 16];

/// Rounds at most: each fills maps of half a million entries.
const MOST_ROUNDS: usize = 21;
const QUICK_ROUNDS: usize = 5;

fn rows() -> Vec<String> {
    let mixes = MIXES.iter().map(|mix| mix.name).chain(["counts"]);
    let mut rows: Vec<String> = mixes
        .flat_map(|name| THREADS.map(|threads| format!("{name}/t{threads}")))
        .collect();
    rows.extend([BYTES, SWEPT, CLEAR, REFILL, CALLS, STORM].map(str::to_owned));
    rows
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    let usual = run.pace;
    let most = if run.quick { QUICK_ROUNDS } else { MOST_ROUNDS };
    let rounds = usual.rounds.min(most);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut result = Ok(());
    // Two threads meet wherever they run; more than there are cores measure the scheduler.
    for threads in THREADS
        .into_iter()
        .filter(|&threads| threads <= cores.max(2))
    {
        // Two threads wait for each other: the time that passes counts.
        let clock = if threads == 1 {
            usual.clock
        } else {
            Clock::Wall
        };
        run.pace = Pace {
            rounds,
            clock,
            ..usual
        };
        result = result
            .and_then(|()| calls::run(run, threads))
            .and_then(|()| counts::run(run, threads));
    }
    result = result.and_then(|()| counts::bytes(run));
    run.pace.clock = Clock::Wall;
    result = result.and_then(|()| clear::run(run));
    run.pace = usual;
    result
}
