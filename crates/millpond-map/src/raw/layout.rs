#![forbid(unsafe_code)]
//! How many slots a capacity needs, and where everything lies in the slab.
//!
//! ```text
//!   slab start                               control (aligned to 16 or 64)
//!   ▼                                        ▼
//!   ┌───────────────┬─────┬──────┬───────────┬───────────┬────────┬──────────┬────────┐
//!   │ slots         │ pad │ list │     dirty │ tags      │ filter │ counters │ guests │
//!   │ size each     │     │ u32s │ backwards │ 16 a group│ 4      │ 4        │ 2      │
//!   └───────────────┴─────┴──────┴───────────┴───────────┴────────┴──────────┴────────┘
//! ```
//!
//! Everything but the slots is reached from the address of the tags by the group
//! number alone: the dirty byte of line `b` is at `control - 1 - b`, the filter of
//! group `g` at `control + 16 * groups + 4 * g`.
//!
//! A table of one group fills to the last slot, since nothing needs an empty lane
//! to stop at. Larger ones stop at 14 of 16, which is hashbrown's 7/8.
//!
//! A table that grows in place has more slots laid out than in use:
//!
//! ```text
//!   0            base         limit           slots = 2 × base
//!   ├─ split ─┬─ whole ─┼─ split ─┼─ not there yet ─┤
//!             └─ limit − base
//! ```
//!
//! Its blocks of [`BLOCK_SLOTS`] are split one by one, each into itself and the block
//! `base` further on, every [`SPLIT_ENTRIES`] entries, until `limit` reaches `slots`.

use core::alloc::Layout;

use crate::control::GROUP_SLOTS;
use crate::control::tag::CLASSES;

/// Bytes of the filter of one group.
pub(crate) const FILTER_BYTES: usize = size_of::<u32>();

/// Bytes of the counters of one group: half a byte for each class of hashes.
pub(crate) const COUNTER_BYTES: usize = CLASSES / 2;

/// Bytes of a group's set of guests: one bit a lane.
pub(crate) const GUESTS_BYTES: usize = GROUP_SLOTS / 8;

/// Bytes of a group besides its slots, lines left aside.
const GROUP_BYTES: usize = GROUP_SLOTS + FILTER_BYTES + COUNTER_BYTES + GUESTS_BYTES;

/// Groups whose tags share a cache line of 64 bytes; `clear` works line by line.
pub(crate) const LINE_GROUPS: usize = 4;

/// The most groups of a table that has no list of touched lines.
///
/// Below it wiping everything is a few stores. Borrowed from the layout study.
pub(crate) const UNLISTED_GROUPS: usize = 16;

/// Entries of more bytes than this may get a table of 4 or 8 slots.
///
/// Guessed: sixteen such slots are a kilobyte.
const LARGE_ENTRY_BYTES: usize = 64;

/// Groups of one block: a search stays in its home's block until it has seen all of it,
/// and a table grows by splitting one block at a time.
///
/// Measured in the growth study: at load 7/8 blocks of 64 hardly ever overflow, blocks of
/// 16 do. Tests make them tiny, so that they overflow all the time.
pub(crate) const BLOCK_GROUPS: usize = if cfg!(millpond_tiny_blocks) { 16 } else { 64 };

/// Slots of one block.
pub(crate) const BLOCK_SLOTS: usize = BLOCK_GROUPS * GROUP_SLOTS;

/// Entries that the split of one block makes room for.
///
/// The last block of a round is split at load 7/8 + 1/128, at which blocks still hardly
/// ever overflow. A round that began earlier would break the promise of `with_capacity`.
pub(crate) const SPLIT_ENTRIES: usize = if cfg!(millpond_tiny_blocks) { 2 } else { 8 };

const _: () = {
    assert!(BLOCK_GROUPS.is_power_of_two() && BLOCK_GROUPS >= LINE_GROUPS);
    // The blocks of a whole round are paid for by less than the entries that it makes room for.
    assert!(SPLIT_ENTRIES * 16 <= BLOCK_SLOTS);
};

/// The size and alignment of one entry, in bytes. `size` is a multiple of `align`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TableLayout {
    pub(crate) size: usize,
    pub(crate) align: usize,
}

impl TableLayout {
    /// Returns the layout of entries of type `T`.
    pub(crate) const fn of<T>() -> TableLayout {
        TableLayout {
            size: size_of::<T>(),
            align: align_of::<T>(),
        }
    }
}

/// The number of slots of a table, and of groups.
///
/// Either one group with 4, 8 or 16 slots, or a power of two of full groups. All are in
/// use, but for a table in the middle of growing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Geometry {
    slots: usize,
    /// Slots in use: between half of them and all; whole blocks, if not all.
    limit: usize,
}

impl Geometry {
    const fn whole(slots: usize) -> Geometry {
        Geometry {
            slots,
            limit: slots,
        }
    }

    /// Returns the smallest geometry that holds `capacity` entries, at least one.
    ///
    /// None when the number of slots overflows.
    pub(crate) const fn for_capacity(capacity: usize, entry: TableLayout) -> Option<Geometry> {
        if capacity <= GROUP_SLOTS {
            let slots = if entry.size <= LARGE_ENTRY_BYTES || capacity > 8 {
                16
            } else if capacity > 4 {
                8
            } else {
                4
            };
            return Some(Geometry::whole(slots));
        }
        match capacity.div_ceil(14).checked_next_power_of_two() {
            Some(groups) => match groups.checked_mul(GROUP_SLOTS) {
                Some(slots) => Some(Geometry::whole(slots)),
                None => None,
            },
            None => None,
        }
    }

    /// Returns the geometry of a table that is in use, from its mask and limit.
    pub(crate) const fn of_table(mask: usize, limit: usize) -> Geometry {
        let slots = if mask == 0 { limit } else { mask + GROUP_SLOTS };
        Geometry { slots, limit }
    }

    /// Returns the geometry with twice the slots, of which none is in use yet that was not
    /// before. None when their number overflows.
    ///
    /// The geometry is whole, and of at least one block.
    pub(crate) const fn begin_round(self) -> Option<Geometry> {
        debug_assert!(self.is_whole() && self.limit >= BLOCK_SLOTS);
        match self.slots.checked_mul(2) {
            Some(slots) => Some(Geometry { slots, ..self }),
            None => None,
        }
    }

    /// Returns the geometry with one block more in use. There is one that is not.
    pub(crate) const fn with_block(self) -> Geometry {
        debug_assert!(!self.is_whole());
        Geometry {
            limit: self.limit + BLOCK_SLOTS,
            ..self
        }
    }

    /// Returns the slots, in use or not, full or not.
    pub(crate) const fn slots(self) -> usize {
        self.slots
    }

    /// Returns the slots in use, full or not.
    pub(crate) const fn limit(self) -> usize {
        self.limit
    }

    /// Tells whether all slots are in use.
    pub(crate) const fn is_whole(self) -> bool {
        self.limit == self.slots
    }

    /// Returns the groups, a power of two.
    pub(crate) const fn groups(self) -> usize {
        self.slots.div_ceil(GROUP_SLOTS)
    }

    /// Returns the mask that turns a hash into the offset of its home group.
    pub(crate) const fn mask(self) -> usize {
        (self.groups() - 1) * GROUP_SLOTS
    }

    /// Returns the entries that fit before the table grows, or grows on.
    pub(crate) const fn capacity(self) -> usize {
        if self.slots <= GROUP_SLOTS {
            self.slots
        } else if self.is_whole() {
            self.slots / 8 * 7
        } else {
            let base = self.slots / 2;
            base / 8 * 7 + (self.limit - base) / BLOCK_SLOTS * SPLIT_ENTRIES
        }
    }

    /// Returns the bytes that a table with this much in use has touched, wherever they lie.
    pub(crate) const fn used_bytes(self, entry: TableLayout) -> usize {
        let groups = self.limit.div_ceil(GROUP_SLOTS);
        let lines = groups.div_ceil(LINE_GROUPS);
        self.limit * entry.size + lines * 5 + groups * GROUP_BYTES
    }

    /// Returns the lines of tags, each with a dirty byte.
    pub(crate) const fn lines(self) -> usize {
        self.groups().div_ceil(LINE_GROUPS)
    }

    /// Returns the entries of the list of touched lines.
    const fn list_len(self) -> usize {
        if self.groups() <= UNLISTED_GROUPS {
            0
        } else {
            self.lines()
        }
    }

    /// Returns the alignment of the tags, in bytes.
    const fn control_align(self) -> usize {
        // A line of tags is a cache line where a table has a whole one.
        if self.groups() < LINE_GROUPS {
            GROUP_SLOTS
        } else {
            64
        }
    }

    /// Returns the alignment of the table's slab, in bytes.
    #[inline]
    pub(crate) const fn slab_align(self, entry: TableLayout) -> usize {
        let control_align = self.control_align();
        if entry.align > control_align {
            entry.align
        } else {
            control_align
        }
    }

    /// Returns the slab that the table needs. None when its size overflows.
    pub(crate) const fn slab(self, entry: TableLayout) -> Option<SlabLayout> {
        let groups = self.groups();
        // The list names lines by u32.
        if self.lines() > u32::MAX as usize {
            return None;
        }
        let control_align = self.control_align();
        let align = self.slab_align(entry);

        let Some(slots_bytes) = self.slots.checked_mul(entry.size) else {
            return None;
        };
        // The side arrays take some ten bytes a group, besides the tags.
        let Some(before) = slots_bytes.checked_add(self.lines() + 4 * self.list_len() + 3) else {
            return None;
        };
        let Some(control) = before.checked_next_multiple_of(control_align) else {
            return None;
        };
        let Some(bytes) = control.checked_add(groups * GROUP_BYTES) else {
            return None;
        };
        match Layout::from_size_align(bytes, align) {
            Ok(layout) => Some(SlabLayout { layout, control }),
            Err(_) => None,
        }
    }
}

/// The range of a table that grows in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    /// Where the arrays lie: as in the largest table that the range has room for.
    pub(crate) slab: SlabLayout,
    /// The mask of that table.
    pub(crate) mask: usize,
    /// Bytes of the range.
    pub(crate) bytes: usize,
}

/// The ranges that tables grow in, in bytes of addresses.
///
/// Few sizes, so that a range that was given back fits the next table. Guessed: a table of
/// some hundred kilobytes may grow a thousandfold in the first.
const RANGE_BYTES: [usize; 3] = [1 << 30, 1 << 36, 1 << 42];

/// How many times the slots of a table its range has room for, at least.
const SPAN_FACTOR: usize = 4;

/// The most slots whose lines a list can name by u32, a power of two.
const LISTED_SLOTS_MAX: usize = 1 << 37;

/// The largest alignment of entries in a range, in bytes.
const RANGE_ALIGN: usize = 2 << 20;

impl Geometry {
    /// Returns the range for a table with this geometry, and where everything lies in it.
    ///
    /// None where there is no range large enough, or the entries have no size.
    pub(crate) fn span(self, entry: TableLayout) -> Option<Span> {
        if entry.size == 0 || entry.align > RANGE_ALIGN {
            return None;
        }
        RANGE_BYTES.into_iter().find_map(|bytes| {
            // Each slot takes its entry and less than two bytes.
            let most = bytes / (entry.size + 2);
            let slots = (1 << most.checked_ilog2()?).min(LISTED_SLOTS_MAX);
            let whole = Geometry::whole(slots);
            let slab = whole.slab(entry)?;
            let fits = slab.layout.size() <= bytes
                && slots >= BLOCK_SLOTS
                && slots / SPAN_FACTOR >= self.slots;
            fits.then_some(Span {
                slab,
                mask: whole.mask(),
                bytes,
            })
        })
    }
}

/// The slab of one table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SlabLayout {
    /// Size and alignment of the whole.
    pub(crate) layout: Layout,
    /// Bytes from the start of the slab to the first tag.
    pub(crate) control: usize,
}

/// Returns the distance from the first tag down to the list of touched lines, in bytes.
///
/// The list grows upwards from there, a u32 for each of `lines`, below the dirty bytes.
#[inline]
pub(crate) const fn list_below_control(lines: usize) -> usize {
    (lines.next_multiple_of(4)) + 4 * lines
}

/// Returns the distance from the first tag up to the filters.
#[inline]
pub(crate) const fn filter_above_control(mask: usize) -> usize {
    mask + GROUP_SLOTS
}

/// Returns the distance from the first tag up to the counters.
#[inline]
pub(crate) const fn counters_above_control(mask: usize) -> usize {
    let groups = mask / GROUP_SLOTS + 1;
    (GROUP_SLOTS + FILTER_BYTES) * groups
}

/// Returns the distance from the first tag up to the sets of guests.
#[inline]
pub(crate) const fn guests_above_control(mask: usize) -> usize {
    let groups = mask / GROUP_SLOTS + 1;
    (GROUP_SLOTS + FILTER_BYTES + COUNTER_BYTES) * groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [TableLayout; 9] = [
        TableLayout { size: 0, align: 1 },
        TableLayout {
            size: 0,
            align: 4096,
        },
        TableLayout { size: 1, align: 1 },
        TableLayout { size: 16, align: 8 },
        TableLayout {
            size: 64,
            align: 64,
        },
        TableLayout { size: 65, align: 1 },
        TableLayout {
            size: 200,
            align: 8,
        },
        TableLayout {
            size: 256,
            align: 128,
        },
        TableLayout {
            size: 4096,
            align: 4096,
        },
    ];

    #[test]
    fn each_capacity_gets_the_smallest_table_that_holds_it() {
        for entry in ENTRIES {
            let mut previous = Geometry::for_capacity(1, entry).unwrap();
            assert_eq!(previous.slots(), if entry.size > 64 { 4 } else { 16 });
            for capacity in 1..=20_000 {
                let geometry = Geometry::for_capacity(capacity, entry).unwrap();
                assert!(geometry.capacity() >= capacity);
                if geometry != previous {
                    assert_eq!(previous.capacity(), capacity - 1, "grew too early");
                    assert_eq!(geometry.slots(), previous.slots() * 2);
                }
                assert!(geometry.groups().is_power_of_two());
                assert_eq!(geometry.mask() + 16, geometry.groups() * 16);
                assert_eq!(
                    Geometry::of_table(geometry.mask(), geometry.limit()),
                    geometry
                );
                previous = geometry;
            }
        }
    }

    #[test]
    fn the_parts_of_a_slab_do_not_overlap() {
        for entry in ENTRIES {
            for capacity in (1..=64).chain((0..20).map(|log2| 14 << log2)) {
                let geometry = Geometry::for_capacity(capacity, entry).unwrap();
                let slab = geometry.slab(entry).unwrap();
                let (groups, lines) = (geometry.groups(), geometry.lines());
                let slots_end = geometry.slots() * entry.size;

                assert!(slab.layout.align() >= entry.align.max(16));
                assert_eq!(slab.control % 16, 0);
                assert!(groups < 4 || slab.control.is_multiple_of(64));
                assert!(slots_end + lines <= slab.control);
                if groups > UNLISTED_GROUPS {
                    let list = slab.control - list_below_control(lines);
                    assert_eq!(list % 4, 0);
                    assert!(slots_end <= list);
                    assert!(list + 4 * lines <= slab.control - lines);
                }
                let filter = slab.control + filter_above_control(geometry.mask());
                let counters = slab.control + counters_above_control(geometry.mask());
                assert_eq!(filter, slab.control + geometry.slots().max(16));
                assert_eq!(counters, filter + FILTER_BYTES * groups);
                let guests = slab.control + guests_above_control(geometry.mask());
                assert_eq!(guests, counters + COUNTER_BYTES * groups);
                assert!(guests.is_multiple_of(align_of::<u16>()));
                assert_eq!(guests + GUESTS_BYTES * groups, slab.layout.size());
            }
        }
    }

    #[test]
    fn a_round_ends_with_all_slots_in_use_and_never_takes_room_away() {
        let entry = TableLayout { size: 16, align: 8 };
        for blocks_log2 in 0..8 {
            let base = BLOCK_SLOTS << blocks_log2;
            let whole = Geometry::for_capacity(base / 8 * 7, entry).unwrap();
            assert_eq!(whole.slots(), base);
            let mut geometry = whole.begin_round().unwrap();
            assert_eq!(geometry.slots(), 2 * base);
            assert_eq!(geometry.capacity(), whole.capacity());
            assert_eq!(geometry.used_bytes(entry), whole.used_bytes(entry));
            while !geometry.is_whole() {
                let next = geometry.with_block();
                assert!(next.capacity() >= geometry.capacity() + SPLIT_ENTRIES);
                assert!(next.used_bytes(entry) > geometry.used_bytes(entry));
                assert_eq!(Geometry::of_table(next.mask(), next.limit()), next);
                // The fullest block, one that is not split, is never above 29 of 32.
                assert!(geometry.capacity() * 32 <= 29 * base);
                geometry = next;
            }
            assert_eq!(
                Geometry::for_capacity(whole.capacity() + 1, entry),
                Some(geometry)
            );
        }
    }

    #[test]
    fn a_slab_that_overflows_is_none() {
        let entry = TableLayout { size: 16, align: 8 };
        let fits = |capacity| {
            Geometry::for_capacity(capacity, entry)
                .is_some_and(|geometry| geometry.slab(entry).is_some())
        };
        assert!(fits(1 << 36));
        for capacity in [
            usize::MAX,
            usize::MAX / 2,
            usize::MAX / 16,
            usize::MAX / 32,
            1 << 59,
        ] {
            assert!(!fits(capacity), "{capacity}");
        }
        let nothing = TableLayout { size: 0, align: 1 };
        assert!(
            Geometry::for_capacity(usize::MAX, nothing).is_none_or(|g| g.slab(nothing).is_none())
        );
    }

    #[test]
    fn a_span_has_room_for_four_times_the_table_and_few_sizes() {
        for entry in ENTRIES {
            for capacity in (10..30).map(|log2| 14 << log2) {
                let geometry = Geometry::for_capacity(capacity, entry).unwrap();
                let Some(span) = geometry.span(entry) else {
                    let least = 4 * geometry.slots() * (entry.size + 2);
                    assert!(entry.size == 0 || least > RANGE_BYTES[2], "{entry:?}");
                    continue;
                };
                let Span { slab, mask, bytes } = span;
                assert!(RANGE_BYTES.contains(&bytes) && slab.layout.size() <= bytes);
                assert!(mask + 16 >= 4 * geometry.slots());
                let whole = Geometry::of_table(mask, mask + 16);
                assert_eq!(whole.slab(entry), Some(slab));
            }
        }
    }

    #[test]
    fn metadata_stays_under_nine_tenths_of_a_byte_a_slot_beyond_the_tag() {
        let entry = TableLayout { size: 16, align: 8 };
        let geometry = Geometry::for_capacity(14_000_000, entry).unwrap();
        let bytes = geometry.slab(entry).unwrap().layout.size();
        let a_slot = bytes as f64 / geometry.slots() as f64;
        assert!(a_slot < 17.0 * 1.05, "{a_slot}");
    }
}
