//! The table without its entry type: control bytes, side arrays and counts.
//!
//! # Invariants
//!
//! - `slab`: tags, filters and slots lie in one slab laid out as
//!   [`Geometry`] says, lent by the table's allocator; or in a range that is laid out
//!   for the span of its [`Reach`], which is no less; or the table is *shared*:
//!   `slab_bytes` is zero, and its tags are the one empty group of all empty tables, which
//!   lies in read-only memory. Of each array so much is in use, and initialised where
//!   it has to be, as belongs to the slots below `limit`.
//! - `limit`: homes are below `limit`, which is all slots, or between half of them and all
//!   and whole blocks.
//! - `front`: the fast paths see the table as it is exactly when all slots are in use, and
//!   else a [veil](super::front); then the table has a reach, which knows the rest.
//! - `full`: a tag is nonzero exactly where the slot holds an entry.
//! - `room`: `len + growth_left` is the capacity of the geometry.
//! - `filter`: where an entry lies past its home group, every group that its search goes
//!   through before it has the filter bit of the entry's class set. A bit may be set too
//!   long, never cleared too early. The counter of a set bit is initialised, and is the
//!   number of such entries unless it stuck at 15, `stale` is not zero or a round of
//!   [tidying](super::tidy) is on; the counter of a clear bit is zero. The counters of
//!   a group without any bit are uninitialised memory.
//! - `guests`: the lane of an entry is in its group's set of guests exactly when the group
//!   is not its home, and `displaced` counts them. A table of one group has neither. After
//!   a hash has changed marks may stay with lanes that are empty, or another entry's.
//! - `touched`: a line with a tag or a filter bit has its dirty byte set; the list of a
//!   table above [`UNLISTED_GROUPS`] holds each line with a dirty byte once.
//!
//! `check` verifies them all.

use core::ptr::NonNull;

use super::front::Front;
use super::history::History;
use super::layout::{FILTER_BYTES, Geometry, LINE_GROUPS, UNLISTED_GROUPS, list_below_control};
use super::reach::Reach;
use super::tidy::Tidying;
use crate::control::{GROUP_SLOTS, Group, Needle, tag};

/// Slots of one line of tags.
pub(super) const LINE_SLOTS: usize = LINE_GROUPS * GROUP_SLOTS;

/// The distance from a filter to the next is so much less than from a group to the next.
pub(super) const SLOTS_PER_FILTER_BYTE: usize = GROUP_SLOTS / FILTER_BYTES;

/// A table of entries of any type.
pub(crate) struct RawInner {
    /// Tags, filters and homes as the fast paths see them.
    pub(super) front: Front,
    /// The first slot, which is the start of the slab. Dangling in a shared table.
    pub(super) slots: NonNull<u8>,
    /// Slots in use.
    pub(super) limit: usize,
    /// Entries that still fit.
    pub(super) growth_left: usize,
    /// Entries.
    pub(super) len: usize,
    /// Entries outside their home group.
    pub(super) displaced: usize,
    /// Lines on the list, which names them by u32.
    pub(super) touched: u32,
    /// The range that the table lies in; none where it has a slab.
    pub(super) reach: Option<NonNull<Reach>>,
    /// Bytes of the slab as the allocator lent it, or that are in use of a range; zero when
    /// shared.
    pub(super) slab_bytes: usize,
    /// What has happened to the table, counted on slow paths.
    pub(super) history: History,
    /// A filter bit may be set.
    pub(super) filtered: bool,
    /// Displaced entries that were erased without their hash since the last round of tidying
    /// began: filter and counters still speak of them.
    pub(super) stale: u32,
    /// How far that round has come.
    pub(super) tidying: Tidying,
}

impl RawInner {
    /// A table of capacity zero, without a slab.
    pub(crate) const SHARED: RawInner = RawInner {
        front: Front::EMPTY,
        slots: Front::EMPTY.control,
        limit: GROUP_SLOTS,
        growth_left: 0,
        len: 0,
        displaced: 0,
        touched: 0,
        reach: None,
        slab_bytes: 0,
        history: History::NONE,
        filtered: false,
        stale: 0,
        tidying: Tidying::OFF,
    };

    /// Tells whether the table has no slab of its own.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        self.slab_bytes == 0
    }

    /// Returns the entries.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the entries that fit in all.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.len + self.growth_left // `room`
    }

    /// Tells whether the fast paths see a veil: the table is in the middle of a round.
    #[inline]
    pub(super) fn is_veiled(&self) -> bool {
        self.front.mask + GROUP_SLOTS < self.limit
    }

    /// Returns the reach of a veiled table.
    #[cold]
    fn behind_veil(&self) -> &Reach {
        let Some(reach) = &self.reach else {
            unreachable!("`front`: a veiled table has a reach");
        };
        // SAFETY: `slab`. The reach is the table's own.
        unsafe { reach.as_ref() }
    }

    /// Returns the first tag, aligned to 16.
    #[inline]
    pub(super) fn control(&self) -> NonNull<u8> {
        if self.is_veiled() {
            return self.behind_veil().control();
        }
        self.front.control
    }

    /// Returns the first filter.
    #[inline]
    pub(super) fn filters(&self) -> NonNull<u32> {
        if self.is_veiled() {
            return self.behind_veil().filters();
        }
        self.front.filter
    }

    /// Returns what turns a hash into the offset of its home group, in slots: 16 × (groups − 1).
    ///
    /// Above `limit` a home has not been split off yet: half the mask tells where it is.
    #[inline]
    pub(super) fn mask(&self) -> usize {
        if self.is_veiled() {
            return self.behind_veil().mask();
        }
        self.front.mask
    }

    /// Returns the slots and groups.
    pub(super) fn geometry(&self) -> Geometry {
        Geometry::of_table(self.mask(), self.limit)
    }

    /// Returns the mask that the arrays are laid out for.
    pub(super) fn span(&self) -> usize {
        match self.reach {
            None => self.front.mask,
            // SAFETY: `slab`. The reach is the table's own.
            Some(reach) => unsafe { reach.as_ref() }.span(),
        }
    }

    /// Returns the offset of the home group of `hash`, a multiple of 16 below `limit`.
    #[inline]
    pub(super) fn home(&self, hash: u64) -> usize {
        let mask = self.mask();
        let off = hash as usize & mask;
        if off < self.limit {
            off
        } else {
            off & mask >> 1
        }
    }

    /// Returns the offset of the group that the fast paths look at for `hash`: its home, or
    /// the veil.
    #[inline(always)]
    pub(super) fn front_home(&self, hash: u64) -> usize {
        let off = hash as usize & self.front.mask;
        // SAFETY: `slab`. The mask is one of whole groups.
        unsafe { core::hint::assert_unchecked(off.is_multiple_of(GROUP_SLOTS)) };
        off
    }

    /// Reads the group that the fast paths see at `off`.
    ///
    /// # Safety
    ///
    /// `front`: `off` is a [`front_home`](Self::front_home).
    #[inline(always)]
    pub(super) unsafe fn front_group(&self, off: usize) -> Group {
        // SAFETY: `front`. There is a group at each home, or the veil.
        let from = unsafe { self.front.control.add(off) };
        // SAFETY: `front`. Sixteen tags start there, aligned, all initialised.
        unsafe { Group::load(from.as_ptr()) }
    }

    /// Tells whether an entry of the class of `hash` went past the group that the fast paths
    /// see at `off`; always, where that is the veil.
    ///
    /// # Safety
    ///
    /// As [`front_group`](Self::front_group).
    #[inline(always)]
    pub(super) unsafe fn front_passed(&self, off: usize, hash: u64) -> bool {
        // Volatile: kept in a register, it would push out what every hit needs.
        // SAFETY: a field of a table that is borrowed.
        let first = unsafe { (&raw const self.front.filter).read_volatile() };
        // SAFETY: `front`. There is one filter for each group, or that of the veil.
        let filter = unsafe { first.byte_add(off / SLOTS_PER_FILTER_BYTE) };
        // SAFETY: `slab`. Filters are initialised when the slab is lent.
        tag::is_in(unsafe { filter.read() }, hash)
    }

    /// Writes the group that the fast paths see at `off`.
    ///
    /// # Safety
    ///
    /// As [`front_group`](Self::front_group); the group has an entry, or is not passed by one
    /// of a class and the table has room: so it is not the veil, nor that of a shared table.
    #[inline(always)]
    pub(super) unsafe fn set_front_group(&mut self, off: usize, group: Group) {
        debug_assert!(!self.is_veiled() && !self.is_shared());
        // SAFETY: `front`, by contract.
        let to = unsafe { self.front.control.add(off) };
        // SAFETY: `slab`. Sixteen tags start there, aligned, in memory of our own.
        unsafe { group.store(to.as_ptr()) }
    }

    /// Reads the group at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a multiple of 16, below `limit`.
    #[inline]
    pub(super) unsafe fn group(&self, off: usize) -> Group {
        debug_assert!(off < self.limit && off.is_multiple_of(GROUP_SLOTS));
        // SAFETY: `slab`. There is a tag for each slot below the limit.
        let from = unsafe { self.control().add(off) };
        // SAFETY: `slab`. Sixteen tags start there, aligned, all initialised.
        unsafe { Group::load(from.as_ptr()) }
    }

    /// Writes the group at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: as [`group`](Self::group), and the table is not shared.
    #[inline]
    pub(super) unsafe fn set_group(&mut self, off: usize, group: Group) {
        debug_assert!(off < self.limit && off.is_multiple_of(GROUP_SLOTS) && !self.is_shared());
        // SAFETY: `slab`. There is a tag for each slot below the limit.
        let to = unsafe { self.control().add(off) };
        // SAFETY: `slab`. Sixteen tags start there, aligned, in memory of our own.
        unsafe { group.store(to.as_ptr()) }
    }

    /// Returns the place of the filter of the group at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a multiple of 16, below `limit`.
    #[inline]
    pub(super) unsafe fn filter(&self, off: usize) -> NonNull<u32> {
        // SAFETY: `slab`. There is one filter for each group.
        unsafe { self.filters().byte_add(off / SLOTS_PER_FILTER_BYTE) }
    }

    /// Returns the place of the dirty byte of `line`.
    ///
    /// # Safety
    ///
    /// `slab`: `line` is below the number of lines.
    #[inline]
    pub(super) unsafe fn dirty(&self, line: usize) -> NonNull<u8> {
        // SAFETY: `slab`. The dirty bytes lie below the tags, the first one highest.
        unsafe { self.control().sub(1 + line) }
    }

    /// Returns the list of touched lines, of which the first `touched` are in use.
    ///
    /// # Safety
    ///
    /// `slab`: the table has a list, that is, more than [`UNLISTED_GROUPS`] groups.
    pub(super) unsafe fn list(&self) -> NonNull<u32> {
        let lines = self.span() / LINE_SLOTS + 1;
        // SAFETY: `slab`. The list lies below the dirty bytes; it is aligned to 4 since
        // the tags are and the distance is a multiple of 4.
        unsafe { self.control().sub(list_below_control(lines)) }.cast()
    }

    /// Returns the lines in use.
    #[inline]
    pub(super) fn lines(&self) -> usize {
        self.limit.div_ceil(LINE_SLOTS)
    }

    /// Returns the groups in use.
    #[inline]
    pub(super) fn groups(&self) -> usize {
        self.limit.div_ceil(GROUP_SLOTS)
    }

    /// Tells whether the table has a single group, which has no guests and is never passed.
    #[inline]
    pub(super) fn is_single(&self) -> bool {
        self.limit <= GROUP_SLOTS
    }

    /// Tells whether the table keeps a list of touched lines.
    #[inline]
    pub(super) fn is_listed(&self) -> bool {
        self.limit > UNLISTED_GROUPS * GROUP_SLOTS
    }

    /// Puts the tag of a new entry into an empty lane of `group`, which is the one at `off`.
    ///
    /// # Safety
    ///
    /// `slab`: `off` is a group of this table. `full`: `lane` is the lowest empty lane of
    /// it, and the caller writes the slot before anything else reads the table or unwinds.
    /// `room`: `growth_left` is not zero.
    #[inline]
    pub(super) unsafe fn put(&mut self, off: usize, lane: usize, group: Group, needle: Needle) {
        let control = self.control();
        // SAFETY: by contract.
        unsafe { self.put_at(control, off, group.with(needle, lane)) };
    }

    /// Does the same for the slot at `index`, whose group and lane the fast paths have found.
    ///
    /// # Safety
    ///
    /// As for any lane that is claimed, and as [`set_front_group`](Self::set_front_group).
    #[inline(always)]
    pub(super) unsafe fn put_in_front(&mut self, index: usize, group: Group, needle: Needle) {
        debug_assert!(!self.is_veiled());
        let (off, lane) = (index & !(GROUP_SLOTS - 1), index % GROUP_SLOTS);
        let control = self.front.control;
        // SAFETY: by contract.
        unsafe { self.put_at(control, off, group.with(needle, lane)) };
    }

    /// Stores a group with one entry more at `off`, in a table whose first tag is `control`.
    ///
    /// # Safety
    ///
    /// As [`put`](Self::put).
    #[inline(always)]
    unsafe fn put_at(&mut self, control: NonNull<u8>, off: usize, group: Group) {
        debug_assert!(self.growth_left != 0 && off < self.limit && !self.is_shared());
        // SAFETY: `slab`. There is a tag for each slot below the limit.
        let to = unsafe { control.add(off) };
        // SAFETY: `slab`. Sixteen tags start there, aligned, in memory of our own.
        unsafe { group.store(to.as_ptr()) };
        self.len += 1;
        self.growth_left -= 1;
        // SAFETY: `slab`. The dirty bytes lie below the tags, the first one highest.
        let dirty = unsafe { control.sub(1 + off / LINE_SLOTS) };
        // SAFETY: `slab`. Dirty bytes are initialised when the slab is lent.
        if unsafe { dirty.read() } == 0 {
            // SAFETY: `touched`. A dirty byte of zero only exists in a table with a list.
            unsafe { self.touch_first(off / LINE_SLOTS) };
        }
    }

    /// Lists `line`.
    ///
    /// # Safety
    ///
    /// `slab`, `touched`: the table has a list, and `line` is one of its lines, not on it.
    #[inline(never)]
    pub(super) unsafe fn touch_first(&mut self, line: usize) {
        debug_assert!(self.is_listed() && (self.touched as usize) < self.lines());
        // SAFETY: `slab`, by contract.
        let dirty = unsafe { self.dirty(line) };
        // SAFETY: `slab`; the slab is our own.
        unsafe { dirty.write(1) };
        // SAFETY: `slab`, by contract.
        let list = unsafe { self.list() };
        // SAFETY: `touched`. No line is listed twice, so there is a place for this one.
        let place = unsafe { list.add(self.touched as usize) };
        // SAFETY: `slab`; the layout gives the list a place for every line.
        unsafe { place.write(line as u32) };
        self.touched += 1;
    }

    /// Claims a slot for an entry with `hash` that is not in the table, and returns its index.
    ///
    /// # Safety
    ///
    /// `room`: `growth_left` is not zero. `full`: the caller writes the slot before
    /// anything else reads the table or unwinds.
    #[inline]
    pub(crate) unsafe fn claim(&mut self, hash: u64) -> usize {
        let off = self.home(hash);
        // SAFETY: `slab`. A home is a group of the table.
        let group = unsafe { self.group(off) };
        if let Some(lane) = group.empties().lowest() {
            // SAFETY: the lane is the lowest empty one of the group; the rest by contract.
            unsafe { self.put(off, lane, group, Needle::of(hash)) };
            return off | lane;
        }
        // SAFETY: by contract.
        unsafe { self.claim_away(hash) }
    }

    /// Empties the lane of the entry at `index`, whose hash is `hash`.
    ///
    /// A wrong hash, from a key that changed, does no harm to memory: at worst bits stay.
    ///
    /// # Safety
    ///
    /// `full`: the slot at `index` holds an entry; afterwards the caller owns it.
    #[inline]
    pub(crate) unsafe fn erase(&mut self, index: usize, hash: u64) {
        let off = index & !(GROUP_SLOTS - 1);
        // SAFETY: by contract.
        unsafe { self.empty_lane(index) };
        if off != self.home(hash) {
            self.forget_guest(index, hash);
        }
    }

    /// Empties the lane of the entry at `index`, whose hash is not known.
    ///
    /// # Safety
    ///
    /// As [`erase`](Self::erase).
    pub(crate) unsafe fn erase_unhashed(&mut self, index: usize) {
        let (off, lane) = (index & !(GROUP_SLOTS - 1), index % GROUP_SLOTS);
        // SAFETY: by contract.
        unsafe { self.empty_lane(index) };
        // SAFETY: `slab`. An entry lies in a group of the table.
        if unsafe { self.guest_lanes(off) } >> lane & 1 != 0 {
            // SAFETY: `slab`; a single group has no guests.
            unsafe { self.set_guest(off, lane, false) };
            self.displaced -= 1;
            // Which groups it went past is not known. Their bits stay; that costs probes.
            self.stale = self.stale.saturating_add(1);
        }
    }

    /// Empties the lane of the entry at `index`, and no more.
    ///
    /// # Safety
    ///
    /// `full`: the slot at `index` holds an entry; afterwards the caller owns it. `filter`,
    /// `guests`: the caller sees to them.
    #[inline]
    pub(super) unsafe fn empty_lane(&mut self, index: usize) {
        let (off, lane) = (index & !(GROUP_SLOTS - 1), index % GROUP_SLOTS);
        // SAFETY: `slab`. An entry lies in a group of the table.
        let group = unsafe { self.group(off) };
        // SAFETY: `slab`, as above; a shared table has no entries.
        unsafe { self.set_group(off, group.without(lane)) };
        self.note_erased();
    }

    /// Counts one entry less.
    #[inline]
    pub(super) fn note_erased(&mut self) {
        self.len -= 1;
        self.growth_left += 1;
    }
}

// A table for many threads keeps its lock and this in two cache lines.
const _: () = assert!(size_of::<RawInner>() <= 120);
