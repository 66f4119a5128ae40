//! Changing a value that is no number: any `V: IsZero`, by a closure.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;
use equivalent::Equivalent;

use super::CounterMap;
use crate::map::{Entry, EntryRef, OccupiedEntry};
use crate::zero::IsZero;

impl<K: Eq + Hash, V: IsZero, S: BuildHasher, A: Allocator> CounterMap<K, V, S, A> {
    /// Lets `change` have the value of `key`, and returns what it returns.
    ///
    /// A key without an entry starts from `V::default()`. If the value is zero afterwards
    /// the entry is gone, or was never made.
    ///
    /// # Panics
    ///
    /// When `change` does: the value is what `change` had made of it by then, gone if that
    /// is zero, and of a key without an entry nothing is left. When the capacity overflows.
    /// Aborts when the allocator has no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use millpond_map::CounterMap;
    ///
    /// let mut waiters: CounterMap<u32, Vec<&str>> = CounterMap::new();
    /// waiters.apply(7, |queue| queue.push("Ada"));
    /// assert_eq!(waiters.apply(7, |queue| queue.pop()), Some("Ada"));
    /// assert!(waiters.is_empty()); // an empty queue is no entry
    /// ```
    #[inline]
    pub fn apply<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        match self.map.entry(key) {
            Entry::Occupied(entry) => apply_to(entry, change),
            Entry::Vacant(entry) => {
                let mut value = V::default();
                let answer = change(&mut value);
                if !value.is_zero() {
                    entry.insert(value);
                }
                answer
            }
        }
    }

    /// Does the same; the key is made only where it gets an entry.
    ///
    /// # Panics
    ///
    /// As [`apply`](Self::apply).
    #[inline]
    pub fn apply_ref<Q, R>(&mut self, key: &Q, change: impl FnOnce(&mut V) -> R) -> R
    where
        Q: Hash + Equivalent<K> + ?Sized,
        K: for<'q> From<&'q Q>,
        V: Default,
    {
        match self.map.entry_ref(key) {
            EntryRef::Occupied(entry) => apply_to(entry, change),
            EntryRef::Vacant(entry) => {
                let mut value = V::default();
                let answer = change(&mut value);
                if !value.is_zero() {
                    entry.put(K::from(key), value);
                }
                answer
            }
        }
    }
}

/// Changes a value in place, and takes the entry out if it is zero in the end.
#[inline]
fn apply_to<K, V: IsZero, S, A: Allocator, R>(
    entry: OccupiedEntry<'_, K, V, S, A>,
    change: impl FnOnce(&mut V) -> R,
) -> R {
    /// `nonzero`, also when `change` panics.
    struct Settle<'a, K, V: IsZero, S, A: Allocator>(Option<OccupiedEntry<'a, K, V, S, A>>);

    impl<K, V: IsZero, S, A: Allocator> Drop for Settle<'_, K, V, S, A> {
        #[inline]
        fn drop(&mut self) {
            if let Some(entry) = self.0.take()
                && entry.get().is_zero()
            {
                entry.remove_entry();
            }
        }
    }

    let mut settle = Settle(Some(entry));
    match &mut settle.0 {
        Some(entry) => change(entry.get_mut()),
        None => unreachable!("the entry is taken out by the drop alone"),
    }
}
