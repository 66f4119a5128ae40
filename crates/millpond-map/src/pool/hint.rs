#![forbid(unsafe_code)]
//! The capacity that a call site needs, learnt from what it used.
//!
//! A sample is the number of entries of a map that comes back. Samples are
//! counted by step of capacity, which is what a table can be: 4, 8, 16, then
//! 28 and its doublings. The hint is one of these steps:
//!
//! ```text
//!   weight   64 ▆            a raise wants at least two samples at or above a
//!            48 █▁           step, and one in 16 of all (a quarter for large
//!             1 ██ ▁     ▁   steps): the giant at the right never gets there
//!               ────────────
//!   step        28 …    14 M
//! ```
//!
//! It falls again when less than half the share that raised it is left. Every
//! 128 samples all weights are halved, and again at every tick.
//!
//! Never the maximum: one request of a million entries does not give the next
//! ten thousand a table for a million. Nor the mean, or the most frequent: a
//! table that is one step too small is built twice.
//!
//! # Source
//!
//! The shares are guessed from costs measured in the layout study: growing to n
//! entries costs about as much as filling them again, a table that is too large
//! about a hundredth of that, until it leaves the cache.

/// Steps of capacity that are told apart. The last is 14 << 24, 235 million.
pub(crate) const STEPS: usize = 28;

/// The step of 16 entries, the last that is one group of slots.
const GROUP_STEP: usize = 3;

/// The first step that is large: 57,344 entries, past any inner cache.
const LARGE_STEP: usize = 15;

/// Samples after which all weights are halved. Fits a `u8` with room.
const WINDOW: u8 = 128;

/// Samples after which a hint that is too high may fall.
const REVIEW: u8 = 64;

/// The part of a hint that every checkout and every return reads. A word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The step that the next map gets.
    step: u8,
    /// The sum of the weights, at most [`WINDOW`].
    total: u8,
    /// The tick at which the weights were last halved for it, wrapping.
    tick: u16,
}

/// What one call site on one thread has needed. 32 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) head: Head,
    /// Samples by step, decayed.
    pub(crate) weights: [u8; STEPS],
}

/// Returns the smallest step that holds `entries`; the last for what is larger.
const fn step_of(entries: usize) -> usize {
    match entries {
        0 => 0,
        1..=4 => 1,
        5..=8 => 2,
        9..=16 => GROUP_STEP,
        _ => {
            let groups = entries.div_ceil(14) as u64;
            // At least 2, as 17 <= entries.
            let doublings = (64 - (groups - 1).leading_zeros()) as usize;
            if GROUP_STEP + doublings < STEPS {
                GROUP_STEP + doublings
            } else {
                STEPS - 1
            }
        }
    }
}

/// How many entries a table of each step holds.
const ENTRIES: [usize; STEPS] = {
    let mut entries = [0; STEPS];
    (entries[1], entries[2], entries[GROUP_STEP]) = (4, 8, 16);
    let mut step = GROUP_STEP + 1;
    while step < STEPS {
        entries[step] = 14 << (step - GROUP_STEP);
        step += 1;
    }
    entries
};

/// Returns how many entries a table of this step holds.
const fn entries_of(step: usize) -> usize {
    ENTRIES[step]
}

/// Returns the weight that a step wants, at and above it, to be raised to.
const fn raising_weight(step: usize, total: u8) -> u8 {
    let (least, share) = if step < LARGE_STEP { (2, 16) } else { (4, 4) };
    let wanted = total.div_ceil(share);
    if wanted < least { least } else { wanted }
}

impl Head {
    /// Returns the capacity to start the next map with, in entries. Zero for a
    /// site that has not been seen to insert.
    #[inline]
    pub(crate) const fn capacity(self) -> usize {
        entries_of(self.step as usize)
    }

    /// Returns [`step_of`] `entries`, which most often is the step of the hint.
    #[inline]
    pub(crate) const fn step_of(self, entries: usize) -> usize {
        let step = self.step as usize;
        // Wraps for no entries, and below the first step.
        if step > 0
            && entries.wrapping_sub(ENTRIES[step - 1] + 1) < ENTRIES[step] - ENTRIES[step - 1]
        {
            step
        } else {
            step_of(entries)
        }
    }

    /// Returns the head after one more sample of `step`, if all that a hint has
    /// to do about it is to count; none if the whole hint has to look at it.
    #[inline]
    pub(crate) const fn counting(self, step: usize, tick: u16) -> Option<Head> {
        let total = self.total + 1;
        if step > self.step as usize || self.tick != tick || total.is_multiple_of(REVIEW) {
            return None;
        }
        Some(Head { total, ..self })
    }

    /// Packs the head into a word.
    #[inline]
    pub(crate) const fn to_word(self) -> u32 {
        let [low, high] = self.tick.to_le_bytes();
        u32::from_le_bytes([self.step, self.total, low, high])
    }

    /// Unpacks what [`to_word`](Self::to_word) has packed.
    #[inline]
    pub(crate) const fn from_word(word: u32) -> Head {
        let [step, total, low, high] = word.to_le_bytes();
        Head {
            step,
            total,
            tick: u16::from_le_bytes([low, high]),
        }
    }
}

impl Hint {
    /// Starts from what another thread has learnt at the same call site.
    pub(crate) fn seeded(other: Head, tick: u16) -> Hint {
        let step = other.step.min(STEPS as u8 - 1);
        let mut hint = Hint {
            head: Head {
                step,
                total: 0,
                tick,
            },
            weights: [0; STEPS],
        };
        if step > 0 {
            hint.weights[usize::from(step)] = 2;
            hint.head.total = 2;
        }
        hint
    }

    /// Learns that a map of this site needed a table of `step`.
    #[cold]
    pub(crate) fn record(&mut self, step: usize, tick: u16) {
        if self.head.tick != tick {
            self.age(tick);
        }
        self.weights[step] = self.weights[step].saturating_add(1);
        self.head.total += 1;
        if step > usize::from(self.head.step) || self.head.total.is_multiple_of(REVIEW) {
            self.review();
        }
    }

    /// Halves the weights for each tick since the last time.
    fn age(&mut self, tick: u16) {
        self.halve(tick.wrapping_sub(self.head.tick).min(7).into());
        self.head.tick = tick;
        if self.head.total > 0 {
            self.review();
        } else if usize::from(self.head.step) >= LARGE_STEP {
            // A small hint without evidence is a good guess; a large one is
            // megabytes for nothing.
            self.head.step = 0;
        }
    }

    /// Moves the hint if the weights say so, and halves them when due.
    fn review(&mut self) {
        if self.head.total >= WINDOW {
            self.halve(1);
        }
        let step = usize::from(self.head.step);
        let left: u32 = self.weights[step..]
            .iter()
            .map(|&weight| u32::from(weight))
            .sum();
        // Half of what raises: between the two shares the hint stays.
        let keeping = u32::from(raising_weight(step, self.head.total)) / 2;
        let keeps = left >= keeping.max(1);
        if keeps && left == self.weights[step].into() {
            return; // nothing above
        }
        let wanted = self.wanted();
        if wanted > step || !keeps {
            self.head.step = wanted as u8;
        }
    }

    /// Returns the largest step with enough weight at and above it.
    fn wanted(&self) -> usize {
        let mut above = 0_u32;
        for step in (1..STEPS).rev() {
            above += u32::from(self.weights[step]);
            if above >= u32::from(raising_weight(step, self.head.total)) {
                return step;
            }
        }
        0
    }

    fn halve(&mut self, times: u32) {
        self.head.total = 0;
        for weight in &mut self.weights {
            *weight >>= times;
            self.head.total += *weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The capacity after `samples`, and in how many cases a map would grow.
    fn learn(hint: &mut Hint, samples: impl IntoIterator<Item = usize>) -> (usize, usize) {
        let mut grown = 0;
        for entries in samples {
            grown += usize::from(hint.head.capacity() < entries);
            sample(hint, entries, hint.head.tick);
        }
        (hint.head.capacity(), grown)
    }

    /// Records one sample, as a shard does, and checks the short cut.
    fn sample(hint: &mut Hint, entries: usize, tick: u16) {
        let step = step_of(entries);
        assert_eq!(hint.head.step_of(entries), step);
        let counted = hint.head.counting(step, tick);
        let mut whole = *hint;
        whole.record(step, tick);
        match counted {
            Some(head) => {
                hint.head = head;
                hint.weights[step] += 1;
                assert_eq!(*hint, whole, "the short cut leads elsewhere");
            }
            None => *hint = whole,
        }
        let sum: u32 = hint.weights.iter().map(|&weight| u32::from(weight)).sum();
        assert_eq!(sum, hint.head.total.into());
        assert_eq!(Head::from_word(hint.head.to_word()), hint.head);
    }

    #[test]
    fn each_number_of_entries_has_the_smallest_step_that_holds_it() {
        for entries in (0..100_000).chain((17..28).map(|bits| 1 << bits)) {
            let step = step_of(entries);
            assert!(entries <= entries_of(step), "{entries}");
            assert!(step == 0 || entries_of(step - 1) < entries, "{entries}");
        }
        assert_eq!(step_of(usize::MAX), STEPS - 1);
        for step in 0..STEPS {
            assert_eq!(step_of(entries_of(step)), step);
        }
        assert!(entries_of(LARGE_STEP - 1) < 1 << 15 && 1 << 15 < entries_of(LARGE_STEP));
    }

    #[test]
    fn steady_traffic_grows_twice_and_never_again() {
        for entries in [1, 8, 16, 17, 64, 800, 1_000, 10_000, 28_000] {
            let mut hint = Hint::default();
            let (capacity, grown) = learn(&mut hint, std::iter::repeat_n(entries, 100_000));
            assert_eq!(capacity, entries_of(step_of(entries)));
            assert_eq!(grown, 2, "{entries}");
        }
        let mut hint = Hint::default();
        assert_eq!(
            learn(&mut hint, std::iter::repeat_n(1_000_000, 10_000)).1,
            4
        );
    }

    #[test]
    fn a_site_that_never_inserts_gets_no_table() {
        assert_eq!(
            learn(&mut Hint::default(), std::iter::repeat_n(0, 1_000)),
            (0, 1_000 - 1_000)
        );
    }

    #[test]
    fn one_giant_at_any_moment_does_not_move_the_hint() {
        for before in 0..300 {
            let mut hint = Hint::default();
            learn(&mut hint, std::iter::repeat_n(10, before));
            sample(&mut hint, 1_000_000, 0);
            assert!(hint.head.capacity() <= 16);
            for _ in 0..10_000 {
                sample(&mut hint, 10, 0);
                assert!(hint.head.capacity() <= 16);
            }
        }
    }

    #[test]
    fn a_giant_in_every_hundred_does_not_move_the_hint_either() {
        let mut hint = Hint::default();
        let mix = (0..100_000).map(|number| if number % 100 == 99 { 1_000_000 } else { 10 });
        for entries in mix {
            sample(&mut hint, entries, 0);
            assert!(hint.head.capacity() <= 16);
        }
    }

    #[test]
    fn one_in_five_that_is_larger_is_worth_the_larger_table() {
        let mut hint = Hint::default();
        let mix = (0..10_000).map(|number| if number % 5 == 4 { 10_000 } else { 10 });
        let (capacity, grown) = learn(&mut hint, mix);
        assert_eq!(capacity, entries_of(step_of(10_000)));
        assert!(grown <= 5, "{grown}");
    }

    #[test]
    fn spread_sizes_are_covered_but_for_a_few() {
        let mut hint = Hint::default();
        let mut state = 1_u64;
        let sizes = (0..100_000).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as usize % 1_000
        });
        let (capacity, grown) = learn(&mut hint, sizes);
        assert_eq!(capacity, entries_of(step_of(999)));
        assert!(grown < 10, "{grown}");
    }

    #[test]
    fn the_hint_follows_a_change_of_traffic_both_ways() {
        let mut hint = Hint::default();
        learn(&mut hint, std::iter::repeat_n(1_000, 1_000));
        let mut returns = 0;
        while hint.head.capacity() > 16 {
            sample(&mut hint, 10, 0);
            returns += 1;
        }
        assert!((50..1_000).contains(&returns), "{returns}");
        returns = 0;
        while hint.head.capacity() < 1_000 {
            sample(&mut hint, 1_000, 0);
            returns += 1;
        }
        assert!(returns <= 8, "{returns}");
    }

    #[test]
    fn ticks_forget_the_evidence_but_only_a_large_hint_itself() {
        for (entries, remains) in [(1_000, true), (1_000_000, false)] {
            let mut hint = Hint::default();
            learn(&mut hint, std::iter::repeat_n(entries, 100));
            hint.age(10);
            assert_eq!((hint.head.total, hint.head.tick), (0, 10));
            assert_eq!(hint.head.capacity() >= entries, remains);
            learn(&mut hint, std::iter::repeat_n(10, 64));
            assert!(hint.head.capacity() <= 16);
        }
    }

    #[test]
    fn a_seed_starts_where_the_other_thread_is_and_moves_as_easily() {
        let mut teacher = Hint::default();
        learn(&mut teacher, std::iter::repeat_n(1_000, 100));
        let mut hint = Hint::seeded(teacher.head, 0);
        assert_eq!(hint.head.capacity(), teacher.head.capacity());
        learn(&mut hint, std::iter::repeat_n(10, 200));
        assert!(hint.head.capacity() <= 16);
    }
}
