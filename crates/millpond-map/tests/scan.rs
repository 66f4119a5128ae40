#![forbid(unsafe_code)]
//! Scans that outlive changes of the map, and what is built on them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};

use foldhash::fast::FixedState;
use millpond_map::{HashMap, IsZero, ScanCursor, ShardedMap, StaleCursor, Sweeper};
use millpond_testkit::fuse::{Callback, Fragile, each_panic};
use millpond_testkit::hashers::{Crowded, Degenerate, Identity};
use millpond_testkit::rng::Rng;
use millpond_testkit::values::{Sample, Tracked, live};

/// Scans to the end, and lets `between` change the map after each call. Returns the visits.
fn visits<S: std::hash::BuildHasher>(
    map: &mut HashMap<u64, u64, S>,
    budget: usize,
    mut between: impl FnMut(&mut HashMap<u64, u64, S>),
) -> BTreeMap<u64, usize> {
    let mut visits = BTreeMap::new();
    let mut cursor = ScanCursor::START;
    while !cursor.is_done() {
        cursor = map
            .scan(cursor, budget, |key, _| {
                *visits.entry(*key).or_default() += 1
            })
            .expect("a cursor of this map");
        cursor = ScanCursor::from_bits(cursor.to_bits());
        between(map);
        map.check().expect("whole");
    }
    visits
}

#[test]
fn a_map_that_rests_is_visited_entry_by_entry() {
    for len in [0, 1, 14, 15, 16, 17, 100, 5000] {
        let mut map: HashMap<u64, u64> = (0..len).map(|key| (key, key)).collect();
        for budget in [0, 1, 3, usize::MAX] {
            let visits = visits(&mut map, budget, |_| {});
            assert!(visits.keys().copied().eq(0..len));
            assert!(visits.values().all(|&times| times == 1));
        }
    }
}

thread_local!(static HASHED: Cell<usize> = const { Cell::new(0) });

/// A key that counts how often it is hashed.
#[derive(PartialEq, Eq)]
struct Counted(u64);

impl Hash for Counted {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        HASHED.set(HASHED.get() + 1);
        self.0.hash(state);
    }
}

#[test]
fn a_walk_in_pieces_hashes_those_away_from_home_and_no_others() {
    type Map = HashMap<Counted, u64, FixedState>;
    // Half full, and as full as a table gets.
    for (len, most) in [(8_000, 80), (14_000, 2_800)] {
        let mut map = Map::with_capacity_and_hasher(len as usize, FixedState::with_seed(7));
        map.extend((0..len).map(|key| (Counted(key), 1)));
        let hashed = |map: &mut Map, sweeper: Option<&mut Sweeper>| {
            HASHED.set(0);
            if let Some(sweeper) = sweeper {
                while !map.sweep(sweeper, 4).lap_ended {}
            } else {
                let mut cursor = ScanCursor::START;
                while !cursor.is_done() {
                    cursor = map.scan(cursor, 4, |_, _| ()).expect("its own");
                }
            }
            HASHED.get()
        };
        let away = hashed(&mut map, None);
        assert!(away <= most, "{away} of {len}");
        let mut graceful = Sweeper::with_grace();
        for _ in 0..2 {
            assert_eq!(hashed(&mut map, Some(&mut Sweeper::new())), away);
            assert_eq!(hashed(&mut map, Some(&mut graceful)), away);
        }

        // A zero costs its own hash, and in the next lap those of its group.
        *map.get_mut(&Counted(77)).expect("there") = 0;
        assert!(hashed(&mut map, Some(&mut graceful)) <= away + 1);
        assert!(hashed(&mut map, Some(&mut graceful)) <= away + 2 * 16);
        assert_eq!((map.len() as u64, graceful.stats().swept), (len - 1, 1));
    }
}

/// What every scan promises, with `change` at work between its calls.
fn promise<S: std::hash::BuildHasher + Default>(
    seeds: u64,
    len: u64,
    budget: usize,
    change: impl Fn(&mut HashMap<u64, u64, S>, &mut Rng),
) {
    for seed in 0..seeds {
        let mut rng = Rng::new(seed);
        let mut map: HashMap<u64, u64, S> = (0..len).map(|key| (key, key)).collect();
        let visits = visits(&mut map, budget, |map| change(map, &mut rng));
        for stayed in 0..len {
            assert_eq!(visits.get(&stayed), Some(&1), "seed {seed}, key {stayed}");
        }
    }
}

/// Inserts and removes keys above those that stay.
fn churn<S: std::hash::BuildHasher>(map: &mut HashMap<u64, u64, S>, rng: &mut Rng) {
    for _ in 0..rng.below(60) {
        let key = 1 << 20 | rng.below(4000) as u64;
        if map.remove(&key).is_none() {
            map.insert(key, 0);
        }
    }
}

#[test]
fn inserts_and_removals_between_calls_hide_nothing() {
    promise::<millpond_map::DefaultHashBuilder>(8, 1000, 3, churn);
    promise::<Identity>(4, 1000, 3, churn);
    promise::<Degenerate>(2, 60, 1, churn);
}

#[test]
fn growth_between_calls_hides_nothing() {
    let grow = |map: &mut HashMap<u64, u64>, rng: &mut Rng| {
        for _ in 0..rng.below(100) {
            map.insert(1 << 20 | rng.next_u64() >> 20, 0);
        }
    };
    promise(4, 500, 2, grow);
    promise(4, 40, 1, |map: &mut HashMap<u64, u64>, rng| {
        if map.capacity() < 3000 && rng.one_in(3) {
            map.reserve(map.capacity() + 1 - map.len());
        }
    });
}

#[test]
fn shrinking_between_calls_repeats_nothing() {
    let breathe = |map: &mut HashMap<u64, u64>, rng: &mut Rng| match rng.below(4) {
        0 => map.reserve(20_000),
        1 => map.shrink_to_fit(),
        2 => map.rebuild(|_, _| true),
        _ => churn(map, rng),
    };
    promise(8, 1500, 4, breathe);
}

#[test]
fn displaced_entries_are_visited_with_their_home() {
    let mut map: HashMap<u64, u64, Crowded> = HashMap::with_hasher(Crowded { groups: 3 });
    map.reserve(1000);
    map.extend((0..300).map(|key| (key, key)));
    let visits = visits(&mut map, 1, |_| {});
    assert_eq!(visits.len(), 300);
    assert!(visits.values().all(|&times| times == 1));
}

#[test]
fn a_cursor_of_another_map_is_an_error() {
    let maps: Vec<HashMap<u64, u64>> = (0..8)
        .map(|_| (0..1000).map(|key| (key, key)).collect())
        .collect();
    for map in &maps {
        let cursor = map.scan(ScanCursor::START, 1, |_, _| {}).expect("a start");
        assert!(!cursor.is_done());
        for other in &maps {
            let accepted = other.scan(cursor, 1, |_, _| {}).is_ok();
            assert_eq!(accepted, std::ptr::eq(map, other));
        }
        assert!(map.clone().scan(cursor, 1, |_, _| {}).is_ok());
    }
    let odd = ScanCursor::from_bits(0x1234_5678_9abc_def0);
    assert_eq!(maps[0].scan(odd, 1, |_, _| {}), Err(StaleCursor));
}

#[test]
fn a_scan_that_is_done_stays_done() {
    let map: HashMap<u64, u64> = HashMap::from([(1, 1)]);
    let done = map
        .scan(ScanCursor::START, usize::MAX, |_, _| {})
        .expect("a start");
    assert!(done.is_done());
    assert_eq!(
        map.scan(done, 1, |_, _| panic!("nothing is left")),
        Ok(done)
    );
    let empty: HashMap<u64, u64> = HashMap::new();
    assert!(
        empty
            .scan(ScanCursor::START, 1, |_, _| {})
            .expect("a start")
            .is_done()
    );
}

#[test]
fn what_a_scan_deletes_is_gone_and_dropped() {
    for seed in 0..6 {
        let mut rng = Rng::new(seed);
        let mut map: HashMap<u64, Tracked> = (0..900).map(|n| (n, Tracked::sample(n))).collect();
        let mut oracle: HashSet<u64> = (0..900).collect();
        let mut cursor = ScanCursor::START;
        while !cursor.is_done() {
            let mut gone = 0;
            let removed;
            (cursor, removed) = map
                .delete_scanned(cursor, 2, |key, _| {
                    let pick = key % 3 != 0;
                    if pick {
                        assert!(oracle.remove(key));
                        gone += 1;
                    }
                    pick
                })
                .expect("a cursor of this map");
            assert_eq!(removed, gone);
            for _ in 0..rng.below(30) {
                let key = 3 * rng.below(2000) as u64;
                map.insert(key, Tracked::sample(key));
                oracle.insert(key);
            }
            assert_eq!(map.len(), oracle.len());
            assert_eq!(live(), map.len() as i64);
            map.check().expect("whole");
        }
        assert!(map.keys().all(|key| oracle.contains(key) && key % 3 == 0));
    }
    assert_eq!(live(), 0);
}

#[test]
fn a_panic_in_the_middle_of_a_scan_leaves_the_map_whole() {
    let mut map: HashMap<Fragile, u64> = (0..200).map(|n| (Fragile::sample(n), n)).collect();
    each_panic(&[Callback::Hash, Callback::Drop], || {
        let mut cursor = ScanCursor::START;
        while !cursor.is_done() {
            (cursor, _) = map
                .delete_scanned(cursor, 1, |_, value| *value % 10 == 0)
                .expect("a cursor of this map");
        }
        map.extend((0..20).map(|n| (Fragile::sample(n * 10), n * 10)));
    });
    map.check().expect("whole");
    assert!(map.len() <= 200);
}

#[test]
fn a_sweep_goes_round_and_round() {
    let mut map: HashMap<u64, u64> = (0..3000).map(|key| (key, key % 3)).collect();
    let mut sweeper = Sweeper::new();
    let mut removed = 0;
    let lap = |map: &mut HashMap<u64, u64>, sweeper: &mut Sweeper| {
        let mut removed = 0;
        loop {
            let swept = map.sweep(sweeper, 5);
            removed += swept.removed;
            map.check().expect("whole");
            if swept.lap_ended {
                return removed;
            }
        }
    };
    removed += lap(&mut map, &mut sweeper);
    assert_eq!((removed, map.len(), map.zero_count()), (1000, 2000, 0));
    map.values_mut().for_each(|value| *value -= 1);
    removed += lap(&mut map, &mut sweeper);
    assert_eq!((removed, map.len()), (2000, 1000));
    let stats = sweeper.stats();
    assert_eq!((stats.laps, stats.swept, stats.resident), (2, 2000, 0));
}

#[test]
fn grace_leaves_a_zero_for_one_lap() {
    let mut map: HashMap<u64, u64> = (0..100).map(|key| (key, key % 2)).collect();
    let mut sweeper = Sweeper::with_grace();
    let whole = usize::MAX;
    let first = map.sweep(&mut sweeper, whole);
    assert_eq!((first.removed, first.left, first.lap_ended), (0, 50, true));
    assert_eq!(sweeper.stats().resident, 50);
    // Ten come back, and ten others become zero.
    for key in 0..10 {
        map.insert(2 * key, 1);
        map.insert(2 * key + 1, 0);
    }
    let second = map.sweep(&mut sweeper, whole);
    assert_eq!((second.removed, second.left), (40, 10));
    assert_eq!(sweeper.stats().resurrected, 10);
    assert_eq!(map.sweep(&mut sweeper, whole).removed, 10);
    assert_eq!((map.len(), map.zero_count()), (50, 0));
}

#[test]
fn a_sweeper_given_to_another_map_begins_anew() {
    let mut sweeper = Sweeper::with_grace();
    let mut first: HashMap<u64, u64> = (0..1000).map(|key| (key, 0)).collect();
    assert!(!first.sweep(&mut sweeper, 2).lap_ended);
    let mut second: HashMap<u64, u64> = (0..1000).map(|key| (key, 0)).collect();
    let swept = second.sweep(&mut sweeper, usize::MAX);
    assert_eq!(
        (swept.removed, swept.left, swept.lap_ended),
        (0, 1000, true)
    );
    assert_eq!(second.sweep(&mut sweeper, usize::MAX).removed, 1000);
}

#[test]
fn a_set_is_scanned_like_a_map() {
    let mut set: millpond_map::HashSet<u64> = (0..1000).collect();
    let (mut cursor, mut seen) = (ScanCursor::START, HashSet::new());
    while !cursor.is_done() {
        cursor = set
            .scan(cursor, 3, |value| assert!(seen.insert(*value)))
            .expect("a cursor of this set");
    }
    assert_eq!(seen.len(), 1000);
    let (mut cursor, mut removed) = (ScanCursor::START, 0);
    while !cursor.is_done() {
        let step = set.delete_scanned(cursor, 3, |value| value % 10 != 0);
        let (next, gone) = step.expect("a cursor of this set");
        (cursor, removed) = (next, removed + gone);
    }
    assert_eq!((set.len(), removed), (100, 900));
    let other: millpond_map::HashSet<u64> = (0..1000).collect();
    let cursor = other.scan(ScanCursor::START, 1, |_| ()).expect("a start");
    assert_eq!(set.scan(cursor, 1, |_| ()), Err(StaleCursor));
    let before = set.allocation_size();
    set.rebuild(|value| *value < 500);
    assert_eq!(set.len(), 50);
    assert!(set.allocation_size() < before);
}

thread_local!(static ASKED_UNTIL_PANIC: Cell<usize> = const { Cell::new(usize::MAX) });

/// A zero that panics when it is asked, once.
struct Touchy;

impl IsZero for Touchy {
    fn is_zero(&self) -> bool {
        let left = ASKED_UNTIL_PANIC.get();
        ASKED_UNTIL_PANIC.set(left.checked_sub(1).unwrap_or(usize::MAX));
        assert!(left != 0, "on purpose");
        true
    }
}

/// Makes two laps of `sweep`, which tells whether one has ended, with a panic at the `k`-th
/// question of each; returns what `count` counts after each.
fn two_laps(k: usize, sweep: &mut dyn FnMut() -> bool, count: &dyn Fn() -> usize) -> [usize; 2] {
    [(); 2].map(|()| {
        ASKED_UNTIL_PANIC.set(k);
        // A panic ends no lap.
        while !catch_unwind(AssertUnwindSafe(&mut *sweep)).unwrap_or(false) {}
        assert_eq!(
            ASKED_UNTIL_PANIC.get() > 1_000,
            k < 1_000,
            "it has panicked"
        );
        ASKED_UNTIL_PANIC.set(usize::MAX);
        count()
    })
}

#[test]
fn a_lap_with_a_panic_in_it_marks_and_finds_all_the_same() {
    // The step was made again from its start, and what the last lap had marked there was
    // passed by already: zeros stayed for a lap more.
    for k in (0..300).step_by(7) {
        let mut map: HashMap<u64, Touchy> = (0..300).map(|key| (key, Touchy)).collect();
        let mut sweeper = Sweeper::with_grace();
        let lens = Cell::new(0);
        let mut sweep = || {
            let ended = map.sweep(&mut sweeper, 5).lap_ended;
            lens.set(map.len());
            ended
        };
        let after = two_laps(k, &mut sweep, &|| lens.get());
        assert_eq!(after, [300, 0], "panic at {k}");

        let map: ShardedMap<u64, Touchy> = ShardedMap::with_shards(2);
        map.extend((0..300).map(|key| (key, Touchy)));
        let after = two_laps(k, &mut || map.sweep(5).lap_ended, &|| map.len());
        assert_eq!(after, [300, 0], "shards, panic at {k}");
    }
}
