#![forbid(unsafe_code)]
//! Growing by one move, for those who would rather wait once than meet a growing table often.

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::history::count;
use super::layout::Geometry;

impl<T, A: Allocator> RawTable<T, A> {
    /// Moves every entry into a table of the next size, if this one is full, takes less than
    /// `bytes`, and does not lie in a range.
    ///
    /// Without memory nothing happens: whoever needs the room will say so.
    #[inline(never)]
    pub(crate) fn move_if_full(&mut self, bytes: usize, hasher: impl Fn(&T) -> u64) {
        let inner = &self.inner;
        if inner.growth_left != 0
            || inner.reach.is_some()
            || inner.geometry().used_bytes(Self::ENTRY) >= bytes
        {
            return;
        }
        let next = Geometry::for_capacity(inner.capacity() + 1, Self::ENTRY);
        if next.is_some_and(|next| self.rebuild(next, hasher).is_ok()) {
            count(&mut self.inner.history.growth_count);
        }
    }
}
