//! Walks that own the entries: `drain` and `into_iter`.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner), of [`iter`](super::iter) and of the [module above](super).

use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::mem;
use core::panic::{RefUnwindSafe, UnwindSafe};

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::RawInner;
use super::iter::{RawIter, drop_rest};

/// Takes every entry out of a table, which keeps its slab.
pub(crate) struct RawDrain<'a, T> {
    walk: RawIter<T>,
    /// The table, while `home` is shared. A drain that is forgotten leaks it and leaves
    /// the map empty.
    inner: RawInner,
    home: &'a mut RawInner,
    /// The drain owns its entries, and puts none back: it may be shorter-lived than they.
    marker: PhantomData<T>,
}

impl<T, A: Allocator> RawTable<T, A> {
    /// Takes every entry out. What is not walked is dropped with the drain.
    pub(crate) fn drain(&mut self) -> RawDrain<'_, T> {
        // SAFETY: `alive`. The drain owns the slab until it ends.
        let walk = unsafe { self.iter() };
        RawDrain {
            walk,
            inner: mem::replace(&mut self.inner, RawInner::SHARED),
            home: &mut self.inner,
            marker: PhantomData,
        }
    }

    /// Walks the entries out of the table, whose slab goes back with the walk.
    pub(crate) fn into_walk(self) -> RawIntoIter<T, A> {
        RawIntoIter {
            // SAFETY: `alive`. The walk owns the slab until it ends.
            walk: unsafe { self.iter() },
            table: self,
        }
    }
}

impl<T> RawDrain<'_, T> {
    /// Returns a walk over what lies ahead.
    pub(crate) fn rest(&self) -> RawIter<T> {
        self.walk.clone()
    }
}

impl<T> Iterator for RawDrain<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let entry = self.walk.next()?;
        // SAFETY: `full`. The walk returns each entry once; the table is wiped after it.
        Some(unsafe { entry.read() })
    }

    #[inline]
    fn fold<B, F: FnMut(B, T) -> B>(mut self, init: B, mut f: F) -> B {
        self.walk.fold_ahead(init, |accumulated, entry| {
            // SAFETY: `full`. The walk returns each entry once; the table is wiped after it.
            f(accumulated, unsafe { entry.read() })
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<T> Drop for RawDrain<'_, T> {
    fn drop(&mut self) {
        /// Gives the wiped table back, also when a drop panics.
        struct Return<'a>(&'a mut RawInner, &'a mut RawInner);
        impl Drop for Return<'_> {
            fn drop(&mut self) {
                self.0.wipe();
                mem::swap(self.0, self.1);
            }
        }
        let _return = Return(&mut self.inner, self.home);
        // SAFETY: what lies ahead of the walk has not been read, and is wiped after.
        unsafe { drop_rest(&mut self.walk) };
    }
}

// As std's is. Whatever panics in the middle of a walk, the table is empty after it.
impl<T: RefUnwindSafe> UnwindSafe for RawDrain<'_, T> {}

impl<T> ExactSizeIterator for RawDrain<'_, T> {}
impl<T> FusedIterator for RawDrain<'_, T> {}

// SAFETY: a drain owns the entries that lie ahead and borrows a table that owns nothing else.
unsafe impl<T: Send> Send for RawDrain<'_, T> {}
// SAFETY: through a shared drain only shared entries are reached.
unsafe impl<T: Sync> Sync for RawDrain<'_, T> {}

/// Takes every entry out of a table that ends with the walk.
pub(crate) struct RawIntoIter<T, A: Allocator> {
    walk: RawIter<T>,
    /// Its `len` stays what it was: what it holds is known by the walk alone.
    table: RawTable<T, A>,
}

impl<T, A: Allocator> RawIntoIter<T, A> {
    /// Returns a walk over what lies ahead.
    pub(crate) fn rest(&self) -> RawIter<T> {
        self.walk.clone()
    }
}

impl<T, A: Allocator> Iterator for RawIntoIter<T, A> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let entry = self.walk.next()?;
        // SAFETY: `full`. The walk returns each entry once, and the table forgets them.
        Some(unsafe { entry.read() })
    }

    #[inline]
    fn fold<B, F: FnMut(B, T) -> B>(mut self, init: B, mut f: F) -> B {
        self.walk.fold_ahead(init, |accumulated, entry| {
            // SAFETY: `full`. The walk returns each entry once; the table forgets them.
            f(accumulated, unsafe { entry.read() })
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<T, A: Allocator> Drop for RawIntoIter<T, A> {
    fn drop(&mut self) {
        /// Makes the table forget its entries, also when a drop panics; then it is
        /// dropped as a field of the walk and gives its slab back.
        struct Forget<'a>(&'a mut RawInner);
        impl Drop for Forget<'_> {
            fn drop(&mut self) {
                self.0.growth_left += self.0.len;
                self.0.len = 0;
            }
        }
        let _forget = Forget(&mut self.table.inner);
        // SAFETY: what lies ahead of the walk has not been read, and is forgotten after.
        unsafe { drop_rest(&mut self.walk) };
    }
}

impl<T, A: Allocator> ExactSizeIterator for RawIntoIter<T, A> {}
impl<T, A: Allocator> FusedIterator for RawIntoIter<T, A> {}

// SAFETY: the walk owns the table and its entries.
unsafe impl<T: Send, A: Allocator + Send> Send for RawIntoIter<T, A> {}
// SAFETY: through a shared walk only shared entries and the shared allocator are reached.
unsafe impl<T: Sync, A: Allocator + Sync> Sync for RawIntoIter<T, A> {}
