//! Keeping keys apart that look alike.
//!
//! One entry in seventy has the tag of another one in its home group. Whoever looks for it
//! compares the wrong key first, and the processor had guessed otherwise: that costs as much
//! as ten look-ups. But a tag is one of four bytes of the hash, by its lane. So of two keys
//! that look alike in one lane, both go to lanes of other kinds, where they do not:
//!
//! ```text
//!   kind of lane      0  1  2  3  0  1  2  3 …
//!   before            ─  p  q  ─  ─  ─  ─  ─       x, with the byte of q for kind 2
//!   after             x  p  ─  q  ─  ─  ─  ─       q has moved, the lane is left to others
//! ```
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super).

use allocator_api2::alloc::Allocator;

use super::{RawTable, Vacancy};
use crate::control::{GROUP_SLOTS, Needle, tag};

/// The lanes of kind 0: those of one kind hold the same byte of a hash.
const KIND: u16 = 0x1111;

impl<T, A: Allocator> RawTable<T, A> {
    /// Claims a slot for an entry with `hash`, which is not in the table and looks like one of
    /// its home group, where there is an empty lane, and returns its index.
    ///
    /// # Safety
    ///
    /// As [`claim`](Self::claim), and the table is not veiled.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn claim_apart(&mut self, hash: u64, hasher: &impl Fn(&T) -> u64) -> usize {
        let vacancy = self.keep_apart(hash, hasher);
        // SAFETY: the vacancy is new; the rest by contract.
        unsafe { self.fill(vacancy, hash) }.0
    }

    /// Chooses the lane of an entry with `hash`, which is not in the table; moves the one
    /// entry of its home group that it would be taken for.
    ///
    /// Returns [`Vacancy::SOMEWHERE`] where there is nobody to be kept apart from, or no way
    /// to do it. There is room.
    #[inline]
    pub(super) fn keep_apart(&mut self, hash: u64, hasher: &impl Fn(&T) -> u64) -> Vacancy {
        // The lanes of a single group may be fewer than sixteen.
        if self.inner.is_single() || self.inner.is_veiled() {
            return Vacancy::SOMEWHERE;
        }
        let off = self.inner.front_home(hash);
        // SAFETY: `front`, just asked for.
        let alike = unsafe { self.inner.front_group(off) }.matches(Needle::of(hash));
        match alike.mask().lowest() {
            Some(lane) if alike.mask().at_most_one() => self.part_from(off, lane, hash, hasher),
            _ => Vacancy::SOMEWHERE,
        }
    }

    /// Parts a newcomer with `hash` from the entry in `lane` of the group at `off`, which looks
    /// like it there.
    #[inline]
    fn part_from(
        &mut self,
        off: usize,
        lane: usize,
        hash: u64,
        hasher: &impl Fn(&T) -> u64,
    ) -> Vacancy {
        // SAFETY: `slab`. A home is a group of the table.
        if unsafe { self.inner.guest_lanes(off) } >> lane & 1 != 0 {
            // `guests`: its lane is noted, whatever its hash says by now.
            return Vacancy::SOMEWHERE;
        }
        // SAFETY: `front`, as asked for by the caller.
        let group = unsafe { self.inner.front_group(off) };
        let mut free = group.empties().bits() & !(KIND << (lane % 4));
        let mut next = || {
            let lane = free.trailing_zeros() as usize;
            free &= free.wrapping_sub(1);
            (lane < GROUP_SLOTS).then_some(lane)
        };
        let (Some(mine), Some(its)) = (next(), next()) else {
            return Vacancy::SOMEWHERE;
        };
        // SAFETY: `full`. The lane has a tag, so it is a slot.
        let other = unsafe { self.slot(off | lane) };
        // SAFETY: `typed`. A full slot holds a `T`.
        let other_hash = hasher(unsafe { other.as_ref() });
        // From here on nothing unwinds.
        let needle = Needle::of(other_hash);
        let below = (1_u16 << its) - 1;
        let hidden = group.matches(needle).mask().bits() & below & !(1 << lane);
        let looks_alike = tag::of(hash, mine) == tag::of(other_hash, mine);
        // Nor is one moved whose hash has changed, so that its home is another group by now.
        if hidden != 0 || looks_alike || self.inner.front_home(other_hash) != off {
            return Vacancy::SOMEWHERE;
        }
        // SAFETY: `slab`. A group of a table of several has a slot for each lane.
        let place = unsafe { self.slot(off | its) };
        // SAFETY: two slots of one table, of which the second is empty.
        unsafe { place.copy_from_nonoverlapping(other, 1) };
        let parted = group.without(lane).with(needle, its);
        // SAFETY: `slab`; a table with an entry is not shared.
        unsafe { self.inner.set_front_group(off, parted) };
        Vacancy::at(off | mine)
    }
}

#[cfg(test)]
mod tests {
    use millpond_arena::Slabs;

    use super::*;
    use crate::raw::Look;

    /// Scattered over all bits, and different for different numbers.
    fn hash_of(number: &u64) -> u64 {
        let product = u128::from(number ^ 0x243f_6a88_85a3_08d3) * 0x9e37_79b9_7f4a_7c15;
        (product >> 64) as u64 ^ product as u64
    }

    /// Returns how many of a million entries are met behind another one.
    fn hidden(len: u64, slots: usize) -> u64 {
        let mut table = RawTable::<u64, _>::try_with_capacity_in(slots / 8 * 7, Slabs).unwrap();
        for number in 0..len {
            let hash = hash_of(&number);
            let found = match table.look(hash, |held| *held == number).0 {
                Look::Found(..) => panic!("{number} is there already"),
                Look::Vacant(vacancy) => Err(vacancy),
                Look::Further(lanes) => {
                    table.find_or_make_room(hash, lanes, |held| *held == number, hash_of)
                }
            };
            let vacancy = found.expect_err("a new number");
            // SAFETY: the vacancy is new, and the slot is written right below.
            let (_, slot) = unsafe { table.fill(vacancy, hash) };
            // SAFETY: just claimed.
            unsafe { slot.write(number) };
        }
        table.check(hash_of).unwrap();
        let behind = |number: &u64| {
            let mut asked = 0;
            let hash = hash_of(number);
            let found = table.find(hash, |held| {
                asked += 1;
                held == number
            });
            assert!(found.is_some(), "{number}");
            asked > 1
        };
        (0..len).filter(behind).count() as u64 * 1_000_000 / len
    }

    /// Entries that are kept where they come first are met behind another 13,000 times in a
    /// million at half load, and 25,000 times at three quarters.
    #[test]
    fn hardly_any_entry_is_met_behind_another() {
        let at_half = hidden(8_000, 16_384);
        assert!(at_half < 1_500, "{at_half}");
        let at_three_quarters = hidden(12_288, 16_384);
        assert!(at_three_quarters < 6_000, "{at_three_quarters}");
    }

    /// A guest whose hash has changed to that of the group that it lies in was moved to
    /// another lane, and its note as a guest stayed with an empty one: growth then took what
    /// was left in that slot for an entry.
    #[test]
    fn a_guest_whose_hash_has_changed_stays_where_it_is_noted() {
        use core::cell::Cell;

        type Entry = (u64, Cell<u64>);
        let hasher = |entry: &Entry| entry.1.get();
        let mut table = RawTable::<Entry, _>::try_with_capacity_in(28, Slabs).unwrap();
        let insert = |table: &mut RawTable<Entry, _>, number: u64, hash: u64| {
            let eq = |held: &Entry| held.0 == number;
            let vacancy = match table.look(hash, eq).0 {
                Look::Found(..) => panic!("{number} is there already"),
                Look::Vacant(vacancy) => vacancy,
                Look::Further(lanes) => table
                    .find_or_make_room(hash, lanes, eq, hasher)
                    .expect_err("a new number"),
            };
            // SAFETY: the vacancy is new, and the slot is written right below.
            let (_, slot) = unsafe { table.fill(vacancy, hash) };
            // SAFETY: just claimed.
            unsafe { slot.write((number, Cell::new(hash))) };
        };
        // Sixteen fill group 0, each with a tag of its own; the next is a guest of group 1.
        for number in 0..17 {
            insert(&mut table, number, ((number + 2) * 0x0101_0101) << 32);
        }
        let (_, guest) = table
            .find((18 * 0x0101_0101) << 32, |held| held.0 == 16)
            .expect("the guest");
        // SAFETY: just found.
        let its_hash = unsafe { &(*guest).1 };
        let bytes = its_hash.get();
        its_hash.set((0x7777_7777 << 32) | 16);
        // Looks like the guest, by the tag that it has had.
        insert(&mut table, 17, bytes | 16);

        table.reserve(20, hasher); // twice the slots
        // SAFETY: the table is not changed while it is walked.
        let mut numbers: Vec<u64> = unsafe { table.iter() }
            // SAFETY: a walk returns entries.
            .map(|entry| unsafe { entry.as_ref() }.0)
            .collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..18));
        table.check(hasher).unwrap();
    }
}
