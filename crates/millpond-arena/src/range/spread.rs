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

use super::retain::Idle;

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
}

impl List {
    /// The places of the list.
    pub(super) const PLACES: usize = ENTRIES;

    pub(super) const fn new() -> List {
        List {
            entries: [None; ENTRIES],
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
        let same = |entry: &Entry| entry.pages.spread == spread && entry.pages.bytes >= bytes;
        let other = |Entry { pages, .. }: &Entry| {
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
    /// `stamp` is larger than any before.
    ///
    /// Returns a range that must go instead.
    pub(super) fn put(
        &mut self,
        pages: Pages,
        high: [usize; 2],
        now: u64,
        stamp: u64,
    ) -> Option<Pages> {
        let gone = if self.free().is_none() {
            self.pop_oldest()
        } else {
            None
        };
        let Some(slot) = self.free() else {
            return Some(pages);
        };
        *slot = Some(Entry {
            pages,
            claimed: None,
            high,
            aged: now,
            stamp,
        });
        gone
    }

    /// Puts a range back that [`List::pop_idle`] has taken out, as the oldest. False
    /// when there is no room any more.
    pub(super) fn put_back(&mut self, mut pages: Pages, now: u64) -> bool {
        pages.reused = None;
        let room = self.free().is_some();
        room && self.put(pages, [0; 2], now, 0).is_none()
    }

    fn free(&mut self) -> Option<&mut Option<Entry>> {
        self.entries.iter_mut().find(|entry| entry.is_none())
    }

    /// When the oldest kept range was given back.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.by_stamp(|_| true).map(|(_, stamp)| stamp).min()
    }

    /// Takes the oldest kept range out.
    pub(super) fn pop_oldest(&mut self) -> Option<Pages> {
        self.pop_oldest_of(|_| true)
    }

    /// Takes a kept range out that is idle; with none, any range.
    pub(super) fn pop_idle(&mut self, idle: Option<Idle>) -> Option<Pages> {
        self.pop_oldest_of(|entry| {
            idle.is_none_or(|idle| idle.covers(entry.stamp, entry.pages.reused))
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

    fn newest(&self, fits: impl Fn(&Entry) -> bool) -> Option<usize> {
        self.by_stamp(fits)
            .max_by_key(|&(_, stamp)| stamp)
            .map(|(place, _)| place)
    }

    fn pop_oldest_of(&mut self, fits: impl Fn(&Entry) -> bool) -> Option<Pages> {
        let (place, _) = self.by_stamp(fits).min_by_key(|&(_, stamp)| stamp)?;
        self.entries.get_mut(place)?.take().map(|entry| entry.pages)
    }

    /// Places and stamps of the kept ranges that fit.
    fn by_stamp(&self, fits: impl Fn(&Entry) -> bool) -> impl Iterator<Item = (usize, u64)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(move |(place, entry)| {
            let entry = entry.as_ref()?;
            (entry.claimed.is_none() && fits(entry)).then_some((place, entry.stamp))
        })
    }
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

    /// What is idle at the tick `now`, whenever it was given back.
    fn at(now: u64) -> Option<Idle> {
        let upto = u64::MAX;
        Some(Idle { now, upto })
    }

    /// Puts a range in that is newer than all others.
    fn put(list: &mut List, bytes: usize, spread: Spread, dirty: usize) {
        let gone = put_any(list, pages(bytes, spread, dirty));
        assert!(gone.is_none());
    }

    fn put_any(list: &mut List, pages: Pages) -> Option<Pages> {
        let newest = list.by_stamp(|_| true).map(|(_, stamp)| stamp).max();
        let stamp = newest.unwrap_or(0) + 1;
        list.put(pages, [pages.dirty, 0], 0, stamp)
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
            assert!(list.put(back, high, now - 1, now).is_none());
            assert!(list.pop_idle(at(now)).is_none());
            let slack = list.slack(0, Some(now), 1 << 20).map(|slack| slack.keep);
            assert_eq!(slack, (now == 2).then_some(100), "{now}");
            if let Some(keep) = slack {
                list.note_purged(0, keep);
            }
        }
        assert!(list.pop_idle(at(5)).is_some());
    }

    #[test]
    fn it_is_bounded_in_number_and_the_oldest_goes_first() {
        let mut list = List::new();
        let plain = |bytes| pages(bytes, Spread::plain(bytes), 1);
        for bytes in 1..=ENTRIES {
            assert!(put_any(&mut list, plain(bytes)).is_none());
        }
        assert!(!list.put_back(plain(50), 0));
        assert_eq!(put_any(&mut list, plain(100)).unwrap().bytes, 1);
        assert_eq!((list.oldest(), list.resident_bytes()), (Some(2), ENTRIES));
        assert_eq!(list.pop_oldest().unwrap().bytes, 2);
        // What is put back is older than all others, and idle.
        let mut back = plain(50);
        back.reused = Some(7);
        assert!(list.put_back(back, 7));
        assert_eq!(list.pop_idle(at(8)).unwrap().bytes, 50);
        for bytes in (3..=ENTRIES).chain([100]) {
            assert_eq!(list.pop_oldest().unwrap().bytes, bytes);
        }
        assert_eq!(list.oldest(), None);
        // Where every place is a lent one's, nothing is kept.
        for _ in 0..ENTRIES {
            put(&mut list, 64, SPREAD, 10);
        }
        while list.take(64, SPREAD, 1, 0, 0).is_some() {}
        assert!(put_any(&mut list, pages(64, SPREAD, 10)).is_some());
        assert!(!list.put_back(pages(64, SPREAD, 10), 0));
    }
}
