//! What a sorted map is to the rest of Rust.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::iter::Zip;
use core::ops::Index;

use equivalent::Comparable;

use super::{PartIter, SortedMap};

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Clone, V: Clone> Clone for SortedMap<K, V> {
    fn clone(&self) -> Self {
        SortedMap {
            keys: self.keys.clone(),
            values: self.values.clone(),
            tail: self.tail.clone(),
        }
    }
}

impl<K: Ord, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Ord, V: Eq> Eq for SortedMap<K, V> {}

impl<K: Ord, V: PartialOrd> PartialOrd for SortedMap<K, V> {
    /// Compares entry by entry, in key order, as `BTreeMap` does.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.iter().partial_cmp(other.iter())
    }
}

impl<K: Ord, V: Ord> Ord for SortedMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl<K: Ord + Hash, V: Hash> Hash for SortedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord, Q: Comparable<K> + ?Sized, V> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    /// Returns the value of `key`.
    ///
    /// # Panics
    ///
    /// When the map has no such entry.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    /// Inserts each entry; the last value of a key stays.
    ///
    /// A panic in the order of keys, or in the walk, may lose entries of either side.
    ///
    /// # Cost
    ///
    /// Sorts the newcomers and merges them in one pass. Few of them are inserted one by one.
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        self.take_in(entries.into_iter().collect());
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    /// Sorts the entries; the last value of a key stays.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SortedMap::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = Zip<std::vec::IntoIter<K>, std::vec::IntoIter<V>>;

    /// Walks the entries in key order.
    fn into_iter(self) -> Self::IntoIter {
        let (keys, values) = self.into_sorted();
        keys.into_iter().zip(values)
    }
}

impl<'a, K: Ord, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = PartIter<'a, K, V>;

    fn into_iter(self) -> PartIter<'a, K, V> {
        self.iter()
    }
}
