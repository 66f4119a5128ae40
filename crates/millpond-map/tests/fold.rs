//! Every walk that goes its own way in `fold` says what its `next` says, and one that owns its
//! entries drops each once, wherever the fold panics.

use std::fmt::Debug;

use millpond_map::{HashMap, HashSet, HashTable};
use millpond_testkit::fuse::{Callback, Fragile, burn, each_panic};
use millpond_testkit::values::{Sample, live};

/// Lengths of maps: empty, of one group, of several, of several lines, with a list of lines.
const LENS: [u64; 6] = [0, 1, 16, 28, 200, 3_000];

/// Walks twice, by `next` and by `fold`, from the start and from the middle.
#[track_caller]
fn same<I: Iterator>(mut walk: impl FnMut() -> I)
where
    I::Item: Debug + PartialEq,
{
    for taken in [0, 1, 7, 100] {
        let mut by_next = walk();
        let _ = by_next.by_ref().take(taken).count();
        let mut looped = Vec::new();
        for item in by_next {
            looped.push(item);
        }
        let mut by_fold = walk();
        let _ = by_fold.by_ref().take(taken).count();
        let folded = by_fold.fold(Vec::new(), |mut folded, item| {
            folded.push(item);
            folded
        });
        assert_eq!(looped, folded, "{taken} taken before");
    }
}

#[test]
fn a_fold_is_a_loop() {
    for len in LENS {
        let map: HashMap<u64, u64> = (0..len).map(|n| (n, n * n)).collect();
        same(|| map.iter());
        same(|| map.keys());
        same(|| map.values());
        same(|| map.clone().into_iter());
        same(|| map.clone().into_keys());
        same(|| map.clone().into_values());
        // What is lent has to outlive the walks.
        same(|| Box::leak(Box::new(map.clone())).values_mut());
        same(|| Box::leak(Box::new(map.clone())).drain());

        let (low, high): (HashSet<u64>, HashSet<u64>) =
            ((0..len).collect(), (len / 2..len * 3 / 2).collect());
        same(|| low.clone().into_iter());
        same(|| Box::leak(Box::new(low.clone())).drain());
        same(|| low.union(&high));
        same(|| low.difference(&high));
        same(|| low.intersection(&high));
        same(|| low.symmetric_difference(&high));

        let mut table = HashTable::new();
        for n in 0..len {
            table.insert_unique(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n, |n| {
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            });
        }
        same(|| table.clone().into_iter());
        same(|| Box::leak(Box::new(table.clone())).drain());
    }
}

#[test]
fn a_drained_map_is_empty_and_of_use_after_a_fold() {
    let mut map: HashMap<u64, String> = (0..100).map(|n| (n, n.to_string())).collect();
    let capacity = map.capacity();
    let bytes = map.drain().fold(0, |sum, (_, value)| sum + value.len());
    assert_eq!(bytes, 190);
    assert_eq!((map.len(), map.capacity()), (0, capacity));
    map.check().unwrap();
    map.insert(1, String::new());
    assert_eq!(map.len(), 1);
}

type Map = HashMap<Fragile, Fragile>;

fn map_of(len: u64) -> Map {
    (0..len)
        .map(|n| (Fragile::sample(n), Fragile::sample(n + 1000)))
        .collect()
}

/// Folds over each map, and panics at the first call or drop, the second, and so on.
fn each_panic_drops_once(fold: impl Fn(Map)) {
    for len in [1, 16, 28, 90] {
        let before = live();
        let panics = each_panic(&[Callback::Closure, Callback::Drop], || {
            // Entries that lie ahead when something panics are dropped, too.
            fold(map_of(len));
        });
        assert!(panics > len, "{len}: {panics} panics");
        assert_eq!(live(), before, "{len}: each entry is dropped once");
    }
}

#[test]
fn a_panic_in_a_fold_drops_each_entry_once() {
    each_panic_drops_once(|map| {
        map.into_iter().fold((), |(), entry| {
            burn(Callback::Closure);
            drop(entry);
        });
    });
    each_panic_drops_once(|map| {
        map.into_keys().fold((), |(), key| {
            burn(Callback::Closure);
            drop(key);
        });
    });
    each_panic_drops_once(|map| {
        map.into_values().fold((), |(), value| {
            burn(Callback::Closure);
            drop(value);
        });
    });
    each_panic_drops_once(|mut map| {
        map.drain().fold((), |(), entry| {
            burn(Callback::Closure);
            drop(entry);
        });
    });
}

#[test]
fn a_map_whose_drain_panics_in_a_fold_is_empty() {
    let before = live();
    let mut map = map_of(50);
    let panics = each_panic(&[Callback::Closure], || {
        map.extend((0..50).map(|n| (Fragile::sample(n), Fragile::sample(n))));
        map.drain().fold((), |(), _| burn(Callback::Closure));
    });
    assert_eq!(panics, 50);
    assert!(map.is_empty());
    map.check().unwrap();
    drop(map);
    assert_eq!(live(), before);
}
