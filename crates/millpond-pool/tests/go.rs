//! The tests of Go's `sync/pool_test.go`, in Rust form, with their names.
//!
//! `runtime.GC()` there is `tick()` here. `TestNilPool` has no counterpart in
//! a language without nil; what takes its place, a pool used while the thread
//! is torn down, is in `api.rs`.

#![allow(non_snake_case, reason = "the names of Go's tests are kept")]

mod common;

use std::collections::HashSet;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use common::{Item, Lives};
use millpond_pool::parts::{Ring, calm};
use millpond_pool::{Pool, Recycle};

/// A plain value: what was put is what comes out.
#[derive(Debug, PartialEq)]
struct Plain(usize);

impl Recycle for Plain {
    fn reset(&mut self) {}
}

fn take(pool: &Pool<Plain>) -> Option<usize> {
    pool.try_get().map(|item| item.detach().0)
}

#[test]
fn TestPool() {
    let pool = calm(Pool::new(|| Plain(0)));
    assert_eq!(take(&pool), None, "empty");

    pool.put(Plain(1));
    pool.put(Plain(2));
    assert_eq!(take(&pool), Some(1), "the private place first");
    assert_eq!(take(&pool), Some(2));
    assert_eq!(take(&pool), None);

    // So many that they spill into the queue.
    for _ in 0..100 {
        pool.put(Plain(3));
    }
    pool.tick();
    assert_eq!(take(&pool), Some(3), "one tick: the victims are kept");
    pool.tick();
    assert_eq!(take(&pool), None, "two ticks: they are gone");
}

#[test]
fn TestPoolNew() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let pool = calm(Pool::new(|| Plain(CALLS.fetch_add(1, SeqCst) + 1)));
    assert_eq!(pool.get().detach(), Plain(1));
    assert_eq!(pool.get().detach(), Plain(2));
    pool.put(Plain(42));
    assert_eq!(pool.get().detach(), Plain(42));
    assert_eq!(pool.get().detach(), Plain(3));
}

/// Go counts finalizers and allows one to be late; destructors are exact.
fn test_pool(lives: &'static Lives, drain: bool) {
    const ITEMS: usize = 100;
    let pool = calm(Pool::new(|| unreachable!("only try_get is used")));
    for round in 1..=3 {
        for number in 0..ITEMS {
            pool.put(Item::new(lives, number));
        }
        if drain {
            for _ in 0..ITEMS {
                pool.try_get().expect("what was put").discard();
            }
        } else {
            pool.tick();
            pool.tick();
        }
        assert_eq!(lives.dropped(), round * ITEMS);
        assert_eq!(pool.stats().retained_items, 0);
    }
}

#[test]
fn TestPoolGC() {
    static LIVES: Lives = Lives::new();
    test_pool(&LIVES, true);
}

#[test]
fn TestPoolRelease() {
    static LIVES: Lives = Lives::new();
    test_pool(&LIVES, false);
}

#[test]
fn TestPoolStress() {
    const THREADS: usize = 10;
    const ROUNDS: usize = 100_000;
    let pool = Pool::new(|| Plain(7));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    if round % 7 == 0 {
                        pool.put(Plain(0));
                    }
                    let mut item = pool.get();
                    assert!(matches!(item.0, 0 | 7), "a value that nobody put");
                    // Alone with it: what we write is what we read.
                    let kept = item.0;
                    item.0 = usize::MAX;
                    item.0 = kept;
                    drop(item);
                }
            });
        }
    });
}

/// Pushes each number once, takes with one owner and nine thieves, and checks
/// that each number arrives exactly once.
fn test_pool_dequeue<const SLOTS: usize>(pushes: usize) {
    const THIEVES: usize = 9;
    fn item(number: usize) -> NonNull<u8> {
        NonNull::new(ptr::without_provenance_mut(number)).expect("not zero")
    }
    let ring = Ring::<u8, SLOTS>::new();
    let done = AtomicBool::new(false);
    let mut popped = 0;
    let mut taken = Vec::new();
    thread::scope(|scope| {
        let steal = || {
            let mut taken = Vec::new();
            loop {
                let was_done = done.load(SeqCst);
                match ring.take_oldest() {
                    Some(item) => taken.push(item.addr().get()),
                    None if was_done => return taken,
                    None => thread::yield_now(),
                }
            }
        };
        let thieves: Vec<_> = (0..THIEVES).map(|_| scope.spawn(steal)).collect();
        for number in 1..=pushes {
            while ring.push(item(number)).is_err() {
                thread::yield_now();
            }
            if number % 10 == 0
                && let Some(item) = ring.take_newest()
            {
                popped += 1;
                taken.push(item.addr().get());
            }
        }
        done.store(true, SeqCst);
        for thief in thieves {
            taken.extend(thief.join().expect("thief"));
        }
    });
    assert_eq!(taken.len(), pushes);
    assert_eq!(
        taken.iter().copied().collect::<HashSet<_>>().len(),
        pushes,
        "one came twice"
    );
    assert!(popped > 0, "the owner never won");
}

#[test]
fn TestPoolDequeue() {
    test_pool_dequeue::<16>(200_000);
}

/// Go's chain grows without bound; ours is one ring, its overflow the shared
/// tier. What is left of the test is the ring as the pool uses it.
#[test]
fn TestPoolChain() {
    test_pool_dequeue::<128>(200_000);
}
