//! Threads that pass blocks to each other, come and go, and die with blocks live.
//!
//! What is held: no block is lent twice or written to by another, and the bytes
//! held stay flat once the work repeats itself. About 20 seconds in all;
//! `RUSTFLAGS="--cfg millpond_stress"` does ten times the work.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the arena keeps away from std's collections; its tests need not"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;

use millpond_arena::Millpond;
use millpond_testkit::rng::{Rng, mix};

#[global_allocator]
static ALLOCATOR: Millpond = Millpond::new();

/// How much more the stress build does.
const TIMES: usize = if cfg!(millpond_stress) { 10 } else { 1 };

/// What may come on top of a flat line: what some threads happened to need a
/// little later than the others. A segment has 32 MiB.
const SLACK_BYTES: u64 = 4 << 20;

/// The statistics belong to the process, so each test here runs alone.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Bytes that slabs, runs, caches and mappings hold. Segments alone would be too
/// coarse to tell a leak.
fn held_bytes() -> u64 {
    let stats = Millpond::stats();
    let in_segments = stats.segments * (32 << 20);
    stats.mapped_bytes - in_segments + stats.used_slice_bytes
}

/// Waits until the threads are gone, heaps and all.
///
/// A scope by itself ends when its closures have: a thread that had not yet
/// emptied its heap then was once counted as memory that had grown.
fn join_all<'scope>(threads: impl IntoIterator<Item = thread::ScopedJoinHandle<'scope, ()>>) {
    let threads: Vec<_> = threads.into_iter().collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

/// A block that carries the proof of its contents, and may travel.
struct Parcel {
    block: Box<[u64]>,
    seal: u64,
}

impl Parcel {
    /// Makes one of `1..=1000` words, seldom of 20,000.
    fn new(rng: &mut Rng) -> Parcel {
        let words = if rng.one_in(500) {
            20_000
        } else {
            rng.size(10).min(1000)
        };
        let seal = rng.next_u64();
        Parcel {
            block: (0..words as u64).map(|n| mix(seal ^ n)).collect(),
            seal,
        }
    }

    /// Checks every word, and gives the block back where this is called.
    fn open(self) {
        for (n, &word) in (0..).zip(&self.block) {
            assert_eq!(word, mix(self.seal ^ n), "word {n} of {}", self.block.len());
        }
    }
}

#[test]
fn a_producer_and_a_consumer_run_at_flat_memory() {
    let _alone = alone();
    const ROUNDS: usize = 30 * TIMES;
    const PARCELS: usize = 20_000;
    let (send, receive) = mpsc::sync_channel::<Vec<Parcel>>(8);
    let consumer = thread::spawn(move || receive.into_iter().flatten().map(Parcel::open).count());
    let mut rng = Rng::new(1);
    let mut pinned = Vec::new();
    let mut high_early = 0;
    let mut high_late = 0;
    for round in 0..ROUNDS {
        for _ in 0..PARCELS / 100 {
            send.send((0..100).map(|_| Parcel::new(&mut rng)).collect())
                .unwrap();
        }
        // A few stay behind, as in a service, and move on after a while.
        pinned.push(Parcel::new(&mut rng));
        if pinned.len() > 5 {
            pinned.swap_remove(0).open();
        }
        let high = if round < ROUNDS / 3 {
            &mut high_early
        } else {
            &mut high_late
        };
        *high = held_bytes().max(*high);
    }
    drop(send);
    assert_eq!(consumer.join().unwrap(), ROUNDS * PARCELS);
    assert!(
        high_late <= high_early + SLACK_BYTES,
        "{high_early} bytes held in the first third, {high_late} after"
    );
}

#[test]
fn ten_thousand_short_threads_leave_held_bytes_flat() {
    let _alone = alone();
    const THREADS: usize = 10_000 * TIMES;
    let work = |seed: u64| {
        let mut rng = Rng::new(seed);
        let mut parcels: Vec<Parcel> = (0..50).map(|_| Parcel::new(&mut rng)).collect();
        // One outlives its thread, and another thread gives it back.
        let heir = parcels.pop();
        parcels.into_iter().for_each(Parcel::open);
        heir
    };
    let mut heirs = Vec::new();
    let mut early = 0;
    for n in 0..THREADS {
        heirs.extend(thread::spawn(move || work(n as u64)).join().unwrap());
        if heirs.len() == 100 {
            heirs.drain(..).for_each(Parcel::open);
        }
        if n == THREADS / 10 {
            early = held_bytes();
        }
    }
    let late = held_bytes();
    assert!(
        late <= early + SLACK_BYTES,
        "{early} bytes held at first, {late} at the end"
    );
}

#[test]
fn many_threads_at_once_come_and_go_at_flat_memory() {
    let _alone = alone();
    let mut early = 0;
    let rounds = 60 * TIMES as u64;
    for round in 0..rounds {
        let work = move |n| {
            let mut rng = Rng::new(round * 32 + n);
            let parcels: Vec<Parcel> = (0..200).map(|_| Parcel::new(&mut rng)).collect();
            parcels.into_iter().for_each(Parcel::open);
        };
        thread::scope(|scope| join_all((0..32).map(|n| scope.spawn(move || work(n)))));
        if round == rounds / 3 {
            early = held_bytes();
        }
    }
    let late = held_bytes();
    assert!(
        late <= early + SLACK_BYTES,
        "{early} bytes held at first, {late} at the end"
    );
}

#[test]
fn blocks_outlive_their_thread_and_go_back_from_any_other() {
    let _alone = alone();
    let mut early = 0;
    let rounds = 100 * TIMES;
    for round in 0..rounds {
        let make = move || {
            let mut rng = Rng::new(round as u64);
            (0..2_000)
                .map(|_| Parcel::new(&mut rng))
                .collect::<Vec<_>>()
        };
        let mut left = thread::spawn(make).join().unwrap();
        let right = left.split_off(1_000);
        // Both halves at once: two threads free into the slabs of a dead one.
        thread::scope(|scope| {
            join_all([
                scope.spawn(|| left.into_iter().for_each(Parcel::open)),
                scope.spawn(|| right.into_iter().rev().for_each(Parcel::open)),
            ]);
        });
        if round == rounds / 3 {
            early = held_bytes();
        }
    }
    let late = held_bytes();
    assert!(
        late <= early + SLACK_BYTES,
        "{early} bytes held at first, {late} at the end"
    );
}

#[test]
fn threads_that_swap_blocks_at_random_find_each_intact() {
    let _alone = alone();
    // larson: a shelf that all threads take from and put to, so that most
    // frees are of blocks that another thread made.
    const THREADS: usize = 4;
    let shelf: Vec<Mutex<Option<Parcel>>> = (0..2_000).map(|_| Mutex::new(None)).collect();
    let mut held = Vec::new();
    for round in 0..12 * TIMES {
        let swap = |n| {
            let mut rng = Rng::new((round * THREADS + n) as u64);
            for _ in 0..15_000 {
                let parcel = Parcel::new(&mut rng);
                let place = &shelf[rng.below(shelf.len())];
                let old = place.lock().unwrap().replace(parcel);
                old.into_iter().for_each(Parcel::open);
            }
        };
        thread::scope(|scope| {
            let swap = &swap;
            join_all((0..THREADS).map(|n| scope.spawn(move || swap(n))));
        });
        held.push(held_bytes());
    }
    let third = held.len() / 3;
    let early = *held[..third].iter().max().unwrap();
    let late = *held[third..].iter().max().unwrap();
    assert!(
        late <= early + SLACK_BYTES,
        "{early} bytes held in the first third, {late} after"
    );
}

#[test]
fn thread_locals_allocate_and_free_while_their_thread_ends() {
    let _alone = alone();
    struct Last(RefCell<Vec<Parcel>>);
    impl Drop for Last {
        fn drop(&mut self) {
            let mut rng = Rng::new(3);
            self.0.take().into_iter().for_each(Parcel::open);
            (0..20)
                .map(|_| Parcel::new(&mut rng))
                .for_each(Parcel::open);
        }
    }
    thread_local!(static LAST: Last = const { Last(RefCell::new(Vec::new())) });
    let mut early = 0;
    for n in 0..2_000 * TIMES {
        thread::spawn(move || {
            let mut rng = Rng::new(n as u64);
            LAST.with(|last| {
                last.0
                    .borrow_mut()
                    .extend((0..20).map(|_| Parcel::new(&mut rng)))
            });
        })
        .join()
        .unwrap();
        if n == 500 {
            early = held_bytes();
        }
    }
    let late = held_bytes();
    assert!(
        late <= early + SLACK_BYTES,
        "{early} bytes held at first, {late} at the end"
    );
}

/// How often [`after_the_hook`] went on to another round of destructors.
static LATE_ROUNDS: AtomicUsize = AtomicUsize::new(0);

/// The key of [`after_the_hook`], made by the test that uses it.
static LATE_KEY: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Runs among the thread's destructors, in every round that the system allows,
/// so at least once after the allocator has been told that the thread ends.
/// Each round frees what the one before allocated, and allocates anew.
unsafe extern "C" fn after_the_hook(value: *mut libc::c_void) {
    // SAFETY: `value` is the vector that the thread or the round before set.
    let parcels = unsafe { Box::from_raw(value.cast::<Vec<Parcel>>()) };
    let rounds = parcels.len();
    parcels.into_iter().for_each(Parcel::open);
    LATE_ROUNDS.fetch_add(1, Relaxed);
    if rounds < 4 {
        let mut rng = Rng::new(rounds as u64);
        let next: Vec<Parcel> = (0..=rounds).map(|_| Parcel::new(&mut rng)).collect();
        let key = LATE_KEY.load(Relaxed) as libc::pthread_key_t;
        // SAFETY: the key exists, and its destructor takes such a vector.
        unsafe { libc::pthread_setspecific(key, Box::into_raw(Box::new(next)).cast()) };
    }
}

#[test]
fn blocks_come_and_go_after_the_allocator_has_said_goodbye_to_the_thread() {
    let _alone = alone();
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: the key is written, and the destructor is what it should be.
    let made = unsafe { libc::pthread_key_create(&raw mut key, Some(after_the_hook)) };
    assert_eq!(made, 0);
    LATE_KEY.store(key as usize, Relaxed);
    let mut early = 0;
    let threads = 1_000 * TIMES;
    for n in 0..threads {
        thread::spawn(move || {
            let first = vec![Parcel::new(&mut Rng::new(n as u64))];
            // SAFETY: the key exists, and its destructor takes such a vector.
            unsafe { libc::pthread_setspecific(key, Box::into_raw(Box::new(first)).cast()) };
        })
        .join()
        .unwrap();
        if n == threads / 3 {
            early = held_bytes();
        }
    }
    let late = held_bytes();
    // The system allows four rounds; the last vector of each thread may stay.
    assert!(
        LATE_ROUNDS.load(Relaxed) >= 3 * threads,
        "{} rounds",
        LATE_ROUNDS.load(Relaxed)
    );
    // SAFETY: no thread is left that holds a value for the key.
    unsafe { libc::pthread_key_delete(key) };
    assert!(
        late <= early + SLACK_BYTES,
        "{early} bytes held at first, {late} at the end"
    );
}

#[test]
fn release_and_tick_may_come_from_anywhere_at_any_time() {
    let _alone = alone();
    let stop = Arc::new(AtomicBool::new(false));
    let nuisance = thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Relaxed) {
                millpond_arena::tick();
                Millpond::release();
                thread::yield_now();
            }
        }
    });
    thread::scope(|scope| {
        for n in 0..3 {
            scope.spawn(move || {
                let mut rng = Rng::new(n);
                let mut shelf: Vec<Option<Parcel>> = (0..300).map(|_| None).collect();
                for _ in 0..20_000 * TIMES {
                    let place = rng.below(shelf.len());
                    let old = shelf[place].replace(Parcel::new(&mut rng));
                    old.into_iter().for_each(Parcel::open);
                }
            });
        }
    });
    stop.store(true, Relaxed);
    nuisance.join().unwrap();
}

#[test]
fn idle_memory_goes_back_to_the_system() {
    let _alone = alone();
    // Figures of the thread that ran the test before may lag until it is gone.
    let before = Millpond::stats();
    let blocks: Vec<Vec<u8>> = (0..100).map(|_| vec![1_u8; 1 << 20]).collect();
    let full = Millpond::stats();
    assert!(
        full.live_bytes + SLACK_BYTES >= before.live_bytes + (100 << 20),
        "{before:?}\n{full:?}"
    );
    drop(blocks);
    Millpond::release();
    let after = Millpond::stats();
    assert!(
        after.live_bytes <= before.live_bytes + SLACK_BYTES,
        "{before:?}\n{after:?}"
    );
    assert!(
        after.retained_bytes <= before.retained_bytes + SLACK_BYTES,
        "{before:?}\n{after:?}"
    );
    assert!(
        after.released_bytes >= before.released_bytes + (90 << 20),
        "{after:?}"
    );
    // And it can be had again.
    let layout = Layout::from_size_align(100 << 20, 4096).unwrap();
    // SAFETY: the layout has a size.
    let block = unsafe { ALLOCATOR.alloc_zeroed(layout) };
    // SAFETY: the block is that long, and zeroed.
    let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
    assert!(bytes.iter().all(|&byte| byte == 0));
    // SAFETY: the block is live with this layout.
    unsafe { ALLOCATOR.dealloc(block, layout) };
}
