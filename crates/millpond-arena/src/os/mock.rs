#![forbid(unsafe_code)]
//! A system that refuses on demand, and whose clock runs ahead, for tests.
//!
//! The switch is for the whole process: a test that uses it runs alone.

use crate::sync::Relaxed;
use crate::sync::fixed::{AtomicBool, AtomicU64};

/// Calls still to pass before the next refusal, plus one; zero when off.
static COUNTDOWN: AtomicU64 = AtomicU64::new(0);

/// Whether every call after the first refused one is refused too.
static STAYS: AtomicBool = AtomicBool::new(false);

/// Refused calls since the switch was last set.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Milliseconds that the coarse clock is ahead.
static ADVANCED: AtomicU64 = AtomicU64::new(0);

/// Lets the coarse clock run ahead by so many milliseconds more.
pub fn advance_clock(millis: u64) {
    ADVANCED.fetch_add(millis, Relaxed);
}

/// How far the clock is ahead.
pub(super) fn advanced_millis() -> u64 {
    ADVANCED.load(Relaxed)
}

/// Refuses the call after the next `passing` ones, and no other.
pub fn fail_once_after(passing: u64) {
    set(passing, false);
}

/// Refuses every call after the next `passing` ones.
pub fn fail_always_after(passing: u64) {
    set(passing, true);
}

/// Lets all calls pass again. Returns how many were refused.
pub fn restore() -> u64 {
    // Relaxed, here and below: a switch for tests that run alone.
    COUNTDOWN.store(0, Relaxed);
    REFUSED.swap(0, Relaxed)
}

fn set(passing: u64, stays: bool) {
    REFUSED.store(0, Relaxed);
    STAYS.store(stays, Relaxed);
    COUNTDOWN.store(passing + 1, Relaxed);
}

/// Whether the next call may be made.
pub(super) fn lets_pass() -> bool {
    let left = COUNTDOWN.load(Relaxed);
    if left == 0 {
        return true;
    }
    if left > 1 {
        COUNTDOWN.store(left - 1, Relaxed);
        return true;
    }
    if !STAYS.load(Relaxed) {
        COUNTDOWN.store(0, Relaxed);
    }
    REFUSED.fetch_add(1, Relaxed);
    false
}
