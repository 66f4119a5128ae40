#![forbid(unsafe_code)]
//! When a pool ticks by itself.
//!
//! ```text
//!   get from the private place, every 4,096th ──┐
//!   get from a queue, every 4,096th ────────────┼──▶ pulse ──▶ due? ──▶ tick
//!   miss, every 64th ───────────────────────────┘     (the only place that
//!                                                      reads a clock)
//! ```
//!
//! A pulse does bounded work on the thread that happens to come by: a turn, and
//! the drop of a few expired items.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Gets of one kind by one thread between two pulses; a power of two.
pub(crate) const GETS_PER_PULSE: u64 = 4096;

/// Misses of one thread between two pulses; a power of two.
pub(crate) const MISSES_PER_PULSE: u64 = 64;

const _: () = assert!(GETS_PER_PULSE.is_power_of_two() && MISSES_PER_PULSE.is_power_of_two());

/// When a pool turns its generations without being told.
///
/// Nobody is woken for it: a pool that nobody uses does not tick by itself, and
/// needs a [`Maintainer`](crate::Maintainer) or a call of
/// [`tick_all`](crate::tick_all) for its idle items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoTick {
    /// Never: whoever has a clock calls [`Pool::tick`](crate::Pool::tick).
    Never,
    /// After so many gets, counted in steps of 4,096 per thread (64 for misses).
    Ops(u64),
    /// After so much time, looked at on slow paths and every 4,096th get of a thread.
    Every(Duration),
}

impl AutoTick {
    /// Every half minute of use. Guessed: longer than a burst, shorter than an hour.
    pub(crate) const DEFAULT: Self = Self::Every(Duration::from_secs(30));
}

/// The policy of one pool, and how far it is from its next tick.
#[derive(Debug)]
pub(crate) struct Auto {
    policy: AutoTick,
    /// Operations, or milliseconds of [`now_ms`], at the last tick by itself.
    since: AtomicU64,
    ops: AtomicU64,
}

impl Auto {
    pub(crate) fn new(policy: AutoTick) -> Self {
        let since = match policy {
            AutoTick::Every(_) => now_ms(),
            AutoTick::Never | AutoTick::Ops(_) => 0,
        };
        Self {
            policy,
            since: AtomicU64::new(since),
            ops: AtomicU64::new(0),
        }
    }

    /// Counts `ops` more, and returns whether the pool is to tick now. Says so to
    /// one caller.
    pub(crate) fn is_due(&self, ops: u64) -> bool {
        let (now, every) = match self.policy {
            AutoTick::Never => return false,
            AutoTick::Ops(every) => (self.ops.fetch_add(ops, Relaxed) + ops, every),
            AutoTick::Every(every) => (now_ms(), every.as_millis().try_into().unwrap_or(u64::MAX)),
        };
        // Relaxed: counts, through which nothing is reached.
        let since = self.since.load(Relaxed);
        now.saturating_sub(since) >= every
            && self
                .since
                .compare_exchange(since, now, Relaxed, Relaxed)
                .is_ok()
    }
}

/// Returns the milliseconds since the first call in this process.
pub(crate) fn now_ms() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let passed = START.get_or_init(Instant::now).elapsed();
    passed.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_and_a_tick_is_due_once() {
        let auto = Auto::new(AutoTick::Ops(10_000));
        let due: Vec<_> = (0..9).map(|_| auto.is_due(4096)).collect();
        // 4,096, 8,192, 12,288 (due), 16,384, 20,480, 24,576 (due), …
        assert_eq!(
            due,
            [false, false, true, false, false, true, false, false, true]
        );
    }

    #[test]
    fn never_is_never_and_no_time_is_always() {
        assert!(!Auto::new(AutoTick::Never).is_due(u64::MAX));
        let always = Auto::new(AutoTick::Every(Duration::ZERO));
        assert!(always.is_due(1) && always.is_due(1));
        let later = Auto::new(AutoTick::Every(Duration::MAX));
        assert!(!later.is_due(1));
    }
}
