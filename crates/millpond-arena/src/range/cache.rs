#![forbid(unsafe_code)]
//! Ranges that were given back, for whoever asks next.

use super::Extent;
use super::retain::Idle;

/// A range serves requests down to this part of its addresses.
const FIT: usize = 16;

/// Given-back ranges, `ENTRIES` at most, the oldest first.
pub(super) struct Cache<const ENTRIES: usize> {
    entries: [Option<Entry>; ENTRIES],
    length: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    extent: Extent,
    /// The tick in whose interval the range was last taken out of the cache.
    reused: Option<u64>,
    /// When it was given back, in ranges given back.
    stamp: u64,
}

impl<const ENTRIES: usize> Cache<ENTRIES> {
    pub(super) const fn new() -> Self {
        Cache {
            entries: [None; ENTRIES],
            length: 0,
        }
    }

    /// Takes the range with the fewest addresses that has `bytes` of them, but
    /// not far more.
    pub(super) fn take(&mut self, bytes: usize, huge: bool) -> Option<Extent> {
        let fits = |extent: &Extent| extent.huge == huge && extent.has_about(bytes);
        let (index, _) = self
            .entries()
            .map(|entry| entry.extent.bytes)
            .enumerate()
            .filter(|&(index, _)| self.at(index).is_some_and(|entry| fits(&entry.extent)))
            .min_by_key(|&(_, bytes)| bytes)?;
        self.remove(index).map(|entry| entry.extent)
    }

    /// Takes the range that has about `bytes` resident, and as many addresses.
    pub(super) fn take_nearest(&mut self, bytes: usize) -> Option<Extent> {
        let fits = |extent: &Extent| extent.bytes >= bytes && extent.dirty / FIT <= bytes;
        let index = (0..self.length)
            .filter(|&index| self.at(index).is_some_and(|entry| fits(&entry.extent)))
            .min_by_key(|&index| {
                let dirty = self.at(index).map_or(0, |entry| entry.extent.dirty);
                dirty.abs_diff(bytes)
            })?;
        self.remove(index).map(|entry| entry.extent)
    }

    /// Puts a range in. `reused` is the tick in whose interval it was taken out
    /// of here, if it was; `stamp` is larger than any before.
    ///
    /// Returns a range that must go instead.
    pub(super) fn put(
        &mut self,
        extent: Extent,
        reused: Option<u64>,
        stamp: u64,
    ) -> Option<Extent> {
        let gone = if self.length == ENTRIES {
            self.remove(0)
        } else {
            None
        };
        self.entries[self.length] = Some(Entry {
            extent,
            reused,
            stamp,
        });
        self.length += 1;
        gone.map(|entry| entry.extent)
    }

    /// Puts a range back that [`Cache::pop_idle`] has taken out, as the oldest.
    /// False when there is no room any more.
    pub(super) fn put_back(&mut self, extent: Extent) -> bool {
        if self.length == ENTRIES {
            return false;
        }
        self.entries.copy_within(..self.length, 1);
        self.entries[0] = Some(Entry {
            extent,
            reused: None,
            stamp: 0,
        });
        self.length += 1;
        true
    }

    /// When the oldest range was given back.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.at(0).map(|entry| entry.stamp)
    }

    /// Takes the oldest range out.
    pub(super) fn pop_oldest(&mut self) -> Option<Extent> {
        self.remove(0).map(|entry| entry.extent)
    }

    /// Takes a range out that is idle; with none, any range.
    pub(super) fn pop_idle(&mut self, idle: Option<Idle>) -> Option<Extent> {
        let goes = |entry: Entry| idle.is_none_or(|idle| idle.covers(entry.stamp, entry.reused));
        let index = (0..self.length).find(|&index| self.at(index).is_some_and(goes))?;
        self.remove(index).map(|entry| entry.extent)
    }

    pub(super) fn resident_bytes(&self) -> usize {
        self.entries().map(|entry| entry.extent.dirty).sum()
    }

    pub(super) fn accessible_bytes(&self) -> usize {
        self.entries().map(|entry| entry.extent.accessible).sum()
    }

    pub(super) fn reserved_bytes(&self) -> usize {
        self.entries().map(|entry| entry.extent.bytes).sum()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    fn at(&self, index: usize) -> Option<Entry> {
        self.entries.get(index).copied().flatten()
    }

    fn remove(&mut self, index: usize) -> Option<Entry> {
        let gone = self.at(index)?;
        self.entries.copy_within(index + 1.., index);
        self.entries[ENTRIES - 1] = None;
        self.length -= 1;
        Some(gone)
    }
}

impl Extent {
    /// Whether it has `bytes` addresses, but not far more.
    fn has_about(&self, bytes: usize) -> bool {
        self.bytes >= bytes && self.bytes / FIT <= bytes
    }
}

#[cfg(test)]
mod tests {
    use core::ptr::NonNull;

    use super::*;

    const ENTRIES: usize = 8;

    type Cache = super::Cache<ENTRIES>;

    fn extent(bytes: usize, dirty: usize) -> Extent {
        Extent {
            start: NonNull::dangling(),
            bytes,
            accessible: dirty,
            dirty,
            huge: false,
        }
    }

    #[test]
    fn the_smallest_range_that_fits_is_taken() {
        let mut cache = Cache::new();
        for bytes in [64, 8, 32] {
            assert!(cache.put(extent(bytes, 1), None, 1).is_none());
        }
        assert!(cache.take(8, true).is_none());
        assert_eq!(cache.take(9, false).unwrap().bytes, 32);
        assert_eq!(cache.take(9, false).unwrap().bytes, 64);
        assert!(cache.take(9, false).is_none());
        assert_eq!(cache.take(1, false).unwrap().bytes, 8);
        assert_eq!(cache.reserved_bytes(), 0);
    }

    #[test]
    fn a_range_far_too_large_stays() {
        let mut cache = Cache::new();
        cache.put(extent(FIT * 10 + FIT, 1), None, 1);
        assert!(cache.take(10, false).is_none());
        assert!(cache.take(11, false).is_some());
    }

    #[test]
    fn the_range_with_about_as_much_resident_is_taken() {
        let mut cache = Cache::new();
        for (bytes, dirty) in [(1000, 100), (1000, 300), (40, 40), (9000, 9000)] {
            cache.put(extent(bytes, dirty), None, 1);
        }
        assert_eq!(cache.take_nearest(60).unwrap().dirty, 100);
        assert_eq!(cache.take_nearest(60).unwrap().dirty, 300);
        assert!(cache.take_nearest(60).is_none());
        assert_eq!(cache.take_nearest(40).unwrap().dirty, 40);
        assert_eq!(cache.take_nearest(9000 / FIT).unwrap().dirty, 9000);
    }

    #[test]
    fn it_is_bounded_in_number_and_the_oldest_goes_first() {
        let mut cache = Cache::new();
        for bytes in 1..=ENTRIES {
            assert!(cache.put(extent(bytes, 1), None, bytes as u64).is_none());
        }
        assert!(!cache.put_back(extent(50, 1)));
        assert_eq!(cache.put(extent(100, 1), None, 100).unwrap().bytes, 1);
        assert_eq!((cache.oldest(), cache.resident_bytes()), (Some(2), ENTRIES));
        assert_eq!(cache.pop_oldest().unwrap().bytes, 2);
        // What is put back is older than all others.
        assert!(cache.put_back(extent(50, 1)));
        for bytes in [50].into_iter().chain(3..=ENTRIES).chain([100]) {
            assert_eq!(cache.pop_oldest().unwrap().bytes, bytes);
        }
        assert_eq!((cache.oldest(), cache.resident_bytes()), (None, 0));
    }

    #[test]
    fn a_tick_takes_what_was_not_reused_since_the_one_before() {
        let mut cache = Cache::new();
        cache.put(extent(1, 1), None, 1);
        cache.put(extent(2, 1), Some(6), 1);
        cache.put(extent(3, 1), Some(5), 1);
        cache.put(extent(4, 1), None, 9);
        let idle = Some(Idle { now: 7, upto: 8 });
        assert_eq!(cache.pop_idle(idle).unwrap().bytes, 1);
        assert_eq!(cache.pop_idle(idle).unwrap().bytes, 3);
        assert!(cache.pop_idle(idle).is_none());
        assert_eq!(cache.pop_idle(None).unwrap().bytes, 2);
        assert_eq!(cache.pop_idle(None).unwrap().bytes, 4);
    }
}
