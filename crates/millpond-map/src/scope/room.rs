//! The region of a scope as an allocator, for its vectors.
//!
//! # Invariants
//!
//! - `lent-for-good`: room that was lent stays lent until the scope ends. A region could take
//!   its last room back and lend it again, but forgets what was written there: a pool that
//!   zeroes would miss it.

use std::alloc::Layout;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};
use bumpalo::Bump;

/// Lends room of a [`Scope`](crate::Scope) to a [`ScopeVec`](crate::ScopeVec).
#[derive(Clone, Copy, Debug)]
pub struct ScopeRoom<'s>(&'s Bump);

impl<'s> ScopeRoom<'s> {
    pub(super) const fn new(region: &'s Bump) -> Self {
        Self(region)
    }
}

// SAFETY: the region is borrowed, so that what it has lent stays where it is, and its own.
unsafe impl Allocator for ScopeRoom<'_> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let start = self.0.try_alloc_layout(layout).map_err(|_| AllocError)?;
        Ok(NonNull::slice_from_raw_parts(start, layout.size()))
    }

    #[inline]
    unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {
        // `lent-for-good`.
    }
}
