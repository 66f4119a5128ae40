//! A lock that is left by a plain store.
//!
//! An operation on a shard takes some tens of nanoseconds, and each locked instruction is
//! six of them. A lock whose sleepers are noted in the word that says who is inside needs
//! two: one to come in, and one to leave without losing the note. Here the two are words
//! of their own, and leaving is a store and a look:
//!
//! ```text
//!   who leaves                       who goes to sleep
//!   busy = 0      (plain store)      asleep |= ENTER   (or)
//!   light()       (no instruction)   heavy()           (one system call)
//!   read asleep   (plain load)       read busy         (plain load)
//! ```
//!
//! One of the two sees the other, as in `millpond_pool::fence`.
//!
//! Readers who run somebody else's code do not stay inside: they count themselves in while
//! they are, leave, and count themselves out when they are done. A writer stays inside and
//! waits until as many have gone as have come. Readers who only look stay inside, and are
//! in nobody's way for longer than they look.
//!
//! # Invariants
//!
//! - `alone`: the one whose swap of `busy` found 0 is inside until it stores 0.
//! - `counted`: `entered` changes inside alone, and `entered - left` readers hold a
//!   [`Reading`]. Inside, when the two are equal, nobody else has a reference to the value,
//!   and nobody gets one.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
#[cfg(not(millpond_loom))]
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

#[cfg(millpond_loom)]
use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use millpond_pool::fence;

use super::parking::{self, SpinWait};

/// In `asleep`: somebody sleeps until the lock is left.
const ENTER: u8 = 1;
/// In `asleep`: the one who is inside sleeps until readers have left.
const DRAIN: u8 = 2;

/// A value that one thread changes or many read.
pub(super) struct Lock<T> {
    busy: AtomicU8,
    asleep: AtomicU8,
    entered: AtomicU32,
    left: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: `alone` and `counted`: a `&mut T` is the only reference there is, and goes where
// the `Lock` goes; several threads have a `&T` at once.
unsafe impl<T: Send + Sync> Sync for Lock<T> {}

/// The right to look at the value, and to keep others from entering.
pub(super) struct Looking<'a, T>(&'a Lock<T>);

/// The right to read the value while others enter.
pub(super) struct Reading<'a, T>(&'a Lock<T>);

/// The right to change the value.
pub(super) struct Writing<'a, T>(Looking<'a, T>);

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Lock<T> {
        Lock {
            busy: AtomicU8::new(0),
            asleep: AtomicU8::new(0),
            entered: AtomicU32::new(0),
            left: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    pub(super) fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Waits until nobody is inside, and looks.
    ///
    /// For what is short: others wait, readers too.
    #[inline(always)]
    pub(super) fn look(&self) -> Looking<'_, T> {
        if self.busy.swap(1, Ordering::Acquire) != 0 {
            self.enter();
        }
        Looking(self)
    }

    /// Looks, unless somebody is inside.
    #[inline]
    pub(super) fn try_look(&self) -> Option<Looking<'_, T>> {
        // Not `then_some`: it would make, and drop, the right to leave.
        (self.busy.swap(1, Ordering::Acquire) == 0).then(|| Looking(self))
    }

    /// Waits until nobody is inside, and reads; others may enter meanwhile.
    #[inline]
    pub(super) fn read(&self) -> Reading<'_, T> {
        let looking = self.look();
        // `counted`: inside, nobody else stores.
        let entered = self.entered.load(Ordering::Relaxed).wrapping_add(1);
        self.entered.store(entered, Ordering::Relaxed);
        drop(looking);
        Reading(self)
    }

    /// Waits until nobody is inside and no reader is left, and writes.
    #[inline(always)]
    pub(super) fn write(&self) -> Writing<'_, T> {
        let looking = self.look();
        if self.is_read() {
            self.drain();
        }
        Writing(looking)
    }

    /// Tells, inside, whether readers have not left yet.
    #[inline(always)]
    fn is_read(&self) -> bool {
        self.entered.load(Ordering::Relaxed) != self.left.load(Ordering::Acquire)
    }

    /// Waits to be the one inside.
    #[cold]
    #[inline(never)]
    fn enter(&self) {
        let mut spin = SpinWait::new();
        loop {
            if self.busy.load(Ordering::Relaxed) == 0 && self.busy.swap(1, Ordering::Acquire) == 0 {
                return;
            }
            if spin.spin() {
                continue;
            }
            let busy = || self.busy.load(Ordering::Relaxed) != 0;
            if self.sleep(ENTER, busy) {
                return;
            }
            spin.reset();
        }
    }

    /// Waits, inside, until no reader is left.
    #[cold]
    #[inline(never)]
    fn drain(&self) {
        let mut spin = SpinWait::new();
        while self.is_read() {
            if !spin.spin() {
                self.sleep(DRAIN, || self.is_read());
                spin.reset();
            }
        }
    }

    /// Sleeps until woken for `why`, unless it no longer `holds`; true when the lock was
    /// handed over.
    fn sleep(&self, why: u8, holds: impl Fn() -> bool) -> bool {
        self.asleep.fetch_or(why, Ordering::Relaxed);
        let missed = !is_seen_by_all();
        let holds = || self.asleep.load(Ordering::Relaxed) & why != 0 && holds();
        // SAFETY: `own-key` by `key`; `calm`: loads and compares.
        unsafe { parking::sleep(self.key(why), missed, holds) == Some(true) }
    }

    /// Wakes the one that has slept longest until the lock is left.
    #[cold]
    #[inline(never)]
    fn wake_to_enter(&self) {
        let send = |others_sleep: bool, hand_over: bool| {
            if !others_sleep {
                self.asleep.fetch_and(!ENTER, Ordering::Relaxed);
            }
            // Lest it starve: the sleeper wakes inside.
            hand_over && self.busy.swap(1, Ordering::Acquire) == 0
        };
        // SAFETY: as in `sleep`.
        unsafe { parking::wake_one(self.key(ENTER), send) };
    }

    /// Wakes the writer inside. It may find that others still read.
    #[cold]
    #[inline(never)]
    fn wake_to_drain(&self) {
        let send = |_, _| {
            self.asleep.fetch_and(!DRAIN, Ordering::Relaxed);
            false
        };
        // SAFETY: as in `sleep`.
        unsafe { parking::wake_one(self.key(DRAIN), send) };
    }

    /// The address that those sleep at who wait for `why`: of a field that only they wait for.
    fn key(&self, why: u8) -> usize {
        if why == ENTER {
            core::ptr::from_ref(&self.busy).addr()
        } else {
            core::ptr::from_ref(&self.left).addr()
        }
    }
}

/// Makes everyone who leaves from now on see what was noted before; false where the system
/// has no such call.
fn is_seen_by_all() -> bool {
    #[cfg(all(test, not(millpond_loom)))]
    if tests::WITHOUT_BARRIERS.get() {
        return false;
    }
    fence::is_asymmetric() && fence::heavy().is_some()
}

/// Stores 0. Loom would let a plain store fall between the halves of another thread's swap.
#[inline(always)]
fn free(busy: &AtomicU8) {
    #[cfg(not(millpond_loom))]
    busy.store(0, Ordering::Release);
    #[cfg(millpond_loom)]
    busy.swap(0, Ordering::Release);
}

impl<T> Drop for Looking<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        free(&self.0.busy);
        fence::light();
        if self.0.asleep.load(Ordering::Relaxed) & ENTER != 0 {
            self.0.wake_to_enter();
        }
    }
}

impl<T> Drop for Reading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.left.fetch_add(1, Ordering::Release);
        fence::light();
        if self.0.asleep.load(Ordering::Relaxed) & DRAIN != 0 {
            self.0.wake_to_drain();
        }
    }
}

impl<T> Deref for Looking<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `alone`: whoever could write is not inside.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> Deref for Reading<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `counted`: whoever is inside waits for us before it writes.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> Deref for Writing<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Writing<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: `counted`: this one is inside, and found no reader left.
        unsafe { &mut *self.0.0.value.get() }
    }
}

#[cfg(all(test, not(millpond_loom)))]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    thread_local! {
        /// Whether this thread's notes may be missed, as where the system has no barrier.
        pub(super) static WITHOUT_BARRIERS: Cell<bool> = const { Cell::new(false) };
    }

    /// Long enough for those who wait to fall asleep.
    fn let_them_sleep() {
        thread::sleep(Duration::from_millis(20));
    }

    #[test]
    fn nobody_is_lost_and_everybody_wakes() {
        let lock = Lock::new(0_u64);
        thread::scope(|scope| {
            let held = lock.write();
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..20_000 {
                        *lock.write() += 1;
                        if round % 64 == 0 {
                            thread::yield_now();
                            assert!(*lock.read() > 0);
                        }
                    }
                });
            }
            let_them_sleep();
            assert_eq!(*held, 0);
        });
        assert_eq!(lock.into_inner(), 80_000);
    }

    #[test]
    fn one_reads_for_long_others_look_and_a_writer_waits() {
        let lock = Lock::new(1);
        thread::scope(|scope| {
            let reading = lock.read();
            assert_eq!(*lock.look(), 1);
            assert_eq!(*lock.read(), 1);
            let (wrote, written) = mpsc::channel();
            let lock = &lock;
            scope.spawn(move || {
                *lock.write() = 2;
                wrote.send(()).expect("somebody waits");
            });
            let_them_sleep();
            assert!(written.try_recv().is_err());
            assert_eq!(*reading, 1);
            drop(reading);
            written.recv().expect("it comes in");
            assert_eq!(*lock.look(), 2);
        });
    }

    #[test]
    fn who_sleeps_without_a_barrier_comes_in_though_nobody_wakes_it() {
        let lock = Lock::new(0);
        thread::scope(|scope| {
            let held = lock.write();
            let sleeper = scope.spawn(|| {
                WITHOUT_BARRIERS.set(true);
                *lock.write() += 1;
            });
            let_them_sleep();
            assert!(!sleeper.is_finished());
            // As one who leaves and does not see the note.
            core::mem::forget(held);
            lock.busy.store(0, Ordering::Release);
        });
        thread::scope(|scope| {
            let reading = lock.read();
            let writer = scope.spawn(|| {
                WITHOUT_BARRIERS.set(true);
                *lock.write() += 1;
            });
            let_them_sleep();
            assert!(!writer.is_finished());
            core::mem::forget(reading);
            lock.left.fetch_add(1, Ordering::Release);
        });
        assert_eq!(lock.into_inner(), 2);
    }

    #[test]
    fn nobody_is_lost_without_barriers() {
        let lock = Lock::new(0_u64);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    WITHOUT_BARRIERS.set(true);
                    for round in 0..100 {
                        let mut inside = lock.write();
                        *inside += 1;
                        if round % 10 == 0 {
                            thread::sleep(Duration::from_millis(1));
                        }
                        drop(inside);
                        assert!(*lock.read() > 0);
                    }
                });
            }
        });
        assert_eq!(lock.into_inner(), 400);
    }

    #[test]
    fn a_try_that_fails_leaves_the_one_inside_alone() {
        // The right to leave was made before it was asked for, and its drop left.
        let lock = Lock::new(0);
        let inside = lock.write();
        assert!(lock.try_look().is_none());
        assert!(lock.try_look().is_none());
        drop(inside);
        assert!(lock.try_look().is_some());
    }

    #[test]
    fn a_panic_inside_leaves() {
        let lock = Lock::new(0);
        for way in 0..3 {
            let ended = catch_unwind(AssertUnwindSafe(|| {
                let _guards = (
                    (way == 0).then(|| lock.write()),
                    (way == 1).then(|| lock.read()),
                    (way == 2).then(|| lock.look()),
                );
                panic!("inside");
            }));
            assert!(ended.is_err());
            *lock.write() += 1;
        }
        assert_eq!(lock.into_inner(), 3);
    }
}
