//! In steady state a request calls neither the global allocator nor the
//! operating system, and a giant one leaves nothing behind.
//!
//! One test function: the counts of the arena are of the whole process.

use std::alloc::System;
use std::hint::black_box;

use millpond_map::MapPool;
use millpond_testkit::{Counting, thread_counts};

#[global_allocator]
static GLOBAL: Counting<System> = Counting::new(System);

const SIZES: [usize; 4] = [8, 64, 1_000, 10_000];

/// Requests until everything is learnt and every cache is warm.
const WARM_UP: usize = 300;

/// Requests in which nothing may be called.
const STEADY: usize = 200;

/// Runs `request` until it is warm, and then holds it to no calls at all.
fn hold_steady(name: &str, n: usize, request: impl Fn()) {
    // However long it takes, memory does not age by itself meanwhile.
    millpond_arena::knobs::DECAY_MILLIS
        .set(0)
        .expect("in its range");
    for _ in 0..WARM_UP {
        request();
    }
    let calls = || {
        let counts = thread_counts();
        let global = counts.allocations + counts.frees + counts.reallocations;
        (global, millpond_arena::stats().os_calls)
    };
    let before = calls();
    for _ in 0..STEADY {
        request();
    }
    assert_eq!(
        calls(),
        before,
        "{name}, n = {n}: (global allocator, system)"
    );
}

fn u64_request(pool: &MapPool, n: usize) {
    let mut map = pool.checkout();
    for key in 0..n as u64 {
        map.insert(key, key);
    }
    let sum: u64 = (0..2 * n as u64).filter_map(|key| map.get(&key)).sum();
    assert_eq!(sum, (0..n as u64).sum());
}

fn str_request(pool: &MapPool, body: &str, n: usize) {
    let mut map = pool.checkout::<&str, u32>();
    let mut set = pool.checkout_set::<&str>();
    for word in body.split(' ') {
        *map.entry(word).or_insert(0) += 1;
        set.insert(word);
    }
    assert_eq!((map.len(), set.len()), (n, n));
}

fn scope_request(pool: &MapPool, n: usize) {
    let scope = pool.scope();
    let mut map = scope.map::<&str, &mut [usize]>();
    for number in 0..n {
        let mut digits = [0; 8];
        let text = write_number(&mut digits, number);
        map.insert(scope.alloc_str(text), scope.alloc_slice_copy(&[number, n]));
    }
    assert_eq!(map.len(), n);
    assert_eq!(map["7"], [7, n]);
}

/// Writes a number without the formatter, to be sure that it is not it.
fn write_number(digits: &mut [u8; 8], mut number: usize) -> &str {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&digits[start..]).expect("digits");
        }
    }
}

/// Bytes that the process holds for maps: what is lent, and what is kept.
fn held_bytes() -> u64 {
    let stats = millpond_arena::stats();
    stats.used_slice_bytes + stats.retained_bytes
}

#[test]
fn a_request_in_steady_state_allocates_nothing() {
    for n in SIZES {
        let pool = MapPool::new("u64");
        hold_steady("u64 keys", n, || u64_request(&pool, black_box(n)));

        let pool = MapPool::new("str");
        let words: Vec<_> = (0..n).map(|number| format!("word{number}")).collect();
        let body = words.join(" ");
        hold_steady("borrowed keys", n, || {
            str_request(&pool, black_box(&body), n)
        });

        let pool = MapPool::new("scope");
        hold_steady("scope", n, || scope_request(&pool, black_box(n)));
    }

    // All sizes from one call site after the other, in turn.
    let pool = MapPool::new("mixed");
    hold_steady("mixed", 0, || {
        SIZES.iter().for_each(|&n| u64_request(&pool, n))
    });

    // One giant among small ones.
    let pool = MapPool::new("giant");
    let small = || {
        let mut map = pool.checkout();
        assert!(map.capacity() <= 16);
        map.extend((0..10_u64).map(|key| (key, key)));
    };
    let traffic = || (0..10_000).for_each(|_| small());
    // Until what the requests above have left is gone.
    (0..5).for_each(|_| {
        traffic();
        pool.tick();
    });
    let before = held_bytes();
    u64_request(&pool, 1_000_000);
    assert!(
        held_bytes() > 8 * before,
        "the giant was none: {before}, {}",
        held_bytes()
    );
    traffic();
    // Runs above 4 MiB go at the first tick, what their growth has passed
    // through at the second, as it was asked for since the one before.
    pool.tick();
    let once = held_bytes();
    assert!(
        once <= before + (2 << 20),
        "held {before} before, {once} after a tick"
    );
    traffic();
    pool.tick();
    let twice = held_bytes();
    assert!(
        twice * 10 <= before * 12,
        "held {before} before, {twice} after two ticks"
    );

    // With a release, one tick is enough.
    u64_request(&pool, 1_000_000);
    traffic();
    pool.tick();
    millpond_arena::release();
    traffic();
    let released = held_bytes();
    assert!(
        released * 10 <= before * 12,
        "held {before} before, {released} released"
    );
    hold_steady("after the giant", 10, small);
}
