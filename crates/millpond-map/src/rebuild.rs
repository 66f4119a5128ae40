#![forbid(unsafe_code)]
//! Shrinking by moving: what is not kept goes first, and the rest moves into a slab of the
//! right size.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;

use crate::hash::hash_of;
use crate::map::HashMap;
use crate::set::HashSet;

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Keeps the entries for which `keep` holds, in a slab of the size that they need.
    ///
    /// This is [`retain`](Self::retain) and [`shrink_to_fit`](Self::shrink_to_fit) in one,
    /// without the second slab: a large table moves to the front of its own, and the
    /// memory behind it goes back to the allocator.
    ///
    /// # Panics
    ///
    /// When `keep` does: that entry and all after it stay, in the old slab. When a hash
    /// does, while a large table is being moved: the map is empty then.
    ///
    /// # Cost
    ///
    /// Each entry that stays is hashed once and moved once or twice. From 64 KiB on nothing
    /// is allocated, where the allocator can cut a block as [`Slabs`](millpond_arena::Slabs)
    /// can within its runs.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut sessions: HashMap<u32, u32> = (0..100_000).map(|id| (id, id % 10)).collect();
    /// let before = sessions.allocation_size();
    /// sessions.rebuild(|_, idle| *idle == 0);
    /// assert_eq!(sessions.len(), 10_000);
    /// assert!(sessions.allocation_size() < before / 6);
    /// ```
    pub fn rebuild(&mut self, keep: impl FnMut(&K, &mut V) -> bool) {
        self.retain(keep);
        let hash_builder = &self.hash_builder;
        self.table.compact(|(key, _)| hash_of(hash_builder, key));
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> HashSet<T, S, A> {
    /// Keeps the elements for which `keep` holds, in a slab of the size that they need; see
    /// [`HashMap::rebuild`].
    ///
    /// # Panics
    ///
    /// As there.
    pub fn rebuild(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.map.rebuild(|value, ()| keep(value));
    }
}
