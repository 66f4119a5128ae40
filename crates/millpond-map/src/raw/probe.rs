#![forbid(unsafe_code)]
//! In which order the groups of a table are searched.
//!
//! From its home group an entry is looked for in the other groups of the home's
//! block of 64 groups, in triangular steps (1, 3, 6, …); only when the whole block
//! has been seen does the search go on to the other blocks, down to the first and then
//! up from the home's to the last.
//!
//! ```text
//!   block 0              block 1              block 2
//!   ┌──┬──┬──┬──┬─┄┄┬──┐ ┌──┬──┬──┬──┬─┄┄┬──┐ ┌──┬──┄
//!   │  │65│…            │ │  │h │2 │  │3  │  │ │  │129
//!   └──┴──┴──┴──┴─┄┄┴──┘ └──┴──┴──┴──┴─┄┄┴──┘ └──┴──┄
//! ```
//!
//! Every group comes exactly once, so a search that is bounded by the number of
//! groups has seen them all. A block holds a thousand slots; up to the highest load
//! it hardly ever overflows, but under a hash that puts its keys in one place.
//!
//! The order has a property that growth rests on: a block that is added behind the
//! others changes no search but by a step at its end, as long as the home stays.

use super::layout::{BLOCK_GROUPS, BLOCK_SLOTS};
use crate::control::GROUP_SLOTS;

/// The offset within a block, of groups.
const BLOCK_MASK: usize = (BLOCK_GROUPS - 1) * GROUP_SLOTS;

/// Returns the first slot of the block that the slot at `index` is in.
#[inline]
pub(crate) const fn block_of(index: usize) -> usize {
    index & !(BLOCK_SLOTS - 1)
}

/// The groups of a table in the order in which they are searched, home first.
///
/// All offsets are in slots, multiples of 16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    off: usize,
    home: usize,
    /// Slots in use.
    limit: usize,
    step: usize,
    /// The lowest block that has been gone to.
    lowest: usize,
    /// The highest one.
    highest: usize,
}

impl Probe {
    /// Starts at the group at `home` in a table with `limit` slots in use.
    #[inline]
    pub(crate) const fn new(home: usize, limit: usize) -> Probe {
        Probe {
            off: home,
            home,
            limit,
            step: 0,
            lowest: block_of(home),
            highest: block_of(home),
        }
    }

    /// Starts at the first group outside the home's block; none when there is only one.
    pub(crate) const fn beyond_block(home: usize, limit: usize) -> Option<Probe> {
        let mut probe = Probe::new(home, limit);
        if probe.advance_block() {
            Some(probe)
        } else {
            None
        }
    }

    /// Returns the offset of the current group, below the limit.
    #[inline]
    pub(crate) const fn off(&self) -> usize {
        self.off
    }

    /// Goes on to the next group.
    ///
    /// Returns false when every group has been visited; the offset is then one of a group
    /// that was, and of no meaning.
    #[inline]
    pub(crate) const fn advance(&mut self) -> bool {
        // A table of less than a block has a power of two of groups, or one.
        let block = if self.limit < BLOCK_SLOTS {
            self.limit.saturating_sub(1) & BLOCK_MASK
        } else {
            BLOCK_MASK
        };
        if self.step < block {
            self.step += GROUP_SLOTS;
            self.off = self.off & !block | (self.off + self.step) & block;
            return true;
        }
        self.advance_block()
    }

    /// Goes on to the next block.
    const fn advance_block(&mut self) -> bool {
        let block = if self.lowest > 0 {
            self.lowest -= BLOCK_SLOTS;
            self.lowest
        } else if self.highest + BLOCK_SLOTS < self.limit {
            self.highest += BLOCK_SLOTS;
            self.highest
        } else {
            return false;
        };
        self.step = 0;
        self.off = block | self.home & BLOCK_MASK;
        true
    }
}

/// The first of those groups, in a table that its fast paths see as it is: home and its block.
///
/// Two in a hundred look-ups and one in ten inserts go past a home, and hardly any past a
/// block; so what tells only of other blocks stays out of registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NearProbe {
    off: usize,
    /// The bits of an offset within the block.
    block: usize,
    step: usize,
}

impl NearProbe {
    /// Starts at the group at `home` in a table whose homes are told by `mask`. Under a veil
    /// there is no other.
    #[inline]
    pub(crate) const fn new(home: usize, mask: usize) -> NearProbe {
        NearProbe {
            off: home,
            block: mask & BLOCK_MASK,
            step: 0,
        }
    }

    /// Returns the second group of the way from `home`, or `home` where there is no other.
    #[inline(always)]
    pub(crate) const fn second(home: usize, mask: usize) -> usize {
        let block = mask & BLOCK_MASK;
        home & !block | (home + GROUP_SLOTS) & block
    }

    /// Returns the offset of the current group.
    #[inline]
    pub(crate) const fn off(&self) -> usize {
        self.off
    }

    /// Goes on to the next group of the block; false when there is none.
    #[inline]
    pub(crate) const fn advance(&mut self) -> bool {
        if self.step == self.block {
            return false;
        }
        self.step += GROUP_SLOTS;
        self.off = self.off & !self.block | (self.off + self.step) & self.block;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(home: usize, limit: usize) -> Vec<usize> {
        let mut probe = Probe::new(home, limit);
        let mut order = vec![probe.off()];
        while probe.advance() {
            order.push(probe.off());
        }
        order
    }

    #[test]
    fn each_group_comes_exactly_once_from_every_home() {
        let powers = (0..=10).map(|log2| 16 << log2);
        let blocks = (1..=5).map(|blocks| blocks * BLOCK_SLOTS);
        for limit in [4, 8].into_iter().chain(powers).chain(blocks) {
            let groups = usize::div_ceil(limit, 16);
            for home in 0..groups {
                let order = order(home * 16, limit);
                assert_eq!(order[0], home * 16);
                for (step, &off) in order.iter().enumerate() {
                    assert!(off % 16 == 0 && off < limit);
                    assert_eq!(step < BLOCK_GROUPS, block_of(off) == block_of(home * 16));
                }
                let mut sorted = order;
                sorted.sort_unstable();
                sorted.dedup();
                assert_eq!(sorted.len(), groups, "{limit} slots, home {home}");
            }
        }
    }

    #[test]
    fn a_further_block_comes_last() {
        for blocks in 1..5 {
            for home in (0..blocks * BLOCK_SLOTS).step_by(16) {
                let (before, after) = (
                    order(home, blocks * BLOCK_SLOTS),
                    order(home, (blocks + 1) * BLOCK_SLOTS),
                );
                assert!(after.starts_with(&before));
            }
        }
    }

    #[test]
    fn a_near_probe_takes_the_same_way_through_the_block() {
        let powers = (0..=10).map(|log2| 16 << log2);
        for limit in powers.chain([4 * BLOCK_SLOTS]) {
            for home in (0..limit).step_by(16) {
                let mut near = NearProbe::new(home, limit - 16);
                let mut way = vec![near.off()];
                while near.advance() {
                    way.push(near.off());
                }
                assert_eq!(
                    NearProbe::second(home, limit - 16),
                    way[usize::from(way.len() > 1)]
                );
                let block = usize::min(limit / 16, BLOCK_GROUPS);
                assert_eq!(
                    way,
                    order(home, limit)[..block],
                    "{limit} slots, home {home}"
                );
            }
        }
    }

    #[test]
    fn beyond_the_block_the_order_goes_on() {
        for home in (0..3 * BLOCK_SLOTS).step_by(16) {
            let beyond = Probe::beyond_block(home, 3 * BLOCK_SLOTS).expect("two more blocks");
            assert_eq!(beyond.off(), order(home, 3 * BLOCK_SLOTS)[BLOCK_GROUPS]);
        }
        assert!(Probe::beyond_block(0, BLOCK_SLOTS).is_none());
        assert!(Probe::beyond_block(16, 32).is_none());
    }
}
