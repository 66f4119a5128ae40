#![forbid(unsafe_code)]
//! Calls of a map from within a visit: which are refused, which places are named, and which go
//! through.
//!
//! Debug builds only: release builds keep no books.

#![cfg(debug_assertions)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use millpond_map::{HashMap, ShardedCounterMap, ShardedMap, SnapshotMap};

/// Runs `call`, and returns what its panic says.
fn refused<R>(call: impl FnOnce() -> R) -> String {
    let Err(cause) = catch_unwind(AssertUnwindSafe(|| _ = call())) else {
        panic!("it went through");
    };
    let message = cause.downcast_ref::<String>().expect("a message");
    message.clone()
}

/// Asserts that `message` names this file on each of `lines`.
fn names(message: &str, lines: &[u32]) {
    for line in lines {
        let place = format!("{}:{line}:", file!());
        assert!(message.contains(&place), "{place} in: {message}");
    }
    assert_eq!(message.matches(file!()).count(), lines.len(), "{message}");
}

fn numbers() -> ShardedMap<u64, u64> {
    (0..8).map(|n| (n, n)).collect()
}

#[test]
fn two_maps_are_nested_one_way_only() {
    let (accounts, audit) = (numbers(), numbers());
    let (outer, inner) = (line!() + 2, line!() + 3);
    for n in 0..3 {
        accounts.update(&n, |balance| {
            audit.insert(n, *balance);
        });
    }
    // On one thread nothing waits; that somebody else may be on the first way is enough.
    let (other_outer, other_inner) = (line!() + 2, line!() + 3);
    let message = refused(|| {
        audit.update(&1, |_| {
            accounts.insert(1, 1);
        })
    });
    names(&message, &[outer, inner, other_outer, other_inner]);
    // Nothing is left behind, and the order that came first stands.
    accounts.update(&1, |_| audit.insert(1, 7));
    assert_eq!((accounts.get(&1), audit.get(&1)), (Some(1), Some(7)));
    // One after the other they may be called in any order.
    let held = audit.get(&1).and_then(|n| accounts.insert(n, n));
    assert_eq!(held, Some(7));
}

#[test]
fn a_ring_of_three_is_found() {
    let [a, b, c] = [(); 3].map(|()| numbers());
    a.with(&1, |_| b.len());
    b.for_each(|_, _| c.clear());
    let message = refused(|| c.with_or_insert(1, || 1, |_| a.contains_key(&1)));
    assert!(message.contains("the other way round"), "{message}");
    let message = refused(|| c.with_or_insert(1, || 1, |_| b.get(&1)));
    assert!(message.contains("the other way round"), "{message}");
    a.with(&1, |_| b.with(&1, |_| c.len()));
}

#[test]
fn kinds_of_maps_may_be_mixed_and_are_nested_one_way_too() {
    let sessions = numbers();
    let counts: ShardedCounterMap<u64> = ShardedCounterMap::new();
    let limits: SnapshotMap<u64, u64> = SnapshotMap::new();
    sessions
        .with(&1, |n| counts.add(*n, 1))
        .expect("it is there")
        .expect("no overflow");
    limits.update(|_| sessions.len());
    refused(|| counts.apply(1, |_| sessions.len()));
    refused(|| sessions.with(&1, |_| limits.update(|_| ())));
    refused(|| counts.retain(|_, _| limits.replace(HashMap::new()).is_some()));
    // What is read without a lock is read anywhere.
    assert_eq!(sessions.with(&1, |n| limits.get(n)), Some(None));
    assert_eq!(counts.get(&1), 1);
}

#[test]
fn a_map_that_is_gone_or_moved_takes_its_order_along() {
    let names = numbers();
    for _ in 0..4 {
        // Often at the address of the last one.
        let short = Box::new(numbers());
        names.with(&1, |_| short.len());
        refused(|| short.with(&1, |_| names.len()));
        let moved = *short;
        refused(|| moved.with(&1, |_| names.len()));
        let another = Box::new(numbers());
        another.with(&1, |_| 0);
    }
    for _ in 0..4 {
        let other_way = Box::new(numbers());
        other_way.with(&1, |_| names.len());
    }
}

#[test]
fn a_counter_map_refuses_calls_from_within() {
    let counts: ShardedCounterMap<u64> = ShardedCounterMap::new();
    counts.add(1, 1).expect("no overflow");
    let calls: [&dyn Fn(); 7] = [
        &|| _ = counts.get(&2),
        &|| _ = counts.add(2, 1),
        &|| _ = counts.saturating_sub(2, 1),
        &|| _ = counts.remove(&2),
        &|| counts.clear(),
        &|| drop(counts.take_all()),
        &|| _ = counts.len(),
    ];
    for call in calls {
        let visits: [&dyn Fn(); 3] = [
            &|| counts.apply(1, |_| call()),
            &|| counts.for_each(|_, _| call()),
            &|| {
                counts.retain(|_, _| {
                    call();
                    true
                })
            },
        ];
        for visit in visits {
            let message = refused(visit);
            assert!(message.contains("of the same map"), "{message}");
            assert_eq!(message.matches(file!()).count(), 2, "{message}");
        }
    }
    assert_eq!(counts.get(&1), 1);
}

#[test]
fn a_snapshot_map_refuses_changes_from_within_a_change() {
    let map: SnapshotMap<u64, u64> = SnapshotMap::new();
    let calls: [&dyn Fn(); 3] = [
        &|| map.update(|_| ()),
        &|| drop(map.replace(HashMap::new())),
        &|| map.shrink(),
    ];
    for call in calls {
        let message = refused(|| map.update(|_| call()));
        assert!(message.contains("of the same map"), "{message}");
        assert_eq!(message.matches(file!()).count(), 2, "{message}");
    }
    // It may be read.
    assert_eq!(map.update(|_| (map.load().len(), map.get(&1))), (0, None));
    map.shrink();
}

/// A value whose drop asks the map that it was in for a change.
#[derive(Clone)]
struct Changes<'a>(&'a SnapshotMap<u64, Changes<'a>>);

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        self.0.shrink();
    }
}

#[test]
fn what_a_replacement_lets_go_is_dropped_when_no_lock_is_held() {
    let map = Box::leak(Box::new(SnapshotMap::new()));
    map.update(|next| next.insert(1, Changes(map)));
    map.update(|_| ()); // the map before is kept, with its value
    let current = map.replace(HashMap::new()).expect("nobody reads it");
    assert_eq!(current.len(), 1);
}
