#![forbid(unsafe_code)]
//! What the server knows of its own cost: totals, and the last two minutes
//! second by second.
//!
//! ```text
//!   request ─▶ row of (endpoint, source) ─▶ total            for the tables
//!                                       └─▶ window ─ turn ─▶ history, a second
//! ```
//!
//! `turn` runs once a second; the page asks for the seconds it has not drawn.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use millpond_testkit::Counts;
use serde::Serialize;

use super::maps::{MAPS, Source};
use super::process::Resident;

/// How many seconds the history keeps.
const HISTORY_SECONDS: usize = 120;

/// Digits of the quantiles in the tables and on the charts.
pub(crate) const TOTAL_DIGITS: u8 = 3;
const WINDOW_DIGITS: u8 = 2;

/// The two kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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

/// One row's figures, and for how long it was driven.
#[derive(Debug)]
struct Row {
    total: Figures,
    window: Figures,
    driven: Duration,
}

/// The figures of one server.
#[derive(Debug)]
pub(crate) struct Stats {
    started: Instant,
    rows: [[Mutex<Row>; Source::ALL.len()]; Endpoint::ALL.len()],
    history: Mutex<History>,
    driving: Mutex<Option<Driving>>,
}

/// Who is being driven, and since when. None when requests come as they like.
#[derive(Debug, Clone, Copy)]
struct Driving {
    endpoint: Endpoint,
    source: Source,
    since: Instant,
}

#[derive(Debug)]
struct History {
    turned: Instant,
    next: u64,
    seconds: VecDeque<Second>,
}

/// One second of history.
#[derive(Debug, Clone, Serialize)]
struct Second {
    /// Counted from the start of the server.
    second: u64,
    memory: Memory,
    pool: Pool,
    rows: Vec<SecondRow>,
}

/// A row of one second. Times are inside the handler.
#[derive(Debug, Clone, Serialize)]
struct SecondRow {
    endpoint: Endpoint,
    maps: Source,
    requests: u64,
    /// While the row was driven, where a driver says when; else over the second.
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    allocations_per_request: f64,
    allocated_bytes_per_request: f64,
}

/// A row since the start.
#[derive(Debug, Clone, Serialize)]
struct TotalRow {
    endpoint: Endpoint,
    maps: Source,
    requests: u64,
    mean_us: f64,
    p50_us: f64,
    p99_us: f64,
    allocations_per_request: f64,
    allocated_bytes_per_request: f64,
}

/// Memory of the process: what the operating system counts, then the allocator.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Memory {
    rss_bytes: u64,
    rss_peak_bytes: u64,
    mapped_bytes: u64,
    /// In slabs, runs and threads' caches. Blocks in use are at most that; their
    /// exact sum lags behind while other threads run.
    used_bytes: u64,
    /// Free, and not handed back to the operating system.
    retained_bytes: u64,
    /// Blocks that the allocator lent so far, to maps and to everything else.
    lends: u64,
    /// Calls to the operating system about memory so far.
    os_calls: u64,
}

/// The pool that the pooled rows draw from.
#[derive(Debug, Clone, Copy, Serialize)]
struct Pool {
    checkouts: u64,
    /// Maps that came back without having grown.
    right_sized: u64,
    grown: u64,
    /// Maps that are out now.
    outstanding: u64,
    scopes: u64,
}

/// What `GET /stats` answers.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    uptime_seconds: f64,
    sources: [Source; Source::ALL.len()],
    memory: Memory,
    pool: Pool,
    totals: Vec<TotalRow>,
    seconds: Vec<Second>,
}

impl Stats {
    pub(crate) fn new() -> Stats {
        let now = Instant::now();
        let row = || {
            Mutex::new(Row {
                total: Figures::new(TOTAL_DIGITS),
                window: Figures::new(WINDOW_DIGITS),
                driven: Duration::ZERO,
            })
        };
        Stats {
            started: now,
            rows: std::array::from_fn(|_| std::array::from_fn(|_| row())),
            history: Mutex::new(History {
                turned: now,
                next: 0,
                seconds: VecDeque::new(),
            }),
            driving: Mutex::new(None),
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
        let mut row = self.row(endpoint, source);
        row.total.add(handler, counts);
        row.window.add(handler, counts);
    }

    /// Returns a row's figures since the start, or since they were forgotten.
    pub(crate) fn total(&self, endpoint: Endpoint, source: Source) -> Figures {
        self.row(endpoint, source).total.clone()
    }

    /// Returns how many requests a row answered, and the time inside the handler.
    pub(crate) fn answered(&self, endpoint: Endpoint, source: Source) -> (u64, Duration) {
        let row = self.row(endpoint, source);
        (row.total.requests, row.total.handler_total)
    }

    /// Starts the totals anew, for a driver whose warm-up should not count.
    pub(crate) fn forget_totals(&self) {
        for row in self.rows.iter().flatten() {
            lock(row).total = Figures::new(TOTAL_DIGITS);
        }
    }

    /// Says which row is driven from now on, or that none is.
    ///
    /// Where rows take turns, this is what makes requests per second
    /// comparable: each is divided by its own turns.
    pub(crate) fn drive(&self, next: Option<(Endpoint, Source)>) {
        let now = Instant::now();
        let next = next.map(|(endpoint, source)| Driving {
            endpoint,
            source,
            since: now,
        });
        let last = std::mem::replace(&mut *lock(&self.driving), next);
        if let Some(last) = last {
            self.row(last.endpoint, last.source).driven += now - last.since;
        }
    }

    /// Closes the window of the last second and appends it to the history.
    pub(crate) fn turn(&self) {
        let driving = *lock(&self.driving);
        if let Some(Driving {
            endpoint, source, ..
        }) = driving
        {
            self.drive(Some((endpoint, source))); // book the time so far
        }
        let mut history = lock(&self.history);
        let passed = history.turned.elapsed();
        history.turned += passed;
        let rows = all_rows().filter_map(|(endpoint, source)| {
            let mut row = self.row(endpoint, source);
            let window = std::mem::replace(&mut row.window, Figures::new(WINDOW_DIGITS));
            let driven = std::mem::take(&mut row.driven);
            (window.requests > 0).then(|| {
                let over = if driven.is_zero() { passed } else { driven };
                SecondRow {
                    endpoint,
                    maps: source,
                    requests: window.requests,
                    requests_per_second: window.requests as f64 / over.as_secs_f64(),
                    p50_us: window.quantile_us(0.5),
                    p99_us: window.quantile_us(0.99),
                    allocations_per_request: window.per_request(window.allocations),
                    allocated_bytes_per_request: window.per_request(window.allocated_bytes),
                }
            })
        });
        let second = Second {
            second: history.next,
            memory: Memory::read(),
            pool: Pool::read(),
            rows: rows.collect(),
        };
        history.next += 1;
        if history.seconds.len() == HISTORY_SECONDS {
            history.seconds.pop_front();
        }
        history.seconds.push_back(second);
    }

    /// Returns everything, with the seconds from number `since` on.
    pub(crate) fn report(&self, since: u64) -> Report {
        let totals = all_rows().filter_map(|(endpoint, source)| {
            let total = self.total(endpoint, source);
            (total.requests > 0).then(|| TotalRow {
                endpoint,
                maps: source,
                requests: total.requests,
                mean_us: total.mean_us(),
                p50_us: total.quantile_us(0.5),
                p99_us: total.quantile_us(0.99),
                allocations_per_request: total.per_request(total.allocations),
                allocated_bytes_per_request: total.per_request(total.allocated_bytes),
            })
        });
        let history = lock(&self.history);
        Report {
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            sources: Source::ALL,
            memory: Memory::read(),
            pool: Pool::read(),
            totals: totals.collect(),
            seconds: history
                .seconds
                .iter()
                .filter(|second| second.second >= since)
                .cloned()
                .collect(),
        }
    }

    fn row(&self, endpoint: Endpoint, source: Source) -> MutexGuard<'_, Row> {
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

impl Memory {
    fn read() -> Memory {
        let resident = Resident::read();
        let allocator = millpond::arena::stats();
        Memory {
            rss_bytes: resident.now_bytes,
            rss_peak_bytes: resident.peak_bytes,
            mapped_bytes: allocator.mapped_bytes,
            used_bytes: allocator.used_slice_bytes,
            retained_bytes: allocator.retained_bytes,
            lends: allocator.allocations,
            os_calls: allocator.os_calls,
        }
    }
}

impl Pool {
    fn read() -> Pool {
        let pool = MAPS.stats();
        Pool {
            checkouts: pool.checkouts,
            right_sized: pool.right_sized,
            grown: pool.grown,
            outstanding: pool.outstanding,
            scopes: pool.scopes,
        }
    }
}

fn all_rows() -> impl Iterator<Item = (Endpoint, Source)> {
    Endpoint::ALL
        .into_iter()
        .flat_map(|endpoint| Source::ALL.map(|source| (endpoint, source)))
}

/// Figures stay of use after a panic elsewhere, so poison is passed over.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
