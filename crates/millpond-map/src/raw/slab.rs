//! Taking a slab for a table, and giving it back.
//!
//! # Invariants
//!
//! - `slab`: as in [`inner`](super::inner). It begins here and ends here.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::front::Front;
use super::inner::RawInner;
use super::layout::{Geometry, TableLayout, filter_above_control};
use super::reach::{Reach, lends_ranges};
use crate::control::GROUP_SLOTS;
use crate::error::TryReserveError;

/// The smallest slab, in bytes, in whose place a table takes a range that it can grow in.
///
/// Smaller ones are copied into a range when they grow. Guessed: copying a megabyte takes
/// less than 0.1 ms, and smaller slabs are had from the thread's own cache.
const DIRECT_BYTES: usize = if cfg!(millpond_tiny_blocks) {
    32 << 10
} else {
    1 << 20
};

impl RawInner {
    /// Takes a slab for at least `capacity` entries.
    ///
    /// Capacity zero takes nothing.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the size overflows or the allocator has no memory.
    ///
    /// # Cost
    ///
    /// One allocation; writes 1.1 bytes a slot, and none of the slots themselves.
    #[inline]
    pub(super) fn allocate(
        capacity: usize,
        entry: TableLayout,
        alloc: &impl Allocator,
    ) -> Result<RawInner, TryReserveError> {
        if capacity == 0 {
            return Ok(RawInner::SHARED);
        }
        if capacity <= GROUP_SLOTS {
            // For all but large entries the geometry is a constant here, and so are the
            // slab's layout and what is wiped of it.
            let geometry =
                Geometry::for_capacity(capacity, entry).ok_or(TryReserveError::CapacityOverflow)?;
            return RawInner::allocate_geometry(geometry, entry, alloc);
        }
        RawInner::allocate_groups(capacity, entry, alloc)
    }

    /// Takes a slab of more than one group.
    #[inline(never)]
    fn allocate_groups(
        capacity: usize,
        entry: TableLayout,
        alloc: &impl Allocator,
    ) -> Result<RawInner, TryReserveError> {
        let geometry =
            Geometry::for_capacity(capacity, entry).ok_or(TryReserveError::CapacityOverflow)?;
        RawInner::allocate_geometry(geometry, entry, alloc)
    }

    /// Takes a slab for a table of exactly `geometry`.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    #[inline(always)]
    pub(super) fn allocate_geometry<A: Allocator>(
        geometry: Geometry,
        entry: TableLayout,
        alloc: &A,
    ) -> Result<RawInner, TryReserveError> {
        let slab = geometry
            .slab(entry)
            .ok_or(TryReserveError::CapacityOverflow)?;
        if (slab.layout.size() >= DIRECT_BYTES || !geometry.is_whole())
            && lends_ranges::<A>()
            && let Some(mut inner) = RawInner::in_reach(geometry, entry)
        {
            inner.ask_for_huge_pages(entry);
            // SAFETY: `slab`. The range is our own and laid out for this geometry and more.
            unsafe { inner.wipe_all() };
            return Ok(inner);
        }
        if !geometry.is_whole() {
            // The clone of a table in the middle of a round: `front` wants a range for it.
            return Err(TryReserveError::AllocError {
                layout: slab.layout,
            });
        }
        // Not zeroed: the slots need no wiping, and above an alignment of 16 bytes most
        // allocators would wipe them all.
        let block = alloc
            .allocate(slab.layout)
            .map_err(|_| TryReserveError::AllocError {
                layout: slab.layout,
            })?;
        // SAFETY: the offset of the tags is within the layout, and so within the block.
        let control = unsafe { block.cast::<u8>().add(slab.control) };
        // SAFETY: the filter lies within the layout as well.
        let filter = unsafe { control.add(filter_above_control(geometry.mask())) }.cast();
        let mut inner = RawInner {
            front: Front::of(control, filter, geometry),
            slots: block.cast(),
            limit: geometry.limit(),
            growth_left: geometry.capacity(),
            slab_bytes: block.len(),
            ..RawInner::SHARED
        };
        // SAFETY: `slab`. The block is our own and laid out as the geometry says.
        unsafe { inner.wipe_all() };
        Ok(inner)
    }

    /// Returns what the table is once it has given its slab away.
    pub(super) fn as_shared(&self) -> RawInner {
        RawInner {
            history: self.history,
            ..RawInner::SHARED
        }
    }

    /// Gives the slab back and leaves a shared table. The entries are forgotten, not dropped.
    ///
    /// # Safety
    ///
    /// `slab`: the slab was lent by `alloc` for entries of layout `entry`, and nothing reads it later.
    pub(super) unsafe fn release(&mut self, entry: TableLayout, alloc: &impl Allocator) {
        if self.is_shared() {
            return;
        }
        if let Some(reach) = self.reach {
            let slots_bytes = self.limit * entry.size;
            *self = self.as_shared();
            let secret = self.history.zeroes_slabs.then_some(slots_bytes);
            // SAFETY: `slab`. The table has just forgotten it.
            return unsafe { Reach::end(reach, secret) };
        }
        // By its length as lent: a table may have moved to the front of a larger slab.
        let align = self.geometry().slab_align(entry);
        let layout = Layout::from_size_align(self.slab_bytes, align).ok();
        let slots: NonNull<u8> = self.slots;
        if self.history.zeroes_slabs {
            // SAFETY: `slab`. The slots begin where the slab does, and the entries are
            // forgotten.
            unsafe { slots.write_bytes(0, self.slab_bytes) };
            // Somebody might look: then the stores cannot be left out.
            core::hint::black_box(slots);
        }
        *self = self.as_shared();
        debug_assert!(layout.is_some());
        if let Some(layout) = layout {
            // SAFETY: `slab`. The slots start where the block does; the geometry gives back
            // the alignment that it was taken with, and its whole length fits it.
            unsafe { alloc.deallocate(slots, layout) };
        }
    }
}

/// A table whose slab goes back when this is dropped, and whose entries are not its own.
///
/// It holds the new slab while entries are moved or cloned into it, and the old one
/// after the two have been swapped.
pub(super) struct SlabGuard<'a, A: Allocator> {
    pub(super) inner: RawInner,
    pub(super) entry: TableLayout,
    pub(super) alloc: &'a A,
}

impl<A: Allocator> Drop for SlabGuard<'_, A> {
    fn drop(&mut self) {
        // SAFETY: `slab`. The guard was made with the allocator and layout of its table.
        unsafe { self.inner.release(self.entry, self.alloc) };
    }
}
