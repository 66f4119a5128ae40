#![forbid(unsafe_code)]
//! The segment map: which addresses lie in a segment of ours.
//!
//! One byte per possible segment, as each slot that goes home is looked up here, and
//! fewer instructions are what makes that fast. The array is 8 MiB of zeros that the
//! program is loaded with; a page of it exists once a segment near by does.

use crate::config::SEGMENT_BYTES;
use crate::layout::geometry::ADDRESS_BITS;
use crate::sync::fixed::AtomicU8;
use crate::sync::{Acquire, Release};

const SHIFT: u32 = SEGMENT_BYTES.ilog2();
const SEGMENTS: usize = 1 << (ADDRESS_BITS - SHIFT);

static MAP: [AtomicU8; SEGMENTS] = [const { AtomicU8::new(0) }; SEGMENTS];

/// Enters the segment at `address`. False when the map does not reach so far.
pub(super) fn insert(address: usize) -> bool {
    let Some(entry) = MAP.get(address / SEGMENT_BYTES) else {
        return false;
    };
    // Release pairs with the Acquire in `contains`: who finds the entry finds the
    // header and lines as they were prepared.
    entry.store(1, Release);
    true
}

/// Whether `address` lies in a segment. Segments stay for ever, so yes is final.
#[inline]
pub(crate) fn contains(address: usize) -> bool {
    match MAP.get(address / SEGMENT_BYTES) {
        // Acquire pairs with the Release in `insert`.
        Some(entry) => entry.load(Acquire) != 0,
        None => false,
    }
}

/// As [`contains`], for an address that a program was lent, in two instructions less:
/// what lies above user space is taken for what lies [`ADDRESS_BITS`] lower.
#[inline(always)]
pub(crate) fn contains_lent(address: usize) -> bool {
    let index = address << (usize::BITS - ADDRESS_BITS) >> (usize::BITS - ADDRESS_BITS + SHIFT);
    match MAP.get(index) {
        // Acquire, as in `contains`.
        Some(entry) => entry.load(Acquire) != 0,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_nobody_mapped_are_foreign() {
        assert!(!contains(0));
        assert!(!contains(usize::MAX));
        assert!(!contains(1 << ADDRESS_BITS));
        assert!(!insert(usize::MAX));
    }

    #[test]
    fn a_segment_is_known_to_its_last_byte_and_no_further() {
        // Near the top of user space, where no mapping of a test lies.
        let base = (1 << ADDRESS_BITS) - 4 * SEGMENT_BYTES;
        assert!(insert(base));
        assert!(contains(base));
        assert!(contains(base + SEGMENT_BYTES - 1));
        assert!(contains_lent(base) && contains_lent(base + SEGMENT_BYTES - 1));
        assert!(!contains_lent(base - 1) && !contains_lent(base + SEGMENT_BYTES));
        assert!(!contains(base - 1));
        assert!(!contains(base + SEGMENT_BYTES));
    }
}
