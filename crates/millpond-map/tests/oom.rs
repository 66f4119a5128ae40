//! Every request for memory fails once: an error, and nothing is lost.

use millpond_arena::Slabs;
use millpond_map::hash_map::DefaultHashBuilder;
use millpond_map::{HashMap, TryReserveError};
use millpond_testkit::failing::{Failing, arm, each_failure};
use millpond_testkit::hashers::Degenerate;
use millpond_testkit::values::{Sample, Tracked, no_value_left};

type Map<K, V, S = DefaultHashBuilder> = HashMap<K, V, S, Failing<Slabs>>;

fn filled(len: u64) -> Map<u64, Tracked> {
    let mut map = Map::new_in(Failing::new(Slabs));
    map.extend((0..len).map(|n| (n, Tracked::sample(n))));
    map
}

fn holds(map: &Map<u64, Tracked>, len: u64) {
    map.check().expect("a sound map");
    assert_eq!(map.len() as u64, len);
    assert!((0..len).all(|n| map[&n].number() == n));
}

#[test]
fn try_reserve_says_so_and_changes_nothing() {
    no_value_left(|| {
        for len in [0, 1, 16, 17, 100, 1000] {
            let mut map = filled(len);
            let (capacity, bytes) = (map.capacity(), map.allocation_size());
            let armed = arm(0);
            let error = map.try_reserve(5000).unwrap_err();
            drop(armed);
            assert!(
                matches!(error, TryReserveError::AllocError { layout } if layout.size() > 5000 * 16)
            );
            assert!(error.to_string().contains("memory allocator"));
            assert_eq!((map.capacity(), map.allocation_size()), (capacity, bytes));
            holds(&map, len);
            assert!(map.try_reserve(5000).is_ok());
            holds(&map, len);
        }
    });
}

#[test]
fn each_request_of_a_growing_map_fails_once() {
    no_value_left(|| {
        let runs = each_failure(|| {
            let mut map: Map<u64, Tracked> = Map::new_in(Failing::new(Slabs));
            for n in 0..2000 {
                if map.try_reserve(1).is_err() {
                    return holds(&map, n);
                }
                map.insert(n, Tracked::sample(n));
            }
            holds(&map, 2000);
        });
        assert_eq!(
            runs, 10,
            "sixteen slots, then 28, 56 … 3584, and a run without refusal"
        );
    });
}

#[test]
fn with_capacity_that_may_fail() {
    let armed = arm(0);
    let make = |capacity| {
        Map::<u64, u64>::try_with_capacity_and_hasher_in(
            capacity,
            DefaultHashBuilder::default(),
            Failing::new(Slabs),
        )
    };
    assert!(make(0).is_ok(), "nothing was asked for");
    assert!(matches!(make(1), Err(TryReserveError::AllocError { .. })));
    assert!(matches!(
        make(usize::MAX),
        Err(TryReserveError::CapacityOverflow)
    ));
    assert_eq!(armed.refused(), 1);
    drop(armed);
    assert!(make(1).is_ok());
}

#[test]
fn shrinking_without_memory_keeps_what_there_is() {
    let mut map = filled(1000);
    map.retain(|key, _| *key < 10);
    let capacity = map.capacity();
    let armed = arm(0);
    map.shrink_to_fit();
    assert_eq!(armed.refused(), 1);
    drop(armed);
    assert_eq!(map.capacity(), capacity);
    holds(&map, 10);
    map.shrink_to_fit();
    assert_eq!(map.capacity(), 16);
    holds(&map, 10);
}

/// Fills a map, takes most of it out by a predicate, and fills it again without memory.
///
/// Returns how often it asked for some.
fn refill(len: u64) -> u64 {
    let mut map: Map<u64, u64, Degenerate> =
        Map::with_capacity_and_hasher_in(len as usize, Degenerate, Failing::new(Slabs));
    map.extend((0..len).map(|n| (n, n)));
    map.retain(|key, _| *key < 20);
    let armed = arm(0);
    map.extend((0..len).map(|n| (n, n)));
    let refused = armed.refused();
    drop(armed);
    map.check().expect("a sound map");
    assert!((0..len).all(|n| map[&n] == n));
    refused
}

/// A map of less than a block would move here, to forget the paths of what is gone. It need not.
#[test]
fn a_move_without_memory_is_put_off() {
    assert!(refill(448) > 0);
}

/// A larger one does so in place.
#[test]
fn blocks_are_laid_anew_without_memory() {
    assert_eq!(refill(1500), 0);
}

#[test]
fn insert_of_what_has_room_asks_for_nothing() {
    let mut map = filled(100);
    map.reserve(1000);
    let armed = arm(0);
    for n in 100..1100 {
        map.insert(n, Tracked::sample(n));
    }
    map.clear();
    for n in 0..1100 {
        *map.entry(n).or_insert_with(|| Tracked::sample(0)) = Tracked::sample(n);
    }
    assert_eq!(armed.refused(), 0);
    drop(armed);
    holds(&map, 1100);
}

#[test]
#[should_panic(expected = "Hash table capacity overflow")]
fn reserve_panics_with_the_words_of_std() {
    filled(3).reserve(usize::MAX);
}

#[test]
#[should_panic(expected = "Hash table capacity overflow")]
fn with_capacity_panics_with_the_words_of_std() {
    drop(HashMap::<u64, u64>::with_capacity(usize::MAX / 2));
}

#[test]
fn a_rebuild_whose_slab_cannot_be_cut_keeps_it() {
    let mut map: Map<u64, u64> = Map::with_hasher_in(Default::default(), Failing::new(Slabs));
    map.extend((0..20_000).map(|key| (key, key)));
    let before = map.allocation_size();
    let armed = arm(0);
    map.rebuild(|key, _| key % 8 == 0);
    drop(armed);
    map.check().expect("whole");
    assert_eq!((map.len(), map.allocation_size()), (2500, before));
    assert!((0..2500).all(|n| map.get(&(8 * n)) == Some(&(8 * n))));
    // The next slab is lent as ever, and the long one goes back with its own length.
    map.extend((0..5000).map(|key| (key, key)));
    map.check().expect("whole");
    assert_eq!(map.len(), 2500 + 5000 - 625);
}

#[test]
fn a_map_that_cannot_be_frozen_says_so() {
    let runs = each_failure(|| {
        let mut map: Map<u64, String> =
            Map::with_hasher_in(Default::default(), Failing::new(Slabs));
        if map.try_reserve(100).is_err() {
            return;
        }
        map.extend((0..100).map(|key| (key, key.to_string())));
        if let Ok(frozen) = map.try_freeze() {
            assert_eq!(frozen[&7], "7");
        }
    });
    assert_eq!(runs, 3);
}
