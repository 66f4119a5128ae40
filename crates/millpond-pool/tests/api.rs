//! The documented promises, one test per sentence.

mod common;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Barrier;
use std::thread;

use common::{Item, Lives};
use millpond_pool::parts::calm;
use millpond_pool::{KEEP_BYTES, Pool, Pooled, Recycle};

/// Joins by hand: a scope does not wait for the destructors of its threads.
fn join_all<const N: usize>(threads: [thread::ScopedJoinHandle<'_, ()>; N]) {
    threads
        .into_iter()
        .for_each(|thread| thread.join().expect("no panic"));
}

#[test]
fn an_item_comes_back_reset_and_at_the_same_address() {
    let pool = calm(Pool::new(Vec::<u8>::new));
    let mut buffer = pool.get();
    buffer.extend([1, 2, 3]);
    let address = buffer.as_ptr();
    drop(buffer);
    let buffer = pool.get();
    assert!(buffer.is_empty());
    assert_eq!(buffer.as_ptr(), address);
}

#[test]
fn the_order_of_get_is_private_queue_newest_first_shared_steal_victim_make() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, usize::MAX)));
    for number in 0..4 {
        pool.put(Item::new(&LIVES, number));
    }
    let numbers = |count: usize| {
        let items: Vec<_> = (0..count).map(|_| pool.get()).collect();
        items
            .into_iter()
            .map(|item| item.detach().number)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(5), [0, 3, 2, 1, usize::MAX]);
    let stats = pool.stats();
    assert_eq!(
        (stats.private_gets, stats.queue_gets, stats.misses),
        (1, 3, 1)
    );

    // Another thread's queue is stolen from, oldest first, but not its private
    // place; what it leaves at its exit comes from the shared tier.
    let [before, after] = [Barrier::new(2), Barrier::new(2)];
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            for number in 10..14 {
                pool.put(Item::new(&LIVES, number));
            }
            before.wait();
            after.wait();
        });
        before.wait();
        assert_eq!(numbers(2), [11, 12]);
        after.wait();
        join_all([other]);
    });
    assert_eq!(pool.stats().stolen_gets, 1, "one visit brings half of them");
    let mut left = numbers(2);
    left.sort();
    assert_eq!(left, [10, 13]);
    assert_eq!(pool.stats().shared_gets, 2);

    pool.put(Item::new(&LIVES, 20));
    pool.tick();
    assert_eq!(numbers(2), [20, usize::MAX]);
    assert_eq!(pool.stats().victim_gets, 1);
}

#[test]
fn an_item_that_is_used_between_ticks_lives_on() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0)));
    for _ in 0..50 {
        drop(pool.get());
        pool.tick();
    }
    assert_eq!((LIVES.made(), LIVES.dropped()), (1, 0));
    pool.tick();
    assert_eq!(LIVES.dropped(), 1);
}

#[test]
fn a_tick_reaches_the_items_of_idle_threads() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0)));
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..10 {
                pool.put(Item::new(&LIVES, number));
            }
            barrier.wait();
            barrier.wait(); // idle meanwhile
        });
        barrier.wait();
        assert_eq!(pool.stats().retained_items, 10);
        pool.tick();
        assert_eq!(LIVES.dropped(), 0);
        pool.tick();
        assert_eq!(LIVES.dropped(), 10);
        barrier.wait();
    });
    assert_eq!(pool.stats().expired, 10);
}

#[test]
fn purge_drops_both_generations() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0)));
    for number in 0..20 {
        pool.put(Item::new(&LIVES, number));
        if number == 10 {
            pool.tick();
        }
    }
    assert_eq!(pool.stats().retained_items, 20);
    pool.purge();
    assert_eq!(LIVES.alive(), 0);
    assert_eq!(pool.stats().retained_items, 0);
}

#[test]
fn what_fits_nowhere_is_dropped_and_counted() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, 0)));
    for number in 0..140_000 {
        pool.put(Item::new(&LIVES, number));
    }
    let stats = pool.stats();
    assert_eq!(stats.private_puts, 1);
    assert_eq!(stats.queue_puts, 127 + 128);
    assert_eq!(stats.shared_puts, 1 << 17);
    assert_eq!(stats.full_discards, 140_000 - (1 << 17) - 256);
    assert_eq!(stats.retained_items as usize, LIVES.alive());
}

#[test]
fn a_bounded_tick_drops_no_more_than_it_may_and_hands_out_nothing_expired() {
    static LIVES: Lives = Lives::new();
    let pool = calm(Pool::new(|| Item::new(&LIVES, usize::MAX)));
    for number in 0..1_000 {
        pool.put(Item::new(&LIVES, number));
    }
    assert!(pool.tick_within(0), "nothing has expired yet");
    assert!(pool.tick_within(0), "nothing waits yet");
    // What is near the thread expires with the turn itself, and is not much.
    let near = LIVES.dropped();
    assert!(near <= 128, "{near}");
    assert!(!pool.tick_within(0), "now all of them wait");
    assert!(pool.try_get().is_none(), "and none is handed out");
    for dropped in [300, 600] {
        assert!(!pool.tick_within(300));
        assert_eq!(LIVES.dropped(), near + dropped);
    }
    assert!(pool.tick_within(300));
    assert_eq!((LIVES.alive(), pool.stats().retained_items), (0, 0));
    assert_eq!(pool.stats().ticks, 3);
}

/// A pool that is dropped empties its slots from outside, and their owners keep
/// the height to which they had filled the stash. The next pool of a slot then
/// began above empty places, and held three items less; seen once, when tests
/// that ran side by side had handed slots on.
#[test]
fn a_slot_that_is_used_again_holds_as_much_as_a_new_one() {
    static LIVES: Lives = Lives::new();
    for before in [4, 10, 16, 100, 700] {
        let last = calm(Pool::new(|| Item::new(&LIVES, 0)));
        for number in 0..before {
            last.put(Item::new(&LIVES, number));
        }
        drop(last);
        let next = calm(Pool::new(|| Item::new(&LIVES, 0)));
        for number in 0..2_000 {
            next.put(Item::new(&LIVES, number));
        }
        assert_eq!(next.stats().queue_puts, 127 + 128, "after {before}");
    }
    assert_eq!(LIVES.alive(), 0);
}

#[test]
fn a_dropped_pool_drops_all_its_items_in_every_shard() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 0));
    let barrier = Barrier::new(4);
    let alive = Barrier::new(4);
    thread::scope(|scope| {
        let fill = || {
            for number in 0..300 {
                pool.put(Item::new(&LIVES, number));
            }
            barrier.wait();
            alive.wait();
        };
        let threads = [(); 3].map(|()| scope.spawn(fill));
        barrier.wait();
        pool.tick();
        pool.put(Item::new(&LIVES, 0));
        alive.wait();
        join_all(threads);
    });
    assert!(LIVES.alive() > 300);
    drop(pool);
    assert_eq!(LIVES.alive(), 0);
}

#[test]
fn the_id_of_a_dropped_pool_is_used_again_and_nothing_of_the_old_one_shows() {
    static LIVES: Lives = Lives::new();
    for round in 0..200 {
        let numbers = calm(Pool::new(|| Item::new(&LIVES, 0)));
        numbers.put(Item::new(&LIVES, round));
        numbers.put(Item::new(&LIVES, round));
        assert_eq!(numbers.get().number, round);
        drop(numbers);
        assert_eq!(LIVES.alive(), 0);
        let strings = calm(Pool::new(String::new));
        assert!(strings.try_get().is_none());
        assert_eq!(strings.stats().queue_gets, 0);
        strings.put("text".to_owned());
        assert_eq!(strings.get().as_str(), "");
    }
}

#[test]
fn a_thousand_pools_each_have_their_own_items() {
    let pools: Vec<_> = (0..1_000)
        .map(|_| calm(Pool::new(Vec::<usize>::new)))
        .collect();
    thread::scope(|scope| {
        let use_all = || {
            for (number, pool) in pools.iter().enumerate() {
                pool.get().reserve_exact(number % 64 + 1);
                assert_eq!(pool.get().capacity(), number % 64 + 1);
                assert!(pool.stats().private_puts >= 2);
            }
        };
        join_all([(); 2].map(|()| scope.spawn(use_all)));
    });
    let retained: u64 = pools.iter().map(|pool| pool.stats().retained_items).sum();
    assert!((1_000..=2_000).contains(&retained), "{retained}");
}

#[test]
fn a_guard_returns_to_the_thread_that_drops_it() {
    let pool = calm(Pool::new(Vec::<u8>::new));
    let mut guard = pool.get();
    guard.reserve_exact(77);
    thread::scope(|scope| {
        let pool = &pool;
        scope.spawn(move || {
            drop(guard);
            assert_eq!(pool.get().capacity(), 77);
            assert_eq!(pool.stats().private_gets, 1);
        });
    });
}

#[test]
fn detach_and_discard_leave_nothing_in_the_pool() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 5));
    let item = pool.get().detach();
    assert_eq!((item.number, LIVES.alive()), (5, 1));
    pool.get().discard();
    assert_eq!(LIVES.alive(), 1);
    assert_eq!(LIVES.reset(), 0);
    assert!(pool.try_get().is_none());
    let stats = pool.stats();
    assert_eq!((stats.detached, stats.chosen_discards), (1, 1));
}

#[test]
fn a_forgotten_guard_leaks_its_item_and_nothing_else() {
    static LIVES: Lives = Lives::new();
    let pool = Pool::new(|| Item::new(&LIVES, 0));
    std::mem::forget(pool.get());
    drop(pool.get());
    drop(pool);
    assert_eq!((LIVES.made(), LIVES.dropped()), (2, 1));
}

#[test]
fn one_giant_buffer_shrinks_at_the_fourth_poor_return() {
    const GIANT: usize = 64 << 20;
    let pool = calm(Pool::new(Vec::<u8>::new));
    pool.get().resize(GIANT, 0);
    for _ in 0..4 {
        let mut buffer = pool.get();
        assert!(buffer.capacity() >= GIANT);
        buffer.extend_from_slice(&[0; 1024]);
    }
    let buffer = pool.get();
    assert!(buffer.capacity() <= KEEP_BYTES, "{}", buffer.capacity());
}

#[test]
fn one_giant_buffer_that_nobody_uses_is_gone_in_two_ticks() {
    let pool = Pool::new(Vec::<u8>::new);
    pool.get().reserve_exact(256 << 20);
    pool.tick();
    pool.tick();
    assert_eq!(pool.get().capacity(), 0);
}

#[test]
fn what_cannot_shrink_is_dropped_at_the_fourth_poor_return() {
    struct Stiff;
    impl Recycle for Stiff {
        fn reset(&mut self) {}
        fn retained_bytes(&self) -> usize {
            1 << 20
        }
        fn used_bytes(&self) -> usize {
            10
        }
    }
    let pool = calm(Pool::new(|| Stiff));
    for _ in 0..8 {
        drop(pool.get());
    }
    let stats = pool.stats();
    assert_eq!((stats.misses, stats.oversize_discards), (2, 2));
}

#[test]
fn std_collections_come_back_empty_with_their_memory() {
    fn check<T: Recycle + Send + 'static>(
        make: fn() -> T,
        fill: impl Fn(&mut T),
        len: impl Fn(&T) -> usize,
        capacity: impl Fn(&T) -> usize,
    ) {
        let pool = calm(Pool::new(make));
        let mut item = pool.get();
        fill(&mut item);
        let (filled, held) = (len(&item), capacity(&item));
        assert!(filled > 0);
        drop(item);
        let item = pool.get();
        assert_eq!((len(&item), capacity(&item)), (0, held));
    }
    check(Vec::<u64>::new, |v| v.extend(0..9), Vec::len, Vec::capacity);
    check(
        String::new,
        |s| s.push_str("text"),
        String::len,
        String::capacity,
    );
    check(
        VecDeque::<u8>::new,
        |v| v.extend(0..9),
        VecDeque::len,
        VecDeque::capacity,
    );
    check(
        HashMap::<u8, u8>::new,
        |m| m.extend([(1, 2)]),
        HashMap::len,
        HashMap::capacity,
    );
    check(
        HashSet::<u8>::new,
        |s| s.extend([1]),
        HashSet::len,
        HashSet::capacity,
    );
    check(
        BTreeMap::<u8, u8>::new,
        |m| m.extend([(1, 2)]),
        BTreeMap::len,
        |_| 0,
    );
    check(
        Box::<Vec<u8>>::default,
        |v| v.extend(0..9),
        |v| v.len(),
        |v| v.capacity(),
    );
}

#[test]
fn poor_returns_shrink_tables_and_queues_too() {
    let maps = Pool::new(HashMap::<u64, u64>::new);
    maps.get().reserve(1 << 16);
    let deques = Pool::new(VecDeque::<u64>::new);
    deques.get().reserve(1 << 16);
    let strings = Pool::new(String::new);
    strings.get().reserve(1 << 20);
    for _ in 0..4 {
        maps.get().insert(1, 1);
        deques.get().push_back(1);
        strings.get().push('x');
    }
    assert!(maps.get().capacity() < 1_000, "{}", maps.get().capacity());
    assert!(deques.get().capacity() <= KEEP_BYTES / 8);
    assert!(strings.get().capacity() <= KEEP_BYTES);
    assert_eq!(maps.stats().oversize_discards, 0, "shrunk, not dropped");
}

#[test]
fn make_reset_and_drop_may_use_the_same_pool() {
    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
    }
    static POOL: Pool<Nested> = Pool::new(|| {
        nested(|| drop(POOL.try_get()));
        Nested
    });
    struct Nested;
    impl Recycle for Nested {
        fn reset(&mut self) {
            nested(|| drop([POOL.get(), POOL.get()]));
        }
    }
    impl Drop for Nested {
        fn drop(&mut self) {
            nested(|| POOL.put(Nested));
        }
    }
    /// Calls the pool from inside the pool, three deep.
    fn nested(f: impl FnOnce()) {
        let depth = DEPTH.get();
        if depth < 3 {
            DEPTH.set(depth + 1);
            f();
            DEPTH.set(depth);
        }
    }
    for _ in 0..10 {
        drop([POOL.get(), POOL.get()]);
        POOL.get().discard();
        POOL.tick();
    }
    assert!(POOL.stats().hits() > 0);
    assert_eq!(DEPTH.get(), 0);
}

#[test]
fn a_thread_that_is_torn_down_may_get_and_put() {
    static POOL: Pool<Vec<u8>> = calm(Pool::new(Vec::new));
    /// Returns its guard, and uses the pool once more, in its destructor.
    struct Late(Option<Pooled<'static, Vec<u8>>>);
    impl Drop for Late {
        fn drop(&mut self) {
            drop(self.0.take());
            let [mut a, mut b] = [POOL.get(), POOL.get()];
            a.push(1);
            b.push(1);
        }
    }
    thread_local! {
        static EARLY: RefCell<Late> = const { RefCell::new(Late(None)) };
        static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
    }
    for _ in 0..20 {
        thread::spawn(|| {
            // One destructor is registered before that of the pool, one after.
            EARLY.with(|_| ());
            let [first, second] = [POOL.get(), POOL.get()];
            LATE.with(|late| late.borrow_mut().0 = Some(second));
            EARLY.with(|early| early.borrow_mut().0 = Some(first));
        })
        .join()
        .expect("no panic in a destructor");
    }
    // All of them share a few items, and none is stranded.
    let stats = POOL.stats();
    assert!(stats.misses <= 4, "{stats:?}");
    assert_eq!(stats.retained_items, stats.misses, "{stats:?}");
    POOL.purge();
    assert_eq!(POOL.stats().retained_items, 0);
}

#[test]
fn ten_thousand_short_threads_leave_a_flat_number_of_items() {
    static LIVES: Lives = Lives::new();
    static POOL: Pool<Item> = calm(Pool::new(|| Item::new(&LIVES, 0)));
    for _ in 0..2_500 {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn(|| {
                    let _held = [POOL.get(), POOL.get(), POOL.get()];
                })
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no panic"));
    }
    // At most four threads with three items each at any time, and what a thread
    // holds cannot be reached by the others before it ends.
    assert!(LIVES.made() <= 12 * 4, "{} items made", LIVES.made());
    assert_eq!(POOL.stats().retained_items as usize, LIVES.alive());
    POOL.purge();
    assert_eq!(LIVES.alive(), 0);
}

#[test]
fn stats_tell_where_items_came_from_and_went() {
    let pool = calm(Pool::new(String::new));
    assert_eq!(pool.stats(), Default::default());
    let items: Vec<_> = (0..10).map(|_| pool.get()).collect();
    drop(items);
    let _again: Vec<_> = (0..10).map(|_| pool.get()).collect();
    let stats = pool.stats();
    assert_eq!(
        (stats.private_gets, stats.queue_gets, stats.misses),
        (1, 9, 10)
    );
    assert_eq!((stats.private_puts, stats.queue_puts), (1, 9));
    assert_eq!(
        (stats.hits(), stats.hit_rate(), stats.retained_items),
        (10, 0.5, 0)
    );
    assert!(format!("{pool:?}").contains("queue_gets: 9"));
}

#[test]
fn guards_pass_through_to_their_items() {
    let pool = Pool::new(String::new);
    let mut text = pool.get();
    text.push_str("text");
    assert_eq!(format!("{text} {text:?}"), "text \"text\"");
    assert_eq!(text.as_ref() as &String, "text");
    text.as_mut().clear();
    assert!(text.is_empty());
}
