//! `EntryRef`: as `Entry`, but a key is only made where it is missing.
//!
//! # Invariants
//!
//! - `room`: as in [`entry`](super::entry).

use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;
use millpond_arena::Slabs;

use super::{HashMap, OccupiedEntry};
use crate::hash::{DefaultHashBuilder, hash_of};
use crate::raw::{Look, Vacancy};

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Returns the place of `key`, which is turned into a `K` only where it is inserted.
    ///
    /// # Panics
    ///
    /// When the map is full and the capacity overflows. Aborts when the allocator has no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut words: HashMap<String, u32> = HashMap::new();
    /// for word in ["to", "be", "or", "not", "to", "be"] {
    ///     *words.entry_ref(word).or_default() += 1; // four strings, not six
    /// }
    /// assert_eq!(words["to"], 2);
    /// ```
    #[inline(always)]
    pub fn entry_ref<'a, 'b, Q>(&'a mut self, key: &'b Q) -> EntryRef<'a, 'b, K, Q, V, S, A>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let hash = hash_of(&self.hash_builder, key);
        let (look, _) = self.table.look(hash, |(held, _)| key.equivalent(held));
        let vacancy = match look {
            Look::Found(index, slot) => {
                return EntryRef::Occupied(OccupiedEntry {
                    map: self,
                    hash,
                    index,
                    slot: slot.as_ptr(),
                });
            }
            Look::Vacant(vacancy) => vacancy,
            Look::Further(lanes) => match self.find_or_make_room(hash, lanes, key) {
                Ok((index, slot)) => {
                    return EntryRef::Occupied(OccupiedEntry {
                        map: self,
                        hash,
                        index,
                        slot,
                    });
                }
                Err(vacancy) => vacancy,
            },
        };
        EntryRef::Vacant(VacantEntryRef {
            map: self,
            hash,
            vacancy,
            key,
        })
    }
}

/// The place of a borrowed key in a map: full or vacant.
pub enum EntryRef<'a, 'b, K, Q: ?Sized, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    /// The map has an entry for the key.
    Occupied(OccupiedEntry<'a, K, V, S, A>),
    /// The map has none.
    Vacant(VacantEntryRef<'a, 'b, K, Q, V, S, A>),
}

/// The place that a borrowed key would have in a map.
pub struct VacantEntryRef<'a, 'b, K, Q: ?Sized, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    map: &'a mut HashMap<K, V, S, A>,
    hash: u64,
    /// `room`.
    vacancy: Vacancy,
    key: &'b Q,
}

impl<'a, 'b, K, Q: ?Sized, V, S, A: Allocator> EntryRef<'a, 'b, K, Q, V, S, A> {
    /// Returns the value, after inserting `default` where there was none.
    #[inline(always)]
    pub fn or_insert(self, default: V) -> &'a mut V
    where
        Q: ToOwned<Owned = K>,
    {
        self.or_insert_with(|| default)
    }

    /// Returns the value, after inserting what `default` returns where there was none.
    #[inline(always)]
    pub fn or_insert_with<F: FnOnce() -> V>(self, default: F) -> &'a mut V
    where
        Q: ToOwned<Owned = K>,
    {
        match self {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => entry.insert(default()),
        }
    }

    /// Returns the value, after inserting what `default` makes of the key where there was none.
    #[inline(always)]
    pub fn or_insert_with_key<F: FnOnce(&Q) -> V>(self, default: F) -> &'a mut V
    where
        Q: ToOwned<Owned = K>,
    {
        match self {
            EntryRef::Occupied(entry) => entry.into_mut(),
            EntryRef::Vacant(entry) => {
                let value = default(entry.key);
                entry.insert(value)
            }
        }
    }

    /// Returns the value, after inserting `V::default()` where there was none.
    #[inline(always)]
    pub fn or_default(self) -> &'a mut V
    where
        Q: ToOwned<Owned = K>,
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value where there is one.
    #[inline(always)]
    #[must_use]
    pub fn and_modify<F: FnOnce(&mut V)>(mut self, change: F) -> Self {
        if let EntryRef::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }

    /// Returns the full place, after inserting `V::default()` where there was none.
    #[inline(always)]
    pub fn or_default_entry(self) -> OccupiedEntry<'a, K, V, S, A>
    where
        Q: ToOwned<Owned = K>,
        V: Default,
    {
        match self {
            EntryRef::Occupied(entry) => entry,
            EntryRef::Vacant(entry) => entry.insert_entry(V::default()),
        }
    }

    /// Returns the key: the one that the map holds, or the one that was asked for.
    #[inline]
    pub fn key(&self) -> &Q
    where
        K: Borrow<Q>,
    {
        match self {
            EntryRef::Occupied(entry) => entry.key().borrow(),
            EntryRef::Vacant(entry) => entry.key,
        }
    }

    /// Returns the map.
    #[inline]
    pub fn into_map(self) -> &'a mut HashMap<K, V, S, A> {
        match self {
            EntryRef::Occupied(entry) => entry.into_map(),
            EntryRef::Vacant(entry) => entry.map,
        }
    }

    /// Sets the value and returns the full place.
    #[inline]
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V, S, A>
    where
        Q: ToOwned<Owned = K>,
    {
        match self {
            EntryRef::Occupied(mut entry) => {
                entry.insert(value);
                entry
            }
            EntryRef::Vacant(entry) => entry.insert_entry(value),
        }
    }

    /// Does the same by the name that hashbrown has for it.
    #[inline]
    pub fn insert(self, value: V) -> OccupiedEntry<'a, K, V, S, A>
    where
        Q: ToOwned<Owned = K>,
    {
        self.insert_entry(value)
    }
}

impl<'a, 'b, K, Q: ?Sized, V, S, A: Allocator> VacantEntryRef<'a, 'b, K, Q, V, S, A> {
    /// Returns the key that was asked for.
    #[inline]
    pub fn key(&self) -> &'b Q {
        self.key
    }

    /// Inserts the key, made into a `K`, with `value`, and returns the value for as long as the
    /// map is borrowed.
    #[inline]
    pub fn insert(self, value: V) -> &'a mut V
    where
        Q: ToOwned<Owned = K>,
    {
        self.insert_entry(value).into_mut()
    }

    /// Inserts the key, made into a `K`, with `value`, and returns the full place.
    #[inline]
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V, S, A>
    where
        Q: ToOwned<Owned = K>,
    {
        let key = self.key.to_owned();
        // As `ToOwned` promises; were it to lie, the entry would not be found again.
        self.put(key, value)
    }

    /// Inserts `key` with `value`, and returns the value for as long as the map is borrowed.
    ///
    /// For keys that `ToOwned` cannot make, such as tuples.
    ///
    /// # Panics
    ///
    /// When `key` is not equivalent to the one that was asked for.
    #[inline]
    pub fn insert_with_key(self, key: K, value: V) -> &'a mut V
    where
        Q: Equivalent<K>,
    {
        self.insert_entry_with_key(key, value).into_mut()
    }

    /// Inserts `key` with `value` and returns the full place.
    ///
    /// # Panics
    ///
    /// When `key` is not equivalent to the one that was asked for.
    #[inline]
    pub fn insert_entry_with_key(self, key: K, value: V) -> OccupiedEntry<'a, K, V, S, A>
    where
        Q: Equivalent<K>,
    {
        assert!(
            self.key.equivalent(&key),
            "key used for Entry creation is not equivalent to the one used for insertion"
        );
        self.put(key, value)
    }

    /// Inserts `key` with `value` without comparing it, and returns the value.
    ///
    /// # Safety
    ///
    /// The keys are equivalent and hash alike. (A map with a key out of its place stays safe
    /// in memory, but what it answers is not defined, and it may panic or not end.)
    #[inline]
    pub unsafe fn insert_with_key_unchecked(self, key: K, value: V) -> &'a mut V {
        self.put(key, value).into_mut()
    }

    /// Inserts `key` with `value` without comparing it, and returns the full place.
    ///
    /// # Safety
    ///
    /// As [`insert_with_key_unchecked`](Self::insert_with_key_unchecked).
    #[inline]
    pub unsafe fn insert_entry_with_key_unchecked(
        self,
        key: K,
        value: V,
    ) -> OccupiedEntry<'a, K, V, S, A> {
        self.put(key, value)
    }

    /// Returns the map.
    #[inline]
    pub fn into_map(self) -> &'a mut HashMap<K, V, S, A> {
        self.map
    }

    /// Inserts `key`, which is equivalent to the one asked for, with `value`.
    #[inline]
    pub(crate) fn put(self, key: K, value: V) -> OccupiedEntry<'a, K, V, S, A> {
        // SAFETY: `room`; the slot is written right below.
        let (index, slot) = unsafe { self.map.table.fill(self.vacancy, self.hash) };
        // SAFETY: the slot was just claimed, so it is ours to write.
        unsafe { slot.write((key, value)) };
        OccupiedEntry {
            map: self.map,
            hash: self.hash,
            index,
            slot,
        }
    }
}

impl<K: fmt::Debug, Q: fmt::Debug + ?Sized, V: fmt::Debug, S, A: Allocator> fmt::Debug
    for EntryRef<'_, '_, K, Q, V, S, A>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntryRef::Occupied(entry) => f.debug_tuple("EntryRef").field(entry).finish(),
            EntryRef::Vacant(entry) => f.debug_tuple("EntryRef").field(entry).finish(),
        }
    }
}

impl<K, Q: fmt::Debug + ?Sized, V, S, A: Allocator> fmt::Debug
    for VacantEntryRef<'_, '_, K, Q, V, S, A>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntryRef").field(&self.key).finish()
    }
}
