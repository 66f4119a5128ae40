//! How a heap gives back what it holds: all of it when its thread ends, what it
//! does not need when asked.

use crate::layout::size_class::SizeClass;
use crate::slab::free_list::{last, length, link};

use super::{Heap, PARK_STEPS};

impl Heap {
    /// Empties the heap: its slots go to their slabs, its slabs to whoever needs
    /// them, its runs to the segments.
    pub(super) fn leave(&self) {
        for class in SizeClass::all() {
            self.drain_quickly(class);
            if let Some(slab) = self.bin(class).current.take() {
                self.give_away(slab);
            }
            while let Some(slab) = self.row(class).queue.pop() {
                self.give_away(slab);
            }
        }
        self.drop_runs();
    }

    /// Gives back all that is free, and keeps what is partly lent.
    pub(crate) fn release(&self) {
        for class in SizeClass::all() {
            self.drain(class);
            let queue = &self.row(class).queue;
            if let Some(slab) = self.bin(class).current.take() {
                queue.push(slab);
            }
            let mut at = queue.first();
            while let Some(slab) = at {
                at = slab.next.get();
                slab.collect();
                if slab.used.get() == 0 {
                    queue.remove(slab);
                    self.retire(slab);
                }
            }
        }
        self.drop_runs();
    }

    /// Gives back what is free, once after each tick and after much work.
    pub(crate) fn park(&self, tick: u64) {
        let ((parked, then), now) = (self.parked.get(), self.looks.get());
        if parked != tick + 1 || now.wrapping_sub(then) >= PARK_STEPS {
            self.release();
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
