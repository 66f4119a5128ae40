//! Blocks above the largest run: each has a range of its own, with room to grow.
//!
//! Nothing is written in front of such a block, so a list outside tells where
//! its range ends and how much of it may be resident:
//!
//! ```text
//!   start          block ends        resident ends           range ends
//!   ├──── block ──────┤                    │                      │
//!   ├──── dirty, of a former block ────────┤ zero, never touched  │
//! ```
//!
//! A block grows inside its range without a call; its range is kept when it is
//! freed, and lent again with its pages, until a tick finds it idle.
//!
//! # Invariants
//!
//! - `one-entry`: a lent block is on the list once, by its first address; its
//!   range belongs to it alone.
//! - `inside`: a block's bytes and `dirty` are at most `bytes` of its range.

use core::ptr::NonNull;

use crate::knobs::{HUGE_PAGES, HugePages};
use crate::os;
use crate::purged::Cause;
use crate::tick;

use super::retain::{Gone, give_up_excess};
use super::{Extent, RANGE_STEP_BYTES, RANGES, Ranges};

/// Addresses reserved for each byte of a block. A block that doubles a few times
/// stays where it is.
const ROOM: usize = 8;

/// Entries of one piece of the list; a piece fits a page.
const PIECE_ENTRIES: usize = 60;

/// A block that is lent.
#[derive(Clone, Copy)]
struct Lent {
    extent: Extent,
    /// Bytes of the block.
    bytes: usize,
    reused: Option<u64>,
}

impl Lent {
    /// Bytes behind the block's end that may be resident, of a former block.
    fn behind(&self) -> usize {
        self.extent.dirty.saturating_sub(self.bytes)
    }
}

/// A piece of the list of lent blocks.
struct Piece {
    entries: [Option<Lent>; PIECE_ENTRIES],
    next: Option<NonNull<Piece>>,
}

const _: () = assert!(size_of::<Piece>() <= 4096);

/// All lent blocks.
pub(super) struct Blocks {
    first: Piece,
    /// Bytes that may be resident behind the ends of lent blocks.
    behind: usize,
}

impl Blocks {
    pub(super) const fn new() -> Blocks {
        Blocks {
            first: Piece {
                entries: [None; PIECE_ENTRIES],
                next: None,
            },
            behind: 0,
        }
    }

    /// Bytes that may be resident behind the ends of lent blocks.
    pub(super) fn behind_bytes(&self) -> usize {
        self.behind
    }

    /// Runs `visit` on each place of the list until it returns something.
    fn find<R>(&mut self, mut visit: impl FnMut(&mut Option<Lent>) -> Option<R>) -> Option<R> {
        let mut piece = &mut self.first;
        loop {
            for entry in &mut piece.entries {
                if let Some(found) = visit(entry) {
                    return Some(found);
                }
            }
            // SAFETY: `one-entry`: pieces stay for ever, and the list is
            // borrowed mutably, under its lock.
            piece = unsafe { piece.next?.as_mut() };
        }
    }

    /// The entry of the block at `start`, if it is lent.
    fn entry(&mut self, start: NonNull<u8>) -> Option<&mut Option<Lent>> {
        self.find(|entry| {
            let found = entry.is_some_and(|lent| lent.extent.start == start);
            found.then(|| NonNull::from(entry))
        })
        // SAFETY: the place just found, in the list that is borrowed.
        .map(|mut entry| unsafe { entry.as_mut() })
    }

    /// Takes the block at `start` off the list.
    fn strike(&mut self, start: NonNull<u8>) -> Option<Lent> {
        let lent = self.entry(start)?.take()?;
        self.behind -= lent.behind();
        Some(lent)
    }

    /// Changes what is known about the block at `start`; none when it is not lent.
    fn change<R>(&mut self, start: NonNull<u8>, change: impl FnOnce(&mut Lent) -> R) -> Option<R> {
        let lent = self.entry(start)?.as_mut()?;
        let before = lent.behind();
        let result = change(lent);
        let after = lent.behind();
        self.behind = self.behind - before + after;
        Some(result)
    }

    /// Enters a block; false when the list is full and cannot grow.
    fn enter(&mut self, lent: Lent) -> bool {
        let place = |entry: &mut Option<Lent>| {
            if entry.is_some() {
                return None;
            }
            *entry = Some(lent);
            Some(())
        };
        self.behind += lent.behind();
        if self.find(place).is_some() {
            return true;
        }
        let bytes = size_of::<Piece>().next_multiple_of(os::page_bytes());
        let Some(page) = os::reserve(bytes, os::page_bytes()) else {
            self.behind -= lent.behind();
            return false;
        };
        let mut entries = [None; PIECE_ENTRIES];
        entries[0] = Some(lent);
        let piece = page.cast::<Piece>();
        let next = self.first.next;
        // SAFETY: mapped just above, large and aligned enough.
        unsafe { piece.write(Piece { entries, next }) };
        self.first.next = Some(piece);
        true
    }
}

/// Lends `bytes`, whole pages, at a multiple of `align`, zero if so asked.
///
/// # Cost
///
/// One lock for a kept range; system calls for a fresh one.
pub(crate) fn lend(bytes: usize, align: usize, zeroed: bool) -> Option<NonNull<u8>> {
    let kept = if zeroed || align > RANGE_STEP_BYTES {
        None
    } else {
        RANGES.lock().mapped.take_nearest(bytes)
    };
    let reused = kept.map(|_| tick::count());
    let extent = match kept {
        Some(extent) => extent,
        None => fresh(bytes, align)?,
    };
    let lent = Lent {
        extent,
        bytes,
        reused,
    };
    if RANGES.lock().blocks.enter(lent) {
        return Some(extent.start);
    }
    extent.unmap();
    None
}

fn fresh(bytes: usize, align: usize) -> Option<Extent> {
    let room = bytes.saturating_mul(ROOM);
    let align = align.max(RANGE_STEP_BYTES);
    let roomy = os::reserve(room, align).map(|start| (start, room));
    // Where addresses are short the block itself must do.
    let (start, bytes) = match roomy {
        Some(found) => found,
        None => (os::reserve(bytes, align)?, bytes),
    };
    let huge = HUGE_PAGES.value() != HugePages::Never as usize;
    if huge {
        // SAFETY: `ours`: mapped just above. A refusal leaves small pages.
        unsafe { os::prefer_huge(start, bytes) };
    }
    Some(Extent {
        start,
        bytes,
        accessible: 0,
        dirty: 0,
        huge,
    })
}

/// Takes a block back; false when none is lent at that address.
///
/// # Safety
///
/// Nobody uses the block any more.
pub(crate) unsafe fn give(start: NonNull<u8>) -> bool {
    let mut ranges = RANGES.lock();
    let Some(lent) = ranges.blocks.strike(start) else {
        return false;
    };
    let mut extent = lent.extent;
    extent.dirty = extent.dirty.max(lent.bytes);
    extent.accessible = extent.dirty;
    let stamp = ranges.next_stamp();
    let oldest = ranges.mapped.put(extent, lent.reused, stamp);
    let gone = oldest.map(Gone::Extent).or_else(|| ranges.pop_excess());
    drop(ranges);
    give_up_excess(gone);
    true
}

/// Bytes of the block that is lent at `start`, if one is.
#[allow(dead_code, reason = "for frees that know no layout")]
pub(crate) fn bytes_of(start: NonNull<u8>) -> Option<usize> {
    let mut ranges = RANGES.lock();
    let entry = *ranges.blocks.entry(start)?;
    entry.map(|lent| lent.bytes)
}

/// What is left to do for a block that changes its bytes.
enum Step {
    /// Nothing.
    Stay,
    /// So many bytes behind its new end are to go.
    Cut(usize),
    /// It has this range, which is too short.
    Move(Extent),
}

/// Changes the bytes of a block, elsewhere if `align` allows and need be.
///
/// # Safety
///
/// The block is lent, of `old` bytes, and nobody else uses it meanwhile; what is
/// cut off is not used any more.
pub(crate) unsafe fn resize(
    start: NonNull<u8>,
    old: usize,
    new: usize,
    align: usize,
) -> Option<NonNull<u8>> {
    let step = RANGES.lock().blocks.change(start, |lent| {
        let extent = &mut lent.extent;
        if new > extent.bytes {
            let whole = *extent;
            // What lies behind goes with the old range: no tick may touch it.
            extent.dirty = 0;
            return Step::Move(whole);
        }
        lent.bytes = new;
        extent.dirty = extent.dirty.max(old);
        if new >= old {
            return Step::Stay;
        }
        let bytes = extent.dirty - new;
        extent.dirty = new;
        Step::Cut(bytes)
    })?;
    let whole = match step {
        Step::Stay => return Some(start),
        Step::Cut(bytes) => {
            // SAFETY: `inside`: the end of the block.
            let tail = unsafe { start.add(new) };
            // SAFETY: `ours`: the caller gives up what is cut off, and the rest
            // of the range is nobody's.
            if !unsafe { os::purge(tail, bytes) } {
                RANGES.lock().note_dirty(start, new + bytes);
            }
            return Some(start);
        }
        Step::Move(whole) => whole,
    };
    let Some(larger) = fresh(new, align) else {
        RANGES.lock().note_dirty(start, whole.dirty);
        return None;
    };
    // SAFETY: `one-entry`, both: the block is the caller's, the range is new.
    unsafe { move_block(&whole, &larger, old) };
    let moved = Lent {
        extent: larger,
        bytes: new,
        reused: None,
    };
    RANGES.lock().blocks.change(start, |lent| *lent = moved);
    Some(larger.start)
}

/// Moves `used` bytes to the start of another range and gives up the first.
///
/// # Safety
///
/// The caller alone uses both; nothing is in the second yet.
unsafe fn move_block(from: &Extent, to: &Extent, used: usize) {
    // SAFETY: `ours`, both, of that length at least.
    let moved = unsafe { os::move_pages(from.start, to.start, used) };
    if !moved {
        // SAFETY: two ranges, the second one zero.
        unsafe { to.start.copy_from_nonoverlapping(from.start, used) };
    }
    let gone = if moved { used } else { 0 };
    if gone < from.bytes {
        // SAFETY: `inside`: what was not moved.
        let rest = unsafe { from.start.add(gone) };
        // SAFETY: `ours`: of no use any more.
        unsafe { os::release(rest, from.bytes - gone) };
    }
}

/// Hands back a piece of what lent blocks have resident behind their end, 2 MiB at
/// most. Returns its bytes; none when there is nothing, or the system refuses.
///
/// The lock is held over the system call: a block must not grow meanwhile.
pub(super) fn purge_behind(cause: Cause) -> Option<usize> {
    let mut ranges = RANGES.lock();
    if ranges.blocks.behind == 0 {
        return None;
    }
    let bytes = ranges.blocks.find(|entry| {
        let lent = entry.as_mut()?;
        let dirty = lent.extent.dirty;
        let last_step = dirty.saturating_sub(1) / RANGE_STEP_BYTES * RANGE_STEP_BYTES;
        let keep = lent.bytes.max(last_step);
        if keep >= dirty {
            return None;
        }
        // SAFETY: `inside`: the end of the block, or further on.
        let behind = unsafe { lent.extent.start.add(keep) };
        // SAFETY: `ours`: behind the block, where nobody is.
        if !unsafe { os::purge(behind, dirty - keep) } {
            return None;
        }
        lent.extent.dirty = keep;
        Some(dirty - keep)
    })?;
    ranges.blocks.behind -= bytes;
    ranges.purged.add(cause, bytes);
    Some(bytes)
}

impl Ranges {
    /// Notes again what may be resident in the range of the block at `start`.
    fn note_dirty(&mut self, start: NonNull<u8>, dirty: usize) {
        self.blocks.change(start, |lent| lent.extent.dirty = dirty);
    }
}
