//! The runner's global allocator: the system's, with a counter behind a gate.
//!
//! ```text
//!   alloc ─▶ gate open? ── no ──▶ Base            every timed row
//!                └─ yes ─▶ Counting ─▶ Base       the rows that count calls
//! ```
//!
//! `Base` is `System`, which is what a Rust program has unless it says
//! otherwise; with the feature `millpond-global` it is `Millpond`.
//!
//! # Invariants
//!
//! - `one-base`: both ways end in the same allocator, so a block may be taken
//!   through one and given back through the other.

use millpond_testkit::{Counting, Counts, counting};
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

#[cfg(feature = "millpond-global")]
type Base = millpond_arena::Millpond;
#[cfg(not(feature = "millpond-global"))]
type Base = std::alloc::System;

#[cfg(feature = "millpond-global")]
const BASE: Base = millpond_arena::Millpond::new();
#[cfg(not(feature = "millpond-global"))]
const BASE: Base = std::alloc::System;

/// The name of the allocator under the gate, as reports print it.
pub const BASE_NAME: &str = if cfg!(feature = "millpond-global") {
    "Millpond"
} else {
    "System"
};

static PLAIN: Base = BASE;
static COUNTED: Counting<Base> = Counting::new(BASE);

/// Whether calls are counted now.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Passes each request to `Base`, and counts it while the gate is open.
///
/// # Cost
///
/// One load and one predicted branch per call while the gate is closed: below
/// what a pair of calls can resolve (row `self/gate` of the runner measures it).
#[derive(Debug, Default, Clone, Copy)]
pub struct Gate;

/// Runs `work` and returns its result with what this thread asked of the
/// global allocator meanwhile. All zero where [`Gate`] is not installed.
pub fn count<R>(work: impl FnOnce() -> R) -> (R, Counts) {
    // Relaxed: the counts of this thread are read by this thread.
    OPEN.store(true, Relaxed);
    let measured = counting::measure(work);
    OPEN.store(false, Relaxed);
    measured
}

// SAFETY: `one-base`. Each method passes its arguments on unchanged, to `Base`
// itself or to a wrapper that does the same.
unsafe impl GlobalAlloc for Gate {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if OPEN.load(Relaxed) {
            // SAFETY: the caller's promises are passed on.
            return unsafe { COUNTED.alloc(layout) };
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { PLAIN.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if OPEN.load(Relaxed) {
            // SAFETY: the caller's promises are passed on.
            return unsafe { COUNTED.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { PLAIN.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if OPEN.load(Relaxed) {
            // SAFETY: `one-base`, and the caller's promises are passed on.
            return unsafe { COUNTED.dealloc(block, layout) };
        }
        // SAFETY: `one-base`, and the caller's promises are passed on.
        unsafe { PLAIN.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if OPEN.load(Relaxed) {
            // SAFETY: `one-base`, and the caller's promises are passed on.
            return unsafe { COUNTED.realloc(block, layout, new_size) };
        }
        // SAFETY: `one-base`, and the caller's promises are passed on.
        unsafe { PLAIN.realloc(block, layout, new_size) }
    }
}
