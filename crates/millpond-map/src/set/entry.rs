#![forbid(unsafe_code)]
//! The place of an element in a set, full or vacant, looked up once.

use core::fmt;
use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use super::HashSet;
use crate::hash::DefaultHashBuilder;
use crate::map;

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> HashSet<T, S, A> {
    /// Returns the place of `value`, to look at or to fill.
    ///
    /// # Panics
    ///
    /// When the set is full and the capacity overflows. Aborts when the allocator has no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashSet;
    /// use millpond_map::hash_set::Entry;
    ///
    /// let mut seen = HashSet::from(["a"]);
    /// assert!(matches!(seen.entry("a"), Entry::Occupied(_)));
    /// seen.entry("b").or_insert();
    /// assert!(seen.contains("b"));
    /// ```
    #[inline]
    pub fn entry(&mut self, value: T) -> Entry<'_, T, S, A> {
        match self.map.entry(value) {
            map::Entry::Occupied(inner) => Entry::Occupied(OccupiedEntry { inner }),
            map::Entry::Vacant(inner) => Entry::Vacant(VacantEntry { inner }),
        }
    }
}

/// The place of an element in a set: full or vacant.
pub enum Entry<'a, T, S = DefaultHashBuilder, A: Allocator = Slabs> {
    /// The set has an element equal to the one asked for.
    Occupied(OccupiedEntry<'a, T, S, A>),
    /// The set has none.
    Vacant(VacantEntry<'a, T, S, A>),
}

/// An element of a set, looked up.
pub struct OccupiedEntry<'a, T, S = DefaultHashBuilder, A: Allocator = Slabs> {
    inner: map::OccupiedEntry<'a, T, (), S, A>,
}

/// The place that an element would have in a set.
pub struct VacantEntry<'a, T, S = DefaultHashBuilder, A: Allocator = Slabs> {
    inner: map::VacantEntry<'a, T, (), S, A>,
}

impl<'a, T, S, A: Allocator> Entry<'a, T, S, A> {
    /// Inserts the element where there was none, and returns the full place.
    #[inline]
    pub fn insert(self) -> OccupiedEntry<'a, T, S, A> {
        match self {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert(),
        }
    }

    /// Inserts the element where there was none.
    #[inline]
    pub fn or_insert(self) {
        if let Entry::Vacant(entry) = self {
            entry.insert();
        }
    }

    /// Returns the element: the one that the set holds, or the one that was asked for.
    #[inline]
    pub fn get(&self) -> &T {
        match self {
            Entry::Occupied(entry) => entry.get(),
            Entry::Vacant(entry) => entry.get(),
        }
    }
}

impl<'a, T, S, A: Allocator> OccupiedEntry<'a, T, S, A> {
    /// Returns the element that the set holds.
    #[inline]
    pub fn get(&self) -> &T {
        self.inner.key()
    }

    /// Returns the element for as long as the set is borrowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashSet;
    ///
    /// let mut seen = HashSet::from(["a"]);
    /// let held: &&str = seen.entry("b").insert().into_ref();
    /// assert_eq!(*held, "b");
    /// ```
    #[inline]
    pub fn into_ref(self) -> &'a T {
        self.inner.into_entry().0
    }

    /// Removes the element and returns it.
    #[inline]
    pub fn remove(self) -> T {
        self.inner.remove_entry().0
    }
}

impl<'a, T, S, A: Allocator> VacantEntry<'a, T, S, A> {
    /// Returns the element that was asked for.
    #[inline]
    pub fn get(&self) -> &T {
        self.inner.key()
    }

    /// Gives the element back.
    #[inline]
    pub fn into_value(self) -> T {
        self.inner.into_key()
    }

    /// Inserts the element and returns the full place.
    #[inline]
    pub fn insert(self) -> OccupiedEntry<'a, T, S, A> {
        OccupiedEntry {
            inner: self.inner.insert_entry(()),
        }
    }
}

impl<T: fmt::Debug, S, A: Allocator> fmt::Debug for Entry<'_, T, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Occupied(entry) => f.debug_tuple("Entry").field(entry).finish(),
            Entry::Vacant(entry) => f.debug_tuple("Entry").field(entry).finish(),
        }
    }
}

impl<T: fmt::Debug, S, A: Allocator> fmt::Debug for OccupiedEntry<'_, T, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry")
            .field("value", self.get())
            .finish()
    }
}

impl<T: fmt::Debug, S, A: Allocator> fmt::Debug for VacantEntry<'_, T, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.get()).finish()
    }
}
