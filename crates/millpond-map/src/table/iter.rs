//! Walks that borrow a table.
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

use super::HashTable;
use crate::raw::{RawIter, RawIterHash};

impl<T, A: Allocator> HashTable<T, A> {
    /// Walks the entries, in arbitrary order.
    #[inline]
    pub fn iter(&self) -> Iter<'_, T> {
        // SAFETY: `alive`. The walk borrows the table.
        let walk = unsafe { self.raw.iter() };
        let marker = PhantomData;
        Iter { walk, marker }
    }

    /// Walks the entries, in arbitrary order, to change them. Their hashes must stay.
    #[inline]
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        // SAFETY: `alive`. The walk borrows the table for changes.
        let walk = unsafe { self.raw.iter() };
        let marker = PhantomData;
        IterMut { walk, marker }
    }

    /// Walks the entries that may have `hash`: all that do, and some others.
    #[inline]
    pub fn iter_hash(&self, hash: u64) -> IterHash<'_, T> {
        // SAFETY: `alive`. The walk borrows the table.
        let walk = unsafe { self.raw.iter_hash(hash) };
        let marker = PhantomData;
        IterHash { walk, marker }
    }

    /// Walks the entries that may have `hash`, to change them. Their hashes must stay.
    #[inline]
    pub fn iter_hash_mut(&mut self, hash: u64) -> IterHashMut<'_, T> {
        // SAFETY: `alive`. The walk borrows the table for changes.
        let walk = unsafe { self.raw.iter_hash(hash) };
        let marker = PhantomData;
        IterHashMut { walk, marker }
    }
}

/// A walk over the entries of a table. See [`HashTable::iter`].
pub struct Iter<'a, T> {
    walk: RawIter<T>,
    marker: PhantomData<&'a T>,
}

/// A walk over the entries of a table that may change them. See [`HashTable::iter_mut`].
pub struct IterMut<'a, T> {
    walk: RawIter<T>,
    /// Also what makes the walk invariant in `T`.
    marker: PhantomData<&'a mut T>,
}

/// A walk over entries that may have a hash. See [`HashTable::iter_hash`].
pub struct IterHash<'a, T> {
    walk: RawIterHash<T>,
    marker: PhantomData<&'a T>,
}

/// A walk over entries that may have a hash, to change them. See [`HashTable::iter_hash_mut`].
pub struct IterHashMut<'a, T> {
    walk: RawIterHash<T>,
    /// Also what makes the walk invariant in `T`.
    marker: PhantomData<&'a mut T>,
}

// SAFETY: a walk is a shared borrow of entries.
unsafe impl<T: Sync> Send for Iter<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Iter<'_, T> {}
// SAFETY: a walk is an exclusive borrow of entries.
unsafe impl<T: Send> Send for IterMut<'_, T> {}
// SAFETY: through a shared walk only shared entries are reached.
unsafe impl<T: Sync> Sync for IterMut<'_, T> {}
// SAFETY: a walk is a shared borrow of entries and of the table without its type.
unsafe impl<T: Sync> Send for IterHash<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for IterHash<'_, T> {}
// SAFETY: a walk is an exclusive borrow of entries and of the table without its type.
unsafe impl<T: Send> Send for IterHashMut<'_, T> {}
// SAFETY: through a shared walk only shared entries are reached.
unsafe impl<T: Sync> Sync for IterHashMut<'_, T> {}

impl<'a, T> Iter<'a, T> {
    /// Makes a walk of `walk`, which borrows its table for `'a`.
    ///
    /// # Safety
    ///
    /// `alive`, for all of `'a`.
    pub(super) unsafe fn from_raw(walk: RawIter<T>) -> Iter<'a, T> {
        let marker = PhantomData;
        Iter { walk, marker }
    }
}

impl<T> IterMut<'_, T> {
    /// Walks what lies ahead without changing it.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter {
            walk: self.walk.clone(),
            marker: PhantomData,
        }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        let entry = self.walk.next()?;
        // SAFETY: `alive`.
        Some(unsafe { entry.as_ref() })
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a T) -> B>(self, init: B, mut f: F) -> B {
        self.walk.fold(init, |accumulated, entry| {
            // SAFETY: `alive`.
            f(accumulated, unsafe { entry.as_ref() })
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = &'a mut T;

    #[inline]
    fn next(&mut self) -> Option<&'a mut T> {
        let mut entry = self.walk.next()?;
        // SAFETY: `alive`, `once`.
        Some(unsafe { entry.as_mut() })
    }

    #[inline]
    fn fold<B, F: FnMut(B, &'a mut T) -> B>(self, init: B, mut f: F) -> B {
        self.walk.fold(init, |accumulated, mut entry| {
            // SAFETY: `alive`, `once`.
            f(accumulated, unsafe { entry.as_mut() })
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<'a, T> Iterator for IterHash<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        let entry = self.walk.next()?;
        // SAFETY: `alive`.
        Some(unsafe { entry.as_ref() })
    }
}

impl<'a, T> Iterator for IterHashMut<'a, T> {
    type Item = &'a mut T;

    #[inline]
    fn next(&mut self) -> Option<&'a mut T> {
        let mut entry = self.walk.next()?;
        // SAFETY: `alive`, `once`.
        Some(unsafe { entry.as_mut() })
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T> ExactSizeIterator for IterMut<'_, T> {}

/// Implements what each of the walks has: an empty one, and an end that stays.
macro_rules! walk {
    ($($walk:ident, $ended:expr);* $(;)?) => {$(
        impl<T> Default for $walk<'_, T> {
            /// Makes a walk over nothing.
            fn default() -> Self {
                $walk {
                    walk: $ended,
                    marker: PhantomData,
                }
            }
        }

        impl<T> FusedIterator for $walk<'_, T> {}
    )*};
}

walk!(
    Iter, RawIter::ended();
    IterMut, RawIter::ended();
    IterHash, RawIterHash::ended();
    IterHashMut, RawIterHash::ended();
);

impl<T> Clone for Iter<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        Iter {
            walk: self.walk.clone(),
            marker: PhantomData,
        }
    }
}

impl<T> Clone for IterHash<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        IterHash {
            walk: self.walk.clone(),
            marker: PhantomData,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for IterMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for IterHash<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for IterHashMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ahead = IterHash {
            walk: self.walk.clone(),
            marker: PhantomData,
        };
        f.debug_list().entries(ahead).finish()
    }
}
