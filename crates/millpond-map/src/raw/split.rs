//! Growing without a spike: one block is split into two, and the others stay as they are.
//!
//! A round doubles the table. Each step of it hashes the entries of one block, the lowest
//! that has not been split, and moves about half of them into the block behind the last:
//!
//! ```text
//!   block b     │ a b ─ c │ d ─ e f │ …        a c f stay in their lanes, e is a guest
//!   block b'    │ ─ b ─ ─ │ d ─ ─ ─ │ …        b d go to the same lanes of block b + base
//! ```
//!
//! An entry keeps its lane, so a group is written with two stores. Filters of both blocks
//! start anew. Guests are laid again, and so are *strays*: entries in another block than
//! their home, since their own was full to the last slot.
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super), and
//!
//! - `survey`: hashes are computed before anything changes, so a panic leaves the table as
//!   it was; from then on nothing unwinds.

use core::mem::MaybeUninit;
use core::num::NonZero;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::history::count;
use super::inner::{LINE_SLOTS, RawInner};
use super::layout::{BLOCK_GROUPS, BLOCK_SLOTS, Geometry};
use super::probe::{Probe, block_of};
use super::reach::lends_ranges;
use crate::control::{GROUP_SLOTS, Group};

/// The smallest table, in bytes, that grows block by block.
///
/// Measured in the growth study: rehashing a smaller one takes less than 0.1 ms.
const SPLIT_BYTES: usize = if cfg!(millpond_tiny_blocks) {
    4 << 10
} else {
    256 << 10
};

/// Strays of one block that are laid again one by one.
///
/// Random hashes make a block overflow by a few entries, once in fifty thousand blocks;
/// neighbouring integers by dozens, once in some hundred tables. With more than half a
/// block of them the hash is bad, and the table is moved as a whole.
const STRAYS_MAX: usize = BLOCK_SLOTS / 2;

/// Entries of up to this many bytes are copied with their block, whether they move or not:
/// no branch depends on a hash.
const BLIND_COPY_BYTES: usize = 32;

/// What has become of a block that was to be laid anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Laid {
    /// It is, and it is noted of nothing that is gone.
    Anew,
    /// It is, but notes stay that may be those of entries of other blocks.
    Noted,
    /// Nothing has changed: the block has so many strays that only a move of the whole table
    /// helps.
    Not,
}

/// What is known of a block before it changes.
struct Survey {
    /// The hash of each entry, by its place in the block.
    hashes: [MaybeUninit<u64>; BLOCK_SLOTS],
    /// Lanes of each group whose home is the same group of the block to come.
    moving: [u16; BLOCK_GROUPS],
    /// Lanes of each group that neither stay nor move to the same lane.
    left: [u16; BLOCK_GROUPS],
    /// Index and hash of each entry of the block that lies in another, `stray_count` of them.
    strays: [MaybeUninit<(usize, u64)>; STRAYS_MAX],
    stray_count: usize,
    /// The classes of which an entry went past every group of the block.
    classes: u32,
}

impl Survey {
    fn strays(&self) -> impl Iterator<Item = (usize, u64)> {
        let strays = self.strays.iter().take(self.stray_count);
        // SAFETY: `survey`. So many have been written.
        strays.map(|stray| unsafe { stray.assume_init() })
    }
}

/// Returns the lanes of a set that has lane `n` in bit `n`, the lowest first.
pub(super) fn lanes(mut bits: u16) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lane = NonZero::new(bits)?.trailing_zeros();
        bits &= bits - 1;
        Some(lane as usize)
    })
}

impl<T, A: Allocator> RawTable<T, A> {
    /// Splits blocks until `needed` entries fit.
    ///
    /// False when the table is too small for that, there is no memory or the hash is too
    /// bad: then it has to be moved as a whole, or not to grow.
    #[inline(never)]
    pub(super) fn grow_in_place(&mut self, needed: usize, hasher: &impl Fn(&T) -> u64) -> bool {
        if !lends_ranges::<A>() || !self.can_split() {
            return false;
        }
        // More than twice as much is had for less by one move.
        let next = Geometry::for_capacity(self.inner.capacity() + 1, Self::ENTRY);
        if next.is_none_or(|next| next.capacity() < needed) {
            return false;
        }
        while self.inner.capacity() < needed {
            if self.inner.geometry().is_whole() && !self.begin_round() {
                return false;
            }
            let (base, limit) = (self.inner.geometry().slots() / 2, self.inner.limit);
            if self.lay_block(limit - base, true, hasher) == Laid::Not {
                return false;
            }
        }
        true
    }

    /// Splits one block more of a table in the middle of a round.
    ///
    /// A round is over the sooner, and the fast paths of its table are shut the shorter.
    #[cold]
    #[inline(never)]
    pub(super) fn go_on_with_round(&mut self, hasher: &impl Fn(&T) -> u64) {
        let geometry = self.inner.geometry();
        let (base, limit) = (geometry.slots() / 2, self.inner.limit);
        if self.lay_block(limit - base, true, hasher) == Laid::Not {
            // The hash is bad. Without memory for a second slab the table stays as it is.
            let whole = Geometry::of_table(geometry.mask(), geometry.slots());
            let _ = self.rebuild(whole, hasher);
        }
    }

    /// Tells whether the table is of a size to grow block by block.
    fn can_split(&self) -> bool {
        let inner = &self.inner;
        inner.is_listed()
            && inner.limit >= BLOCK_SLOTS
            && inner.geometry().used_bytes(Self::ENTRY) >= SPLIT_BYTES
    }

    /// Makes the table one of twice the slots, none of which is in use that was not before.
    fn begin_round(&mut self) -> bool {
        let inner = &mut self.inner;
        let Some(geometry) = inner.geometry().begin_round() else {
            return false;
        };
        if inner.reach.is_none() || !inner.can_begin_round() {
            let Some(mut moved) = RawInner::in_reach(geometry, Self::ENTRY) else {
                return false;
            };
            moved.history = inner.history;
            // SAFETY: `slab`. The range is laid out for all that is in use, and is not shared.
            unsafe { moved.copy_arrays(inner, Self::ENTRY.size) };
            core::mem::swap(inner, &mut moved);
            // SAFETY: `slab`. The old slab was lent by the allocator; its entries have moved.
            unsafe { moved.release(Self::ENTRY, &self.alloc) };
        }
        let inner = &mut self.inner;
        inner.veil(geometry.mask());
        count(&mut inner.history.growth_count);
        count(&mut inner.history.rehash_count);
        true
    }

    /// Lays the entries of a block anew, in `block` itself and, in a split, in the block
    /// behind the last, which comes into use.
    pub(super) fn lay_block(
        &mut self,
        block: usize,
        split: bool,
        hasher: &impl Fn(&T) -> u64,
    ) -> Laid {
        let mut survey = Survey {
            hashes: [const { MaybeUninit::uninit() }; BLOCK_SLOTS],
            moving: [0; BLOCK_GROUPS],
            left: [0; BLOCK_GROUPS],
            strays: [const { MaybeUninit::uninit() }; STRAYS_MAX],
            stray_count: 0,
            classes: 0,
        };
        // SAFETY: `slab`. The block is one of the table.
        if !unsafe { self.survey(block, split, &mut survey, hasher) } {
            return Laid::Not;
        }
        // From here on nothing unwinds.
        // SAFETY: `survey`. It has just been made.
        unsafe { self.forget_block(block, &survey) };
        if split {
            let geometry = self.inner.geometry();
            let base = geometry.slots() / 2;
            debug_assert!(self.inner.limit == block + base);
            // SAFETY: the block behind the last is the one that comes into use.
            unsafe { self.add_block(geometry.with_block()) };
            // SAFETY: `survey`, and the filters have just been cleared.
            unsafe { self.part_block(block, base, &survey) };
            // SAFETY: `slab`. The tags of the new block have just been written.
            unsafe { self.inner.touch_block(block + base) };
        }
        // SAFETY: `survey`, and these entries are noted nowhere.
        unsafe { self.lay_rest(block, &survey) };
        if survey.classes == 0 {
            Laid::Anew
        } else {
            Laid::Noted
        }
    }

    /// Hashes the entries of a block, to be split or not, and finds its strays.
    ///
    /// False when there are too many of them.
    ///
    /// # Safety
    ///
    /// `slab`: `block` is the first slot of a block in use.
    unsafe fn survey(
        &self,
        block: usize,
        split: bool,
        survey: &mut Survey,
        hasher: &impl Fn(&T) -> u64,
    ) -> bool {
        let (fit, base) = self.inner.home_bits(block, split);
        let (tags, notes) = (self.inner.control(), self.inner.notes());
        let mut classes = u32::MAX;
        let groups = (block..).step_by(GROUP_SLOTS).zip(&mut survey.moving);
        for ((off, moving), left) in groups.zip(&mut survey.left) {
            // SAFETY: `slab`. The group is one of the block.
            let from = unsafe { tags.add(off) };
            // SAFETY: `slab`. Sixteen tags start there, aligned, all initialised.
            for lane in unsafe { Group::load(from.as_ptr()) }.fulls() {
                // SAFETY: `full`. The lane has a tag, so it is a slot.
                let entry = unsafe { self.slot(off | lane) };
                // SAFETY: `typed`. A full slot holds a `T`.
                let hash = hasher(unsafe { entry.as_ref() });
                survey.hashes[(off - block) | lane].write(hash);
                *left |= u16::from((hash as usize ^ off) & fit != 0) << lane;
                *moving |= u16::from(hash as usize & base != 0) << lane;
            }
            *moving &= !*left;
            // SAFETY: `slab`, as above.
            let filter = unsafe { notes.filter(off) };
            // SAFETY: `slab`. Filter bytes below the limit are initialised.
            classes &= unsafe { filter.read() };
        }
        survey.classes = classes;
        // What is elsewhere has gone past every group of the block.
        // SAFETY: by contract.
        classes == 0 || unsafe { self.survey_strays(block, classes, survey, hasher) }
    }

    /// Finds the strays of a block that entries of `classes` have gone past.
    ///
    /// # Safety
    ///
    /// As [`survey`](Self::survey), which has hashed the entries of the block.
    #[cold]
    unsafe fn survey_strays(
        &self,
        block: usize,
        classes: u32,
        survey: &mut Survey,
        hasher: &impl Fn(&T) -> u64,
    ) -> bool {
        let inner = &self.inner;
        for home in (block..block + BLOCK_SLOTS).step_by(GROUP_SLOTS) {
            let mut classes = classes;
            let mut probe = Probe::beyond_block(home, inner.limit);
            while let Some(at) = &mut probe {
                // SAFETY: `slab`. A probe goes through groups of the table.
                let guests = unsafe { inner.guests_present(at.off()) };
                for lane in lanes(guests) {
                    // SAFETY: `full`. The lane is, so it is a slot.
                    let entry = unsafe { self.slot(at.off() | lane) };
                    // SAFETY: `typed`. A full slot holds a `T`.
                    let hash = hasher(unsafe { entry.as_ref() });
                    if inner.home(hash) != home {
                        continue;
                    }
                    let Some(place) = survey.strays.get_mut(survey.stray_count) else {
                        return false;
                    };
                    place.write((at.off() | lane, hash));
                    survey.stray_count += 1;
                }
                // SAFETY: `slab`, as above.
                let filter = unsafe { inner.filter(at.off()) };
                // SAFETY: `slab`. Filter bytes below the limit are initialised.
                classes &= unsafe { filter.read() };
                if classes == 0 || !at.advance() {
                    break;
                }
            }
        }
        true
    }

    /// Forgets how guests and strays of a block came where they are, and clears its filters.
    ///
    /// # Safety
    ///
    /// `survey` is one of this block, and the table has not changed since.
    unsafe fn forget_block(&mut self, block: usize, survey: &Survey) {
        for (index, hash) in survey.strays() {
            self.inner.forget_guest(index, hash);
        }
        // Where a class has gone past the whole block, so may entries of other blocks: their
        // notes stay. Else every note is one of an entry that is laid anew.
        let wipes = survey.classes == 0;
        let (tags, notes) = (self.inner.control(), self.inner.notes());
        for off in (block..block + BLOCK_SLOTS).step_by(GROUP_SLOTS) {
            // SAFETY: `slab`. The group is one of the block; such a table has several.
            let place = unsafe { notes.guests(off) };
            // SAFETY: `slab`. Sets of guests are initialised when the slab is lent.
            let noted = unsafe { place.read() };
            // SAFETY: `slab`. There is a tag for each slot.
            let from = unsafe { tags.add(off) };
            // SAFETY: `slab`. Sixteen tags start there, aligned, all initialised.
            let present = noted & unsafe { Group::load(from.as_ptr()) }.fulls().bits();
            for lane in lanes(noted) {
                self.inner.displaced -= 1;
                if present >> lane & 1 == 0 {
                    continue;
                }
                // SAFETY: `survey`. The lane is full, so its entry has been hashed.
                let hash = unsafe { survey.hashes[(off - block) | lane].assume_init() };
                if !wipes || block_of(self.inner.home(hash)) != block {
                    self.inner.forget_path(off, hash);
                }
            }
            // SAFETY: `slab`; a table with several groups is not shared.
            unsafe { place.write(0) };
        }
        if wipes {
            // SAFETY: `slab`, by contract.
            unsafe { self.inner.wipe_filter(block, BLOCK_GROUPS) };
        }
    }

    /// Takes the block behind the last into use, its tags and dirty bytes not yet written.
    ///
    /// # Safety
    ///
    /// `geometry` is the table's with one block more. The caller writes tags and dirty bytes.
    unsafe fn add_block(&mut self, geometry: Geometry) {
        let inner = &mut self.inner;
        let block = inner.limit;
        inner.limit = geometry.limit();
        if geometry.is_whole() {
            inner.unveil();
        }
        inner.growth_left = geometry.capacity() - inner.len; // `room`
        if inner.reach.is_some() {
            inner.note_used(Self::ENTRY);
        }
        // SAFETY: `slab`. The layout has room for the block, which is in use now.
        unsafe { inner.wipe_filter(block, BLOCK_GROUPS) };
    }

    /// Moves the entries of a block that belong into the same group `base` further on to the
    /// same lane there, and leaves all others.
    ///
    /// # Safety
    ///
    /// `survey` is one of the block as it is. There is a block so far on; its tags are written
    /// here.
    unsafe fn part_block(&mut self, block: usize, base: usize, survey: &Survey) {
        let blind = size_of::<T>() <= BLIND_COPY_BYTES;
        if blind {
            // SAFETY: `slab`. The first slot of a block in use.
            let from = unsafe { self.slot(block) };
            // SAFETY: `slab`. The first slot of the new block.
            let to = unsafe { self.slot(block + base) };
            // SAFETY: two blocks of slots, whatever they hold; tags say later who moved.
            unsafe { to.copy_from_nonoverlapping(from, BLOCK_SLOTS) };
        }
        let tags = self.inner.control();
        for (off, &moving) in (block..).step_by(GROUP_SLOTS).zip(&survey.moving) {
            // SAFETY: `slab`. The group is one of the block.
            let lower = unsafe { tags.add(off) };
            // SAFETY: `slab`. Sixteen tags start there, aligned, all initialised.
            let group = unsafe { Group::load(lower.as_ptr()) };
            // SAFETY: `slab`, as above; a table with a block is not shared.
            unsafe { group.without_lanes(moving).store(lower.as_ptr()) };
            // SAFETY: `slab`. The same group of the new block.
            let upper = unsafe { tags.add(off + base) };
            // SAFETY: `slab`, as above.
            unsafe { group.without_lanes(!moving).store(upper.as_ptr()) };
            if !blind {
                for lane in lanes(moving) {
                    // SAFETY: `slab`. A slot of the block.
                    let from = unsafe { self.slot(off | lane) };
                    // SAFETY: `slab`. The same slot of the new block.
                    let to = unsafe { self.slot((off + base) | lane) };
                    // SAFETY: two different slots; tags say which of the two it is in.
                    unsafe { to.copy_from_nonoverlapping(from, 1) };
                }
            }
        }
    }

    /// Lays the rest of a block's entries and its strays at home, or as near as there is room.
    ///
    /// # Safety
    ///
    /// What is left and the strays are full lanes with the hashes of `survey`, noted nowhere.
    unsafe fn lay_rest(&mut self, block: usize, survey: &Survey) {
        for (off, &left) in (block..).step_by(GROUP_SLOTS).zip(&survey.left) {
            for lane in lanes(left) {
                // SAFETY: `survey`. The lane was full, so its entry has been hashed.
                let hash = unsafe { survey.hashes[(off - block) | lane].assume_init() };
                // SAFETY: by contract.
                unsafe { self.lay_again(off | lane, hash) };
            }
        }
        for (index, hash) in survey.strays() {
            // SAFETY: by contract.
            unsafe { self.lay_again(index, hash) };
        }
    }

    /// Moves the entry at `index` to a slot that is claimed for its hash.
    ///
    /// # Safety
    ///
    /// `full`: the slot at `index` holds an entry with `hash`, and nothing is noted of it.
    /// `room`: there is some.
    pub(super) unsafe fn lay_again(&mut self, index: usize, hash: u64) {
        // SAFETY: `slab`. The index is one of a slot.
        let from: NonNull<T> = unsafe { self.slot(index) };
        // Its lane stays full until it has another one, so it is not offered its own.
        // SAFETY: `room`, by contract. The slot is written right below.
        let to = unsafe { self.claim(hash) };
        // SAFETY: both are slots for a `T`, and they differ, since the lane was full.
        unsafe { to.copy_from_nonoverlapping(from, 1) };
        // SAFETY: `full`. What the slot held has moved.
        unsafe { self.inner.empty_lane(index) };
    }
}

impl RawInner {
    /// Returns the bits of a hash that say whether its home is a given group of `block`, and
    /// the bit that says whether a split of the block moves it; none without a split.
    fn home_bits(&self, block: usize, split: bool) -> (usize, usize) {
        let base = (self.mask() + GROUP_SLOTS) / 2;
        let lower = base - GROUP_SLOTS;
        if split {
            (lower, base)
        } else if block >= base || block + base < self.limit {
            (self.mask(), 0)
        } else {
            (lower, 0)
        }
    }

    /// Lists the lines of a new block that have entries, and marks the others as untouched.
    ///
    /// # Safety
    ///
    /// `slab`: the tags of the block are written, and its dirty bytes are not.
    unsafe fn touch_block(&mut self, block: usize) {
        for line in block / LINE_SLOTS..(block + BLOCK_SLOTS) / LINE_SLOTS {
            // SAFETY: `slab`. The line is one of the block.
            let dirty = unsafe { self.dirty(line) };
            // SAFETY: `slab`; the memory is our own.
            unsafe { dirty.write(0) };
            let mut groups = (line * LINE_SLOTS..)
                .step_by(GROUP_SLOTS)
                .take(LINE_SLOTS / 16);
            // SAFETY: `slab`. Groups of the line.
            if groups.any(|off| unsafe { self.group(off) }.fulls().any()) {
                // SAFETY: `touched`. The line is not on the list: it was not in use.
                unsafe { self.touch_first(line) };
            }
        }
    }
}
