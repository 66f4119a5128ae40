//! How a heap gives back what it holds: when its thread ends, parks, or is asked to.

use crate::layout::size_class::SizeClass;
use crate::slab::free_list::{last, length, link};

use crate::slab::SlabRef;
use crate::sync::Relaxed;

use super::{Heap, PARK_STEPS};

impl Heap {
    /// Empties the heap: its slots go to their slabs, its slabs to whoever needs
    /// them, its runs to the segments.
    pub(crate) fn leave(&self) {
        for class in SizeClass::all() {
            if !self.is_unused(class) {
                self.drain_quickly(class);
                self.row(class).drawn.set(0);
            }
            self.go_in();
            while let Some(slab) = self.take_slab(class) {
                self.give_away(slab);
            }
            self.door.leave();
        }
        self.drop_runs();
    }

    /// Tells whether a bin has no slots, nor anything to count. Leaves alone what lies behind
    /// the door.
    fn is_unused(&self, class: SizeClass) -> bool {
        let (bin, row) = (self.bin(class), self.row(class));
        let no_slots = bin.head.is_empty() && bin.freed.is_empty();
        no_slots && bin.room.get() == 0 && row.filled.get() == 0 && row.granted.get() == 0
    }

    /// Takes one of the slabs of that class off its list, from behind the door.
    pub(super) fn take_slab(&self, class: SizeClass) -> Option<SlabRef> {
        let current = self.bin(class).current.take();
        current.or_else(|| self.row(class).queue.pop())
    }

    /// Gives back what is free, once after each tick and after much work.
    pub(crate) fn park(&self, tick: u64) {
        // Relaxed: this thread's own number.
        let ((parked, then), now) = (self.parked.get(), self.looks.load(Relaxed));
        if parked != tick + 1 || now.wrapping_sub(then) >= PARK_STEPS {
            self.leave();
            self.parked.set((tick + 1, now));
        }
    }

    /// Puts what came back behind what is to be lent next.
    fn join_lists(&self, class: SizeClass) {
        if !class.has_two_lists() {
            return;
        }
        let bin = self.bin(class);
        let (head, freed) = (bin.head.head(), bin.freed.take());
        if head.is_null() {
            bin.head.replace(freed);
            return;
        }
        // SAFETY: `bin-free`: our own list.
        let count = unsafe { length(head, usize::MAX) };
        // SAFETY: as above; it is that long.
        let end = unsafe { last(head, count) };
        // SAFETY: as above.
        unsafe { link(end, freed) };
    }

    /// Makes the counters exact for this heap.
    pub(crate) fn settle_all(&self) {
        for class in SizeClass::all() {
            self.join_lists(class);
            self.row(class).kept.set(0);
            // SAFETY: `bin-free`: our own list.
            let left = unsafe { length(self.lends(class).head(), usize::MAX) } as u32;
            self.grant(class, self.bin(class).room.get());
            self.settle(class, left, left);
        }
    }
}
