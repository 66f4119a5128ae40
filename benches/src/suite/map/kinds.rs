#![forbid(unsafe_code)]
//! The tables that meet: ours, hashbrown's, and hashbrown's again.

use crate::engine::{Hasher, Key, Table};
use std::fmt::Debug;
use std::hash::BuildHasher;

/// A table under test.
pub(super) trait Kind<K>: Debug + 'static {
    /// The map.
    type Map: Table<K>;
    /// Its name in reports.
    const NAME: &'static str;
    /// Whether it is other people's work.
    const IS_RIVAL: bool = true;
    /// Makes an empty map with a new seed and room for `capacity` entries.
    fn sized(capacity: usize) -> Self::Map;
    /// Returns the bytes that the map itself has allocated.
    fn bytes(map: &Self::Map) -> usize;
}

/// `millpond_map::HashMap`.
#[derive(Debug)]
pub(super) struct Ours;

impl<K: Key> Kind<K> for Ours {
    type Map = millpond_map::HashMap<K, u64>;
    const NAME: &'static str = "millpond-map";
    const IS_RIVAL: bool = false;

    fn sized(capacity: usize) -> Self::Map {
        millpond_map::HashMap::with_capacity(capacity)
    }

    fn bytes(map: &Self::Map) -> usize {
        map.allocation_size()
    }
}

/// `hashbrown::HashMap`.
#[derive(Debug)]
pub(super) struct Theirs;

impl<K: Key> Kind<K> for Theirs {
    type Map = hashbrown::HashMap<K, u64, Hasher>;
    const NAME: &'static str = "hashbrown";

    fn sized(capacity: usize) -> Self::Map {
        hashbrown::HashMap::with_capacity_and_hasher(capacity, Hasher::default())
    }

    fn bytes(map: &Self::Map) -> usize {
        map.allocation_size()
    }
}

/// `hashbrown::HashMap` compiled a second time.
#[derive(Debug)]
pub(super) struct Again;

/// The same hasher as another type, so that the compiler makes a second copy.
#[derive(Debug, Clone, Default)]
pub(super) struct HasherAgain(Hasher);

impl BuildHasher for HasherAgain {
    type Hasher = <Hasher as BuildHasher>::Hasher;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

impl<K: Key> Kind<K> for Again {
    type Map = hashbrown::HashMap<K, u64, HasherAgain>;
    const NAME: &'static str = "hashbrown again";
    const IS_RIVAL: bool = false;

    fn sized(capacity: usize) -> Self::Map {
        hashbrown::HashMap::with_capacity_and_hasher(capacity, HasherAgain::default())
    }

    fn bytes(map: &Self::Map) -> usize {
        map.allocation_size()
    }
}
