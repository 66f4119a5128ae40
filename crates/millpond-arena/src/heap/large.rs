//! Blocks above the largest slot: runs of slices, and mappings of their own.
//!
//! Nothing is written in front of a block. Where it is follows from its layout,
//! the same way when it is lent, resized and freed:
//!
//! ```text
//!   up to 16 MiB, alignment up to 2 MiB    a run, whole slices
//!   anything else                          a mapping, whole pages
//! ```
//!
//! # Invariants
//!
//! - `same-place`: every size that a block may be freed with, from the one that
//!   was asked for to the one that it has, leads to the same kind and length.

use core::alloc::Layout;
use core::ptr::{NonNull, null_mut};

use crate::config::{MAX_RUN_ALIGN, MAX_RUN_BYTES, SLICE_BYTES};
use crate::fatal::{Corruption, fatal};
use crate::hook::{self, Way};
use crate::layout::geometry::slices_for;
use crate::os;
use crate::range::mapped;
use crate::segment::{self, Run};
use crate::tick;

use super::run_cache::{Entry, Offer};
use super::tally::Slow;
use super::{Heap, tls};

/// Where a large block lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In a segment; length and alignment in slices.
    Run { slices: usize, align: usize },
    /// By itself; whole pages, and an alignment of a page at least, in bytes.
    Mapping { bytes: usize, align: usize },
}

impl Place {
    fn of(bytes: usize, align: usize) -> Option<Place> {
        if bytes <= MAX_RUN_BYTES && align <= MAX_RUN_ALIGN {
            return Some(Place::Run {
                slices: slices_for(bytes),
                align: slices_for(align),
            });
        }
        let align = align.max(os::page_bytes());
        Some(Place::Mapping {
            bytes: os::round_to_pages(bytes.max(1))?,
            align,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Place::Run { slices, .. } => slices * SLICE_BYTES,
            Place::Mapping { bytes, .. } => bytes,
        }
    }
}

/// Bytes that a large block for `layout` really has.
pub(super) fn usable_bytes(layout: Layout) -> usize {
    Place::of(layout.size(), layout.align()).map_or(layout.size(), Place::bytes)
}

/// Lends a large block, zeroed if so asked; null when there is no memory.
///
/// # Cost
///
/// Nothing shared is touched when the thread has just freed a run of that
/// length; otherwise one lock, or one system call for a mapping.
#[inline(never)]
pub(super) fn alloc(layout: Layout, zeroed: bool) -> *mut u8 {
    let Some(place) = Place::of(layout.size(), layout.align()) else {
        return null_mut();
    };
    tls::with_ready(|heap| heap.alloc_large(place, layout.size(), zeroed))
}

/// As [`alloc`], for a block that has just outgrown another place and may well
/// outgrow this one.
pub(super) fn alloc_growing(layout: Layout) -> *mut u8 {
    let Some(Place::Run { slices, align }) = Place::of(layout.size(), layout.align()) else {
        return alloc(layout, false);
    };
    tls::with_ready(|heap| match heap.take_growing_run(slices, align) {
        Some(start) => {
            heap.counters.lend_large(slices * SLICE_BYTES);
            hook::tell(Way::Lent, start.as_ptr(), slices * SLICE_BYTES, 1);
            start.as_ptr()
        }
        None => null_mut(),
    })
}

/// Takes a large block back.
///
/// # Safety
///
/// As for [`super::free`], for a layout that no slot serves.
#[inline(never)]
pub(super) unsafe fn free(block: *mut u8, layout: Layout) {
    let (Some(place), Some(block)) = (
        Place::of(layout.size(), layout.align()),
        NonNull::new(block),
    ) else {
        fatal(Corruption::ForeignPointer);
    };
    // SAFETY: passed on.
    tls::with_ready(|heap| unsafe { heap.free_large(block, place) });
}

/// Changes the size of a large block that stays large, without copying it.
///
/// Null leaves it as it was: then only a copy helps.
///
/// # Safety
///
/// As for [`super::realloc`].
pub(super) unsafe fn resize(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    let align = layout.align();
    let places = Place::of(layout.size(), align).zip(Place::of(new_size, align));
    let (Some((old, new)), Some(start)) = (places, NonNull::new(block)) else {
        return null_mut();
    };
    let moved = match (old, new) {
        (Place::Run { slices, .. }, Place::Run { slices: wanted, .. }) => {
            // SAFETY: passed on.
            tls::with_ready(|heap| unsafe { heap.resize_run(start, slices, wanted) })
        }
        (Place::Mapping { bytes, .. }, Place::Mapping { bytes: wanted, .. }) => {
            // SAFETY: passed on: a block of that length, used by the caller.
            unsafe { mapped::resize(start, bytes, wanted, align) }
        }
        _ => None,
    };
    let Some(moved) = moved else {
        return null_mut();
    };
    tls::with_ready(|heap| {
        heap.counters.resize_large(old.bytes(), new.bytes());
        if let (Place::Mapping { bytes, .. }, Place::Mapping { bytes: wanted, .. }) = (old, new) {
            heap.counters.unmap(bytes);
            heap.counters.map(wanted);
        }
    });
    hook::tell(Way::TakenBack, start.as_ptr(), old.bytes(), 1);
    hook::tell(Way::Lent, moved.as_ptr(), new.bytes(), 1);
    moved.as_ptr()
}

impl Heap {
    /// Cuts or lengthens a run where it is.
    ///
    /// # Safety
    ///
    /// `run-used` for the `slices` from `start`; what is cut off is not used.
    unsafe fn resize_run(
        &self,
        start: NonNull<u8>,
        slices: usize,
        wanted: usize,
    ) -> Option<NonNull<u8>> {
        if wanted > slices {
            let end = start.addr().get() + slices * SLICE_BYTES;
            let behind = self.runs.lock().take_at(end, wanted - slices);
            if let Some(behind) = behind {
                self.keep_rest(behind, wanted - slices);
                return Some(start);
            }
            // SAFETY: passed on.
            return unsafe { segment::extend(start, slices, wanted) }.then_some(start);
        }
        if wanted < slices {
            // SAFETY: `wanted` is below the run's length, so this stays inside.
            let rest = unsafe { start.add(wanted * SLICE_BYTES) };
            // SAFETY: `run-used`: the rest of the run, which the caller gives up.
            unsafe { segment::give(rest, slices - wanted, false) };
        }
        Some(start)
    }

    /// Borrows a run that has something free behind it, if there is one.
    fn take_growing_run(&self, slices: usize, align: usize) -> Option<NonNull<u8>> {
        let longest = self.runs.lock().take_longest(slices, align);
        if let Some(entry) = longest {
            self.counters.go_slow(Slow::RunCached, 1);
            self.keep_rest(entry, slices);
            return Some(entry.start);
        }
        let run = segment::take_growing(slices, align)?;
        self.counters.go_slow(Slow::RunTaken, 1);
        Some(run.start)
    }

    /// Keeps what is behind the first `taken` slices of a run out of the cache.
    fn keep_rest(&self, entry: Entry, taken: usize) {
        let rest = entry.slices - taken;
        if rest > 0 {
            // SAFETY: `taken` is less than the run is long.
            let start = unsafe { entry.start.add(taken * SLICE_BYTES) };
            // SAFETY: `run-used`: the rest of a run that was in the cache.
            unsafe { self.give_run(start, rest) };
        }
    }

    fn alloc_large(&self, place: Place, size: usize, zeroed: bool) -> *mut u8 {
        let block = match place {
            Place::Run { slices, align } => {
                let Some(run) = self.take_run(slices, align) else {
                    return null_mut();
                };
                if zeroed && !run.clean {
                    // SAFETY: a run just borrowed, of at least `size` bytes.
                    unsafe { run.start.write_bytes(0, size) };
                }
                run.start
            }
            Place::Mapping { bytes, align } => match mapped::lend(bytes, align, zeroed) {
                Some(start) => {
                    self.counters.map(bytes);
                    self.counters.go_slow(Slow::MappingMade, 1);
                    start
                }
                None => return null_mut(),
            },
        };
        self.counters.lend_large(place.bytes());
        hook::tell(Way::Lent, block.as_ptr(), place.bytes(), 1);
        block.as_ptr()
    }

    /// # Safety
    ///
    /// The block lies at that place, was lent, and nobody uses it any more.
    unsafe fn free_large(&self, block: NonNull<u8>, place: Place) {
        self.counters.free_large(place.bytes());
        hook::tell(Way::TakenBack, block.as_ptr(), place.bytes(), 1);
        match place {
            // SAFETY: `run-used`, passed on.
            Place::Run { slices, .. } => unsafe { self.give_run(block, slices) },
            Place::Mapping { bytes, .. } => {
                self.counters.unmap(bytes);
                // SAFETY: passed on.
                if !unsafe { mapped::give(block) } {
                    fatal(Corruption::ForeignPointer);
                }
            }
        }
    }

    /// Borrows a run, the one that this thread gave back last if it fits.
    #[inline]
    pub(super) fn take_run(&self, slices: usize, align: usize) -> Option<Run> {
        let cached = self.runs.lock().take(slices, align);
        if let Some(start) = cached {
            self.counters.go_slow(Slow::RunCached, 1);
            return Some(Run {
                start,
                clean: false,
            });
        }
        let run = segment::take(slices, align)?;
        self.counters.go_slow(Slow::RunTaken, 1);
        Some(run)
    }

    /// Gives a run back, to this thread's cache if it is wanted there.
    ///
    /// # Safety
    ///
    /// `run-used`: the caller borrowed it, and nobody uses it any more.
    #[inline]
    pub(super) unsafe fn give_run(&self, start: NonNull<u8>, slices: usize) {
        self.take_notice_of_tick();
        let (offer, full) = {
            let runs = self.runs.lock();
            (runs.offer(start, slices), runs.is_over_full())
        };
        match offer {
            Offer::Kept => {}
            // SAFETY: passed on.
            Offer::Refused => return unsafe { segment::give(start, slices, false) },
            Offer::Twice => fatal(Corruption::DoubleFree),
        }
        if full {
            self.make_cache_fit();
        }
    }

    #[cold]
    fn make_cache_fit(&self) {
        while self.runs.lock().is_over_full() {
            self.drop_oldest_run();
        }
    }

    /// Ages the cached runs if there was a tick since the last look.
    #[inline]
    fn take_notice_of_tick(&self) {
        let new = self.runs.lock().sees_new_tick(tick::count());
        if new {
            self.age_runs();
        }
    }

    /// Gives back the runs whose length nobody asked for since the last tick.
    #[cold]
    fn age_runs(&self) {
        loop {
            let unasked = self.runs.lock().pop_unasked();
            let Some(entry) = unasked else {
                break;
            };
            // SAFETY: `cached-run`: taken out of the cache.
            unsafe { segment::give(entry.start, entry.slices, false) };
        }
        self.runs.lock().forget_asked();
    }

    /// As [`Heap::take_notice_of_tick`], by another thread that holds the
    /// registry's lock: nothing is purged.
    pub(crate) fn age_runs_from_outside(&self, tick: u64) {
        let runs = self.runs.lock();
        if runs.sees_new_tick(tick) {
            while let Some(entry) = runs.pop_unasked() {
                // SAFETY: `cached-run`: taken out of the cache.
                unsafe { segment::give_quietly(entry.start, entry.slices) };
            }
            runs.forget_asked();
        }
    }

    /// Gives back all runs, as above.
    pub(super) fn drop_runs_from_outside(&self) {
        let runs = self.runs.lock();
        while let Some(entry) = runs.pop_oldest() {
            // SAFETY: `cached-run`: taken out of the cache.
            unsafe { segment::give_quietly(entry.start, entry.slices) };
        }
    }

    /// Gives back all runs.
    pub(super) fn drop_runs(&self) {
        self.runs.lock().forget_asked();
        while self.drop_oldest_run() {}
    }

    fn drop_oldest_run(&self) -> bool {
        let (oldest, asked) = {
            let runs = self.runs.lock();
            let oldest = runs.pop_oldest();
            (
                oldest,
                oldest.is_some_and(|entry| runs.was_asked(entry.slices)),
            )
        };
        let Some(entry) = oldest else {
            return false;
        };
        // SAFETY: `cached-run`: taken out of the cache.
        unsafe { segment::give(entry.start, entry.slices, asked) };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MAX_SLOT_BYTES;

    #[test]
    fn every_size_that_a_block_has_leads_to_the_same_place() {
        let page = os::page_bytes();
        for align in [
            1,
            16,
            4096,
            65536,
            1 << 20,
            MAX_RUN_ALIGN,
            MAX_RUN_ALIGN * 2,
            1 << 26,
        ] {
            for bytes in [
                1,
                MAX_SLOT_BYTES + 1,
                SLICE_BYTES,
                SLICE_BYTES + 1,
                5 * SLICE_BYTES - 7,
                MAX_RUN_BYTES - 1,
                MAX_RUN_BYTES,
                MAX_RUN_BYTES + 1,
                MAX_RUN_BYTES + 5 * page,
            ] {
                let place = Place::of(bytes, align).unwrap();
                assert!(place.bytes() >= bytes);
                assert_eq!(
                    Place::of(place.bytes(), align),
                    Some(place),
                    "{bytes} at {align}"
                );
            }
        }
    }

    #[test]
    fn too_large_is_nowhere() {
        assert_eq!(Place::of(usize::MAX - 3, 1), None);
    }
}
