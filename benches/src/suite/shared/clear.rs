#![forbid(unsafe_code)]
//! Emptying a map while others read it: how long it takes, and what the readers notice.

use super::go::SyncMap;
use super::{CALLS, CLEAR, REFILL, STORM};
use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::shared::{Dash, OneLock, Papaya, Scc, Sharded, SharedMap};
use crate::error::Error;
use crate::gate;
use crate::suite::Run;
use crate::workload::Answer;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Entries that are cleared.
const ENTRIES: u64 = 1_000_000;
/// Entries between two clears of the storm.
const STORM_ENTRIES: u64 = 2000;
/// Between two clears.
const PAUSE: Duration = Duration::from_millis(1);
/// Reads of which the percentile is taken, in one round.
const READS: usize = 1_000_000;

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if run.wants(CLEAR) {
        let mut entrants: Vec<Box<dyn Contestant>> = vec![
            Box::new(Clear(Sharded::sized(0))),
            Box::new(Clear(Dash::sized(0))),
            Box::new(Clear(Scc::sized(0))),
            Box::new(Clear(OneLock::sized(0))),
        ];
        if !run.quick {
            // Seconds for each clear.
            entrants.push(Box::new(Clear(Papaya::sized(0))));
        }
        let question = format!("clear {ENTRIES}");
        entrants.extend(SyncMap::start(run, 2, &question)?.map(SyncMap::boxed));
        let nothing_left = |_: Batch| Answer::default();
        run.row(CLEAR, 1, Size::Exactly(1), &mut entrants, &nothing_left)?;
    }
    if run.wants(REFILL) {
        let mut entrants: [Box<dyn Contestant>; 4] = [
            Box::new(Refill(Clear(Sharded::sized(0)))),
            Box::new(Refill(Clear(Dash::sized(0)))),
            Box::new(Refill(Clear(Scc::sized(0)))),
            Box::new(Refill(Clear(OneLock::sized(0)))),
        ];
        let full = |_: Batch| Answer {
            entries: ENTRIES,
            ..Answer::default()
        };
        let per = ENTRIES as usize;
        run.row(REFILL, per, Size::Exactly(1), &mut entrants, &full)?;
    }
    if run.wants(CALLS) {
        run.report.progress(CALLS, "counting");
        let (ours, theirs) = (calls::<Sharded>(), calls::<Dash>());
        run.report.single(CALLS, "dashmap", ours, theirs, "calls")?;
    }
    if run.wants(STORM) {
        let mut entrants = Emptied::ALL.map(|emptied| Storm { emptied }.boxed());
        let all_read = |_: Batch| Answer {
            found: READS as u64,
            ..Answer::default()
        };
        run.row(STORM, 1, Size::Exactly(1), &mut entrants, &all_read)?;
    }
    Ok(())
}

fn key(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A full map, cleared while another thread reads. The map stays from round to round.
struct Clear<M>(M);

impl<M: SharedMap> Contestant for Clear<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn is_rival(&self) -> bool {
        M::IS_RIVAL
    }

    fn prepare(&mut self, round: usize) {
        if round == 0 {
            // What only the first times allocate is not steady state.
            for _ in 0..2 {
                (0..ENTRIES).for_each(|number| _ = self.0.insert(key(number)));
                self.0.clear();
            }
        }
        (0..ENTRIES).for_each(|number| _ = self.0.insert(key(number)));
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.timed(batch, Clock::Wall).0
    }

    fn timed(&mut self, _batch: Batch, clock: Clock) -> (Answer, u64) {
        let map = &self.0;
        let (reading, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        let ((), ns) = thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0.. {
                    black_box(map.read(key(number % ENTRIES)));
                    if number == 1000 {
                        reading.store(true, Ordering::Relaxed);
                    }
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
            while !reading.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            let timed = clock.time(|| map.clear());
            stop.store(true, Ordering::Relaxed);
            timed
        });
        let entries = self.0.entries() as u64;
        let answer = Answer {
            entries,
            ..Answer::default()
        };
        (answer, ns)
    }
}

/// A full map, cleared and filled again: what a clear leaves for later is in it.
struct Refill<M>(Clear<M>);

impl<M: SharedMap> Contestant for Refill<M> {
    fn name(&self) -> &str {
        M::NAME
    }

    fn is_rival(&self) -> bool {
        M::IS_RIVAL
    }

    fn prepare(&mut self, round: usize) {
        if round == 0 {
            self.0.prepare(round);
        }
    }

    fn run(&mut self, _batch: Batch) -> Answer {
        let map = &self.0.0;
        map.clear();
        (0..ENTRIES).for_each(|number| _ = map.insert(key(number)));
        Answer {
            entries: map.entries() as u64,
            ..Answer::default()
        }
    }
}

/// Returns how often a clear calls an allocator, the system's or the arena's, in the mean of
/// twenty that come after two.
fn calls<M: SharedMap>() -> f64 {
    const CLEARS: u32 = 20;
    let map = M::sized(0);
    let arena = || {
        let stats = millpond_arena::stats();
        stats.allocations + stats.os_calls
    };
    let mut calls = 0;
    for turn in 0..2 + CLEARS {
        (0..STORM_ENTRIES).for_each(|number| _ = map.insert(key(number)));
        let before = arena();
        let ((), global) = gate::count(|| map.clear());
        if turn >= 2 {
            calls += arena() - before + global.allocations + global.reallocations;
        }
    }
    calls as f64 / f64::from(CLEARS)
}

/// How a map is emptied before it is filled again.
#[derive(Clone, Copy, PartialEq)]
enum Emptied {
    /// By a clear.
    AtOnce,
    /// Not at all: what fills it writes over what is there, and moves nothing.
    Never,
    /// By a removal for each key, as whoever has no clear must.
    OneByOne,
}

impl Emptied {
    const ALL: [Emptied; 3] = [Emptied::AtOnce, Emptied::Never, Emptied::OneByOne];
}

/// Our map, filled every millisecond by one thread, read by another; emptied or not.
struct Storm {
    emptied: Emptied,
}

impl Storm {
    fn boxed(self) -> Box<dyn Contestant> {
        Box::new(self)
    }
}

impl Contestant for Storm {
    fn name(&self) -> &str {
        match self.emptied {
            Emptied::AtOnce => "millpond",
            Emptied::Never => "without clears",
            Emptied::OneByOne => "removed one by one",
        }
    }

    fn is_rival(&self) -> bool {
        false
    }

    fn run(&mut self, batch: Batch) -> Answer {
        self.timed(batch, Clock::Wall).0
    }

    /// The figure is the percentile, not the time of the round.
    fn timed(&mut self, _batch: Batch, _clock: Clock) -> (Answer, u64) {
        let map = Sharded::sized(0);
        let stop = AtomicBool::new(false);
        let mut taken: Vec<u32> = Vec::with_capacity(READS);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    (0..STORM_ENTRIES).for_each(|number| _ = map.insert(key(number)));
                    thread::sleep(PAUSE);
                    match self.emptied {
                        Emptied::AtOnce => map.clear(),
                        Emptied::Never => {}
                        Emptied::OneByOne => {
                            (0..STORM_ENTRIES).for_each(|number| _ = map.remove(key(number)));
                        }
                    }
                }
            });
            for number in 0..READS as u64 {
                let start = Instant::now();
                black_box(map.read(key(number % STORM_ENTRIES)));
                let ns = start.elapsed().as_nanos();
                taken.push(u32::try_from(ns).unwrap_or(u32::MAX));
            }
            stop.store(true, Ordering::Relaxed);
        });
        let found = taken.len() as u64;
        taken.sort_unstable();
        // Some clocks tick in tens of nanoseconds: the mean of a thousandth of all reads, those
        // around the percentile, tells them apart.
        let around = &taken[READS / 10_000 * 9985..READS / 10_000 * 9995];
        let sum: u64 = around.iter().map(|&ns| u64::from(ns)).sum();
        let ns = sum / around.len() as u64;
        let answer = Answer {
            found,
            ..Answer::default()
        };
        (answer, ns)
    }
}
