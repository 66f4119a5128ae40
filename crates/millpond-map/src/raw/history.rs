#![forbid(unsafe_code)]
//! What has happened to a table, counted on slow paths; and the table in numbers.

use allocator_api2::alloc::Allocator;

use super::RawTable;
use crate::stats::TableStats;

/// What has happened to a table since it was made. Stays when its slab changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct History {
    /// Times that it took a larger slab to make room.
    pub(super) growth_count: u32,
    /// Times that its entries were hashed and moved, growth included.
    pub(super) rehash_count: u32,
    /// Times that all entries went and the slab stayed.
    pub(super) recycle_count: u32,
    /// Times that all entries went and the slab as well.
    pub(super) release_count: u32,
    /// Whether each of its slabs is zeroed before it is given back.
    pub(super) zeroes_slabs: bool,
}

impl History {
    pub(super) const NONE: History = History {
        growth_count: 0,
        rehash_count: 0,
        recycle_count: 0,
        release_count: 0,
        zeroes_slabs: false,
    };
}

/// Counts one more, up to the largest number that there is.
#[inline]
pub(super) fn count(field: &mut u32) {
    *field = field.saturating_add(1);
}

impl<T, A: Allocator> RawTable<T, A> {
    /// Drops every entry, gives the slab back, and counts that.
    pub(crate) fn clear_and_shrink(&mut self) {
        if !self.inner.is_shared() {
            count(&mut self.inner.history.release_count);
        }
        self.clear_and_release();
    }

    /// Zeroes each slab that the table has from now on before it is given back: at its
    /// end, and whenever it changes.
    pub(crate) fn zero_slabs(&mut self) {
        self.inner.history.zeroes_slabs = true;
    }

    /// Returns the table in numbers.
    pub(crate) fn table_stats(&self) -> TableStats {
        let inner = &self.inner;
        let metadata_bytes = if inner.is_shared() {
            None
        } else {
            let geometry = inner.geometry();
            let slots_bytes = geometry.limit() * Self::ENTRY.size;
            if inner.reach.is_some() {
                Some(inner.slab_bytes - slots_bytes)
            } else {
                let slab = geometry.slab(Self::ENTRY);
                slab.map(|slab| slab.layout.size() - slots_bytes)
            }
        };
        TableStats {
            len: inner.len,
            capacity: inner.capacity(),
            slab_bytes: inner.slab_bytes,
            metadata_bytes: metadata_bytes.unwrap_or(0),
            displaced: inner.displaced,
            rehashes: u64::from(inner.history.rehash_count),
            clears: u64::from(inner.history.recycle_count) + u64::from(inner.history.release_count),
            recycles: u64::from(inner.history.recycle_count),
        }
    }
}
