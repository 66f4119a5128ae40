//! Walks that can be cut in two, for many threads. Feature `rayon`.
//!
//! ```text
//!   lines of 64 slots   0 1 2 3 4 5 6 7 8 9 …      all, or those on the touched list
//!                      └────part───┘└───part───      cut in the middle, again and again
//! ```
//!
//! # Invariants
//!
//! - `alive`: as in [`iter`](super::iter), for every part of the walk.
//! - `apart`: the parts of a walk have no line in common, so no entry is in two of them.

use core::iter::FusedIterator;
use core::mem;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;
use rayon::iter::plumbing::{Folder, UnindexedConsumer, UnindexedProducer, bridge_unindexed};

use super::RawTable;
use super::inner::{LINE_SLOTS, RawInner};
use crate::control::{BitMask, GROUP_SLOTS, Group};

/// A part of a walk over a table, as pointers to entries.
pub(crate) struct RawPart<T> {
    /// The first tag of the table.
    control: NonNull<u8>,
    /// The first slot.
    slots: NonNull<T>,
    /// The slots of the table.
    limit: usize,
    /// The list of lines, where the walk goes along it.
    list: Option<NonNull<u32>>,
    /// The next line, or the next place on the list.
    next: usize,
    /// Where the part ends.
    end: usize,
    /// The group being walked.
    off: usize,
    /// Where its line ends.
    line_end: usize,
    /// The lanes of the group that lie ahead.
    lanes: BitMask,
}

// SAFETY: a part only points; who reads an entry through it says on which terms.
unsafe impl<T> Send for RawPart<T> {}
// SAFETY: as above; a shared part does nothing but be cloned.
unsafe impl<T> Sync for RawPart<T> {}

impl<T> Clone for RawPart<T> {
    fn clone(&self) -> RawPart<T> {
        RawPart { ..*self }
    }
}

impl<T> RawPart<T> {
    /// Starts a walk over all of `table`, in one part.
    ///
    /// # Safety
    ///
    /// `alive`, for as long as a part of it is walked; the entries of `table` are of type `T`.
    unsafe fn all(table: &RawInner) -> RawPart<T> {
        let limit = table.limit;
        let lines = limit.div_ceil(LINE_SLOTS);
        let listed = table.is_listed() && table.touched as usize <= lines / 2;
        RawPart {
            control: table.control(),
            slots: table.slots.cast(),
            limit,
            // SAFETY: `touched`, just asked for.
            list: listed.then(|| unsafe { table.list() }),
            next: 0,
            end: if listed {
                table.touched as usize
            } else {
                lines
            },
            off: 0,
            line_end: 0,
            lanes: BitMask::NONE,
        }
    }

    /// Returns a part with no line in it.
    fn ended(&self) -> RawPart<T> {
        RawPart {
            next: self.end,
            off: 0,
            line_end: 0,
            lanes: BitMask::NONE,
            ..*self
        }
    }

    /// Cuts the part in two, if it has lines enough.
    fn cut(mut self) -> (RawPart<T>, Option<RawPart<T>>) {
        let ahead = self.end - self.next;
        if ahead < 2 {
            return (self, None);
        }
        let middle = self.next + ahead / 2;
        let mut right = self.ended();
        (right.next, right.end) = (middle, self.end);
        self.end = middle;
        (self, Some(right))
    }

    /// Goes to the next line of the part, and tells whether there is one.
    fn next_line(&mut self) -> bool {
        if self.next == self.end {
            return false;
        }
        let line = match self.list {
            None => self.next,
            Some(list) => {
                // SAFETY: `touched`. The place is in use, as all below the walk's end are.
                let place = unsafe { list.add(self.next) };
                // SAFETY: as above, so it is initialised; `alive`.
                let line = unsafe { place.read() };
                line as usize
            }
        };
        self.next += 1;
        self.off = line * LINE_SLOTS;
        self.line_end = (self.off + LINE_SLOTS).min(self.limit);
        true
    }
}

impl<T> Iterator for RawPart<T> {
    type Item = NonNull<T>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<T>> {
        loop {
            if let Some(lane) = self.lanes.next() {
                // The walk has gone on to the next group already.
                let index = self.off - GROUP_SLOTS + lane;
                // SAFETY: `alive`. The lane has a tag, so it is a slot with an entry.
                return Some(unsafe { self.slots.add(index) });
            }
            if self.off == self.line_end && !self.next_line() {
                return None;
            }
            // SAFETY: `alive`. The group is one of a line of the table.
            let from = unsafe { self.control.add(self.off) };
            // SAFETY: as above: sixteen tags start there.
            self.lanes = unsafe { Group::load(from.as_ptr()) }.fulls();
            self.off += GROUP_SLOTS;
        }
    }
}

impl<T> FusedIterator for RawPart<T> {}

/// Makes of each entry what `lend` makes of its pointer.
struct Lent<T, F> {
    part: RawPart<T>,
    lend: F,
}

impl<T, R, F> UnindexedProducer for Lent<T, F>
where
    R: Send,
    F: Fn(NonNull<T>) -> R + Copy + Send,
{
    type Item = R;

    fn split(self) -> (Self, Option<Self>) {
        let lend = self.lend;
        let (left, right) = self.part.cut();
        let of = |part| Lent { part, lend };
        (of(left), right.map(of))
    }

    fn fold_with<D: Folder<R>>(self, folder: D) -> D {
        folder.consume_iter(self.part.map(self.lend))
    }
}

/// Moves each entry out. Dropped, it drops those that it has not come to.
struct Moved<T>(RawPart<T>);

impl<T: Send> UnindexedProducer for Moved<T> {
    type Item = T;

    fn split(mut self) -> (Self, Option<Self>) {
        let ended = self.0.ended();
        let (left, right) = mem::replace(&mut self.0, ended).cut();
        (Moved(left), right.map(Moved))
    }

    fn fold_with<D: Folder<T>>(mut self, mut folder: D) -> D {
        while !folder.full() {
            let Some(entry) = self.0.next() else { break };
            // SAFETY: `apart`. A walk returns each entry once, and the table forgets them.
            folder = folder.consume(unsafe { entry.read() });
        }
        folder
    }
}

impl<T> Drop for Moved<T> {
    fn drop(&mut self) {
        /// Goes on after a panic. A second one aborts, as everywhere in Rust.
        struct Rest<'a, T>(&'a mut RawPart<T>);

        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                for entry in self.0.by_ref() {
                    // SAFETY: as below.
                    unsafe { entry.drop_in_place() };
                }
            }
        }

        if mem::needs_drop::<T>() {
            let rest = Rest(&mut self.0);
            for entry in rest.0.by_ref() {
                // SAFETY: `apart`. A walk returns each entry once, and the table forgets them.
                unsafe { entry.drop_in_place() };
            }
        }
    }
}

impl<T, A: Allocator> RawTable<T, A> {
    /// Starts a walk over the entries that can be cut.
    ///
    /// # Safety
    ///
    /// `alive`.
    pub(crate) unsafe fn part(&self) -> RawPart<T> {
        // SAFETY: `typed`, and by contract.
        unsafe { RawPart::all(&self.inner) }
    }

    /// Moves every entry into `consumer`. The table keeps its slab.
    pub(crate) fn drain_into<C: UnindexedConsumer<T>>(&mut self, consumer: C) -> C::Result
    where
        T: Send,
    {
        /// Wipes also when the consumer panics: what was moved must not be found again.
        struct Wipe<'a>(&'a mut RawInner);
        impl Drop for Wipe<'_> {
            fn drop(&mut self) {
                self.0.wipe();
            }
        }
        // SAFETY: `alive`. The table is borrowed and changes after the walk only.
        let part = unsafe { self.part() };
        let _wipe = Wipe(&mut self.inner);
        bridge_unindexed(Moved(part), consumer)
    }
}

impl<T> RawPart<T> {
    /// Hands what `lend` makes of each entry to `consumer`.
    pub(crate) fn drive<R, C>(
        self,
        lend: impl Fn(NonNull<T>) -> R + Copy + Send,
        consumer: C,
    ) -> C::Result
    where
        R: Send,
        C: UnindexedConsumer<R>,
    {
        bridge_unindexed(Lent { part: self, lend }, consumer)
    }
}
