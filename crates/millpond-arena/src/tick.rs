#![forbid(unsafe_code)]
//! How memory ages: by somebody's calls, or else by itself, on slow paths that
//! happen to run.

use crate::config::{DECAY_MIN_BYTES, DECAY_STEP_BYTES};
use crate::heap::idle::Visit;
use crate::heap::{Heap, registry, tls};
use crate::knobs::DECAY_MILLIS;
use crate::purged::Cause;
use crate::sync::Relaxed;
use crate::sync::fixed::AtomicU64;
use crate::{os, range, segment};

static TICKS: AtomicU64 = AtomicU64::new(0);

/// When the last tick was, in milliseconds of the coarse clock; zero for never.
static LAST_MILLIS: AtomicU64 = AtomicU64::new(0);

/// Ticks so far.
#[inline]
pub(crate) fn count() -> u64 {
    // Relaxed: who sees a tick late ages late.
    TICKS.load(Relaxed)
}

/// Ages idle memory by one step, and returns the bytes that went back to the
/// operating system.
///
/// Call it at a steady pace, once a second say, from any thread. Memory that is
/// free and was not lent anew since the call before goes back: slices, blocks
/// above 16 MiB, ranges, and the runs and slabs that threads keep for themselves,
/// those of sleeping threads too. Memory that is lent again and again between two calls
/// keeps its pages, so that a steady load does not pay; a burst goes back at the next
/// call.
///
/// Without a call for a second ([`DECAY_MILLIS`]), threads whose bins run dry or
/// full do it by and by, some 16 MiB at a time, if more than 1 MiB is retained. No
/// thread of our own does.
///
/// # Cost
///
/// All of it in this call: one system call per range that goes back, none of them
/// under a lock that the lending of small blocks needs. One more when a thread has fallen
/// asleep since the call before and owns slabs, which interrupts each processor that runs
/// this process; a thread that wakes just then waits for it, and for the visit.
pub fn tick() -> usize {
    LAST_MILLIS.store(os::coarse_millis(), Relaxed);
    let now = begin();
    tls::fallback(|heap| {
        heap.age_runs_from_outside(now);
        heap.leave_if_idle();
    });
    purge_idle(usize::MAX)
}

/// Begins a tick and returns its number. Perhaps under the fallback heap's lock.
fn begin() -> u64 {
    // Relaxed: see `count`.
    let now = TICKS.fetch_add(1, Relaxed) + 1;
    registry::age_runs(now);
    registry::visit(Visit::Idle);
    segment::begin_idle_purge();
    range::begin_idle_purge(now);
    now
}

/// Goes on with the purge of a tick, for `most` bytes about.
fn purge_idle(most: usize) -> usize {
    let slices = segment::purge_idle(most);
    slices + range::purge_idle(most.saturating_sub(slices))
}

/// Goes on with a tick that has not ended, or begins one if there was none for a
/// while and there is something to hand back. For slow paths that run anyway; it
/// purges little at a time.
#[cold]
pub(crate) fn age_by_itself() {
    let (in_slices, slices_age) = segment::retained();
    let (in_ranges, ranges_age) = range::retained();
    if slices_age || ranges_age {
        purge_idle(DECAY_STEP_BYTES);
        return;
    }
    if in_slices + in_ranges <= DECAY_MIN_BYTES {
        return;
    }
    let (now, last) = (os::coarse_millis(), LAST_MILLIS.load(Relaxed));
    let interval = DECAY_MILLIS.value() as u64;
    if interval == 0 || now.saturating_sub(last) < interval {
        return;
    }
    // Relaxed: one thread wins, and nothing is reached through the number.
    if LAST_MILLIS
        .compare_exchange(last, now, Relaxed, Relaxed)
        .is_ok()
        && last != 0
    {
        begin();
        purge_idle(DECAY_STEP_BYTES);
    }
}

/// Hands free memory back to the operating system now, and returns its bytes.
///
/// Empties the calling thread's bins and caches first, and takes the slabs and the runs
/// of all others; their bins stay, which are bounded, and pin what they lie in. Only
/// whole slices of 64 KiB without a live block can go back.
///
/// # Cost
///
/// Linear in what the thread has cached; one system call per range.
pub fn release() -> usize {
    tls::with_ready(Heap::leave);
    tls::fallback(Heap::leave);
    registry::drop_runs();
    registry::visit(Visit::All);
    segment::purge_all(0, Cause::Release) + range::purge_all()
}

/// Tells that the calling thread is about to sleep, perhaps for long.
///
/// For the hook that a runtime calls before a worker parks. Once after each
/// tick, and once after each burst of work, the thread gives its free blocks and its
/// slabs to whoever needs them; all further calls cost two comparisons.
///
/// # Cost
///
/// Linear in what the thread has cached, when it gives it up; no system call.
pub fn on_thread_park() {
    tls::with_ready(|heap| heap.park(count()));
}
