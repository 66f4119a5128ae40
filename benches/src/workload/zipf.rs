#![forbid(unsafe_code)]
//! Few popular things, many rare ones: paths, clients, users.

use super::Rng;

/// Ranks `0..n`, the first the most popular: rank `k` comes up in proportion
/// to `1 / (k + 1)^exponent`.
#[derive(Debug, Clone, Copy)]
pub struct Zipf(rand_distr::Zipf<f64>);

impl Zipf {
    /// Makes a distribution over `n` ranks.
    ///
    /// # Panics
    ///
    /// When `n` is zero or `exponent` is negative.
    pub fn new(n: usize, exponent: f64) -> Zipf {
        Zipf(rand_distr::Zipf::new(n as f64, exponent).expect("n is 1 or more, exponent 0 or more"))
    }

    /// Draws a rank.
    pub fn draw(&self, rng: &mut Rng) -> usize {
        // The crate counts from 1 and returns a whole float.
        rng.sample(&self.0) as usize - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_rank_is_drawn_as_often_as_the_law_says() {
        const N: usize = 100;
        const DRAWS: usize = 200_000;
        let (zipf, mut rng) = (Zipf::new(N, 1.0), Rng::new(7, "zipf"));
        let mut seen = [0_usize; N];
        for _ in 0..DRAWS {
            seen[zipf.draw(&mut rng)] += 1;
        }
        let harmonic: f64 = (1..=N).map(|k| 1.0 / k as f64).sum();
        for rank in [0, 1, 9] {
            let want = DRAWS as f64 / harmonic / (rank + 1) as f64;
            let got = seen[rank] as f64;
            assert!(
                (got / want - 1.0).abs() < 0.1,
                "rank {rank}: {got} of {want}"
            );
        }
        assert!(seen.iter().all(|&times| times > 0), "a rank never came up");
    }
}
