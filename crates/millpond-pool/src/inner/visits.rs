#![forbid(unsafe_code)]
//! How often a get may visit the stash of another thread.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Visits that a pool may make before it must have missed for more.
const VISITS_AT_ONCE: usize = 8;

/// Misses that pay for one more visit.
///
/// A visit costs some ten microseconds on a busy machine, so that a miss bears ten
/// nanoseconds: less than making anything costs.
const MISSES_PER_VISIT: usize = 1024;

/// What is left to spend, in misses.
#[derive(Debug)]
pub(super) struct Visits(AtomicUsize);

impl Visits {
    pub(super) const fn new() -> Self {
        Self(AtomicUsize::new(VISITS_AT_ONCE * MISSES_PER_VISIT))
    }

    /// Notes misses.
    pub(super) fn earn(&self, misses: usize) {
        // Relaxed, and not one atomic step: a hint.
        let sum = self.0.load(Relaxed) + misses;
        self.0
            .store(sum.min(VISITS_AT_ONCE * MISSES_PER_VISIT), Relaxed);
    }

    /// Returns whether a visit may be made.
    pub(super) fn may(&self) -> bool {
        self.0.load(Relaxed) >= MISSES_PER_VISIT
    }

    /// Returns whether a visit may be made, and pays for it.
    pub(super) fn spend(&self) -> bool {
        let left = self.0.load(Relaxed).checked_sub(MISSES_PER_VISIT);
        if let Some(left) = left {
            self.0.store(left, Relaxed);
        }
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_are_few_in_a_row_and_then_one_in_so_many_misses() {
        let visits = Visits::new();
        for _ in 0..VISITS_AT_ONCE {
            assert!(visits.spend());
        }
        for _ in 0..3 {
            assert!(!visits.spend());
            (0..MISSES_PER_VISIT).for_each(|_| visits.earn(1));
            assert!(visits.spend());
        }
        (0..100_000).for_each(|_| visits.earn(64));
        let made = (0..100).filter(|_| visits.spend()).count();
        assert_eq!(made, VISITS_AT_ONCE);
    }
}
