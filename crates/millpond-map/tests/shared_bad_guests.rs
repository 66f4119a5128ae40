#![forbid(unsafe_code)]
//! Keys whose `Hash` or `Eq` lies or panics, in every call of the maps for many threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::{HashMap, IsZero, ShardedCounterMap, ShardedMap, SnapshotMap};
use millpond_testkit::fuse::{Callback, Fragile, burn, each_panic};
use millpond_testkit::hashers::{Crowded, Degenerate, Lying};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Sample, Tracked, no_value_left};
use std::hash::{BuildHasher, Hash, Hasher};

type Map<S> = ShardedMap<Fragile, Fragile, S>;

fn key(n: u64) -> Fragile {
    Fragile::sample(n)
}

/// A call with its name.
type Named<S> = (&'static str, fn(&Map<S>));

/// Every call of a sharded map, each with closures that may panic.
fn calls<S: BuildHasher + Clone>() -> Vec<Named<S>> {
    vec![
        ("with", |map| _ = map.with(&key(3), |_| burn_closure())),
        ("get", |map| _ = map.get(&key(3))),
        ("contains_key", |map| _ = map.contains_key(&key(99))),
        ("update", |map| _ = map.update(&key(3), |_| burn_closure())),
        ("insert old", |map| drop(map.insert(key(3), key(3)))),
        ("insert new", |map| drop(map.insert(key(77), key(77)))),
        ("try_insert", |map| drop(map.try_insert(key(3), key(3)))),
        ("insert_or_update", |map| {
            map.insert_or_update(key(3), key(3), |_| burn_closure());
        }),
        ("with_or_insert", |map| {
            let make = || {
                burn_closure();
                key(78)
            };
            map.with_or_insert(key(78), make, |_| burn_closure());
        }),
        ("remove", |map| drop(map.remove(&key(3)))),
        ("remove_entry", |map| drop(map.remove_entry(&key(3)))),
        ("remove_if", |map| {
            drop(map.remove_if(&key(4), |_, _| {
                burn_closure();
                true
            }));
        }),
        ("retain", |map| {
            map.retain(|key, _| {
                burn_closure();
                key.number().is_multiple_of(2)
            });
        }),
        ("for_each", |map| map.for_each(|_, _| burn_closure())),
        ("for_each_mut", |map| {
            map.for_each_mut(|_, _| burn_closure())
        }),
        ("reserve", |map| map.reserve(500)),
        ("shrink_to_fit", |map| map.shrink_to_fit()),
        ("extend", |map| {
            map.extend((50..60).map(|n| (key(n), key(n))))
        }),
        ("clear", |map| map.clear()),
        ("take_all", |map| drop(map.take_all().drain().next())),
        ("take_all into_map", |map| drop(map.take_all().into_map())),
    ]
}

fn burn_closure() {
    burn(Callback::Closure);
}

/// Makes the callbacks of every call panic once each, and uses the map after each panic.
/// Returns the panics.
fn each_call_survives<S: BuildHasher + Clone>(hasher: &S, which: &[Callback]) -> u64 {
    let mut panics = 0;
    for (name, call) in calls::<S>() {
        panics += each_panic(which, || {
            let map = Map::with_shards_and_hasher(2, hasher.clone());
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                (0..12).for_each(|n| drop(map.insert(key(n), key(n))));
                call(&map);
            }));
            // Whatever happened, it is a map: what it shows is whole, and it can be used.
            let mut shown = 0;
            map.for_each(|key, value| {
                assert_eq!(key.number(), value.number(), "{name}");
                shown += 1;
            });
            assert_eq!(map.len(), shown, "{name}");
            if let Err(panic) = outcome {
                std::panic::resume_unwind(panic);
            }
            map.insert(key(200), key(200));
            map.clear();
            assert!(map.is_empty(), "{name}");
        });
    }
    panics
}

/// Callbacks that leave nothing behind when they panic.
const CLEAN: [Callback; 4] = [
    Callback::Hash,
    Callback::Eq,
    Callback::Clone,
    Callback::Closure,
];

#[test]
fn each_call_survives_each_panic() {
    let hasher = millpond_map::DefaultHashBuilder::default();
    let panics = no_value_left(|| each_call_survives(&hasher, &CLEAN));
    assert!(panics > 250, "{panics}");
    // What a panic of a drop was about to return may be lost with it, as anywhere in Rust.
    let panics = each_call_survives(&hasher, &[Callback::Drop]);
    assert!(panics > 250, "{panics}");
}

#[test]
fn each_call_survives_each_panic_where_all_keys_meet() {
    let panics = no_value_left(|| each_call_survives(&Degenerate, &CLEAN));
    assert!(panics > 1000, "{panics}");
}

/// A key whose `Eq` answers at random.
#[derive(Clone, Debug)]
struct Fickle(u64, std::sync::Arc<std::sync::Mutex<Rng>>);

impl PartialEq for Fickle {
    fn eq(&self, other: &Fickle) -> bool {
        self.1.lock().expect("no panic").one_in(3) || self.0 == other.0
    }
}

impl Eq for Fickle {}

impl Hash for Fickle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Every call with a hasher or keys that lie: keys get lost, memory and counts do not.
fn lies<S: BuildHasher + Clone>(hasher: S) {
    no_value_left(|| {
        let rng = std::sync::Arc::new(std::sync::Mutex::new(Rng::new(7)));
        let key = |n: u64| Fickle(n, rng.clone());
        let map: ShardedMap<Fickle, Tracked, S> = ShardedMap::with_shards_and_hasher(4, hasher);
        for n in 0..3000_u64 {
            let one = key(n % 60);
            match n % 13 {
                0 => drop(map.insert(one, Tracked::sample(n))),
                1 => drop(map.try_insert(one, Tracked::sample(n))),
                2 => _ = map.insert_or_update(one, Tracked::sample(n), |_| ()),
                3 => map.with_or_insert(one, || Tracked::sample(n), |_| ()),
                4 => drop(map.remove(&one)),
                5 => drop(map.remove_if(&one, |_, value| value.number() % 2 == 0)),
                6 => _ = map.update(&one, |value| *value = Tracked::sample(n)),
                7 => _ = map.with(&one, Tracked::number),
                8 if n % 100 < 13 => map.shrink_to_fit(),
                9 if n % 100 < 13 => map.retain(|key, _| key.0 % 3 != 0),
                10 if n % 700 < 13 => map.clear(),
                11 if n % 700 < 13 => drop(map.take_all().drain().next()),
                _ => drop(map.insert(one, Tracked::sample(n))),
            }
            let mut shown = 0;
            map.for_each(|_, value| {
                value.number();
                shown += 1;
            });
            assert_eq!(shown, map.len());
        }
    });
}

#[test]
fn hashers_and_keys_that_lie_lose_keys_and_nothing_else() {
    lies(Lying);
    lies(Degenerate);
    lies(Crowded { groups: 3 });
}

/// A count whose `is_zero` panics when asked for the last time that is left.
#[derive(Default, Debug)]
struct Moody(u64);

impl IsZero for Moody {
    fn is_zero(&self) -> bool {
        burn(Callback::Closure);
        self.0 == 0
    }
}

#[test]
fn counters_survive_each_panic_too() {
    no_value_left(|| {
        let panics = each_panic(&[Callback::Hash, Callback::Eq, Callback::Closure], || {
            let counts: ShardedCounterMap<Fragile, Moody> = ShardedCounterMap::new();
            let work = catch_unwind(AssertUnwindSafe(|| {
                for n in 0..6 {
                    counts.apply(key(n), |count| count.0 += 1);
                }
                counts.apply(key(3), |count| {
                    count.0 -= 1;
                    burn_closure();
                });
                counts.apply(key(4), |count| count.0 += 1);
            }));
            let mut sum = 0;
            counts.for_each(|_, count| sum += count.0);
            assert!(sum <= 8);
            if let Err(panic) = work {
                std::panic::resume_unwind(panic);
            }
            assert_eq!((sum, counts.len()), (6, 5));
        });
        assert!(panics > 15, "{panics}");
    });
}

#[test]
fn a_change_of_a_snapshot_survives_each_panic_of_a_clone() {
    no_value_left(|| {
        let panics = each_panic(&[Callback::Clone, Callback::Closure], || {
            let map: SnapshotMap<Fragile, Fragile> = SnapshotMap::new();
            let mut published = 0;
            let work = catch_unwind(AssertUnwindSafe(|| {
                for n in 0..4 {
                    map.update(|next| {
                        next.insert(key(n), key(n));
                        burn_closure();
                    });
                    published = n + 1;
                }
            }));
            // All of a change was published, or nothing of it, and the map can be used.
            let seen = map.load_full();
            assert_eq!(seen.len() as u64, published);
            assert!(
                seen.iter()
                    .all(|(key, value)| key.number() == value.number())
            );
            drop(seen);
            if let Err(panic) = work {
                std::panic::resume_unwind(panic);
            }
            assert_eq!(map.replace(HashMap::new()).map(|last| last.len()), Some(4));
        });
        assert!(panics > 15, "{panics}");
    });
}
