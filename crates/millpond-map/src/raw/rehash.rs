//! Moving to another slab, to grow or to shrink; and making room in a full group.
//!
//! Entries are always moved into a new slab while the old one stays as it is, and the
//! two are swapped at the end. A hash that panics half way leaves the table untouched.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super).

use allocator_api2::alloc::Allocator;

use super::history::count;
use super::inner::RawInner;
use super::slab::SlabGuard;
use super::{RawTable, layout::Geometry};
use crate::error::TryReserveError;

impl<T, A: Allocator> RawTable<T, A> {
    /// Makes room for `additional` more entries.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the size overflows or the allocator has no memory; the
    /// table is as it was.
    #[inline]
    pub(crate) fn try_reserve(
        &mut self,
        additional: usize,
        hasher: impl Fn(&T) -> u64,
    ) -> Result<(), TryReserveError> {
        if additional <= self.inner.growth_left {
            return Ok(());
        }
        self.grow(additional, hasher)
    }

    /// Makes room for `additional` more entries, or fails loudly.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline]
    pub(crate) fn reserve(&mut self, additional: usize, hasher: impl Fn(&T) -> u64) {
        if additional > self.inner.growth_left {
            self.grow(additional, hasher)
                .unwrap_or_else(TryReserveError::fail);
        }
    }

    /// Makes room for one more entry with `hash`, which is not in the table, at home if that
    /// can be.
    ///
    /// Where more entries are guests than filling explains, one in a full home group has to
    /// go elsewhere: so entries are displaced only where a group has more than sixteen of
    /// its own, however long the table is churned.
    /// Where too many marks of erased ones remain, a block is [laid anew](super::tidy). Only a
    /// full table grows.
    #[inline]
    pub(crate) fn make_room(&mut self, hash: u64, hasher: impl Fn(&T) -> u64) {
        if self.inner.growth_left == 0 {
            self.grow(1, hasher).unwrap_or_else(TryReserveError::fail);
            return;
        }
        if self.inner.is_veiled() {
            self.go_on_with_round(&hasher);
        }
        if self.inner.is_home_full(hash) && self.inner.is_crowded() {
            self.make_room_at_home(hash, hasher);
        }
    }

    /// Evicts a guest from the home group of `hash`, which is full, or tidies a block, in a
    /// table that is [crowded](RawInner::is_crowded).
    #[cold]
    #[inline(never)]
    pub(super) fn make_room_at_home(&mut self, hash: u64, hasher: impl Fn(&T) -> u64) {
        if self.inner.is_untidy() {
            self.tidy(&hasher);
            return;
        }
        let off = self.inner.home(hash);
        // SAFETY: `slab`. A home is a group of the table.
        let guests = unsafe { self.inner.guest_lanes(off) };
        if guests == 0 {
            return;
        }
        let from = off | guests.trailing_zeros() as usize;
        // SAFETY: `slab`. The index is one of a slot.
        let guest = unsafe { self.slot(from) };
        // SAFETY: `typed`. A full slot holds a `T`, and the group is full.
        let guest_hash = hasher(unsafe { guest.as_ref() });
        // From here on nothing unwinds.
        self.inner.forget_guest(from, guest_hash);
        // SAFETY: `room`, asked for by `make_room`. The group is full, and what is noted of
        // the guest has just been forgotten.
        unsafe { self.lay_again(from, guest_hash) };
    }

    /// Takes a larger slab.
    #[cold]
    #[inline(never)]
    fn grow(
        &mut self,
        additional: usize,
        hasher: impl Fn(&T) -> u64,
    ) -> Result<(), TryReserveError> {
        let needed = self
            .inner
            .len
            .checked_add(additional)
            .ok_or(TryReserveError::CapacityOverflow)?;
        if self.grow_in_place(needed, &hasher) {
            return Ok(());
        }
        // At least the next size, so that a series of inserts moves each entry a constant
        // number of times.
        let capacity = needed.max(self.inner.capacity() + 1);
        let geometry = Geometry::for_capacity(capacity, Self::ENTRY)
            .ok_or(TryReserveError::CapacityOverflow)?;
        self.rebuild(geometry, hasher)?;
        count(&mut self.inner.history.growth_count);
        Ok(())
    }

    /// Gives back what is not needed for `capacity` entries, or for those there are.
    ///
    /// # Errors
    ///
    /// When the allocator has no memory for the smaller slab; the table is as it was.
    pub(crate) fn try_shrink_to(
        &mut self,
        capacity: usize,
        hasher: impl Fn(&T) -> u64,
    ) -> Result<(), TryReserveError> {
        let capacity = capacity.max(self.inner.len);
        if capacity == 0 {
            self.clear_and_release();
            return Ok(());
        }
        match Geometry::for_capacity(capacity, Self::ENTRY) {
            Some(geometry) if geometry.capacity() < self.inner.capacity() => {
                self.rebuild(geometry, hasher)
            }
            _ => Ok(()),
        }
    }

    /// Moves every entry into a new slab of `geometry`, which has room for them.
    pub(super) fn rebuild(
        &mut self,
        geometry: Geometry,
        hasher: impl Fn(&T) -> u64,
    ) -> Result<(), TryReserveError> {
        debug_assert!(geometry.capacity() >= self.inner.len);
        let mut fresh = SlabGuard {
            inner: RawInner::allocate_geometry(geometry, Self::ENTRY, &self.alloc)?,
            entry: Self::ENTRY,
            alloc: &self.alloc,
        };
        // SAFETY: `room`. The new slab holds all entries, and is wiped.
        unsafe { self.move_into(&mut fresh.inner, &hasher) };
        fresh.inner.history = self.inner.history;
        count(&mut fresh.inner.history.rehash_count);
        // The guard gives the old slab back; its entries have moved.
        core::mem::swap(&mut self.inner, &mut fresh.inner);
        Ok(())
    }
}

impl RawInner {
    /// Returns the guests that a table as full as this one may have without having been
    /// churned, roughly: a sixteenth of the slots when it is full, none at 5/8.
    ///
    /// Measured: with fewer of them, to evict one for an entry of its own group makes growing
    /// 6 % slower, and hits no faster.
    #[inline(always)]
    fn guests_of_filling(&self) -> usize {
        (self.limit / 16).saturating_sub(self.growth_left / 4)
    }

    /// Tells whether an entry that finds its home full has something to be done for it: a
    /// block is to be laid anew, or there are more guests than filling explains.
    #[inline(always)]
    pub(super) fn is_crowded(&self) -> bool {
        self.displaced > self.guests_of_filling() || self.is_untidy()
    }

    /// Tells whether the home group of `hash` has no empty lane.
    #[inline]
    pub(super) fn is_home_full(&self, hash: u64) -> bool {
        // SAFETY: `slab`. A home is a group of the table.
        !unsafe { self.group(self.home(hash)) }.empties().any()
    }
}
