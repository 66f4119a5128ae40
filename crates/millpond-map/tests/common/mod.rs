//! An allocator that counts the slabs it has lent.

pub(crate) mod panics;

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};
use millpond_arena::Slabs;

thread_local! {
    static LENT: Cell<isize> = const { Cell::new(0) };
}

/// Lends slabs of the arena and counts them for the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted;

/// Returns the slabs that this thread has been lent and has not given back.
pub(crate) fn lent() -> isize {
    LENT.get()
}

// SAFETY: every call goes to `Slabs` unchanged.
unsafe impl Allocator for Counted {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = Slabs.allocate(layout)?;
        LENT.set(LENT.get() + 1);
        Ok(block)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        LENT.set(LENT.get() - 1);
        // SAFETY: by contract; the block came from `Slabs`.
        unsafe { Slabs.deallocate(block, layout) };
    }
}
