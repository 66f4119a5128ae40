#![forbid(unsafe_code)]
//! Length, room, and the slab that a map keeps.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;

use super::HashMap;
use crate::check::Broken;
use crate::error::TryReserveError;
use crate::hash::hash_of;
use crate::stats::TableStats;

impl<K, V, S, A: Allocator> HashMap<K, V, S, A> {
    /// Returns the entries that fit before the map takes a larger slab, those it has included.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.table.inner().capacity()
    }

    /// Returns the number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.table.inner().len()
    }

    /// Tells whether the map has no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes that the map keeps from its allocator, as they were lent.
    ///
    /// Zero for a map that never had an entry. What keys and values own is not counted.
    #[inline]
    pub fn allocation_size(&self) -> usize {
        self.table.slab_bytes()
    }

    /// Removes every entry and keeps the slab.
    ///
    /// Afterwards the map is as good as one made new with this capacity: nothing that was
    /// inserted or removed before slows it down.
    ///
    /// # Cost
    ///
    /// Where keys and values need no drop, in proportion to the part of the table that was
    /// touched since the last `clear`, whatever the capacity. Else each entry is dropped, once.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut map: HashMap<u64, u64> = (0..1000).map(|n| (n, n)).collect();
    /// let capacity = map.capacity();
    /// map.clear();
    /// assert!(map.is_empty());
    /// assert_eq!(map.capacity(), capacity);
    /// ```
    #[inline]
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// Removes every entry and gives the slab back.
    ///
    /// # Cost
    ///
    /// Where keys and values need no drop, what giving the slab back costs, whatever is in it.
    /// Else each entry is dropped, once.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut map = HashMap::from([(1, "one")]);
    /// map.clear_and_shrink();
    /// assert_eq!(map.capacity(), 0);
    /// assert_eq!(map.allocation_size(), 0);
    /// ```
    pub fn clear_and_shrink(&mut self) {
        self.table.clear_and_shrink();
    }

    /// Returns the map in numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut map: HashMap<u64, u64> = (0..1000).map(|n| (n, n)).collect();
    /// map.clear();
    /// let stats = map.table_stats();
    /// assert_eq!((stats.len, stats.clears), (0, 1));
    /// assert_eq!(stats.slab_bytes, map.allocation_size());
    /// ```
    pub fn table_stats(&self) -> TableStats {
        self.table.table_stats()
    }

    /// Returns how often the map took a larger slab to make room.
    #[doc(hidden)]
    pub fn growth_count(&self) -> u32 {
        self.table.growth_count()
    }
}

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Makes room for at least `additional` more entries.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    ///
    /// # Cost
    ///
    /// Nothing when there is room; else every entry is hashed and moved. A map that grows block
    /// by block (see [`HashMap`]) and needs at most twice its room hashes only the blocks that
    /// it splits, and moves half of their entries.
    #[inline]
    pub fn reserve(&mut self, additional: usize) {
        let hash_builder = &self.hash_builder;
        self.table
            .reserve(additional, |(key, _)| hash_of(hash_builder, key));
    }

    /// Makes room for at least `additional` more entries, or says why not.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the capacity overflows or the allocator has no memory. The
    /// map is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::{HashMap, TryReserveError};
    ///
    /// let mut map: HashMap<u64, u64> = HashMap::new();
    /// assert!(map.try_reserve(1000).is_ok());
    /// assert_eq!(map.try_reserve(usize::MAX), Err(TryReserveError::CapacityOverflow));
    /// ```
    #[inline]
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        let hash_builder = &self.hash_builder;
        self.table
            .try_reserve(additional, |(key, _)| hash_of(hash_builder, key))
    }

    /// Gives back what the entries do not need.
    ///
    /// # Cost
    ///
    /// Every entry is hashed and moved into a smaller slab, where there is one that fits.
    /// Without memory for it the map stays as it is.
    #[inline]
    pub fn shrink_to_fit(&mut self) {
        self.shrink_to(0);
    }

    /// Gives back what neither the entries nor `min_capacity` need.
    ///
    /// The capacity afterwards is at least `min_capacity`, unless it was below it before.
    ///
    /// # Cost
    ///
    /// As [`shrink_to_fit`](Self::shrink_to_fit).
    pub fn shrink_to(&mut self, min_capacity: usize) {
        let hash_builder = &self.hash_builder;
        // Keeping more than was asked for is no error.
        let _ = self
            .table
            .try_shrink_to(min_capacity, |(key, _)| hash_of(hash_builder, key));
    }

    /// Verifies the invariants of the table.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold. Keys whose hash changed break some.
    ///
    /// # Cost
    ///
    /// Hashes every entry and looks at every control byte.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), Broken> {
        self.table
            .check(|(key, _)| hash_of(&self.hash_builder, key))
    }
}
