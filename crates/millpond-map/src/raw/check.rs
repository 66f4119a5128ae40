//! The checker: every invariant of a table, verified from the outside in.
//!
//! # Invariants
//!
//! Reads only what the invariants of [`inner`](super::inner) call initialised.

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::front::Front;
use super::inner::{LINE_SLOTS, RawInner};
use super::layout::{BLOCK_SLOTS, Geometry, filter_above_control};
use super::notes::STUCK;
use super::probe::Probe;
use crate::check::{Broken, ensure};
use crate::control::tag::CLASSES;
use crate::control::{GROUP_SLOTS, tag};

/// The bits of an index that tell the lane.
const LANE: usize = GROUP_SLOTS - 1;

impl<T, A: Allocator> RawTable<T, A> {
    /// Verifies the whole table. `hasher` is the one that the entries came in with.
    ///
    /// # Errors
    ///
    /// [`Broken`], with the name of the first invariant that does not hold.
    ///
    /// # Cost
    ///
    /// Hashes every entry, and allocates nine counters for each group.
    pub(crate) fn check(&self, hasher: impl Fn(&T) -> u64) -> Result<(), Broken> {
        let inner = &self.inner;
        self.check_slab()?;
        inner.check_counts()?;
        inner.check_touched()?;

        // What the entries say that filter and counters should be.
        let groups = inner.groups();
        let mut passes = vec![[0_usize; CLASSES]; groups];
        let mut displaced = 0;
        for index in inner.full_slots() {
            // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
            let slot = unsafe { self.slot(index) };
            // SAFETY: `typed`. A full slot holds a `T`.
            let hash = hasher(unsafe { slot.as_ref() });
            ensure(
                inner.tags(index & !LANE)[index & LANE] == tag::of(hash, index & LANE),
                "full",
                "tag of the entry's hash",
                index,
            )?;
            let mut probe = Probe::new(inner.home(hash), inner.limit);
            let is_guest = probe.off() != index & !LANE;
            let noted = inner.is_guest(index);
            ensure(noted == is_guest, "guests", "lane of a guest", index)?;
            displaced += usize::from(is_guest);
            while probe.off() != index & !LANE {
                passes[probe.off() / GROUP_SLOTS][tag::class(hash)] += 1;
                let more = probe.advance();
                ensure(more, "filter", "entry lies on its own search path", index)?;
            }
        }
        inner.check_filter(&passes)?;
        let noted = inner.count_guests();
        ensure(
            noted == displaced,
            "guests",
            "an empty lane has no guest",
            noted,
        )?;
        ensure(
            inner.displaced == displaced,
            "guests",
            "displaced",
            displaced,
        )
    }

    /// Verifies `slab`: the geometry fits what was lent.
    fn check_slab(&self) -> Result<(), Broken> {
        let inner = &self.inner;
        if inner.is_shared() {
            ensure(
                inner.control() == Front::EMPTY.control,
                "slab",
                "shared control",
                0,
            )?;
            return ensure(inner.capacity() == 0, "slab", "shared table has no room", 0);
        }
        let geometry = inner.geometry();
        inner.check_limit(Geometry::for_capacity(
            Geometry::of_table(geometry.mask(), geometry.slots()).capacity(),
            Self::ENTRY,
        ))?;
        let span = inner.span();
        ensure(span >= inner.mask(), "slab", "room for all slots", span)?;
        let whole = match inner.reach {
            None => geometry,
            Some(_) => Geometry::of_table(span, span + GROUP_SLOTS),
        };
        let Some(slab) = whole.slab(Self::ENTRY) else {
            return ensure(false, "slab", "size overflows", whole.slots());
        };
        let filter = inner.filters().addr().get() - inner.control().addr().get();
        ensure(
            filter == filter_above_control(span),
            "slab",
            "distance from tags to filter",
            filter,
        )?;
        let distance = inner.control().addr().get() - inner.slots.addr().get();
        ensure(
            distance == slab.control,
            "slab",
            "distance from slots to tags",
            distance,
        )?;
        let bytes = match inner.reach {
            None => slab.layout.size() <= inner.slab_bytes,
            Some(_) => geometry.used_bytes(Self::ENTRY) == inner.slab_bytes,
        };
        ensure(bytes, "slab", "bytes", inner.slab_bytes)?;
        let misplaced = inner.slots.addr().get() % slab.layout.align();
        ensure(misplaced == 0, "slab", "alignment", misplaced)
    }
}

impl RawInner {
    /// Verifies `limit`, in a table that has the geometry `whole` when all slots are in use.
    fn check_limit(&self, whole: Option<Geometry>) -> Result<(), Broken> {
        let (mask, limit) = (self.mask(), self.limit);
        let geometry = self.geometry();
        let all = Geometry::of_table(mask, geometry.slots());
        ensure(whole == Some(all), "slab", "geometry exists", all.slots())?;
        if geometry.is_whole() {
            return Ok(());
        }
        ensure(
            limit.is_multiple_of(BLOCK_SLOTS) && self.is_listed(),
            "limit",
            "whole blocks of a large table",
            limit,
        )?;
        let base = all.slots() / 2;
        ensure(
            base <= limit && limit < all.slots(),
            "limit",
            "between half of the slots and all",
            limit,
        )
    }

    /// Returns the offsets of the groups.
    fn group_offs(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.groups()).map(|group| group * GROUP_SLOTS)
    }

    /// Returns the tags of the group at `off`, read as bytes and not as a [`Group`].
    ///
    /// [`Group`]: crate::control::Group
    fn tags(&self, off: usize) -> [u8; GROUP_SLOTS] {
        assert!(off < self.limit && off & LANE == 0);
        // SAFETY: `slab`, just compared.
        let place = unsafe { self.control().add(off) };
        // SAFETY: `slab`. Every tag is initialised.
        unsafe { place.cast().read() }
    }

    /// Tells whether the group at `off` has no tag: in one compare, since most of the time of
    /// the longest tests goes by here.
    fn is_empty_group(&self, off: usize) -> bool {
        const { assert!(tag::EMPTY == 0) };
        u128::from_ne_bytes(self.tags(off)) == 0
    }

    /// Returns the slots with a tag, by looking at every one.
    pub(super) fn full_slots(&self) -> impl Iterator<Item = usize> {
        let in_use = |&off: &usize| !self.is_empty_group(off);
        self.group_offs().filter(in_use).flat_map(|off| {
            let lanes = self.tags(off).into_iter().enumerate();
            lanes.filter_map(move |(lane, tag)| (tag != tag::EMPTY).then_some(off | lane))
        })
    }

    /// Tells whether the slot at `index` is noted to hold a guest.
    fn is_guest(&self, index: usize) -> bool {
        assert!(index < self.groups() * GROUP_SLOTS);
        // SAFETY: `slab`, just compared.
        let lanes = unsafe { self.guest_lanes(index & !LANE) };
        lanes >> (index & LANE) & 1 != 0
    }

    /// Returns the lanes that are noted to hold guests.
    fn count_guests(&self) -> usize {
        self.group_offs()
            // SAFETY: `slab`. Each is one of a group of the table.
            .map(|off| unsafe { self.guest_lanes(off) }.count_ones() as usize)
            .sum()
    }

    /// Verifies `full` and `room` as far as counts tell.
    fn check_counts(&self) -> Result<(), Broken> {
        let (full, end) =
            (self.full_slots()).fold((0, 0), |(full, _), index| (full + 1, index + 1));
        ensure(full == self.len, "full", "as many tags as entries", full)?;
        ensure(end <= self.limit, "full", "tags within the slots", end)?;
        // SAFETY: the table is borrowed.
        let walked = unsafe { super::RawIndices::new(self) }.count();
        ensure(
            walked == self.len,
            "touched",
            "a walk finds every entry",
            walked,
        )?;
        let capacity = if self.is_shared() {
            0
        } else {
            self.geometry().capacity()
        };
        ensure(
            capacity == self.capacity(),
            "room",
            "capacity",
            self.capacity(),
        )
    }

    /// Verifies `touched`.
    fn check_touched(&self) -> Result<(), Broken> {
        if self.is_shared() {
            return Ok(());
        }
        let lines = self.lines();
        let mut listed = vec![!self.is_listed(); lines];
        for place in 0..self.touched as usize {
            ensure(
                self.is_listed(),
                "touched",
                "only a large table has a list",
                place,
            )?;
            // SAFETY: `touched`, just asked for.
            let list = unsafe { self.list() };
            // SAFETY: `touched`. The first `touched` places are in use.
            let entry = unsafe { list.add(place) };
            // SAFETY: as above.
            let line = unsafe { entry.read() } as usize;
            ensure(
                line < lines && !listed[line],
                "touched",
                "each line once",
                line,
            )?;
            listed[line] = true;
        }
        for (line, &listed) in listed.iter().enumerate() {
            // SAFETY: `slab`. The line is below the number of lines.
            let dirty = unsafe { self.dirty(line) };
            // SAFETY: `slab`. Dirty bytes are initialised.
            let dirty = unsafe { dirty.read() };
            ensure(
                dirty == u8::from(listed),
                "touched",
                "dirty byte of a listed line",
                line,
            )?;
        }
        for off in self.group_offs() {
            let clean = self.is_empty_group(off) && self.filter_bits(off) == 0;
            let noted = clean || listed[off / LINE_SLOTS];
            ensure(noted, "touched", "line in use is listed", off)?;
        }
        Ok(())
    }

    /// Returns the filter of the group at `off`.
    fn filter_bits(&self, off: usize) -> u32 {
        assert!(off < self.limit && off & LANE == 0);
        // SAFETY: `slab`, just compared.
        let place = unsafe { self.filter(off) };
        // SAFETY: `slab`. Filters are initialised.
        unsafe { place.read() }
    }

    /// Verifies `filter` against the passes that the entries account for.
    fn check_filter(&self, passes: &[[usize; CLASSES]]) -> Result<(), Broken> {
        for (group, passes) in passes.iter().enumerate() {
            let off = group * GROUP_SLOTS;
            let bits = self.filter_bits(off);
            ensure(
                self.filtered || bits == 0,
                "filter",
                "`filtered` is noted",
                group,
            )?;
            if bits == 0 {
                // Of its counters nothing is known, not even that they are initialised.
                let unpassed = *passes == [0; CLASSES];
                ensure(unpassed, "filter", "bit of a passed group", group)?;
                continue;
            }
            // SAFETY: `slab`, `filter`. The group is one of this table, and has a bit.
            let counts = unsafe { self.counts(off) };
            for ((class, &passes), count) in passes.iter().enumerate().zip(counts) {
                let class = class as u64; // the hash of a member, too
                let set = bits & tag::filter_bits(class);
                let whole = set == 0 || set == tag::filter_bits(class);
                ensure(whole, "filter", "each bit is there four times", group)?;
                if set == 0 {
                    ensure(passes == 0, "filter", "bit of a passed group", group)?;
                    ensure(count == 0, "filter", "count of a clear bit", group)?;
                    continue;
                }
                ensure(
                    !self.is_shared(),
                    "filter",
                    "shared table has no bits",
                    group,
                )?;
                let exact = count as usize == passes;
                let marked = self.stale != 0 || self.tidying.is_on();
                let bound = marked && count as usize >= passes;
                ensure(count != 0, "filter", "count of a set bit", group)?;
                ensure(exact || bound || count == STUCK, "filter", "counter", group)?;
            }
        }
        Ok(())
    }
}
