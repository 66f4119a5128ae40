//! What the docs of the maps for many threads promise, sentence by sentence.

use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use millpond_map::{
    BackgroundSweeper, CountError, HashMap, ShardedCounterMap, ShardedMap, SnapshotMap,
};
use millpond_testkit::fuse::{Callback, Fragile, burn, each_panic};
use millpond_testkit::hashers::{Degenerate, Identity, Lying};
use millpond_testkit::values::{Sample, Tracked, no_value_left};

#[test]
fn an_unused_map_costs_its_own_size() {
    let map: ShardedMap<u64, u64> = ShardedMap::new();
    assert!(size_of_val(&map) <= 256, "{} bytes", size_of_val(&map));
    assert_eq!((map.shard_count(), map.allocation_size()), (0, 0));
    // Asking and emptying make no shards either.
    assert_eq!(map.get(&1), None);
    assert_eq!(map.remove(&1), None);
    assert_eq!(map.len(), 0);
    map.clear();
    map.retain(|_, _| false);
    map.shrink_to_fit();
    assert!(map.take_all().is_empty());
    assert!(map.sweep(100).lap_ended);
    assert_eq!((map.shard_count(), map.allocation_size()), (0, 0));
    map.insert(1, 1);
    assert!(map.shard_count().is_power_of_two());
}

#[test]
fn a_count_of_shards_is_taken_as_asked() {
    for (asked, made) in [(1, 1), (5, 8), (64, 64), (1 << 20, 1024)] {
        let map = ShardedMap::with_shards(asked);
        map.extend((0..100_u64).map(|n| (n, n)));
        assert_eq!(map.shard_count(), made);
        assert_eq!(map.len(), 100);
        map.check().unwrap();
        map.clear();
        assert!(map.is_empty());
    }
}

#[test]
fn methods_of_one_key_answer_like_those_of_a_map_for_one_thread() {
    let map: ShardedMap<String, i32> = ShardedMap::new();
    assert_eq!(map.insert("a".into(), 1), None);
    assert_eq!(map.insert("a".into(), 2), Some(1));
    assert_eq!(map.try_insert("a".into(), 3), Err(3));
    assert_eq!(map.try_insert("b".into(), 3), Ok(()));
    assert!(!map.insert_or_update("a".into(), 9, |value| *value *= 10));
    assert!(map.insert_or_update("c".into(), 9, |value| *value *= 10));
    assert_eq!(map.with("a", |value| value + 1), Some(21));
    assert_eq!(map.update("a", std::mem::take), Some(20));
    assert_eq!(map.get("a"), Some(0));
    assert_eq!(map.with_or_insert("d".into(), || 4, |value| *value), 4);
    assert_eq!(map.with_or_insert("d".into(), || 5, |value| *value), 4);
    assert!(map.contains_key("d") && !map.contains_key("e"));
    assert_eq!(map.remove_if("d", |_, value| *value > 4), None);
    assert_eq!(
        map.remove_if("d", |_, value| *value == 4),
        Some(("d".into(), 4))
    );
    assert_eq!(map.remove_if("d", |_, _| true), None);
    assert_eq!(map.remove_entry("c"), Some(("c".into(), 9)));
    assert_eq!(map.remove("c"), None);
    let mut left: Vec<(String, i32)> = map.into_map().into_iter().collect();
    left.sort();
    assert_eq!(left, [("a".into(), 0), ("b".into(), 3)]);
}

#[test]
fn the_key_that_is_there_stays() {
    #[derive(PartialEq, Eq, Hash, Debug)]
    struct Word(String);
    let map = ShardedMap::new();
    let first = Word("one".into());
    let address = first.0.as_ptr();
    map.insert(first, 1);
    map.insert(Word("one".into()), 2);
    let (key, value) = map.remove_entry(&Word("one".into())).unwrap();
    assert_eq!((key.0.as_ptr(), value), (address, 2));
}

#[test]
fn whole_map_methods_see_every_entry_once() {
    let map: ShardedMap<u64, u64> = (0..1000).map(|n| (n, n)).collect();
    let (mut count, mut sum) = (0, 0);
    map.for_each(|key, value| {
        assert_eq!(key, value);
        count += 1;
        sum += value;
    });
    assert_eq!((count, sum), (1000, 499_500));
    map.for_each_mut(|_, value| *value += 1);
    map.retain(|key, value| {
        assert_eq!(*value, key + 1);
        key % 3 == 0
    });
    assert_eq!(map.len(), 334);
    map.check().unwrap();
    let mut taken = map.take_all();
    assert_eq!((taken.len(), map.len()), (334, 0));
    assert_eq!(taken.iter().count(), 334);
    let some: Vec<(u64, u64)> = taken.drain().take(10).collect();
    assert_eq!(some.len(), 10);
    drop(taken);
    map.extend((0..10).map(|n| (n, n)));
    let owned = map.take_all().into_map();
    assert_eq!(owned.len(), 10);
    assert_eq!(owned[&7], 7);
}

#[test]
fn a_map_of_one_shard_is_a_map_all_the_same() {
    // Bits that no shard is picked by, and hashes that are all one.
    let one = ShardedMap::with_shards_and_hasher(64, Identity);
    let same = ShardedMap::with_shards_and_hasher(64, Degenerate);
    for n in 0..500_u64 {
        one.insert(n, n);
        same.insert(n, n);
    }
    assert_eq!((one.len(), same.len()), (500, 500));
    one.check().unwrap();
    same.check().unwrap();
    assert!((0..500).all(|n| one.remove(&n) == Some(n) && same.remove(&n) == Some(n)));
}

#[test]
fn a_hasher_that_lies_loses_keys_and_nothing_else() {
    no_value_left(|| {
        let map = ShardedMap::with_shards_and_hasher(4, Lying);
        for n in 0..2000 {
            map.insert(Tracked::sample(n % 50), Tracked::sample(n));
            map.remove(&Tracked::sample(n % 7));
            map.update(&Tracked::sample(n % 11), |value| {
                *value = Tracked::sample(1)
            });
        }
        let mut seen = 0;
        map.for_each(|_, _| seen += 1);
        assert_eq!(seen, map.len());
        map.clear();
        assert!(map.is_empty());
    });
}

#[test]
fn every_value_is_dropped_once() {
    no_value_left(|| {
        let map = ShardedMap::new();
        for n in 0..300 {
            map.insert(Tracked::sample(n % 100), Tracked::sample(n));
        }
        map.try_insert(Tracked::sample(1), Tracked::sample(1))
            .unwrap_err();
        map.insert_or_update(Tracked::sample(1), Tracked::sample(1), |_| ());
        map.remove(&Tracked::sample(2));
        map.remove_if(&Tracked::sample(3), |_, _| true);
        map.retain(|key, _| key.number() % 2 == 0);
        let mut taken = map.take_all();
        assert_eq!(taken.drain().take(5).count(), 5);
        map.insert(Tracked::sample(1), Tracked::sample(1));
        drop(taken);
        map.clear();
        map.extend((0..9).map(|n| (Tracked::sample(n), Tracked::sample(n))));
        map.shrink_to_fit();
    });
}

#[test]
fn a_visitor_that_panics_poisons_nothing() {
    no_value_left(|| {
        let map: ShardedMap<u64, Tracked> = ShardedMap::with_shards(1);
        map.insert(1, Tracked::sample(1));
        let visits: [&dyn Fn(); 8] = [
            &|| _ = map.with(&1, |_| panic!("with")),
            &|| _ = map.update(&1, |_| panic!("update")),
            &|| _ = map.insert_or_update(1, Tracked::sample(2), |_| panic!("insert_or_update")),
            &|| map.with_or_insert(2, || panic!("make"), |_| ()),
            &|| drop(map.remove_if(&1, |_, _| panic!("remove_if"))),
            &|| map.retain(|_, _| panic!("retain")),
            &|| map.for_each(|_, _| panic!("for_each")),
            &|| map.for_each_mut(|_, _| panic!("for_each_mut")),
        ];
        for visit in visits {
            assert!(catch_unwind(AssertUnwindSafe(visit)).is_err());
            assert_eq!(map.with(&1, Tracked::number), Some(1));
            assert_eq!(map.len(), 1);
            map.check().unwrap();
        }
    });
}

#[test]
fn every_callback_may_panic_once() {
    each_panic(
        &[
            Callback::Hash,
            Callback::Eq,
            Callback::Clone,
            Callback::Drop,
            Callback::Closure,
        ],
        || {
            let map = ShardedMap::with_shards(2);
            let usable = |map: &ShardedMap<Fragile, Fragile>| {
                map.for_each(|key, value| assert_eq!(key.number(), value.number()));
            };
            for n in 0..20 {
                map.insert(Fragile::sample(n), Fragile::sample(n));
            }
            map.get(&Fragile::sample(3));
            map.insert_or_update(Fragile::sample(4), Fragile::sample(4), |_| {
                burn(Callback::Closure);
            });
            map.retain(|key, _| {
                burn(Callback::Closure);
                key.number() % 2 == 0
            });
            usable(&map);
            map.remove(&Fragile::sample(2));
            drop(map.take_all());
            map.insert(Fragile::sample(5), Fragile::sample(5));
            map.clear();
            usable(&map);
        },
    );
}

/// A value whose drop calls the map that it was in.
struct CallsBack<'a>(&'a ShardedMap<u64, CallsBack<'a>>);

impl Drop for CallsBack<'_> {
    fn drop(&mut self) {
        self.0.contains_key(&1);
        self.0.len();
    }
}

#[test]
fn what_is_removed_is_dropped_when_no_lock_is_held() {
    let map = Box::leak(Box::new(ShardedMap::with_shards(1)));
    for _ in 0..3 {
        map.insert(1, CallsBack(map));
        map.insert(1, CallsBack(map));
        map.remove(&1);
        map.insert(1, CallsBack(map));
        drop(map.try_insert(1, CallsBack(map)));
        map.insert_or_update(1, CallsBack(map), |_| ());
        drop(map.remove_if(&1, |_, _| true));
        map.insert(1, CallsBack(map));
        map.insert(2, CallsBack(map));
        map.clear();
        map.insert(1, CallsBack(map));
        drop(map.take_all());
    }
    assert!(map.is_empty());
}

#[cfg(debug_assertions)]
#[test]
fn a_call_from_within_a_visit_is_refused_and_both_places_are_named() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(8);
    map.extend((0..64).map(|n| (n, n)));
    let calls: [&dyn Fn(); 6] = [
        &|| _ = map.get(&2),
        &|| _ = map.insert(2, 2),
        &|| map.clear(),
        &|| _ = map.len(),
        &|| drop(map.take_all()),
        &|| _ = map.sweep(1),
    ];
    for call in calls {
        let outer = line!() + 1;
        let visit = || map.with(&1, |_| call());
        let cause = catch_unwind(AssertUnwindSafe(visit)).unwrap_err();
        let message = cause.downcast_ref::<String>().unwrap();
        assert_eq!(message.matches(file!()).count(), 2, "{message}");
        assert!(
            message.contains(&format!("{}:{outer}:", file!())),
            "{message}"
        );
    }
    // Nothing is left behind: the map can be called, and other maps within a visit.
    let other = ShardedMap::new();
    assert_eq!(
        map.with(&1, |value| other.insert(*value, *value)),
        Some(None)
    );
    assert_eq!(map.len(), 64);
}

#[test]
fn room_that_is_asked_for_is_there_and_comes_back() {
    // One seed in a hundred spreads numbers in a row so unevenly that a shard grows.
    let hasher = foldhash::fast::FixedState::with_seed(1);
    let map: ShardedMap<u64, u64, _> = ShardedMap::with_shards_and_hasher(32, hasher);
    map.reserve(10_000);
    let (capacity, bytes) = (map.capacity(), map.allocation_size());
    assert!(capacity >= 10_000);
    map.extend((0..10_000).map(|n| (n, n)));
    assert_eq!(map.allocation_size(), bytes, "an even spread fits");
    map.clear();
    map.retain(|_, _| true);
    map.insert(1, 1);
    map.shrink_to_fit();
    assert!(map.allocation_size() < bytes / 10);
    assert_eq!(map.get(&1), Some(1));
}

/// Growing block by block would show as a capacity that grows by a few entries at a time.
#[test]
#[cfg(not(millpond_tiny_blocks))]
fn a_shard_of_less_than_half_a_megabyte_doubles_at_once() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(1);
    let mut capacities = Vec::new();
    for key in 0..28_000 {
        map.insert(key, key);
        // A key that is there needs no room, though there may be none.
        map.insert(key, key + 1);
        map.with_or_insert(key, || unreachable!("it is there"), |value| *value += 1);
        let capacity = map.capacity();
        if capacities.last() != Some(&capacity) {
            capacities.push(capacity);
        }
    }
    assert_eq!(
        capacities,
        [
            16, 28, 56, 112, 224, 448, 896, 1792, 3584, 7168, 14_336, 28_672
        ]
    );
    map.check().unwrap();
    assert!((0..28_000).all(|key| map.get(&key) == Some(key + 2)));
}

#[test]
fn counts_vanish_at_zero() {
    let map: ShardedCounterMap<&str> = ShardedCounterMap::new();
    assert_eq!(map.add("a", 2), Ok(2));
    assert_eq!(map.add("a", 0), Ok(2));
    assert_eq!(map.add("b", 0), Ok(0));
    assert_eq!(map.sub("a", 1), Ok(1));
    assert_eq!((map.len(), map.get("a"), map.get("b")), (1, 1, 0));
    assert_eq!(map.sub("a", 1), Ok(0));
    assert!(map.is_empty() && !map.contains_key("a"));
    assert_eq!(map.sub("a", 1), Err(CountError::Underflow));
    assert_eq!(map.saturating_sub("a", 5), 0);
    assert_eq!(map.saturating_add("a", u64::MAX), u64::MAX);
    assert_eq!(map.add("a", 1), Err(CountError::Overflow));
    assert_eq!(map.get("a"), u64::MAX);
    assert_eq!(map.saturating_add("a", 1), u64::MAX);
    assert_eq!(map.remove("a"), Some(u64::MAX));
    map.check().unwrap();

    let signed: ShardedCounterMap<&str, i8> = ShardedCounterMap::new();
    assert_eq!(signed.sub("a", 100), Ok(-100));
    assert_eq!(signed.sub("a", 100), Err(CountError::Underflow));
    assert_eq!(signed.add("a", 100), Ok(0));
    assert!(signed.is_empty());
}

#[test]
fn apply_takes_out_what_it_leaves_zero() {
    let map: ShardedCounterMap<u32, Vec<u32>> = ShardedCounterMap::new();
    assert_eq!(map.apply(1, |queue| queue.len()), 0);
    assert!(map.is_empty());
    map.apply(1, |queue| queue.extend([1, 2]));
    assert_eq!(map.apply(1, Vec::pop), Some(2));
    assert_eq!(map.len(), 1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        map.apply(1, |queue| {
            queue.clear();
            panic!("half way")
        })
    }));
    assert!(panicked.is_err());
    assert!(map.is_empty(), "empty at the panic: gone");
    map.check().unwrap();
}

#[test]
fn a_zero_goes_at_the_second_lap_and_a_key_that_comes_back_stays() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(4);
    map.extend((0..1000).map(|n| (n, u64::from(n >= 300))));
    let lap = |budget| {
        let mut swept = 0;
        for _ in 0..100_000 {
            let step = map.sweep(budget);
            swept += step.removed;
            if step.lap_ended {
                return swept;
            }
        }
        panic!("a lap that does not end")
    };
    assert_eq!(lap(3), 0);
    let stats = map.sweep_stats();
    assert_eq!((stats.resident, stats.laps), (300, 1));
    for key in 0..10 {
        map.update(&key, |value| *value = 1);
    }
    assert_eq!(lap(usize::MAX), 290);
    let stats = map.sweep_stats();
    assert_eq!((stats.swept, stats.resurrected), (290, 10));
    assert_eq!((stats.resident, stats.laps), (0, 2));
    assert_eq!(map.len(), 710);
    map.check().unwrap();
}

#[test]
fn a_sweep_survives_growth_clears_and_panics() {
    let map: ShardedMap<u64, u64> = ShardedMap::with_shards(2);
    for round in 0..50_u64 {
        map.extend((0..40).map(|n| (round * 40 + n, n % 2)));
        map.sweep(6);
        if round == 20 {
            map.clear();
        }
        if round == 30 {
            map.shrink_to_fit();
        }
    }
    for _ in 0..3 {
        while !map.sweep(1000).lap_ended {}
    }
    map.for_each(|_, value| assert_eq!(*value, 1));
    assert_eq!(map.len(), 29 * 20);

    struct Bad;
    impl millpond_map::IsZero for Bad {
        fn is_zero(&self) -> bool {
            panic!("is_zero")
        }
    }
    let map = ShardedMap::new();
    map.insert(1, Bad);
    for _ in 0..2 {
        assert!(catch_unwind(AssertUnwindSafe(|| map.sweep(usize::MAX))).is_err());
        assert_eq!(map.len(), 1);
    }
}

#[test]
fn a_sweeper_works_until_it_is_dropped() {
    let map: Arc<ShardedMap<u64, u64>> = Arc::new(ShardedMap::new());
    map.extend((0..1000).map(|n| (n, n % 2)));
    let sweeper = BackgroundSweeper::start(Arc::clone(&map), 1 << 20, Duration::ZERO).unwrap();
    while map.sweep_stats().swept < 500 || sweeper.last_lap().is_none() {
        std::thread::yield_now();
    }
    assert!(sweeper.is_running());
    drop(sweeper);
    assert_eq!(
        Arc::strong_count(&map),
        1,
        "the thread is gone, and its map with it"
    );
    assert_eq!(map.len(), 500);
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let map: SnapshotMap<u64, String> = SnapshotMap::new();
    assert_eq!(map.update(|map| map.insert(1, "one".into())), None);
    let seen = map.load();
    let kept = map.load_full();
    map.update(|map| map.insert(1, "ONE".into()));
    map.update(|map| map.insert(2, "two".into()));
    assert_eq!((seen.len(), seen[&1].as_str()), (1, "one"));
    assert_eq!(kept[&1], "one");
    assert_eq!(map.get(&1).as_deref(), Some("ONE"));
    assert!(map.contains_key(&2));
    let before = map
        .replace(HashMap::from_iter([(3, "three".into())]))
        .unwrap();
    assert_eq!(before.len(), 2);
    assert_eq!(map.load().len(), 1);
    map.shrink();
}

#[test]
fn a_change_that_panics_is_not_published() {
    let map: SnapshotMap<u64, u64> = SnapshotMap::new();
    map.update(|map| map.insert(1, 1));
    for _ in 0..3 {
        let change = || {
            map.update(|map| {
                map.clear();
                panic!("half way")
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(change)).is_err());
        assert_eq!(map.get(&1), Some(1));
    }
    map.update(|map| map.insert(2, 2));
    assert_eq!(map.load().len(), 2);
}

#[test]
fn the_old_slab_serves_the_next_change() {
    let map: SnapshotMap<u64, u64> =
        SnapshotMap::from((0..1000).map(|n| (n, n)).collect::<HashMap<_, _>>());
    map.update(|_| ());
    let first = std::ptr::from_ref(&map.load()[&7]).addr();
    map.update(|_| ());
    let second = std::ptr::from_ref(&map.load()[&7]).addr();
    map.update(|_| ());
    assert_ne!(first, second);
    assert_eq!(std::ptr::from_ref(&map.load()[&7]).addr(), first);
}

#[test]
fn maps_may_be_static() {
    use foldhash::fast::FixedState;
    static MAP: ShardedMap<u64, u64, FixedState> =
        ShardedMap::with_hasher(FixedState::with_seed(1));
    static COUNTS: ShardedCounterMap<u64, u64, FixedState> =
        ShardedCounterMap::with_hasher(FixedState::with_seed(2));
    MAP.insert(1, 2);
    COUNTS.add(1, 2).unwrap();
    assert_eq!((MAP.get(&1), COUNTS.get(&1)), (Some(2), 2));
    assert_ne!(MAP.hasher().hash_one(1), 0);
}
