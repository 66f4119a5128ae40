#![forbid(unsafe_code)]
//! A short stack that its owner fills without an atomic operation.
//!
//! ```text
//!            0    1    2    3   height = 4
//!   ┌────┬────┬────┬────┬────┬────┬────┬────┐
//!   │ p0 │null│ p2 │ p3 │null│null│null│null│
//!   └────┴────┴────┴────┴────┴────┴────┴────┘
//!     ▲    taken by another       ▲ owner: push (plain stores)
//!     anybody: take_oldest        owner: take_newest (one swap)
//! ```
//!
//! A ring needs a locked operation for each push, as its two ends share a word.
//! Here each place decides for itself, as the private place does, and the
//! height is the owner's alone. The price: a thief walks over holes, which is
//! why the stack is short and a ring takes what goes beyond.
//!
//! # Invariants
//!
//! - `one-producer`: `push` and `take_newest` are called by the owner only, one
//!   call at a time, as for the ring.
//! - `above-empty`: places from `height` on are empty. Others empty places
//!   below it, which the owner notices when it comes by.

use std::array;
use std::fmt;
use std::ptr::NonNull;

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

    /// Takes the topmost item. Owner only (`one-producer`).
    ///
    /// # Cost
    ///
    /// One swap, and a load for each place that others have emptied.
    #[inline]
    pub fn take_newest(&self) -> Option<NonNull<T>> {
        let height = self.height.load(Relaxed).min(PLACES);
        for below in (0..height).rev() {
            if let Some(item) = self.places[below].take() {
                self.height.store(below, Relaxed);
                return Some(item);
            }
        }
        self.height.store(0, Relaxed);
        None
    }

    /// Takes the lowest item. Anybody, at any time; an item that is just being
    /// pushed may be missed.
    ///
    /// # Cost
    ///
    /// A load for each place below the height, and one compare-exchange.
    pub fn take_oldest(&self) -> Option<NonNull<T>> {
        let height = self.height.load(Relaxed).min(PLACES);
        self.places[..height].iter().find_map(Place::take_away)
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

    fn item(number: usize) -> NonNull<u8> {
        NonNull::new(ptr::without_provenance_mut(number * 8)).expect("not zero")
    }

    #[test]
    fn newest_first_for_the_owner_and_oldest_first_for_others() {
        let stash = Stash::<u8, 4>::new();
        for number in 1..=4 {
            assert_eq!(stash.push(item(number)), Ok(()));
        }
        assert_eq!(stash.push(item(5)), Err(item(5)));
        assert_eq!(stash.take_oldest(), Some(item(1)));
        assert_eq!(stash.take_newest(), Some(item(4)));
        assert_eq!(stash.len(), 2);
        assert_eq!(stash.take_newest(), Some(item(3)));
        assert_eq!(stash.take_newest(), Some(item(2)));
        assert_eq!(stash.take_newest(), None);
        assert!(stash.is_empty());
    }

    #[test]
    fn places_that_others_have_emptied_are_used_again() {
        let stash = Stash::<u8, 4>::new();
        for round in 1..=10 {
            for number in 1..=4 {
                assert_eq!(stash.push(item(round + number)), Ok(()));
            }
            for number in 1..=4 {
                assert_eq!(stash.take_oldest(), Some(item(round + number)));
            }
            assert_eq!(stash.take_oldest(), None);
        }
        assert_eq!(stash.take_newest(), None);
    }
}
