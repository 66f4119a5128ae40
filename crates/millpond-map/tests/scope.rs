//! What the documents of `Scope` promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use millpond_map::{HintName, MapPool};

#[test]
fn maps_of_a_scope_point_to_its_strings_and_slices() {
    let pool = MapPool::new("test");
    for round in 0..10 {
        let scope = pool.scope();
        let mut paths = scope.map::<&str, &[u32]>();
        let mut agents = scope.set();
        for number in 0..200_u32 {
            let path = scope.alloc_str(&format!("/{round}/{number}"));
            paths.insert(path, scope.alloc_slice_copy(&[number, number + 1]));
            agents.insert(scope.alloc_str(&format!("agent {}", number % 7)));
        }
        assert_eq!(paths[format!("/{round}/17").as_str()], [17, 18]);
        assert_eq!((paths.len(), agents.len()), (200, 7));
        let total = scope.alloc_with(|| paths.values().map(|pair| pair[0]).sum::<u32>());
        *total += 1;
        assert_eq!(*total, 199 * 100 + 1);
        let numbers = scope.bump().alloc([1, 2, 3]);
        assert_eq!(numbers.len(), 3);
    }
    let stats = pool.stats();
    assert_eq!((stats.scopes, stats.outstanding_scopes), (10, 0));
    assert_eq!(
        (stats.checkouts, stats.outstanding, stats.sites),
        (20, 0, 2)
    );
}

#[test]
fn a_scope_lends_whatever_its_pool_does() {
    const NAME: HintName = HintName::new();
    let pool = MapPool::new("test");
    for _ in 0..10 {
        let scope = pool.scope();
        let mut counts = scope.counter::<&str, u64>();
        counts
            .add(scope.alloc_str("word"), 2)
            .expect("a small number");
        let mut map = scope.map_named(NAME);
        map.insert(scope.alloc_str("key"), counts.len());
        let mut set = scope.set_named(NAME);
        set.insert(scope.alloc_str("key"));
        assert!(map.contains_key("key") && set.contains("key"));
    }
    let stats = pool.stats();
    assert_eq!(
        (stats.checkouts, stats.outstanding, stats.sites),
        (30, 0, 2),
        "map and set learn together"
    );
}

#[test]
fn the_region_of_a_scope_is_used_again() {
    let pool = MapPool::new("test");
    let mut held = Vec::new();
    for _ in 0..10 {
        let scope = pool.scope();
        for number in 0..500 {
            scope.alloc_str(&format!("a string of some length, number {number}"));
        }
        held.push(scope.bump().allocated_bytes());
    }
    // What a region of growing chunks keeps is its last, which is the largest.
    assert!(held[9] > 0);
    assert!(held[2..].iter().all(|bytes| *bytes == held[9]), "{held:?}");
    let [first, second] = [pool.scope(), pool.scope()];
    assert_eq!(
        second.bump().allocated_bytes(),
        0,
        "one region was enough so far"
    );
    drop([first, second]);
}

#[test]
fn one_giant_scope_does_not_keep_its_chunk_for_ever() {
    const GIANT: usize = 64 << 20;
    let pool = MapPool::new("test");
    let small = || {
        let scope = pool.scope();
        scope.alloc_str("small");
        scope.bump().allocated_bytes()
    };
    small();
    pool.scope().alloc_slice_copy(&vec![1_u8; GIANT]);
    for _ in 0..4 {
        assert!(small() >= GIANT);
    }
    assert!(small() < 16 << 10, "after four poor uses it is exchanged");

    // One that nobody uses at all is gone after two ticks.
    pool.scope().alloc_slice_copy(&vec![1_u8; GIANT]);
    pool.tick();
    pool.tick();
    assert_eq!(pool.scope().bump().allocated_bytes(), 0);
}

#[test]
fn values_of_maps_are_dropped_at_the_end_and_a_panic_changes_nothing() {
    let counted = Rc::new(());
    let pool = MapPool::new("test");
    for fails in [false, true, false] {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let scope = pool.scope();
            let mut map = scope.map();
            for number in 0..100 {
                map.insert(scope.alloc_str(&number.to_string()), Rc::clone(&counted));
            }
            assert!(!fails, "the request fails");
        }));
        assert_eq!(outcome.is_err(), fails);
        assert_eq!(Rc::strong_count(&counted), 1);
    }
    let stats = pool.stats();
    assert_eq!(
        (stats.outstanding, stats.outstanding_scopes, stats.discarded),
        (0, 0, 1)
    );
}

#[test]
fn a_scope_may_cross_threads() {
    let pool = MapPool::new("test");
    std::thread::scope(|threads| {
        let scope = pool.scope();
        scope.alloc_str("from here");
        let other = threads.spawn(move || {
            let mut map = scope.map();
            map.insert(scope.alloc_str("to there"), 1);
            map.len()
        });
        assert_eq!(other.join().expect("no panic"), 1);
    });
    assert!(format!("{:?}", pool.scope()).contains("Scope"));
}
