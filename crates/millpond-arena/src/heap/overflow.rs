//! What a free does when its bin has no room.
//!
//! That slot and each further one go straight to their slabs, until an allocation
//! finds nothing to lend next: a free of a million blocks touches each once, and a
//! slab that empties is found at once. Where a bin has one list, allocations do not
//! count, so it may have room after all: the first free without room looks. When that goes on for long, the bin's own slots are sent back too, as
//! a few of them would keep every slab from emptying.

use core::ptr::null_mut;

use crate::config::FOREIGN_SLABS_MAX;
use crate::fatal::{Corruption, fatal};
use crate::layout::geometry::slices_for;
use crate::layout::size_class::SizeClass;
use crate::segment::map;
use crate::slab::free_list::{Slot, length, link, next_of};
use crate::slab::remote::State;
use crate::slab::{NO_OWNER, Slab, SlabRef};

use super::tally::Slow;
use super::{Heap, SLOW_STEPS, absorbed, depot, tls};

/// Frees in a row that go past a bin before it is emptied: four bins of the
/// smallest slots.
const DIRECT_MAX: i32 = 1024;

/// Places for slabs while a list is sorted. Measured: 32 made six times as
/// many exchanges in a free of 2,700 slots over a hundred slabs.
const GROUPS: usize = 256;

/// The same where a bin holds slots of a slab or two: clearing the places of 40
/// classes would cost more than the sorting.
const FEW_GROUPS: usize = 8;

/// Slots of one slab on their way home.
#[derive(Clone, Copy)]
struct Group {
    slab: Option<SlabRef>,
    newest: *mut Slot,
    oldest: *mut Slot,
    count: u16,
}

impl Heap {
    /// [`Heap::free_to_second`] without room.
    ///
    /// A mass of frees ends here, each with a miss of the cache or two: the
    /// fewer instructions, the more misses are waited for at one time. So what
    /// such a free needs comes first, and everything else is elsewhere.
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    #[inline(never)]
    pub(super) unsafe fn free_past(&self, slot: *mut u8, class: SizeClass) {
        if map::seems_to_contain(slot.addr()) {
            // SAFETY: the map knows the segment; were the slot in its first
            // slice, the line would be the unused one of that slice.
            let slab = unsafe { Slab::around_small(slot) };
            // `room` has counted this free, below zero from -1 on.
            let is_due = self.bin(class).room.get() % DIRECT_MAX == 0;
            // Slots go to their own slab's list, whatever class the caller names.
            if slab.is_owned_by(self.number()) && !is_due {
                let head = slab.free.head();
                if head == slot.cast() {
                    fatal(Corruption::DoubleFree);
                }
                // SAFETY: the caller has just ended the life of what was there.
                unsafe { link(slot.cast(), head) };
                slab.free.replace(slot.cast());
                return self.took_back(slab, class, 1);
            }
        }
        // SAFETY: passed on.
        unsafe { self.free_slow(slot, class) };
    }

    /// [`Heap::free`] without room, all of it.
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn free_slow(&self, slot: *mut u8, class: SizeClass) {
        if self.bin(class).takes(class).head() == slot.cast() {
            fatal(Corruption::DoubleFree);
        }
        if self.number() == 0 {
            // SAFETY: passed on.
            return unsafe { self.free_unready(slot, class) };
        }
        let is_first = self.bin(class).room.get() == -1;
        if is_first && !class.has_two_lists() && self.make_room(class) {
            self.look_at_age(SLOW_STEPS);
            // SAFETY: passed on.
            return unsafe { self.free(slot, class) };
        }
        if self.bin(class).room.get() <= -DIRECT_MAX {
            self.counters.go_slow(Slow::Drain, 1);
            self.drain(class);
            self.look_at_age(SLOW_STEPS);
            // The next ones go on past the bin, which would pin every slab.
            self.grant(class, -1);
        }
        // SAFETY: passed on.
        unsafe { self.free_direct(slot, class) };
    }

    /// Makes a fresh heap ready first, or lets the fallback heap do it.
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    #[cold]
    #[inline(never)]
    unsafe fn free_unready(&self, slot: *mut u8, class: SizeClass) {
        if tls::make_ready(self) {
            // SAFETY: passed on.
            return unsafe { self.free_slow(slot, class) };
        }
        self.bin(class).room.set(0);
        // SAFETY: passed on.
        tls::fallback(|heap| unsafe { heap.free(slot, class) });
    }

    /// Grants room anew if a bin with one list has some; `room` does not tell, as
    /// allocations leave it alone. Twice its slots are many for a bin that lends meanwhile,
    /// its slots for one that only takes back.
    #[inline(never)]
    fn make_room(&self, class: SizeClass) -> bool {
        let (slots, row) = (class.bin_slots(), self.row(class));
        // SAFETY: `bin-free`: our own list.
        let length = unsafe { length(self.bin(class).head.head(), 2 * slots as usize) } as u32;
        let lends = row.filled.get() + absorbed(row.granted.get(), 0) != length;
        if length == 2 * slots || (length >= slots && !lends) {
            return false;
        }
        // This free counts again when it is made again.
        self.bin(class).room.set(0);
        let room = if lends {
            2 * slots - length
        } else {
            slots - length
        };
        self.grant(class, room.max(slots / 2) as i32);
        self.settle(class, length, length);
        true
    }

    /// Sends everything in a bin to its slabs.
    #[inline(never)]
    pub(super) fn drain(&self, class: SizeClass) {
        self.drain_by::<GROUPS>(class);
    }

    /// As [`Heap::drain`], sorting into fewer places: for many bins of few slots.
    pub(super) fn drain_quickly(&self, class: SizeClass) {
        self.drain_by::<FEW_GROUPS>(class);
    }

    fn drain_by<const GROUPS: usize>(&self, class: SizeClass) {
        self.grant(class, 0);
        let bin = self.bin(class);
        let left = self.flush::<GROUPS>(bin.head.take(), class)
            + self.flush::<GROUPS>(bin.freed.take(), class);
        self.settle(class, left, 0);
    }

    /// Sends one slot to its slab.
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    #[inline]
    unsafe fn free_direct(&self, slot: *mut u8, class: SizeClass) {
        let slab = lender(slot.cast(), class);
        if slab.is_owned_by(self.number()) {
            if slab.free.head() == slot.cast() {
                fatal(Corruption::DoubleFree);
            }
            // SAFETY: the caller has just ended the life of what was there.
            unsafe { slab.free.push(slot.cast()) };
            self.took_back(slab, class, 1);
        } else {
            // SAFETY: passed on; a chain of one.
            unsafe { self.push_remote(slab, class, slot.cast(), slot.cast(), 1) };
        }
    }

    /// Sends a list to its slabs, one exchange per slab where it can be, and
    /// returns how long it was. The list is the caller's and is gone afterwards.
    fn flush<const GROUPS: usize>(&self, mut at: *mut Slot, class: SizeClass) -> u32 {
        if at.is_null() {
            return 0;
        }
        let none = Group {
            slab: None,
            newest: null_mut(),
            oldest: null_mut(),
            count: 0,
        };
        let mut groups = [none; GROUPS];
        let mut total = 0;
        while !at.is_null() {
            let slot = at;
            // SAFETY: `bin-free`: a slot of the list that we were given.
            at = unsafe { next_of(slot) };
            total += 1;
            let slab = lender(slot, class);
            let group = &mut groups[(slab.start().addr().get() >> 16) % GROUPS];
            match group.slab {
                Some(other) if core::ptr::eq(other, slab) => {
                    // SAFETY: `bin-free`: taken off the list above.
                    unsafe { link(slot, group.newest) };
                    group.newest = slot;
                    group.count += 1;
                }
                _ => {
                    self.send(group, class);
                    *group = Group {
                        slab: Some(slab),
                        newest: slot,
                        oldest: slot,
                        count: 1,
                    };
                }
            }
        }
        for group in &groups {
            self.send(group, class);
        }
        total
    }

    fn send(&self, group: &Group, class: SizeClass) {
        let Some(slab) = group.slab else {
            return;
        };
        if slab.is_owned_by(self.number()) {
            // SAFETY: `bin-free`: the group's own last slot.
            unsafe { link(group.oldest, slab.free.head()) };
            slab.free.replace(group.newest);
            self.took_back(slab, class, group.count);
        } else {
            // SAFETY: `bin-free`: the group is a chain of free slots of `slab`.
            unsafe { self.push_remote(slab, class, group.newest, group.oldest, group.count) };
        }
    }

    /// Counts slots that an owned slab got back.
    #[inline]
    fn took_back(&self, slab: SlabRef, class: SizeClass, count: u16) {
        let used = slab.used.get() - i32::from(count);
        slab.used.set(used);
        // Below zero more slots came back than were lent.
        if used <= 0 {
            self.took_back_last(slab, class);
        }
    }

    /// Retires an owned slab whose last slot came back, if it is not needed.
    #[cold]
    #[inline(never)]
    fn took_back_last(&self, slab: SlabRef, class: SizeClass) {
        if slab.used.get() != 0 {
            fatal(Corruption::DoubleFree);
        }
        let current = self.bin(class).current.get();
        let queue = &self.row(class).queue;
        if !current.is_some_and(|current| core::ptr::eq(current, slab)) && queue.length() > 1 {
            queue.remove(slab);
            self.retire(slab);
        }
    }

    /// Pushes a chain to a slab of another heap or of none.
    ///
    /// # Safety
    ///
    /// The `count` slots from `newest` to `oldest` are a chain of free slots of
    /// `slab`, on no list.
    #[inline(never)]
    unsafe fn push_remote(
        &self,
        slab: SlabRef,
        class: SizeClass,
        newest: *mut Slot,
        oldest: *mut Slot,
        count: u16,
    ) {
        self.counters.add_remote_frees(u64::from(count));
        let old = slab.word.push(slab.number_of(newest), count, |after| {
            // SAFETY: until the exchange succeeds the chain is ours alone.
            unsafe { link(oldest, slab.slot_of(after)) }
        });
        match old.state {
            State::Full => self.claim(slab, class),
            State::Global
                if old.count + count == slab.carved() && depot::close_if_free(slab, class) =>
            {
                self.give_slab_run(slab, class);
            }
            _ => {}
        }
    }

    /// Becomes the owner of a slab, as `RemoteWord::push` has told us we are.
    fn claim(&self, slab: SlabRef, class: SizeClass) {
        self.counters.go_slow(Slow::SlabClaimed, 1);
        slab.set_owner(self.number());
        slab.collect();
        let queue = &self.row(class).queue;
        if slab.used.get() == 0 {
            self.retire(slab);
        } else if slab.home.get() == self.number() || queue.length() < FOREIGN_SLABS_MAX {
            queue.push(slab);
        } else {
            self.give_away(slab);
        }
    }

    /// Gives an owned slab, which is on no list, to whoever needs one.
    pub(super) fn give_away(&self, slab: SlabRef) {
        loop {
            slab.collect();
            if slab.used.get() == 0 {
                return self.retire(slab);
            }
            let given = if slab.has_room() {
                depot::publish(slab, self.number())
            } else {
                self.abandon_full(slab)
            };
            if given {
                return;
            }
        }
    }

    /// Closes an owned slab that is wholly free and on no list.
    pub(super) fn retire(&self, slab: SlabRef) {
        let class = slab.class();
        slab.set_owner(NO_OWNER);
        slab.word.close();
        self.give_slab_run(slab, class);
    }

    fn give_slab_run(&self, slab: SlabRef, class: SizeClass) {
        self.counters.go_slow(Slow::SlabRetired, 1);
        // SAFETY: the slab is closed: its run is wholly free and ours to give.
        unsafe { self.give_run(slab.start(), slices_for(class.slab_bytes())) };
    }
}

/// The slab that lent `slot`, or the end of the process.
fn lender(slot: *mut Slot, class: SizeClass) -> SlabRef {
    if !map::contains(slot.addr()) {
        fatal(Corruption::ForeignPointer);
    }
    // SAFETY: the map knows the segment; were the slot in its first slice, the
    // line would be the unused one of that slice.
    let slab = unsafe { Slab::around(slot.cast(), class) };
    if !slab.word.is_slab_of(class.index() as u8) {
        fatal(Corruption::ForeignPointer);
    }
    slab
}
