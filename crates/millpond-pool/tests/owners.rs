//! Owned guards, pools of one thread, hints and policies.

mod common;

use std::sync::Arc;
use std::sync::Barrier;
use std::thread;

use common::{Item, Lives};
use millpond_pool::parts::calm;
use millpond_pool::{GiveBack, KEEP_BYTES, LocalPool, MAX_HINT_BYTES, Pool, Recycle, Steal};

#[test]
fn an_owned_guard_keeps_its_pool_alive_and_the_last_one_ends_it() {
    static LIVES: Lives = Lives::new();
    let pool = Arc::new(calm(Pool::new(|| Item::new(&LIVES, 3))));
    let guards = [pool.get_owned(), pool.get_owned()];
    pool.put(Item::new(&LIVES, 4));
    drop(pool);
    assert_eq!(LIVES.alive(), 3);
    let [first, mut second] = guards;
    thread::spawn(move || drop(first)).join().expect("no panic");
    assert_eq!((LIVES.alive(), LIVES.reset()), (3, 2), "back in the pool");
    second.number += 1;
    assert_eq!(second.number, 4);
    drop(second);
    assert_eq!(LIVES.alive(), 0, "the pool went with its last guard");
}

#[test]
fn owned_guards_pass_through_detach_and_discard() {
    let pool = Arc::new(calm(Pool::new(String::new)));
    let mut text = pool.get_owned();
    text.push_str("text");
    assert_eq!(format!("{text} {text:?}"), "text \"text\"");
    assert_eq!(text.as_ref() as &String, "text");
    text.as_mut().push('!');
    assert_eq!(text.detach(), "text!");
    pool.get_owned().discard();
    drop(pool.get_owned());
    let stats = pool.stats();
    assert_eq!((stats.detached, stats.chosen_discards), (1, 1));
    assert_eq!(stats.retained_items, 1);
}

#[test]
fn an_owned_guard_dropped_while_panicking_is_discarded() {
    let pool = Arc::new(Pool::new(String::new));
    let guard = pool.get_owned();
    let thread = thread::spawn(move || {
        let _guard = guard;
        panic!("the task fails");
    });
    assert!(thread.join().is_err());
    assert_eq!(pool.stats().panic_discards, 1);
    assert_eq!(pool.stats().retained_items, 0);
}

#[test]
fn a_local_pool_lends_the_newest_first_and_items_may_borrow() {
    let words = [String::from("one"), String::from("two")];
    let pool = LocalPool::new(Vec::<&str>::new);
    let [mut first, mut second] = [pool.get(), pool.get()];
    first.extend(words.iter().map(String::as_str));
    second.reserve_exact(100);
    drop(first);
    drop(second);
    assert_eq!((pool.len(), pool.misses(), pool.hits()), (2, 2, 0));
    let again = pool.get();
    assert!(again.is_empty() && again.capacity() >= 100);
    assert_eq!((pool.len(), pool.hits()), (1, 1));
    assert_eq!(again.detach().capacity(), 100);
    pool.get().discard();
    assert!(pool.is_empty());
    assert!(pool.try_get().is_none());
    pool.put(vec!["text"]);
    assert!(pool.get().is_empty(), "reset like any other");
}

#[test]
fn a_local_pool_ages_and_shrinks_as_a_shared_one() {
    static LIVES: Lives = Lives::new();
    let pool = LocalPool::new(|| Item::new(&LIVES, 0));
    drop([pool.get(), pool.get()]);
    pool.tick();
    drop(pool.get());
    pool.tick();
    assert_eq!(LIVES.alive(), 1, "what was used lives on");
    pool.purge();
    assert_eq!(LIVES.alive(), 0);

    let buffers = LocalPool::new(Vec::<u8>::new);
    buffers.get().reserve_exact(1 << 20);
    for _ in 0..4 {
        buffers.get().push(1);
    }
    assert!(buffers.get().capacity() <= KEEP_BYTES);
}

#[test]
fn a_local_pool_may_be_used_from_the_drop_and_reset_of_its_items() {
    thread_local! {
        static POOL: LocalPool<Nested> = const { LocalPool::new(|| Nested { inner: false }) };
    }
    struct Nested {
        inner: bool,
    }
    impl Recycle for Nested {
        fn reset(&mut self) {
            if !self.inner {
                POOL.with(|pool| pool.put(Nested { inner: true }));
            }
        }
    }
    impl Drop for Nested {
        fn drop(&mut self) {
            if !self.inner {
                let _ = POOL.try_with(|pool| drop(pool.try_get()));
            }
        }
    }
    POOL.with(|pool| {
        drop(pool.get());
        assert_eq!(pool.len(), 2);
        pool.purge();
    });
}

#[test]
fn a_hint_is_followed_and_an_absurd_one_cut() {
    let bytes = Pool::new(Vec::<u8>::new);
    assert!(bytes.get_sized(10_000).capacity() >= 10_000);
    assert_eq!(Pool::new(Vec::<u8>::new).get_sized(0).capacity(), 0);
    let most = bytes.get_sized(usize::MAX).capacity();
    assert!(
        (MAX_HINT_BYTES..2 * MAX_HINT_BYTES).contains(&most),
        "{most}"
    );
    let units = Pool::new(Vec::<()>::new);
    assert!(units.get_sized(usize::MAX).is_empty());
    let words = Pool::new(Vec::<u64>::new);
    assert!(words.get_sized(8_000).capacity() >= 1_000);
    let maps = Pool::new(std::collections::HashMap::<u64, u64>::new);
    assert!(maps.get_sized(17_000).capacity() >= 800);
    let texts = Pool::new(String::new);
    assert!(texts.get_sized(100).capacity() >= 100);
}

#[test]
fn a_pool_that_never_steals_makes_its_own() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0))).with_steal(Steal::Never);
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            for _ in 0..10 {
                pool.put(Item::new(&LIVES, 1));
            }
            barrier.wait();
            barrier.wait();
        });
        barrier.wait();
        assert_eq!(pool.get().detach().number, 0);
        pool.tick();
        assert_eq!(pool.get().detach().number, 0, "nor victims of others");
        pool.tick();
        pool.put(Item::new(&LIVES, 2));
        assert_eq!(pool.get().number, 2, "its own it finds");
        barrier.wait();
        other.join().expect("no panic");
    });
    assert_eq!(pool.stats().stolen_gets, 0);
}

#[test]
fn items_of_a_pool_with_origins_go_back_to_who_got_them() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0)))
        .with_give_back(GiveBack::Origin)
        .with_steal(Steal::Never);
    let mut guards: Vec<_> = (0..10).map(|_| pool.get()).collect();
    for (number, guard) in guards.iter_mut().enumerate() {
        guard.number = number + 1;
    }
    let other = |guards: Vec<_>| {
        thread::scope(|scope| {
            let drops = scope.spawn(|| {
                drop(guards);
                pool.get().detach().number
            });
            drops.join().expect("no panic")
        })
    };
    assert_eq!(other(guards), 0, "nothing stays with the dropper");
    // Without stealing: they are the getter's own.
    let again: Vec<_> = (0..10).map(|_| pool.get()).collect();
    let mut numbers: Vec<_> = again.iter().map(|item| item.number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=10));
    assert_eq!(other(again), 0);

    // What was sent home ages as everything else, and goes with the pool.
    assert_eq!(pool.stats().retained_items, 10);
    pool.tick();
    assert_eq!(pool.stats().retained_items, 10);
    pool.tick();
    assert_eq!(LIVES.alive(), 0);
    assert_eq!(
        other((0..200).map(|_| pool.get()).collect()),
        0,
        "nor what fits not"
    );
    assert_eq!(pool.trim_to(0), 0, "they weigh nothing");
    assert_eq!(LIVES.alive(), 0);
    other((0..20).map(|_| pool.get()).collect());
    drop(pool);
    assert_eq!(LIVES.alive(), 0);
}
