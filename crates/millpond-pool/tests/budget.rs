//! Bytes: what is measured, what a budget refuses, what trimming takes.

mod common;

use std::sync::Barrier;
use std::thread;

use common::weight::Weight;
use common::{Item, Lives};
use millpond_pool::Pool;
use millpond_pool::parts::calm;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn pool() -> Pool<Weight> {
    calm(Pool::new(Weight::default))
}

/// Adds `count` items of `bytes` each.
fn fill(pool: &Pool<Weight>, count: usize, bytes: usize) {
    for _ in 0..count {
        pool.put(Weight::new(bytes));
    }
}

#[test]
fn bytes_are_told_by_generation_and_what_is_not_measured_is_counted() {
    let pool = pool();
    fill(&pool, 1, KIB); // in the private place
    fill(&pool, 3, MIB);
    let stats = pool.stats();
    assert_eq!(stats.current_bytes as usize, 3 * MIB);
    assert_eq!((stats.victim_bytes, stats.unmeasured_items), (0, 1));

    pool.tick();
    fill(&pool, 2, MIB);
    let stats = pool.stats();
    assert_eq!(stats.current_bytes as usize, 2 * MIB);
    assert_eq!(stats.victim_bytes as usize, 3 * MIB);
    assert_eq!(stats.retained_bytes() as usize, 5 * MIB);
    assert_eq!(stats.unmeasured_items, 1, "in the victim place now");

    // What is out is not in the pool.
    let held: Vec<_> = (0..4).map(|_| pool.get()).collect();
    assert_eq!(pool.stats().retained_items, 2);
    drop(held);
    pool.purge();
    let stats = pool.stats();
    assert_eq!((stats.retained_bytes(), stats.retained_items), (0, 0));
}

#[test]
fn an_item_is_measured_anew_each_time_it_comes_back() {
    let pool = pool();
    fill(&pool, 1, MIB);
    pool.get().bytes = 3 * MIB;
    assert_eq!(pool.stats().current_bytes as usize, 3 * MIB);
    pool.get().bytes = KIB;
    let stats = pool.stats();
    assert_eq!((stats.current_bytes, stats.unmeasured_items), (0, 1));
    // Out of the private place it leaves no bytes behind, nor takes any away.
    pool.get().discard();
    assert_eq!(pool.stats().retained_bytes(), 0);
}

#[test]
fn bytes_that_other_threads_take_or_hand_over_are_settled() {
    let pool = pool();
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            fill(&pool, 10, MIB);
            barrier.wait();
            barrier.wait();
        });
        barrier.wait();
        let stolen: Vec<_> = (0..4).map(|_| pool.get()).collect();
        let stats = pool.stats();
        assert_eq!(
            (stats.hits(), stats.stolen_gets),
            (4, 1),
            "one visit brings half"
        );
        assert_eq!(pool.stats().current_bytes as usize, 6 * MIB);
        barrier.wait();
        other.join().expect("no panic");
        drop(stolen);
    });
    assert_eq!(pool.stats().current_bytes as usize, 10 * MIB);
    assert_eq!(pool.stats().retained_items, 10);
    pool.tick();
    pool.tick();
    assert_eq!(pool.stats().retained_bytes(), 0);
}

#[test]
fn a_budget_is_not_exceeded_and_what_finds_no_room_is_dropped() {
    let pool = pool().with_budget(10 * MIB);
    fill(&pool, 15, MIB);
    let stats = pool.stats();
    assert_eq!(stats.retained_bytes() as usize, 10 * MIB);
    assert_eq!((stats.budget_discards, stats.discards()), (5, 5));

    let held: Vec<_> = (0..4).map(|_| pool.get()).collect();
    fill(&pool, 5, MIB);
    drop(held);
    assert_eq!(pool.stats().retained_bytes() as usize, 10 * MIB);
    assert_eq!(pool.stats().budget_discards, 5 + 5);

    // Both generations count, and a tick makes room.
    pool.tick();
    fill(&pool, 1, MIB);
    assert_eq!(pool.stats().budget_discards, 11);
    pool.tick();
    fill(&pool, 11, MIB);
    assert_eq!(pool.stats().budget_discards, 12);
    assert_eq!(pool.stats().retained_bytes() as usize, 10 * MIB);
}

#[test]
fn threads_together_stay_within_the_budget() {
    let pool = pool().with_budget(8 * MIB);
    thread::scope(|scope| {
        let work = || {
            for _ in 0..2_000 {
                let held: [_; 4] = std::array::from_fn(|_| pool.get());
                for mut item in held {
                    item.bytes = MIB;
                }
                let bytes = pool.stats().retained_bytes() as usize;
                // A sum over shards that are in use: four moves may be half seen.
                assert!(bytes <= (8 + 3 * 4) * MIB, "{bytes}");
            }
        };
        let threads = [(); 3].map(|()| scope.spawn(work));
        threads
            .into_iter()
            .for_each(|t| t.join().expect("no panic"));
    });
    let stats = pool.stats();
    assert!(stats.retained_bytes() as usize <= 8 * MIB, "{stats:?}");
    pool.purge();
    assert_eq!(pool.stats().retained_bytes(), 0);
    fill(&pool, 9, MIB);
    assert_eq!(pool.stats().retained_bytes() as usize, 8 * MIB);
}

#[test]
fn a_budget_of_zero_keeps_nothing_at_all() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 7))).with_budget(0);
    for _ in 0..10 {
        assert_eq!(pool.get().number, 7);
        assert_eq!(LIVES.alive(), 0);
    }
    pool.put(Item::new(&LIVES, 1));
    drop([pool.get(), pool.get()]);
    assert_eq!(LIVES.alive(), 0);
    assert!(pool.try_get().is_none());
    let stats = pool.stats();
    assert_eq!((stats.retained_items, stats.hits()), (0, 0));
    assert_eq!((stats.budget_discards, stats.misses), (13, 13));
    pool.tick();
    assert_eq!(pool.trim_to(0), 0);
}

#[test]
fn one_item_larger_than_the_budget_is_dropped() {
    let pool = pool().with_budget(MIB);
    fill(&pool, 1, usize::MAX);
    fill(&pool, 1, MIB + 1);
    assert_eq!(pool.stats().budget_discards, 2);
    fill(&pool, 1, MIB);
    assert_eq!(pool.stats().retained_items, 1);
}

#[test]
fn sizes_without_bound_do_not_overflow() {
    let pool = pool();
    fill(&pool, 1, usize::MAX);
    assert_eq!(pool.stats().retained_items, 1);
    assert_eq!(pool.get().bytes, usize::MAX);
    pool.purge();
    assert_eq!(pool.stats().retained_bytes(), 0);
}

#[test]
fn trim_to_drops_victims_first_and_oldest_first_down_to_what_is_asked() {
    let pool = pool();
    fill(&pool, 4, MIB);
    pool.tick();
    fill(&pool, 4, 2 * MIB);
    assert_eq!(pool.trim_to(12 * MIB), 0, "no more than that lies here");
    assert_eq!(pool.trim_to(10 * MIB) as usize, 2 * MIB);
    let stats = pool.stats();
    assert_eq!(stats.victim_bytes as usize, 2 * MIB);
    assert_eq!(stats.current_bytes as usize, 8 * MIB);
    // Whole items: rather a little less than asked than more.
    assert_eq!(pool.trim_to(7 * MIB) as usize, 4 * MIB);
    let stats = pool.stats();
    assert_eq!((stats.victim_bytes, stats.trimmed), (0, 5));
    assert_eq!(stats.current_bytes as usize, 6 * MIB);
}

#[test]
fn trim_to_leaves_what_is_out_alone() {
    let pool = pool();
    fill(&pool, 10, MIB);
    let held: Vec<_> = (0..8).map(|_| pool.get()).collect();
    assert_eq!(pool.trim_to(4 * MIB), 0, "under what is outstanding");
    assert_eq!(pool.trim_to(MIB) as usize, MIB);
    drop(held);
    assert_eq!(pool.stats().retained_bytes() as usize, 9 * MIB);
}

#[test]
fn trim_to_zero_leaves_nothing_in_any_shard() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0)));
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..300 {
                pool.put(Item::new(&LIVES, number));
            }
            barrier.wait();
            barrier.wait(); // idle meanwhile
        });
        barrier.wait();
        pool.put(Item::new(&LIVES, 0));
        pool.tick();
        pool.put(Item::new(&LIVES, 0));
        assert_eq!(pool.trim_to(1), 0, "items without bytes are not worth it");
        assert_eq!(pool.trim_to(0), 0);
        assert_eq!((LIVES.alive(), pool.stats().retained_items), (0, 0));
        assert_eq!(pool.stats().trimmed, 302);
        barrier.wait();
    });
}

#[test]
fn one_giant_among_small_ones_in_use_is_gone_after_two_ticks() {
    let pool = pool();
    // The giant comes back first and lies below, so that the small ones, which
    // are taken again and again, leave it where it is.
    fill(&pool, 1, 256 * MIB);
    let round = || {
        let held: [_; 9] = std::array::from_fn(|_| pool.get());
        let most = held.iter().map(|item| item.bytes).max();
        for mut item in held {
            item.bytes = KIB;
        }
        most.expect("nine")
    };
    fill(&pool, 9, KIB);
    for _ in 0..2 {
        for _ in 0..100 {
            assert_eq!(round(), KIB, "the giant is not handed out");
        }
        pool.tick();
    }
    assert_eq!(round(), KIB);
    let stats = pool.stats();
    assert_eq!(stats.retained_bytes() as usize, 8 * KIB, "{stats:?}");
    assert_eq!((stats.expired, stats.misses), (1, 0), "{stats:?}");
}

#[test]
fn an_untouched_giant_expires_with_its_generation() {
    let pool = pool();
    fill(&pool, 20, KIB);
    let baseline = pool.stats().retained_bytes();
    fill(&pool, 1, 256 * MIB);
    pool.tick();
    assert_eq!(pool.stats().victim_bytes, baseline + 256 * MIB as u64);
    pool.tick();
    assert_eq!(pool.stats().retained_bytes(), 0);
    assert_eq!(pool.stats().expired, 21);
}
