#![forbid(unsafe_code)]
//! Medians and quartiles of a few dozen rounds.
//!
//! The spread of a set of samples is half its interquartile range, divided by
//! its median: half of all rounds lie within about that much of the median,
//! and one disturbed round in ten does not move it.

/// The middle of some samples and the doubt about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The median, in the unit of the samples.
    pub median: f64,
    /// Half the interquartile range over the median; 0 when the median is 0.
    pub spread: f64,
}

impl Summary {
    /// Summarises `samples`, in any order.
    ///
    /// # Panics
    ///
    /// When there is no sample, or one is not a number.
    pub fn of(samples: &[f64]) -> Summary {
        let mut sorted = samples.to_vec();
        sorted.sort_by(|a, b| a.partial_cmp(b).expect("samples are numbers"));
        let median = quantile(&sorted, 0.5);
        let half_range = (quantile(&sorted, 0.75) - quantile(&sorted, 0.25)) / 2.0;
        let spread = if median == 0.0 {
            0.0
        } else {
            half_range / median
        };
        Summary { median, spread }
    }

    /// Summarises `ours[i] / rivals[i]`: each round is compared with itself.
    ///
    /// Two zeros make a ratio of 0: nothing against nothing loses nothing.
    ///
    /// # Panics
    ///
    /// When the two differ in length or are empty.
    pub fn of_ratios(ours: &[f64], rivals: &[f64]) -> Summary {
        assert_eq!(ours.len(), rivals.len(), "a round is missing on one side");
        let ratios: Vec<f64> = ours
            .iter()
            .zip(rivals)
            .map(|(&a, &b)| ratio(a, b))
            .collect();
        Summary::of(&ratios)
    }
}

/// Returns `ours / rival`, and 0 when both are 0.
pub fn ratio(ours: f64, rival: f64) -> f64 {
    if ours == 0.0 && rival == 0.0 {
        0.0
    } else {
        ours / rival
    }
}

/// Returns the `q`-quantile of sorted samples, linear between neighbours.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    assert!(!sorted.is_empty(), "no sample");
    let place = q * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = place.ceil() as usize;
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Returns the geometric mean; not a number when there are no figures.
pub fn geometric_mean(figures: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = figures.fold((0.0, 0), |(sum, n), x| (sum + x.ln(), n + 1));
    (sum / f64::from(count)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_is_its_own_median_without_spread() {
        assert_eq!(
            Summary::of(&[7.0]),
            Summary {
                median: 7.0,
                spread: 0.0
            }
        );
    }

    #[test]
    fn quartiles_lie_between_neighbours() {
        // Quartiles of 1..=4 are 1.75 and 3.25, their half distance 0.75.
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(summary.median, 2.5);
        assert!((summary.spread - 0.3).abs() < 1e-12, "{summary:?}");
    }

    #[test]
    fn one_wild_round_moves_neither_median_nor_spread() {
        let mut samples = vec![10.0; 9];
        samples.push(1e9);
        assert_eq!(
            Summary::of(&samples),
            Summary {
                median: 10.0,
                spread: 0.0
            }
        );
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The machine was slow in the second round, for both.
        let summary = Summary::of_ratios(&[1.0, 10.0, 1.0], &[2.0, 20.0, 2.0]);
        assert_eq!(
            summary,
            Summary {
                median: 0.5,
                spread: 0.0
            }
        );
    }

    #[test]
    fn nothing_against_nothing_is_zero() {
        assert_eq!(ratio(0.0, 0.0), 0.0);
        assert_eq!(ratio(1.0, 0.0), f64::INFINITY);
    }
}
