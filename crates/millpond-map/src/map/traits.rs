#![forbid(unsafe_code)]
//! What a map is to the rest of Rust: `Clone`, `PartialEq`, `Debug`, `FromIterator` …

use core::fmt;
use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;

use super::HashMap;
use crate::hash::DefaultHashBuilder;

impl<K: Clone, V: Clone, S: Clone, A: Allocator + Clone> Clone for HashMap<K, V, S, A> {
    /// Clones every entry into a slab of the same size, with the same hasher.
    fn clone(&self) -> Self {
        HashMap {
            hash_builder: self.hash_builder.clone(),
            table: self.table.clone(),
        }
    }

    /// Clones every entry, into the slab that the map has where it is of the same size.
    ///
    /// # Panics
    ///
    /// When a clone or a drop of an entry does; the map is empty then.
    fn clone_from(&mut self, source: &Self) {
        // The hasher must be the one of the entries, whatever panics. An empty map takes any.
        let hash_builder = source.hash_builder.clone();
        self.table.clear();
        self.hash_builder = hash_builder;
        self.table.clone_from(&source.table);
    }
}

impl<K, V, S: Default, A: Allocator + Default> Default for HashMap<K, V, S, A> {
    /// Makes an empty map. Allocates nothing until the first insert.
    #[inline]
    fn default() -> Self {
        Self::with_hasher_in(S::default(), A::default())
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher, A: Allocator> PartialEq for HashMap<K, V, S, A> {
    /// Tells whether both maps have the same keys with equal values.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(key, value)| other.get(key).is_some_and(|others| *value == *others))
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher, A: Allocator> Eq for HashMap<K, V, S, A> {}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> fmt::Debug for HashMap<K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default, A: Allocator + Default> FromIterator<(K, V)>
    for HashMap<K, V, S, A>
{
    /// Makes a map of the entries; the last value of a key stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Eq + Hash, V, const N: usize> From<[(K, V); N]> for HashMap<K, V, DefaultHashBuilder> {
    /// Makes a map of the entries; the last value of a key stays.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}
