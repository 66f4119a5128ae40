#![forbid(unsafe_code)]
//! Zeros that a lap has left, for the next one to find again.
//!
//! A lap goes along the line of hashes, part by part, and so do the marks of the lap before:
//!
//! ```text
//!   line    ├───────┼───────┼── part ──┼───────┤
//!   last     gone by         passed .. reached   still to come
//!   this     sorted           being made
//! ```
//!
//! So whoever looks at a part knows whether a mark lies in it at all. Mostly none does, and
//! an entry that is not zero there need not be hashed.
//!
//! Two entries of one hash share their marks, which lets one of them go a lap early and is
//! harmless otherwise.

use core::mem;
use core::ops::Range;

/// Hashes of zeros, those of the last lap and those of this one.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// In the order of their places.
    last: Vec<u64>,
    /// How many of `last` lie before `part`.
    passed: usize,
    /// How many of `last` lie before the end of `part`.
    reached: usize,
    /// In the order of their places, up to `sorted`.
    this: Vec<u64>,
    sorted: usize,
    /// Where the lap is.
    part: Range<u64>,
}

/// What a second look shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// Not zero, and nobody had said so.
    Nothing,
    /// Zero for the first time. It is marked now.
    Zero,
    /// Zero again.
    ZeroAgain,
    /// Zero in the last lap, and no longer.
    Resurrected,
}

impl Marks {
    /// Begins a step of the lap at `from`, where the last step ended.
    ///
    /// One that panicked is made again: what it had marked is forgotten.
    #[inline]
    pub(crate) fn start_at(&mut self, from: u64, place: impl Fn(u64) -> u64) {
        if self.part.end > from {
            self.go_back(from, place);
        }
    }

    #[cold]
    fn go_back(&mut self, from: u64, place: impl Fn(u64) -> u64) {
        self.sort(&place);
        self.this.truncate(count_before(&self.this, from, &place));
        (self.sorted, self.passed, self.part) = (self.this.len(), 0, 0..0);
    }

    /// Comes to a part of the line, right of the one before, or stays there.
    ///
    /// `place` tells where on the line a hash lies.
    #[inline]
    pub(crate) fn come_to(&mut self, part: Range<u64>, place: impl Fn(u64) -> u64) {
        if part != self.part {
            self.move_on(part, place);
        }
    }

    fn move_on(&mut self, part: Range<u64>, place: impl Fn(u64) -> u64) {
        self.sort(&place);
        self.passed += count_before(&self.last[self.passed..], part.start, &place);
        self.reached = self.passed + count_before(&self.last[self.passed..], part.end, &place);
        self.part = part;
    }

    /// Sorts what the part that ends has added.
    fn sort(&mut self, place: impl Fn(u64) -> u64) {
        self.this[self.sorted..].sort_unstable_by_key(|&hash| place(hash));
        self.sorted = self.this.len();
    }

    /// Looks at an entry of the part that the lap has come to, and marks it if it is zero.
    #[inline]
    pub(crate) fn look(
        &mut self,
        is_zero: bool,
        hash: impl FnOnce() -> u64,
        place: impl Fn(u64) -> u64,
    ) -> Found {
        let marked = &self.last[self.passed..self.reached];
        if !is_zero && marked.is_empty() {
            return Found::Nothing;
        }
        let hash = hash();
        let before = count_before(marked, place(hash), &place);
        let mut here = (marked[before..].iter()).take_while(|&&mark| place(mark) == place(hash));
        match (is_zero, here.any(|&mark| mark == hash)) {
            (true, true) => Found::ZeroAgain,
            (true, false) => {
                self.this.push(hash);
                Found::Zero
            }
            (false, true) => Found::Resurrected,
            (false, false) => Found::Nothing,
        }
    }

    /// Returns how many this lap has marked so far.
    pub(crate) fn count(&self) -> usize {
        self.this.len()
    }

    /// Begins the next lap.
    pub(crate) fn end_lap(&mut self, place: impl Fn(u64) -> u64) {
        self.sort(place);
        mem::swap(&mut self.last, &mut self.this);
        self.this.clear();
        self.rewind();
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.last.clear();
        self.this.clear();
        self.rewind();
    }

    fn rewind(&mut self) {
        (self.passed, self.reached, self.sorted) = (0, 0, 0);
        self.part = 0..0;
    }
}

/// Returns how many of `hashes`, which are in the order of their places, lie before `end`.
///
/// Under a lock, so it takes no longer where there are many. Mostly there are none.
fn count_before(hashes: &[u64], end: u64, place: impl Fn(u64) -> u64) -> usize {
    match hashes.first() {
        Some(&first) if place(first) < end => hashes.partition_point(|&hash| place(hash) < end),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line itself, ten hashes a part.
    fn place(hash: u64) -> u64 {
        hash
    }

    fn part(of: u64) -> Range<u64> {
        of / 10 * 10..of / 10 * 10 + 10
    }

    fn look(marks: &mut Marks, hash: u64, is_zero: bool) -> Found {
        marks.come_to(part(hash), place);
        marks.look(is_zero, || hash, place)
    }

    #[test]
    fn a_zero_is_found_again_in_any_order_within_its_part() {
        let mut marks = Marks::default();
        for hash in [7, 3, 5, 12, 41, 40] {
            assert_eq!(look(&mut marks, hash, true), Found::Zero);
        }
        assert_eq!(marks.count(), 6);
        marks.end_lap(place);
        assert_eq!(marks.count(), 0);
        assert_eq!(look(&mut marks, 3, true), Found::ZeroAgain);
        assert_eq!(look(&mut marks, 7, false), Found::Resurrected);
        assert_eq!(look(&mut marks, 4, false), Found::Nothing);
        assert_eq!(look(&mut marks, 6, true), Found::Zero);
        // That of 12 is not asked for in this lap, nor found in the next.
        assert_eq!(look(&mut marks, 40, true), Found::ZeroAgain);
        assert_eq!(look(&mut marks, 41, true), Found::ZeroAgain);
        marks.end_lap(place);
        assert_eq!(look(&mut marks, 6, true), Found::ZeroAgain);
        assert_eq!(look(&mut marks, 12, true), Found::Zero);
    }

    #[test]
    fn the_next_lap_may_go_in_other_parts() {
        let mut marks = Marks::default();
        for hash in [7, 3, 12, 19, 41] {
            assert_eq!(look(&mut marks, hash, true), Found::Zero);
        }
        marks.end_lap(place);
        for (hash, part) in [(3, 0..5), (7, 5..10), (12, 10..100), (41, 10..100)] {
            marks.come_to(part, place);
            assert_eq!(marks.look(true, || hash, place), Found::ZeroAgain, "{hash}");
        }
    }

    #[test]
    fn what_is_not_zero_is_hashed_only_beside_a_mark() {
        let mut marks = Marks::default();
        assert_eq!(look(&mut marks, 15, true), Found::Zero);
        marks.end_lap(place);
        marks.come_to(0..10, place);
        assert_eq!(marks.look(false, || unreachable!(), place), Found::Nothing);
        marks.come_to(10..20, place);
        let mut hashed = false;
        let hash = || {
            hashed = true;
            12
        };
        assert_eq!(marks.look(false, hash, place), Found::Nothing);
        assert!(hashed);
    }

    #[test]
    fn a_step_that_is_made_again_finds_what_it_would_have_found() {
        // After a panic marks of the lap before were passed by, and those of this one doubled.
        let mut marks = Marks::default();
        for hash in [3, 17, 12, 25] {
            assert_eq!(look(&mut marks, hash, true), Found::Zero);
        }
        marks.end_lap(place);
        assert_eq!(look(&mut marks, 5, true), Found::Zero);
        for again in [true, false] {
            marks.start_at(10, place);
            assert_eq!(look(&mut marks, 17, true), Found::ZeroAgain);
            assert_eq!(look(&mut marks, 19, true), Found::Zero);
            assert_eq!(look(&mut marks, 11, true), Found::Zero);
            if again {
                assert_eq!(look(&mut marks, 25, true), Found::ZeroAgain);
            }
        }
        assert_eq!(look(&mut marks, 25, true), Found::ZeroAgain);
        assert_eq!(marks.count(), 3);
        marks.end_lap(place);
        for hash in [5, 11, 19] {
            assert_eq!(look(&mut marks, hash, true), Found::ZeroAgain);
        }
    }

    #[test]
    fn nothing_is_left_of_what_was_forgotten() {
        let mut marks = Marks::default();
        assert_eq!(look(&mut marks, 1, true), Found::Zero);
        marks.end_lap(place);
        assert_eq!(look(&mut marks, 2, true), Found::Zero);
        marks.clear();
        for hash in [1, 2] {
            assert_eq!(look(&mut marks, hash, true), Found::Zero);
        }
    }
}
