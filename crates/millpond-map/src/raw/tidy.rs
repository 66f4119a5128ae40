#![forbid(unsafe_code)]
//! Forgetting what is noted of entries that are gone, block by block.
//!
//! Whoever takes an entry out without its hash, as `retain` does, cannot tell which groups it
//! had gone past: what they have noted of it stays, and costs probes. Once that is said of as
//! many entries as an eighth of the slots, a round begins: each insert that finds its home
//! group full lays one block anew, from the first to the last.
//!
//! ```text
//!   block   0      1      2      3      4
//!           │ laid │ laid │ laid │ next │      │   stale: entries gone since block 0 was laid
//! ```
//!
//! Nothing is allocated, whatever lent the slab. Tables of less than a block are moved as a
//! whole instead: they have fewer entries than one.

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::history::count;
use super::inner::RawInner;
use super::layout::{BLOCK_SLOTS, UNLISTED_GROUPS};
use super::split::Laid;
use crate::control::GROUP_SLOTS;

/// The number of the block that is laid next, in three bytes; 0 between two rounds.
///
/// Three are left over in a table, and enough: what a table of more than sixteen million
/// blocks has noted in those behind them stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tidying([u8; 3]);

impl Tidying {
    pub(super) const OFF: Tidying = Tidying([0; 3]);

    /// Tells whether a round is on.
    pub(super) fn is_on(self) -> bool {
        self != Tidying::OFF
    }

    /// Returns the first slot of the block that is laid next.
    fn block(self) -> usize {
        let [a, b, c] = self.0;
        u32::from_le_bytes([a, b, c, 0]) as usize * BLOCK_SLOTS
    }

    /// Returns the step after this one, in a table with `limit` slots in use.
    fn next(self, limit: usize) -> Tidying {
        let next = self.block() + BLOCK_SLOTS;
        match (next / BLOCK_SLOTS).to_le_bytes() {
            [a, b, c, 0, ..] if next < limit => Tidying([a, b, c]),
            _ => Tidying::OFF,
        }
    }
}

impl<T, A: Allocator> RawTable<T, A> {
    /// Lays one more block anew, of a table that is [untidy](RawInner::is_untidy).
    pub(super) fn tidy(&mut self, hasher: &impl Fn(&T) -> u64) {
        if self.inner.limit < BLOCK_SLOTS {
            // Without memory for a second slab the table goes on as it is.
            let _ = self.rebuild(self.inner.geometry(), hasher);
            return;
        }
        let at = self.inner.tidying;
        let laid = self.lay_block(at.block(), false, hasher);
        let inner = &mut self.inner;
        if !at.is_on() {
            inner.stale = 0;
            count(&mut inner.history.rehash_count);
        }
        let is_cut_short = !at.next(inner.limit).is_on() && at.block() + BLOCK_SLOTS < inner.limit;
        if laid != Laid::Anew || is_cut_short {
            // Notes may remain that are right about nobody, and are not worth another round.
            inner.stale = inner.stale.max(1);
        }
        inner.tidying = at.next(inner.limit);
    }
}

impl RawInner {
    /// Tells whether a block is to be laid anew: a round is on, or so many entries went
    /// without a trace of their path, an eighth of the slots, that it is worth one. Small
    /// tables are not.
    ///
    /// Entries that are there never are a reason, however many lie outside their home group:
    /// from good hashes that is 6 % of the slots of a table filled to 7/8, and 8 % of one
    /// churned there for ever; from bad ones it is as much again once they are laid anew.
    #[inline(always)]
    pub(super) fn is_untidy(&self) -> bool {
        let noted = self.limit >= UNLISTED_GROUPS * GROUP_SLOTS;
        self.tidying.is_on() || noted && self.stale as usize > self.limit / 8
    }
}

#[cfg(test)]
mod tests {
    use core::hash::BuildHasher;

    use crate::HashMap;
    use crate::hash::DefaultHashBuilder;
    use crate::raw::layout::BLOCK_SLOTS;

    type Map = HashMap<u64, [u64; 3]>;

    /// What is stale after a round: blocks that overflow all the time may keep notes.
    const LEFT: usize = if cfg!(millpond_tiny_blocks) { 1 } else { 0 };

    /// Fills `map` and takes half of it out unhashed, until that is worth a round of tidying.
    fn until_untidy(map: &mut Map, next: &mut impl FnMut() -> u64) {
        for bit in (0..u64::BITS).cycle() {
            while map.len() < map.capacity() && !map.table.inner().is_untidy() {
                map.insert(next(), [0; 3]);
            }
            map.retain(|key, _| key >> bit & 1 == 0);
            let _ = map.extract_if(|key, _| key % 3 == 0).count();
            if map.table.inner().is_untidy() {
                break;
            }
        }
        map.check().unwrap();
    }

    /// Inserts an entry more, or in the place of another one where the map is full.
    fn insert(map: &mut Map, key: u64) {
        if map.len() == map.capacity() {
            let other = *map.keys().next().expect("a full map has entries");
            map.remove(&other);
        }
        map.insert(key, [0; 3]);
    }

    fn numbers() -> impl FnMut() -> u64 {
        let hash_builder = DefaultHashBuilder::default();
        let mut made = 0_u64;
        move || {
            made += 1;
            hash_builder.hash_one(made)
        }
    }

    #[test]
    fn after_a_round_it_is_noted_of_nothing_that_is_gone() {
        let mut next = numbers();
        // One block; several in a slab; several in a range.
        let tables = [
            HashMap::with_capacity(14 * BLOCK_SLOTS / 16),
            HashMap::with_capacity(8 * 14 * BLOCK_SLOTS / 16),
            HashMap::with_capacity(64 * 14 * BLOCK_SLOTS / 16),
        ];
        for mut map in tables {
            until_untidy(&mut map, &mut next);
            let blocks = map.table.inner().limit / BLOCK_SLOTS;
            let mut steps = 0;
            let state = |map: &Map| (map.table.inner().tidying, map.table.inner().stale);
            let mut before = state(&map);
            while map.table.inner().is_untidy() {
                insert(&mut map, next());
                steps += usize::from(state(&map) != before);
                before = state(&map);
            }
            assert_eq!(steps, blocks);
            assert!(map.table.inner().stale as usize <= LEFT);
            // With nothing stale every counter has to be exact.
            map.check().unwrap();
        }
    }

    #[test]
    fn what_goes_during_a_round_is_left_for_the_next() {
        let mut next = numbers();
        let mut map = Map::with_capacity(8 * 14 * BLOCK_SLOTS / 16);
        until_untidy(&mut map, &mut next);
        while !map.table.inner().tidying.is_on() {
            insert(&mut map, next());
        }
        assert!(map.table.inner().stale as usize <= LEFT);
        let guests = map.table.inner().displaced;
        map.retain(|key, _| key % 5 != 0);
        let gone = guests - map.table.inner().displaced;
        assert!(gone > 0);
        while map.table.inner().tidying.is_on() {
            insert(&mut map, next());
        }
        let stale = map.table.inner().stale as usize;
        assert!((gone..=gone + LEFT).contains(&stale), "{gone}, {stale}");
        map.check().unwrap();
        let copy = map.clone();
        copy.check().unwrap();
    }

    #[test]
    fn a_clear_ends_a_round() {
        let mut next = numbers();
        let mut map = Map::with_capacity(8 * 14 * BLOCK_SLOTS / 16);
        until_untidy(&mut map, &mut next);
        while !map.table.inner().tidying.is_on() {
            insert(&mut map, next());
        }
        map.clone().check().unwrap();
        map.clear();
        assert!(!map.table.inner().is_untidy());
        map.check().unwrap();
    }
}
