//! `&Arena` as an allocator.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2::alloc::{AllocError, Allocator};

use crate::slabs::empty;

use super::{Arena, is_cut};

fn whole(block: Option<NonNull<u8>>, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
    let block = block.ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(block, layout.size()))
}

// SAFETY: a block overlaps no other (`cut-once`, or a whole of its own) and stays
// until the arena is reset or dropped, which needs the arena to be borrowed by no
// handle, or until nothing in it is live. A copy of the reference is the same
// allocator.
unsafe impl Allocator for &Arena {
    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(empty(layout));
        }
        let block = if is_cut(layout) {
            self.cut(layout)
        } else {
            self.lend_own(layout)
        };
        whole(block, layout)
    }

    #[inline]
    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        if !is_cut(layout) {
            // SAFETY: lent by this arena for a layout that is not cut.
            unsafe { self.give_own(block, layout.align()) };
        } else if ends_at_bump(self, block, layout) {
            self.bump.set(block.as_ptr());
        }
        self.mark_gone();
    }

    unsafe fn grow(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on.
        unsafe { resize(self, block, old, new) }
    }

    unsafe fn grow_zeroed(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on.
        let grown = unsafe { resize(self, block, old, new)? };
        // SAFETY: the block has `new.size()` bytes, which are no less.
        let added = unsafe { grown.cast::<u8>().add(old.size()) };
        // SAFETY: as above; nobody uses the added part yet.
        unsafe { added.write_bytes(0, new.size() - old.size()) };
        Ok(grown)
    }

    unsafe fn shrink(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: passed on.
        unsafe { resize(self, block, old, new) }
    }
}

/// Whether a cut block is the last one cut, and may grow or go where it is.
#[inline]
fn ends_at_bump(arena: &Arena, block: NonNull<u8>, layout: Layout) -> bool {
    let ends = block.as_ptr().wrapping_add(layout.size()) == arena.bump.get();
    ends && arena.is_lent_since_checkpoint(block)
}

/// Changes the size of a block, in place when it was the last one cut.
///
/// # Safety
///
/// `block` was lent by `arena` and fits `old`.
unsafe fn resize(
    arena: &Arena,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    let aligned = block.addr().get() & (new.align() - 1) == 0;
    if old.size() != 0 && new.size() != 0 && aligned && is_cut(old) && is_cut(new) {
        let end = block.as_ptr().wrapping_add(new.size());
        if ends_at_bump(arena, block, old) {
            if end.addr() <= arena.end.get().addr() {
                arena.bump.set(end);
                return whole(Some(block), new);
            }
        } else if new.size() <= old.size() {
            return whole(Some(block), new);
        }
    } else if !is_cut(old) && !is_cut(new) && old.align() == new.align() {
        // SAFETY: lent by this arena for a layout that is not cut.
        return whole(unsafe { arena.resize_own(block, new) }, new);
    }
    let moved = arena.allocate(new)?;
    let bytes = old.size().min(new.size());
    // SAFETY: two different blocks, each of at least that many bytes.
    unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block, bytes) };
    // SAFETY: the block fits `old`; its contents have been copied.
    unsafe { arena.deallocate(block, old) };
    Ok(moved)
}
