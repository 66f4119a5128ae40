#![forbid(unsafe_code)]
//! The one source of randomness: PCG, whose stream is fixed by its definition.

use rand::{Rng as _, RngCore, SeedableRng, seq::SliceRandom};
use rand_pcg::Pcg64Mcg;

/// A stream of random numbers, the same for the same seed and label for ever.
#[derive(Debug, Clone)]
pub struct Rng(Pcg64Mcg);

impl Rng {
    /// Starts the stream of `label` under `seed`.
    ///
    /// Labels keep streams apart: a row draws the same keys whether or not
    /// another row ran before it.
    pub fn new(seed: u64, label: &str) -> Rng {
        // FNV-1a over the label, so that the stream depends on nothing else.
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Rng(Pcg64Mcg::seed_from_u64(seed ^ hash))
    }

    /// Returns 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a number below `bound`, which is not zero.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        items.shuffle(&mut self.0);
    }

    /// Draws from a distribution of `rand_distr`.
    #[inline]
    pub(crate) fn sample<T>(&mut self, from: &impl rand_distr::Distribution<T>) -> T {
        from.sample(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, label: &str) -> u64 {
        Rng::new(seed, label).bits()
    }

    #[test]
    fn same_seed_and_label_same_stream() {
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
