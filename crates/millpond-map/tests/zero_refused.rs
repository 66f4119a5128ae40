//! A pool that zeroes, when the system refuses to take pages: they are zeroed by hand. They
//! went to the next map with all that was in them.
//!
//! The switch is for the whole process, so this test is alone in its file.

use std::slice;

use millpond_arena::fault;
use millpond_map::{HashMap, MapPool};

/// In every entry, and in nothing else.
const SECRET: u64 = 0x5EC2_E75E_C2E7_5EC2;
/// Enough to lie in a range of its own.
const ENTRIES: u64 = 100_000;

/// Returns the lowest address of an entry, and how many words lie in all of them.
fn place(map: &HashMap<u64, u64>) -> (usize, usize) {
    let addresses = map
        .iter()
        .map(|(key, _)| std::ptr::from_ref(key).expose_provenance());
    let (lowest, highest) = (addresses.clone().min(), addresses.max());
    let (lowest, highest) = (lowest.expect("an entry"), highest.expect("an entry"));
    (lowest, (highest - lowest) / size_of::<u64>() + 2)
}

/// Fills a map of `pool`, gives it back while the system takes no page, and counts the secrets
/// that the next map finds in its memory.
fn left_by(pool: &MapPool) -> usize {
    let mut map = pool.checkout::<u64, u64>();
    map.extend((0..ENTRIES).map(|key| (key, SECRET)));
    let (lowest, words) = place(&map);
    fault::fail_always_after(0);
    drop(map);
    fault::restore();

    let mut next: HashMap<u64, u64> = HashMap::new();
    next.extend((0..ENTRIES).map(|key| (key, 0)));
    let (again, _) = place(&next);
    assert!(lowest.abs_diff(again) < 4096, "the same range");
    let start = std::ptr::with_exposed_provenance::<u64>(lowest);
    // SAFETY: what was slots of a map, is slots again, and has been written since.
    let memory = unsafe { slice::from_raw_parts(start, words) };
    memory.iter().filter(|word| **word == SECRET).count()
}

#[test]
fn a_map_leaves_no_entry_where_its_pages_stay() {
    static ZEROES: MapPool = MapPool::new("zeroes").with_zero_on_recycle();
    static KEEPS: MapPool = MapPool::new("keeps");
    assert!(left_by(&KEEPS) > 0, "the test finds what is there");
    assert_eq!(left_by(&ZEROES), 0);
}
