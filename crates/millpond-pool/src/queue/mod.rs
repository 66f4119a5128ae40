#![forbid(unsafe_code)]
//! The queue of a shard: one thread fills it, any thread takes from it.
//!
//! ```text
//!   oldest ── stash (plain stores) ── ring (one atomic step each) ── newest
//! ```

mod ring;
mod stash;

pub use ring::Ring;
pub use stash::Stash;

#[cfg(not(millpond_loom))]
mod both {
    use std::ptr::NonNull;

    use super::{Ring, Stash};

    /// Items that the lower part holds: with its height, two cache lines.
    const STASH_PLACES: usize = 15;

    /// Items that the upper part holds.
    ///
    /// Guessed: Go's benchmark of overflow goes 100 deep. One ring is 1 KiB.
    const RING_PLACES: usize = 128;

    /// A stash, and a ring for what goes beyond it.
    ///
    /// The owner's half (`push`, `take_newest`) is for one thread at a time.
    #[derive(Debug)]
    pub(crate) struct Queue<T> {
        ring: Ring<T, RING_PLACES>,
        stash: Stash<T, STASH_PLACES>,
    }

    impl<T> Queue<T> {
        /// Adds `item`, or gives it back when both parts are full.
        #[inline]
        pub(crate) fn push(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
            self.stash.push(item).or_else(|item| self.ring.push(item))
        }

        /// Takes the newest item.
        #[inline]
        pub(crate) fn take_newest(&self) -> Option<NonNull<T>> {
            if !self.ring.is_empty()
                && let Some(item) = self.ring.take_newest()
            {
                return Some(item);
            }
            self.stash.take_newest()
        }

        /// Takes the oldest item; an owner that is using the stash meanwhile
        /// may have put older ones into the ring.
        pub(crate) fn take_oldest(&self) -> Option<NonNull<T>> {
            self.stash.take_oldest().or_else(|| self.ring.take_oldest())
        }

        /// Returns how many items lie here, as of some moment just passed.
        pub(crate) fn len(&self) -> usize {
            self.ring.len() + self.stash.len()
        }
    }

    impl<T> Default for Queue<T> {
        fn default() -> Self {
            Self {
                ring: Ring::new(),
                stash: Stash::new(),
            }
        }
    }
}

#[cfg(not(millpond_loom))]
pub(crate) use both::Queue;
