#![forbid(unsafe_code)]
//! Curves of single operations over the size of the table, no pool.
//!
//! `cargo bench -p millpond-bench --bench map`.

mod common;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use millpond_bench::engine::Key;
use millpond_bench::suite::map::{OPERATIONS, SIZES, Setting, entrants};
use millpond_bench::workload::{Request, Texts, u64_requests};

fn operations(c: &mut Criterion) {
    for operation in OPERATIONS {
        for n in SIZES {
            point(c, operation, "u64", n, &u64_requests(common::SEED, n, 2));
        }
        for n in SIZES {
            point(
                c,
                operation,
                "str",
                n,
                &Texts::new(common::SEED, n, 2).requests(),
            );
        }
    }
}

fn point<K: Key>(
    c: &mut Criterion,
    operation: &str,
    keys: &str,
    n: usize,
    requests: &[Request<K>],
) {
    let setting = Setting::new(&requests[0], &requests[1]);
    let mut group = c.benchmark_group(format!("{operation}/{keys}"));
    group.throughput(Throughput::Elements(
        setting.operations_per_piece(operation) as u64,
    ));
    for mut contestant in entrants(operation, &setting) {
        let id = BenchmarkId::new(contestant.name(), n);
        let right = |batch| setting.expected(operation, batch);
        group.bench_function(id, |b| common::measure(b, contestant.as_mut(), &right));
    }
    group.finish();
}

criterion_group!(
    name = benches;
    config = common::settings();
    targets = operations
);
criterion_main!(benches);
