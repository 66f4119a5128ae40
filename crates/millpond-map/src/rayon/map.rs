//! Maps.
//!
//! # Invariants
//!
//! - `alive`: the walk inside borrows the table, so the table does not change under it,
//!   and every pointer that it returns is an entry for as long as the borrow lasts.
//! - `once`: a walk returns each entry once, to one thread, so two `&mut` never meet.

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::marker::PhantomData;
use core::ptr::NonNull;

use ::rayon::iter::plumbing::UnindexedConsumer;
use ::rayon::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};
use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use crate::map::HashMap;
use crate::raw::RawPart;

/// A parallel walk over the entries of a map.
pub struct ParIter<'a, K, V> {
    part: RawPart<(K, V)>,
    marker: PhantomData<(&'a K, &'a V)>,
}

/// A parallel walk over the entries of a map that may change values.
pub struct ParIterMut<'a, K, V> {
    part: RawPart<(K, V)>,
    marker: PhantomData<(&'a K, &'a mut V)>,
}

/// A parallel walk over the keys of a map. See [`HashMap::par_keys`].
pub struct ParKeys<'a, K, V>(ParIter<'a, K, V>);

/// A parallel walk over the values of a map. See [`HashMap::par_values`].
pub struct ParValues<'a, K, V>(ParIter<'a, K, V>);

/// A parallel walk over the values of a map that may change them. See
/// [`HashMap::par_values_mut`].
pub struct ParValuesMut<'a, K, V>(ParIterMut<'a, K, V>);

/// A parallel walk that owns the entries of a map.
pub struct IntoParIter<K, V, A: Allocator = Slabs> {
    pub(super) map: HashMap<K, V, (), A>,
}

/// A parallel walk that takes every entry out of a map. See [`HashMap::par_drain`].
///
/// Dropped without being walked, it drops them.
pub struct ParDrain<'a, K, V, A: Allocator = Slabs> {
    table: &'a mut crate::raw::RawTable<(K, V), A>,
}

impl<K, V, S, A: Allocator> HashMap<K, V, S, A> {
    /// Walks the keys on many threads, in arbitrary order.
    pub fn par_keys(&self) -> ParKeys<'_, K, V> {
        ParKeys(self.par_entries())
    }

    /// Walks the values on many threads, in arbitrary order.
    pub fn par_values(&self) -> ParValues<'_, K, V> {
        ParValues(self.par_entries())
    }

    /// Walks the values on many threads, in arbitrary order, to change them.
    pub fn par_values_mut(&mut self) -> ParValuesMut<'_, K, V> {
        ParValuesMut(self.par_entries_mut())
    }

    /// Takes every entry out, on many threads. The map keeps its slab.
    pub fn par_drain(&mut self) -> ParDrain<'_, K, V, A> {
        ParDrain {
            table: &mut self.table,
        }
    }

    fn par_entries(&self) -> ParIter<'_, K, V> {
        ParIter {
            // SAFETY: `alive`. The walk borrows the map.
            part: unsafe { self.table.part() },
            marker: PhantomData,
        }
    }

    fn par_entries_mut(&mut self) -> ParIterMut<'_, K, V> {
        ParIterMut {
            // SAFETY: `alive`. The walk borrows the map for changes.
            part: unsafe { self.table.part() },
            marker: PhantomData,
        }
    }
}

impl<K, V, S, A> HashMap<K, V, S, A>
where
    K: Eq + Hash + Sync,
    V: PartialEq + Sync,
    S: BuildHasher + Sync,
    A: Allocator + Sync,
{
    /// Tells whether both maps have the same keys with equal values, on many threads.
    pub fn par_eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .into_par_iter()
                .all(|(key, value)| other.get(key).is_some_and(|others| *value == *others))
    }
}

impl<K, V> ParIter<'_, K, V> {
    /// Walks the same on one thread.
    fn entries(&self) -> impl Iterator<Item = (&K, &V)> {
        self.part.clone().map(|entry| {
            // SAFETY: `alive`.
            let (key, value) = unsafe { entry.as_ref() };
            (key, value)
        })
    }
}

impl<'a, K: Sync, V: Sync> ParallelIterator for ParIter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn drive_unindexed<C: UnindexedConsumer<Self::Item>>(self, consumer: C) -> C::Result {
        let lend = |entry: NonNull<(K, V)>| {
            // SAFETY: `alive`.
            let (key, value) = unsafe { entry.as_ref() };
            (key, value)
        };
        self.part.drive(lend, consumer)
    }
}

impl<'a, K: Sync, V: Send> ParallelIterator for ParIterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    fn drive_unindexed<C: UnindexedConsumer<Self::Item>>(self, consumer: C) -> C::Result {
        let lend = |mut entry: NonNull<(K, V)>| {
            // SAFETY: `alive`, `once`.
            let (key, value) = unsafe { entry.as_mut() };
            (&*key, value)
        };
        self.part.drive(lend, consumer)
    }
}

impl<'a, K: Sync, V: Sync> ParallelIterator for ParKeys<'a, K, V> {
    type Item = &'a K;

    fn drive_unindexed<C: UnindexedConsumer<&'a K>>(self, consumer: C) -> C::Result {
        self.0.map(|(key, _)| key).drive_unindexed(consumer)
    }
}

impl<'a, K: Sync, V: Sync> ParallelIterator for ParValues<'a, K, V> {
    type Item = &'a V;

    fn drive_unindexed<C: UnindexedConsumer<&'a V>>(self, consumer: C) -> C::Result {
        self.0.map(|(_, value)| value).drive_unindexed(consumer)
    }
}

impl<'a, K: Sync, V: Send> ParallelIterator for ParValuesMut<'a, K, V> {
    type Item = &'a mut V;

    fn drive_unindexed<C: UnindexedConsumer<&'a mut V>>(self, consumer: C) -> C::Result {
        self.0.map(|(_, value)| value).drive_unindexed(consumer)
    }
}

impl<K: Send, V: Send, A: Allocator + Send> ParallelIterator for IntoParIter<K, V, A> {
    type Item = (K, V);

    fn drive_unindexed<C: UnindexedConsumer<(K, V)>>(mut self, consumer: C) -> C::Result {
        // The slab goes back with the map, after the walk.
        self.map.table.drain_into(consumer)
    }
}

impl<K: Send, V: Send, A: Allocator + Send> ParallelIterator for ParDrain<'_, K, V, A> {
    type Item = (K, V);

    fn drive_unindexed<C: UnindexedConsumer<(K, V)>>(self, consumer: C) -> C::Result {
        self.table.drain_into(consumer)
    }
}

impl<K, V, A: Allocator> Drop for ParDrain<'_, K, V, A> {
    fn drop(&mut self) {
        // Empty already where it was walked.
        self.table.clear();
    }
}

impl<K: Send, V: Send, S, A: Allocator + Send> IntoParallelIterator for HashMap<K, V, S, A> {
    type Item = (K, V);
    type Iter = IntoParIter<K, V, A>;

    /// Walks the entries out of the map on many threads.
    fn into_par_iter(self) -> IntoParIter<K, V, A> {
        let table = self.table;
        IntoParIter {
            map: HashMap {
                hash_builder: (),
                table,
            },
        }
    }
}

impl<'a, K: Sync, V: Sync, S, A: Allocator> IntoParallelIterator for &'a HashMap<K, V, S, A> {
    type Item = (&'a K, &'a V);
    type Iter = ParIter<'a, K, V>;

    fn into_par_iter(self) -> ParIter<'a, K, V> {
        self.par_entries()
    }
}

impl<'a, K: Sync, V: Send, S, A: Allocator> IntoParallelIterator for &'a mut HashMap<K, V, S, A> {
    type Item = (&'a K, &'a mut V);
    type Iter = ParIterMut<'a, K, V>;

    fn into_par_iter(self) -> ParIterMut<'a, K, V> {
        self.par_entries_mut()
    }
}

impl<K, V, S, A> FromParallelIterator<(K, V)> for HashMap<K, V, S, A>
where
    K: Eq + Hash + Send,
    V: Send,
    S: BuildHasher + Default,
    A: Allocator + Default,
{
    /// Makes a map of the entries; which value of a key stays is not defined.
    fn from_par_iter<P: IntoParallelIterator<Item = (K, V)>>(entries: P) -> Self {
        let mut map = HashMap::default();
        map.par_extend(entries);
        map
    }
}

impl<K, V, S, A> ParallelExtend<(K, V)> for HashMap<K, V, S, A>
where
    K: Eq + Hash + Send,
    V: Send,
    S: BuildHasher,
    A: Allocator,
{
    /// Inserts the entries, on this thread, once all have arrived.
    fn par_extend<P: IntoParallelIterator<Item = (K, V)>>(&mut self, entries: P) {
        let lists = entries.into_par_iter().collect_vec_list();
        let count = lists.iter().map(Vec::len).sum::<usize>();
        // Into a map with entries half of them may be there already, as in `extend`.
        self.reserve(if self.is_empty() {
            count
        } else {
            count.div_ceil(2)
        });
        for (key, value) in lists.into_iter().flatten() {
            self.insert(key, value);
        }
    }
}

impl<'a, K, V, S, A> ParallelExtend<(&'a K, &'a V)> for HashMap<K, V, S, A>
where
    K: Copy + Eq + Hash + Send + Sync,
    V: Copy + Send + Sync,
    S: BuildHasher,
    A: Allocator,
{
    fn par_extend<P: IntoParallelIterator<Item = (&'a K, &'a V)>>(&mut self, entries: P) {
        self.par_extend(entries.into_par_iter().map(|(key, value)| (*key, *value)));
    }
}

impl<K, V> Clone for ParIter<'_, K, V> {
    fn clone(&self) -> Self {
        ParIter {
            part: self.part.clone(),
            marker: PhantomData,
        }
    }
}

impl<K, V> Clone for ParKeys<'_, K, V> {
    fn clone(&self) -> Self {
        ParKeys(self.0.clone())
    }
}

impl<K, V> Clone for ParValues<'_, K, V> {
    fn clone(&self) -> Self {
        ParValues(self.0.clone())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for ParIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl<K: fmt::Debug, V> fmt::Debug for ParKeys<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.entries().map(|(key, _)| key);
        f.debug_list().entries(keys).finish()
    }
}

impl<K, V: fmt::Debug> fmt::Debug for ParValues<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.entries().map(|(_, value)| value);
        f.debug_list().entries(values).finish()
    }
}

/// Walks that change or move entries say no more than their name: they cannot be cloned.
macro_rules! opaque {
    ($([$($generics:tt)*] $walk:ty, $name:literal);* $(;)?) => {$(
        impl<$($generics)*> fmt::Debug for $walk {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    )*};
}

opaque!(
    [K, V] ParIterMut<'_, K, V>, "ParIterMut";
    [K, V] ParValuesMut<'_, K, V>, "ParValuesMut";
    [K, V, A: Allocator] IntoParIter<K, V, A>, "IntoParIter";
    [K, V, A: Allocator] ParDrain<'_, K, V, A>, "ParDrain";
);
