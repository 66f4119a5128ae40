//! Ticks of all pools are for the whole process, and reach map pools and the arena: this has
//! a process of its own.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use millpond_map::MapPool;
use millpond_pool::{Maintainer, park_hook, tick_all};

/// One test counts at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request of a site that has needed much, and since then needs little. Returns the
/// capacity that the next one gets.
#[track_caller]
fn request(pool: &MapPool, entries: u64) -> usize {
    let mut map = pool.checkout::<u64, u64>();
    map.extend((0..entries).map(|key| (key, key)));
    drop(map);
    pool.call_sites()[0].capacity
}

/// Teaches a pool that its one site needs much.
fn taught(pool: &MapPool) -> impl Fn(u64) -> usize {
    let at = |entries| request(pool, entries);
    for _ in 0..20 {
        at(100_000);
    }
    assert!(at(100_000) >= 100_000);
    at
}

#[test]
fn a_tick_of_all_pools_ages_hints_as_ticks_of_the_pool_do() {
    let _turn = turn();
    let (own, all) = (MapPool::new("own"), MapPool::new("all"));
    let (at_own, at_all) = (taught(&own), taught(&all));
    for _ in 0..3 {
        own.tick();
        // The other one: an own tick ages the arena and nothing else of others.
        tick_all();
    }
    // Six ticks for the one, three for the other, which are not enough to forget 20 samples.
    assert!(at_all(1) >= 100_000);
    for _ in 0..10 {
        tick_all();
    }
    assert!(at_own(1) < 1_000, "without evidence the large answer goes");
    assert!(at_all(1) < 1_000);
}

#[test]
fn a_tick_of_all_pools_hands_idle_slabs_back() {
    let _turn = turn();
    let pool = MapPool::new("slabs");
    let released = || millpond_arena::stats().released_bytes;
    let maps: Vec<_> = (0..16)
        .map(|_| {
            let mut map = pool.checkout::<u64, u64>();
            map.extend((0..100_000).map(|key| (key, key)));
            map
        })
        .collect();
    let held = millpond_arena::stats().held_bytes();
    // Before they go: memory may age by itself meanwhile.
    let before = released();
    drop(maps);
    tick_all();
    tick_all();
    assert!(released() > before + (16 << 20), "{}", released() - before);
    assert!(millpond_arena::stats().held_bytes() + (16 << 20) < held);
}

#[test]
fn a_maintainer_and_a_park_hook_reach_map_pools_too() {
    let _turn = turn();
    let pool = MapPool::new("maintained");
    let at = taught(&pool);
    let hook = park_hook(Duration::ZERO);
    (0..10).for_each(|_| hook());
    assert!(at(1) < 1_000);

    let at = taught(&pool);
    let maintainer = Maintainer::start(Duration::ZERO).expect("a thread");
    let until = Instant::now() + Duration::from_secs(60);
    while at(1) > 1_000 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(maintainer);
    assert!(at(1) < 1_000);
}

#[test]
fn pools_that_are_gone_are_passed_over() {
    let _turn = turn();
    let pool = MapPool::new("gone");
    drop(taught(&pool));
    drop(pool);
    tick_all();
}
