//! Walking the entries of a table.
//!
//! A table that is mostly empty is walked along its list of touched lines, any other
//! from the first group to the last. Which of the two depends on the table's state
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
use core::ptr::NonNull;

use super::inner::{LINE_SLOTS, RawInner};
use crate::control::{BitMask, GROUP_SLOTS, Group};

/// Walks the indices of the slots that hold an entry.
#[derive(Clone)]
pub(crate) struct RawIndices {
    /// The first tag of the table.
    control: NonNull<u8>,
    /// The group being walked.
    off: usize,
    /// Where the run of groups ends that `off` is in: the end of a line, or of the table.
    run_end: usize,
    /// The lanes of the group that lie ahead.
    lanes: BitMask,
    /// The next place on the list. At its end in a walk over all groups.
    list: NonNull<u32>,
    /// Where what is in use of the list ends.
    list_end: NonNull<u32>,
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
        if table.is_listed() {
            // SAFETY: `alive`, by contract.
            return unsafe { RawIndices::of_listed(table) };
        }
        // A table of few groups is never veiled.
        // SAFETY: `slab`. Every table has a group at 0, an empty one if it has no slab.
        let lanes = unsafe { table.front_group(0) }.fulls();
        RawIndices {
            control: table.front.control,
            off: 0,
            run_end: table.front.mask + GROUP_SLOTS,
            lanes,
            list: NonNull::dangling(),
            list_end: NonNull::dangling(),
            left: table.len,
        }
    }

    /// Starts a walk over a table with a list, along it if that is shorter.
    ///
    /// # Safety
    ///
    /// As [`new`](Self::new).
    #[inline(never)]
    unsafe fn of_listed(table: &RawInner) -> RawIndices {
        let mut walk = RawIndices {
            control: table.control(),
            off: 0,
            run_end: table.limit,
            // SAFETY: `slab`. Every table has a group at 0.
            lanes: unsafe { table.group(0) }.fulls(),
            list: NonNull::dangling(),
            list_end: NonNull::dangling(),
            left: table.len,
        };
        if table.touched as usize <= (table.lines() - 1) / 2 {
            // SAFETY: `touched`, just asked for.
            walk.list = unsafe { table.list() };
            // SAFETY: `touched`. So many places of the list are in use.
            walk.list_end = unsafe { walk.list.add(table.touched as usize) };
            // One group before the start, at the end of an empty run.
            walk.off = 0_usize.wrapping_sub(GROUP_SLOTS);
            walk.run_end = 0;
            walk.lanes = BitMask::NONE;
        }
        walk
    }

    /// Returns the entries that lie ahead.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Goes to the next group: of the line, of the next line on the list, or of the table.
    ///
    /// # Safety
    ///
    /// `left` is not zero, and the group has been walked to its end.
    #[inline]
    unsafe fn next_group(&mut self) {
        self.off = self.off.wrapping_add(GROUP_SLOTS);
        if self.off == self.run_end {
            // SAFETY: `left` is not zero, and the line ends here.
            unsafe { self.next_line() };
        }
        // SAFETY: `alive`, `left`. An entry lies ahead, so a group of the table does.
        let from = unsafe { self.control.add(self.off) };
        // SAFETY: as above: sixteen tags start there.
        self.lanes = unsafe { Group::load(from.as_ptr()) }.fulls();
    }

    /// Walks to the end, with offsets and lanes for `f`.
    ///
    /// Two loops: one over the groups of a run, which counts no entries, and one over its
    /// lanes. Where a group ends nobody can predict, so what lies between it and the next
    /// entry is as short as can be.
    #[inline(always)]
    fn fold_groups<B>(mut self, init: B, mut f: impl FnMut(B, usize, usize) -> B) -> B {
        let mut accumulated = init;
        if self.left == 0 {
            return accumulated;
        }
        loop {
            loop {
                for lane in self.lanes {
                    accumulated = f(accumulated, self.off, lane);
                }
                self.off = self.off.wrapping_add(GROUP_SLOTS);
                if self.off == self.run_end {
                    break;
                }
                // SAFETY: `alive`. The run goes on, so a group of the table does.
                let from = unsafe { self.control.add(self.off) };
                // SAFETY: as above: sixteen tags start there.
                self.lanes = unsafe { Group::load(from.as_ptr()) }.fulls();
            }
            if self.list == self.list_end {
                return accumulated;
            }
            // SAFETY: `touched`. The list goes on.
            unsafe { self.next_line() };
            // SAFETY: `alive`, `touched`. A line of the table starts there.
            let from = unsafe { self.control.add(self.off) };
            // SAFETY: as above: sixteen tags start there.
            self.lanes = unsafe { Group::load(from.as_ptr()) }.fulls();
        }
    }

    /// Goes to the next line of the list.
    ///
    /// # Safety
    ///
    /// `left` is not zero, and all listed lines up to here have been walked to their end.
    unsafe fn next_line(&mut self) {
        // SAFETY: `touched`, `left`. An entry lies ahead, so a line of the list does.
        self.off = unsafe { self.list.read() } as usize * LINE_SLOTS;
        // SAFETY: `touched`, as above.
        self.list = unsafe { self.list.add(1) };
        self.run_end = self.off + LINE_SLOTS;
    }
}

impl Iterator for RawIndices {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(lane) = self.lanes.next() {
                self.left -= 1;
                return Some(self.off | lane);
            }
            // SAFETY: `left` is not zero, and the group has been walked to its end.
            unsafe { self.next_group() };
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, usize) -> B>(self, init: B, mut f: F) -> B {
        self.fold_groups(init, |accumulated, off, lane| f(accumulated, off | lane))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RawIndices {}
impl FusedIterator for RawIndices {}

/// Walks the entries of a table, as pointers.
pub(crate) struct RawIter<T> {
    indices: RawIndices,
    /// The first slot.
    slots: NonNull<T>,
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
        RawIter {
            // SAFETY: by contract.
            indices: unsafe { RawIndices::new(table) },
            slots: table.slots.cast(),
            marker: PhantomData,
        }
    }

    /// Returns a walk that is at its end.
    pub(crate) fn ended() -> RawIter<T> {
        // SAFETY: the shared table is alive for ever and has no entries.
        unsafe { RawIter::new(&RawInner::SHARED) }
    }
}

impl<T> Clone for RawIter<T> {
    #[inline]
    fn clone(&self) -> RawIter<T> {
        RawIter {
            indices: self.indices.clone(),
            slots: self.slots,
            marker: PhantomData,
        }
    }
}

impl<T> Iterator for RawIter<T> {
    type Item = NonNull<T>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<T>> {
        let index = self.indices.next()?;
        // SAFETY: `alive`. The index is that of a slot of the table.
        Some(unsafe { self.slots.add(index) })
    }

    #[inline]
    fn fold<B, F: FnMut(B, NonNull<T>) -> B>(self, init: B, mut f: F) -> B {
        let slots = self.slots;
        self.indices.fold_groups(init, |accumulated, off, lane| {
            // SAFETY: `alive`. The group is one of the table.
            let first = unsafe { slots.add(off) };
            // SAFETY: `alive`. The lane is that of a slot of the table.
            f(accumulated, unsafe { first.add(lane) })
        })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indices.size_hint()
    }
}

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
