#![forbid(unsafe_code)]
//! From an address to its segment, slice and slab line, in integers.
//!
//! ```text
//!   segment, 32 MiB, aligned to its size
//!   ┌────────────────────────────────────┬─────────┬─────────┬───┬───────────┐
//!   │ slice 0                            │ slice 1 │ slice 2 │ … │ slice 511 │
//!   │ header │ line 0 │ line 1 │ … │ 511 │         │         │   │           │
//!   └────────┴────────┴────────┴───┴─────┴─────────┴─────────┴───┴───────────┘
//!   0      4096     4160     4224
//! ```
//!
//! What is known about a slab stands in its line, not in the slab: slots start
//! at offset zero, so they have their natural alignment, and headers at equal
//! offsets of many slabs do not fight for the same cache sets.

use crate::config::{SEGMENT_BYTES, SLICE_BYTES};

/// Slices of a segment, the first of which holds the header and the lines.
pub(crate) const SLICE_COUNT: usize = SEGMENT_BYTES / SLICE_BYTES;

/// Bytes of a slab line, one cache line.
pub(crate) const LINE_BYTES: usize = 64;

/// Bytes from the start of a segment to its first line.
pub(crate) const LINES_OFFSET: usize = 4096;

/// Bits of an address that user space may use, on x86-64 and aarch64 without
/// the wide modes that a program must ask for.
pub(crate) const ADDRESS_BITS: u32 = 48;

const _: () = assert!(LINES_OFFSET + SLICE_COUNT * LINE_BYTES <= SLICE_BYTES);

/// Address of the segment around `address`.
#[inline(always)]
pub(crate) const fn segment_of(address: usize) -> usize {
    address & !(SEGMENT_BYTES - 1)
}

/// Index of the slice around `address` in its segment.
#[inline(always)]
pub(crate) const fn slice_of(address: usize) -> usize {
    (address & (SEGMENT_BYTES - 1)) / SLICE_BYTES
}

/// Address of the line of the slab around `address`, whose slabs have
/// `slab_bytes` and are aligned to them.
#[inline(always)]
pub(crate) const fn line_of(address: usize, slab_bytes: usize) -> usize {
    let slab = address & !(slab_bytes - 1);
    segment_of(slab) + LINES_OFFSET + slice_of(slab) * LINE_BYTES
}

/// Address of the slab whose line is at `line`; the inverse of [`line_of`].
#[inline(always)]
pub(crate) const fn slab_of_line(line: usize) -> usize {
    let segment = segment_of(line);
    segment + (line - segment - LINES_OFFSET) / LINE_BYTES * SLICE_BYTES
}

/// Slices that `bytes` need, at least one.
#[inline(always)]
pub(crate) const fn slices_for(bytes: usize) -> usize {
    let slices = bytes.div_ceil(SLICE_BYTES);
    if slices == 0 { 1 } else { slices }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LARGE_SLAB_BYTES;

    const BASE: usize = 7 * SEGMENT_BYTES;

    #[test]
    fn every_slice_has_a_line_of_its_own_inside_slice_zero() {
        for slice in 1..SLICE_COUNT {
            let slab = BASE + slice * SLICE_BYTES;
            for address in [slab, slab + 1, slab + SLICE_BYTES - 1] {
                let line = line_of(address, SLICE_BYTES);
                assert_eq!(line, BASE + LINES_OFFSET + slice * LINE_BYTES);
                assert!(line + LINE_BYTES <= BASE + SLICE_BYTES);
                assert_eq!(slab_of_line(line), slab);
                assert_eq!(slice_of(address), slice);
                assert_eq!(segment_of(address), BASE);
            }
        }
    }

    #[test]
    fn large_slabs_share_the_line_of_their_first_slice() {
        for slab in (BASE + LARGE_SLAB_BYTES..BASE + SEGMENT_BYTES).step_by(LARGE_SLAB_BYTES) {
            for offset in (0..LARGE_SLAB_BYTES).step_by(4096) {
                assert_eq!(slab_of_line(line_of(slab + offset, LARGE_SLAB_BYTES)), slab);
            }
        }
    }

    #[test]
    fn slices_round_up() {
        assert_eq!(slices_for(0), 1);
        assert_eq!(slices_for(1), 1);
        assert_eq!(slices_for(SLICE_BYTES), 1);
        assert_eq!(slices_for(SLICE_BYTES + 1), 2);
    }
}
