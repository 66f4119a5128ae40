//! Threads, for seconds. Set `--cfg millpond_stress` for a hundred times more.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;

use common::{Item, Lives};
use millpond_pool::Pool;
use millpond_pool::parts::calm;

const SCALE: usize = if cfg!(millpond_stress) { 100 } else { 1 };

#[test]
fn tickers_thieves_and_owners_never_share_an_item() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 0));
    let done = AtomicBool::new(false);
    let ticks = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                pool.tick();
                ticks.fetch_add(1, Relaxed);
                if ticks.load(Relaxed).is_multiple_of(64) {
                    thread::yield_now();
                }
            }
        });
        let workers: Vec<_> = (1..=3)
            .map(|worker| {
                let pool = &pool;
                scope.spawn(move || {
                    for round in 0..100_000 * SCALE {
                        let mut items = [const { None }; 4];
                        let held = 1 + round % items.len();
                        for item in &mut items[..held] {
                            let item = item.insert(pool.get());
                            assert_eq!(item.number, 0, "somebody else has it");
                            item.number = worker;
                        }
                        for item in items[..held].iter_mut().flatten() {
                            assert_eq!(item.number, worker, "somebody else wrote");
                            item.number = 0;
                        }
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .for_each(|worker| worker.join().expect("worker"));
        done.store(true, Relaxed);
    });
    assert!(ticks.into_inner() > 0);
    assert_eq!(pool.stats().retained_items as usize, LIVES.alive());
    drop(pool);
    assert_eq!(LIVES.alive(), 0);
}

#[test]
fn get_here_and_put_there_stays_flat_and_hits() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0)));
    let rounds = 100_000 * SCALE;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(64);
        scope.spawn(|| receiver.into_iter().for_each(drop));
        for _ in 0..rounds {
            sender.send(pool.get()).expect("the other end lives");
        }
        drop(sender);
    });
    let stats = pool.stats();
    assert!(LIVES.made() <= 64 + 128 + 8, "{} items made", LIVES.made());
    assert!(stats.hit_rate() >= 0.95, "{stats:?}");
    assert!(stats.stolen_gets > 0, "{stats:?}");
}

#[test]
fn pools_and_threads_come_and_go_together() {
    static LIVES: Lives = Lives::new();
    for _ in 0..200 * SCALE {
        let pool = Pool::new(|| Item::new(&LIVES, 0));
        thread::scope(|scope| {
            let work = || {
                for _ in 0..10 {
                    drop([pool.get(), pool.get(), pool.get()]);
                }
            };
            let threads = [(); 3].map(|()| scope.spawn(work));
            pool.tick();
            // Joined by hand: a scope does not wait for destructors of threads.
            threads
                .into_iter()
                .for_each(|thread| thread.join().expect("no panic"));
        });
        assert_eq!(pool.stats().retained_items as usize, LIVES.alive());
        drop(pool);
        assert_eq!(LIVES.alive(), 0);
    }
}
