//! No single insert lays a large table anew, whatever was taken out of it by a predicate, and
//! wherever its slab is from.
//!
//! Counted in hashes: whoever moves an entry hashes it.

mod common;

use std::cell::Cell;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use allocator_api2::alloc::Allocator;
use common::{Counted, lent};
use millpond_arena::Slabs;
use millpond_map::HashMap;

/// The entries of a block, which is what one insert may lay anew; and again as many, since in
/// a growing table it may split one as well.
const MOST: usize = 2 * 1024;

/// Hashes that only an insert makes that lays a block anew.
const LEAST: usize = if cfg!(millpond_tiny_blocks) { 64 } else { 256 };

thread_local! {
    static HASHES: Cell<usize> = const { Cell::new(0) };
}

/// Counts what it hashes, on this thread.
#[derive(Clone, Default)]
struct Counting(BuildHasherDefault<DefaultHasher>);

impl BuildHasher for Counting {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        HASHES.set(HASHES.get() + 1);
        self.0.build_hasher()
    }
}

/// Runs `act` and returns how often it hashed.
fn hashes(act: impl FnOnce()) -> usize {
    let before = HASHES.get();
    act();
    HASHES.get() - before
}

/// Fills a map made for `capacity` and takes most of it out by predicates, over and over.
///
/// Returns the most hashes of a single insert.
fn dearest_insert<A: Allocator>(capacity: usize, alloc: A) -> usize {
    let mut map = HashMap::with_capacity_and_hasher_in(capacity, Counting::default(), alloc);
    let bytes = map.allocation_size();
    assert!(bytes >= 128 << 10, "a table of {bytes} bytes");
    let (mut most, mut number) = (0, 0_u64);
    for round in 0..14 {
        while map.len() < map.capacity() {
            number += 1;
            most = most.max(hashes(|| {
                map.insert(number, number);
            }));
        }
        if round % 2 == 0 {
            map.retain(|key, _| key % 4 == round % 4);
        } else {
            let _ = map.extract_if(|key, _| key % 5 != round % 5).count();
        }
    }
    map.check().unwrap();
    // A round of tidying is one, however many inserts it takes.
    let rehashes = map.table_stats().rehashes;
    assert!((1..14).contains(&rehashes), "{capacity}: {rehashes}");
    assert_eq!(map.allocation_size(), bytes);
    most
}

#[test]
fn a_table_in_a_slab_is_tidied_block_by_block() {
    for capacity in [7_000, 14_000, 28_000] {
        let most = dearest_insert(capacity, Slabs);
        assert!(most > LEAST, "{capacity} entries: nothing was tidied");
        assert!(most < MOST, "{capacity} entries: {most} hashes");
    }
}

#[test]
fn a_table_in_a_range_is_tidied_block_by_block() {
    let most = dearest_insert(100_000, Slabs);
    assert!((LEAST..MOST).contains(&most), "{most} hashes");
}

#[test]
fn a_table_of_a_foreign_allocator_is_tidied_block_by_block() {
    let before = lent();
    for capacity in [14_000, 100_000] {
        let most = dearest_insert(capacity, Counted);
        assert!((LEAST..MOST).contains(&most), "{capacity}: {most} hashes");
    }
    assert_eq!(lent(), before);
}

#[test]
fn a_table_that_grows_is_tidied_block_by_block() {
    let mut map: HashMap<u64, u64, Counting> = HashMap::default();
    let (mut most, mut number) = (0, 0_u64);
    // From 256 KiB on it grows by blocks.
    while map.len() < 400_000 {
        number += 1;
        let dear = hashes(|| {
            map.insert(number, number);
        });
        if map.allocation_size() >= 512 << 10 {
            most = most.max(dear);
        }
        if number % 50_000 == 0 {
            map.retain(|key, _| key % 50_000 > 5_000 * (number / 50_000) % 7);
        }
        if number % 70_000 == 0 {
            let _ = map.extract_if(|key, _| key % 3 == 0).count();
        }
    }
    assert!(most < MOST, "{most} hashes");
    map.check().unwrap();
}
