//! [`SparseRange`]: addresses in a row, all of them usable at once.
//!
//! For structures of several parts that lie far apart in one range and grow each
//! from its own start. Memory appears where it is touched, so nothing needs to
//! be committed; the holder says how much it has touched.
//!
//! # Invariants
//!
//! - `told-used`: `dirty` is what the holder says that it has touched, never
//!   more than `bytes`; `accessible` counts as much, as no more costs memory.

use core::fmt;
use core::ptr::NonNull;

use allocator_api2::alloc::AllocError;

use crate::purged::Cause;
use crate::{os, tick};

use super::{Extent, RANGE_STEP_BYTES, RANGES, give_up_excess};

/// Bytes that a recycled range may have resident beyond four times of what is
/// wanted.
const SPARE_BYTES: usize = 1 << 20;

/// A range of addresses in a row that may all be touched, each page of which
/// costs memory once it is.
///
/// ```
/// use millpond_arena::SparseRange;
///
/// let mut range = SparseRange::reserve(1 << 30, 1 << 20)?;
/// // SAFETY: inside the range.
/// let far = unsafe { range.start().add(700 << 20) };
/// // SAFETY: every byte of the range may be used.
/// unsafe { far.write_bytes(7, 4096) };
/// range.set_used(4096);
/// # Ok::<(), allocator_api2::alloc::AllocError>(())
/// ```
///
/// Dropping it gives the range back; nothing in it may be used afterwards.
pub struct SparseRange {
    extent: Extent,
    /// The tick in whose interval the range was taken out of the cache.
    reused: Option<u64>,
}

// SAFETY: `one-holder`: a range is addresses, which any thread may use and give
// back.
unsafe impl Send for SparseRange {}
// SAFETY: shared references read numbers and pass advice alone.
unsafe impl Sync for SparseRange {}

impl SparseRange {
    /// Reserves `bytes`, rounded up to 2 MiB, at a multiple of 2 MiB.
    ///
    /// A range given back before is lent again, the newest first, if it has
    /// enough addresses, and no more than sixteen times as many, and if at most
    /// four times `want` and a megabyte of it was used. It holds anything; a
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
    pub fn reserve(bytes: usize, want: usize) -> Result<SparseRange, AllocError> {
        let bytes = bytes
            .max(1)
            .checked_next_multiple_of(RANGE_STEP_BYTES)
            .ok_or(AllocError)?;
        let dirty_max = want.saturating_mul(4).saturating_add(SPARE_BYTES);
        let cached = {
            let mut ranges = RANGES.lock();
            let cached = ranges.sparse.take_newest(bytes, dirty_max);
            if let Some(extent) = &cached {
                ranges.lend(extent);
            }
            cached
        };
        if let Some(extent) = cached {
            return Ok(SparseRange {
                extent,
                reused: Some(tick::count()),
            });
        }
        let extent = Extent {
            start: os::reserve(bytes, RANGE_STEP_BYTES).ok_or(AllocError)?,
            bytes,
            accessible: 0,
            dirty: 0,
            huge: false,
        };
        RANGES.lock().lend(&extent);
        Ok(SparseRange {
            extent,
            reused: None,
        })
    }

    /// The first address, a multiple of 2 MiB.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.extent.start
    }

    /// The addresses that are reserved, in bytes.
    #[inline]
    pub fn reserved_bytes(&self) -> usize {
        self.extent.bytes
    }

    /// The bytes said to be in use; right after [`SparseRange::reserve`] what a
    /// recycled range was said to use before, zero for a fresh one.
    #[inline]
    pub fn used_bytes(&self) -> usize {
        self.extent.dirty
    }

    /// Says how many bytes have been touched: they count as live, and as
    /// retained once the range was given back.
    ///
    /// # Cost
    ///
    /// One lock when the number is another one.
    pub fn set_used(&mut self, bytes: usize) {
        let bytes = bytes.min(self.extent.bytes);
        let was = self.extent.dirty;
        if bytes == was {
            return;
        }
        // `told-used`.
        self.extent.dirty = bytes;
        self.extent.accessible = bytes;
        RANGES.lock().change(was, was, &self.extent);
    }

    /// Takes the whole pages between `from` and `from + bytes` away; they are
    /// zero afterwards. Returns their bytes.
    ///
    /// What is said to be in use stays as it is: see [`SparseRange::set_used`].
    ///
    /// # Cost
    ///
    /// One system call; some tenths of a microsecond per page that goes.
    pub fn purge(&mut self, from: usize, bytes: usize) -> usize {
        let Some((start, bytes)) = self.inner(from, bytes, os::page_bytes()) else {
            return 0;
        };
        // SAFETY: `ours`: the caller gives the contents up.
        if !unsafe { os::purge(start, bytes) } {
            return 0;
        }
        RANGES.lock().purged.add(Cause::Trim, bytes);
        bytes
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
        let Some((start, bytes)) = self.inner(from, bytes, RANGE_STEP_BYTES) else {
            return false;
        };
        // SAFETY: `ours`: advice, contents stay.
        unsafe { os::prefer_huge(start, bytes) }
    }

    /// The part of a piece of the range that consists of whole steps.
    fn inner(&self, from: usize, bytes: usize, step: usize) -> Option<(NonNull<u8>, usize)> {
        let end = from.saturating_add(bytes).min(self.extent.bytes);
        let end = end - end % step;
        let from = from.checked_next_multiple_of(step)?;
        if from >= end {
            return None;
        }
        // SAFETY: `from` is less than the range is long.
        let start = unsafe { self.extent.start.add(from) };
        Some((start, end - from))
    }
}

impl Drop for SparseRange {
    fn drop(&mut self) {
        let mut ranges = RANGES.lock();
        ranges.take_back(&self.extent);
        let oldest = ranges.sparse.put(self.extent, self.reused);
        let gone = oldest.or_else(|| ranges.pop_excess());
        drop(ranges);
        give_up_excess(gone);
    }
}

impl fmt::Debug for SparseRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SparseRange")
            .field("reserved_bytes", &self.reserved_bytes())
            .field("used_bytes", &self.used_bytes())
            .finish_non_exhaustive()
    }
}
