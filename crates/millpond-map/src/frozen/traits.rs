#![forbid(unsafe_code)]
//! What a frozen map is to the rest of Rust.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::ops::Index;

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;

use super::FrozenMap;
use crate::error::TryReserveError;
use crate::hash::DefaultHashBuilder;
use crate::map::HashMap;

impl<K: Clone, V: Clone, S: Clone, A: Allocator + Clone> Clone for FrozenMap<K, V, S, A> {
    /// Clones every entry to the place that it has; no key is hashed.
    ///
    /// # Panics
    ///
    /// When a clone does. Aborts when the allocator has no memory.
    fn clone(&self) -> Self {
        FrozenMap {
            hash_builder: self.hash_builder.clone(),
            slab: self.slab.try_clone().unwrap_or_else(TryReserveError::fail),
        }
    }
}

impl<K, V, S, A> Default for FrozenMap<K, V, S, A>
where
    K: Eq + Hash,
    S: BuildHasher + Default + Clone,
    A: Allocator + Default + Clone,
{
    /// Makes a map without entries. Allocates nothing.
    fn default() -> Self {
        HashMap::default().freeze()
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher, A: Allocator> PartialEq for FrozenMap<K, V, S, A> {
    /// Tells whether both maps have the same keys with equal values.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(key, value)| other.get(key).is_some_and(|others| *value == *others))
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher, A: Allocator> Eq for FrozenMap<K, V, S, A> {}

impl<K, V, S, A> FromIterator<(K, V)> for FrozenMap<K, V, S, A>
where
    K: Eq + Hash,
    S: BuildHasher + Default + Clone,
    A: Allocator + Default + Clone,
{
    /// Makes a map of the entries; the last value of a key stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        entries
            .into_iter()
            .collect::<HashMap<K, V, S, A>>()
            .freeze()
    }
}

impl<K: Eq + Hash, V, const N: usize> From<[(K, V); N]> for FrozenMap<K, V, DefaultHashBuilder> {
    /// Makes a map of the entries; the last value of a key stays.
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V, S, A> From<HashMap<K, V, S, A>> for FrozenMap<K, V, S, A>
where
    K: Eq + Hash,
    S: BuildHasher + Clone,
    A: Allocator + Clone,
{
    /// Does what [`HashMap::freeze`] does.
    fn from(map: HashMap<K, V, S, A>) -> Self {
        map.freeze()
    }
}

impl<K: Eq + Hash, Q, V, S: BuildHasher, A: Allocator> Index<&Q> for FrozenMap<K, V, S, A>
where
    Q: Hash + Equivalent<K> + ?Sized,
{
    type Output = V;

    /// Returns the value of `key`.
    ///
    /// # Panics
    ///
    /// When the map has no such entry.
    #[inline]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> fmt::Debug for FrozenMap<K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
