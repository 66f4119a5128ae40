#![forbid(unsafe_code)]
//! The word that tells whether the owner of a shard is inside.
//!
//! Odd while the owner takes an item with plain loads and stores, even
//! otherwise. Every take adds two, so that the word is the count of private
//! gets as well: the statistics pay for the flag.
//!
//! # Invariants
//!
//! - `one-owner`: `enter` and `leave` are called by the owner only, and nothing
//!   of what happens in between calls back.
//! - `seen-out`: a visitor that has wanted items, fenced, and then found the
//!   door clear, may take what is still wanted: whoever was inside has left and
//!   its stores are visible, and whoever goes in later sees the wish.

use crate::fence::{self, Fenced};
use crate::sync::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// A count of takes, times two, plus one while the owner is inside.
#[derive(Debug)]
pub struct Door(AtomicU64);

/// The owner is inside; holds the word as it was.
#[derive(Debug)]
#[must_use = "who is inside has to leave"]
pub struct Inside(u64);

impl Door {
    /// Makes a door that nobody has gone through.
    #[cfg(not(millpond_loom))]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Makes a door that nobody has gone through.
    #[cfg(millpond_loom)]
    pub fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Goes in. Owner only (`one-owner`).
    #[inline(always)]
    pub fn enter(&self) -> Inside {
        // Relaxed: only the owner writes; the fence pairs with that of the visitor.
        let word = self.0.load(Relaxed);
        self.0.store(word.wrapping_add(1), Relaxed);
        fence::light();
        Inside(word)
    }

    /// Leaves with nothing that is counted here.
    #[inline(always)]
    pub fn leave(&self, inside: Inside) {
        // Release pairs with the Acquire in `is_clear`.
        self.0.store(inside.0, Release);
    }

    /// Leaves, counts one, and returns the count so far.
    #[inline(always)]
    pub fn leave_counting(&self, inside: Inside) -> u64 {
        let word = inside.0.wrapping_add(2);
        // Release as in `leave`.
        self.0.store(word, Release);
        word / 2
    }

    /// Returns whether the owner was outside when the fence was passed, or has
    /// left since.
    pub fn is_clear(&self, _fenced: &Fenced) -> bool {
        // Acquire pairs with the Release of the owner who left.
        self.0.load(Acquire) & 1 == 0
    }

    /// Returns whether the owner is outside as of now: what it has taken since it
    /// went in, and noted of it, is visible.
    pub fn is_still(&self) -> bool {
        // Acquire as in `is_clear`.
        self.0.load(Acquire) & 1 == 0
    }

    /// Returns how often something was taken.
    #[cfg(not(millpond_loom))]
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed) / 2
    }

    /// Forgets the count; nobody else can reach it.
    #[cfg(not(millpond_loom))]
    pub(crate) fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

impl Default for Door {
    fn default() -> Self {
        Self::new()
    }
}
