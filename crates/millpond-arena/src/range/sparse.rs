//! [`SparseRange`]: addresses in a row, all of them usable at once.
//!
//! For structures of several parts that lie far apart in one range and grow each
//! from its own start. Memory appears where it is touched, so nothing needs to
//! be committed; the holder says how much it is about to touch.
//!
//! # Invariants
//!
//! - `claimed-first`: the holder touches no unit before it has claimed it, so
//!   what is not claimed is nobody's, and a tick may take its pages.
//! - `claimed`, `listed`: as in [`spread`](super::spread).

use core::fmt;
use core::ptr::NonNull;

use allocator_api2::alloc::AllocError;

use crate::purged::Cause;
use crate::{os, tick};

use super::retain::{Gone, Idle, give_up_excess};
use super::spread::{List, PARTS, Pages, Slack, Spread, Taken};
use super::{RANGE_STEP_BYTES, RANGES};

/// Bytes that a range recycled from another kind of structure may have resident
/// beyond four times of what is wanted.
const SPARE_BYTES: usize = 1 << 20;

/// Bytes claimed at a time, at least: a lock for each is not felt. Guessed.
const CLAIM_BYTES: usize = 256 << 10;

/// Bytes purged at a time under the lock: some 20 microseconds.
const PURGE_BYTES: usize = 256 << 10;

/// A range of addresses in a row that may all be touched, each page of which
/// costs memory once it is.
///
/// ```
/// use millpond_arena::{SparseRange, Spread};
///
/// // A thousand numbers, and a mark for each of them, half a gigabyte further on.
/// let spread = Spread {
///     starts: [0, 512 << 20, 0],
///     unit_bytes: [8, 1, 0],
///     units: 64 << 20,
/// };
/// let range = SparseRange::reserve(1 << 30, spread, 1000)?;
/// // SAFETY: inside the range.
/// let marks = unsafe { range.start().add(spread.starts[1]) };
/// // SAFETY: every byte of the range may be used, and these are claimed.
/// unsafe { marks.write_bytes(7, 1000) };
/// # Ok::<(), allocator_api2::alloc::AllocError>(())
/// ```
///
/// Dropping it gives the range back; nothing in it may be used afterwards.
pub struct SparseRange {
    /// `dirty` is of no meaning while the range is listed.
    pages: Pages,
    /// Units that are the holder's.
    claimed: usize,
    /// The place on the list, where there are pages beyond them.
    place: Option<usize>,
}

// SAFETY: `one-holder`: a range is addresses, which any thread may use and give
// back.
unsafe impl Send for SparseRange {}
// SAFETY: shared references read numbers and pass advice alone.
unsafe impl Sync for SparseRange {}

impl SparseRange {
    /// Reserves `bytes`, rounded up to 2 MiB, at a multiple of 2 MiB, and claims
    /// `units` of it.
    ///
    /// A range given back before is lent again, the newest first, with all its
    /// pages if its parts lay in the same places; else if it has enough
    /// addresses, and no more than sixteen times as many, and if at most four
    /// times what is claimed and a megabyte of it was used. It holds anything; a
    /// fresh range is zero.
    ///
    /// # Errors
    ///
    /// When the system has no such range: addresses are limited, or it wants all
    /// of them backed by memory.
    ///
    /// # Cost
    ///
    /// One lock for a recycled range; one to five system calls for a fresh one.
    pub fn reserve(bytes: usize, spread: Spread, units: usize) -> Result<SparseRange, AllocError> {
        let bytes = bytes
            .max(1)
            .checked_next_multiple_of(RANGE_STEP_BYTES)
            .ok_or(AllocError)?;
        let units = whole_step(&spread, units);
        let want = spread.bytes(units);
        let dirty_max = want.saturating_mul(4).saturating_add(SPARE_BYTES);
        let taken = {
            let mut ranges = RANGES.lock();
            let now = tick::count();
            let taken = ranges.sparse.take(bytes, spread, units, dirty_max, now);
            if let Some(Taken { pages, .. }) = &taken {
                ranges.lend_bytes(pages.bytes, want + pages.stray);
            }
            taken
        };
        if let Some(Taken { pages, place }) = taken {
            return Ok(SparseRange {
                pages,
                claimed: units,
                place,
            });
        }
        let start = os::reserve(bytes, RANGE_STEP_BYTES).ok_or(AllocError)?;
        RANGES.lock().lend_bytes(bytes, want);
        Ok(SparseRange {
            pages: Pages {
                start,
                bytes,
                spread,
                dirty: 0,
                stray: 0,
                reused: None,
            },
            claimed: units,
            place: None,
        })
    }

    /// The first address, a multiple of 2 MiB.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.pages.start
    }

    /// The addresses that are reserved, in bytes.
    #[inline]
    pub fn reserved_bytes(&self) -> usize {
        self.pages.bytes
    }

    /// The units that may be touched, from the start of each part.
    #[inline]
    pub fn claimed_units(&self) -> usize {
        self.claimed
    }

    /// Claims the first `units`, or all there are: they count as live until they are given
    /// back.
    ///
    /// # Cost
    ///
    /// A comparison, and one lock for each 256 KiB.
    #[inline]
    pub fn claim(&mut self, units: usize) {
        if units > self.claimed {
            self.set_claimed(units);
        }
    }

    #[cold]
    fn set_claimed(&mut self, units: usize) {
        let units = whole_step(&self.pages.spread, units);
        let (old, new) = (self.live_bytes(self.claimed), self.live_bytes(units));
        let mut ranges = RANGES.lock();
        if let Some(place) = self.place
            && !ranges.sparse.claim(place, units)
        {
            self.place = None;
        }
        ranges.change_bytes(old, new);
        self.claimed = units;
    }

    fn live_bytes(&self, units: usize) -> usize {
        self.pages.spread.bytes(units) + self.pages.stray
    }

    /// Gives the pages behind all but the first `units` back. Returns the bytes.
    ///
    /// # Cost
    ///
    /// One system call for each part; some tenths of a microsecond per page that
    /// goes.
    pub fn trim(&mut self, units: usize) -> usize {
        let units = whole_step(&self.pages.spread, units).min(self.claimed);
        let (dirty, _) = self.unlist();
        if units == dirty {
            return 0;
        }
        // SAFETY: `ours`: not listed, so nobody else purges it, and the caller
        // gives the contents up.
        let purged = unsafe { purge(&self.pages, units, dirty) };
        let (old, claimed) = (self.claimed, purged.map_or(dirty, |_| units));
        let (old, new) = (self.live_bytes(old), self.live_bytes(claimed));
        self.claimed = claimed;
        let mut ranges = RANGES.lock();
        ranges.change_bytes(old, new);
        ranges.purged.add(Cause::Trim, purged.unwrap_or(0));
        purged.unwrap_or(0)
    }

    /// Takes all pages away: everything is zero afterwards. False when the system
    /// refuses.
    ///
    /// # Cost
    ///
    /// One system call; some tenths of a microsecond per page that goes.
    pub fn purge_all(&mut self) -> bool {
        self.unlist();
        let (old, new) = (self.live_bytes(self.claimed), 0);
        // SAFETY: `ours`: the caller gives the contents up.
        if !unsafe { os::purge(self.pages.start, self.pages.bytes) } {
            return false;
        }
        (self.claimed, self.pages.stray) = (0, 0);
        let mut ranges = RANGES.lock();
        ranges.change_bytes(old, new);
        ranges.purged.add(Cause::Trim, old);
        true
    }

    /// Leaves the list. Returns the units that may have pages, and those that were
    /// claimed lately.
    fn unlist(&mut self) -> (usize, [usize; 2]) {
        let listed = self.place.take();
        let listed = listed.and_then(|place| RANGES.lock().sparse.strike(place));
        listed.unwrap_or((self.claimed, [self.claimed, 0]))
    }

    /// Asks for huge pages behind the whole 2 MiB pieces between `from` and
    /// `from + bytes`; false when there is none or the system refuses.
    ///
    /// The advice stays with the addresses, also when they are lent again.
    ///
    /// # Cost
    ///
    /// One system call.
    pub fn advise_huge(&self, from: usize, bytes: usize) -> bool {
        let end = from.saturating_add(bytes).min(self.pages.bytes);
        let end = end - end % RANGE_STEP_BYTES;
        let from = from.checked_next_multiple_of(RANGE_STEP_BYTES);
        let Some(from) = from.filter(|&from| from < end) else {
            return false;
        };
        // SAFETY: `from` is less than the range is long.
        let start = unsafe { self.pages.start.add(from) };
        // SAFETY: `ours`: advice, contents stay.
        unsafe { os::prefer_huge(start, end - from) }
    }
}

impl Drop for SparseRange {
    fn drop(&mut self) {
        let (dirty, high) = self.unlist();
        self.pages.dirty = dirty.max(self.claimed);
        let mut ranges = RANGES.lock();
        ranges.take_back_bytes(self.pages.bytes, self.live_bytes(self.claimed));
        let stamp = ranges.next_stamp();
        let oldest = ranges.sparse.put(self.pages, high, tick::count(), stamp);
        let gone = oldest.map(Gone::Pages).or_else(|| ranges.pop_excess());
        drop(ranges);
        give_up_excess(gone);
    }
}

impl fmt::Debug for SparseRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SparseRange")
            .field("reserved_bytes", &self.reserved_bytes())
            .field("claimed_units", &self.claimed)
            .finish_non_exhaustive()
    }
}

/// Rounds `units` up to a step of claims, as far as there are any.
fn whole_step(spread: &Spread, units: usize) -> usize {
    let step = (CLAIM_BYTES / spread.bytes(1).max(1)).max(1);
    let step = 1 << step.ilog2();
    let units = units.checked_next_multiple_of(step);
    units.map_or(spread.units, |units| units.min(spread.units))
}

/// Hands back some of the kept ranges that are idle, or of all, `most` bytes about, or
/// of the pages that no holder of a range has claimed for as long. Returns the bytes;
/// none when there is nothing, or the system refuses.
pub(super) fn purge_some(idle: Option<Idle>, cause: Cause, most: usize) -> Option<usize> {
    if let Some(bytes) = purge_kept(idle, cause, most) {
        return Some(bytes);
    }
    // Piece by piece, so that a holder that claims more waits for one alone.
    let now = idle.map(|idle| idle.now);
    (0..List::PLACES).find_map(|place| purge_slack(place, now, cause))
}

/// Gives one kept range up, or takes the last pages of a large one.
///
/// What other spreads have left in it goes with the whole.
fn purge_kept(idle: Option<Idle>, cause: Cause, most: usize) -> Option<usize> {
    let mut pages = RANGES.lock().sparse.pop_idle(idle)?;
    let resident = pages.resident_bytes();
    let unit_bytes = pages.spread.bytes(1).max(1);
    let units = (most / unit_bytes).max(1);
    if let Some(Idle { now, .. }) = idle
        && pages.dirty > units
    {
        let keep = pages.dirty - units;
        // SAFETY: `one-holder`: taken off the list, and nobody's.
        let purged = unsafe { purge(&pages, keep, pages.dirty) };
        pages.dirty = keep;
        let mut ranges = RANGES.lock();
        if purged.is_some() && ranges.sparse.put_back(pages, now) {
            let bytes = resident - pages.resident_bytes();
            ranges.purged.add(cause, bytes);
            return Some(bytes);
        }
    }
    unmap(&pages);
    RANGES.lock().purged.add(cause, resident);
    Some(resident)
}

/// Purges one piece of the slack at a place of the list.
///
/// The lock is held over the system calls: no holder may claim meanwhile.
fn purge_slack(place: usize, now: Option<u64>, cause: Cause) -> Option<usize> {
    let mut ranges = RANGES.lock();
    let Slack { pages, keep } = ranges.sparse.slack(place, now, PURGE_BYTES)?;
    // SAFETY: `ours`, `claimed-first`: nobody uses what is not claimed, and to
    // claim it takes the lock.
    let bytes = unsafe { purge(&pages, keep, pages.dirty) }?;
    ranges.sparse.note_purged(place, keep);
    ranges.purged.add(cause, bytes);
    Some(bytes)
}

/// Drops the pages that belong to units from `keep` to `dirty` alone. Returns their
/// bytes, or none when the system refuses.
///
/// # Safety
///
/// `ours`: nobody uses those units meanwhile, and what they hold is given up.
unsafe fn purge(pages: &Pages, keep: usize, dirty: usize) -> Option<usize> {
    let (page, spread) = (os::page_bytes(), &pages.spread);
    let mut purged = 0;
    for part in 0..PARTS {
        let (start, unit) = (spread.starts[part], spread.unit_bytes[part]);
        let from = (start + keep * unit).next_multiple_of(page);
        // The page behind the last unit is nobody's, but for the last of all.
        let end = (start + dirty * unit).next_multiple_of(page);
        let last = start + spread.units * unit;
        let end = end.min(last - last % page);
        if from >= end {
            continue;
        }
        // SAFETY: inside the range, as the parts are.
        let at = unsafe { pages.start.add(from) };
        // SAFETY: by contract.
        if !unsafe { os::purge(at, end - from) } {
            return None;
        }
        purged += end - from;
    }
    Some(purged)
}

/// Gives a whole range up.
pub(super) fn unmap(pages: &Pages) {
    // SAFETY: `one-holder`: taken off the list, and nobody's.
    unsafe { os::release(pages.start, pages.bytes) };
}
