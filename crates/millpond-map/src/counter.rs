#![forbid(unsafe_code)]
//! `CounterMap`: counts by key, where a count of zero and no count are one.
//!
//! # Invariants
//!
//! - `nonzero`: no value in the map is zero. Whatever changes a value takes the entry out
//!   in the same step when it has become zero, also when the change panics.

mod apply;
mod count;
mod traits;

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;
use millpond_arena::Slabs;

pub use self::count::{Count, CountError};
use crate::check::{Broken, ensure};
use crate::hash::DefaultHashBuilder;
use crate::map::{Drain, Entry, EntryRef, HashMap, Iter, Keys, OccupiedEntry, Values};
use crate::stats::TableStats;
use crate::zero::IsZero;

/// Counts by key. A key whose count is zero has no entry.
///
/// Adding makes the entry, and the subtraction that brings it to zero takes it out in the
/// same step: the map never holds a dead entry, [`len`](Self::len) is the number of keys
/// that count, and a map that counts up and down for ever stays as small as what is open.
///
/// `V` is a number for [`add`](Self::add) and [`sub`](Self::sub), or anything that
/// [`IsZero`] for [`apply`](Self::apply). Unsigned counts never go below zero; signed
/// ones may, and are gone only at exactly zero.
///
/// | when a count would | `add`, `sub` | `saturating_add`, `saturating_sub` |
/// | --- | --- | --- |
/// | pass its maximum | `Err(Overflow)`, nothing changes | stays at the maximum |
/// | pass its minimum, which is zero if unsigned | `Err(Underflow)`, nothing changes | is the minimum; at zero, gone |
///
/// # Examples
///
/// ```
/// use millpond_map::{CountError, CounterMap};
///
/// let mut open: CounterMap<&str> = CounterMap::new();
/// assert_eq!(open.add("db", 2), Ok(2));
/// assert_eq!(open.sub("db", 1), Ok(1));
/// assert_eq!(open.sub("db", 1), Ok(0));
/// assert!(open.is_empty()); // not an entry with 0
/// assert_eq!(open.get("db"), 0);
/// assert_eq!(open.sub("db", 1), Err(CountError::Underflow));
/// ```
pub struct CounterMap<K, V = u64, S = DefaultHashBuilder, A: Allocator = Slabs> {
    map: HashMap<K, V, S, A>,
}

impl<K, V> CounterMap<K, V> {
    /// Zeroes each slab before it is given back; see [`RawTable::zero_slabs`].
    ///
    /// [`RawTable::zero_slabs`]: crate::raw::RawTable::zero_slabs
    pub(crate) fn zero_slabs(&mut self) {
        self.map.table.zero_slabs();
    }

    /// Makes a map in which every count is zero. Allocates nothing.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        CounterMap {
            map: HashMap::new(),
        }
    }

    /// Makes a map with room for `capacity` counts that are not zero.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        CounterMap {
            map: HashMap::with_capacity(capacity),
        }
    }
}

impl<K, V, S, A: Allocator> CounterMap<K, V, S, A> {
    /// Makes a map that hashes with `hash_builder` and takes its slabs from `alloc`.
    #[inline]
    #[must_use]
    pub const fn with_hasher_in(hash_builder: S, alloc: A) -> Self {
        CounterMap {
            map: HashMap::with_hasher_in(hash_builder, alloc),
        }
    }

    /// Makes a map with room for `capacity` counts, with a given hasher and allocator.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline]
    #[must_use]
    pub fn with_capacity_and_hasher_in(capacity: usize, hash_builder: S, alloc: A) -> Self {
        CounterMap {
            map: HashMap::with_capacity_and_hasher_in(capacity, hash_builder, alloc),
        }
    }

    /// Returns the hasher.
    #[inline]
    pub fn hasher(&self) -> &S {
        self.map.hasher()
    }

    /// Returns the bytes of the slab, as the allocator lent them.
    #[inline]
    pub fn allocation_size(&self) -> usize {
        self.map.allocation_size()
    }

    /// Returns how many keys have a count that is not zero.
    #[inline]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Tells whether every count is zero.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Returns the counts that fit before the map takes a larger slab.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.map.capacity()
    }

    /// Returns the map in numbers.
    pub fn table_stats(&self) -> TableStats {
        self.map.table_stats()
    }

    /// Walks the counts that are not zero, in arbitrary order.
    #[inline]
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.map.iter()
    }

    /// Walks the keys whose count is not zero, in arbitrary order.
    #[inline]
    pub fn keys(&self) -> Keys<'_, K, V> {
        self.map.keys()
    }

    /// Walks the counts that are not zero, without their keys.
    #[inline]
    pub fn values(&self) -> Values<'_, K, V> {
        self.map.values()
    }

    /// Sets to zero the counts for which `keep` does not hold.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        // The count itself is only shown: one that became zero would stay.
        self.map.retain(|key, count| keep(key, count));
    }

    /// Sets every count to zero and keeps the slab; see [`HashMap::clear`].
    #[inline]
    pub fn clear(&mut self) {
        self.map.clear();
    }

    /// Takes every count out, as a walk. The map keeps its slab.
    #[inline]
    pub fn drain(&mut self) -> Drain<'_, K, V, A> {
        self.map.drain()
    }

    /// Returns the counts as a map to read from.
    #[inline]
    pub fn as_map(&self) -> &HashMap<K, V, S, A> {
        &self.map
    }

    /// Returns the counts as a map. None of its values is zero.
    #[inline]
    pub fn into_map(self) -> HashMap<K, V, S, A> {
        self.map
    }
}

impl<K: Eq + Hash, V: IsZero, S: BuildHasher, A: Allocator> CounterMap<K, V, S, A> {
    /// Takes over the counts of `map`, from which zeros are removed.
    pub fn from_map(mut map: HashMap<K, V, S, A>) -> Self {
        map.retain_nonzero();
        CounterMap { map }
    }

    /// Tells whether the count of `key` is not zero.
    #[inline]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.contains_key(key)
    }

    /// Sets the count of `key` to zero and returns what it was, none for zero.
    #[inline]
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.remove(key)
    }

    /// Makes room for `additional` more counts.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    pub fn reserve(&mut self, additional: usize) {
        self.map.reserve(additional);
    }

    /// Returns the count of `key` with the key that the map holds; none for zero.
    #[inline]
    pub fn get_key_value<Q>(&self, key: &Q) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.get_key_value(key)
    }

    /// Gives back what the counts do not need; see [`HashMap::shrink_to_fit`].
    pub fn shrink_to_fit(&mut self) {
        self.map.shrink_to_fit();
    }

    /// Verifies `nonzero`, and the invariants of the table.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    #[doc(hidden)]
    pub fn check(&self) -> Result<(), Broken> {
        self.map.check()?;
        let zeros = self.map.zero_count();
        ensure(zeros == 0, "nonzero", "values that are zero", zeros)
    }
}

impl<K: Eq + Hash, V: Count, S: BuildHasher, A: Allocator> CounterMap<K, V, S, A> {
    /// Returns the count of `key`, zero when it has none.
    #[inline]
    pub fn get<Q>(&self, key: &Q) -> V
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.map.get(key).copied().unwrap_or(V::ZERO)
    }

    /// Adds `amount` to the count of `key`, and returns the count.
    ///
    /// # Errors
    ///
    /// [`CountError`] when the count would leave its type; nothing changes then.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline]
    pub fn add(&mut self, key: K, amount: V) -> Result<V, CountError> {
        self.change(key, |count| count.checked_add(amount))
    }

    /// Subtracts `amount` from the count of `key`, and returns the count.
    ///
    /// A count that becomes zero is gone in the same step.
    ///
    /// # Errors
    ///
    /// [`CountError`] when the count would leave its type: an unsigned one below zero,
    /// of a key without a count too. Nothing changes then.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[inline]
    pub fn sub(&mut self, key: K, amount: V) -> Result<V, CountError> {
        self.change(key, |count| count.checked_sub(amount))
    }

    /// Adds `amount` to the count of `key`, which stops at its maximum, and returns it.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[inline]
    pub fn saturating_add(&mut self, key: K, amount: V) -> V {
        self.change_always(key, |count| count.saturating_add(amount))
    }

    /// Subtracts `amount` from the count of `key`, which stops at its minimum, and returns it.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[inline]
    pub fn saturating_sub(&mut self, key: K, amount: V) -> V {
        self.change_always(key, |count| count.saturating_sub(amount))
    }

    /// Adds as [`add`](Self::add) does; the key is made only where it has no count yet.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    #[inline]
    pub fn add_ref<Q>(&mut self, key: &Q, amount: V) -> Result<V, CountError>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
    {
        self.change_ref(key, |count| count.checked_add(amount))
    }

    /// Subtracts as [`sub`](Self::sub) does; the key is made only where it has no count yet.
    ///
    /// # Errors
    ///
    /// As [`sub`](Self::sub).
    #[inline]
    pub fn sub_ref<Q>(&mut self, key: &Q, amount: V) -> Result<V, CountError>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
    {
        self.change_ref(key, |count| count.checked_sub(amount))
    }

    /// Sets the count of `key`, and returns what it was. Zero takes the entry out.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    #[inline]
    pub fn set(&mut self, key: K, count: V) -> V {
        if count.is_zero() {
            return self.map.remove(&key).unwrap_or(V::ZERO);
        }
        self.map.insert(key, count).unwrap_or(V::ZERO)
    }

    #[inline]
    fn change(
        &mut self,
        key: K,
        to: impl FnOnce(V) -> Result<V, CountError>,
    ) -> Result<V, CountError> {
        match self.map.entry(key) {
            Entry::Occupied(entry) => Self::change_entry(entry, to),
            Entry::Vacant(entry) => {
                let count = to(V::ZERO)?;
                if !count.is_zero() {
                    entry.insert(count);
                }
                Ok(count)
            }
        }
    }

    #[inline]
    fn change_ref<Q>(
        &mut self,
        key: &Q,
        to: impl FnOnce(V) -> Result<V, CountError>,
    ) -> Result<V, CountError>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
    {
        match self.map.entry_ref(key) {
            EntryRef::Occupied(entry) => Self::change_entry(entry, to),
            EntryRef::Vacant(entry) => {
                let count = to(V::ZERO)?;
                if !count.is_zero() {
                    entry.put(K::from(key), count);
                }
                Ok(count)
            }
        }
    }

    #[inline]
    fn change_entry(
        mut entry: OccupiedEntry<'_, K, V, S, A>,
        to: impl FnOnce(V) -> Result<V, CountError>,
    ) -> Result<V, CountError> {
        let count = to(*entry.get())?;
        if count.is_zero() {
            entry.remove_entry();
        } else {
            *entry.get_mut() = count;
        }
        Ok(count)
    }

    #[inline]
    fn change_always(&mut self, key: K, to: impl FnOnce(V) -> V) -> V {
        match self.change(key, |count| Ok(to(count))) {
            Ok(count) => count,
            Err(_) => V::ZERO, // not reached: `to` always has an answer
        }
    }
}
