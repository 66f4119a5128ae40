#![forbid(unsafe_code)]
//! Small random numbers, the same in every program.

/// A splitmix64 stream.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `low..high`; the bias is below 2⁻³² for the ranges here.
    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + (((self.next() >> 32) * (high - low) as u64) >> 32) as usize
    }

    /// The numbers below `len` in random order.
    pub(crate) fn order(&mut self, len: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..len as u32).collect();
        for at in (1..len).rev() {
            order.swap(at, self.between(0, at + 1));
        }
        order
    }
}
