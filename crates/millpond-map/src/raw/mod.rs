//! The table: entries of type `T`, found by hash and a caller's idea of equality.
//!
//! A thin typed shell around [`RawInner`], which knows control bytes and counts but not
//! `T`. What is here is what the compiler must see through: looking up, inserting,
//! erasing. Their slow halves are outlined.
//!
//! # Invariants
//!
//! Those of [`inner`], and
//!
//! - `typed`: the slab was laid out for entries of layout `TableLayout::of::<T>()` and lent
//!   by `alloc`, and every full slot holds an initialised `T`.

mod apart;
mod check;
#[cfg(test)]
mod churn;
mod clear;
mod clone;
mod double;
mod drain;
mod extract;
mod front;
mod further;
mod guests;
mod history;
mod inner;
mod iter;
mod iter_hash;
mod layout;
mod many;
mod notes;
#[cfg(feature = "rayon")]
mod parallel;
mod probe;
mod reach;
mod rebuild;
mod rehash;
mod retain;
mod room;
mod scan;
mod slab;
mod split;
mod tidy;
mod whole;

use core::marker::PhantomData;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

pub(crate) use self::drain::{RawDrain, RawIntoIter};
pub(crate) use self::extract::RawExtract;
pub(crate) use self::inner::RawInner;
use self::iter::drop_rest;
pub(crate) use self::iter::{RawIndices, RawIter};
pub(crate) use self::iter_hash::RawIterHash;
use self::layout::TableLayout;
#[cfg(feature = "rayon")]
pub(crate) use self::parallel::RawPart;
pub(crate) use self::scan::{POSITION_BITS, POSITION_END, position};
use self::slab::SlabGuard;
use crate::control::{BitMask, GROUP_SLOTS, Group, Needle};
use crate::error::TryReserveError;

/// The slot of an entry as `Ok`, or a slot to be written as `Err`.
pub(crate) type FoundOrClaimed<T> = Result<NonNull<T>, NonNull<T>>;

/// What a look at the home group has to say about an entry.
pub(crate) enum Look<T> {
    /// The entry is there: its index and slot.
    Found(usize, NonNull<T>),
    /// The entry is not in the table, and there is room for it here.
    Vacant(Vacancy),
    /// The entry may be in these lanes of the home group, or in another group; or it has
    /// no room here.
    Further(BitMask),
}

/// What a look at the home group has to say about an insert.
pub(crate) enum Place<T> {
    /// The entry is there, in this slot.
    Found(NonNull<T>),
    /// The entry is not in the table; this slot is claimed for it.
    Claimed(NonNull<T>),
    /// As in [`Look`].
    Further(BitMask),
}

/// The place of an entry that is not in the table: the index of the slot that it gets, or
/// none where that is yet to be found.
///
/// Of no meaning once the table has changed.
#[derive(Clone, Copy)]
pub(crate) struct Vacancy(usize);

impl Vacancy {
    /// There is room, but where is not known.
    pub(crate) const SOMEWHERE: Vacancy = Vacancy(usize::MAX);

    /// The slot at `index`, which is empty, in the home group of the entry.
    const fn at(index: usize) -> Vacancy {
        Vacancy(index)
    }
}

/// A table of `T` in a slab lent by `A`.
pub(crate) struct RawTable<T, A: Allocator> {
    inner: RawInner,
    alloc: A,
    /// The table owns its entries.
    marker: PhantomData<T>,
}

/// Where an entry is: the index of its slot, and the slot.
///
/// Not a `NonNull`: an `Option` of it has a tag of its own, which is a constant on each
/// path of a look-up, where a null test would be one more branch for each hit.
pub(crate) type Found<T> = (usize, *mut T);

impl<T, A: Allocator> RawTable<T, A> {
    const ENTRY: TableLayout = TableLayout::of::<T>();

    /// Makes a table of capacity zero, which allocates nothing.
    pub(crate) const fn new_in(alloc: A) -> Self {
        RawTable {
            inner: RawInner::SHARED,
            alloc,
            marker: PhantomData,
        }
    }

    /// Makes a table for at least `capacity` entries.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`] when the size overflows or the allocator has no memory.
    pub(crate) fn try_with_capacity_in(capacity: usize, alloc: A) -> Result<Self, TryReserveError> {
        Ok(RawTable {
            inner: RawInner::allocate(capacity, Self::ENTRY, &alloc)?,
            alloc,
            marker: PhantomData,
        })
    }

    /// Returns the table without its type.
    #[inline]
    pub(crate) fn inner(&self) -> &RawInner {
        &self.inner
    }

    /// Returns the allocator.
    #[inline]
    pub(crate) fn allocator(&self) -> &A {
        &self.alloc
    }

    /// Returns the bytes of the slab as it was lent.
    #[inline]
    pub(crate) fn slab_bytes(&self) -> usize {
        self.inner.slab_bytes
    }

    /// Returns how often the table took a larger slab to make room.
    #[inline]
    pub(crate) fn growth_count(&self) -> u32 {
        self.inner.history.growth_count
    }

    /// Returns the slot at `index`.
    ///
    /// # Safety
    ///
    /// `slab`: `index` is below the number of slots.
    #[inline]
    unsafe fn slot(&self, index: usize) -> NonNull<T> {
        // SAFETY: `typed`. The slots lie at the start of the slab, `size_of::<T>()` apart.
        unsafe { self.inner.slots.cast::<T>().add(index) }
    }

    /// Finds the entry with `hash` for which `eq` holds.
    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<Found<T>> {
        let off = self.inner.front_home(hash);
        // SAFETY: `front`, just asked for.
        let group = unsafe { self.inner.front_group(off) };
        let lanes = group.matches(Needle::of(hash)).mask();
        if let Some(lane) = lanes.lowest() {
            // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
            let slot = unsafe { self.slot(off | lane) };
            // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
            if eq(unsafe { slot.as_ref() }) {
                return Some((off | lane, slot.as_ptr()));
            }
            // The first match is right 98 times in 100. A loop here would make each of
            // them compute its address in two steps.
            if !lanes.at_most_one() {
                return self.found(self.find_further(hash, lanes.without_lowest(), 0, eq));
            }
        }
        // SAFETY: `front`, as above.
        if !unsafe { self.inner.front_passed(off, hash) } {
            return None;
        }
        self.found(self.find_next_door(hash, eq))
    }

    /// Returns the slot with the index of an entry.
    #[inline]
    fn found(&self, index: Option<usize>) -> Option<Found<T>> {
        // SAFETY: `slab`. The index is that of an entry.
        index.map(|index| (index, unsafe { self.slot(index) }.as_ptr()))
    }

    /// Looks at the home group for the entry with `hash` for which `eq` holds.
    ///
    /// Returns the group as well, and whoever needs neither pays for neither.
    #[inline(always)]
    pub(crate) fn look(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> (Look<T>, Group) {
        let off = self.inner.front_home(hash);
        // SAFETY: `front`, just asked for.
        let group = unsafe { self.inner.front_group(off) };
        let lanes = group.matches(Needle::of(hash)).mask();
        if let Some(lane) = lanes.lowest() {
            // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
            let slot = unsafe { self.slot(off | lane) };
            // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
            if eq(unsafe { slot.as_ref() }) {
                return (Look::Found(off | lane, slot), group);
            }
            // Either the entry is behind the one with the same tag, or it has to be kept
            // apart from it.
            return (Look::Further(lanes.without_lowest()), group);
        }
        // SAFETY: `front`, as above.
        if !unsafe { self.inner.front_passed(off, hash) }
            && let Some(lane) = group.empties().lowest()
            && self.inner.growth_left != 0
        {
            // SAFETY: a group has sixteen lanes.
            unsafe { core::hint::assert_unchecked(lane < GROUP_SLOTS) };
            return (Look::Vacant(Vacancy(off | lane)), group);
        }
        (Look::Further(BitMask::NONE), group)
    }

    /// Finds the entry with `hash` for which `eq` holds, or claims a slot for it, where a look
    /// at the home group is enough for either.
    ///
    /// # Safety
    ///
    /// `full`: the caller writes a slot that was claimed before anything else reads the
    /// table or unwinds.
    #[inline(always)]
    pub(crate) unsafe fn find_or_claim(
        &mut self,
        hash: u64,
        eq: impl FnMut(&T) -> bool,
    ) -> Place<T> {
        let (look, group) = self.look(hash, eq);
        match look {
            Look::Found(_, slot) => Place::Found(slot),
            Look::Vacant(Vacancy(index)) => {
                // SAFETY: just looked at: the lane is the lowest empty one, and there is room.
                unsafe { self.inner.put_in_front(index, group, Needle::of(hash)) };
                // SAFETY: `room`. The lowest empty lane is a slot while there is room.
                Place::Claimed(unsafe { self.slot(index) })
            }
            Look::Further(lanes) => Place::Further(lanes),
        }
    }

    /// Claims the slot of a vacancy for an entry with `hash`, and returns its index as well.
    ///
    /// # Safety
    ///
    /// As [`claim`](Self::claim). The vacancy is one of this hash, and the table has not
    /// changed since it was found.
    #[inline]
    pub(crate) unsafe fn fill(&mut self, vacancy: Vacancy, hash: u64) -> Found<T> {
        let index = if vacancy.0 == Vacancy::SOMEWHERE.0 {
            // SAFETY: by contract.
            unsafe { self.inner.claim(hash) }
        } else {
            // SAFETY: `front`. The slot is one of a group that was looked at.
            let group = unsafe { self.inner.front_group(vacancy.0 & !(GROUP_SLOTS - 1)) };
            // SAFETY: by contract: the lane is the lowest empty one, and there is room.
            unsafe { self.inner.put_in_front(vacancy.0, group, Needle::of(hash)) };
            vacancy.0
        };
        // SAFETY: `slab`. A claimed index is one of a slot.
        (index, unsafe { self.slot(index) }.as_ptr())
    }

    /// Claims a slot for an entry with `hash` that is not in the table.
    ///
    /// # Safety
    ///
    /// `room`: `growth_left` is not zero. `full`: the caller writes the slot before
    /// anything else reads the table or unwinds.
    #[inline]
    pub(crate) unsafe fn claim(&mut self, hash: u64) -> NonNull<T> {
        // SAFETY: by contract.
        let index = unsafe { self.inner.claim(hash) };
        // SAFETY: `slab`. A claimed index is one of a slot.
        unsafe { self.slot(index) }
    }

    /// Takes the entry with `hash` for which `eq` holds out of the table.
    #[inline]
    pub(crate) fn take(&mut self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<T> {
        let off = self.inner.front_home(hash);
        // SAFETY: `front`, just asked for.
        let group = unsafe { self.inner.front_group(off) };
        let matches = group.matches(Needle::of(hash));
        let lanes = matches.mask();
        if let Some(lane) = lanes.lowest() {
            // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
            let slot = unsafe { self.slot(off | lane) };
            // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
            if lanes.at_most_one() && eq(unsafe { slot.as_ref() }) {
                // The vector that found the entry erases it.
                // SAFETY: `front`. The group has an entry.
                unsafe {
                    self.inner
                        .set_front_group(off, group.without_matches(matches))
                };
                self.inner.note_erased();
                // SAFETY: `full`. The lane is empty now, so the entry is ours alone.
                return Some(unsafe { slot.read() });
            }
        // SAFETY: `front`, as above.
        } else if !unsafe { self.inner.front_passed(off, hash) } {
            return None;
        }
        let index = self.erase_further(hash, eq)?;
        // SAFETY: `slab`. The index is one of a slot.
        let slot = unsafe { self.slot(index) };
        // SAFETY: `full`. The lane has just been emptied, so the entry is ours alone.
        Some(unsafe { slot.read() })
    }

    /// Takes the entry at `index` out, whose hash is `hash`.
    ///
    /// # Safety
    ///
    /// `full`: the slot at `index` holds an entry.
    #[inline]
    pub(crate) unsafe fn take_at(&mut self, index: usize, hash: u64) -> T {
        // SAFETY: by contract.
        unsafe { self.inner.erase(index, hash) };
        // SAFETY: `slab`. The index is one of a slot.
        let slot = unsafe { self.slot(index) };
        // SAFETY: `full`. The lane is empty now, so the entry is ours alone.
        unsafe { slot.read() }
    }

    /// Takes the entry at `index` out, which lies in its home group; its hash is not needed.
    ///
    /// # Safety
    ///
    /// `full`: the slot at `index` holds an entry. `guests`: its lane has no mark.
    #[inline]
    pub(crate) unsafe fn take_at_home(&mut self, index: usize) -> T {
        // SAFETY: by contract; what is at home is noted nowhere.
        unsafe { self.inner.empty_lane(index) };
        // SAFETY: `slab`. The index is one of a slot.
        let slot = unsafe { self.slot(index) };
        // SAFETY: `full`. The lane is empty now, so the entry is ours alone.
        unsafe { slot.read() }
    }

    /// Starts a walk over the entries.
    ///
    /// # Safety
    ///
    /// `alive` of [`RawIter`].
    #[inline]
    pub(crate) unsafe fn iter(&self) -> RawIter<T> {
        // SAFETY: `typed`, and by contract.
        unsafe { RawIter::new(&self.inner) }
    }

    /// Drops every entry and makes the table as it was when its slab was new.
    ///
    /// # Cost
    ///
    /// In proportion to the touched lines where entries need no drop, and to the entries else.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if core::mem::needs_drop::<T>() {
            self.clear_dropping();
        } else {
            self.inner.wipe();
        }
    }

    #[inline(never)]
    fn clear_dropping(&mut self) {
        /// Wipes also when a drop panics: what was dropped must not be found again.
        struct Wipe<'a>(&'a mut RawInner);
        impl Drop for Wipe<'_> {
            fn drop(&mut self) {
                self.0.wipe();
            }
        }
        // SAFETY: `alive`. The table is wiped only after the walk.
        let mut walk = unsafe { self.iter() };
        let _wipe = Wipe(&mut self.inner);
        // SAFETY: the entries are forgotten by the wipe that follows in any case.
        unsafe { drop_rest(&mut walk) };
    }

    /// Drops every entry and gives the slab back.
    pub(crate) fn clear_and_release(&mut self) {
        let shared = self.inner.as_shared();
        let guard = SlabGuard {
            inner: core::mem::replace(&mut self.inner, shared),
            entry: Self::ENTRY,
            alloc: &self.alloc,
        };
        // SAFETY: `alive`. The guard outlives the walk and gives the slab back after it.
        let mut walk = unsafe { RawIter::<T>::new(&guard.inner) };
        // SAFETY: nothing but the guard knows the entries any more.
        unsafe { drop_rest(&mut walk) };
    }
}

impl<T, A: Allocator> Drop for RawTable<T, A> {
    #[inline]
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() && !self.inner.is_shared() {
            self.clear_and_release();
        } else {
            // Where it is: a table is too large to be moved for nothing.
            // SAFETY: `slab`, and no entry needs drop.
            unsafe { self.inner.release(Self::ENTRY, &self.alloc) };
        }
    }
}

// SAFETY: the table owns its entries, its slab and its allocator, and shares none of them.
unsafe impl<T: Send, A: Allocator + Send> Send for RawTable<T, A> {}
// SAFETY: through a shared table only shared entries and the shared allocator are reached.
unsafe impl<T: Sync, A: Allocator + Sync> Sync for RawTable<T, A> {}
