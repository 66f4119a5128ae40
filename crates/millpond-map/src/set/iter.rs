#![forbid(unsafe_code)]
//! Walks over a set.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use super::HashSet;
use crate::map::{self, Keys};
use crate::raw::RawExtract;

impl<T, S, A: Allocator> HashSet<T, S, A> {
    /// Walks the elements, in arbitrary order.
    #[inline]
    pub fn iter(&self) -> Iter<'_, T> {
        Iter {
            keys: self.map.keys(),
        }
    }
}

impl<T, S, A: Allocator> IntoIterator for HashSet<T, S, A> {
    type Item = T;
    type IntoIter = IntoIter<T, A>;

    /// Walks the elements out of the set, whose slab goes back with the walk.
    #[inline]
    fn into_iter(self) -> IntoIter<T, A> {
        IntoIter {
            keys: self.map.into_keys(),
        }
    }
}

impl<'a, T, S, A: Allocator> IntoIterator for &'a HashSet<T, S, A> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    #[inline]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// A walk over the elements of a set. See [`HashSet::iter`].
pub struct Iter<'a, T> {
    keys: Keys<'a, T, ()>,
}

/// A walk that owns the elements of a set.
pub struct IntoIter<T, A: Allocator = Slabs> {
    keys: map::IntoKeys<T, (), A>,
}

/// A walk that takes every element out of a set. See [`HashSet::drain`].
pub struct Drain<'a, T, A: Allocator = Slabs> {
    entries: map::Drain<'a, T, (), A>,
}

/// A walk that takes picked elements out of a set. See [`HashSet::extract_if`].
#[must_use = "elements are taken out as the walk goes on; `retain` does it at once"]
pub struct ExtractIf<'a, T, F, A: Allocator = Slabs> {
    walk: RawExtract<'a, (T, ())>,
    pred: F,
    marker: PhantomData<fn() -> A>,
}

impl<'a, T, A: Allocator> Drain<'a, T, A> {
    pub(super) fn new(entries: map::Drain<'a, T, (), A>) -> Self {
        Drain { entries }
    }
}

impl<'a, T, F, A: Allocator> ExtractIf<'a, T, F, A> {
    pub(super) fn new(walk: RawExtract<'a, (T, ())>, pred: F) -> Self {
        ExtractIf {
            walk,
            pred,
            marker: PhantomData,
        }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.keys.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a T) -> B>(self, init: B, f: F) -> B {
        self.keys.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.keys.size_hint()
    }
}

impl<T, A: Allocator> Iterator for IntoIter<T, A> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.keys.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, f: F) -> B {
        self.keys.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.keys.size_hint()
    }
}

impl<T, A: Allocator> Iterator for Drain<'_, T, A> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.entries.next().map(|(element, ())| element)
    }

    #[inline]
    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, mut f: F) -> B {
        self.entries
            .fold(init, |accumulated, (element, ())| f(accumulated, element))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<T, F: FnMut(&T) -> bool, A: Allocator> Iterator for ExtractIf<'_, T, F, A> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let pred = &mut self.pred;
        self.walk
            .next(|(element, ())| pred(element))
            .map(|(element, ())| element)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.walk.left()))
    }
}

impl<T> Clone for Iter<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        Iter {
            keys: self.keys.clone(),
        }
    }
}

impl<T> Default for Iter<'_, T> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        Iter {
            keys: Keys::default(),
        }
    }
}

impl<T, A: Allocator + Default> Default for IntoIter<T, A> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        IntoIter {
            keys: map::IntoKeys::default(),
        }
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T, A: Allocator> ExactSizeIterator for IntoIter<T, A> {}
impl<T, A: Allocator> ExactSizeIterator for Drain<'_, T, A> {}
impl<T> FusedIterator for Iter<'_, T> {}
impl<T, A: Allocator> FusedIterator for IntoIter<T, A> {}
impl<T, A: Allocator> FusedIterator for Drain<'_, T, A> {}
impl<T, F: FnMut(&T) -> bool, A: Allocator> FusedIterator for ExtractIf<'_, T, F, A> {}

impl<T: fmt::Debug> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.fmt(f)
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for IntoIter<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.fmt(f)
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for Drain<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.rest().map(|(element, ())| element))
            .finish()
    }
}

impl<T, F, A: Allocator> fmt::Debug for ExtractIf<'_, T, F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
