#![forbid(unsafe_code)]
//! A small table, made where it is to stay.
//!
//! A table is some hundred bytes, written a word at a time. Whoever then moves it reads
//! them in larger pieces, which a processor does not find among its latest stores but
//! has to wait for: a move or two cost more than a slab does. So the smallest tables,
//! which are gone soonest, are made by code that compilers put where they are wanted,
//! and that keeps the words in registers until the table has its place.

use core::marker::PhantomData;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::RawInner;
use super::layout::Geometry;
use crate::control::GROUP_SLOTS;
use crate::error::TryReserveError;

impl<T, A: Allocator> RawTable<T, A> {
    /// Makes a table for `capacity` entries, 1 to [`GROUP_SLOTS`].
    ///
    /// # Panics
    ///
    /// When the size overflows. Aborts when the allocator has no memory.
    #[inline(always)]
    pub(crate) fn of_one_group(capacity: usize, alloc: A) -> Self {
        debug_assert!((1..=GROUP_SLOTS).contains(&capacity));
        let geometry = Geometry::for_capacity(capacity, Self::ENTRY);
        let taken = geometry
            .ok_or(TryReserveError::CapacityOverflow)
            .and_then(|of| RawInner::allocate_geometry(of, Self::ENTRY, &alloc));
        match taken {
            Ok(inner) => RawTable {
                inner,
                alloc,
                marker: PhantomData,
            },
            Err(error) => error.fail(),
        }
    }
}
