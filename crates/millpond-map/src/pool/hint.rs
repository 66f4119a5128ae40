#![forbid(unsafe_code)]
//! The capacity that a call site needs, learnt from what it used.
//!
//! A sample is the number of entries of a map that comes back, counted by step of
//! capacity, which is what a table can be: 4, 8, 16, then 28 and its doublings.
//! [`Demand`] has the rule by which the answer rises and falls.

use millpond_pool::{DEMAND_STEPS, Demand, DemandHead};

/// The step of 16 entries, the last that is one group of slots.
const GROUP_STEP: usize = 3;

/// The first step that is large: 57,344 entries, past any inner cache.
const LARGE_STEP: usize = 15;

/// What one call site on one thread has needed. The last step is 14 << 24 entries,
/// 235 million.
pub(crate) type Hint = Demand<LARGE_STEP>;

/// The part of a hint that every checkout and every return reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head(pub(crate) DemandHead);

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
            if GROUP_STEP + doublings < DEMAND_STEPS {
                GROUP_STEP + doublings
            } else {
                DEMAND_STEPS - 1
            }
        }
    }
}

/// How many entries a table of each step holds.
const ENTRIES: [usize; DEMAND_STEPS] = {
    let mut entries = [0; DEMAND_STEPS];
    (entries[1], entries[2], entries[GROUP_STEP]) = (4, 8, 16);
    let mut step = GROUP_STEP + 1;
    while step < DEMAND_STEPS {
        entries[step] = 14 << (step - GROUP_STEP);
        step += 1;
    }
    entries
};

/// Returns how many entries a table of this step holds.
const fn entries_of(step: usize) -> usize {
    ENTRIES[step]
}

impl Head {
    /// Returns the capacity to start the next map with, in entries. Zero for a
    /// site that has not been seen to insert.
    #[inline]
    pub(crate) const fn capacity(self) -> usize {
        entries_of(self.0.step())
    }

    /// Returns [`step_of`] `entries`, which most often is the step of the hint.
    #[inline]
    pub(crate) const fn step_of(self, entries: usize) -> usize {
        let step = self.0.step();
        // Wraps for no entries, and below the first step.
        if step > 0
            && entries.wrapping_sub(ENTRIES[step - 1] + 1) < ENTRIES[step] - ENTRIES[step - 1]
        {
            step
        } else {
            step_of(entries)
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
            grown += usize::from(Head(hint.head).capacity() < entries);
            sample(hint, entries, hint.head.tick());
        }
        (Head(hint.head).capacity(), grown)
    }

    /// Records one sample, as a shard does, and checks the short cut.
    fn sample(hint: &mut Hint, entries: usize, tick: u16) {
        let step = step_of(entries);
        assert_eq!(Head(hint.head).step_of(entries), step);
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
        assert_eq!(DemandHead::from_word(hint.head.to_word()), hint.head);
    }

    #[test]
    fn each_number_of_entries_has_the_smallest_step_that_holds_it() {
        for entries in (0..100_000).chain((17..28).map(|bits| 1 << bits)) {
            let step = step_of(entries);
            assert!(entries <= entries_of(step), "{entries}");
            assert!(step == 0 || entries_of(step - 1) < entries, "{entries}");
        }
        assert_eq!(step_of(usize::MAX), DEMAND_STEPS - 1);
        for step in 0..DEMAND_STEPS {
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
            assert!(Head(hint.head).capacity() <= 16);
            for _ in 0..10_000 {
                sample(&mut hint, 10, 0);
                assert!(Head(hint.head).capacity() <= 16);
            }
        }
    }

    #[test]
    fn a_giant_in_every_hundred_does_not_move_the_hint_either() {
        let mut hint = Hint::default();
        let mix = (0..100_000).map(|number| if number % 100 == 99 { 1_000_000 } else { 10 });
        for entries in mix {
            sample(&mut hint, entries, 0);
            assert!(Head(hint.head).capacity() <= 16);
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
        while Head(hint.head).capacity() > 16 {
            sample(&mut hint, 10, 0);
            returns += 1;
        }
        assert!((50..1_000).contains(&returns), "{returns}");
        returns = 0;
        while Head(hint.head).capacity() < 1_000 {
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
            sample(&mut hint, 10, 10);
            assert_eq!(hint.weights.iter().sum::<u8>(), 1, "only the new evidence");
            assert_eq!(Head(hint.head).capacity() >= entries, remains);
            learn(&mut hint, std::iter::repeat_n(10, 64));
            assert!(Head(hint.head).capacity() <= 16);
        }
    }

    #[test]
    fn a_seed_starts_where_the_other_thread_is_and_moves_as_easily() {
        let mut teacher = Hint::default();
        learn(&mut teacher, std::iter::repeat_n(1_000, 100));
        let mut hint = Hint::seeded(teacher.head, 0);
        assert_eq!(Head(hint.head).capacity(), Head(teacher.head).capacity());
        learn(&mut hint, std::iter::repeat_n(10, 200));
        assert!(Head(hint.head).capacity() <= 16);
    }
}
