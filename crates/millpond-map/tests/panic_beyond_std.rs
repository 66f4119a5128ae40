//! Every callback panics once, in the operations that std's maps do not have.

mod common;

use std::hash::BuildHasher;

use common::panics::{ALL, Hasher, LENS, each_panic, map_of};
use common::{Counted, lent};
use millpond_map::hash_map::{Entry, EntryRef};
use millpond_map::{HashSet, HashTable};
use millpond_testkit::fuse::{Callback, Fragile, burn, light};
use millpond_testkit::values::{Sample, live};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn look_ups_of_several() {
    for len in LENS {
        let keys = [1, 9_000, 3, 3].map(Fragile::sample);
        each_panic(len, |map| {
            map.get_many(keys.each_ref());
        });
        each_panic(len, |map| {
            map.get_disjoint_mut([&keys[0], &keys[1], &keys[2]]);
        });
    }
    // The same entry twice is a panic of its own, and changes nothing.
    let mut map = map_of(10);
    let twice = catch_unwind(AssertUnwindSafe(|| {
        let key = Fragile::sample(1);
        map.get_disjoint_mut([&key, &key]);
    }));
    assert!(twice.is_err());
    assert_eq!(map.len(), 10);
    map.check().unwrap();
}

/// In a table that is larger than the near memory, so that all three passes are made.
#[test]
fn look_ups_of_several_in_a_large_map() {
    let map = map_of(30_000);
    let keys = [5, 60_000, 7, 8].map(Fragile::sample);
    for granted in 0.. {
        let lit = light(&ALL, granted);
        let result = catch_unwind(AssertUnwindSafe(|| {
            map.get_many(keys.each_ref()).map(|value| value.is_some())
        }));
        drop(lit);
        if let Ok(found) = result {
            assert_eq!(found, [true, false, true, true]);
            assert!(granted >= 7, "four hashes and three comparisons");
            break;
        }
    }
}

#[test]
fn places_by_reference() {
    for len in LENS {
        each_panic(len, |map| {
            map.entry_ref(&Fragile::sample(1)).or_insert_with(|| {
                burn(Callback::Closure);
                Fragile::sample(8)
            });
            map.entry_ref(&Fragile::sample(9_000)).or_insert_with(|| {
                burn(Callback::Closure);
                Fragile::sample(8)
            });
            if let EntryRef::Vacant(entry) = map.entry_ref(&Fragile::sample(9_001)) {
                entry.insert_with_key(Fragile::sample(9_001), Fragile::sample(1));
            }
            map.entry_ref(&Fragile::sample(9_002))
                .insert(Fragile::sample(2))
                .remove();
        });
    }
}

#[test]
fn places_and_their_keys() {
    for len in LENS {
        each_panic(len, |map| {
            if let Entry::Occupied(mut entry) = map.entry(Fragile::sample(1)) {
                drop(entry.replace_key(Fragile::sample(1)));
            }
            map.entry(Fragile::sample(2)).insert(Fragile::sample(3));
            map.entry(Fragile::sample(9_000))
                .or_insert_entry(Fragile::sample(3));
            let _ = map.try_insert(Fragile::sample(2), Fragile::sample(4));
            let _ = map.try_insert(Fragile::sample(9_001), Fragile::sample(4));
        });
        each_panic(len, |map| {
            // SAFETY: no key of a sample map is as large.
            unsafe { map.insert_unique_unchecked(Fragile::sample(5_000), Fragile::sample(1)) };
        });
    }
}

#[test]
fn rebuild() {
    for len in LENS {
        each_panic(len, |map| {
            map.rebuild(|key, _| {
                burn(Callback::Closure);
                key.number() % 3 == 0
            });
        });
    }
}

#[test]
fn collect_and_freeze() {
    for len in LENS {
        each_panic(len, |map| {
            *map = (0..len)
                .map(|n| {
                    burn(Callback::Closure);
                    (Fragile::sample(n), Fragile::sample(n))
                })
                .collect();
        });
        each_panic(len, |map| *map = std::mem::take(map).freeze().thaw());
    }
}

#[test]
fn set_places() {
    for len in LENS {
        let (live_before, lent_before) = (live(), lent());
        for granted in 0.. {
            let mut set: HashSet<Fragile, Hasher, Counted> =
                (0..len).map(Fragile::sample).collect();
            let lit = light(&ALL, granted);
            let result = catch_unwind(AssertUnwindSafe(|| {
                set.entry(Fragile::sample(1)).or_insert();
                set.entry(Fragile::sample(9_000)).insert().remove();
                let keys = [2, 9_001].map(Fragile::sample);
                set.contains_many(keys.each_ref());
            }));
            drop(lit);
            set.check().unwrap();
            drop(set);
            assert_eq!((live(), lent()), (live_before, lent_before));
            if result.is_ok() {
                break;
            }
        }
    }
}

type Table = HashTable<Fragile, Counted>;

fn hash(entry: &Fragile) -> u64 {
    Hasher::default().hash_one(entry)
}

/// As [`each_panic`], for tables that know neither key nor hasher.
fn each_table_panic(len: u64, act: impl Fn(&mut Table)) {
    let (live_before, lent_before) = (live(), lent());
    for granted in 0.. {
        let mut table = Table::new_in(Counted);
        for n in 0..len {
            table.insert_unique(hash(&Fragile::sample(n)), Fragile::sample(n), hash);
        }
        let lit = light(&ALL, granted);
        let result = catch_unwind(AssertUnwindSafe(|| act(&mut table)));
        drop(lit);
        table
            .check(hash)
            .unwrap_or_else(|broken| panic!("{granted} callbacks: {broken}"));
        assert_eq!(table.iter().count(), table.len());
        drop(table);
        assert_eq!(
            live(),
            live_before,
            "{granted} callbacks: dropped once each"
        );
        assert_eq!(lent(), lent_before, "{granted} callbacks: slabs");
        if result.is_ok() {
            return;
        }
    }
}

#[test]
fn tables() {
    for len in LENS {
        let there = |n: u64| {
            (hash(&Fragile::sample(n)), move |held: &Fragile| {
                burn(Callback::Closure);
                held.number() == n
            })
        };
        each_table_panic(len, |table| {
            let (at, is) = there(5_000);
            table
                .entry(at, is, hash)
                .or_insert_with(|| Fragile::sample(5_000));
        });
        each_table_panic(len, |table| {
            let (at, is) = there(3);
            if let Ok(entry) = table.find_entry(at, is) {
                entry.replace_entry_with(|entry| {
                    burn(Callback::Closure);
                    Some(entry)
                });
            }
            if let Ok(entry) = table.find_entry(at, is) {
                let (_, place) = entry.remove();
                place.insert(Fragile::sample(3));
            }
            if let Ok(entry) = table.find_entry(at, is) {
                entry.replace_entry_with(|_| None);
            }
        });
        each_table_panic(len, |table| {
            table.retain(|entry| {
                burn(Callback::Closure);
                entry.number() % 3 == 0
            })
        });
        each_table_panic(len, |table| {
            table
                .extract_if(|entry| {
                    burn(Callback::Closure);
                    entry.number() % 2 == 0
                })
                .for_each(drop);
        });
        each_table_panic(len, HashTable::clear);
        each_table_panic(len, HashTable::clear_and_shrink);
        each_table_panic(len, |table| table.drain().take(2).for_each(drop));
        each_table_panic(len, |table| *table = table.clone());
        each_table_panic(len, |table| table.reserve(600, hash));
        each_table_panic(len, |table| table.shrink_to_fit(hash));
        each_table_panic(len, |table| {
            let of = Table::new_in(Counted);
            std::mem::replace(table, of)
                .into_iter()
                .take(3)
                .for_each(drop);
        });
        each_table_panic(len, |table| {
            let at = [1, 2].map(|n| hash(&Fragile::sample(n)));
            table.get_disjoint_mut(at, |nth, entry| {
                burn(Callback::Closure);
                entry.number() == nth as u64 + 1
            });
        });
    }
}
