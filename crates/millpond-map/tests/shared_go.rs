#![forbid(unsafe_code)]
//! What Go's tests of maps ask, of ours: `sync/map_test.go`, `internal/sync/hashtriemap_test.go`
//! and the walks of `runtime/map_test.go`.
//!
//! `TestConcurrentClear` is in `shared_threads.rs`, the counts of allocations of
//! `TestMapRangeNoAllocations` and `TestMapClearOneAllocation` in `shared_steady.rs`. A walk
//! that changes its own map does not compile here; a scan takes its place.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use millpond_map::{HashMap, ScanCursor, ShardedCounterMap, ShardedMap, SnapshotMap};
use millpond_testkit::values::{Sample, Tracked, live, no_value_left};

/// `TestConcurrentRange`: each walk shows every key once, with a value that was stored for it.
#[test]
fn concurrent_range() {
    const KEYS: u64 = 1 << 10;
    let map: ShardedMap<u64, u64> = (1..=KEYS).map(|n| (n, n)).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 1..4_u64 {
            let (map, done) = (&map, &done);
            scope.spawn(move || {
                for n in (1..=KEYS).cycle() {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    map.insert(n, n * writer);
                    map.with(&(KEYS + 1 - n), |value| {
                        assert_eq!(value % (KEYS + 1 - n), 0)
                    });
                }
            });
        }
        for _ in 0..40 {
            let mut seen = BTreeSet::new();
            map.for_each(|key, value| {
                assert_eq!(value % key, 0, "{value} was never stored for {key}");
                assert!(seen.insert(*key), "{key} was shown twice");
            });
            assert_eq!(seen.len() as u64, KEYS);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// `TestIssue40999`: what is removed is not kept alive by the map.
#[test]
fn what_is_removed_goes_at_once() {
    no_value_left(|| {
        let map: ShardedMap<Tracked, Tracked> = ShardedMap::new();
        let before = live();
        for n in 0..1000 {
            map.insert(Tracked::sample(n), Tracked::sample(n));
            assert_eq!(live(), before + 2);
            drop(map.remove(&Tracked::sample(n)));
            assert_eq!(live(), before);
        }
    });
}

/// `TestMapRangeNestedCall`: a walk of one map may call others, and those others again, as long
/// as no call leads back (`shared_nesting.rs`).
#[test]
fn a_walk_may_call_other_maps() {
    let names: ShardedMap<u64, &str> = ShardedMap::new();
    names.extend([(0, "hello"), (1, "world"), (2, "go")]);
    let copy: ShardedMap<u64, &str> = ShardedMap::new();
    let counts: ShardedCounterMap<&str> = ShardedCounterMap::new();
    names.for_each(|key, name| {
        copy.for_each(|held, other| assert_eq!(names_of(*held), *other));
        copy.insert(*key, name);
        counts.saturating_add(name, 1);
        copy.with(key, |_| counts.get(name));
    });
    assert_eq!((copy.len(), counts.len()), (3, 3));
    fn names_of(key: u64) -> &'static str {
        ["hello", "world", "go"][key as usize]
    }
}

/// `TestCompareAndSwap_NonExistingKey`, and `CompareAndDelete` of one.
#[test]
fn nothing_is_changed_where_nothing_is() {
    let map: ShardedMap<u64, u64> = ShardedMap::new();
    assert_eq!(map.update(&1, |value| *value = 2), None);
    assert_eq!(
        map.remove_if(&1, |_, _| panic!("nothing to ask about")),
        None
    );
    assert!(map.is_empty() && map.shard_count() == 0);
}

/// `LoadOrStore/ConcurrentSharedKeys`: of all threads one stores, and all see its value.
#[test]
fn one_of_many_inserts() {
    const THREADS: u64 = 4;
    let map: ShardedMap<u64, u64> = ShardedMap::new();
    for key in 0..500 {
        let stored = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (map, stored) = (&map, &stored);
                scope.spawn(move || {
                    let mut made = false;
                    let value = map.with_or_insert(
                        key,
                        || {
                            made = true;
                            thread
                        },
                        |value| *value,
                    );
                    assert!(!made || value == thread);
                    stored.fetch_add(u64::from(made), Ordering::Relaxed);
                });
            }
            if key % 2 == 0 {
                scope.spawn(|| map.for_each(|key, value| assert!(*key < 500 && *value < THREADS)));
            }
        });
        assert_eq!(stored.load(Ordering::Relaxed), 1);
    }
    assert_eq!(map.len(), 500);
}

/// `Clear/Concurrent`: inserts beside clears; what is left at the end was inserted whole.
#[test]
fn clears_beside_inserts_of_every_kind() {
    let numbers: ShardedMap<u64, u64> = ShardedMap::with_shards(8);
    let values: ShardedMap<u64, Tracked> = ShardedMap::with_shards(8);
    std::thread::scope(|scope| {
        for thread in 0..3_u64 {
            let (numbers, values) = (&numbers, &values);
            scope.spawn(move || {
                for n in 0..2000 {
                    let key = n % 300;
                    numbers.insert_or_update(key, key, |held| assert_eq!(*held, key));
                    values.insert_or_update(key, Tracked::sample(key), |held| {
                        assert_eq!(held.number(), key);
                    });
                    if n % 50 == thread {
                        numbers.clear();
                        values.clear();
                    }
                    if n % 70 == thread {
                        let taken = numbers.take_all();
                        assert!(taken.iter().all(|(key, value)| key == value));
                    }
                    if n % 90 == thread {
                        numbers.shrink_to_fit();
                    }
                }
            });
        }
    });
    numbers.check().unwrap();
    values.check().unwrap();
    numbers.for_each(|key, value| assert_eq!(key, value));
    assert!(numbers.len() <= 300 && values.len() <= 300);
}

/// `TestIterGrowAndDelete`: a walk does not bring back what was removed before it got there,
/// though the map grows meanwhile.
#[test]
fn a_scan_of_a_map_that_grows_shows_nothing_that_is_gone() {
    let mut map: HashMap<u64, u64> = (0..100).map(|n| (n, n)).collect();
    let (mut cursor, mut seen) = (ScanCursor::START, Vec::new());
    let mut first = true;
    while !cursor.is_done() {
        cursor = map
            .scan(cursor, 1, |key, _| seen.push(*key))
            .expect("a cursor of this map");
        if first {
            first = false;
            (100..1000).for_each(|n| _ = map.insert(n, n));
            let odd: Vec<u64> = map.keys().copied().filter(|key| key % 2 == 1).collect();
            seen.retain(|key| key % 2 == 0);
            odd.iter().for_each(|key| _ = map.remove(key));
        }
    }
    assert!(seen.iter().all(|key| key % 2 == 0), "{seen:?}");
    let unique: BTreeSet<u64> = seen.iter().copied().collect();
    assert_eq!(unique.len(), seen.len(), "a key was shown twice");
    assert!((0..100).step_by(2).all(|key| unique.contains(&key)));
}

/// `TestIterDeleteReplace`: removed and inserted again while it is walked, over and over.
#[test]
fn a_scan_ends_though_everything_is_replaced_under_it() {
    let mut map: HashMap<u64, u64> = (0..100).map(|n| (n, n)).collect();
    for _ in 0..30 {
        let (mut cursor, mut calls) = (ScanCursor::START, 0);
        while !cursor.is_done() {
            let mut seen = Vec::new();
            cursor = map
                .scan(cursor, 1, |key, _| seen.push(*key))
                .expect("a cursor of this map");
            for key in seen {
                map.remove(&key);
                map.insert(key, key);
            }
            calls += 1;
            assert!(calls < 10_000);
        }
        assert_eq!(map.len(), 100);
    }
}

/// `BenchmarkMapRange` as a test: readers of snapshots never see half of a change.
#[test]
fn a_walk_of_a_snapshot_is_of_one_moment() {
    let map: Arc<SnapshotMap<u64, u64>> = Arc::default();
    map.update(|map| map.extend((0..64).map(|n| (n, 0))));
    std::thread::scope(|scope| {
        let writer = Arc::clone(&map);
        scope.spawn(move || {
            for round in 1..300 {
                writer.update(|map| map.values_mut().for_each(|value| *value = round));
            }
        });
        for _ in 0..300 {
            let seen = map.load();
            let round = seen[&0];
            assert!(seen.values().all(|value| *value == round));
        }
    });
}
