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

use super::{HashTable, Iter, IterMut};
use crate::raw::{RawDrain, RawExtract, RawIntoIter, RawTable};

impl<T, A: Allocator> HashTable<T, A> {
    /// Takes every entry out, as a walk. The table keeps its slab.
    ///
    /// What the walk has not come to when it is dropped is dropped with it.
    pub fn drain(&mut self) -> Drain<'_, T, A> {
        Drain {
            walk: self.raw.drain(),
            marker: PhantomData,
        }
    }

    /// Returns a walk that takes the entries out for which `pred` holds.
    ///
    /// Entries that the walk has not come to when it is dropped stay in the table.
    pub fn extract_if<F>(&mut self, pred: F) -> ExtractIf<'_, T, F, A>
    where
        F: FnMut(&mut T) -> bool,
    {
        ExtractIf {
            walk: self.raw.extract(),
            pred,
            marker: PhantomData,
        }
    }
}

impl<T, A: Allocator> IntoIterator for HashTable<T, A> {
    type Item = T;
    type IntoIter = IntoIter<T, A>;

    /// Walks the entries out of the table, whose slab goes back with the walk.
    #[inline]
    fn into_iter(self) -> IntoIter<T, A> {
        IntoIter {
            walk: self.raw.into_walk(),
        }
    }
}

impl<'a, T, A: Allocator> IntoIterator for &'a HashTable<T, A> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    #[inline]
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T, A: Allocator> IntoIterator for &'a mut HashTable<T, A> {
    type Item = &'a mut T;
    type IntoIter = IterMut<'a, T>;

    #[inline]
    fn into_iter(self) -> IterMut<'a, T> {
        self.iter_mut()
    }
}

/// A walk that owns the entries of a table.
pub struct IntoIter<T, A: Allocator = Slabs> {
    walk: RawIntoIter<T, A>,
}

/// A walk that takes every entry out of a table. See [`HashTable::drain`].
pub struct Drain<'a, T, A: Allocator = Slabs> {
    walk: RawDrain<'a, T>,
    marker: PhantomData<fn() -> A>,
}

/// A walk that takes picked entries out of a table. See [`HashTable::extract_if`].
#[must_use = "entries are taken out as the walk goes on; `retain` does it at once"]
pub struct ExtractIf<'a, T, F, A: Allocator = Slabs> {
    walk: RawExtract<'a, T>,
    pred: F,
    marker: PhantomData<fn() -> A>,
}

impl<T, A: Allocator> IntoIter<T, A> {
    /// Walks what lies ahead without taking it.
    pub fn iter(&self) -> Iter<'_, T> {
        // SAFETY: `alive`. The walk borrows the one that owns the table.
        unsafe { Iter::from_raw(self.walk.rest()) }
    }
}

impl<T, A: Allocator> Drain<'_, T, A> {
    /// Walks what lies ahead without taking it.
    pub fn iter(&self) -> Iter<'_, T> {
        // SAFETY: `alive`. The walk borrows the drain.
        unsafe { Iter::from_raw(self.walk.rest()) }
    }
}

impl<T, A: Allocator> Iterator for IntoIter<T, A> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.walk.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, f: F) -> B {
        self.walk.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<T, A: Allocator> Iterator for Drain<'_, T, A> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.walk.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, f: F) -> B {
        self.walk.fold(init, f)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<T, F: FnMut(&mut T) -> bool, A: Allocator> Iterator for ExtractIf<'_, T, F, A> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.walk.next(&mut self.pred)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.walk.left()))
    }
}

impl<T, A: Allocator + Default> Default for IntoIter<T, A> {
    /// Makes a walk over nothing.
    fn default() -> Self {
        IntoIter {
            walk: RawTable::new_in(A::default()).into_walk(),
        }
    }
}

impl<T, A: Allocator> ExactSizeIterator for IntoIter<T, A> {}
impl<T, A: Allocator> ExactSizeIterator for Drain<'_, T, A> {}
impl<T, A: Allocator> FusedIterator for IntoIter<T, A> {}
impl<T, A: Allocator> FusedIterator for Drain<'_, T, A> {}
impl<T, F: FnMut(&mut T) -> bool, A: Allocator> FusedIterator for ExtractIf<'_, T, F, A> {}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for IntoIter<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: fmt::Debug, A: Allocator> fmt::Debug for Drain<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T, F, A: Allocator> fmt::Debug for ExtractIf<'_, T, F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractIf").finish_non_exhaustive()
    }
}
