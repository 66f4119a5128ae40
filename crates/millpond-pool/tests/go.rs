//! The tests of Go's `sync/pool_test.go`, in Rust form, with their names.
//!
//! `runtime.GC()` there is `tick()` here. Set `--cfg millpond_stress` for as many rounds as
//! Go makes. Its benchmarks are rows of the suite `pool` of the benches.

#![allow(non_snake_case, reason = "the names of Go's tests are kept")]

mod common;

use std::collections::HashSet;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use common::{Item, Lives};
use millpond_pool::parts::{Ring, calm};
use millpond_pool::{AutoTick, Pool, Recycle};

/// Go's sizes are ten times ours: some seconds on an idle machine.
const SCALE: usize = if cfg!(millpond_stress) { 10 } else { 1 };

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

/// Go calls a pool that is nil, and it panics. Nothing is nil here; what comes nearest is a
/// thread that has no shard any more, as it is torn down: it is served all the same.
#[test]
fn TestNilPool() {
    static POOL: Pool<Plain> = calm(Pool::new(|| Plain(7)));
    static SEEN: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            POOL.put(Plain(42));
            let taken = [(); 3].map(|()| take(&POOL));
            SEEN.iter().zip(taken).for_each(|(seen, taken)| {
                seen.store(taken.unwrap_or(usize::MAX), SeqCst);
            });
        }
    }
    thread_local! {
        static LATE: Late = const { Late };
    }
    let thread = thread::spawn(|| {
        // Registered before the pool notices the thread, so that it goes after that.
        LATE.with(|_| ());
        drop(POOL.get());
    });
    thread.join().expect("no panic");
    let mut seen = SEEN.each_ref().map(|seen| seen.load(SeqCst));
    seen.sort_unstable();
    assert_eq!(seen, [7, 42, usize::MAX], "its own, the new one, no more");
}

#[test]
fn TestPoolStress() {
    const THREADS: usize = 10;
    const ROUNDS: usize = 100_000 * SCALE;
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
    test_pool_dequeue::<16>(200_000 * SCALE);
    test_pool_dequeue::<128>(20_000 * SCALE); // as the pool has it
}

/// Go's chain of rings grows without bound. What took its place is private place, stash,
/// ring and shared tier, one behind the other: one thread fills all of them and takes, nine
/// others take, and each number arrives exactly once.
#[test]
fn TestPoolChain() {
    const THIEVES: usize = 9;
    const AHEAD: usize = 10_000;
    let pushes = 200_000 * SCALE;
    let pool = calm(Pool::new(|| Plain(0))).with_auto_tick(AutoTick::Never);
    let put = |number| pool.put(Plain(number));
    let count = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let take_one = || {
        let taken = take(&pool);
        count.fetch_add(usize::from(taken.is_some()), SeqCst);
        taken
    };
    (1..=AHEAD).for_each(put);
    let stats = pool.stats();
    assert_eq!((stats.private_puts, stats.queue_puts), (1, 127 + 128));
    assert_eq!(stats.shared_puts as usize, AHEAD - 256);

    let mut taken = Vec::new();
    thread::scope(|scope| {
        let steal = || {
            let mut taken = Vec::new();
            loop {
                let was_done = done.load(SeqCst);
                match take_one() {
                    Some(number) => taken.push(number),
                    None if was_done => return taken,
                    None => thread::yield_now(),
                }
            }
        };
        let thieves: Vec<_> = (0..THIEVES).map(|_| scope.spawn(steal)).collect();
        for number in AHEAD + 1..=pushes {
            put(number);
            // Never more than the tiers hold: else some would be dropped.
            while number - count.load(SeqCst) > 2 * AHEAD {
                thread::yield_now();
            }
            if number.is_multiple_of(10) {
                taken.extend(take_one());
            }
        }
        let popped = taken.len();
        taken.extend(std::iter::from_fn(take_one));
        done.store(true, SeqCst);
        for thief in thieves {
            taken.extend(thief.join().expect("thief"));
        }
        assert!(popped > 0 && popped < taken.len(), "both have taken");
    });
    // What a thief had brought over and left went to the shared tier with its thread.
    taken.extend(std::iter::from_fn(take_one));
    assert_eq!(taken.len(), pushes);
    taken.sort_unstable();
    assert!(taken.into_iter().eq(1..=pushes), "one came twice");
    let stats = pool.stats();
    assert_eq!((stats.full_discards, stats.retained_items), (0, 0));
}
