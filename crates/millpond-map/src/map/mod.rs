//! `HashMap`: std's map over our table.

mod capacity;
mod disjoint;
mod entry;
mod entry_ref;
mod into_iter;
mod iter;
mod lookup;
mod many;
mod modify;
mod traits;

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

pub use self::entry::{Entry, OccupiedEntry, OccupiedError, VacantEntry};
pub use self::entry_ref::{EntryRef, VacantEntryRef};
pub use self::into_iter::{Drain, ExtractIf, IntoIter, IntoKeys, IntoValues};
pub use self::iter::{Iter, IterMut, Keys, Values, ValuesMut};
use crate::error::TryReserveError;
use crate::hash::DefaultHashBuilder;
use crate::raw::RawTable;

/// A hash map whose buckets live in one slab of `A`.
///
/// Names and behaviour are those of `std::collections::HashMap`; the parts that it lacks are
/// hashbrown's. The order of iteration is arbitrary, but stays the same while the map is
/// not changed.
///
/// Keys must not change their hash or equality while they are in the map. If they do, entries
/// may not be found any more; memory stays safe and every operation ends.
///
/// # Cost
///
/// Looking up, inserting and removing take constant time on average. Deleting leaves no
/// tombstone: a map whose size stays the same never grows and never slows down. What
/// [`retain`](Self::retain) and [`extract_if`](Self::extract_if) cannot undo without a hash is
/// cleaned up by later inserts, a block of a thousand slots at a time.
///
/// An insert into a full map moves every entry to a slab of twice the size; from 256 KiB on it
/// moves half of a thousand instead, some microseconds' worth, every so often until the map
/// has doubled. That is so with the default allocator, where the system lends addresses ahead
/// of memory, and with a hash that scatters its keys. Where it lends none, or the slabs come
/// from another allocator, a large map doubles as a small one does; so does one most of whose
/// keys have the same hash.
///
/// A map that is made for more than 4 MiB of entries at once asks the system for huge pages,
/// from which look-ups in places far apart gain. One that grew to that size has not asked,
/// since the first touch of such a page takes a millisecond of an insert. For a large map that
/// stays, [`with_capacity`](Self::with_capacity) is worth it therefore, or a clone.
///
/// # Examples
///
/// ```
/// use millpond_map::HashMap;
///
/// let mut ages = HashMap::from([("Ada", 36), ("Grace", 85)]);
/// assert_eq!(ages.insert("Ada", 37), Some(36));
/// assert_eq!(ages.get("Ada"), Some(&37));
/// assert_eq!(ages.remove("Grace"), Some(85));
/// assert_eq!(ages.len(), 1);
/// ```
///
/// A map cannot outlive what it borrows:
///
/// ```compile_fail
/// use millpond_map::HashMap;
///
/// let mut map = HashMap::new();
/// {
///     let key = String::from("short-lived");
///     map.insert(key.as_str(), 1);
/// }
/// assert_eq!(map.len(), 1);
/// ```
///
/// Nor can a value that was lent outlive a change of the map:
///
/// ```compile_fail
/// use millpond_map::HashMap;
///
/// let mut map = HashMap::from([(1, String::new())]);
/// let lent = map.get(&1);
/// map.clear();
/// assert!(lent.is_some());
/// ```
///
/// Mutable access is invariant, as it must be:
///
/// ```compile_fail
/// use millpond_map::hash_map::IterMut;
///
/// fn shorten<'a, 'short>(iter: IterMut<'a, u8, &'static str>) -> IterMut<'a, u8, &'short str> {
///     iter
/// }
/// ```
///
/// Shared access and ownership are covariant:
///
/// ```
/// use millpond_map::{HashMap, hash_map::Iter};
///
/// fn shorten<'short>(map: HashMap<&'static str, &'static str>) -> HashMap<&'short str, &'short str> {
///     map
/// }
/// fn shorten_iter<'a, 'short: 'a>(iter: Iter<'a, u8, &'static str>) -> Iter<'a, u8, &'short str> {
///     iter
/// }
/// ```
///
/// A map of things that must stay on their thread stays there:
///
/// ```compile_fail
/// use millpond_map::HashMap;
///
/// let map: HashMap<u8, std::rc::Rc<u8>> = HashMap::new();
/// std::thread::spawn(move || drop(map));
/// ```
pub struct HashMap<K, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    pub(crate) hash_builder: S,
    pub(crate) table: RawTable<(K, V), A>,
}

impl<K, V> HashMap<K, V> {
    /// Makes an empty map with a hasher of its own. Allocates nothing until the first insert.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty map with room for `capacity` entries.
    ///
    /// Zero allocates nothing.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, DefaultHashBuilder::default())
    }
}

impl<K, V, A: Allocator> HashMap<K, V, DefaultHashBuilder, A> {
    /// Makes an empty map that takes its slabs from `alloc`.
    #[inline]
    #[must_use]
    pub fn new_in(alloc: A) -> Self {
        Self::with_hasher_in(DefaultHashBuilder::default(), alloc)
    }

    /// Makes an empty map with room for `capacity` entries, in a slab of `alloc`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when `alloc` has no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_in(capacity: usize, alloc: A) -> Self {
        Self::with_capacity_and_hasher_in(capacity, DefaultHashBuilder::default(), alloc)
    }
}

impl<K, V, S> HashMap<K, V, S> {
    /// Makes an empty map that hashes with `hash_builder`.
    ///
    /// ```
    /// use millpond_map::HashMap;
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    ///
    /// let mut map = HashMap::with_hasher(BuildHasherDefault::<DefaultHasher>::default());
    /// map.insert(1, 2);
    /// ```
    #[inline]
    #[must_use]
    pub const fn with_hasher(hash_builder: S) -> Self {
        Self::with_hasher_in(hash_builder, Slabs)
    }

    /// Makes an empty map with room for `capacity` entries that hashes with `hash_builder`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_and_hasher(capacity: usize, hash_builder: S) -> Self {
        Self::with_capacity_and_hasher_in(capacity, hash_builder, Slabs)
    }
}

impl<K, V, S, A: Allocator> HashMap<K, V, S, A> {
    /// Makes an empty map that hashes with `hash_builder` and takes its slabs from `alloc`.
    #[inline]
    #[must_use]
    pub const fn with_hasher_in(hash_builder: S, alloc: A) -> Self {
        HashMap {
            hash_builder,
            table: RawTable::new_in(alloc),
        }
    }

    /// Makes an empty map with room for `capacity` entries, in a slab of `alloc`, that
    /// hashes with `hash_builder`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when `alloc` has no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_and_hasher_in(capacity: usize, hash_builder: S, alloc: A) -> Self {
        Self::try_with_capacity_and_hasher_in(capacity, hash_builder, alloc)
            .unwrap_or_else(TryReserveError::fail)
    }

    /// Makes an empty map with room for `capacity` entries, or says why not.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the size overflows or `alloc` has no memory.
    #[inline]
    pub fn try_with_capacity_and_hasher_in(
        capacity: usize,
        hash_builder: S,
        alloc: A,
    ) -> Result<Self, TryReserveError> {
        Ok(HashMap {
            hash_builder,
            table: RawTable::try_with_capacity_in(capacity, alloc)?,
        })
    }

    /// Returns the hasher.
    #[inline]
    pub fn hasher(&self) -> &S {
        &self.hash_builder
    }

    /// Returns the allocator.
    #[inline]
    pub fn allocator(&self) -> &A {
        self.table.allocator()
    }

    /// Gives the map another hasher. The map is empty: entries would not be found again.
    #[allow(dead_code, reason = "map pools seed each checkout anew")]
    pub(crate) fn set_hasher(&mut self, hash_builder: S) {
        debug_assert!(self.is_empty());
        self.hash_builder = hash_builder;
    }
}
