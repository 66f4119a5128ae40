#![forbid(unsafe_code)]
//! A fixed ring with one producer and many takers.
//!
//! ```text
//!                tail                      head
//!                 ▼                         ▼
//!   ┌────┬────┬────┬────┬────┬────┬────┬────┬────┐
//!   │null│null│ p1 │ p2 │ p3 │ p4 │ p5 │ p6 │null│
//!   └────┴────┴────┴────┴────┴────┴────┴────┴────┘
//!     anybody: take_oldest ▶      ◀ owner: take_newest, push
//! ```
//!
//! Head and tail are two counters of 32 bits in one atomic word, so that the
//! owner and the takers agree on who has the last item with one
//! compare-exchange. They wrap; their difference is the length.
//!
//! # Invariants
//!
//! - `one-producer`: `push` and `take_newest` are called by the owner only, one
//!   call at a time. Breaking it loses or duplicates items, which is why the
//!   pool hands out the owner's half as a token that cannot be sent.
//! - `index-range`: the places in `tail..head` belong to the ring; whoever moves
//!   an index past a place owns what lies in it.
//! - `handed-back`: a place outside `tail..head` that is not null still belongs
//!   to the taker that moved the tail past it; the owner does not fill it.
//!
//! # Source
//!
//! `poolDequeue` of Go's `sync.Pool`. Its slots are pairs of words; ours are
//! pointers, so that the null that hands a place back is the place itself.

use std::array;
use std::fmt;
use std::ptr::{self, NonNull};

use crossbeam_utils::CachePadded;

use crate::sync::{
    AtomicPtr, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// One step of the head, which has the upper half of the word.
const ONE_HEAD: u64 = 1 << 32;

/// A ring of `SLOTS` pointers. `SLOTS` is a power of two, at most 2^31.
pub struct Ring<T, const SLOTS: usize> {
    /// Head (next place to fill) above, tail (oldest item) below.
    ends: CachePadded<AtomicU64>,
    places: [AtomicPtr<T>; SLOTS],
}

const fn pack(head: u32, tail: u32) -> u64 {
    ((head as u64) << 32) | tail as u64
}

const fn unpack(ends: u64) -> (u32, u32) {
    ((ends >> 32) as u32, ends as u32)
}

impl<T, const SLOTS: usize> Ring<T, SLOTS> {
    const MASK: u32 = {
        assert!(SLOTS.is_power_of_two() && SLOTS <= 1 << 31);
        SLOTS as u32 - 1
    };

    /// Makes an empty ring.
    pub fn new() -> Self {
        Self {
            ends: CachePadded::new(AtomicU64::new(0)),
            places: array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    fn place(&self, index: u32) -> &AtomicPtr<T> {
        &self.places[(index & Self::MASK) as usize]
    }

    /// Adds `item` at the head. Owner only (`one-producer`).
    ///
    /// # Errors
    ///
    /// Gives `item` back when the ring is full, or when a taker has not yet
    /// handed back the place that is next (`handed-back`).
    ///
    /// # Cost
    ///
    /// One atomic addition. Never waits.
    pub fn push(&self, item: NonNull<T>) -> Result<(), NonNull<T>> {
        // Relaxed: the head is our own, and a tail that is behind the truth
        // only makes the ring look fuller than it is.
        let (head, tail) = unpack(self.ends.load(Relaxed));
        if head.wrapping_sub(tail) as usize == SLOTS {
            return Err(item);
        }
        let place = self.place(head);
        // Acquire pairs with the Release with which `take_oldest` hands back.
        if !place.load(Acquire).is_null() {
            return Err(item);
        }
        // Relaxed: the addition below publishes it.
        place.store(item.as_ptr(), Relaxed);
        // Release publishes the place, and what the item points to, to the
        // Acquire in `take_oldest`.
        self.ends.fetch_add(ONE_HEAD, Release);
        Ok(())
    }

    /// Takes the item that was pushed last. Owner only (`one-producer`).
    pub fn take_newest(&self) -> Option<NonNull<T>> {
        // Relaxed: what we read is only a guess, the exchange confirms it.
        let mut ends = self.ends.load(Relaxed);
        loop {
            let (head, tail) = unpack(ends);
            if head == tail {
                return None;
            }
            let newest = head.wrapping_sub(1);
            // Acquire on success: the owner may have changed threads with the
            // shard; Relaxed would do for one thread. Release keeps the chain
            // of additions whole for takers that read our word.
            match self
                .ends
                .compare_exchange_weak(ends, pack(newest, tail), AcqRel, Relaxed)
            {
                Ok(_) => {
                    let place = self.place(newest);
                    // Relaxed: `index-range` has just made the place ours, we
                    // filled it, and we are the next to fill it.
                    let item = place.load(Relaxed);
                    place.store(ptr::null_mut(), Relaxed);
                    return NonNull::new(item);
                }
                Err(seen) => ends = seen,
            }
        }
    }

    /// Takes the item that has been here longest. Anybody, at any time.
    ///
    /// # Cost
    ///
    /// A load when the ring is empty; else one compare-exchange when nobody
    /// else is taking.
    pub fn take_oldest(&self) -> Option<NonNull<T>> {
        // Relaxed: what we read is only a guess, the exchange confirms it.
        let mut ends = self.ends.load(Relaxed);
        loop {
            let (head, tail) = unpack(ends);
            if head == tail {
                return None;
            }
            // Acquire pairs with the Release in `push`; every later change of
            // the word is a read-modify-write, so any value carries it on.
            match self.ends.compare_exchange_weak(
                ends,
                pack(head, tail.wrapping_add(1)),
                Acquire,
                Relaxed,
            ) {
                Ok(_) => {
                    let place = self.place(tail);
                    // Relaxed: the exchange above has made it visible.
                    let item = place.load(Relaxed);
                    // Release pairs with the Acquire in `push` (`handed-back`).
                    place.store(ptr::null_mut(), Release);
                    return NonNull::new(item);
                }
                Err(seen) => ends = seen,
            }
        }
    }

    /// Returns how many items the ring holds, as of some moment just passed.
    pub fn len(&self) -> usize {
        // Relaxed: a count, nothing is reached through it.
        let (head, tail) = unpack(self.ends.load(Relaxed));
        head.wrapping_sub(tail) as usize
    }

    /// Returns whether the ring is empty, as of some moment just passed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T, const SLOTS: usize> Default for Ring<T, SLOTS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const SLOTS: usize> fmt::Debug for Ring<T, SLOTS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(millpond_loom)))]
mod tests {
    use super::*;

    fn item(number: usize) -> NonNull<u8> {
        NonNull::new(ptr::without_provenance_mut(number)).expect("not zero")
    }

    #[test]
    fn newest_first_for_the_owner_and_oldest_first_for_others() {
        let ring = Ring::<u8, 8>::new();
        for number in 1..=8 {
            assert_eq!(ring.push(item(number)), Ok(()));
        }
        assert_eq!(ring.push(item(9)), Err(item(9)));
        assert_eq!(ring.take_newest(), Some(item(8)));
        assert_eq!(ring.take_oldest(), Some(item(1)));
        assert_eq!(ring.len(), 6);
        while ring.take_oldest().is_some() {}
        assert_eq!(ring.take_newest(), None);
        assert!(ring.is_empty());
    }

    #[test]
    fn both_counters_wrap_without_a_carry_between_them() {
        let ring = Ring::<u8, 4>::new();
        for start in [u32::MAX, u32::MAX - 1, u32::MAX - 3] {
            ring.ends.store(pack(start, start), Relaxed);
            for number in 1..=4 {
                assert_eq!(ring.push(item(number)), Ok(()));
            }
            assert_eq!(ring.len(), 4);
            assert_eq!(ring.push(item(5)), Err(item(5)));
            for number in 1..=4 {
                assert_eq!(ring.take_oldest(), Some(item(number)));
            }
            assert_eq!(ring.take_oldest(), None);
            assert_eq!(ring.push(item(7)), Ok(()));
            assert_eq!(ring.take_newest(), Some(item(7)));
        }
    }
}
