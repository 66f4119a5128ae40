//! `HashSet`: a map whose values take no room.

mod entry;
mod iter;
mod modify;
mod operations;
mod traits;
mod unchecked;

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;
use millpond_arena::Slabs;

pub use self::entry::{Entry, OccupiedEntry, VacantEntry};
pub use self::iter::{Drain, ExtractIf, IntoIter, Iter};
pub use self::operations::{Difference, Intersection, SymmetricDifference, Union};
use crate::check::Broken;
use crate::error::TryReserveError;
use crate::hash::DefaultHashBuilder;
use crate::map::HashMap;
use crate::stats::TableStats;

/// A hash set whose buckets live in one slab of `A`.
///
/// Names and behaviour are those of `std::collections::HashSet`; the parts that it lacks are
/// hashbrown's. What [`HashMap`] says about keys and cost holds here too.
///
/// # Examples
///
/// ```
/// use millpond_map::HashSet;
///
/// let mut seen = HashSet::new();
/// assert!(seen.insert("first"));
/// assert!(!seen.insert("first"));
/// assert!(seen.contains("first"));
/// ```
pub struct HashSet<T, S = DefaultHashBuilder, A: Allocator = Slabs> {
    pub(crate) map: HashMap<T, (), S, A>,
}

impl<T> HashSet<T> {
    /// Makes an empty set with a hasher of its own. Allocates nothing until the first insert.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty set with room for `capacity` elements.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        HashSet {
            map: HashMap::with_capacity(capacity),
        }
    }
}

impl<T, A: Allocator> HashSet<T, DefaultHashBuilder, A> {
    /// Makes an empty set that takes its slabs from `alloc`.
    #[inline]
    #[must_use]
    pub fn new_in(alloc: A) -> Self {
        HashSet {
            map: HashMap::new_in(alloc),
        }
    }

    /// Makes an empty set with room for `capacity` elements, in a slab of `alloc`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when `alloc` has no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_in(capacity: usize, alloc: A) -> Self {
        HashSet {
            map: HashMap::with_capacity_in(capacity, alloc),
        }
    }
}

impl<T, S> HashSet<T, S> {
    /// Makes an empty set that hashes with `hash_builder`.
    #[inline]
    #[must_use]
    pub const fn with_hasher(hash_builder: S) -> Self {
        HashSet {
            map: HashMap::with_hasher(hash_builder),
        }
    }

    /// Makes an empty set with room for `capacity` elements that hashes with `hash_builder`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hash_builder: S) -> Self {
        HashSet {
            map: HashMap::with_capacity_and_hasher(capacity, hash_builder),
        }
    }
}

impl<T, S, A: Allocator> HashSet<T, S, A> {
    /// Makes an empty set that hashes with `hash_builder` and takes its slabs from `alloc`.
    #[inline]
    #[must_use]
    pub const fn with_hasher_in(hash_builder: S, alloc: A) -> Self {
        HashSet {
            map: HashMap::with_hasher_in(hash_builder, alloc),
        }
    }

    /// Makes an empty set with room for `capacity` elements, in a slab of `alloc`, that
    /// hashes with `hash_builder`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when `alloc` has no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_and_hasher_in(capacity: usize, hash_builder: S, alloc: A) -> Self {
        HashSet {
            map: HashMap::with_capacity_and_hasher_in(capacity, hash_builder, alloc),
        }
    }

    /// Returns the hasher.
    #[inline]
    pub fn hasher(&self) -> &S {
        self.map.hasher()
    }

    /// Returns the allocator.
    #[inline]
    pub fn allocator(&self) -> &A {
        self.map.allocator()
    }

    /// Returns the elements that fit before the set takes a larger slab, those it has included.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.map.capacity()
    }

    /// Returns the number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Tells whether the set has no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Returns the bytes that the set keeps from its allocator, as they were lent.
    #[inline]
    pub fn allocation_size(&self) -> usize {
        self.map.allocation_size()
    }

    /// Returns the set in numbers.
    pub fn table_stats(&self) -> TableStats {
        self.map.table_stats()
    }
}

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> HashSet<T, S, A> {
    /// Makes room for at least `additional` more elements.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline]
    pub fn reserve(&mut self, additional: usize) {
        self.map.reserve(additional);
    }

    /// Makes room for at least `additional` more elements, or says why not.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the capacity overflows or the allocator has no memory. The
    /// set is as it was.
    #[inline]
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), TryReserveError> {
        self.map.try_reserve(additional)
    }

    /// Gives back what the elements do not need. See [`HashMap::shrink_to_fit`].
    #[inline]
    pub fn shrink_to_fit(&mut self) {
        self.map.shrink_to_fit();
    }

    /// Gives back what neither the elements nor `min_capacity` need. See [`HashMap::shrink_to`].
    #[inline]
    pub fn shrink_to(&mut self, min_capacity: usize) {
        self.map.shrink_to(min_capacity);
    }

    /// Tells whether the set has an element equivalent to `value`.
    #[inline]
    pub fn contains<Q>(&self, value: &Q) -> bool
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.map.contains_key(value)
    }

    /// Returns the element of the set that is equivalent to `value`.
    #[inline]
    pub fn get<Q>(&self, value: &Q) -> Option<&T>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.map.get_key_value(value).map(|(element, ())| element)
    }

    /// Tells for each of `N` values whether the set has an element equivalent to it.
    ///
    /// In a set that is larger than the caches this takes about as long as the slowest of
    /// the look-ups. See [`HashMap::get_many`].
    #[inline]
    pub fn contains_many<Q, const N: usize>(&self, values: [&Q; N]) -> [bool; N]
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.map
            .get_many_key_value(values)
            .map(|entry| entry.is_some())
    }

    /// Returns the elements of the set that are equivalent to `N` values.
    ///
    /// See [`HashMap::get_many`].
    #[inline]
    pub fn get_many<Q, const N: usize>(&self, values: [&Q; N]) -> [Option<&T>; N]
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.map
            .get_many_key_value(values)
            .map(|entry| entry.map(|(element, ())| element))
    }

    /// Verifies the invariants of the table. See [`HashMap::check`].
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), Broken> {
        self.map.check()
    }
}
