//! Walks that own what they return: `into_iter`, `drain`, `extract_if`.
//!
//! # Invariants
//!
//! - `alive`: as in [`iter`](super::iter).

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use super::{HashMap, Iter, IterMut};
use crate::raw::{RawDrain, RawExtract, RawIntoIter, RawTable};

impl<K, V, S, A: Allocator> HashMap<K, V, S, A> {
    /// Walks the keys out of the map; values are dropped on the way.
    #[inline]
    pub fn into_keys(self) -> IntoKeys<K, V, A> {
        IntoKeys {
            iter: self.into_iter(),
        }
    }

    /// Walks the values out of the map; keys are dropped on the way.
    #[inline]
    pub fn into_values(self) -> IntoValues<K, V, A> {
        IntoValues {
            iter: self.into_iter(),
        }
    }
}

impl<K, V, S, A: Allocator> IntoIterator for HashMap<K, V, S, A> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V, A>;

    /// Walks the entries out of the map, whose slab goes back with the walk.
    #[inline]
    fn into_iter(self) -> IntoIter<K, V, A> {
        IntoIter {
            walk: self.table.into_walk(),
        }
    }
}

impl<'a, K, V, S, A: Allocator> IntoIterator for &'a HashMap<K, V, S, A> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    #[inline]
    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V, S, A: Allocator> IntoIterator for &'a mut HashMap<K, V, S, A> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    #[inline]
    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}

/// A walk that owns the entries of a map.
pub struct IntoIter<K, V, A: Allocator = Slabs> {
    walk: RawIntoIter<(K, V), A>,
}

/// A walk that owns the keys of a map. See [`HashMap::into_keys`].
pub struct IntoKeys<K, V, A: Allocator = Slabs> {
    iter: IntoIter<K, V, A>,
}

/// A walk that owns the values of a map. See [`HashMap::into_values`].
pub struct IntoValues<K, V, A: Allocator = Slabs> {
    iter: IntoIter<K, V, A>,
}

/// A walk that takes every entry out of a map. See [`HashMap::drain`].
pub struct Drain<'a, K, V, A: Allocator = Slabs> {
    walk: RawDrain<'a, (K, V)>,
    marker: PhantomData<fn() -> A>,
}

/// A walk that takes picked entries out of a map. See [`HashMap::extract_if`].
#[must_use = "entries are taken out as the walk goes on; `retain` does it at once"]
pub struct ExtractIf<'a, K, V, F, A: Allocator = Slabs> {
    walk: RawExtract<'a, (K, V)>,
    pred: F,
    marker: PhantomData<fn() -> A>,
}

impl<'a, K, V, A: Allocator> Drain<'a, K, V, A> {
    pub(super) fn new(walk: RawDrain<'a, (K, V)>) -> Self {
        Drain {
            walk,
            marker: PhantomData,
        }
    }

    /// Walks what lies ahead without taking it.
    pub(crate) fn rest(&self) -> Iter<'_, K, V> {
        // SAFETY: `alive`. The walk borrows the drain.
        unsafe { Iter::from_raw(self.walk.rest()) }
    }
}

impl<'a, K, V, F, A: Allocator> ExtractIf<'a, K, V, F, A> {
    pub(super) fn new(walk: RawExtract<'a, (K, V)>, pred: F) -> Self {
        ExtractIf {
            walk,
            pred,
            marker: PhantomData,
        }
    }
}

impl<K, V, A: Allocator> IntoIter<K, V, A> {
    /// Walks what lies ahead without taking it.
    fn rest(&self) -> Iter<'_, K, V> {
        // SAFETY: `alive`. The walk borrows the one that owns the table.
        unsafe { Iter::from_raw(self.walk.rest()) }
    }
}

impl<K, V, A: Allocator> Iterator for IntoIter<K, V, A> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        self.walk.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, (K, V)) -> B>(self, init: B, f: F) -> B {
        self.walk.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<K, V, A: Allocator> Iterator for IntoKeys<K, V, A> {
    type Item = K;

    #[inline]
    fn next(&mut self) -> Option<K> {
        let (key, value) = self.iter.next()?;
        // While the key has an owner: a panic in this drop would lose what is returned.
        drop(value);
        Some(key)
    }

    #[inline]
    fn fold<B, F: FnMut(B, K) -> B>(self, init: B, mut f: F) -> B {
        self.iter.fold(init, |accumulated, (key, value)| {
            drop(value);
            f(accumulated, key)
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<K, V, A: Allocator> Iterator for IntoValues<K, V, A> {
    type Item = V;

    #[inline]
    fn next(&mut self) -> Option<V> {
        let (key, value) = self.iter.next()?;
        // While the value has an owner: a panic in this drop would lose what is returned.
        drop(key);
        Some(value)
    }

    #[inline]
    fn fold<B, F: FnMut(B, V) -> B>(self, init: B, mut f: F) -> B {
        self.iter.fold(init, |accumulated, (key, value)| {
            drop(key);
            f(accumulated, value)
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<K, V, A: Allocator> Iterator for Drain<'_, K, V, A> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        self.walk.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, (K, V)) -> B>(self, init: B, f: F) -> B {
        self.walk.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<K, V, F: FnMut(&K, &mut V) -> bool, A: Allocator> Iterator for ExtractIf<'_, K, V, F, A> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        let pred = &mut self.pred;
        self.walk.next(|(key, value)| pred(key, value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.walk.left()))
    }
}

impl<K, V, A: Allocator + Default> Default for IntoIter<K, V, A> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        IntoIter {
            walk: RawTable::new_in(A::default()).into_walk(),
        }
    }
}

impl<K, V, A: Allocator + Default> Default for IntoKeys<K, V, A> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        IntoKeys {
            iter: IntoIter::default(),
        }
    }
}

impl<K, V, A: Allocator + Default> Default for IntoValues<K, V, A> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        IntoValues {
            iter: IntoIter::default(),
        }
    }
}

impl<K, V, A: Allocator> ExactSizeIterator for IntoIter<K, V, A> {}
impl<K, V, A: Allocator> ExactSizeIterator for IntoKeys<K, V, A> {}
impl<K, V, A: Allocator> ExactSizeIterator for IntoValues<K, V, A> {}
impl<K, V, A: Allocator> ExactSizeIterator for Drain<'_, K, V, A> {}
impl<K, V, A: Allocator> FusedIterator for IntoIter<K, V, A> {}
impl<K, V, A: Allocator> FusedIterator for IntoKeys<K, V, A> {}
impl<K, V, A: Allocator> FusedIterator for IntoValues<K, V, A> {}
impl<K, V, A: Allocator> FusedIterator for Drain<'_, K, V, A> {}
impl<K, V, F: FnMut(&K, &mut V) -> bool, A: Allocator> FusedIterator for ExtractIf<'_, K, V, F, A> {}

impl<K: fmt::Debug, V: fmt::Debug, A: Allocator> fmt::Debug for IntoIter<K, V, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rest()).finish()
    }
}

impl<K: fmt::Debug, V, A: Allocator> fmt::Debug for IntoKeys<K, V, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter.rest().map(|(key, _)| key))
            .finish()
    }
}

impl<K, V: fmt::Debug, A: Allocator> fmt::Debug for IntoValues<K, V, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter.rest().map(|(_, value)| value))
            .finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, A: Allocator> fmt::Debug for Drain<'_, K, V, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rest()).finish()
    }
}

impl<K, V, F, A: Allocator> fmt::Debug for ExtractIf<'_, K, V, F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
