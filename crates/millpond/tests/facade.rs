#![forbid(unsafe_code)]
//! Each re-export is there under its name, and the parts work together.

use millpond::arena::{Arena, Millpond, Slabs, Stats};
use millpond::map::{HashMap, HashSet, MapPool, hash_map::Entry};
use millpond::pool::{Pool, Recycle, tick_all};

#[test]
fn the_allocator_is_usable_without_being_installed() {
    const ALLOCATOR: Millpond = Millpond::new();
    let _: &dyn std::alloc::GlobalAlloc = &ALLOCATOR;
    let stats: Stats = Millpond::stats();
    assert!(millpond::arena::stats().allocations >= stats.allocations);
}

#[test]
fn a_map_takes_any_of_the_allocators() {
    let arena = Arena::new();
    let mut in_slabs: HashMap<u32, u32> = HashMap::new();
    let mut in_arena =
        HashMap::with_hasher_in(millpond::map::DefaultHashBuilder::default(), &arena);
    let mut named = HashMap::<u32, u32, _, Slabs>::with_hasher_in(
        millpond::map::DefaultHashBuilder::default(),
        Slabs,
    );
    for n in 0..100 {
        in_slabs.insert(n, n);
        in_arena.insert(n, n);
        named.insert(n, n);
    }
    assert!(
        in_slabs
            .iter()
            .all(|(n, m)| in_arena.get(n) == Some(m) && named.get(n) == Some(m))
    );
    match in_slabs.entry(7) {
        Entry::Occupied(entry) => assert_eq!(entry.remove(), 7),
        Entry::Vacant(_) => panic!("7 was inserted"),
    }
}

#[test]
fn a_request_borrows_its_keys_and_gives_its_maps_back() {
    static MAPS: MapPool = MapPool::new("facade");
    for _ in 0..10 {
        let body = String::from("to be or not to be");
        let mut counts = MAPS.checkout::<&str, u32>();
        let mut seen = MAPS.checkout_set::<char>();
        for word in body.split(' ') {
            *counts.entry(word).or_insert(0) += 1;
            seen.extend(word.chars());
        }
        assert_eq!(
            (counts["to"], counts["be"], counts.len(), seen.len()),
            (2, 2, 4, 6)
        );
    }
    assert_eq!(MAPS.stats().outstanding, 0);
    let scope = MAPS.scope();
    let text = scope.alloc_str("kept as long as its scope");
    assert_eq!(text.len(), 25);
}

#[test]
fn a_pool_gives_back_what_was_put() {
    #[derive(Default)]
    struct Buffer(Vec<u8>);

    impl Recycle for Buffer {
        fn reset(&mut self) {
            self.0.clear();
        }
    }

    static BUFFERS: Pool<Buffer> = Pool::new(Buffer::default);
    BUFFERS.get().0.extend_from_slice(b"some bytes");
    let again = BUFFERS.get();
    assert!(again.0.is_empty());
    drop(again);
    tick_all();
    let set: HashSet<u8> = (0..10).collect();
    assert_eq!(set.len(), 10);
}
