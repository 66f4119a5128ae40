//! `relieve` looks at the memory of the process, and so has one of its own.

use std::alloc::Layout;

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;
use millpond_map::relieve;
use millpond_pool::{Pool, Pressure};

/// Below the size of a mapping of its own: slices of segments, which stay mapped.
const BLOCK_BYTES: usize = 1 << 20;
const BLOCKS: usize = 96;

#[test]
fn pressure_falls_when_memory_does() {
    static POOL: Pool<Vec<u8>> = Pool::new(Vec::new);
    let layout = Layout::from_size_align(BLOCK_BYTES, 64).expect("a layout");
    let held = || millpond_arena::stats().held_bytes();
    let limit = held() + (BLOCKS * BLOCK_BYTES) as u64 / 2;
    assert_eq!(relieve(limit), Pressure::None);

    let blocks: Vec<_> = (0..BLOCKS)
        .map(|_| Slabs.allocate(layout).expect("memory"))
        .collect();
    let mapped = millpond_arena::stats().mapped_bytes;
    assert!(held() > limit);
    POOL.get().extend_from_slice(b"warm");
    assert_eq!(relieve(limit), Pressure::Full, "all of it is in use");
    assert_eq!(POOL.stats().retained_items, 0, "pools were emptied");

    for block in blocks {
        // SAFETY: lent above, with this layout.
        unsafe { Slabs.deallocate(block.cast(), layout) };
    }
    assert!(held() > limit, "free, but not handed back");
    POOL.get().extend_from_slice(b"warm");
    assert_eq!(relieve(limit), Pressure::Some, "a tick is enough");
    assert_eq!(POOL.stats().retained_items, 1, "and pools stay warm");
    assert!(held() < limit);
    assert_eq!(relieve(limit), Pressure::None);
    assert_eq!(
        millpond_arena::stats().mapped_bytes,
        mapped,
        "address space does not tell"
    );
}
