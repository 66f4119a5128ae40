//! What a pool that zeroes leaves in memory: nothing. And what one that does not
//! leaves there, so that this test would find it.

use std::alloc::Layout;
use std::slice;

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;
use millpond_map::{HashMap, MapPool, relieve};
use millpond_pool::{Pool, Pressure};

/// In every entry, and in nothing else.
const SECRET: u64 = 0x5EC2_E75E_C2E7_5EC2;

/// Takes blocks of `bytes` until it has the one around `address`, and counts the
/// secret in it. None if it does not turn up.
fn secrets_left(bytes: usize, address: usize) -> Option<usize> {
    // Slabs of tables are aligned to lines or to pairs of them.
    let layouts =
        [16, 64, 128].map(|align| Layout::from_size_align(bytes, align).expect("a layout"));
    let mut taken = Vec::new();
    let mut found = None;
    for layout in layouts.into_iter().cycle().take(3 * 300) {
        let block = Slabs.allocate(layout).expect("memory").cast::<u64>();
        taken.push((block, layout));
        if (block.addr().get()..block.addr().get() + bytes).contains(&address) {
            let words = bytes / size_of::<u64>();
            // SAFETY: the block is that long, and was written when it was a table.
            let words = unsafe { slice::from_raw_parts(block.as_ptr(), words) };
            found = Some(words.iter().filter(|word| **word == SECRET).count());
            break;
        }
    }
    for (block, layout) in taken {
        // SAFETY: lent above, with this layout.
        unsafe { Slabs.deallocate(block.cast(), layout) };
    }
    found
}

/// Fills a map of `entries`, gives it back, and counts what is left of it.
fn left_by(pool: &MapPool, entries: u64) -> Option<usize> {
    let mut map = pool.checkout::<u64, u64>();
    for key in 0..entries {
        map.insert(key, SECRET);
    }
    let address = std::ptr::from_ref(&map[&0]).addr();
    let bytes = map.allocation_size();
    drop(map);
    secrets_left(bytes, address)
}

#[test]
fn a_map_leaves_no_entry_in_memory() {
    static ZEROES: MapPool = MapPool::new("zeroes").with_zero_on_recycle();
    static KEEPS: MapPool = MapPool::new("keeps");
    for entries in [1, 10, 100, 1_000] {
        assert_eq!(left_by(&ZEROES, entries), Some(0), "{entries} entries");
        let found = left_by(&KEEPS, entries).expect("the same slab");
        assert!(found > 0, "the test finds what is there: {entries} entries");
    }
}

#[test]
fn counts_leave_no_entry_in_memory_either() {
    static ZEROES: MapPool = MapPool::new("counts").with_zero_on_recycle();
    for entries in [1, 10, 100, 1_000] {
        let mut counts = ZEROES.checkout_counter::<u64, u64>();
        for key in 0..entries {
            counts.add(key, SECRET).expect("one of each");
        }
        let address = std::ptr::from_ref(counts.iter().next().expect("an entry").1).addr();
        let bytes = counts.allocation_size();
        drop(counts);
        assert_eq!(secrets_left(bytes, address), Some(0), "{entries} counts");
    }
}

#[test]
fn a_slab_that_a_map_leaves_behind_as_it_grows_is_clean() {
    static ZEROES: MapPool = MapPool::new("grows").with_zero_on_recycle();
    let mut map = ZEROES.checkout::<u64, u64>();
    for key in 0..10 {
        map.insert(key, SECRET);
    }
    let (address, bytes) = (std::ptr::from_ref(&map[&0]).addr(), map.allocation_size());
    map.reserve(1_000);
    assert_ne!(map.allocation_size(), bytes);
    assert_eq!(secrets_left(bytes, address), Some(0));
}

#[test]
fn a_scope_leaves_no_string_in_memory() {
    static ZEROES: MapPool = MapPool::new("scopes").with_zero_on_recycle();
    let scope = ZEROES.scope();
    let text = scope.alloc_str("swordfish").as_ptr().addr();
    drop(scope);
    // The region is lent again, with its chunk.
    let scope = ZEROES.scope();
    let memory = rest_of_chunk(scope.bump());
    let start = memory.as_ptr().addr();
    let inside = (start..start + memory.len()).contains(&text);
    assert!(inside, "the same chunk");
    assert_eq!(memory[text - start], 0);
}

/// Returns what is left of the chunk of a bump, as it is.
///
/// Not as a slice filled with `MaybeUninit::uninit`: without optimisation that writes what
/// happens to lie on the stack.
fn rest_of_chunk(bump: &bumpalo::Bump) -> &[u8] {
    let bytes = bump.chunk_capacity();
    let layout = Layout::array::<u8>(bytes).expect("a layout");
    let start = bump.alloc_layout(layout);
    // SAFETY: a chunk that has been handed out before, and zeroed since.
    unsafe { slice::from_raw_parts(start.as_ptr(), bytes) }
}

#[test]
fn a_vector_of_a_scope_leaves_nothing_wherever_it_grew_and_ended() {
    static ZEROES: MapPool = MapPool::new("vectors").with_zero_on_recycle();
    // Such that the region has one chunk that is large enough.
    ZEROES.scope().alloc_slice_copy(&[0_u64; 2_000]);
    let scope = ZEROES.scope();
    let mut vector = scope.vec();
    let mut places = Vec::new();
    for _ in 0..300 {
        vector.push(SECRET);
        places.push(std::ptr::from_ref(&vector[0]).addr());
    }
    places.dedup();
    assert!(places.len() > 3, "it has moved");
    drop(vector);
    drop(scope);
    let scope = ZEROES.scope();
    let memory = rest_of_chunk(scope.bump());
    let range = memory.as_ptr_range();
    let range = range.start.addr()..range.end.addr();
    assert!(
        places.iter().all(|place| range.contains(place)),
        "the same chunk"
    );
    for place in places {
        let word = &memory[place - range.start..][..size_of::<u64>()];
        assert_eq!(word, [0; size_of::<u64>()]);
    }
}

#[test]
fn our_maps_are_items_of_a_pool() {
    let pool = Pool::new(HashMap::<String, u64>::new);
    pool.get().reserve(10_000);
    for _ in 0..4 {
        let mut map = pool.get();
        assert!(map.is_empty());
        map.insert("one".to_owned(), 1);
    }
    let map = pool.get();
    assert!(
        map.is_empty() && map.capacity() < 1_000,
        "{}",
        map.capacity()
    );
    assert!(pool.get_sized(100_000).capacity() >= 1_000);
}

#[test]
fn pressure_is_as_high_as_it_has_to_be() {
    assert_eq!(relieve(u64::MAX), Pressure::None);
    assert_eq!(relieve(0), Pressure::Full, "something is always mapped");
}
