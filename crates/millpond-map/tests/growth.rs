//! Tables that grow block by block: right at every step, and in the middle of a round.
//!
//! With `--cfg millpond_tiny_blocks` blocks have 64 slots, tables of some kilobytes grow by
//! them, and blocks overflow all the time; see `.ci/blocks.sh`.

use std::alloc::Layout;
use std::collections::HashMap as StdMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};
use millpond_arena::Slabs;
use millpond_map::{HashMap, ScanCursor};
use millpond_testkit::fuse::{Blown, Callback, Fragile, light};
use millpond_testkit::hashers::{Crowded, Degenerate};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Sample, Tracked, no_value_left};

/// Entries at which a table of numbers has gone through four rounds and is in another.
const MANY: u64 = if cfg!(millpond_tiny_blocks) {
    7_300
} else {
    118_000
};

/// Steps between two looks at all invariants.
const STRIDE: u64 = if cfg!(millpond_tiny_blocks) { 7 } else { 1499 };

/// A number that looks random.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

/// A map of `0..len` with scattered keys.
fn grown(len: u64) -> HashMap<u64, u64> {
    let mut map = HashMap::new();
    map.extend((0..len).map(|n| (scattered(n), n)));
    map
}

/// Asserts that `map` holds `0..len` and nothing else, and is sound.
fn assert_holds(map: &HashMap<u64, u64>, len: u64) {
    map.check().unwrap();
    assert_eq!(map.len() as u64, len);
    for n in 0..len {
        assert_eq!(map.get(&scattered(n)), Some(&n));
        assert_eq!(map.get(&scattered(n + len + 1)), None);
    }
}

/// The lengths of a map that grows from `from`, one in the middle of a round first.
fn in_a_round(from: u64) -> (HashMap<u64, u64>, u64) {
    let mut map = grown(from);
    let mut len = from;
    loop {
        let before = map.capacity();
        map.insert(scattered(len), len);
        len += 1;
        let added = map.capacity() - before;
        if added > 0 && added < before / 2 && !map.capacity().is_multiple_of(7) {
            return (map, len);
        }
    }
}

#[test]
fn each_step_of_growth_leaves_a_sound_table() {
    let mut map = HashMap::new();
    let mut steps = 0;
    for n in 0..MANY {
        let capacity = map.capacity();
        map.insert(scattered(n), n);
        let grew = map.capacity() > capacity;
        steps += u64::from(grew);
        if n % STRIDE == 0 || (grew && steps % 16 == 0) {
            map.check().unwrap();
        }
    }
    let least = if cfg!(millpond_tiny_blocks) { 20 } else { 100 };
    assert!(steps > least, "{steps} steps: it grew by doubling");
    assert_holds(&map, MANY);
    for n in 0..MANY {
        assert_eq!(map.remove(&scattered(n)), Some(n));
        if n % STRIDE == 0 {
            map.check().unwrap();
        }
    }
    assert!(map.is_empty());
    map.check().unwrap();
}

#[test]
fn a_step_takes_few_bytes_and_the_whole_hardly_more_than_the_entries_need() {
    let mut map = HashMap::new();
    let mut before = 0;
    for n in 0..MANY {
        map.insert(scattered(n), n);
        let bytes = map.allocation_size();
        if before > 512 << 10 {
            assert!(bytes - before < 64 << 10, "{before} to {bytes}");
        }
        before = bytes;
    }
    assert!(before as f64 / (MANY as f64) < 1.05 * 17.0 * 16.0 / 7.0);
}

#[test]
fn everything_is_right_in_the_middle_of_a_round() {
    let (map, len) = in_a_round(MANY / 2);
    assert_holds(&map, len);

    let copy = map.clone();
    assert_holds(&copy, len);
    assert_eq!(copy.capacity(), map.capacity());
    let mut again = grown(10);
    again.clone_from(&map);
    assert_holds(&again, len);
    again.clone_from(&map);
    assert_holds(&again, len);

    let mut seen: Vec<u64> = map.values().copied().collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..len));

    let mut cleared = map.clone();
    let capacity = cleared.capacity();
    cleared.clear();
    cleared.check().unwrap();
    assert_eq!((cleared.len(), cleared.capacity()), (0, capacity));
    cleared.extend((0..len * 2).map(|n| (scattered(n), n)));
    assert_holds(&cleared, len * 2);

    let mut sparse = map.clone();
    sparse.clear();
    sparse.extend((0..10).map(|n| (scattered(n), n)));
    sparse.clear();
    sparse.check().unwrap();

    let mut kept = map.clone();
    kept.retain(|_, n| *n < len / 3);
    assert_holds(&kept, len / 3);
    kept.extend((len / 3..len).map(|n| (scattered(n), n)));
    assert_holds(&kept, len);
    let taken = kept.extract_if(|_, n| *n >= 100).count() as u64;
    assert_eq!(taken, len - 100);
    assert_holds(&kept, 100);

    let mut shrunk = map.clone();
    shrunk.retain(|_, n| *n < len / 5);
    shrunk.shrink_to_fit();
    assert_holds(&shrunk, len / 5);
    assert!(shrunk.capacity() < map.capacity() / 2);

    let mut rebuilt = map.clone();
    rebuilt.rebuild(|_, n| *n < len / 9);
    assert_holds(&rebuilt, len / 9);
    assert!(rebuilt.allocation_size() < map.allocation_size() / 4);
    rebuilt.extend((len / 9..len).map(|n| (scattered(n), n)));
    assert_holds(&rebuilt, len);

    let mut reserved = map.clone();
    reserved.reserve(len as usize / 4);
    assert!(reserved.capacity() >= (len + len / 4) as usize);
    assert_holds(&reserved, len);
    let capacity = reserved.capacity();
    reserved.reserve(20 * len as usize);
    assert!(reserved.capacity() >= 21 * len as usize && reserved.capacity() > capacity);
    assert_holds(&reserved, len);
    assert!(reserved.try_reserve(usize::MAX).is_err());
    assert_holds(&reserved, len);

    let mut drained = map.clone();
    assert_eq!(drained.drain().map(|(_, n)| n).sum::<u64>(), (0..len).sum());
    drained.check().unwrap();
    assert_eq!(drained.drain().count(), 0);
    assert_eq!(map.clone().into_values().sum::<u64>(), (0..len).sum());

    let moved = std::thread::spawn(move || {
        assert_holds(&map, len);
        map
    });
    let mut map = moved.join().unwrap();
    map.clear_and_shrink();
    assert_eq!((map.capacity(), map.allocation_size()), (0, 0));
}

#[test]
fn a_map_made_large_grows_on_by_blocks() {
    for capacity in [MANY as usize, 3 * MANY as usize] {
        let mut map: HashMap<u64, u64> = HashMap::with_capacity(capacity);
        let room = map.capacity() as u64;
        map.extend((0..room).map(|n| (scattered(n), n)));
        assert_eq!(
            map.capacity() as u64,
            room,
            "the promise of `with_capacity`"
        );
        map.insert(scattered(room), room);
        assert!(map.capacity() as u64 - room < room / 8, "one step");
        map.extend((room + 1..room + room / 8).map(|n| (scattered(n), n)));
        assert_holds(&map, room + room / 8);
    }
}

#[test]
fn a_scan_sees_each_entry_once_while_the_table_grows() {
    let staying = MANY / 8;
    let mut map = grown(staying);
    let mut seen = vec![0_u8; staying as usize];
    let (mut cursor, mut next) = (ScanCursor::START, staying);
    while !cursor.is_done() {
        cursor = map
            .scan(cursor, 3, |_, &n| {
                if n < staying {
                    seen[n as usize] += 1;
                }
            })
            .unwrap();
        for _ in 0..61.min(MANY.saturating_sub(next)) {
            map.insert(scattered(next), next);
            next += 1;
        }
    }
    assert!(next > 2 * staying, "it did not grow meanwhile");
    assert!(seen.iter().all(|&times| times == 1));
    map.check().unwrap();
}

/// Each seed is a test of its own, so that two cores share the minutes.
fn a_random_program_agrees_with_std(seed: u64) {
    let span = MANY / 2;
    let mut rng = Rng::new(seed);
    let mut ours: HashMap<u64, u64> = HashMap::new();
    let mut theirs: StdMap<u64, u64> = StdMap::new();
    for step in 0..2 * MANY {
        let key = scattered(rng.below(span as usize) as u64);
        match rng.below(1000) {
            0..640 => assert_eq!(ours.insert(key, step), theirs.insert(key, step)),
            640..960 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
            960..990 => assert_eq!(ours.get(&key), theirs.get(&key)),
            990..999 => {
                let capacity = ours.capacity();
                ours.reserve(capacity - ours.len() + 1);
            }
            _ if rng.below(60) == 0 => {
                let keep = rng.below(4) as u64 + 1;
                ours.retain(|_, value| *value % 5 < keep);
                theirs.retain(|_, value| *value % 5 < keep);
            }
            _ if rng.below(40) == 0 => {
                ours.clear();
                theirs.clear();
            }
            _ if rng.below(40) == 0 => ours.shrink_to_fit(),
            _ => {}
        }
        if step % STRIDE == 0 {
            ours.check().unwrap();
            assert_eq!(ours.len(), theirs.len());
        }
    }
    assert!(
        theirs
            .iter()
            .all(|(key, value)| ours.get(key) == Some(value))
    );
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn random_programs_agree_with_std_by_seed_0() {
    a_random_program_agrees_with_std(0);
}

#[test]
fn random_programs_agree_with_std_by_seed_1() {
    a_random_program_agrees_with_std(1);
}

#[test]
fn keys_that_crowd_overflow_their_blocks_and_are_found() {
    let len = MANY / 8;
    let mut map: HashMap<u64, u64, Crowded> = HashMap::with_hasher(Crowded { groups: len / 12 });
    for n in 0..len {
        map.insert(n, n);
        if n % STRIDE == 0 {
            map.check().unwrap();
        }
    }
    map.check().unwrap();
    assert!((0..len).all(|n| map.get(&n) == Some(&n)));
    for n in 0..len / 2 {
        assert_eq!(map.remove(&n), Some(n));
    }
    map.extend((len..len * 2).map(|n| (n, n)));
    map.check().unwrap();
    assert!((len / 2..len * 2).all(|n| map.contains_key(&n)));
}

#[test]
fn one_home_for_all_is_slow_and_right() {
    let len = if cfg!(millpond_tiny_blocks) {
        700
    } else {
        9_000
    };
    let mut map: HashMap<u64, u64, Degenerate> =
        HashMap::with_capacity_and_hasher(len as usize * 3 / 4, Degenerate);
    map.extend((0..len).map(|n| (n, n)));
    map.check().unwrap();
    assert!((0..len).step_by(97).all(|n| map.get(&n) == Some(&n)));
}

#[test]
fn values_that_need_a_drop_are_dropped_once() {
    no_value_left(|| {
        let len = MANY / 4;
        let mut map: HashMap<Tracked, Tracked> = HashMap::new();
        for n in 0..len {
            map.insert(Tracked::sample(n), Tracked::sample(n + 1));
        }
        map.check().unwrap();
        let copy = map.clone();
        drop(map);
        assert!((0..len).all(|n| copy[&Tracked::sample(n)].number() == n + 1));
    });
}

#[test]
fn large_entries_grow_by_blocks_too() {
    let len = if cfg!(millpond_tiny_blocks) {
        600
    } else {
        5_000
    };
    let mut map: HashMap<u64, [u64; 25]> = HashMap::new();
    for n in 0..len {
        map.insert(scattered(n), [n; 25]);
        if n % 61 == 0 {
            map.check().unwrap();
        }
    }
    assert!((0..len).all(|n| map[&scattered(n)] == [n; 25]));
}

#[test]
fn a_foreign_allocator_grows_by_doubling() {
    #[derive(Clone)]
    struct Foreign;
    // SAFETY: passes on.
    unsafe impl Allocator for Foreign {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            Slabs.allocate(layout)
        }
        unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
            // SAFETY: passed on.
            unsafe { Slabs.deallocate(block, layout) }
        }
    }
    let mut map = HashMap::new_in(Foreign);
    let mut steps = 0;
    for n in 0..MANY {
        let capacity = map.capacity();
        map.insert(scattered(n), n);
        steps += u64::from(map.capacity() > capacity);
    }
    assert!(steps < 20, "{steps}");
    map.check().unwrap();
    assert!((0..MANY).all(|n| map.get(&scattered(n)) == Some(&n)));
}

#[test]
fn a_hash_that_panics_in_a_split_leaves_the_table_as_it_was() {
    no_value_left(|| {
        let mut map: HashMap<Fragile, u64> = HashMap::new();
        let mut next = 0;
        // Into the middle of a round.
        let mut steps = 0;
        while steps < 3 {
            let before = map.capacity();
            map.insert(Fragile::sample(next), next);
            next += 1;
            let after = map.capacity();
            steps += u64::from(before != 0 && after != before && after < before + before / 4);
        }
        while map.len() < map.capacity() {
            map.insert(Fragile::sample(next), next);
            next += 1;
        }
        let (len, capacity) = (map.len(), map.capacity());
        for granted in 0.. {
            let lit = light(&[Callback::Hash], granted);
            let done = catch_unwind(AssertUnwindSafe(|| map.insert(Fragile::sample(next), next)));
            drop(lit);
            if granted % 37 == 0 {
                map.check().unwrap();
            }
            match done {
                Ok(_) => {
                    assert!(granted > 30, "the split hashes a block");
                    break;
                }
                Err(cause) => assert!(cause.is::<Blown>()),
            }
            assert_eq!((map.len(), map.capacity()), (len, capacity));
        }
        assert!(map.capacity() > capacity);
        map.check().unwrap();
        assert!((0..=next).all(|n| map.contains_key(&Fragile::sample(n))));
    });
}
