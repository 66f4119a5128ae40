#![forbid(unsafe_code)]
//! A map per request: checkout, insert n, look up 2n, give back.

mod curve;
mod giant;
mod server;
mod steady;

pub use curve::{Serving, entrants, expected, requests_of, serve_request};
pub use giant::probe as giant_probe;

use super::{Run, Suite};
use crate::bar::Bar;
use crate::error::Error;

/// Requests of 8 to 10,000 entries, a giant one among small ones, and the server.
pub static SUITE: Suite = Suite {
    name: "request",
    about: "a map per request: checkout, insert n, look up 2n, give back",
    rows,
    bars: BARS,
    run,
};

/// Entries of the requests that are timed.
pub const SIZES: [usize; 4] = [8, 64, 1000, 10_000];

/// Times and bytes after a giant request.
const GIANT_ROWS: [&str; 3] = ["giant", "giant/rss", "giant/slabs"];

const BARS: &[Bar] = &[
    Bar::ratio("u64/64", "fresh new", 0.50),
    Bar::ratio("u64/1000", "fresh new", 0.50),
    Bar::ratio("u64/10000", "fresh new", 0.50),
    Bar::ratio("str/64", "fresh new", 0.65),
    Bar::ratio("str/1000", "fresh new", 0.65),
    Bar::ratio("str/10000", "fresh new", 0.65),
    Bar::ratio("u64/8", "fresh with_capacity", 1.00),
    Bar::ratio("u64/64", "fresh with_capacity", 1.00),
    Bar::ratio("u64/1000", "fresh with_capacity", 1.00),
    Bar::ratio("u64/10000", "fresh with_capacity", 1.00),
    Bar::ratio("str/8", "fresh with_capacity", 1.00),
    Bar::ratio("str/64", "fresh with_capacity", 1.00),
    Bar::ratio("str/1000", "fresh with_capacity", 1.00),
    Bar::ratio("str/10000", "fresh with_capacity", 1.00),
    Bar::ratio("u64/8", "reused clear", 1.00),
    Bar::ratio("u64/64", "reused clear", 1.00),
    Bar::ratio("u64/1000", "reused clear", 1.00),
    Bar::ratio("u64/10000", "reused clear", 1.00),
    Bar::ratio("str/8", "reused clear", 1.00),
    Bar::ratio("str/64", "reused clear", 1.00),
    Bar::ratio("str/1000", "reused clear", 1.00),
    Bar::ratio("str/10000", "reused clear", 1.00),
    Bar::ratio(curve::MEAN, "reused clear", 0.90),
    Bar::ratio("giant", "reused clear", 0.02),
    Bar::ratio("giant", "before", 1.20),
    Bar::ours("steady/global-calls", "fresh new", 0.0),
    Bar::ours("steady/os-calls", "millpond-map", 0.0),
    Bar::ratio("server/log/handler p50", "std", 0.60),
    Bar::ratio("server/log/handler p50", "hashbrown", 0.75),
    Bar::ratio("server/log/requests/s", "hashbrown", 1.00),
    Bar::ratio("server/log/requests/s", "std", 1.00),
    Bar::ratio("server/log/latency p99.9", "hashbrown", 1.00),
    Bar::ratio("server/log/latency p99.9", "std", 1.00),
    Bar::ratio("server/group/handler p50", "std", 0.60),
    Bar::ratio("server/group/handler p50", "hashbrown", 0.75),
    Bar::ratio("server/group/requests/s", "hashbrown", 1.00),
    Bar::ratio("server/group/requests/s", "std", 1.00),
    Bar::ratio("server/group/latency p99.9", "hashbrown", 1.00),
    Bar::ratio("server/group/latency p99.9", "std", 1.00),
    Bar::ratio("server/memory/RSS idle", "reused", 0.50),
];

fn rows() -> Vec<String> {
    let mut rows = Vec::new();
    for keys in ["u64", "str"] {
        rows.extend(SIZES.map(|n| format!("{keys}/{n}")));
    }
    rows.push(curve::MEAN.to_owned());
    rows.extend(GIANT_ROWS.map(str::to_owned));
    rows.extend(steady::rows());
    rows.extend(server::rows());
    rows
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    curve::run(run)?;
    giant::run(run)?;
    steady::run(run)?;
    server::run(run)
}
