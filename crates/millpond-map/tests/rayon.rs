//! Walks on many threads, against the same on one.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millpond_map::{HashMap, HashSet, HashTable};
use millpond_testkit::hashers::Degenerate;
use rayon::prelude::*;

/// Lengths around one line of 64 slots, around the touched list, and beyond.
const LENS: [u64; 8] = [0, 1, 14, 56, 57, 400, 5_000, 100_000];

fn squares(len: u64) -> HashMap<u64, u64> {
    (0..len).map(|n| (n, n * n)).collect()
}

/// Maps of each length, full, half erased, and with room for many more.
fn maps() -> Vec<HashMap<u64, u64>> {
    let mut maps = Vec::new();
    for len in LENS {
        maps.push(squares(len));
        let mut erased = squares(len);
        erased.retain(|n, _| n % 2 == 0);
        maps.push(erased);
        let mut roomy = HashMap::with_capacity(50_000);
        roomy.extend((0..len.min(100)).map(|n| (n, n * n)));
        maps.push(roomy);
    }
    maps
}

#[test]
fn borrowed_walks_see_each_entry_once() {
    for mut map in maps() {
        let entries: BTreeSet<(u64, u64)> = map.iter().map(|(n, square)| (*n, *square)).collect();
        let seen: Vec<(u64, u64)> = map.par_iter().map(|(n, square)| (*n, *square)).collect();
        assert_eq!(seen.len(), map.len());
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), entries);
        let keys: BTreeSet<u64> = map.par_keys().copied().collect();
        assert_eq!(keys, entries.iter().map(|entry| entry.0).collect());
        assert_eq!(
            map.par_values().sum::<u64>(),
            entries.iter().map(|entry| entry.1).sum()
        );
        map.par_iter_mut().for_each(|(n, square)| *square -= n);
        map.par_values_mut().for_each(|value| *value += 1);
        assert!(map.iter().all(|(n, value)| *value == n * n - n + 1));
        map.check().unwrap();
        assert!(map.par_eq(&map.clone()));
        let mut other = map.clone();
        if let Some(value) = other.values_mut().next() {
            *value += 1;
            assert!(!map.par_eq(&other));
        }
    }
}

#[test]
fn owning_walks_hand_out_each_entry_once() {
    for mut map in maps() {
        let entries: BTreeSet<(u64, u64)> = map.iter().map(|(n, square)| (*n, *square)).collect();
        let moved: Vec<(u64, u64)> = map.clone().into_par_iter().collect();
        assert_eq!(moved.len(), map.len());
        assert_eq!(moved.into_iter().collect::<BTreeSet<_>>(), entries);
        let capacity = map.capacity();
        let drained: Vec<(u64, u64)> = map.par_drain().collect();
        assert_eq!(drained.len(), entries.len());
        assert_eq!(drained.into_iter().collect::<BTreeSet<_>>(), entries);
        map.check().unwrap();
        assert_eq!((map.len(), map.capacity()), (0, capacity));
        map.insert(1, 2);
        assert_eq!(map[&1], 2);
    }
}

#[test]
fn a_crowded_map_is_walked_whole() {
    let mut map: HashMap<u64, u64, Degenerate> = HashMap::default();
    map.extend((0..700).map(|n| (n, 1)));
    assert_eq!(map.par_values().sum::<u64>(), 700);
    assert_eq!(
        map.into_par_iter().map(|(n, _)| n).sum::<u64>(),
        (0..700).sum()
    );
}

/// Counts how many of it live, on whatever thread they die.
#[derive(Clone)]
struct Live(Arc<AtomicUsize>);

impl Live {
    fn new(count: &Arc<AtomicUsize>) -> Live {
        count.fetch_add(1, Ordering::Relaxed);
        Live(Arc::clone(count))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn what_is_not_walked_is_dropped_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let make = || -> HashMap<u64, Live> { (0..20_000).map(|n| (n, Live::new(&count))).collect() };
    let live = || count.load(Ordering::Relaxed);

    // Walks that are never driven.
    drop(make().into_par_iter());
    assert_eq!(live(), 0);
    let mut map = make();
    drop(map.par_drain());
    assert_eq!((live(), map.len()), (0, 0));

    // Walks that end early.
    assert!(make().into_par_iter().find_any(|(n, _)| *n == 7).is_some());
    assert_eq!(live(), 0);
    let mut map = make();
    assert!(map.par_drain().any(|(n, _)| n == 7));
    assert_eq!((live(), map.len()), (0, 0));
    map.check().unwrap();

    // Walks in which somebody panics.
    for at in [0, 1, 9_999, 19_999] {
        let owner = catch_unwind(|| make().into_par_iter().for_each(|(n, _)| assert_ne!(n, at)));
        assert!(owner.is_err());
        assert_eq!(live(), 0);
        let mut map = make();
        let drain = catch_unwind(AssertUnwindSafe(|| {
            map.par_drain().for_each(|(n, _)| assert_ne!(n, at));
        }));
        assert!(drain.is_err());
        assert_eq!((live(), map.len()), (0, 0));
        map.check().unwrap();
        map.insert(1, Live::new(&count));
        let shared = catch_unwind(AssertUnwindSafe(|| {
            map.par_keys().for_each(|n| assert_ne!(*n, 1))
        }));
        assert!(shared.is_err());
        assert_eq!((live(), map.len()), (1, 1));
    }
    assert_eq!(live(), 0);
}

#[test]
fn maps_and_sets_are_made_of_parallel_walks() {
    let map: HashMap<u64, u64> = (0..10_000_u64)
        .into_par_iter()
        .map(|n| (n, n * n))
        .collect();
    assert_eq!(map, squares(10_000));
    let mut more = squares(10);
    more.par_extend((5..20_u64).into_par_iter().map(|n| (n, n * n)));
    assert_eq!(more, squares(20));
    more.par_extend(&squares(30));
    assert_eq!(more, squares(30));
    let mut set: HashSet<u64> = (0..1000_u64).into_par_iter().map(|n| n / 2).collect();
    assert_eq!(set.len(), 500);
    set.par_extend(&HashSet::from([500, 501]));
    assert_eq!(set.len(), 502);
    set.check().unwrap();
}

#[test]
fn sets_relate_in_parallel_as_they_do_alone() {
    let (a, b): (HashSet<u32>, HashSet<u32>) = ((0..3000).collect(), (2000..2500).collect());
    let same = |parallel: Vec<&u32>, alone: Vec<&u32>| {
        assert_eq!(parallel.len(), alone.len());
        let of = |walk: Vec<&u32>| walk.into_iter().copied().collect::<BTreeSet<u32>>();
        assert_eq!(of(parallel), of(alone));
    };
    for (a, b) in [(&a, &b), (&b, &a), (&a, &a)] {
        same(a.par_union(b).collect(), a.union(b).collect());
        same(a.par_intersection(b).collect(), a.intersection(b).collect());
        same(a.par_difference(b).collect(), a.difference(b).collect());
        same(
            a.par_symmetric_difference(b).collect(),
            a.symmetric_difference(b).collect(),
        );
        assert_eq!(a.par_is_subset(b), a.is_subset(b));
        assert_eq!(a.par_is_superset(b), a.is_superset(b));
        assert_eq!(a.par_is_disjoint(b), a.is_disjoint(b));
        assert_eq!(a.par_eq(b), a == b);
    }
    assert!(a.par_is_disjoint(&HashSet::from([9999])));
    assert_eq!(a.clone().into_par_iter().count(), 3000);
    let mut a = a;
    assert_eq!(a.par_drain().map(u64::from).sum::<u64>(), (0..3000).sum());
    assert!(a.is_empty());
}

#[test]
fn tables_are_walked_too() {
    let hash = |n: &u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(20);
    let mut table: HashTable<u64> = HashTable::new();
    for n in 0..9000 {
        table.insert_unique(hash(&n), n, hash);
    }
    assert_eq!(table.par_iter().sum::<u64>(), (0..9000).sum());
    table.par_iter_mut().for_each(|n| *n += 0);
    assert_eq!(table.clone().into_par_iter().count(), 9000);
    assert_eq!(table.par_drain().max(), Some(8999));
    assert!(table.is_empty());
}

#[test]
fn walks_say_what_lies_ahead() {
    let map = HashMap::from([(1, 'a')]);
    assert_eq!(format!("{:?}", map.par_iter()), "[(1, 'a')]");
    assert_eq!(format!("{:?}", map.par_keys().clone()), "[1]");
    assert_eq!(format!("{:?}", map.par_values()), "['a']");
    assert_eq!(format!("{:?}", HashSet::from([7]).par_iter()), "[7]");
}
