//! Tables that grow in place: a range of addresses with room for a far larger table.
//!
//! Every array of the table lies where it would in the largest table that the range has
//! room for, so nothing moves when the table doubles; each array grows from its own start:
//!
//! ```text
//!   range start
//!   ├ slots ▶ ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┤ list ▶ ┄┄┄┤ ┄ ◀ dirty │ tags ▶ ┄┄┄┄┄┤ filter ▶ ┄┤ …
//! ```
//!
//! Addresses cost nothing until they are touched. A range that another table has given
//! back comes with its pages, which hold anything: what has to be initialised is wiped,
//! or written by a split, before `limit` passes it. The range is told how many groups are
//! in use; the pages of those to come stay as long as tables grow into them.
//!
//! # Invariants
//!
//! - `slab`: as in [`inner`](super::inner). A reach belongs to one table, which ends it.

use core::any::TypeId;
use core::marker::PhantomData;
use core::ptr::NonNull;

use allocator_api2::alloc::{Allocator, Layout};
use millpond_arena::{Slabs, SparseRange, Spread};

use super::front::Front;
use super::inner::RawInner;
use super::layout::{FILTER_BYTES, Geometry, SlabLayout, Span, TableLayout, filter_above_control};
use crate::control::GROUP_SLOTS;

/// Tables with more than these bytes of slots ask for huge pages when they are made at once.
///
/// Guessed: a few of them. A table that grows does not ask: the first touch of a huge page
/// takes a millisecond.
const HUGE_BYTES: usize = 4 << 20;

/// The range that one table lies in.
pub(super) struct Reach {
    range: SparseRange,
    /// The mask that the arrays are laid out for.
    span: usize,
    /// The first tag.
    control: NonNull<u8>,
    /// The table's own mask, while it shows its fast paths a veil.
    mask: usize,
}

impl Reach {
    #[inline]
    pub(super) fn span(&self) -> usize {
        self.span
    }

    /// Returns the first tag.
    #[inline]
    pub(super) fn control(&self) -> NonNull<u8> {
        self.control
    }

    /// Returns the first filter.
    pub(super) fn filters(&self) -> NonNull<u32> {
        // SAFETY: `slab`. The filters lie so far above the tags, within the range.
        unsafe { self.control.add(filter_above_control(self.span)) }.cast()
    }

    /// Returns the mask of a veiled table.
    #[inline]
    pub(super) fn mask(&self) -> usize {
        self.mask
    }

    /// Gives the range back. Where nobody may see what was in its first `secret` bytes, the
    /// slots, its pages go before, or are zeroed if the system refuses to take them.
    ///
    /// # Safety
    ///
    /// `slab`: the reach was the table's, whose slots take no less, and nothing of either is
    /// used later.
    pub(super) unsafe fn end(reach: NonNull<Reach>, secret: Option<usize>) {
        // SAFETY: `slab`. It was written when it was made, and is not used later.
        let Reach { mut range, .. } = unsafe { reach.read() };
        if let Some(bytes) = secret
            && !range.purge_all()
        {
            let slots = range.start();
            // SAFETY: `slab`. The slots begin where the range does; entries are forgotten.
            unsafe { slots.write_bytes(0, bytes) };
            // Somebody might look: then the stores cannot be left out.
            core::hint::black_box(slots);
        }
        // SAFETY: lent by `Slabs` for that layout, when the reach was made.
        unsafe { Slabs.deallocate(reach.cast(), Layout::new::<Reach>()) };
        drop(range);
    }
}

/// Tells whether tables in memory of `A` may lie in a range instead: whether `A` is
/// [`Slabs`], whose memory it is as well.
pub(super) fn lends_ranges<A: Allocator>() -> bool {
    /// A type without its lifetimes, which a `TypeId` knows nothing of.
    trait Named {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T> Named for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let named: &dyn Named = &PhantomData::<A>;
    // SAFETY: only the lifetime bound changes; `id` reads nothing, and what it returns does
    // not depend on lifetimes. `Slabs` has none, so a type with its id is `Slabs`.
    let named = unsafe { core::mem::transmute::<&dyn Named, &(dyn Named + 'static)>(named) };
    named.id() == TypeId::of::<Slabs>()
}

impl RawInner {
    /// Takes a range for a table of `geometry`, with addresses for far more. None when there
    /// are none.
    ///
    /// Nothing is initialised.
    pub(super) fn in_reach(geometry: Geometry, entry: TableLayout) -> Option<RawInner> {
        let Span { slab, mask, bytes } = geometry.span(entry)?;
        let place = Slabs.allocate(Layout::new::<Reach>()).ok()?.cast::<Reach>();
        let Ok(range) = SparseRange::reserve(
            bytes,
            slab.spread(mask, entry),
            geometry.limit().div_ceil(GROUP_SLOTS),
        ) else {
            // SAFETY: lent just above, for that layout.
            unsafe { Slabs.deallocate(place.cast(), Layout::new::<Reach>()) };
            return None;
        };
        let slots = range.start();
        let reach = Reach {
            range,
            span: mask,
            // SAFETY: the offset of the tags is within the layout, and so within the range.
            control: unsafe { slots.add(slab.control) },
            mask: geometry.mask(),
        };
        let front = Front::of(reach.control(), reach.filters(), geometry);
        // SAFETY: lent just above, for that layout.
        unsafe { place.write(reach) };
        let mut inner = RawInner {
            front,
            slots,
            limit: geometry.limit(),
            growth_left: geometry.capacity(),
            reach: Some(place),
            ..RawInner::SHARED
        };
        inner.note_used(entry);
        Some(inner)
    }

    /// Tells whether the range has room for twice the slots.
    pub(super) fn can_begin_round(&self) -> bool {
        self.mask() < self.span()
    }

    /// Shows the fast paths a veil, since a round begins in which the mask is `mask`.
    pub(super) fn veil(&mut self, mask: usize) {
        let Some(mut reach) = self.reach else { return };
        // SAFETY: `slab`. The reach is the table's own.
        unsafe { reach.as_mut() }.mask = mask;
        self.front = Front::VEIL;
    }

    /// Shows the fast paths the table again, if all its slots are in use.
    pub(super) fn unveil(&mut self) {
        let geometry = self.geometry();
        self.front = Front::of(self.control(), self.filters(), geometry);
    }

    /// Notes the bytes that are in use, and those that are about to be.
    pub(super) fn note_used(&mut self, entry: TableLayout) {
        self.slab_bytes = self.geometry().used_bytes(entry);
        if let Some(mut reach) = self.reach {
            // SAFETY: `slab`. The reach is the table's own.
            let reach = unsafe { reach.as_mut() };
            reach.range.claim(self.groups());
        }
    }

    /// Asks for huge pages behind the slots and tags in use.
    pub(super) fn ask_for_huge_pages(&self, entry: TableLayout) {
        let slots_bytes = self.limit * entry.size;
        let Some(reach) = self.reach.filter(|_| slots_bytes >= HUGE_BYTES) else {
            return;
        };
        // SAFETY: `slab`. The reach is the table's own.
        let reach = unsafe { reach.as_ref() };
        reach.range.advise_huge(0, slots_bytes);
        let control = self.control().addr().get() - self.slots.addr().get();
        reach.range.advise_huge(control, self.limit);
    }

    /// Takes away the pages behind what is not in use any more.
    pub(super) fn trim(&mut self, entry: TableLayout) {
        if let Some(mut reach) = self.reach {
            // SAFETY: `slab`. The reach is the table's own.
            let reach = unsafe { reach.as_mut() };
            reach.range.trim(self.groups());
            self.note_used(entry);
        }
    }
}

impl SlabLayout {
    /// Returns how the large arrays of a table with `mask` lie in its range, by the group.
    fn spread(&self, mask: usize, entry: TableLayout) -> Spread {
        let filters = self.control + filter_above_control(mask);
        Spread {
            starts: [0, self.control, filters],
            unit_bytes: [GROUP_SLOTS * entry.size, GROUP_SLOTS, FILTER_BYTES],
            units: mask / GROUP_SLOTS + 1,
        }
    }
}
