#![forbid(unsafe_code)]
//! Which slot size serves a request.
//!
//! Steps of 16 bytes up to 128, then four classes per doubling:
//!
//! ```text
//!   16 32 48 64 80 96 112 128 │ 160 192 224 256 │ 320 384 448 512 │ … │ 32768
//! ```
//!
//! Slots lie at multiples of their size from the start of a slab, so a slot
//! whose size is a multiple of an alignment has that alignment. Rounding a
//! request up to its alignment first is enough to get one: see
//! [`SizeClass::for_layout`].
//!
//! # Source
//!
//! jemalloc's spacing. Tables, one load, serve sizes that are not known at compile
//! time; constants fold away.

use core::hint::cold_path;

use crate::config::{
    CARVE_BYTES, CARVE_MAX_SLOTS, CARVE_MIN_MAX_SLOT_BYTES, CARVE_MIN_SLOTS, LARGE_SLAB_BYTES,
    MAX_SLOT_BYTES, SLICE_BYTES, SMALL_SLAB_MAX_SLOT_BYTES, TWO_LISTS_MAX_SLOT_BYTES,
};

/// Number of size classes.
pub(crate) const CLASS_COUNT: usize = 40;

/// Bits that the index of a class needs.
const CLASS_BITS: u32 = usize::BITS - (CLASS_COUNT - 1).leading_zeros();

/// A size class: an index below [`CLASS_COUNT`], times [`STRIDE`], plus
/// [`ONE_LIST`] where bins have one list. That is where in a heap the list lies that is
/// lent from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SizeClass(u16);

/// Bytes from the start of a bin to the list that frees go to; with one list, the one.
pub(crate) const ONE_LIST: usize = size_of::<usize>();

/// Bytes of what a heap keeps per class, in the array that its fast paths look at. A
/// class that is not known at compile time is its place there, without a shift.
pub(crate) const STRIDE: usize = 32;

/// The class of a size, by steps of 16 bytes.
static CLASS_OF: [SizeClass; MAX_SLOT_BYTES / 16 + 1] = {
    let mut table = [SizeClass(0); MAX_SLOT_BYTES / 16 + 1];
    let mut step = 1;
    while step < table.len() {
        table[step] = SizeClass::compute(step * 16);
        step += 1;
    }
    table
};

/// The offset of a size's class, by steps of 16 bytes: a mask less in each free.
static OFFSET_OF: [u16; CLASS_OF.len()] = {
    let mut table = [0; CLASS_OF.len()];
    let mut step = 0;
    while step < table.len() {
        table[step] = CLASS_OF[step].offset();
        step += 1;
    }
    table
};

/// What slow paths would otherwise divide for.
#[derive(Clone, Copy)]
struct Facts {
    slot_bytes: u16,
    slab_slots: u16,
    bin_slots: u16,
    batch_slots: u16,
    carve_slots: u16,
}

/// As many as fit the bits of a class in a slab's word: what is read there needs no check.
static FACTS: [Facts; 1 << CLASS_BITS] = {
    let none = Facts {
        slot_bytes: 0,
        slab_slots: 0,
        bin_slots: 0,
        batch_slots: 0,
        carve_slots: 0,
    };
    let mut table = [none; 1 << CLASS_BITS];
    let mut index = 0;
    while index < CLASS_COUNT {
        let class = SizeClass::from_index(index);
        // All of them fit, as asserted below and tested.
        table[index] = Facts {
            slot_bytes: class.compute_slot_bytes() as u16,
            slab_slots: (class.slab_bytes() / class.compute_slot_bytes()) as u16,
            bin_slots: class.compute_bin_slots() as u16,
            batch_slots: class.compute_batch_slots() as u16,
            carve_slots: class.compute_carve_slots() as u16,
        };
        index += 1;
    }
    table
};

const _: () = assert!(TWO_LISTS_MAX_SLOT_BYTES <= SMALL_SLAB_MAX_SLOT_BYTES);
const _: () = assert!(MAX_SLOT_BYTES <= u16::MAX as usize);
const _: () = assert!(SizeClass::compute(MAX_SLOT_BYTES).index() == CLASS_COUNT - 1);
const _: () = assert!(CLASS_COUNT * STRIDE <= u16::MAX as usize);

/// The last class whose bins have two lists.
const TWO_LISTS_MAX_INDEX: usize = SizeClass::compute_index(TWO_LISTS_MAX_SLOT_BYTES);

impl SizeClass {
    /// Returns the class that serves `bytes` at `align`, or none when no slot
    /// is large enough.
    ///
    /// `align` is a power of two; `bytes` rounded up to it does not overflow, as
    /// `Layout` promises. Zero bytes get the smallest slot at any alignment.
    ///
    /// Any other size up to the slot's own gives the same class at the same
    /// alignment, so a block may be freed by the size that it was found to have.
    #[inline(always)]
    pub(crate) const fn for_layout(bytes: usize, align: usize) -> Option<SizeClass> {
        let rounded = SizeClass::rounded(bytes, align);
        if rounded > MAX_SLOT_BYTES {
            return None;
        }
        Some(CLASS_OF[(rounded + 15) >> 4])
    }

    /// As [`SizeClass::for_layout`], for who wants the [`offset`](SizeClass::offset) alone.
    #[inline(always)]
    pub(crate) const fn offset_for_layout(bytes: usize, align: usize) -> Option<u16> {
        let rounded = SizeClass::rounded(bytes, align);
        if rounded > MAX_SLOT_BYTES {
            return None;
        }
        Some(OFFSET_OF[(rounded + 15) >> 4])
    }

    /// What a slot must hold, so that it has the alignment too.
    #[inline(always)]
    const fn rounded(bytes: usize, align: usize) -> usize {
        // A rounded size is a multiple of the step between classes, or the
        // step is a multiple of `align`: either way the slot is one of `align`.
        if align > 16 {
            // Keeps this a branch: seven instructions less where the layout is not known.
            cold_path();
            (bytes + (align - 1)) & !(align - 1)
        } else {
            bytes
        }
    }

    /// The class of that index, which is below [`CLASS_COUNT`].
    pub(crate) const fn from_index(index: usize) -> SizeClass {
        SizeClass::from_offset((index * STRIDE) as u16)
    }

    /// The class with that [`offset`](SizeClass::offset).
    #[inline(always)]
    pub(crate) const fn from_offset(offset: u16) -> SizeClass {
        debug_assert!((offset as usize).is_multiple_of(STRIDE));
        debug_assert!(offset as usize / STRIDE < CLASS_COUNT);
        let has_two_lists = offset as usize / STRIDE <= TWO_LISTS_MAX_INDEX;
        SizeClass(offset + if has_two_lists { 0 } else { ONE_LIST as u16 })
    }

    /// All classes, smallest first.
    pub(crate) fn all() -> impl Iterator<Item = SizeClass> {
        (0..CLASS_COUNT).map(SizeClass::from_index)
    }

    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize / STRIDE
    }

    /// Bytes to the class's place in an array of [`STRIDE`] a class.
    #[inline(always)]
    pub(crate) const fn offset(self) -> u16 {
        self.0 & !(STRIDE as u16 - 1)
    }

    /// Bytes to the list that is lent from, in that array.
    #[inline(always)]
    pub(crate) const fn offset_of_lent(self) -> u16 {
        self.0
    }

    /// Bytes of one slot.
    #[inline(always)]
    pub(crate) const fn slot_bytes(self) -> usize {
        self.facts().slot_bytes as usize
    }

    /// Whether bins of this class lend from one list and take back onto another.
    #[inline(always)]
    pub(crate) const fn has_two_lists(self) -> bool {
        self.index() <= TWO_LISTS_MAX_INDEX
    }

    /// Bytes and alignment of the slabs of this class.
    #[inline(always)]
    pub(crate) const fn slab_bytes(self) -> usize {
        if self.index() <= SizeClass::compute_index(SMALL_SLAB_MAX_SLOT_BYTES) {
            SLICE_BYTES
        } else {
            LARGE_SLAB_BYTES
        }
    }

    /// Slots in one slab, 8 to 4096.
    #[inline(always)]
    pub(crate) const fn slab_slots(self) -> usize {
        self.facts().slab_slots as usize
    }

    /// Frees that a bin absorbs before it goes to the slabs.
    ///
    /// 64 KiB worth of slots, 256 at most and 32 at least; slots above 4 KiB
    /// get 256 KiB, 32 at most. Measured: a quarter of it costs batches 20 %.
    #[inline(always)]
    pub(crate) const fn bin_slots(self) -> u32 {
        self.facts().bin_slots as u32
    }

    /// Slots that a full bin sends to their slabs at a time: a quarter of it, 32 at
    /// most. Measured: a mass of frees takes 53, 50 and 49 ns each with 16, 32 and 64.
    #[inline(always)]
    pub(crate) const fn batch_slots(self) -> u32 {
        self.facts().batch_slots as u32
    }

    /// Slots cut from a slab at a time.
    #[inline(always)]
    pub(crate) const fn carve_slots(self) -> usize {
        self.facts().carve_slots as usize
    }

    #[inline(always)]
    const fn facts(self) -> &'static Facts {
        &FACTS[self.index()]
    }

    const fn compute_bin_slots(self) -> usize {
        let bytes = self.compute_slot_bytes();
        let (slots, least, most) = if bytes <= SMALL_SLAB_MAX_SLOT_BYTES {
            (65_536 / bytes, 32, 256)
        } else {
            (262_144 / bytes, 8, 32)
        };
        if slots < least {
            least
        } else if slots > most {
            most
        } else {
            slots
        }
    }

    const fn compute_batch_slots(self) -> usize {
        let slots = self.compute_bin_slots() / 4;
        if slots > 32 { 32 } else { slots }
    }

    const fn compute_carve_slots(self) -> usize {
        let slots = CARVE_BYTES / self.compute_slot_bytes();
        let least = if self.compute_slot_bytes() <= CARVE_MIN_MAX_SLOT_BYTES {
            CARVE_MIN_SLOTS
        } else {
            1
        };
        if slots < least {
            least
        } else if slots > CARVE_MAX_SLOTS {
            CARVE_MAX_SLOTS
        } else {
            slots
        }
    }

    /// The class of `bytes` in `1..=MAX_SLOT_BYTES`.
    const fn compute(bytes: usize) -> SizeClass {
        SizeClass::from_index(SizeClass::compute_index(bytes))
    }

    /// The closed form behind the table.
    const fn compute_index(bytes: usize) -> usize {
        let last = bytes - 1;
        if last < 128 {
            return last / 16;
        }
        let doubling = last.ilog2() as usize; // 7 or more, since 128 <= last
        let quarter = (last >> (doubling - 2)) & 3;
        8 + (doubling - 7) * 4 + quarter
    }

    const fn compute_slot_bytes(self) -> usize {
        let class = self.index();
        if class < 8 {
            return (class + 1) * 16;
        }
        let doubling = (class - 8) / 4;
        let quarter = (class - 8) % 4;
        (32 << doubling) * (quarter + 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_gets_the_smallest_slot_that_holds_it() {
        for bytes in 1..=MAX_SLOT_BYTES {
            let class = SizeClass::for_layout(bytes, 1).unwrap();
            assert!(
                bytes <= class.slot_bytes(),
                "{bytes} does not fit {class:?}"
            );
            if class.index() > 0 {
                let smaller = SizeClass::from_index(class.index() - 1);
                assert!(
                    smaller.slot_bytes() < bytes,
                    "{bytes} would fit {smaller:?}"
                );
            }
        }
        assert_eq!(SizeClass::for_layout(MAX_SLOT_BYTES + 1, 1), None);
    }

    #[test]
    fn zero_bytes_get_the_smallest_slot() {
        assert_eq!(SizeClass::for_layout(0, 1).unwrap().index(), 0);
    }

    #[test]
    fn at_most_a_quarter_is_wasted_above_128_bytes() {
        for bytes in 129..=MAX_SLOT_BYTES {
            let slot = SizeClass::for_layout(bytes, 8).unwrap().slot_bytes();
            assert!((slot - bytes) * 4 <= bytes, "{bytes} in {slot}");
        }
    }

    #[test]
    fn slots_have_the_alignment_asked_for() {
        let mut align = 1;
        while align <= MAX_SLOT_BYTES {
            for bytes in 1..=MAX_SLOT_BYTES {
                if let Some(class) = SizeClass::for_layout(bytes, align) {
                    assert_eq!(class.slot_bytes() % align, 0, "{bytes} at {align}");
                }
            }
            align *= 2;
        }
    }

    #[test]
    fn every_size_that_fits_the_slot_leads_to_the_same_class() {
        let mut align = 1;
        while align <= MAX_SLOT_BYTES {
            for bytes in 1..=MAX_SLOT_BYTES {
                if let Some(class) = SizeClass::for_layout(bytes, align) {
                    assert_eq!(
                        SizeClass::for_layout(class.slot_bytes(), align),
                        Some(class)
                    );
                }
            }
            align *= 2;
        }
    }

    #[test]
    fn tables_agree_with_the_closed_forms() {
        for class in SizeClass::all() {
            assert_eq!(class.slot_bytes(), class.compute_slot_bytes());
            assert_eq!(SizeClass::compute(class.slot_bytes()), class);
        }
    }

    #[test]
    fn two_lists_are_for_the_smaller_classes_alone() {
        for class in SizeClass::all() {
            let two = class.slot_bytes() <= TWO_LISTS_MAX_SLOT_BYTES;
            assert_eq!(class.has_two_lists(), two, "{class:?}");
            let second = if two { 0 } else { ONE_LIST as u16 };
            assert_eq!(class.offset_of_lent(), class.offset() + second);
            assert_eq!(usize::from(class.offset()), class.index() * STRIDE);
            assert_eq!(SizeClass::from_offset(class.offset()), class);
            let offset = SizeClass::offset_for_layout(class.slot_bytes(), 1);
            assert_eq!(offset, Some(class.offset()));
        }
    }

    #[test]
    fn slabs_bins_and_carvings_stay_in_their_ranges() {
        for class in SizeClass::all() {
            assert!((8..=4096).contains(&class.slab_slots()), "{class:?}");
            assert!((8..=256).contains(&class.bin_slots()), "{class:?}");
            assert!((2..=32).contains(&class.batch_slots()), "{class:?}");
            assert!((1..=256).contains(&class.carve_slots()), "{class:?}");
            assert!(class.carve_slots() <= class.slab_slots());
        }
    }
}
