//! Two threads and more on one map: what may be seen meanwhile, and what is there at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use millpond_map::{HashMap, ShardedCounterMap, ShardedMap, SnapshotMap};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Sample, Tracked};

/// Go's `TestConcurrentClear`: stores, loads and clears at once, then all is empty.
#[test]
fn concurrent_clear() {
    let map: ShardedMap<u64, u64> = ShardedMap::new();
    std::thread::scope(|scope| {
        for thread in 0..3_u64 {
            let map = &map;
            scope.spawn(move || {
                for n in 0..300 {
                    let key = thread * 100 + n % 100;
                    map.insert(key, n);
                    if let Some(value) = map.get(&key) {
                        assert_eq!(value, n, "nobody else writes this key");
                    }
                    if n % 10 == 0 {
                        map.clear();
                    }
                }
            });
        }
    });
    map.clear();
    map.for_each(|key, value| panic!("{key}: {value} after the last clear"));
    assert_eq!(map.len(), 0);
    map.check().unwrap();
}

/// A writer fills a row of keys in order and clears; whoever finds a key missing must find
/// every later one missing too, unless a new row has begun.
#[test]
fn a_clear_is_never_seen_half() {
    const KEYS: u64 = 64;
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(16);
    let done = AtomicBool::new(false);
    let row = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=2000 {
                row.store(n, Ordering::SeqCst);
                for key in 0..KEYS {
                    map.insert(key, n);
                }
                map.clear();
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            let mut rng = Rng::new(1);
            while !done.load(Ordering::SeqCst) {
                let before = row.load(Ordering::SeqCst);
                let (one, two) = (rng.below(64) as u64, rng.below(64) as u64);
                let (first, second) = (map.get(&one), map.get(&two));
                let after = row.load(Ordering::SeqCst);
                if before == after && first == Some(before) && one > two {
                    // `two` was written before `one`: it is there, or the clear came between.
                    if second.is_none() {
                        assert_eq!(
                            map.get(&one)
                                .filter(|_| row.load(Ordering::SeqCst) == before),
                            None
                        );
                    }
                }
            }
        });
    });
    assert!(map.is_empty());
}

/// Every amount that is added is in exactly one taking, or in the map at the end.
#[test]
fn take_all_loses_no_count_and_takes_none_twice() {
    let counts: ShardedCounterMap<u64> = ShardedCounterMap::new();
    let done = AtomicU64::new(0);
    let mut taken: BTreeMap<u64, u64> = BTreeMap::new();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (counts, done) = (&counts, &done);
            scope.spawn(move || {
                let mut rng = Rng::new(thread);
                for _ in 0..20_000 {
                    counts.add(rng.below(40) as u64, 1).unwrap();
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        while done.load(Ordering::SeqCst) < 2 {
            for (key, count) in counts.take_all().drain() {
                *taken.entry(key).or_default() += count;
            }
            std::thread::yield_now();
        }
    });
    for (key, count) in counts.take_all().drain() {
        *taken.entry(key).or_default() += count;
    }
    assert_eq!(taken.values().sum::<u64>(), 40_000);
    counts.check().unwrap();
}

/// References are counted up and down; an entry is there while its count is, and only then.
#[test]
fn counts_that_meet_at_zero_are_never_lost() {
    let counts: ShardedCounterMap<u64> = ShardedCounterMap::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let counts = &counts;
            scope.spawn(move || {
                let mut rng = Rng::new(thread);
                for _ in 0..5000 {
                    let key = rng.below(4) as u64;
                    let n = rng.between(1, 3) as u64;
                    assert!(counts.add(key, n).unwrap() >= n);
                    assert!(counts.get(&key) >= n, "our own references are in it");
                    counts.sub(key, n).unwrap();
                }
            });
        }
    });
    assert!(counts.is_empty());
    counts.check().unwrap();
}

/// Go's iteration tests: a walk beside inserts and removals shows each entry that is there
/// all along exactly once, and none twice.
#[test]
fn a_walk_beside_changes_shows_what_is_there_all_along_once() {
    let map: ShardedMap<u64, u64> = ShardedMap::new();
    map.extend((0..500).map(|n| (n, n)));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (map, done) = (&map, &done);
        scope.spawn(move || {
            let mut rng = Rng::new(3);
            while !done.load(Ordering::SeqCst) {
                let key = 500 + rng.below(2000) as u64;
                if rng.one_in(2) {
                    map.insert(key, key);
                } else {
                    map.remove(&key);
                }
            }
        });
        for round in 0..100 {
            let mut seen = BTreeMap::new();
            if round % 2 == 0 {
                map.for_each(|&key, &value| assert_eq!(seen.insert(key, value), None));
            } else {
                map.retain(|&key, value| seen.insert(key, *value).is_none());
            }
            assert!((0..500).all(|key| seen.get(&key) == Some(&key)));
        }
        done.store(true, Ordering::SeqCst);
    });
    map.check().unwrap();
}

/// Inserts from within the walk of another map, clears from a third thread: nothing blocks.
#[test]
fn walks_writes_clears_sweeps_and_growth_at_once() {
    let map: ShardedMap<u64, Tracked> = ShardedMap::with_shards(8);
    let zeros: ShardedMap<u64, u64> = ShardedMap::with_shards(8);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (map, zeros) = (&map, &zeros);
            scope.spawn(move || {
                let mut rng = Rng::new(thread + 10);
                for n in 0..3000_u64 {
                    let key = rng.below(1000) as u64;
                    match rng.below(10) {
                        0..5 => drop(map.insert(key, Tracked::sample(key))),
                        5 => drop(map.remove(&key)),
                        6 => assert!(map.with(&key, Tracked::number).is_none_or(|it| it == key)),
                        7 => _ = zeros.insert(key, n % 2),
                        8 => _ = zeros.sweep(4),
                        _ => map.for_each_mut(|&key, value| assert_eq!(value.number(), key)),
                    }
                }
            });
        }
        for n in 0..60 {
            match n % 4 {
                0 => map.clear(),
                1 => drop(map.take_all()),
                2 => map.shrink_to_fit(),
                _ => zeros.reserve(100),
            }
            std::thread::yield_now();
        }
    });
    map.check().unwrap();
    zeros.check().unwrap();
    map.clear();
    assert!(map.is_empty());
}

/// Readers of a snapshot see all of a change or nothing of it, and changes are never lost.
#[test]
fn snapshots_are_whole_and_changes_add_up() {
    let map: SnapshotMap<u64, u64> =
        SnapshotMap::from((0..8).map(|n| (n, 0)).collect::<HashMap<_, _>>());
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    map.update(|map| map.values_mut().for_each(|value| *value += 1));
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        scope.spawn(|| {
            let mut last = 0;
            while done.load(Ordering::SeqCst) < 2 {
                let seen = map.load();
                let first = seen[&0];
                assert!(seen.values().all(|&value| value == first), "{seen:?}");
                assert!(first >= last, "went back from {last} to {first}");
                last = first;
            }
        });
    });
    assert_eq!(map.get(&7), Some(1000));
}
