#![forbid(unsafe_code)]
//! What a call site needs, learnt from what its uses needed.
//!
//! A sample is a step of size; what a step means is the caller's: bytes of an
//! item here, entries of a table for maps. Samples are counted by step, and the
//! answer is one of the steps:
//!
//! ```text
//!   weight   64 ▆            a raise wants at least two samples at or above a
//!            48 █▁           step, and one in 16 of all (a quarter for large
//!             1 ██ ▁     ▁   steps): the giant at the right never gets there
//!               ────────────
//!   step        1  …      27
//! ```
//!
//! It falls again when less than half the share that raised it is left. Every
//! 128 samples all weights are halved, and again at every tick.
//!
//! A sample counts one, whatever its size: weighed by bytes, one giant in a hundred uses would
//! have nearly all the weight (`docs/decisions/pool-learnt-sizes.md`).
//!
//! Never the maximum: one request of a million entries does not give the next
//! ten thousand a table for a million. Nor the mean, or the most frequent: what
//! is one step too small is built twice.
//!
//! # Source
//!
//! The shares are guessed from costs measured for tables: growing to n entries
//! costs about as much as filling them again, a table that is too large about a
//! hundredth of that, until it leaves the cache. The same holds for vectors.

/// Steps of size that are told apart; step 0 is nothing at all.
pub const DEMAND_STEPS: usize = 28;

/// Samples after which all weights are halved. Fits a `u8` with room.
const WINDOW: u8 = 128;

/// Samples after which an answer that is too high may fall.
const REVIEW: u8 = 64;

/// The part of a [`Demand`] that every use reads. A word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DemandHead {
    /// The answer: the step that the next use gets.
    step: u8,
    /// The sum of the weights, at most [`WINDOW`].
    total: u8,
    /// The tick at which the weights were last halved for it, wrapping.
    tick: u16,
}

/// What one call site has needed. 32 bytes.
///
/// From step `LARGE` on a step wants more evidence, and is forgotten with it.
///
/// ```
/// use millpond_pool::Demand;
///
/// let mut demand = Demand::<8>::default();
/// for _ in 0..10 {
///     demand.record(3, 0);
/// }
/// demand.record(20, 0); // a giant
/// assert_eq!(demand.head.step(), 3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand<const LARGE: usize> {
    /// The answer, and how much evidence there is.
    pub head: DemandHead,
    /// Samples by step, decayed.
    pub weights: [u8; DEMAND_STEPS],
}

/// Returns the weight that a step wants, at and above it, to be raised to.
const fn raising_weight<const LARGE: usize>(step: usize, total: u8) -> u8 {
    let (least, share) = if step < LARGE { (2, 16) } else { (4, 4) };
    let wanted = total.div_ceil(share);
    if wanted < least { least } else { wanted }
}

impl DemandHead {
    /// Returns the step that the next use gets. Zero for a site that has not been
    /// seen to need anything.
    #[inline]
    pub const fn step(self) -> usize {
        self.step as usize
    }

    /// Returns how many samples there are, decayed.
    #[inline]
    pub const fn total(self) -> u8 {
        self.total
    }

    /// Returns the tick of the last sample.
    #[inline]
    pub const fn tick(self) -> u16 {
        self.tick
    }

    /// Returns the head after one more sample of `step`, if all that there is
    /// to do about it is to count; none if the whole [`Demand`] has to look at it.
    #[inline]
    pub const fn counting(self, step: usize, tick: u16) -> Option<DemandHead> {
        let total = self.total + 1;
        if step > self.step as usize || self.tick != tick || total.is_multiple_of(REVIEW) {
            return None;
        }
        Some(DemandHead { total, ..self })
    }

    /// Returns the head as it is after one more tick than its caller counts: the next sample
    /// halves the weights once more.
    #[inline]
    pub const fn aged(self) -> DemandHead {
        DemandHead {
            tick: self.tick.wrapping_sub(1),
            ..self
        }
    }

    /// Packs the head into a word.
    #[inline]
    pub const fn to_word(self) -> u32 {
        let [low, high] = self.tick.to_le_bytes();
        u32::from_le_bytes([self.step, self.total, low, high])
    }

    /// Unpacks what [`to_word`](Self::to_word) has packed.
    #[inline]
    pub const fn from_word(word: u32) -> DemandHead {
        let [step, total, low, high] = word.to_le_bytes();
        DemandHead {
            step,
            total,
            tick: u16::from_le_bytes([low, high]),
        }
    }
}

impl<const LARGE: usize> Demand<LARGE> {
    /// Starts from what another thread has learnt at the same call site.
    pub fn seeded(other: DemandHead, tick: u16) -> Self {
        let step = other.step.min(DEMAND_STEPS as u8 - 1);
        let mut demand = Self {
            head: DemandHead {
                step,
                total: 0,
                tick,
            },
            weights: [0; DEMAND_STEPS],
        };
        if step > 0 {
            demand.weights[usize::from(step)] = 2;
            demand.head.total = 2;
        }
        demand
    }

    /// Learns that a use needed `step`, at `tick`, which may wrap.
    ///
    /// # Panics
    ///
    /// If `step` is not below [`DEMAND_STEPS`].
    #[cold]
    pub fn record(&mut self, step: usize, tick: u16) {
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
        } else if usize::from(self.head.step) >= LARGE {
            // A small answer without evidence is a good guess; a large one is
            // megabytes for nothing.
            self.head.step = 0;
        }
    }

    /// Moves the answer if the weights say so, and halves them when due.
    fn review(&mut self) {
        if self.head.total >= WINDOW {
            self.halve(1);
        }
        let step = usize::from(self.head.step);
        let left: u32 = self.weights[step..]
            .iter()
            .map(|&weight| u32::from(weight))
            .sum();
        // Half of what raises: between the two shares the answer stays.
        let keeping = u32::from(raising_weight::<LARGE>(step, self.head.total)) / 2;
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
        for step in (1..DEMAND_STEPS).rev() {
            above += u32::from(self.weights[step]);
            if above >= u32::from(raising_weight::<LARGE>(step, self.head.total)) {
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

    /// Records one sample, and checks that the short cut leads to the same.
    fn sample(demand: &mut Demand<8>, step: usize, tick: u16) {
        let counted = demand.head.counting(step, tick);
        let before = *demand;
        demand.record(step, tick);
        if let Some(head) = counted {
            let mut short = Demand { head, ..before };
            short.weights[step] += 1;
            assert_eq!(short, *demand);
        }
        let sum: u8 = demand.weights.iter().sum();
        assert_eq!(sum, demand.head.total);
        assert!(sum <= WINDOW);
        assert_eq!(DemandHead::from_word(demand.head.to_word()), demand.head);
    }

    #[test]
    fn a_large_step_wants_a_quarter_and_a_small_one_a_sixteenth() {
        // One in twelve is not enough for a large step, and is for the last small one.
        for (step, one_in, expected) in
            [(7, 12, 7), (7, 40, 2), (8, 3, 8), (20, 12, 7), (20, 40, 2)]
        {
            let mut demand = Demand::default();
            for number in 0..1000 {
                sample(&mut demand, if number % one_in == 0 { step } else { 2 }, 0);
            }
            assert_eq!(demand.head.step(), expected, "step {step}, one in {one_in}");
        }
    }

    #[test]
    fn ticks_of_any_number_forget_and_a_large_answer_goes_with_its_evidence() {
        for ticks in [1_u16, 3, 8, 40_000] {
            for (step, kept) in [(7, true), (8, ticks < 7)] {
                let mut demand = Demand::default();
                (0..100).for_each(|_| sample(&mut demand, step, u16::MAX));
                sample(&mut demand, step, u16::MAX.wrapping_add(ticks));
                assert_eq!(demand.head.step() == step, kept, "{step} after {ticks}");
            }
        }
    }

    #[test]
    fn a_head_that_was_aged_forgets_as_by_ticks() {
        for ticks in [1_u16, 3, 8] {
            let mut counted = Demand::<8>::default();
            (0..100).for_each(|_| sample(&mut counted, 10, 2));
            let mut aged = counted;
            (0..ticks).for_each(|_| aged.head = aged.head.aged());
            sample(&mut counted, 1, 2 + ticks);
            sample(&mut aged, 1, 2);
            assert_eq!(aged.weights, counted.weights);
            assert_eq!(aged.head.step(), counted.head.step());
        }
    }

    #[test]
    fn a_seed_has_the_answer_and_little_evidence() {
        let mut teacher = Demand::<8>::default();
        (0..50).for_each(|_| sample(&mut teacher, 5, 0));
        let mut pupil = Demand::<8>::seeded(teacher.head, 0);
        assert_eq!(pupil.head.step(), 5);
        (0..200).for_each(|_| sample(&mut pupil, 1, 0));
        assert_eq!(pupil.head.step(), 1);
    }
}
