#![forbid(unsafe_code)]
//! A short stack that its owner uses without an atomic operation.
//!
//! ```text
//!            0    1    2    3   height = 4
//!   ┌────┬────┬────┬────┬────┬────┬────┬────┐
//!   │ p0 │    │ p2 │ p3 │    │    │    │    │
//!   └────┴────┴────┴────┴────┴────┴────┴────┘
//!     ▲    taken by a visitor     ▲ owner: push, take_newest (plain)
//!     visitor: want all, fence, take away
//! ```
//!
//! A ring needs a locked operation for each push and each take, as its two ends
//! share a word. Here each place decides for itself, as the private place does,
//! and the height is the owner's alone. The price: a visitor comes with a fence,
//! so that visits are for tickers, and for thieves that found nothing elsewhere.
//!
//! # Invariants
//!
//! - `one-producer`: `push` and the takes of the newest are called by the owner
//!   only, one call at a time, as for the ring.
//! - `above-empty`: places from `height` on are empty. Visitors empty places
//!   below it, which the owner notices when it comes by.
//! - Those of the [`Place`].

use std::array;
use std::fmt;
use std::ptr::NonNull;

use crate::door::Inside;
use crate::fence::Fenced;
use crate::place::Place;
use crate::sync::{AtomicUsize, Ordering::Relaxed};

/// A stack of at most `PLACES` pointers.
pub struct Stash<T, const PLACES: usize> {
    /// Written by the owner; others read it to know where to stop.
    height: AtomicUsize,
    places: [Place<T>; PLACES],
}

impl<T, const PLACES: usize> Stash<T, PLACES> {
    /// Makes an empty stack.
    pub fn new() -> Self {
        Self {
            height: AtomicUsize::new(0),
            places: array::from_fn(|_| Place::empty()),
        }
    }

    /// Adds `item` on top. Owner only (`one-producer`).
    ///
    /// # Errors
    ///
    /// Gives `item` back when the topmost place is taken.
    ///
    /// # Cost
    ///
    /// Two loads and two stores.
    #[inline]
    pub fn push(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // Relaxed, here and below: nothing is reached through the height, each
        // place publishes its own item.
        let mut height = self.height.load(Relaxed);
        if height >= PLACES {
            height = self.settle();
        }
        let Some(place) = self.places.get(height) else {
            return Err(item);
        };
        place.put(item)?;
        self.height.store(height + 1, Relaxed);
        Ok(())
    }

    /// Takes the topmost item. Owner only (`one-producer`), inside its door.
    ///
    /// # Cost
    ///
    /// Two loads and two stores, and a load for each place that visitors have
    /// emptied. A compare-exchange for an item that one of them wants.
    #[inline]
    pub fn take_newest(&self, inside: &Inside) -> Option<NonNull<T>> {
        self.take_newest_by(|place| place.take(inside).or_else(|| place.take_any()))
    }

    /// Takes the topmost item without going through the door. Owner only, or
    /// whoever is alone with the pool.
    pub fn take_newest_any(&self) -> Option<NonNull<T>> {
        self.take_newest_by(Place::take_any)
    }

    #[inline]
    fn take_newest_by(&self, take: impl Fn(&Place<T>) -> Option<NonNull<T>>) -> Option<NonNull<T>> {
        let height = self.height.load(Relaxed).min(PLACES);
        for below in (0..height).rev() {
            if let Some(item) = take(&self.places[below]) {
                self.height.store(below, Relaxed);
                return Some(item);
            }
        }
        if height != 0 {
            self.height.store(0, Relaxed);
        }
        None
    }

    /// Wishes for everything, and returns whether there is something. Visitors
    /// only; an item that is just being pushed may be missed.
    pub fn want(&self) -> bool {
        let wanted = self.places.iter().filter(|place| place.want()).count();
        wanted > 0
    }

    /// Takes what is wanted and still there, lowest first. For the visitor that
    /// has found the door clear.
    pub fn take_away(&self, fenced: &Fenced) -> impl Iterator<Item = NonNull<T>> {
        self.places
            .iter()
            .filter_map(move |place| place.take_away(fenced))
    }

    /// Lowers the height over what others have taken from the top.
    #[cold]
    fn settle(&self) -> usize {
        let filled = self.places.iter().rposition(Place::is_filled);
        filled.map_or(0, |top| top + 1)
    }

    /// Returns how many items lie here, as of some moment just passed.
    pub fn len(&self) -> usize {
        self.places.iter().filter(|place| place.is_filled()).count()
    }

    /// Returns whether nothing lies here, as of some moment just passed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, const PLACES: usize> Default for Stash<T, PLACES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const PLACES: usize> fmt::Debug for Stash<T, PLACES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stash").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(millpond_loom)))]
mod tests {
    use std::ptr;

    use super::*;
    use crate::{door::Door, fence};

    fn item(number: usize) -> NonNull<u8> {
        NonNull::new(ptr::without_provenance_mut(number * 8)).expect("not zero")
    }

    fn take_newest<const N: usize>(stash: &Stash<u8, N>) -> Option<NonNull<u8>> {
        let door = Door::new();
        let inside = door.enter();
        let item = stash.take_newest(&inside);
        door.leave(inside);
        item
    }

    #[test]
    fn newest_first_for_the_owner_and_lowest_first_for_visitors() {
        let stash = Stash::<u8, 4>::new();
        for number in 1..=4 {
            assert_eq!(stash.push(item(number)), Ok(()));
        }
        assert_eq!(stash.push(item(5)), Err(item(5)));
        assert_eq!(take_newest(&stash), Some(item(4)));
        assert!(stash.want());
        assert_eq!(take_newest(&stash), Some(item(3)), "wanted, not taken");
        let fenced = fence::heavy().expect("a fence");
        assert!(stash.take_away(&fenced).eq([item(1), item(2)]));
        assert_eq!(take_newest(&stash), None);
        assert!(stash.is_empty() && !stash.want());
    }

    #[test]
    fn what_nobody_has_wanted_is_not_taken_away() {
        let stash = Stash::<u8, 4>::new();
        assert_eq!(stash.push(item(1)), Ok(()));
        assert!(stash.want());
        assert_eq!(stash.push(item(2)), Ok(()));
        let fenced = fence::heavy().expect("a fence");
        assert!(stash.take_away(&fenced).eq([item(1)]));
        assert_eq!(stash.take_newest_any(), Some(item(2)));
    }

    #[test]
    fn places_that_visitors_have_emptied_are_used_again() {
        let stash = Stash::<u8, 4>::new();
        for round in 1..=10 {
            for number in 1..=4 {
                assert_eq!(stash.push(item(round + number)), Ok(()));
            }
            assert!(stash.want());
            let fenced = fence::heavy().expect("a fence");
            assert_eq!(stash.take_away(&fenced).count(), 4);
        }
        assert_eq!(take_newest(&stash), None);
    }
}
