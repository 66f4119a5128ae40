#![forbid(unsafe_code)]
//! `SortedMap` against a `BTreeMap`, step by step.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::sorted_map::Entry;
use millpond_map::{NotSorted, SortedMap};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Aligned64, Nothing, Sample, Tracked, live, no_value_left};

fn same<V: Sample>(ours: &SortedMap<u64, V>, oracle: &BTreeMap<u64, V>) {
    ours.check().expect("whole");
    assert_eq!(ours.len(), oracle.len());
    assert!(ours.iter().eq(oracle.iter()));
    assert!(ours.iter().rev().eq(oracle.iter().rev()));
    assert_eq!(ours.first_key_value(), oracle.first_key_value());
    assert_eq!(ours.last_key_value(), oracle.last_key_value());
}

fn bounds(rng: &mut Rng, keys: usize) -> (Bound<u64>, Bound<u64>) {
    let mut bound = || match rng.below(5) {
        0 => Unbounded,
        1 | 2 => Included(rng.below(keys) as u64),
        _ => Excluded(rng.below(keys) as u64),
    };
    (bound(), bound())
}

fn lies_in(bounds: &(Bound<u64>, Bound<u64>), key: u64) -> bool {
    use std::ops::RangeBounds;
    bounds.contains(&key)
}

/// Whether every key is before or behind the range: it has no order of its own then.
fn is_reversed(bounds: &(Bound<u64>, Bound<u64>), keys: usize) -> bool {
    !(0..keys as u64).any(|key| lies_in(bounds, key))
}

fn agrees<V: Sample>(keys: usize, steps: usize, seeds: u64) {
    no_value_left(|| {
        for seed in 0..seeds {
            let mut rng = Rng::new(seed);
            let mut ours: SortedMap<u64, V> = SortedMap::new();
            let mut oracle: BTreeMap<u64, V> = BTreeMap::new();
            for _ in 0..steps {
                let key = rng.below(keys) as u64;
                let number = rng.next_u64();
                match rng.below(40) {
                    0..=14 => assert_eq!(
                        ours.insert(key, V::sample(number)),
                        oracle.insert(key, V::sample(number))
                    ),
                    15..=20 => assert_eq!(ours.remove(&key), oracle.remove(&key)),
                    21..=23 => assert_eq!(ours.get_key_value(&key), oracle.get_key_value(&key)),
                    24 => {
                        let (a, b) = (ours.get_mut(&key), oracle.get_mut(&key));
                        assert_eq!(a, b);
                        if let (Some(a), Some(b)) = (a, b) {
                            (*a, *b) = (V::sample(1), V::sample(1));
                        }
                    }
                    25 => assert_eq!(ours.pop_first(), oracle.pop_first()),
                    26 => assert_eq!(ours.pop_last(), oracle.pop_last()),
                    27 => ours.settle(),
                    28 => {
                        ours.retain(|key, _| key % 7 != 0);
                        oracle.retain(|key, _| key % 7 != 0);
                    }
                    29 => {
                        let from = rng.below(keys);
                        let to = rng.between(from, keys) as u64;
                        let from = from as u64;
                        let expected = oracle.range(from..to).count();
                        assert_eq!(ours.remove_range(from..to), expected);
                        oracle.retain(|key, _| !(from..to).contains(key));
                    }
                    30 | 31 => {
                        let count = rng.below(80);
                        let entries: Vec<u64> =
                            (0..count).map(|_| rng.below(keys) as u64).collect();
                        let with = |n: u64| move |key: &u64| (*key, V::sample(key ^ n));
                        ours.extend(entries.iter().map(with(number)));
                        oracle.extend(entries.iter().map(with(number)));
                    }
                    32 => {
                        let copy = ours.clone();
                        assert_eq!(copy, ours);
                        ours = copy.into_iter().collect();
                    }
                    33 if rng.one_in(4) => {
                        ours.clear();
                        oracle.clear();
                    }
                    34 => {
                        for value in ours.values_mut() {
                            *value = V::sample(5);
                        }
                        oracle.values_mut().for_each(|value| *value = V::sample(5));
                    }
                    _ => {
                        let range = bounds(&mut rng, keys);
                        let inside: Vec<_> = oracle
                            .iter()
                            .filter(|(key, _)| lies_in(&range, **key))
                            .collect();
                        let outside: Vec<_> = oracle
                            .iter()
                            .filter(|(key, _)| !lies_in(&range, **key))
                            .collect();
                        let part = ours.part(range);
                        assert_eq!(part.len(), inside.len());
                        assert!(part.iter().eq(inside.iter().copied()));
                        assert!(part.iter().rev().eq(inside.iter().copied().rev()));
                        assert!(ours.range(range).eq(inside.iter().copied()));
                        let rest = ours.without(range);
                        assert_eq!(rest.len(), outside.len());
                        assert!(rest.iter().eq(outside.iter().copied()));
                        if !is_reversed(&range, keys) {
                            assert_eq!(part.contains_key(&key), inside.iter().any(|e| *e.0 == key));
                            assert_eq!(
                                rest.get(&key).is_some(),
                                outside.iter().any(|e| *e.0 == key)
                            );
                        }
                    }
                }
                same(&ours, &oracle);
            }
            let (sorted, values) = ours.into_sorted();
            assert!(sorted.iter().eq(oracle.keys()) && values.iter().eq(oracle.values()));
        }
    });
}

#[test]
fn numbers() {
    agrees::<u64>(50, 1500, 6);
    agrees::<u64>(2000, 2500, 2);
}

#[test]
fn values_that_count_their_drops() {
    agrees::<Tracked>(60, 1200, 4);
}

#[test]
fn values_without_size_and_over_aligned() {
    agrees::<Nothing>(60, 600, 2);
    agrees::<Aligned64>(60, 600, 2);
}

#[test]
fn prefixes_of_strings_and_bytes() {
    let mut rng = Rng::new(9);
    let mut ours: SortedMap<String, u64> = SortedMap::new();
    let mut oracle = BTreeMap::new();
    let word = |rng: &mut Rng| -> String {
        (0..rng.below(5))
            .map(|_| ['a', 'b', 'ü', '~'][rng.below(4)])
            .collect()
    };
    for n in 0..3000 {
        let key = word(&mut rng);
        ours.insert(key.clone(), n);
        oracle.insert(key, n);
        if n % 5 == 0 {
            let prefix = word(&mut rng);
            let expected = || oracle.iter().filter(|(key, _)| key.starts_with(&prefix));
            assert!(ours.prefix(&prefix).iter().eq(expected()));
            if n % 50 == 0 && !prefix.is_empty() {
                let count = expected().count();
                assert_eq!(ours.remove_prefix(&prefix), count);
                oracle.retain(|key, _| !key.starts_with(&prefix));
                assert!(ours.iter().eq(oracle.iter()));
            }
        }
    }
    let bytes = SortedMap::from([(vec![0xff, 1], 1), (vec![0xff], 0), (vec![0xfe, 9], 2)]);
    assert_eq!(bytes.prefix([0xff]).len(), 2);
    assert_eq!(bytes.get([0xff_u8].as_slice()), Some(&0));
}

#[test]
fn what_is_not_sorted_is_refused() {
    assert_eq!(
        SortedMap::from_sorted(vec![1, 2, 2], vec![0; 3]).err(),
        Some(NotSorted { index: 2 })
    );
    assert_eq!(
        SortedMap::from_sorted(vec![1, 2], vec![0; 3]).err(),
        Some(NotSorted { index: 2 })
    );
    assert!(SortedMap::<u8, u8>::from_sorted(vec![], vec![]).is_ok());
}

#[test]
fn keys_in_order_never_wait_in_the_tail() {
    let map: SortedMap<u64, u64> = (0..1000).map(|n| (n, n)).collect();
    let mut slow = SortedMap::new();
    for n in 0..1000 {
        slow.insert(n, n);
    }
    assert_eq!(map, slow);
    let (keys, _) = slow.into_sorted();
    assert_eq!(keys.len(), 1000);
}

thread_local! {
    static COMPARISONS: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// A key whose order panics when its time has come.
#[derive(PartialEq, Eq, Clone, Debug)]
struct Bomb(u64);

impl Ord for Bomb {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = COMPARISONS.get();
        assert!(left != 0, "on purpose");
        COMPARISONS.set(left - 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Bomb {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[test]
fn an_order_that_panics_loses_nothing_but_what_was_on_its_way_in() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for granted in 0..400 {
        COMPARISONS.set(u32::MAX);
        let mut map: SortedMap<Bomb, Tracked> = (0..40)
            .map(|n| (Bomb(n * 10), Tracked::sample(n)))
            .collect();
        for n in 0..32 {
            map.insert(Bomb(n * 7 % 32 * 10 + 5), Tracked::sample(n));
        }
        COMPARISONS.set(granted);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            map.insert(Bomb(203), Tracked::sample(1)); // the tail is full: merges
        }));
        COMPARISONS.set(u32::MAX);
        let before = map.len();
        assert!(before == 73 || outcome.is_err() && before == 72, "{before}");
        map.settle();
        map.check().expect("whole");
        assert_eq!((map.len(), live()), (before, before as i64));
    }
    std::panic::set_hook(hook);
    assert_eq!(live(), 0);
}

#[test]
fn a_filter_that_panics_loses_nothing() {
    let mut map: SortedMap<u64, Tracked> = (0..100).map(|n| (n, Tracked::sample(n))).collect();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        map.retain(|key, _| *key != 50 || panic!("on purpose"))
    }));
    assert!(outcome.is_err());
    assert_eq!((map.len(), live()), (100, 100));
}

#[test]
fn an_entry_is_what_it_is_in_a_btree_map() {
    use std::collections::btree_map::Entry as Theirs;
    no_value_left(|| {
        let mut rng = Rng::new(3);
        let mut ours: SortedMap<u64, Tracked> = SortedMap::new();
        let mut oracle: BTreeMap<u64, Tracked> = BTreeMap::new();
        for _ in 0..6000 {
            let (key, number) = (rng.below(150) as u64, rng.next_u64());
            let value = || Tracked::sample(number);
            match (ours.entry(key), oracle.entry(key)) {
                (Entry::Occupied(mut ours), Theirs::Occupied(mut theirs)) => {
                    assert_eq!((ours.key(), ours.get()), (theirs.key(), theirs.get()));
                    match rng.below(4) {
                        0 => assert_eq!(ours.remove_entry(), theirs.remove_entry()),
                        1 => assert_eq!(ours.insert(value()), theirs.insert(value())),
                        2 => {
                            *ours.get_mut() = value();
                            *theirs.into_mut() = value();
                        }
                        _ => assert_eq!(ours.remove(), theirs.remove()),
                    }
                }
                (Entry::Vacant(ours), Theirs::Vacant(theirs)) => {
                    assert_eq!(ours.key(), theirs.key());
                    if rng.one_in(5) {
                        assert_eq!(ours.into_key(), theirs.into_key());
                    } else {
                        assert_eq!(ours.insert(value()), theirs.insert(value()));
                    }
                }
                (ours, _) => panic!("{ours:?}"),
            }
            let mine = ours
                .entry(key)
                .and_modify(|held| *held = Tracked::sample(1));
            let theirs = oracle
                .entry(key)
                .and_modify(|held| *held = Tracked::sample(1));
            assert_eq!(mine.or_insert_with(value), theirs.or_insert_with(value));
            assert_eq!(ours.len(), oracle.len());
        }
        same(&ours, &oracle);
    });
}

#[test]
fn sorted_maps_compare_and_come_apart_as_btree_maps_do() {
    let make = |pairs: &[(u8, u8)]| {
        let ours: SortedMap<u8, u8> = pairs.iter().copied().collect();
        let theirs: BTreeMap<u8, u8> = pairs.iter().copied().collect();
        (ours, theirs)
    };
    let maps = [&[][..], &[(1, 1)], &[(1, 2)], &[(1, 1), (2, 0)], &[(2, 0)]].map(make);
    for (one, one_theirs) in &maps {
        for (other, other_theirs) in &maps {
            assert_eq!(one.cmp(other), one_theirs.cmp(other_theirs));
            assert_eq!(one == other, one_theirs == other_theirs);
        }
        assert!(one.clone().into_keys().eq(one_theirs.clone().into_keys()));
        assert!(
            one.clone()
                .into_values()
                .eq(one_theirs.clone().into_values())
        );
    }
    let mut map: SortedMap<u64, u64> = (0..100).rev().map(|n| (n, n)).collect();
    map.reserve(1000);
    assert!(map.capacity() >= 1100);
    assert_eq!(map.get_key_value_mut(&7), Some((&7, &mut 7)));
    assert!(map.drain().rev().eq((0..100).rev().map(|n| (n, n))));
    assert!(map.is_empty());
}
