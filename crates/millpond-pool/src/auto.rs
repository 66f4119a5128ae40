#![forbid(unsafe_code)]
//! When a pool ticks by itself.
//!
//! ```text
//!   get from the private place, every 512th ──┐
//!   get from a queue, every 512th ────────────┤
//!   miss, every 16th ─────────────────────────┼──▶ pulse ──▶ due? ──▶ tick
//!   return of 64 KiB or more, each ───────────┘     (the only place that
//!                                                    reads a clock)
//! ```
//!
//! A pulse does bounded work on the thread that happens to come by: a turn, and
//! the drop of a few expired items.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Gets of one kind by one thread between two pulses; a power of two.
///
/// A pulse takes some 30 ns, most of it the clock, so that a get bears a twentieth of
/// one; and a thread that gets once a second looks at the clock every nine minutes.
pub(crate) const GETS_PER_PULSE: u64 = 512;

/// Misses of one thread between two pulses; a power of two.
///
/// A miss makes an item, which takes as long as a look at the clock at the least.
pub(crate) const MISSES_PER_PULSE: u64 = 16;

/// What an item holds, in bytes, whose return is a pulse.
///
/// Whoever fills that much does not notice the look; and what is worth letting go of
/// comes back to a pool that is used seldom as well.
pub(crate) const PULSE_BYTES: usize = 64 << 10;

const _: () = assert!(GETS_PER_PULSE.is_power_of_two() && MISSES_PER_PULSE.is_power_of_two());

/// When a pool turns its generations without being told.
///
/// Nobody is woken for it: a pool that nobody uses does not tick by itself, and one that
/// is used seldom ticks late. Those need a [`Maintainer`](crate::Maintainer) or a call of
/// [`tick_all`](crate::tick_all).
///
/// Such a tick drops at most 64 items on the thread that comes by, in its get or return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoTick {
    /// Never: whoever has a clock calls [`Pool::tick`](crate::Pool::tick).
    Never,
    /// After so many gets, counted in steps of 512 per thread and kind (16 for misses).
    Ops(u64),
    /// After so much time. The clock is looked at each 512th get of a kind by a thread,
    /// each 16th miss, and each return of 64 KiB or more.
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

    /// Returns whether it is time that decides.
    pub(crate) fn is_timed(&self) -> bool {
        matches!(self.policy, AutoTick::Every(_))
    }

    /// Counts `ops` more, at `now_ms`, and returns whether the pool is to tick now. Says
    /// so to one caller.
    pub(crate) fn is_due(&self, ops: u64, now_ms: u64) -> bool {
        let (now, every) = match self.policy {
            AutoTick::Never => return false,
            AutoTick::Ops(every) => (self.ops.fetch_add(ops, Relaxed) + ops, every),
            AutoTick::Every(every) => (now_ms, every.as_millis().try_into().unwrap_or(u64::MAX)),
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
        let due: Vec<_> = (0..9).map(|_| auto.is_due(4096, 0)).collect();
        // 4,096, 8,192, 12,288 (due), 16,384, 20,480, 24,576 (due), …
        assert_eq!(
            due,
            [false, false, true, false, false, true, false, false, true]
        );
    }

    #[test]
    fn never_is_never_and_no_time_is_always() {
        assert!(!Auto::new(AutoTick::Never).is_due(u64::MAX, 0));
        let always = Auto::new(AutoTick::Every(Duration::ZERO));
        assert!(always.is_due(1, now_ms()) && always.is_due(1, now_ms()));
        let later = Auto::new(AutoTick::Every(Duration::MAX));
        assert!(!later.is_due(1, now_ms()));
    }
}
