#![allow(dead_code, reason = "each test file uses a part of it")]
//! Runs an operation with callback 0 panicking, then 1, and so on.

use std::hash::BuildHasherDefault;
use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::{HashMap, HashSet};
use millpond_testkit::fuse::{Callback, Fragile, light};
use millpond_testkit::values::{Sample, live};

use super::{Counted, lent};

pub(crate) type Hasher = BuildHasherDefault<std::hash::DefaultHasher>;
pub(crate) type Map = HashMap<Fragile, Fragile, Hasher, Counted>;
pub(crate) type Set = HashSet<Fragile, Hasher, Counted>;

/// Every callback that a map makes.
pub(crate) const ALL: [Callback; 5] = [
    Callback::Hash,
    Callback::Eq,
    Callback::Clone,
    Callback::Drop,
    Callback::Closure,
];

/// Makes a map of `len` entries.
pub(crate) fn map_of(len: u64) -> Map {
    let mut map = Map::default();
    for n in 0..len {
        map.insert(Fragile::sample(n), Fragile::sample(n + 1000));
    }
    map
}

/// Runs `act` on a map of `len` entries, with callback 0 panicking, then 1, and so on to the end.
///
/// Returns how many runs panicked. After each the map must pass its check and hold what it says.
pub(crate) fn each_panic(len: u64, act: impl Fn(&mut Map)) -> u64 {
    let (live_before, lent_before) = (live(), lent());
    for granted in 0.. {
        let mut map = map_of(len);
        let lit = light(&ALL, granted);
        let result = catch_unwind(AssertUnwindSafe(|| act(&mut map)));
        drop(lit);
        map.check()
            .unwrap_or_else(|broken| panic!("{granted} callbacks: {broken}"));
        assert_eq!(map.iter().count(), map.len());
        for (key, value) in &map {
            assert_eq!(map.get(key), Some(value));
        }
        // Still of use.
        map.insert(Fragile::sample(77_777), Fragile::sample(1));
        assert!(map.contains_key(&Fragile::sample(77_777)));
        drop(map);
        assert_eq!(
            live(),
            live_before,
            "{granted} callbacks: dropped once each"
        );
        assert_eq!(lent(), lent_before, "{granted} callbacks: slabs");
        if result.is_ok() {
            return granted;
        }
    }
    unreachable!()
}

/// Full maps: of no group, of one, of two, and with displaced entries and a list of lines.
pub(crate) const LENS: [u64; 4] = [0, 16, 28, 448];
