//! `HashTable`: entries found by a hash and an equality that the caller brings along.
//!
//! # Invariants
//!
//! Those of the table, see `raw`: what it finds is an entry for as long as the table is
//! borrowed, and a slot that it hands out to be written is written at once.

mod disjoint;
mod entry;
mod into_iter;
mod iter;
mod traits;

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

pub use self::entry::{AbsentEntry, Entry, OccupiedEntry, VacantEntry};
pub use self::into_iter::{Drain, ExtractIf, IntoIter};
pub use self::iter::{Iter, IterHash, IterHashMut, IterMut};
use crate::check::Broken;
use crate::error::TryReserveError;
use crate::raw::{RawTable, Vacancy};

/// A hash table without keys, values or a hasher: for collections that bring their own.
///
/// Names and behaviour are those of `hashbrown::HashTable`. Every call gets the hash of what
/// it is about, and a closure that tells whether an entry is the one. Where entries may have
/// to be moved, a closure hashes an entry again; it must return what the entry came in with.
/// If it does not, entries may not be found; memory stays safe and every operation ends.
///
/// Hashes must be good in all their bits: the table takes them as they are.
///
/// # Examples
///
/// A set of words that lie in one text, as indices into it:
///
/// ```
/// use millpond_map::HashTable;
/// use millpond_map::hash_map::RandomState;
/// use std::hash::BuildHasher;
///
/// let words = ["to", "be", "or", "not", "to", "be"];
/// let state = RandomState::new();
/// let hash = |index: &usize| state.hash_one(words[*index]);
///
/// let mut first: HashTable<usize> = HashTable::new();
/// for index in 0..words.len() {
///     first
///         .entry(hash(&index), |held| words[*held] == words[index], hash)
///         .or_insert(index);
/// }
/// assert_eq!(first.len(), 4);
/// assert_eq!(first.find(state.hash_one("be"), |held| words[*held] == "be"), Some(&1));
/// ```
pub struct HashTable<T, A: Allocator = Slabs> {
    pub(crate) raw: RawTable<T, A>,
}

impl<T> HashTable<T> {
    /// Makes an empty table. Allocates nothing until the first insert.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in(Slabs)
    }

    /// Makes an empty table with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_in(capacity, Slabs)
    }
}

impl<T, A: Allocator> HashTable<T, A> {
    /// Makes an empty table that takes its slabs from `alloc`.
    #[inline]
    #[must_use]
    pub const fn new_in(alloc: A) -> Self {
        HashTable {
            raw: RawTable::new_in(alloc),
        }
    }

    /// Makes an empty table with room for `capacity` entries, in a slab of `alloc`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when `alloc` has no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_in(capacity: usize, alloc: A) -> Self {
        HashTable {
            raw: RawTable::try_with_capacity_in(capacity, alloc)
                .unwrap_or_else(TryReserveError::fail),
        }
    }

    /// Returns the allocator.
    #[inline]
    pub fn allocator(&self) -> &A {
        self.raw.allocator()
    }

    /// Returns the entries that fit before the table takes a larger slab.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.raw.inner().capacity()
    }

    /// Returns the number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.raw.inner().len()
    }

    /// Tells whether the table has no entries.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes that the table keeps from its allocator, as they were lent.
    #[inline]
    pub fn allocation_size(&self) -> usize {
        self.raw.slab_bytes()
    }

    /// Returns the entry with `hash` for which `eq` holds.
    ///
    /// `eq` may be asked about entries of another hash, too.
    #[inline]
    pub fn find(&self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&T> {
        let (_, entry) = self.raw.find(hash, eq)?;
        // SAFETY: the entry was just found, and the table is borrowed.
        Some(unsafe { &*entry })
    }

    /// Returns the entry with `hash` for which `eq` holds, to be changed in place.
    ///
    /// What hash and equality depend on must stay as it is.
    #[inline]
    pub fn find_mut(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<&mut T> {
        let (_, entry) = self.raw.find(hash, eq)?;
        // SAFETY: the entry was just found, and the table is borrowed for changes.
        Some(unsafe { &mut *entry })
    }

    /// Inserts an entry without looking whether there is one like it, and returns its place.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    pub fn insert_unique(
        &mut self,
        hash: u64,
        value: T,
        hasher: impl Fn(&T) -> u64,
    ) -> OccupiedEntry<'_, T, A> {
        self.raw.make_room(hash, hasher);
        let vacancy = Vacancy::SOMEWHERE;
        VacantEntry {
            table: self,
            hash,
            vacancy,
        }
        .insert(value)
    }

    /// Removes every entry and keeps the slab. See [`HashMap::clear`](crate::HashMap::clear).
    #[inline]
    pub fn clear(&mut self) {
        self.raw.clear();
    }

    /// Removes every entry and gives the slab back.
    pub fn clear_and_shrink(&mut self) {
        self.raw.clear_and_release();
    }

    /// Makes room for at least `additional` more entries.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline]
    pub fn reserve(&mut self, additional: usize, hasher: impl Fn(&T) -> u64) {
        self.raw.reserve(additional, hasher);
    }

    /// Makes room for at least `additional` more entries, or says why not.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the capacity overflows or the allocator has no memory. The
    /// table is as it was.
    #[inline]
    pub fn try_reserve(
        &mut self,
        additional: usize,
        hasher: impl Fn(&T) -> u64,
    ) -> Result<(), TryReserveError> {
        self.raw.try_reserve(additional, hasher)
    }

    /// Gives back what the entries do not need.
    #[inline]
    pub fn shrink_to_fit(&mut self, hasher: impl Fn(&T) -> u64) {
        self.shrink_to(0, hasher);
    }

    /// Gives back what neither the entries nor `min_capacity` need.
    pub fn shrink_to(&mut self, min_capacity: usize, hasher: impl Fn(&T) -> u64) {
        // Keeping more than was asked for is no error.
        let _ = self.raw.try_shrink_to(min_capacity, hasher);
    }

    /// Keeps the entries for which `keep` holds, and drops the others.
    ///
    /// # Cost
    ///
    /// As that of [`HashMap::retain`](crate::HashMap::retain).
    pub fn retain(&mut self, keep: impl FnMut(&mut T) -> bool) {
        self.raw.retain(keep);
    }

    /// Verifies the invariants of the table.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    #[doc(hidden)]
    pub fn check(&self, hasher: impl Fn(&T) -> u64) -> Result<(), Broken> {
        self.raw.check(hasher)
    }
}
