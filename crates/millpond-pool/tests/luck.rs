//! What holds whatever a pool drops, steals or ages: run with feature `chaos` and
//! without. The tests that count to the last item hold chaos back (`calm`).

mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use common::{Item, Lives};
use millpond_pool::{AutoTick, Pool, Pooled, Recycle, Steal};

#[test]
fn an_item_has_one_user_at_a_time_and_none_is_lost() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 0)).with_auto_tick(AutoTick::Ops(10_000));
    thread::scope(|scope| {
        for worker in 1..=4 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..20_000 {
                    let mut items: Vec<_> = (0..round % 40 / 2).map(|_| pool.get()).collect();
                    for item in &mut items {
                        assert_eq!(item.number, 0, "somebody else's");
                        item.number = worker;
                    }
                    for item in &mut items {
                        assert_eq!(item.number, worker, "somebody else wrote");
                        item.number = 0;
                    }
                }
            });
        }
    });
    let stats = pool.stats();
    assert_eq!(stats.outstanding, 0, "{stats:?}");
    drop(pool);
    assert_eq!(LIVES.alive(), 0);
}

#[test]
fn nothing_of_the_last_user_shows() {
    let texts = Pool::new(String::new);
    let lists = Pool::new(Vec::<u64>::new);
    for round in 0..20_000 {
        let [mut a, mut b] = [texts.get(), texts.get()];
        let mut list = lists.get_sized(round % 8_192);
        assert!(a.is_empty() && b.is_empty() && list.is_empty());
        a.push_str("secret of the first");
        b.push_str("secret of the second");
        list.extend(0..round as u64 % 700);
    }
}

#[test]
fn a_budget_holds() {
    const MIB: usize = 1 << 20;
    let pool = Pool::new(Vec::<u8>::new).with_budget(4 * MIB);
    for round in 0..2_000 {
        let mut held: Vec<_> = (0..round % 9).map(|_| pool.get()).collect();
        for item in &mut held {
            item.reserve_exact(MIB);
            item.resize(MIB / 2, 0);
        }
        drop(held);
        let stats = pool.stats();
        assert!(stats.retained_bytes() as usize <= 4 * MIB, "{stats:?}");
    }
}

#[test]
fn user_code_may_come_back_and_may_panic() {
    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    static POOL: Pool<Wild> = Pool::new(|| {
        wild();
        Wild
    });
    struct Wild;
    impl Recycle for Wild {
        fn reset(&mut self) {
            wild();
        }
    }
    impl Drop for Wild {
        fn drop(&mut self) {
            if !thread::panicking() {
                wild();
            }
        }
    }
    fn wild() {
        let depth = DEPTH.get();
        if depth < 2 {
            DEPTH.set(depth + 1);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                drop([POOL.get(), POOL.get()]);
                if CALLS.fetch_add(1, SeqCst).is_multiple_of(97) {
                    std::panic::resume_unwind(Box::new("wild"));
                }
            }));
            DEPTH.set(depth);
            if let Err(payload) = panicked {
                std::panic::resume_unwind(payload);
            }
        }
    }
    for round in 0..2_000 {
        let _ = catch_unwind(|| drop([POOL.get(), POOL.get(), POOL.get()]));
        if round % 50 == 0 {
            let _ = catch_unwind(|| POOL.tick());
        }
    }
    DEPTH.set(9); // quiet now
    let _ = catch_unwind(|| POOL.purge());
    assert_eq!(POOL.stats().retained_items, 0);
}

#[test]
fn guards_travel_and_threads_end_in_the_middle() {
    static LIVES: Lives = Lives::new();
    let pool = Arc::new(Pool::new(|| Item::new(&LIVES, 0)).with_steal(Steal::All));
    let (sender, receiver) = mpsc::channel();
    let threads: Vec<_> = (0..50)
        .map(|number| {
            let (pool, sender) = (Arc::clone(&pool), sender.clone());
            thread::spawn(move || {
                let mut held: Vec<_> = (0..number % 30).map(|_| pool.get_owned()).collect();
                held.drain(..held.len() / 2)
                    .for_each(|guard| sender.send(guard).expect("the other end lives"));
                pool.tick();
            })
        })
        .collect();
    drop(sender);
    let mut kept: Vec<_> = receiver.into_iter().collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    kept.truncate(100);
    drop(kept);
    assert_eq!(pool.stats().outstanding, 0);
    drop(pool);
    assert_eq!(LIVES.alive(), 0);
}

#[test]
fn a_pool_that_ticks_by_itself_lets_go_of_what_is_not_used() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 0)).with_auto_tick(AutoTick::Ops(1));
    let burst: Vec<Pooled<'_, Item>> = (0..1_000).map(|_| pool.get()).collect();
    drop(burst);
    // Pulses come with every 512th get; each sweeps a little.
    for _ in 0..60 * 512 {
        drop(pool.get());
    }
    assert!(LIVES.alive() <= 40, "{} alive", LIVES.alive());
    assert!(pool.stats().ticks >= 2);
    let never = Pool::new(Vec::<u8>::new).with_auto_tick(AutoTick::Never);
    for _ in 0..10 * 4096 {
        drop(never.get());
    }
    if !cfg!(feature = "chaos") {
        assert_eq!(never.stats().ticks, 0);
    }
}
