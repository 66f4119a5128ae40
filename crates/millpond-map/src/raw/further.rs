//! The slow halves of looking up, inserting and erasing: what a look at the home group does
//! not decide.
//!
//! One look-up in fifty and one insert in ten come here, more of them in a table that is nearly
//! full, where they take as much time as all others together. So a table that its fast paths
//! see as it is, and an entry in the block of its home, are dealt with first and with few
//! registers; veils, other blocks and growth are a call away.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super).

use allocator_api2::alloc::Allocator;

use super::probe::NearProbe;
use super::{Found, FoundOrClaimed, RawTable, Vacancy};
use crate::control::{BitMask, Needle};

impl<T, A: Allocator> RawTable<T, A> {
    /// Finds the index of an entry past its home group.
    ///
    /// Half of those are in the second group of their way. Who finds one there needs few
    /// registers, so that nothing is saved before; in place in the fast path, its code
    /// would lie between hits and the next one.
    #[cold]
    #[inline(never)]
    pub(super) fn find_next_door(
        &self,
        hash: u64,
        mut eq: impl FnMut(&T) -> bool,
    ) -> Option<usize> {
        let off = NearProbe::second(self.inner.front_home(hash), self.inner.front.mask);
        // SAFETY: `front`. The group is one of the home's block, or the veil.
        let group = unsafe { self.inner.front_group(off) };
        let lanes = group.matches(Needle::of(hash)).mask();
        if let Some(lane) = lanes.lowest() {
            // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
            let slot = unsafe { self.slot(off | lane) };
            // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
            if eq(unsafe { slot.as_ref() }) {
                return Some(off | lane);
            }
        }
        self.find_further(hash, lanes.without_lowest(), 1, eq)
    }

    /// Finds the index of an entry in `lanes` of the `nth` group of its way, or past it; the
    /// home group is the zeroth, and `nth` is at most one.
    ///
    /// Returns two registers; three would go through memory and drag the fast path there.
    #[cold]
    #[inline(never)]
    pub(super) fn find_further(
        &self,
        hash: u64,
        mut lanes: BitMask,
        nth: usize,
        mut eq: impl FnMut(&T) -> bool,
    ) -> Option<usize> {
        let needle = Needle::of(hash);
        let mut probe = NearProbe::new(self.inner.front_home(hash), self.inner.front.mask);
        if nth != 0 && !probe.advance() {
            return self.find_beyond(hash, eq);
        }
        loop {
            let off = probe.off();
            for lane in lanes {
                // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
                let slot = unsafe { self.slot(off | lane) };
                // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
                if eq(unsafe { slot.as_ref() }) {
                    return Some(off | lane);
                }
            }
            // SAFETY: `front`. A probe goes through groups of the table, or stays at the veil.
            if !unsafe { self.inner.front_passed(off, hash) } {
                return None;
            }
            if !probe.advance() {
                return self.find_beyond(hash, eq);
            }
            // SAFETY: `front`, as above.
            lanes = unsafe { self.inner.front_group(probe.off()) }
                .matches(needle)
                .mask();
        }
    }

    /// Finds the index of an entry that is not in the block of its home, or is behind a veil.
    #[cold]
    #[inline(never)]
    fn find_beyond(&self, hash: u64, mut eq: impl FnMut(&T) -> bool) -> Option<usize> {
        let needle = Needle::of(hash);
        let mut probe = self.inner.probe_beyond(hash)?;
        // Bounded by the groups: under a bad hash every filter may say "go on".
        loop {
            let off = probe.off();
            // SAFETY: `slab`. A probe goes through groups of the table.
            for lane in unsafe { self.inner.group(off) }.matches(needle).mask() {
                // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
                let slot = unsafe { self.slot(off | lane) };
                // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
                if eq(unsafe { slot.as_ref() }) {
                    return Some(off | lane);
                }
            }
            // SAFETY: `slab`, as above.
            if !unsafe { self.inner.passed(off, hash) } || !probe.advance() {
                return None;
            }
        }
    }

    /// Finds the entry in `lanes` of the home group or past it, or makes room for it.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    #[inline]
    pub(crate) fn find_or_make_room(
        &mut self,
        hash: u64,
        lanes: BitMask,
        eq: impl FnMut(&T) -> bool,
        hasher: impl Fn(&T) -> u64,
    ) -> Result<Found<T>, Vacancy> {
        if self.goes_further(hash, lanes)
            && let Some(index) = self.find_further(hash, lanes, 0, eq)
        {
            // SAFETY: `slab`. An entry has just been found there.
            return Ok((index, unsafe { self.slot(index) }.as_ptr()));
        }
        Err(self.make_vacancy(hash, &hasher))
    }

    /// Finds the entry in `lanes` of the home group or past it, or claims a slot for it
    /// wherever there is one. Grows when there is no room.
    ///
    /// Returns the entry's slot as `Ok`, and a slot to be written as `Err`.
    ///
    /// # Panics
    ///
    /// When the capacity overflows. Aborts when the allocator has no memory.
    ///
    /// # Safety
    ///
    /// As [`find_or_claim`](Self::find_or_claim), which has returned `lanes`.
    #[inline]
    pub(crate) unsafe fn find_or_claim_further(
        &mut self,
        hash: u64,
        lanes: BitMask,
        eq: impl FnMut(&T) -> bool,
        hasher: impl Fn(&T) -> u64,
    ) -> FoundOrClaimed<T> {
        if self.goes_further(hash, lanes)
            && let Some(index) = self.find_further(hash, lanes, 0, eq)
        {
            // SAFETY: `slab`. An entry has just been found there.
            return Ok(unsafe { self.slot(index) });
        }
        // SAFETY: by contract.
        let index = unsafe { self.claim_missing(hash, &hasher) };
        // SAFETY: `slab`. A claimed index is one of a slot.
        Err(unsafe { self.slot(index) })
    }

    /// Claims a slot for an entry with `hash`, which is not in the table, and returns its index.
    /// Grows when there is no room.
    ///
    /// # Panics
    ///
    /// As [`find_or_claim_further`](Self::find_or_claim_further).
    ///
    /// # Safety
    ///
    /// As [`claim`](Self::claim), but for the room.
    #[inline]
    unsafe fn claim_missing(&mut self, hash: u64, hasher: &impl Fn(&T) -> u64) -> usize {
        if self.inner.growth_left != 0 && !self.inner.is_veiled() {
            let off = self.inner.front_home(hash);
            // SAFETY: `front`, just asked for.
            let group = unsafe { self.inner.front_group(off) };
            let needle = Needle::of(hash);
            if let Some(lane) = group.empties().lowest() {
                if group.matches(needle).mask().any() {
                    // SAFETY: `room`, just asked for; the rest by contract.
                    return unsafe { self.claim_apart(hash, hasher) };
                }
                // SAFETY: the lane is the lowest empty one; the rest by contract.
                unsafe { self.inner.put_in_front(off | lane, group, needle) };
                return off | lane;
            } else if self.inner.is_crowded() {
                self.make_room_at_home(hash, hasher);
                // SAFETY: `room`, just asked for; the rest by contract.
                return unsafe { self.inner.claim(hash) };
            } else {
                // SAFETY: `room`, just asked for; the rest by contract.
                return unsafe { self.inner.claim_away(hash) };
            }
        }
        // SAFETY: by contract.
        unsafe { self.claim_with_room(hash, hasher) }
    }

    /// Does the same where the table is full, or grows.
    ///
    /// # Safety
    ///
    /// As [`claim_missing`](Self::claim_missing).
    #[cold]
    #[inline(never)]
    unsafe fn claim_with_room(&mut self, hash: u64, hasher: &impl Fn(&T) -> u64) -> usize {
        let vacancy = self.make_vacancy(hash, hasher);
        // SAFETY: the vacancy is new, and there is room for it; the rest by contract.
        unsafe { self.fill(vacancy, hash) }.0
    }

    /// Tells whether a search for `hash` that has left `lanes` of the home group goes on.
    #[inline]
    fn goes_further(&self, hash: u64, lanes: BitMask) -> bool {
        let off = self.inner.front_home(hash);
        // SAFETY: `front`, just asked for.
        lanes.any() || unsafe { self.inner.front_passed(off, hash) }
    }

    /// Makes room for an entry with `hash`, which is not in the table, and chooses its lane.
    #[inline]
    fn make_vacancy(&mut self, hash: u64, hasher: &impl Fn(&T) -> u64) -> Vacancy {
        if self.inner.growth_left == 0 || self.inner.is_veiled() {
            self.make_room(hash, hasher);
        } else if self.inner.is_home_full(hash) {
            // At most one lane comes free of it, and parting takes two.
            if self.inner.is_crowded() {
                self.make_room_at_home(hash, hasher);
            }
            return Vacancy::SOMEWHERE;
        }
        self.keep_apart(hash, hasher)
    }

    /// Empties the lane of an entry that shares its tag with another, or lies past its home
    /// group, and returns its index. The caller owns the entry that is still in the slot.
    #[cold]
    #[inline(never)]
    pub(super) fn erase_further(&mut self, hash: u64, eq: impl FnMut(&T) -> bool) -> Option<usize> {
        let (index, _) = self.find(hash, eq)?;
        // SAFETY: `full`. An entry has just been found there.
        unsafe { self.inner.erase(index, hash) };
        Some(index)
    }
}
