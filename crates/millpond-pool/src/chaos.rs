#![forbid(unsafe_code)]
//! Bad luck on purpose, by feature `chaos`; without it, nothing at all.
//!
//! A pool may drop, steal and tick whenever it likes. Under this feature it does,
//! at random: a return in four is dropped, a get in four looks elsewhere first,
//! one in 64 ticks, and what lies in spare memory is overwritten by
//! [`POISON`]. A program that is right without it is right with it.

/// What spare memory is filled with.
#[cfg(feature = "chaos")]
pub(crate) const POISON: char = '#';

#[cfg(feature = "chaos")]
mod on {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    static CALM: AtomicUsize = AtomicUsize::new(0);

    /// Holds chaos back in the whole process while it lives: for tests that count
    /// items to the last one.
    #[derive(Debug)]
    pub struct Calm(());

    /// Begins a calm.
    pub fn calm() -> Calm {
        CALM.fetch_add(1, SeqCst);
        Calm(())
    }

    impl Drop for Calm {
        fn drop(&mut self) {
            CALM.fetch_sub(1, SeqCst);
        }
    }

    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }

    /// Returns true once in `sides` times; a power of two.
    pub(crate) fn roll(sides: u64) -> bool {
        if CALM.load(SeqCst) > 0 {
            return false;
        }
        STATE.with(|state| {
            let mut x = state.get();
            if x == 0 {
                // Another sequence for each thread: the address of its cell.
                x = std::ptr::from_ref(state).addr() as u64 | 1;
            }
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            state.set(x);
            (x >> 20) & (sides - 1) == 0
        })
    }
}

#[cfg(not(feature = "chaos"))]
mod off {
    /// Nothing to hold back.
    #[derive(Debug)]
    pub struct Calm(());

    /// Does nothing.
    pub fn calm() -> Calm {
        Calm(())
    }

    /// Never.
    #[inline(always)]
    pub(crate) const fn roll(_sides: u64) -> bool {
        false
    }
}

#[cfg(not(feature = "chaos"))]
pub use off::{Calm, calm};
#[cfg(feature = "chaos")]
pub use on::{Calm, calm};

#[cfg(not(feature = "chaos"))]
pub(crate) use off::roll;
#[cfg(feature = "chaos")]
pub(crate) use on::roll;
