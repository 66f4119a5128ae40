#![forbid(unsafe_code)]
//! In which order the groups of a table are searched.
//!
//! From its home group an entry is looked for in the other groups of the home's
//! block of 64 groups, in triangular steps (1, 3, 6, …); only when the whole block
//! has been seen does the search go on to other blocks, again in triangular steps.
//!
//! ```text
//!   block 0              block 1              block 2
//!   ┌──┬──┬──┬──┬─┄┄┬──┐ ┌──┬──┬──┬──┬─┄┄┬──┐ ┌──┬──┄
//!   │  │h │2 │  │3  │  │ │  │65│…              │  │129
//!   └──┴──┴──┴──┴─┄┄┴──┘ └──┴──┴──┴──┴─┄┄┴──┘ └──┴──┄
//! ```
//!
//! Every group comes exactly once, so a search that is bounded by the number of
//! groups has seen them all. A block holds a thousand slots; up to the highest load
//! it overflows only under a hash that puts its keys in one place.

use crate::control::GROUP_SLOTS;

/// Groups of one block. Measured in the growth study: at load 7/8 blocks of 64
/// never overflowed, blocks of 16 did.
const BLOCK_GROUPS: usize = 64;

/// The offset within a block, of groups.
const BLOCK_MASK: usize = (BLOCK_GROUPS - 1) * GROUP_SLOTS;

/// The groups of a table in the order in which they are searched, home first.
///
/// All offsets are in slots, multiples of 16.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    off: usize,
    mask: usize,
    step: usize,
    block_step: usize,
}

impl Probe {
    /// Starts at the group at `home` in a table with `mask`.
    #[inline]
    pub(crate) const fn new(home: usize, mask: usize) -> Probe {
        Probe {
            off: home,
            mask,
            step: 0,
            block_step: 0,
        }
    }

    /// Returns the offset of the current group, at most `mask`.
    #[inline]
    pub(crate) const fn off(&self) -> usize {
        self.off
    }

    /// Goes on to the next group.
    ///
    /// Returns false when every group has been visited; the offset is then the home's again
    /// or another group's, and of no meaning.
    #[inline]
    pub(crate) const fn advance(&mut self) -> bool {
        let block = if self.mask < BLOCK_MASK {
            self.mask
        } else {
            BLOCK_MASK
        };
        if self.step < block {
            self.step += GROUP_SLOTS;
            self.off = self.off & !block | (self.off + self.step) & block;
            return true;
        }
        self.step = 0;
        self.block_step += block + GROUP_SLOTS;
        self.off = (self.off + self.block_step) & self.mask;
        self.block_step <= self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_comes_exactly_once_from_every_home() {
        for groups_log2 in 0..=10 {
            let groups = 1_usize << groups_log2;
            let mask = (groups - 1) * 16;
            for home in 0..groups {
                let mut seen = vec![false; groups];
                let mut probe = Probe::new(home * 16, mask);
                assert_eq!(probe.off(), home * 16);
                for step in 0.. {
                    let off = probe.off();
                    assert_eq!(off % 16, 0);
                    assert!(!seen[off / 16], "{groups} groups, home {home}, step {step}");
                    seen[off / 16] = true;
                    if step < BLOCK_GROUPS {
                        assert_eq!(off & !BLOCK_MASK, (home * 16) & !BLOCK_MASK);
                    }
                    if !probe.advance() {
                        break;
                    }
                }
                assert!(seen.iter().all(|&seen| seen));
            }
        }
    }
}
