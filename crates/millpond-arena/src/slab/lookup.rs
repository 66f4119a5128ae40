//! What lies around an address, found without a layout.
//!
//! ```text
//!   address ──▶ line of its slice ── a slab: its class
//!                    │ nothing
//!                    ├──▶ line of its large slab's first slice ── a large slab
//!                    └──▶ `home` of the line of its slice ── a run, if noted
//! ```
//!
//! Runs have no line of their own. Who wants to find one again by its address
//! alone notes its bytes in the line of its first slice, which no slab uses.
//!
//! # Invariants
//!
//! - `noted`: a note stands in a line from when the run is lent until just
//!   before it is given back or resized; it differs from every heap's number.

use crate::layout::geometry::{SLICE_COUNT, line_of, slice_of};
use crate::layout::size_class::{STRIDE, SizeClass};

use super::{Slab, SlabRef};
use crate::config::{LARGE_SLAB_BYTES, SLICE_BYTES};

/// The bits that make a note of a number.
const NOTE: u64 = 0xB10C << 48;
const BYTES_BITS: u32 = 40;

// What a slab's word tells of its class is the class's offset.
const _: () = assert!(STRIDE == 32);

/// The line of the slice around `address`, in the provenance of `block`.
#[inline(always)]
fn line_at(block: *mut u8, slab_bytes: usize) -> SlabRef {
    let line = block.with_addr(line_of(block.addr(), slab_bytes));
    // SAFETY: the caller's block lies in a segment, whose lines are never
    // unmapped, and any bytes that this crate wrote there are a line.
    unsafe { &*line.cast::<Slab>() }
}

/// The class of the slab of one slice around `block`; none where there is something
/// else, or nothing.
///
/// # Safety
///
/// `block` lies in a segment.
#[inline(always)]
pub(crate) unsafe fn small_class_around(block: *mut u8) -> Option<SizeClass> {
    let offset = line_at(block, SLICE_BYTES).word.class_times_32()?;
    Some(SizeClass::from_offset(offset))
}

/// The class of the slab around `block`, or none when no slab is there.
///
/// # Safety
///
/// `block` lies in a segment.
pub(crate) unsafe fn class_around(block: *mut u8) -> Option<SizeClass> {
    // SAFETY: passed on.
    if let Some(class) = unsafe { small_class_around(block) } {
        return Some(class);
    }
    let offset = line_at(block, LARGE_SLAB_BYTES).word.class_times_32()?;
    let class = SizeClass::from_offset(offset);
    (class.slab_bytes() == LARGE_SLAB_BYTES).then_some(class)
}

/// Notes the bytes and the alignment of a run.
///
/// # Safety
///
/// The caller was just lent the run that starts at `start`.
pub(crate) unsafe fn note_run(start: *mut u8, bytes: usize, align: usize) {
    let note = NOTE | u64::from(align.ilog2()) << BYTES_BITS | bytes as u64;
    line_at(start, SLICE_BYTES).home.set(note);
}

/// What was noted about the run that starts at `start`: bytes and alignment.
///
/// # Safety
///
/// `start` lies in a segment, and no slab is there.
pub(crate) unsafe fn noted_run(start: *mut u8) -> Option<(usize, usize)> {
    let starts_slice = start.addr() & (SLICE_BYTES - 1) == 0;
    let slice = slice_of(start.addr());
    if !starts_slice || slice == 0 || slice >= SLICE_COUNT {
        return None;
    }
    let note = line_at(start, SLICE_BYTES).home.get();
    if note >> 48 != NOTE >> 48 {
        return None;
    }
    let bytes = note & ((1 << BYTES_BITS) - 1);
    Some((bytes as usize, 1 << (note >> BYTES_BITS & 0xFF)))
}

/// Takes a note away.
///
/// # Safety
///
/// As for [`noted_run`]; the run is the caller's.
pub(crate) unsafe fn forget_run(start: *mut u8) {
    line_at(start, SLICE_BYTES).home.set(0);
}
