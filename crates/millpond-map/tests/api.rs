//! What the documentation promises, one test a sentence.

mod common;

use std::hash::{BuildHasher, Hash};

use common::{Counted, lent};
use millpond_map::hash_map::{DefaultHashBuilder, Entry, EntryRef};
use millpond_map::{Equivalent, HashMap, HashSet};
use millpond_testkit::hashers::{Crowded, Degenerate, Identity};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Nothing, Sample, Tracked, live, no_value_left};

#[test]
fn a_new_map_allocates_nothing() {
    let map: HashMap<u64, u64, DefaultHashBuilder, Counted> = HashMap::new_in(Counted);
    assert_eq!((map.capacity(), map.allocation_size(), lent()), (0, 0, 0));
    let map: HashMap<u64, u64, DefaultHashBuilder, Counted> = HashMap::with_capacity_in(0, Counted);
    assert_eq!((map.capacity(), map.allocation_size(), lent()), (0, 0, 0));
    drop(map.clone());
    assert_eq!(lent(), 0);
}

#[test]
fn a_map_has_one_slab_at_a_time_and_gives_it_back() {
    let mut map: HashMap<u64, String, DefaultHashBuilder, Counted> = HashMap::default();
    for n in 0..5000 {
        map.insert(n, n.to_string());
        assert_eq!(lent(), 1);
    }
    assert!(map.allocation_size() >= 5000 * size_of::<(u64, String)>());
    let cloned = map.clone();
    assert_eq!(lent(), 2);
    assert_eq!(cloned.into_iter().count(), 5000);
    assert_eq!(lent(), 1);
    map.clear();
    assert_eq!(lent(), 1);
    map.clear_and_shrink();
    assert_eq!((map.capacity(), lent()), (0, 0));
    map.insert(1, String::new());
    drop(map);
    assert_eq!(lent(), 0);
}

#[test]
fn clear_keeps_the_slab_and_leaves_the_map_as_new() {
    fn holds<V: Sample>() {
        for len in [3, 16, 17, 200, 3000] {
            let fresh: HashMap<u64, V> = HashMap::with_capacity(len);
            let mut map: HashMap<u64, V> = HashMap::with_capacity(len);
            for round in 0..5 {
                for n in 0..len as u64 {
                    map.insert(n + round, V::sample(n));
                }
                // Removals and re-inserts before, of which nothing must remain.
                for n in 0..len as u64 / 2 {
                    map.remove(&(n + round));
                    map.insert(n + 1_000_000, V::sample(n));
                }
                map.clear();
                map.check().unwrap();
                assert_eq!(map.len(), 0);
                assert_eq!(map.capacity(), fresh.capacity());
                assert_eq!(map.allocation_size(), fresh.allocation_size());
            }
            assert_eq!(map.growth_count(), 0);
        }
    }
    no_value_left(|| {
        holds::<u64>();
        holds::<Tracked>();
        holds::<Nothing>();
        holds::<String>();
    });
}

#[test]
fn clear_drops_each_entry_once() {
    no_value_left(|| {
        let mut map: HashMap<u64, Tracked> = HashMap::new();
        for n in 0..500 {
            map.insert(n, Tracked::sample(n));
        }
        assert_eq!(live(), 500);
        map.clear();
        assert_eq!(live(), 0);
        map.clear();
        assert_eq!(live(), 0);
    });
}

/// A table of constant size never grows, at any load, whatever the hash.
#[test]
fn churn_of_constant_size_never_grows() {
    fn churn<S: BuildHasher>(hasher: S, slots: usize, len: usize, turns: usize) {
        let mut map: HashMap<u64, u64, S> = HashMap::with_capacity_and_hasher(len, hasher);
        let mut rng = Rng::new(len as u64);
        let mut keys: Vec<u64> = (0..len as u64).collect();
        map.extend(keys.iter().map(|&key| (key, key)));
        let (capacity, bytes) = (map.capacity(), map.allocation_size());
        assert!(capacity < slots);
        for turn in 0..turns {
            for _ in 0..len {
                let place = rng.below(len);
                assert_eq!(map.remove(&keys[place]), Some(keys[place]));
                keys[place] = rng.next_u64();
                assert_eq!(map.insert(keys[place], keys[place]), None);
            }
            assert_eq!(
                (map.capacity(), map.allocation_size()),
                (capacity, bytes),
                "turn {turn}"
            );
            map.check().unwrap();
        }
        assert_eq!(map.growth_count(), 0);
        assert!(keys.iter().all(|key| map[key] == *key));
    }
    for load in [50, 60, 70, 80, 85, 87] {
        churn(DefaultHashBuilder::default(), 1024, 1024 * load / 100, 20);
        churn(DefaultHashBuilder::default(), 8192, 8192 * load / 100, 8);
    }
    churn(Identity, 1024, 870, 10);
    churn(Degenerate, 512, 300, 2);
    churn(Crowded { groups: 9 }, 512, 300, 2);
}

/// Removal by walks does not know the hash of what it removes: still no growth, still all found.
#[test]
fn churn_by_retain_never_grows() {
    let mut map: HashMap<u64, u64> = HashMap::with_capacity(800);
    let capacity = map.capacity();
    for n in 0..40_000_u64 {
        if map.len() == 850 {
            map.retain(|key, _| *key + 600 > n);
            map.check().unwrap();
            let taken = map.extract_if(|key, _| key % 5 == 0).count();
            assert!(taken > 0);
            map.check().unwrap();
        }
        map.insert(n, n);
    }
    assert_eq!(map.capacity(), capacity);
    assert!(
        map.iter()
            .all(|(key, value)| key == value && map.get(key) == Some(value))
    );
}

#[test]
fn a_key_that_is_not_there_changes_nothing() {
    let mut map: HashMap<String, u64> = HashMap::new();
    assert_eq!(map.remove("nothing"), None);
    assert_eq!(map.capacity(), 0);
    map.insert("zero".into(), 0);
    assert_eq!(map.remove("nothing"), None);
    assert_eq!(map.get("zero"), Some(&0), "zero and absent are different");
    assert_eq!(map.get("nothing"), None);
    assert_eq!(map.len(), 1);
}

#[test]
fn insert_keeps_the_key_that_is_there() {
    #[derive(Clone, Debug)]
    struct Named(u8, &'static str);
    impl PartialEq for Named {
        fn eq(&self, other: &Named) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Named {}
    impl Hash for Named {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    let mut map = HashMap::new();
    assert_eq!(map.insert(Named(1, "first"), 10), None);
    assert_eq!(map.insert(Named(1, "second"), 20), Some(10));
    assert_eq!(
        map.get_key_value(&Named(1, ""))
            .map(|(key, value)| (key.1, *value)),
        Some(("first", 20))
    );

    let mut set = HashSet::from([Named(1, "first")]);
    assert!(!set.insert(Named(1, "second")));
    assert_eq!(set.get(&Named(1, "")).map(|named| named.1), Some("first"));
    assert_eq!(
        set.replace(Named(1, "third")).map(|named| named.1),
        Some("first")
    );
    assert_eq!(set.get(&Named(1, "")).map(|named| named.1), Some("third"));
    assert_eq!(set.get_or_insert(Named(1, "fourth")).1, "third");
}

#[test]
fn look_ups_take_anything_equivalent() {
    #[derive(Hash)]
    struct Parts<'a>(&'a str, u32);
    #[derive(Hash, PartialEq, Eq)]
    struct Whole(String, u32);
    impl Equivalent<Whole> for Parts<'_> {
        fn equivalent(&self, whole: &Whole) -> bool {
            self.0 == whole.0 && self.1 == whole.1
        }
    }

    let mut map = HashMap::from([(Whole("a".into(), 1), 1), (Whole("b".into(), 2), 2)]);
    assert_eq!(map.get(&Parts("a", 1)), Some(&1));
    assert!(!map.contains_key(&Parts("a", 2)));
    *map.get_key_value_mut(&Parts("b", 2)).unwrap().1 += 5;
    assert_eq!(map.remove(&Parts("b", 2)), Some(7));
}

#[test]
fn entry_ref_makes_a_key_only_where_it_is_missing() {
    let mut map: HashMap<String, u32> = HashMap::new();
    *map.entry_ref("a").or_insert(1) += 1;
    *map.entry_ref("a").or_insert_with(|| unreachable!()) += 1;
    *map.entry_ref("b")
        .or_insert_with_key(|key| key.len() as u32) += 1;
    map.entry_ref("b")
        .and_modify(|value| *value *= 10)
        .or_default();
    assert!(matches!(map.entry_ref("a"), EntryRef::Occupied(entry) if *entry.get() == 3));
    assert!(matches!(map.entry_ref("c"), EntryRef::Vacant(entry) if entry.key() == "c"));
    assert_eq!(map.entry_ref("d").insert_entry(4).key(), "d");
    assert_eq!((map["a"], map["b"], map["d"], map.len()), (3, 20, 4, 3));
}

#[test]
fn a_vacant_place_that_is_left_leaves_no_entry() {
    let mut map: HashMap<u64, Tracked> = HashMap::new();
    for n in 0..100 {
        assert!(matches!(map.entry(n), Entry::Vacant(_)));
        map.check().unwrap();
    }
    assert!(map.is_empty());
}

#[test]
fn replace_entry_with_keeps_or_removes() {
    no_value_left(|| {
        let mut map: HashMap<u64, Tracked> = (0..50).map(|n| (n, Tracked::sample(n))).collect();
        for n in 0..50 {
            let Entry::Occupied(entry) = map.entry(n) else {
                unreachable!()
            };
            let after = entry.replace_entry_with(|key, value| {
                assert_eq!(*key, value.number());
                (key % 2 == 0).then(|| Tracked::sample(key + 1))
            });
            assert_eq!(matches!(after, Entry::Occupied(_)), n % 2 == 0);
            map.check().unwrap();
        }
        assert_eq!(map.len(), 25);
        assert!(map.iter().all(|(key, value)| value.number() == key + 1));
    });
}

#[test]
fn try_insert_hands_back_what_it_could_not_insert() {
    let mut map = HashMap::new();
    assert_eq!(*map.try_insert("a", 1).unwrap(), 1);
    let error = map.try_insert("a", 2).unwrap_err();
    assert_eq!((error.value, *error.entry.get()), (2, 1));
    assert_eq!(
        error.to_string(),
        "failed to insert 2, key \"a\" already exists with value 1"
    );
}

#[test]
fn insert_unique_is_an_insert() {
    let mut map: HashMap<u64, u64> = HashMap::new();
    for n in 0..1000 {
        // SAFETY: each key is inserted once.
        let (key, value) = unsafe { map.insert_unique_unchecked(n, n) };
        assert_eq!((*key, *value), (n, n));
        *value += 1;
    }
    map.check().unwrap();
    assert!((0..1000).all(|n| map[&n] == n + 1));
}

#[test]
fn disjoint_values_are_lent_together() {
    let mut map: HashMap<u64, u64> = (0..100).map(|n| (n, n)).collect();
    let [a, b, none] = map.get_disjoint_mut([&1, &99, &1000]);
    std::mem::swap(a.unwrap(), b.unwrap());
    assert!(none.is_none());
    assert_eq!((map[&1], map[&99]), (99, 1));
    let [Some((key, value)), None] = map.get_disjoint_key_value_mut([&5, &500]) else {
        unreachable!()
    };
    assert_eq!((*key, *value), (5, 5));
    // SAFETY: the keys differ.
    let both = unsafe { map.get_disjoint_unchecked_mut([&7, &8]) };
    assert_eq!(both.map(|value| value.copied()), [Some(7), Some(8)]);
}

#[test]
#[should_panic(expected = "duplicate keys found")]
fn disjoint_keys_must_differ() {
    HashMap::from([(1, 2)]).get_disjoint_mut([&1, &1]);
}

#[test]
fn walks_agree_as_long_as_nothing_changes() {
    for (capacity, len) in [(0, 10), (0, 1000), (100_000, 10), (100_000, 90_000)] {
        let mut map: HashMap<u64, u64> = HashMap::with_capacity(capacity);
        map.extend((0..len).map(|n| (n, n * 2)));
        let keys: Vec<u64> = map.keys().copied().collect();
        assert!(map.iter().map(|(key, _)| *key).eq(keys.iter().copied()));
        assert!(map.values().copied().eq(keys.iter().map(|key| key * 2)));
        assert!(map.iter_mut().map(|(key, _)| *key).eq(keys.iter().copied()));
        assert!(map.clone().into_keys().eq(keys.iter().copied()));
        let mut step_by_step = map.iter();
        for (done, key) in keys.iter().enumerate() {
            assert_eq!(step_by_step.len(), keys.len() - done);
            assert_eq!(step_by_step.next(), Some((key, &(key * 2))));
        }
        assert_eq!((step_by_step.next(), step_by_step.next()), (None, None));
        let (first, rest) = (map.iter().take(3).count(), map.iter().skip(3).count());
        assert_eq!(first + rest, map.len());
        assert!(map.drain().map(|(key, _)| key).eq(keys));
    }
}

#[test]
fn drain_keeps_the_slab() {
    no_value_left(|| {
        let mut map: HashMap<u64, Tracked> = (0..300).map(|n| (n, Tracked::sample(n))).collect();
        let (capacity, bytes) = (map.capacity(), map.allocation_size());
        let mut drain = map.drain();
        assert_eq!(drain.len(), 300);
        drop(drain.next());
        drop(drain);
        map.check().unwrap();
        assert_eq!(
            (map.len(), map.capacity(), map.allocation_size()),
            (0, capacity, bytes)
        );
    });
}

#[test]
fn clone_from_uses_the_slab_that_is_there() {
    no_value_left(|| {
        let source: HashMap<u64, Tracked, DefaultHashBuilder, Counted> =
            (0..300).map(|n| (n, Tracked::sample(n))).collect();
        let mut target: HashMap<u64, Tracked, DefaultHashBuilder, Counted> =
            (0..290).map(|n| (n + 5, Tracked::sample(n))).collect();
        let before = lent();
        target.clone_from(&source);
        assert_eq!(lent(), before);
        target.check().unwrap();
        assert_eq!(source.len(), target.len());
        assert!(source.iter().all(|(key, value)| target[key] == *value));
        target.clone_from(&HashMap::default());
        assert_eq!((target.len(), target.capacity()), (0, 0));
    });
}

#[test]
fn shrink_to_keeps_what_was_asked_for() {
    let mut map: HashMap<u64, u64> = HashMap::with_capacity(10_000);
    map.extend((0..100).map(|n| (n, n)));
    map.shrink_to(1000);
    assert!((1000..2000).contains(&map.capacity()));
    map.shrink_to(100_000);
    assert!((1000..2000).contains(&map.capacity()));
    map.shrink_to_fit();
    assert_eq!(map.capacity(), 112);
    map.check().unwrap();
    assert!((0..100).all(|n| map[&n] == n));
    map.retain(|_, _| false);
    map.shrink_to_fit();
    assert_eq!((map.capacity(), map.allocation_size()), (0, 0));
}

#[test]
fn extend_reserves_once() {
    let mut map: HashMap<u64, u64> = HashMap::new();
    map.extend((0..1000).map(|n| (n, n)));
    assert_eq!(map.growth_count(), 1);
    map.extend(&HashMap::from([(5, 6)]));
    map.extend(&[(6, 7)]);
    assert_eq!((map[&5], map[&6]), (6, 7));
}

#[test]
fn two_maps_have_two_seeds() {
    let (a, b): (HashMap<u64, u64>, HashMap<u64, u64>) = (HashMap::new(), HashMap::new());
    assert_ne!(a.hasher().hash_one(1_u64), b.hasher().hash_one(1_u64));
}

#[test]
fn a_map_of_zero_sized_values_is_a_set() {
    let map: HashMap<u8, ()> = (0..10).map(|n| (n, ())).collect();
    let set = HashSet::from(map);
    assert_eq!(set, (0..10).collect());
    assert!(set.is_superset(&HashSet::from([1, 2])));
    assert_eq!(size_of::<(u8, ())>(), 1);
}

#[test]
fn maps_and_walks_cross_threads_when_their_entries_do() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<HashMap<u64, String>>();
    sync::<HashMap<u64, String>>();
    send::<HashSet<&'static str>>();
    send::<millpond_map::hash_map::Iter<'static, u8, u8>>();
    send::<millpond_map::hash_map::IterMut<'static, u8, std::cell::Cell<u8>>>();
    send::<millpond_map::hash_map::IntoIter<u8, std::cell::Cell<u8>>>();
    send::<millpond_map::hash_map::Drain<'static, u8, std::cell::Cell<u8>>>();
    send::<millpond_map::hash_map::ExtractIf<'static, u8, std::cell::Cell<u8>, fn()>>();
    send::<millpond_map::hash_map::Entry<'static, u8, u8>>();
    sync::<millpond_map::hash_map::Entry<'static, u8, u8>>();

    let mut map: HashMap<u64, u64> = (0..1000).map(|n| (n, n)).collect();
    let map = std::thread::spawn(move || {
        map.retain(|key, _| key % 2 == 0);
        map
    })
    .join()
    .unwrap();
    std::thread::scope(|scope| {
        for part in 0..4 {
            let map = &map;
            scope.spawn(move || {
                (part * 250..(part + 1) * 250)
                    .for_each(|n| assert_eq!(map.contains_key(&n), n % 2 == 0))
            });
        }
    });
}
