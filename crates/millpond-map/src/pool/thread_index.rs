#![forbid(unsafe_code)]
//! A small number for each thread that lives, to index shards by.
//!
//! The number of a thread that ends is lent to the next one, with the shards
//! that it points to: what they have learnt stays true.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

/// No number yet.
const NONE: usize = usize::MAX;

/// The number has been given back: the thread is being torn down.
const GONE: usize = usize::MAX - 1;

/// Numbers that are free, and the first that was never lent.
struct Numbers {
    next: usize,
    free: Vec<usize>,
}

static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers {
    next: 0,
    free: Vec::new(),
});

thread_local! {
    /// No Drop: an access is one load.
    static INDEX: Cell<usize> = const { Cell::new(NONE) };

    /// Touched when a thread takes a number, so that its end is noticed.
    static EXIT: Exit = const { Exit };
}

/// Returns the number of the calling thread; none once it is being torn down.
///
/// # Cost
///
/// A load and a comparison; the first time a lock.
#[inline]
pub(super) fn thread_index() -> Option<usize> {
    match INDEX.get() {
        index if index < GONE => Some(index),
        _ => take_number(),
    }
}

/// Returns whether the calling thread has the number `index`, which somebody has had.
#[inline]
pub(super) fn is_thread(index: usize) -> bool {
    // What is no number is none that anybody has had.
    INDEX.get() == index
}

#[cold]
fn take_number() -> Option<usize> {
    if INDEX.get() == GONE {
        return None;
    }
    EXIT.try_with(|_| ()).ok()?;
    let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
    let index = numbers.free.pop().unwrap_or_else(|| {
        numbers.next += 1;
        // Room for all of them, so that an exit never allocates.
        let room = numbers.next;
        numbers.free.reserve(room);
        room - 1
    });
    INDEX.set(index);
    Some(index)
}

/// Notices the end of its thread.
struct Exit;

impl Drop for Exit {
    fn drop(&mut self) {
        let index = INDEX.replace(GONE);
        if index < GONE {
            NUMBERS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .free
                .push(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_distinct_and_lent_again() {
        let own = thread_index().expect("alive");
        assert_eq!(thread_index(), Some(own));
        let mut seen = Vec::new();
        for _ in 0..100 {
            let other = std::thread::spawn(|| thread_index().expect("alive"));
            let other = other.join().expect("no panic");
            assert_ne!(other, own);
            seen.push(other);
        }
        seen.sort();
        seen.dedup();
        assert!(seen.len() < 20, "other tests take some: {seen:?}");
    }
}
