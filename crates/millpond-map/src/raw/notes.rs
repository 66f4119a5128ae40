//! What groups note of the entries that went past them: filters and counters.
//!
//! ```text
//!   filter     one bit for each class of hashes, four times over: somebody of it went past
//!   counters   half a byte for each class: how many, or `STUCK`
//! ```
//!
//! A way past full groups is walked with the two places in registers: looked up anew for each
//! group, in a table that may be veiled, they took more time than everything else.
//!
//! # Invariants
//!
//! `slab` and `filter`, of [`inner`](super::inner).

use core::hint;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::inner::{RawInner, SLOTS_PER_FILTER_BYTE};
use super::layout::{COUNTER_BYTES, FILTER_BYTES, GUESTS_BYTES};
use crate::control::tag::CLASSES;
use crate::control::{GROUP_SLOTS, tag};

/// A counter that has reached this stays, and its filter bit with it.
pub(super) const STUCK: u32 = 15;

/// The counters of one group, which are initialised where its filter has a bit.
type Counters = MaybeUninit<u32>;

/// The counters of a group that nobody has gone past.
static ZERO: Counters = Counters::new(0);

/// Where the filters and counters of a table lie.
#[derive(Clone, Copy)]
pub(super) struct Notes {
    filters: NonNull<u32>,
    counters: NonNull<Counters>,
}

impl RawInner {
    /// Returns the notes, which are good for as long as the table stays in its slab.
    #[inline]
    pub(super) fn notes(&self) -> Notes {
        let filters = self.filters();
        let above = filters.addr().get() - self.control().addr().get();
        // SAFETY: `slab`. Four bytes of counters for each group follow the filters, of which
        // each has four for the sixteen of its tags. They are aligned, since the tags are and
        // the distance is a multiple of four.
        let counters = unsafe { filters.byte_add(above / SLOTS_PER_FILTER_BYTE) }.cast();
        Notes { filters, counters }
    }

    /// Tells whether an entry of the class of `hash` went past the group at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a multiple of 16, below `limit`.
    #[inline]
    pub(super) unsafe fn passed(&self, off: usize, hash: u64) -> bool {
        // SAFETY: `slab`, by contract.
        let filter = unsafe { self.filter(off) };
        // SAFETY: `slab`. Filters are initialised when the slab is lent.
        tag::is_in(unsafe { filter.read() }, hash)
    }

    /// Returns the counters of the group at `off`, by class.
    ///
    /// # Safety
    ///
    /// As [`passed`](Self::passed), and the filter of the group has a bit.
    pub(super) unsafe fn counts(&self, off: usize) -> [u32; CLASSES] {
        // SAFETY: by contract.
        let counters = unsafe { self.notes().counters(off) };
        // SAFETY: `slab`, as above.
        let noted = unsafe { counters.read() };
        // SAFETY: `filter`. The group has a bit, so its counters are initialised.
        let counts = unsafe { noted.assume_init() };
        core::array::from_fn(|class| counts >> shift(class as u64) & STUCK)
    }
}

/// Returns how far up the counter of the class of `hash` is.
#[inline]
const fn shift(hash: u64) -> u32 {
    4 * tag::class(hash) as u32
}

impl Notes {
    /// Returns the place of the filter of the group at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a multiple of 16, below the `limit` of the table.
    #[inline]
    pub(super) unsafe fn filter(self, off: usize) -> NonNull<u32> {
        // SAFETY: `slab`, by contract. There is one filter for each group.
        unsafe { self.filters.byte_add(off / GROUP_SLOTS * FILTER_BYTES) }
    }

    /// Returns the place of the counters of the group at `off`.
    ///
    /// # Safety
    ///
    /// As [`filter`](Self::filter).
    #[inline]
    unsafe fn counters(self, off: usize) -> NonNull<Counters> {
        // SAFETY: `slab`, by contract. There is one set of counters for each group.
        unsafe { self.counters.byte_add(off / GROUP_SLOTS * COUNTER_BYTES) }
    }

    /// Returns the place of the set of guests of the group at `off`, of a table with several.
    ///
    /// # Safety
    ///
    /// As [`filter`](Self::filter).
    #[inline]
    pub(super) unsafe fn guests(self, off: usize) -> NonNull<u16> {
        let filters_bytes = self.counters.addr().get() - self.filters.addr().get();
        let index = off / GROUP_SLOTS * GUESTS_BYTES;
        // SAFETY: `slab`, by contract. A set for each group follows the counters, which take
        // what filters do. It is aligned, since the counters are and the distance is even.
        unsafe { self.counters.byte_add(filters_bytes + index) }.cast()
    }

    /// Notes that an entry with `hash` goes past the full group at `off`.
    ///
    /// Without a branch: which classes a group has noted nobody can predict.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a group of the table, which is not shared.
    #[inline]
    pub(super) unsafe fn add(self, off: usize, hash: u64) {
        // SAFETY: `slab`, by contract.
        let filter = unsafe { self.filter(off) };
        // SAFETY: as above.
        let counters = unsafe { self.counters(off) };
        // SAFETY: `slab`. Filters are initialised when the slab is lent.
        let bits = unsafe { filter.read() };
        // Of a group without any bit they are nothing: then others are read, not skipped.
        let known = hint::select_unpredictable(bits == 0, NonNull::from_ref(&ZERO), counters);
        // SAFETY: `slab`, or a static.
        let noted = unsafe { known.read() };
        // SAFETY: `filter`. The group has a bit, so its counters are initialised; or zero.
        let counts = unsafe { noted.assume_init() };
        // The counter of a class without its bit is zero.
        let fits = counts >> shift(hash) & STUCK != STUCK;
        let more = counts + (u32::from(fits) << shift(hash));
        // SAFETY: `slab`; the slab is our own.
        unsafe { counters.write(Counters::new(more)) };
        // SAFETY: as above.
        unsafe { filter.write(bits | tag::filter_bits(hash)) };
    }

    /// Counts one entry less that goes past the group at `off`.
    ///
    /// # Safety
    ///
    /// As [`add`](Self::add).
    #[inline]
    pub(super) unsafe fn take_back(self, off: usize, hash: u64) {
        // SAFETY: `slab`, by contract.
        let filter = unsafe { self.filter(off) };
        // SAFETY: as above.
        let counters = unsafe { self.counters(off) };
        // SAFETY: `slab`. Filters are initialised when the slab is lent.
        let bits = unsafe { filter.read() };
        if !tag::is_in(bits, hash) {
            return; // only with a hash that changed
        }
        // SAFETY: `slab`, as above.
        let noted = unsafe { counters.read() };
        // SAFETY: `filter`. The group has a bit, so its counters are initialised.
        let counts = unsafe { noted.assume_init() };
        let count = counts >> shift(hash) & STUCK;
        if count == STUCK {
            return;
        }
        // A counter whose bit is set is not zero.
        let fewer = counts - (1 << shift(hash));
        // SAFETY: `slab`; the slab is our own.
        unsafe { counters.write(Counters::new(fewer)) };
        let last = hint::select_unpredictable(count == 1, tag::filter_bits(hash), 0);
        // SAFETY: as above.
        unsafe { filter.write(bits & !last) };
    }
}
