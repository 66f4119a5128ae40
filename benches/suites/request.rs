#![forbid(unsafe_code)]
//! Curves over the size of a request, one line per engine.
//!
//! `cargo bench -p millpond-bench --bench request`: a report with plots in
//! `target/criterion/report/index.html`, throughput in map operations (n
//! inserts and 2n look-ups a request). `-- u64` runs one group, `-- --noplot`
//! leaves the plots out, `-- --save-baseline NAME` keeps figures to compare.

mod common;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use millpond_bench::engine::Key;
use millpond_bench::suite::request::{entrants, expected, requests_of};
use millpond_bench::workload::{Request, Texts, u64_requests};

/// Entries of a request: the sizes of the runner's rows and some between.
const SIZES: [usize; 7] = [8, 24, 64, 250, 1000, 3000, 10_000];

fn integers(c: &mut Criterion) {
    for n in SIZES {
        curve_point(c, "u64", n, &u64_requests(common::SEED, n, requests_of(n)));
    }
}

fn strings(c: &mut Criterion) {
    for n in SIZES {
        let texts = Texts::new(common::SEED, n, requests_of(n));
        curve_point(c, "str", n, &texts.requests());
    }
}

fn curve_point<K: Key>(c: &mut Criterion, keys: &str, n: usize, requests: &[Request<K>]) {
    let mut group = c.benchmark_group(format!("request/{keys}"));
    group.throughput(Throughput::Elements(3 * n as u64));
    for mut contestant in entrants(requests) {
        let id = BenchmarkId::new(contestant.name(), n);
        let right = |batch| expected(requests, batch);
        group.bench_function(id, |b| common::measure(b, contestant.as_mut(), &right));
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = common::settings();
    targets = integers, strings
);
criterion_main!(benches);
