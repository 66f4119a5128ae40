//! Copying a table, slot for slot.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super).

use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::RawInner;
use super::iter::RawIndices;
use super::layout::{
    COUNTER_BYTES, FILTER_BYTES, GUESTS_BYTES, counters_above_control, guests_above_control,
};
use crate::control::GROUP_SLOTS;
use crate::error::TryReserveError;

impl<T: Clone, A: Allocator + Clone> Clone for RawTable<T, A> {
    /// Clones every entry into a slab of the same geometry.
    ///
    /// No hash is computed. A panic in an entry's `clone` drops what was cloned.
    fn clone(&self) -> Self {
        let mut copy = RawTable::new_in(self.alloc.clone());
        copy.clone_entries(self);
        copy
    }

    /// Clones every entry into the slab that `self` has, where it is of the same geometry.
    ///
    /// A panic in an entry's `clone` or `drop` leaves `self` empty.
    fn clone_from(&mut self, source: &Self) {
        self.clear();
        self.clone_entries(source);
    }
}

impl<T: Clone, A: Allocator> RawTable<T, A> {
    /// Clones the entries of `source` into `self`, which has none.
    fn clone_entries(&mut self, source: &Self) {
        if source.inner.is_shared() {
            return self.clear_and_release();
        }
        if self.inner.is_shared() || self.inner.geometry() != source.inner.geometry() {
            self.clear_and_release();
            let history = self.inner.history;
            self.inner =
                RawInner::allocate_geometry(source.inner.geometry(), Self::ENTRY, &self.alloc)
                    .unwrap_or_else(TryReserveError::fail);
            self.inner.history = history;
        }

        let mut cloned = Cloned::<T> {
            source: &source.inner,
            slots: self.inner.slots.cast(),
            count: 0,
        };
        // SAFETY: `alive`. The source is borrowed.
        for index in unsafe { RawIndices::new(&source.inner) } {
            // SAFETY: `typed`. A walk returns slots with an entry.
            let from = unsafe { source.slot(index) };
            // SAFETY: `typed`. A full slot holds a `T`, and the source is borrowed.
            let entry = unsafe { from.as_ref() }.clone();
            // SAFETY: `slab`. The geometries are equal, so the index is one of a slot here.
            let to = unsafe { cloned.slots.add(index) };
            // SAFETY: the slot is empty, in a slab of our own.
            unsafe { to.write(entry) };
            cloned.count += 1;
        }
        core::mem::forget(cloned);
        // SAFETY: the geometries are equal, and each entry of the source has its clone.
        unsafe { self.inner.copy_control(&source.inner) };
    }
}

/// Drops the first clones of a table when cloning the next one panics.
struct Cloned<'a, T> {
    source: &'a RawInner,
    /// The slots that the clones are in, at the indices of the source.
    slots: NonNull<T>,
    count: usize,
}

impl<T> Drop for Cloned<'_, T> {
    fn drop(&mut self) {
        // SAFETY: `alive`. The source is borrowed.
        let done = unsafe { RawIndices::new(self.source) }.take(self.count);
        for index in done {
            // SAFETY: `slab`. The geometries are equal, so the index is one of a slot.
            let slot = unsafe { self.slots.add(index) };
            // SAFETY: a walk repeats its order, so a clone was written here. Its lane is
            // empty, so nothing else drops it.
            unsafe { slot.drop_in_place() };
        }
    }
}

impl RawInner {
    /// Copies the control bytes, side arrays and counts of `source`.
    ///
    /// # Safety
    ///
    /// `slab`: `self` is not shared and has the geometry of `source`. `full`: it has an
    /// entry wherever `source` has one, and had none before.
    unsafe fn copy_control(&mut self, source: &RawInner) {
        // SAFETY: by contract. Entries of no bytes take their slots along.
        unsafe { self.copy_arrays(source, 0) };
    }

    /// Copies slots of `slot_bytes` each, control bytes, side arrays and counts of `source`.
    ///
    /// # Safety
    ///
    /// `slab`: `self` is not shared, and has the slots in use that `source` has, if not the
    /// same layout. Where `slot_bytes` is 0 entries are the caller's concern, else the
    /// entries of `source` move.
    pub(super) unsafe fn copy_arrays(&mut self, source: &RawInner, slot_bytes: usize) {
        let (groups, lines) = (source.groups(), source.lines());
        let side = |inner: &RawInner, distance: fn(usize) -> usize| {
            // SAFETY: `slab`. Side arrays lie so far above the tags.
            unsafe { inner.control().add(distance(inner.span())) }
        };
        // SAFETY: `slab`. As many slots are in use of both.
        unsafe { copy(source.slots, self.slots, source.limit * slot_bytes) };
        // SAFETY: `slab`. There are sixteen tags for each group.
        unsafe { copy(source.control(), self.control(), groups * GROUP_SLOTS) };
        let (from, to) = (source.filters().cast(), self.filters().cast());
        // SAFETY: `slab`. There is a filter for each group.
        unsafe { copy(from, to, groups * FILTER_BYTES) };
        let counters = [source, self].map(|inner| side(inner, counters_above_control));
        // SAFETY: `slab`. What is uninitialised stays so.
        unsafe { copy(counters[0], counters[1], groups * COUNTER_BYTES) };
        if !source.is_single() {
            let guests = [source, self].map(|inner| side(inner, guests_above_control));
            // SAFETY: `slab`. There is a set for each of several groups.
            unsafe { copy(guests[0], guests[1], groups * GUESTS_BYTES) };
        }
        // SAFETY: `slab`. Dirty bytes grow downwards from the tags.
        let from = unsafe { source.control().sub(lines) };
        // SAFETY: `slab`, as above.
        let to = unsafe { self.control().sub(lines) };
        // SAFETY: `slab`. There is a dirty byte for each line.
        unsafe { copy(from, to, lines) };
        if source.is_listed() {
            // SAFETY: `touched`, just asked for.
            let from = unsafe { source.list() };
            // SAFETY: `touched`: with the same slots `self` has a list, too.
            let to = unsafe { self.list() };
            // SAFETY: `touched`. So many places of the list are in use.
            unsafe {
                copy(
                    from.cast(),
                    to.cast(),
                    source.touched as usize * size_of::<u32>(),
                )
            };
        }
        *self = RawInner {
            front: self.front,
            slots: self.slots,
            reach: self.reach,
            slab_bytes: self.slab_bytes,
            history: self.history,
            ..*source
        };
    }
}

/// Copies bytes from one table to another.
///
/// # Safety
///
/// `slab`: there are so many bytes at both.
unsafe fn copy(from: NonNull<u8>, to: NonNull<u8>, bytes: usize) {
    // SAFETY: by contract; the memory of two tables does not overlap.
    unsafe { to.copy_from_nonoverlapping(from, bytes) };
}
