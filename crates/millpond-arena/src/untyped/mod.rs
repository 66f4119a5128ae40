//! Blocks that are given back without a layout, as C does it.
//!
//! [`Millpond`](crate::Millpond) never looks a block up: Rust tells its layout
//! when it frees. C tells the address alone, so here a block must be found:
//!
//! ```text
//!   in a segment?  ── a slab around it ──▶ its class            slots
//!        │          └─ none ──▶ noted in the slice's line       runs
//!        └─ no ──▶ the table of mappings                        mappings
//! ```
//!
//! A block of [`alloc`] is given back by [`free`] and resized by [`realloc`] of
//! this module, and by nothing else.
//!
//! # Invariants
//!
//! - `known`: a block above the largest slot is noted from before the caller
//!   sees it until it is given back, so that it is found by its address.

use core::alloc::Layout;
use core::ptr::null_mut;

use crate::config::MAX_SLOT_BYTES;
use crate::fatal::{Corruption, fatal};
use crate::heap;
use crate::heap::tls;
use crate::layout::size_class::SizeClass;
use crate::segment::map;
use crate::slab::lookup;

mod mappings;

/// Alignment of every block, in bytes: that of C's `max_align_t`.
pub const MIN_ALIGN: usize = 16;

/// What is known about a block.
enum Place {
    Slot(SizeClass),
    Large(Layout),
}

/// Lends `bytes`, at a multiple of [`MIN_ALIGN`], where that takes a list of free
/// blocks and no more; null otherwise, and then [`alloc`] is to be asked.
///
/// For callers whose way to `alloc` is a call: around this, nothing is saved.
#[inline(always)]
pub fn alloc_at_hand(bytes: usize) -> *mut u8 {
    match SizeClass::for_layout(bytes, MIN_ALIGN) {
        Some(class) => tls::with(|heap| heap.alloc_at_hand(class)),
        None => null_mut(),
    }
}

/// Lends `bytes`, at a multiple of [`MIN_ALIGN`]; null when there is no memory.
///
/// Zero bytes are a block too.
#[inline]
pub fn alloc(bytes: usize) -> *mut u8 {
    match SizeClass::for_layout(bytes, MIN_ALIGN) {
        Some(class) => tls::with(|heap| heap.alloc(class)),
        None => alloc_large(bytes, MIN_ALIGN, false),
    }
}

/// As [`alloc`], and the bytes are zero.
///
/// # Cost
///
/// No memory is cleared that the operating system has just cleared.
#[inline]
pub fn alloc_zeroed(bytes: usize) -> *mut u8 {
    if bytes <= MAX_SLOT_BYTES {
        let block = alloc(bytes);
        if !block.is_null() {
            // SAFETY: lent just above, and of at least that many bytes.
            unsafe { block.write_bytes(0, bytes) };
        }
        return block;
    }
    alloc_large(bytes, MIN_ALIGN, true)
}

/// As [`alloc`], at a multiple of `align`, a power of two; null otherwise.
pub fn alloc_aligned(bytes: usize, align: usize) -> *mut u8 {
    let align = align.max(MIN_ALIGN);
    // No bytes would get the smallest slot, whatever the alignment.
    let bytes = bytes.max(1);
    if Layout::from_size_align(bytes, align).is_err() {
        return null_mut();
    }
    match SizeClass::for_layout(bytes, align) {
        Some(class) => tls::with(|heap| heap.alloc(class)),
        None => alloc_large(bytes, align, false),
    }
}

#[cold]
#[inline(never)]
fn alloc_large(bytes: usize, align: usize, zeroed: bool) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(bytes, align) else {
        return null_mut();
    };
    let block = if zeroed {
        heap::alloc_zeroed(layout)
    } else {
        heap::alloc(layout)
    };
    if block.is_null() || note(block, layout) {
        return block;
    }
    // SAFETY: lent just above for that layout, and nobody has seen it.
    unsafe { heap::free(block, layout) };
    null_mut()
}

/// Takes back what this module lent, where that takes a list of free blocks and no
/// more; otherwise nothing happens, false is returned, and [`free`] is to be asked.
///
/// # Safety
///
/// As for [`free`].
#[inline(always)]
pub unsafe fn free_at_hand(block: *mut u8) -> bool {
    if !map::contains_lent(block.addr()) {
        return false;
    }
    // SAFETY: the map knows the segment.
    match unsafe { lookup::small_class_around(block) } {
        // SAFETY: a slab of that class lent the slot.
        Some(class) => tls::with(|heap| unsafe { heap.free_at_hand(block, class.offset()) }),
        None => false,
    }
}

/// Takes back what this module lent. Null is nothing.
///
/// A block that is not lent, or not by this module, ends the process with a
/// message where that is found out.
///
/// # Safety
///
/// `block` is null, or was lent by this module, and nobody uses it any more.
#[inline]
pub unsafe fn free(block: *mut u8) {
    if map::contains(block.addr()) {
        // SAFETY: the map knows the segment.
        if let Some(class) = unsafe { lookup::class_around(block) } {
            // SAFETY: a slab of that class lent the slot.
            return tls::with(|heap| unsafe { heap.free(block, class.offset()) });
        }
    }
    // SAFETY: passed on.
    unsafe { free_large(block) };
}

/// # Safety
///
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn free_large(block: *mut u8) {
    if block.is_null() {
        return;
    }
    // SAFETY: passed on.
    let Some(layout) = (unsafe { large_layout(block) }) else {
        fatal(Corruption::ForeignPointer);
    };
    // SAFETY: `known`, found just above.
    unsafe { forget(block) };
    // SAFETY: lent for a layout that leads to the same place.
    unsafe { heap::free(block, layout) };
}

/// Bytes that a block really has, at least those that were asked for; 0 of null.
///
/// # Safety
///
/// As for [`free`]; the block stays the caller's.
pub unsafe fn usable_bytes(block: *mut u8) -> usize {
    if block.is_null() {
        return 0;
    }
    // SAFETY: passed on.
    match unsafe { place_of(block) } {
        Place::Slot(class) => class.slot_bytes(),
        Place::Large(layout) => layout.size(),
    }
}

/// Whether `block` is one that [`realloc`] to `bytes`, one at least, would leave where it
/// is, as far as that can be told at once.
///
/// # Safety
///
/// As for [`free`].
#[inline(always)]
pub unsafe fn stays_at_hand(block: *mut u8, bytes: usize) -> bool {
    if !map::contains_lent(block.addr()) {
        return false;
    }
    // SAFETY: the map knows the segment.
    match unsafe { lookup::small_class_around(block) } {
        Some(class) => stays(class.slot_bytes(), bytes),
        None => false,
    }
}

/// Whether a block that has `usable` bytes stays where it is for `bytes`.
#[inline(always)]
fn stays(usable: usize, bytes: usize) -> bool {
    bytes <= usable && bytes >= usable / 2
}

/// Changes the size of a block, in place where it can stay; null leaves it as
/// it was.
///
/// A block that shrinks by less than half stays.
///
/// # Safety
///
/// As for [`free`]; `block` is not null.
#[inline]
pub unsafe fn realloc(block: *mut u8, bytes: usize) -> *mut u8 {
    // SAFETY: passed on.
    let layout = match unsafe { place_of(block) } {
        Place::Slot(class) if stays(class.slot_bytes(), bytes) => return block,
        // SAFETY: passed on; a slab of that class lent the slot.
        Place::Slot(class) => return unsafe { move_slot(block, class, bytes) },
        Place::Large(layout) => layout,
    };
    if stays(layout.size(), bytes) {
        return block;
    }
    if bytes > MAX_SLOT_BYTES {
        // SAFETY: passed on; large before and after.
        return unsafe { resize_large(block, layout, bytes) };
    }
    let new = alloc(bytes);
    if !new.is_null() {
        // SAFETY: two different blocks, of which the new one is the smaller.
        unsafe { new.copy_from_nonoverlapping(block, bytes) };
        // SAFETY: passed on; its contents have been copied.
        unsafe { free_large(block) };
    }
    new
}

/// Moves a slot of that class to a block of `bytes`; null leaves it as it was.
///
/// # Safety
///
/// As for [`realloc`]; the slot is one of a slab of that class.
unsafe fn move_slot(slot: *mut u8, class: SizeClass, bytes: usize) -> *mut u8 {
    let new = alloc(bytes);
    if new.is_null() {
        return null_mut();
    }
    // SAFETY: two different blocks, each of at least that many bytes.
    unsafe { new.copy_from_nonoverlapping(slot, class.slot_bytes().min(bytes)) };
    // SAFETY: passed on; its contents have been copied.
    tls::with(|heap| unsafe { heap.free(slot, class.offset()) });
    new
}

/// Resizes a block that stays above the largest slot.
///
/// # Safety
///
/// As for [`realloc`]; `layout` is that of the block.
#[inline(never)]
unsafe fn resize_large(block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
    let Ok(wanted) = Layout::from_size_align(bytes, layout.align()) else {
        return null_mut();
    };
    // Before the call: its address may be somebody else's block right after.
    // SAFETY: `known`, as the caller found it.
    unsafe { forget(block) };
    // SAFETY: passed on; the new size makes a valid layout.
    let new = unsafe { heap::realloc(block, layout, bytes) };
    let (kept, layout) = if new.is_null() {
        (block, layout)
    } else {
        (new, wanted)
    };
    if !note(kept, layout) {
        // Not reached: the table keeps room for those that it forgot just now.
        fatal(Corruption::ForeignPointer);
    }
    new
}

/// Where a block lies, or the end of the process.
///
/// # Safety
///
/// As for [`free`]; `block` is not null.
unsafe fn place_of(block: *mut u8) -> Place {
    if map::contains(block.addr()) {
        // SAFETY: the map knows the segment.
        if let Some(class) = unsafe { lookup::class_around(block) } {
            return Place::Slot(class);
        }
    }
    // SAFETY: passed on.
    match unsafe { large_layout(block) } {
        Some(layout) => Place::Large(layout),
        None => fatal(Corruption::ForeignPointer),
    }
}

/// The layout of a large block, with the size that it really has.
///
/// # Safety
///
/// As for [`free`].
unsafe fn large_layout(block: *mut u8) -> Option<Layout> {
    let (bytes, align) = if map::contains(block.addr()) {
        // SAFETY: the map knows the segment, and no slab is there.
        unsafe { lookup::noted_run(block) }?
    } else {
        mappings::find(block.addr())?
    };
    Layout::from_size_align(bytes, align).ok()
}

/// Notes a block that was just lent; false when there is no room for it.
fn note(block: *mut u8, layout: Layout) -> bool {
    let bytes = heap::usable_bytes(layout);
    if map::contains(block.addr()) {
        // SAFETY: the caller was just lent the run.
        unsafe { lookup::note_run(block, bytes, layout.align()) };
        return true;
    }
    mappings::insert(block.addr(), bytes, layout.align())
}

/// # Safety
///
/// `known` for `block`, which the caller gives up or resizes.
unsafe fn forget(block: *mut u8) {
    if map::contains(block.addr()) {
        // SAFETY: passed on.
        unsafe { lookup::forget_run(block) };
    } else {
        mappings::remove(block.addr());
    }
}
