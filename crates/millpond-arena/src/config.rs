#![forbid(unsafe_code)]
//! Every number that somebody may want to change, with its unit and reason.

/// Bytes of a slice, the grain in which segments are cut. A slab of small
/// slots is one slice. From the core race; other values were not tried.
pub(crate) const SLICE_BYTES: usize = 64 * 1024;

/// Bytes and alignment of a segment. Borrowed from mimalloc v2.
pub(crate) const SEGMENT_BYTES: usize = 32 * 1024 * 1024;

/// Largest request that a slab serves, in bytes; above it come runs.
///
/// Guessed: eight slots still fit a large slab.
pub(crate) const MAX_SLOT_BYTES: usize = 32 * 1024;

/// Slots above this many bytes live in large slabs.
pub(crate) const SMALL_SLAB_MAX_SLOT_BYTES: usize = 4096;

/// Bytes and alignment of a large slab.
pub(crate) const LARGE_SLAB_BYTES: usize = 4 * SLICE_BYTES;

/// Largest request that is cut from a segment, in bytes; above it a request
/// has a mapping of its own, which can be remapped as it grows.
pub(crate) const MAX_RUN_BYTES: usize = 16 * 1024 * 1024;

/// Largest alignment that is found inside a segment, in bytes.
pub(crate) const MAX_RUN_ALIGN: usize = 2 * 1024 * 1024;

/// Bytes of address-ordered slots cut from a slab at a time. Measured: 16 KiB
/// gained nothing and cost small programs resident memory.
pub(crate) const CARVE_BYTES: usize = 4096;

/// Fewest slots cut at a time, so that small loops stay out of the slow path.
pub(crate) const CARVE_MIN_SLOTS: usize = 16;

/// Most slots cut at a time: a quarter of the largest bin, as a free looks how
/// long its bin is.
pub(crate) const CARVE_MAX_SLOTS: usize = 64;

/// Classes up to this slot size, in bytes, have so many cut at least.
pub(crate) const CARVE_MIN_MAX_SLOT_BYTES: usize = 1024;

/// Classes up to this slot size, in bytes, lend from one list and take back onto
/// another. Measured: a pair of larger slots would go round in too much memory.
pub(crate) const TWO_LISTS_MAX_SLOT_BYTES: usize = 1024;

/// Slabs at home in another heap that a heap may hold per class. Measured:
/// without a bound a producer and a consumer grow for ever; 8 held no more.
pub(crate) const FOREIGN_SLABS_MAX: u32 = 4;

/// Retained (free but resident) bytes in segments above which a free purges at
/// once; kept ranges may hold twice as many.
///
/// Raced: at 64 MiB a mass drop spends an eighth of its time purging what a
/// later, larger purge hands back in fewer calls.
pub(crate) const RETAINED_MAX_BYTES: usize = 256 * 1024 * 1024;

/// Bytes at the start of the first segment that do not ask for huge pages: a
/// program that stays below is as small as it can be. Measured: beyond, huge
/// pages make a tree 12 % and a mass drop 50 % faster.
pub(crate) const SMALL_PAGES_BYTES: usize = 4 * 1024 * 1024;

/// Milliseconds after the last tick at which a slow path ages memory by itself.
/// Borrowed from mimalloc's order of magnitude.
pub(crate) const DECAY_MILLIS: usize = 1000;

/// Retained bytes up to which nothing ages by itself. What is in use between two
/// ticks stays anyway, so a steady load does not pay for a low one.
pub(crate) const DECAY_MIN_BYTES: usize = 1024 * 1024;

/// Bytes after which one slow path stops handing back when memory ages by itself,
/// so that no free takes longer than some milliseconds. Ranges go in pieces of so
/// many; slices in a row, at most a segment's, go at once.
pub(crate) const DECAY_STEP_BYTES: usize = 16 * 1024 * 1024;

/// Largest run that a heap keeps for itself after a free, in bytes.
pub(crate) const CACHED_RUN_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that one heap keeps in just-freed runs, all together.
pub(crate) const RUN_CACHE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Runs that one heap keeps. Guessed: more than the buffers of one request.
pub(crate) const RUN_CACHE_ENTRIES: usize = 16;

const _: () = {
    assert!(SLICE_BYTES.is_power_of_two());
    assert!(SEGMENT_BYTES.is_power_of_two());
    assert!(MAX_SLOT_BYTES < SLICE_BYTES);
    assert!(MAX_RUN_BYTES < SEGMENT_BYTES);
    assert!(MAX_RUN_ALIGN.is_power_of_two() && MAX_RUN_ALIGN <= SEGMENT_BYTES / 2);
    assert!(LARGE_SLAB_BYTES.is_power_of_two());
    assert!(CACHED_RUN_MAX_BYTES <= RUN_CACHE_MAX_BYTES);
};
