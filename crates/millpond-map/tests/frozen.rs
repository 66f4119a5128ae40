#![forbid(unsafe_code)]
//! `FrozenMap` against the map that it was made of.

use std::hash::BuildHasherDefault;
use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::hash_map::DefaultHasher;
use millpond_map::{FrozenMap, HashMap};
use millpond_testkit::fuse::{Callback, Fragile, each_panic, light};
use millpond_testkit::hashers::{Degenerate, Identity, Lying};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{
    Aligned64, AlignedHalfPage, Nothing, Sample, Tracked, Wide, live, no_value_left,
};

const SIZES: [u64; 12] = [0, 1, 2, 3, 8, 16, 17, 64, 100, 1000, 1024, 5000];

/// Freezes and thaws at many sizes, and compares every look-up and the walk.
fn agrees<K: Sample, V: Sample>() {
    no_value_left(|| {
        for size in SIZES {
            let mut rng = Rng::new(size);
            let numbers: Vec<u64> = (0..size).map(|_| rng.next_u64()).collect();
            let make = || -> HashMap<K, V> {
                numbers
                    .iter()
                    .map(|&n| (K::sample(n), V::sample(n ^ 1)))
                    .collect()
            };
            let map = make();
            let frozen = make().freeze();
            assert!(frozen.is_direct() || frozen.is_empty());
            compare(&map, &frozen, &mut rng);
            let thawed = frozen.thaw();
            thawed.check().expect("whole");
            // Another hasher: equality does not depend on it.
            assert_eq!(map, thawed);
        }
    });
}

fn compare<K: Sample, V: Sample, S: std::hash::BuildHasher>(
    map: &HashMap<K, V, S>,
    frozen: &FrozenMap<K, V, S>,
    rng: &mut Rng,
) {
    frozen.check().expect("whole");
    assert_eq!(
        (frozen.len(), frozen.is_empty()),
        (map.len(), map.is_empty())
    );
    for (key, value) in map {
        assert_eq!(frozen.get_key_value(key), Some((key, value)));
        assert!(frozen.contains_key(key));
    }
    for _ in 0..map.len().min(500) + 10 {
        let keys: [K; 7] = std::array::from_fn(|_| {
            let held = map.keys().nth(rng.below(map.len().clamp(1, 50)));
            held.filter(|_| rng.one_in(2))
                .cloned()
                .unwrap_or_else(|| K::sample(rng.next_u64()))
        });
        let keys = keys.each_ref();
        assert_eq!(frozen.get_many(keys), keys.map(|key| map.get(key)));
        assert_eq!(
            keys.map(|key| frozen.get(key)),
            keys.map(|key| map.get(key))
        );
    }
    assert_eq!(frozen.iter().len(), map.len());
    assert_eq!(frozen.iter().count(), map.len());
    assert!(
        frozen
            .iter()
            .all(|(key, value)| map.get(key) == Some(value))
    );
}

#[test]
fn numbers() {
    agrees::<u64, u64>();
    agrees::<u8, u64>();
}

/// A key that says it equals any number: what it finds in an empty slot is nothing.
#[derive(Hash)]
struct Anything(u64);

impl millpond_map::Equivalent<u64> for Anything {
    fn equivalent(&self, _: &u64) -> bool {
        true
    }
}

#[test]
fn zero_is_a_key_like_any_other() {
    for first in [0, 1] {
        let frozen = (first..300_u64)
            .map(|n| (n, n.to_string()))
            .collect::<HashMap<_, _>>()
            .freeze();
        assert_eq!(frozen.get(&0).is_some(), first == 0);
        for n in 0..2000 {
            if let Some((key, value)) = frozen.get_key_value(&Anything(n)) {
                assert_eq!(value, &key.to_string());
            }
        }
        frozen.check().expect("whole");
    }
}

#[test]
fn strings() {
    agrees::<String, String>();
}

#[test]
fn values_that_count_their_drops() {
    agrees::<Tracked, Tracked>();
}

#[test]
fn entries_of_odd_sizes_and_alignments() {
    agrees::<u64, Nothing>();
    agrees::<Nothing, u64>();
    agrees::<(), ()>();
    agrees::<u64, Aligned64>();
    agrees::<AlignedHalfPage, u8>();
    agrees::<u64, Wide>();
}

#[test]
fn hashes_without_good_bits() {
    let map: HashMap<u64, u64, Identity> = (0..3000).map(|n| (n << 20, n)).collect();
    let frozen = map.clone().freeze();
    assert!(frozen.is_direct());
    compare(&map, &frozen, &mut Rng::new(1));
    assert_eq!(frozen.thaw(), map);
}

#[test]
fn one_hash_for_all() {
    for size in [1, 2, 100] {
        let map: HashMap<u64, Tracked, Degenerate> =
            (0..size).map(|n| (n, Tracked::sample(n))).collect();
        let frozen = map.clone().freeze();
        assert_eq!(frozen.is_direct(), size == 1);
        compare(&map, &frozen, &mut Rng::new(1));
        assert_eq!(frozen.thaw(), map);
    }
    assert_eq!(live(), 0);
}

/// A hash that changes from call to call loses entries, but no memory, and every call ends.
#[test]
fn a_lying_hash_finds_less_and_nothing_else() {
    let mut map: HashMap<u64, Tracked, Lying> = HashMap::with_hasher(Lying);
    (0..500).for_each(|n| drop(map.insert(n, Tracked::sample(n))));
    let frozen = map.freeze();
    let found = (0..500).filter(|n| frozen.get(n).is_some()).count();
    assert!(found <= 500);
    assert_eq!(frozen.iter().count(), frozen.len());
    drop(frozen.thaw());
    assert_eq!(live(), 0);
}

#[test]
fn what_a_walk_has_not_come_to_is_dropped() {
    for taken in [0, 1, 60, 100] {
        let map: HashMap<u64, Tracked> = (0..100).map(|n| (n, Tracked::sample(n))).collect();
        let mut walk = map.freeze().into_iter();
        let kept: Vec<(u64, Tracked)> = walk.by_ref().take(taken).collect();
        assert_eq!(walk.len(), 100 - taken);
        drop(walk);
        assert_eq!((kept.len(), live()), (taken, taken as i64));
    }
}

#[test]
fn a_hash_that_panics_drops_each_entry_once() {
    let make = || -> HashMap<Fragile, Tracked> {
        (0..60)
            .map(|n| (Fragile::sample(n), Tracked::sample(n)))
            .collect()
    };
    let panics = each_panic(&[Callback::Hash], || {
        let map = {
            // Filled without the fuse's knowledge: it burns for freezing and thawing alone.
            make()
        };
        let frozen = map.freeze();
        drop(frozen.thaw());
    });
    assert!(panics >= 180);
    let frozen = make().freeze();
    let lit = light(&[Callback::Drop], 30);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(frozen))).is_err());
    drop(lit);
}

#[test]
fn a_frozen_map_is_smaller_than_the_table_it_came_from() {
    let map: HashMap<u64, u64> = (0..1_000_000).map(|n| (n, n)).collect();
    let table = map.allocation_size();
    let frozen = map.freeze();
    assert!(frozen.slab_bytes() * 3 < table * 2);
    assert!(frozen.slab_bytes() < 25 * 1_000_000);
}

/// Slots, tags and pilots: an entry takes its own bytes and two more.
#[test]
fn a_few_integers_leave_no_slot_empty() {
    for keys in [16_u64, 1024, 16_384] {
        // Of a thousand keys, one set of hashes in thirty needs twice the slots, and of a
        // handful a third of them: these, which are the same each time, do not.
        let numbers = (0..keys).map(|key| (key, !key));
        let frozen: HashMap<u64, u64, BuildHasherDefault<DefaultHasher>> = numbers.collect();
        let frozen = frozen.freeze();
        frozen.check().unwrap();
        let entry = if keys == 16 { 2 * 18 } else { 18 };
        assert!(frozen.slab_bytes() as u64 <= keys * entry, "{keys}");
        assert!((0..keys).all(|key| frozen.get(&key) == Some(&!key)));
        assert!((keys..2 * keys).all(|key| frozen.get(&key).is_none()));
    }
}

#[test]
fn frozen_maps_travel() {
    let frozen = HashMap::from([(1, String::from("one"))]).freeze();
    let handle = std::thread::spawn(move || frozen[&1].len());
    assert_eq!(handle.join().expect("no panic"), 3);
    fn covariant<'short>(map: FrozenMap<&'static str, u8>) -> FrozenMap<&'short str, u8> {
        map
    }
    assert!(covariant(HashMap::new().freeze()).is_empty());
}

#[test]
fn a_clone_is_found_like_the_first() {
    no_value_left(|| {
        for size in SIZES {
            let map: HashMap<Tracked, Tracked> = (0..size)
                .map(|n| (Tracked::sample(n), Tracked::sample(n ^ 1)))
                .collect();
            let frozen: FrozenMap<Tracked, Tracked> = map.clone().into();
            let copy = frozen.clone();
            copy.check().expect("whole");
            assert_eq!(copy, frozen);
            assert_eq!(copy.slab_bytes(), frozen.slab_bytes());
            drop(frozen);
            compare(&map, &copy, &mut Rng::new(size));
        }
        let listed: HashMap<u64, Tracked, Degenerate> =
            (0..50).map(|n| (n, Tracked::sample(n))).collect();
        let frozen = listed.freeze();
        let copy = frozen.clone();
        copy.check().expect("whole");
        assert!(copy == frozen && !copy.is_direct());
    });
}

#[test]
fn a_clone_that_panics_drops_what_it_has_made() {
    let frozen: FrozenMap<u64, Fragile> = (0..40).map(|n| (n, Fragile::sample(n))).collect();
    let panics = each_panic(&[Callback::Clone], || drop(frozen.clone()));
    assert_eq!(panics, 40);
    frozen.check().expect("whole");
    drop(frozen);
    assert_eq!(live(), 0);
}

#[test]
fn frozen_maps_are_equal_by_their_entries() {
    let one = FrozenMap::from([(1, "one"), (2, "two")]);
    let same: FrozenMap<i32, &str> = [(2, "two"), (1, "old"), (1, "one")].into_iter().collect();
    assert_eq!(one, same);
    assert_ne!(one, FrozenMap::from([(1, "one"), (2, "three")]));
    assert_ne!(one, FrozenMap::from([(1, "one")]));
    assert!(FrozenMap::<u8, u8>::default().is_empty());
}

#[test]
fn many_at_once_are_as_many_one_by_one() {
    fn batches<K: Sample>(frozen: &FrozenMap<K, u64>, keys: &[K]) {
        fn at<K: Sample, const N: usize>(frozen: &FrozenMap<K, u64>, keys: &[K]) {
            for batch in keys.windows(N) {
                let batch: [&K; N] = std::array::from_fn(|nth| &batch[nth]);
                assert_eq!(frozen.get_many(batch), batch.map(|key| frozen.get(key)));
            }
        }
        at::<K, 1>(frozen, keys);
        at::<K, 8>(frozen, keys);
        at::<K, 33>(frozen, keys);
        assert_eq!(frozen.get_many::<K, 0>([]), []);
    }
    for size in [0, 1, 100, 50_000] {
        let numbers: FrozenMap<u64, u64> = (0..size).map(|n| (n * 3, n)).collect();
        batches(&numbers, &(0..200).collect::<Vec<u64>>());
        let texts: FrozenMap<String, u64> = (0..size.min(1000))
            .map(|n| (String::sample(n), n))
            .collect();
        batches(&texts, &(0..200).map(String::sample).collect::<Vec<_>>());
    }
}
