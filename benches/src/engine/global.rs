//! A global allocator where a map wants an `Allocator`.
//!
//! # Invariants
//!
//! - `same-layout`: a block goes back with the layout it was asked for; both
//!   traits demand it, so it only has to be passed on.

use allocator_api2::alloc::{AllocError, Allocator};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::NonNull;

/// Serves the allocator trait of hashbrown from a `GlobalAlloc` that is not
/// installed: so several allocators can meet in one process.
#[derive(Debug)]
pub struct InGlobal<A: 'static>(pub &'static A);

impl<A> Clone for InGlobal<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for InGlobal<A> {}

// SAFETY: copies of the handle refer to one allocator, whose blocks live until
// given back, wherever the handle moves.
unsafe impl<A: GlobalAlloc> Allocator for InGlobal<A> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            let dangling = NonNull::without_provenance(layout.align().try_into().expect("not 0"));
            return Ok(NonNull::slice_from_raw_parts(dangling, 0));
        }
        // SAFETY: the size is not zero, tested above.
        let block = unsafe { self.0.alloc(layout) };
        let block = NonNull::new(block).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: `same-layout`, and a block of some size came from `alloc`.
            unsafe { self.0.dealloc(block.as_ptr(), layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    fn nothing_is_lent_for_nothing() {
        let layout = Layout::from_size_align(0, 64).unwrap();
        let block = InGlobal(&System).allocate(layout).unwrap();
        assert_eq!((block.len(), block.cast::<u8>().addr().get()), (0, 64));
        // SAFETY: `block` was lent for this layout just now.
        unsafe { InGlobal(&System).deallocate(block.cast(), layout) };
    }
}
