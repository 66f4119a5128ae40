#![forbid(unsafe_code)]
//! Keys whose `Eq` answers at random, and hashers that lie, in counters and frozen maps: what
//! is looked for may not be found, or something else may; every entry is there once and drops
//! once.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, Hash, Hasher};

use millpond_map::{CounterMap, DefaultHashBuilder, HashMap};
use millpond_testkit::hashers::{Crowded, Degenerate, Identity, Lying};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Sample, Tracked, no_value_left};

thread_local! {
    static LOTS: RefCell<Rng> = const { RefCell::new(Rng::new(11)) };
    static HONEST: Cell<bool> = const { Cell::new(false) };
}

/// Equal by lot now and then, or when it is.
#[derive(Clone, Debug)]
struct Fickle(u64);

impl PartialEq for Fickle {
    fn eq(&self, other: &Fickle) -> bool {
        let lot = LOTS.with_borrow_mut(|lots| lots.below(6));
        match lot + 6 * usize::from(HONEST.get()) {
            0 => true,
            1 => false,
            _ => self.0 == other.0,
        }
    }
}

impl Eq for Fickle {}

impl Hash for Fickle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl From<&Fickle> for Fickle {
    fn from(key: &Fickle) -> Fickle {
        key.clone()
    }
}

fn counts<S: BuildHasher + Default>() {
    let alloc = millpond_arena::Slabs;
    let mut counts: CounterMap<Fickle, u64, S> = CounterMap::with_hasher_in(S::default(), alloc);
    let mut rng = Rng::new(3);
    for _ in 0..4000 {
        let (key, n) = (Fickle(rng.below(40) as u64), rng.below(4) as u64);
        match rng.below(9) {
            0 | 1 => _ = counts.add(key, n),
            2 => _ = counts.sub(key, n),
            3 => _ = counts.saturating_sub(key, n),
            4 => _ = counts.add_ref(&key, n),
            5 => _ = counts.sub_ref(&key, n),
            6 => counts.apply(key, |count| *count /= 2),
            7 => _ = counts.set(key, n),
            _ => _ = counts.remove(&key),
        }
        assert_eq!(counts.iter().count(), counts.len());
        assert!(
            counts.values().all(|count| *count != 0),
            "a zero stays nowhere"
        );
    }
    counts.retain(|key, _| key.0 % 2 == 0);
    assert!(counts.keys().all(|key| key.0 % 2 == 0));
    let held = counts.len();
    assert_eq!(counts.drain().count(), held);
    assert!(counts.is_empty());
}

#[test]
fn counters_keep_their_invariant() {
    counts::<DefaultHashBuilder>();
    counts::<Lying>();
    counts::<Degenerate>();
}

#[test]
fn lists_that_are_counted_drop_once() {
    no_value_left(|| {
        let mut lists: CounterMap<Fickle, Vec<Tracked>, Lying> =
            CounterMap::with_hasher_in(Lying, millpond_arena::Slabs);
        let mut rng = Rng::new(4);
        for n in 0..3000 {
            let key = Fickle(rng.below(30) as u64);
            match rng.below(4) {
                0 | 1 => lists.apply(key, |list| list.push(Tracked::sample(n))),
                2 => drop(lists.apply_ref(&key, Vec::pop)),
                _ => drop(lists.remove(&key)),
            }
            assert!(lists.values().all(|list| !list.is_empty()));
        }
    });
}

fn frozen<S: BuildHasher + Clone>(hasher: S, len: u64) {
    no_value_left(|| {
        let mut map: HashMap<Fickle, Tracked, S> = HashMap::with_hasher(hasher);
        // A lie here would give a key the value of another.
        HONEST.set(true);
        map.extend((0..len).map(|n| (Fickle(n), Tracked::sample(n))));
        HONEST.set(false);
        let held = map.len();
        let frozen = map.freeze();
        let whole = |key: &Fickle, value: &Tracked| assert_eq!(key.0, value.number());
        for n in 0..len + 50 {
            if let Some((key, value)) = frozen.get_key_value(&Fickle(n)) {
                whole(key, value);
            }
            for value in frozen
                .get_many([&Fickle(n), &Fickle(n + 7)])
                .into_iter()
                .flatten()
            {
                assert!(value.number() < len);
            }
        }
        let copy = frozen.clone();
        assert_eq!((copy.len(), copy.iter().count()), (held, held));
        copy.iter().for_each(|(key, value)| whole(key, value));
        _ = copy == frozen;
        let mut thawed = frozen.thaw();
        assert_eq!(thawed.iter().count(), thawed.len());
        thawed.insert(Fickle(1), Tracked::sample(1));
        let mut rest = copy.into_iter();
        assert_eq!(rest.by_ref().take(held / 2).count(), held / 2);
    });
}

#[test]
fn frozen_maps_find_something_or_nothing() {
    for len in [0, 1, 40, 700] {
        frozen(DefaultHashBuilder::default(), len);
        frozen(Lying, len);
        frozen(Identity, len);
        frozen(Crowded { groups: 2 }, len.min(40));
        frozen(Degenerate, len.min(40));
    }
}
