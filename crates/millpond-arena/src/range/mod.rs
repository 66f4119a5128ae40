//! [`ReservedRange`]: addresses in a row, with memory behind as many as needed.
//!
//! ```text
//!   start                                                          2 MiB steps
//!   ├──────────── ready ────────────┤                                        │
//!   │ in use, or recycled           │ zero, accessible │ addresses alone     │
//!   ├───────────────── accessible ─────────────────────┤                     │
//!   ├────────────────────────────── reserved ────────────────────────────────┤
//! ```
//!
//! A table that grows in place asks for far more addresses than it needs now:
//! they cost nothing until [`ReservedRange::commit`] reaches them. A range that
//! was given back is lent again with its pages, until a tick finds it idle.
//!
//! # Invariants
//!
//! - `nested`: `dirty <= accessible <= bytes`, all of them whole pages.
//! - `clean-zero`: what lies between `dirty` and `accessible` is zero.
//! - `one-holder`: a range has one [`ReservedRange`], or is in the cache, once.

use core::fmt;
use core::ptr::NonNull;

use allocator_api2::alloc::AllocError;

use crate::purged::{Cause, Purged};
use crate::spin::SpinLock;
use crate::{os, tick};

mod cache;
pub(crate) mod mapped;
mod retain;
mod sparse;
mod spread;

use cache::Cache;
use mapped::Blocks;
use retain::{Gone, Idle, give_up_excess};
pub(crate) use retain::{begin_idle_purge, purge_all, purge_idle};
pub use sparse::SparseRange;
pub use spread::Spread;

/// Bytes that start and length of a range are multiples of: a huge page, so
/// that page tables move whole.
const RANGE_STEP_BYTES: usize = 2 << 20;

/// Bytes made accessible at a time. Measured: the first step costs 9.5 µs and
/// each further one 0.8 µs, in none of the growth tails visible.
const COMMIT_STEP_BYTES: usize = 1 << 20;

/// Ranges kept at most. Guessed: tables that come and go at one time.
const KEPT_RANGES: usize = 8;

/// A range as the system knows it.
#[derive(Clone, Copy, Debug)]
struct Extent {
    start: NonNull<u8>,
    /// Addresses reserved.
    bytes: usize,
    /// The first so many may be read and written.
    accessible: usize,
    /// The first so many may hold something else than zeros.
    dirty: usize,
    huge: bool,
}

/// What is known about all ranges.
struct Ranges {
    cache: Cache<KEPT_RANGES>,
    sparse: spread::List,
    mapped: Cache<KEPT_RANGES>,
    blocks: Blocks,
    lent: usize,
    lent_reserved: usize,
    lent_accessible: usize,
    lent_ready: usize,
    purged: Purged,
    /// Ranges given back so far.
    given: u64,
    /// The purge of what is idle that has not ended.
    ageing: Option<Idle>,
}

// SAFETY: `one-holder`: addresses are no thread's own.
unsafe impl Send for Ranges {}

static RANGES: SpinLock<Ranges> = SpinLock::new(Ranges {
    cache: Cache::new(),
    sparse: spread::List::new(),
    mapped: Cache::new(),
    blocks: Blocks::new(),
    lent: 0,
    lent_reserved: 0,
    lent_accessible: 0,
    lent_ready: 0,
    purged: Purged::ZERO,
    given: 0,
    ageing: None,
});

/// The pages that a range asks the system for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RangePages {
    /// The system's usual pages.
    #[default]
    Small,
    /// Huge pages where the system has some: fewer faults and faster look-ups,
    /// for up to 2 MiB more resident memory.
    Huge,
}

/// Sums over all ranges, in bytes where not said otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RangeTotals {
    pub(crate) lent_count: usize,
    pub(crate) ready: usize,
    pub(crate) retained: usize,
    /// Of blocks above the largest run that were given back, and behind the ends
    /// of those that were lent again.
    pub(crate) retained_mapped: usize,
    pub(crate) reserved: usize,
    pub(crate) accessible: usize,
    pub(crate) purged: Purged,
}

/// A range of addresses in a row, backed by memory as far as it was committed.
///
/// ```
/// use millpond_arena::{RangePages, ReservedRange};
///
/// // Room for a gigabyte, memory for a megabyte.
/// let mut range = ReservedRange::reserve(1 << 30, RangePages::Small)?;
/// range.commit(1 << 20)?;
/// // SAFETY: the first ready bytes may be used.
/// unsafe { range.start().write_bytes(7, 1 << 20) };
/// assert!(range.ready_bytes() >= 1 << 20);
/// // The last byte that is kept stays; what is committed anew is zero.
/// range.trim(4096, usize::MAX);
/// assert_eq!(range.ready_bytes(), 4096);
/// # Ok::<(), allocator_api2::alloc::AllocError>(())
/// ```
///
/// It is the lowest of tools: who holds it says which bytes mean what. Dropping
/// it gives the range back; nothing in it may be used afterwards.
pub struct ReservedRange {
    extent: Extent,
    /// The tick in whose interval the range was taken out of the cache.
    reused: Option<u64>,
}

// SAFETY: `one-holder`: a range is addresses, which any thread may use and give
// back.
unsafe impl Send for ReservedRange {}
// SAFETY: shared references read numbers alone.
unsafe impl Sync for ReservedRange {}

impl ReservedRange {
    /// Reserves `bytes`, rounded up to 2 MiB, at a multiple of 2 MiB.
    ///
    /// Addresses cost no memory before they are committed. A range given back
    /// before is lent again if it has enough addresses, and up to sixteen times
    /// as many; its pages come with it and are ready, holding anything.
    ///
    /// # Errors
    ///
    /// When the system has no such range of addresses.
    ///
    /// # Cost
    ///
    /// One lock for a recycled range; one to four system calls for a fresh one.
    pub fn reserve(bytes: usize, pages: RangePages) -> Result<ReservedRange, AllocError> {
        let bytes = bytes
            .max(1)
            .checked_next_multiple_of(RANGE_STEP_BYTES)
            .ok_or(AllocError)?;
        let huge = pages == RangePages::Huge;
        let cached = {
            let mut ranges = RANGES.lock();
            let cached = ranges.cache.take(bytes, huge);
            if let Some(extent) = &cached {
                ranges.lend(extent);
            }
            cached
        };
        if let Some(extent) = cached {
            return Ok(ReservedRange {
                extent,
                reused: Some(tick::count()),
            });
        }
        let extent = Extent::fresh(bytes, huge).ok_or(AllocError)?;
        RANGES.lock().lend(&extent);
        Ok(ReservedRange {
            extent,
            reused: None,
        })
    }

    /// The first address, a multiple of 2 MiB. [`ReservedRange::grow`] may
    /// change it.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.extent.start
    }

    /// The addresses that are reserved, in bytes.
    #[inline]
    pub fn reserved_bytes(&self) -> usize {
        self.extent.bytes
    }

    /// How many bytes, from the first on, may be used.
    ///
    /// In a range just reserved they are recycled ones and hold anything, or
    /// none. What is committed later is zero at first.
    #[inline]
    pub fn ready_bytes(&self) -> usize {
        self.extent.dirty
    }

    /// Makes the first `bytes` ready for use, and perhaps some more.
    ///
    /// What was not ready before is zero.
    ///
    /// # Errors
    ///
    /// When more is asked for than is reserved, or the system refuses. Nothing
    /// has changed.
    ///
    /// # Cost
    ///
    /// A comparison when they are ready; else one lock, and one system call per
    /// megabyte that was never committed. The pages appear when touched.
    #[inline]
    pub fn commit(&mut self, bytes: usize) -> Result<(), AllocError> {
        if bytes <= self.extent.dirty {
            return Ok(());
        }
        self.commit_slow(bytes)
    }

    #[cold]
    fn commit_slow(&mut self, bytes: usize) -> Result<(), AllocError> {
        let extent = &mut self.extent;
        if bytes > extent.bytes {
            return Err(AllocError);
        }
        let step = if extent.huge {
            RANGE_STEP_BYTES
        } else {
            COMMIT_STEP_BYTES
        };
        // The length is a multiple of both steps, and no less than `bytes`.
        let wanted = bytes.next_multiple_of(step);
        let (ready, accessible) = (extent.dirty, extent.accessible);
        if wanted > accessible {
            // SAFETY: `nested`: inside the range.
            let start = unsafe { extent.start.add(accessible) };
            // SAFETY: `ours`: a part of the range that nobody could use so far.
            if !unsafe { os::make_accessible(start, wanted - accessible) } {
                return Err(AllocError);
            }
            extent.accessible = wanted;
        }
        extent.dirty = wanted;
        RANGES.lock().change(ready, accessible, extent);
        Ok(())
    }

    /// Puts pages behind ready bytes before they are touched, for whoever has
    /// time now and none later.
    ///
    /// Returns how many bytes, from `from` on, have pages now, whole pages: zero
    /// when the system cannot.
    ///
    /// # Cost
    ///
    /// One system call, and the zeroing of the pages.
    pub fn populate(&mut self, from: usize, bytes: usize) -> usize {
        let page = os::page_bytes();
        let from = from - from % page;
        let end = from
            .saturating_add(bytes)
            .min(self.extent.dirty)
            .next_multiple_of(page);
        if from >= end {
            return 0;
        }
        // SAFETY: `nested`: `from` is less than what is ready.
        let start = unsafe { self.extent.start.add(from) };
        // SAFETY: `ours`, and accessible; contents stay.
        if unsafe { os::populate(start, end - from) } {
            end - from
        } else {
            0
        }
    }

    /// Hands ready bytes back, `most` of them at most, from the last on; the
    /// first `keep` stay ready. Whole pages go. Returns their bytes.
    ///
    /// Nothing in them may be used any more.
    ///
    /// # Cost
    ///
    /// One system call; some tenths of a microsecond per page that goes.
    pub fn trim(&mut self, keep: usize, most: usize) -> usize {
        let page = os::page_bytes();
        let extent = &mut self.extent;
        let (ready, accessible) = (extent.dirty, extent.accessible);
        let keep = keep.min(ready).max(ready.saturating_sub(most));
        let keep = keep.next_multiple_of(page);
        if keep >= ready {
            return 0;
        }
        // SAFETY: `nested`: inside the range.
        let start = unsafe { extent.start.add(keep) };
        // SAFETY: `ours`: the caller gives the contents up.
        if !unsafe { os::purge(start, ready - keep) } {
            return 0;
        }
        extent.dirty = keep;
        let mut ranges = RANGES.lock();
        ranges.change(ready, accessible, extent);
        ranges.purged.add(Cause::Trim, ready - keep);
        ready - keep
    }

    /// Reserves `bytes` in all, at least. What is ready stays, contents too, but
    /// perhaps at other addresses: read [`ReservedRange::start`] again.
    ///
    /// # Errors
    ///
    /// When the system has no such range of addresses. Nothing has changed.
    ///
    /// # Cost
    ///
    /// Four system calls that move page tables, not bytes: some tens of
    /// microseconds. Where the system does not move pages, a copy.
    pub fn grow(&mut self, bytes: usize) -> Result<(), AllocError> {
        if bytes <= self.extent.bytes {
            return Ok(());
        }
        let bytes = bytes
            .checked_next_multiple_of(RANGE_STEP_BYTES)
            .ok_or(AllocError)?;
        let old = self.extent;
        let mut new = Extent::fresh(bytes, old.huge).ok_or(AllocError)?;
        if !new.adopt(&old) {
            new.unmap();
            return Err(AllocError);
        }
        self.extent = new;
        let mut ranges = RANGES.lock();
        ranges.lent_reserved += new.bytes - old.bytes;
        ranges.change(old.dirty, old.accessible, &new);
        Ok(())
    }
}

impl Drop for ReservedRange {
    fn drop(&mut self) {
        let mut ranges = RANGES.lock();
        ranges.take_back(&self.extent);
        // What holds no page costs as little to reserve anew.
        let gone = if self.extent.dirty == 0 {
            Some(Gone::Extent(self.extent))
        } else {
            let stamp = ranges.next_stamp();
            let oldest = ranges.cache.put(self.extent, self.reused, stamp);
            oldest.map(Gone::Extent).or_else(|| ranges.pop_excess())
        };
        drop(ranges);
        give_up_excess(gone);
    }
}

impl fmt::Debug for ReservedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReservedRange")
            .field("reserved_bytes", &self.reserved_bytes())
            .field("ready_bytes", &self.ready_bytes())
            .finish_non_exhaustive()
    }
}

impl Extent {
    fn fresh(bytes: usize, huge: bool) -> Option<Extent> {
        let start = os::reserve_inaccessible(bytes, RANGE_STEP_BYTES)?;
        if huge {
            // SAFETY: `ours`: mapped just above. A refusal leaves small pages.
            unsafe { os::prefer_huge(start, bytes) };
        }
        Some(Extent {
            start,
            bytes,
            accessible: 0,
            dirty: 0,
            huge,
        })
    }

    /// Takes over what `old`, a shorter one, holds. On success `old` is gone.
    fn adopt(&mut self, old: &Extent) -> bool {
        let ready = old.dirty;
        // SAFETY: `ours`, both: the new range is as long at least.
        let moved = ready > 0 && unsafe { os::move_pages(old.start, self.start, ready) };
        if !moved && ready > 0 {
            // SAFETY: `ours`, and nothing is in the new range yet.
            if !unsafe { os::make_accessible(self.start, ready) } {
                return false;
            }
            // SAFETY: two ranges, both accessible so far.
            unsafe { self.start.copy_from_nonoverlapping(old.start, ready) };
        }
        self.accessible = ready;
        self.dirty = ready;
        let gone = if moved { ready } else { 0 };
        if gone < old.bytes {
            // SAFETY: `nested`: inside the old range.
            let rest = unsafe { old.start.add(gone) };
            // SAFETY: `ours`: what was not moved is of no use any more.
            unsafe { os::release(rest, old.bytes - gone) };
        }
        true
    }

    /// Drops the last pages, `most` bytes about. Returns the bytes, 0 when the system
    /// refuses.
    fn drop_tail(&mut self, most: usize) -> usize {
        let step = most.max(RANGE_STEP_BYTES);
        let keep = self.dirty.saturating_sub(step);
        // Whole huge pages, and at least one byte less than before.
        let keep = keep.next_multiple_of(RANGE_STEP_BYTES);
        let bytes = self.dirty.saturating_sub(keep);
        // SAFETY: `nested`: inside the range.
        let start = unsafe { self.start.add(keep) };
        // SAFETY: `one-holder`: the caller is it, and gives the contents up.
        if bytes == 0 || !unsafe { os::purge(start, bytes) } {
            return 0;
        }
        self.dirty = keep;
        bytes
    }

    /// Gives the whole range up.
    fn unmap(&self) {
        // SAFETY: `one-holder`: the caller was it.
        unsafe { os::release(self.start, self.bytes) };
    }
}

impl Ranges {
    fn lend(&mut self, extent: &Extent) {
        self.lent += 1;
        self.lent_reserved += extent.bytes;
        self.lent_accessible += extent.accessible;
        self.lent_ready += extent.dirty;
    }

    fn take_back(&mut self, extent: &Extent) {
        self.lent -= 1;
        self.lent_reserved -= extent.bytes;
        self.lent_accessible -= extent.accessible;
        self.lent_ready -= extent.dirty;
    }

    /// Counts a sparse range as lent, with so many bytes in use.
    fn lend_bytes(&mut self, reserved: usize, used: usize) {
        self.lent += 1;
        self.lent_reserved += reserved;
        self.change_bytes(0, used);
    }

    /// Takes that back.
    fn take_back_bytes(&mut self, reserved: usize, used: usize) {
        self.lent -= 1;
        self.lent_reserved -= reserved;
        self.change_bytes(used, 0);
    }

    /// Counts the bytes in use of a lent sparse range anew; what is in use is accessible,
    /// as no more costs memory.
    fn change_bytes(&mut self, old: usize, new: usize) {
        self.lent_ready = self.lent_ready - old + new;
        self.lent_accessible = self.lent_accessible - old + new;
    }

    /// A number larger than any before, for a range that is given back.
    fn next_stamp(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    /// Counts what is ready and accessible in a lent range anew.
    fn change(&mut self, ready: usize, accessible: usize, extent: &Extent) {
        self.lent_ready = self.lent_ready - ready + extent.dirty;
        self.lent_accessible = self.lent_accessible - accessible + extent.accessible;
    }
}

/// Bytes that given-back ranges and blocks hold, and what is left of them in lent
/// ones; and whether a purge of what is idle has not ended.
pub(crate) fn retained() -> (usize, bool) {
    let ranges = RANGES.lock();
    (ranges.resident_bytes(), ranges.ageing.is_some())
}

/// Sums over all ranges, exact at one instant.
pub(crate) fn totals() -> RangeTotals {
    let ranges = RANGES.lock();
    RangeTotals {
        lent_count: ranges.lent,
        ready: ranges.lent_ready,
        retained: ranges.cache.resident_bytes() + ranges.sparse.resident_bytes(),
        retained_mapped: ranges.mapped.resident_bytes() + ranges.blocks.behind_bytes(),
        reserved: ranges.lent_reserved
            + ranges.cache.reserved_bytes()
            + ranges.sparse.reserved_bytes(),
        accessible: ranges.lent_accessible
            + ranges.cache.accessible_bytes()
            + ranges.sparse.resident_bytes(),
        purged: ranges.purged,
    }
}

/// Takes the lock around a fork.
pub(crate) fn lock_for_fork() {
    RANGES.lock_raw();
}

/// Gives back what [`lock_for_fork`] took.
pub(crate) fn unlock_after_fork() {
    RANGES.unlock_raw();
}
