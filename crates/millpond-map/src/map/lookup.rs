//! Looking up: `get` and its kin.
//!
//! # Invariants
//!
//! Those of the table, see `raw`: what [`find`](crate::raw::RawTable::find) returns is an
//! entry for as long as the map is borrowed.

use core::hash::{BuildHasher, Hash};
use core::ops::Index;

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;

use super::HashMap;
use crate::hash::hash_of;
use crate::raw::Found;

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Finds the entry of `key`: the index of its slot, and the slot.
    // Always: left to itself the compiler makes one function of all look-ups of a string
    // key, and every hit saves and restores six registers, a fifth of its instructions.
    #[inline(always)]
    pub(super) fn find<Q>(&self, key: &Q) -> Option<Found<(K, V)>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        // A hash costs more than this, and many maps of a request stay empty.
        if self.is_empty() {
            return None;
        }
        let hash = hash_of(&self.hash_builder, key);
        self.table.find(hash, |(held, _)| key.equivalent(held))
    }

    /// Returns the value of `key`.
    ///
    /// `key` may be of any type that is equivalent to `K` and hashes alike, such as the
    /// borrowed form of `K`.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let map = HashMap::from([(String::from("a"), 1)]);
    /// assert_eq!(map.get("a"), Some(&1));
    /// assert_eq!(map.get("b"), None);
    /// ```
    #[inline(always)]
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (_, entry) = self.find(key)?;
        // SAFETY: the entry was just found, and the map is borrowed.
        Some(unsafe { &(*entry).1 })
    }

    /// Returns the entry of `key`: the key that the map holds, and its value.
    #[inline]
    pub fn get_key_value<Q>(&self, key: &Q) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (_, entry) = self.find(key)?;
        // SAFETY: the entry was just found, and the map is borrowed.
        let (key, value) = unsafe { &*entry };
        Some((key, value))
    }

    /// Tells whether the map has an entry for `key`.
    #[inline]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key).is_some()
    }

    /// Returns the value of `key`, to be changed in place.
    #[inline]
    pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (_, entry) = self.find(key)?;
        // SAFETY: the entry was just found, and the map is borrowed for changes.
        Some(unsafe { &mut (*entry).1 })
    }

    /// Returns the entry of `key`, its value to be changed in place.
    #[inline]
    pub fn get_key_value_mut<Q>(&mut self, key: &Q) -> Option<(&K, &mut V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let (_, entry) = self.find(key)?;
        // SAFETY: the entry was just found, and the map is borrowed for changes.
        let (key, value) = unsafe { &mut *entry };
        Some((key, value))
    }
}

impl<K: Eq + Hash, Q, V, S: BuildHasher, A: Allocator> Index<&Q> for HashMap<K, V, S, A>
where
    Q: Hash + Equivalent<K> + ?Sized,
{
    type Output = V;

    /// Returns the value of `key`.
    ///
    /// # Panics
    ///
    /// When the map has no such entry.
    #[inline]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}
