#![forbid(unsafe_code)]
//! The queues of a shard: one thread fills them, any thread takes from them.
//!
//! ```text
//!   owner ──▶ stash (plain, 127) ──▶ ring of this turn (atomic steps, 128)
//!               │ tick               │ turn
//!               ▼                    ▼
//!             shelf (127 spots)     ring of the last turn      ──▶ anybody
//! ```

mod ring;
mod spot;
mod stash;

pub use ring::Ring;
pub use spot::Spot;
pub use stash::Stash;

#[cfg(not(millpond_loom))]
mod both {
    use std::array;
    use std::ptr::NonNull;

    use super::{Ring, Spot, Stash};
    use crate::victim::SIDES;

    /// Items that the stash holds: with its height, a kibibyte.
    ///
    /// Go's benchmark of overflow goes 100 deep: at 15 places its row took 20 ns a pair.
    pub(crate) const STASH_PLACES: usize = 127;

    /// Items that each ring holds.
    ///
    /// Guessed. One ring is 1 KiB.
    const RING_PLACES: usize = 128;

    /// What one thread holds in one pool beyond the private place.
    #[derive(Debug)]
    pub(crate) struct Queues<T> {
        /// The owner's own. Of no side: a tick takes what lies here.
        pub(crate) stash: Stash<T, STASH_PLACES>,
        /// What the last tick has taken from the stash.
        shelf: [Spot<T>; STASH_PLACES],
        /// What the stash has no room for, by side.
        pub(crate) rings: [Ring<T, RING_PLACES>; SIDES],
    }

    impl<T> Queues<T> {
        /// Puts what a tick has taken from the stash on the shelf, and hands what
        /// lay there to `expired`. Tickers only.
        pub(crate) fn shelve(
            &self,
            items: impl Iterator<Item = NonNull<T>>,
            mut expired: impl FnMut(NonNull<T>),
        ) {
            let mut items = items.fuse();
            for spot in &self.shelf {
                if let Some(old) = spot.exchange(items.next()) {
                    expired(old);
                }
            }
            debug_assert!(items.next().is_none(), "as many spots as places");
        }

        /// Takes the newest victim from the shelf: the oldest age out if they can.
        /// Anybody, at any time.
        pub(crate) fn take_shelved(&self) -> Option<NonNull<T>> {
            self.shelf.iter().rev().find_map(Spot::take)
        }

        /// Returns how many items lie on the shelf, as of some moment just passed.
        pub(crate) fn shelved(&self) -> usize {
            self.shelf.iter().filter(|spot| spot.is_filled()).count()
        }
    }

    impl<T> Default for Queues<T> {
        fn default() -> Self {
            Self {
                stash: Stash::new(),
                shelf: array::from_fn(|_| Spot::new()),
                rings: array::from_fn(|_| Ring::new()),
            }
        }
    }
}

#[cfg(not(millpond_loom))]
pub(crate) use both::Queues;
