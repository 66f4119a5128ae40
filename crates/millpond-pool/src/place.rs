#![forbid(unsafe_code)]
//! A place for one pointer that its owner fills, and that visitors empty.
//!
//! ```text
//!                 owner: put (test, plain store)
//!          ┌──────────────────────────────────────▶┐
//!   CLOSED ──open──▶ EMPTY                        item
//!                      ▲◀─────────────────────────┤ │ visitor: want
//!                      │  owner, inside: take     │ ▼ (compare-exchange)
//!                      │  (test, plain store)     │ item, wanted
//!                      └──────────────────────────┴─┘
//!                        owner: take_any, visitor: take_away (compare-exchange)
//! ```
//!
//! All states but an item that nobody wants are odd, so that one test of one bit
//! tells the owner that the plain way is open.
//!
//! # Invariants
//!
//! - `owner-fills`: only the owner stores an item, over EMPTY. Nobody else stores
//!   over EMPTY, so that a test and a plain store are enough.
//! - `inside`: the owner takes with plain operations only what it has seen
//!   unwanted after it went through the [`Door`](crate::door::Door) of the shard.
//! - `wanted-first`: a visitor takes only what has been wanted since before its
//!   fence, from a shard whose door it has then found clear (`seen-out`).
//! - `one-visitor`: visitors of a shard come one at a time (the pool's lock).
//! - `closed-alone`: a place is opened and closed only while nobody else can
//!   reach its pool (before the first use, and while the pool is dropped).
//!
//! # Source
//!
//! Go's `private` field without its pin, and hazard pointers' asymmetric fences
//! in place of the swap that a take would otherwise be.

use std::fmt;
use std::ptr::{self, NonNull};

use crate::door::Inside;
use crate::fence::Fenced;
use crate::sync::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
    overwrite,
};

/// The bit of everything that the owner may not take in the plain way.
const ODD: usize = 1;

/// No item.
const EMPTY: usize = 1;

/// Not open yet.
const CLOSED: usize = 3;

/// A place for one item, whose address is even.
pub struct Place<T>(AtomicPtr<T>);

/// Returns whether a word of a place is an item, wanted or not.
fn is_item(word: usize) -> bool {
    word > CLOSED
}

impl<T> Place<T> {
    /// Makes a place that is empty and open.
    #[cfg(not(millpond_loom))]
    pub const fn empty() -> Self {
        Self(AtomicPtr::new(ptr::without_provenance_mut(EMPTY)))
    }

    /// Makes a place that is empty and open.
    #[cfg(millpond_loom)]
    pub fn empty() -> Self {
        Self(AtomicPtr::new(ptr::without_provenance_mut(EMPTY)))
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
    #[inline(always)]
    pub fn put(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // Relaxed: nothing is read through it. A stale item (just taken by a
        // visitor) only sends us to the queue.
        if self.0.load(Relaxed).addr() == EMPTY {
            // `owner-fills`. Release publishes what the item points to, to the
            // Acquire of a visitor.
            self.0.store(item.as_ptr(), Release);
            Ok(())
        } else {
            Err(item)
        }
    }

    /// Takes the item, if there is one that nobody wants. Owner only.
    ///
    /// # Cost
    ///
    /// A load and a store.
    #[inline(always)]
    pub fn take(&self, _inside: &Inside) -> Option<NonNull<T>> {
        // Relaxed: what lies here was put by this thread, or by the owner before
        // it, whose table came through a lock.
        let item = self.0.load(Relaxed);
        if item.addr() & ODD != 0 {
            return None;
        }
        // `inside`. Release pairs with the Acquire in `holds`: who sees the place
        // empty sees that the door is not.
        overwrite(&self.0, ptr::without_provenance_mut(EMPTY));
        NonNull::new(item)
    }

    /// Takes the item, wanted or not. Owner, in or out of the door; or anybody
    /// while nobody else can reach the place (`closed-alone`).
    ///
    /// # Cost
    ///
    /// A load; and one compare-exchange if there is something to take.
    pub fn take_any(&self) -> Option<NonNull<T>> {
        // Relaxed: the exchange below confirms it.
        let mut seen = self.0.load(Relaxed);
        while is_item(seen.addr()) {
            match self.exchange_for_empty(seen) {
                Ok(item) => return NonNull::new(item),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Wishes for the item, and returns whether there is one. Visitors only.
    ///
    /// # Cost
    ///
    /// A load; and one compare-exchange if there is an item.
    pub fn want(&self) -> bool {
        // Relaxed, here and below: the fence that follows orders the wish.
        let seen = self.0.load(Relaxed);
        if !is_item(seen.addr()) {
            return false;
        }
        let wanted = seen.map_addr(|address| address | ODD);
        // An owner that is faster has taken it: there is no item.
        seen == wanted
            || self
                .0
                .compare_exchange(seen, wanted, Relaxed, Relaxed)
                .is_ok()
    }

    /// Takes the item away, if it is wanted. For the visitor that has found the
    /// door clear (`wanted-first`).
    ///
    /// # Cost
    ///
    /// A load; and one compare-exchange if there is something to take.
    pub fn take_away(&self, _fenced: &Fenced) -> Option<NonNull<T>> {
        // Relaxed: the exchange below confirms it.
        let seen = self.0.load(Relaxed);
        if !is_item(seen.addr()) || seen.addr() & ODD == 0 {
            return None;
        }
        // An owner that is faster has it.
        self.exchange_for_empty(seen).ok().and_then(NonNull::new)
    }

    /// Leaves the place empty, if it still is as `seen`, and returns the item.
    fn exchange_for_empty(&self, seen: *mut T) -> Result<*mut T, *mut T> {
        let empty = ptr::without_provenance_mut(EMPTY);
        // Acquire pairs with the Release in `put`; a wish in between is a
        // read-modify-write, which carries it on. Release as in `take`.
        self.0
            .compare_exchange(seen, empty, AcqRel, Relaxed)
            .map(|item| item.map_addr(|address| address & !ODD))
    }

    /// Opens a closed place. Owner only (`closed-alone`).
    #[cfg(not(millpond_loom))]
    pub(crate) fn open(&self) {
        // Relaxed: says nothing about other memory.
        self.0.store(ptr::without_provenance_mut(EMPTY), Relaxed);
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

    /// Returns whether the item at `address` lies here, wanted or not.
    pub fn holds(&self, address: usize) -> bool {
        // Acquire pairs with the Release of whoever has emptied the place.
        self.0.load(Acquire).addr() & !ODD == address
    }

    /// Returns whether an item lies here, as of some moment just passed.
    pub(crate) fn is_filled(&self) -> bool {
        is_item(self.0.load(Relaxed).addr())
    }
}

impl<T> fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").finish_non_exhaustive()
    }
}
