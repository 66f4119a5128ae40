#![forbid(unsafe_code)]
//! What heaps count, and the sum of it.
//!
//! A heap writes its counters from slow paths alone, without a locked
//! instruction; anybody may read them. So a sum is exact for the thread that
//! asks, which settles its own bins first, and lags for others by what their
//! bins have lent and absorbed since they last ran dry or full.

use crate::layout::size_class::{CLASS_COUNT, SizeClass};
use crate::sync::Relaxed;
use crate::sync::fixed::AtomicU64;

/// The counters of one heap.
pub(super) struct Counters {
    allocations: [AtomicU64; CLASS_COUNT],
    frees: [AtomicU64; CLASS_COUNT],
    remote_frees: AtomicU64,
    large_allocations: AtomicU64,
    large_frees: AtomicU64,
    large_lent_bytes: AtomicU64,
    large_freed_bytes: AtomicU64,
    mapped_bytes: AtomicU64,
    unmapped_bytes: AtomicU64,
    slow: [AtomicU64; SLOW_COUNT],
}

/// The reasons for which a heap leaves its fast paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Slow {
    Refill,
    SlabOpened,
    SlabAdopted,
    SlabClaimed,
    SlabRetired,
    SentHome,
    Drain,
    RunCached,
    RunTaken,
    MappingMade,
}

/// Number of reasons, of which the last one is `MappingMade`.
pub(crate) const SLOW_COUNT: usize = Slow::MappingMade as usize + 1;

/// A sum of counters. Wrapping: a free may be counted before its allocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) allocations: [u64; CLASS_COUNT],
    pub(crate) frees: [u64; CLASS_COUNT],
    pub(crate) remote_frees: u64,
    pub(crate) large_allocations: u64,
    pub(crate) large_frees: u64,
    pub(crate) large_lent_bytes: u64,
    pub(crate) large_freed_bytes: u64,
    pub(crate) mapped_bytes: u64,
    pub(crate) unmapped_bytes: u64,
    pub(crate) slow: [u64; SLOW_COUNT],
}

/// Adds to a counter that only the calling thread writes.
fn add(counter: &AtomicU64, amount: u64) {
    // Relaxed: numbers, they publish nothing. One writer, so no read-modify-write.
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

impl Counters {
    pub(super) const fn new() -> Counters {
        Counters {
            allocations: [const { AtomicU64::new(0) }; CLASS_COUNT],
            frees: [const { AtomicU64::new(0) }; CLASS_COUNT],
            remote_frees: AtomicU64::new(0),
            large_allocations: AtomicU64::new(0),
            large_frees: AtomicU64::new(0),
            large_lent_bytes: AtomicU64::new(0),
            large_freed_bytes: AtomicU64::new(0),
            mapped_bytes: AtomicU64::new(0),
            unmapped_bytes: AtomicU64::new(0),
            slow: [const { AtomicU64::new(0) }; SLOW_COUNT],
        }
    }

    /// Counts a walk off the fast path, or several for one reason.
    #[inline]
    pub(super) fn go_slow(&self, reason: Slow, times: u64) {
        add(&self.slow[reason as usize], times);
    }

    pub(super) fn add_allocations(&self, class: SizeClass, count: u64) {
        add(&self.allocations[class.index()], count);
    }

    pub(super) fn add_frees(&self, class: SizeClass, count: u64) {
        add(&self.frees[class.index()], count);
    }

    pub(super) fn add_remote_frees(&self, count: u64) {
        add(&self.remote_frees, count);
    }

    pub(super) fn lend_large(&self, bytes: usize) {
        add(&self.large_allocations, 1);
        add(&self.large_lent_bytes, bytes as u64);
    }

    pub(super) fn free_large(&self, bytes: usize) {
        add(&self.large_frees, 1);
        add(&self.large_freed_bytes, bytes as u64);
    }

    pub(super) fn map(&self, bytes: usize) {
        add(&self.mapped_bytes, bytes as u64);
    }

    pub(super) fn unmap(&self, bytes: usize) {
        add(&self.unmapped_bytes, bytes as u64);
    }

    /// Counts a large block that changed its size in place.
    pub(super) fn resize_large(&self, old_bytes: usize, new_bytes: usize) {
        add(&self.large_lent_bytes, new_bytes as u64);
        add(&self.large_freed_bytes, old_bytes as u64);
    }

    /// What has been counted so far.
    pub(super) fn read(&self) -> Tally {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Tally {
            allocations: core::array::from_fn(|class| read(&self.allocations[class])),
            frees: core::array::from_fn(|class| read(&self.frees[class])),
            remote_frees: read(&self.remote_frees),
            large_allocations: read(&self.large_allocations),
            large_frees: read(&self.large_frees),
            large_lent_bytes: read(&self.large_lent_bytes),
            large_freed_bytes: read(&self.large_freed_bytes),
            mapped_bytes: read(&self.mapped_bytes),
            unmapped_bytes: read(&self.unmapped_bytes),
            slow: core::array::from_fn(|reason| read(&self.slow[reason])),
        }
    }
}

impl Tally {
    pub(super) const ZERO: Tally = Tally {
        allocations: [0; CLASS_COUNT],
        frees: [0; CLASS_COUNT],
        remote_frees: 0,
        large_allocations: 0,
        large_frees: 0,
        large_lent_bytes: 0,
        large_freed_bytes: 0,
        mapped_bytes: 0,
        unmapped_bytes: 0,
        slow: [0; SLOW_COUNT],
    };

    pub(super) fn add(&mut self, other: &Tally) {
        let add = |sum: &mut u64, other: u64| *sum = sum.wrapping_add(other);
        for class in 0..CLASS_COUNT {
            add(&mut self.allocations[class], other.allocations[class]);
            add(&mut self.frees[class], other.frees[class]);
        }
        add(&mut self.remote_frees, other.remote_frees);
        add(&mut self.large_allocations, other.large_allocations);
        add(&mut self.large_frees, other.large_frees);
        add(&mut self.large_lent_bytes, other.large_lent_bytes);
        add(&mut self.large_freed_bytes, other.large_freed_bytes);
        add(&mut self.mapped_bytes, other.mapped_bytes);
        add(&mut self.unmapped_bytes, other.unmapped_bytes);
        for reason in 0..SLOW_COUNT {
            add(&mut self.slow[reason], other.slow[reason]);
        }
    }

    /// Counts what was done for a heap from outside.
    pub(super) fn count(&mut self, reason: Slow) {
        let times = &mut self.slow[reason as usize];
        *times = times.wrapping_add(1);
    }

    /// How often heaps left their fast paths for that reason.
    pub(crate) fn slow(&self, reason: Slow) -> u64 {
        self.slow[reason as usize]
    }

    /// Bytes of large blocks that have a mapping of their own.
    pub(crate) fn mapping_bytes(&self) -> u64 {
        self.mapped_bytes.wrapping_sub(self.unmapped_bytes)
    }
}
