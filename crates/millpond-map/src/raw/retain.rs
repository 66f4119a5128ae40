//! Removing many entries in one walk: a line of 64 lanes at a time.
//!
//! ```text
//!   lanes with an entry    1 1 0 1 1 1 1 0 …      one word for four groups
//!   asked, one by one        ▼
//!   lanes that go          0 1 0 0 0 1 0 0 …      no branch depends on an answer
//!   then, once a line      tags wiped, guests and counts corrected, entries dropped
//! ```
//!
//! # Invariants
//!
//! Those of [`inner`](super::inner) and of the [module above](super), and
//!
//! - `asked`: a lane that goes had an entry when its line was read, and nothing has taken
//!   the entry since.

use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;

use super::RawTable;
use super::inner::{LINE_SLOTS, RawInner};
use super::layout::LINE_GROUPS;
use crate::control::GROUP_SLOTS;

impl<T, A: Allocator> RawTable<T, A> {
    /// Keeps the entries for which `keep` holds, and drops the others.
    ///
    /// A panic in `keep` leaves the entry at which it happened, and all after it; what was
    /// refused before it is gone. A panic in a drop leaves the lines behind it as they are.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let mut lines = Lines::of(&self.inner);
        while let Some(off) = lines.next(&self.inner) {
            let mut ahead = self.inner.line_fulls(off);
            // SAFETY: `slab`. A line starts with a slot of the table.
            let slots = unsafe { self.slot(off) };
            let mut line = Line {
                inner: &mut self.inner,
                slots,
                off,
                gone: 0,
            };
            while ahead != 0 {
                let lane = ahead.trailing_zeros() as usize;
                ahead &= ahead - 1;
                // SAFETY: `full`. The lane has a tag, so it is a slot with an entry.
                let mut slot = unsafe { slots.add(lane) };
                // SAFETY: `typed`. A full slot holds a `T`, and the table is borrowed.
                let stays = keep(unsafe { slot.as_mut() });
                line.gone |= u64::from(!stays) << lane;
            }
        }
        if self.inner.len == 0 {
            self.inner.wipe();
        }
    }
}

/// A line that is being asked. Dropped, it takes out what goes.
struct Line<'a, T> {
    inner: &'a mut RawInner,
    /// The slot of its first lane.
    slots: NonNull<T>,
    off: usize,
    /// The lanes that go: `asked`.
    gone: u64,
}

impl<T> Drop for Line<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.gone == 0 {
            return;
        }
        // SAFETY: `asked`. What is refused is dropped right below, or needs no drop.
        unsafe { self.inner.erase_lanes(self.off, self.gone) };
        if core::mem::needs_drop::<T>() {
            self.drop_gone();
        }
    }
}

impl<T> Line<'_, T> {
    /// Drops the entries that go, each once, even where one panics.
    fn drop_gone(&mut self) {
        struct Rest<T>(NonNull<T>, u64);

        impl<T> Rest<T> {
            fn all(&mut self) {
                while self.1 != 0 {
                    let lane = self.1.trailing_zeros() as usize;
                    self.1 &= self.1 - 1;
                    // SAFETY: `asked`. The lane is one of a slot.
                    let slot = unsafe { self.0.add(lane) };
                    // SAFETY: `asked`. Its tag is wiped, so the entry is ours alone, and
                    // its bit was taken out before.
                    unsafe { slot.drop_in_place() };
                }
            }
        }

        impl<T> Drop for Rest<T> {
            /// Goes on after a panic. A second one aborts, as everywhere in Rust.
            fn drop(&mut self) {
                self.all();
            }
        }

        Rest(self.slots, self.gone).all();
    }
}

/// The lines of a table that may have an entry: those on the list, or all.
struct Lines {
    /// The next line, or the next place on the list.
    next: usize,
    listed: bool,
}

impl Lines {
    fn of(table: &RawInner) -> Lines {
        let lines = table.lines();
        Lines {
            next: 0,
            listed: table.is_listed() && table.touched as usize <= lines / 2,
        }
    }

    /// Returns the offset of the next line. `table` is the one that the walk was made for,
    /// with nothing added since.
    #[inline]
    fn next(&mut self, table: &RawInner) -> Option<usize> {
        let place = self.next;
        self.next += 1;
        if !self.listed {
            let off = place * LINE_SLOTS;
            return (off < table.limit).then_some(off);
        }
        if place >= table.touched as usize {
            return None;
        }
        // SAFETY: `touched`, asked for when the walk was made.
        let list = unsafe { table.list() };
        // SAFETY: `touched`. The first `touched` places of the list are in use.
        let line = unsafe { list.add(place) };
        // SAFETY: as above, so it is initialised.
        Some(unsafe { line.read() } as usize * LINE_SLOTS)
    }
}

impl RawInner {
    /// Returns one word for the groups of the line at `off`, made of what `bits` says of each.
    ///
    /// `bits` is called with offsets of groups of the table.
    #[inline(always)]
    fn line_word(&self, off: usize, bits: impl Fn(usize) -> u16) -> u64 {
        let mut word = 0;
        for nth in 0..LINE_GROUPS {
            let at = off + nth * GROUP_SLOTS;
            if at >= self.limit {
                break; // a table of one group or two
            }
            word |= u64::from(bits(at)) << (nth * GROUP_SLOTS);
        }
        word
    }

    /// Returns the lanes with an entry of the line at `off`, lane `n` in bit `n`.
    #[inline(always)]
    pub(super) fn line_fulls(&self, off: usize) -> u64 {
        self.line_word(off, |at| {
            // SAFETY: `slab`. It is the offset of a group.
            unsafe { self.group(at) }.fulls().bits()
        })
    }

    /// Empties the lanes `gone` of the line at `off`.
    ///
    /// # Safety
    ///
    /// `asked`; afterwards the caller owns the entries.
    #[inline(always)]
    unsafe fn erase_lanes(&mut self, off: usize, gone: u64) {
        let count = gone.count_ones() as usize;
        self.len -= count;
        self.growth_left += count;
        // All groups of the line: whether one loses nothing is not worth a branch.
        for nth in 0..LINE_GROUPS {
            let at = off + nth * GROUP_SLOTS;
            if at >= self.limit {
                break;
            }
            let lanes = (gone >> (nth * GROUP_SLOTS)) as u16;
            // SAFETY: `slab`, just compared.
            let kept = unsafe { self.group(at) }.without_lanes(lanes);
            // SAFETY: `slab`, as above; a table with an entry is not shared.
            unsafe { self.set_group(at, kept) };
        }
        if self.displaced != 0 {
            let guests = self.line_word(off, |at| {
                // SAFETY: `slab`. It is the offset of a group.
                unsafe { self.guest_lanes(at) }
            });
            if guests & gone != 0 {
                self.strike_guests(off, guests & gone);
            }
        }
    }

    /// Strikes the lanes `struck` of the line at `off`, all guests, from the sets of guests.
    ///
    /// Which groups a guest went past is not known. Their bits stay; that costs probes.
    #[inline(never)]
    fn strike_guests(&mut self, off: usize, struck: u64) {
        for nth in 0..LINE_GROUPS {
            let lanes = (struck >> (nth * GROUP_SLOTS)) as u16;
            if lanes == 0 {
                continue;
            }
            // SAFETY: `slab`. A guest lies in a group of the table, which has several.
            let place = unsafe { self.guests(off + nth * GROUP_SLOTS) };
            // SAFETY: `slab`. Sets of guests are initialised when the slab is lent.
            let guests = unsafe { place.read() };
            // SAFETY: `slab`; a table of several groups is not shared.
            unsafe { place.write(guests & !lanes) };
        }
        let count = struck.count_ones() as usize;
        self.displaced -= count;
        self.stale = self.stale.saturating_add(count as u32);
    }
}
