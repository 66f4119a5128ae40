//! What the documents of `MapPool`, `PooledMap` and `PooledSet` promise.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Barrier;
use std::thread;

use millpond_map::{HashMap, HintName, MapPool, PooledMap};

/// One request of `n` entries, from one call site.
fn request(pool: &MapPool, n: u64) -> usize {
    let mut map = pool.checkout();
    let capacity = map.capacity();
    for key in 0..n {
        map.insert(key, key * 2);
    }
    assert!((0..n).all(|key| map.get(&key) == Some(&(key * 2))));
    assert_eq!(map.len() as u64, n);
    capacity
}

#[test]
fn a_checkout_is_empty_and_has_the_room_that_its_site_needs() {
    for n in [1, 8, 16, 17, 64, 1_000, 10_000] {
        let pool = MapPool::new("test");
        for round in 0..100 {
            let capacity = request(&pool, n);
            assert!(
                round < 2 || capacity as u64 >= n,
                "{n}: {capacity} at {round}"
            );
        }
        let stats = pool.stats();
        assert_eq!(
            (stats.checkouts, stats.grown, stats.right_sized),
            (100, 2, 98)
        );
        assert_eq!(
            (stats.outstanding, stats.outstanding_bytes, stats.sites),
            (0, 0, 1)
        );
        assert_eq!(stats.hit_rate(), 0.98);
    }
}

/// The steps that `hint.rs` counts in are those that tables come in, so that a
/// hint wastes nothing.
#[test]
fn the_steps_of_hints_are_the_capacities_of_tables() {
    let steps = [4, 8, 16]
        .into_iter()
        .chain((1..=16).map(|doubling| 14 << doubling));
    for step in steps {
        let exact = HashMap::<u64, u64>::with_capacity(step).capacity();
        assert!(
            exact == step || (step < 16 && exact == 16),
            "{step}: {exact}"
        );
    }
}

#[test]
fn sites_learn_apart_and_helpers_learn_for_their_callers() {
    #[track_caller]
    fn helper<'p>(pool: &'p MapPool) -> PooledMap<'p, u64, u64> {
        pool.checkout()
    }
    let pool = MapPool::new("test");
    let mut capacities = (0, 0);
    for _ in 0..10 {
        let mut small = helper(&pool);
        let mut large = helper(&pool);
        capacities = (small.capacity(), large.capacity());
        small.extend((0..10).map(|key| (key, key)));
        large.extend((0..1_000).map(|key| (key, key)));
    }
    assert_eq!(capacities, (16, 1_792));
    assert_eq!((pool.stats().sites, pool.stats().grown), (2, 4));
}

#[test]
fn names_learn_together_wherever_they_are_used_and_apart_where_there_are_two() {
    const SMALL: HintName = HintName::new();
    const LARGE: HintName = HintName::new();
    assert_ne!(SMALL, LARGE);
    let pool = MapPool::new("test");
    for _ in 0..10 {
        for (name, entries) in [(SMALL, 10), (LARGE, 1_000)] {
            let mut map = pool.checkout_named(name);
            map.extend((0..entries).map(|key| (key, key)));
        }
    }
    let elsewhere = pool.checkout_named::<String, ()>(LARGE);
    assert_eq!(elsewhere.capacity(), 1_792);
    assert_eq!(pool.checkout_set_named::<u8>(SMALL).capacity(), 16);
    let sites = pool.call_sites();
    assert_eq!(sites.len(), 2);
    assert!(sites.iter().all(|site| site.location.file() == file!()));
}

#[test]
fn one_giant_request_does_not_give_the_next_ones_a_giant_table() {
    let pool = MapPool::new("test");
    for _ in 0..100 {
        request(&pool, 10);
    }
    request(&pool, 1_000_000);
    for _ in 0..10_000 {
        assert_eq!(request(&pool, 10), 16);
    }
}

#[test]
fn each_checkout_has_a_seed_of_its_own() {
    use std::hash::BuildHasher;
    let pool = MapPool::new("test");
    let mut hashes: Vec<_> = (0..100)
        .map(|_| pool.checkout::<u64, u64>().hasher().hash_one(7_u64))
        .collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 100);
}

#[test]
fn keys_and_values_may_borrow_from_the_request() {
    static POOL: MapPool = MapPool::new("test");
    fn count(body: &str) -> Vec<(String, u32)> {
        let mut words = POOL.checkout::<&str, u32>();
        let mut letters = POOL.checkout_set::<char>();
        for word in body.split(' ') {
            *words.entry(word).or_insert(0) += 1;
            letters.extend(word.chars());
        }
        assert!(letters.contains(&'a'));
        let mut words: Vec<_> = words
            .iter()
            .map(|(word, count)| (word.to_string(), *count))
            .collect();
        words.sort();
        words
    }
    for text in ["a b a", "c a a a"] {
        let body = text.to_owned();
        assert_eq!(count(&body).len(), 2);
    }
}

#[test]
fn entries_are_dropped_at_return_whatever_their_type() {
    let counted = Rc::new(());
    let pool = MapPool::new("test");
    for n in [0, 1, 16, 500] {
        let mut map = pool.checkout::<u32, Rc<()>>();
        map.extend((0..n).map(|key| (key, Rc::clone(&counted))));
        assert_eq!(Rc::strong_count(&counted) as u32, 1 + n);
        drop(map);
        assert_eq!(Rc::strong_count(&counted), 1);
        // The same slab, most likely, for quite other types.
        pool.checkout::<[u8; 3], ()>().insert([1, 2, 3], ());
        pool.checkout_set::<(u64, String)>()
            .insert((1, "text".to_owned()));
    }
}

#[test]
fn a_map_may_be_returned_by_another_thread() {
    let pool = MapPool::new("test");
    thread::scope(|scope| {
        for _ in 0..100 {
            let mut map = pool.checkout::<u64, String>();
            map.extend((0..50).map(|key| (key, key.to_string())));
            let back = scope.spawn(move || drop(map));
            back.join().expect("no panic");
        }
    });
    let stats = pool.stats();
    assert_eq!(
        (stats.checkouts, stats.outstanding, stats.outstanding_bytes),
        (100, 0, 0)
    );
}

#[test]
fn many_threads_learn_the_same_site_and_all_is_counted() {
    let pool = MapPool::new("test");
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..500 {
                    request(&pool, 100);
                }
            });
        }
    });
    let stats = pool.stats();
    assert_eq!(
        (stats.checkouts, stats.outstanding, stats.sites),
        (4_000, 0, 1)
    );
    assert_eq!(stats.right_sized + stats.grown, 4_000);
    assert!(stats.grown <= 16, "{stats:?}");
}

#[test]
fn outstanding_guards_are_seen_and_a_forgotten_one_stays_so() {
    let pool = MapPool::new("test");
    let maps: Vec<_> = (0..5).map(|_| pool.checkout::<u64, u64>()).collect();
    assert_eq!(pool.stats().outstanding, 5);
    drop(maps);
    for _ in 0..3 {
        request(&pool, 1_000);
    }
    let sized = || pool.checkout::<u64, u64>();
    for _ in 0..3 {
        sized().extend((0..1_000).map(|key| (key, key)));
    }
    std::mem::forget(sized());
    let stats = pool.stats();
    assert_eq!(stats.outstanding, 1);
    assert!(
        (16_000..=1 << 17).contains(&stats.outstanding_bytes),
        "{stats:?}"
    );
}

#[test]
fn detach_takes_the_map_with_its_entries() {
    let pool = MapPool::new("test");
    let mut map = pool.checkout();
    map.insert("key", vec![1]);
    let map: HashMap<_, _> = map.detach();
    let mut set = pool.checkout_set();
    set.insert(5);
    let set = set.detach();
    drop(format!("{:?}", pool));
    assert_eq!(
        (map["key"].as_slice(), set.contains(&5)),
        ([1].as_slice(), true)
    );
    let stats = pool.stats();
    assert_eq!(
        (stats.detached, stats.outstanding, stats.outstanding_bytes),
        (2, 0, 0)
    );
    assert_eq!(stats.right_sized + stats.grown, 0, "nothing was learnt");
}

#[test]
fn a_map_dropped_while_panicking_is_emptied_and_nothing_is_learnt() {
    let counted = Rc::new(());
    let pool = MapPool::new("test");
    let fails = |pool: &MapPool| {
        let mut map = pool.checkout();
        let mut set = pool.checkout_set();
        map.extend((0..1_000).map(|key| (key, Rc::clone(&counted))));
        set.extend(0..1_000);
        if counted_is_shared(&counted) {
            panic!("the request fails");
        }
    };
    fn counted_is_shared(counted: &Rc<()>) -> bool {
        Rc::strong_count(counted) > 1
    }
    for _ in 0..5 {
        assert!(catch_unwind(AssertUnwindSafe(|| fails(&pool))).is_err());
        assert_eq!(Rc::strong_count(&counted), 1);
    }
    let stats = pool.stats();
    assert_eq!(
        (stats.discarded, stats.grown, stats.right_sized),
        (10, 0, 0)
    );
    assert_eq!((stats.outstanding, stats.outstanding_bytes), (0, 0));
}

#[test]
fn a_panic_in_the_drop_of_an_entry_leaves_the_pool_in_order() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0, "the entry fails");
        }
    }
    let pool = MapPool::new("test");
    for _ in 0..5 {
        let mut map = pool.checkout();
        map.extend((0..100).map(|key| (key, Bomb(key == 50))));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(map))).is_err());
    }
    let stats = pool.stats();
    assert_eq!(
        (stats.checkouts, stats.outstanding, stats.outstanding_bytes),
        (5, 0, 0)
    );
    request(&pool, 100);
}

#[test]
fn a_thread_that_is_torn_down_may_check_out_and_return() {
    static POOL: MapPool = MapPool::new("test");
    struct Late(Option<PooledMap<'static, u64, u64>>);
    impl Drop for Late {
        fn drop(&mut self) {
            drop(self.0.take());
            POOL.checkout().extend((0..100).map(|key| (key, key)));
            POOL.checkout_set().insert(1);
            let scope = POOL.scope();
            scope.map().insert(scope.alloc_str("key"), 1);
        }
    }
    thread_local! {
        static EARLY: RefCell<Late> = const { RefCell::new(Late(None)) };
        static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
    }
    for _ in 0..10 {
        thread::spawn(|| {
            EARLY.with(|_| ());
            let [mut first, second] = [POOL.checkout(), POOL.checkout()];
            first.insert(1, 1);
            LATE.with(|late| late.borrow_mut().0 = Some(second));
            EARLY.with(|early| early.borrow_mut().0 = Some(first));
        })
        .join()
        .expect("no panic in a destructor");
    }
    let stats = POOL.stats();
    assert_eq!((stats.checkouts, stats.outstanding), (80, 0));
    assert_eq!((stats.scopes, stats.outstanding_scopes), (20, 0));
}

#[test]
fn ticks_age_hints_so_that_they_follow_the_traffic() {
    let pool = MapPool::new("test");
    let mut returns = [0, 0];
    for (ticks, returns) in [0, 2].into_iter().zip(&mut returns) {
        for _ in 0..100 {
            request(&pool, 1_000);
        }
        for _ in 0..ticks {
            pool.tick();
        }
        while request(&pool, 10) > 16 {
            *returns += 1;
        }
    }
    assert!(returns[1] < returns[0], "{returns:?}");
}

#[test]
fn guards_are_send_when_their_entries_are() {
    fn is_send<T: Send>(_: &T) {}
    let pool = MapPool::new("test");
    is_send(&pool.checkout::<&str, Vec<u8>>());
    is_send(&pool.checkout_set::<String>());
    is_send(&pool.scope());
    assert_eq!(pool.name(), "test");
    assert!(format!("{pool:?}").contains("test"));
}

#[test]
fn counters_are_checked_out_like_maps() {
    let pool = MapPool::new("test");
    for round in 0..50 {
        let text = String::from("to be or not to be");
        let mut words = pool.checkout_counter::<&str, u64>();
        assert!(words.is_empty());
        words.count(text.split(' ')).expect("no overflow");
        assert_eq!((words.len(), words.get("be"), words.get("is")), (4, 2, 0));
        assert_eq!(words.sub("or", 1), Ok(0));
        assert_eq!(words.len(), 3);
        assert!(round < 2 || words.capacity() >= 4);
    }
    let kept = pool.checkout_counter::<u32, i64>().detach();
    assert!(kept.is_empty());
    let stats = pool.stats();
    assert_eq!((stats.checkouts, stats.outstanding), (51, 0));
    assert_eq!((stats.detached, stats.discarded), (1, 0));
}
