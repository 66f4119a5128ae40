#![forbid(unsafe_code)]
//! Bad luck on purpose, by feature `chaos`; without it, nothing at all.
//!
//! A pool may drop, steal and tick whenever it likes. Under this feature it does,
//! at random: a return in four is dropped, a get in four looks elsewhere first,
//! one in 64 ticks, and what lies in spare memory is overwritten by
//! rubbish (`poison.rs`). A program that is right without it is right with it.

use crate::pool::Pool;

#[cfg(feature = "chaos")]
mod on {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<u64> = const { Cell::new(0) };
    }

    /// Returns true once in `sides` times, a power of two; never for a pool that is calm.
    pub(crate) fn roll(calm: bool, sides: u64) -> bool {
        if calm {
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
    /// Never.
    #[inline(always)]
    pub(crate) const fn roll(_calm: bool, _sides: u64) -> bool {
        false
    }
}

#[cfg(not(feature = "chaos"))]
pub(crate) use off::roll;
#[cfg(feature = "chaos")]
pub(crate) use on::roll;

/// Makes a pool that has no bad luck: for tests that count items to the last one.
pub const fn calm<T>(pool: Pool<T>) -> Pool<T> {
    pool.calm()
}
