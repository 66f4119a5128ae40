//! What a free does when its bin has no room.
//!
//! The newest slots of the bin go to their slabs, a batch at a time, and the bin
//! absorbs as many again. When that goes on for long, all of the bin follows, as
//! its older slots would keep slabs from emptying.
//!
//! ```text
//!   a mass of frees   ▐█████ … ▐█████ … ▐█████ …    frees, each a miss or two
//!                           │ 32     │       │
//!                           ▼        ▼       ▼       batches, in the cache
//! ```
//!
//! Each free touches its block and nothing else that is cold. The processor looks
//! some hundred instructions ahead, so a free of few instructions has more misses
//! of the ones after it under way; the lines of the slabs are looked up in a loop
//! that has nothing else to wait for.

use crate::config::FOREIGN_SLABS_MAX;
use crate::fatal::{Corruption, fatal};
use crate::layout::geometry::slices_for;
use crate::layout::size_class::SizeClass;
use crate::segment::map;
use crate::slab::free_list::{Slot, length, link, next_of};
use crate::slab::remote::State;
use crate::slab::{Slab, SlabRef};

use super::tally::Slow;
use super::{Heap, depot, tls};

/// Slots that leave a bin in batches before all of it follows: four bins of the
/// smallest slots.
pub(super) const SENT_MAX: u16 = 1024;

/// Places for slabs while a list is sorted. Measured: 32 made six times as
/// many exchanges in a free of 2,700 slots over a hundred slabs.
const GROUPS: usize = 256;

/// The same where there are few slots: clearing the places would cost more than
/// the sorting.
const FEW_GROUPS: usize = 8;

/// Slots of one slab on their way home, strung together.
#[derive(Clone, Copy)]
struct Run {
    newest: *mut Slot,
    oldest: *mut Slot,
    count: u32,
}

impl Heap {
    /// [`Heap::free`] without room.
    ///
    /// # Safety
    ///
    /// As for [`Heap::free`].
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn free_slow(&self, slot: *mut u8, offset: u16) {
        let class = SizeClass::from_offset(offset);
        if self.bin(class).freed.head() == slot.cast() {
            fatal(Corruption::DoubleFree);
        }
        if self.number() == 0 {
            // SAFETY: passed on.
            return unsafe { self.free_unready(slot, class) };
        }
        // This free counts when it is made again.
        self.bin(class).room.set(0);
        let is_first = self.row(class).sent.get() == 0;
        if class.has_two_lists() || !is_first || !self.make_room(class) {
            self.send_newest(class);
        }
        // SAFETY: passed on.
        unsafe { self.free(slot, offset) };
    }

    /// Sends what came back last to its slabs, and grants as much room. Calls nobody
    /// who could use the bin meanwhile.
    fn send_newest(&self, class: SizeClass) {
        let (row, batch) = (self.row(class), class.batch_slots());
        let absorbed = row.granted.get().cast_unsigned();
        self.look_at_age(1);
        self.grant(class, batch as i32);
        let list = &self.bin(class).freed;
        self.go_in();
        let (rest, count) = self.flush::<FEW_GROUPS>(list.head(), class, batch);
        self.door.leave();
        list.replace(rest);
        row.filled.set(row.filled.get().wrapping_sub(count));
        if class.has_two_lists() {
            let kept = row.kept.get().wrapping_add(absorbed);
            row.kept.set(kept.wrapping_sub(count));
        }
        self.counters.go_slow(Slow::SentHome, count.into());
        // At most a batch.
        let (before, after) = (row.sent.get(), row.sent.get() + count as u16);
        row.sent.set(after.min(SENT_MAX));
        let is_long = before < SENT_MAX && SENT_MAX <= after;
        // Less than a batch came back where statistics moved the rest to `head`.
        if is_long || count < batch {
            self.counters.go_slow(Slow::Drain, 1);
            self.drain(class);
            self.grant(class, batch as i32);
        }
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
            return unsafe { self.free_slow(slot, class.offset()) };
        }
        self.bin(class).room.set(0);
        // SAFETY: passed on.
        tls::fallback(|heap| unsafe { heap.free(slot, class.offset()) });
    }

    /// Grants room anew if a bin with one list has some; `room` does not tell, as
    /// allocations leave it alone. Twice its slots are many for a bin that lends
    /// meanwhile, its slots for one that only takes back.
    #[inline(never)]
    fn make_room(&self, class: SizeClass) -> bool {
        let (slots, row) = (class.bin_slots(), self.row(class));
        // SAFETY: `bin-free`: our own list.
        let length = unsafe { length(self.bin(class).freed.head(), 2 * slots as usize) } as u32;
        let lends = row.filled.get() + row.granted.get().cast_unsigned() != length;
        if length == 2 * slots || (length >= slots && !lends) {
            return false;
        }
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
        self.go_in();
        let (_, lendable) = self.flush::<GROUPS>(bin.head.take(), class, u32::MAX);
        let (_, freed) = self.flush::<GROUPS>(bin.freed.take(), class, u32::MAX);
        self.door.leave();
        self.row(class).kept.set(0);
        self.settle(class, lendable + freed, 0);
    }

    /// Sends `most` slots of a list to their slabs, all of them if it is not that
    /// long, and returns the rest of it and how many went.
    fn flush<const GROUPS: usize>(
        &self,
        list: *mut Slot,
        class: SizeClass,
        most: u32,
    ) -> (*mut Slot, u32) {
        let (number, mut at, mut sent) = (self.number(), list, 0);
        while !at.is_null() && sent < most {
            let slab = slab_around(at, class);
            if !slab.is_owned_by(number) {
                let (rest, sorted) = self.flush_sorted::<GROUPS>(at, class, most - sent);
                return (rest, sent + sorted);
            }
            // SAFETY: `bin-free`: the list that we were given.
            let (run, rest) = unsafe { Run::take(at, class, most - sent) };
            at = rest;
            sent += run.count;
            // SAFETY: `bin-free`: taken off the list above.
            unsafe { self.put_back(slab, class, run) };
        }
        (at, sent)
    }

    /// As [`Heap::flush`], and sorts what slabs of other threads get, so that it
    /// is one exchange for each of them where it can be.
    #[inline(never)]
    fn flush_sorted<const GROUPS: usize>(
        &self,
        list: *mut Slot,
        class: SizeClass,
        most: u32,
    ) -> (*mut Slot, u32) {
        let mut groups: [Option<(SlabRef, Run)>; GROUPS] = [None; GROUPS];
        let (mut at, mut sent) = (list, 0);
        while !at.is_null() && sent < most {
            let slab = slab_around(at, class);
            // SAFETY: `bin-free`: the list that we were given.
            let (run, rest) = unsafe { Run::take(at, class, most - sent) };
            at = rest;
            sent += run.count;
            if slab.is_owned_by(self.number()) {
                // SAFETY: `bin-free`: taken off the list above.
                unsafe { self.put_back(slab, class, run) };
                continue;
            }
            let place = &mut groups[(slab.start().addr().get() >> 16) % GROUPS];
            let run = match place.take() {
                // SAFETY: `bin-free`: both were taken off the list.
                Some((other, older)) if core::ptr::eq(other, slab) => unsafe { run.before(older) },
                other => {
                    self.send(other, class);
                    run
                }
            };
            *place = Some((slab, run));
        }
        for &place in &groups {
            self.send(place, class);
        }
        (at, sent)
    }

    /// Pushes a run to its slab, which this heap does not own.
    fn send(&self, group: Option<(SlabRef, Run)>, class: SizeClass) {
        let Some((slab, run)) = group else {
            return;
        };
        // No slab of that class is there, so nobody lent the slots for it.
        if !slab.word.is_slab_of(class.index() as u8) {
            fatal(Corruption::ForeignPointer);
        }
        // SAFETY: `bin-free`: the run is a chain of free slots of `slab`.
        unsafe { self.push_remote(slab, class, run) };
    }

    /// Puts slots back onto the list of their slab, which this heap owns.
    ///
    /// # Safety
    ///
    /// `bin-free`: the run is a chain of free slots of `slab`, on no list.
    #[inline]
    unsafe fn put_back(&self, slab: SlabRef, class: SizeClass, run: Run) {
        let head = slab.free.head();
        if head == run.newest {
            fatal(Corruption::DoubleFree);
        }
        // SAFETY: passed on: the run is ours.
        unsafe { link(run.oldest, head) };
        slab.free.replace(run.newest);
        let used = slab.used.get() - run.count.cast_signed();
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

    /// Pushes a run to a slab of another heap or of none.
    ///
    /// # Safety
    ///
    /// The run is a chain of free slots of `slab`, on no list.
    #[inline(never)]
    unsafe fn push_remote(&self, slab: SlabRef, class: SizeClass, run: Run) {
        self.counters.add_remote_frees(run.count.into());
        // At most a slab's slots.
        let count = run.count as u16;
        let old = slab.word.push(slab.number_of(run.newest), count, |after| {
            // SAFETY: until the exchange succeeds the chain is ours alone.
            unsafe { link(run.oldest, slab.slot_of(after)) }
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
        if !self.publish(slab) {
            self.retire(slab);
        }
    }

    /// As [`Heap::give_away`], if any slot of the slab is lent; false otherwise, and then
    /// it is still this heap's.
    pub(super) fn publish(&self, slab: SlabRef) -> bool {
        loop {
            slab.collect();
            if slab.used.get() == 0 {
                return false;
            }
            let given = if slab.has_room() {
                depot::publish(slab, self.number())
            } else {
                self.abandon_full(slab)
            };
            if given {
                return true;
            }
        }
    }

    /// Closes an owned slab that is wholly free and on no list.
    fn retire(&self, slab: SlabRef) {
        let class = slab.class();
        slab.shut();
        self.give_slab_run(slab, class);
    }

    fn give_slab_run(&self, slab: SlabRef, class: SizeClass) {
        self.counters.go_slow(Slow::SlabRetired, 1);
        // SAFETY: the slab is closed: its run is wholly free and ours to give.
        unsafe { self.give_run(slab.start(), slices_for(class.slab_bytes())) };
    }
}

impl Run {
    /// Takes the slots off a list that lie in one slab and next to each other on
    /// the list, `most` of them, and returns them and the rest.
    ///
    /// What was freed together often lies together, and is strung already.
    ///
    /// # Safety
    ///
    /// `bin-free`: the caller holds the list, of that class and not empty.
    #[inline]
    unsafe fn take(list: *mut Slot, class: SizeClass, most: u32) -> (Run, *mut Slot) {
        let bytes = class.slab_bytes();
        let (mut oldest, mut count) = (list, 1);
        // SAFETY: passed on: a slot of the list.
        let mut rest = unsafe { next_of(oldest) };
        // Slabs are as aligned as they are long; the end of a list is in none.
        while rest.addr() ^ list.addr() < bytes && count < most {
            oldest = rest;
            // SAFETY: as above.
            rest = unsafe { next_of(oldest) };
            count += 1;
        }
        let run = Run {
            newest: list,
            oldest,
            count,
        };
        (run, rest)
    }

    /// Strings the run together with one of the same slab.
    ///
    /// # Safety
    ///
    /// `bin-free`: the caller holds both.
    unsafe fn before(self, older: Run) -> Run {
        // SAFETY: passed on.
        unsafe { link(self.oldest, older.newest) };
        Run {
            oldest: older.oldest,
            count: self.count + older.count,
            ..self
        }
    }
}

/// The line of the slab around `slot`, or the end of the process.
#[inline]
fn slab_around(slot: *mut Slot, class: SizeClass) -> SlabRef {
    if !map::contains(slot.addr()) {
        fatal(Corruption::ForeignPointer);
    }
    // SAFETY: the map knows the segment; were the slot in its first slice, the
    // line would be the unused one of that slice.
    unsafe { Slab::around(slot.cast(), class) }
}
