//! The entries of one home group, wherever they lie: one step of a scan that survives growth.
//!
//! A scan goes through the space of hashes, not through the table. The bits that choose
//! the home group are read in reverse, lowest first, as a fraction between 0 and 1; a
//! group is then an interval, and a table of twice the size cuts each interval in two:
//!
//! ```text
//!   groups   0                                                              1
//!      2     │ ............ 0 ............... │ ............ 1 ............... │
//!      4     │ ..... 00 ..... │ ..... 10 ..... │ ..... 01 ..... │ ..... 11 ... │
//!                             ▲ position: what is left of it has been seen,
//!                               in whichever table
//! ```
//!
//! So "everything left of the position has been seen" stays true through any number of
//! growths, and through shrinking too, as each entry's own place on the line is known:
//! it is in its hash. That is asked for where a lane does not tell enough: of guests, and
//! where a step begins in the middle of an interval, as it may after shrinking.
//!
//! # Invariants
//!
//! Those of the [module above](super), and
//!
//! - `guests`: an entry outside its home group is marked, see [`guests`](super::guests).
//! - `snapshot`: a walk returns lanes that were full when it came to their group; between
//!   two steps only entries that it has returned are erased, and nothing is added.

use core::ops::Range;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::RawInner;
use super::probe::Probe;
use crate::control::{BitMask, GROUP_SLOTS, tag};
use crate::prefetch::{LINE_BYTES, prefetch};

/// Bits of a position. A table has at most 2^34 groups, see `layout`.
pub(crate) const POSITION_BITS: u32 = 40;

/// The position behind all entries.
pub(crate) const POSITION_END: u64 = 1 << POSITION_BITS;

/// The most lines of one group's slots that are asked for ahead: of 32 bytes a slot.
const MOST_LINES: usize = 8;

/// Returns the place of `hash` on the line, below [`POSITION_END`].
#[inline]
pub(crate) fn position(hash: u64) -> u64 {
    (hash / GROUP_SLOTS as u64).reverse_bits() >> (u64::BITS - POSITION_BITS)
}

/// Returns the offset of the group in whose interval `from` lies, and the interval, in a table
/// with `mask` and `limit`.
fn interval(from: u64, mask: usize, limit: usize) -> (usize, Range<u64>) {
    debug_assert!(from < POSITION_END);
    let hash = (from << (u64::BITS - POSITION_BITS)).reverse_bits() << GROUP_SLOTS.ilog2();
    // A group that has not been split yet has the interval of both.
    let half = mask >> 1;
    let base = (mask + GROUP_SLOTS) / 2;
    let mask = if mask != 0 && (hash as usize & half) + base >= limit {
        half & !(GROUP_SLOTS - 1)
    } else {
        mask
    };
    let groups = mask / GROUP_SLOTS + 1;
    let length = POSITION_END >> groups.ilog2();
    let start = from / length * length;
    (hash as usize & mask, start..start + length)
}

/// Walks the entries whose home is one group, in the order of their search path.
struct HomeWalk {
    probe: Probe,
    home: usize,
    /// Lanes of the current group that lie ahead.
    lanes: BitMask,
    /// Those of them whose entries may be of another home than the group they lie in.
    guests: u16,
    /// Classes of which an entry may lie further on.
    classes: u32,
}

impl HomeWalk {
    /// Starts at the group at `home`.
    ///
    /// # Safety
    ///
    /// `slab`: `home` is a multiple of 16, below the table's limit.
    unsafe fn new(inner: &RawInner, home: usize) -> HomeWalk {
        HomeWalk {
            probe: Probe::new(home, inner.limit),
            home,
            // SAFETY: `slab`, by contract.
            lanes: unsafe { inner.group(home) }.fulls(),
            // SAFETY: as above.
            guests: unsafe { inner.guest_lanes(home) },
            classes: u32::MAX,
        }
    }

    /// Returns the next entry's index, and its hash where that had to be asked for.
    ///
    /// # Safety
    ///
    /// `snapshot`, and the table is the one that the walk was started on, in the same slab.
    #[inline]
    unsafe fn next(
        &mut self,
        inner: &RawInner,
        mut hash_at: impl FnMut(usize) -> u64,
    ) -> Option<(usize, Option<u64>)> {
        loop {
            let off = self.probe.off();
            for lane in self.lanes.by_ref() {
                if self.guests >> lane & 1 == 0 {
                    // `guests`: it is at home where it lies.
                    if off == self.home {
                        return Some((off + lane, None));
                    }
                    continue;
                }
                let hash = hash_at(off + lane);
                if inner.home(hash) == self.home && tag::is_in(self.classes, hash) {
                    return Some((off + lane, Some(hash)));
                }
            }
            // `filter`: what is further on has its class noted in every group on the way.
            // An erased entry takes back only what it had noted before its own group, which
            // has been read by now.
            // SAFETY: `slab`. A probe goes through groups of the table.
            let filter = unsafe { inner.filter(self.probe.off()) };
            // SAFETY: `slab`. Filters are initialised when the slab is lent.
            self.classes &= unsafe { filter.read() };
            if self.classes == 0 || !self.probe.advance() {
                return None;
            }
            // SAFETY: `slab`, as above.
            self.lanes = unsafe { inner.group(self.probe.off()) }.fulls();
            // SAFETY: as above.
            self.guests = unsafe { inner.guest_lanes(self.probe.off()) };
        }
    }
}

impl<T, A: Allocator> RawTable<T, A> {
    /// Visits the entries of up to `groups` home groups, those at `from` and after it.
    ///
    /// Returns the position to go on from, [`POSITION_END`] when there is nothing more.
    /// An entry is visited if its own position is at `from` or right of it.
    pub(crate) fn scan(
        &self,
        from: u64,
        groups: usize,
        hasher: impl Fn(&T) -> u64,
        mut visit: impl FnMut(&T),
    ) -> u64 {
        let mut at = from;
        for _ in 0..groups {
            if at >= POSITION_END {
                break;
            }
            let (home, whole) = interval(at, self.inner.mask(), self.inner.limit);
            // SAFETY: `slab`. An interval is that of a group of the table.
            let mut walk = unsafe { HomeWalk::new(&self.inner, home) };
            loop {
                let hash_at = |index| self.hash_at(index, &hasher);
                // SAFETY: `snapshot`. The table is borrowed, and nothing changes it.
                let Some((index, hash)) = (unsafe { walk.next(&self.inner, hash_at) }) else {
                    break;
                };
                let hash = || hash.unwrap_or_else(|| hash_at(index));
                if at == whole.start || position(hash()) >= at {
                    // SAFETY: `snapshot`. The lane is full, so it is a slot.
                    let slot = unsafe { self.slot(index) };
                    // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
                    visit(unsafe { slot.as_ref() });
                }
            }
            at = whole.end;
        }
        at
    }

    /// Visits as [`scan`](Self::scan) does, to change entries, and takes out those that
    /// `pick` picks. It is shown the part of the line that is looked at, too.
    ///
    /// A panic in `pick` leaves the entry in the table.
    pub(crate) fn scan_out(
        &mut self,
        from: u64,
        groups: usize,
        hasher: impl Fn(&T) -> u64,
        mut pick: impl FnMut(&mut T, &Range<u64>) -> bool,
        mut taken: impl FnMut(T),
    ) -> u64 {
        let mut at = from;
        for _ in 0..groups {
            if at >= POSITION_END {
                break;
            }
            let (home, whole) = interval(at, self.inner.mask(), self.inner.limit);
            let part = at..whole.end;
            // SAFETY: `slab`. An interval is that of a group of the table.
            let mut walk = unsafe { HomeWalk::new(&self.inner, home) };
            loop {
                let hash_at = |index| self.hash_at(index, &hasher);
                // SAFETY: `snapshot`. The table is borrowed; only what was returned is
                // erased below.
                let Some((index, hash)) = (unsafe { walk.next(&self.inner, hash_at) }) else {
                    break;
                };
                if at != whole.start && position(hash.unwrap_or_else(|| hash_at(index))) < at {
                    continue;
                }
                // SAFETY: `snapshot`. The lane is full, so it is a slot.
                let mut slot = unsafe { self.slot(index) };
                // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed for changes.
                if pick(unsafe { slot.as_mut() }, &part) {
                    taken(match hash {
                        // SAFETY: `full`, as above.
                        Some(hash) => unsafe { self.take_at(index, hash) },
                        // SAFETY: as above; a lane with a mark comes with the hash.
                        None => unsafe { self.take_at_home(index) },
                    });
                }
            }
            at = whole.end;
        }
        at
    }

    /// Asks for the tags and slots of up to `groups` home groups, those at `from` and after
    /// it, and waits for none of them. Returns the position to go on from.
    pub(crate) fn ask_for(&self, from: u64, groups: usize) -> u64 {
        let mut at = from;
        for _ in 0..groups {
            if at >= POSITION_END {
                break;
            }
            let (home, whole) = interval(at, self.inner.mask(), self.inner.limit);
            // SAFETY: `slab`. An interval is that of a group of the table.
            prefetch(unsafe { self.inner.control().add(home) });
            let slots = self.inner.limit.min(GROUP_SLOTS);
            // SAFETY: `slab`, as above.
            let first = unsafe { self.slot(home) }.cast::<u8>();
            for line in (0..slots * size_of::<T>())
                .step_by(LINE_BYTES)
                .take(MOST_LINES)
            {
                // SAFETY: within the slots of the group.
                prefetch(unsafe { first.add(line) });
            }
            at = whole.end;
        }
        at
    }

    /// Returns the hash of the entry at `index`, whose lane is full.
    #[inline]
    fn hash_at(&self, index: usize, hasher: impl Fn(&T) -> u64) -> u64 {
        // SAFETY: `snapshot`. A walk asks about full lanes only, which are slots.
        let slot = unsafe { self.slot(index) };
        // SAFETY: `typed`. A full slot holds a `T`, and `self` is borrowed.
        hasher(unsafe { slot.as_ref() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes along the line in a table with `mask` and `limit`.
    fn parts(mask: usize, limit: usize) {
        let mut seen = vec![false; limit / GROUP_SLOTS];
        let mut at = 0;
        while at < POSITION_END {
            let (home, whole) = interval(at, mask, limit);
            assert!(whole.start == at && !whole.is_empty() && !seen[home / GROUP_SLOTS]);
            seen[home / GROUP_SLOTS] = true;
            // Any hash with that home lies in the interval, and only such ones do.
            for high in [0, 1, 0x1234_5678, u64::MAX] {
                let hash = high.wrapping_mul((mask + GROUP_SLOTS) as u64) + home as u64 + 7;
                assert!(whole.contains(&position(hash)));
                assert_eq!(interval(position(hash), mask, limit), (home, whole.clone()));
            }
            at = whole.end;
        }
        assert_eq!(at, POSITION_END);
        assert!(seen.iter().all(|&seen| seen));
    }

    #[test]
    fn intervals_part_the_line_in_any_table() {
        for groups_log2 in 0..=12 {
            let groups = 1_usize << groups_log2;
            parts((groups - 1) * GROUP_SLOTS, groups * GROUP_SLOTS);
        }
    }

    #[test]
    fn intervals_part_the_line_in_a_table_that_grows() {
        for groups in 17..=64_usize {
            let mask = groups.next_power_of_two() - 1;
            parts(mask * GROUP_SLOTS, groups * GROUP_SLOTS);
        }
    }

    #[test]
    fn the_largest_table_has_intervals_too() {
        let groups = 1_usize << 34;
        let (mask, limit) = ((groups - 1) * GROUP_SLOTS, groups * GROUP_SLOTS);
        assert_eq!(interval(0, mask, limit), (0, 0..64));
        let last = POSITION_END - 64..POSITION_END;
        assert_eq!(interval(POSITION_END - 1, mask, limit), (mask, last));
    }
}
