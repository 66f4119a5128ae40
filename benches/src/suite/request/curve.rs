#![forbid(unsafe_code)]
//! The rows `u64/n` and `str/n`.

use super::SIZES;
use crate::contest::{Batch, Contestant, Size};
use crate::engine::{
    Bumped, Engine, Fresh, FreshSized, FreshStd, Key, Opool, OursFresh, Pooled, Poolshark, Reused,
};
use crate::error::Error;
use crate::report::Row;
use crate::suite::{Run, each};
use crate::workload::{Answer, Request, Texts, u64_requests};

/// The row of the geometric mean, and whom it is against.
pub(super) const MEAN: &str = "mean";
const MEAN_RIVAL: &str = "reused clear";

/// Bytes of keys that the requests of a row may have in all: they stay in the
/// second-level cache, as the body of a request does that was just read.
const KEY_BYTES_IN_ALL: usize = 512 << 10;

/// Returns how many requests of `n` entries a row takes turns with.
///
/// Several, so that no branch predictor learns the keys of one.
pub fn requests_of(n: usize) -> usize {
    // 24 bytes an entry: one key to insert, two to look up.
    (KEY_BYTES_IN_ALL / (24 * n)).clamp(4, 512)
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    for n in SIZES {
        let name = format!("u64/{n}");
        if run.wants(&name) {
            row(run, &name, &u64_requests(run.seed, n, requests_of(n)))?;
        }
    }
    for n in SIZES {
        let name = format!("str/{n}");
        if run.wants(&name) {
            let texts = Texts::new(run.seed, n, requests_of(n));
            row(run, &name, &texts.requests())?;
        }
    }
    mean(run)
}

/// Reports the geometric mean of the rows against the map that is reused by hand, if
/// all of them ran.
fn mean(run: &mut Run<'_>) -> Result<(), Error> {
    let is_curve = |row: &&Row| row.suite == "request" && row.rival == MEAN_RIVAL;
    let rows = run.report.rows().iter().filter(is_curve);
    let rows: Vec<(f64, f64)> = rows
        .filter(|row| row.row.starts_with("u64/") || row.row.starts_with("str/"))
        .map(|row| (row.ours_ns, row.ratio))
        .collect();
    if rows.len() < 2 * SIZES.len() {
        return Ok(());
    }
    let mean = |figure: fn(&(f64, f64)) -> f64| {
        let sum: f64 = rows.iter().map(|row| figure(row).ln()).sum();
        (sum / rows.len() as f64).exp()
    };
    let (ours, ratio) = (mean(|row| row.0), mean(|row| row.1));
    run.report
        .single(MEAN, MEAN_RIVAL, ours, ours / ratio, "ns")
}

fn row<K: Key>(run: &mut Run<'_>, name: &str, requests: &[Request<K>]) -> Result<(), Error> {
    run.row(name, 1, Size::Slice, &mut entrants(requests), &|batch| {
        expected(requests, batch)
    })
}

/// Returns the right answer of `batch`.
pub fn expected<K>(requests: &[Request<K>], batch: Batch) -> Answer {
    let mut answer = Answer::default();
    each(batch, requests.len(), |i| answer.add(requests[i].answer));
    answer
}

/// Returns every engine of the suite, ours first.
pub fn entrants<'d, K: Key>(requests: &'d [Request<K>]) -> Vec<Box<dyn Contestant + 'd>> {
    let mut entrants: Vec<Box<dyn Contestant + 'd>> = vec![
        Serving::boxed(Pooled::new("request"), requests),
        Serving::boxed(OursFresh, requests),
        Serving::boxed(Fresh, requests),
        Serving::boxed(FreshSized, requests),
        Serving::boxed(Reused::default(), requests),
        Serving::boxed(Bumped::default(), requests),
        Serving::boxed(FreshStd, requests),
        Serving::boxed(Opool::default(), requests),
        Serving::boxed(Poolshark::new::<K>(), requests),
    ];
    entrants.extend(c_entrants(requests));
    entrants
}

/// Returns fresh maps on the allocators that a C toolchain builds.
#[cfg(feature = "rivals")]
fn c_entrants<'d, K: Key>(requests: &'d [Request<K>]) -> Vec<Box<dyn Contestant + 'd>> {
    use crate::engine::InAllocator;
    vec![
        Serving::boxed(
            InAllocator::new("mimalloc-v3", &mimalloc::MiMalloc),
            requests,
        ),
        Serving::boxed(
            InAllocator::new("tikv-jemallocator", &tikv_jemallocator::Jemalloc),
            requests,
        ),
    ]
}

#[cfg(not(feature = "rivals"))]
fn c_entrants<'d, K: Key>(_: &'d [Request<K>]) -> Vec<Box<dyn Contestant + 'd>> {
    Vec::new()
}

/// An engine that serves the requests of a row, over and over.
#[derive(Debug)]
pub struct Serving<'d, K, E> {
    engine: E,
    requests: &'d [Request<K>],
}

impl<'d, K: Key, E: Engine<K> + 'd> Serving<'d, K, E> {
    /// Lets `engine` serve `requests`, of which there is one or more.
    pub fn boxed(engine: E, requests: &'d [Request<K>]) -> Box<dyn Contestant + 'd> {
        Box::new(Serving { engine, requests })
    }
}

impl<K: Key, E: Engine<K>> Contestant for Serving<'_, K, E> {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn is_rival(&self) -> bool {
        self.engine.is_rival()
    }

    fn prepare(&mut self, _round: usize) {
        self.engine.renew();
    }

    fn run(&mut self, batch: Batch) -> Answer {
        let mut answer = Answer::default();
        each(batch, self.requests.len(), |i| {
            answer.add(serve_request(&mut self.engine, &self.requests[i]));
        });
        answer
    }
}

/// Serves one request: the code whose instructions are worth reading.
#[inline(never)]
pub fn serve_request<K: Key, E: Engine<K>>(engine: &mut E, request: &Request<K>) -> Answer {
    engine.serve(request)
}
