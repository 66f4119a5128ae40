#![forbid(unsafe_code)]
//! What each source of maps cost so far, for the demo's tables.
//!
//! The page has counts of its own, with which it can draw the last minutes;
//! these are exact to three digits and may be forgotten after a warm-up.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use millpond_testkit::Counts;

use super::maps::Source;

/// Digits of the quantiles in the tables.
pub(crate) const TOTAL_DIGITS: u8 = 3;

/// The two kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Log,
    Group,
}

impl Endpoint {
    pub(crate) const ALL: [Endpoint; 2] = [Endpoint::Log, Endpoint::Group];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Endpoint::Log => "log",
            Endpoint::Group => "group",
        }
    }
}

/// What some requests cost inside the handler.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) requests: u64,
    /// In nanoseconds.
    pub(crate) handler: Histogram<u64>,
    pub(crate) handler_total: Duration,
    /// Calls of the global allocator that could cost an allocation.
    pub(crate) allocations: u64,
    pub(crate) allocated_bytes: u64,
}

/// The figures of one server.
#[derive(Debug)]
pub(crate) struct Stats {
    rows: [[Mutex<Figures>; Source::ALL.len()]; Endpoint::ALL.len()],
}

impl Stats {
    pub(crate) fn new() -> Stats {
        let row = || Mutex::new(Figures::new(TOTAL_DIGITS));
        Stats {
            rows: std::array::from_fn(|_| std::array::from_fn(|_| row())),
        }
    }

    /// Adds one answered request.
    pub(crate) fn record(
        &self,
        endpoint: Endpoint,
        source: Source,
        handler: Duration,
        counts: Counts,
    ) {
        self.row(endpoint, source).add(handler, counts);
    }

    /// Returns a row's figures since the start, or since they were forgotten.
    pub(crate) fn total(&self, endpoint: Endpoint, source: Source) -> Figures {
        self.row(endpoint, source).clone()
    }

    /// Returns how many requests a row answered, and the time inside the handler.
    pub(crate) fn answered(&self, endpoint: Endpoint, source: Source) -> (u64, Duration) {
        let row = self.row(endpoint, source);
        (row.requests, row.handler_total)
    }

    /// Starts the totals anew, for a driver whose warm-up should not count.
    pub(crate) fn forget_totals(&self) {
        for row in self.rows.iter().flatten() {
            *lock(row) = Figures::new(TOTAL_DIGITS);
        }
    }

    fn row(&self, endpoint: Endpoint, source: Source) -> MutexGuard<'_, Figures> {
        lock(&self.rows[endpoint as usize][source as usize])
    }
}

impl Figures {
    /// `digits` is how exact the quantiles are, 1 to 5; each digit costs ten times the memory.
    pub(crate) fn new(digits: u8) -> Figures {
        Figures {
            requests: 0,
            handler: Histogram::new(digits).expect("up to five digits are in range"),
            handler_total: Duration::ZERO,
            allocations: 0,
            allocated_bytes: 0,
        }
    }

    fn add(&mut self, handler: Duration, counts: Counts) {
        self.requests += 1;
        // It grows by itself, so no value is out of range.
        let _ = self.handler.record(handler.as_nanos() as u64);
        self.handler_total += handler;
        self.allocations += counts.requests();
        self.allocated_bytes += counts.allocated_bytes;
    }

    /// Returns `sum` per request, zero when there was none.
    pub(crate) fn per_request(&self, sum: u64) -> f64 {
        sum as f64 / self.requests.max(1) as f64
    }

    pub(crate) fn mean_us(&self) -> f64 {
        self.handler_total.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }

    /// Returns a quantile of the time inside the handler.
    pub(crate) fn quantile_us(&self, quantile: f64) -> f64 {
        self.handler.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// Figures stay of use after a panic elsewhere, so poison is passed over.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
