//! Moving a table into the front of its own slab, and giving the rest of that back.
//!
//! A table that has lost most of its entries has more empty slots than a table of the
//! right size has bytes. So no second slab is needed:
//!
//! ```text
//!   old slab   │ slots ...............................................│ control │
//!   1. clear   │ (nothing)              │ slots, those of the front too          │
//!   2. build   │ slots │ control │  ◀── each entry hashed and moved once
//!   3. shrink  │ slots │ control │
//! ```
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super), and
//!
//! - `front`: the new slab ends before slot `first`, which all entries lie at or behind
//!   after step 1; from there on the old tags tell only where entries lie, not whose they are.

use core::alloc::Layout;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::front::Front;
use super::history::count;
use super::inner::RawInner;
use super::iter::{RawIter, drop_rest};
use super::layout::{Geometry, SlabLayout, filter_above_control};
use crate::control::{BitMask, GROUP_SLOTS, Needle};

/// The smallest slab, in bytes, that is rebuilt in itself.
///
/// Guessed: below it a second slab is one of a size class, lent and given back at once,
/// and the first could not be cut anyway. Tests make it tiny, so that they can let each hash
/// panic in turn.
const IN_PLACE_BYTES: usize = if cfg!(millpond_tiny_blocks) {
    4 << 10
} else {
    64 << 10
};

/// How a table is to be moved to its front.
struct Plan {
    geometry: Geometry,
    slab: SlabLayout,
    /// The first slot that stays outside the new slab, a multiple of 16.
    first: usize,
}

impl<T, A: Allocator> RawTable<T, A> {
    /// Gives back what the entries do not need.
    ///
    /// Without memory for that the table stays as it is.
    ///
    /// # Panics
    ///
    /// When `hasher` does. A large table is empty then, its entries dropped.
    ///
    /// # Cost
    ///
    /// Hashes and moves each entry once; in a large slab those of the front twice, and
    /// nothing is allocated.
    pub(crate) fn compact(&mut self, hasher: impl Fn(&T) -> u64) {
        let Some(plan) = self.plan() else {
            // Keeping more than is needed is no error.
            let _ = self.try_shrink_to(0, hasher);
            return;
        };
        // SAFETY: `front`. The plan was made for this table, as it is.
        unsafe { self.clear_front(plan.first) };
        // SAFETY: `front`. The front was just cleared.
        let mut moving = unsafe { Moving::new(self, &plan) };
        // SAFETY: `front`, as above.
        unsafe { moving.all(hasher) };
        moving.finish();
        self.cut(plan.slab);
    }

    /// Returns how the table fits into the front of its own slab; none where it does not.
    fn plan(&self) -> Option<Plan> {
        let inner = &self.inner;
        if Self::ENTRY.size == 0 || inner.len == 0 || inner.slab_bytes < IN_PLACE_BYTES {
            return None;
        }
        let geometry = Geometry::for_capacity(inner.len, Self::ENTRY)?;
        let slab = geometry.slab(Self::ENTRY)?;
        let old = inner.geometry();
        if inner.reach.is_some() {
            // Everything stays where it is: the new arrays are the fronts of the old.
            let first = geometry.slots();
            let fits = slab.layout.size() >= IN_PLACE_BYTES
                && geometry.capacity() < inner.capacity()
                && first + inner.len <= old.limit();
            let control = inner.control().addr().get() - inner.slots.addr().get();
            let slab = SlabLayout { control, ..slab };
            return fits.then_some(Plan {
                geometry,
                slab,
                first,
            });
        }
        let first = slab
            .layout
            .size()
            .div_ceil(Self::ENTRY.size)
            .next_multiple_of(GROUP_SLOTS);
        let fits = geometry.capacity() < inner.capacity()
            && slab.layout.align() == old.slab(Self::ENTRY)?.layout.align()
            && first + inner.len <= old.slots();
        fits.then_some(Plan {
            geometry,
            slab,
            first,
        })
    }

    /// Moves the entries in front of slot `first` behind it.
    ///
    /// # Safety
    ///
    /// `first` is a multiple of 16 and a slot of the table, and as many entries as there
    /// are fit behind it. Afterwards nothing but `full` holds, and only from `first` on.
    unsafe fn clear_front(&mut self, first: usize) {
        let mut to = first;
        // SAFETY: `slab`, by contract.
        let mut free = unsafe { self.inner.group(to) }.empties();
        for off in (0..first).step_by(GROUP_SLOTS) {
            // SAFETY: `slab`. Groups in front of one are groups.
            for lane in unsafe { self.inner.group(off) }.fulls() {
                while !free.any() {
                    to += GROUP_SLOTS;
                    // SAFETY: `slab`. By contract a lane is free before the groups end.
                    free = unsafe { self.inner.group(to) }.empties();
                }
                let Some(lane_to) = free.next() else {
                    continue; // not reached: `free` was just filled
                };
                // SAFETY: `slab`, as above.
                let group = unsafe { self.inner.group(to) };
                // SAFETY: `slab`, as above. Any tag says that there is an entry.
                unsafe { self.inner.set_group(to, group.with(Needle::of(0), lane_to)) };
                // SAFETY: `full`. The lane has a tag, so it is a slot.
                let from = unsafe { self.slot(off + lane) };
                // SAFETY: `slab`. A large table has a slot for each lane.
                let place = unsafe { self.slot(to + lane_to) };
                // SAFETY: two slots of one table; the second one was empty.
                unsafe { place.copy_from_nonoverlapping(from, 1) };
            }
        }
    }

    /// Gives back all of the slab but what `slab` says, where the allocator can.
    fn cut(&mut self, slab: SlabLayout) {
        if self.inner.reach.is_some() {
            return self.inner.trim(Self::ENTRY);
        }
        let inner = &mut self.inner;
        let Ok(old) = Layout::from_size_align(inner.slab_bytes, slab.layout.align()) else {
            return; // not reached: the slab was lent for that
        };
        // SAFETY: `slab`. The block was lent with that alignment, and its length fits it;
        // the new layout is no longer, see `front`.
        let Ok(block) = (unsafe { self.alloc.shrink(inner.slots, old, slab.layout) }) else {
            return;
        };
        inner.slots = block.cast();
        inner.slab_bytes = block.len();
        // SAFETY: the offset of the tags is within the layout, and so within the block.
        let control = unsafe { inner.slots.add(slab.control) };
        // SAFETY: the filter lies within the layout as well.
        let filter = unsafe { control.add(filter_above_control(inner.mask())) }.cast();
        inner.front = Front::of(control, filter, inner.geometry());
    }
}

/// Entries on their way from the back of a slab into a new table in its front.
///
/// Dropped half way, by a hash that panics, it drops all entries and gives the slab back.
struct Moving<'a, T, A: Allocator> {
    table: &'a mut RawTable<T, A>,
    /// The table in the front. It has no slab of its own yet.
    fresh: RawInner,
    /// The old group that is being moved.
    off: usize,
    /// The entries of that group that have not been moved.
    lanes: BitMask,
}

impl<'a, T, A: Allocator> Moving<'a, T, A> {
    /// Lays an empty table into the front of the slab.
    ///
    /// # Safety
    ///
    /// `front`.
    unsafe fn new(table: &'a mut RawTable<T, A>, plan: &Plan) -> Self {
        let old = &table.inner;
        // SAFETY: `front`. The new slab lies within the old one.
        let control = unsafe { old.slots.add(plan.slab.control) };
        // In a range the arrays lie where they lay.
        let span = match old.reach {
            Some(_) => old.span(),
            None => plan.geometry.mask(),
        };
        // SAFETY: `front`. So does its filter.
        let filter = unsafe { control.add(filter_above_control(span)) }.cast();
        let mut fresh = RawInner {
            front: Front::of(control, filter, plan.geometry),
            slots: old.slots,
            reach: old.reach,
            limit: plan.geometry.limit(),
            growth_left: plan.geometry.capacity(),
            slab_bytes: old.slab_bytes,
            history: old.history,
            ..RawInner::SHARED
        };
        count(&mut fresh.history.rehash_count);
        // SAFETY: `front`. The new slab's bytes are nobody's, and laid out as the plan says.
        unsafe { fresh.wipe_all() };
        // SAFETY: `slab`. The first slot outside the new slab lies in a group.
        let lanes = unsafe { old.group(plan.first) }.fulls();
        Moving {
            off: plan.first,
            lanes,
            fresh,
            table,
        }
    }

    /// Moves every entry.
    ///
    /// # Safety
    ///
    /// `front`.
    unsafe fn all(&mut self, hasher: impl Fn(&T) -> u64) {
        while let Some(entry) = self.current() {
            // SAFETY: `full`. The lane has a tag, so there is an entry.
            let hash = hasher(unsafe { entry.as_ref() });
            // SAFETY: `room`. The new table holds all entries. The slot is written below.
            let index = unsafe { self.fresh.claim(hash) };
            // SAFETY: `typed`. A claimed index is one of a slot.
            let slot = unsafe { self.fresh.slots.cast::<T>().add(index) };
            // SAFETY: `front`. One slot lies in front of the other.
            unsafe { slot.copy_from_nonoverlapping(entry, 1) };
            self.lanes = self.lanes.without_lowest();
        }
    }

    /// Returns the next entry that has not been moved; none when all have.
    #[inline]
    fn current(&mut self) -> Option<NonNull<T>> {
        loop {
            if let Some(lane) = self.lanes.lowest() {
                // SAFETY: `full`. The lane has a tag, so it is a slot.
                return Some(unsafe { self.table.slot(self.off + lane) });
            }
            if self.off + GROUP_SLOTS == self.table.inner.limit {
                return None;
            }
            self.off += GROUP_SLOTS;
            // SAFETY: `slab`. There is a group below the limit.
            self.lanes = unsafe { self.table.inner.group(self.off) }.fulls();
        }
    }

    /// Puts the new table in the place of the old one.
    fn finish(mut self) {
        core::mem::swap(&mut self.table.inner, &mut self.fresh);
        core::mem::forget(self);
    }
}

impl<T, A: Allocator> Drop for Moving<'_, T, A> {
    #[cold]
    fn drop(&mut self) {
        while let Some(entry) = self.current() {
            self.lanes = self.lanes.without_lowest();
            // SAFETY: `full`. An entry that has not been moved, and is not looked at again.
            unsafe { entry.drop_in_place() };
        }
        // SAFETY: `alive`. The new table is walked here only.
        let mut walk = unsafe { RawIter::<T>::new(&self.fresh) };
        // SAFETY: nothing else knows the entries of the new table.
        unsafe { drop_rest(&mut walk) };
        // SAFETY: `slab`. The old table still says how its slab was lent.
        unsafe {
            self.table
                .inner
                .release(RawTable::<T, A>::ENTRY, &self.table.alloc)
        };
    }
}
