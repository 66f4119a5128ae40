#![forbid(unsafe_code)]
//! Which map is called from within which, in debug builds: a graph that must stay without
//! circles.
//!
//! ```text
//!   a ──▶ b ──▶ c        b was called in a visit of a, c in one of b
//!   ▲           │
//!   └─ refused ─┘        three threads could wait for each other in a ring
//! ```
//!
//! A nesting counts whichever thread it was on, whichever keys were concerned, and when: two
//! orders are a mistake before they meet. It is forgotten with either of its maps.

use core::panic::Location;
use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

/// One call of a map from within a visit of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Where the visit began.
    pub(super) began: &'static Location<'static>,
    /// Where the inner map is called.
    pub(super) here: &'static Location<'static>,
}

/// All nestings so far of maps that live.
struct Nestings {
    /// By outer map and inner map, the first such call.
    calls: BTreeMap<(u64, u64), Call>,
    /// By inner map and outer map, so that they can be forgotten.
    backwards: BTreeSet<(u64, u64)>,
}

static NESTINGS: Mutex<Nestings> = Mutex::new(Nestings {
    calls: BTreeMap::new(),
    backwards: BTreeSet::new(),
});

/// Notes that `inner` is called from within `outer`.
///
/// If that closes a circle nothing is noted, and the first call on the way from `inner` back
/// to `outer` is returned.
pub(super) fn note(outer: u64, inner: u64, call: Call) -> Option<Call> {
    let mut nestings = NESTINGS.lock();
    if nestings.calls.contains_key(&(outer, inner)) {
        return None;
    }
    let back = nestings.way(inner, outer, &mut BTreeSet::new());
    if back.is_none() {
        nestings.calls.insert((outer, inner), call);
        nestings.backwards.insert((inner, outer));
    }
    back
}

/// Forgets the nestings of a map that ends.
pub(super) fn forget(map: u64) {
    if map == 0 {
        return; // it was never entered
    }
    let mut nestings = NESTINGS.lock();
    while let Some((&(outer, inner), _)) = nestings.calls.range((map, 0)..=(map, u64::MAX)).next() {
        nestings.calls.remove(&(outer, inner));
        nestings.backwards.remove(&(inner, outer));
    }
    while let Some(&(inner, outer)) = nestings.backwards.range((map, 0)..=(map, u64::MAX)).next() {
        nestings.calls.remove(&(outer, inner));
        nestings.backwards.remove(&(inner, outer));
    }
}

impl Nestings {
    /// Returns the first call on a way of calls that leads from one map to another.
    fn way(&self, from: u64, to: u64, seen: &mut BTreeSet<u64>) -> Option<Call> {
        if !seen.insert(from) {
            return None;
        }
        let calls = self.calls.range((from, 0)..=(from, u64::MAX));
        let mut calls =
            calls.filter(|((_, inner), _)| *inner == to || self.way(*inner, to, seen).is_some());
        calls.next().map(|(_, call)| *call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that no map of these tests gets.
    const FAR: u64 = 1 << 60;

    fn call() -> Call {
        let here = Location::caller();
        Call { began: here, here }
    }

    #[test]
    fn a_circle_is_refused_until_one_of_its_maps_ends() {
        let [a, b, c] = [FAR, FAR + 1, FAR + 2];
        for _ in 0..2 {
            assert!(note(a, b, call()).is_none());
            assert!(note(b, c, call()).is_none());
            assert!(note(a, c, call()).is_none());
            assert!(note(c, a, call()).is_some());
            assert!(note(b, a, call()).is_some());
            forget(b);
            assert!(note(c, a, call()).is_some(), "a leads to c still");
            forget(c);
            assert!(note(c, a, call()).is_none());
            forget(a);
        }
        let nestings = NESTINGS.lock();
        assert!(nestings.calls.range((FAR, 0)..).next().is_none());
        assert!(nestings.backwards.range((FAR, 0)..).next().is_none());
    }
}
