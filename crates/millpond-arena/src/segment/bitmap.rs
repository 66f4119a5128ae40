#![forbid(unsafe_code)]
//! A set of slices, as bits, and the search for free ranges in it.

use crate::config::SLICE_BYTES;
use crate::layout::geometry::SLICE_COUNT;

const WORDS: usize = SLICE_COUNT / 64;

// A huge page of 2 MiB is half a word of slices.
const _: () = assert!(SLICE_BYTES * HUGE_SLICES == 2 << 20 && HUGE_SLICES * 2 == 64);

/// Slices of a huge page.
pub(crate) const HUGE_SLICES: usize = 32;

/// One bit per slice of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bitmap([u64; WORDS]);

impl Bitmap {
    pub(crate) const fn new() -> Bitmap {
        Bitmap([0; WORDS])
    }

    #[cfg(test)]
    pub(crate) fn get(&self, slice: usize) -> bool {
        self.0[slice / 64] >> (slice % 64) & 1 == 1
    }

    pub(crate) fn set(&mut self, start: usize, count: usize) {
        self.each_word(start, count, |word, mask| *word |= mask);
    }

    pub(crate) fn clear(&mut self, start: usize, count: usize) {
        self.each_word(start, count, |word, mask| *word &= !mask);
    }

    /// How many of the `count` slices from `start` are in the set.
    pub(crate) fn count(&self, start: usize, count: usize) -> usize {
        let mut sum = 0;
        let mut copy = *self;
        copy.each_word(start, count, |word, mask| {
            sum += (*word & mask).count_ones() as usize
        });
        sum
    }

    /// The slices that are in `self` and not in `other`.
    pub(crate) fn without(&self, other: &Bitmap) -> Bitmap {
        let mut result = *self;
        for (word, other) in result.0.iter_mut().zip(other.0) {
            *word &= !other;
        }
        result
    }

    /// The slices that are in either.
    pub(crate) fn or(&self, other: &Bitmap) -> Bitmap {
        let mut result = *self;
        for (word, other) in result.0.iter_mut().zip(other.0) {
            *word |= other;
        }
        result
    }

    /// The slices of those huge pages of which every slice is in the set.
    pub(crate) fn whole_huge_pages(&self) -> Bitmap {
        const HALF: u64 = u32::MAX as u64;
        let mut result = *self;
        for word in &mut result.0 {
            for half in [HALF, HALF << 32] {
                if *word & half != half {
                    *word &= !half;
                }
            }
        }
        result
    }

    /// The first slice from `start` on whose bit is `wanted`.
    pub(crate) fn next(&self, start: usize, wanted: bool) -> Option<usize> {
        let mut index = start / 64;
        let mut mask = u64::MAX << (start % 64);
        while index < WORDS {
            let bits = if wanted {
                self.0[index]
            } else {
                !self.0[index]
            };
            if bits & mask != 0 {
                return Some(index * 64 + (bits & mask).trailing_zeros() as usize);
            }
            mask = u64::MAX;
            index += 1;
        }
        None
    }

    /// The first range from `start` on of slices in the set: its first slice
    /// and its length.
    pub(crate) fn next_range(&self, start: usize) -> Option<(usize, usize)> {
        if start >= SLICE_COUNT {
            return None;
        }
        let first = self.next(start, true)?;
        let end = self.next(first, false).unwrap_or(SLICE_COUNT);
        Some((first, end - first))
    }

    /// The place for `count` slices outside the set, at a multiple of `align`:
    /// in the shortest gap that has room, the lowest of equals.
    ///
    /// The error is the length of the longest gap.
    pub(crate) fn best_gap(&self, count: usize, align: usize) -> Result<usize, usize> {
        let mut best: Option<(usize, usize)> = None;
        let mut longest = 0;
        let mut from = 0;
        while let Some(gap) = self.next(from, false) {
            let end = self.next(gap, true).unwrap_or(SLICE_COUNT);
            let (length, place) = (end - gap, gap.next_multiple_of(align));
            longest = longest.max(length);
            let shorter = best.is_none_or(|(_, best)| length < best);
            if place + count <= end && shorter {
                best = Some((place, length));
                if length == count {
                    break;
                }
            }
            if end == SLICE_COUNT {
                break;
            }
            from = end;
        }
        best.map(|(place, _)| place).ok_or(longest)
    }

    fn each_word(&mut self, start: usize, count: usize, mut visit: impl FnMut(&mut u64, u64)) {
        let (mut slice, end) = (start, start + count);
        while slice < end {
            let upto = end.min((slice / 64 + 1) * 64);
            let mask = u64::MAX >> (64 - (upto - slice)) << (slice % 64);
            visit(&mut self.0[slice / 64], mask);
            slice = upto;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same set as an array of booleans.
    fn naive(map: &Bitmap) -> [bool; SLICE_COUNT] {
        core::array::from_fn(|slice| map.get(slice))
    }

    #[test]
    fn ranges_are_set_and_cleared_exactly() {
        for start in 0..SLICE_COUNT {
            for count in [1, 2, 3, 63, 64, 65, 127, 128, 200, SLICE_COUNT] {
                if start + count > SLICE_COUNT {
                    continue;
                }
                let mut map = Bitmap::new();
                map.set(start, count);
                for (slice, bit) in naive(&map).into_iter().enumerate() {
                    assert_eq!(bit, (start..start + count).contains(&slice));
                }
                assert_eq!(map.next_range(0), Some((start, count)));
                assert_eq!(map.count(start, count), count);
                assert_eq!(map.count(0, SLICE_COUNT), count);
                map.clear(start, count);
                assert_eq!(map, Bitmap::new());
            }
        }
    }

    #[test]
    fn the_shortest_gap_wins_and_alignment_holds() {
        // A fixed sequence of sets, compared with a search by hand.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        for _ in 0..400 {
            let mut map = Bitmap::new();
            for _ in 0..random() % 40 {
                let start = random() % SLICE_COUNT;
                map.set(start, 1 + random() % (SLICE_COUNT - start).min(30));
            }
            let bits = naive(&map);
            for (count, align) in [(1, 1), (2, 1), (4, 4), (7, 1), (16, 8), (100, 1), (32, 32)] {
                let found = map.best_gap(count, align);
                let mut expected: Option<(usize, usize)> = None;
                let mut slice = 0;
                let mut longest = 0;
                while slice < SLICE_COUNT {
                    let end = (slice..SLICE_COUNT)
                        .find(|&s| bits[s])
                        .unwrap_or(SLICE_COUNT);
                    let place = slice.next_multiple_of(align);
                    let length = end - slice;
                    longest = longest.max(length);
                    if length > 0
                        && place + count <= end
                        && expected.is_none_or(|(_, best)| length < best)
                    {
                        expected = Some((place, length));
                    }
                    slice = end + 1;
                }
                assert_eq!(found.ok(), expected.map(|(place, _)| place));
                if expected.is_none() {
                    assert_eq!(found, Err(longest));
                }
            }
        }
    }

    #[test]
    fn a_huge_page_is_whole_or_not_at_all() {
        let mut map = Bitmap::new();
        map.set(31, 100);
        assert_eq!(map.whole_huge_pages().next_range(0), Some((32, 96)));
        map.clear(70, 1);
        assert_eq!(map.whole_huge_pages().next_range(0), Some((32, 32)));
        assert_eq!(map.whole_huge_pages().next_range(64), Some((96, 32)));
    }

    #[test]
    fn difference_is_by_slice() {
        let (mut left, mut right) = (Bitmap::new(), Bitmap::new());
        left.set(10, 100);
        right.set(50, 100);
        assert_eq!(left.without(&right).next_range(0), Some((10, 40)));
    }
}
