//! One thread's heap: a bin of free slots per class, and the slabs it owns.
//!
//! ```text
//!   alloc ◀─ pop ── head ◀─ all of it ── freed ◀─ push ─ free   bin, no owner check
//!                    ▲ when both are empty  └──▶ room used up: the newest
//!          all of it │                           to their slabs
//!              current slab ◀── queue ◀── list of the class ◀── new slab
//! ```
//!
//! Two lists, so that a pair does not wait for the store of the pair before it;
//! bins of slots above 1 KiB have `freed` alone, and lend from it: frees go to the same
//! place in every bin, so that one whose class is not known asks nothing.
//!
//! A bin takes whatever its thread frees, whoever owns the slab: neither side
//! of the fast path looks at a slab. What bounds a bin is `room`, which only
//! frees count down and only slow paths set. When it is used up a batch of slots
//! goes to its slabs: onto the slab's own list if this heap owns it, onto its
//! remote word otherwise.
//!
//! A heap starts as zeros, and zero means "empty, go slow" in every field: no
//! path asks whether the heap is ready. [`tls`] makes it ready from slow paths.
//!
//! # Invariants
//!
//! - `bin-free`: every slot on a bin's lists is free, on that list alone, and of
//!   the bin's class.
//! - `one-thread`: a heap is used by its thread alone, but for its counters, its
//!   cached runs, which have a lock, its slabs, which have a door, and, under the
//!   registry's lock, its links.
//! - `numbered`: a heap with a number other than zero is registered and will be
//!   emptied when its thread ends; one without owns nothing.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

use crate::layout::size_class::{CLASS_COUNT, ONE_LIST, STRIDE, SizeClass};
use crate::slab::SlabRef;
use crate::slab::free_list::{FreeList, link};
use crate::spin::SpinLock;
use crate::sync::Relaxed;
use crate::sync::fixed::AtomicU32;
use crate::tick;

mod check;
mod depot;
mod door;
mod exit;
pub(crate) mod idle;
pub(crate) mod large;
mod overflow;
mod queue;
mod refill;
pub(crate) mod registry;
mod run_cache;
#[cfg(all(feature = "static-tls", target_arch = "x86_64", target_os = "linux"))]
mod static_tls;
pub(crate) mod tally;
pub(crate) mod tls;

pub(crate) use depot::check as check_depot;
use door::Door;
use queue::Queue;
use run_cache::RunCache;
use tally::Counters;

/// The free slots of one class. The hot part of a heap: half a cache line.
#[repr(C, align(32))]
struct Bin {
    /// Slots to lend next. A class with one list has none here.
    head: FreeList,
    /// Slots that came back, which `head` gets when it is empty.
    freed: FreeList,
    /// Frees that the bin still absorbs; below zero for a moment, when one finds
    /// that there is no room.
    room: Cell<i32>,
    /// The slab that is refilled from.
    current: Cell<Option<SlabRef>>,
}

const _: () = assert!(size_of::<Bin>() == STRIDE);
const _: () = assert!(core::mem::offset_of!(Bin, head) == 0);
const _: () = assert!(core::mem::offset_of!(Bin, freed) == ONE_LIST);

/// What slow paths keep per class.
struct Row {
    /// Owned slabs with something free.
    queue: Queue,
    /// What `room` was when it was last set.
    granted: Cell<i32>,
    /// Slots that `head` was filled with, and those that frees added to the bin
    /// until `room` was last set.
    filled: Cell<u32>,
    /// Of those, what lies on `freed`: not lent when `head` is empty. Zero where a class
    /// has one list.
    kept: Cell<u32>,
    /// Slots that left the bin for want of room since it was last empty, or since
    /// what came back was last to be lent.
    sent: Cell<u16>,
    /// Slots that the last refill brought; none since the thread last gave all up.
    drawn: Cell<u16>,
}

/// Where a heap is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    /// Never used by a slow path.
    Fresh,
    /// Registered.
    Ready,
    /// Its thread is ending; the heap stays empty.
    Ended,
}

/// A thread's heap.
pub(crate) struct Heap {
    bins: [Bin; CLASS_COUNT],
    /// Never used twice, so that the slabs of a heap that is gone (in a forked
    /// child) are nobody's. Zero unless ready.
    number: Cell<u64>,
    life: Cell<Life>,
    rows: [Row; CLASS_COUNT],
    runs: SpinLock<RunCache>,
    /// One more than the tick at which the thread last gave all up to park, and
    /// the steps that it had made by then.
    parked: Cell<(u64, u32)>,
    /// Steps of work so far, for a look at what has aged now and then. Others read them,
    /// to see whether the thread sleeps.
    looks: AtomicU32,
    /// Of whoever touches the slabs that the heap owns: its current ones, its queues.
    door: Door,
    /// What [`idle`] remembers of the heap, under the registry's lock.
    visited: Cell<idle::Visited>,
    counters: Counters,
    next: Cell<Option<NonNull<Heap>>>,
    previous: Cell<Option<NonNull<Heap>>>,
}

impl Heap {
    pub(crate) const fn new() -> Heap {
        Heap {
            bins: [const {
                Bin {
                    head: FreeList::new(),
                    freed: FreeList::new(),
                    room: Cell::new(0),
                    current: Cell::new(None),
                }
            }; CLASS_COUNT],
            number: Cell::new(0),
            life: Cell::new(Life::Fresh),
            rows: [const {
                Row {
                    queue: Queue::new(),
                    granted: Cell::new(0),
                    filled: Cell::new(0),
                    kept: Cell::new(0),
                    sent: Cell::new(0),
                    drawn: Cell::new(0),
                }
            }; CLASS_COUNT],
            runs: SpinLock::new(RunCache::new()),
            parked: Cell::new((0, 0)),
            looks: AtomicU32::new(0),
            door: Door::new(),
            visited: Cell::new(idle::Visited::NEVER),
            counters: Counters::new(),
            next: Cell::new(None),
            previous: Cell::new(None),
        }
    }

    /// Lends a slot; null when there is no memory.
    #[inline(always)]
    pub(crate) fn alloc(&self, class: SizeClass) -> *mut u8 {
        let slot = self.alloc_at_hand(class);
        if slot.is_null() {
            return self.alloc_slow(class);
        }
        slot
    }

    /// Lends the next slot of the bin; null when none is at hand.
    #[inline(always)]
    pub(crate) fn alloc_at_hand(&self, class: SizeClass) -> *mut u8 {
        self.lends(class).pop().cast()
    }

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// `bin-free`: `slot` was lent for the class with that offset, by any heap, and the
    /// caller has just ended the life of what was in it.
    #[inline(always)]
    pub(crate) unsafe fn free(&self, slot: *mut u8, offset: u16) {
        let bin = self.bin_at(offset);
        let room = bin.room.get().wrapping_sub(1);
        bin.room.set(room);
        let head = bin.freed.head();
        // What was freed just before cannot be freed again: a comparison of
        // what is at hand anyway.
        if room < 0 || head == slot.cast() {
            // SAFETY: passed on.
            return unsafe { self.free_slow(slot, offset) };
        }
        // SAFETY: `bin-free`, as the caller promised.
        unsafe { link(slot.cast(), head) };
        bin.freed.replace(slot.cast());
    }

    /// As [`Heap::free`] where the bin has room. Otherwise nothing is done, and false is
    /// returned.
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    #[inline(always)]
    pub(crate) unsafe fn free_at_hand(&self, slot: *mut u8, offset: u16) -> bool {
        let bin = self.bin_at(offset);
        let room = bin.room.get().wrapping_sub(1);
        let head = bin.freed.head();
        if room < 0 || head == slot.cast() {
            return false;
        }
        bin.room.set(room);
        // SAFETY: `bin-free`, as the caller promised.
        unsafe { link(slot.cast(), head) };
        bin.freed.replace(slot.cast());
        true
    }

    /// The list that the class is lent from.
    #[inline(always)]
    fn lends(&self, class: SizeClass) -> &FreeList {
        let bins = self.bins.as_ptr().cast::<FreeList>();
        // SAFETY: one of the two lists of one of CLASS_COUNT bins.
        let list = unsafe { bins.byte_add(class.offset_of_lent().into()) };
        // SAFETY: as above, and borrowed as the heap is.
        unsafe { &*list }
    }

    #[inline(always)]
    fn bin(&self, class: SizeClass) -> &Bin {
        self.bin_at(class.offset())
    }

    #[inline(always)]
    fn bin_at(&self, offset: u16) -> &Bin {
        let bins = self.bins.as_ptr();
        // SAFETY: a class's offset is that of one of CLASS_COUNT bins.
        let bin = unsafe { bins.byte_add(offset.into()) };
        // SAFETY: as above, and borrowed as the heap is.
        unsafe { &*bin }
    }

    #[inline(always)]
    fn row(&self, class: SizeClass) -> &Row {
        // SAFETY: a class's index is below CLASS_COUNT.
        unsafe { self.rows.get_unchecked(class.index()) }
    }

    fn number(&self) -> u64 {
        self.number.get()
    }

    /// Lets memory age by itself, now and then: the more often, the more `steps`
    /// the caller's work is worth.
    #[inline]
    fn look_at_age(&self, steps: u32) {
        // Relaxed: a hint to others, and no read-modify-write: one writer.
        let before = self.looks.load(Relaxed);
        let after = before.wrapping_add(steps);
        self.looks.store(after, Relaxed);
        if before / LOOK_STEPS != after / LOOK_STEPS {
            tick::age_by_itself();
        }
    }

    /// Counts the frees since `room` was last set, and sets it.
    fn grant(&self, class: SizeClass, room: i32) {
        let (bin, row) = (self.bin(class), self.row(class));
        let frees = row
            .granted
            .get()
            .wrapping_sub(bin.room.get())
            .cast_unsigned();
        row.filled.set(row.filled.get().wrapping_add(frees));
        self.counters.add_frees(class, frees.into());
        row.granted.set(room);
        bin.room.set(room);
    }

    /// Counts what the bin has lent since it was filled, when `left` slots are
    /// still there and it goes on with `filled`.
    fn settle(&self, class: SizeClass, left: u32, filled: u32) {
        let row = self.row(class);
        // Wrapping: a program that breaks a list must not make us panic.
        let lent = row.filled.get().wrapping_sub(left);
        self.counters.add_allocations(class, u64::from(lent));
        row.filled.set(filled);
    }
}

/// Steps of a heap from one look at whether memory has aged to the next. Guessed:
/// some thousand small blocks.
const LOOK_STEPS: u32 = 256;
/// Steps after which a thread that parks gives all up once more, before there is
/// a tick: a burst of some megabytes. Guessed: refilling costs a few hundredths of
/// that work.
const PARK_STEPS: u32 = 1024 * SLOW_STEPS;
/// Steps that a refill or a full bin is worth.
const SLOW_STEPS: u32 = 32;

/// Lends memory for a layout, of size zero too; null when there is none.
#[inline(always)]
pub(crate) fn alloc(layout: Layout) -> *mut u8 {
    alloc_after(layout, || ())
}

/// As [`alloc`]; runs `before` when the bin does not serve the layout.
#[inline(always)]
pub(crate) fn alloc_after(layout: Layout, before: impl FnOnce()) -> *mut u8 {
    match SizeClass::for_layout(layout.size(), layout.align()) {
        Some(class) => {
            let slot = tls::with(|heap| heap.alloc_at_hand(class));
            if slot.is_null() {
                return alloc_without_bin(class, before);
            }
            slot
        }
        None => alloc_large(layout, false, before),
    }
}

#[inline(never)]
fn alloc_large(layout: Layout, zeroed: bool, before: impl FnOnce()) -> *mut u8 {
    before();
    large::alloc(layout, zeroed)
}

#[cold]
#[inline(never)]
fn alloc_without_bin(class: SizeClass, before: impl FnOnce()) -> *mut u8 {
    let slot = tls::with(|heap| heap.lend_freed(class));
    if !slot.is_null() {
        return slot;
    }
    before();
    tls::with(|heap| heap.refill(class))
}

/// As [`alloc`], and the first `layout.size()` bytes are zero.
#[inline(always)]
pub(crate) fn alloc_zeroed(layout: Layout) -> *mut u8 {
    alloc_zeroed_after(layout, || ())
}

/// As [`alloc_zeroed`]; runs `before` as [`alloc_after`] does.
#[inline(always)]
pub(crate) fn alloc_zeroed_after(layout: Layout, before: impl FnOnce()) -> *mut u8 {
    if SizeClass::for_layout(layout.size(), layout.align()).is_none() {
        return alloc_large(layout, true, before);
    }
    let slot = alloc_after(layout, before);
    if !slot.is_null() {
        // SAFETY: a slot just lent for at least that many bytes.
        unsafe { slot.write_bytes(0, layout.size()) };
    }
    slot
}

/// Takes back what [`alloc`] lent.
///
/// # Safety
///
/// `block` was lent for a layout of that alignment and of a size that leads to
/// the same place, by any thread, and nobody uses it any more.
#[inline(always)]
pub(crate) unsafe fn free(block: *mut u8, layout: Layout) {
    match SizeClass::offset_for_layout(layout.size(), layout.align()) {
        // SAFETY: passed on: the layout leads to the class that it was lent for.
        Some(offset) => tls::with(|heap| unsafe { heap.free(block, offset) }),
        // SAFETY: passed on.
        None => unsafe { large::free(block, layout) },
    }
}

/// Bytes that a block for `layout` really has.
#[inline(always)]
pub(crate) fn usable_bytes(layout: Layout) -> usize {
    match SizeClass::for_layout(layout.size(), layout.align()) {
        Some(class) => class.slot_bytes(),
        None => large::usable_bytes(layout),
    }
}

/// Changes the size of a block, in place where it can stay; null leaves it as
/// it was.
///
/// # Safety
///
/// As for [`free`]; `new_size`, rounded up to the alignment, is a valid layout.
#[inline(always)]
pub(crate) unsafe fn realloc(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    let old_class = SizeClass::for_layout(layout.size(), layout.align());
    let new_class = SizeClass::for_layout(new_size, layout.align());
    if old_class.is_some() && old_class == new_class {
        return block;
    }
    // SAFETY: passed on.
    unsafe { realloc_slow(block, layout, new_size) }
}

/// # Safety
///
/// As for [`realloc`].
#[inline(never)]
unsafe fn realloc_slow(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    let old_class = SizeClass::for_layout(layout.size(), layout.align());
    let new_class = SizeClass::for_layout(new_size, layout.align());
    if old_class.is_none() && new_class.is_none() {
        // SAFETY: passed on; both are large.
        let resized = unsafe { large::resize(block, layout, new_size) };
        if !resized.is_null() {
            return resized;
        }
    }
    // SAFETY: the caller promised that the new size makes a valid layout.
    let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
    let new = if new_class.is_none() && new_size > layout.size() {
        large::alloc_growing(new_layout)
    } else {
        alloc(new_layout)
    };
    if new.is_null() {
        return null_mut();
    }
    let bytes = layout.size().min(new_size);
    // SAFETY: two different blocks, each of at least that many bytes.
    unsafe { new.copy_from_nonoverlapping(block, bytes) };
    // SAFETY: passed on; its contents have been copied.
    unsafe { free(block, layout) };
    new
}
