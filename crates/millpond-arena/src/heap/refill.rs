//! What an allocation does when its bin is empty.
//!
//! In this order: the current slab's own list, its remote frees, its untouched
//! rest; the queue of owned slabs; the list of slabs without an owner; a new
//! slab.

use core::ptr::null_mut;

use crate::hook::{self, Way};
use crate::layout::geometry::slices_for;
use crate::layout::size_class::SizeClass;
use crate::slab::free_list::{Slot, next_of};
use crate::slab::{NO_OWNER, Slab, SlabRef};

use super::overflow::SENT_MAX;
use super::tally::Slow;
use super::{Heap, SLOW_STEPS, depot, tls};

/// Slots that a bin draws from a slab's list at first; then twice as many as the last time.
///
/// A thread that ends soon would walk along all that a slab has to give it back.
const FIRST_SLOTS: usize = 16;

impl Heap {
    /// [`Heap::alloc`] with nothing to lend next.
    #[inline(never)]
    pub(super) fn alloc_slow(&self, class: SizeClass) -> *mut u8 {
        let slot = self.lend_freed(class);
        if slot.is_null() {
            return self.refill(class);
        }
        slot
    }

    /// Lends what came back: all of it is to be lent next. Null when nothing did.
    ///
    /// Runs as often as once in sixteen pairs, so it does no more than it must.
    #[inline(always)]
    pub(super) fn lend_freed(&self, class: SizeClass) -> *mut u8 {
        let (bin, row) = (self.bin(class), self.row(class));
        if row.sent.get() >= SENT_MAX {
            // The end of a mass of frees: the last few make slabs whole, which lend
            // in the order of addresses again.
            self.drain(class);
        }
        let freed = bin.freed.take();
        if freed.is_null() {
            return null_mut();
        }
        // SAFETY: `bin-free`: our own list.
        bin.head.replace(unsafe { next_of(freed) });
        let kept = row.kept.replace(0);
        let lent = row.filled.replace(kept).wrapping_sub(kept);
        self.counters.add_allocations(class, lent.into());
        self.grant(class, class.bin_slots() as i32);
        row.sent.set(0);
        self.look_at_age(1);
        freed.cast()
    }

    /// [`Heap::alloc`] with an empty bin.
    #[cold]
    #[inline(never)]
    pub(super) fn refill(&self, class: SizeClass) -> *mut u8 {
        if self.number() == 0 {
            if !tls::make_ready(self) {
                return tls::fallback(|heap| heap.alloc(class));
            }
            // Pthreads may have allocated, and have filled the bin.
            let slot = self.alloc_at_hand(class);
            if !slot.is_null() {
                return slot;
            }
        }
        let row = self.row(class);
        let most = (2 * usize::from(row.drawn.get())).max(FIRST_SLOTS);
        self.counters.go_slow(Slow::Refill, 1);
        self.look_at_age(SLOW_STEPS);
        self.grant(class, class.bin_slots() as i32);
        self.settle(class, 0, 0);
        row.sent.set(0);
        self.go_in();
        let (head, count) = self.find(class, most);
        self.door.leave();
        if count == 0 {
            return null_mut();
        }
        // At most a slab's slots.
        row.drawn.set(count as u16);
        row.filled.set(count as u32);
        let list = self.lends(class);
        list.replace(head);
        let block = list.pop().cast();
        hook::tell(Way::Refilled, block, class.slot_bytes(), count);
        block
    }

    /// Takes slots from wherever there are some, no more than `most` of those on a slab's own
    /// list; none when there is no memory.
    fn find(&self, class: SizeClass, most: usize) -> (*mut Slot, usize) {
        let current = &self.bin(class).current;
        loop {
            if let Some(slab) = current.get() {
                let drawn = self.draw(slab, class, most);
                if drawn.1 > 0 {
                    return drawn;
                }
                current.set(None);
            }
            let Some(slab) = self.next_slab(class) else {
                return (null_mut(), 0);
            };
            current.set(Some(slab));
        }
    }

    /// Takes slots out of an owned slab; none when the slab is all lent, and
    /// then it is not ours any more.
    fn draw(&self, slab: SlabRef, class: SizeClass, most: usize) -> (*mut Slot, usize) {
        loop {
            if !slab.free.is_empty() {
                return slab.take_free(most);
            }
            let remote = slab.take_remote();
            if remote.1 > 0 {
                return remote;
            }
            let fresh = slab.carve(class.carve_slots());
            if fresh.1 > 0 {
                return fresh;
            }
            if self.abandon_full(slab) {
                return (null_mut(), 0);
            }
        }
    }

    /// Gives up a slab of which every slot is lent. False when one has just
    /// come back.
    pub(super) fn abandon_full(&self, slab: SlabRef) -> bool {
        slab.set_owner(NO_OWNER);
        if slab.word.abandon_full(slab.class().index() as u8) {
            // From here on it may be anybody's.
            return true;
        }
        slab.set_owner(self.number());
        false
    }

    /// A slab to make current, owned and on no list.
    fn next_slab(&self, class: SizeClass) -> Option<SlabRef> {
        if let Some(slab) = self.row(class).queue.pop() {
            return Some(slab);
        }
        if let Some(slab) = depot::adopt(class, self.number()) {
            self.counters.go_slow(Slow::SlabAdopted, 1);
            return Some(slab);
        }
        let slices = slices_for(class.slab_bytes());
        let run = self.take_run(slices, slices)?;
        self.counters.go_slow(Slow::SlabOpened, 1);
        // SAFETY: the run was just borrowed, in the size and alignment of the
        // class's slabs.
        Some(unsafe { Slab::open(run.start, class, self.number()) })
    }
}
