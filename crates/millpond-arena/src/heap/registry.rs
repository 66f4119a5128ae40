//! All heaps that are ready, and what is left of those that are gone.
//!
//! # Invariants
//!
//! - `listed-live`: a heap on the list is in the thread-local memory of a thread
//!   that has not ended: it is taken off before that memory goes.

use core::ptr::NonNull;

use crate::range;
use crate::segment;
use crate::spin::SpinLock;
use crate::sync::Relaxed;
use crate::sync::fixed::AtomicU64;

use super::idle::{self, Visit};
use super::tally::Tally;
use super::{Heap, depot, tls};

struct Registry {
    first: Option<NonNull<Heap>>,
    count: usize,
    /// Counted by heaps that are gone.
    gone: Tally,
    /// Counted by all heaps but one: that of the thread that forks, until it has.
    left_behind: Tally,
}

// SAFETY: `listed-live`: the pointers are followed under the lock alone, and then
// only to counters and links, to runs behind their lock, and to slabs behind their door.
unsafe impl Send for Registry {}

static REGISTRY: SpinLock<Registry> = SpinLock::new(Registry {
    first: None,
    count: 0,
    gone: Tally::ZERO,
    left_behind: Tally::ZERO,
});

impl Registry {
    /// What all heaps have counted but the calling thread's, under the lock.
    fn tally_of_others(&self) -> Tally {
        let mut tally = Tally::ZERO;
        let mut at = self.first;
        while let Some(heap) = at {
            // SAFETY: `listed-live`, under the lock.
            let heap = unsafe { heap.as_ref() };
            if !tls::with(|own| core::ptr::eq(own, heap)) {
                tally.add(&heap.counters.read());
            }
            at = heap.next.get();
        }
        tally
    }
}

/// The next heap's number. Zero stands for none, one for the fallback.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(tls::FALLBACK_NUMBER + 1);

/// Lists a heap and returns its number.
pub(super) fn enter(heap: &Heap) -> u64 {
    let mut registry = REGISTRY.lock();
    let entry = NonNull::from(heap);
    let second = registry.first.replace(entry);
    heap.previous.set(None);
    heap.next.set(second);
    if let Some(second) = second {
        // SAFETY: `listed-live`, and links are touched under this lock alone.
        unsafe { second.as_ref() }.previous.set(Some(entry));
    }
    registry.count += 1;
    // Relaxed: the numbers need to differ, no more.
    NEXT_NUMBER.fetch_add(1, Relaxed)
}

/// Takes a heap off the list and keeps what it has counted.
pub(super) fn leave(heap: &Heap) {
    let mut registry = REGISTRY.lock();
    registry.gone.add(&heap.counters.read());
    let (previous, next) = (heap.previous.take(), heap.next.take());
    match previous {
        // SAFETY: `listed-live`, and links are touched under this lock alone.
        Some(previous) => unsafe { previous.as_ref() }.next.set(next),
        None => registry.first = next,
    }
    if let Some(next) = next {
        // SAFETY: as above.
        unsafe { next.as_ref() }.previous.set(previous);
    }
    registry.count -= 1;
}

/// What all heaps have counted, and hold.
pub(crate) struct HeapTotals {
    pub(crate) tally: Tally,
    /// Heaps that are ready.
    pub(crate) heaps: usize,
    /// Bytes in their caches of runs.
    pub(crate) cached_run_bytes: usize,
}

/// Sums up all heaps.
pub(crate) fn totals() -> HeapTotals {
    let mut totals = sum();
    tls::fallback(|heap| {
        totals.tally.add(&heap.counters.read());
        totals.cached_run_bytes += heap.runs.lock().bytes();
    });
    totals
}

fn sum() -> HeapTotals {
    let registry = REGISTRY.lock();
    let mut tally = registry.gone;
    let mut cached_run_bytes = 0;
    let mut at = registry.first;
    while let Some(heap) = at {
        // SAFETY: `listed-live`, under the lock.
        let heap = unsafe { heap.as_ref() };
        tally.add(&heap.counters.read());
        cached_run_bytes += heap.runs.lock().bytes();
        at = heap.next.get();
    }
    HeapTotals {
        tally,
        heaps: registry.count,
        cached_run_bytes,
    }
}

/// Ages the cached runs of all heaps, as a tick does.
pub(crate) fn age_runs(tick: u64) {
    each(|heap| heap.age_runs_from_outside(tick));
}

/// Takes all cached runs from all heaps.
pub(crate) fn drop_runs() {
    each(Heap::drop_runs_from_outside);
}

/// Takes the slabs of heaps whose threads sleep; see [`idle`].
pub(crate) fn visit(which: Visit) {
    let mut registry = REGISTRY.lock();
    let first = registry.first;
    idle::visit(which, &mut registry.gone, |visit| {
        let mut at = first;
        while let Some(heap) = at {
            // SAFETY: `listed-live`, under the lock.
            let heap = unsafe { heap.as_ref() };
            visit(heap);
            at = heap.next.get();
        }
    });
}

/// Visits each heap on the list, under the lock.
fn each(visit: impl Fn(&Heap)) {
    let registry = REGISTRY.lock();
    let mut at = registry.first;
    while let Some(heap) = at {
        // SAFETY: `listed-live`, under the lock.
        let heap = unsafe { heap.as_ref() };
        visit(heap);
        at = heap.next.get();
    }
}

/// Before a fork: takes every lock of the crate, outermost first, so that the
/// child finds what they guard whole.
pub(super) extern "C" fn before_fork() {
    tls::lock_fallback_for_fork();
    let mut registry = REGISTRY.lock();
    registry.left_behind = registry.tally_of_others();
    // Held until after the fork, on both sides.
    core::mem::forget(registry);
    depot::lock_for_fork();
    segment::lock_for_fork();
    range::lock_for_fork();
}

/// After a fork, in the parent.
pub(super) extern "C" fn after_fork_in_parent() {
    range::unlock_after_fork();
    segment::unlock_after_fork();
    depot::unlock_after_fork();
    REGISTRY.unlock_raw();
    tls::unlock_fallback_after_fork();
}

/// After a fork, in the child, whose only thread is this one.
///
/// The heaps of other threads are gone: their memory may become another
/// thread's at any time, so they are not looked at; what they had counted was summed up
/// before. Slabs that they owned stay
/// theirs: their numbers are not used again, so remote frees into such a slab
/// gather on its word, and what its owner had free is lost to the child.
pub(super) extern "C" fn after_fork_in_child() {
    range::unlock_after_fork();
    segment::unlock_after_fork();
    depot::unlock_after_fork();
    REGISTRY.unlock_raw();
    tls::unlock_fallback_after_fork();
    let mut registry = REGISTRY.lock();
    registry.first = None;
    registry.count = 0;
    let left_behind = registry.left_behind;
    registry.gone.add(&left_behind);
    tls::with(|heap| {
        heap.next.set(None);
        heap.previous.set(None);
        if heap.number() != 0 {
            registry.first = Some(NonNull::from(heap));
            registry.count = 1;
        }
    });
}
