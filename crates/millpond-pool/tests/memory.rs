//! Bytes of the process, as its allocator counts them, and some that the harness of the tests
//! comes and goes with.

use std::alloc::System;
use std::sync::Mutex;
use std::thread;

use millpond_pool::parts::calm;
use millpond_pool::{AutoTick, Pool};
use millpond_testkit::Counting;
use millpond_testkit::counting::{measure, process_counts};

#[global_allocator]
static ALLOCATOR: Counting<System> = Counting::new(System);

/// Held by each test: all of them count what the process does.
static ALONE: Mutex<()> = Mutex::new(());

const KIB: usize = 1024;
const GIANT: usize = 256 << 20;

/// Bytes that are allocated now.
fn live_bytes() -> i64 {
    process_counts().live_bytes().cast_signed()
}

/// Pages of the process that are in memory, in bytes; zero where the system does not tell.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize) * 4096
}

/// Twenty buffers of a kibibyte are in use all the time, and one of them once is a giant.
#[test]
fn a_giant_among_small_ones_is_given_back_within_two_ticks() {
    let _alone = ALONE.lock();
    let pool = calm(Pool::new(Vec::<u8>::new)).with_auto_tick(AutoTick::Never);
    let round = |giant: bool| {
        let mut held: Vec<_> = (0..20).map(|_| pool.get()).collect();
        if giant {
            // The first to come back lies below the others.
            held[0].resize(GIANT, 1);
        }
        for buffer in held.iter_mut().skip(usize::from(giant)) {
            buffer.resize(KIB, 1);
        }
    };
    round(false);
    round(false);
    let [bytes, resident] = [live_bytes(), resident_bytes() as i64];
    round(true);
    assert!(live_bytes() - bytes > GIANT as i64 / 2);
    assert!(resident == 0 || resident_bytes() as i64 - resident > GIANT as i64 / 2);
    for _ in 0..2 {
        for _ in 0..10 {
            let held: Vec<_> = (0..19).map(|_| pool.get()).collect();
            assert!(held.iter().all(|buffer| buffer.capacity() < GIANT));
        }
        pool.tick();
    }
    let left = live_bytes() - bytes;
    assert!(
        (-64 * KIB as i64..64 * KIB as i64).contains(&left),
        "{left} bytes more"
    );
    let left = resident_bytes() as i64 - resident;
    assert!(left < GIANT as i64 / 8, "{left} bytes more in memory");
    assert_eq!(pool.stats().expired, 1, "the small ones live on");
}

/// Tables, tags and items are as many as there were threads and items at once, however many
/// threads there were in all.
#[test]
fn ten_thousand_short_threads_leave_no_bytes() {
    let _alone = ALONE.lock();
    static POOL: Pool<Vec<u8>> =
        calm(Pool::new(|| Vec::with_capacity(KIB))).with_auto_tick(AutoTick::Never);
    let threads = |rounds: usize| {
        for _ in 0..rounds {
            let threads = [(); 4]
                .map(|()| thread::spawn(|| drop([POOL.get(), POOL.get(), POOL.get(), POOL.get()])));
            threads
                .into_iter()
                .for_each(|thread| thread.join().expect("no panic"));
        }
    };
    threads(500);
    let [bytes, items] = [live_bytes(), POOL.stats().retained_items as i64];
    threads(2_500);
    // An item more here or there, as threads overlap; each with its buffer, node and tag.
    let more = POOL.stats().retained_items as i64 - items;
    assert!(more <= 16, "{more} items more");
    let left = live_bytes() - bytes;
    assert!(left <= 64 * KIB as i64, "{left} bytes more");
    POOL.purge();
    assert_eq!(POOL.stats().retained_items, 0);
}

/// What lives on is not touched, and nothing is allocated for it.
#[test]
fn a_tick_allocates_nothing_and_frees_what_expires() {
    let _alone = ALONE.lock();
    let pool = calm(Pool::new(|| Vec::<u8>::with_capacity(KIB))).with_auto_tick(AutoTick::Never);
    drop((0..1_000).map(|_| pool.get()).collect::<Vec<_>>());
    // Of this thread alone: those of the harness come and go.
    let ((), turned) = measure(|| pool.tick());
    assert_eq!((turned.requests(), turned.frees), (0, 0), "{turned:?}");
    let ((), expired) = measure(|| pool.tick());
    assert_eq!(expired.requests(), 0, "{expired:?}");
    assert!(expired.freed_bytes >= 1_000 * KIB as u64, "{expired:?}");
}
