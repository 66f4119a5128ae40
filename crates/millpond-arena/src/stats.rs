#![forbid(unsafe_code)]
//! What the allocator can tell about itself, as plain data.

use crate::heap::{registry, tls};
use crate::layout::size_class::SizeClass;
use crate::{os, range, segment};

/// The allocator in numbers, summed when asked for.
///
/// `allocations`, `frees` and the bytes of small blocks are exact for the
/// thread that asks. Other threads' lag by what their bins have lent and
/// absorbed since they last ran dry or full: a thousand blocks per size at
/// most. Large blocks, mapped, retained and released bytes are exact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of blocks in use, counted as the slots, runs and mappings that
    /// they occupy, and what is ready in reserved ranges. Blocks lent to arenas
    /// and maps are included.
    pub live_bytes: u64,
    /// Bytes of address space that may be touched: whole segments, mappings of
    /// large blocks, and what was committed of reserved ranges.
    pub mapped_bytes: u64,
    /// Bytes of address space of reserved ranges, touchable or not.
    pub reserved_bytes: u64,
    /// Bytes free and not handed back, outside of threads' caches.
    pub retained_bytes: u64,
    /// Bytes handed back to the operating system so far by purging.
    pub released_bytes: u64,
    /// Bytes of slices that slabs, runs and threads' caches occupy.
    pub used_slice_bytes: u64,
    /// Blocks lent so far.
    pub allocations: u64,
    /// Blocks taken back so far.
    pub frees: u64,
    /// Blocks taken back by sending them to a slab of another thread, or of
    /// none. Blocks that the freeing thread keeps for itself do not count.
    pub remote_frees: u64,
    /// Blocks above the largest slot lent so far, a part of `allocations`.
    pub large_allocations: u64,
    /// Calls to the operating system about memory so far, failed ones included.
    pub os_calls: u64,
    /// Threads that have a heap.
    pub heaps: u64,
    /// Segments of 32 MiB.
    pub segments: u64,
    /// Reserved ranges in use.
    pub ranges: u64,
}

/// Sums up the allocator as it is now.
///
/// # Cost
///
/// Linear in the number of threads and in the free slots of the calling thread's
/// bins; four short locks, no system call.
pub fn stats() -> Stats {
    tls::with_ready(|heap| heap.settle_all());
    let (tally, heaps) = registry::total();
    let segments = segment::totals();
    let ranges = range::totals();
    let mut small_live = 0_u64;
    let (mut allocations, mut frees) = (tally.large_allocations, tally.large_frees);
    for class in SizeClass::all() {
        let lent = tally.allocations[class.index()];
        let freed = tally.frees[class.index()];
        let live = lent
            .wrapping_sub(freed)
            .wrapping_mul(class.slot_bytes() as u64);
        small_live = small_live.wrapping_add(live);
        allocations = allocations.wrapping_add(lent);
        frees = frees.wrapping_add(freed);
    }
    let large_live = tally.large_lent_bytes.wrapping_sub(tally.large_freed_bytes);
    // A free is known before its allocation when another thread's bin lags.
    let live = small_live
        .wrapping_add(large_live)
        .cast_signed()
        .max(0)
        .unsigned_abs();
    let segment_bytes = (segments.segment_count * crate::config::SEGMENT_BYTES) as u64;
    Stats {
        live_bytes: live + ranges.ready as u64,
        mapped_bytes: segment_bytes + tally.mapping_bytes() + ranges.accessible as u64,
        reserved_bytes: ranges.reserved as u64,
        retained_bytes: (segments.retained + ranges.retained) as u64,
        released_bytes: segments.purged + ranges.purged,
        used_slice_bytes: segments.used as u64,
        allocations,
        frees,
        remote_frees: tally.remote_frees,
        large_allocations: tally.large_allocations,
        os_calls: os::calls(),
        heaps: heaps as u64,
        segments: segments.segment_count as u64,
        ranges: ranges.lent_count as u64,
    }
}
