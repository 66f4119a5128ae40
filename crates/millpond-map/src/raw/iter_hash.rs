//! Walking what may have a hash: the entries with its tag on its search path.
//!
//! # Invariants
//!
//! `alive` of [`iter`](super::iter), and those of [`inner`](super::inner).

use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::RawInner;
use super::probe::Probe;
use crate::control::{BitMask, Needle};

impl<T, A: Allocator> RawTable<T, A> {
    /// Starts a walk over the entries that may have `hash`: all that do, and some others.
    ///
    /// # Safety
    ///
    /// `alive`, for as long as `next` is called.
    #[inline]
    pub(crate) unsafe fn iter_hash(&self, hash: u64) -> RawIterHash<T> {
        let probe = Probe::new(self.inner.home(hash), self.inner.limit);
        // SAFETY: `slab`. A home is a group of the table.
        let group = unsafe { self.inner.group(probe.off()) };
        RawIterHash {
            inner: NonNull::from(&self.inner),
            hash,
            lanes: group.matches(Needle::of(hash)).mask(),
            probe: Some(probe),
            marker: PhantomData,
        }
    }
}

/// Walks entries of one hash, and of others that share its tag, as pointers.
pub(crate) struct RawIterHash<T> {
    /// The table. Dangling in a walk that is at its end.
    inner: NonNull<RawInner>,
    hash: u64,
    /// The lanes of the group that lie ahead.
    lanes: BitMask,
    /// The group being walked; none after the last.
    probe: Option<Probe>,
    marker: PhantomData<T>,
}

impl<T> RawIterHash<T> {
    /// Returns a walk that is at its end.
    pub(crate) fn ended() -> RawIterHash<T> {
        RawIterHash {
            inner: NonNull::dangling(),
            hash: 0,
            lanes: BitMask::NONE,
            probe: None,
            marker: PhantomData,
        }
    }
}

impl<T> Clone for RawIterHash<T> {
    fn clone(&self) -> RawIterHash<T> {
        RawIterHash {
            lanes: self.lanes,
            probe: self.probe,
            ..*self
        }
    }
}

impl<T> Iterator for RawIterHash<T> {
    type Item = NonNull<T>;

    fn next(&mut self) -> Option<NonNull<T>> {
        loop {
            let probe = self.probe.as_mut()?;
            // SAFETY: `alive`. A walk with a group ahead has a table.
            let inner = unsafe { self.inner.as_ref() };
            if let Some(lane) = self.lanes.next() {
                let index = probe.off() | lane;
                // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
                return Some(unsafe { inner.slots.cast::<T>().add(index) });
            }
            // SAFETY: `slab`. A probe goes through groups of the table.
            if !unsafe { inner.passed(probe.off(), self.hash) } || !probe.advance() {
                self.probe = None;
                return None;
            }
            // SAFETY: `slab`, as above.
            let group = unsafe { inner.group(probe.off()) };
            self.lanes = group.matches(Needle::of(self.hash)).mask();
        }
    }
}

// As those of walks over all entries.
impl<T: RefUnwindSafe> UnwindSafe for RawIterHash<T> {}

impl<T> FusedIterator for RawIterHash<T> {}
