#![forbid(unsafe_code)]
//! What a segment knows of its slices.

use core::ptr::NonNull;

use super::bitmap::{Bitmap, HUGE_SLICES};
use crate::layout::geometry::SLICE_COUNT;

/// The header of a segment, at its first byte. Guarded by the lock of all of them.
pub(super) struct Segment {
    pub(super) used: Bitmap,
    pub(super) dirty: Bitmap,
    pub(super) reused: Bitmap,
    pub(super) beside: Bitmap,
    /// The first slice from which on huge pages were asked for.
    pub(super) huge_from: usize,
    /// No gap is longer than this.
    pub(super) gap_max: usize,
    pub(super) next: Option<NonNull<Segment>>,
}

impl Segment {
    /// A segment with nothing lent but its first slice, and how many slices that slice's
    /// huge page brings with it.
    pub(super) fn new(huge_from: usize) -> (Segment, usize) {
        let mut segment = Segment {
            used: Bitmap::new(),
            dirty: Bitmap::new(),
            reused: Bitmap::new(),
            beside: Bitmap::new(),
            huge_from,
            gap_max: SLICE_COUNT - 1,
            next: None,
        };
        let beside = segment.note_beside(0, 1);
        segment.used.set(0, 1);
        segment.dirty.set(0, 1);
        (segment, beside)
    }

    /// The free slices that may have pages.
    pub(super) fn retained(&self) -> Bitmap {
        self.dirty.without(&self.used).or(&self.beside)
    }

    /// Notes what shares a huge page with slices that are about to be lent, if nothing
    /// there had pages before, and returns how many slices that are.
    pub(super) fn note_beside(&mut self, first: usize, count: usize) -> usize {
        let mut noted = 0;
        let pages = first / HUGE_SLICES..(first + count).div_ceil(HUGE_SLICES);
        for page in pages.map(|page| page * HUGE_SLICES) {
            let touched = self.used.or(&self.dirty).or(&self.beside);
            if page >= self.huge_from && touched.count(page, HUGE_SLICES) == 0 {
                self.beside.set(page, HUGE_SLICES);
                let lent = first.max(page)..(first + count).min(page + HUGE_SLICES);
                noted += HUGE_SLICES - lent.len();
            }
        }
        self.beside.clear(first, count);
        noted
    }

    /// Where `slices` would go, if there is room.
    pub(super) fn place(&mut self, slices: usize, align: usize) -> Option<usize> {
        if self.gap_max < slices {
            return None;
        }
        if slices == 1 && align == 1 {
            // Resident pages before fresh ones.
            let retained = self.retained().next(1, true);
            if retained.is_some() {
                return retained;
            }
        }
        match self.used.best_gap(slices, align) {
            Ok(place) => Some(place),
            Err(longest) => {
                self.gap_max = longest;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_lent_first_brings_its_huge_page_with_it_and_no_other() {
        let (mut segment, beside) = Segment::new(0);
        assert_eq!(beside, 31, "the header has pages");
        assert_eq!(segment.note_beside(70, 3), 29);
        assert_eq!(segment.beside.count(64, 32), 29);
        segment.used.set(70, 3);
        assert_eq!(segment.note_beside(64, 6), 0, "known by now");
        assert_eq!(segment.beside.count(64, 32), 23);
        // Over the border of three pages, of which the second was all lent.
        assert_eq!(segment.note_beside(127, 34), 31 + 31);
        assert_eq!(segment.beside.count(96, 96), 31 + 31);
    }

    #[test]
    fn small_pages_bring_nothing_with_them() {
        let (mut segment, beside) = Segment::new(64);
        assert_eq!(beside, 0);
        assert_eq!(segment.note_beside(3, 40), 0);
        assert_eq!(segment.note_beside(64, 1), 31);
        let (mut never, _) = Segment::new(SLICE_COUNT);
        assert_eq!(never.note_beside(64, 400), 0);
    }

    #[test]
    fn one_slice_goes_where_pages_are() {
        let (mut segment, _) = Segment::new(64);
        segment.note_beside(200, 1);
        segment.used.set(200, 1);
        segment.dirty.set(200, 1);
        assert_eq!(segment.place(1, 1), Some(192));
        segment.beside = Bitmap::new();
        assert_eq!(segment.place(1, 1), Some(1), "in the shortest gap");
    }
}
