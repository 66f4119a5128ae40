//! Growth when the system refuses: the table stays sound, and grows when it can again.
//!
//! The switch is for the whole process, so this test is alone in its file.

use millpond_arena::{fault, release};
use millpond_map::HashMap;

/// A number that looks random.
fn scattered(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

#[test]
fn without_addresses_it_grows_by_doubling_or_says_so() {
    for passing in 0..12 {
        release();
        let mut map: HashMap<u64, u64> = HashMap::new();
        let mut len = 0;
        let mut refusals = 0;
        while len < 40_000 {
            if len % 7 == 0 {
                fault::fail_once_after(passing % 3);
            }
            let reserved = map.try_reserve(1);
            fault::restore();
            if reserved.is_err() {
                refusals += 1;
                map.check().unwrap();
                assert_eq!(map.len() as u64, len);
                assert!(map.try_reserve(1).is_ok());
            }
            map.insert(scattered(len), len);
            len += 1;
        }
        // A range that is refused is no error, as long as there is a slab.
        assert!(refusals < 100, "{refusals}");
        map.check().unwrap();
        assert!((0..len).all(|n| map.get(&scattered(n)) == Some(&n)));

        // With nothing to be had the table stays as it is.
        fault::fail_always_after(0);
        let refused = map.try_reserve(100_000_000).is_err();
        fault::restore();
        assert!(refused);
        map.check().unwrap();
    }
}
