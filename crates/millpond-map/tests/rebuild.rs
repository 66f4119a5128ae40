//! Shrinking by moving, against a `BTreeMap`.

mod common;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use allocator_api2::alloc::Allocator;
use common::{Counted, lent};
use millpond_arena::Slabs;
use millpond_map::HashMap;
use millpond_testkit::fuse::{Callback, Fragile, light};
use millpond_testkit::hashers::Crowded;
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Aligned64, Nothing, Sample, Tracked, Wide, live, no_value_left};

/// Fills, rebuilds and fills again, at many sizes, and compares all entries each time.
fn agrees<V: Sample>(sizes: &[u64], keep_one_in: &[u64]) {
    no_value_left(|| {
        for &size in sizes {
            for &n in keep_one_in {
                let mut rng = Rng::new(size ^ n);
                let mut map: HashMap<u64, V> = HashMap::new();
                let mut oracle = BTreeMap::new();
                for _ in 0..2 {
                    for _ in 0..size {
                        let (key, value) = (rng.next_u64() >> 8, rng.next_u64());
                        map.insert(key, V::sample(value));
                        oracle.insert(key, V::sample(value));
                    }
                    map.rebuild(|key, _| key % n == 0);
                    oracle.retain(|key, _| key % n == 0);
                    map.check().expect("whole");
                    assert_eq!(map.len(), oracle.len());
                    assert!(
                        oracle
                            .iter()
                            .all(|(key, value)| map.get(key) == Some(value))
                    );
                    let fresh: HashMap<u64, V> = HashMap::with_capacity(map.len());
                    assert_eq!(map.capacity(), fresh.capacity(), "the right size");
                }
            }
        }
    });
}

#[test]
fn numbers() {
    agrees::<u64>(
        &[0, 1, 20, 300, 3000, 8000, 30_000],
        &[1, 2, 4, 50, 1 << 40],
    );
}

#[test]
fn values_that_count_their_drops() {
    agrees::<Tracked>(&[20, 3000, 12_000], &[2, 4, 1 << 40]);
}

#[test]
fn values_of_odd_sizes() {
    agrees::<Nothing>(&[20, 12_000], &[3, 20]);
    agrees::<Aligned64>(&[20, 3000], &[3, 20]);
    agrees::<Wide>(&[20, 3000], &[3, 20]);
    agrees::<u8>(&[20, 12_000], &[2, 20]);
}

#[test]
fn entries_of_one_byte() {
    let mut map: HashMap<u8, ()> = (0..=255).map(|key| (key, ())).collect();
    map.reserve(1 << 17);
    map.rebuild(|key, ()| *key < 9);
    map.check().expect("whole");
    assert_eq!((map.len(), map.capacity()), (9, 16));
}

#[test]
fn keys_that_all_share_a_home() {
    let mut map: HashMap<u64, u64, Crowded> = HashMap::with_hasher(Crowded { groups: 2 });
    map.extend((0..600).map(|key| (key, key)));
    map.reserve(20_000);
    map.rebuild(|key, _| key % 3 == 0);
    map.check().expect("whole");
    assert!((0..200).all(|n| map.get(&(3 * n)) == Some(&(3 * n))));
    assert_eq!(map.len(), 200);
}

#[test]
fn what_is_not_kept_leaves_its_memory() {
    let mut map: HashMap<u64, [u64; 3]> = (0..200_000).map(|key| (key, [key; 3])).collect();
    let before = map.allocation_size();
    map.rebuild(|key, _| *key < 10_000);
    assert!(map.allocation_size() * 12 < before);
    map.rebuild(|_, _| false);
    assert_eq!((map.allocation_size(), map.capacity()), (0, 0));
}

/// Entries of a map that is rebuilt in its own slab, and panics.
const LEN: u64 = if cfg!(millpond_tiny_blocks) {
    200
} else {
    3000
};

/// Lets each hash of a rebuild panic in turn; with large tables some of them.
fn each_hash_panics<A: Allocator + Clone>(alloc: A) {
    let mut emptied = 0;
    for granted in (0..=LEN).filter(|n| LEN < 1000 || [0, 1, 500, 2999, 3000].contains(n)) {
        let mut map = HashMap::new_in(alloc.clone());
        map.extend((0..LEN).map(|n| (Fragile::sample(n), Tracked::sample(n))));
        map.reserve(LEN as usize * 7);
        let lit = light(&[Callback::Hash], granted);
        let outcome = catch_unwind(AssertUnwindSafe(|| map.rebuild(|_, _| true)));
        drop(lit);
        assert_eq!(outcome.is_err(), granted < LEN);
        map.check().expect("whole");
        assert!(map.len() as u64 == LEN || map.is_empty());
        emptied += u64::from(map.is_empty());
        map.insert(Fragile::sample(1), Tracked::sample(1));
        assert!(map.contains_key(&Fragile::sample(1)));
    }
    // Only who moves in its own slab loses its entries.
    assert_eq!(emptied, if LEN < 1000 { LEN } else { 4 });
    assert_eq!(live(), 0);
}

#[test]
fn a_hash_that_panics_on_the_way_leaves_an_empty_map() {
    each_hash_panics(Slabs);
    let before = lent();
    each_hash_panics(Counted);
    assert_eq!(lent(), before);
}

#[test]
fn a_filter_that_panics_keeps_what_it_has_not_refused() {
    let mut map: HashMap<u64, Tracked> = (0..9000).map(|n| (n, Tracked::sample(n))).collect();
    let mut calls = 0;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        map.rebuild(|_, _| {
            calls += 1;
            assert!(calls < 100, "on purpose");
            false
        });
    }));
    assert!(outcome.is_err());
    assert_eq!(map.len(), 9000 - 99);
    map.check().expect("whole");
}
