#![forbid(unsafe_code)]
//! The thread that sweeps a map: what it accepts, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use millpond_map::{BackgroundSweeper, IsZero, ShardedMap};

/// Long enough that a test which waits for it fails in another way.
const FOR_EVER: Duration = Duration::from_secs(1 << 32);

#[test]
fn a_map_that_lives_for_ever_is_swept_by_reference() {
    static OPEN: ShardedMap<u64, u64, FixedState> =
        ShardedMap::with_hasher(FixedState::with_seed(3));
    OPEN.extend((0..100).map(|n| (n, n % 2)));
    let sweeper = BackgroundSweeper::start(&OPEN, 64, Duration::ZERO).unwrap();
    while OPEN.sweep_stats().swept < 50 {
        std::thread::yield_now();
    }
    drop(sweeper);
    assert_eq!(OPEN.len(), 50);
    OPEN.for_each(|_, value| assert_eq!(*value, 1));
}

#[test]
fn a_sweeper_that_pauses_ends_at_once() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    let sweeper = BackgroundSweeper::start(Arc::clone(&map), 64, FOR_EVER).unwrap();
    // It has taken its one step, and pauses or is about to.
    let began = Instant::now();
    while sweeper.last_lap().is_none() && began.elapsed() < Duration::from_secs(60) {
        std::thread::yield_now();
    }
    assert!(sweeper.is_running());
    drop(sweeper); // would wait for the pause to end
    assert_eq!(Arc::strong_count(&map), 1);
}

/// A value that panics when it is asked, once it is told to.
struct Mine(Arc<AtomicBool>);

impl IsZero for Mine {
    fn is_zero(&self) -> bool {
        assert!(!self.0.load(Ordering::Relaxed), "on purpose");
        false
    }
}

#[test]
fn a_panic_ends_the_thread_and_the_map_lives_on() {
    let laid = Arc::new(AtomicBool::new(false));
    let map: Arc<ShardedMap<u64, Mine>> = Arc::new(ShardedMap::new());
    map.insert(1, Mine(Arc::clone(&laid)));
    let sweeper = BackgroundSweeper::start(Arc::clone(&map), 64, Duration::ZERO).unwrap();
    while sweeper.last_lap().is_none() {
        std::thread::yield_now();
    }
    assert!(sweeper.is_running());
    laid.store(true, Ordering::Relaxed);
    while sweeper.is_running() {
        std::thread::yield_now();
    }
    assert_eq!(map.len(), 1);
    drop(sweeper); // no panic of its own
    laid.store(false, Ordering::Relaxed);
    while !map.sweep(64).lap_ended {}
    assert_eq!(Arc::strong_count(&map), 1);
}
