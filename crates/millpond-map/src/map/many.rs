//! Several values at once, to be read.
//!
//! # Invariants
//!
//! Those of the table, see `raw`: what it finds is an entry for as long as the map is borrowed.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;

use super::HashMap;
use crate::hash::hash_of;
use crate::raw::Found;

impl<K: Eq + Hash, V, S: BuildHasher, A: Allocator> HashMap<K, V, S, A> {
    /// Returns the values of `N` keys. Keys may come twice.
    ///
    /// In a map that is larger than the caches this takes about as long as the slowest of
    /// the look-ups, not as all of them: memory is asked for on behalf of every key before
    /// the first is waited for. Sixteen or thirty-two keys at a time are best. In a small
    /// map it is a look-up at a time.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::HashMap;
    ///
    /// let squares: HashMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
    /// assert_eq!(squares.get_many([&3, &500, &3]), [Some(&9), None, Some(&9)]);
    ///
    /// // As many keys as there happen to be, sixteen at a time.
    /// let keys: Vec<u32> = (90..110).collect();
    /// let (sixteens, rest) = keys.as_chunks::<16>();
    /// let mut found: Vec<&u32> = Vec::new();
    /// for keys in sixteens {
    ///     found.extend(squares.get_many(keys.each_ref()).into_iter().flatten());
    /// }
    /// found.extend(rest.iter().filter_map(|key| squares.get(key)));
    /// assert_eq!(found.len(), 10);
    /// ```
    #[inline]
    pub fn get_many<Q, const N: usize>(&self, keys: [&Q; N]) -> [Option<&V>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let mut values = [None; N];
        self.find_many(&keys, |nth, (_, entry)| {
            // SAFETY: the entry was just found, and the map is borrowed.
            values[nth] = Some(unsafe { &(*entry).1 });
        });
        values
    }

    /// Returns the entries of `N` keys: the keys that the map holds, and their values.
    ///
    /// See [`get_many`](Self::get_many).
    #[inline]
    pub fn get_many_key_value<Q, const N: usize>(&self, keys: [&Q; N]) -> [Option<(&K, &V)>; N]
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let mut entries = [None; N];
        self.find_many(&keys, |nth, (_, entry)| {
            // SAFETY: the entry was just found, and the map is borrowed.
            let (key, value) = unsafe { &*entry };
            entries[nth] = Some((key, value));
        });
        entries
    }

    /// Hands the entry of each of `keys` that has one to `found`.
    #[inline]
    fn find_many<Q, const N: usize>(&self, keys: &[&Q; N], found: impl FnMut(usize, Found<(K, V)>))
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        if self.is_empty() {
            return;
        }
        self.table.find_each(
            &mut [0; N],
            |nth| hash_of(&self.hash_builder, keys[nth]),
            |nth, (held, _)| keys[nth].equivalent(held),
            found,
        );
    }
}
