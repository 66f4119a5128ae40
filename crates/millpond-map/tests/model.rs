//! Random programs against std's map, every invariant of the table verified after each step.

use millpond_map::{HashMap, HashSet};
use millpond_testkit::hashers::{Crowded, Degenerate, Identity, Lying};
use millpond_testkit::map_program::{Shape, assert_agrees, run};
use millpond_testkit::map_subject;
use millpond_testkit::values::{Aligned64, AlignedHalfPage, Nothing, Sample, Tracked, Wide, live};
use proptest::prelude::{ProptestConfig, proptest};

map_subject!(Ours<K, V>, HashMap<K, V>, check);
map_subject!(OneGroup<K, V>, HashMap<K, V, Degenerate>, check);
map_subject!(ByIdentity<K, V>, HashMap<K, V, Identity>, check);

/// Runs small and middle programs on a map of `K` and `V`, and counts what is left.
fn agrees<K: Sample, V: Sample>() {
    assert_agrees::<Ours<K, V>, K, V>(Ours::default, &Shape::SMALL, 0..24, 600);
    assert_agrees::<Ours<K, V>, K, V>(Ours::default, &Shape::MIDDLE, 0..3, 4000);
    assert_eq!(live(), 0, "dropped once each");
}

#[test]
fn numbers() {
    agrees::<u64, u64>();
}

#[test]
fn one_byte_entries() {
    agrees::<u8, ()>();
}

#[test]
fn strings() {
    agrees::<String, String>();
}

#[test]
fn values_that_count_their_drops() {
    agrees::<Tracked, Tracked>();
}

#[test]
fn keys_without_size() {
    agrees::<Nothing, u64>();
}

#[test]
fn entries_without_size() {
    agrees::<(), Nothing>();
}

#[test]
fn values_without_size() {
    agrees::<u64, Nothing>();
}

#[test]
fn values_aligned_to_a_cache_line() {
    agrees::<u64, Aligned64>();
}

#[test]
fn keys_aligned_to_half_a_page() {
    agrees::<AlignedHalfPage, u64>();
}

#[test]
fn entries_of_two_hundred_bytes() {
    agrees::<u64, Wide>();
}

#[test]
fn one_hash_for_all() {
    assert_agrees::<OneGroup<u64, Tracked>, u64, Tracked>(
        OneGroup::default,
        &Shape::SMALL,
        0..24,
        600,
    );
    let shape = Shape {
        keys: 400,
        reserve: 600,
    };
    assert_agrees::<OneGroup<u64, Tracked>, u64, Tracked>(OneGroup::default, &shape, 0..3, 3000);
    assert_eq!(live(), 0);
}

#[test]
fn hashes_that_are_the_keys() {
    assert_agrees::<ByIdentity<u64, u64>, u64, u64>(ByIdentity::default, &Shape::SMALL, 0..24, 600);
    assert_agrees::<ByIdentity<u64, u64>, u64, u64>(
        ByIdentity::default,
        &Shape::MIDDLE,
        0..3,
        4000,
    );
}

#[test]
fn a_few_hashes_fill_a_few_groups_to_the_brim() {
    for groups in [2, 5, 17] {
        let make = || Crowd(HashMap::with_hasher(Crowded { groups }));
        let shape = Shape {
            keys: 700,
            reserve: 900,
        };
        assert_agrees::<Crowd<u64, u64>, u64, u64>(make, &shape, 0..2, 3000);
    }
}

map_subject!(Crowd<K, V>, HashMap<K, V, Crowded>, check);

/// A hash that changes from call to call loses entries, but no memory, and every call ends.
#[test]
fn a_lying_hash_loses_entries_and_nothing_else() {
    for seed in 0..10 {
        let mut map: HashMap<u64, Tracked, Lying> = HashMap::with_hasher(Lying);
        for op in Shape::MIDDLE.program(seed, 4000) {
            use millpond_testkit::map_program::Op;
            match op {
                Op::Insert(key, value) => drop(map.insert(key, Tracked::sample(value))),
                Op::Remove(key) => drop(map.remove(&key)),
                Op::Get(key) => drop(map.get(&key).cloned()),
                Op::Entry(key, value) => {
                    drop(map.entry(key).or_insert(Tracked::sample(value)).clone())
                }
                Op::Clear => map.clear(),
                Op::Retain(n) => map.retain(|key, _| !key.is_multiple_of(n)),
                Op::Drain => map.drain().for_each(drop),
                Op::Reserve(additional) => map.reserve(additional),
                Op::Shrink => map.shrink_to_fit(),
                Op::Clone => map = map.clone(),
                Op::Iterate => assert_eq!(map.iter().count(), map.len()),
            }
            assert_eq!(live(), map.len() as i64);
        }
    }
    assert_eq!(live(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same programs from a generator that shrinks what fails.
    #[test]
    fn programs_that_shrink(program in Shape::SMALL.strategy(400)) {
        let outcome = run::<_, u64, String>(Ours::default(), &program);
        if let Err(failure) = outcome {
            panic!("{failure}\n{program:?}");
        }
    }

    /// Sets against std's sets.
    #[test]
    fn two_sets_in_relation(ours in proptest::collection::vec(0..80_u32, 0..120), theirs in proptest::collection::vec(0..80_u32, 0..120)) {
        use std::collections::{BTreeSet, HashSet as StdSet};

        let (a, b): (HashSet<u32>, HashSet<u32>) = (ours.iter().copied().collect(), theirs.iter().copied().collect());
        let (x, y): (StdSet<u32>, StdSet<u32>) = (ours.iter().copied().collect(), theirs.iter().copied().collect());
        let sorted = |walk: &mut dyn Iterator<Item = u32>| walk.collect::<Vec<_>>();
        let tree = |walk: &mut dyn Iterator<Item = u32>| {
            let mut walked = sorted(walk);
            walked.sort_unstable();
            let unique: BTreeSet<u32> = walked.iter().copied().collect();
            assert_eq!(unique.len(), walked.len(), "each element once");
            walked
        };
        assert_eq!(tree(&mut a.union(&b).copied()), tree(&mut x.union(&y).copied()));
        assert_eq!(tree(&mut a.intersection(&b).copied()), tree(&mut x.intersection(&y).copied()));
        assert_eq!(tree(&mut a.difference(&b).copied()), tree(&mut x.difference(&y).copied()));
        assert_eq!(tree(&mut a.symmetric_difference(&b).copied()), tree(&mut x.symmetric_difference(&y).copied()));
        assert_eq!(a.is_subset(&b), x.is_subset(&y));
        assert_eq!(a.is_superset(&b), x.is_superset(&y));
        assert_eq!(a.is_disjoint(&b), x.is_disjoint(&y));
        assert_eq!(tree(&mut (&a | &b).into_iter()), tree(&mut (&x | &y).into_iter()));
        assert_eq!(tree(&mut (&a & &b).into_iter()), tree(&mut (&x & &y).into_iter()));
        assert_eq!(tree(&mut (&a ^ &b).into_iter()), tree(&mut (&x ^ &y).into_iter()));
        assert_eq!(tree(&mut (&a - &b).into_iter()), tree(&mut (&x - &y).into_iter()));
        let assigned = |change: fn(&mut HashSet<u32>, &HashSet<u32>)| {
            let mut set = a.clone();
            change(&mut set, &b);
            set.check().expect("a sound set");
            tree(&mut set.into_iter())
        };
        assert_eq!(assigned(|a, b| *a |= b), tree(&mut x.union(&y).copied()));
        assert_eq!(assigned(|a, b| *a &= b), tree(&mut x.intersection(&y).copied()));
        assert_eq!(assigned(|a, b| *a ^= b), tree(&mut x.symmetric_difference(&y).copied()));
        assert_eq!(assigned(|a, b| *a -= b), tree(&mut x.difference(&y).copied()));
    }
}
