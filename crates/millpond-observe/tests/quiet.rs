//! A capture is nobody's business but that of the thread that takes it: others allocate
//! nothing for it, and their maps are whole meanwhile.

use std::alloc::System;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use millpond_map::{MapPool, ShardedMap};
use millpond_observe::{Snapshot, Watched, watched_zeros};
use millpond_pool::Pool;
use millpond_testkit::{Counting, thread_counts};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting::new(System);

static BODIES: Pool<Vec<u8>> = Pool::new(Vec::new);
static REQUESTS: MapPool = MapPool::new("quiet");

#[test]
fn threads_that_serve_allocate_nothing_while_somebody_captures() {
    let sessions: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    watched_zeros("quiet_sessions", &sessions).expect("a good name");
    sessions.reserve(20_000);
    let done = AtomicBool::new(false);
    let warm = Barrier::new(4);
    // The first time that a thread waits for a lock, parking_lot makes a place for it.
    let waits = parking_lot::Mutex::new(());
    let held = waits.lock();
    std::thread::scope(|scope| {
        let servers: Vec<_> = (0..4_u64)
            .map(|server| {
                let (sessions, done, warm, waits) = (&sessions, &done, &warm, &waits);
                scope.spawn(move || {
                    drop(waits.lock());
                    let mut own = Watched::with_zeros(
                        &format!("quiet_{server}"),
                        millpond_map::HashMap::with_capacity(100),
                    )
                    .expect("a good name");
                    let mut request = |n: u64| {
                        let mut words = REQUESTS.checkout();
                        words.insert(n, BODIES.get().len());
                        sessions.insert(server * 1_000 + n % 1_000, n % 2);
                        own.edit().insert(n % 50, n % 2);
                    };
                    (0..2_000).for_each(&mut request); // what is learnt and kept is made now
                    // One that begins later might take what another has made.
                    warm.wait();
                    let before = thread_counts();
                    let mut served = 0;
                    while !done.load(Relaxed) {
                        request(served);
                        served += 1;
                    }
                    let counts = thread_counts();
                    (served, counts.allocations - before.allocations)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(100));
        drop(held);
        let mut seen = 0;
        for _ in 0..40 {
            let snapshot = Snapshot::capture();
            let row = snapshot.map("quiet_sessions").expect("alive");
            assert!(row.entries <= 4_000, "{row:?}");
            seen = seen.max(row.entries);
            std::thread::sleep(Duration::from_millis(5));
        }
        done.store(true, Relaxed);
        assert!(seen > 0);
        for server in servers {
            let (served, allocations) = server.join().expect("no panic");
            assert_eq!(allocations, 0, "in {served} requests");
        }
    });
}
