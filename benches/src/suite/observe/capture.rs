#![forbid(unsafe_code)]
//! A capture of 100 pools, 64 threads and 1,000 maps, and its text.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use millpond_map::{MapPool, ShardedMap};
use millpond_observe::{Registration, Snapshot, prometheus, watched_zeros};
use millpond_pool::Pool;
use millpond_testkit::thread_counts;

use crate::error::Error;
use crate::suite::Run;

/// Half of them of objects, half of maps.
const POOLS: usize = 100;
const THREADS: usize = 64;
const MAPS: usize = 1_000;
/// Entries of each map; a third of them zero.
const ENTRIES: u64 = 200;
/// Captures of which the median is reported.
const CAPTURES: usize = 101;

/// Everything that is registered, and threads that have used all of it.
pub(super) struct Scene {
    maps: Vec<Arc<ShardedMap<u64, u64>>>,
    registrations: Vec<Registration>,
    /// Dropped to let the threads end.
    end: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    /// Whether threads go on with requests.
    busy: Arc<AtomicBool>,
    /// Allocations of the threads while they were busy.
    allocations: Arc<AtomicU64>,
}

impl Scene {
    /// Sets it up; `prefix` makes names its own.
    pub(super) fn new(prefix: &str, threads: usize) -> Scene {
        let maps: Vec<Arc<ShardedMap<u64, u64>>> = (0..MAPS).map(|_| Arc::default()).collect();
        for map in &maps {
            map.extend((0..ENTRIES).map(|n| (n, n % 3)));
        }
        let register = |(index, map)| {
            watched_zeros(&format!("{prefix}_{index}"), map).expect("a name of its own")
        };
        let registrations = maps.iter().enumerate().map(register).collect();
        // Leaked, as if they were statics.
        let objects: &'static [Pool<Vec<u8>>] =
            Vec::leak((0..POOLS / 2).map(|_| pool(prefix)).collect());
        let requests: &'static [MapPool] =
            Vec::leak((0..POOLS / 2).map(|_| map_pool(prefix)).collect());
        let busy = Arc::new(AtomicBool::new(false));
        let allocations = Arc::new(AtomicU64::new(0));
        let (ready, readies) = mpsc::channel();
        let (mut end, mut handles) = (Vec::new(), Vec::new());
        for _ in 0..threads {
            let (stop, stopped) = mpsc::channel::<()>();
            let (ready, busy) = (ready.clone(), Arc::clone(&busy));
            let allocations = Arc::clone(&allocations);
            end.push(stop);
            handles.push(std::thread::spawn(move || {
                (0..8).for_each(|_| touch(objects, requests));
                // The test below never says no: it waits for all threads.
                let _ = ready.send(());
                let mut before = thread_counts();
                while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    if busy.load(Relaxed) {
                        touch(objects, requests);
                        let now = thread_counts();
                        allocations.fetch_add(now.allocations - before.allocations, Relaxed);
                        before = now;
                    } else {
                        std::thread::park_timeout(std::time::Duration::from_millis(20));
                        before = thread_counts();
                    }
                }
            }));
        }
        drop(ready);
        for _ in readies.iter().take(threads) {}
        Scene {
            maps,
            registrations,
            end,
            threads: handles,
            busy,
            allocations,
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.registrations.drain(..).for_each(Registration::stop);
        self.end.clear();
        for thread in self.threads.drain(..) {
            // A panic has been reported by its thread.
            let _ = thread.join();
        }
        self.maps.clear();
    }
}

/// A pool with a name of its own.
fn pool(prefix: &str) -> Pool<Vec<u8>> {
    Pool::new(Vec::new).with_name(name(prefix, "objects"))
}

fn map_pool(prefix: &str) -> MapPool {
    MapPool::new(name(prefix, "maps"))
}

fn name(prefix: &str, what: &str) -> &'static str {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    String::leak(format!("{prefix}_{what}_{}", NEXT.fetch_add(1, Relaxed)))
}

/// Uses each pool once, map pools from two places.
fn touch(objects: &[Pool<Vec<u8>>], requests: &[MapPool]) {
    for pool in objects {
        pool.get().push(1);
    }
    for pool in requests {
        pool.checkout::<u64, u64>().insert(1, 1);
        pool.checkout::<u32, u32>().insert(1, 1);
    }
}

pub(super) fn run(run: &mut Run<'_>) -> Result<(), Error> {
    if !run.wants("capture") && !run.wants("capture/allocations") {
        return Ok(());
    }
    run.report.progress("capture", "setting up");
    let scene = Scene::new("capture", THREADS);
    let mut captures = Vec::new();
    let mut texts = Vec::new();
    for _ in 0..CAPTURES {
        let mut snapshot = Snapshot::default();
        captures.push(run.pace.clock.time(|| snapshot = Snapshot::capture()).1 as f64);
        texts.push(run.pace.clock.time(|| prometheus::encode_of(&snapshot)).1 as f64);
        let ours = |name: &str| name.starts_with("capture_");
        let maps = snapshot.maps.iter().filter(|map| ours(&map.name));
        let pools = snapshot
            .pools
            .iter()
            .filter(|pool| ours(&pool.name))
            .count();
        let requests = snapshot.map_pools.iter().filter(|pool| ours(&pool.name));
        let seen = (maps.clone().count(), pools, requests.count());
        assert_eq!(seen, (MAPS, POOLS / 2, POOLS / 2), "a capture is whole");
        assert!(
            maps.map(|map| map.entries)
                .all(|entries| entries == ENTRIES)
        );
    }
    let median = |ns: &mut Vec<f64>| {
        ns.sort_by(f64::total_cmp);
        ns[ns.len() / 2]
    };
    let (capture, text) = (median(&mut captures), median(&mut texts));
    run.report
        .single("capture", "as text", capture, text, "ns")?;
    if run.wants("capture/allocations") {
        scene.busy.store(true, Relaxed);
        let mut taken = 0;
        for _ in 0..20 {
            taken += Snapshot::capture().pools.len();
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        scene.busy.store(false, Relaxed);
        let allocations = scene.allocations.load(Relaxed) as f64;
        let row = "capture/allocations";
        let per_pool = 20.0 * POOLS as f64;
        assert!(taken as f64 >= per_pool / 2.0, "captures were taken");
        run.report
            .single(row, "on other threads", allocations, per_pool, "calls")?;
    }
    Ok(())
}
