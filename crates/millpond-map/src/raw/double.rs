//! Copying a table's entries into another slab, group by group where that is twice as large.
//!
//! A home in a table of twice the groups is told by one bit more of the hash. So an entry
//! at home keeps its lane, in one of two groups, and nobody looks for an empty one:
//!
//! ```text
//!   group g, of n      │ a ─ b e c d ─ … │             e is a guest
//!   group g, of 2n     │ a ─ ─ ─ c ─ ─ … │
//!   group g + n        │ ─ ─ b ─ ─ d ─ … │             e is laid when all others are
//! ```
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super). The old table stays as
//! it is, so a hash may panic.

use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::RawInner;
use super::split::lanes;
use crate::control::{GROUP_SLOTS, Group};

impl<T, A: Allocator> RawTable<T, A> {
    /// Copies every entry into `fresh`.
    ///
    /// # Safety
    ///
    /// `room`: `fresh` is wiped, has no entries and holds as many as there are.
    pub(super) unsafe fn move_into(&self, fresh: &mut RawInner, hasher: &impl Fn(&T) -> u64) {
        let old = &self.inner;
        let doubles = old.limit >= GROUP_SLOTS && old.geometry().is_whole();
        if doubles && fresh.limit == 2 * old.limit && old.len != 0 {
            // SAFETY: `room`, by contract; twice the groups.
            if unsafe { self.part_into(fresh, hasher) } {
                return;
            }
            // SAFETY: `slab`. The new slab is our own.
            unsafe { fresh.wipe_all() };
        }
        // SAFETY: `alive`. The table is borrowed for the walk.
        for entry in unsafe { self.iter() } {
            // SAFETY: `room`, by contract; the walk returns entries.
            unsafe { self.copy_into(fresh, entry, hasher) };
        }
    }

    /// Copies one entry to where it is claimed for.
    ///
    /// # Safety
    ///
    /// `room`: there is some in `fresh`. `full`: `entry` is one of the table.
    #[inline]
    unsafe fn copy_into(
        &self,
        fresh: &mut RawInner,
        entry: NonNull<T>,
        hasher: &impl Fn(&T) -> u64,
    ) {
        // SAFETY: `typed`. A full slot holds a `T`.
        let hash = hasher(unsafe { entry.as_ref() });
        // SAFETY: `room`, by contract. The slot is written below.
        let index = unsafe { fresh.claim(hash) };
        // SAFETY: `typed`. A claimed index is one of a slot.
        let slot = unsafe { fresh.slots.cast::<T>().add(index) };
        // SAFETY: both are slots for a `T`, in different slabs.
        unsafe { slot.copy_from_nonoverlapping(entry, 1) };
    }

    /// Copies every entry into a table of twice the groups.
    ///
    /// False where a hash is not the one that brought an entry to its group; then there is
    /// something in the tags of `fresh`, and nothing is counted.
    ///
    /// # Safety
    ///
    /// `room`: as [`move_into`](Self::move_into), and `fresh` has twice the slots; this table
    /// is whole, of whole groups, and not shared.
    unsafe fn part_into(&self, fresh: &mut RawInner, hasher: &impl Fn(&T) -> u64) -> bool {
        let (base, mask) = (self.inner.limit, self.inner.mask());
        let to: NonNull<T> = fresh.slots.cast();
        let (tags, fresh_tags) = (self.inner.control(), fresh.control());
        let notes = self.inner.notes();
        let has_guests = self.inner.displaced != 0; // so there are several groups
        let mut astray = 0;
        for off in (0..base).step_by(GROUP_SLOTS) {
            // SAFETY: `slab`. There is a tag for each slot.
            let from = unsafe { tags.add(off) };
            // SAFETY: `slab`. Sixteen tags start there, aligned, all initialised.
            let mut group = unsafe { Group::load(from.as_ptr()) };
            if has_guests {
                // SAFETY: `slab`. A set for each of several groups.
                let guests = unsafe { notes.guests(off) };
                // SAFETY: `slab`. Sets of guests are initialised when the slab is lent.
                group = group.without_lanes(unsafe { guests.read() });
            }
            let mut moving = 0_u16;
            for lane in group.fulls() {
                // SAFETY: `full`. The lane has a tag, so it is a slot.
                let entry = unsafe { self.slot(off | lane) };
                // SAFETY: `typed`. A full slot holds a `T`.
                let hash = hasher(unsafe { entry.as_ref() }) as usize;
                astray |= (hash ^ off) & mask;
                let half = hash & base;
                moving |= u16::from(half != 0) << lane;
                // SAFETY: `slab`. The same lane of the same group in either half.
                let slot = unsafe { to.add(half | off | lane) };
                // SAFETY: both are slots for a `T`, in different slabs.
                unsafe { slot.copy_from_nonoverlapping(entry, 1) };
            }
            // SAFETY: `slab`. The same group in the lower half of the new table.
            let lower = unsafe { fresh_tags.add(off) };
            // SAFETY: `slab`. Sixteen tags start there, aligned, in memory of our own.
            unsafe { group.without_lanes(moving).store(lower.as_ptr()) };
            // SAFETY: `slab`. The same group in the upper half.
            let upper = unsafe { fresh_tags.add(off | base) };
            // SAFETY: as above.
            unsafe { group.without_lanes(!moving).store(upper.as_ptr()) };
        }
        if astray != 0 {
            return false;
        }
        // SAFETY: `touched`. No line is listed yet.
        unsafe { fresh.touch_all() };
        if has_guests {
            // SAFETY: by contract; those at home have been laid.
            unsafe { self.lay_guests_into(fresh, hasher) };
        }
        let at_home = self.inner.len - fresh.len;
        fresh.len += at_home;
        fresh.growth_left -= at_home; // `room`
        true
    }

    /// Copies the guests to where they are claimed for.
    ///
    /// # Safety
    ///
    /// `room`: there is some for all of them in `fresh`.
    unsafe fn lay_guests_into(&self, fresh: &mut RawInner, hasher: &impl Fn(&T) -> u64) {
        for off in (0..self.inner.limit).step_by(GROUP_SLOTS) {
            // SAFETY: `slab`. A group of the table.
            let guests = unsafe { self.inner.guests_present(off) };
            for lane in lanes(guests) {
                // SAFETY: `full`. The lane is, so it is a slot.
                let guest = unsafe { self.slot(off | lane) };
                // SAFETY: `room`, by contract; a guest is an entry.
                unsafe { self.copy_into(fresh, guest, hasher) };
            }
        }
    }
}

impl RawInner {
    /// Marks every line as touched.
    ///
    /// # Safety
    ///
    /// `touched`: none is on the list.
    unsafe fn touch_all(&mut self) {
        if !self.is_listed() {
            return; // where there is no list, every line is marked for good
        }
        for line in 0..self.lines() {
            // SAFETY: `touched`, by contract.
            unsafe { self.touch_first(line) };
        }
    }
}
