#![forbid(unsafe_code)]
//! How long requests took, counted without a lock.
//!
//! A time falls into one of sixteen steps of its doubling:
//!
//! ```text
//!   ns   0 1 2 … 15 │ 16 17 … 31 │ 32 34 … 62 │ 64 68 … 124 │ … │ 2^40
//!        exact        steps of 1   steps of 2   steps of 4
//! ```
//!
//! A step is at most a sixteenth wide, so its middle is within 3.2 % of what
//! fell into it. Recording is two relaxed additions, whatever the time; the
//! counts have one size for good, 5 KiB.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Steps in a doubling, as a power of two.
const STEPS_LOG2: u32 = 4;
const STEPS: usize = 1 << STEPS_LOG2;

/// Longer times count as this one, in nanoseconds: 18 minutes.
const LONGEST: u64 = 1 << 40;

const BUCKETS: usize = bucket_of(LONGEST) + 1;

/// Where the host says how long a request took.
///
/// Made by [`Page::latency`](super::Page::latency). Clones count together.
#[derive(Debug, Clone)]
pub struct Latency {
    counts: Arc<Counts>,
}

impl Latency {
    pub(super) fn new() -> Latency {
        Latency {
            counts: Arc::new(Counts::default()),
        }
    }

    /// Counts a request that took `took`, from any thread.
    ///
    /// # Cost
    ///
    /// Two relaxed additions. No lock, no allocation.
    pub fn record(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(LONGEST);
        // Relaxed, here and below: counts, which publish nothing.
        self.counts.buckets[bucket_of(ns)].fetch_add(1, Relaxed);
        self.counts.total_ns.fetch_add(ns.min(LONGEST), Relaxed);
    }

    /// Counts what that request asked of the global allocator, for hosts that
    /// know: the page shows it as an average.
    pub fn record_allocations(&self, allocations: u64, bytes: u64) {
        self.counts.allocation_reports.fetch_add(1, Relaxed);
        self.counts.allocations.fetch_add(allocations, Relaxed);
        self.counts.allocated_bytes.fetch_add(bytes, Relaxed);
    }

    /// Reads the counts since the start.
    pub(super) fn read(&self) -> Window {
        let counts = &self.counts;
        Window {
            buckets: counts.buckets.iter().map(|n| n.load(Relaxed)).collect(),
            total_ns: counts.total_ns.load(Relaxed),
            allocation_reports: counts.allocation_reports.load(Relaxed),
            allocations: counts.allocations.load(Relaxed),
            allocated_bytes: counts.allocated_bytes.load(Relaxed),
        }
    }
}

#[derive(Debug)]
struct Counts {
    buckets: [AtomicU64; BUCKETS],
    total_ns: AtomicU64,
    allocation_reports: AtomicU64,
    allocations: AtomicU64,
    allocated_bytes: AtomicU64,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            total_ns: AtomicU64::new(0),
            allocation_reports: AtomicU64::new(0),
            allocations: AtomicU64::new(0),
            allocated_bytes: AtomicU64::new(0),
        }
    }
}

/// The counts of some time, and what can be said of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    buckets: Vec<u64>,
    total_ns: u64,
    allocation_reports: u64,
    allocations: u64,
    allocated_bytes: u64,
}

impl Window {
    /// Returns what came after `before`, an earlier reading of the same counts.
    pub(super) fn since(&self, before: &Window) -> Window {
        let earlier = before.buckets.iter().chain(std::iter::repeat(&0));
        let buckets = self.buckets.iter().zip(earlier);
        Window {
            buckets: buckets
                .map(|(now, then)| now.saturating_sub(*then))
                .collect(),
            total_ns: self.total_ns.saturating_sub(before.total_ns),
            allocation_reports: self
                .allocation_reports
                .saturating_sub(before.allocation_reports),
            allocations: self.allocations.saturating_sub(before.allocations),
            allocated_bytes: self.allocated_bytes.saturating_sub(before.allocated_bytes),
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(super) fn mean_us(&self) -> f64 {
        self.total_ns as f64 / 1e3 / self.requests().max(1) as f64
    }

    /// Returns the time that `quantile` of the requests did not exceed, within
    /// 3.2 %; zero when there was none.
    pub(super) fn quantile_us(&self, quantile: f64) -> f64 {
        let requests = self.requests();
        if requests == 0 {
            return 0.0;
        }
        let wanted = ((requests as f64 * quantile).ceil() as u64).clamp(1, requests);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        middle_ns(bucket.unwrap_or(BUCKETS - 1)) / 1e3
    }

    /// Returns allocations and their bytes per request, if the host reports them.
    pub(super) fn allocations_each(&self) -> Option<(f64, f64)> {
        (self.allocation_reports > 0).then(|| {
            let each = |sum: u64| sum as f64 / self.allocation_reports as f64;
            (each(self.allocations), each(self.allocated_bytes))
        })
    }
}

/// Returns the bucket that counts `ns`.
const fn bucket_of(ns: u64) -> usize {
    let ns = if ns > LONGEST { LONGEST } else { ns };
    if ns < STEPS as u64 {
        return ns as usize;
    }
    let shift = ns.ilog2() - STEPS_LOG2;
    shift as usize * STEPS + (ns >> shift) as usize
}

/// Returns the middle of what `bucket` counts.
fn middle_ns(bucket: usize) -> f64 {
    let (lowest, width) = match (bucket / STEPS).checked_sub(1) {
        None | Some(0) => (bucket as u64, 1),
        Some(shift) => (((bucket % STEPS + STEPS) as u64) << shift, 1_u64 << shift),
    };
    lowest as f64 + (width - 1) as f64 / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_begins_where_the_one_before_ends() {
        let mut last = bucket_of(0);
        assert_eq!(last, 0);
        for ns in 1..1 << 20 {
            let bucket = bucket_of(ns);
            assert!(bucket == last || bucket == last + 1, "{ns}");
            last = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
        assert_eq!(bucket_of(LONGEST), BUCKETS - 1);
    }

    #[test]
    fn the_middle_of_a_bucket_is_within_a_thirtieth_of_all_that_fall_into_it() {
        let some = (0..1 << 18).chain((18..40).flat_map(|log2| {
            [0, 1, 12345, 1 << (log2 - 1), (1 << log2) - 1].map(|more| (1 << log2) + more)
        }));
        for ns in some {
            let middle = middle_ns(bucket_of(ns));
            let off = (middle - ns as f64).abs();
            assert!(off <= ns as f64 / 31.0, "{ns} ns is said to be {middle}");
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded_in_between() {
        let latency = Latency::new();
        (0..50).for_each(|_| latency.record(Duration::from_secs(3)));
        let before = latency.read();
        for us in 1..=100 {
            latency.record(Duration::from_micros(us));
        }
        let window = latency.read().since(&before);
        assert_eq!(window.requests(), 100);
        assert!((window.quantile_us(0.5) / 50.0 - 1.0).abs() < 0.04);
        assert!((window.quantile_us(0.99) / 99.0 - 1.0).abs() < 0.04);
        assert!((window.mean_us() - 50.5).abs() < 1e-9);
        assert_eq!(window.allocations_each(), None);
        assert_eq!(Window::default().quantile_us(0.5), 0.0);
    }

    #[test]
    fn allocations_are_averages_of_the_requests_that_told() {
        let latency = Latency::new();
        latency.record(Duration::ZERO);
        latency.record(Duration::MAX);
        latency.record_allocations(3, 100);
        latency.record_allocations(4, 300);
        let window = latency.read();
        assert_eq!(window.requests(), 2);
        assert_eq!(window.allocations_each(), Some((3.5, 200.0)));
    }
}
