//! Taking entries out while walking.
//!
//! # Invariants
//!
//! Those of [`iter`](super::iter) and of the [module above](super).

use core::marker::PhantomData;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::RawInner;
use super::iter::RawIndices;

impl<T, A: Allocator> RawTable<T, A> {
    /// Starts a walk that may take entries out.
    pub(crate) fn extract(&mut self) -> RawExtract<'_, T> {
        RawExtract {
            // SAFETY: `alive`. The table is borrowed, and `RawExtract` erases only what
            // the walk has returned; it wipes the table only when nothing lies ahead.
            indices: unsafe { RawIndices::new(&self.inner) },
            inner: &mut self.inner,
            marker: PhantomData,
        }
    }
}

/// A walk that may take entries out of the table.
pub(crate) struct RawExtract<'a, T> {
    indices: RawIndices,
    inner: &'a mut RawInner,
    marker: PhantomData<&'a mut T>,
}

impl<T> RawExtract<'_, T> {
    /// Takes out the next entry that `pred` picks.
    ///
    /// A panic in `pred` leaves the entry in the table.
    pub(crate) fn next(&mut self, mut pred: impl FnMut(&mut T) -> bool) -> Option<T> {
        for index in &mut self.indices {
            // SAFETY: `typed`, `alive`. The index is one of a slot with an entry.
            let mut slot = unsafe { self.inner.slots.cast::<T>().add(index) };
            // SAFETY: `full`, and the table is borrowed for as long as the walk.
            if pred(unsafe { slot.as_mut() }) {
                // SAFETY: `full`; the walk has returned the entry.
                unsafe { self.inner.erase_unhashed(index) };
                // SAFETY: `full`. The lane is empty now, so the entry is ours alone.
                return Some(unsafe { slot.read() });
            }
        }
        if self.inner.len == 0 {
            self.inner.wipe();
        }
        None
    }

    /// Returns the entries that lie ahead.
    pub(crate) fn left(&self) -> usize {
        self.indices.left()
    }
}

// SAFETY: the walk is an exclusive borrow of the table's entries.
unsafe impl<T: Send> Send for RawExtract<'_, T> {}
// SAFETY: a shared walk reaches nothing but its counts.
unsafe impl<T: Sync> Sync for RawExtract<'_, T> {}
