//! What a set does when the caller vouches for more than it can see.
//!
//! # Invariants
//!
//! - `unique`: no two elements of a set are equal.

use core::hash::{BuildHasher, Hash};

use allocator_api2::alloc::Allocator;

use super::HashSet;

impl<T: Eq + Hash, S: BuildHasher, A: Allocator> HashSet<T, S, A> {
    /// Inserts an element without looking whether the set has it.
    ///
    /// # Safety
    ///
    /// `unique`: no element of the set equals `value`. (A set with an element twice stays safe
    /// in memory, but what it answers is not defined, and it may panic or not end.)
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    pub unsafe fn insert_unique_unchecked(&mut self, value: T) -> &T {
        // SAFETY: `unique`, by contract.
        unsafe { self.map.insert_unique_unchecked(value, ()) }.0
    }
}
