#![allow(dead_code, reason = "each suite uses a part of it")]
//! What the criterion suites share: pace, seed, and answers that are checked.

use criterion::{Bencher, Criterion};
use millpond_bench::contest::{Batch, Contestant};
use millpond_bench::workload::Answer;
use std::time::{Duration, Instant};

/// What all keys are drawn from.
pub(crate) const SEED: u64 = 2024;

/// Returns the pace of all suites: about two seconds a point.
///
/// The runner compares, in rotated rounds; criterion draws curves, one engine
/// after the other. So it need not be long.
pub(crate) fn settings() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(30)
        .configure_from_args()
}

/// Times batches of `contestant` and checks each answer.
///
/// # Panics
///
/// When an answer is not the right one.
pub(crate) fn measure(
    bencher: &mut Bencher<'_>,
    contestant: &mut dyn Contestant,
    right: &dyn Fn(Batch) -> Answer,
) {
    contestant.prepare(0);
    bencher.iter_custom(|iterations| {
        let batch = Batch {
            first: 0,
            count: iterations as usize,
        };
        let start = Instant::now();
        let answer = contestant.run(batch);
        let took = start.elapsed();
        assert_eq!(
            answer,
            right(batch),
            "{} answered wrongly",
            contestant.name()
        );
        took
    });
}
