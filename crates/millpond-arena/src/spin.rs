//! A lock that never parks and never allocates.
//!
//! Held for a few hundred instructions at most and never while user code runs.
//! Three are held across system calls, all rarely: that of the fallback heap of
//! threads without one, that of the ranges while a tick purges behind a block
//! or, a piece at a time, behind a table, and that of the registry while a tick visits
//! threads that have fallen asleep.
//!
//! # Invariants
//!
//! - `one-holder`: between `lock` and the drop of its guard no other thread
//!   reaches the value.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use crate::sync::fixed::AtomicBool;
use crate::sync::{Acquire, Relaxed, Release};

/// Spins before the thread offers its time to others. Guessed.
const SPINS: u32 = 100;

/// A value behind a lock.
pub(crate) struct SpinLock<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `one-holder`: the lock hands the value to one thread at a time, which
// is all that sharing it asks of a `T` that may be sent.
unsafe impl<T: Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    pub(crate) const fn new(value: T) -> SpinLock<T> {
        SpinLock {
            held: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.lock_raw();
        Guard { lock: self }
    }

    /// Takes the lock without a guard. For fork alone.
    #[inline]
    pub(crate) fn lock_raw(&self) {
        // Acquire pairs with the Release in `unlock_raw`.
        if self
            .held
            .compare_exchange(false, true, Acquire, Relaxed)
            .is_err()
        {
            self.wait();
        }
    }

    /// Gives back what [`SpinLock::lock_raw`] took, perhaps in a forked child.
    #[inline]
    pub(crate) fn unlock_raw(&self) {
        // Release pairs with the Acquire of the next holder.
        self.held.store(false, Release);
    }

    #[cold]
    fn wait(&self) {
        let mut spins = 0;
        loop {
            // Relaxed: only a hint that an exchange may succeed.
            while self.held.load(Relaxed) {
                spins += 1;
                if spins < SPINS {
                    core::hint::spin_loop();
                } else {
                    crate::os::yield_now();
                }
            }
            // Acquire pairs with the Release in `unlock_raw`.
            if self
                .held
                .compare_exchange_weak(false, true, Acquire, Relaxed)
                .is_ok()
            {
                return;
            }
        }
    }
}

/// The right to the value, until dropped.
pub(crate) struct Guard<'a, T> {
    lock: &'a SpinLock<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `one-holder`, and this guard is the holder.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: `one-holder`, and this guard is the holder, borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.unlock_raw();
    }
}
