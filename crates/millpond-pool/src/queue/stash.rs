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
//! and the word with the height is the owner's alone. The price: a visitor comes with a fence,
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
use crate::sync::{AtomicU64, Ordering::Relaxed};

/// The bits of the word that are the height.
const HEIGHT: u64 = 0xff;

/// The bit that says that newer items lie elsewhere. With the height below it, so
/// that one look at a place tells the owner that the short way is open.
const BEYOND: u64 = 0x100;

/// One take, in the bits above.
const ONE_TAKE: u64 = 0x200;

/// A stack of at most `PLACES` pointers, fewer than 256.
pub struct Stash<T, const PLACES: usize> {
    /// Height, [`BEYOND`], and how often the owner has taken. Written by the owner.
    word: AtomicU64,
    /// How many items visitors have taken. Written by visitors.
    drained: AtomicU64,
    places: [Place<T>; PLACES],
}

impl<T, const PLACES: usize> Stash<T, PLACES> {
    const FITS: () = assert!(PLACES < HEIGHT as usize);

    /// Makes an empty stack.
    pub fn new() -> Self {
        const { Self::FITS };
        Self {
            word: AtomicU64::new(0),
            drained: AtomicU64::new(0),
            places: array::from_fn(|_| Place::empty()),
        }
    }

    /// Adds `item` on top, unless newer ones lie elsewhere. Owner only
    /// (`one-producer`).
    ///
    /// # Errors
    ///
    /// Gives `item` back also when there is no room: see [`push`](Self::push).
    ///
    /// # Cost
    ///
    /// Two loads and two stores.
    #[inline(always)]
    pub fn push_top(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // Relaxed, here and below: nothing is reached through the word, each place
        // publishes its own item.
        let word = self.word.load(Relaxed);
        let height = (word & (HEIGHT | BEYOND)) as usize;
        let Some(place) = self.places.get(height) else {
            return Err(item);
        };
        place.put(item)?;
        self.word.store(word + 1, Relaxed);
        Ok(())
    }

    /// Adds `item` on top, or where visitors have made room. Owner only.
    ///
    /// # Errors
    ///
    /// Gives `item` back when the topmost place is taken.
    pub fn push(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        let mut height = (self.word.load(Relaxed) & HEIGHT) as usize;
        if height >= PLACES {
            height = self.settle();
        }
        let Some(place) = self.places.get(height) else {
            return Err(item);
        };
        place.put(item)?;
        self.set_height(height + 1);
        Ok(())
    }

    /// Takes the topmost item, unless newer ones lie elsewhere or visitors have been
    /// here, and returns how often that was done. Owner only (`one-producer`), inside
    /// its door.
    ///
    /// # Cost
    ///
    /// Two loads and two stores.
    #[inline(always)]
    pub fn take_top(&self, inside: &Inside) -> Option<(NonNull<T>, u64)> {
        let word = self.word.load(Relaxed);
        let height = (word & (HEIGHT | BEYOND)) as usize;
        let item = self.places.get(height.wrapping_sub(1))?.take(inside)?;
        let word = word + ONE_TAKE - 1;
        self.word.store(word, Relaxed);
        Some((item, word / ONE_TAKE))
    }

    /// Takes the topmost item by compare-exchange. Owner only, or whoever is alone
    /// with the pool.
    ///
    /// # Cost
    ///
    /// A look at each place that visitors have emptied, and a compare-exchange.
    pub fn take_newest(&self) -> Option<NonNull<T>> {
        let item = self.take_uncounted()?;
        self.word.store(self.word.load(Relaxed) + ONE_TAKE, Relaxed);
        Some(item)
    }

    fn take_uncounted(&self) -> Option<NonNull<T>> {
        let height = (self.word.load(Relaxed) & HEIGHT) as usize;
        let below = self.places[..height].iter().enumerate().rev();
        let mut taken = below.filter_map(|(below, place)| Some((below, place.take_any()?)));
        let (below, item) = taken.next().unzip();
        self.set_height(below.unwrap_or(0));
        item
    }

    /// Takes the topmost item as a visitor would: for the owner at its end, and for
    /// whoever is alone with the pool.
    #[cfg(not(millpond_loom))]
    pub(crate) fn drain(&self) -> Option<NonNull<T>> {
        let item = self.take_uncounted()?;
        self.count_drained(1);
        Some(item)
    }

    fn set_height(&self, height: usize) {
        let word = self.word.load(Relaxed);
        self.word.store(word & !HEIGHT | height as u64, Relaxed);
    }

    /// Notes whether items that are newer than these lie elsewhere. Owner only.
    pub fn set_beyond(&self, beyond: bool) {
        let word = self.word.load(Relaxed) & !BEYOND;
        let beyond = if beyond { BEYOND } else { 0 };
        self.word.store(word | beyond, Relaxed);
    }

    /// Counts items that visitors have taken; negative for those that they brought.
    pub(crate) fn count_drained(&self, items: i64) {
        // Relaxed, and not one atomic step: visitors come one at a time.
        let drained = self.drained.load(Relaxed);
        self.drained
            .store(drained.wrapping_add_signed(items), Relaxed);
    }

    /// Returns how often the owner has taken.
    #[cfg(not(millpond_loom))]
    pub(crate) fn takes(&self) -> u64 {
        self.word.load(Relaxed) / ONE_TAKE
    }

    /// Returns how many items visitors have taken, less those that they brought.
    #[cfg(not(millpond_loom))]
    pub(crate) fn drained(&self) -> u64 {
        self.drained.load(Relaxed)
    }

    /// Forgets what was counted; nobody else can reach it.
    #[cfg(not(millpond_loom))]
    pub(crate) fn reset(&self) {
        self.word.store(self.word.load(Relaxed) & HEIGHT, Relaxed);
        self.drained.store(0, Relaxed);
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
        self.places.iter().filter_map(move |place| {
            let item = place.take_away(fenced)?;
            self.count_drained(1);
            Some(item)
        })
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
        let item = stash.take_top(&inside).map(|(item, _)| item);
        door.leave(inside);
        item.or_else(|| stash.take_newest())
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
        assert_eq!(stash.take_newest(), Some(item(2)));
    }

    #[test]
    fn takes_and_drained_items_are_counted_apart() {
        let stash = Stash::<u8, 4>::new();
        for number in 1..=4 {
            assert_eq!(stash.push(item(number)), Ok(()));
        }
        assert_eq!(take_newest(&stash), Some(item(4)));
        assert_eq!(stash.take_newest(), Some(item(3)));
        assert_eq!(stash.drain(), Some(item(2)));
        assert_eq!((stash.takes(), stash.drained(), stash.len()), (2, 1, 1));
        stash.reset();
        assert_eq!((stash.takes(), stash.drained(), stash.len()), (0, 0, 1));
    }

    #[test]
    fn what_lies_beyond_sends_the_owner_the_long_way() {
        let stash = Stash::<u8, 4>::new();
        let door = Door::new();
        assert_eq!(stash.push(item(1)), Ok(()));
        stash.set_beyond(true);
        let inside = door.enter();
        assert_eq!(stash.take_top(&inside), None);
        assert_eq!(stash.push(item(2)), Ok(()), "there is room");
        stash.set_beyond(false);
        assert_eq!(stash.take_top(&inside), Some((item(2), 1)));
        door.leave(inside);
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
