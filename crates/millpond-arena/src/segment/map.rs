#![forbid(unsafe_code)]
//! The segment map: which addresses lie in a segment of ours.
//!
//! One bit per possible segment. The array is 1 MiB of zeros that the program
//! is loaded with; a page of it exists once a segment near by does.

use crate::config::SEGMENT_BYTES;
use crate::layout::geometry::ADDRESS_BITS;
use crate::sync::fixed::AtomicU64;
use crate::sync::{Acquire, Release};

const WORDS: usize = (1 << (ADDRESS_BITS - SEGMENT_BYTES.ilog2())) / 64;

static MAP: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];

/// Enters the segment at `address`. False when the map does not reach so far.
pub(super) fn insert(address: usize) -> bool {
    let index = address / SEGMENT_BYTES;
    let Some(word) = MAP.get(index / 64) else {
        return false;
    };
    // Release pairs with the Acquire in `contains`: who finds the bit finds the
    // header and lines as they were prepared.
    word.fetch_or(1 << (index % 64), Release);
    true
}

/// Whether `address` lies in a segment. Segments stay for ever, so yes is final.
#[inline]
pub(crate) fn contains(address: usize) -> bool {
    let index = address / SEGMENT_BYTES;
    match MAP.get(index / 64) {
        // Acquire pairs with the Release in `insert`.
        Some(word) => word.load(Acquire) >> (index % 64) & 1 == 1,
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
        assert!(!contains(base - 1));
        assert!(!contains(base + SEGMENT_BYTES));
    }
}
