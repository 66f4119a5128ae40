#![forbid(unsafe_code)]
//! Scans of a map for many threads, and its sweep's budget and clock.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use millpond_map::{
    HashMap, IsZero, ScanCursor, ShardedCounterMap, ShardedMap, StaleCursor, Sweeper,
};
use millpond_testkit::hashers::{Crowded, Degenerate};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Sample, Tracked};

type Visits = BTreeMap<u64, usize>;

/// Scans to the end, and lets `between` change the map after each call.
fn visits<S: std::hash::BuildHasher>(
    map: &ShardedMap<u64, u64, S>,
    budget: usize,
    mut between: impl FnMut(),
) -> Visits {
    let mut visits = Visits::new();
    let mut cursor = ScanCursor::START;
    while !cursor.is_done() {
        let visit = |key: &u64, _: &u64| *visits.entry(*key).or_default() += 1;
        cursor = map
            .scan(cursor, budget, visit)
            .expect("a cursor of this map");
        cursor = ScanCursor::from_bits(cursor.to_bits());
        between();
    }
    visits
}

#[test]
fn a_map_that_rests_is_visited_entry_by_entry() {
    for shards in [1, 8, 1024] {
        for len in [0, 1, 40, 5000] {
            let map = ShardedMap::with_shards(shards);
            map.extend((0..len).map(|key| (key, key)));
            for budget in [0, 1, 3, 33, usize::MAX] {
                let visits = visits(&map, budget, || ());
                assert!(visits.keys().copied().eq(0..len));
                assert!(visits.values().all(|&times| times == 1));
            }
        }
    }
}

#[test]
fn what_stays_is_visited_once_whatever_else_happens() {
    fn promise<S: std::hash::BuildHasher + Default>(shards: usize, len: u64) {
        for seed in 0..6 {
            let mut rng = Rng::new(seed);
            let map = ShardedMap::with_shards_and_hasher(shards, S::default());
            map.extend((0..len).map(|key| (key, key)));
            let seen = visits(&map, rng.between(1, 5), || match rng.below(6) {
                0..3 => map.extend((0..len / 4).map(|_| (len + rng.below(9000) as u64, 1))),
                3 => map.retain(|key, _| *key < len || key % 3 != 0),
                4 => map.shrink_to_fit(),
                _ => drop(map.remove(&(len + rng.below(9000) as u64))),
            });
            for stayed in 0..len {
                assert_eq!(seen.get(&stayed), Some(&1), "seed {seed}, key {stayed}");
            }
        }
    }
    promise::<millpond_map::DefaultHashBuilder>(4, 2000);
    promise::<Crowded4>(2, 200);
    promise::<Degenerate>(8, 60);
}

/// All keys in four groups.
#[derive(Default)]
struct Crowded4;

impl std::hash::BuildHasher for Crowded4 {
    type Hasher = <Crowded as std::hash::BuildHasher>::Hasher;
    fn build_hasher(&self) -> Self::Hasher {
        Crowded { groups: 4 }.build_hasher()
    }
}

#[test]
fn what_is_picked_goes_once_and_beside_other_threads() {
    let map: ShardedMap<u64, Tracked> = ShardedMap::with_shards(8);
    map.extend((0..4000).map(|n| (n, Tracked::sample(n))));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut rng = Rng::new(1);
            while !done.load(Ordering::Relaxed) {
                let key = 10_000 + rng.below(5000) as u64;
                map.insert(key, Tracked::sample(key));
                map.remove(&(10_000 + rng.below(5000) as u64));
            }
        });
        let (mut cursor, mut picked, mut removed) = (ScanCursor::START, 0, 0);
        while !cursor.is_done() {
            let pick = |key: &u64, value: &mut Tracked| {
                assert_eq!(*key, value.number());
                let goes = *key < 4000 && key.is_multiple_of(4);
                picked += usize::from(goes);
                goes
            };
            let gone;
            (cursor, gone) = map.delete_scanned(cursor, 5, pick).expect("of this map");
            removed += gone;
        }
        done.store(true, Ordering::Relaxed);
        assert_eq!((picked, removed), (1000, 1000));
    });
    map.check().unwrap();
    assert!((0..4000).all(|key| map.contains_key(&key) == (key % 4 != 0)));
}

#[test]
fn a_cursor_of_another_map_is_refused_and_one_that_is_done_stays_so() {
    let (one, other): (ShardedMap<u64, u64>, ShardedMap<u64, u64>) = Default::default();
    for map in [&one, &other] {
        map.extend((0..1000).map(|n| (n, n)));
    }
    let cursor = one
        .scan(ScanCursor::START, 1, |_, _| ())
        .expect("from the start");
    assert_ne!(cursor, ScanCursor::START);
    assert_eq!(
        other.scan(cursor, 1, |_, _| panic!("not ours")),
        Err(StaleCursor)
    );
    let refused = other.delete_scanned(cursor, 1, |_, _| panic!("not ours"));
    assert_eq!(refused, Err(StaleCursor));
    let done = one.scan(cursor, usize::MAX, |_, _| ()).expect("ours");
    assert!(done.is_done());
    assert_eq!(one.scan(done, 9, |_, _| panic!("it is over")), Ok(done));
    assert_eq!(other.delete_scanned(done, 9, |_, _| true), Ok((done, 0)));
    assert_eq!(other.len(), 1000);
    let unused: ShardedMap<u64, u64> = ShardedMap::new();
    let end = unused
        .scan(ScanCursor::START, 1, |_, _| ())
        .expect("from the start");
    assert!(end.is_done() && unused.shard_count() == 0);
}

#[test]
fn a_pick_that_panics_leaves_the_entry() {
    let map: ShardedMap<u64, u64> = (0..100).map(|n| (n, n)).collect();
    let picks = || map.delete_scanned(ScanCursor::START, usize::MAX, |_, _| panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(picks)).is_err());
    assert_eq!(map.len(), 100);
    map.check().unwrap();
}

#[test]
fn counts_can_be_scanned_too() {
    let counts: ShardedCounterMap<u64> = ShardedCounterMap::new();
    for n in 0..500 {
        counts.add(n, n % 3).expect("no overflow");
    }
    let (mut cursor, mut sum) = (ScanCursor::START, 0);
    while !cursor.is_done() {
        cursor = counts
            .scan(cursor, 7, |_, count| sum += count)
            .expect("of this map");
    }
    assert_eq!(sum, (0..500).map(|n| n % 3).sum());
}

/// Calls until a lap has ended.
fn steps(map: &ShardedMap<u64, u64>, budget: usize) -> usize {
    (1..=10_000)
        .find(|_| map.sweep(budget).lap_ended)
        .expect("a lap that does not end")
}

#[test]
fn a_budget_is_spent_on_groups_that_there_are() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(64);
    map.insert(1, 1);
    // Sixty-four shards, none of which has more than one group.
    assert_eq!(steps(&map, 64), 1);
    assert_eq!(steps(&map, 16), 4);
    assert_eq!(steps(&map, 1), 64);
    // One shard with 256 groups.
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(1);
    map.reserve(3000);
    assert_eq!(map.capacity(), 256 * 14);
    assert_eq!(steps(&map, 16), 16);
}

#[test]
fn a_lap_has_a_length() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(4);
    map.extend((0..100).map(|n| (n, 1)));
    assert_eq!(map.sweep_stats().last_lap, None);
    assert!(!map.sweep(1).lap_ended);
    assert_eq!(map.sweep_stats().last_lap, None, "none has ended");
    std::thread::sleep(Duration::from_millis(3));
    while !map.sweep(1).lap_ended {}
    let lap = map.sweep_stats().last_lap.expect("one has ended");
    assert!(
        lap >= Duration::from_millis(3),
        "{lap:?}: pauses are part of it"
    );
    while !map.sweep(usize::MAX).lap_ended {}
    assert!(map.sweep_stats().last_lap.is_some());

    let mut map: HashMap<u64, u64> = (0..100).map(|n| (n, 1)).collect();
    for mut sweeper in [Sweeper::new(), Sweeper::with_grace()] {
        assert!(!map.sweep(&mut sweeper, 1).lap_ended);
        assert_eq!(sweeper.stats().last_lap, None);
        std::thread::sleep(Duration::from_millis(3));
        while !map.sweep(&mut sweeper, 1).lap_ended {}
        let lap = sweeper.stats().last_lap.expect("one has ended");
        assert!(lap >= Duration::from_millis(3), "{lap:?}");
    }
}

/// What the docs say of grace: two looks, and nothing in between.
#[test]
fn a_value_that_is_back_at_zero_goes_as_one_that_rested() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(1);
    map.insert(1, 0);
    steps(&map, usize::MAX);
    map.update(&1, |value| *value += 5);
    map.update(&1, |value| *value -= 5);
    steps(&map, usize::MAX);
    assert!(map.is_empty());
    assert_eq!(map.sweep_stats().resurrected, 0);
}

/// Zero or not as told, and a panic if it is asked about 13.
struct Touchy(u64);

impl IsZero for Touchy {
    fn is_zero(&self) -> bool {
        assert_ne!(self.0, 13, "on purpose");
        self.0 == 0
    }
}

#[test]
fn zeros_of_all_shards_go_at_once_and_are_counted() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(8);
    assert_eq!(map.retain_nonzero(), 0);
    map.extend((0..900).map(|n| (n, n % 3)));
    assert_eq!(map.retain_nonzero(), 300);
    assert_eq!((map.len(), map.retain_nonzero()), (600, 0));
    map.for_each(|key, value| assert!(key % 3 == *value && *value != 0));
    map.check().unwrap();
    // A value that panics stays, and so do those behind it.
    let map: ShardedMap<u64, Touchy> = ShardedMap::with_shards(1);
    map.extend((0..30).map(|n| (n, Touchy(if n == 7 { 13 } else { 0 }))));
    assert!(catch_unwind(AssertUnwindSafe(|| map.retain_nonzero())).is_err());
    assert!(map.contains_key(&7));
    map.check().unwrap();
}
