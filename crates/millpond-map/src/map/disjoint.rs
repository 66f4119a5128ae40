//! Several values at once, to be changed.
//!
//! # Invariants
//!
//! - `apart`: values that are lent together are those of different slots.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;

use super::HashMap;
use crate::raw::Found;

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Returns the values of `N` keys, to be changed in place.
    ///
    /// # Panics
    ///
    /// When two of the keys have the same entry.
    ///
    /// # Cost
    ///
    /// `N` look-ups and `N * N` comparisons of indices.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let mut purse = HashMap::from([("Ada", 5), ("Grace", 3)]);
    /// if let [Some(from), Some(to)] = purse.get_disjoint_mut(["Ada", "Grace"]) {
    ///     *from -= 2;
    ///     *to += 2;
    /// }
    /// assert_eq!(purse["Grace"], 5);
    /// ```
    pub fn get_disjoint_mut<Q, const N: usize>(&mut self, keys: [&Q; N]) -> [Option<&mut V>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get_disjoint_key_value_mut(keys)
            .map(|entry| entry.map(|(_, value)| value))
    }

    /// Returns the values of `N` keys, to be changed in place, with the keys that the map holds.
    ///
    /// # Panics
    ///
    /// When two of the keys have the same entry.
    pub fn get_disjoint_key_value_mut<Q, const N: usize>(
        &mut self,
        keys: [&Q; N],
    ) -> [Option<(&K, &mut V)>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let found = self.find_each(keys);
        for (place, entry) in found.iter().enumerate() {
            // By index: entries of size zero all have one address.
            let taken = |other: &Option<Found<(K, V)>>| match (entry, other) {
                (Some((index, _)), Some((others, _))) => index == others,
                _ => false,
            };
            assert!(!found[..place].iter().any(taken), "duplicate keys found");
        }
        // SAFETY: `apart`, just compared.
        unsafe { Self::lend_each(found) }
    }

    /// Returns the values of `N` keys, to be changed in place, without comparing them.
    ///
    /// # Safety
    ///
    /// `apart`: no two of the keys have the same entry.
    pub unsafe fn get_disjoint_unchecked_mut<Q, const N: usize>(
        &mut self,
        keys: [&Q; N],
    ) -> [Option<&mut V>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let found = self.find_each(keys);
        // SAFETY: `apart`, by contract.
        unsafe { Self::lend_each(found) }.map(|entry| entry.map(|(_, value)| value))
    }

    /// Returns the values of `N` keys with the keys that the map holds, without comparing them.
    ///
    /// # Safety
    ///
    /// `apart`: no two of the keys have the same entry.
    pub unsafe fn get_disjoint_key_value_unchecked_mut<Q, const N: usize>(
        &mut self,
        keys: [&Q; N],
    ) -> [Option<(&K, &mut V)>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let found = self.find_each(keys);
        // SAFETY: `apart`, by contract.
        unsafe { Self::lend_each(found) }
    }

    fn find_each<Q, const N: usize>(&self, keys: [&Q; N]) -> [Option<Found<(K, V)>>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        keys.map(|key| self.find(key))
    }

    /// # Safety
    ///
    /// `apart`; the entries were found in a map that stays borrowed for `'a`.
    unsafe fn lend_each<'a, const N: usize>(
        found: [Option<Found<(K, V)>>; N],
    ) -> [Option<(&'a K, &'a mut V)>; N]
    where
        K: 'a,
        V: 'a,
    {
        found.map(|entry| {
            let (_, slot) = entry?;
            // SAFETY: by contract.
            let (key, value) = unsafe { &mut *slot };
            Some((&*key, value))
        })
    }
}
