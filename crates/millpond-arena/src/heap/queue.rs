#![forbid(unsafe_code)]
//! A list of slabs, linked through their lines.
//!
//! # Invariants
//!
//! - `one-list`: a slab is on one list at most, and whoever may use the list may
//!   use the links of the slabs on it.

use core::cell::Cell;

use crate::slab::SlabRef;

/// Slabs, the last one entered in front.
pub(super) struct Queue {
    first: Cell<Option<SlabRef>>,
    length: Cell<u32>,
}

impl Queue {
    pub(super) const fn new() -> Queue {
        Queue {
            first: Cell::new(None),
            length: Cell::new(0),
        }
    }

    pub(super) fn length(&self) -> u32 {
        self.length.get()
    }

    pub(super) fn first(&self) -> Option<SlabRef> {
        self.first.get()
    }

    pub(super) fn push(&self, slab: SlabRef) {
        let second = self.first.replace(Some(slab));
        slab.previous.set(None);
        slab.next.set(second);
        if let Some(second) = second {
            second.previous.set(Some(slab));
        }
        self.length.set(self.length.get() + 1);
    }

    pub(super) fn pop(&self) -> Option<SlabRef> {
        let slab = self.first.get()?;
        self.remove(slab);
        Some(slab)
    }

    /// Takes out a slab that is on this list.
    pub(super) fn remove(&self, slab: SlabRef) {
        let (previous, next) = (slab.previous.take(), slab.next.take());
        match previous {
            Some(previous) => previous.next.set(next),
            None => self.first.set(next),
        }
        if let Some(next) = next {
            next.previous.set(previous);
        }
        self.length.set(self.length.get() - 1);
    }
}
