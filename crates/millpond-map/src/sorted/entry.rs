#![forbid(unsafe_code)]
//! The place of one key in a sorted map, found once and then looked at, filled or emptied.

use core::fmt;
use core::mem;

use super::{Place, SortedMap};

/// The place of a key in a [`SortedMap`]: with an entry, or without.
///
/// See [`SortedMap::entry`].
pub enum Entry<'a, K, V> {
    /// The key has an entry.
    Occupied(OccupiedEntry<'a, K, V>),
    /// It has none.
    Vacant(VacantEntry<'a, K, V>),
}

/// An entry of a [`SortedMap`].
pub struct OccupiedEntry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    place: Place,
}

/// A key without an entry in a [`SortedMap`].
pub struct VacantEntry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    key: K,
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Finds the place of `key`, to be looked at, filled or emptied.
    ///
    /// # Cost
    ///
    /// One search. Filling costs what [`insert`](Self::insert) does beside its search.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::SortedMap;
    ///
    /// let mut letters = SortedMap::new();
    /// for letter in "mississippi".chars() {
    ///     *letters.entry(letter).or_insert(0) += 1;
    /// }
    /// assert!(letters.iter().eq([(&'i', &4), (&'m', &1), (&'p', &2), (&'s', &4)]));
    /// ```
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        match self.find(&key) {
            Some(place) => Entry::Occupied(OccupiedEntry { map: self, place }),
            None => Entry::Vacant(VacantEntry { map: self, key }),
        }
    }
}

impl<'a, K: Ord, V> Entry<'a, K, V> {
    /// Returns the value, after inserting `value` where there is none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// Returns the value, after inserting what `make` returns where there is none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        self.or_insert_with_key(|_| make())
    }

    /// Returns the value, after inserting what `make` makes of the key where there is none.
    pub fn or_insert_with_key(self, make: impl FnOnce(&K) -> V) -> &'a mut V {
        match self {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let value = make(&entry.key);
                entry.insert(value)
            }
        }
    }

    /// Returns the value, after inserting `V::default()` where there is none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Returns the key: that of the map where there is an entry.
    pub fn key(&self) -> &K {
        match self {
            Entry::Occupied(entry) => entry.key(),
            Entry::Vacant(entry) => entry.key(),
        }
    }

    /// Lets `change` have the value where there is one.
    #[must_use]
    pub fn and_modify(mut self, change: impl FnOnce(&mut V)) -> Self {
        if let Entry::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }
}

impl<'a, K: Ord, V> OccupiedEntry<'a, K, V> {
    /// Returns the key that the map holds.
    pub fn key(&self) -> &K {
        self.map.at(self.place).0
    }

    /// Returns the value.
    pub fn get(&self) -> &V {
        self.map.at(self.place).1
    }

    /// Returns the value, to be changed in place.
    pub fn get_mut(&mut self) -> &mut V {
        self.map.value_at(self.place)
    }

    /// Returns the value for as long as the map is borrowed.
    pub fn into_mut(self) -> &'a mut V {
        self.map.value_at(self.place)
    }

    /// Sets the value, and returns the one before.
    pub fn insert(&mut self, value: V) -> V {
        mem::replace(self.get_mut(), value)
    }

    /// Removes the entry and returns its value.
    pub fn remove(self) -> V {
        self.remove_entry().1
    }

    /// Removes the entry and returns it.
    pub fn remove_entry(self) -> (K, V) {
        self.map.remove_at(self.place)
    }
}

impl<'a, K: Ord, V> VacantEntry<'a, K, V> {
    /// Returns the key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Takes the key back.
    pub fn into_key(self) -> K {
        self.key
    }

    /// Inserts the key with `value`, and returns the value in the map.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when there is no memory.
    pub fn insert(self, value: V) -> &'a mut V {
        let place = self.map.insert_missing(self.key, value);
        self.map.value_at(place)
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Occupied(entry) => f.debug_tuple("Entry").field(entry).finish(),
            Entry::Vacant(entry) => f.debug_tuple("Entry").field(entry).finish(),
        }
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedEntry")
            .field("key", self.key())
            .field("value", self.get())
            .finish_non_exhaustive()
    }
}

impl<K: Ord + fmt::Debug, V> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VacantEntry").field(self.key()).finish()
    }
}
