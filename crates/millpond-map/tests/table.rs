//! `HashTable` against a plain list, every invariant verified after each step.

mod common;

use std::hash::BuildHasher;

use common::{Counted, lent};
use millpond_map::hash_table::Entry;
use millpond_map::{HashMap, HashSet, HashTable};
use millpond_testkit::hashers::{Crowded, Degenerate, Identity};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{AlignedHalfPage, Nothing, Sample, Tracked, Wide, live};

/// Runs random operations on a table and on a list of numbers. Equal entries may come twice.
fn agrees<T: Sample, S: BuildHasher>(state: S, keys: u64, steps: usize) {
    let hash_of = |n: u64| state.hash_one(n);
    let hash = |entry: &T| hash_of(entry.number());
    let mut table: HashTable<T, Counted> = HashTable::new_in(Counted);
    let mut list: Vec<u64> = Vec::new();
    let mut rng = Rng::new(keys);
    for step in 0..steps {
        let n = T::sample(rng.below(keys as usize) as u64).number();
        let is = |entry: &T| entry.number() == n;
        match rng.below(12) {
            0..=2 => {
                table.insert_unique(hash_of(n), T::sample(n), hash);
                list.push(n);
            }
            3 | 4 => match table.entry(hash_of(n), is, hash) {
                Entry::Occupied(entry) => assert_eq!(entry.get().number(), n),
                Entry::Vacant(entry) => {
                    assert!(!list.contains(&n));
                    entry.insert(T::sample(n));
                    list.push(n);
                }
            },
            5..=7 => match table.find_entry(hash_of(n), is) {
                Ok(entry) => {
                    assert_eq!(entry.remove().0.number(), n);
                    let at = list.iter().position(|&held| held == n).expect("held");
                    list.swap_remove(at);
                }
                Err(absent) => {
                    assert_eq!(absent.into_table().len(), list.len());
                    assert!(!list.contains(&n));
                }
            },
            8 => {
                let found = table
                    .iter_hash(hash_of(n))
                    .filter(|entry| is(entry))
                    .count();
                assert_eq!(found, list.iter().filter(|&&held| held == n).count());
                assert!(table.iter_hash_mut(hash_of(n)).count() >= found);
            }
            9 if step % 50 == 0 => {
                table.retain(|entry| entry.number() % 3 != 0);
                list.retain(|n| n % 3 != 0);
            }
            10 if step % 50 == 0 => {
                let out = table.extract_if(|entry| entry.number() % 5 == 0).count();
                let before = list.len();
                list.retain(|n| n % 5 != 0);
                assert_eq!(out, before - list.len());
                table.shrink_to_fit(hash);
            }
            _ => {
                assert_eq!(table.find(hash_of(n), is).is_some(), list.contains(&n));
                assert_eq!(table.find_mut(hash_of(n), is).is_some(), list.contains(&n));
            }
        }
        table.check(hash).expect("a sound table");
        assert_eq!(table.len(), list.len());
    }
    let mut walked: Vec<u64> = table
        .clone()
        .into_iter()
        .map(|entry| entry.number())
        .collect();
    walked.sort_unstable();
    list.sort_unstable();
    assert_eq!(walked, list);
    drop(table);
    assert_eq!((live(), lent()), (0, 0));
}

#[test]
fn tables_agree_with_a_list() {
    let state = millpond_map::DefaultHashBuilder::default;
    agrees::<u64, _>(state(), 60, 3000);
    agrees::<Tracked, _>(state(), 400, 2000);
    agrees::<Wide, _>(state(), 60, 1000);
    agrees::<AlignedHalfPage, _>(state(), 60, 1000);
    agrees::<Nothing, _>(state(), 60, 1000);
    agrees::<Tracked, _>(Degenerate, 50, 1000);
    agrees::<u64, _>(Identity, 100, 1000);
    agrees::<Tracked, _>(Crowded { groups: 3 }, 90, 1000);
}

/// From the first to the last: near tables, far ones, crowded ones, twice the same key.
#[test]
fn many_at_once_are_what_each_is_alone() {
    fn holds<S: BuildHasher>(state: S, len: u64) {
        let mut map: HashMap<u64, u64, S> = HashMap::with_hasher(state);
        assert_eq!(map.get_many([&1, &2]), [None, None]);
        map.extend((0..len).map(|n| (n * 3, n)));
        let mut rng = Rng::new(len);
        for _ in 0..500 {
            let keys: [u64; 16] = std::array::from_fn(|_| rng.below(len as usize * 6) as u64);
            let each = keys.map(|key| map.get(&key));
            assert_eq!(map.get_many(keys.each_ref()), each);
            let entries = map.get_many_key_value(keys.each_ref());
            assert!(
                entries
                    .iter()
                    .zip(&each)
                    .all(|(a, b)| a.map(|(_, value)| value) == *b)
            );
        }
        assert_eq!(
            map.get_many([&3, &3, &1, &3]),
            [Some(&1), Some(&1), None, Some(&1)]
        );
        let none: [&u64; 0] = [];
        assert_eq!(map.get_many(none), []);
    }
    holds(millpond_map::DefaultHashBuilder::default(), 10);
    holds(millpond_map::DefaultHashBuilder::default(), 3000);
    holds(millpond_map::DefaultHashBuilder::default(), 200_000);
    holds(Crowded { groups: 900 }, 40_000);
    holds(Identity, 100_000);
}

#[test]
fn a_set_answers_for_many() {
    for len in [50, 200_000_u32] {
        let set: HashSet<u32> = (0..len).map(|n| n * 2).collect();
        assert_eq!(set.contains_many([&4, &5, &6]), [true, false, true]);
        assert_eq!(set.get_many([&4, &5]), [Some(&4), None]);
    }
}

#[test]
fn a_table_answers_for_many() {
    let hash = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    for len in [10, 50, 200_000] {
        let mut table: HashTable<(u64, u64)> = HashTable::new();
        assert_eq!(table.get_many([hash(1), 2], |_, _| true), [None, None]);
        for n in 0..len {
            table.insert_unique(hash(n), (n, n * n), |held| hash(held.0));
        }
        let wanted = [3, len + 7, 0, 3, len - 1];
        let found = table.get_many(wanted.map(hash), |nth, held| held.0 == wanted[nth]);
        let held = |n: u64| (n < len).then_some((n, n * n));
        assert_eq!(found.map(Option::<&(u64, u64)>::copied), wanted.map(held));
        // Each is asked about with its own number only.
        table.get_many(wanted.map(hash), |nth, held| {
            assert_eq!(held.0 == wanted[nth], hash(held.0) == hash(wanted[nth]));
            false
        });
        assert_eq!(table.get_many([], |_, _| true), []);
    }
}

#[test]
#[should_panic(expected = "duplicate keys found")]
fn disjoint_entries_must_differ() {
    let mut table: HashTable<u8> = HashTable::new();
    table.insert_unique(7, 1, |_| 7);
    table.get_disjoint_mut([7, 7], |_, _| true);
}

/// The walk over a hash meets every entry that has it, also those far from home.
#[test]
fn a_walk_over_a_hash_finds_all_that_have_it() {
    let mut table: HashTable<(u64, u32)> = HashTable::new();
    let hash = |entry: &(u64, u32)| entry.0;
    for n in 0..200 {
        for key in [0, 1 << 60, 7 << 20, u64::MAX] {
            table.insert_unique(key, (key, n), hash);
        }
    }
    for key in [0, 1 << 60, 7 << 20, u64::MAX] {
        let mut found: Vec<u32> = table
            .iter_hash(key)
            .filter(|entry| entry.0 == key)
            .map(|entry| entry.1)
            .collect();
        found.sort_unstable();
        assert!(found.into_iter().eq(0..200));
        table
            .iter_hash_mut(key)
            .filter(|entry| entry.0 == key)
            .for_each(|entry| entry.1 += 1);
    }
    assert_eq!(
        table.iter().map(|entry| u64::from(entry.1)).sum::<u64>(),
        4 * (1..=200).sum::<u64>()
    );
    assert_eq!(
        table
            .iter_hash(5)
            .clone()
            .filter(|entry| entry.0 == 5)
            .count(),
        0
    );
}
