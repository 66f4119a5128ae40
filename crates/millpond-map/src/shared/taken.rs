#![forbid(unsafe_code)]
//! What `take_all` took.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::mem;

use super::sharded::ShardedMap;
use super::table::{Table, Tables};
use crate::map::HashMap;

/// All entries that a [`ShardedMap`] had at one instant.
///
/// Owns them: no lock is held, and the map may be used meanwhile. When it is dropped, what
/// is left of the entries is dropped, and the tables go back to the map to be filled again.
pub struct Taken<'a, K, V, S> {
    map: &'a ShardedMap<K, V, S>,
    tables: Tables<K, V>,
}

impl<'a, K, V, S> Taken<'a, K, V, S> {
    pub(super) fn new(map: &'a ShardedMap<K, V, S>, tables: Tables<K, V>) -> Self {
        Taken { map, tables }
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.iter().map(Table::len).sum()
    }

    /// Tells whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Walks the entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.tables.iter().flat_map(Table::iter)
    }

    /// Takes the entries out, in no order. What the walk has not come to stays.
    pub fn drain(&mut self) -> impl Iterator<Item = (K, V)> {
        self.tables.iter_mut().flat_map(Table::drain)
    }

    /// Moves the entries into a map for one thread.
    #[must_use]
    pub fn into_map(mut self) -> HashMap<K, V, S>
    where
        K: Eq + Hash,
        S: BuildHasher + Clone,
    {
        let mut map = HashMap::with_capacity_and_hasher(self.len(), self.map.hasher().clone());
        map.extend(self.drain());
        map
    }
}

impl<K, V, S> Drop for Taken<'_, K, V, S> {
    fn drop(&mut self) {
        self.map.return_spares(mem::take(&mut self.tables));
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Taken<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
