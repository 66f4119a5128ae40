//! Cloning a frozen map: the same layout and index, each entry cloned into its place.
//!
//! # Invariants
//!
//! Those of [`slab`](super::slab).

use allocator_api2::alloc::Allocator;

use super::slab::Slab;
use crate::error::TryReserveError;

impl<K: Clone, V: Clone, A: Allocator + Clone> Slab<K, V, A> {
    /// Clones every entry into a block of the same layout.
    ///
    /// A clone that panics drops those before it and gives the block back.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when there is no memory.
    pub(super) fn try_clone(&self) -> Result<Self, TryReserveError> {
        let parts = self.parts;
        let mut copy = Slab::empty(parts, self.allocator().clone())?;
        if parts.slots == 0 {
            return Ok(copy);
        }
        let index_bytes = parts.layout.size() - parts.index_at;
        // SAFETY: `slab`. The index starts there.
        let from = unsafe { self.byte(parts.index_at) };
        // SAFETY: `slab`, in a block of the same layout.
        let to = unsafe { copy.byte(parts.index_at) };
        // SAFETY: `slab`. The index is the rest of the block; the second one is our own.
        unsafe { to.copy_from_nonoverlapping(from, index_bytes) };
        for place in 0..parts.slots {
            // SAFETY: `slab`. There is a tag for each slot.
            let tag = unsafe { self.byte(parts.tags_at + place) };
            // SAFETY: `slab`. Tags are initialised.
            let tag = unsafe { tag.read() };
            if tag == 0 {
                continue;
            }
            // SAFETY: `slab`, just compared.
            let slot = unsafe { self.slot(place) };
            // SAFETY: `full`. The tag is not zero, so the slot has an entry.
            let entry = unsafe { slot.as_ref() }.clone();
            // SAFETY: `full`. Each place comes once, and none had an entry before.
            unsafe { copy.put(place, tag, entry) };
        }
        Ok(copy)
    }
}
