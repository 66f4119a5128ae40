//! Wiping control bytes: all of a new slab's, and what was touched of an old one's.
//!
//! # Invariants
//!
//! - `slab`, `touched`: as in [`inner`](super::inner).

use super::history::count;
use super::inner::{LINE_SLOTS, RawInner};
use super::layout::LINE_GROUPS;
use super::tidy::Tidying;
use crate::control::GROUP_SLOTS;

impl RawInner {
    /// Makes the table as it was when its slab was new. Entries are forgotten, not dropped.
    ///
    /// # Cost
    ///
    /// One store for a table of one group; else in proportion to the touched lines, at
    /// most 1.1 bytes for each slot.
    #[inline]
    pub(crate) fn wipe(&mut self) {
        if self.is_shared() {
            return;
        }
        count(&mut self.history.recycle_count);
        self.growth_left += self.len;
        self.len = 0;
        if self.is_single() {
            // SAFETY: `slab`. A table that is not shared has a group at 0 of its own.
            // A single group is never passed: its filter and dirty bytes do not change.
            unsafe { self.front.control.write_bytes(0, GROUP_SLOTS) };
            return;
        }
        self.wipe_groups();
    }

    /// Wipes a table of more than one group.
    #[inline(never)]
    fn wipe_groups(&mut self) {
        let lines = self.lines();
        if self.is_listed() && self.touched as usize <= lines / 2 {
            // SAFETY: `touched`. What is not on the list is clean.
            unsafe { self.wipe_listed() };
        } else {
            // SAFETY: `slab`. Only a shared table has no slab of its own; it has one group.
            unsafe { self.wipe_dense() };
        }
        self.touched = 0;
        self.displaced = 0;
        self.filtered = false;
        self.stale = 0;
        self.tidying = Tidying::OFF;
    }

    /// Wipes each line of the list.
    ///
    /// # Safety
    ///
    /// `touched`: the table has a list.
    unsafe fn wipe_listed(&mut self) {
        for place in 0..self.touched as usize {
            // SAFETY: by contract.
            let list = unsafe { self.list() };
            // SAFETY: `touched`. The first `touched` places of the list are in use.
            let entry = unsafe { list.add(place) };
            // SAFETY: as above, so it is initialised.
            let line = unsafe { entry.read() } as usize;
            // SAFETY: `touched`. The list names lines of the table, of 64 tags each.
            let tags = unsafe { self.control().add(line * LINE_SLOTS) };
            // SAFETY: `slab`, as above.
            unsafe { tags.write_bytes(0, LINE_SLOTS) };
            if self.filtered {
                // SAFETY: `slab`. A line is four groups from its first.
                unsafe { self.wipe_filter(line * LINE_SLOTS, LINE_GROUPS) };
            }
            // SAFETY: `slab`, as above.
            let dirty = unsafe { self.dirty(line) };
            // SAFETY: `slab`; the slab is our own.
            unsafe { dirty.write(0) };
        }
    }

    /// Wipes all tags and dirty bytes, and the filter where a bit may be set.
    ///
    /// # Safety
    ///
    /// `slab`: the table is not shared.
    unsafe fn wipe_dense(&mut self) {
        // SAFETY: `slab`. A table has sixteen tags for each group.
        unsafe { self.control().write_bytes(0, self.groups() * GROUP_SLOTS) };
        if self.filtered {
            // SAFETY: by contract.
            unsafe { self.wipe_filter(0, self.groups()) };
        }
        // SAFETY: by contract.
        unsafe { self.reset_dirty() };
    }

    /// Wipes everything that has to be initialised in a new slab.
    ///
    /// # Safety
    ///
    /// `slab`: the table is not shared, and its geometry is that of its slab.
    #[inline(always)]
    pub(super) unsafe fn wipe_all(&mut self) {
        // SAFETY: `slab`. A table has sixteen tags for each group.
        unsafe { self.control().write_bytes(0, self.groups() * GROUP_SLOTS) };
        // SAFETY: by contract.
        unsafe { self.wipe_filter(0, self.groups()) };
        // SAFETY: by contract.
        unsafe { self.reset_dirty() };
    }

    /// Clears the filters and the guests of `groups` groups, from the one at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: the table is not shared, and has that many groups from there.
    #[inline(always)]
    pub(super) unsafe fn wipe_filter(&mut self, off: usize, groups: usize) {
        // SAFETY: `slab`, by contract.
        let filter = unsafe { self.filter(off) };
        // SAFETY: `slab`. One filter for each group.
        unsafe { filter.write_bytes(0, groups) };
        if !self.is_single() {
            // SAFETY: `slab`, by contract; there is more than one group.
            let guests = unsafe { self.guests(off) };
            // SAFETY: `slab`. One set of guests for each group.
            unsafe { guests.write_bytes(0, groups) };
        }
    }

    /// Sets every dirty byte to what it is in a new slab: 0, or 1 where there is no list.
    ///
    /// # Safety
    ///
    /// `slab`: the table is not shared.
    #[inline(always)]
    unsafe fn reset_dirty(&mut self) {
        let lines = self.lines();
        let value = u8::from(!self.is_listed());
        // SAFETY: `slab`. The table has that many lines; the last one's byte is the lowest.
        let lowest = unsafe { self.dirty(lines - 1) };
        // SAFETY: `slab`; the slab is our own.
        unsafe { lowest.write_bytes(value, lines) };
    }
}
