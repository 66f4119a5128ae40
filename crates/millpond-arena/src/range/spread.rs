#![forbid(unsafe_code)]
//! Sparse ranges that were given back, and lent ones with pages of a former holder.
//!
//! A structure of several parts grows in units, each of which takes some bytes of every
//! part. So one number says how much of a range is its holder's, and another one how much
//! has pages:
//!
//! ```text
//!   part 0                       part 1             part 2
//!   ├ claimed ┤ slack ┤ ┄┄┄┄┄┄┄┄ ├ cl ┤ sl ┤ ┄┄┄┄┄┄ ├ cl ┤ sl ┤ ┄┄┄
//! ```
//!
//! What the holder has not claimed is its to come, with its pages, but until then a tick
//! may take the pages of as much as was not claimed by anybody for an interval.
//!
//! # Invariants
//!
//! - `claimed`: `claimed <= dirty` for a lent range on the list, and 0 for a kept one.
//! - `listed`: a lent range is on the list exactly while `claimed < dirty`, and its holder
//!   knows the place.

use core::ptr::NonNull;

use crate::knobs::RETAINED_MAX_BYTES;

/// Parts that grow together. A table has three worth naming.
pub(super) const PARTS: usize = 3;

/// Ranges on the list, at most. Guessed: those of a pool of tables.
const ENTRIES: usize = 64;

/// A range serves requests down to this part of its addresses.
const FIT: usize = 16;

/// How the parts of a structure lie in a sparse range.
///
/// Small parts may be left out: what is not named counts nowhere, and keeps its pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spread {
    /// Where each part begins, in bytes from the start of the range.
    pub starts: [usize; PARTS],
    /// Bytes of each part for one unit.
    pub unit_bytes: [usize; PARTS],
    /// The units that each part has room for.
    pub units: usize,
}

impl Spread {
    /// A structure of one part, which grows from the start by the byte.
    pub const fn plain(bytes: usize) -> Spread {
        Spread {
            starts: [0; PARTS],
            unit_bytes: [1, 0, 0],
            units: bytes,
        }
    }

    /// Returns the bytes of so many units, in all parts.
    pub(super) fn bytes(&self, units: usize) -> usize {
        self.unit_bytes.iter().sum::<usize>().saturating_mul(units)
    }
}

/// A range with pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pages {
    pub(super) start: NonNull<u8>,
    /// Addresses reserved.
    pub(super) bytes: usize,
    pub(super) spread: Spread,
    /// The first so many units may have pages.
    pub(super) dirty: usize,
    /// Bytes with pages elsewhere, left by holders whose parts lay in other places.
    pub(super) stray: usize,
    /// The tick in whose interval the range was taken off the list, if it was.
    pub(super) reused: Option<u64>,
}

impl Pages {
    pub(super) fn resident_bytes(&self) -> usize {
        self.spread.bytes(self.dirty) + self.stray
    }
}

#[derive(Clone, Copy)]
struct Entry {
    pages: Pages,
    /// The units that a holder has claimed; none when the range is kept.
    claimed: Option<usize>,
    /// The most units that were claimed in the interval of this tick, and of the one before.
    high: [usize; 2],
    /// The tick that has aged it last.
    aged: u64,
    /// When it was given back, in ranges given back.
    stamp: u64,
}

impl Entry {
    fn claimed(&self) -> usize {
        self.claimed.unwrap_or(0)
    }

    /// Begins a new interval at the tick `now`, once.
    fn age(&mut self, now: u64) {
        if self.aged != now {
            self.aged = now;
            self.high = [self.claimed(), self.high[0]];
        }
    }

    /// The units whose pages stay at the tick `now`; with none, what is claimed.
    fn floor(&mut self, now: Option<u64>) -> usize {
        let Some(now) = now else {
            return self.claimed();
        };
        self.age(now);
        self.claimed().max(self.high[0]).max(self.high[1])
    }
}

/// A range taken off the list.
pub(super) struct Taken {
    pub(super) pages: Pages,
    /// Its place, where it stays listed.
    pub(super) place: Option<usize>,
}

/// What a tick takes the pages of: units from `keep` on.
pub(super) struct Slack {
    pub(super) pages: Pages,
    pub(super) keep: usize,
}

/// Kept ranges, and lent ones with slack.
pub(super) struct List {
    entries: [Option<Entry>; ENTRIES],
    given: u64,
}

impl List {
    /// The places of the list.
    pub(super) const PLACES: usize = ENTRIES;

    pub(super) const fn new() -> List {
        List {
            entries: [None; ENTRIES],
            given: 0,
        }
    }

    /// Takes the newest range with the same spread; or else the newest with enough
    /// addresses, but not far more, of which at most `dirty_max` bytes are resident.
    /// `units` of it are claimed. `now` is the last tick.
    pub(super) fn take(
        &mut self,
        bytes: usize,
        spread: Spread,
        units: usize,
        dirty_max: usize,
        now: u64,
    ) -> Option<Taken> {
        let same = |pages: &Pages| pages.spread == spread && pages.bytes >= bytes;
        let other = |pages: &Pages| {
            pages.resident_bytes() <= dirty_max
                && pages.bytes >= bytes
                && pages.bytes / FIT <= bytes
        };
        let place = self.newest(same).or_else(|| self.newest(other))?;
        let entry = self.entries.get_mut(place)?.as_mut()?;
        entry.age(now);
        if entry.pages.spread != spread {
            entry.high = [0; 2];
            let stray = entry.pages.resident_bytes();
            entry.pages = Pages {
                spread,
                dirty: 0,
                stray,
                ..entry.pages
            };
        }
        entry.pages.reused = Some(now);
        let pages = entry.pages;
        let listed = self.claim(place, units);
        Some(Taken {
            pages,
            place: listed.then_some(place),
        })
    }

    /// Says that the first `units` of a lent range are its holder's. False when it leaves the
    /// list, since there is nothing else in it.
    pub(super) fn claim(&mut self, place: usize, units: usize) -> bool {
        let Some(slot) = self.entries.get_mut(place) else {
            return false;
        };
        let Some(entry) = slot else { return false };
        if units >= entry.pages.dirty {
            *slot = None; // `listed`
            return false;
        }
        entry.claimed = Some(units);
        entry.high[0] = entry.high[0].max(units);
        true
    }

    /// The units of a lent range that may have pages. It leaves the list.
    pub(super) fn strike(&mut self, place: usize) -> Option<(usize, [usize; 2])> {
        let entry = self.entries.get_mut(place)?.take()?;
        Some((entry.pages.dirty, entry.high))
    }

    /// Puts a range in that is not on the list, of which `high` units were claimed lately.
    ///
    /// Returns a range that must go instead; call [`List::pop_excess`] until there is none.
    pub(super) fn put(&mut self, pages: Pages, high: [usize; 2], now: u64) -> Option<Pages> {
        let free = |list: &List| list.entries.iter().position(Option::is_none);
        let mut gone = None;
        let place = free(self).or_else(|| {
            gone = self.pop_oldest(|_| true);
            free(self)
        });
        let Some(slot) = place.and_then(|place| self.entries.get_mut(place)) else {
            return Some(pages);
        };
        self.given += 1;
        *slot = Some(Entry {
            pages,
            claimed: None,
            high,
            aged: now,
            stamp: self.given,
        });
        gone
    }

    /// Takes the oldest kept range out while they hold too much.
    pub(super) fn pop_excess(&mut self) -> Option<Pages> {
        let kept = self.kept().map(Pages::resident_bytes).sum::<usize>();
        if kept <= resident_max_bytes() {
            return None;
        }
        self.pop_oldest(|_| true)
    }

    /// Takes a kept range out that nobody has asked for in the interval of the tick before
    /// `now`; with none, any range.
    pub(super) fn pop_idle(&mut self, now: Option<u64>) -> Option<Pages> {
        self.pop_oldest(|pages| {
            let wanted =
                now.is_some_and(|now| pages.reused.is_some_and(|reused| reused + 1 >= now));
            !wanted
        })
    }

    /// What a tick takes from the range at `place`, at most `bytes` at a time.
    pub(super) fn slack(&mut self, place: usize, now: Option<u64>, bytes: usize) -> Option<Slack> {
        let entry = self.entries.get_mut(place)?.as_mut()?;
        let floor = entry.floor(now);
        let pages = entry.pages;
        if floor >= pages.dirty {
            return None;
        }
        let step = (bytes / pages.spread.bytes(1).max(1)).max(1);
        let keep = floor.max(pages.dirty.saturating_sub(step));
        Some(Slack { pages, keep })
    }

    /// Notes that what [`List::slack`] has said has gone.
    pub(super) fn note_purged(&mut self, place: usize, keep: usize) {
        let Some(slot) = self.entries.get_mut(place) else {
            return;
        };
        if let Some(entry) = slot {
            entry.pages.dirty = keep;
            if entry.claimed.is_some_and(|claimed| claimed >= keep) {
                *slot = None; // `listed`
            }
        }
    }

    /// Bytes with pages that are nobody's.
    pub(super) fn resident_bytes(&self) -> usize {
        let of = |entry: &Entry| match entry.claimed {
            None => entry.pages.resident_bytes(),
            Some(claimed) => entry.pages.spread.bytes(entry.pages.dirty - claimed),
        };
        self.entries.iter().flatten().map(of).sum()
    }

    /// Addresses of the kept ranges, in bytes.
    pub(super) fn reserved_bytes(&self) -> usize {
        self.kept().map(|pages| pages.bytes).sum()
    }

    fn kept(&self) -> impl Iterator<Item = &Pages> {
        let entries = self.entries.iter().flatten();
        entries.filter_map(|entry| entry.claimed.is_none().then_some(&entry.pages))
    }

    fn newest(&self, fits: impl Fn(&Pages) -> bool) -> Option<usize> {
        self.by_stamp(fits)
            .max_by_key(|&(_, stamp)| stamp)
            .map(|(place, _)| place)
    }

    fn pop_oldest(&mut self, fits: impl Fn(&Pages) -> bool) -> Option<Pages> {
        let (place, _) = self.by_stamp(fits).min_by_key(|&(_, stamp)| stamp)?;
        self.entries.get_mut(place)?.take().map(|entry| entry.pages)
    }

    /// Places and stamps of the kept ranges that fit.
    fn by_stamp(&self, fits: impl Fn(&Pages) -> bool) -> impl Iterator<Item = (usize, u64)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(move |(place, entry)| {
            let entry = entry.as_ref()?;
            (entry.claimed.is_none() && fits(&entry.pages)).then_some((place, entry.stamp))
        })
    }
}

/// Bytes that the kept ranges may hold, all together: twice the knob, so that by default a
/// table of ten million entries comes back whole.
fn resident_max_bytes() -> usize {
    RETAINED_MAX_BYTES.value().saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: Spread = Spread {
        starts: [0, 1 << 20, 1 << 21],
        unit_bytes: [16, 3, 1],
        units: 1 << 10,
    };

    fn pages(bytes: usize, spread: Spread, dirty: usize) -> Pages {
        Pages {
            start: NonNull::dangling(),
            bytes,
            spread,
            dirty,
            stray: 0,
            reused: None,
        }
    }

    fn put(list: &mut List, bytes: usize, spread: Spread, dirty: usize) {
        let gone = list.put(pages(bytes, spread, dirty), [dirty, 0], 0);
        assert!(gone.is_none());
    }

    #[test]
    fn the_newest_range_of_the_same_spread_is_taken_whatever_it_holds() {
        let mut list = List::new();
        put(&mut list, 64, SPREAD, 900);
        put(&mut list, 64, SPREAD, 1000);
        put(&mut list, 64, Spread::plain(64), 5);
        let taken = list.take(64, SPREAD, 10, 0, 3).unwrap();
        assert_eq!((taken.pages.dirty, taken.pages.reused), (1000, Some(3)));
        assert!(taken.place.is_some());
        assert_eq!(list.resident_bytes(), 990 * 20 + 900 * 20 + 5);
        assert_eq!(list.reserved_bytes(), 128);
        // All of it claimed: nothing is left to list.
        let taken = list.take(64, SPREAD, 900, 0, 3).unwrap();
        assert_eq!((taken.pages.dirty, taken.place), (900, None));
        assert!(list.take(64, SPREAD, 10, 4, 3).is_none());
    }

    #[test]
    fn of_another_spread_it_is_taken_where_little_is_resident() {
        let mut list = List::new();
        put(&mut list, 64, SPREAD, 10);
        put(&mut list, 64 * FIT + FIT, SPREAD, 1);
        assert!(list.take(64, Spread::plain(64), 1, 199, 0).is_none());
        assert!(list.take(65, Spread::plain(64), 1, 20, 0).is_some());
        let taken = list.take(64, Spread::plain(64), 1, 200, 0).unwrap();
        assert_eq!((taken.pages.stray, taken.pages.dirty), (200, 0));
        assert_eq!(taken.pages.spread, Spread::plain(64));
        assert!(taken.place.is_none());
    }

    #[test]
    fn what_nobody_claims_for_an_interval_is_slack() {
        let mut list = List::new();
        put(&mut list, 64, SPREAD, 1000);
        let place = list.take(64, SPREAD, 10, 0, 5).unwrap().place.unwrap();
        assert!(list.claim(place, 300));
        let slack = list.slack(place, Some(6), 1 << 20).unwrap();
        assert_eq!(slack.keep, 300);
        let slack = list.slack(place, Some(6), 2000).unwrap();
        assert_eq!(slack.keep, 900);
        list.note_purged(place, 900);
        assert_eq!(list.resident_bytes(), 600 * 20);
        assert!(list.claim(place, 301));
        let slack = list.slack(place, None, 1 << 20).unwrap();
        assert_eq!(slack.keep, 301);
        list.note_purged(place, 301);
        assert!(list.strike(place).is_none());
    }

    #[test]
    fn a_kept_range_is_cut_to_what_its_holders_claim() {
        let mut list = List::new();
        put(&mut list, 64, SPREAD, 1000);
        for now in 1..3 {
            let place = list
                .take(64, SPREAD, 10, 0, now - 1)
                .unwrap()
                .place
                .unwrap();
            assert!(list.claim(place, 100));
            let (dirty, high) = list.strike(place).unwrap();
            let mut back = pages(64, SPREAD, dirty);
            back.reused = Some(now - 1);
            assert!(list.put(back, high, now - 1).is_none());
            assert!(list.pop_idle(Some(now)).is_none());
            let slack = list.slack(0, Some(now), 1 << 20).map(|slack| slack.keep);
            assert_eq!(slack, (now == 2).then_some(100), "{now}");
            if let Some(keep) = slack {
                list.note_purged(0, keep);
            }
        }
        assert!(list.pop_idle(Some(5)).is_some());
    }

    #[test]
    fn it_is_bounded_in_number_and_bytes() {
        let mut list = List::new();
        let plain = |bytes| Spread::plain(bytes);
        for bytes in 1..=ENTRIES {
            put(&mut list, bytes, plain(bytes), 1);
        }
        let gone = list.put(pages(100, plain(100), 1), [1, 0], 0);
        assert_eq!(gone.unwrap().bytes, 1);
        assert!(list.pop_excess().is_none());
        let large = resident_max_bytes();
        let gone = list.put(pages(large, plain(large), large), [1, 0], 0);
        assert_eq!(gone.unwrap().bytes, 2);
        for bytes in (3..=ENTRIES).chain([100]) {
            assert_eq!(list.pop_excess().unwrap().bytes, bytes);
        }
        assert!(list.pop_excess().is_none());
        // Where every place is a lent one's, nothing is kept.
        let mut list = List::new();
        for _ in 0..ENTRIES {
            put(&mut list, 64, SPREAD, 10);
        }
        while list.take(64, SPREAD, 1, 0, 0).is_some() {}
        assert!(list.put(pages(64, SPREAD, 10), [0; 2], 0).is_some());
    }
}
