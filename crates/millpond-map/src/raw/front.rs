#![forbid(unsafe_code)]
//! What the fast paths see of a table: its tags, its filters, and which group is home.
//!
//! While a table grows block by block, a home depends on how far the round has come: a
//! compare and a branch for every look-up of every table, one in seventeen of its time,
//! for the sake of one insert in a thousand. Instead a table in the middle of a round
//! shows its fast paths a *veil*: one empty group that everything has gone past, so that
//! all that is asked goes on to the slow paths, which look behind it.
//!
//! ```text
//!   whole table        control ──▶ tags of the table        mask ── of the table
//!   in a round         control ──▶ VEIL: no tags, all bits  mask ── 0
//!   without a slab     control ──▶ EMPTY: no tags, no bits  mask ── 0
//! ```
//!
//! Nothing is ever written through it: a group without tags has nothing to take, and where
//! the filter says "go on" no slot is claimed.

use core::ptr::NonNull;

use super::layout::Geometry;
use crate::control::GROUP_SLOTS;

/// A group and its filter.
#[repr(C, align(64))]
struct OneGroup {
    tags: [u8; GROUP_SLOTS],
    filter: u32,
}

static EMPTY: OneGroup = OneGroup {
    tags: [0; GROUP_SLOTS],
    filter: 0,
};

static VEIL: OneGroup = OneGroup {
    tags: [0; GROUP_SLOTS],
    filter: u32::MAX,
};

/// What the fast paths see.
#[derive(Clone, Copy)]
pub(crate) struct Front {
    /// The first tag, aligned to 16.
    pub(super) control: NonNull<u8>,
    /// The first filter.
    pub(super) filter: NonNull<u32>,
    /// Turns a hash into the offset of a group, in slots.
    pub(super) mask: usize,
}

impl Front {
    /// Of every table without a slab.
    pub(super) const EMPTY: Front = Front::of_one(&EMPTY);

    /// Of a table in the middle of a round.
    pub(super) const VEIL: Front = Front::of_one(&VEIL);

    const fn of_one(group: &'static OneGroup) -> Front {
        Front {
            control: NonNull::from_ref(&group.tags).cast(),
            filter: NonNull::from_ref(&group.filter),
            mask: 0,
        }
    }

    /// Of a table of `geometry` whose arrays start there.
    pub(super) const fn of(
        control: NonNull<u8>,
        filter: NonNull<u32>,
        geometry: Geometry,
    ) -> Front {
        if geometry.is_whole() {
            Front {
                control,
                filter,
                mask: geometry.mask(),
            }
        } else {
            Front::VEIL
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::HashMap;
    use crate::raw::layout::BLOCK_SLOTS;

    #[test]
    fn a_veil_is_lifted_by_as_many_new_entries_as_there_are_blocks() {
        let mut map: HashMap<u64, u64> = HashMap::new();
        let mut veiled = 0;
        for number in 0..200_000 {
            let is_veiled = |map: &HashMap<u64, u64>| map.table.inner().is_veiled();
            map.insert(number, number);
            if !is_veiled(&map) {
                veiled = 0;
                continue;
            }
            veiled += 1;
            let blocks = map.table.inner().limit / BLOCK_SLOTS;
            assert!(veiled <= blocks, "{veiled} entries at {blocks} blocks");
            for known in [0, number / 2, number] {
                assert_eq!(map.get(&known), Some(&known));
            }
            assert_eq!(map.insert(number / 3, number / 3), Some(number / 3));
            assert!(is_veiled(&map), "no entry is new");
            assert_eq!(map.get(&(number + 1)), None);
        }
        assert!(map.table.inner().limit > 100 * BLOCK_SLOTS);
    }
}
