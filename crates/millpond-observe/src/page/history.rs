#![forbid(unsafe_code)]
//! The last minutes, tick by tick, and what the page's JSON says of them.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

use super::latency::{Latency, Window};
use super::sample::{MapRow, Memory, PoolRow, Sample};
use super::slots::{SLOTS, Slots};

/// How many ticks the history keeps; the page draws as many.
pub(super) const REACH: usize = 300;

/// One tick. Its arrays are columns, whose order [`Figures`] tells.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Tick {
    pub(super) tick: u64,
    /// Mapped, resident, live, retained bytes.
    memory: [Option<u64>; 4],
    /// By column of a pool: how many are out, and how many gets were judged since
    /// the tick before, and were hits.
    pools: Vec<Option<(u64, (u64, u64))>>,
    /// By column of a map: its length.
    maps: Vec<Option<[u64; 1]>>,
    /// By series: requests, and their median and 99th percentile in microseconds.
    requests: Vec<Option<(u64, f64, f64)>>,
}

/// A pool as it is now.
#[derive(Debug, Clone, Serialize)]
struct PoolNow {
    slot: Option<usize>,
    #[serde(flatten)]
    row: PoolRow,
    gets_per_second: f64,
    hit_rate: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
struct MapNow {
    slot: Option<usize>,
    #[serde(flatten)]
    row: MapRow,
}

/// One series of requests since the start.
#[derive(Debug, Clone, Serialize)]
struct SeriesNow {
    group: String,
    series: String,
    requests: u64,
    mean_us: f64,
    p50_us: f64,
    p99_us: f64,
    allocations_per_request: Option<f64>,
    allocated_bytes_per_request: Option<f64>,
}

/// Everything of the JSON but the ticks, the alarms and who is asked.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Figures {
    memory: Memory,
    /// The largest of them, most gets first.
    pools: Vec<PoolNow>,
    pools_not_listed: usize,
    /// The largest of them, most bytes first.
    maps: Vec<MapNow>,
    maps_not_listed: usize,
    requests: Vec<SeriesNow>,
}

/// A series of requests, and what it said at the last tick.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) latency: Latency,
    before: Window,
}

impl Series {
    pub(super) fn new(group: &str, name: &str) -> Series {
        Series {
            group: group.to_owned(),
            name: name.to_owned(),
            latency: Latency::new(),
            before: Window::default(),
        }
    }

    /// Closes the window since the last call, and says what it held.
    fn turn(&mut self) -> (SeriesNow, Option<(u64, f64, f64)>) {
        let total = self.latency.read();
        let window = total.since(&self.before);
        let requests = window.requests();
        let column = (requests > 0).then(|| {
            let quantile = |at| window.quantile_us(at);
            (requests, quantile(0.5), quantile(0.99))
        });
        let allocations = total.allocations_each();
        let now = SeriesNow {
            group: self.group.clone(),
            series: self.name.clone(),
            requests: total.requests(),
            mean_us: total.mean_us(),
            p50_us: total.quantile_us(0.5),
            p99_us: total.quantile_us(0.99),
            allocations_per_request: allocations.map(|(count, _)| count),
            allocated_bytes_per_request: allocations.map(|(_, bytes)| bytes),
        };
        self.before = total;
        (now, column)
    }
}

#[derive(Debug, Default)]
pub(super) struct History {
    /// The number of the next tick.
    next: u64,
    last_at: Duration,
    ticks: VecDeque<Tick>,
    pool_slots: Slots,
    map_slots: Slots,
    /// Each pool at the last tick.
    pools_before: Vec<PoolRow>,
    pub(super) figures: Figures,
}

impl History {
    /// Appends a tick, and forgets the one that is too long ago.
    ///
    /// `at` is the time since the host's start, as of `sample`.
    pub(super) fn turn(&mut self, sample: Sample, at: Duration, series: &mut [Series]) {
        let tick = self.next;
        let passed = at.saturating_sub(self.last_at).as_secs_f64();
        let (pools, pool_columns) = self.pools(sample.pools, tick, passed);
        let (maps, map_columns) = self.maps(sample.maps, tick);
        let (requests, request_columns) = series.iter_mut().map(Series::turn).unzip();
        let memory = sample.memory;
        self.figures = Figures {
            memory,
            pools_not_listed: pools.1,
            pools: pools.0,
            maps_not_listed: maps.1,
            maps: maps.0,
            requests,
        };
        if self.ticks.len() == REACH {
            self.ticks.pop_front();
        }
        self.ticks.push_back(Tick {
            tick,
            memory: [
                Some(memory.mapped_bytes),
                memory.rss_bytes,
                Some(memory.live_bytes),
                Some(memory.retained_bytes),
            ],
            pools: pool_columns,
            maps: map_columns,
            requests: request_columns,
        });
        self.next += 1;
        self.last_at = at;
    }

    /// Returns the number of the next tick.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Returns the ticks from number `since` on.
    pub(super) fn since(&self, since: u64) -> impl Iterator<Item = &Tick> {
        self.ticks.iter().filter(move |tick| tick.tick >= since)
    }

    #[expect(
        clippy::type_complexity,
        reason = "rows, how many are missing, and their columns"
    )]
    fn pools(
        &mut self,
        mut rows: Vec<PoolRow>,
        tick: u64,
        passed: f64,
    ) -> ((Vec<PoolNow>, usize), Vec<Option<(u64, (u64, u64))>>) {
        rows.sort_by(|a, b| b.gets.cmp(&a.gets).then_with(|| a.name.cmp(&b.name)));
        let before = std::mem::replace(&mut self.pools_before, rows.clone());
        let left_out = rows.len().saturating_sub(SLOTS);
        rows.truncate(SLOTS);
        let mut columns = Vec::new();
        let rows = rows.into_iter().map(|row| {
            let key = row.key();
            let earlier = before
                .iter()
                .find(|known| known.name == row.name && known.kind == row.kind);
            // Counts of a pool not seen before are all from this tick.
            let count = |of: fn(&PoolRow) -> u64| of(&row).saturating_sub(earlier.map_or(0, of));
            let gets = count(|row| row.gets);
            let since = (count(|row| row.judged), count(|row| row.hits));
            let slot = self.pool_slots.column(&key, tick, REACH as u64);
            put(&mut columns, slot, (row.outstanding, since));
            PoolNow {
                slot,
                gets_per_second: if passed > 0.0 {
                    gets as f64 / passed
                } else {
                    0.0
                },
                hit_rate: (row.judged > 0).then(|| row.hits as f64 / row.judged as f64),
                row,
            }
        });
        let rows = rows.collect();
        ((rows, left_out), columns)
    }

    #[expect(
        clippy::type_complexity,
        reason = "rows, how many are missing, and their columns"
    )]
    fn maps(
        &mut self,
        mut rows: Vec<MapRow>,
        tick: u64,
    ) -> ((Vec<MapNow>, usize), Vec<Option<[u64; 1]>>) {
        rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        let left_out = rows.len().saturating_sub(SLOTS);
        rows.truncate(SLOTS);
        let mut columns = Vec::new();
        let rows = rows.into_iter().map(|row| {
            let slot = self.map_slots.column(&row.name, tick, REACH as u64);
            put(&mut columns, slot, [row.len]);
            MapNow { slot, row }
        });
        let rows = rows.collect();
        ((rows, left_out), columns)
    }
}

/// Puts `value` into a column, past empty ones if need be.
fn put<T>(columns: &mut Vec<Option<T>>, slot: Option<usize>, value: T) {
    let Some(slot) = slot else { return };
    if columns.len() <= slot {
        columns.resize_with(slot + 1, || None);
    }
    columns[slot] = Some(value);
}
