#![forbid(unsafe_code)]
//! The door of a heap's slabs: its thread goes in and out with plain stores, a visitor
//! who wants to empty the heap of a thread that sleeps pays for both.
//!
//! ```text
//!   thread                             visitor, one at a time
//!   inside = true   (plain store)      wanted = true   (plain store)
//!   order in the program               a barrier on every processor (one system call)
//!   read wanted     (plain load)       read inside     (plain load)
//! ```
//!
//! One of the two sees the other. A visitor who finds the thread inside goes away; a
//! thread that finds a visitor waits until he has left. Bins are not behind the door:
//! their lists are taken by the thread alone.
//!
//! # Invariants
//!
//! - `one-inside`: between `enter` and `leave` no visitor is inside, and between
//!   `is_empty` and `dismiss` the thread is not.
//!
//! # Source
//!
//! `membarrier(2)`, and folly's `asymmetricThreadFence`.

use crate::sync::{Acquire, AtomicBool, Relaxed, Release, light_fence};

/// A door, open to its thread.
#[derive(Debug)]
pub(crate) struct Door {
    inside: AtomicBool,
    wanted: AtomicBool,
}

impl Door {
    #[cfg(not(millpond_loom))]
    pub(crate) const fn new() -> Door {
        Door {
            inside: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
        }
    }

    #[cfg(millpond_loom)]
    pub(crate) fn new() -> Door {
        Door {
            inside: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
        }
    }

    /// Goes in, by the thread, which is not inside. `relax` is what it does while it waits.
    #[inline]
    pub(crate) fn enter(&self, relax: fn()) {
        // Relaxed: ordered before the load by the visitor's barrier.
        self.inside.store(true, Relaxed);
        light_fence();
        // Acquire pairs with the Release in `dismiss`.
        if self.wanted.load(Acquire) {
            self.wait(relax);
        }
    }

    /// Goes out.
    #[inline]
    pub(crate) fn leave(&self) {
        // Release pairs with the Acquire in `is_empty`.
        self.inside.store(false, Release);
    }

    /// Lets the visitor be, and goes in behind him.
    #[cold]
    fn wait(&self, relax: fn()) {
        loop {
            self.leave();
            // Relaxed: a hint that it may be tried.
            while self.wanted.load(Relaxed) {
                relax();
            }
            // As in `enter`.
            self.inside.store(true, Relaxed);
            light_fence();
            if !self.wanted.load(Acquire) {
                return;
            }
        }
    }

    /// Asks to be let in, by a visitor: one at a time.
    pub(crate) fn knock(&self) {
        // Relaxed: ordered by the barrier that the visitor makes next.
        self.wanted.store(true, Relaxed);
    }

    /// Whether somebody has knocked and was not dismissed; for visitors.
    pub(crate) fn is_wanted(&self) -> bool {
        // Relaxed: visitors are one at a time.
        self.wanted.load(Relaxed)
    }

    /// Whether the visitor may go in, once he has knocked and made his barrier.
    pub(crate) fn is_empty(&self) -> bool {
        // Acquire pairs with the Release in `leave`.
        !self.inside.load(Acquire)
    }

    /// Ends the visit, whether he was let in or not.
    pub(crate) fn dismiss(&self) {
        // Release pairs with the Acquire in `enter` and `wait`.
        self.wanted.store(false, Release);
    }
}
