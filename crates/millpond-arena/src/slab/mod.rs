//! A slab: a run of equal slots, and the line that tells about it.
//!
//! ```text
//!   slab   │ lent │ free │ lent │ free │ lent │ never touched …            │
//!                                             ▲ carved                     ▲ slots
//!   line   word (all threads) · owner · free, used, … (the owner alone)
//! ```
//!
//! # Invariants
//!
//! - `owner-only`: the cells of a line are touched by the heap that owns the
//!   slab; while none does, by whoever holds the lock of its class (GLOBAL) or
//!   by nobody (FULL). Ownership passes through [`RemoteWord`] alone.
//! - `owned-listed`: a slab that a heap owns is its current one or in its queue.
//! - `used-sum`: `used` plus the slots on `free` make `carved`. A slot on the
//!   remote chain or in some heap's bin counts as used.
//! - `in-slab`: every slot on `free` or on the chain lies in this slab, at a
//!   multiple of the slot size.

use core::cell::Cell;
use core::ptr::NonNull;

use crate::layout::geometry::{line_of, slab_of_line};
use crate::layout::size_class::SizeClass;
use crate::sync::Relaxed;
use crate::sync::fixed::{AtomicU16, AtomicU64};

pub(crate) mod free_list;
pub(crate) mod lookup;
pub(crate) mod remote;

use free_list::{FreeList, Slot, last, length, link, next_of};
use remote::{RemoteWord, State};

/// What stands for no owner: no heap has this number, not even one that is not
/// ready, whose number is zero.
pub(crate) const NO_OWNER: u64 = u64::MAX;

/// Bytes that slot numbers count in, the smallest slot.
const NUMBER_BYTES: usize = 16;

/// The line of a slab. All zero, it tells of no slab.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Slab {
    pub(crate) word: RemoteWord,
    /// Number of the heap that owns the slab, or [`NO_OWNER`]. Compared with
    /// one's own number alone, so a stale value merely selects the word.
    owner: AtomicU64,
    /// Slots that the owner may lend.
    pub(crate) free: FreeList,
    /// Number of the heap that opened the slab or took it off the global list.
    pub(crate) home: Cell<u64>,
    pub(crate) next: Cell<Option<&'static Slab>>,
    pub(crate) previous: Cell<Option<&'static Slab>>,
    /// Slots that are not free to the owner; below zero more came back than were
    /// lent.
    pub(crate) used: Cell<i32>,
    /// Slots that were ever lent; behind them memory is untouched. Written by
    /// the owner, read by pushers as a hint.
    carved: AtomicU16,
    class: Cell<u8>,
}

const _: () = assert!(size_of::<Slab>() == crate::layout::geometry::LINE_BYTES);

/// A reference to a line, which lives as long as the process.
pub(crate) type SlabRef = &'static Slab;

impl Slab {
    /// The line of the slab of that class around `slot`.
    ///
    /// # Safety
    ///
    /// `slot` lies in a segment, in a slice behind the first. When no slab of
    /// that class is there the line tells so, or tells of another.
    #[inline(always)]
    pub(crate) unsafe fn around(slot: *mut u8, class: SizeClass) -> SlabRef {
        let line = slot.with_addr(line_of(slot.addr(), class.slab_bytes()));
        // SAFETY: lines are never unmapped (`segment-stays`), and any bytes that
        // this crate wrote there, zeros included, are a line.
        unsafe { &*line.cast::<Slab>() }
    }

    /// Makes the slab at `start` an owned one without a carved slot.
    ///
    /// # Safety
    ///
    /// The caller has just borrowed the run at `start`, of the size and
    /// alignment of the class's slabs.
    pub(crate) unsafe fn open(start: NonNull<u8>, class: SizeClass, owner: u64) -> SlabRef {
        // SAFETY: a borrowed run lies in a segment behind the first slice.
        let slab = unsafe { Slab::around(start.as_ptr(), class) };
        slab.class.set(class.index() as u8);
        slab.home.set(owner);
        slab.used.set(0);
        slab.next.set(None);
        slab.previous.set(None);
        slab.free.take();
        // Relaxed: published with the first slot that is lent.
        slab.carved.store(0, Relaxed);
        slab.set_owner(owner);
        slab.word.open(class.index() as u8);
        slab
    }

    /// Makes an owned slab none, all of whose slots are free.
    pub(crate) fn shut(&self) {
        self.set_owner(NO_OWNER);
        self.word.close();
    }

    /// First byte of the slab.
    #[inline]
    pub(crate) fn start(&self) -> NonNull<u8> {
        let line = NonNull::from(self);
        let start = slab_of_line(line.addr().get());
        // The slab has the provenance of its segment by exposure: the line's
        // reference covers the line alone.
        match NonNull::new(core::ptr::with_exposed_provenance_mut(start)) {
            Some(start) => start,
            None => line.cast(),
        }
    }

    pub(crate) fn class(&self) -> SizeClass {
        SizeClass::from_index(usize::from(self.class.get()))
    }

    fn class_index(&self) -> u8 {
        self.class.get()
    }

    #[inline(always)]
    pub(crate) fn is_owned_by(&self, heap: u64) -> bool {
        // Relaxed: only the heap itself ever writes its number here, or a visitor behind its
        // door, whom it does not meet.
        self.owner.load(Relaxed) == heap
    }

    pub(crate) fn set_owner(&self, heap: u64) {
        // Relaxed: see `is_owned_by`.
        self.owner.store(heap, Relaxed);
    }

    pub(crate) fn carved(&self) -> u16 {
        // Relaxed: the owner reads what it wrote; others take it as a hint.
        self.carved.load(Relaxed)
    }

    /// Slots on the owner's list.
    pub(crate) fn free_slots(&self) -> u16 {
        // At most as many as were carved.
        self.carved().wrapping_sub(self.used.get() as u16)
    }

    /// Whether a slot could be lent without asking other threads.
    pub(crate) fn has_room(&self) -> bool {
        !self.free.is_empty() || usize::from(self.carved()) < self.class().slab_slots()
    }

    /// Cuts up to `most` fresh slots and returns them strung together, with
    /// their number; null when all are cut. They count as used.
    pub(crate) fn carve(&self, most: usize) -> (*mut Slot, usize) {
        let class = self.class();
        let carved = usize::from(self.carved());
        let count = most.min(class.slab_slots() - carved);
        if count == 0 {
            return (core::ptr::null_mut(), 0);
        }
        let bytes = class.slot_bytes();
        // SAFETY: `carved` is below the slab's slots, so this stays inside.
        let first = unsafe { self.start().as_ptr().add(carved * bytes) };
        // Relaxed: a hint to others.
        self.carved.store((carved + count) as u16, Relaxed);
        self.used.set(self.used.get() + count as i32);
        // SAFETY: `carved` was the border: nobody was ever lent these slots.
        (unsafe { free_list::string(first, count, bytes) }, count)
    }

    /// Takes the owner's list, but no more than `most` slots of it, one at least; they count
    /// as used from now on.
    pub(crate) fn take_free(&self, most: usize) -> (*mut Slot, usize) {
        let count = usize::from(self.free_slots());
        if count <= most {
            self.used.set(self.carved().into());
            return (self.free.take(), count);
        }
        self.used.set(self.used.get() + most as i32);
        let first = self.free.head();
        // SAFETY: `whole-list`: our own list, which has `count` slots.
        let end = unsafe { last(first, most) };
        // SAFETY: as above.
        self.free.replace(unsafe { next_of(end) });
        // SAFETY: as above.
        unsafe { link(end, core::ptr::null_mut()) };
        (first, most)
    }

    /// Takes the chain of remote frees, whose slots go on counting as used.
    pub(crate) fn take_remote(&self) -> (*mut Slot, usize) {
        if self.word.peek().count == 0 {
            return (core::ptr::null_mut(), 0);
        }
        let (head, count) = self.word.take_all(self.class_index());
        (self.slot_of(head), usize::from(count))
    }

    /// Moves the chain of remote frees to the owner's list.
    pub(crate) fn collect(&self) {
        let (head, count) = self.take_remote();
        if count == 0 {
            return;
        }
        // SAFETY: `whole-list`: the chain has `count` slots and is ours now.
        let end = unsafe { last(head, count) };
        // SAFETY: as above.
        unsafe { link(end, self.free.head()) };
        self.free.replace(head);
        self.used.set(self.used.get() - count as i32);
    }

    /// The slot that a word names by number plus one; null for zero.
    pub(crate) fn slot_of(&self, number: u32) -> *mut Slot {
        if number == 0 {
            return core::ptr::null_mut();
        }
        let offset = (number as usize - 1) * NUMBER_BYTES;
        self.start().as_ptr().wrapping_add(offset).cast()
    }

    /// The number plus one by which a word names `slot`; zero for null.
    pub(crate) fn number_of(&self, slot: *mut Slot) -> u32 {
        if slot.is_null() {
            return 0;
        }
        ((slot.addr() - self.start().addr().get()) / NUMBER_BYTES) as u32 + 1
    }

    /// Verifies `used-sum` and `in-slab`, for the owner.
    pub(crate) fn check(&self, owner: u64) -> Result<(), &'static str> {
        let word = self.word.peek();
        if !self.is_owned_by(owner) || word.state != State::Owned {
            return Err("owned-listed");
        }
        if word.class != self.class_index() {
            return Err("in-slab");
        }
        self.check_list(self.free.head(), usize::from(self.free_slots()), "used-sum")?;
        if self.used.get() < word.count.into() {
            return Err("used-sum");
        }
        Ok(())
    }

    /// Verifies that a list has exactly `count` slots of this slab.
    fn check_list(
        &self,
        head: *mut Slot,
        count: usize,
        name: &'static str,
    ) -> Result<(), &'static str> {
        // SAFETY: the caller is the owner, whose list it is.
        if unsafe { length(head, count + 1) } != count {
            return Err(name);
        }
        let mut slot = head;
        while !slot.is_null() {
            if !self.has_slot(slot) {
                return Err("in-slab");
            }
            // SAFETY: as above.
            slot = unsafe { next_of(slot) };
        }
        Ok(())
    }

    /// Whether `slot` is one of the carved slots.
    pub(crate) fn has_slot(&self, slot: *mut Slot) -> bool {
        let offset = slot.addr().wrapping_sub(self.start().addr().get());
        let bytes = self.class().slot_bytes();
        offset.is_multiple_of(bytes) && offset / bytes < usize::from(self.carved())
    }
}
