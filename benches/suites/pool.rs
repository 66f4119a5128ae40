#![forbid(unsafe_code)]
//! Pairs of get and put on one thread and on two.
//!
//! `cargo bench -p millpond-bench --bench pool`.

mod common;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use millpond_bench::suite::pool::{Shape, entrants, expected};

fn pairs(c: &mut Criterion) {
    let shapes = [
        ("pair", Shape::Pair, 1),
        ("eight-held", Shape::EightHeld, 8),
        ("two-threads", Shape::TwoThreads, 2),
    ];
    for (name, shape, times) in shapes {
        let mut group = c.benchmark_group(format!("pool/{name}"));
        group.throughput(Throughput::Elements(times));
        for mut contestant in entrants(shape) {
            let right = |batch| expected(batch, times);
            let id = contestant.name().to_owned();
            group.bench_function(id, |b| common::measure(b, contestant.as_mut(), &right));
        }
        group.finish();
    }
}

criterion_group!(
    name = benches;
    config = common::settings();
    targets = pairs
);
criterion_main!(benches);
