//! The table and frozen maps on the system's own allocator, where a memory checker sees each
//! byte that is read before it was written, past the end of its slab, or after
//! it was given back. `.ci/memcheck.sh` runs this program under one.
//!
//! Programs are short: a memory checker is thirty times slower.

use allocator_api2::alloc::Global;
use millpond_map::{DefaultHashBuilder, HashMap};
use millpond_testkit::failing::{Failing, each_failure};
use millpond_testkit::fuse::{Callback, Fragile, each_panic};
use millpond_testkit::hashers::{Crowded, Degenerate, Lying};
use millpond_testkit::map_program::{Op, Shape, assert_agrees};
use millpond_testkit::map_subject;
use millpond_testkit::values::{
    Aligned64, AlignedHalfPage, Nothing, Sample, Tracked, Wide, no_value_left,
};

map_subject!(OnSystem<K, V>, HashMap<K, V, DefaultHashBuilder, Global>, check);

fn agrees<K: Sample, V: Sample>() {
    no_value_left(|| {
        assert_agrees::<OnSystem<K, V>, K, V>(OnSystem::default, &Shape::SMALL, 0..4, 500);
    });
}

#[test]
fn every_kind_of_entry() {
    agrees::<u64, u64>();
    agrees::<u8, ()>();
    agrees::<String, Tracked>();
    agrees::<Nothing, Nothing>();
    agrees::<Wide, u8>();
    agrees::<Aligned64, AlignedHalfPage>();
}

#[test]
fn growth_over_several_slabs() {
    no_value_left(|| {
        assert_agrees::<OnSystem<u64, Tracked>, u64, Tracked>(
            OnSystem::default,
            &Shape::MIDDLE,
            0..1,
            4_000,
        );
    });
}

#[test]
fn long_probes() {
    let mut map = HashMap::with_hasher_in(Crowded { groups: 2 }, Global);
    for n in 0..200_u64 {
        map.insert(n, n.to_string());
    }
    for n in (0..200).step_by(2) {
        assert_eq!(map.remove(&n), Some(n.to_string()));
    }
    assert_eq!(map.check(), Ok(()));
    assert_eq!(map.len(), 100);
}

#[test]
fn a_hash_that_lies_stays_inside_the_slab() {
    let mut map = HashMap::with_hasher_in(Lying, Global);
    for op in Shape::SMALL.program(5, 3_000) {
        match op {
            Op::Insert(key, value) | Op::Entry(key, value) => {
                map.insert(Tracked::sample(key), value);
            }
            Op::Remove(key) => {
                map.remove(&Tracked::sample(key));
            }
            Op::Get(key) => {
                map.get(&Tracked::sample(key));
            }
            Op::Clear => map.clear(),
            Op::Drain => map.drain().for_each(drop),
            Op::Retain(n) => map.retain(|key, _| key.number() % n != 0),
            Op::Reserve(n) => map.reserve(n),
            Op::Shrink => map.shrink_to_fit(),
            Op::Clone | Op::Iterate => assert_eq!(map.iter().count(), map.len()),
        }
    }
}

#[test]
fn each_callback_panics_once() {
    let callbacks = [
        Callback::Hash,
        Callback::Eq,
        Callback::Clone,
        Callback::Closure,
    ];
    no_value_left(|| {
        let panics = each_panic(&callbacks, || {
            let mut map = HashMap::with_hasher_in(DefaultHashBuilder::default(), Global);
            map.extend((0..40).map(|n| (Fragile::sample(n), Fragile::sample(n))));
            map.remove(&Fragile::sample(7));
            map.retain(|key, _| {
                millpond_testkit::fuse::burn(Callback::Closure);
                key.number() % 3 != 0
            });
            let copy = map.clone();
            map.shrink_to_fit();
            assert_eq!(copy.len(), map.len());
        });
        assert!(panics > 100, "{panics} callbacks only");
    });
}

#[test]
fn a_drop_that_panics_drops_the_others_all_the_same() {
    no_value_left(|| {
        each_panic(&[Callback::Drop], || {
            let mut map = HashMap::with_hasher_in(DefaultHashBuilder::default(), Global);
            map.extend((0..20).map(|n| (Tracked::sample(n), Fragile::sample(n))));
            map.clear();
            map.extend((0..20).map(|n| (Tracked::sample(n), Fragile::sample(n))));
            assert_eq!(map.drain().take(5).count(), 5);
        });
    });
}

#[test]
fn each_slab_is_refused_once() {
    no_value_left(|| {
        let runs = each_failure(|| {
            let mut map =
                HashMap::with_hasher_in(DefaultHashBuilder::default(), Failing::new(Global));
            for n in 0..300 {
                if map.try_reserve(1).is_err() {
                    break;
                }
                map.insert(n, Tracked::sample(n));
            }
            assert_eq!(map.check(), Ok(()));
            assert!((0..map.len() as u64).all(|n| map[&n].number() == n));
        });
        assert!(runs > 4, "{runs} slabs only");
    });
}

/// Every way to look a frozen map up, in a map of `len` entries with the hashes of `hasher`.
fn frozen<K: Sample, S: std::hash::BuildHasher + Clone>(hasher: S, len: u64) {
    no_value_left(|| {
        let mut map = HashMap::with_hasher_in(hasher, Global);
        map.extend((0..len).map(|n| (K::sample(n * 7), Tracked::sample(n))));
        let entries = map.len();
        let frozen = map.freeze();
        frozen.check().expect("whole");
        for n in 0..len + 20 {
            let found = frozen.get(&K::sample(n * 7));
            assert_eq!(found.is_some(), frozen.contains_key(&K::sample(n * 7)));
            let keys = [n * 7, n * 7 + 1, n, 3].map(K::sample);
            let many = frozen.get_many(keys.each_ref());
            assert!((0..4).all(|nth| many[nth] == frozen.get(&keys[nth])));
        }
        let copy = frozen.clone();
        assert!(copy == frozen && copy.keys().count() == entries);
        // Half of the entries leave by the walk, the others are dropped with it.
        assert_eq!(copy.into_iter().take(entries / 2).count(), entries / 2);
        let thawed = frozen.thaw();
        assert_eq!((thawed.check(), thawed.len()), (Ok(()), entries));
    });
}

#[test]
fn frozen_maps_by_pilot_by_bare_key_and_by_list() {
    for len in [0, 1, 2, 17, 64, 300] {
        frozen::<u64, _>(DefaultHashBuilder::default(), len);
        frozen::<Tracked, _>(DefaultHashBuilder::default(), len);
        frozen::<Aligned64, _>(DefaultHashBuilder::default(), len);
        frozen::<u64, _>(Degenerate, len.min(40));
    }
    frozen::<Tracked, _>(Crowded { groups: 2 }, 40);
}

#[test]
fn a_frozen_map_survives_each_panic_and_each_refusal() {
    no_value_left(|| {
        let panics = each_panic(&[Callback::Hash, Callback::Eq, Callback::Clone], || {
            let mut map = HashMap::with_hasher_in(DefaultHashBuilder::default(), Global);
            map.extend((0..20).map(|n| (Fragile::sample(n), Fragile::sample(n))));
            let frozen = map.freeze();
            assert!(frozen.get(&Fragile::sample(3)).is_some());
            let copy = frozen.clone();
            assert_eq!(copy.thaw().len(), frozen.len());
        });
        assert!(panics > 80, "{panics} callbacks only");
        let runs = each_failure(|| {
            let mut map =
                HashMap::with_hasher_in(DefaultHashBuilder::default(), Failing::new(Global));
            if map.try_reserve(30).is_ok() {
                map.extend((0..30).map(|n| (n, Tracked::sample(n))));
                if let Ok(frozen) = map.try_freeze() {
                    frozen.check().expect("whole");
                }
            }
        });
        assert!(runs > 2, "{runs} slabs only");
    });
}
