#![forbid(unsafe_code)]
//! A set of lanes, as the group's compare instruction leaves it.

use core::num::NonZero;

use super::group::{MASK_STRIDE_LOG2, MaskWord};

/// A set of lanes of one group.
///
/// A lane owns `1 << MASK_STRIDE_LOG2` bits of the word, of which at most the
/// lowest is set: one bit for SSE2 and the portable group, four for NEON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BitMask(pub(crate) MaskWord);

impl BitMask {
    /// The set without a lane.
    pub(crate) const NONE: BitMask = BitMask(0);

    /// Tells whether any lane is in the set.
    #[inline]
    pub(crate) fn any(self) -> bool {
        self.0 != 0
    }

    /// Returns the lowest lane, none when the set is empty.
    #[inline]
    pub(crate) fn lowest(self) -> Option<usize> {
        let word = NonZero::new(self.0)?;
        Some((word.trailing_zeros() >> MASK_STRIDE_LOG2) as usize)
    }

    /// Returns the set as sixteen bits, lane `n` in bit `n`.
    #[inline]
    pub(crate) fn bits(self) -> u16 {
        if MASK_STRIDE_LOG2 == 0 {
            self.0 as u16
        } else {
            gather(u64::from(self.0))
        }
    }

    /// Returns the set without its lowest lane. The empty set stays empty.
    #[inline]
    #[must_use]
    pub(crate) fn without_lowest(self) -> BitMask {
        BitMask(self.0 & self.0.wrapping_sub(1))
    }

    /// Tells whether at most one lane is in the set.
    #[inline]
    pub(crate) fn at_most_one(self) -> bool {
        !self.without_lowest().any()
    }
}

/// Returns the lowest bits of the sixteen groups of four in `word`, the first one lowest.
#[inline]
const fn gather(word: u64) -> u16 {
    let pairs = word & 0x1111_1111_1111_1111;
    let fours = (pairs | pairs >> 3) & 0x0303_0303_0303_0303;
    let eights = (fours | fours >> 6) & 0x000f_000f_000f_000f;
    let halves = (eights | eights >> 12) & 0x0000_00ff_0000_00ff;
    (halves | halves >> 24) as u16
}

impl Iterator for BitMask {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let lane = self.lowest()?;
        *self = self.without_lowest();
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fourth_bit_is_gathered() {
        for lanes in 0..=u16::MAX {
            let word = (0..16).fold(0, |word, lane| {
                word | u64::from(lanes >> lane & 1) << (4 * lane)
            });
            assert_eq!(gather(word), lanes);
        }
    }

    #[test]
    fn each_set_of_lanes_reads_as_it_was_written() {
        for lanes in 0..=u16::MAX {
            let word = (0..16)
                .filter(|lane| lanes >> lane & 1 == 1)
                .fold(0, |word: MaskWord, lane| {
                    word | 1 << (lane << MASK_STRIDE_LOG2)
                });
            let mask = BitMask(word);
            assert_eq!(mask.bits(), lanes);
            assert_eq!(mask.any(), lanes != 0);
            assert_eq!(mask.at_most_one(), lanes.count_ones() <= 1);
            assert_eq!(mask.lowest(), (0..16).find(|lane| lanes >> lane & 1 == 1));
            assert!(mask.eq((0..16).filter(|lane| lanes >> lane & 1 == 1)));
        }
    }
}
