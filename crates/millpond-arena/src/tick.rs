#![forbid(unsafe_code)]
//! How memory ages: not by a clock of ours, but by somebody's calls.

use crate::heap::tls;
use crate::range;
use crate::segment::{self, Purge};
use crate::sync::Relaxed;
use crate::sync::fixed::AtomicU64;

static TICKS: AtomicU64 = AtomicU64::new(0);

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
/// free and was not lent anew since the call before goes back: of what all
/// threads share, and of what the calling thread keeps for itself, at once; of
/// what other threads keep, when they next free a large block. Memory that is
/// lent again and again between two calls keeps its pages, so that a steady load
/// does not pay; a burst goes back at the next call.
///
/// # Cost
///
/// One system call per range that goes back, none of them under a lock.
pub fn tick() -> usize {
    // Relaxed: see `count`.
    let now = TICKS.fetch_add(1, Relaxed) + 1;
    tls::with_ready(|heap| heap.take_notice_of_tick());
    segment::purge(Purge::Idle) + range::purge(Some(now))
}

/// Hands free memory back to the operating system now, and returns its bytes.
///
/// Empties the calling thread's bins and caches first. Other threads keep
/// theirs, which are bounded. Only whole slices of 64 KiB without a live block
/// can go back.
///
/// # Cost
///
/// Linear in what the thread has cached; one system call per range.
pub fn release() -> usize {
    tls::with_ready(|heap| heap.release());
    segment::purge(Purge::All) + range::purge(None)
}
