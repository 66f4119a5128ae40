#![forbid(unsafe_code)]
//! `SortedMap` with keys whose order is not the one that others would take: reversed, at odds
//! with their `PartialOrd`, or none at all.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::SortedMap;
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Sample, Tracked, no_value_left};

/// Ordered from the greatest to the least; `<` says otherwise, and `==` looks at a mark that
/// the order does not know.
#[derive(Clone, Copy, Debug)]
struct Reversed {
    number: u64,
    mark: u64,
}

fn reversed(number: u64) -> Reversed {
    thread_local! {
        static MARK: Cell<u64> = const { Cell::new(0) };
    }
    let mark = MARK.get();
    MARK.set(mark + 1);
    Reversed { number, mark }
}

impl PartialEq for Reversed {
    fn eq(&self, other: &Self) -> bool {
        (self.number, self.mark) == (other.number, other.mark)
    }
}

impl Eq for Reversed {}

#[allow(
    clippy::non_canonical_partial_ord_impl,
    reason = "that the two disagree is what is tested"
)]
impl PartialOrd for Reversed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.number.partial_cmp(&other.number)
    }
}

impl Ord for Reversed {
    fn cmp(&self, other: &Self) -> Ordering {
        other.number.cmp(&self.number)
    }
}

fn same(ours: &SortedMap<Reversed, u64>, oracle: &BTreeMap<Reversed, u64>) {
    ours.check().expect("whole");
    let plain = |(key, value): (&Reversed, &u64)| (key.number, *value);
    assert!(ours.iter().map(plain).eq(oracle.iter().map(plain)));
    let back = ours.iter().rev().map(plain);
    assert!(back.eq(oracle.iter().rev().map(plain)));
}

#[test]
fn only_ord_is_asked() {
    for seed in 0..4 {
        let mut rng = Rng::new(seed);
        let mut ours = SortedMap::new();
        let mut oracle = BTreeMap::new();
        for n in 0..1500 {
            let key = || reversed(Rng::new(seed + n).below(200) as u64);
            match rng.below(12) {
                0..6 => assert_eq!(ours.insert(key(), n), oracle.insert(key(), n)),
                6 => assert_eq!(ours.remove(&key()), oracle.remove(&key())),
                7 => assert_eq!(ours.get(&key()), oracle.get(&key())),
                8 => {
                    let many: Vec<_> = (0..rng.below(70))
                        .map(|_| (reversed(rng.below(200) as u64), n))
                        .collect();
                    ours.extend(many.iter().copied());
                    oracle.extend(many);
                }
                9 => {
                    let least = rng.below(200) as u64;
                    let (from, to) = (reversed(least + rng.below(9) as u64), reversed(least));
                    let range = (Included(from), Excluded(to));
                    let lies_in = |key: &Reversed| key.cmp(&from).is_ge() && key.cmp(&to).is_lt();
                    // Not `oracle.range`: that compares its ends by `>`.
                    let expected = oracle.keys().filter(|key| lies_in(key)).count();
                    assert_eq!(ours.part(range).len(), expected);
                    assert_eq!(ours.without(range).len(), oracle.len() - expected);
                    assert_eq!(ours.remove_range(range), expected);
                    oracle.retain(|key, _| !lies_in(key));
                }
                10 => assert_eq!(
                    ours.pop_first().map(|(key, value)| (key.number, value)),
                    oracle.pop_first().map(|(key, value)| (key.number, value))
                ),
                _ => {
                    let entry = ours.entry(key()).or_insert(n);
                    assert_eq!(entry, oracle.entry(key()).or_insert(n));
                }
            }
            same(&ours, &oracle);
        }
        let (keys, values) = ours.into_sorted();
        let again = SortedMap::from_sorted(keys, values).expect("in their own order");
        same(&again, &oracle);
    }
    assert!(SortedMap::from_sorted(vec![reversed(1), reversed(2)], vec![(); 2]).is_err());
}

thread_local! {
    /// Where the lots come from; none while keys tell the truth.
    static LOTS: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A key whose order is now and then drawn by lot.
#[derive(PartialEq, Eq, Debug)]
struct Fickle(u64);

impl PartialOrd for Fickle {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fickle {
    fn cmp(&self, other: &Self) -> Ordering {
        let drawn = LOTS.get().map(|lots| {
            let mut rng = Rng::new(lots);
            LOTS.set(Some(rng.next_u64()));
            rng.below(16)
        });
        match drawn {
            Some(0) => Ordering::Less,
            Some(1) => Ordering::Equal,
            Some(2) => Ordering::Greater,
            _ => self.0.cmp(&other.0),
        }
    }
}

type Fickles = SortedMap<Fickle, Tracked>;

/// Calls `change` while keys lie. The sorts of the standard library panic where an order
/// contradicts itself.
fn lying(seed: u64, change: impl FnOnce()) {
    LOTS.set(Some(seed));
    drop(catch_unwind(AssertUnwindSafe(change)));
    LOTS.set(None);
}

/// Runs `body` without the messages of the panics in it.
fn silent(body: impl FnOnce()) {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = catch_unwind(AssertUnwindSafe(body));
    std::panic::set_hook(hook);
    outcome.expect("no test failed");
}

fn each_key_has_its_value(map: &Fickles) {
    assert_eq!(map.iter().count(), map.len());
    for (key, value) in map {
        assert_eq!(key.0, value.number(), "of another key");
    }
}

#[test]
fn an_order_that_lies_leaves_each_key_its_value() {
    let run = |seed: u64| {
        let mut rng = Rng::new(seed);
        let mut map = Fickles::new();
        for _ in 0..300 {
            let n = rng.below(1000) as u64;
            let (from, to) = (Fickle(n), Fickle(n + 30));
            let what = rng.below(13);
            lying(rng.next_u64(), || match what {
                0..7 => _ = map.entry(from).or_insert_with(|| Tracked::sample(n)),
                7 => drop(map.remove(&from)),
                8 => map.settle(),
                9 => _ = map.remove_range(from..to),
                10 => drop(map.pop_first()),
                11 => map.retain(|key, _| key.0 % 5 != 0),
                _ => {
                    let part = map.part::<Fickle, _>(&from..&to);
                    assert_eq!(part.iter().count(), part.len());
                    let rest = map.without::<Fickle, _>(&from..&to);
                    assert_eq!(rest.iter().rev().count(), rest.len());
                }
            });
            each_key_has_its_value(&map);
        }
    };
    silent(|| no_value_left(|| (0..60).for_each(run)));
}

#[test]
fn an_order_that_lies_to_many_at_once_leaves_a_map() {
    let run = |seed: u64| {
        let mut map: Fickles = (0..50)
            .map(|n| (Fickle(n * 2), Tracked::sample(n)))
            .collect();
        lying(seed, || {
            map.extend((0..60).map(|n| (Fickle(n * 3), Tracked::sample(n))));
        });
        assert_eq!(map.iter().count(), map.len());
        map.extend((0..60).map(|n| (Fickle(n), Tracked::sample(n))));
        assert!(map.len() >= 60);
    };
    silent(|| no_value_left(|| (0..300).for_each(run)));
}
