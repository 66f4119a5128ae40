//! `Entry`: the place of a key, full or vacant, looked up once.
//!
//! # Invariants
//!
//! - `place`: an occupied entry's index and slot are those of an entry of the borrowed map.
//! - `room`: the map under a vacant entry has room for one more, and no entry of its key; it
//!   has not changed since the vacancy was found.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::mem;

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;
use millpond_arena::Slabs;

use super::HashMap;
use crate::control::BitMask;
use crate::hash::{DefaultHashBuilder, hash_of};
use crate::raw::{Found, Look, Vacancy};

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Returns the place of `key`, to look at or to fill.
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
    /// let mut letters = HashMap::new();
    /// for letter in "hello".chars() {
    ///     *letters.entry(letter).or_insert(0) += 1;
    /// }
    /// assert_eq!(letters[&'l'], 2);
    /// ```
    #[inline(always)]
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V, S, A> {
        let hash = hash_of(&self.hash_builder, &key);
        let (look, _) = self.table.look(hash, |(held, _)| key == *held);
        let vacancy = match look {
            Look::Found(index, slot) => {
                return Entry::Occupied(OccupiedEntry {
                    map: self,
                    hash,
                    index,
                    slot: slot.as_ptr(),
                });
            }
            Look::Vacant(vacancy) => vacancy,
            Look::Further(lanes) => match self.find_or_make_room(hash, lanes, &key) {
                Ok((index, slot)) => {
                    return Entry::Occupied(OccupiedEntry {
                        map: self,
                        hash,
                        index,
                        slot,
                    });
                }
                Err(vacancy) => vacancy,
            },
        };
        Entry::Vacant(VacantEntry {
            map: self,
            hash,
            vacancy,
            key,
        })
    }

    /// Finds the entry of `key` where the home group does not decide, or makes room for it:
    /// now, so that filling the place cannot fail.
    #[cold]
    #[inline(never)]
    pub(super) fn find_or_make_room<Q>(
        &mut self,
        hash: u64,
        lanes: BitMask,
        key: &Q,
    ) -> Result<Found<(K, V)>, Vacancy>
    where
        Q: Equivalent<K> + ?Sized,
    {
        let hash_builder = &self.hash_builder;
        self.table.find_or_make_room(
            hash,
            lanes,
            |(held, _)| key.equivalent(held),
            |(held, _)| hash_of(hash_builder, held),
        )
    }
}

/// The place of a key in a map: full or vacant.
pub enum Entry<'a, K, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    /// The map has an entry for the key.
    Occupied(OccupiedEntry<'a, K, V, S, A>),
    /// The map has none.
    Vacant(VacantEntry<'a, K, V, S, A>),
}

/// An entry of a map, looked up.
pub struct OccupiedEntry<'a, K, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    pub(super) map: &'a mut HashMap<K, V, S, A>,
    pub(super) hash: u64,
    pub(super) index: usize,
    /// `place`.
    pub(super) slot: *mut (K, V),
}

/// The place that a key would have in a map.
pub struct VacantEntry<'a, K, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    pub(super) map: &'a mut HashMap<K, V, S, A>,
    pub(super) hash: u64,
    /// `room`.
    pub(super) vacancy: Vacancy,
    pub(super) key: K,
}

// SAFETY: an entry is a borrow of its map; the slot is reached through it alone.
unsafe impl<K: Send, V: Send, S: Send, A: Allocator + Send> Send for OccupiedEntry<'_, K, V, S, A> {}
// SAFETY: as above.
unsafe impl<K: Sync, V: Sync, S: Sync, A: Allocator + Sync> Sync for OccupiedEntry<'_, K, V, S, A> {}

/// What [`HashMap::try_insert`] returns when the key has an entry.
pub struct OccupiedError<'a, K, V, S = DefaultHashBuilder, A: Allocator = Slabs> {
    /// The entry that is there.
    pub entry: OccupiedEntry<'a, K, V, S, A>,
    /// The value that was not inserted.
    pub value: V,
}

impl<'a, K, V, S, A: Allocator> Entry<'a, K, V, S, A> {
    /// Returns the value, after inserting `default` where there was none.
    #[inline(always)]
    pub fn or_insert(self, default: V) -> &'a mut V {
        match self {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(default),
        }
    }

    /// Returns the value, after inserting what `default` returns where there was none.
    #[inline(always)]
    pub fn or_insert_with<F: FnOnce() -> V>(self, default: F) -> &'a mut V {
        match self {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(default()),
        }
    }

    /// Returns the value, after inserting what `default` makes of the key where there was none.
    #[inline(always)]
    pub fn or_insert_with_key<F: FnOnce(&K) -> V>(self, default: F) -> &'a mut V {
        match self {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let value = default(entry.key());
                entry.insert(value)
            }
        }
    }

    /// Returns the value, after inserting `V::default()` where there was none.
    #[inline(always)]
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Returns the key: the one that the map holds, or the one that was asked for.
    #[inline]
    pub fn key(&self) -> &K {
        match self {
            Entry::Occupied(entry) => entry.key(),
            Entry::Vacant(entry) => entry.key(),
        }
    }

    /// Changes the value where there is one.
    #[inline(always)]
    #[must_use]
    pub fn and_modify<F: FnOnce(&mut V)>(mut self, change: F) -> Self {
        if let Entry::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }

    /// Sets the value and returns the full place.
    #[inline]
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V, S, A> {
        match self {
            Entry::Occupied(mut entry) => {
                entry.insert(value);
                entry
            }
            Entry::Vacant(entry) => entry.insert_entry(value),
        }
    }

    /// Does the same by the name that hashbrown has for it.
    #[inline]
    pub fn insert(self, value: V) -> OccupiedEntry<'a, K, V, S, A> {
        self.insert_entry(value)
    }

    /// Returns the full place, after inserting `default` where there was none.
    #[inline]
    pub fn or_insert_entry(self, default: V) -> OccupiedEntry<'a, K, V, S, A> {
        match self {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(default),
        }
    }

    /// Returns the map.
    #[inline]
    pub fn into_map(self) -> &'a mut HashMap<K, V, S, A> {
        match self {
            Entry::Occupied(entry) => entry.map,
            Entry::Vacant(entry) => entry.map,
        }
    }

    /// Replaces the value by what `replace` makes of it; none removes the entry.
    ///
    /// A panic in `replace` removes the entry.
    #[inline]
    pub fn and_replace_entry_with<F: FnOnce(&K, V) -> Option<V>>(self, replace: F) -> Self {
        match self {
            Entry::Occupied(entry) => entry.replace_entry_with(replace),
            Entry::Vacant(_) => self,
        }
    }
}

impl<'a, K, V, S, A: Allocator> OccupiedEntry<'a, K, V, S, A> {
    /// Returns the key that the map holds.
    #[inline]
    pub fn key(&self) -> &K {
        // SAFETY: `place`; borrowed from `self`.
        unsafe { &(*self.slot).0 }
    }

    /// Returns the value.
    #[inline]
    pub fn get(&self) -> &V {
        // SAFETY: `place`; borrowed from `self`.
        unsafe { &(*self.slot).1 }
    }

    /// Returns the value, to be changed in place.
    #[inline]
    pub fn get_mut(&mut self) -> &mut V {
        // SAFETY: `place`; borrowed from `self`.
        unsafe { &mut (*self.slot).1 }
    }

    /// Returns the value for as long as the map is borrowed.
    #[inline(always)]
    pub fn into_mut(self) -> &'a mut V {
        // SAFETY: `place`; `self` ends here and with it every other way to the slot.
        unsafe { &mut (*self.slot).1 }
    }

    /// Returns the entry for as long as the map is borrowed.
    #[inline]
    pub fn into_entry(self) -> (&'a K, &'a mut V) {
        // SAFETY: `place`; `self` ends here and with it every other way to the slot.
        let (key, value) = unsafe { &mut *self.slot };
        (key, value)
    }

    /// Returns the map.
    #[inline]
    pub fn into_map(self) -> &'a mut HashMap<K, V, S, A> {
        self.map
    }

    /// Puts `key` in place of the one that the map holds, which is returned.
    ///
    /// # Panics
    ///
    /// When the two are not equal.
    #[inline]
    pub fn replace_key(&mut self, key: K) -> K
    where
        K: Equivalent<K>,
    {
        assert!(
            self.key().equivalent(&key),
            "replaced key is not equivalent to the one in the entry"
        );
        // SAFETY: just compared.
        unsafe { self.replace_key_unchecked(key) }
    }

    /// Does the same without comparing.
    ///
    /// # Safety
    ///
    /// The keys are equal and hash alike. (A map with a key out of its place stays safe in
    /// memory, but what it answers is not defined, and it may panic or not end.)
    #[inline]
    pub unsafe fn replace_key_unchecked(&mut self, key: K) -> K {
        // SAFETY: `place`; borrowed from `self`.
        mem::replace(unsafe { &mut (*self.slot).0 }, key)
    }

    /// Sets the value and returns the one that was there.
    #[inline]
    pub fn insert(&mut self, value: V) -> V {
        mem::replace(self.get_mut(), value)
    }

    /// Removes the entry and returns its value.
    #[inline]
    pub fn remove(self) -> V {
        let (key, value) = self.remove_entry();
        // While the value has an owner: a panic in this drop would lose what is returned.
        drop(key);
        value
    }

    /// Removes the entry and returns it.
    #[inline]
    pub fn remove_entry(self) -> (K, V) {
        // SAFETY: `place`.
        unsafe { self.map.table.take_at(self.index, self.hash) }
    }

    /// Replaces the value by what `replace` makes of it; none removes the entry.
    ///
    /// A panic in `replace` removes the entry.
    pub fn replace_entry_with<F>(self, replace: F) -> Entry<'a, K, V, S, A>
    where
        F: FnOnce(&K, V) -> Option<V>,
    {
        let (map, hash) = (self.map, self.hash);
        // SAFETY: `place`.
        let (key, value) = unsafe { map.table.take_at(self.index, hash) };
        let vacant = |map, key| VacantEntry {
            map,
            hash,
            vacancy: Vacancy::SOMEWHERE,
            key,
        };
        match replace(&key, value) {
            // `room`: the entry that was taken out has left its place.
            Some(value) => Entry::Occupied(vacant(map, key).insert_entry(value)),
            None => Entry::Vacant(vacant(map, key)),
        }
    }
}

impl<'a, K, V, S, A: Allocator> VacantEntry<'a, K, V, S, A> {
    /// Returns the key that was asked for.
    #[inline]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Gives the key back.
    #[inline]
    pub fn into_key(self) -> K {
        self.key
    }

    /// Returns the map.
    #[inline]
    pub fn into_map(self) -> &'a mut HashMap<K, V, S, A> {
        self.map
    }

    /// Inserts the key with `value`, and returns the value for as long as the map is borrowed.
    #[inline]
    pub fn insert(self, value: V) -> &'a mut V {
        // SAFETY: `room`; the slot is written right below.
        let (_, slot) = unsafe { self.map.table.fill(self.vacancy, self.hash) };
        // SAFETY: the slot was just claimed, so it is ours to write.
        unsafe { slot.write((self.key, value)) };
        // SAFETY: the slot was just written; `self` ends here.
        unsafe { &mut (*slot).1 }
    }

    /// Inserts the key with `value` and returns the full place.
    #[inline]
    pub fn insert_entry(self, value: V) -> OccupiedEntry<'a, K, V, S, A> {
        // SAFETY: `room`; the slot is written right below.
        let (index, slot) = unsafe { self.map.table.fill(self.vacancy, self.hash) };
        // SAFETY: the slot was just claimed, so it is ours to write.
        unsafe { slot.write((self.key, value)) };
        OccupiedEntry {
            map: self.map,
            hash: self.hash,
            index,
            slot,
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> fmt::Debug for Entry<'_, K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Occupied(entry) => f.debug_tuple("Entry").field(entry).finish(),
            Entry::Vacant(entry) => f.debug_tuple("Entry").field(entry).finish(),
        }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> fmt::Debug for OccupiedEntry<'_, K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry")
            .field("key", self.key())
            .field("value", self.get())
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug, V, S, A: Allocator> fmt::Debug for VacantEntry<'_, K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.key()).finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> fmt::Debug for OccupiedError<'_, K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedError")
            .field("key", self.entry.key())
            .field("old_value", self.entry.get())
            .field("new_value", &self.value)
            .finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> fmt::Display for OccupiedError<'_, K, V, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "failed to insert {:?}, key {:?} already exists with value {:?}",
            self.value,
            self.entry.key(),
            self.entry.get(),
        )
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, A: Allocator> core::error::Error
    for OccupiedError<'_, K, V, S, A>
{
}
