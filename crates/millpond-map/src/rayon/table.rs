//! Tables.
//!
//! # Invariants
//!
//! Those of [`map`](super::map).

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use ::rayon::iter::plumbing::UnindexedConsumer;
use ::rayon::iter::{IntoParallelIterator, ParallelIterator};
use allocator_api2::alloc::Allocator;
use millpond_arena::Slabs;

use crate::raw::RawPart;
use crate::table::HashTable;

/// A parallel walk over the entries of a table.
pub struct ParIter<'a, T> {
    part: RawPart<T>,
    marker: PhantomData<&'a T>,
}

/// A parallel walk over the entries of a table that may change them.
pub struct ParIterMut<'a, T> {
    part: RawPart<T>,
    marker: PhantomData<&'a mut T>,
}

/// A parallel walk that owns the entries of a table.
pub struct IntoParIter<T, A: Allocator = Slabs> {
    table: HashTable<T, A>,
}

/// A parallel walk that takes every entry out of a table. See [`HashTable::par_drain`].
///
/// Dropped without being walked, it drops them.
pub struct ParDrain<'a, T, A: Allocator = Slabs> {
    table: &'a mut HashTable<T, A>,
}

impl<T: Send, A: Allocator> HashTable<T, A> {
    /// Takes every entry out, on many threads. The table keeps its slab.
    pub fn par_drain(&mut self) -> ParDrain<'_, T, A> {
        ParDrain { table: self }
    }
}

impl<'a, T: Sync> ParallelIterator for ParIter<'a, T> {
    type Item = &'a T;

    fn drive_unindexed<C: UnindexedConsumer<&'a T>>(self, consumer: C) -> C::Result {
        // SAFETY: `alive`.
        let lend = |entry: NonNull<T>| unsafe { entry.as_ref() };
        self.part.drive(lend, consumer)
    }
}

impl<'a, T: Send> ParallelIterator for ParIterMut<'a, T> {
    type Item = &'a mut T;

    fn drive_unindexed<C: UnindexedConsumer<&'a mut T>>(self, consumer: C) -> C::Result {
        // SAFETY: `alive`, `once`.
        let lend = |mut entry: NonNull<T>| unsafe { entry.as_mut() };
        self.part.drive(lend, consumer)
    }
}

impl<T: Send, A: Allocator + Send> ParallelIterator for IntoParIter<T, A> {
    type Item = T;

    fn drive_unindexed<C: UnindexedConsumer<T>>(mut self, consumer: C) -> C::Result {
        // The slab goes back with the table, after the walk.
        self.table.raw.drain_into(consumer)
    }
}

impl<T: Send, A: Allocator + Send> ParallelIterator for ParDrain<'_, T, A> {
    type Item = T;

    fn drive_unindexed<C: UnindexedConsumer<T>>(self, consumer: C) -> C::Result {
        self.table.raw.drain_into(consumer)
    }
}

impl<T, A: Allocator> Drop for ParDrain<'_, T, A> {
    fn drop(&mut self) {
        // Empty already where it was walked.
        self.table.clear();
    }
}

impl<T: Send, A: Allocator + Send> IntoParallelIterator for HashTable<T, A> {
    type Item = T;
    type Iter = IntoParIter<T, A>;

    /// Walks the entries out of the table on many threads.
    fn into_par_iter(self) -> IntoParIter<T, A> {
        IntoParIter { table: self }
    }
}

impl<'a, T: Sync, A: Allocator> IntoParallelIterator for &'a HashTable<T, A> {
    type Item = &'a T;
    type Iter = ParIter<'a, T>;

    fn into_par_iter(self) -> ParIter<'a, T> {
        ParIter {
            // SAFETY: `alive`. The walk borrows the table.
            part: unsafe { self.raw.part() },
            marker: PhantomData,
        }
    }
}

impl<'a, T: Send, A: Allocator> IntoParallelIterator for &'a mut HashTable<T, A> {
    type Item = &'a mut T;
    type Iter = ParIterMut<'a, T>;

    fn into_par_iter(self) -> ParIterMut<'a, T> {
        ParIterMut {
            // SAFETY: `alive`. The walk borrows the table for changes.
            part: unsafe { self.raw.part() },
            marker: PhantomData,
        }
    }
}

impl<T> Clone for ParIter<'_, T> {
    fn clone(&self) -> Self {
        ParIter {
            part: self.part.clone(),
            marker: PhantomData,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for ParIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: `alive`.
        let entries = self.part.clone().map(|entry| unsafe { entry.as_ref() });
        f.debug_list().entries(entries).finish()
    }
}

impl<T> fmt::Debug for ParIterMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParIterMut").finish_non_exhaustive()
    }
}

impl<T, A: Allocator> fmt::Debug for IntoParIter<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoParIter").finish_non_exhaustive()
    }
}

impl<T, A: Allocator> fmt::Debug for ParDrain<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParDrain").finish_non_exhaustive()
    }
}
