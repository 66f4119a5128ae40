//! Where threads sleep that wait for a shard: parking_lot's queues, which lie outside the
//! locks, in one table for the whole process.
//!
//! # Invariants
//!
//! - `own-key`: who parks at an address and who wakes there is the lock whose field it is.
//! - `calm`: what runs under a queue's lock neither parks nor panics.

use std::time::{Duration, Instant};

use parking_lot_core::{DEFAULT_PARK_TOKEN, ParkResult, UnparkToken};

pub(super) use parking_lot_core::SpinWait;

/// How long a thread sleeps that may be missed by whoever should wake it.
const NAP: Duration = Duration::from_millis(1);

/// Sleeps at `key` while nobody wakes it, unless it `holds` no longer; returns what
/// [`wake_one`] sends.
///
/// One that may be `missed` sleeps for a millisecond at most.
///
/// # Safety
///
/// `own-key` and `calm`.
pub(super) unsafe fn sleep(key: usize, missed: bool, holds: impl FnOnce() -> bool) -> Option<bool> {
    let until = missed.then(|| Instant::now() + NAP);
    // SAFETY: the caller's.
    let result =
        unsafe { parking_lot_core::park(key, holds, || {}, |_, _| {}, DEFAULT_PARK_TOKEN, until) };
    match result {
        ParkResult::Unparked(UnparkToken(sent)) => Some(sent != 0),
        ParkResult::Invalid | ParkResult::TimedOut => None,
    }
}

/// Wakes the thread that has slept longest at `key`, with what `send` returns.
///
/// `send` runs while nobody falls asleep there. It is told whether others sleep on, and
/// whether the lock should go to the sleeper itself, which is so now and then, and never
/// where there is none.
///
/// # Safety
///
/// `own-key` and `calm`.
pub(super) unsafe fn wake_one(key: usize, send: impl FnOnce(bool, bool) -> bool) {
    // SAFETY: the caller's.
    unsafe {
        parking_lot_core::unpark_one(key, |result| {
            let fair = result.be_fair && result.unparked_threads != 0;
            UnparkToken(send(result.have_more_threads, fair).into())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_may_be_missed_wakes_by_itself() {
        let place = 0_u8;
        let key = core::ptr::from_ref(&place).addr();
        // SAFETY: `own-key`: a place of our own. `calm`: a constant.
        assert_eq!(unsafe { sleep(key, true, || true) }, None);
        // SAFETY: as above.
        assert_eq!(unsafe { sleep(key, false, || false) }, None);
    }
}
