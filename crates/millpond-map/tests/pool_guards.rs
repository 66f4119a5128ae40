//! What the guards of a map pool are to the rest of Rust, and who can say what of them is out.

use std::collections::BTreeMap;
use std::thread;

use millpond_map::{CounterMap, HashMap, HashSet, MapPool};

#[test]
fn guards_are_walked_like_what_they_guard() {
    let pool = MapPool::new("test");
    let mut map = pool.checkout();
    map.extend((0..10).map(|key| (key, key)));
    for (key, value) in &mut map {
        *value += *key;
    }
    let mut sum = 0;
    for (_, value) in &map {
        sum += value;
    }
    assert_eq!(sum, 90);

    let mut set = pool.checkout_set();
    set.extend(0..10);
    let mut sum = 0;
    for value in &set {
        sum += value;
    }
    assert_eq!(sum, 45);

    let mut counts = pool.checkout_counter::<&str, u64>();
    counts.count(["a", "b", "a"]).expect("small numbers");
    let sorted: BTreeMap<_, _> = (&counts).into_iter().collect();
    assert_eq!(sorted, BTreeMap::from([(&"a", &2), (&"b", &1)]));
}

#[test]
fn guards_are_lent_as_what_they_guard() {
    fn map_len(map: impl AsRef<HashMap<u32, u32>>) -> usize {
        map.as_ref().len()
    }
    fn fill_map(mut map: impl AsMut<HashMap<u32, u32>>) {
        map.as_mut().insert(1, 1);
    }
    fn set_len(set: impl AsRef<HashSet<u32>>) -> usize {
        set.as_ref().len()
    }
    fn fill_set(mut set: impl AsMut<HashSet<u32>>) {
        set.as_mut().insert(1);
    }
    fn counts_len(counts: impl AsRef<CounterMap<u32>>) -> usize {
        counts.as_ref().len()
    }
    fn fill_counts(mut counts: impl AsMut<CounterMap<u32>>) {
        counts.as_mut().count([1]).expect("a small number");
    }
    let pool = MapPool::new("test");
    let (mut map, mut set) = (pool.checkout(), pool.checkout_set());
    let mut counts = pool.checkout_counter();
    fill_map(&mut map);
    fill_set(&mut set);
    fill_counts(&mut counts);
    assert_eq!(
        (map_len(&map), set_len(&set), counts_len(&counts)),
        (1, 1, 1)
    );
}

#[test]
fn what_is_discarded_goes_back_and_teaches_nothing() {
    let pool = MapPool::new("test");
    let at = |entries: u64, discards: bool| {
        let mut map = pool.checkout::<u64, u64>();
        let capacity = map.capacity();
        map.extend((0..entries).map(|key| (key, key)));
        if discards {
            map.discard();
        }
        capacity
    };
    for _ in 0..10 {
        at(10, false);
    }
    for _ in 0..100 {
        assert_eq!(at(10_000, true), 16);
    }
    assert_eq!(at(10, false), 16, "nothing was learnt");
    pool.checkout_set::<u64>().discard();
    pool.checkout_counter::<u64, u64>().discard();
    let stats = pool.stats();
    assert_eq!(
        (stats.discarded, stats.outstanding, stats.outstanding_bytes),
        (102, 0, 0)
    );
}

#[test]
fn a_guard_of_a_static_pool_is_static_and_so_is_one_of_a_pool_that_was_leaked() {
    static STATIC: MapPool = MapPool::new("static");
    let made: &'static MapPool = Box::leak(Box::new(MapPool::new("made at run time")));
    for pool in [&STATIC, made] {
        let mut map = pool.checkout::<String, u32>();
        let other = thread::spawn(move || {
            map.insert("key".to_owned(), 1);
            map.len()
        });
        assert_eq!(other.join().expect("no panic"), 1);
        assert_eq!(pool.stats().outstanding, 0);
    }
}

#[test]
fn the_oldest_scope_is_told_by_the_line_that_began_it() {
    let pool = MapPool::new("test");
    assert_eq!(pool.oldest_scope(), None);
    let first = pool.scope();
    let site = || pool.oldest_scope().map(|oldest| oldest.site);
    let found = site().expect("one is out");
    assert!(found.file().ends_with(file!()), "{found}");
    let second = pool.scope();
    drop(first);
    let found_then = site().expect("the other is out");
    assert!(found_then.line() > found.line());
    drop(second);
    assert_eq!(pool.oldest_scope(), None);
}
