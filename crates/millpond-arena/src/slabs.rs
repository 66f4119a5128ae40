//! [`Slabs`]: memory by the block, for collections that take an allocator.
//!
//! # Invariants
//!
//! - `same-place`: every size from the one asked for to the one returned leads
//!   to the same class, run or mapping, so a block may be freed with any of them.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};

use crate::heap;

/// Lends one block per allocation from the calling thread's heap.
///
/// What the thread has just given back is lent again first, without an atomic
/// operation, up to 4 MiB a block. A block may be given back on any thread. It
/// never reaches the global allocator, and works the same whether or not
/// [`Millpond`](crate::Millpond) is declared as that.
///
/// The slice that `allocate` returns is as long as the memory really is, which
/// may be more than was asked for.
///
/// ```
/// use allocator_api2::alloc::{Allocator, Layout};
/// use millpond_arena::Slabs;
///
/// let layout = Layout::array::<u64>(1000)?;
/// let block = Slabs.allocate(layout)?;
/// assert!(block.len() >= layout.size());
/// // SAFETY: lent just above for this layout, and nobody uses it.
/// unsafe { Slabs.deallocate(block.cast(), layout) };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slabs;

/// The block at `start`, as long as it really is for `layout`.
#[inline]
fn whole(start: *mut u8, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let start = NonNull::new(start).ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(
        start,
        heap::usable_bytes(layout),
    ))
}

/// What stands for a block of no bytes: its alignment as an address.
#[inline]
pub(crate) fn empty(layout: Layout) -> NonNull<[u8]> {
    let start = core::num::NonZeroUsize::new(layout.align()).map(NonNull::without_provenance);
    NonNull::slice_from_raw_parts(start.unwrap_or(NonNull::dangling()), 0)
}

// SAFETY: as for `Millpond`; a block of no bytes is an aligned address that is
// never followed. All values of the type are the same allocator.
unsafe impl Allocator for Slabs {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(empty(layout));
        }
        whole(heap::alloc(layout), layout)
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(empty(layout));
        }
        let start = heap::alloc_zeroed(layout);
        let block = NonNull::new(start).ok_or(AllocError)?;
        // Only the bytes asked for are zero.
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: `same-place`; the caller lends us a block that fits.
            unsafe { heap::free(block.as_ptr(), layout) };
        }
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on.
        unsafe { resize(block, old, new) }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on.
        let grown = unsafe { resize(block, old, new)? };
        // SAFETY: the block has `new.size()` bytes, which are no less.
        let added = unsafe { grown.cast::<u8>().add(old.size()) };
        // SAFETY: as above; nobody uses the added part yet.
        unsafe { added.write_bytes(0, new.size() - old.size()) };
        Ok(NonNull::slice_from_raw_parts(grown.cast(), new.size()))
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on.
        unsafe { resize(block, old, new) }
    }
}

/// Moves a block of no bytes, of another alignment, or none of both to `new`.
///
/// # Safety
///
/// `block` was lent by [`Slabs`] and fits `old`.
unsafe fn resize(
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    if old.size() != 0 && new.size() != 0 && old.align() == new.align() {
        // SAFETY: lent for a size that leads to the same place.
        let moved = unsafe { heap::realloc(block.as_ptr(), old, new.size()) };
        return whole(moved, new);
    }
    let moved = Slabs.allocate(new)?;
    let bytes = old.size().min(new.size());
    // SAFETY: two different blocks, each of at least that many bytes.
    unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, bytes) };
    // SAFETY: the block fits `old`; its contents have been copied.
    unsafe { Slabs.deallocate(block, old) };
    Ok(moved)
}
