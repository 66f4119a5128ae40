//! In steady state, maps for many threads call no allocator.
//!
//! One test function: the counts of the arena are of the whole process.

use std::alloc::System;

use millpond_map::{ShardedCounterMap, ShardedMap, SnapshotMap};
use millpond_testkit::{Counting, thread_counts};

#[global_allocator]
static GLOBAL: Counting<System> = Counting::new(System);

/// A value that wants to be dropped.
struct Dropping;

impl Drop for Dropping {
    fn drop(&mut self) {}
}

/// Runs `work` a few times, and then holds it to no call of the global allocator, of the
/// arena, or of the system.
fn hold_steady(name: &str, mut work: impl FnMut()) {
    // However long it takes, memory does not age by itself meanwhile.
    millpond_arena::knobs::DECAY_MILLIS
        .set(0)
        .expect("in its range");
    for _ in 0..8 {
        work();
    }
    let calls = || {
        let (global, arena) = (thread_counts(), millpond_arena::stats());
        (
            global.requests() + global.frees,
            arena.allocations,
            arena.os_calls,
        )
    };
    let before = calls();
    for _ in 0..50 {
        work();
    }
    assert_eq!(calls(), before, "{name}: (global allocator, arena, system)");
}

#[test]
fn steady_state_allocates_nothing() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(32);
    let fill = |round: u64| (0..5000).for_each(|n| _ = map.insert(n * 7 + round, n));

    let mut round = 0;
    hold_steady("clear", || {
        round += 1;
        fill(round % 2);
        map.clear();
    });
    // From the first time on: a clear puts aside what is there.
    let one_set = map.allocation_size();
    let fresh: ShardedMap<u64, u64> = ShardedMap::with_shards(32);
    (0..5000).for_each(|n| _ = fresh.insert(n * 7, n));
    let before = (thread_counts().requests(), millpond_arena::stats());
    fresh.clear();
    let after = (thread_counts().requests(), millpond_arena::stats());
    assert_eq!(
        (before.0, before.1.allocations),
        (after.0, after.1.allocations)
    );

    hold_steady("take_all", || {
        fill(0);
        assert_eq!(map.take_all().drain().count(), 5000);
    });
    let bytes = map.allocation_size();
    assert!(
        bytes <= 2 * one_set,
        "{bytes} after take_all, {one_set} before"
    );
    hold_steady("retain", || {
        fill(0);
        map.retain(|_, _| false);
    });
    hold_steady("sweep", || {
        (0..100).for_each(|n| _ = map.insert(n, n % 2));
        while !map.sweep(1000).lap_ended {}
    });
    assert_eq!(map.allocation_size(), bytes);

    hold_steady("for_each", || {
        let mut sum = 0;
        map.for_each(|_, value| sum += *value);
        std::hint::black_box(sum);
    });

    let dropping: ShardedMap<u64, Dropping> = ShardedMap::with_shards(32);
    hold_steady("clear with drops", || {
        (0..5000).for_each(|n| _ = dropping.insert(n, Dropping));
        dropping.clear();
    });

    let counts: ShardedCounterMap<u64> = ShardedCounterMap::new();
    // Which of the keys open at a time meet in a shard varies, and so does what it needs at most.
    (0..8000).for_each(|key| _ = counts.add(key, 1).unwrap());
    counts.retain(|_, _| false);
    let mut next = 0;
    hold_steady("counter churn", || {
        // Two thousand keys open at any time, each gone when its count is zero.
        for _ in 0..4000 {
            counts.add(next, 1).unwrap();
            if let Some(old) = next.checked_sub(2000) {
                assert_eq!(counts.sub(old, 1), Ok(0));
            }
            next += 1;
        }
        assert_eq!(counts.len(), 2000);
    });

    let snapshots: SnapshotMap<u64, u64> = SnapshotMap::new();
    snapshots.update(|map| map.extend((0..1000).map(|n| (n, n))));
    hold_steady("snapshot update", || {
        snapshots.update(|map| *map.entry(7).or_default() += 1);
        assert_eq!(snapshots.load().len(), 1000);
    });
}
