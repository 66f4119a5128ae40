//! Entries outside their home group, and the marks of their lanes.
//!
//! A guest goes past every full group of its search. Each of them notes its class in its
//! filter, and counts it; so whoever looks for an entry knows where to stop, and a guest that
//! leaves takes back exactly what it had noted.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner): `filter` and `guests` above all.

use core::ptr::NonNull;

use super::inner::RawInner;
use super::probe::{NearProbe, Probe};
use crate::control::{GROUP_SLOTS, Needle};

impl RawInner {
    /// Returns the place of the set of guests of the group at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a multiple of 16, below `limit`; `mask` is not zero.
    #[inline]
    pub(super) unsafe fn guests(&self, off: usize) -> NonNull<u16> {
        // SAFETY: `slab`, by contract.
        unsafe { self.notes().guests(off) }
    }

    /// Returns the lanes of the group at `off` that hold guests, lane `n` in bit `n`.
    ///
    /// A lane may be empty, where a guest's hash came to name this very group: it was taken as
    /// if it were at home. Whoever goes to the slots asks for
    /// [`guests_present`](Self::guests_present).
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a multiple of 16, below `limit`.
    #[inline]
    pub(super) unsafe fn guest_lanes(&self, off: usize) -> u16 {
        if self.is_single() {
            return 0;
        }
        // SAFETY: `slab`, by contract; there is more than one group.
        let guests = unsafe { self.guests(off) };
        // SAFETY: `slab`. Sets of guests are initialised when the slab is lent.
        unsafe { guests.read() }
    }

    /// Returns the lanes of the group at `off` that are noted as guests' and full.
    ///
    /// # Safety
    ///
    /// As [`guest_lanes`](Self::guest_lanes).
    #[inline]
    pub(super) unsafe fn guests_present(&self, off: usize) -> u16 {
        // SAFETY: `slab`, by contract.
        let noted = unsafe { self.guest_lanes(off) };
        // SAFETY: as above.
        noted & unsafe { self.group(off) }.fulls().bits()
    }

    /// Adds `lane` to the guests of the group at `off`, or takes it out.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a multiple of 16, below `limit`; `mask` is not zero.
    #[inline]
    pub(super) unsafe fn set_guest(&mut self, off: usize, lane: usize, is_guest: bool) {
        // SAFETY: `slab`, by contract.
        let guests = unsafe { self.guests(off) };
        // SAFETY: `slab`. Sets of guests are initialised when the slab is lent.
        let lanes = unsafe { guests.read() } & !(1 << lane);
        // SAFETY: `slab`; a table of several groups is not shared.
        unsafe { guests.write(lanes | u16::from(is_guest) << lane) };
    }

    /// Claims a slot past the home group of `hash`, which is full.
    ///
    /// # Safety
    ///
    /// As [`claim`](Self::claim).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn claim_away(&mut self, hash: u64) -> usize {
        self.filtered = true;
        if !self.is_veiled() {
            let notes = self.notes();
            let mut probe = NearProbe::new(self.front_home(hash), self.front.mask);
            loop {
                // SAFETY: `slab`. A probe goes through groups of the table; a shared one has no room.
                unsafe { notes.add(probe.off(), hash) };
                if !probe.advance() {
                    break;
                }
                let off = probe.off();
                // SAFETY: `front`, as above.
                let group = unsafe { self.front_group(off) };
                if let Some(lane) = group.empties().lowest() {
                    // SAFETY: `slab`. The home group is full and another one is not.
                    let guests = unsafe { notes.guests(off) };
                    // SAFETY: `slab`. Sets of guests are initialised when the slab is lent.
                    let lanes = unsafe { guests.read() };
                    // SAFETY: `slab`; a table of several groups is not shared.
                    unsafe { guests.write(lanes | 1 << lane) };
                    self.displaced += 1;
                    // SAFETY: the lane is the lowest empty one of the group; the rest by contract.
                    unsafe { self.put_in_front(off | lane, group, Needle::of(hash)) };
                    return off | lane;
                }
            }
        }
        // SAFETY: by contract.
        unsafe { self.claim_beyond(hash) }
    }

    /// Starts where a [`NearProbe`] for `hash` ends: past the block of its home; or at home, in a
    /// veiled table. None where that is all of the table.
    pub(super) fn probe_beyond(&self, hash: u64) -> Option<Probe> {
        let home = self.home(hash);
        if self.is_veiled() {
            Some(Probe::new(home, self.limit))
        } else {
            Probe::beyond_block(home, self.limit)
        }
    }

    /// Claims a slot past the block of the home of `hash`, which is full and noted so; or past
    /// the home group alone, in a veiled table.
    ///
    /// # Safety
    ///
    /// As [`claim`](Self::claim).
    #[cold]
    #[inline(never)]
    unsafe fn claim_beyond(&mut self, hash: u64) -> usize {
        let notes = self.notes();
        let mut probe = self.probe_beyond(hash);
        while let Some(at) = &mut probe {
            let off = at.off();
            // SAFETY: `slab`. A probe goes through groups of the table; a shared one has no room.
            let group = unsafe { self.group(off) };
            if let Some(lane) = group.empties().lowest() {
                // SAFETY: the lane is the lowest empty one of the group; the rest by contract.
                unsafe { self.put(off, lane, group, Needle::of(hash)) };
                // SAFETY: `slab`. The home group is full and another one is not.
                unsafe { self.set_guest(off, lane, true) };
                self.displaced += 1;
                return off | lane;
            }
            // SAFETY: `slab`, as above.
            unsafe { notes.add(off, hash) };
            if !at.advance() {
                break;
            }
        }
        unreachable!("`room` promises an empty lane");
    }

    /// Takes back what was noted when an entry with `hash` came to the slot at `index`, which
    /// is not in its home group.
    #[cold]
    #[inline(never)]
    pub(super) fn forget_guest(&mut self, index: usize, hash: u64) {
        if self.is_single() {
            return; // the hash is not the one that brought the entry here
        }
        let (off, lane) = (index & !(GROUP_SLOTS - 1), index % GROUP_SLOTS);
        // SAFETY: `slab`. The entry lay in a group of the table, which has several.
        let guests = unsafe { self.guests(off) };
        // SAFETY: `slab`. Sets of guests are initialised when the slab is lent.
        let lanes = unsafe { guests.read() };
        if lanes >> lane & 1 == 0 {
            return; // nor here
        }
        // SAFETY: `slab`; a table with entries is not shared.
        unsafe { guests.write(lanes & !(1 << lane)) };
        self.displaced -= 1;
        self.forget_path(off, hash);
    }

    /// Takes back what was noted on the way of an entry with `hash` to the group at `off`.
    #[inline]
    pub(super) fn forget_path(&mut self, off: usize, hash: u64) {
        let notes = self.notes();
        if !self.is_veiled() {
            let mut probe = NearProbe::new(self.front_home(hash), self.front.mask);
            loop {
                if probe.off() == off {
                    return;
                }
                // SAFETY: `slab`. A probe goes through groups of the table, which had an entry.
                unsafe { notes.take_back(probe.off(), hash) };
                if !probe.advance() {
                    break;
                }
            }
        }
        self.forget_path_beyond(off, hash);
    }

    /// Does the same past the block of the home, or for all of the way in a veiled table.
    #[cold]
    #[inline(never)]
    fn forget_path_beyond(&mut self, off: usize, hash: u64) {
        let notes = self.notes();
        let mut probe = self.probe_beyond(hash);
        // A probe comes to every group, so to this one, whatever the hash.
        while let Some(at) = &mut probe
            && at.off() != off
        {
            // SAFETY: `slab`. A probe goes through groups of the table, which had an entry.
            unsafe { notes.take_back(at.off(), hash) };
            if !at.advance() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use std::collections::HashSet;

    use millpond_arena::Slabs;

    use super::*;
    use crate::raw::RawTable;

    type Entry = (u64, Cell<u64>);

    fn scattered(number: u64) -> u64 {
        let product = u128::from(number ^ 0x243f_6a88_85a3_08d3) * 0x9e37_79b9_7f4a_7c15;
        (product >> 64) as u64 ^ product as u64
    }

    /// Guests whose hash comes to name the group that they lie in are taken as if they were
    /// at home, and their marks stay with empty lanes. Growth took those for entries, and
    /// hashed and moved what had been moved out.
    fn marks_of_lying_guests(slots: usize) {
        let gone = core::cell::RefCell::new(HashSet::new());
        let hasher = |entry: &Entry| {
            assert!(!gone.borrow().contains(&entry.0), "hashed {}", entry.0);
            entry.1.get()
        };
        let capacity = slots / 8 * 7;
        let mut table = RawTable::<Entry, _>::try_with_capacity_in(capacity, Slabs).unwrap();
        let insert = |table: &mut RawTable<Entry, _>, number: u64| {
            let hash = scattered(number);
            table.make_room(hash, hasher);
            // SAFETY: there is room; the slot is written right below.
            let slot = unsafe { table.claim(hash) };
            // SAFETY: just claimed.
            unsafe { slot.write((number, Cell::new(hash))) };
        };
        (0..capacity as u64).for_each(|number| insert(&mut table, number));

        let mask = table.inner().mask();
        let mut lying = vec![];
        // SAFETY: the table is not changed while it is walked.
        for index in unsafe { crate::raw::RawIndices::new(table.inner()) } {
            let (off, lane) = (index & !(GROUP_SLOTS - 1), index % GROUP_SLOTS);
            // SAFETY: `slab`. An entry lies in a group of the table.
            if unsafe { table.inner().guest_lanes(off) } >> lane & 1 != 0 {
                // SAFETY: `slab`. The walk returns slots.
                let slot = unsafe { table.slot(index) };
                // SAFETY: with an entry.
                let entry = unsafe { slot.as_ref() };
                let hash = entry.1.get() & !(mask as u64) | off as u64;
                entry.1.set(hash);
                lying.push((entry.0, hash));
            }
        }
        assert!(lying.len() > 1, "{slots} slots have guests");
        let taken = lying
            .iter()
            .filter(|(number, hash)| table.take(*hash, |held| held.0 == *number).is_some())
            .map(|(number, _)| *number);
        gone.borrow_mut().extend(taken);
        assert!(!gone.borrow().is_empty());

        let more = capacity as u64..capacity as u64 + 200;
        more.clone().for_each(|number| insert(&mut table, number));
        let missing = (capacity + 1).saturating_sub(table.inner().len());
        table.reserve(missing, hasher);
        // SAFETY: the table is not changed while it is walked.
        let mut numbers: Vec<u64> = unsafe { table.iter() }
            // SAFETY: a walk returns entries.
            .map(|entry| unsafe { entry.as_ref() }.0)
            .collect();
        numbers.sort_unstable();
        let left = (0..more.end).filter(|number| !gone.borrow().contains(number));
        assert!(numbers.into_iter().eq(left));
        assert_eq!(table.inner().full_slots().count(), table.inner().len());
    }

    #[test]
    fn marks_of_lying_guests_are_no_entries_where_a_table_doubles() {
        marks_of_lying_guests(1024);
    }

    #[test]
    fn marks_of_lying_guests_are_no_entries_where_blocks_are_split() {
        marks_of_lying_guests(32 * 1024);
    }
}
