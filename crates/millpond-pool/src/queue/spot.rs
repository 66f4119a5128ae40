#![forbid(unsafe_code)]
//! A place that tickers fill and anybody empties: for what is a victim.
//!
//! # Invariants
//!
//! - `one-ticker`: tickers of a pool come one at a time (its lock).

use std::fmt;
use std::ptr::{self, NonNull};

use crate::sync::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// A place for one item.
pub struct Spot<T>(AtomicPtr<T>);

impl<T> Spot<T> {
    /// Makes an empty place.
    #[cfg(not(millpond_loom))]
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Makes an empty place.
    #[cfg(millpond_loom)]
    pub fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts `item` here whatever the place holds, and returns what it held.
    /// Tickers only.
    pub fn exchange(&self, item: Option<NonNull<T>>) -> Option<NonNull<T>> {
        // Relaxed: only tickers fill, so that what is empty now stays so.
        if item.is_none() && self.0.load(Relaxed).is_null() {
            return None;
        }
        let item = item.map_or(ptr::null_mut(), NonNull::as_ptr);
        // Release publishes `item` to the Acquire in `take`, and Acquire pairs
        // with the Release of the exchange before.
        NonNull::new(self.0.swap(item, AcqRel))
    }

    /// Takes the item, if there is one. Anybody, at any time.
    ///
    /// # Cost
    ///
    /// A load; and one swap if there is something to take.
    pub fn take(&self) -> Option<NonNull<T>> {
        // Relaxed: the swap below confirms it.
        if self.0.load(Relaxed).is_null() {
            return None;
        }
        // Acquire pairs with the Release in `exchange`.
        NonNull::new(self.0.swap(ptr::null_mut(), Acquire))
    }

    /// Returns whether an item lies here, as of some moment just passed.
    #[cfg(not(millpond_loom))]
    pub(crate) fn is_filled(&self) -> bool {
        !self.0.load(Relaxed).is_null()
    }
}

impl<T> Default for Spot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Spot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spot").finish_non_exhaustive()
    }
}
