//! The slab of a map that ends is the next one's at once, whatever the types of either; no
//! slab is opened for it, and the system is not asked.
//!
//! One test function: the counts of the arena are of the whole process.

use std::hash::Hash;

use millpond_map::{HashMap, MapPool};

/// Entries of maps of one group, of some groups, and of many.
const LENS: [u64; 3] = [10, 100, 5_000];

/// Returns where the entries of a map begin.
fn place<K: Eq + Hash, V>(map: &HashMap<K, V>) -> usize {
    let first = |(key, value): (&K, &V)| (&raw const *key).addr().min((&raw const *value).addr());
    map.iter().map(first).min().expect("it has entries")
}

/// Fills a map of a pool, and says where its entries lay.
fn of_pool<K: Eq + Hash + From<u64>, V: From<u64>>(pool: &MapPool, len: u64) -> usize {
    let mut map = pool.checkout::<K, V>();
    map.extend((0..len).map(|n| (K::from(n), V::from(n))));
    place(&map)
}

/// Does the same with one that is made and dropped.
fn of_nobody<K: Eq + Hash + From<u64>, V: From<u64>>(len: u64) -> usize {
    let mut map = HashMap::<K, V>::with_capacity(len as usize);
    map.extend((0..len).map(|n| (K::from(n), V::from(n))));
    place(&map)
}

/// Eight bytes that need drop, and say so.
#[derive(PartialEq, Eq, Hash)]
struct Owned(u64);

impl From<u64> for Owned {
    fn from(n: u64) -> Owned {
        Owned(n)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        std::hint::black_box(self.0);
    }
}

/// Eight bytes, aligned to one.
#[derive(PartialEq, Eq, Hash)]
struct Bytes([u8; 8]);

impl From<u64> for Bytes {
    fn from(n: u64) -> Bytes {
        Bytes(n.to_ne_bytes())
    }
}

/// From so many entries on a map has a run of the thread's to itself. Those of smaller ones are
/// slots, which lie side by side and come back in their turn.
const RUN_LEN: u64 = 100;

/// The slots of four groups, in bytes, less than any run: which of them are full differs from
/// map to map. (One group is empty in a map of 5,000 now and then: with that for a limit, one
/// run of this test in thirty failed.)
const NEAR_BYTES: usize = 4 * 16 * 16;

#[test]
fn the_slab_of_a_map_is_the_next_ones_whatever_its_types() {
    millpond_arena::knobs::DECAY_MILLIS
        .set(0)
        .expect("in its range");
    for len in LENS {
        let pool = MapPool::new("test");
        let pooled: [fn(&MapPool, u64) -> usize; 4] = [
            of_pool::<u64, u64>,
            of_pool::<Owned, u64>,
            of_pool::<Bytes, Bytes>,
            of_pool::<u64, Owned>,
        ];
        let single: [fn(u64) -> usize; 3] = [
            of_nobody::<u64, u64>,
            of_nobody::<Bytes, Owned>,
            of_nobody::<Owned, Bytes>,
        ];
        // The call site learns what it needs, and the thread has a slab.
        for _ in 0..20 {
            pooled.iter().for_each(|fill| {
                fill(&pool, len);
            });
        }
        let before = millpond_arena::stats();
        let first = pooled[0](&pool, len);
        let places = (pooled.iter().map(|fill| fill(&pool, len)))
            .chain(single.iter().map(|fill| fill(len)))
            .chain(pooled.iter().map(|fill| fill(&pool, len)));
        for (nth, place) in places.enumerate() {
            let apart = place.abs_diff(first);
            let is_here = apart < NEAR_BYTES || len < RUN_LEN;
            assert!(is_here, "{len} entries, map {nth}: {apart} away");
        }
        let after = millpond_arena::stats();
        assert_eq!(
            (after.os_calls, after.slow.slabs_opened, after.mapped_bytes),
            (
                before.os_calls,
                before.slow.slabs_opened,
                before.mapped_bytes
            ),
            "{len} entries"
        );
    }
}
