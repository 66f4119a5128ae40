//! Runs that a thread has just given back, for its next request of that length.
//!
//! Behind a lock, so that a tick reaches the runs of a thread that sleeps.
//! Bounded in bytes and in number. A run that nobody asked for between two
//! ticks leaves: see [`RunCache::pop_unasked`].
//!
//! # Invariants
//!
//! - `cached-run`: a run in a cache is borrowed from its segment, and nobody but
//!   whoever holds the cache's lock has it.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::config::{CACHED_RUN_MAX_BYTES, RUN_CACHE_ENTRIES, SLICE_BYTES};
use crate::knobs::THREAD_RUNS_MAX_BYTES;

/// A run and its length in slices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) start: NonNull<u8>,
    pub(super) slices: usize,
}

/// The runs, the last one given back in front.
pub(super) struct RunCache {
    entries: [Cell<Option<Entry>>; RUN_CACHE_ENTRIES],
    /// Entries in use, from the first on.
    length: Cell<usize>,
    /// Slices of all entries.
    slices: Cell<usize>,
    /// Lengths that were asked for and found since the last tick, one bit each,
    /// modulo 64.
    asked: Cell<u64>,
    /// The tick that the cache last took notice of.
    tick: Cell<u64>,
}

// SAFETY: `cached-run`: runs are no thread's own.
unsafe impl Send for RunCache {}

/// What became of a run that was offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offer {
    /// It is in the cache.
    Kept,
    /// The cache does not want it.
    Refused,
    /// It is in the cache already: somebody gave it back twice.
    Twice,
}

impl RunCache {
    pub(super) const fn new() -> RunCache {
        RunCache {
            entries: [const { Cell::new(None) }; RUN_CACHE_ENTRIES],
            length: Cell::new(0),
            slices: Cell::new(0),
            asked: Cell::new(0),
            tick: Cell::new(0),
        }
    }

    /// Bytes in the cache.
    pub(super) fn bytes(&self) -> usize {
        self.slices.get() * SLICE_BYTES
    }

    /// Takes the newest run of exactly that length and at least that alignment,
    /// both in slices.
    #[inline]
    pub(super) fn take(&self, slices: usize, align: usize) -> Option<NonNull<u8>> {
        let mask = align * SLICE_BYTES - 1;
        for index in (0..self.length.get()).rev() {
            if let Some(entry) = self.entries[index].get()
                && entry.slices == slices
                && entry.start.addr().get() & mask == 0
            {
                self.remove(index);
                self.asked.set(self.asked.get() | 1 << (slices % 64));
                return Some(entry.start);
            }
        }
        None
    }

    /// Takes the longest run of at least that length and alignment, both in
    /// slices, for a block that grows.
    pub(super) fn take_longest(&self, slices: usize, align: usize) -> Option<Entry> {
        let mask = align * SLICE_BYTES - 1;
        let mut longest: Option<(usize, Entry)> = None;
        for index in 0..self.length.get() {
            if let Some(entry) = self.entries[index].get()
                && entry.slices >= slices
                && entry.start.addr().get() & mask == 0
                && longest.is_none_or(|(_, longest)| longest.slices < entry.slices)
            {
                longest = Some((index, entry));
            }
        }
        let (index, entry) = longest?;
        self.remove(index);
        self.asked.set(self.asked.get() | 1 << (entry.slices % 64));
        Some(entry)
    }

    /// Takes the run that begins at `start`, if it has that length at least.
    pub(super) fn take_at(&self, start: usize, slices: usize) -> Option<Entry> {
        for index in 0..self.length.get() {
            if let Some(entry) = self.entries[index].get()
                && entry.start.addr().get() == start
                && entry.slices >= slices
            {
                self.remove(index);
                return Some(entry);
            }
        }
        None
    }

    /// Puts a run in, if it is wanted.
    ///
    /// When the cache is full the caller makes room by [`RunCache::pop_oldest`].
    #[inline]
    pub(super) fn offer(&self, start: NonNull<u8>, slices: usize) -> Offer {
        if slices > CACHED_RUN_MAX_BYTES / SLICE_BYTES {
            return Offer::Refused;
        }
        let length = self.length.get();
        for entry in &self.entries[..length] {
            if entry.get().is_some_and(|entry| entry.start == start) {
                return Offer::Twice;
            }
        }
        self.entries[length].set(Some(Entry { start, slices }));
        self.length.set(length + 1);
        self.slices.set(self.slices.get() + slices);
        Offer::Kept
    }

    /// Whether the cache has no place for another entry or too many bytes.
    #[inline]
    pub(super) fn is_over_full(&self) -> bool {
        self.length.get() == RUN_CACHE_ENTRIES || self.bytes() > THREAD_RUNS_MAX_BYTES.value()
    }

    /// Takes the run out that was given back first.
    pub(super) fn pop_oldest(&self) -> Option<Entry> {
        if self.length.get() == 0 {
            return None;
        }
        let entry = self.entries[0].get();
        self.remove(0);
        entry
    }

    /// Takes a run out whose length was not asked for since the last tick.
    pub(super) fn pop_unasked(&self) -> Option<Entry> {
        for index in 0..self.length.get() {
            if let Some(entry) = self.entries[index].get()
                && !self.was_asked(entry.slices)
            {
                self.remove(index);
                return Some(entry);
            }
        }
        None
    }

    /// Whether a run of that length was asked for and found since the last tick.
    pub(super) fn was_asked(&self, slices: usize) -> bool {
        self.asked.get() >> (slices % 64) & 1 == 1
    }

    /// Takes notice of tick `now`; true if it is a new one.
    #[inline]
    pub(super) fn sees_new_tick(&self, now: u64) -> bool {
        self.tick.replace(now) != now
    }

    /// Forgets what was asked for.
    pub(super) fn forget_asked(&self) {
        self.asked.set(0);
    }

    fn remove(&self, index: usize) {
        let length = self.length.get() - 1;
        let gone = self.entries[index].take();
        for at in index..length {
            self.entries[at].set(self.entries[at + 1].take());
        }
        self.length.set(length);
        let slices = gone.map_or(0, |entry| entry.slices);
        self.slices.set(self.slices.get() - slices);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(slice: usize) -> NonNull<u8> {
        NonNull::without_provenance(core::num::NonZeroUsize::new(slice * SLICE_BYTES).unwrap())
    }

    #[test]
    fn the_newest_run_of_the_length_comes_first() {
        let cache = RunCache::new();
        for (slice, slices) in [(10, 1), (20, 2), (30, 1)] {
            assert_eq!(cache.offer(address(slice), slices), Offer::Kept);
        }
        assert_eq!(cache.take(1, 1), Some(address(30)));
        assert_eq!(cache.take(1, 1), Some(address(10)));
        assert_eq!(cache.take(1, 1), None);
        assert_eq!(cache.take(2, 8), None);
        assert_eq!(cache.take(2, 4), Some(address(20)));
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn a_block_that_grows_gets_the_longest_run_and_what_is_behind_it() {
        let cache = RunCache::new();
        for (slice, slices) in [(10, 1), (20, 8), (40, 4)] {
            cache.offer(address(slice), slices);
        }
        assert!(cache.take_longest(9, 1).is_none());
        assert_eq!(cache.take_longest(2, 8).map(|entry| entry.slices), Some(4));
        assert_eq!(cache.take_longest(2, 1).map(|entry| entry.slices), Some(8));
        let behind = 11 * SLICE_BYTES;
        cache.offer(address(11), 3);
        assert!(cache.take_at(behind, 4).is_none());
        assert_eq!(cache.take_at(behind, 2).map(|entry| entry.slices), Some(3));
        assert_eq!(cache.bytes(), SLICE_BYTES);
    }

    #[test]
    fn a_run_is_not_taken_twice() {
        let cache = RunCache::new();
        assert_eq!(cache.offer(address(1), 1), Offer::Kept);
        assert_eq!(cache.offer(address(1), 1), Offer::Twice);
    }

    #[test]
    fn what_nobody_asks_for_leaves() {
        let cache = RunCache::new();
        cache.offer(address(1), 1);
        cache.offer(address(10), 5);
        assert_eq!(cache.take(5, 1), Some(address(10)));
        cache.offer(address(10), 5);
        assert_eq!(cache.pop_unasked().map(|entry| entry.slices), Some(1));
        assert!(cache.pop_unasked().is_none());
        cache.forget_asked();
        assert_eq!(cache.pop_unasked().map(|entry| entry.slices), Some(5));
    }

    #[test]
    fn it_is_bounded() {
        let cache = RunCache::new();
        let most = CACHED_RUN_MAX_BYTES / SLICE_BYTES;
        assert_eq!(cache.offer(address(1), most + 1), Offer::Refused);
        for slice in 0..RUN_CACHE_ENTRIES {
            assert!(!cache.is_over_full());
            cache.offer(address(1 + slice), 1);
        }
        assert!(cache.is_over_full());
        assert_eq!(
            cache.pop_oldest().map(|entry| entry.start),
            Some(address(1))
        );
        cache.offer(address(100), most);
        cache.pop_oldest();
        cache.offer(address(200), most);
        assert!(cache.is_over_full());
    }
}
