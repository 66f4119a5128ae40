//! Walking the slots of a frozen map, by their tags.
//!
//! # Invariants
//!
//! - `full`: as in [`slab`](super::slab); `left` entries lie ahead of a walk. Whoever follows
//!   its pointers holds the slab.

use core::ptr::NonNull;

use crate::control::{BitMask, GROUP_SLOTS, Group};

/// Walks the slots that have an entry, by their tags.
pub(super) struct Walk<T> {
    base: NonNull<T>,
    tags: NonNull<u8>,
    next_group: usize,
    lanes: BitMask,
    left: usize,
}

impl<T> Walk<T> {
    /// Starts a walk over `left` entries in the slots at `base`, by the tags at `tags`.
    ///
    /// # Safety
    ///
    /// `full`: tags come in sixteens, aligned to that; `left` of them are not zero; both
    /// stay for as long as the walk goes on.
    pub(super) unsafe fn new(base: NonNull<T>, tags: NonNull<u8>, left: usize) -> Walk<T> {
        Walk {
            base,
            tags,
            next_group: 0,
            lanes: BitMask::NONE,
            left,
        }
    }
}

impl<T> Clone for Walk<T> {
    fn clone(&self) -> Self {
        Walk { ..*self }
    }
}

impl<T> Iterator for Walk<T> {
    type Item = NonNull<T>;

    #[inline]
    fn next(&mut self) -> Option<NonNull<T>> {
        if self.left == 0 {
            return None;
        }
        loop {
            if let Some(lane) = self.lanes.next() {
                self.left -= 1;
                // SAFETY: `full`. The tag is not zero, so there is a slot for it.
                return Some(unsafe { self.base.add(self.next_group - GROUP_SLOTS + lane) });
            }
            // SAFETY: `full`. An entry lies ahead, so sixteen more tags do.
            let from = unsafe { self.tags.add(self.next_group) };
            // SAFETY: as above; tags are aligned to sixteen.
            self.lanes = unsafe { Group::load(from.as_ptr()) }.fulls();
            self.next_group += GROUP_SLOTS;
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
