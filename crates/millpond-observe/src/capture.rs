#![forbid(unsafe_code)]
//! Taking a snapshot: everything is read where it lies, and nobody waits.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use millpond_map::MapPoolReport;
use millpond_pool::PoolReport;
use parking_lot::Mutex;

use crate::registry;
use crate::snapshot::{
    AllocatorStats, CallSite, CaptureStats, ClassStats, MapPoolStats, PoolStats, ProcessStats,
    Snapshot,
};
use crate::watch;

/// What a capture takes, as far as it can choose: pools are read whole, and maps as long as
/// there is time. Below a millisecond, with room for what comes after the maps.
const TARGET: Duration = Duration::from_micros(700);

/// Captures so far.
static CAPTURES: AtomicU64 = AtomicU64::new(0);

/// The last snapshot that was kept for others.
static RECENT: Mutex<Option<(Instant, Arc<Snapshot>)>> = Mutex::new(None);

impl Snapshot {
    /// Takes a snapshot of everything now.
    ///
    /// # Cost
    ///
    /// A read of what each thread has counted for each pool, which grows with pools times
    /// threads: 100 to 500 µs for 100 pools and 64 threads, by how much of it the caches hold.
    /// A quarter of a millisecond at most for maps that are watched, less where pools have
    /// taken long: those that it does not come to show what they were before, and are first at
    /// the next capture. Allocates the rows, on this thread. Other threads allocate nothing and
    /// wait for nothing; two captures at once wait for each other.
    pub fn capture() -> Snapshot {
        let began = Instant::now();
        let allocator = allocator();
        let process = process();
        let pools = pools(&millpond_pool::pools());
        let map_pools = map_pools(&millpond_map::map_pools());
        let registry::Rows {
            maps,
            arenas,
            stale_maps,
        } = registry::read(TARGET.saturating_sub(began.elapsed()));
        let mut snapshot = Snapshot {
            allocator,
            process,
            arenas,
            pools,
            map_pools,
            maps,
            alarms: watch::alarms(),
            capture: CaptureStats {
                unix_millis: unix_millis(),
                took_nanos: 0,
                sequence: CAPTURES.fetch_add(1, Relaxed),
                stale_maps,
            },
        };
        snapshot.capture.took_nanos = nanos(began.elapsed());
        snapshot
    }

    /// Returns the last snapshot that this returned, if it is not older than `max_age`, and
    /// takes one otherwise.
    ///
    /// For what may be asked by many at once, like a page of metrics: however many ask, one
    /// capture serves all of them.
    pub fn recent(max_age: Duration) -> Arc<Snapshot> {
        let mut recent = RECENT.lock();
        if let Some((taken, snapshot)) = &*recent
            && taken.elapsed() <= max_age
        {
            return Arc::clone(snapshot);
        }
        let snapshot = Arc::new(Snapshot::capture());
        let before = recent.replace((Instant::now(), Arc::clone(&snapshot)));
        drop(recent);
        drop(before);
        snapshot
    }
}

fn nanos(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, millis)
}

fn allocator() -> AllocatorStats {
    let stats = millpond_arena::stats();
    let classes = stats.classes().filter(|class| class.allocations != 0);
    AllocatorStats {
        live_bytes: stats.live_bytes,
        mapped_bytes: stats.mapped_bytes,
        reserved_bytes: stats.reserved_bytes,
        retained_bytes: stats.retained_bytes,
        thread_cached_bytes: stats.retained.thread_runs,
        used_slice_bytes: stats.used_slice_bytes,
        released_bytes: stats.released_bytes,
        released_by_tick_bytes: stats.purged.by_tick,
        released_by_release_bytes: stats.purged.by_release,
        released_by_limit_bytes: stats.purged.by_limit,
        released_by_trim_bytes: stats.purged.by_trim,
        allocations: stats.allocations,
        frees: stats.frees,
        remote_frees: stats.remote_frees,
        large_allocations: stats.large_allocations,
        os_calls: stats.os_calls,
        heaps: stats.heaps,
        segments: stats.segments,
        classes: classes
            .map(|class| ClassStats {
                slot_bytes: class.slot_bytes,
                allocations: class.allocations,
                frees: class.frees,
                live_bytes: class.live_bytes,
            })
            .collect(),
    }
}

/// Asks the system, where it has `/proc`.
fn process() -> ProcessStats {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ProcessStats {
        resident_bytes: status_bytes(&status, "VmRSS:"),
        peak_resident_bytes: status_bytes(&status, "VmHWM:"),
    }
}

/// Finds a line like `VmRSS:     1234 kB`.
fn status_bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

fn place(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

/// The name of what has one, and else its place.
fn name_or_place(name: &str, place: &str) -> String {
    if name.is_empty() { place } else { name }.to_owned()
}

fn pools(reports: &[PoolReport]) -> Vec<PoolStats> {
    let mut rows: BTreeMap<String, PoolStats> = BTreeMap::new();
    for PoolReport {
        name,
        declared_at,
        stats,
        ..
    } in reports
    {
        let declared_at = place(declared_at);
        let name = name_or_place(name, &declared_at);
        let row = rows.entry(name).or_insert_with_key(|name| PoolStats {
            name: name.clone(),
            declared_at,
            ..PoolStats::default()
        });
        row.instances += 1;
        row.private_gets += stats.private_gets;
        row.queue_gets += stats.queue_gets;
        row.shared_gets += stats.shared_gets;
        row.stolen_gets += stats.stolen_gets;
        row.victim_gets += stats.victim_gets;
        row.made_items += stats.made();
        row.empty_misses += stats.empty_misses();
        row.rationed_misses += stats.rationed_misses;
        row.busy_misses += stats.busy_misses;
        row.private_puts += stats.private_puts;
        row.queue_puts += stats.queue_puts;
        row.shared_puts += stats.shared_puts;
        row.full_discards += stats.full_discards;
        row.oversize_discards += stats.oversize_discards;
        row.budget_discards += stats.budget_discards;
        row.panic_discards += stats.panic_discards;
        row.chosen_discards += stats.chosen_discards;
        row.expired_items += stats.expired;
        row.trimmed_items += stats.trimmed;
        row.detached_items += stats.detached;
        row.make_panics += stats.make_panics;
        row.reset_panics += stats.reset_panics;
        row.drop_panics += stats.drop_panics;
        row.ticks += stats.ticks;
        row.retained_items += stats.retained_items;
        row.current_items += stats.current_items;
        row.victim_items += stats.victim_items;
        row.current_bytes += stats.current_bytes;
        row.victim_bytes += stats.victim_bytes;
        row.expired_bytes += stats.expired_bytes;
        row.outstanding_items += stats.outstanding;
        if let Some(guard) = stats.oldest_guard {
            let millis = millis(guard.age);
            if row.oldest_guard_millis.is_none_or(|oldest| oldest < millis) {
                row.oldest_guard_millis = Some(millis);
                row.oldest_guard_site = Some(place(guard.site));
            }
        }
    }
    rows.into_values().collect()
}

fn map_pools(reports: &[MapPoolReport]) -> Vec<MapPoolStats> {
    let mut rows: BTreeMap<String, MapPoolStats> = BTreeMap::new();
    for report in reports {
        let stats = &report.stats;
        let declared_at = place(report.declared_at);
        let name = name_or_place(report.name, &declared_at);
        let row = rows.entry(name).or_insert_with_key(|name| MapPoolStats {
            name: name.clone(),
            declared_at,
            ..MapPoolStats::default()
        });
        row.instances += 1;
        row.checkouts += stats.checkouts;
        row.right_sized_returns += stats.right_sized;
        row.grown_returns += stats.grown;
        row.detached_maps += stats.detached;
        row.discarded_maps += stats.discarded;
        row.outstanding_maps += stats.outstanding;
        row.outstanding_bytes += stats.outstanding_bytes;
        row.scopes += stats.scopes;
        row.outstanding_scopes += stats.outstanding_scopes;
        for site in &report.call_sites {
            let place = place(site.location);
            let same = row.call_sites.iter().position(|known| known.place == place);
            let at = same.unwrap_or_else(|| {
                row.call_sites.push(CallSite {
                    place,
                    ..CallSite::default()
                });
                row.call_sites.len() - 1
            });
            let known = &mut row.call_sites[at];
            known.checkouts += site.checkouts;
            known.returns += site.returns;
            known.outstanding_maps += site.outstanding;
            known.outstanding_bytes += site.outstanding_bytes;
            known.capacity_entries = known.capacity_entries.max(site.capacity as u64);
        }
    }
    rows.into_values().collect()
}
