//! Maps in shards under a memory checker: `.ci/memcheck.sh` builds them with
//! `--cfg millpond_system_slabs`, so that their slabs are the system allocator's.
//!
//! Programs are short: a memory checker is thirty times slower.

use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::{IsZero, ScanCursor, ShardedCounterMap, ShardedMap};
use millpond_testkit::fuse::{Callback, Fragile, burn, each_panic};
use millpond_testkit::hashers::{Crowded, Lying};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Aligned64, Nothing, Sample, Tracked, no_value_left};
use std::hash::BuildHasher;

/// Every call of a map in shards, at random.
fn program<K: Sample, V: Sample, S: BuildHasher + Clone>(hasher: &S, seed: u64) {
    no_value_left(|| {
        let mut rng = Rng::new(seed);
        let map: ShardedMap<K, V, S> =
            ShardedMap::with_shards_and_hasher(1 << rng.below(3), hasher.clone());
        let mut cursor = ScanCursor::START;
        for n in 0..500_u64 {
            let number = rng.below(120) as u64;
            let (key, value) = (K::sample(number), V::sample(n));
            match rng.below(40) {
                0..12 => drop(map.insert(key, value)),
                12..15 => drop(map.try_insert(key, value)),
                15..18 => _ = map.insert_or_update(key, value, |held| *held = V::sample(1)),
                18..20 => map.with_or_insert(key, || value, |_| ()),
                20..24 => drop(map.remove(&key)),
                24..26 => drop(map.remove_if(&key, |_, _| number.is_multiple_of(2))),
                26..28 => _ = map.get(&key),
                28 => _ = map.update(&key, |held| *held = value),
                29 => map.reserve(40),
                30 => map.shrink_to_fit(),
                31 | 32 => map.clear(),
                33 => drop(map.take_all()),
                34 => drop(map.take_all().drain().next()),
                35 => map.retain(|_, _| rng.one_in(2)),
                36 => map.for_each_mut(|_, held| *held = V::sample(2)),
                37 => _ = map.try_table_stats().map(|stats| stats.len),
                _ => {
                    let picked = map.delete_scanned(cursor, 3, |_, _| rng.one_in(3));
                    // A hasher that lies takes its own cursors for those of others.
                    cursor = picked.map_or(ScanCursor::START, |(cursor, _)| cursor);
                    if cursor.is_done() {
                        cursor = ScanCursor::START;
                    }
                }
            }
            let mut shown = 0;
            map.for_each(|_, _| shown += 1);
            assert_eq!(shown, map.len());
        }
        assert_eq!(map.len(), map.into_map().len());
    });
}

#[test]
fn every_kind_of_entry() {
    let hasher = millpond_map::DefaultHashBuilder::default();
    for seed in 0..3 {
        program::<u64, u64, _>(&hasher, seed);
        program::<u8, Nothing, _>(&hasher, seed);
        program::<Tracked, Tracked, _>(&hasher, seed);
        program::<String, Aligned64, _>(&hasher, seed);
        program::<u64, u64, _>(&Crowded { groups: 2 }, seed);
        program::<Tracked, u64, _>(&Lying, seed);
    }
}

#[derive(Default)]
struct Moody(u64);

impl IsZero for Moody {
    fn is_zero(&self) -> bool {
        burn(Callback::Closure);
        self.0 == 0
    }
}

#[test]
fn each_callback_panics_once() {
    no_value_left(|| {
        let callbacks = [
            Callback::Hash,
            Callback::Eq,
            Callback::Clone,
            Callback::Closure,
        ];
        let panics = each_panic(&callbacks, || {
            let map = ShardedMap::with_shards(2);
            map.extend((0..24).map(|n| (Fragile::sample(n), Fragile::sample(n))));
            map.retain(|key, _| {
                burn(Callback::Closure);
                key.number() % 3 != 0
            });
            map.shrink_to_fit();
            assert!(map.get(&Fragile::sample(4)).is_some());
            let counts: ShardedCounterMap<Fragile, Moody> = ShardedCounterMap::new();
            for n in 0..6 {
                counts.apply(Fragile::sample(n % 3), |count| count.0 += n);
                counts.apply(Fragile::sample(n % 2), |count| {
                    count.0 = 0;
                    burn(Callback::Closure);
                });
            }
        });
        assert!(panics > 60, "{panics} callbacks only");
    });
}

#[test]
fn threads_that_clear_sweep_and_fill() {
    let map: ShardedMap<u64, Vec<u8>> = ShardedMap::with_shards(2);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let map = &map;
            scope.spawn(move || {
                let mut rng = Rng::new(thread);
                for _ in 0..400 {
                    let key = rng.below(60) as u64;
                    match rng.below(12) {
                        0..7 => drop(map.insert(key, vec![0; rng.below(3)])),
                        7 => drop(map.remove(&key)),
                        8 => _ = map.sweep(8),
                        9 => _ = map.with(&key, Vec::len),
                        10 => map.clear(),
                        _ => drop(map.take_all().drain().next()),
                    }
                }
            });
        }
    });
    map.check().unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        map.for_each(|_, _| panic!("on purpose"))
    }));
    assert_eq!(outcome.is_err(), !map.is_empty());
}
