#![forbid(unsafe_code)]
//! Timed batches.

use crate::rows::Sample;
use rustix::time::{ClockId, clock_gettime};

/// Batches that are timed; the middle one counts.
const BATCHES: usize = 3;

/// Which time a row takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// That of this thread on the CPU: a neighbour that takes the core away
    /// does not count, page faults do.
    Thread,
    /// That on the wall, for rows with more threads.
    Wall,
}

impl Clock {
    /// Nanoseconds since a fixed moment of the past.
    pub(crate) fn now_ns(self) -> u64 {
        let time = clock_gettime(match self {
            Clock::Thread => ClockId::ThreadCPUTime,
            Clock::Wall => ClockId::Monotonic,
        });
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

/// Runs `batch` once to warm up and three times on the clock. A batch does
/// `operations` and returns its answer; `ns` is one operation of the middle one.
pub(crate) fn time(clock: Clock, operations: usize, mut batch: impl FnMut() -> u64) -> Sample {
    time_parts(clock, operations, |timer| timer.time(&mut batch))
}

/// As [`time`], and the batch says which part of it is timed.
pub(crate) fn time_parts(
    clock: Clock,
    operations: usize,
    mut batch: impl FnMut(&mut Timer) -> u64,
) -> Sample {
    let mut timer = Timer { clock, ns: 0 };
    let answer = batch(&mut timer);
    let mut taken = [0; BATCHES];
    for ns in &mut taken {
        timer.ns = 0;
        assert_eq!(batch(&mut timer), answer, "a batch answered otherwise");
        *ns = timer.ns;
    }
    taken.sort_unstable();
    Sample {
        ns: taken[BATCHES / 2] as f64 / operations as f64,
        answer,
        held_bytes: 0,
        other_bytes: 0,
    }
}

/// Adds up the timed parts of a batch.
#[derive(Debug)]
pub(crate) struct Timer {
    clock: Clock,
    ns: u64,
}

impl Timer {
    /// Runs `part` on the clock.
    pub(crate) fn time<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let start = self.clock.now_ns();
        let result = part();
        self.ns += self.clock.now_ns() - start;
        result
    }
}
