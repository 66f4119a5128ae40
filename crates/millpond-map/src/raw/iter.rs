//! Walking the entries of a table.
//!
//! A table that is mostly empty is walked along its list of touched lines, any other
//! from the first line to the last. Which of the two depends on the table's state
//! alone, so two walks without a change between them agree.
//!
//! # Invariants
//!
//! - `alive`: the table that a walk was started on is neither moved to another slab,
//!   wiped, nor added to while the walk goes on, and only entries that the walk has
//!   already returned are erased.
//! - `left`: as many entries lie ahead of the walk as `left` says.

use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use super::inner::{LINE_SLOTS, RawInner};
use super::layout::LINE_GROUPS;
use crate::control::{GROUP_SLOTS, Group};
use crate::prefetch::{LINE_BYTES, prefetch};

/// With more than these bytes of slots ahead, a walk asks for slots before it comes to them.
///
/// Raced: a table that no second-level cache holds. Without it, a walk over 34 MB took 1.5 to 2
/// of the time on a processor whose own guesses fall behind.
const FAR_BYTES: usize = 1 << 20;

/// Entries of more bytes are not asked for: most of what comes would be the same entry.
const ASKED_BYTES: usize = 64;

/// The lines of a table that lie ahead of a walk.
#[derive(Clone)]
struct Lines {
    /// The first tag of the table.
    control: NonNull<u8>,
    /// The first slot of the line being walked.
    off: usize,
    /// Where the run of lines ends that `off` is in: behind the line, or the table.
    run_end: usize,
    /// The next place on the list. At its end in a walk over all lines.
    list: NonNull<u32>,
    /// Where what is in use of the list ends.
    list_end: NonNull<u32>,
}

impl Lines {
    /// Starts a walk over `table`, and returns the lanes with an entry of its first line;
    /// none before the first one.
    ///
    /// # Safety
    ///
    /// `alive`, for as long as the walk goes on.
    #[inline(always)]
    unsafe fn of(table: &RawInner) -> (Lines, u64) {
        if table.is_listed() {
            // SAFETY: `alive`, by contract.
            return (unsafe { Lines::of_listed(table) }, 0);
        }
        // A table of few groups is never veiled.
        let (control, run_end) = (table.front.control, table.front.mask + GROUP_SLOTS);
        let lanes = if run_end == GROUP_SLOTS {
            // SAFETY: `slab`. Every table has a group, an empty one if it has no slab.
            unsafe { fulls::<1>(control) }
        } else if run_end == 2 * GROUP_SLOTS {
            // SAFETY: `slab`. This one has two.
            unsafe { fulls::<2>(control) }
        } else {
            // SAFETY: `slab`. Groups come in powers of two, so there are four of them.
            unsafe { fulls::<LINE_GROUPS>(control) }
        };
        let lines = Lines {
            control,
            off: 0,
            run_end,
            list: NonNull::dangling(),
            list_end: NonNull::dangling(),
        };
        (lines, lanes)
    }

    /// As [`of`](Self::of) for a table with a list: along it if that is shorter.
    ///
    /// # Safety
    ///
    /// As above.
    #[inline(never)]
    unsafe fn of_listed(table: &RawInner) -> Lines {
        let mut lines = Lines {
            control: table.control(),
            // One line before the start, at the end of an empty run.
            off: 0_usize.wrapping_sub(LINE_SLOTS),
            run_end: 0,
            list: NonNull::dangling(),
            list_end: NonNull::dangling(),
        };
        if table.touched as usize <= (table.lines() - 1) / 2 {
            // SAFETY: `touched`, just asked for.
            lines.list = unsafe { table.list() };
            // SAFETY: `touched`. So many places of the list are in use.
            lines.list_end = unsafe { lines.list.add(table.touched as usize) };
        } else {
            lines.run_end = table.limit;
        }
        lines
    }

    /// Goes to the next line, of the table or on the list, and returns the lanes with an
    /// entry; none at the end.
    #[inline(always)]
    fn step(&mut self) -> Option<u64> {
        self.off = self.off.wrapping_add(LINE_SLOTS);
        if self.off >= self.run_end {
            if self.list == self.list_end {
                return None;
            }
            // SAFETY: `touched`. The list goes on.
            self.off = unsafe { self.list.read() } as usize * LINE_SLOTS;
            // SAFETY: `touched`, as above.
            self.list = unsafe { self.list.add(1) };
            self.run_end = self.off + LINE_SLOTS;
        }
        // SAFETY: `alive`, `touched`. A line of the table starts there.
        let from = unsafe { self.control.add(self.off) };
        // SAFETY: as above; a table of less than a line is at its end by now.
        Some(unsafe { fulls::<LINE_GROUPS>(from) })
    }

    /// As [`step`](Self::step), where there is a next line.
    ///
    /// # Safety
    ///
    /// An entry lies ahead of this line.
    #[inline(always)]
    unsafe fn step_on(&mut self) -> u64 {
        // SAFETY: an entry lies in a line, of the table and on the list.
        unsafe { self.step().unwrap_unchecked() }
    }
}

/// The lanes with an entry of so many groups, whose tags start at `tags`.
///
/// # Safety
///
/// So many groups of a table lie there.
#[inline(always)]
unsafe fn fulls<const GROUPS: usize>(tags: NonNull<u8>) -> u64 {
    let mut lanes = 0;
    for group in 0..GROUPS {
        // SAFETY: by contract.
        let from = unsafe { tags.add(group * GROUP_SLOTS) };
        // SAFETY: by contract: sixteen tags start there.
        let full = unsafe { Group::load(from.as_ptr()) }.fulls();
        lanes |= u64::from(full.bits()) << (group * GROUP_SLOTS);
    }
    lanes
}

/// Takes the lowest lane out.
#[inline(always)]
fn take_lowest(lanes: &mut u64) -> usize {
    let lane = lanes.trailing_zeros() as usize;
    *lanes &= *lanes - 1;
    lane
}

/// Walks the indices of the slots that hold an entry.
pub(crate) struct RawIndices {
    lines: Lines,
    /// The lanes of the line that lie ahead.
    lanes: u64,
    /// `left`.
    left: usize,
}

impl RawIndices {
    /// Starts a walk over `table`.
    ///
    /// # Safety
    ///
    /// `alive`, for as long as `next` is called.
    #[inline]
    pub(crate) unsafe fn new(table: &RawInner) -> RawIndices {
        // SAFETY: by contract.
        let (lines, lanes) = unsafe { Lines::of(table) };
        RawIndices {
            lines,
            lanes,
            left: table.len,
        }
    }

    /// Returns the entries that lie ahead.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.left
    }
}

impl Iterator for RawIndices {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        while self.lanes == 0 {
            // SAFETY: `left` is not zero.
            self.lanes = unsafe { self.lines.step_on() };
        }
        self.left -= 1;
        Some(self.lines.off + take_lowest(&mut self.lanes))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Walks the entries of a table, as pointers.
pub(crate) struct RawIter<T> {
    /// The lanes of the line that lie ahead. Where they end nobody can predict, which costs
    /// more than finding ten entries: with the lanes of four groups in a word it happens a
    /// quarter as often as with one.
    lanes: u64,
    /// The first slot of the line.
    line: NonNull<T>,
    /// The first slot.
    slots: NonNull<T>,
    /// `left`.
    left: usize,
    lines: Lines,
    marker: PhantomData<T>,
}

impl<T> RawIter<T> {
    /// Starts a walk over `table`.
    ///
    /// # Safety
    ///
    /// `alive`, for as long as `next` is called; the entries of `table` are of type `T`.
    #[inline]
    pub(crate) unsafe fn new(table: &RawInner) -> RawIter<T> {
        // SAFETY: by contract.
        let (lines, lanes) = unsafe { Lines::of(table) };
        let slots = table.slots.cast::<T>();
        RawIter {
            lanes,
            line: slots,
            slots,
            left: table.len,
            lines,
            marker: PhantomData,
        }
    }

    /// Returns a walk that is at its end.
    pub(crate) fn ended() -> RawIter<T> {
        // SAFETY: the shared table is alive for ever and has no entries.
        unsafe { RawIter::new(&RawInner::SHARED) }
    }

    /// Gives each entry that lies ahead to `f`, as [`fold`](Iterator::fold) does.
    ///
    /// A panic in `f` leaves the walk behind the entry at which it happened.
    #[inline]
    pub(crate) fn fold_ahead<B>(&mut self, init: B, mut f: impl FnMut(B, NonNull<T>) -> B) -> B {
        let mut accumulated = init;
        while self.left != 0 {
            while self.lanes != 0 {
                self.left -= 1;
                // SAFETY: just looked.
                accumulated = f(accumulated, unsafe { self.take_first() });
            }
            let Some(lanes) = self.lines.step() else {
                break; // not reached while something is left
            };
            self.lanes = lanes;
            // SAFETY: `alive`. A line of the table starts there.
            self.line = unsafe { self.slots.add(self.lines.off) };
            self.ask_ahead();
        }
        accumulated
    }

    /// Asks for the slots of the line after next, in a walk over all lines of a large table.
    #[inline(always)]
    fn ask_ahead(&self) {
        // Along the list a run is one line, which is never far.
        let ahead_bytes = (self.lines.run_end - self.lines.off).wrapping_mul(size_of::<T>());
        if size_of::<T>() > ASKED_BYTES || ahead_bytes < FAR_BYTES {
            return;
        }
        for at in (0..LINE_SLOTS * size_of::<T>()).step_by(LINE_BYTES) {
            // SAFETY: `alive`. So far lie slots of the table.
            let slot = unsafe { self.line.add(2 * LINE_SLOTS) };
            // SAFETY: within the line of those slots.
            prefetch(unsafe { slot.cast().add(at) });
        }
    }

    /// Takes the next entry of the line.
    ///
    /// # Safety
    ///
    /// A lane lies ahead.
    #[inline(always)]
    unsafe fn take_first(&mut self) -> NonNull<T> {
        let lane = take_lowest(&mut self.lanes);
        // SAFETY: `alive`. The lane is that of a slot of the line.
        unsafe { self.line.add(lane) }
    }
}

impl<T> Clone for RawIter<T> {
    #[inline]
    fn clone(&self) -> RawIter<T> {
        RawIter {
            lines: self.lines.clone(),
            ..*self
        }
    }
}

impl<T> Iterator for RawIter<T> {
    type Item = NonNull<T>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<T>> {
        if self.left == 0 {
            return None;
        }
        while self.lanes == 0 {
            // SAFETY: `left` is not zero.
            self.lanes = unsafe { self.lines.step_on() };
            // SAFETY: `alive`. A line of the table starts there.
            self.line = unsafe { self.slots.add(self.lines.off) };
            self.ask_ahead();
        }
        self.left -= 1;
        // SAFETY: just looked.
        Some(unsafe { self.take_first() })
    }

    #[inline]
    fn fold<B, F: FnMut(B, NonNull<T>) -> B>(mut self, init: B, mut f: F) -> B {
        let mut accumulated = init;
        loop {
            // Two entries a turn: a loop of seven instructions takes half as long again where
            // it happens to lie across two cache lines, and one of fourteen hardly longer.
            while self.lanes != 0 {
                // SAFETY: just looked.
                accumulated = f(accumulated, unsafe { self.take_first() });
                if self.lanes == 0 {
                    break;
                }
                // SAFETY: just looked.
                accumulated = f(accumulated, unsafe { self.take_first() });
            }
            let Some(lanes) = self.lines.step() else {
                return accumulated;
            };
            self.lanes = lanes;
            // SAFETY: `alive`. A line of the table starts there.
            self.line = unsafe { self.slots.add(self.lines.off) };
            self.ask_ahead();
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

// As pointers to what is shared are: the walk itself owns no entry.
impl<T: RefUnwindSafe> UnwindSafe for RawIter<T> {}

impl<T> ExactSizeIterator for RawIter<T> {}
impl<T> FusedIterator for RawIter<T> {}

/// Drops the entries that a walk has not reached yet, each once, even where one panics.
///
/// # Safety
///
/// Each entry ahead of the walk is owned by the caller, and is not used again.
pub(crate) unsafe fn drop_rest<T>(walk: &mut RawIter<T>) {
    /// Goes on after a panic. A second one aborts, as everywhere in Rust.
    struct Rest<'a, T>(&'a mut RawIter<T>);

    impl<T> Drop for Rest<'_, T> {
        fn drop(&mut self) {
            for entry in &mut *self.0 {
                // SAFETY: the walk returns each entry once; the caller gave them up.
                unsafe { entry.drop_in_place() };
            }
        }
    }

    if core::mem::needs_drop::<T>() {
        let rest = Rest(walk);
        for entry in rest.0.by_ref() {
            // SAFETY: the walk returns each entry once; the caller gave them up.
            unsafe { entry.drop_in_place() };
        }
    }
}
