#![forbid(unsafe_code)]
//! What the allocator can tell about itself, as plain data.

use crate::config::SEGMENT_BYTES;
use crate::heap::registry::{self, HeapTotals};
use crate::heap::tally::{Slow, Tally};
use crate::heap::tls;
use crate::layout::size_class::{CLASS_COUNT, SizeClass};
use crate::purged::Purged;
use crate::{os, range, segment};

/// The allocator in numbers, summed when asked for.
///
/// `allocations`, `frees` and the bytes of small blocks are exact for the
/// thread that asks. Other threads' lag by what their bins have lent and
/// absorbed since they last ran dry or full: per size, the blocks of one slab
/// and 512 more at most. Large blocks, mapped, retained and released bytes are
/// exact. In a forked child what the parent's other threads had lent stays counted.
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
    /// Bytes free and not handed back, outside of threads' caches: those of
    /// `retained` without `thread_runs`.
    pub retained_bytes: u64,
    /// The same, by where they are.
    pub retained: Retained,
    /// Bytes handed back to the operating system so far by purging.
    pub released_bytes: u64,
    /// The same, by what made them go.
    pub purged: Purged,
    /// Bytes of slices that slabs, runs and threads' caches occupy.
    pub used_slice_bytes: u64,
    /// Blocks lent so far.
    pub allocations: u64,
    /// Blocks taken back so far.
    pub frees: u64,
    /// Slots that left a thread's bin for a slab of another thread, or of none,
    /// as a slab is from when its last slot was lent. Not the blocks that another
    /// thread has freed: most stay in the bin of the thread that freed them.
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
    /// How often heaps left their fast paths, by the reason.
    pub slow: SlowPaths,
    classes: Classes,
}

/// Free memory that was not handed back, by where it is. In bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Retained {
    /// Slices of segments that nobody uses.
    pub slices: u64,
    /// Given-back ranges.
    pub ranges: u64,
    /// Given-back blocks above 16 MiB, and what is left of them behind the ends of
    /// smaller ones.
    pub mappings: u64,
    /// Runs that threads keep for their next request of that length. A part of
    /// `used_slice_bytes`.
    pub thread_runs: u64,
}

/// How often heaps left their fast paths, since the start of the process.
///
/// Ratios tell: many slots `sent_home` for each of the `frees` mean mass drops, or
/// blocks that another thread lent; many `slabs_opened` beside few
/// `slabs_retired` mean growth; many `slabs_claimed`, work that moves on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SlowPaths {
    /// A bin ran dry and was filled from a slab.
    pub refills: u64,
    /// Slabs made from runs.
    pub slabs_opened: u64,
    /// Slabs without an owner taken over for allocation.
    pub slabs_adopted: u64,
    /// Slabs without an owner taken over by a free.
    pub slabs_claimed: u64,
    /// Slabs given back, all of whose slots were free.
    pub slabs_retired: u64,
    /// Slots that a full bin sent to their slabs, some at a time.
    pub sent_home: u64,
    /// Bins emptied since that went on for long.
    pub drains: u64,
    /// Runs, of slabs and large blocks, found in the thread's own cache.
    pub runs_cached: u64,
    /// Runs taken out of segments.
    pub runs_taken: u64,
    /// Blocks above 16 MiB lent, each a mapping of its own, kept or new.
    pub mappings_made: u64,
}

/// One size class in numbers, exact as `allocations` of [`Stats`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ClassStats {
    /// Bytes of a slot: the largest request that the class serves.
    pub slot_bytes: u64,
    /// Slots lent so far.
    pub allocations: u64,
    /// Slots taken back so far.
    pub frees: u64,
    /// Bytes of the slots in use; zero when a lagging thread has counted more
    /// frees than allocations.
    pub live_bytes: u64,
}

/// Allocations and frees per class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Classes([(u64, u64); CLASS_COUNT]);

impl Default for Classes {
    fn default() -> Classes {
        Classes([(0, 0); CLASS_COUNT])
    }
}

impl Stats {
    /// Returns the bytes that the allocator keeps from the rest of the system: in use, or free
    /// and not handed back. Slabs and runs count whole, also where few of their slots are in
    /// use.
    ///
    /// Unlike `mapped_bytes` it falls when memory is handed back: segments stay mapped.
    pub fn held_bytes(&self) -> u64 {
        let segments = self.segments * SEGMENT_BYTES as u64;
        let slices = self.used_slice_bytes + self.retained.slices;
        (self.mapped_bytes + slices).saturating_sub(segments)
    }

    /// All size classes, smallest first. Blocks above the last class are large.
    pub fn classes(&self) -> impl Iterator<Item = ClassStats> {
        let counts = self.classes.0;
        SizeClass::all().map(move |class| {
            let (allocations, frees) = counts[class.index()];
            let slot_bytes = class.slot_bytes() as u64;
            ClassStats {
                slot_bytes,
                allocations,
                frees,
                live_bytes: above_zero(live(allocations, frees).wrapping_mul(slot_bytes)),
            }
        })
    }
}

/// Wrapping: a free is known before its allocation when another thread's bin
/// lags.
fn live(allocations: u64, frees: u64) -> u64 {
    allocations.wrapping_sub(frees)
}

/// A wrapped difference, or zero where it is negative.
fn above_zero(difference: u64) -> u64 {
    difference.cast_signed().max(0).unsigned_abs()
}

/// Sums up the allocator as it is now.
///
/// # Cost
///
/// Linear in the number of threads and in the free slots of the calling thread's
/// bins; four short locks, no system call.
pub fn stats() -> Stats {
    tls::with_ready(|heap| heap.settle_all());
    let HeapTotals {
        tally,
        heaps,
        cached_run_bytes,
    } = registry::totals();
    let segments = segment::totals();
    let ranges = range::totals();
    let mut small_live = 0_u64;
    let (mut allocations, mut frees) = (tally.large_allocations, tally.large_frees);
    let mut classes = Classes::default();
    for class in SizeClass::all() {
        let lent = tally.allocations[class.index()];
        let freed = tally.frees[class.index()];
        classes.0[class.index()] = (lent, freed);
        let live = live(lent, freed).wrapping_mul(class.slot_bytes() as u64);
        small_live = small_live.wrapping_add(live);
        allocations = allocations.wrapping_add(lent);
        frees = frees.wrapping_add(freed);
    }
    let large_live = live(tally.large_lent_bytes, tally.large_freed_bytes);
    let segment_bytes = (segments.segment_count * SEGMENT_BYTES) as u64;
    let retained = Retained {
        slices: segments.retained as u64,
        ranges: ranges.retained as u64,
        mappings: ranges.retained_mapped as u64,
        thread_runs: cached_run_bytes as u64,
    };
    let mut purged = segments.purged;
    purged.merge(&ranges.purged);
    Stats {
        live_bytes: above_zero(small_live.wrapping_add(large_live)) + ranges.ready as u64,
        mapped_bytes: segment_bytes
            + tally.mapping_bytes()
            + retained.mappings
            + ranges.accessible as u64,
        reserved_bytes: ranges.reserved as u64,
        retained_bytes: retained.slices + retained.ranges + retained.mappings,
        retained,
        released_bytes: purged.total(),
        purged,
        used_slice_bytes: segments.used as u64,
        allocations,
        frees,
        remote_frees: tally.remote_frees,
        large_allocations: tally.large_allocations,
        os_calls: os::calls(),
        heaps: heaps as u64,
        segments: segments.segment_count as u64,
        ranges: ranges.lent_count as u64,
        slow: slow_paths(&tally),
        classes,
    }
}

fn slow_paths(tally: &Tally) -> SlowPaths {
    SlowPaths {
        refills: tally.slow(Slow::Refill),
        slabs_opened: tally.slow(Slow::SlabOpened),
        slabs_adopted: tally.slow(Slow::SlabAdopted),
        slabs_claimed: tally.slow(Slow::SlabClaimed),
        slabs_retired: tally.slow(Slow::SlabRetired),
        sent_home: tally.slow(Slow::SentHome),
        drains: tally.slow(Slow::Drain),
        runs_cached: tally.slow(Slow::RunCached),
        runs_taken: tally.slow(Slow::RunTaken),
        mappings_made: tally.slow(Slow::MappingMade),
    }
}
