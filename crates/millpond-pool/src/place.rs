#![forbid(unsafe_code)]
//! A place for one pointer that its owner fills and anybody empties.
//!
//! ```text
//!              owner: put (test, plain store)
//!        ┌───────────────────────────────────────▶┐
//!   CLOSED ──open──▶ null                        item
//!                     ▲◀──────────────────────────┘
//!        owner: take (test, swap); anybody: take_away (compare-exchange)
//! ```
//!
//! # Invariants
//!
//! - `owner-fills`: only the owner stores an item. Between its test for null and
//!   its store nobody else can fill the place, so that a plain store is enough:
//!   one locked operation per pair of put and take, none on put. Everybody else
//!   only replaces an item by null.
//! - `closed-alone`: a place is opened and closed only while nobody else can
//!   reach its pool (before the first use, and while the pool is dropped).
//!
//! # Source
//!
//! Go's `private` field without its pin; the swap instead of a plain load is
//! the price (0.4 to 1.3 ns measured) for reaching the items of idle threads.

use std::fmt;
use std::ptr::{self, NonNull};

use crate::sync::{
    AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};

/// Stands for "not open yet". One above null, so that one comparison
/// (`CLOSED < pointer`) tells an item from both.
const CLOSED: usize = 1;

/// A place for one item.
pub struct Place<T>(AtomicPtr<T>);

impl<T> Place<T> {
    /// Makes a place that is empty and open.
    #[cfg(not(millpond_loom))]
    pub const fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Makes a place that is empty and open.
    #[cfg(millpond_loom)]
    pub fn empty() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Makes a place that takes nothing until it is opened.
    #[cfg(not(millpond_loom))]
    pub const fn closed() -> Self {
        Self(AtomicPtr::new(ptr::without_provenance_mut(CLOSED)))
    }

    /// Puts `item` here, if the place is open and empty. Owner only.
    ///
    /// # Errors
    ///
    /// Gives `item` back when the place is taken or closed.
    ///
    /// # Cost
    ///
    /// A load and a store.
    #[inline]
    pub fn put(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // Relaxed: nothing is read through it. A stale item (just taken by
        // somebody else) only sends us to the queue.
        if self.0.load(Relaxed).is_null() {
            // `owner-fills`. Release publishes what the item points to, to the
            // Acquire in `take_away`.
            self.0.store(item.as_ptr(), Release);
            Ok(())
        } else {
            Err(item)
        }
    }

    /// Takes the item, if there is one. Owner only.
    ///
    /// # Cost
    ///
    /// A load; and one swap if there is something to take.
    #[inline]
    pub fn take(&self) -> Option<NonNull<T>> {
        // Relaxed: the swap below confirms it.
        if self.0.load(Relaxed).addr() <= CLOSED {
            return None;
        }
        // Acquire pairs with the Release of an owner that was another thread.
        // The place cannot have been closed meanwhile (`closed-alone`).
        NonNull::new(self.0.swap(ptr::null_mut(), Acquire))
    }

    /// Takes the item away from the owner, if there is one. Anybody, at any
    /// time; none also when somebody else was faster.
    ///
    /// Not a swap: nobody but the owner ever writes null over null
    /// (`owner-fills`), so that what lies between its test and its store in the
    /// order of changes is nothing at all.
    ///
    /// # Cost
    ///
    /// A load; and one compare-exchange if there is something to take.
    pub fn take_away(&self) -> Option<NonNull<T>> {
        // Relaxed: the exchange below confirms it.
        let item = self.0.load(Relaxed);
        if item.addr() <= CLOSED {
            return None;
        }
        // Acquire pairs with the Release in `put` and in `exchange`. An item
        // that left and came back is there to be taken all the same.
        self.0
            .compare_exchange(item, ptr::null_mut(), Acquire, Relaxed)
            .ok()
            .and_then(NonNull::new)
    }

    /// Puts `item` here whatever the place holds, and returns what it held.
    ///
    /// For places that only a ticker fills, one ticker at a time.
    #[cfg(not(millpond_loom))]
    pub(crate) fn exchange(&self, item: Option<NonNull<T>>) -> Option<NonNull<T>> {
        let item = item.map_or(ptr::null_mut(), NonNull::as_ptr);
        // Release publishes `item` to the Acquire in `take_away`, and Acquire pairs
        // with the Release of the exchange before.
        NonNull::new(self.0.swap(item, crate::sync::Ordering::AcqRel))
    }

    /// Opens a closed place. Owner only (`closed-alone`).
    #[cfg(not(millpond_loom))]
    pub(crate) fn open(&self) {
        // Relaxed: says nothing about other memory.
        self.0.store(ptr::null_mut(), Relaxed);
    }

    /// Closes a place that has just been emptied (`closed-alone`).
    #[cfg(not(millpond_loom))]
    pub(crate) fn close(&self) {
        // Relaxed: the registry's lock stands between us and the next user.
        self.0.store(ptr::without_provenance_mut(CLOSED), Relaxed);
    }

    /// Returns whether the place has not been opened.
    #[cfg(not(millpond_loom))]
    pub(crate) fn is_closed(&self) -> bool {
        self.0.load(Relaxed).addr() == CLOSED
    }

    /// Returns whether an item lies here, as of some moment just passed.
    pub(crate) fn is_filled(&self) -> bool {
        self.0.load(Relaxed).addr() > CLOSED
    }
}

impl<T> fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}
