#![forbid(unsafe_code)]
//! A small seeded generator: the same numbers on every machine and in every
//! version, so a seed in a failure message stays worth something.
//!
//! # Source
//!
//! SplitMix64 (Steele, Lea and Flood, 2014). Good enough to choose operations
//! with, never for secrets.

/// A stream of numbers that its seed decides.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// Starts the stream of `seed`. Every seed is as good as any other.
    pub const fn new(seed: u64) -> Rng {
        Rng { state: seed }
    }

    /// Returns the next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Returns a number in `0..bound`, all about equally likely.
    ///
    /// # Panics
    ///
    /// When `bound` is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "no number is below zero");
        // The high half of the product: no division, bias under bound / 2^64.
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Returns a number in `low..=high`.
    ///
    /// # Panics
    ///
    /// When `low` exceeds `high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Returns `true` once in `n` calls, on average.
    ///
    /// # Panics
    ///
    /// When `n` is zero.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Returns a size in `1..=2^max_log2` bytes: each doubling is as likely as
    /// any other, and every eighth size sits on a power of two or beside it.
    pub fn size(&mut self, max_log2: u32) -> usize {
        let log2 = self.below(max_log2 as usize + 1);
        let floor = 1_usize << log2;
        let size = match self.below(16) {
            0 => floor,
            1 => floor - usize::from(floor > 1),
            _ => self.between(floor, 2 * floor - 1),
        };
        size.min(1 << max_log2)
    }
}

/// Scatters the bits of `x`: a bijection in which each input bit moves about
/// half of the output bits.
pub const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[test]
fn the_stream_is_the_published_one() {
    // First outputs of the reference implementation for seed 1234567.
    let mut rng = Rng::new(1_234_567);
    assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
    assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
}

#[test]
fn sizes_stay_in_range_and_reach_both_ends() {
    let mut rng = Rng::new(1);
    let sizes: Vec<usize> = (0..10_000).map(|_| rng.size(12)).collect();
    assert_eq!(sizes.iter().min(), Some(&1));
    assert_eq!(sizes.iter().max(), Some(&4096));
}
