//! Verifies one heap, by its own thread.

use crate::layout::size_class::SizeClass;
use crate::slab::free_list::{Slot, length, next_of};
use crate::slab::remote::State;
use crate::slab::{Slab, SlabRef};

use super::Heap;

impl Heap {
    /// Verifies `bin-free`, `numbered`, and the slabs' own invariants.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        self.go_in();
        let checked = self.check_inside();
        self.door.leave();
        checked
    }

    fn check_inside(&self) -> Result<(), &'static str> {
        for class in SizeClass::all() {
            let bin = self.bin(class);
            if self.number() == 0 && !(bin.head.is_empty() && bin.freed.is_empty()) {
                return Err("numbered");
            }
            if !class.has_two_lists() && !bin.head.is_empty() {
                return Err("bin-free");
            }
            check_bin_list(bin.head.head(), class)?;
            check_bin_list(bin.freed.head(), class)?;
            self.check_counts(class)?;
            if let Some(slab) = bin.current.get() {
                check_owned(slab, class, self.number())?;
            }
            let mut at = self.row(class).queue.first();
            let mut slabs = 0;
            while let Some(slab) = at {
                check_owned(slab, class, self.number())?;
                slabs += 1;
                at = slab.next.get();
            }
            if slabs != self.row(class).queue.length() {
                return Err("owned-listed");
            }
        }
        Ok(())
    }

    /// Verifies that what the counters say about the lists is so.
    fn check_counts(&self, class: SizeClass) -> Result<(), &'static str> {
        let (bin, row) = (self.bin(class), self.row(class));
        let absorbed = row.granted.get().abs_diff(bin.room.get());
        // SAFETY: `bin-free`: our own list.
        let head = unsafe { length(bin.head.head(), usize::MAX) };
        // SAFETY: as above.
        let freed = unsafe { length(bin.freed.head(), usize::MAX) };
        if head + freed > (row.filled.get() + absorbed) as usize {
            return Err("bin-free");
        }
        if class.has_two_lists() && freed != (row.kept.get() + absorbed) as usize {
            return Err("bin-free");
        }
        Ok(())
    }
}

fn check_owned(slab: SlabRef, class: SizeClass, heap: u64) -> Result<(), &'static str> {
    if slab.class() != class {
        return Err("owned-listed");
    }
    slab.check(heap)
}

/// Every slot on a bin's list is a slot of a slab of that class.
fn check_bin_list(mut slot: *mut Slot, class: SizeClass) -> Result<(), &'static str> {
    while !slot.is_null() {
        if !crate::segment::map::contains(slot.addr()) {
            return Err("bin-free");
        }
        // SAFETY: the segment map knows the segment.
        let slab = unsafe { Slab::around(slot.cast(), class) };
        let word = slab.word.peek();
        if word.state == State::None || usize::from(word.class) != class.index() {
            return Err("bin-free");
        }
        if !slab.has_slot(slot) {
            return Err("in-slab");
        }
        // SAFETY: `bin-free`: our own list.
        slot = unsafe { next_of(slot) };
    }
    Ok(())
}
