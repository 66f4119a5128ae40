//! How memory comes back from threads that sleep.
//!
//! What a heap owns is its thread's business, and a thread that sleeps does none: blocks
//! that others free into its slabs would wait there until it wakes. So a tick goes
//! through the [`Door`](super::door::Door) of each heap whose thread did nothing since the
//! tick before, and gives its slabs to whoever needs them: one that is all free
//! to the segments, the others to the list of their class, where the last free makes
//! them whole. A thread that wakes adopts slabs from there, or opens new ones.
//!
//! ```text
//!   heap      steps since the last tick?   some ── next tick
//!     │                                    none ── knock
//!     ▼ all have been knocked at: one barrier
//!   inside?   yes ── next tick             no ──── its slabs go, once
//! ```
//!
//! A thread that is inside for long, since what it gave back has a range purged, is not
//! waited for: it does not sleep.
//!
//! The bins stay, which the thread takes from without asking anybody: those of a thread
//! that tells when it parks are empty.

use crate::layout::geometry::slices_for;
use crate::layout::size_class::SizeClass;
use crate::slab::SlabRef;
use crate::sync::Relaxed;
use crate::{os, segment};

use super::tally::{Slow, Tally};
use super::{Heap, tls};

/// Which heaps are visited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Visit {
    /// Those whose threads did nothing since the visit before.
    Idle,
    /// All whose threads are not inside.
    All,
}

/// What is remembered of a heap from one visit to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visited {
    /// The steps that its thread had made.
    steps: u32,
    /// Whether its slabs were taken then.
    is_bare: bool,
}

impl Visited {
    /// The heap has made no step yet, and owns nothing.
    pub(super) const NEVER: Visited = Visited {
        steps: 0,
        is_bare: false,
    };
}

/// Visits heaps, as `each` names them, under the registry's lock, but for that of the
/// calling thread, which does not sleep; counts into `tally`.
///
/// # Cost
///
/// A word per heap. A system call if any heap is to be emptied, which interrupts each
/// processor that runs this process, and then linear in the slabs of those heaps.
pub(super) fn visit(which: Visit, tally: &mut Tally, each: impl Fn(&mut dyn FnMut(&Heap))) {
    let mut knocked = false;
    each(&mut |heap| {
        let is_own = tls::with(|own| core::ptr::eq(own, heap));
        if !is_own && heap.is_worth_a_visit(which) {
            heap.door.knock();
            knocked = true;
        }
    });
    if !knocked {
        return;
    }
    let may_enter = os::barrier();
    // First those whose threads are at work, so that none waits for another's slabs.
    each(&mut |heap| {
        if heap.door.is_wanted() && !(may_enter && heap.door.is_empty()) {
            heap.door.dismiss();
        }
    });
    each(&mut |heap| {
        if heap.door.is_wanted() {
            heap.lose_slabs(tally);
            heap.door.dismiss();
        }
    });
}

impl Heap {
    /// Goes in by the door, and makes a step there: what a visitor who came just before saw
    /// is not what he finds the next time.
    #[inline]
    pub(super) fn go_in(&self) {
        self.door.enter(os::yield_now);
        // Relaxed: as in `look_at_age`.
        self.looks
            .store(self.looks.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Empties the fallback heap, by whoever holds its lock, if nobody used it since the
    /// call before.
    pub(crate) fn leave_if_idle(&self) {
        if self.is_worth_a_visit(Visit::Idle) {
            self.leave();
            // Relaxed: as above.
            let steps = self.looks.load(Relaxed);
            self.visited.set(Visited {
                steps,
                is_bare: true,
            });
        }
    }

    /// Whether there may be something to take. Remembers what was seen.
    fn is_worth_a_visit(&self, which: Visit) -> bool {
        let before = self.visited.get();
        // Relaxed: a thread that begins to work just now is found inside, or adopts its
        // slabs anew.
        let steps = self.looks.load(Relaxed);
        let slept = steps == before.steps;
        self.visited.set(Visited {
            steps,
            is_bare: slept && before.is_bare,
        });
        (slept || which == Visit::All) && !(slept && before.is_bare)
    }

    /// Gives away all slabs, by a visitor inside.
    fn lose_slabs(&self, tally: &mut Tally) {
        for class in SizeClass::all() {
            while let Some(slab) = self.take_slab(class) {
                if !self.publish(slab) {
                    give_back(slab, class);
                    tally.count(Slow::SlabRetired);
                }
            }
        }
        let visited = self.visited.get();
        self.visited.set(Visited {
            is_bare: true,
            ..visited
        });
    }
}

/// Gives a slab back all of whose slots are free, by its owner or a visitor.
fn give_back(slab: SlabRef, class: SizeClass) {
    let start = slab.start();
    slab.shut();
    // SAFETY: the slab is closed: its run is wholly free and ours to give.
    unsafe { segment::give_quietly(start, slices_for(class.slab_bytes())) };
}
