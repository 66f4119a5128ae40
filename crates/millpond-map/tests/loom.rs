//! Loom models of the lock of a shard, in small worlds.
//!
//! `RUSTFLAGS="--cfg millpond_loom" cargo test -p millpond-map --test loom --release`
//!
//! A sleeper that nobody wakes is a deadlock, which loom reports; a value that two threads
//! reach at once is a race, which it reports too.

#![cfg(millpond_loom)]

#[path = "../src/shared/lock.rs"]
mod lock;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

use self::lock::Lock;

/// Queues of sleepers as parking_lot has them, of loom's parts. Nobody waits awake: every
/// wait is a sleep, and nobody's sleep ends by itself.
mod parking {
    use loom::sync::{Condvar, Mutex};
    use std::collections::VecDeque;

    pub(super) struct SpinWait;

    impl SpinWait {
        pub(super) fn new() -> SpinWait {
            SpinWait
        }
        pub(super) fn reset(&mut self) {}
        pub(super) fn spin(&mut self) -> bool {
            false
        }
    }

    #[derive(Default)]
    struct Beds {
        /// Who sleeps, by number, and where.
        asleep: VecDeque<(usize, usize)>,
        /// What was sent to whom.
        woken: Vec<(usize, bool)>,
        next: usize,
        /// Whether each wake hands over.
        pub(super) fair: bool,
    }

    loom::lazy_static! {
        static ref BEDS: Mutex<Beds> = Mutex::new(Beds::default());
        static ref WOKEN: Condvar = Condvar::new();
    }

    /// From now on each wake asks to hand the lock over.
    pub(super) fn be_fair() {
        BEDS.lock().unwrap().fair = true;
    }

    pub(super) unsafe fn sleep(
        key: usize,
        missed: bool,
        holds: impl FnOnce() -> bool,
    ) -> Option<bool> {
        assert!(!missed);
        let mut beds = BEDS.lock().unwrap();
        if !holds() {
            return None;
        }
        let me = beds.next;
        beds.next += 1;
        beds.asleep.push_back((me, key));
        loop {
            beds = WOKEN.wait(beds).unwrap();
            if let Some(at) = beds.woken.iter().position(|&(who, _)| who == me) {
                return Some(beds.woken.swap_remove(at).1);
            }
        }
    }

    pub(super) unsafe fn wake_one(key: usize, send: impl FnOnce(bool, bool) -> bool) {
        let mut beds = BEDS.lock().unwrap();
        let first = beds.asleep.iter().position(|&(_, at)| at == key);
        let first = first.and_then(|at| beds.asleep.remove(at));
        let more = beds.asleep.iter().any(|&(_, at)| at == key);
        let sent = send(more, beds.fair && first.is_some());
        if let Some((who, _)) = first {
            beds.woken.push((who, sent));
            WOKEN.notify_all();
        }
    }
}

/// A number that loom watches.
struct Watched(UnsafeCell<u32>);

// SAFETY: loom fails the model where two threads are inside at once.
unsafe impl Sync for Watched {}

type Number = Arc<Lock<Watched>>;

fn number() -> Number {
    Arc::new(Lock::new(Watched(UnsafeCell::new(0))))
}

fn read(watched: &Watched) -> u32 {
    // SAFETY: as above.
    watched.0.with(|number| unsafe { *number })
}

fn add(lock: &Number) {
    let inside = lock.write();
    // SAFETY: as above.
    inside.0.with_mut(|number| unsafe { *number += 1 });
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

/// Runs `work` on two threads beside the first.
fn three(lock: &Number, work: [fn(&Number); 3]) {
    let [first, others @ ..] = work;
    let threads = others.map(|work| {
        let lock = Arc::clone(lock);
        thread::spawn(move || work(&lock))
    });
    first(lock);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Three add one each, and none is lost.
fn three_add() {
    let lock = number();
    three(&lock, [add, add, add]);
    assert_eq!(read(&lock.look()), 3);
}

#[test]
fn writers_are_alone_and_all_come_in() {
    model(three_add);
}

#[test]
fn a_lock_that_is_handed_over_is_held_by_one() {
    model(|| {
        parking::be_fair();
        three_add();
    });
}

#[test]
fn a_writer_waits_for_readers_who_have_left_the_lock() {
    fn twice(lock: &Number) {
        let reading = lock.read();
        let before = read(&reading);
        assert_eq!(read(&reading), before);
    }
    model(|| {
        let lock = number();
        three(&lock, [add, twice, twice]);
        assert_eq!(read(&lock.look()), 1);
    });
}

#[test]
fn who_looks_and_who_reads_may_meet_and_writers_may_not() {
    fn look(lock: &Number) {
        assert!(read(&lock.look()) <= 1);
    }
    fn read_long(lock: &Number) {
        assert!(read(&lock.read()) <= 1);
    }
    model(|| {
        let lock = number();
        three(&lock, [add, look, read_long]);
        assert_eq!(read(&lock.look()), 1);
    });
}

#[test]
fn a_try_does_not_wait_and_does_not_come_between() {
    fn try_look(lock: &Number) {
        if let Some(inside) = lock.try_look() {
            assert!(read(&inside) <= 2);
        }
    }
    model(|| {
        let lock = number();
        three(&lock, [add, try_look, add]);
        let number = lock.try_look().map(|inside| read(&inside));
        assert_eq!(number, Some(2));
    });
}
