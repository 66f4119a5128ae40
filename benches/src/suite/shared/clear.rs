#![forbid(unsafe_code)]
//! Emptying a map while others read it: how long it takes, and what the readers notice.

use super::{CLEAR, STORM};
use crate::clock::Clock;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::shared::{Dash, OneLock, Papaya, Scc, Sharded, SharedMap};
use crate::error::Error;
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
        let nothing_left = |_: Batch| Answer::default();
        run.row(CLEAR, 1, Size::Exactly(1), &mut entrants, &nothing_left)?;
    }
    if run.wants(STORM) {
        let mut entrants: [Box<dyn Contestant>; 2] = [
            Box::new(Storm { clears: true }),
            Box::new(Storm { clears: false }),
        ];
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

/// Our map, filled every millisecond by one thread, read by another; cleared or not.
struct Storm {
    clears: bool,
}

impl Contestant for Storm {
    fn name(&self) -> &str {
        if self.clears {
            "millpond"
        } else {
            "without clears"
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
                    if self.clears {
                        map.clear();
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
        let (_, p999, _) = taken.select_nth_unstable(READS * 999 / 1000);
        let ns = u64::from(*p999);
        let answer = Answer {
            found,
            ..Answer::default()
        };
        (answer, ns)
    }
}
