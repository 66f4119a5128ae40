//! Walks that borrow the map.
//!
//! # Invariants
//!
//! - `alive`: the walk inside borrows the table, so the table does not change under it,
//!   and every pointer that it returns is an entry for as long as the borrow lasts.
//! - `once`: a walk returns each entry once, so two `&mut` from it never meet.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use allocator_api2::alloc::Allocator;

use super::HashMap;
use crate::raw::RawIter;

impl<K, V, S, A: Allocator> HashMap<K, V, S, A> {
    /// Walks the entries, in arbitrary order.
    ///
    /// # Cost
    ///
    /// In proportion to the capacity; where little of the table was touched, to that.
    #[inline]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter {
            // SAFETY: `alive`. The walk borrows the map.
            walk: unsafe { self.table.iter() },
            marker: PhantomData,
        }
    }

    /// Walks the entries, in arbitrary order; values may be changed.
    #[inline]
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut {
            // SAFETY: `alive`. The walk borrows the map for changes.
            walk: unsafe { self.table.iter() },
            marker: PhantomData,
        }
    }

    /// Walks the keys, in arbitrary order.
    #[inline]
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys { iter: self.iter() }
    }

    /// Walks the values, in arbitrary order.
    #[inline]
    pub fn values(&self) -> Values<'_, K, V> {
        Values { iter: self.iter() }
    }

    /// Walks the values, in arbitrary order, to change them.
    #[inline]
    pub fn values_mut(&mut self) -> ValuesMut<'_, K, V> {
        ValuesMut {
            iter: self.iter_mut(),
        }
    }
}

/// A walk over the entries of a map. See [`HashMap::iter`].
pub struct Iter<'a, K, V> {
    walk: RawIter<(K, V)>,
    marker: PhantomData<(&'a K, &'a V)>,
}

/// A walk over the entries of a map that may change values. See [`HashMap::iter_mut`].
pub struct IterMut<'a, K, V> {
    walk: RawIter<(K, V)>,
    /// Also what makes the walk invariant in `V`.
    marker: PhantomData<(&'a K, &'a mut V)>,
}

/// A walk over the keys of a map. See [`HashMap::keys`].
pub struct Keys<'a, K, V> {
    iter: Iter<'a, K, V>,
}

/// A walk over the values of a map. See [`HashMap::values`].
pub struct Values<'a, K, V> {
    iter: Iter<'a, K, V>,
}

/// A walk over the values of a map that may change them. See [`HashMap::values_mut`].
pub struct ValuesMut<'a, K, V> {
    iter: IterMut<'a, K, V>,
}

// SAFETY: a walk is a shared borrow of keys and values.
unsafe impl<K: Sync, V: Sync> Send for Iter<'_, K, V> {}
// SAFETY: as above.
unsafe impl<K: Sync, V: Sync> Sync for Iter<'_, K, V> {}
// SAFETY: a walk is an exclusive borrow of keys and values.
unsafe impl<K: Send, V: Send> Send for IterMut<'_, K, V> {}
// SAFETY: through a shared walk only shared entries are reached.
unsafe impl<K: Sync, V: Sync> Sync for IterMut<'_, K, V> {}

impl<'a, K, V> Iter<'a, K, V> {
    /// Makes a walk of `walk`, which borrows its table for `'a`.
    ///
    /// # Safety
    ///
    /// `alive`, for all of `'a`.
    pub(super) unsafe fn from_raw(walk: RawIter<(K, V)>) -> Iter<'a, K, V> {
        Iter {
            walk,
            marker: PhantomData,
        }
    }
}

impl<K, V> IterMut<'_, K, V> {
    /// Walks what lies ahead without changing it.
    pub(super) fn rest(&self) -> Iter<'_, K, V> {
        Iter {
            walk: self.walk.clone(),
            marker: PhantomData,
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<(&'a K, &'a V)> {
        let entry = self.walk.next()?;
        // SAFETY: `alive`.
        let (key, value) = unsafe { entry.as_ref() };
        Some((key, value))
    }

    #[inline]
    fn fold<B, F: FnMut(B, (&'a K, &'a V)) -> B>(self, init: B, mut f: F) -> B {
        self.walk.fold(init, |accumulated, entry| {
            // SAFETY: `alive`.
            let (key, value) = unsafe { entry.as_ref() };
            f(accumulated, (key, value))
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    #[inline]
    fn next(&mut self) -> Option<(&'a K, &'a mut V)> {
        let mut entry = self.walk.next()?;
        // SAFETY: `alive`, `once`.
        let (key, value) = unsafe { entry.as_mut() };
        Some((key, value))
    }

    #[inline]
    fn fold<B, F: FnMut(B, (&'a K, &'a mut V)) -> B>(self, init: B, mut f: F) -> B {
        self.walk.fold(init, |accumulated, mut entry| {
            // SAFETY: `alive`, `once`.
            let (key, value) = unsafe { entry.as_mut() };
            f(accumulated, (key, value))
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<'a, K, V> Iterator for Keys<'a, K, V> {
    type Item = &'a K;

    #[inline]
    fn next(&mut self) -> Option<&'a K> {
        self.iter.next().map(|(key, _)| key)
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a K) -> B>(self, init: B, mut f: F) -> B {
        self.iter
            .fold(init, |accumulated, (key, _)| f(accumulated, key))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<'a, K, V> Iterator for Values<'a, K, V> {
    type Item = &'a V;

    #[inline]
    fn next(&mut self) -> Option<&'a V> {
        self.iter.next().map(|(_, value)| value)
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a V) -> B>(self, init: B, mut f: F) -> B {
        self.iter
            .fold(init, |accumulated, (_, value)| f(accumulated, value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<'a, K, V> Iterator for ValuesMut<'a, K, V> {
    type Item = &'a mut V;

    #[inline]
    fn next(&mut self) -> Option<&'a mut V> {
        self.iter.next().map(|(_, value)| value)
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a mut V) -> B>(self, init: B, mut f: F) -> B {
        self.iter
            .fold(init, |accumulated, (_, value)| f(accumulated, value))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl<K, V> Default for Iter<'_, K, V> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        Iter {
            walk: RawIter::ended(),
            marker: PhantomData,
        }
    }
}

impl<K, V> Default for IterMut<'_, K, V> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        IterMut {
            walk: RawIter::ended(),
            marker: PhantomData,
        }
    }
}

impl<K, V> Default for Keys<'_, K, V> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        Keys {
            iter: Iter::default(),
        }
    }
}

impl<K, V> Default for Values<'_, K, V> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        Values {
            iter: Iter::default(),
        }
    }
}

impl<K, V> Default for ValuesMut<'_, K, V> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        ValuesMut {
            iter: IterMut::default(),
        }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    #[inline]
    fn clone(&self) -> Self {
        Iter {
            walk: self.walk.clone(),
            marker: PhantomData,
        }
    }
}

impl<K, V> Clone for Keys<'_, K, V> {
    #[inline]
    fn clone(&self) -> Self {
        Keys {
            iter: self.iter.clone(),
        }
    }
}

impl<K, V> Clone for Values<'_, K, V> {
    #[inline]
    fn clone(&self) -> Self {
        Values {
            iter: self.iter.clone(),
        }
    }
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
impl<K, V> ExactSizeIterator for IterMut<'_, K, V> {}
impl<K, V> ExactSizeIterator for Keys<'_, K, V> {}
impl<K, V> ExactSizeIterator for Values<'_, K, V> {}
impl<K, V> ExactSizeIterator for ValuesMut<'_, K, V> {}
impl<K, V> FusedIterator for Iter<'_, K, V> {}
impl<K, V> FusedIterator for IterMut<'_, K, V> {}
impl<K, V> FusedIterator for Keys<'_, K, V> {}
impl<K, V> FusedIterator for Values<'_, K, V> {}
impl<K, V> FusedIterator for ValuesMut<'_, K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for IterMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rest()).finish()
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Keys<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K, V: fmt::Debug> fmt::Debug for Values<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<K, V: fmt::Debug> fmt::Debug for ValuesMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter.rest().map(|(_, value)| value))
            .finish()
    }
}
