//! Segments: 32 MiB ranges of the address space, cut into slices of 64 KiB.
//!
//! A run is a range of slices that somebody uses: a slab, a large block, or a
//! block that an arena borrowed. Four bits tell about each slice:
//!
//! ```text
//!   used     somebody has it
//!   dirty    it may hold something else than zeros; free and dirty is retained
//!   reused   it was taken out of the retained ones, or lent anew by a thread's
//!            cache, since the last tick
//!   beside   it is zero and nobody's, and may have pages all the same: it lies in
//!            a huge page of which another slice was lent first. Retained as well
//! ```
//!
//! A tick purges what is retained and was not reused since the tick before:
//! memory that is asked for again and again keeps its pages, a burst loses them.
//! Above
//! [`RETAINED_MAX_BYTES`] a free purges at once.
//!
//! The purge that leaves a segment with nothing but its first slice takes the lines
//! there as well, with all that a huge page has brought along in front of the run:
//! zeros tell of no slab.
//!
//! Segments ask for huge pages as [`HUGE_PAGES`] says; where they are kept whole,
//! less than one goes back on request alone.
//!
//! # Invariants
//!
//! - `segment-stays`: a segment is never unmapped, so its header and lines are
//!   there for ever; only pages of free slices are purged, and those of the lines
//!   while no slice behind the first is lent.
//! - `run-used`: the slices of a lent run have their `used` bits set and belong
//!   to one borrower.
//! - `clean-zero`: a slice that is not `dirty` holds zeros.
//! - `retained-sum`: `retained` counts the slices that are dirty and not used, and
//!   those beside, none of which is used or dirty.

use core::ptr::NonNull;

use crate::config::{
    DECAY_MIN_BYTES, MAX_RUN_BYTES, SEGMENT_BYTES, SLICE_BYTES, SMALL_PAGES_BYTES,
};
use crate::fatal::{Corruption, fatal};
use crate::knobs::{HUGE_PAGES, HugePages, RETAINED_MAX_BYTES};
use crate::layout::geometry::{SLICE_COUNT, segment_of, slice_of};
use crate::os;
use crate::purged::{Cause, Purged};
use crate::spin::{Guard, SpinLock};
use crate::tick;

mod bitmap;
mod claim;
mod header;
pub(crate) mod map;

use claim::Claim;
use header::Segment;

/// Times a run's length that a place should have for one that grows.
const GROWTH_ROOM: usize = 8;

/// All segments, oldest first, and sums over them.
struct Segments {
    first: Option<NonNull<Segment>>,
    last: Option<NonNull<Segment>>,
    count: usize,
    retained: usize,
    used: usize,
    purged: Purged,
    /// Where a purge of what is idle goes on; none when it has ended.
    idle_at: Option<NonNull<Segment>>,
}

// SAFETY: `segment-stays`: the pointers lead to headers that no thread owns, and
// that are reached through the lock alone.
unsafe impl Send for Segments {}

static SEGMENTS: SpinLock<Segments> = SpinLock::new(Segments {
    first: None,
    last: None,
    count: 0,
    retained: 0,
    used: 0,
    purged: Purged::ZERO,
    idle_at: None,
});

/// Slices taken from a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) start: NonNull<u8>,
    /// Whether every byte is zero.
    pub(crate) clean: bool,
}

/// What a purge takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purge {
    /// Whatever is retained.
    All,
    /// What was not reused since the last purge of this kind began.
    Idle,
}

/// Sums over all segments, in bytes where not said otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentTotals {
    pub(crate) segment_count: usize,
    pub(crate) used: usize,
    pub(crate) retained: usize,
    pub(crate) purged: Purged,
}

/// Takes `slices` in a row, the first at a multiple of `align` slices.
///
/// None when the system has no more memory. `slices` is at most what fits a
/// segment beside its first slice at that alignment.
///
/// # Cost
///
/// One lock; three system calls when a new segment is needed.
pub(crate) fn take(slices: usize, align: usize) -> Option<Run> {
    if let Some(run) = SEGMENTS.lock().take(slices, align) {
        return Some(run);
    }
    loop {
        add_segment()?;
        // Others may have emptied the new segment already.
        if let Some(run) = SEGMENTS.lock().take(slices, align) {
            return Some(run);
        }
    }
}

/// As [`take`], and where the run can be lengthened a few times, if there is
/// such a place.
pub(crate) fn take_growing(slices: usize, align: usize) -> Option<Run> {
    let room = (slices * GROWTH_ROOM).min(MAX_RUN_BYTES / SLICE_BYTES);
    if room > slices
        && let Some(run) = SEGMENTS.lock().take_front(slices, room, align)
    {
        return Some(run);
    }
    take(slices, align)
}

/// Takes a run back. `reused` says that there is a demand for it.
///
/// # Safety
///
/// `run-used`: the caller borrowed these slices and nobody uses them any more.
///
/// # Cost
///
/// One lock; system calls when more is retained than may be.
pub(crate) unsafe fn give(start: NonNull<u8>, slices: usize, reused: bool) {
    let mut segments = SEGMENTS.lock();
    segments.give(start, slices, reused);
    let retained = segments.retained * SLICE_BYTES;
    drop(segments);
    if retained > DECAY_MIN_BYTES || retained > RETAINED_MAX_BYTES.value() {
        give_slow(retained);
    }
}

/// Hands back what is too much, or too old.
#[cold]
fn give_slow(retained: usize) {
    let most = RETAINED_MAX_BYTES.value();
    if retained > most {
        purge_all(most / 2, Cause::Limit);
    } else {
        tick::age_by_itself();
    }
}

/// Bytes retained now, and whether a purge of what is idle has not ended.
pub(crate) fn retained() -> (usize, bool) {
    let segments = SEGMENTS.lock();
    (segments.retained * SLICE_BYTES, segments.idle_at.is_some())
}

/// As [`give`], while another lock is held: nothing is purged.
///
/// # Safety
///
/// As for [`give`].
pub(crate) unsafe fn give_quietly(start: NonNull<u8>, slices: usize) {
    SEGMENTS.lock().give(start, slices, false);
}

/// Lengthens a run in place, if what lies behind it is free.
///
/// # Safety
///
/// `run-used` for the `slices` from `start`; `wanted` is more.
pub(crate) unsafe fn extend(start: NonNull<u8>, slices: usize, wanted: usize) -> bool {
    if !map::contains(start.addr().get()) {
        fatal(Corruption::ForeignPointer);
    }
    let first = slice_of(start.addr().get());
    if first + wanted > SLICE_COUNT {
        return false;
    }
    let mut segments = SEGMENTS.lock();
    let segment = segments.header(start);
    if segment.used.count(first + slices, wanted - slices) != 0 {
        return false;
    }
    segments.mark_used(start, first + slices, wanted - slices);
    true
}

/// Purges all that is retained, until at most `keep_bytes` are, and returns the
/// bytes that went back.
///
/// # Cost
///
/// One system call per range, none of them under the lock.
pub(crate) fn purge_all(keep_bytes: usize, cause: Cause) -> usize {
    let mut purged = 0;
    let mut segments = SEGMENTS.lock();
    let mut at = segments.first;
    while let Some(header) = at {
        while segments.retained * SLICE_BYTES > keep_bytes {
            let (guard, bytes) = purge_one(segments, header, Purge::All, cause);
            segments = guard;
            if bytes == 0 {
                break;
            }
            purged += bytes;
        }
        at = segments.at(header).next;
    }
    purged
}

/// Begins a purge of what was not reused since the last one began.
pub(crate) fn begin_idle_purge() {
    let mut segments = SEGMENTS.lock();
    segments.idle_at = segments.first;
}

/// Goes on with it, for `most` bytes about, and returns the bytes that went back.
///
/// # Cost
///
/// One system call per range, none of them under the lock.
pub(crate) fn purge_idle(most: usize) -> usize {
    let mut purged = 0;
    let mut segments = SEGMENTS.lock();
    while let Some(header) = segments.idle_at {
        let (guard, bytes) = purge_one(segments, header, Purge::Idle, Cause::Tick);
        segments = guard;
        purged += bytes;
        if purged >= most {
            break;
        }
        if bytes == 0 && segments.idle_at == Some(header) {
            // What is in use, in a thread's cache perhaps, stays marked: its
            // interval begins when it is given back.
            let segment = segments.at(header);
            segment.reused = segment
                .reused
                .without(&segment.reused.without(&segment.used));
            segments.idle_at = segment.next;
        }
    }
    purged
}

/// Purges one range of a segment; zero bytes when there is none, or the system
/// refuses.
fn purge_one(
    mut segments: Guard<'static, Segments>,
    header: NonNull<Segment>,
    which: Purge,
    cause: Cause,
) -> (Guard<'static, Segments>, usize) {
    let Some(claim) = segments.claim_retained(header, which) else {
        return (segments, 0);
    };
    drop(segments);
    let from = claim.start();
    // SAFETY: inside the segment.
    let start = unsafe { header.cast::<u8>().add(from) };
    // SAFETY: `run-used`: claimed above, so nobody else has the range, which was
    // free and whose contents nobody needs; or lines of which none is in use.
    let went = unsafe { os::purge(start, claim.end() - from) };
    segments = SEGMENTS.lock();
    segments.settle_claimed(header, claim, went, cause);
    let bytes = if went { claim.count * SLICE_BYTES } else { 0 };
    (segments, bytes)
}

/// Sums over all segments, exact at one instant.
pub(crate) fn totals() -> SegmentTotals {
    let segments = SEGMENTS.lock();
    SegmentTotals {
        segment_count: segments.count,
        used: segments.used * SLICE_BYTES,
        retained: segments.retained * SLICE_BYTES,
        purged: segments.purged,
    }
}

/// Verifies `retained-sum` and that every header is entered in the segment map.
pub(crate) fn check() -> Result<(), &'static str> {
    let mut segments = SEGMENTS.lock();
    let (mut retained, mut used, mut count) = (0, 0, 0);
    let mut at = segments.first;
    while let Some(header) = at {
        if !map::contains(header.addr().get()) {
            return Err("segment-stays");
        }
        let segment = segments.at(header);
        retained += segment.retained().count(0, SLICE_COUNT);
        let lent_or_dirty = segment.used.or(&segment.dirty);
        if segment.beside.without(&lent_or_dirty) != segment.beside {
            return Err("retained-sum");
        }
        used += segment.used.count(1, SLICE_COUNT - 1);
        count += 1;
        at = segment.next;
    }
    if retained != segments.retained || used != segments.used || count != segments.count {
        return Err("retained-sum");
    }
    Ok(())
}

/// Takes the lock around a fork.
pub(crate) fn lock_for_fork() {
    SEGMENTS.lock_raw();
}

/// Gives back what [`lock_for_fork`] took.
pub(crate) fn unlock_after_fork() {
    SEGMENTS.unlock_raw();
}

/// Maps a segment and puts it at the end of the list.
#[cold]
fn add_segment() -> Option<()> {
    let start = os::reserve(SEGMENT_BYTES, SEGMENT_BYTES)?;
    let huge_from = ask_for_huge_pages(start);
    // `Slab::start` computes the address of a slab from that of its line.
    start.as_ptr().expose_provenance();
    let header = start.cast::<Segment>();
    let (segment, beside) = Segment::new(huge_from);
    // SAFETY: the range was just mapped, nobody else knows it, and a segment is
    // aligned for its header and larger.
    unsafe { header.write(segment) };
    if !map::insert(start.addr().get()) {
        // SAFETY: `ours`: mapped above and shown to nobody.
        unsafe { os::release(start, SEGMENT_BYTES) };
        return None;
    }
    let mut segments = SEGMENTS.lock();
    match segments.last {
        Some(last) => segments.at(last).next = Some(header),
        None => segments.first = Some(header),
    }
    segments.last = Some(header);
    segments.count += 1;
    segments.retained += beside;
    Some(())
}

/// Asks for huge pages in a segment just mapped, where the knob says so, and returns
/// the first slice for which it did.
fn ask_for_huge_pages(start: NonNull<u8>) -> usize {
    let wanted = HUGE_PAGES.value();
    let is_first = SEGMENTS.lock().first.is_none();
    let small = if is_first && wanted != HugePages::Whole as usize {
        SMALL_PAGES_BYTES
    } else {
        0
    };
    if wanted != HugePages::Never as usize {
        // SAFETY: less than a segment.
        let large = unsafe { start.add(small) };
        // SAFETY: `ours`: mapped just above. A refusal leaves small pages.
        unsafe { os::prefer_huge(large, SEGMENT_BYTES - small) };
        return small / SLICE_BYTES;
    }
    SLICE_COUNT
}

/// Address of a slice, with the provenance of its segment.
fn slice_start(header: NonNull<Segment>, slice: usize) -> NonNull<u8> {
    // SAFETY: `slice` is below SLICE_COUNT, so this stays inside the segment.
    unsafe { header.cast::<u8>().add(slice * SLICE_BYTES) }
}

impl Segments {
    /// The header at that address.
    fn at(&mut self, header: NonNull<Segment>) -> &mut Segment {
        // SAFETY: `segment-stays`, and the lock, whose guard `self` is reached
        // through, keeps every other reference away.
        unsafe { &mut *header.as_ptr() }
    }

    /// The header of the segment that a run lies in.
    fn header(&mut self, start: NonNull<u8>) -> &mut Segment {
        let header = start.map_addr(|_| {
            let segment = segment_of(start.addr().get());
            core::num::NonZeroUsize::new(segment).unwrap_or(start.addr())
        });
        self.at(header.cast())
    }

    fn take(&mut self, slices: usize, align: usize) -> Option<Run> {
        self.take_front(slices, slices, align)
    }

    /// Takes the first `slices` of a gap that has `room`.
    fn take_front(&mut self, slices: usize, room: usize, align: usize) -> Option<Run> {
        let mut at = self.first;
        while let Some(header) = at {
            let segment = self.at(header);
            at = segment.next;
            if let Some(first) = segment.place(room, align) {
                let start = slice_start(header, first);
                let clean = self.mark_used(start, first, slices);
                return Some(Run { start, clean });
            }
        }
        None
    }

    /// Marks slices of the segment around `start` as lent; true if all were
    /// clean.
    fn mark_used(&mut self, start: NonNull<u8>, first: usize, count: usize) -> bool {
        let segment = self.header(start);
        let dirty = segment.dirty.count(first, count);
        let asked_for = segment.beside.count(first, count);
        let beside = segment.note_beside(first, count);
        segment.used.set(first, count);
        segment.dirty.set(first, count);
        if dirty > 0 {
            segment.reused.set(first, count);
        } else {
            segment.reused.clear(first, count);
        }
        self.retained = self.retained + beside - dirty - asked_for;
        self.used += count;
        dirty == 0
    }

    fn give(&mut self, start: NonNull<u8>, slices: usize, reused: bool) {
        let first = slice_of(start.addr().get());
        let known = map::contains(start.addr().get());
        if !known || first == 0 || first + slices > SLICE_COUNT {
            fatal(Corruption::ForeignPointer);
        }
        let segment = self.header(start);
        if segment.used.count(first, slices) != slices {
            fatal(Corruption::DoubleFree);
        }
        segment.used.clear(first, slices);
        segment.gap_max = SLICE_COUNT - 1;
        if reused {
            segment.reused.set(first, slices);
        }
        self.retained += slices;
        self.used -= slices;
    }

    /// Takes a retained range away from everybody, to purge it.
    fn claim_retained(&mut self, header: NonNull<Segment>, which: Purge) -> Option<Claim> {
        let segment = self.at(header);
        let mut retained = segment.retained();
        if which == Purge::Idle {
            retained = retained.without(&segment.reused);
            if HUGE_PAGES.value() == HugePages::Whole as usize {
                retained = retained.whole_huge_pages();
            }
        }
        let (first, count) = retained.next_range(1)?;
        segment.used.set(first, count);
        // What lay beside is now as the rest, also if the system refuses.
        segment.dirty.set(first, count);
        segment.beside.clear(first, count);
        let is_last = segment.used.count(0, SLICE_COUNT) == 1 + count
            && segment.retained().count(0, SLICE_COUNT) == 0;
        let claim = Claim {
            first,
            count,
            is_last,
        };
        let (from, slices) = claim.slices();
        segment.used.set(from, slices);
        self.retained -= count;
        self.used += slices;
        Some(claim)
    }

    /// Ends what [`Segments::claim_retained`] began.
    fn settle_claimed(&mut self, header: NonNull<Segment>, claim: Claim, went: bool, cause: Cause) {
        let (from, slices) = claim.slices();
        let segment = self.at(header);
        segment.used.clear(from, slices);
        segment.gap_max = SLICE_COUNT - 1;
        self.used -= slices;
        if went {
            self.at(header).dirty.clear(claim.first, claim.count);
            self.purged.add(cause, claim.count * SLICE_BYTES);
        } else {
            self.retained += claim.count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_lent_once_come_back_and_are_lent_again() {
        let first = take(3, 1).unwrap();
        let second = take(3, 1).unwrap();
        assert_ne!(first.start, second.start);
        // SAFETY: lent just above, three slices.
        unsafe { first.start.write_bytes(0xAA, 3 * SLICE_BYTES) };
        // SAFETY: lent above, unused from here on.
        unsafe { give(first.start, 3, false) };
        let again = take(3, 1).unwrap();
        assert!(!again.clean || again.start != first.start);
        // SAFETY: lent above.
        unsafe { give(again.start, 3, false) };
        // SAFETY: lent above.
        unsafe { give(second.start, 3, false) };
        check().unwrap();
    }

    #[test]
    fn aligned_runs_are_aligned() {
        for align in [1, 2, 4, 8, 16, 32] {
            let run = take(5, align).unwrap();
            assert_eq!(run.start.addr().get() % (align * SLICE_BYTES), 0);
            // SAFETY: lent just above.
            unsafe { give(run.start, 5, false) };
        }
        check().unwrap();
    }

    #[test]
    fn purged_runs_are_clean_and_zero() {
        let run = take(40, 1).unwrap();
        // SAFETY: lent just above, forty slices.
        unsafe { run.start.write_bytes(1, 40 * SLICE_BYTES) };
        // SAFETY: lent just above.
        unsafe { give(run.start, 40, false) };
        purge_all(0, Cause::Release);
        let run = take(40, 1).unwrap();
        if run.clean {
            for slice in 0..40 {
                // SAFETY: inside the run just taken.
                let byte = unsafe { run.start.add(slice * SLICE_BYTES) };
                // SAFETY: mapped, and zero or written before.
                assert_eq!(unsafe { byte.read() }, 0);
            }
        }
        // SAFETY: lent just above.
        unsafe { give(run.start, 40, false) };
        check().unwrap();
    }
}
