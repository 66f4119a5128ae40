#![forbid(unsafe_code)]
//! What it costs to be seen.

mod capture;
mod scraped;
mod server;

use super::{Run, Suite};
use crate::bar::Bar;
use crate::error::Error;

/// A capture of much, and requests that are scraped every second beside such that are not.
pub static SUITE: Suite = Suite {
    name: "observe",
    about: "what it costs to be seen: captures, and requests while somebody scrapes",
    rows,
    bars: BARS,
    run,
};

/// Nanoseconds of a capture of 100 pools, 64 threads and 1,000 maps: a millisecond.
const CAPTURE_NS: f64 = 1e6;

const BARS: &[Bar] = &[
    Bar::ours("capture", "as text", CAPTURE_NS),
    Bar::ours("capture/allocations", "on other threads", 0.0),
    Bar::ratio("request/u64/64", "not observed", 1.01),
    Bar::ratio("request/u64/1000", "not observed", 1.01),
    Bar::ratio("server/log", "not scraped", 1.01),
    Bar::ratio("server/log/cpu", "not scraped", 1.01),
];

fn rows() -> Vec<String> {
    BARS.iter().map(|bar| bar.row.to_owned()).collect()
}

fn run(run: &mut Run<'_>) -> Result<(), Error> {
    capture::run(run)?;
    scraped::run(run)?;
    server::run(run)
}
