//! Every callback panics once: nothing leaks, nothing is dropped twice, and the map stays whole.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::lent;
use common::panics::{ALL, LENS, Set, each_panic, map_of};
use millpond_map::HashMap;
use millpond_testkit::fuse::{Callback, Fragile, burn, light};
use millpond_testkit::values::{Sample, live};

#[test]
fn insert_new_which_grows() {
    for len in LENS {
        let panics = each_panic(len, |map| {
            map.insert(Fragile::sample(5000), Fragile::sample(1));
        });
        assert!(
            panics > len,
            "the hash of each entry, when the map is full: {panics}"
        );
    }
}

/// Nearly full, so that inserts move other entries out of their way, which hashes those.
#[test]
fn insert_that_evicts() {
    let panics = each_panic(440, |map| {
        for n in 0..30 {
            map.remove(&Fragile::sample(n));
            map.insert(Fragile::sample(n + 10_000), Fragile::sample(n + 1000));
            map.entry(Fragile::sample(n + 20_000))
                .or_insert_with(|| Fragile::sample(1));
            map.remove(&Fragile::sample(n + 20_000));
        }
    });
    assert!(panics > 30 * 4);
}

#[test]
fn insert_over_an_entry() {
    for len in LENS {
        each_panic(len, |map| {
            map.insert(Fragile::sample(3), Fragile::sample(1));
        });
    }
}

#[test]
fn look_up_and_remove() {
    for len in LENS {
        each_panic(len, |map| {
            map.get(&Fragile::sample(4));
            map.get_mut(&Fragile::sample(4_000));
            map.remove(&Fragile::sample(5));
            map.remove_entry(&Fragile::sample(6_000));
        });
    }
}

#[test]
fn entry() {
    for len in LENS {
        each_panic(len, |map| {
            map.entry(Fragile::sample(1))
                .and_modify(|_| burn(Callback::Closure))
                .or_insert_with(|| {
                    burn(Callback::Closure);
                    Fragile::sample(8)
                });
            map.entry(Fragile::sample(9_000)).or_insert_with_key(|_| {
                burn(Callback::Closure);
                Fragile::sample(8)
            });
            map.entry(Fragile::sample(2))
                .and_replace_entry_with(|_, value| {
                    burn(Callback::Closure);
                    Some(value)
                });
            map.entry(Fragile::sample(3))
                .and_replace_entry_with(|_, _| {
                    burn(Callback::Closure);
                    None
                });
        });
    }
}

#[test]
fn retain() {
    for len in LENS {
        each_panic(len, |map| {
            map.retain(|key, _| {
                burn(Callback::Closure);
                key.number() % 3 == 0
            });
        });
        each_panic(len, |map| map.retain(|_, _| false));
    }
}

#[test]
fn extract_if() {
    for len in LENS {
        each_panic(len, |map| {
            let taken = map.extract_if(|key, _| {
                burn(Callback::Closure);
                key.number() % 3 != 0
            });
            taken.for_each(drop);
        });
        each_panic(len, |map| drop(map.extract_if(|_, _| true).next()));
    }
}

#[test]
fn clear() {
    for len in LENS {
        let panics = each_panic(len, HashMap::clear);
        assert_eq!(panics, 2 * len, "the drop of each key and value");
        each_panic(len, HashMap::clear_and_shrink);
    }
}

#[test]
fn drain() {
    for len in LENS {
        each_panic(len, |map| map.drain().for_each(drop));
        each_panic(len, |map| {
            let mut drain = map.drain();
            drop(drain.next());
            drop(drain.next());
        });
    }
}

#[test]
fn into_iter_and_drop() {
    for len in LENS {
        each_panic(len, |map| {
            let mut walk = std::mem::take(map).into_iter();
            drop(walk.next());
            drop(walk.next());
        });
        each_panic(len, |map| std::mem::take(map).into_values().for_each(drop));
        each_panic(len, |map| drop(std::mem::take(map)));
    }
}

#[test]
fn clone() {
    for len in LENS {
        let panics = each_panic(len, |map| *map = map.clone());
        assert_eq!(
            panics,
            4 * len,
            "the clone of each key and value, and the drop"
        );
        // Into a slab of the same size, of another, and into none.
        for source in [len, len + 40, 0] {
            let source = map_of(source);
            each_panic(len, |map| map.clone_from(&source));
        }
    }
}

#[test]
fn reserve_and_shrink() {
    for len in LENS {
        each_panic(len, |map| map.reserve(500));
        each_panic(len, |map| assert!(map.try_reserve(500).is_ok()));
        each_panic(len, |map| {
            map.retain(|key, _| key.number() < 10);
            map.shrink_to_fit();
        });
    }
}

#[test]
fn extend_and_compare() {
    for len in LENS {
        each_panic(len, |map| {
            map.extend((0..20).map(|n| {
                burn(Callback::Closure);
                (Fragile::sample(n * 20), Fragile::sample(n))
            }));
        });
        let other = map_of(len);
        each_panic(len, |map| assert!(*map == other));
    }
}

#[test]
fn sets() {
    let (live_before, lent_before) = (live(), lent());
    for granted in 0.. {
        let mut set: Set = (0..40).map(Fragile::sample).collect();
        let other: Set = (20..60).map(Fragile::sample).collect();
        let lit = light(&ALL, granted);
        let result = catch_unwind(AssertUnwindSafe(|| {
            set.replace(Fragile::sample(7));
            set.get_or_insert_with(&Fragile::sample(99), |key| {
                burn(Callback::Closure);
                key.clone()
            });
            set |= &other;
            set.retain(|_| {
                burn(Callback::Closure);
                true
            });
            set -= &other;
            let both = &set | &other;
            set = both;
            set.take(&Fragile::sample(30));
        }));
        drop(lit);
        set.check()
            .unwrap_or_else(|broken| panic!("{granted} callbacks: {broken}"));
        drop((set, other));
        assert_eq!(
            live(),
            live_before,
            "{granted} callbacks: dropped once each"
        );
        assert_eq!(lent(), lent_before, "{granted} callbacks: slabs");
        if result.is_ok() {
            assert!(granted > 100);
            return;
        }
    }
}

/// A walk that is forgotten leaks what it had ahead, and leaves a map that works.
#[test]
fn forgotten_walks() {
    let mut map: HashMap<u64, String> = (0..100).map(|n| (n, n.to_string())).collect();
    let mut drain = map.drain();
    drain.next();
    std::mem::forget(drain);
    map.check().unwrap();
    assert!(map.is_empty());
    map.insert(1, "one".into());
    assert_eq!(map.len(), 1);

    let mut map: HashMap<u64, String> = (0..100).map(|n| (n, n.to_string())).collect();
    _ = map.extract_if(|_, _| true);
    map.check().unwrap();
    assert_eq!(map.len(), 100);
    _ = map.iter_mut().next();
    _ = map.entry(5000);
    map.check().unwrap();
    assert_eq!(map.len(), 100);
}
